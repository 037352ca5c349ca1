/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/yamux_pair.h"

static void streams_beyond_the_limit_are_reset_and_their_data_dropped(void **state)
{
    struct sessions *world = *state;
    for (uint32_t i = 0; i < HF_YAMUX_STREAMS_MAX; i++)
        put_frame(&world->out, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_SYN, 2 * i + 1, 0);
    (void)feed_for(world->listener, &world->out, START, HF_YAMUX_NOTHING);
    drain(world->listener, START, &world->in);
    world->in.size = 0;
    uint32_t id = 2 * HF_YAMUX_STREAMS_MAX + 1;
    put_frame(&world->out, HF_YAMUX_DATA, HF_YAMUX_SYN, id, 1000000);
    put_payload(&world->out, 1000000);
    struct hf_yamux_event event = feed_for(world->listener, &world->out, START, HF_YAMUX_RECEIVED);
    assert_int_equal(event.kind, HF_YAMUX_NOTHING);
    drain(world->listener, START, &world->in);
    struct hf_bytes bytes = hf_bytes(world->in.bytes, world->in.size);
    assert_frame(&bytes, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_RST, id, 0);
    assert_int_equal(bytes.size, 0);
}

static void pings_are_answered_before_anything_else_and_only_so_many(void **state)
{
    struct sessions *world = *state;
    struct hf_yamux_stream *stream;
    assert_int_equal(hf_yamux_open(world->listener, &stream), HF_OK);
    for (uint32_t i = 0; i < HF_YAMUX_PONGS_MAX + 10; i++)
        put_frame(&world->out, HF_YAMUX_PING, HF_YAMUX_SYN, 0, 1000 + i);
    (void)feed_for(world->listener, &world->out, START, HF_YAMUX_NOTHING);
    drain(world->listener, START, &world->in);
    struct hf_bytes bytes = hf_bytes(world->in.bytes, world->in.size);
    for (uint32_t i = 0; i < HF_YAMUX_PONGS_MAX; i++)
        assert_frame(&bytes, HF_YAMUX_PING, HF_YAMUX_ACK, 0, 1000 + i);
    assert_frame(&bytes, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_SYN, 2, 0);
    assert_int_equal(bytes.size, 0);
}

static void the_code_of_a_reset_is_no_credit(void **state)
{
    struct sessions *world = *state;
    struct hf_yamux_stream *theirs, *ours = opened(world, &theirs);
    put_frame(&world->in, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_RST, 1, UINT32_MAX);
    struct hf_yamux_event event = feed_for(world->dialer, &world->in, START, HF_YAMUX_RESET);
    assert_ptr_equal(event.stream, ours);
}

/* What a peer must not do. Stream 1 is open, by the dialer; these are frames to the listener. */
static const struct {
    const char *what;
    uint8_t version, type;
    uint16_t flags;
    uint32_t stream, length;
} violations[] = {
    {"yamux version 1", 1, HF_YAMUX_DATA, 0, 1, 0},
    {"yamux flags 16", 0, HF_YAMUX_DATA, 16, 1, 0},
    {"yamux frame of type 4", 0, 4, 0, 0, 0},
    {"on stream 0", 0, HF_YAMUX_DATA, 0, 0, 0},
    {"on stream 0", 0, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_RST, 0, 0},
    {"not its to open", 0, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_SYN, 0, 0},
    {"not its to open", 0, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_SYN, 4, 0},
    {"opened twice", 0, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_SYN, 1, 0},
    {"262145 bytes where 262144 were granted", 0, HF_YAMUX_DATA, 0, 1, 262145},
    {"262145 bytes where 262144 were granted", 0, HF_YAMUX_DATA, HF_YAMUX_SYN, 3, 262145},
    {"credit of 4294967295", 0, HF_YAMUX_WINDOW_UPDATE, 0, 1, UINT32_MAX},
    {"a pong that no ping asked for", 0, HF_YAMUX_PING, HF_YAMUX_ACK, 0, 1},
    {"a ping with flags 0", 0, HF_YAMUX_PING, 0, 0, 1},
    {"a ping with flags 3", 0, HF_YAMUX_PING, HF_YAMUX_SYN | HF_YAMUX_ACK, 0, 1},
    {"a ping with flags 1 on stream 1", 0, HF_YAMUX_PING, HF_YAMUX_SYN, 1, 1},
    {"a go-away on stream 1", 0, HF_YAMUX_GO_AWAY, 0, 1, 0},
};

