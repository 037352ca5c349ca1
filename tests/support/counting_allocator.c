/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/counting_allocator.h"

#include "base/atomic.h"

#define TRAILER_MAGIC UINT64_C(0x686f6c6466617374)

/* Kept behind each piece, byte by byte since it may stand at any address. */
struct trailer {
    uint64_t magic; /* Also tells a write past the end. */
    size_t size_bytes;
    size_t alignment;
};

static void *allocate(void *context, size_t size_bytes, size_t alignment)
{
    struct counting_allocator *counting = context;
    uint64_t request = hf_add_seq(&counting->requests, 1) + 1;
    if (counting->fail_at != 0 && request >= counting->fail_at)
        return NULL;
    char *memory = hf_allocate(NULL, size_bytes + sizeof(struct trailer), alignment);
    if (!memory)
        return NULL;
    struct trailer trailer = {TRAILER_MAGIC, size_bytes, alignment};
    memcpy(memory + size_bytes, &trailer, sizeof(trailer));
    hf_add_seq(&counting->live, 1);
    hf_add_seq(&counting->live_bytes, size_bytes);
    return memory;
}

static void release(void *context, void *memory, size_t size_bytes, size_t alignment)
{
    struct counting_allocator *counting = context;
    struct trailer trailer;
    memcpy(&trailer, (char *)memory + size_bytes, sizeof(trailer));
    assert_true(trailer.magic == TRAILER_MAGIC);
    assert_true(trailer.size_bytes == size_bytes);
    assert_true(trailer.alignment == alignment);
    hf_add_seq(&counting->live, UINT64_MAX);
    hf_add_seq(&counting->live_bytes, 0 - (uint64_t)size_bytes);
    hf_release(NULL, memory, size_bytes + sizeof(struct trailer), alignment);
}

struct hf_allocator counting_allocator(struct counting_allocator *counting)
{
    struct hf_allocator allocator = {counting, allocate, release};
    return allocator;
}
