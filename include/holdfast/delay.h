/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_DELAY_H
#define HOLDFAST_DELAY_H

#include <holdfast/error.h>
#include <holdfast/random.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How long to wait before the n-th try: growth, cap, then jitter. Pure functions. */

enum hf_growth {
    HF_GROWTH_EXPONENTIAL = 0, /* base * factor^n */
    HF_GROWTH_FIXED,           /* base */
    HF_GROWTH_LINEAR,          /* base * (n + 1) */
    HF_GROWTH_DECORRELATED,    /* uniform in [base, 3 * previous delay], the upper end capped;
                                  takes no further jitter */
};

/* Where in relation to the capped delay d the actual one lies; it never exceeds delay_max_ns. */
enum hf_jitter {
    HF_JITTER_FULL = 0,     /* uniform in [0, d] */
    HF_JITTER_NONE,         /* d */
    HF_JITTER_EQUAL,        /* uniform in [d / 2, d] */
    HF_JITTER_PROPORTIONAL, /* uniform in [d (1 - ratio), d (1 + ratio)], the upper end capped */
};

/*
 * Full jitter and decorrelated growth: Brooker, "Exponential Backoff And Jitter", AWS Architecture
 * Blog, 2015. Zero fields mean the defaults named.
 */
struct hf_delay {
    enum hf_growth growth;
    enum hf_jitter jitter;
    uint64_t base_ns;      /* First delay, at most HF_TIME_MAX_NS. 0: 100 ms, or the cap if less. */
    uint64_t delay_max_ns; /* Cap, base_ns to HF_TIME_MAX_NS. 0: 20 s, or base_ns if more. */
    double factor;         /* Growth a step, exponential only: 1 to 1000. 0: 2. */
    double jitter_ratio;   /* Proportional jitter only: 0 < ratio <= 1. 0: 0.25. */
};

/*
 * Checks `options` (NULL: all defaults) and writes it to *delay with every default filled in.
 * HF_INVALID: a field is out of range or contradicts another; *delay is untouched and `error`
 * (NULL: not wanted) names the field and its value.
 */
HF_MUST_USE HF_API enum hf_status hf_delay_init(
    struct hf_delay *delay, const struct hf_delay *options, struct hf_error *error);

/*
 * The delay after `failures` failures in a row (1: the first; 0 counts as 1), in ns. delay is one
 * that hf_delay_init filled; NULL gives 0. previous_ns is the delay before this one, 0 at first:
 * only decorrelated growth looks at it, and takes base_ns for anything less. random is asked once,
 * or not at all where nothing is random; NULL: the longest delay that could have been drawn.
 * Saturates at delay_max_ns for any number of failures. Thread-safe if random is. O(1): a handful
 * of floating point operations.
 */
HF_API uint64_t hf_delay_ns(const struct hf_delay *delay, uint32_t failures, uint64_t previous_ns,
    const struct hf_random *random);

#ifdef __cplusplus
}
#endif

#endif
