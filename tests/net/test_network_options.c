/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "net/network_node.h"
#include "net/network_state.h"

/* What a network is not made of, does not listen at, and says to commands that come too late. */

static struct hf_identity identity;

static int make(void **state)
{
    (void)state;
    uint8_t seed[32] = {1};
    return hf_identity_from_seed(&identity, hf_bytes(seed, 32), NULL) != HF_OK;
}

static struct hf_network *network_of(const struct hf_network_options *options)
{
    struct hf_network *network;
    assert_int_equal(hf_network_new(&network, options, NULL), HF_OK);
    return network;
}

static void assert_invalid(const struct hf_network_options *options, const char *says)
{
    struct hf_network *network = (struct hf_network *)1;
    struct hf_error error = {0};
    assert_int_equal(hf_network_new(&network, options, &error), HF_INVALID);
    assert_null(network);
    if (!strstr(hf_error_text(&error), says))
        fail_msg("\"%s\", not \"%s\"", hf_error_text(&error), says);
}

static void an_option_out_of_range_is_named(void **state)
{
    (void)state;
    static char long_name[300];
    const struct hf_protocol many[HF_NETWORK_PROTOCOLS_MAX + 1] = {{.name = NULL}};
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[0] = '/';
    struct hf_network_options options = {.identity = NULL};
    assert_int_equal(hf_network_new(NULL, &options, NULL), HF_INVALID);
    assert_invalid(NULL, "options: NULL");
    assert_invalid(&options, "identity: NULL");
    options = (struct hf_network_options){.identity = &identity, .protocols_count = 1};
    assert_invalid(&options, "protocols: NULL");
    options.protocols = many;
    options.protocols_count = HF_NETWORK_PROTOCOLS_MAX + 1;
    assert_invalid(&options, "protocols_count: 65 is above 64");
    static const char *const names[] = {NULL, "", "echo", "/with\nlines", long_name};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct hf_protocol protocol = {.name = names[i]};
        options.protocols = &protocol;
        options.protocols_count = 1;
        assert_invalid(&options, "protocols[0].name");
    }
    options = (struct hf_network_options){.identity = &identity, .agent = long_name};
    assert_invalid(&options, "agent: longer than 100");
    options = (struct hf_network_options){.identity = &identity, .ping_interval_ns = UINT64_MAX};
    assert_invalid(&options, "ping_interval_ns");
    const struct hf_allocator half = {.allocate = NULL};
    options = (struct hf_network_options){.identity = &identity, .allocator = &half};
    assert_invalid(&options, "allocat");
    const struct hf_identity none = {.id.size = 0};
    struct hf_network *network;
    options = (struct hf_network_options){.identity = &none};
    assert_int_not_equal(hf_network_new(&network, &options, NULL), HF_OK);
}

static enum hf_status listen_at(
    struct hf_network *network, const char *text, struct hf_error *error)
{
    struct hf_multiaddr address;
    assert_int_equal(hf_multiaddr_parse(hf_bytes(text, strlen(text)), &address, NULL), HF_OK);
    return hf_network_listen(network, &address, error);
}

static void an_address_that_cannot_be_listened_at_is_refused_with_the_reason(void **state)
{
    (void)state;
    const struct hf_network_options options = {.identity = &identity};
    struct hf_network *network = network_of(&options);
    struct hf_multiaddr address;
    struct hf_error error = {0};
    struct hf_network_event event;
    char text[HF_MULTIADDR_TEXT_BYTES];
    assert_int_equal(hf_network_listen(network, NULL, NULL), HF_INVALID);
    const struct hf_bytes any = hf_bytes("/ip4/127.0.0.1/tcp/0", 20);
    assert_int_equal(hf_multiaddr_parse(any, &address, NULL), HF_OK);
    assert_int_equal(hf_network_listen(NULL, &address, NULL), HF_INVALID);
    assert_int_equal(listen_at(network, "/dns4/localhost/tcp/0", NULL), HF_INVALID);
    assert_int_equal(listen_at(network, "/ip4/127.0.0.1", NULL), HF_UNSUPPORTED);
    assert_int_equal(listen_at(network, "/ip4/192.0.2.1/tcp/0", &error), HF_IO);
    assert_int_equal(error.causes[0].code, EADDRNOTAVAIL);
    assert_non_null(strstr(hf_error_text(&error), "/ip4/192.0.2.1/tcp/0"));
    assert_int_equal(listen_at(network, "/ip4/127.0.0.1/tcp/0", NULL), HF_OK);
    assert_int_equal(hf_network_next(network, &event), HF_OK);
    assert_int_equal(event.kind, HF_NETWORK_LISTENING);
    hf_multiaddr_write(&event.address, text, sizeof text);
    *strstr(text, "/p2p") = '\0';
    error = (struct hf_error){0};
    assert_int_equal(listen_at(network, text, &error), HF_IO);
    assert_int_equal(error.causes[0].code, EADDRINUSE);
    hf_network_free(network);
}

