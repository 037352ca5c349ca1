/* SPDX-License-Identifier: MIT */
#ifndef HF_NET_NOISE_H
#define HF_NET_NOISE_H

#include "net/noise_payload.h"
#include "net/noise_xx.h"

/*
 * A secure channel as libp2p has it (libp2p/specs, noise/README.md, "Wire Format" and "Encryption
 * and I/O"): the XX handshake with an empty prologue, then sealed frames of two bytes of length,
 * big endian, and up to 65535 of a message. Bytes in, bytes out; no socket, no clock, no memory of
 * its own but OpenSSL's contexts.
 *
 *     hf_noise_init(&noise, &options, ephemeral);
 *     loop:
 *         hf_noise_handshake(&noise, out, &out_bytes)     // to be sent, if any
 *         status = hf_noise_receive(&noise, bytes, size, &frame)
 *         HF_OK:    drop frame.size bytes from the front; frame.data is what the peer sent
 *         HF_AGAIN: come back with more: frame.size of them in all, as far as that is known
 *         else:     close; hf_noise_reason says why
 *
 * The caller keeps received bytes until their frame is whole; they are opened where they lie, and
 * frame.data is borrowed from there. What is sent is sealed from where it lies into where it goes.
 * So there is one copy each way at most, and it is the cipher's.
 *
 * Nothing of a peer is believed before its signature holds: an initiator says who it is only after
 * the responder has proven who that is, and hf_noise_peer of a channel not established is NULL.
 * After a failure all keys are erased, and each call returns HF_CLOSED.
 *
 * Limits: a handshake message is at most HF_NOISE_HANDSHAKE_BYTES_MAX long, the first one exactly
 * 32; 2^64 - 1 frames a direction. How long a handshake may take is the caller's to watch.
 * Not thread-safe. Costs: a handshake, on each side, one multiplication of the base point of
 * Curve25519, three others and one verification; a frame, the cipher and no allocation.
 */
#define HF_NOISE_LENGTH_BYTES 2
#define HF_NOISE_OVERHEAD_BYTES (HF_NOISE_LENGTH_BYTES + HF_TAG_BYTES) /* Of a frame. */
#define HF_NOISE_PLAINTEXT_BYTES_MAX (HF_AEAD_BYTES_MAX - HF_TAG_BYTES)
#define HF_NOISE_FRAME_BYTES_MAX (HF_NOISE_LENGTH_BYTES + HF_AEAD_BYTES_MAX)
#define HF_NOISE_HANDSHAKE_BYTES_MAX 4096 /* That a peer may send, */
#define HF_NOISE_GREETING_BYTES_MAX                                                                \
    (HF_NOISE_LENGTH_BYTES + 96 + HF_NOISE_PAYLOAD_BYTES_MAX) /* and that one's own side does. */
#define HF_NOISE_NUMBER_MAX (UINT64_MAX - 1) /* The last one the Noise specification leaves. */

enum hf_noise_state {
    HF_NOISE_WRITES, /* A handshake message is to be written next, */
    HF_NOISE_READS,  /* or read. */
    HF_NOISE_ESTABLISHED,
    HF_NOISE_FAILED,
};

/* Caller-allocated; fields are private. */
struct hf_noise {
    enum hf_noise_state state;
    bool initiator;
    struct hf_peer_id expected; /* No peer: any. */
    const struct hf_noise_credentials *own;
    struct hf_noise_xx xx;
    struct hf_noise_peer peer;
    struct hf_aead seals;
    struct hf_aead opens;
    uint64_t sealed; /* Frames so far. */
    uint64_t opened;
    const char *reason;
};

struct hf_noise_options {
    bool initiator;                         /* Whoever dialed. */
    const struct hf_noise_credentials *own; /* Borrowed until fini. */
    const struct hf_peer_id *expected;      /* Who the peer must be; NULL: anybody. Copied. */
};

/*
 * Starts a handshake. ephemeral: 32 bytes of a generator fit for secrets, which are erased here.
 * On failure there is nothing to give back.
 */
HF_MUST_USE enum hf_status hf_noise_init(struct hf_noise *noise,
    const struct hf_noise_options *options, uint8_t ephemeral[HF_KEY_BYTES]);

/* Erases it. May be called again, and on a zeroed one. */
void hf_noise_fini(struct hf_noise *noise);

/*
 * Writes the frame of a handshake message if one is to be sent now, else sets *size_bytes to 0.
 * To be called after hf_noise_init and after each HF_OK of hf_noise_receive until established.
 * HF_MALFORMED: what the peer sent before is at fault.
 */
HF_MUST_USE enum hf_status hf_noise_handshake(
    struct hf_noise *noise, uint8_t out[HF_NOISE_GREETING_BYTES_MAX], size_t *size_bytes);

/* What stands at the front of received bytes. */
struct hf_noise_frame {
    size_t size; /* In bytes, length and all; 0 if none may be received now. */
    struct hf_bytes
        data; /* What the peer sent in it; empty in a handshake, and it may be so later. */
};

/*
 * Takes a frame from the front of the bytes received so far, and opens it in place. HF_OK:
 * frame->size bytes are done with. HF_AGAIN: the frame is not whole, frame->size bytes of it will
 * be enough to go on, and nothing was touched; or hf_noise_handshake has something to write first,
 * and frame->size is 0. HF_MALFORMED, HF_UNSUPPORTED, HF_NO_MEMORY: see hf_noise_reason;
 * HF_FAILED: the peer is not the one expected; HF_EXHAUSTED: too many frames.
 */
HF_MUST_USE enum hf_status hf_noise_receive(
    struct hf_noise *noise, uint8_t *bytes, size_t size_bytes, struct hf_noise_frame *frame);

/* Who is at the other end. NULL unless established. Borrowed from noise. */
const struct hf_noise_peer *hf_noise_peer(const struct hf_noise *noise);

/*
 * Seals the pieces into one frame of HF_NOISE_OVERHEAD_BYTES more than they have together. Hand
 * many small writes in together: each frame has a price of its own, and some peers (js-libp2p) end
 * a channel at 2^32 of them. The first piece may lie where its sealed bytes go,
 * HF_NOISE_LENGTH_BYTES into the frame; otherwise frame overlaps none. HF_INVALID: no bytes at all,
 * which peers need not put up with, or more than HF_NOISE_PLAINTEXT_BYTES_MAX. HF_AGAIN: not
 * established. HF_EXHAUSTED: too many frames; the channel has failed.
 */
HF_MUST_USE enum hf_status hf_noise_seal(struct hf_noise *noise, const struct hf_bytes *pieces,
    size_t count, uint8_t *frame, size_t *frame_bytes);

/* Why it failed: a static text, "" if it did not. */
const char *hf_noise_reason(const struct hf_noise *noise);

#endif
