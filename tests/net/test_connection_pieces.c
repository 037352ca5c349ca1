/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/connection_pair.h"
#include "scale.h"

/* What a recorded session means does not hang on the pieces in which its bytes come. */

#define TURNS_MAX 64
#define STREAMS 6
#define LOG_MAX 256

/* What the dialer said, turn by turn: each follows from what the listener said before. */
struct recording {
    uint8_t bytes[1 << 20];
    size_t ends[TURNS_MAX];
    size_t turns;
    size_t size;
};

/* What a listener was told, with what was read by then of the stream it is about. */
struct told {
    uint64_t words[LOG_MAX];
    size_t count;
    uint64_t read[STREAMS + 1];
    uintptr_t streams;
};

static void tell(struct told *told, uint64_t word)
{
    assert_true(told->count < LOG_MAX);
    told->words[told->count++] = word;
}

static void listen_to(struct told *told, const struct hf_connection_event *event)
{
    struct hf_stream *stream = event->stream;
    uintptr_t number = stream ? (uintptr_t)hf_stream_context(stream) : 0;
    if (event->kind == HF_CONNECTION_OPENED) {
        number = ++told->streams;
        assert_true(number <= STREAMS);
        hf_stream_set_context(stream, (void *)number);
    }
    if (event->kind == HF_CONNECTION_READABLE) {
        struct hf_bytes data = hf_stream_peek(stream);
        for (size_t i = 0; i < data.size; i++)
            told->read[number] = told->read[number] * 31 + ((const uint8_t *)data.data)[i];
        hf_stream_consume(stream, data.size);
        return; /* However many of these there are. */
    }
    tell(told, (uint64_t)event->kind << 32 | (uint64_t)event->status << 16 | number);
    tell(told, told->read[number] + event->protocol);
    if (event->kind == HF_CONNECTION_FINISHED)
        hf_stream_finish(stream);
    if (event->kind == HF_CONNECTION_ENDED)
        hf_stream_free(stream);
}

static void on_event(struct pair *pair, int me, const struct hf_connection_event *event)
{
    if (me == 1)
        listen_to(pair->context, event);
    else if (event->kind == HF_CONNECTION_ENDED || event->kind == HF_CONNECTION_REFUSED)
        hf_stream_free(event->stream);
}

static void take_turn(struct pair *pair, struct recording *recording)
{
    struct node *dialer = &pair->nodes[0];
    send_some(pair, 0);
    memcpy(recording->bytes + recording->size, dialer->sent, dialer->sent_size);
    recording->size += dialer->sent_size;
    recording->ends[recording->turns++] = recording->size;
    while (dialer->sent_size > 0)
        arrive(pair, 1);
    send_some(pair, 1);
    while (pair->nodes[1].sent_size > 0)
        arrive(pair, 0);
}

/* Streams that are refused, ended, reset and left open, and data on all of them. */
static void record(bool inlined, struct recording *recording, struct told *told)
{
    static const char *const wanted[] = {"/echo/1", "/none", "/other/1", "/echo/1", "/echo/1"};
    static uint8_t bytes[30000];
    struct hf_stream *streams[5];
    struct pair *pair = new_pair(1, inlined);
    *told = (struct told){0};
    recording->size = recording->turns = 0;
    pair->handle = on_event;
    pair->context = told;
    for (int me = 0; me < 2; me++)
        assert_int_equal(connect_one(pair, me, NULL, NULL), HF_OK);
    for (int i = 0; i < 6; i++)
        take_turn(pair, recording);
    for (int i = 0; i < 5; i++)
        assert_int_equal(
            hf_connection_open(pair->nodes[0].connection, wanted[i], pair->now_ns, &streams[i]),
            HF_OK);
    for (int i = 0; i < 3; i++)
        take_turn(pair, recording);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7);
    for (int i = 0; i < 5; i++) {
        size_t size = test_scaled(sizeof bytes) / (size_t)(i + 1);
        if (i != 1)
            assert_int_equal(hf_stream_write(streams[i], hf_bytes(bytes, size)), size);
    }
    hf_stream_finish(streams[0]);
    take_turn(pair, recording);
    hf_stream_reset(streams[2]);
    hf_stream_finish(streams[3]);
    take_turn(pair, recording);
    hf_connection_go_away(pair->nodes[0].connection);
    take_turn(pair, recording);
    assert_int_equal(pair->nodes[1].status, HF_CLOSED);
    free_pair(pair);
}

static void replay(
    bool inlined, const struct recording *recording, size_t piece_max, struct told *told)
{
    struct pair *pair = new_pair(piece_max, inlined);
    struct node *dialer = &pair->nodes[0];
    *told = (struct told){0};
    pair->handle = on_event;
    pair->context = told;
    pair->piece_max = piece_max;
    assert_int_equal(connect_one(pair, 1, NULL, NULL), HF_OK);
    size_t begin = 0;
    for (size_t turn = 0; turn < recording->turns; turn++) {
        dialer->sent_size = recording->ends[turn] - begin;
        memcpy(dialer->sent, recording->bytes + begin, dialer->sent_size);
        begin = recording->ends[turn];
        while (dialer->sent_size > 0 && pair->nodes[1].status == HF_OK)
            arrive(pair, 1);
        send_some(pair, 1);
        pair->nodes[1].sent_size = 0;
    }
    assert_int_equal(pair->nodes[1].status, HF_CLOSED);
    free_pair(pair);
}

static void a_recorded_session_means_the_same_in_pieces_of_any_size(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 2, 13, 1000, 100000};
    static struct recording recording;
    static struct told live, again;
    for (int inlined = 0; inlined < 2; inlined++) {
        record(inlined, &recording, &live);
        assert_int_equal(live.streams, 4);
        for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
            replay(inlined, &recording, pieces[i], &again);
            assert_int_equal(again.count, live.count);
            assert_memory_equal(again.words, live.words, live.count * sizeof live.words[0]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_recorded_session_means_the_same_in_pieces_of_any_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
