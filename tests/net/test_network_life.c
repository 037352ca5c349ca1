/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/atomic.h"
#include "net/network_node.h"

/* How networks begin, dial and end, and what they answer when that fails. */

static struct hf_multiaddr address_of(const char *text)
{
    struct hf_multiaddr address;
    assert_int_equal(hf_multiaddr_parse(hf_bytes(text, strlen(text)), &address, NULL), HF_OK);
    return address;
}

static struct hf_network_event dial_fails(struct node *node, const struct hf_multiaddr *address)
{
    static uint64_t number;
    assert_int_equal(hf_network_dial(node->network, address, ++number), HF_OK);
    struct hf_network_event event = wait_for(node, HF_NETWORK_DIAL_FAILED);
    assert_int_equal(event.dial, number);
    return event;
}

static void a_dial_that_fails_says_why(void **state)
{
    (void)state;
    static struct node one, two;
    start(&one, 1);
    start(&two, 2);
    struct hf_multiaddr address = address_of("/ip4/127.0.0.1/tcp/1");
    struct hf_network_event event = dial_fails(&one, &address);
    assert_int_equal(event.status, HF_IO);
    assert_non_null(strstr(event.reason, "refused"));
    event = dial_fails(&one, &one.address);
    assert_int_equal(event.status, HF_DENIED);
    assert_non_null(strstr(event.reason, "itself"));
    address = address_of("/dns4/a.name.that.is.invalid/tcp/1");
    event = dial_fails(&one, &address);
    assert_int_equal(event.status, HF_IO);
    assert_non_null(strstr(event.reason, "looking the name up"));
    struct hf_multiaddr stranger = two.address;
    stranger.bytes[stranger.size - 1] ^= 1;
    event = dial_fails(&one, &stranger);
    assert_true(event.status == HF_FAILED || event.status == HF_MALFORMED);
    stop(&one);
    stop(&two);
}

/* One of the name's addresses may not answer: the other does. */
static void a_name_with_several_addresses_is_dialled_at_each(void **state)
{
    (void)state;
    static struct node one, two;
    struct hf_multiaddr_target target;
    char text[64];
    start(&one, 1);
    start(&two, 2);
    assert_int_equal(hf_multiaddr_target(&two.address, &target, NULL), HF_OK);
    snprintf(text, sizeof text, "/dns/localhost/tcp/%u", (unsigned)target.port);
    struct hf_multiaddr address = address_of(text);
    assert_int_equal(hf_network_dial(one.network, &address, 5), HF_OK);
    struct hf_network_event event = wait_for(&one, HF_NETWORK_CONNECTED);
    assert_int_equal(event.dial, 5);
    assert_true(hf_peer_id_equals(&event.peer, hf_network_id(two.network)));
    stop(&one);
    stop(&two);
}

static void a_peer_has_no_more_connections_than_it_may(void **state)
{
    (void)state;
    static struct node one, two;
    struct hf_network_options options = {.per_peer_max = 2};
    start(&one, 1);
    start_with(&two, 2, &options);
    for (uint64_t i = 0; i < 2; i++) {
        assert_int_equal(hf_network_dial(one.network, &two.address, i), HF_OK);
        (void)wait_for(&one, HF_NETWORK_CONNECTED);
        (void)wait_for(&two, HF_NETWORK_CONNECTED);
    }
    assert_int_equal(hf_network_dial(one.network, &two.address, 3), HF_OK);
    struct hf_network_event event = wait_for(&two, HF_NETWORK_REFUSED);
    assert_int_equal(event.status, HF_DENIED);
    assert_non_null(strstr(event.reason, "too many connections"));
    stop(&one);
    stop(&two);
}

/* However many events nobody fetched. */
static void the_last_event_always_finds_room(void **state)
{
    (void)state;
    static struct node one;
    struct hf_network_event event = {0};
    uint64_t got = 0, missed = 0;
    start(&one, 1);
    for (size_t i = 0; i < 3 * HF_NETWORK_EVENTS_MAX; i++) {
        while (hf_network_ping(one.network, hf_network_id(one.network)) == HF_FULL)
            ;
    }
    hf_network_stop(one.network);
    assert_int_equal(pthread_join(one.thread, NULL), 0);
    while (hf_network_next(one.network, &event) == HF_OK) {
        got += event.kind == HF_NETWORK_PING_FAILED;
        missed += event.missed;
        if (event.kind == HF_NETWORK_STOPPED)
            break;
    }
    assert_int_equal(event.kind, HF_NETWORK_STOPPED);
    assert_int_equal(got + missed, 3 * HF_NETWORK_EVENTS_MAX);
    hf_network_free(one.network);
    hf_identity_fini(&one.identity);
}

