/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "net/connection_pair.h"
#include "scale.h"

/*
 * Many streams with random traffic, half-closes and resets over two connections, whose bytes come
 * in random pieces. A stream's bytes follow from its tag, which it writes first, and from their
 * place; so whoever reads can tell whether they are those that were written, and that in order.
 */

#define LIVE_MAX 40
#define BYTES_MAX 100000

/* One side's view of a stream, which it carries as its context. */
struct lane {
    struct hf_stream *stream; /* NULL: the place is free. */
    uint8_t tag;
    uint8_t peer_tag;
    bool usable;
    size_t to_write;
    size_t written;
    size_t read;
};

struct traffic {
    struct lane lanes[2][2 * LIVE_MAX];
    size_t ended[2];
    size_t well[2]; /* Of those: with both sides finished. */
    size_t bytes[2];
    bool lazy; /* Does not always read all. */
};

static uint8_t byte_of(uint8_t tag, size_t place)
{
    return place == 0 ? tag : (uint8_t)(tag + place * 13 + (place >> 8));
}

static struct lane *take_lane(struct pair *pair, int me, struct hf_stream *stream)
{
    struct traffic *traffic = pair->context;
    for (size_t i = 0; i < 2 * LIVE_MAX; i++) {
        struct lane *lane = &traffic->lanes[me][i];
        if (lane->stream)
            continue;
        *lane = (struct lane){.stream = stream,
            .tag = (uint8_t)pair_below(pair, 256),
            .to_write = pair_below(pair, 4) ? pair_below(pair, BYTES_MAX) : 0};
        hf_stream_set_context(stream, lane);
        return lane;
    }
    return NULL;
}

static void write_some(struct lane *lane)
{
    static uint8_t bytes[5000];
    while (lane->usable && lane->written < lane->to_write) {
        size_t size = lane->to_write - lane->written;
        size = size < sizeof bytes ? size : sizeof bytes;
        for (size_t i = 0; i < size; i++)
            bytes[i] = byte_of(lane->tag, lane->written + i);
        size_t taken = hf_stream_write(lane->stream, hf_bytes(bytes, size));
        lane->written += taken;
        if (taken < size)
            return;
    }
    if (lane->usable) {
        hf_stream_finish(lane->stream);
        hf_stream_finish(lane->stream);
    }
}

static void read_some(struct pair *pair, int me, struct lane *lane)
{
    struct traffic *traffic = pair->context;
    struct hf_bytes data;
    while ((data = hf_stream_peek(lane->stream)).size > 0) {
        if (traffic->lazy && pair_below(pair, 3) == 0)
            return;
        const uint8_t *bytes = data.data;
        size_t size = traffic->lazy ? 1 + pair_below(pair, data.size) : data.size;
        if (lane->read == 0)
            lane->peer_tag = bytes[0];
        for (size_t i = 0; i < size; i++)
            assert_int_equal(bytes[i], byte_of(lane->peer_tag, lane->read + i));
        lane->read += size;
        traffic->bytes[me] += size;
        hf_stream_consume(lane->stream, size);
    }
}

static void leave(struct lane *lane)
{
    struct hf_stream *stream = lane->stream;
    lane->stream = NULL;
    hf_stream_reset(stream);
}

static void on_event(struct pair *pair, int me, const struct hf_connection_event *event)
{
    struct traffic *traffic = pair->context;
    struct lane *lane = event->stream ? hf_stream_context(event->stream) : NULL;
    switch (event->kind) {
    case HF_CONNECTION_OPENED:
        lane = take_lane(pair, me, event->stream);
        if (!lane) {
            hf_stream_reset(event->stream);
            break;
        }
        /* fall through */
    case HF_CONNECTION_AGREED:
        lane->usable = true;
        write_some(lane);
        break;
    case HF_CONNECTION_READABLE:
    case HF_CONNECTION_FINISHED:
        read_some(pair, me, lane);
        if (traffic->lazy && pair_below(pair, 200) == 0)
            leave(lane);
        break;
    case HF_CONNECTION_WRITABLE:
        write_some(lane);
        break;
    case HF_CONNECTION_REFUSED:
    case HF_CONNECTION_ENDED:
        traffic->ended[me]++;
        traffic->well[me] += event->kind == HF_CONNECTION_ENDED && event->status == HF_OK;
        if (lane && event->kind == HF_CONNECTION_ENDED && event->status == HF_OK)
            assert_int_equal(lane->written, lane->to_write);
        if (lane) /* The peer's may end before a protocol is agreed on. */
            lane->stream = NULL;
        hf_stream_free(event->stream);
        break;
    default:
        break;
    }
}

