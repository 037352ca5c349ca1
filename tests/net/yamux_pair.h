/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_NET_YAMUX_PAIR_H
#define HF_TESTS_NET_YAMUX_PAIR_H

#include <stdlib.h>
#include <string.h>

#include "net/yamux.h"
#include "net/yamux_frame.h"

/* Bytes on their way from one session to another, or to a test that looks at them. */
struct wire {
    uint8_t bytes[1 << 20];
    size_t size;
};

static inline struct hf_yamux *new_session(bool dialer)
{
    struct hf_yamux_options options = {.dialer = dialer};
    struct hf_yamux *session = NULL;
    assert_int_equal(hf_yamux_new(&session, &options, 1, NULL), HF_OK);
    return session;
}

static inline void drain(struct hf_yamux *session, uint64_t now_ns, struct wire *wire)
{
    wire->size +=
        hf_yamux_drain(session, now_ns, wire->bytes + wire->size, sizeof wire->bytes - wire->size);
}

/* Writes as much of `size` bytes as the stream takes, each byte the given one. */
static inline size_t write_bytes(
    struct hf_yamux_stream *stream, uint8_t byte, size_t size, struct wire *wire)
{
    uint8_t *memory = malloc(size);
    memset(memory, byte, size);
    struct hf_bytes data = hf_bytes(memory, size);
    size_t put;
    do {
        put = hf_yamux_write(
            stream, &data, wire->bytes + wire->size, sizeof wire->bytes - wire->size);
        wire->size += put;
    } while (put > 0);
    free(memory);
    return size - data.size;
}

/* A frame as a peer might write it. */
static inline void put_frame(
    struct wire *wire, uint8_t type, uint16_t flags, uint32_t stream, uint32_t length)
{
    struct hf_yamux_frame frame = {HF_YAMUX_VERSION, type, flags, stream, length};
    hf_yamux_frame_write(frame, wire->bytes + wire->size);
    wire->size += HF_YAMUX_HEADER_BYTES;
}

static inline void put_payload(struct wire *wire, size_t size)
{
    memset(wire->bytes + wire->size, 'x', size);
    wire->size += size;
}

/* Takes the next frame's header off the front of what a session has put out, and its payload. */
static inline struct hf_yamux_frame next_frame(struct hf_bytes *bytes)
{
    assert_true(bytes->size >= HF_YAMUX_HEADER_BYTES);
    struct hf_yamux_frame frame = hf_yamux_frame_parse(bytes->data);
    size_t size = HF_YAMUX_HEADER_BYTES + (frame.type == HF_YAMUX_DATA ? frame.length : 0);
    assert_true(bytes->size >= size);
    *bytes = hf_bytes((const uint8_t *)bytes->data + size, bytes->size - size);
    return frame;
}

static inline void assert_frame(struct hf_bytes *bytes, enum hf_yamux_type type, uint32_t flags,
    uint32_t stream, uint32_t length)
{
    struct hf_yamux_frame frame = next_frame(bytes);
    assert_int_equal(frame.type, type);
    assert_int_equal(frame.flags, flags);
    assert_int_equal(frame.stream, stream);
    assert_int_equal(frame.length, length);
}

/* Feeds all of a wire, which is empty then, and gives the first event of that kind if any. */
static inline struct hf_yamux_event feed_for(
    struct hf_yamux *session, struct wire *wire, uint64_t now_ns, enum hf_yamux_event_kind kind)
{
    struct hf_bytes bytes = hf_bytes(wire->bytes, wire->size);
    struct hf_yamux_event event, found = {.kind = HF_YAMUX_NOTHING};
    do {
        assert_int_equal(hf_yamux_feed(session, &bytes, now_ns, &event, NULL), HF_OK);
        if (event.kind == kind && found.kind == HF_YAMUX_NOTHING)
            found = event;
    } while (event.kind != HF_YAMUX_NOTHING && event.kind != HF_YAMUX_GONE);
    wire->size = 0;
    return found;
}

/* A dialer's session and a listener's, with the first pings out of the way. */
#define START 1

struct sessions {
    struct hf_yamux *dialer;
    struct hf_yamux *listener;
    struct wire out; /* What the dialer has put out. */
    struct wire in;  /* What the listener has. */
};

static inline int set_up(void **state)
{
    struct sessions *world = calloc(1, sizeof *world);
    world->dialer = new_session(true);
    world->listener = new_session(false);
    drain(world->dialer, START, &world->out);
    drain(world->listener, START, &world->in);
    (void)feed_for(world->dialer, &world->in, START, HF_YAMUX_NOTHING);
    (void)feed_for(world->listener, &world->out, START, HF_YAMUX_NOTHING);
    drain(world->dialer, START, &world->out);
    drain(world->listener, START, &world->in);
    struct hf_yamux_event pong = feed_for(world->dialer, &world->in, START + 5, HF_YAMUX_PONG);
    assert_int_equal(pong.round_trip_ns, 5);
    (void)feed_for(world->listener, &world->out, START + 5, HF_YAMUX_NOTHING);
    *state = world;
    return 0;
}

static inline int tear_down(void **state)
{
    struct sessions *world = *state;
    hf_yamux_free(world->dialer);
    hf_yamux_free(world->listener);
    free(world);
    return 0;
}

static inline struct hf_yamux_stream *opened(
    struct sessions *world, struct hf_yamux_stream **accepted)
{
    struct hf_yamux_stream *stream;
    assert_int_equal(hf_yamux_open(world->dialer, &stream), HF_OK);
    drain(world->dialer, START, &world->out);
    struct hf_yamux_event event = feed_for(world->listener, &world->out, START, HF_YAMUX_OPENED);
    assert_int_equal(event.kind, HF_YAMUX_OPENED);
    *accepted = event.stream;
    drain(world->listener, START, &world->in);
    (void)feed_for(world->dialer, &world->in, START, HF_YAMUX_NOTHING);
    return stream;
}

#define WITH_SESSIONS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
