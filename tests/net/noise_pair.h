/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_NET_NOISE_PAIR_H
#define HF_TESTS_NET_NOISE_PAIR_H

#include "hex.h"
#include "net/noise.h"
#include "noise_vectors.h"

/*
 * Two sides of a channel with the keys of the published vectors, and what a driver does for each:
 * it keeps what was received until it was taken. Included after cmocka.h.
 */
#define YAMUX "/yamux/1.0.0"
#define INBOX_BYTES (2 * HF_NOISE_FRAME_BYTES_MAX)

struct side {
    struct hf_identity identity;
    struct hf_noise_credentials own;
    struct hf_noise noise;
    uint8_t inbox[INBOX_BYTES];
    size_t inbox_bytes;
    uint8_t out[HF_NOISE_GREETING_BYTES_MAX]; /* The message of the handshake written last. */
    size_t out_bytes;
    enum hf_status status; /* The last one; not HF_AGAIN where that is all. */
    uint8_t events[1024];  /* Each frame's bytes, and an end mark. */
    size_t events_bytes;
};

struct pair {
    struct side initiator;
    struct side responder;
};

static inline void side_identify(struct side *side, const char *seed, const char *static_private)
{
    static const struct hf_bytes muxers[] = {{YAMUX, sizeof(YAMUX) - 1}};
    uint8_t seed_bytes[HF_KEY_BYTES];
    uint8_t static_bytes[HF_KEY_BYTES];
    hex_read(seed, seed_bytes);
    hex_read(static_private, static_bytes);
    struct hf_bytes seed_borrowed = hf_bytes(seed_bytes, sizeof(seed_bytes));
    const struct hf_noise_credentials_options options = {&side->identity, static_bytes, muxers, 1};
    assert_int_equal(hf_identity_from_seed(&side->identity, seed_borrowed, NULL), HF_OK);
    assert_int_equal(hf_noise_credentials_init(&side->own, &options), HF_OK);
}

static inline void side_write(struct side *side)
{
    enum hf_status status = hf_noise_handshake(&side->noise, side->out, &side->out_bytes);
    if (side->status == HF_OK)
        side->status = status;
}

/* Starts over, with the same keys. expected: NULL for any peer. */
static inline void side_start(struct side *side, bool initiator, const struct hf_peer_id *expected)
{
    uint8_t ephemeral[HF_KEY_BYTES];
    hex_read(initiator ? VECTOR_INITIATOR_EPHEMERAL : VECTOR_RESPONDER_EPHEMERAL, ephemeral);
    const struct hf_noise_options options = {initiator, &side->own, expected};
    hf_noise_fini(&side->noise);
    assert_int_equal(hf_noise_init(&side->noise, &options, ephemeral), HF_OK);
    side->inbox_bytes = side->out_bytes = side->events_bytes = 0;
    side->status = HF_OK;
    side_write(side);
}

static inline void pair_start(struct pair *pair)
{
    side_start(&pair->initiator, true, NULL);
    side_start(&pair->responder, false, NULL);
}

static inline void pair_make(struct pair *pair)
{
    memset(pair, 0, sizeof(*pair));
    side_identify(&pair->initiator, LIBP2P_INITIATOR_SEED, VECTOR_INITIATOR_STATIC);
    side_identify(&pair->responder, LIBP2P_RESPONDER_SEED, VECTOR_RESPONDER_STATIC);
    pair_start(pair);
}

static inline void pair_unmake(struct pair *pair)
{
    hf_noise_fini(&pair->initiator.noise);
    hf_noise_fini(&pair->responder.noise);
    hf_noise_credentials_fini(&pair->initiator.own);
    hf_noise_credentials_fini(&pair->responder.own);
}

#define END_MARK '|'

static inline void side_note(struct side *side, struct hf_bytes data)
{
    assert_in_range(data.size, 0, sizeof(side->events) - side->events_bytes - 1);
    if (data.size > 0)
        memcpy(side->events + side->events_bytes, data.data, data.size);
    side->events_bytes += data.size;
    side->events[side->events_bytes++] = END_MARK;
}

/* Takes one frame, if it is there. */
static inline enum hf_status side_take(struct side *side)
{
    struct hf_noise_frame frame;
    enum hf_status status = hf_noise_receive(&side->noise, side->inbox, side->inbox_bytes, &frame);
    if (status == HF_AGAIN && frame.size > 0)
        assert_in_range(frame.size, side->inbox_bytes + 1, HF_NOISE_FRAME_BYTES_MAX);
    if (status != HF_OK)
        return status;
    assert_in_range(frame.size, HF_NOISE_LENGTH_BYTES, side->inbox_bytes);
    if (hf_noise_peer(&side->noise))
        side_note(side, frame.data);
    side->inbox_bytes -= frame.size;
    memmove(side->inbox, side->inbox + frame.size, side->inbox_bytes);
    if (!side->out_bytes)
        side_write(side);
    return side->status;
}

/* Hands over bytes in pieces of `step`, and takes what can be taken. Stops at the first failure. */
static inline enum hf_status side_receive(
    struct side *side, const void *bytes, size_t size, size_t step)
{
    for (size_t at = 0; at < size && side->status == HF_OK; at += step) {
        size_t more = size - at < step ? size - at : step;
        assert_in_range(more, 1, INBOX_BYTES - side->inbox_bytes);
        memcpy(side->inbox + side->inbox_bytes, (const uint8_t *)bytes + at, more);
        side->inbox_bytes += more;
        enum hf_status status;
        while ((status = side_take(side)) == HF_OK)
            continue;
        if (status != HF_AGAIN)
            side->status = status;
    }
    return side->status;
}

/* Carries the handshake message that one side has written to the other. */
static inline enum hf_status pair_carry(struct side *from, struct side *to, size_t step)
{
    size_t size = from->out_bytes;
    from->out_bytes = 0;
    return side_receive(to, from->out, size, step);
}

static inline void pair_establish(struct pair *pair)
{
    assert_int_equal(pair_carry(&pair->initiator, &pair->responder, SIZE_MAX), HF_OK);
    assert_int_equal(pair_carry(&pair->responder, &pair->initiator, SIZE_MAX), HF_OK);
    assert_int_equal(pair_carry(&pair->initiator, &pair->responder, SIZE_MAX), HF_OK);
    assert_non_null(hf_noise_peer(&pair->initiator.noise));
    assert_non_null(hf_noise_peer(&pair->responder.noise));
}

/* One frame of a text, into a buffer that has room for it. */
static inline size_t side_seal(struct side *side, const char *text, uint8_t *frame)
{
    struct hf_bytes piece = hf_bytes(text, strlen(text));
    size_t size;
    assert_int_equal(hf_noise_seal(&side->noise, &piece, 1, frame, &size), HF_OK);
    assert_int_equal(size, piece.size + HF_NOISE_OVERHEAD_BYTES);
    return size;
}

#endif
