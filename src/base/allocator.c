/* SPDX-License-Identifier: MIT */
#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <holdfast/allocator.h>

/* What calloc aligns to by itself. */
#define ALIGNMENT_NATURAL alignof(max_align_t)

_Static_assert(ALIGNMENT_NATURAL >= sizeof(void *), "the remembered pointer fits into the gap");

/*
 * Not aligned_alloc: that memory would have to be cleared, and clearing touches pages that calloc
 * takes untouched from the system. So calloc a piece with `alignment` bytes to spare, and remember
 * what calloc gave in the word below the aligned address.
 *
 * The gap is at least one natural alignment: the address is rounded up from piece + NATURAL. It is
 * at most `alignment`, since piece is a multiple of NATURAL and alignment a larger power of two;
 * hence the spare bytes suffice.
 */
static void *allocate_over_aligned(size_t size_bytes, size_t alignment)
{
    if (size_bytes > SIZE_MAX - alignment)
        return NULL;
    char *piece = calloc(1, size_bytes + alignment);
    if (!piece)
        return NULL;
    uintptr_t lowest = (uintptr_t)piece + ALIGNMENT_NATURAL;
    uintptr_t aligned = (lowest + alignment - 1) & ~(uintptr_t)(alignment - 1);
    char *memory = piece + (aligned - (uintptr_t)piece);
    memcpy(memory - sizeof(piece), &piece, sizeof(piece));
    return memory;
}

static void *libc_allocate(void *context, size_t size_bytes, size_t alignment)
{
    (void)context;
    if (alignment <= ALIGNMENT_NATURAL)
        return calloc(1, size_bytes);
    return allocate_over_aligned(size_bytes, alignment);
}

static void libc_release(void *context, void *memory, size_t size_bytes, size_t alignment)
{
    (void)context;
    (void)size_bytes;
    if (alignment > ALIGNMENT_NATURAL)
        memcpy(&memory, (char *)memory - sizeof(memory), sizeof(memory));
    free(memory);
}

static const struct hf_allocator libc_allocator = {NULL, libc_allocate, libc_release};

const struct hf_allocator *hf_allocator_libc(void)
{
    return &libc_allocator;
}

static bool alignment_valid(size_t alignment)
{
    bool power_of_two = alignment != 0 && (alignment & (alignment - 1)) == 0;
    return power_of_two && alignment <= HF_ALIGNMENT_MAX;
}

void *hf_allocate(const struct hf_allocator *allocator, size_t size_bytes, size_t alignment)
{
    if (!allocator)
        allocator = &libc_allocator;
    if (size_bytes == 0 || !alignment_valid(alignment) || !allocator->allocate)
        return NULL;
    return allocator->allocate(allocator->context, size_bytes, alignment);
}

void hf_release(
    const struct hf_allocator *allocator, void *memory, size_t size_bytes, size_t alignment)
{
    if (!allocator)
        allocator = &libc_allocator;
    if (memory && allocator->release)
        allocator->release(allocator->context, memory, size_bytes, alignment);
}
