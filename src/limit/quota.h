/* SPDX-License-Identifier: MIT */
#ifndef HF_LIMIT_QUOTA_H
#define HF_LIMIT_QUOTA_H

#include <holdfast/quota.h>

#include "base/multiply.h"

/*
 * Checks a quota as hf_quota_check does and puts it into the form of the arithmetic. *gcra is
 * written on success only.
 */
HF_MUST_USE enum hf_status hf_gcra_init(
    struct hf_gcra *gcra, const struct hf_quota *quota, struct hf_error *error);

/*
 * Whole cells in duration_ns <= 2^60. The product is at most the true quotient and less than one
 * below it (each rounding loses less than duration / 2^64), so one correction makes it exact.
 */
static inline uint64_t hf_gcra_cells(const struct hf_gcra *gcra, uint64_t duration_ns)
{
    uint64_t cells = hf_multiply(duration_ns, gcra->inverse).high;
    return cells + (duration_ns - cells * gcra->interval_ns >= gcra->interval_ns);
}

#endif
