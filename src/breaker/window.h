/* SPDX-License-Identifier: MIT */
#ifndef HF_BREAKER_WINDOW_H
#define HF_BREAKER_WINDOW_H

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"

/* As many as processors of a small machine; a failure sums them all. */
#define HF_WINDOW_STRIPES 8

/* A power of two, so that a slice finds its place by a mask. */
#define HF_WINDOW_SLICES_MAX 16

struct hf_window_stripe {
    alignas(HF_CACHE_LINE) uint64_t slices[HF_WINDOW_SLICES_MAX][2]; /* Successes, failures. */
};

/* Calls and failures of the latest stretch of time, counted without locks. See window.c. */
struct hf_window {
    alignas(HF_CACHE_LINE) uint32_t slice_bits; /* A slice is 2^slice_bits ns long. */
    uint32_t slices;                            /* The window's, the one under way included. */
    struct hf_window_stripe stripes[HF_WINDOW_STRIPES];
};

struct hf_window_counts {
    uint64_t calls;
    uint64_t failures;
};

/* window is zeroed memory. window_ns is at least HF_WINDOW_SLICES_MAX. */
void hf_window_init(struct hf_window *window, uint64_t window_ns);

/* Counts one call of a closed generation. Lock-free. */
void hf_window_add(struct hf_window *window, uint64_t generation, uint64_t now_ns, bool failed);

/* What that generation has counted in the window that ends with the slice of now_ns. */
struct hf_window_counts hf_window_sum(
    const struct hf_window *window, uint64_t generation, uint64_t now_ns);

#endif
