/* SPDX-License-Identifier: MIT */

#include "net/outbox.h"

#include <assert.h>
#include <string.h>

#include "base/minmax.h"

void hf_block_pool_init(struct hf_block_pool *pool, const struct hf_allocator *allocator)
{
    *pool = (struct hf_block_pool){.allocator = allocator ? *allocator : *hf_allocator_libc()};
}

static void free_block(struct hf_block_pool *pool, struct hf_block *block)
{
    hf_release(&pool->allocator, block, sizeof *block, _Alignof(struct hf_block));
}

void hf_block_pool_fini(struct hf_block_pool *pool)
{
    while (pool->spare) {
        struct hf_block *block = pool->spare;
        pool->spare = block->next;
        free_block(pool, block);
    }
    pool->spare_count = 0;
}

struct hf_block *hf_block_take(struct hf_block_pool *pool)
{
    struct hf_block *block = pool->spare;
    if (!block)
        return hf_allocate(&pool->allocator, sizeof *block, _Alignof(struct hf_block));
    pool->spare = block->next;
    pool->spare_count--;
    block->next = NULL;
    block->begin = block->end = 0;
    return block;
}

void hf_block_give(struct hf_block_pool *pool, struct hf_block *block)
{
    if (pool->spare_count == HF_OUTBOX_SPARE_BLOCKS_MAX) {
        free_block(pool, block);
        return;
    }
    block->next = pool->spare;
    pool->spare = block;
    pool->spare_count++;
}

void hf_outbox_clear(struct hf_outbox *outbox)
{
    while (outbox->first) {
        struct hf_block *block = outbox->first;
        outbox->first = block->next;
        hf_block_give(outbox->pool, block);
    }
    *outbox = (struct hf_outbox){.pool = outbox->pool};
}

bool hf_outbox_full(const struct hf_outbox *outbox)
{
    return outbox->ready + outbox->frame >= HF_OUTBOX_BYTES_MAX;
}

static bool add_block(struct hf_outbox *outbox)
{
    struct hf_block *block = hf_block_take(outbox->pool);
    if (!block)
        return false;
    *(outbox->last ? &outbox->last->next : &outbox->first) = block;
    outbox->last = block;
    return true;
}

/* How much more plaintext the frame under way, or a new one in the last block, can take. */
static size_t frame_room(const struct hf_outbox *outbox)
{
    if (!outbox->last)
        return 0;
    size_t left = HF_OUTBOX_BLOCK_BYTES - outbox->last->end;
    size_t used = outbox->frame + HF_NOISE_OVERHEAD_BYTES;
    size_t in_block = left > used ? left - used : 0;
    return hf_min(in_block, HF_NOISE_PLAINTEXT_BYTES_MAX - outbox->frame);
}

uint8_t *hf_outbox_space(
    struct hf_outbox *outbox, struct hf_noise *noise, size_t at_least, size_t *room)
{
    assert(at_least - 1 < HF_NOISE_PLAINTEXT_BYTES_MAX); /* 0 wraps. */
    if (frame_room(outbox) < at_least && hf_outbox_seal(outbox, noise) != HF_OK)
        return NULL;
    if (frame_room(outbox) < at_least && !add_block(outbox))
        return NULL;
    *room = frame_room(outbox);
    return outbox->last->bytes + outbox->last->end + HF_NOISE_LENGTH_BYTES + outbox->frame;
}

void hf_outbox_wrote(struct hf_outbox *outbox, size_t size)
{
    assert(size <= frame_room(outbox));
    outbox->frame += size;
}

enum hf_status hf_outbox_seal(struct hf_outbox *outbox, struct hf_noise *noise)
{
    return hf_outbox_seal_with(outbox, noise, hf_bytes(NULL, 0));
}

enum hf_status hf_outbox_seal_with(
    struct hf_outbox *outbox, struct hf_noise *noise, struct hf_bytes payload)
{
    if (outbox->frame + payload.size == 0)
        return HF_OK;
    assert(payload.size <= frame_room(outbox));
    struct hf_block *block = outbox->last;
    uint8_t *frame = block->bytes + block->end;
    struct hf_bytes pieces[] = {hf_bytes(frame + HF_NOISE_LENGTH_BYTES, outbox->frame), payload};
    size_t size;
    enum hf_status status = hf_noise_seal(noise, pieces, 2, frame, &size);
    if (status != HF_OK)
        return status;
    block->end += size;
    outbox->ready += size;
    outbox->frame = 0;
    return HF_OK;
}

enum hf_status hf_outbox_add(struct hf_outbox *outbox, struct hf_bytes bytes)
{
    assert(outbox->frame == 0 && bytes.size <= HF_OUTBOX_BLOCK_BYTES);
    if (bytes.size == 0) /* Who is silent holds no block. */
        return HF_OK;
    bool fits = outbox->last && HF_OUTBOX_BLOCK_BYTES - outbox->last->end >= bytes.size;
    if (!fits && !add_block(outbox))
        return HF_NO_MEMORY;
    struct hf_block *block = outbox->last;
    memcpy(block->bytes + block->end, bytes.data, bytes.size);
    block->end += bytes.size;
    outbox->ready += bytes.size;
    return HF_OK;
}

size_t hf_outbox_pieces(const struct hf_outbox *outbox, struct hf_bytes *pieces, size_t most)
{
    size_t count = 0;
    for (struct hf_block *block = outbox->first; block && count < most; block = block->next) {
        if (block->end > block->begin)
            pieces[count++] = hf_bytes(block->bytes + block->begin, block->end - block->begin);
    }
    return count;
}

/* The first block, all of whose bytes are sent. */
static void drop_first(struct hf_outbox *outbox)
{
    struct hf_block *block = outbox->first;
    outbox->first = block->next;
    if (!outbox->first)
        outbox->last = NULL;
    hf_block_give(outbox->pool, block);
}

void hf_outbox_sent(struct hf_outbox *outbox, size_t size)
{
    assert(size <= outbox->ready);
    outbox->ready -= size;
    while (outbox->first) {
        struct hf_block *block = outbox->first;
        size_t taken = hf_min(size, block->end - block->begin);
        block->begin += taken;
        size -= taken;
        if (block->begin < block->end || (block == outbox->last && outbox->frame > 0))
            break;
        drop_first(outbox);
    }
    assert(size == 0);
}
