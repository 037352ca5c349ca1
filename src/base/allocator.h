/* SPDX-License-Identifier: MIT */
#ifndef HF_BASE_ALLOCATOR_H
#define HF_BASE_ALLOCATOR_H

#include <holdfast/allocator.h>
#include <holdfast/error.h>

/*
 * For constructors: HF_INVALID, naming the function that is missing. NULL is libc's, and good.
 * Inline, since libraries beside libholdfast use it too.
 */
HF_MUST_USE static inline enum hf_status hf_allocator_check(
    const struct hf_allocator *allocator, struct hf_error *error)
{
    if (!allocator || (allocator->allocate && allocator->release))
        return HF_OK;
    return hf_error_add(
        error, HF_INVALID, 0, "allocator.%s: NULL", allocator->allocate ? "release" : "allocate");
}

#endif
