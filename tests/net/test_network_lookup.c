/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "net/black_hole.h"
#include "net/network_node.h"
#include "net/resolver.h"
#include "net/time_machine.h"

/* Names that are dialled: what they are looked up to, and resolvers that do not answer. */

static struct node one, two;

static int start_both(void **state)
{
    (void)state;
    resolver_reset();
    start(&one, 1);
    start(&two, 2);
    return 0;
}

static int stop_both(void **state)
{
    (void)state;
    stop(&one);
    stop(&two);
    return 0;
}

static uint16_t port_of(const struct node *node)
{
    struct hf_multiaddr_target target;
    assert_int_equal(hf_multiaddr_target(&node->address, &target, NULL), HF_OK);
    return target.port;
}

/* Dials a name at the port of the second node's. */
static void dial(const struct node *from, const char *name, uint64_t number)
{
    char text[64];
    struct hf_multiaddr address;
    snprintf(text, sizeof text, "/dns/%s/tcp/%u", name, (unsigned)port_of(&two));
    assert_int_equal(hf_multiaddr_parse(hf_bytes(text, strlen(text)), &address, NULL), HF_OK);
    assert_int_equal(hf_network_dial(from->network, &address, number), HF_OK);
}

/* The next event that tells how a dial came out. */
static struct hf_network_event outcome(const struct node *of)
{
    struct hf_network_event event;
    do
        assert_int_equal(hf_network_wait(of->network, PATIENCE_NS, &event), HF_OK);
    while (event.kind != HF_NETWORK_CONNECTED && event.kind != HF_NETWORK_DIAL_FAILED);
    return event;
}

static void a_stop_does_not_wait_for_a_resolver_that_hangs(void **state)
{
    (void)state;
    static struct node node;
    enum { DIALS = HF_NETWORK_LOOKUPS_MAX + 3 };
    start(&node, 3);
    for (uint64_t i = 0; i < DIALS; i++)
        dial(&node, "hangs.test", i);
    resolver_wait(HF_NETWORK_LOOKUPS_MAX);
    hf_network_stop(node.network);
    for (int i = 0; i < DIALS; i++) {
        struct hf_network_event event = outcome(&node);
        assert_int_equal(event.kind, HF_NETWORK_DIAL_FAILED);
        assert_int_equal(event.status, HF_CLOSED);
    }
    stop(&node); /* The network is gone, and they hang still. */
    resolver_wait(HF_NETWORK_LOOKUPS_MAX);
    resolver_release();
    resolver_wait(0);
    assert_int_equal(resolver.asked, HF_NETWORK_LOOKUPS_MAX); /* Those that waited never began. */
}

static void a_stop_answers_every_dial(void **state)
{
    (void)state;
    static struct node node;
    struct hf_network_event event;
    enum { DIALS = 300 };
    start(&node, 3);
    for (uint64_t i = 0; i < DIALS; i++) /* More than are tried at a time. */
        dial(&node, "hangs.test", i);
    resolver_wait(HF_NETWORK_LOOKUPS_MAX);
    hf_network_stop(node.network);
    assert_int_equal(hf_network_dial(node.network, &two.address, 1), HF_CLOSED);
    bool answered[DIALS] = {false};
    size_t count = 0;
    do {
        assert_int_equal(hf_network_wait(node.network, PATIENCE_NS, &event), HF_OK);
        if (event.kind != HF_NETWORK_DIAL_FAILED)
            continue;
        assert_false(answered[event.dial]);
        answered[event.dial] = true;
        count++;
    } while (event.kind != HF_NETWORK_STOPPED);
    assert_int_equal(count, DIALS);
    assert_int_equal(hf_network_next(node.network, &event), HF_CLOSED);
    stop(&node);
    resolver_release();
    resolver_wait(0);
}

/* Names HF_NETWORK_LOOKUPS_MAX. */
static void no_more_names_are_looked_up_at_a_time_than_may(void **state)
{
    (void)state;
    enum { DIALS = 3 * HF_NETWORK_LOOKUPS_MAX };
    bool told[DIALS] = {false};
    for (uint64_t i = 0; i < DIALS; i++)
        dial(&one, "hangs.test", i);
    resolver_wait(HF_NETWORK_LOOKUPS_MAX);
    resolver_release();
    for (int i = 0; i < DIALS; i++) {
        struct hf_network_event event = outcome(&one);
        assert_int_equal(event.kind, HF_NETWORK_DIAL_FAILED);
        assert_int_equal(event.status, HF_IO);
        assert_non_null(strstr(event.reason, "looking the name up"));
        assert_false(told[event.dial]);
        told[event.dial] = true;
    }
    assert_int_equal(resolver.asked, DIALS);
    assert_int_equal(resolver.most, HF_NETWORK_LOOKUPS_MAX);
}

/* Names HF_NETWORK_DIAL_NS. */
static void a_resolver_that_hangs_is_waited_for_until_the_dial_is_over(void **state)
{
    (void)state;
    dial(&one, "hangs.test", 7);
    resolver_wait(1);
    let_finish(&one);
    let_pass(&one, HF_NETWORK_DIAL_NS + HF_MS(10));
    struct hf_network_event event = outcome(&one);
    assert_int_equal(event.dial, 7);
    assert_int_equal(event.status, HF_TIMEOUT);
    resolver_release();
    resolver_wait(0);
}

