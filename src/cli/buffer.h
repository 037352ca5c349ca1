/* SPDX-License-Identifier: MIT */
#ifndef HF_CLI_BUFFER_H
#define HF_CLI_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/allocator.h>

/* Memory that many buffers share, of any thread. */
struct budget {
    uint64_t bytes_max;
    uint64_t used_bytes; /* Atomic. */
};

/* Bytes that grow by doubling up to a limit. Zero it, set bytes_max, free it with buffer_free. */
struct buffer {
    char *data;
    size_t size_bytes;
    size_t capacity_bytes;
    size_t bytes_max;
    const struct hf_allocator *allocator; /* NULL: libc. */
    struct budget *budget;                /* NULL: none. */
    bool starved;                         /* The budget or memory was used up. */
};

/* False, and nothing appended, if that would exceed bytes_max, or starved it. */
bool buffer_append(struct buffer *buffer, const void *data, size_t size_bytes);

/* Forgets the bytes, keeps the room. */
void buffer_clear(struct buffer *buffer);

/* Frees the room. */
void buffer_free(struct buffer *buffer);

#endif
