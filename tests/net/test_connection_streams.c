/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/connection_pair.h"
#include "net/connection_state.h"

/* What holders may do to streams at the moments when something is still to be told about them. */

static struct pair *pair;
static struct hf_stream *inbound; /* The listener's, once it is open. */
static unsigned told[2][HF_CONNECTION_PONG + 1];
static enum hf_connection_event_kind leave_at; /* The listener resets its stream then. */
static bool go_away_at_once;                   /* The listener ends all where it is told of data. */

static void on_event(struct pair *of, int me, const struct hf_connection_event *event)
{
    told[me][event->kind]++;
    if (event->kind == HF_CONNECTION_OPENED)
        inbound = event->stream;
    if (event->kind == HF_CONNECTION_ENDED || event->kind == HF_CONNECTION_REFUSED) {
        hf_stream_free(event->stream);
        inbound = me == 1 ? NULL : inbound;
    } else if (me == 1 && event->kind == leave_at) {
        hf_stream_reset(event->stream);
        inbound = NULL;
    } else if (me == 1 && event->kind == HF_CONNECTION_READABLE && go_away_at_once) {
        assert_true(hf_stream_peek(event->stream).size > 0);
        hf_connection_go_away(of->nodes[1].connection);
        assert_int_equal(hf_stream_peek(event->stream).size, 0);
    }
}

static int begin(void **state)
{
    (void)state;
    pair = new_pair(1, true);
    pair->handle = on_event;
    inbound = NULL;
    leave_at = HF_CONNECTION_NOTHING;
    go_away_at_once = false;
    memset(told, 0, sizeof told);
    for (int me = 0; me < 2; me++)
        assert_int_equal(connect_one(pair, me, NULL, NULL), HF_OK);
    run_pair(pair);
    return 0;
}

static int end(void **state)
{
    (void)state;
    free_pair(pair);
    return 0;
}

static struct hf_stream *open_stream(void)
{
    struct hf_stream *stream;
    assert_int_equal(
        hf_connection_open(pair->nodes[0].connection, "/echo/1", pair->now_ns, &stream), HF_OK);
    return stream;
}

/* Opens one with data in the frame that names the protocol, as others do who need not wait. */
static void open_with_data(void)
{
    struct hf_outbox *outbox = &pair->nodes[0].connection->outbox;
    enum { MORE = 100 };
    assert_int_equal(outbox->frame, 0);
    open_stream()->mux->send_window -= MORE;
    static const char lines[] = "\x13/multistream/1.0.0\n\x08/echo/1\n";
    uint8_t *end = outbox->last->bytes + outbox->last->end + HF_NOISE_LENGTH_BYTES + outbox->frame;
    uint8_t *header = end - (sizeof lines - 1) - HF_YAMUX_HEADER_BYTES;
    assert_memory_equal(header + HF_YAMUX_HEADER_BYTES, lines, sizeof lines - 1);
    memset(end, 0, MORE);
    assert_true(header[11] + MORE < 256); /* The last byte of the length. */
    header[11] = (uint8_t)(header[11] + MORE);
    hf_outbox_wrote(outbox, MORE);
}

static void data_right_behind_the_name_is_told_after_the_opening(void **state)
{
    (void)state;
    open_with_data();
    run_pair(pair);
    assert_int_equal(told[1][HF_CONNECTION_OPENED], 1);
    assert_int_equal(told[1][HF_CONNECTION_READABLE], 1);
    assert_int_equal(hf_stream_peek(inbound).size, 100);
}

static void a_stream_left_at_its_opening_has_nothing_more_to_tell(void **state)
{
    (void)state;
    leave_at = HF_CONNECTION_OPENED;
    open_with_data();
    run_pair(pair);
    assert_int_equal(told[1][HF_CONNECTION_OPENED], 1);
    assert_int_equal(told[1][HF_CONNECTION_READABLE], 0);
    assert_int_equal(told[0][HF_CONNECTION_ENDED], 1);
    assert_null(hf_connection_streams(pair->nodes[1].connection));
}

/* Those that end at the same time, and of which all but the last are left before they are told. */
static void streams_left_while_their_end_is_to_be_told_are_forgotten(void **state)
{
    (void)state;
    struct hf_stream *streams[3];
    for (int i = 0; i < 3; i++)
        streams[i] = open_stream();
    run_pair(pair);
    for (int i = 0; i < 3; i++)
        hf_stream_set_deadline(streams[i], pair->now_ns + 1);
    pair->now_ns += 1;
    struct hf_connection_event event;
    struct hf_connection *connection = pair->nodes[0].connection;
    assert_int_equal(hf_connection_next(connection, pair->now_ns, &event), HF_OK);
    assert_int_equal(event.kind, HF_CONNECTION_ENDED);
    assert_int_equal(event.status, HF_TIMEOUT);
    hf_stream_free(event.stream);
    hf_stream_reset(connection->ending_last); /* The last, and then the only one. */
    hf_stream_reset(connection->ending_first);
    assert_int_equal(hf_connection_next(connection, pair->now_ns, &event), HF_OK);
    assert_int_equal(event.kind, HF_CONNECTION_NOTHING);
    assert_null(hf_connection_streams(connection));
}

