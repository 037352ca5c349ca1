/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/connection_pair.h"
#include "net/yamux.h"
#include "scale.h"

/* What happened, by kind and side. */
struct tally {
    unsigned count[2][HF_CONNECTION_PONG + 1];
    enum hf_status last_status;
    struct hf_stream *opened[2];
    bool echoes;      /* The listener sends back what it gets. */
    bool reads;       /* Either side consumes what it gets. */
    uint64_t read[2]; /* Bytes. */
};

static void echo(struct hf_stream *stream)
{
    struct hf_bytes data;
    while ((data = hf_stream_peek(stream)).size > 0) {
        size_t size = hf_stream_write(stream, data);
        hf_stream_consume(stream, size);
        if (size < data.size)
            return;
    }
    if (hf_stream_at_end(stream))
        hf_stream_finish(stream);
}

static void read_all(struct tally *tally, int me, struct hf_stream *stream)
{
    struct hf_bytes data;
    while ((data = hf_stream_peek(stream)).size > 0) {
        const uint8_t *bytes = data.data;
        for (size_t i = 0; i < data.size; i++)
            assert_int_equal(bytes[i], (uint8_t)((tally->read[me] + i) * 7));
        tally->read[me] += data.size;
        hf_stream_consume(stream, data.size);
    }
}

static void note(struct pair *pair, int me, const struct hf_connection_event *event)
{
    struct tally *tally = pair->context;
    tally->count[me][event->kind]++;
    switch (event->kind) {
    case HF_CONNECTION_OPENED:
    case HF_CONNECTION_READABLE:
    case HF_CONNECTION_WRITABLE:
    case HF_CONNECTION_FINISHED:
        tally->opened[me] = event->stream;
        if (tally->echoes && me == 1)
            echo(event->stream);
        else if (tally->reads)
            read_all(tally, me, event->stream);
        break;
    case HF_CONNECTION_ENDED:
    case HF_CONNECTION_REFUSED:
        tally->last_status = event->status;
        hf_stream_free(event->stream);
        break;
    default:
        break;
    }
}

static struct pair *connected(uint64_t seed, bool inlined, size_t piece_max, struct tally *tally)
{
    struct pair *pair = new_pair(seed, inlined);
    *tally = (struct tally){.echoes = true, .reads = true};
    pair->piece_max = piece_max;
    pair->handle = note;
    pair->context = tally;
    for (int me = 0; me < 2; me++)
        assert_int_equal(connect_one(pair, me, NULL, NULL), HF_OK);
    run_pair(pair);
    return pair;
}

static void two_sides_meet_whether_or_not_the_muxer_is_inlined(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 7, 1000, 200000};
    struct tally tally;
    for (int inlined = 0; inlined < 2; inlined++) {
        for (size_t i = 0; i < 4; i++) {
            struct pair *pair = connected(i, inlined, pieces[i], &tally);
            for (int me = 0; me < 2; me++) {
                struct node *node = &pair->nodes[me];
                assert_int_equal(tally.count[me][HF_CONNECTION_SECURED], 1);
                assert_int_equal(tally.count[me][HF_CONNECTION_READY], 1);
                assert_int_equal(tally.count[me][HF_CONNECTION_PONG], 1);
                assert_true(hf_connection_ready(node->connection));
                assert_true(hf_peer_id_equals(
                    hf_connection_peer(node->connection), &pair->nodes[!me].identity.id));
                assert_string_equal(hf_connection_reason(node->connection), "");
            }
            assert_int_equal(pair->blocks.spare_count > 0, 1);
            free_pair(pair);
        }
    }
}

static void a_peer_other_than_the_expected_one_is_refused(void **state)
{
    (void)state;
    struct tally tally = {.echoes = true};
    struct pair *pair = new_pair(1, true);
    pair->handle = note;
    pair->context = &tally;
    assert_int_equal(connect_one(pair, 0, &pair->nodes[0].identity.id, NULL), HF_OK);
    assert_int_equal(connect_one(pair, 1, NULL, NULL), HF_OK);
    run_pair(pair);
    assert_int_equal(pair->nodes[0].status, HF_FAILED);
    assert_non_null(strstr(hf_connection_reason(pair->nodes[0].connection), "expected"));
    assert_int_equal(tally.count[0][HF_CONNECTION_SECURED], 0);
    assert_int_equal(tally.count[1][HF_CONNECTION_SECURED], 0);
    assert_null(hf_connection_peer(pair->nodes[0].connection));
    free_pair(pair);
}

