/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_NET_RAW_FRAMES_H
#define HF_TESTS_NET_RAW_FRAMES_H

#include "net/raw_peer.h"

/* What a node says to a peer by hand, frame of yamux by frame. */
struct raw_frames {
    struct raw_peer *peer;
    uint8_t bytes[1 << 18]; /* Received and not taken yet. */
    size_t begin;
    size_t end;
};

/* Waits for so many bytes. False: the node has closed. */
static inline bool raw_await(struct raw_frames *frames, size_t size)
{
    while (frames->end - frames->begin < size) {
        struct hf_bytes text = raw_next(frames->peer);
        if (text.size == 0)
            return false;
        memmove(frames->bytes, frames->bytes + frames->begin, frames->end - frames->begin);
        frames->end -= frames->begin;
        frames->begin = 0;
        assert_true(frames->end + text.size <= sizeof frames->bytes);
        memcpy(frames->bytes + frames->end, text.data, text.size);
        frames->end += text.size;
    }
    return true;
}

/* The next frame. Pings are answered. Its payload is borrowed. */
static inline struct hf_yamux_frame raw_frame(struct raw_frames *frames, struct hf_bytes *payload)
{
    assert_true(raw_await(frames, HF_YAMUX_HEADER_BYTES));
    struct hf_yamux_frame frame = hf_yamux_frame_parse(frames->bytes + frames->begin);
    size_t size = frame.type == HF_YAMUX_DATA ? frame.length : 0;
    assert_true(raw_await(frames, HF_YAMUX_HEADER_BYTES + size));
    *payload = hf_bytes(frames->bytes + frames->begin + HF_YAMUX_HEADER_BYTES, size);
    frames->begin += HF_YAMUX_HEADER_BYTES + size;
    if (frame.type == HF_YAMUX_PING && frame.flags == HF_YAMUX_SYN) {
        (void)raw_put(frames->peer, HF_YAMUX_PING, HF_YAMUX_ACK, 0, frame.length, NULL);
        (void)raw_flush(frames->peer);
    }
    return frame;
}

/* The next frame about a stream; those about others are skipped. */
static inline struct hf_yamux_frame raw_frame_of(
    struct raw_frames *frames, uint32_t stream, struct hf_bytes *payload)
{
    struct hf_yamux_frame frame;
    do
        frame = raw_frame(frames, payload);
    while (frame.stream != stream || frame.type > HF_YAMUX_WINDOW_UPDATE);
    return frame;
}

/* Waits until the node has taken all that was sent. Frames before that are skipped. */
static inline void raw_settle(struct raw_frames *frames)
{
    struct hf_bytes payload;
    struct hf_yamux_frame frame;
    (void)raw_put(frames->peer, HF_YAMUX_PING, HF_YAMUX_SYN, 0, 77, NULL);
    assert_true(raw_flush(frames->peer));
    do
        frame = raw_frame(frames, &payload);
    while (frame.type != HF_YAMUX_PING || frame.flags != HF_YAMUX_ACK);
}

/* Gathers what is written on a stream, at most `room` bytes, until there are `size`, or more where
 * a frame has more, or it ends: their number. The flags of all frames so far are in *flags. */
static inline size_t raw_read(struct raw_frames *frames, uint32_t stream, uint8_t *out, size_t room,
    size_t size, uint16_t *flags)
{
    size_t got = 0;
    *flags = 0;
    while (got < size && !(*flags & (HF_YAMUX_FIN | HF_YAMUX_RST))) {
        struct hf_bytes payload;
        struct hf_yamux_frame frame = raw_frame_of(frames, stream, &payload);
        *flags |= frame.flags;
        assert_true(got + payload.size <= room);
        if (payload.size > 0)
            memcpy(out + got, payload.data, payload.size);
        got += payload.size;
    }
    return got;
}

#endif
