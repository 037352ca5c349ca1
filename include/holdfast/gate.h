/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_GATE_H
#define HOLDFAST_GATE_H

#include <holdfast/decision.h>
#include <holdfast/quota.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One limit for everything that passes: a single GCRA cell of 64 bits.
 *
 *     const struct hf_quota quota = hf_quota_per_second(1000);
 *     status = hf_gate_init(&gate, &quota, &error);
 *     ...
 *     if (hf_gate_check(&gate, 1, now_ns, NULL) != HF_OK)
 *         refuse();
 *
 * Caller-allocated, fields private, must not be copied while in use; nothing to free. Thread-safe
 * and lock-free: an admission is one compare-and-swap, a denial writes nothing.
 */
struct hf_gate {
    uint64_t tat_ns; /* Theoretical arrival time: when all cells are available again. */
    struct hf_gcra gcra;
};

/* Starts with the whole burst available. HF_INVALID: error (NULL: not wanted) names the field. */
HF_MUST_USE HF_API enum hf_status hf_gate_init(
    struct hf_gate *gate, const struct hf_quota *quota, struct hf_error *error);

/*
 * Asks for `cost` cells at now_ns (a monotonic time; one that lags only denies more). Cost 0 is a
 * peek: says whether one cell would be admitted, and charges nothing. Returns HF_OK: admitted and
 * charged. HF_DENIED: not now, nothing charged; decision tells when. HF_NEVER: cost exceeds the
 * burst, nothing charged. HF_INVALID: gate is NULL, or now_ns is above HF_TIME_MAX_NS; nothing
 * charged. decision: NULL if not wanted.
 */
HF_MUST_USE HF_API enum hf_status hf_gate_check(
    struct hf_gate *gate, uint64_t cost, uint64_t now_ns, struct hf_decision *decision);

/*
 * Gives `cost` cells back that hf_gate_check admitted and that were not used. Never yields more
 * than the burst. Lock-free. HF_INVALID: gate is NULL or cost exceeds the burst.
 */
HF_MUST_USE HF_API enum hf_status hf_gate_refund(struct hf_gate *gate, uint64_t cost);

#ifdef __cplusplus
}
#endif

#endif