/* Writes size bytes on a stream of the dialer's as it takes them, ends it, and reads the echo. */
static void echo_bytes(struct pair *pair, struct tally *tally, size_t size)
{
    static uint8_t bytes[100000];
    struct hf_stream *stream;
    tally->read[0] = 0;
    assert_int_equal(
        hf_connection_open(pair->nodes[0].connection, "/echo/1", pair->now_ns, &stream), HF_OK);
    assert_string_equal(hf_stream_protocol(stream), "");
    assert_int_equal(hf_stream_write(stream, hf_bytes("x", 1)), 0);
    unsigned ended = tally->count[0][HF_CONNECTION_ENDED];
    run_pair(pair);
    assert_string_equal(hf_stream_protocol(stream), "/echo/1");
    for (size_t written = 0; written < size;) {
        size_t part = size - written < sizeof bytes ? size - written : sizeof bytes;
        for (size_t i = 0; i < part; i++)
            bytes[i] = (uint8_t)((written + i) * 7);
        size_t taken = hf_stream_write(stream, hf_bytes(bytes, part));
        written += taken;
        if (taken < part)
            run_pair(pair);
    }
    hf_stream_finish(stream);
    assert_int_equal(hf_stream_write(stream, hf_bytes("x", 1)), 0);
    run_pair(pair);
    assert_int_equal(tally->read[0], size);
    assert_int_equal(tally->count[0][HF_CONNECTION_ENDED], ended + 1);
    assert_int_equal(tally->last_status, HF_OK);
    assert_null(hf_connection_streams(pair->nodes[0].connection));
    assert_null(hf_connection_streams(pair->nodes[1].connection));
}

static void what_is_sent_comes_back_and_the_streams_are_gone(void **state)
{
    (void)state;
    struct tally tally;
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct pair *pair = connected(seed, seed % 2, seed < 2 ? 9 : 100000, &tally);
        echo_bytes(pair, &tally, 0);
        echo_bytes(pair, &tally, 1);
        echo_bytes(pair, &tally, seed < 2 ? 3000 : test_scaled(3000000));
        free_pair(pair);
    }
}

static void a_connection_at_rest_holds_no_blocks(void **state)
{
    (void)state;
    struct tally tally;
    struct pair *pair = connected(1, true, 100000, &tally);
    echo_bytes(pair, &tally, 200000);
    size_t spare = pair->blocks.spare_count;
    for (int i = 0; i < 20; i++)
        echo_bytes(pair, &tally, 10);
    assert_true(pair->blocks.spare_count <= spare);
    hf_block_pool_fini(&pair->blocks); /* They are all there: none is lost, none in use. */
    free_pair(pair);
}

static void a_reader_that_stops_stops_the_writer(void **state)
{
    (void)state;
    static const uint8_t zeros[100000];
    struct tally tally;
    struct pair *pair = connected(3, true, 100000, &tally);
    struct hf_stream *stream;
    tally.echoes = tally.reads = false;
    assert_int_equal(
        hf_connection_open(pair->nodes[0].connection, "/echo/1", pair->now_ns, &stream), HF_OK);
    run_pair(pair);
    size_t written = 0;
    for (int i = 0; i < 20; i++) {
        written += hf_stream_write(stream, hf_bytes(zeros, sizeof zeros));
        run_pair(pair);
    }
    /* The initial window less the header and the name that came first. */
    assert_int_equal(written, 262144 - 20 - 9);
    assert_int_equal(hf_stream_peek(tally.opened[1]).size, written);
    hf_stream_consume(tally.opened[1], written / 2);
    unsigned writable = tally.count[0][HF_CONNECTION_WRITABLE];
    run_pair(pair);
    assert_int_equal(tally.count[0][HF_CONNECTION_WRITABLE], writable + 1);
    free_pair(pair);
}

static void a_protocol_nobody_speaks_is_refused(void **state)
{
    (void)state;
    struct tally tally;
    struct pair *pair = connected(4, false, 100000, &tally);
    struct hf_stream *stream;
    assert_int_equal(
        hf_connection_open(pair->nodes[0].connection, "/none", pair->now_ns, &stream), HF_OK);
    run_pair(pair);
    assert_int_equal(tally.count[0][HF_CONNECTION_REFUSED], 1);
    run_pair(pair);
    assert_null(hf_connection_streams(pair->nodes[0].connection));
    assert_null(hf_connection_streams(pair->nodes[1].connection));
    free_pair(pair);
}

