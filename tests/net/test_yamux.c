/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/yamux_pair.h"

static void a_header_is_twelve_bytes_in_network_order(void **state)
{
    (void)state;
    static const uint8_t known[] = {0, 1, 0, 3, 0x01, 0x02, 0x03, 0x04, 0xfe, 0xdc, 0xba, 0x98};
    struct hf_yamux_frame frame = hf_yamux_frame_parse(known);
    assert_int_equal(frame.type, HF_YAMUX_WINDOW_UPDATE);
    assert_int_equal(frame.flags, HF_YAMUX_SYN | HF_YAMUX_ACK);
    assert_int_equal(frame.stream, 0x01020304);
    assert_int_equal(frame.length, 0xfedcba98);
    uint8_t bytes[HF_YAMUX_HEADER_BYTES];
    hf_yamux_frame_write(frame, bytes);
    assert_memory_equal(bytes, known, sizeof known);
}

static void a_session_begins_with_a_ping_and_streams_with_an_empty_window_update(void **state)
{
    (void)state;
    static struct wire wire;
    for (int dialer = 0; dialer < 2; dialer++) {
        struct hf_yamux *session = new_session(dialer);
        struct hf_yamux_stream *first, *second;
        assert_int_equal(hf_yamux_open(session, &first), HF_OK);
        assert_int_equal(hf_yamux_open(session, &second), HF_OK);
        wire.size = 0;
        drain(session, START, &wire);
        struct hf_bytes bytes = hf_bytes(wire.bytes, wire.size);
        assert_frame(&bytes, HF_YAMUX_PING, HF_YAMUX_SYN, 0, 1);
        assert_frame(&bytes, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_SYN, dialer ? 1 : 2, 0);
        assert_frame(&bytes, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_SYN, dialer ? 3 : 4, 0);
        assert_int_equal(bytes.size, 0);
        assert_false(hf_yamux_owes(session));
        hf_yamux_free(session);
    }
}

static void a_stream_is_acknowledged_at_once_with_nothing_to_say(void **state)
{
    struct sessions *world = *state;
    struct hf_yamux_stream *stream;
    assert_int_equal(hf_yamux_open(world->dialer, &stream), HF_OK);
    drain(world->dialer, START, &world->out);
    (void)feed_for(world->listener, &world->out, START, HF_YAMUX_OPENED);
    drain(world->listener, START, &world->in);
    struct hf_bytes bytes = hf_bytes(world->in.bytes, world->in.size);
    assert_frame(&bytes, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_ACK, 1, 0);
    assert_int_equal(bytes.size, 0);
}

static void bytes_go_both_ways_and_each_side_ends_its_own(void **state)
{
    struct sessions *world = *state;
    struct hf_yamux_stream *theirs, *ours = opened(world, &theirs);
    assert_int_equal(write_bytes(ours, 'a', 5, &world->out), 5);
    hf_yamux_finish(ours);
    drain(world->dialer, START, &world->out);
    struct hf_bytes bytes = hf_bytes(world->out.bytes, world->out.size);
    struct hf_yamux_event event;
    assert_int_equal(hf_yamux_feed(world->listener, &bytes, START, &event, NULL), HF_OK);
    assert_int_equal(event.kind, HF_YAMUX_RECEIVED);
    assert_ptr_equal(event.stream, theirs);
    assert_int_equal(event.data.size, 5);
    assert_memory_equal(event.data.data, "aaaaa", 5);
    assert_int_equal(hf_yamux_feed(world->listener, &bytes, START, &event, NULL), HF_OK);
    assert_int_equal(event.kind, HF_YAMUX_FINISHED);
    assert_int_equal(hf_yamux_writable(ours), 0);
    assert_false(hf_yamux_ended(theirs));

    assert_int_equal(write_bytes(theirs, 'b', 3, &world->in), 3);
    hf_yamux_finish(theirs);
    drain(world->listener, START, &world->in);
    assert_true(hf_yamux_ended(theirs));
    event = feed_for(world->dialer, &world->in, START, HF_YAMUX_FINISHED);
    assert_ptr_equal(event.stream, ours);
    assert_true(hf_yamux_ended(ours));
    hf_yamux_release(ours);
    hf_yamux_release(theirs);
    assert_false(hf_yamux_owes(world->dialer));
    assert_false(hf_yamux_owes(world->listener));
}

