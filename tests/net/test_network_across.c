/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "net/network_node.h"
#include "net/raw_frames.h"
#include "net/time_machine.h"

/*
 * What a handler does to a stream of another connection, on which nothing happens by itself. The
 * peer of that one sees what it is told before the host's next ping, which would wake the
 * connection anyway.
 */

static const char echo_lines[] = "\x13/multistream/1.0.0\n\x08/echo/1\n";
enum { LINES = sizeof echo_lines - 1 };

static struct node host;
static struct raw_peer held_peer, busy_peer;
static struct raw_frames held_frames, busy_frames;

static struct {
    struct hf_stream *held; /* The first to be opened. */
    uint64_t opened;        /* These are shared. */
    uint64_t closed;        /* Streams held that have been told of their end, */
    uint64_t status;        /* and how the last one ended. */
    uint64_t failed;
    uint64_t holding_up; /* Whether whoever is opened stays in its handler. */
    uint64_t held_up;
} across;

static void across_opened(void *context, struct hf_stream *stream)
{
    (void)context;
    if (!across.held)
        across.held = stream;
    hf_add_seq(&across.opened, 1);
    if (!hf_load_seq(&across.holding_up))
        return;
    hf_add_seq(&across.held_up, 1);
    while (hf_load_seq(&across.holding_up))
        sched_yield();
}

static void do_to_held(uint8_t what)
{
    switch (what) {
    case 'f':
        hf_stream_finish(across.held);
        break;
    case 'r':
        hf_stream_reset(across.held);
        break;
    case 'd':
        hf_stream_set_deadline(across.held, 1);
        break;
    case 'c':
        hf_stream_consume(across.held, hf_stream_peek(across.held).size);
        break;
    }
}

static void across_readable(void *context, struct hf_stream *stream)
{
    (void)context;
    struct hf_bytes data = hf_stream_peek(stream);
    if (stream == across.held || data.size == 0)
        return;
    uint8_t what = *(const uint8_t *)data.data;
    hf_stream_consume(stream, data.size);
    do_to_held(what);
}

static void across_closed(void *context, struct hf_stream *stream, enum hf_status status)
{
    (void)context;
    if (stream != across.held)
        return;
    across.held = NULL;
    hf_store_relaxed(&across.status, (uint64_t)status);
    hf_add_seq(&across.closed, 1);
}

static void across_failed(void *context, void *stream_context, enum hf_status status)
{
    (void)context, (void)stream_context, (void)status;
    if (across.held)
        hf_stream_finish(across.held);
    hf_add_seq(&across.failed, 1);
}

static const struct hf_protocol across_protocol = {
    "/echo/1", NULL, across_opened, across_readable, NULL, across_closed, across_failed};

static void meet(struct raw_peer *peer, struct raw_frames *frames, uint8_t number)
{
    raw_begin(peer, &host.address, number);
    frames->peer = peer;
    frames->begin = frames->end = 0;
    (void)wait_for(&host, HF_NETWORK_CONNECTED);
}

static void open_one(struct raw_peer *peer, struct raw_frames *frames, uint16_t flags)
{
    uint8_t lines[LINES];
    uint64_t before = hf_load_seq(&across.opened);
    raw_put(peer, HF_YAMUX_DATA, HF_YAMUX_SYN, 1, LINES, echo_lines);
    if (flags)
        raw_put(peer, HF_YAMUX_WINDOW_UPDATE, flags, 1, 0, NULL);
    assert_true(raw_flush(peer));
    while (hf_load_seq(&across.opened) == before)
        sched_yield();
    assert_int_equal(raw_read(frames, 1, lines, sizeof lines, LINES, &flags), LINES);
    raw_settle(frames);
}

/*
 * A stream of one connection's that is held, and perhaps has been finished by its peer, while that
 * of another is used. Streams that were still to be agreed on are over, lest they wake the first.
 */
static void begin(uint16_t flags)
{
    memset(&across, 0, sizeof across);
    struct hf_error error = {0};
    struct hf_network_options options = {0};
    if (start_speaking(&host, 1, &options, &across_protocol, "/ip4/127.0.0.1/tcp/0", &error) !=
        HF_OK)
        fail_msg("%s", hf_error_text(&error));
    meet(&held_peer, &held_frames, 2);
    open_one(&held_peer, &held_frames, flags);
    meet(&busy_peer, &busy_frames, 3);
    open_one(&busy_peer, &busy_frames, 0);
    let_pass(&host, HF_SECONDS(11));
    (void)wait_for(&host, HF_NETWORK_PING_FAILED);
    raw_settle(&held_frames);
    raw_settle(&busy_frames);
}

static void finish(void)
{
    raw_end(&busy_peer);
    raw_end(&held_peer);
    stop(&host);
}

