/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "cli/buffer.h"

#define CAPACITY_MIN_BYTES 4096

static bool grow(struct buffer *buffer, size_t needed_bytes)
{
    size_t capacity = buffer->capacity_bytes ? buffer->capacity_bytes : CAPACITY_MIN_BYTES;
    while (capacity < needed_bytes)
        capacity *= 2;
    char *data = hf_allocate(buffer->allocator, capacity, 1);
    if (!data)
        return false;
    if (buffer->size_bytes)
        memcpy(data, buffer->data, buffer->size_bytes);
    hf_release(buffer->allocator, buffer->data, buffer->capacity_bytes, 1);
    buffer->data = data;
    buffer->capacity_bytes = capacity;
    return true;
}

bool buffer_append(struct buffer *buffer, const void *data, size_t size_bytes)
{
    if (size_bytes > buffer->bytes_max - buffer->size_bytes)
        return false;
    size_t needed = buffer->size_bytes + size_bytes;
    if (needed > buffer->capacity_bytes && !grow(buffer, needed))
        return false;
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
    hf_release(buffer->allocator, buffer->data, buffer->capacity_bytes, 1);
    buffer->data = NULL;
    buffer->size_bytes = 0;
    buffer->capacity_bytes = 0;
}