/* Names HF_NETWORK_LISTENERS_MAX. */
static void no_more_addresses_are_listened_at_than_may_be(void **state)
{
    (void)state;
    const struct hf_network_options options = {.identity = &identity};
    struct hf_network *network = network_of(&options);
    for (int i = 0; i < HF_NETWORK_LISTENERS_MAX; i++)
        assert_int_equal(listen_at(network, "/ip4/127.0.0.1/tcp/0", NULL), HF_OK);
    assert_int_equal(listen_at(network, "/ip4/127.0.0.1/tcp/0", NULL), HF_FULL);
    hf_network_free(network);
}

static void nothing_is_done_for_null(void **state)
{
    (void)state;
    const struct hf_network_options options = {.identity = &identity};
    struct hf_network *network = network_of(&options);
    const struct hf_multiaddr empty = {.size = 0};
    struct hf_network_event event;
    const struct hf_peer_id *peer = hf_network_id(network);
    assert_int_equal(hf_network_dial(NULL, &empty, 1), HF_INVALID);
    assert_int_equal(hf_network_dial(network, NULL, 1), HF_INVALID);
    assert_int_equal(hf_network_dial(network, &empty, 1), HF_INVALID);
    assert_int_equal(hf_network_open(NULL, peer, "/echo/1", NULL), HF_INVALID);
    assert_int_equal(hf_network_open(network, NULL, "/echo/1", NULL), HF_INVALID);
    assert_int_equal(hf_network_open(network, peer, NULL, NULL), HF_INVALID);
    assert_int_equal(hf_network_close(NULL, 1), HF_INVALID);
    assert_int_equal(hf_network_ping(NULL, peer), HF_INVALID);
    assert_int_equal(hf_network_ping(network, NULL), HF_INVALID);
    assert_int_equal(hf_network_run(NULL), HF_INVALID);
    assert_int_equal(hf_network_next(NULL, &event), HF_INVALID);
    assert_int_equal(hf_network_next(network, NULL), HF_INVALID);
    assert_int_equal(hf_network_next(network, &event), HF_AGAIN);
    assert_int_equal(hf_network_wait(network, 0, &event), HF_AGAIN);
    assert_null(hf_network_id(NULL));
    hf_network_stop(NULL);
    hf_network_free(NULL);
    hf_network_free(network);
}

static enum hf_status told;
static void *told_context;

static void on_failed(void *context, void *stream_context, enum hf_status status)
{
    assert_null(context);
    told_context = stream_context;
    told = status;
}

/* Asked before it ran, answered once it does: nobody is connected. */
static void commands_wait_for_the_network_to_run(void **state)
{
    (void)state;
    const struct hf_protocol protocols[] = {{.name = "/told", .failed = on_failed},
        {.name = "/untold"}};
    const struct hf_network_options options = {
        .identity = &identity, .protocols = protocols, .protocols_count = 2};
    struct hf_network *network = network_of(&options);
    struct hf_network_event event;
    const struct hf_peer_id *peer = hf_network_id(network);
    told = HF_OK;
    assert_int_equal(hf_network_open(network, peer, "/told", &told), HF_OK);
    assert_int_equal(hf_network_open(network, peer, "/untold", &told), HF_OK);
    assert_int_equal(hf_network_close(network, 99), HF_OK);
    assert_int_equal(hf_network_ping(network, peer), HF_OK);
    hf_network_stop(network);
    hf_network_stop(network);
    assert_int_equal(hf_network_run(network), HF_OK);
    assert_int_equal(hf_network_run(network), HF_INVALID);
    assert_int_equal(told, HF_NOT_FOUND);
    assert_ptr_equal(told_context, &told);
    assert_int_equal(hf_network_next(network, &event), HF_OK);
    assert_int_equal(event.kind, HF_NETWORK_PING_FAILED);
    assert_int_equal(event.status, HF_NOT_FOUND);
    assert_int_equal(hf_network_next(network, &event), HF_OK);
    assert_int_equal(event.kind, HF_NETWORK_STOPPED);
    struct hf_error error = {0};
    assert_int_equal(listen_at(network, "/ip4/127.0.0.1/tcp/0", &error), HF_INVALID);
    hf_network_free(network);
}

