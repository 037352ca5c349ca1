/* SPDX-License-Identifier: MIT */
#ifndef HF_LIMIT_QUOTA_H
#define HF_LIMIT_QUOTA_H

#include <stdbool.h>

#include <holdfast/quota.h>

#include "base/minmax.h"
#include "base/multiply.h"

/* Keeps arrival times, now <= 2^61 included, below 2^62 and their sums within 64 bits. */
#define HF_GCRA_TOLERANCE_MAX_NS (UINT64_C(1) << 60)

/* For a call's quota: NULL, or made by hf_gcra_init and not merely declared and zeroed. */
static inline bool hf_gcra_is_usable(const struct hf_gcra *gcra)
{
    return !gcra || gcra->burst > 0;
}

/*
 * Whole cells in duration_ns <= 2^60. The product is at most the true quotient and less than one
 * below it (each rounding loses less than duration / 2^64), so one correction makes it exact.
 */
static inline uint64_t hf_gcra_cells(const struct hf_gcra *gcra, uint64_t duration_ns)
{
    uint64_t cells = hf_multiply(duration_ns, gcra->inverse).high;
    return cells + (duration_ns - cells * gcra->interval_ns >= gcra->interval_ns);
}

/* How far ahead of now the arrival time may run for a reservation of up to wait_max_ns. */
static inline uint64_t hf_gcra_reach_ns(const struct hf_gcra *gcra, uint64_t wait_max_ns)
{
    return gcra->tolerance_ns + hf_min(wait_max_ns, HF_GCRA_TOLERANCE_MAX_NS - gcra->tolerance_ns);
}

#endif