static void a_sender_stops_at_the_window_until_the_reader_has_read_half(void **state)
{
    struct sessions *world = *state;
    struct hf_yamux_stream *theirs, *ours = opened(world, &theirs);
    assert_int_equal(write_bytes(ours, 'a', 300000, &world->out), HF_YAMUX_WINDOW_INITIAL);
    assert_int_equal(hf_yamux_writable(ours), 0);
    (void)feed_for(world->listener, &world->out, START, HF_YAMUX_RECEIVED);
    hf_yamux_consumed(theirs, HF_YAMUX_WINDOW_INITIAL / 2 - 1, START);
    assert_false(hf_yamux_owes(world->listener));
    hf_yamux_consumed(theirs, 1, START);
    drain(world->listener, START, &world->in);
    struct hf_bytes bytes = hf_bytes(world->in.bytes, world->in.size);
    assert_frame(&bytes, HF_YAMUX_WINDOW_UPDATE, 0, 1, HF_YAMUX_WINDOW_INITIAL / 2);
    struct hf_yamux_event event = feed_for(world->dialer, &world->in, START, HF_YAMUX_WRITABLE);
    assert_ptr_equal(event.stream, ours);
    assert_int_equal(hf_yamux_writable(ours), HF_YAMUX_WINDOW_INITIAL / 2);
}

static void reading_more_than_came_gives_no_more_credit(void **state)
{
    struct sessions *world = *state;
    struct hf_yamux_stream *theirs, *ours = opened(world, &theirs);
    assert_int_equal(write_bytes(ours, 'a', 140000, &world->out), 140000);
    (void)feed_for(world->listener, &world->out, START, HF_YAMUX_RECEIVED);
    hf_yamux_consumed(theirs, UINT32_MAX, START);
    drain(world->listener, START, &world->in);
    struct hf_bytes bytes = hf_bytes(world->in.bytes, world->in.size);
    assert_frame(&bytes, HF_YAMUX_WINDOW_UPDATE, 0, 1, 140000);
}

/* Sends and reads a whole window, and gives the credit that comes back. */
static uint32_t credit_after_a_window(struct sessions *world, struct hf_yamux_stream *ours,
    struct hf_yamux_stream *theirs, uint64_t now_ns)
{
    uint32_t size = 0;
    for (size_t piece; (piece = hf_yamux_writable(ours)) > 0; size += (uint32_t)piece) {
        piece = piece < 500000 ? piece : 500000;
        assert_int_equal(write_bytes(ours, 'a', piece, &world->out), piece);
        (void)feed_for(world->listener, &world->out, now_ns, HF_YAMUX_NOTHING);
    }
    hf_yamux_consumed(theirs, size, now_ns);
    drain(world->listener, now_ns, &world->in);
    struct hf_bytes bytes = hf_bytes(world->in.bytes, world->in.size);
    uint32_t credit = next_frame(&bytes).length;
    (void)feed_for(world->dialer, &world->in, now_ns, HF_YAMUX_NOTHING);
    return credit;
}

static void a_window_doubles_while_it_is_used_up_within_a_few_round_trips(void **state)
{
    struct sessions *world = *state;
    struct hf_yamux_stream *theirs, *ours = opened(world, &theirs);
    /* The listener's round trip was measured as 5 ns. */
    uint64_t now_ns = 1000;
    assert_int_equal(credit_after_a_window(world, ours, theirs, now_ns), HF_YAMUX_WINDOW_INITIAL);
    uint32_t window = HF_YAMUX_WINDOW_INITIAL;
    while (window < HF_YAMUX_WINDOW_MAX) {
        uint32_t credit = credit_after_a_window(world, ours, theirs, now_ns += 19);
        assert_int_equal(credit, 2 * window);
        window *= 2;
    }
    assert_int_equal(credit_after_a_window(world, ours, theirs, now_ns += 19), window);
}

static void a_window_stays_as_it_is_for_a_slow_sender(void **state)
{
    struct sessions *world = *state;
    struct hf_yamux_stream *theirs, *ours = opened(world, &theirs);
    for (uint64_t now_ns = 1000; now_ns < 2000; now_ns += 20)
        assert_int_equal(
            credit_after_a_window(world, ours, theirs, now_ns), HF_YAMUX_WINDOW_INITIAL);
}

/* The first stream's grows to four times what it was; then there is room for one more, which the
 * second's takes, and none when the third is opened, which has its own all the same. */
