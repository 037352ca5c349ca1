/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/atomic.h"
#include "cli/buffer.h"

#define CAPACITY_MIN_BYTES 4096

/* Taken before it is looked at: two threads can then both be refused, but not both admitted. */
static bool take(struct budget *budget, size_t bytes)
{
    if (!budget || hf_add_relaxed(&budget->used_bytes, bytes) + bytes <= budget->bytes_max)
        return true;
    hf_add_relaxed(&budget->used_bytes, -(uint64_t)bytes);
    return false;
}

static void give_back(struct budget *budget, size_t bytes)
{
    if (budget)
        hf_add_relaxed(&budget->used_bytes, -(uint64_t)bytes);
}

static void release(struct buffer *buffer)
{
    hf_release(buffer->allocator, buffer->data, buffer->capacity_bytes, 1);
    give_back(buffer->budget, buffer->capacity_bytes);
}

/* needed_bytes is at most bytes_max, so doubling ends there at the latest. */
static size_t next_capacity(const struct buffer *buffer, size_t needed_bytes)
{
    size_t capacity = buffer->capacity_bytes ? buffer->capacity_bytes : CAPACITY_MIN_BYTES;
    while (capacity < needed_bytes)
        capacity *= 2;
    return capacity < buffer->bytes_max ? capacity : buffer->bytes_max;
}

static bool grow(struct buffer *buffer, size_t needed_bytes)
{
    size_t capacity = next_capacity(buffer, needed_bytes);
    if (!take(buffer->budget, capacity))
        return false;
    char *data = hf_allocate(buffer->allocator, capacity, 1);
    if (!data) {
        give_back(buffer->budget, capacity);
        return false;
    }
    if (buffer->size_bytes)
        memcpy(data, buffer->data, buffer->size_bytes);
    release(buffer);
    buffer->data = data;
    buffer->capacity_bytes = capacity;
    return true;
}

bool buffer_append(struct buffer *buffer, const void *data, size_t size_bytes)
{
    if (size_bytes > buffer->bytes_max - buffer->size_bytes)
        return false;
    size_t needed = buffer->size_bytes + size_bytes;
    if (needed > buffer->capacity_bytes && !grow(buffer, needed)) {
        buffer->starved = true;
        return false;
    }
    if (size_bytes)
        memcpy(buffer->data + buffer->size_bytes, data, size_bytes);
    buffer->size_bytes = needed;
    return true;
}

void buffer_clear(struct buffer *buffer)
{
    buffer->size_bytes = 0;
}

void buffer_free(struct buffer *buffer)
{
    release(buffer);
    buffer->data = NULL;
    buffer->size_bytes = 0;
    buffer->capacity_bytes = 0;
}
