/* SPDX-License-Identifier: MIT */

#include "net/kept.h"

#include <string.h>

#define CAPACITY_MIN 256

/* Doubles, so that adding costs constant time a byte in the long run. */
static enum hf_status grow(
    struct hf_kept *kept, const struct hf_allocator *allocator, size_t needed)
{
    size_t capacity = kept->capacity ? kept->capacity : CAPACITY_MIN;
    while (capacity < needed)
        capacity *= 2;
    uint8_t *bytes = hf_allocate(allocator, capacity, 1);
    if (!bytes)
        return HF_NO_MEMORY;
    size_t size = kept->end - kept->begin;
    if (size > 0)
        memcpy(bytes, kept->bytes + kept->begin, size);
    hf_release(allocator, kept->bytes, kept->capacity, 1);
    *kept = (struct hf_kept){bytes, 0, size, capacity};
    return HF_OK;
}

enum hf_status hf_kept_add(
    struct hf_kept *kept, const struct hf_allocator *allocator, struct hf_bytes bytes)
{
    if (bytes.size == 0)
        return HF_OK;
    size_t size = kept->end - kept->begin;
    if (kept->capacity - size < bytes.size) {
        enum hf_status status = grow(kept, allocator, size + bytes.size);
        if (status != HF_OK)
            return status;
    } else if (kept->capacity - kept->end < bytes.size) {
        memmove(kept->bytes, kept->bytes + kept->begin, size);
        kept->begin = 0;
        kept->end = size;
    }
    memcpy(kept->bytes + kept->end, bytes.data, bytes.size);
    kept->end += bytes.size;
    return HF_OK;
}

void hf_kept_drop(struct hf_kept *kept, const struct hf_allocator *allocator, size_t size)
{
    kept->begin += size;
    if (kept->begin < kept->end)
        return;
    hf_release(allocator, kept->bytes, kept->capacity, 1);
    *kept = (struct hf_kept){0};
}
