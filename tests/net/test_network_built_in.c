/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "net/identify.h"
#include "net/network_node.h"
#include "net/perf.h"
#include "net/ping.h"
#include "net/raw_frames.h"

/* What every node speaks of its own accord, with peers by hand that speak it in any way. */

#define HELLO "\x13/multistream/1.0.0\n"
#define PING HELLO "\x11/ipfs/ping/1.0.0\n"
#define IDENTIFY HELLO "\x0f/ipfs/id/1.0.0\n"
#define PUSH HELLO "\x14/ipfs/id/push/1.0.0\n"
#define PERF HELLO "\x0c/perf/1.0.0\n"

#define UNTIL_END (SIZE_MAX / 2)

static struct node host;
static struct raw_peer peer;
static struct raw_frames frames;
static uint8_t heard[1 << 18]; /* Of a stream, by hear. */
static size_t heard_bytes;

static int begin(void **state)
{
    (void)state;
    struct hf_network_options options = {.perf = true};
    start_with(&host, 1, &options);
    raw_begin(&peer, &host.address, 2);
    frames.peer = &peer;
    frames.begin = frames.end = 0;
    (void)wait_for(&host, HF_NETWORK_CONNECTED);
    return 0;
}

static int end(void **state)
{
    (void)state;
    raw_end(&peer);
    stop(&host);
    return 0;
}

static void put(uint32_t stream, uint16_t flags, const char *bytes, size_t size)
{
    assert_true(raw_put(&peer, HF_YAMUX_DATA, flags, stream, (uint32_t)size, bytes));
}

static void open_stream(uint32_t stream, const char *lines)
{
    put(stream, HF_YAMUX_SYN, lines, strlen(lines));
}

/* Hears so many bytes of a stream behind the lines that agree on its protocol: its flags. */
static uint16_t hear(uint32_t stream, const char *lines, size_t size)
{
    uint16_t flags;
    assert_true(raw_flush(&peer));
    size_t before = strlen(lines);
    size_t got = raw_read(&frames, stream, heard, sizeof heard, before + size, &flags);
    assert_true(got >= before);
    assert_memory_equal(heard, lines, before);
    heard_bytes = got - before;
    memmove(heard, heard + before, heard_bytes);
    return flags;
}

/* A stream that the node gives up, after it agreed to its protocol at the most. */
static void assert_reset(uint32_t stream)
{
    uint16_t flags;
    assert_true(raw_flush(&peer));
    (void)raw_read(&frames, stream, heard, sizeof heard, UNTIL_END, &flags);
    assert_true(flags & HF_YAMUX_RST);
}

/* Names HF_PING_STREAMS_MAX. */
static void pings_are_answered_on_as_many_streams_as_may_be(void **state)
{
    (void)state;
    char asked[HF_PING_BYTES];
    memset(asked, 'x', sizeof asked);
    for (uint32_t stream = 1; stream < 1 + 2 * HF_PING_STREAMS_MAX; stream += 2) {
        open_stream(stream, PING);
        put(stream, 0, asked, sizeof asked);
        (void)hear(stream, PING, sizeof asked);
        assert_memory_equal(heard, asked, sizeof asked);
    }
    open_stream(1 + 2 * HF_PING_STREAMS_MAX, PING);
    assert_reset(1 + 2 * HF_PING_STREAMS_MAX);
    put(1, HF_YAMUX_FIN, asked, 1);
    assert_true(hear(1, "", UNTIL_END) & HF_YAMUX_FIN);
    assert_int_equal(heard_bytes, 1);
}

/* Asks the node to ping us, on the stream of the number, and answers by those bytes. */
static struct hf_network_event answer_ping(
    uint32_t stream, uint16_t flags, const char *bytes, size_t size)
{
    struct hf_network_event event;
    struct hf_bytes payload;
    assert_int_equal(hf_network_ping(host.network, &peer.identity.id), HF_OK);
    (void)raw_frame_of(&frames, stream, &payload); /* It asks: so the stream is there. */
    put(stream, HF_YAMUX_ACK | flags, bytes, size);
    assert_true(raw_flush(&peer));
    do
        assert_int_equal(hf_network_wait(host.network, PATIENCE_NS, &event), HF_OK);
    while (event.kind != HF_NETWORK_PINGED && event.kind != HF_NETWORK_PING_FAILED);
    return event;
}

