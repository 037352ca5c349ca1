/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/random.h>

#include "net/yamux_pair.h"
#include "net/yamux_session.h"
#include "scale.h"

/* Two sessions and made-up traffic between them, which arrives in pieces of any size. */

#define SEED 20260201
#define STREAMS 24
#define BYTES_MAX 900000

/* One side of a stream: what it still has to write, and how much it has got. */
struct end {
    struct hf_yamux_stream *stream;
    size_t to_write;
    size_t written;
    size_t received;
    size_t unread;
    bool heard_out;
    bool reset;
};

struct side {
    struct hf_yamux *session;
    struct end ends[2 * STREAMS + 2]; /* By half the id: this side's streams and the other's. */
    struct wire out;
};

struct world {
    struct hf_splitmix random;
    struct side sides[2];
    uint64_t now_ns;
    bool resets; /* Whether streams are given up now and then. */
};

static size_t below(struct world *world, size_t limit)
{
    return (size_t)(hf_splitmix_next(&world->random) % limit);
}

/* The byte at an offset of what one side writes on a stream. */
static uint8_t byte_at(uint32_t id, int side, size_t offset)
{
    return (uint8_t)(offset * 31 + offset / 251 + id * 7 + (unsigned)side);
}

static void begin(struct world *world, struct side *side, struct hf_yamux_stream *stream)
{
    struct end *end = &side->ends[stream->id % 2 ? stream->id / 2 : STREAMS + stream->id / 2];
    assert_null(end->stream);
    *end = (struct end){.stream = stream, .to_write = below(world, BYTES_MAX)};
    stream->holder = end;
}

static void check_data(int me, const struct hf_yamux_event *event)
{
    struct end *end = event->stream->holder;
    const uint8_t *bytes = event->data.data;
    assert_false(end->heard_out);
    for (size_t i = 0; i < event->data.size; i++)
        if (bytes[i] != byte_at(event->stream->id, !me, end->received + i))
            fail_msg(
                "stream %u: another byte at %zu", (unsigned)event->stream->id, end->received + i);
    end->received += event->data.size;
    end->unread += event->data.size;
}

static void handle(struct world *world, int me, const struct hf_yamux_event *event)
{
    struct side *side = &world->sides[me];
    switch (event->kind) {
    case HF_YAMUX_OPENED:
        begin(world, side, event->stream);
        break;
    case HF_YAMUX_RECEIVED:
        check_data(me, event);
        break;
    case HF_YAMUX_FINISHED:
        ((struct end *)event->stream->holder)->heard_out = true;
        break;
    case HF_YAMUX_RESET:
        ((struct end *)event->stream->holder)->reset = true;
        break;
    default:
        break;
    }
}

/* Some of what the other side has put out arrives. */
static void deliver(struct world *world, int to)
{
    struct wire *wire = &world->sides[!to].out;
    size_t size = below(world, wire->size + 1);
    if (below(world, 3) == 0)
        size = wire->size < 13 ? wire->size : below(world, 13);
    struct hf_bytes bytes = hf_bytes(wire->bytes, size);
    struct hf_yamux_event event;
    struct hf_error error = {0};
    do {
        if (hf_yamux_feed(world->sides[to].session, &bytes, world->now_ns, &event, &error) != HF_OK)
            fail_msg("%s", hf_error_text(&error));
        handle(world, to, &event);
    } while (event.kind != HF_YAMUX_NOTHING);
    assert_int_equal(bytes.size, 0);
    memmove(wire->bytes, wire->bytes + size, wire->size - size);
    wire->size -= size;
}

static void write_some(struct world *world, int me, struct end *end)
{
    static uint8_t memory[70000];
    struct side *side = &world->sides[me];
    size_t left = end->to_write - end->written;
    size_t size = below(world, sizeof memory);
    size = size < left ? size : left;
    for (size_t i = 0; i < size; i++)
        memory[i] = byte_at(end->stream->id, me, end->written + i);
    struct hf_bytes data = hf_bytes(memory, size);
    size_t room = sizeof side->out.bytes - side->out.size;
    side->out.size += hf_yamux_write(
        end->stream, &data, side->out.bytes + side->out.size, below(world, room + 1));
    end->written += size - data.size;
    if (end->written == end->to_write)
        hf_yamux_finish(end->stream);
}

static void let_go(struct end *end)
{
    hf_yamux_release(end->stream);
    *end = (struct end){0};
}

static void step_end(struct world *world, int me, struct end *end)
{
    if (!end->stream)
        return;
    if (end->reset || (world->resets && below(world, 400) == 0)) {
        let_go(end);
        return;
    }
    if (below(world, 2) == 0)
        write_some(world, me, end);
    if (end->unread > 0 && below(world, 2) == 0) {
        size_t size = below(world, end->unread) + 1;
        hf_yamux_consumed(end->stream, (uint32_t)size, world->now_ns);
        end->unread -= size;
    }
    if (end->heard_out && end->unread == 0 && end->written == end->to_write)
        let_go(end);
}

static void step(struct world *world, int me, uint32_t *to_open)
{
    struct side *side = &world->sides[me];
    struct hf_yamux_stream *stream;
    if (*to_open > 0 && below(world, 4) == 0) {
        assert_int_equal(hf_yamux_open(side->session, &stream), HF_OK);
        begin(world, side, stream);
        --*to_open;
    }
    for (size_t i = 0; i < sizeof side->ends / sizeof side->ends[0]; i++)
        step_end(world, me, &side->ends[i]);
    size_t room = sizeof side->out.bytes - side->out.size;
    side->out.size += hf_yamux_drain(
        side->session, world->now_ns, side->out.bytes + side->out.size, below(world, room + 1));
    deliver(world, !me);
    world->now_ns += 1 + below(world, 1000);
}

