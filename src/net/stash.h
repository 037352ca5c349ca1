/* SPDX-License-Identifier: MIT */
#ifndef HF_NET_STASH_H
#define HF_NET_STASH_H

#include "net/kept.h"
#include "net/outbox.h"

/*
 * The beginning of a frame, kept from one read to the next. Every busy connection has one after
 * nearly each read, so a large one is put into a block of the network's pool, which costs neither
 * an allocator's time nor fresh pages; a small one into memory of about its own size, so that who
 * sends a few bytes and stops holds no more than that. A zeroed one is empty.
 */
#define HF_STASH_SMALL_MAX 1024

struct hf_stash {
    struct hf_kept small;
    struct hf_block *block; /* NULL: it is small. */
};

_Static_assert(HF_NOISE_FRAME_BYTES_MAX <= HF_OUTBOX_BLOCK_BYTES, "a frame fits into a block");

/* Keeps up to HF_OUTBOX_BLOCK_BYTES in an empty stash. HF_NO_MEMORY: nothing was kept. */
HF_MUST_USE enum hf_status hf_stash_keep(
    struct hf_stash *stash, struct hf_block_pool *pool, struct hf_bytes bytes);

/* What is kept. Borrowed until the next call. */
struct hf_bytes hf_stash_bytes(const struct hf_stash *stash);

/* Empties it. */
void hf_stash_clear(struct hf_stash *stash, struct hf_block_pool *pool);

#endif