static void all_windows_together_grow_no_further_than_agreed(void **state)
{
    struct sessions *world = *state;
    hf_yamux_free(world->listener);
    struct hf_yamux_options options = {.windows_total_max = 6 * HF_YAMUX_WINDOW_INITIAL};
    assert_int_equal(hf_yamux_new(&world->listener, &options, START, NULL), HF_OK);
    drain(world->listener, START, &world->in);
    (void)feed_for(world->dialer, &world->in, START, HF_YAMUX_NOTHING);
    drain(world->dialer, START + 5, &world->out);
    (void)feed_for(world->listener, &world->out, START + 5, HF_YAMUX_NOTHING);
    struct hf_yamux_stream *ours[3], *theirs[3];
    uint64_t grown = 0;
    for (int i = 0; i < 3; i++) {
        ours[i] = opened(world, &theirs[i]);
        uint32_t credit = 0;
        for (uint64_t now_ns = 1000; now_ns < 1100; now_ns += 10)
            credit = credit_after_a_window(world, ours[i], theirs[i], now_ns);
        grown += credit - HF_YAMUX_WINDOW_INITIAL;
    }
    assert_int_equal(grown, 4 * HF_YAMUX_WINDOW_INITIAL);
    hf_yamux_release(theirs[0]); /* Gives back what it had grown by, once the peer is told. */
    drain(world->listener, START, &world->in);
    (void)feed_for(world->dialer, &world->in, START, HF_YAMUX_NOTHING);
    uint32_t credit = 0;
    for (uint64_t now_ns = 2000; now_ns < 2100; now_ns += 10)
        credit = credit_after_a_window(world, ours[2], theirs[2], now_ns);
    assert_true(credit > HF_YAMUX_WINDOW_INITIAL);
}

static void streams_of_ones_own_wait_for_answers_beyond_the_limit(void **state)
{
    struct sessions *world = *state;
    struct hf_yamux_stream *streams[HF_YAMUX_STREAMS_MAX], *one_more;
    for (size_t i = 0; i < HF_YAMUX_STREAMS_MAX; i++)
        assert_int_equal(hf_yamux_open(world->dialer, &streams[i]), HF_OK);
    assert_int_equal(hf_yamux_open(world->dialer, &one_more), HF_FULL);
    assert_null(one_more);
    hf_yamux_release(streams[7]); /* The peer never heard of it. */
    assert_int_equal(hf_yamux_open(world->dialer, &one_more), HF_OK);
    assert_int_equal(hf_yamux_open(world->dialer, &streams[7]), HF_FULL);
}

static void a_stream_given_up_is_reset_and_what_still_comes_is_dropped(void **state)
{
    struct sessions *world = *state;
    struct hf_yamux_stream *theirs, *ours = opened(world, &theirs);
    assert_int_equal(write_bytes(theirs, 'b', 10, &world->in), 10);
    hf_yamux_release(ours);
    drain(world->dialer, START, &world->out);
    struct hf_yamux_event event = feed_for(world->dialer, &world->in, START, HF_YAMUX_RECEIVED);
    assert_int_equal(event.kind, HF_YAMUX_NOTHING);
    event = feed_for(world->listener, &world->out, START, HF_YAMUX_RESET);
    assert_ptr_equal(event.stream, theirs);
    assert_true(hf_yamux_ended(theirs));
    assert_int_equal(hf_yamux_writable(theirs), 0);
    hf_yamux_consumed(theirs, 1, START);
    hf_yamux_finish(theirs);
    assert_false(hf_yamux_owes(world->listener));
}

static void a_stream_given_up_in_the_middle_of_a_frame_takes_no_more_of_it(void **state)
{
    struct sessions *world = *state;
    struct hf_yamux_stream *theirs, *ours = opened(world, &theirs);
    (void)ours;
    put_frame(&world->out, HF_YAMUX_DATA, HF_YAMUX_FIN, 1, 100);
    put_payload(&world->out, 60);
    struct hf_yamux_event event = feed_for(world->listener, &world->out, START, HF_YAMUX_RECEIVED);
    assert_int_equal(event.data.size, 60);
    hf_yamux_release(theirs);
    put_payload(&world->out, 40);
    put_frame(&world->out, HF_YAMUX_PING, HF_YAMUX_SYN, 0, 77);
    struct hf_bytes bytes = hf_bytes(world->out.bytes, world->out.size);
    assert_int_equal(hf_yamux_feed(world->listener, &bytes, START, &event, NULL), HF_OK);
    assert_int_equal(event.kind, HF_YAMUX_NOTHING);
    drain(world->listener, START, &world->in);
    bytes = hf_bytes(world->in.bytes, world->in.size);
    assert_frame(&bytes, HF_YAMUX_PING, HF_YAMUX_ACK, 0, 77);
    assert_frame(&bytes, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_RST, 1, 0);
    assert_int_equal(bytes.size, 0);
}