static size_t count_lanes(const struct traffic *traffic, int me)
{
    size_t count = 0;
    for (size_t i = 0; i < 2 * LIVE_MAX; i++)
        count += traffic->lanes[me][i].stream != NULL;
    return count;
}

static void open_one(struct pair *pair, int me)
{
    static const char *const names[] = {"/echo/1", "/other/1", "/echo/1", "/none"};
    struct hf_stream *stream;
    if (count_lanes(pair->context, me) >= LIVE_MAX)
        return;
    enum hf_status status = hf_connection_open(
        pair->nodes[me].connection, names[pair_below(pair, 4)], pair->now_ns, &stream);
    assert_int_equal(status, HF_OK);
    assert_non_null(take_lane(pair, me, stream));
}

/* One thing that an application may do to one of its streams at any time. */
static void do_one(struct pair *pair, int me)
{
    struct traffic *traffic = pair->context;
    struct lane *lane = &traffic->lanes[me][pair_below(pair, 2 * LIVE_MAX)];
    if (!lane->stream) {
        open_one(pair, me);
        return;
    }
    read_some(pair, me, lane);
    if (pair_below(pair, 30) == 0)
        leave(lane);
}

static void step(struct pair *pair)
{
    for (int me = 0; me < 2; me++) {
        send_some(pair, me);
        arrive(pair, !me);
        assert_int_equal(pair->nodes[!me].status, HF_OK);
    }
    pair->now_ns += 100000;
}

static void read_all_lanes(struct pair *pair)
{
    struct traffic *traffic = pair->context;
    traffic->lazy = false;
    for (int me = 0; me < 2; me++) {
        for (size_t i = 0; i < 2 * LIVE_MAX; i++) {
            if (traffic->lanes[me][i].stream)
                read_some(pair, me, &traffic->lanes[me][i]);
        }
    }
}

static void run_seed(uint64_t seed)
{
    struct traffic *traffic = calloc(1, sizeof *traffic);
    struct pair *pair = new_pair(seed, seed % 2);
    traffic->lazy = true;
    pair->handle = on_event;
    pair->context = traffic;
    pair->piece_max = seed % 3 == 0 ? 700 : 200000;
    for (int me = 0; me < 2; me++)
        assert_int_equal(connect_one(pair, me, NULL, NULL), HF_OK);
    run_pair(pair);
    for (int i = 0; i < 400; i++) {
        do_one(pair, (int)pair_below(pair, 2));
        if (pair_below(pair, 3) == 0)
            step(pair);
    }
    size_t rounds = 0;
    while (hf_connection_streams(pair->nodes[0].connection) ||
           hf_connection_streams(pair->nodes[1].connection)) {
        assert_true(++rounds < 1000);
        read_all_lanes(pair);
        run_pair(pair);
    }
    for (int me = 0; me < 2; me++) {
        assert_int_equal(count_lanes(traffic, me), 0);
        assert_true(traffic->well[me] > 0 && traffic->ended[me] > traffic->well[me]);
        assert_true(traffic->bytes[me] > 0);
    }
    hf_block_pool_fini(&pair->blocks);
    free_pair(pair);
    free(traffic);
}

static void random_traffic_arrives_whole_and_in_order(void **state)
{
    (void)state;
    size_t seeds = test_is_slow() ? 3 : 12;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        run_seed(seed);
    }
}

static void ignore(struct pair *pair, int me, const struct hf_connection_event *event)
{
    (void)pair, (void)me, (void)event;
}