static void a_stream_reset_by_one_side_ends_on_the_other(void **state)
{
    (void)state;
    struct tally tally;
    struct pair *pair = connected(5, true, 100000, &tally);
    struct hf_stream *stream;
    tally.echoes = tally.reads = false;
    assert_int_equal(
        hf_connection_open(pair->nodes[0].connection, "/echo/1", pair->now_ns, &stream), HF_OK);
    run_pair(pair);
    assert_int_equal(hf_stream_write(stream, hf_bytes("abc", 3)), 3);
    run_pair(pair);
    hf_stream_reset(stream);
    run_pair(pair);
    assert_int_equal(tally.count[1][HF_CONNECTION_ENDED], 1);
    assert_int_equal(tally.last_status, HF_CLOSED);
    assert_null(hf_connection_streams(pair->nodes[1].connection));
    free_pair(pair);
}

static void a_stream_past_its_deadline_ends(void **state)
{
    (void)state;
    struct tally tally;
    struct pair *pair = connected(6, true, 100000, &tally);
    struct hf_stream *stream, *other;
    struct hf_connection *connection = pair->nodes[0].connection;
    assert_int_equal(hf_connection_open(connection, "/echo/1", pair->now_ns, &stream), HF_OK);
    assert_int_equal(hf_connection_open(connection, "/echo/1", pair->now_ns, &other), HF_OK);
    run_pair(pair);
    uint64_t due_ns = pair->now_ns + HF_SECONDS(1);
    hf_stream_set_deadline(stream, due_ns);
    hf_stream_set_deadline(other, due_ns + HF_SECONDS(100));
    assert_true(hf_connection_deadline_ns(connection) <= due_ns);
    pair->now_ns = due_ns - 1;
    take_events(pair, 0);
    assert_int_equal(tally.count[0][HF_CONNECTION_ENDED], 0);
    pair->now_ns = due_ns;
    take_events(pair, 0);
    assert_int_equal(tally.count[0][HF_CONNECTION_ENDED], 1);
    assert_int_equal(tally.last_status, HF_TIMEOUT);
    assert_ptr_equal(hf_connection_streams(connection), other);
    free_pair(pair);
}

static void a_peer_that_never_finishes_setting_up_is_given_up(void **state)
{
    (void)state;
    struct tally tally = {.echoes = true};
    struct pair *pair = new_pair(1, true);
    pair->handle = note;
    pair->context = &tally;
    assert_int_equal(connect_one(pair, 1, NULL, NULL), HF_OK);
    struct hf_connection *connection = pair->nodes[1].connection;
    uint64_t due_ns = pair->now_ns + HF_CONNECTION_SETUP_NS;
    assert_int_equal(hf_connection_deadline_ns(connection), due_ns);
    pair->now_ns = due_ns - 1;
    take_events(pair, 1);
    assert_int_equal(pair->nodes[1].status, HF_OK);
    pair->now_ns = due_ns;
    take_events(pair, 1);
    assert_int_equal(pair->nodes[1].status, HF_TIMEOUT);
    assert_string_equal(hf_connection_reason(connection), "not set up in time");
    free_pair(pair);
}

static void a_peer_that_reads_nothing_is_given_up(void **state)
{
    (void)state;
    struct tally tally;
    struct pair *pair = connected(7, true, 100000, &tally);
    struct hf_stream *stream;
    struct hf_connection *connection = pair->nodes[0].connection;
    assert_int_equal(hf_connection_open(connection, "/echo/1", pair->now_ns, &stream), HF_OK);
    assert_int_equal(hf_connection_flush(connection, pair->now_ns), HF_OK);
    pair->now_ns += HF_CONNECTION_STALL_NS;
    take_events(pair, 0);
    assert_int_equal(pair->nodes[0].status, HF_TIMEOUT);
    assert_string_equal(hf_connection_reason(connection), "the peer reads nothing");
    free_pair(pair);
}

static void leaving_is_told_and_ends_the_other_side(void **state)
{
    (void)state;
    struct tally tally;
    struct pair *pair = connected(8, true, 100000, &tally);
    hf_connection_go_away(pair->nodes[0].connection);
    run_pair(pair);
    assert_int_equal(pair->nodes[1].status, HF_CLOSED);
    assert_non_null(strstr(hf_connection_reason(pair->nodes[1].connection), "code 0"));
    struct hf_stream *stream;
    assert_int_equal(
        hf_connection_open(pair->nodes[1].connection, "/echo/1", pair->now_ns, &stream), HF_CLOSED);
    free_pair(pair);
}