static void a_stream_released_after_its_end_still_says_that_it_ended(void **state)
{
    struct sessions *world = *state;
    struct hf_yamux_stream *theirs, *ours = opened(world, &theirs);
    hf_yamux_finish(ours);
    drain(world->dialer, START, &world->out);
    (void)feed_for(world->listener, &world->out, START, HF_YAMUX_FINISHED);
    hf_yamux_finish(theirs);
    hf_yamux_release(theirs);
    drain(world->listener, START, &world->in);
    struct hf_bytes bytes = hf_bytes(world->in.bytes, world->in.size);
    assert_frame(&bytes, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_FIN, 1, 0);
    assert_int_equal(bytes.size, 0);
}

static void a_silent_peer_is_pinged_and_given_up(void **state)
{
    struct sessions *world = *state;
    uint64_t due_ns = START + 5 + HF_YAMUX_PING_INTERVAL_NS;
    assert_int_equal(hf_yamux_deadline_ns(world->dialer), due_ns);
    assert_int_equal(hf_yamux_tick(world->dialer, due_ns - 1), HF_OK);
    assert_false(hf_yamux_owes(world->dialer));
    assert_int_equal(hf_yamux_tick(world->dialer, due_ns), HF_OK);
    assert_true(hf_yamux_owes(world->dialer));
    assert_int_equal(hf_yamux_deadline_ns(world->dialer), UINT64_MAX);
    drain(world->dialer, due_ns, &world->out);
    assert_int_equal(hf_yamux_deadline_ns(world->dialer), due_ns + HF_YAMUX_PONG_WITHIN_NS);
    assert_int_equal(hf_yamux_tick(world->dialer, due_ns + HF_YAMUX_PONG_WITHIN_NS - 1), HF_OK);
    assert_int_equal(hf_yamux_tick(world->dialer, due_ns + HF_YAMUX_PONG_WITHIN_NS), HF_TIMEOUT);
}

/* Its pong may lie behind much else. */
static void a_peer_that_shows_life_has_more_time_for_its_pong(void **state)
{
    struct sessions *world = *state;
    uint64_t due_ns = hf_yamux_deadline_ns(world->dialer);
    hf_yamux_alive(world->dialer, due_ns - 1);
    assert_int_equal(hf_yamux_deadline_ns(world->dialer), due_ns); /* It is pinged all the same. */
    assert_int_equal(hf_yamux_tick(world->dialer, due_ns), HF_OK);
    drain(world->dialer, due_ns, &world->out);
    uint64_t alive_ns = due_ns + HF_YAMUX_PONG_WITHIN_NS - 1;
    hf_yamux_alive(world->dialer, alive_ns);
    assert_int_equal(
        hf_yamux_tick(world->dialer, alive_ns + HF_YAMUX_PONG_WITHIN_NS - 1), HF_OK);
    assert_int_equal(
        hf_yamux_tick(world->dialer, alive_ns + HF_YAMUX_PONG_WITHIN_NS), HF_TIMEOUT);
}

static void a_go_away_of_any_code_ends_all_streams(void **state)
{
    struct sessions *world = *state;
    struct hf_yamux_stream *theirs, *ours = opened(world, &theirs), *another;
    hf_yamux_go_away(world->listener, HF_YAMUX_NORMAL);
    assert_true(hf_yamux_ended(theirs));
    drain(world->listener, START, &world->in);
    struct hf_yamux_event event = feed_for(world->dialer, &world->in, START, HF_YAMUX_GONE);
    assert_int_equal(event.kind, HF_YAMUX_GONE);
    assert_int_equal(event.code, HF_YAMUX_NORMAL);
    assert_true(hf_yamux_ended(ours));
    assert_int_equal(hf_yamux_open(world->dialer, &another), HF_CLOSED);
    assert_int_equal(hf_yamux_tick(world->dialer, START), HF_CLOSED);
    struct hf_bytes bytes = hf_bytes(NULL, 0);
    assert_int_equal(hf_yamux_feed(world->dialer, &bytes, START, &event, NULL), HF_CLOSED);
    assert_int_equal(hf_yamux_deadline_ns(world->dialer), UINT64_MAX);
    hf_yamux_go_away(world->dialer, HF_YAMUX_NORMAL);
    assert_false(hf_yamux_owes(world->dialer));
}