/* What other threads asked for while the network was about to end. */
static void commands_that_come_too_late_are_answered(void **state)
{
    (void)state;
    const struct hf_protocol protocols[] = {{.name = "/told", .failed = on_failed},
        {.name = "/untold"}};
    const struct hf_network_options options = {
        .identity = &identity, .protocols = protocols, .protocols_count = 2};
    struct hf_network *network = network_of(&options);
    struct hf_network_event event;
    struct hf_network_command command = {.kind = HF_COMMAND_OPEN, .protocol = "/told"};
    told = HF_OK;
    hf_network_decline(network, &command);
    assert_int_equal(told, HF_CLOSED);
    command.protocol = "/untold";
    hf_network_decline(network, &command);
    command.kind = HF_COMMAND_CLOSE;
    hf_network_decline(network, &command);
    command.kind = HF_COMMAND_PING;
    hf_network_decline(network, &command);
    assert_int_equal(hf_network_next(network, &event), HF_OK);
    assert_int_equal(event.kind, HF_NETWORK_PING_FAILED);
    assert_int_equal(event.status, HF_CLOSED);
    command.kind = HF_COMMAND_DIAL;
    command.number = 7;
    hf_network_decline(network, &command);
    assert_int_equal(hf_network_next(network, &event), HF_OK);
    assert_int_equal(event.kind, HF_NETWORK_DIAL_FAILED);
    assert_int_equal(event.dial, 7);
    hf_network_free(network);
}

/* HF_NETWORK_COMMANDS_MAX, by a network that takes none. */
static void more_commands_than_may_wait_are_refused(void **state)
{
    (void)state;
    const struct hf_network_options options = {.identity = &identity};
    struct hf_network *network = network_of(&options);
    for (int i = 0; i < HF_NETWORK_COMMANDS_MAX; i++)
        assert_int_equal(hf_network_close(network, 1), HF_OK);
    assert_int_equal(hf_network_close(network, 1), HF_FULL);
    hf_network_free(network);
}

/* Over IPv6, where the system has it. */
static void two_nodes_meet_by_ip6(void **state)
{
    (void)state;
    static struct node one, two;
    const struct hf_network_options options = {.identity = &identity};
    one.network = network_of(&options);
    if (listen_at(one.network, "/ip6/::1/tcp/0", NULL) != HF_OK) {
        hf_network_free(one.network);
        skip();
    }
    one.address = wait_for(&one, HF_NETWORK_LISTENING).address;
    assert_int_equal(pthread_create(&one.thread, NULL, run_node, &one), 0);
    start(&two, 2);
    assert_int_equal(hf_network_dial(two.network, &one.address, 1), HF_OK);
    assert_int_equal(wait_for(&two, HF_NETWORK_CONNECTED).dial, 1);
    struct hf_network_event event = wait_for(&one, HF_NETWORK_CONNECTED);
    char text[HF_MULTIADDR_TEXT_BYTES];
    hf_multiaddr_write(&event.address, text, sizeof text);
    assert_memory_equal(text, "/ip6/::1/tcp/", 13);
    stop(&two);
    hf_network_stop(one.network);
    assert_int_equal(pthread_join(one.thread, NULL), 0);
    hf_network_free(one.network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_option_out_of_range_is_named),
        cmocka_unit_test(an_address_that_cannot_be_listened_at_is_refused_with_the_reason),
        cmocka_unit_test(no_more_addresses_are_listened_at_than_may_be),
        cmocka_unit_test(nothing_is_done_for_null),
        cmocka_unit_test(commands_wait_for_the_network_to_run),
        cmocka_unit_test(commands_that_come_too_late_are_answered),
        cmocka_unit_test(more_commands_than_may_wait_are_refused),
        cmocka_unit_test(two_nodes_meet_by_ip6),
    };
    return cmocka_run_group_tests(tests, make, NULL);
}
