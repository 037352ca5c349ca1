/* SPDX-License-Identifier: MIT */

#include "net/stash.h"

#include <assert.h>
#include <string.h>

enum hf_status hf_stash_keep(
    struct hf_stash *stash, struct hf_block_pool *pool, struct hf_bytes bytes)
{
    assert(bytes.size <= HF_OUTBOX_BLOCK_BYTES);
    if (bytes.size <= HF_STASH_SMALL_MAX)
        return hf_kept_add(&stash->small, &pool->allocator, bytes);
    stash->block = hf_block_take(pool);
    if (!stash->block)
        return HF_NO_MEMORY;
    memcpy(stash->block->bytes, bytes.data, bytes.size);
    stash->block->end = bytes.size;
    return HF_OK;
}

struct hf_bytes hf_stash_bytes(const struct hf_stash *stash)
{
    if (stash->block)
        return hf_bytes(stash->block->bytes, stash->block->end);
    return hf_kept_bytes(&stash->small);
}

void hf_stash_clear(struct hf_stash *stash, struct hf_block_pool *pool)
{
    if (stash->block)
        hf_block_give(pool, stash->block);
    stash->block = NULL;
    hf_kept_drop(&stash->small, &pool->allocator, stash->small.end);
}