/* Whose end is known, but not told yet, hears no more, and its time is over but once. */
static void a_stream_whose_end_is_to_be_told_takes_no_more(void **state)
{
    (void)state;
    struct hf_stream *mine = open_stream();
    run_pair(pair);
    assert_int_equal(hf_stream_write(mine, hf_bytes("abc", 3)), 3);
    inbound->deadline_ns = pair->now_ns;
    inbound->connection->streams_deadline_ns = pair->now_ns;
    inbound->ends = true; /* As it is from when that is known until it is told. */
    run_pair(pair);
    assert_int_equal(told[1][HF_CONNECTION_READABLE], 0);
    assert_int_equal(told[1][HF_CONNECTION_ENDED], 0);
    inbound->ends = false;
}

/* Names HF_CONNECTION_IDLE_NS. What comes or goes puts it off, on both sides. */
static void a_stream_on_which_nothing_moves_is_over_after_a_while(void **state)
{
    (void)state;
    struct hf_stream *mine = open_stream();
    run_pair(pair);
    for (int i = 0; i < 3; i++) {
        pair->now_ns += HF_CONNECTION_IDLE_NS - HF_SECONDS(1);
        for (int me = 0; me < 2; me++)
            take_events(pair, me);
        assert_int_equal(hf_stream_write(mine, hf_bytes("abc", 3)), 3);
        run_pair(pair);
    }
    assert_int_equal(told[0][HF_CONNECTION_ENDED] + told[1][HF_CONNECTION_ENDED], 0);
    pair->now_ns += HF_CONNECTION_IDLE_NS;
    take_events(pair, 1);
    assert_int_equal(told[1][HF_CONNECTION_ENDED], 1);
}

/* Nothing comes or goes meanwhile, and the peer is content to wait. Reading nothing is no help. */
static void a_stream_of_which_what_was_kept_is_being_read_is_not_idle(void **state)
{
    (void)state;
    struct hf_stream *mine = open_stream();
    pair->nodes[0].connection->idle_ns = UINT64_MAX;
    run_pair(pair);
    assert_int_equal(hf_stream_write(mine, hf_bytes("abcdef", 6)), 6);
    run_pair(pair);
    for (size_t left = 6; left > 1; left--) {
        assert_int_equal(hf_stream_peek(inbound).size, left);
        pair->now_ns += HF_CONNECTION_IDLE_NS - HF_SECONDS(1);
        run_pair(pair);
        assert_int_equal(told[1][HF_CONNECTION_ENDED], 0);
        hf_stream_consume(inbound, 1);
    }
    pair->now_ns += HF_CONNECTION_IDLE_NS - HF_SECONDS(1);
    run_pair(pair);
    hf_stream_consume(inbound, 0);
    pair->now_ns += HF_SECONDS(1);
    take_events(pair, 1);
    assert_int_equal(told[1][HF_CONNECTION_ENDED], 1);
}

static uint64_t tell_time(void *owner)
{
    return ((const struct pair *)owner)->now_ns;
}

/* The connection itself has not been told the time for long. */
static void a_stream_that_is_used_from_elsewhere_is_not_idle(void **state)
{
    (void)state;
    struct hf_stream *mine = open_stream();
    struct hf_connection *connection = pair->nodes[0].connection;
    connection->used = tell_time;
    connection->owner = pair;
    run_pair(pair);
    pair->now_ns += HF_CONNECTION_IDLE_NS - HF_SECONDS(1);
    assert_int_equal(hf_stream_write(mine, hf_bytes("abc", 3)), 3);
    pair->now_ns += HF_SECONDS(2);
    take_events(pair, 0);
    assert_int_equal(told[0][HF_CONNECTION_ENDED], 0);
}

static void who_ends_all_while_data_is_lent_is_lent_no_more(void **state)
{
    (void)state;
    struct hf_stream *mine = open_stream();
    run_pair(pair);
    go_away_at_once = true;
    assert_int_equal(hf_stream_write(mine, hf_bytes("abc", 3)), 3);
    run_pair(pair);
    assert_int_equal(told[1][HF_CONNECTION_READABLE], 1);
    assert_int_equal(pair->nodes[0].status, HF_CLOSED);
    assert_int_equal(pair->nodes[1].status, HF_CLOSED);
}

static void a_name_that_is_none_opens_nothing(void **state)
{
    (void)state;
    char name[HF_MULTISTREAM_LINE_BYTES_MAX + 10];
    struct hf_stream *stream = (struct hf_stream *)1;
    memset(name, 'x', sizeof name);
    name[0] = '/';
    name[sizeof name - 1] = '\0';
    assert_int_equal(
        hf_connection_open(pair->nodes[0].connection, name, pair->now_ns, &stream), HF_INVALID);
    assert_null(stream);
    assert_null(hf_connection_streams(pair->nodes[0].connection));
    hf_stream_free(NULL);
}

#define WITH_PAIR(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PAIR(data_right_behind_the_name_is_told_after_the_opening),
        WITH_PAIR(a_stream_left_at_its_opening_has_nothing_more_to_tell),
        WITH_PAIR(streams_left_while_their_end_is_to_be_told_are_forgotten),
        WITH_PAIR(a_stream_whose_end_is_to_be_told_takes_no_more),
        WITH_PAIR(a_stream_on_which_nothing_moves_is_over_after_a_while),
        WITH_PAIR(a_stream_of_which_what_was_kept_is_being_read_is_not_idle),
        WITH_PAIR(a_stream_that_is_used_from_elsewhere_is_not_idle),
        WITH_PAIR(who_ends_all_while_data_is_lent_is_lent_no_more),
        WITH_PAIR(a_name_that_is_none_opens_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