static void an_address_that_does_not_answer_ends_with_the_dial(void **state)
{
    (void)state;
    struct black_hole hole;
    static const char *const addresses[] = {"127.0.0.9", NULL};
    resolver.addresses = addresses;
    black_hole_open(&hole, port_of(&two));
    dial(&one, "silent.test", 8);
    while (black_hole_waiters(port_of(&two)) != 1)
        ;
    let_pass(&one, HF_NETWORK_DIAL_NS + HF_MS(10));
    struct hf_network_event event = outcome(&one);
    assert_int_equal(event.dial, 8);
    assert_int_equal(event.status, HF_TIMEOUT);
    while (black_hole_waiters(port_of(&two)) != 0) /* It is given up right after that is told. */
        ;
    black_hole_close(&hole);
}

/* Names HF_NETWORK_STAGGER_NS: the silent one is not waited for, and nobody is told of it. */
static void of_staggered_attempts_the_loser_is_closed_and_told_to_nobody(void **state)
{
    (void)state;
    struct black_hole hole;
    struct hf_network_event event;
    static const char *const addresses[] = {"127.0.0.9", "127.0.0.1", NULL};
    resolver.addresses = addresses;
    black_hole_open(&hole, port_of(&two));
    dial(&one, "both.test", 9);
    while (black_hole_waiters(port_of(&two)) != 1)
        ;
    let_pass(&one, HF_NETWORK_STAGGER_NS);
    event = outcome(&one);
    assert_int_equal(event.kind, HF_NETWORK_CONNECTED);
    assert_int_equal(event.dial, 9);
    assert_int_equal(black_hole_waiters(port_of(&two)), 0);
    hf_network_stop(one.network);
    do {
        assert_int_equal(hf_network_wait(one.network, PATIENCE_NS, &event), HF_OK);
        assert_int_not_equal(event.kind, HF_NETWORK_DIAL_FAILED);
        assert_int_not_equal(event.kind, HF_NETWORK_CONNECTED);
    } while (event.kind != HF_NETWORK_STOPPED);
    black_hole_close(&hole);
}

/* Names HF_NETWORK_ADDRESSES_MAX. Only the last of the addresses answers. */
static void as_many_addresses_are_tried_as_may_be_and_no_more(void **state)
{
    (void)state;
    static char texts[HF_NETWORK_ADDRESSES_MAX][32];
    const char *addresses[HF_NETWORK_ADDRESSES_MAX + 2] = {NULL};
    for (int i = 0; i < HF_NETWORK_ADDRESSES_MAX; i++) {
        snprintf(texts[i], sizeof texts[i], "127.0.0.%d", 20 + i);
        addresses[i] = texts[i];
    }
    addresses[HF_NETWORK_ADDRESSES_MAX] = "127.0.0.1";
    resolver.addresses = addresses;
    dial(&one, "one.too.many.test", 10);
    struct hf_network_event event = outcome(&one);
    assert_int_equal(event.kind, HF_NETWORK_DIAL_FAILED);
    assert_non_null(strstr(event.reason, "refused"));
    resolver.addresses = addresses + 1;
    dial(&one, "just.enough.test", 11);
    assert_int_equal(outcome(&one).kind, HF_NETWORK_CONNECTED);
}

static void dns4_and_dns6_take_only_what_they_name(void **state)
{
    (void)state;
    static const char *const addresses[] = {"::1", "127.0.0.1", NULL};
    static const struct {
        const char *kind;
        bool connects; /* The node listens at its IPv4 address alone. */
    } cases[] = {{"dns4", true}, {"dns6", false}};
    resolver.addresses = addresses;
    for (size_t i = 0; i < 2; i++) {
        char text[64];
        struct hf_multiaddr address;
        snprintf(text, sizeof text, "/%s/both.test/tcp/%u", cases[i].kind, (unsigned)port_of(&two));
        assert_int_equal(hf_multiaddr_parse(hf_bytes(text, strlen(text)), &address, NULL), HF_OK);
        assert_int_equal(hf_network_dial(one.network, &address, i), HF_OK);
        assert_int_equal(outcome(&one).kind == HF_NETWORK_CONNECTED, cases[i].connects);
    }
}

#define WITH_BOTH(test) cmocka_unit_test_setup_teardown(test, start_both, stop_both)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BOTH(a_stop_does_not_wait_for_a_resolver_that_hangs),
        WITH_BOTH(a_stop_answers_every_dial),
        WITH_BOTH(no_more_names_are_looked_up_at_a_time_than_may),
        WITH_BOTH(a_resolver_that_hangs_is_waited_for_until_the_dial_is_over),
        WITH_BOTH(an_address_that_does_not_answer_ends_with_the_dial),
        WITH_BOTH(of_staggered_attempts_the_loser_is_closed_and_told_to_nobody),
        WITH_BOTH(as_many_addresses_are_tried_as_may_be_and_no_more),
        WITH_BOTH(dns4_and_dns6_take_only_what_they_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