static bool at_rest(const struct side *side)
{
    const struct hf_yamux *session = side->session;
    return session->inbound == 0 && session->outbound == 0 && side->out.size == 0 &&
           !hf_yamux_owes(session);
}

static void run_traffic(uint64_t seed, bool resets)
{
    struct world *world = calloc(1, sizeof *world);
    hf_splitmix_init(&world->random, seed);
    world->now_ns = 1;
    world->resets = resets;
    uint32_t to_open[2] = {STREAMS, STREAMS};
    for (int me = 0; me < 2; me++)
        world->sides[me].session = new_session(me == 0);
    size_t steps = 0;
    do {
        if (++steps == 200000)
            fail_msg("no end in sight with seed %llu", (unsigned long long)seed);
        step(world, 0, &to_open[0]);
        step(world, 1, &to_open[1]);
    } while (to_open[0] || to_open[1] || !at_rest(&world->sides[0]) || !at_rest(&world->sides[1]));
    for (int me = 0; me < 2; me++) {
        assert_int_equal(world->sides[me].session->windows_grown, 0);
        assert_int_equal(world->sides[me].session->unanswered, 0);
        hf_yamux_free(world->sides[me].session);
    }
    free(world);
}

static void every_byte_arrives_in_order_and_nothing_is_left_behind(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < test_scaled(12); round++)
        run_traffic(SEED + round, false);
}

static void streams_given_up_at_any_moment_harm_no_other(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < test_scaled(24); round++)
        run_traffic(SEED + 1000 + round, true);
}

/* What a session has told, pieces of one stream's data joined. */
struct account {
    char text[400000];
    size_t size;
    uint32_t receiving;
};

static void note(struct account *account, const struct hf_yamux_event *event)
{
    uint32_t id = event->stream ? event->stream->id : 0;
    if (event->kind != HF_YAMUX_RECEIVED || account->receiving != id)
        account->size += (size_t)snprintf(account->text + account->size, 40,
            "|%d,%u,%u:", (int)event->kind, (unsigned)id, (unsigned)event->code);
    account->receiving = event->kind == HF_YAMUX_RECEIVED ? id : UINT32_MAX;
    assert_true(account->size + event->data.size + 40 < sizeof account->text);
    if (event->data.size > 0)
        memcpy(account->text + account->size, event->data.data, event->data.size);
    account->size += event->data.size;
}

/* Everything a peer might say in one session, to a listener that reads at once. */
static void record(struct wire *wire)
{
    put_frame(wire, HF_YAMUX_PING, HF_YAMUX_SYN, 0, 9);
    put_frame(wire, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_SYN, 1, 1000);
    put_frame(wire, HF_YAMUX_DATA, HF_YAMUX_SYN | HF_YAMUX_FIN, 3, 700);
    put_payload(wire, 700);
    put_frame(wire, HF_YAMUX_PING, HF_YAMUX_ACK, 0, 1);
    put_frame(wire, HF_YAMUX_DATA, 0, 1, 100000);
    put_payload(wire, 100000);
    put_frame(wire, HF_YAMUX_DATA, 0, 99, 30);
    put_payload(wire, 30);
    put_frame(wire, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_ACK, 2, 0);
    put_frame(wire, HF_YAMUX_DATA, 0, 1, 0);
    put_frame(wire, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_RST, 3, 5);
    put_frame(wire, HF_YAMUX_DATA, HF_YAMUX_FIN, 1, 3);
    put_payload(wire, 3);
    put_frame(wire, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_SYN, 5, 0);
    put_frame(wire, HF_YAMUX_GO_AWAY, 0, 0, 2);
}

static void replay(const struct wire *wire, size_t piece, struct account *account)
{
    struct wire *out = calloc(1, sizeof *out);
    struct hf_yamux *session = new_session(false);
    struct hf_yamux_stream *own;
    assert_int_equal(hf_yamux_open(session, &own), HF_OK);
    *account = (struct account){.receiving = UINT32_MAX};
    for (size_t at = 0; at < wire->size; at += piece) {
        out->size = 0;
        drain(session, 1, out);
        size_t left = wire->size - at;
        struct hf_bytes bytes = hf_bytes(wire->bytes + at, piece < left ? piece : left);
        struct hf_yamux_event event;
        do {
            enum hf_status status = hf_yamux_feed(session, &bytes, 1, &event, NULL);
            assert_int_equal(status, HF_OK);
            if (event.kind != HF_YAMUX_NOTHING)
                note(account, &event);
            if (event.kind == HF_YAMUX_RECEIVED)
                hf_yamux_consumed(event.stream, (uint32_t)event.data.size, 1);
        } while (event.kind != HF_YAMUX_NOTHING && event.kind != HF_YAMUX_GONE);
    }
    hf_yamux_free(session);
    free(out);
}

static void what_is_told_does_not_depend_on_the_pieces_in_which_it_comes(void **state)
{
    (void)state;
    static struct wire wire;
    static struct account whole, split;
    record(&wire);
    replay(&wire, wire.size, &whole);
    for (size_t piece = 1; piece < wire.size; piece = piece < 64 ? piece + 1 : piece * 2) {
        replay(&wire, piece, &split);
        assert_int_equal(split.size, whole.size);
        assert_memory_equal(split.text, whole.text, whole.size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_arrives_in_order_and_nothing_is_left_behind),
        cmocka_unit_test(streams_given_up_at_any_moment_harm_no_other),
        cmocka_unit_test(what_is_told_does_not_depend_on_the_pieces_in_which_it_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