struct failing {
    size_t left;
    size_t held;
};

static void *allocate_or_fail(void *context, size_t size_bytes, size_t alignment)
{
    struct failing *failing = context;
    (void)alignment;
    if (failing->left == 0)
        return NULL;
    failing->left--;
    failing->held++;
    return calloc(1, size_bytes);
}

static void release_held(void *context, void *memory, size_t size_bytes, size_t alignment)
{
    (void)size_bytes;
    (void)alignment;
    ((struct failing *)context)->held--;
    free(memory);
}

static void without_memory_streams_are_refused_and_nothing_leaks(void **state)
{
    (void)state;
    static struct wire wire;
    for (size_t n = 0; n < 4; n++) {
        struct failing failing = {n, 0};
        struct hf_allocator allocator = {&failing, allocate_or_fail, release_held};
        struct hf_yamux_options options = {.allocator = &allocator};
        struct hf_yamux *session;
        enum hf_status status = hf_yamux_new(&session, &options, START, NULL);
        assert_int_equal(status, n > 0 ? HF_OK : HF_NO_MEMORY);
        if (status != HF_OK)
            continue;
        struct hf_yamux_stream *stream;
        assert_int_equal(hf_yamux_open(session, &stream), n > 1 ? HF_OK : HF_NO_MEMORY);
        wire.size = 0;
        put_frame(&wire, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_SYN, 1, 0);
        struct hf_yamux_event event = feed_for(session, &wire, START, HF_YAMUX_OPENED);
        assert_int_equal(event.kind, n > 2 ? HF_YAMUX_OPENED : HF_YAMUX_NOTHING);
        hf_yamux_free(session);
        assert_int_equal(failing.held, 0);
    }
}

static void wrong_options_are_named(void **state)
{
    (void)state;
    static const struct hf_allocator none = {0};
    static const struct {
        const char *field;
        struct hf_yamux_options options;
    } wrong[] = {
        {"window_max", {.window_max = HF_YAMUX_WINDOW_INITIAL - 1}},
        {"window_max", {.window_max = HF_YAMUX_WINDOW_MAX + 1}},
        {"inbound_max", {.inbound_max = HF_YAMUX_STREAMS_MAX + 1}},
        {"outbound_max", {.outbound_max = HF_YAMUX_STREAMS_MAX + 1}},
        {"ping_interval_ns", {.ping_interval_ns = HF_TIME_MAX_NS}},
        {"allocator", {.allocator = &none}},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct hf_yamux *session;
        struct hf_error error = {0};
        assert_int_equal(hf_yamux_new(&session, &wrong[i].options, START, &error), HF_INVALID);
        assert_null(session);
        assert_non_null(strstr(hf_error_text(&error), wrong[i].field));
    }
    hf_yamux_free(NULL);
    hf_yamux_release(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_twelve_bytes_in_network_order),
        cmocka_unit_test(a_session_begins_with_a_ping_and_streams_with_an_empty_window_update),
        WITH_SESSIONS(a_stream_is_acknowledged_at_once_with_nothing_to_say),
        WITH_SESSIONS(bytes_go_both_ways_and_each_side_ends_its_own),
        WITH_SESSIONS(a_sender_stops_at_the_window_until_the_reader_has_read_half),
        WITH_SESSIONS(reading_more_than_came_gives_no_more_credit),
        WITH_SESSIONS(a_window_doubles_while_it_is_used_up_within_a_few_round_trips),
        WITH_SESSIONS(a_window_stays_as_it_is_for_a_slow_sender),
        WITH_SESSIONS(all_windows_together_grow_no_further_than_agreed),
        WITH_SESSIONS(streams_of_ones_own_wait_for_answers_beyond_the_limit),
        WITH_SESSIONS(a_stream_given_up_is_reset_and_what_still_comes_is_dropped),
        WITH_SESSIONS(a_stream_given_up_in_the_middle_of_a_frame_takes_no_more_of_it),
        WITH_SESSIONS(a_stream_released_after_its_end_still_says_that_it_ended),
        WITH_SESSIONS(a_silent_peer_is_pinged_and_given_up),
        WITH_SESSIONS(a_peer_that_shows_life_has_more_time_for_its_pong),
        WITH_SESSIONS(a_go_away_of_any_code_ends_all_streams),
        cmocka_unit_test(without_memory_streams_are_refused_and_nothing_leaks),
        cmocka_unit_test(wrong_options_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