/* What flushing finds no room for is still owed, and is said to be. */
static void what_finds_no_room_is_owed_until_it_is_flushed_again(void **state)
{
    (void)state;
    static const uint8_t zeros[300000];
    struct pair *pair = new_pair(1, true);
    struct hf_stream *streams[2];
    pair->handle = ignore;
    for (int me = 0; me < 2; me++)
        assert_int_equal(connect_one(pair, me, NULL, NULL), HF_OK);
    run_pair(pair);
    struct hf_connection *connection = pair->nodes[0].connection;
    for (int i = 0; i < 2; i++) {
        enum hf_status status =
            hf_connection_open(connection, "/echo/1", pair->now_ns, &streams[i]);
        assert_int_equal(status, HF_OK);
    }
    run_pair(pair);
    for (int i = 0; i < 2; i++)
        assert_true(hf_stream_write(streams[i], hf_bytes(zeros, sizeof zeros)) < sizeof zeros);
    struct hf_stream *third;
    assert_int_equal(hf_connection_open(connection, "/echo/1", pair->now_ns, &third), HF_OK);
    hf_stream_reset(third); /* Of this the peer is to be told. */
    assert_int_equal(hf_connection_flush(connection, pair->now_ns), HF_OK);
    assert_true(hf_connection_owes(connection));
    struct hf_bytes piece;
    while (hf_connection_pieces(connection, &piece, 1) > 0)
        hf_connection_sent(connection, piece.size, pair->now_ns);
    assert_int_equal(hf_connection_flush(connection, pair->now_ns), HF_OK);
    assert_false(hf_connection_owes(connection));
    assert_true(hf_connection_pieces(connection, &piece, 1) > 0);
    free_pair(pair);
}

/* Memory that runs out at the fail_at-th request. */
struct scarce {
    size_t requests;
    size_t fail_at;
    int64_t live;
};

static void *scarce_allocate(void *context, size_t size, size_t alignment)
{
    struct scarce *scarce = context;
    (void)alignment;
    if (++scarce->requests == scarce->fail_at)
        return NULL;
    void *memory = calloc(1, size);
    scarce->live += memory != NULL;
    return memory;
}

static void scarce_release(void *context, void *memory, size_t size, size_t alignment)
{
    struct scarce *scarce = context;
    (void)size, (void)alignment;
    scarce->live--;
    free(memory);
}

/* Streams over two connections, of which the listener lacks memory once. True: it came to that. */
static bool run_scarce(size_t fail_at)
{
    struct scarce scarce = {.fail_at = fail_at};
    const struct hf_allocator memory = {&scarce, scarce_allocate, scarce_release};
    struct traffic *traffic = calloc(1, sizeof *traffic);
    struct pair *pair = new_pair(5, false);
    struct hf_block_pool scarce_blocks;
    hf_block_pool_init(&scarce_blocks, &memory);
    hf_block_pool_fini(&pair->blocks);
    pair->blocks = scarce_blocks;
    traffic->lazy = true;
    pair->handle = on_event;
    pair->context = traffic;
    pair->piece_max = 3000;
    bool begun = connect_one(pair, 0, NULL, &memory) == HF_OK &&
                 connect_one(pair, 1, NULL, &memory) == HF_OK;
    for (int i = 0; begun && i < 60; i++) {
        for (int me = 0; me < 2; me++) {
            struct hf_stream *stream;
            struct node *node = &pair->nodes[me];
            if (i % 10 == 5 && node->status == HF_OK &&
                hf_connection_open(node->connection, "/echo/1", pair->now_ns, &stream) == HF_OK)
                take_lane(pair, me, stream);
            send_some(pair, me);
            if (pair->nodes[!me].status == HF_OK)
                arrive(pair, !me);
        }
        pair->now_ns += 1000;
    }
    free_pair(pair);
    assert_int_equal(scarce.live, 0);
    free(traffic);
    return scarce.requests >= fail_at;
}

static void lacking_memory_at_any_request_leaks_and_breaks_nothing(void **state)
{
    (void)state;
    size_t n = 1;
    while (run_scarce(n))
        n++;
    print_message("%zu requests\n", n - 1);
    assert_true(n > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_traffic_arrives_whole_and_in_order),
        cmocka_unit_test(what_finds_no_room_is_owed_until_it_is_flushed_again),
        cmocka_unit_test(lacking_memory_at_any_request_leaks_and_breaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