/* Memory that there is none of for a while, from whatever thread. */
static uint64_t lacking;
static uint64_t live;

static void *lack_allocate(void *context, size_t size, size_t alignment)
{
    (void)context;
    if (hf_load_relaxed(&lacking))
        return NULL;
    void *memory = hf_allocate(hf_allocator_libc(), size, alignment);
    hf_add_relaxed(&live, memory != NULL);
    return memory;
}

static void lack_release(void *context, void *memory, size_t size, size_t alignment)
{
    (void)context;
    hf_add_relaxed(&live, UINT64_MAX);
    hf_release(hf_allocator_libc(), memory, size, alignment);
}

static const struct hf_allocator lack = {NULL, lack_allocate, lack_release};

/* Connections that come meanwhile are closed; those that come later are taken in. */
static void a_network_outlives_a_lack_of_memory(void **state)
{
    (void)state;
    static struct node one, two;
    struct hf_network_options options = {.allocator = &lack};
    start(&one, 1);
    start_with(&two, 2, &options);
    hf_store_relaxed(&lacking, 1);
    assert_int_equal(hf_network_ping(two.network, hf_network_id(two.network)), HF_NO_MEMORY);
    for (int i = 0; i < 5; i++)
        (void)dial_fails(&one, &two.address);
    hf_store_relaxed(&lacking, 0);
    assert_int_equal(hf_network_dial(one.network, &two.address, 9), HF_OK);
    (void)wait_for(&one, HF_NETWORK_CONNECTED);
    stop(&one);
    stop(&two);
    assert_int_equal(hf_load_relaxed(&live), 0);
}

/* The n-th request for memory fails, and one alone. */
static uint64_t requests;
static uint64_t fail_at;

static void *fail_allocate(void *context, size_t size, size_t alignment)
{
    (void)context;
    if (hf_add_relaxed(&requests, 1) + 1 == fail_at)
        return NULL;
    void *memory = hf_allocate(hf_allocator_libc(), size, alignment);
    hf_add_relaxed(&live, memory != NULL);
    return memory;
}

static const struct hf_allocator failing = {NULL, fail_allocate, lack_release};

static void no_memory_for_a_part_is_no_network(void **state)
{
    (void)state;
    struct hf_network_options options = {.allocator = &failing};
    struct hf_identity identity;
    struct hf_network *network;
    struct hf_error error = {0};
    uint8_t seed[32] = {1};
    assert_int_equal(hf_identity_from_seed(&identity, hf_bytes(seed, 32), NULL), HF_OK);
    options.identity = &identity;
    for (fail_at = 1;; fail_at++) {
        hf_store_relaxed(&requests, 0);
        enum hf_status status = hf_network_new(&network, &options, &error);
        if (status == HF_OK)
            break;
        assert_int_equal(status, HF_NO_MEMORY);
        assert_null(network);
        assert_int_equal(hf_load_relaxed(&live), 0);
    }
    assert_true(fail_at > 3);
    fail_at = 0;
    struct hf_multiaddr address = address_of("/ip4/127.0.0.1/tcp/1");
    assert_int_equal(hf_network_dial(network, &address, 1), HF_OK);
    hf_network_free(network); /* It has never run. */
    assert_int_equal(hf_load_relaxed(&live), 0);
    hf_identity_fini(&identity);
}

static void only_protocols_of_ones_own_can_be_opened(void **state)
{
    (void)state;
    static struct node one;
    start(&one, 1);
    const struct hf_peer_id *peer = hf_network_id(one.network);
    static const char *const names[] = {"/ipfs/ping/1.0.0", "/ipfs/id/1.0.0", "/none", ""};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(hf_network_open(one.network, peer, names[i], &one), HF_INVALID);
    assert_int_equal(hf_network_open(one.network, peer, "/echo/1", &one), HF_OK);
    stop(&one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dial_that_fails_says_why),
        cmocka_unit_test(a_name_with_several_addresses_is_dialled_at_each),
        cmocka_unit_test(a_peer_has_no_more_connections_than_it_may),
        cmocka_unit_test(the_last_event_always_finds_room),
        cmocka_unit_test(a_network_outlives_a_lack_of_memory),
        cmocka_unit_test(no_memory_for_a_part_is_no_network),
        cmocka_unit_test(only_protocols_of_ones_own_can_be_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