static void a_peer_that_answers_no_pings_is_given_up(void **state)
{
    (void)state;
    struct tally tally;
    struct pair *pair = connected(9, true, 100000, &tally);
    struct hf_connection *connection = pair->nodes[0].connection;
    struct hf_bytes piece;
    pair->now_ns = hf_connection_deadline_ns(connection);
    take_events(pair, 0);
    assert_int_equal(pair->nodes[0].status, HF_OK);
    assert_int_equal(hf_connection_flush(connection, pair->now_ns), HF_OK);
    assert_int_equal(hf_connection_pieces(connection, &piece, 1), 1);
    hf_connection_sent(connection, piece.size, pair->now_ns);
    pair->now_ns = hf_connection_deadline_ns(connection);
    take_events(pair, 0);
    assert_int_equal(pair->nodes[0].status, HF_TIMEOUT);
    assert_string_equal(hf_connection_reason(connection), "the peer does not answer pings");
    free_pair(pair);
}

/* By taking some of what waited, or by sending something. */
static void a_peer_that_shows_life_has_more_time_to_answer_pings(void **state)
{
    (void)state;
    struct tally tally;
    struct pair *pair = connected(9, true, 100000, &tally);
    struct hf_connection *connection = pair->nodes[0].connection;
    struct hf_bytes piece;
    struct hf_stream *stream;
    pair->now_ns = hf_connection_deadline_ns(connection);
    take_events(pair, 0);
    assert_int_equal(hf_connection_flush(connection, pair->now_ns), HF_OK);
    assert_int_equal(hf_connection_pieces(connection, &piece, 1), 1);
    hf_connection_sent(connection, piece.size, pair->now_ns);
    pair->now_ns += HF_YAMUX_PONG_WITHIN_NS - 1;
    hf_connection_sent(connection, 0, pair->now_ns); /* That is no sign of it. */
    assert_int_equal(hf_connection_deadline_ns(connection), pair->now_ns + 1);
    hf_connection_progressed(connection, pair->now_ns);
    assert_int_equal(hf_connection_deadline_ns(connection), pair->now_ns + HF_YAMUX_PONG_WITHIN_NS);
    pair->now_ns += HF_YAMUX_PONG_WITHIN_NS - 1;
    assert_int_equal(
        hf_connection_open(pair->nodes[1].connection, "/echo/1", pair->now_ns, &stream), HF_OK);
    send_some(pair, 1);
    arrive(pair, 0);
    assert_int_equal(pair->nodes[0].status, HF_OK);
    assert_true(hf_connection_deadline_ns(connection) > pair->now_ns + 1);
    free_pair(pair);
}

static void a_stream_says_whose_it_is_and_does_nothing_once_all_is_over(void **state)
{
    (void)state;
    struct tally tally;
    struct pair *pair = connected(10, true, 100000, &tally);
    struct node *node = &pair->nodes[0];
    const struct hf_identity *other = &pair->nodes[1].identity;
    struct hf_stream *stream;
    assert_int_equal(hf_connection_open(node->connection, "/echo/1", pair->now_ns, &stream), HF_OK);
    assert_true(hf_peer_id_equals(hf_stream_peer(stream), &other->id));
    hf_stream_finish(stream); /* Too early: it is not agreed on. */
    assert_int_equal(hf_stream_write(stream, hf_bytes("x", 1)), 0);
    run_pair(pair);
    assert_int_equal(hf_stream_write(stream, hf_bytes("x", 1)), 1);
    hf_connection_go_away(node->connection);
    assert_int_equal(hf_stream_write(stream, hf_bytes("x", 1)), 0);
    hf_stream_finish(stream);
    hf_stream_consume(stream, 100);
    assert_false(hf_stream_at_end(stream));
    hf_stream_part(stream);
    hf_stream_reset(stream); /* Too late: it is freed by who parts with it. */
    assert_ptr_equal(hf_connection_streams(node->connection), stream);
    free_pair(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_sides_meet_whether_or_not_the_muxer_is_inlined),
        cmocka_unit_test(a_peer_other_than_the_expected_one_is_refused),
        cmocka_unit_test(what_is_sent_comes_back_and_the_streams_are_gone),
        cmocka_unit_test(a_connection_at_rest_holds_no_blocks),
        cmocka_unit_test(a_reader_that_stops_stops_the_writer),
        cmocka_unit_test(a_protocol_nobody_speaks_is_refused),
        cmocka_unit_test(a_stream_reset_by_one_side_ends_on_the_other),
        cmocka_unit_test(a_stream_past_its_deadline_ends),
        cmocka_unit_test(a_peer_that_never_finishes_setting_up_is_given_up),
        cmocka_unit_test(a_peer_that_reads_nothing_is_given_up),
        cmocka_unit_test(leaving_is_told_and_ends_the_other_side),
        cmocka_unit_test(a_peer_that_answers_no_pings_is_given_up),
        cmocka_unit_test(a_peer_that_shows_life_has_more_time_to_answer_pings),
        cmocka_unit_test(a_stream_says_whose_it_is_and_does_nothing_once_all_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