static void a_violation_is_named_answered_by_a_go_away_and_ends_the_session(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof violations / sizeof violations[0]; i++) {
        void *made;
        set_up(&made);
        struct sessions *world = made;
        struct hf_yamux_stream *theirs;
        (void)opened(world, &theirs);
        struct hf_yamux_frame frame = {violations[i].version, violations[i].type,
            violations[i].flags, violations[i].stream, violations[i].length};
        hf_yamux_frame_write(frame, world->out.bytes);
        struct hf_bytes bytes = hf_bytes(world->out.bytes, HF_YAMUX_HEADER_BYTES);
        struct hf_yamux_event event;
        struct hf_error error = {0};
        assert_int_equal(
            hf_yamux_feed(world->listener, &bytes, START, &event, &error), HF_MALFORMED);
        if (!strstr(hf_error_text(&error), violations[i].what))
            fail_msg("\"%s\" is not in \"%s\"", violations[i].what, hf_error_text(&error));
        assert_int_equal(event.kind, HF_YAMUX_NOTHING);
        assert_int_equal(hf_yamux_feed(world->listener, &bytes, START, &event, NULL), HF_CLOSED);
        drain(world->listener, START, &world->in);
        bytes = hf_bytes(world->in.bytes, world->in.size);
        assert_frame(&bytes, HF_YAMUX_GO_AWAY, 0, 0, HF_YAMUX_PROTOCOL_ERROR);
        assert_int_equal(bytes.size, 0);
        tear_down(&made);
    }
}

static void data_after_the_end_of_a_stream_is_a_violation(void **state)
{
    struct sessions *world = *state;
    struct hf_yamux_stream *theirs;
    (void)opened(world, &theirs);
    put_frame(&world->out, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_FIN, 1, 0);
    (void)feed_for(world->listener, &world->out, START, HF_YAMUX_FINISHED);
    put_frame(&world->out, HF_YAMUX_DATA, HF_YAMUX_FIN, 1, 0); /* Once more: nothing new. */
    struct hf_yamux_event event = feed_for(world->listener, &world->out, START, HF_YAMUX_FINISHED);
    assert_int_equal(event.kind, HF_YAMUX_NOTHING);
    put_frame(&world->out, HF_YAMUX_DATA, 0, 1, 1);
    struct hf_bytes bytes = hf_bytes(world->out.bytes, world->out.size);
    assert_int_equal(hf_yamux_feed(world->listener, &bytes, START, &event, NULL), HF_MALFORMED);
}

/* Feeds one frame a step, n times; returns how many were taken. */
static uint32_t taken(struct hf_yamux *session, uint32_t n, uint8_t type, uint16_t flags,
    uint32_t stream, uint32_t step, uint64_t now_ns)
{
    static struct wire wire;
    for (uint32_t i = 0; i < n; i++) {
        wire.size = 0;
        put_frame(&wire, type, flags, stream + i * step, 0);
        struct hf_bytes bytes = hf_bytes(wire.bytes, wire.size);
        struct hf_yamux_event event;
        do {
            if (hf_yamux_feed(session, &bytes, now_ns, &event, NULL) != HF_OK)
                return i;
        } while (event.kind != HF_YAMUX_NOTHING);
        (void)hf_yamux_drain(session, now_ns, wire.bytes, sizeof wire.bytes);
    }
    return n;
}

static void what_costs_a_peer_nothing_it_may_not_do_without_end(void **state)
{
    struct sessions *world = *state;
    struct hf_yamux_stream *theirs;
    (void)opened(world, &theirs);
    uint64_t now_ns = HF_SECONDS(100);
    uint32_t most = HF_YAMUX_CHURN_PER_SECOND;
    assert_int_equal(taken(world->listener, most, HF_YAMUX_PING, HF_YAMUX_SYN, 0, 0, now_ns), most);
    now_ns += HF_SECONDS(1);
    assert_int_equal(taken(world->listener, most, HF_YAMUX_DATA, 0, 1, 0, now_ns), most);
    now_ns += HF_SECONDS(1);
    uint32_t resets =
        taken(world->listener, 2 * most, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_RST, 1, 0, now_ns);
    assert_int_equal(resets, most);
}

static void refused_streams_pile_up_only_so_far(void **state)
{
    struct sessions *world = *state;
    uint32_t most = HF_YAMUX_STREAMS_MAX + HF_YAMUX_REFUSALS_MAX;
    for (uint32_t i = 0; i <= most; i++)
        put_frame(&world->out, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_SYN, 2 * i + 1, 0);
    struct hf_bytes bytes = hf_bytes(world->out.bytes, world->out.size);
    struct hf_yamux_event event;
    enum hf_status status;
    do {
        status = hf_yamux_feed(world->listener, &bytes, START, &event, NULL);
    } while (status == HF_OK && event.kind != HF_YAMUX_NOTHING);
    assert_int_equal(status, HF_MALFORMED);
    assert_int_equal(bytes.size, 0); /* It was the very last that was too much. */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SESSIONS(streams_beyond_the_limit_are_reset_and_their_data_dropped),
        WITH_SESSIONS(pings_are_answered_before_anything_else_and_only_so_many),
        WITH_SESSIONS(the_code_of_a_reset_is_no_credit),
        cmocka_unit_test(a_violation_is_named_answered_by_a_go_away_and_ends_the_session),
        WITH_SESSIONS(data_after_the_end_of_a_stream_is_a_violation),
        WITH_SESSIONS(what_costs_a_peer_nothing_it_may_not_do_without_end),
        WITH_SESSIONS(refused_streams_pile_up_only_so_far),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
