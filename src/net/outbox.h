/* SPDX-License-Identifier: MIT */
#ifndef HF_NET_OUTBOX_H
#define HF_NET_OUTBOX_H

#include <stdbool.h>

#include <holdfast/allocator.h>

#include "net/noise.h"

/*
 * What a connection has to send: a queue of blocks of memory, in whose last one a frame may be
 * under way. Who sends writes plaintext straight to where it will be sealed:
 *
 *     uint8_t *out = hf_outbox_space(&outbox, at_least, &room);
 *     hf_outbox_wrote(&outbox, put_something(out, room));
 *     ...more of it, then once for all...
 *     status = hf_outbox_seal(&outbox, noise);
 *     count = hf_outbox_pieces(&outbox, pieces, HF_OUTBOX_PIECES_MAX);
 *     ...the socket takes some of them...
 *     hf_outbox_sent(&outbox, bytes_taken);
 *
 * Blocks come from a pool that a network's connections share, and go back there once their bytes
 * are sent: an outbox that has nothing to send holds none.
 */
#define HF_OUTBOX_BLOCK_BYTES (HF_NOISE_FRAME_BYTES_MAX + 15)
/*
 * From here on nothing is taken in addition. Enough for one side to fill while the other empties a
 * socket: with half of it both wait for each other every so often.
 */
#define HF_OUTBOX_BYTES_MAX 524288
#define HF_OUTBOX_PIECES_MAX 16
#define HF_OUTBOX_SPARE_BLOCKS_MAX 64 /* That a pool keeps for later. */

struct hf_block {
    struct hf_block *next;
    size_t begin; /* Of the bytes that are still to be sent. */
    size_t end;
    uint8_t bytes[HF_OUTBOX_BLOCK_BYTES];
};

struct hf_block_pool {
    struct hf_allocator allocator;
    struct hf_block *spare;
    size_t spare_count;
};

struct hf_outbox {
    struct hf_block_pool *pool; /* Borrowed. */
    struct hf_block *first;
    struct hf_block *last;
    size_t ready; /* Bytes that may be sent now. */
    size_t frame; /* Bytes of plaintext in the frame under way, which begins at last->end. */
};

/* allocator: copied; NULL means libc's. */
void hf_block_pool_init(struct hf_block_pool *pool, const struct hf_allocator *allocator);

/* Frees what is spare. No outbox may hold blocks of the pool any more. */
void hf_block_pool_fini(struct hf_block_pool *pool);

/* Takes an empty block out of a pool, and gives one back. NULL: no memory. */
struct hf_block *hf_block_take(struct hf_block_pool *pool);
void hf_block_give(struct hf_block_pool *pool, struct hf_block *block);

/* Gives all blocks back. */
void hf_outbox_clear(struct hf_outbox *outbox);

/* Whether there is so much that one should wait before adding to it. */
bool hf_outbox_full(const struct hf_outbox *outbox);

/*
 * Where the next plaintext of the frame under way goes, and in *room how much of it fits: at least
 * at_least, which must be at most HF_NOISE_PLAINTEXT_BYTES_MAX. Where that needs a new frame, the
 * present one is sealed first. NULL: no memory, or sealing failed; both are the end of a
 * connection.
 */
uint8_t *hf_outbox_space(
    struct hf_outbox *outbox, struct hf_noise *noise, size_t at_least, size_t *room);

/* So much was put there. */
void hf_outbox_wrote(struct hf_outbox *outbox, size_t size);

/* Seals the frame under way, if there is one. */
HF_MUST_USE enum hf_status hf_outbox_seal(struct hf_outbox *outbox, struct hf_noise *noise);

/*
 * The same with payload, which lies elsewhere, behind what is in the frame: it is sealed from where
 * it lies, and never copied. There must be room for it.
 */
HF_MUST_USE enum hf_status hf_outbox_seal_with(
    struct hf_outbox *outbox, struct hf_noise *noise, struct hf_bytes payload);

/* Adds bytes that are not sealed, before there is a secure channel. HF_NO_MEMORY. */
HF_MUST_USE enum hf_status hf_outbox_add(struct hf_outbox *outbox, struct hf_bytes bytes);

/* What may be sent now, from the front: at most so many pieces. Returns their number. */
size_t hf_outbox_pieces(const struct hf_outbox *outbox, struct hf_bytes *pieces, size_t most);

/* So many bytes of them have been sent. */
void hf_outbox_sent(struct hf_outbox *outbox, size_t size);

#endif