static void a_ping_answered_by_anything_else_has_failed(void **state)
{
    (void)state;
    static const char other[] = PING "thirty-two bytes that nobody sent";
    static const char more[] = "\x03na\n";
    struct hf_network_event event = answer_ping(4, 0, other, sizeof other - 1);
    assert_int_equal(event.kind, HF_NETWORK_PING_FAILED);
    assert_int_equal(event.status, HF_MALFORMED);
    put(4, HF_YAMUX_FIN, more, 3); /* What comes then is of no interest. */
    event = answer_ping(6, HF_YAMUX_FIN, PING, sizeof PING - 1);
    assert_int_equal(event.status, HF_MALFORMED);
    event = answer_ping(8, 0, HELLO "\x03na\n", sizeof HELLO + 3);
    assert_int_equal(event.status, HF_UNSUPPORTED);
    event = answer_ping(10, HF_YAMUX_RST, "", 0);
    assert_int_equal(event.status, HF_CLOSED);
}

static void a_ping_may_be_answered_in_parts(void **state)
{
    (void)state;
    assert_int_equal(hf_network_ping(host.network, &peer.identity.id), HF_OK);
    (void)hear(4, PING, 0); /* Only then is the stream there. */
    put(4, HF_YAMUX_ACK, PING, sizeof PING - 1);
    (void)hear(4, "", HF_PING_BYTES);
    assert_int_equal(heard_bytes, HF_PING_BYTES);
    put(4, 0, (const char *)heard, 5);
    assert_true(raw_flush(&peer));
    put(4, HF_YAMUX_FIN, (const char *)heard + 5, HF_PING_BYTES - 5);
    assert_true(raw_flush(&peer));
    assert_int_equal(wait_for(&host, HF_NETWORK_PINGED).status, HF_OK);
}

static void one_ping_at_a_time_waits_for_its_answer(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(hf_network_ping(host.network, &peer.identity.id), HF_OK);
    assert_int_equal(wait_for(&host, HF_NETWORK_PING_FAILED).status, HF_FULL);
    (void)hear(4, PING, 0);
    put(4, HF_YAMUX_RST, "", 0);
    assert_true(raw_flush(&peer));
    assert_int_equal(wait_for(&host, HF_NETWORK_PING_FAILED).status, HF_CLOSED);
}

/* Two streams at a time, whose own side stays open. */
static void who_asks_who_we_are_a_third_time_is_not_answered(void **state)
{
    (void)state;
    for (uint32_t stream = 1; stream <= 3; stream += 2) {
        open_stream(stream, IDENTIFY);
        assert_true(hear(stream, IDENTIFY, UNTIL_END) & HF_YAMUX_FIN);
        assert_in_range(heard_bytes, 37, HF_IDENTIFY_OWN_BYTES_MAX);
    }
    open_stream(5, IDENTIFY);
    assert_reset(5);
}

static void what_is_pushed_is_taken_and_of_no_effect(void **state)
{
    (void)state;
    open_stream(1, PUSH);
    put(1, 0, "\x05hello", 6);
    open_stream(3, PUSH);
    open_stream(5, PUSH);
    put(1, HF_YAMUX_FIN, "", 0);
    assert_reset(5);
    open_stream(7, PUSH);
    put(7, HF_YAMUX_FIN, "\x01x", 2);
    assert_true(hear(7, PUSH, UNTIL_END) & HF_YAMUX_FIN);
    assert_int_equal(heard_bytes, 0);
}

/* Names HF_PERF_STREAMS_MAX. */
static void as_much_comes_down_as_was_asked_for_on_one_stream(void **state)
{
    (void)state;
    enum { WINDOW = 262144, ASKED = 300000 }; /* 0x493e0. */
    size_t lines = sizeof PERF - 1;
    open_stream(1, PERF);
    put(1, 0, "\0\0\0\0\0\4", 6);
    (void)hear(1, PERF, 0);
    open_stream(3, PERF);
    assert_reset(3);
    put(1, HF_YAMUX_FIN, "\x93\xe0 and what goes up", 20);
    assert_false(hear(1, "", WINDOW - lines) & HF_YAMUX_FIN);
    assert_int_equal(heard_bytes, WINDOW - lines);
    raw_put(&peer, HF_YAMUX_WINDOW_UPDATE, 0, 1, WINDOW, NULL);
    assert_true(hear(1, "", UNTIL_END) & HF_YAMUX_FIN);
    assert_int_equal(heard_bytes, ASKED - (WINDOW - lines));
}

/* Answers the node's question who we are: names to be printed, and others. */
static void names_that_cannot_be_printed_are_left_out(void **state)
{
    (void)state;
    static const char said[] = IDENTIFY "\x1b"
                                        "\x1a\x02/a"
                                        "\x1a\x03/\x7f/"
                                        "\x1a\x03/ /"
                                        "\x1a\x00"
                                        "\x1a\x03/b\n"
                                        "\x1a\x02/c"
                                        "\x32\x00";
    put(2, HF_YAMUX_ACK | HF_YAMUX_FIN, said, sizeof said - 1);
    assert_true(raw_flush(&peer));
    struct hf_network_event event = wait_for(&host, HF_NETWORK_IDENTIFIED);
    assert_string_equal(event.protocols, "/a /c");
    assert_string_equal(event.agent, "");
}

