/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_ALLOCATOR_H
#define HOLDFAST_ALLOCATOR_H

#include <holdfast/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Memory as an effect. Options that take a `const struct hf_allocator *` use libc's for NULL; the
 * struct is copied, its context borrowed until the object made with it is freed. Nothing allocates
 * on a hot path: constructors do, once. Both functions must be thread-safe.
 */
struct hf_allocator {
    void *context;
    /*
     * Zeroed memory of size_bytes > 0, aligned to `alignment` (a power of two, at most
     * HF_ALIGNMENT_MAX). Large pieces should come untouched from the system, so that memory
     * reserved up front costs nothing until used. NULL if there is none.
     */
    void *(*allocate)(void *context, size_t size_bytes, size_t alignment);
    /* Gives back what allocate gave, with the same size and alignment. memory is never NULL. */
    void (*release)(void *context, void *memory, size_t size_bytes, size_t alignment);
};

#define HF_ALIGNMENT_MAX 4096

/* libc's calloc and free. Static, thread-safe. */
HF_API const struct hf_allocator *hf_allocator_libc(void);

/*
 * Allocates through allocator (NULL: libc's). Returns NULL when out of memory, when size_bytes is 0
 * and when alignment is not a power of two up to HF_ALIGNMENT_MAX.
 */
HF_MUST_USE HF_API void *hf_allocate(
    const struct hf_allocator *allocator, size_t size_bytes, size_t alignment);

/* Releases what hf_allocate gave. allocator, size and alignment as then. memory NULL: nothing. */
HF_API void hf_release(
    const struct hf_allocator *allocator, void *memory, size_t size_bytes, size_t alignment);

#ifdef __cplusplus
}
#endif

#endif