static void ask(char what)
{
    raw_put(&busy_peer, HF_YAMUX_DATA, 0, 1, 1, &what);
    assert_true(raw_flush(&busy_peer));
}

static struct hf_yamux_frame said_of_held(void)
{
    struct hf_bytes payload;
    struct hf_yamux_frame frame;
    do {
        frame = raw_frame(&held_frames, &payload);
        assert_int_not_equal(frame.type, HF_YAMUX_PING);
    } while (frame.stream != 1);
    return frame;
}

/* Turns of the host's loop, in which whatever is due at once is done. */
static void let_turn(void)
{
    for (int i = 0; i < 3; i++)
        let_finish(&host);
}

static void a_stream_that_is_reset_from_elsewhere_says_so(void **state)
{
    (void)state;
    begin(0);
    ask('r');
    assert_int_equal(said_of_held().flags, HF_YAMUX_RST);
    assert_int_equal(hf_load_seq(&across.closed), 0);
    finish();
}

static void a_stream_that_is_finished_from_elsewhere_says_so_and_is_over(void **state)
{
    (void)state;
    begin(HF_YAMUX_FIN);
    ask('f');
    assert_int_equal(said_of_held().flags, HF_YAMUX_FIN);
    let_turn();
    assert_int_equal(hf_load_seq(&across.closed), 1);
    assert_int_equal(hf_load_relaxed(&across.status), HF_OK);
    finish();
}

static void a_deadline_that_is_set_from_elsewhere_is_kept(void **state)
{
    (void)state;
    begin(0);
    ask('d');
    assert_int_equal(said_of_held().flags, HF_YAMUX_RST);
    let_turn();
    assert_int_equal(hf_load_seq(&across.closed), 1);
    assert_int_equal(hf_load_relaxed(&across.status), HF_TIMEOUT);
    finish();
}

static void what_is_consumed_from_elsewhere_is_credited(void **state)
{
    (void)state;
    enum { PARTS = 4, PART = 50000 };
    begin(0);
    for (int i = 0; i < PARTS; i++)
        raw_put(&held_peer, HF_YAMUX_DATA, 0, 1, PART, NULL);
    assert_true(raw_flush(&held_peer));
    raw_settle(&held_frames);
    ask('c');
    struct hf_yamux_frame frame = said_of_held();
    assert_int_equal(frame.type, HF_YAMUX_WINDOW_UPDATE);
    assert_true(frame.length >= PARTS * PART);
    finish();
}

/* It is asked for a stream more than there may be, and its handler ends another. */
static void a_stream_that_is_finished_when_another_cannot_be_had_is_over(void **state)
{
    (void)state;
    begin(HF_YAMUX_FIN);
    while (hf_load_seq(&across.failed) == 0) {
        enum hf_status status =
            hf_network_open(host.network, &held_peer.identity.id, "/echo/1", NULL);
        assert_int_equal(status, HF_OK);
        let_finish(&host);
    }
    assert_int_equal(said_of_held().stream, 1);
    let_turn();
    assert_int_equal(hf_load_seq(&across.closed), 1);
    assert_int_equal(hf_load_relaxed(&across.status), HF_OK);
    finish();
}

/* A stream is asked for in the same turn in which a handler of another connection ends one. */
static void who_asks_for_a_stream_keeps_no_end_of_another_back(void **state)
{
    (void)state;
    static struct raw_peer third;
    static struct raw_frames frames;
    begin(HF_YAMUX_FIN);
    meet(&third, &frames, 4);
    hf_store_seq(&across.holding_up, 1);
    raw_put(&third, HF_YAMUX_DATA, HF_YAMUX_SYN, 1, LINES, echo_lines);
    assert_true(raw_flush(&third));
    while (hf_load_seq(&across.held_up) == 0)
        sched_yield();
    ask('f');
    assert_int_equal(
        hf_network_open(host.network, &held_peer.identity.id, "/echo/1", NULL), HF_OK);
    hf_store_seq(&across.holding_up, 0); /* Both have come by then: one turn sees to both. */
    assert_int_equal(said_of_held().flags, HF_YAMUX_FIN);
    let_turn();
    assert_int_equal(hf_load_seq(&across.closed), 1);
    raw_end(&third);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_that_is_reset_from_elsewhere_says_so),
        cmocka_unit_test(a_stream_that_is_finished_from_elsewhere_says_so_and_is_over),
        cmocka_unit_test(a_deadline_that_is_set_from_elsewhere_is_kept),
        cmocka_unit_test(what_is_consumed_from_elsewhere_is_credited),
        cmocka_unit_test(a_stream_that_is_finished_when_another_cannot_be_had_is_over),
        cmocka_unit_test(who_asks_for_a_stream_keeps_no_end_of_another_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