static void refuse_all(void *context, struct hf_stream *stream)
{
    (void)context;
    hf_stream_reset(stream);
}

/* Of names that every node speaks, and of one that was asked for. */
static void a_protocol_of_the_applications_answers_in_our_stead(void **state)
{
    (void)state;
    uint8_t seed[32] = {9};
    const struct hf_protocol protocols[] = {
        {.name = HF_PING_PROTOCOL, .opened = refuse_all},
        {.name = HF_PERF_PROTOCOL, .opened = refuse_all},
    };
    static struct node other;
    other = (struct node){.closed = HF_AGAIN};
    assert_int_equal(hf_identity_from_seed(&other.identity, hf_bytes(seed, 32), NULL), HF_OK);
    const struct hf_network_options options = {.identity = &other.identity,
        .protocols = protocols,
        .protocols_count = 2,
        .perf = true};
    assert_int_equal(hf_network_new(&other.network, &options, NULL), HF_OK);
    assert_int_equal(pthread_create(&other.thread, NULL, run_node, &other), 0);
    assert_int_equal(hf_network_dial(other.network, &host.address, 1), HF_OK);
    struct hf_network_event event = wait_for(&host, HF_NETWORK_CONNECTED);
    assert_string_equal(wait_for(&host, HF_NETWORK_IDENTIFIED).protocols,
        "/ipfs/ping/1.0.0 /perf/1.0.0 /ipfs/id/1.0.0 /ipfs/id/push/1.0.0");
    assert_int_equal(hf_network_ping(host.network, &event.peer), HF_OK);
    assert_int_equal(wait_for(&host, HF_NETWORK_PING_FAILED).status, HF_CLOSED);
    stop(&other);
}

#define WITH_PEER(test) cmocka_unit_test_setup_teardown(test, begin, end)

/* Names HF_IDENTIFY_OWN_BYTES_MAX and HF_NETWORK_LIST_BYTES. */
static void a_node_of_many_protocols_names_those_that_have_room(void **state)
{
    (void)state;
    static char names[HF_NETWORK_PROTOCOLS_MAX][100];
    struct hf_protocol protocols[HF_NETWORK_PROTOCOLS_MAX] = {{.name = NULL}};
    static struct node one, two;
    uint8_t seed[32] = {1};
    for (int i = 0; i < HF_NETWORK_PROTOCOLS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "/%02d/%.*s", i, 90,
            "0123456789012345678901234567890123456789012345678901234567890123456789012345678901");
        protocols[i].name = names[i];
    }
    assert_int_equal(hf_identity_from_seed(&one.identity, hf_bytes(seed, 32), NULL), HF_OK);
    struct hf_network_options options = {.identity = &one.identity,
        .protocols = protocols,
        .protocols_count = HF_NETWORK_PROTOCOLS_MAX};
    assert_int_equal(hf_network_new(&one.network, &options, NULL), HF_OK);
    assert_int_equal(pthread_create(&one.thread, NULL, run_node, &one), 0);
    start(&two, 2);
    assert_int_equal(hf_network_dial(one.network, &two.address, 1), HF_OK);
    struct hf_network_event event = wait_for(&two, HF_NETWORK_IDENTIFIED);
    size_t each = strlen(names[0]) + 1;
    assert_int_equal(strlen(event.protocols), HF_NETWORK_LIST_BYTES / each * each - 1);
    assert_memory_equal(event.protocols, names[0], each - 1);
    stop(&one);
    stop(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PEER(pings_are_answered_on_as_many_streams_as_may_be),
        WITH_PEER(a_ping_answered_by_anything_else_has_failed),
        WITH_PEER(a_ping_may_be_answered_in_parts),
        WITH_PEER(one_ping_at_a_time_waits_for_its_answer),
        WITH_PEER(who_asks_who_we_are_a_third_time_is_not_answered),
        WITH_PEER(what_is_pushed_is_taken_and_of_no_effect),
        WITH_PEER(as_much_comes_down_as_was_asked_for_on_one_stream),
        WITH_PEER(names_that_cannot_be_printed_are_left_out),
        WITH_PEER(a_protocol_of_the_applications_answers_in_our_stead),
        cmocka_unit_test(a_node_of_many_protocols_names_those_that_have_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
