/* SPDX-License-Identifier: MIT */
#ifndef HF_BASE_ALLOCATOR_H
#define HF_BASE_ALLOCATOR_H

#include <holdfast/allocator.h>
#include <holdfast/error.h>

/* For constructors: HF_INVALID, naming the function that is missing. NULL is libc's, and good. */
HF_MUST_USE enum hf_status hf_allocator_check(
    const struct hf_allocator *allocator, struct hf_error *error);

#endif
