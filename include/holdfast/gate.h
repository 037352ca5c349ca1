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
 *
 * A call that takes a `quota` decides by that one instead of the gate's own (NULL): so a quota
 * changes while the gate is in use. HF_INVALID, "quota", if hf_gcra_init has not made it.
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

/* The same by a quota of this call. */
HF_MUST_USE HF_API enum hf_status hf_gate_check_with(struct hf_gate *gate, uint64_t cost,
    const struct hf_gcra *quota, uint64_t now_ns, struct hf_decision *decision);

/* What a check would answer, charging nothing. Cost 0 counts as 1. */
HF_MUST_USE HF_API enum hf_status hf_gate_peek(struct hf_gate *gate, uint64_t cost,
    const struct hf_gcra *quota, uint64_t now_ns, struct hf_decision *decision);

/*
 * Gives `cost` cells back that hf_gate_check admitted and that were not used. Never yields more
 * than the burst. Lock-free. HF_INVALID: gate is NULL or cost exceeds the burst.
 */
HF_MUST_USE HF_API enum hf_status hf_gate_refund(struct hf_gate *gate, uint64_t cost);

/* The same for cells that were charged by another quota. HF_INVALID also: quota was not made. */
HF_MUST_USE HF_API enum hf_status hf_gate_refund_with(
    struct hf_gate *gate, uint64_t cost, const struct hf_gcra *quota);

/*
 * Takes the gate from one quota to another: it goes on owing as many cells as it did, at most the
 * burst of `to`, and earns them back at the rate of `to`. Rounds up, by less than one ns.
 * HF_INVALID: gate is NULL, a quota was not made, or now_ns is above HF_TIME_MAX_NS.
 */
HF_MUST_USE HF_API enum hf_status hf_gate_requota(
    struct hf_gate *gate, const struct hf_gcra *from, const struct hf_gcra *to, uint64_t now_ns);

/* Forgets what has been used: the whole burst is available. HF_INVALID: gate is NULL. */
HF_MUST_USE HF_API enum hf_status hf_gate_reset(struct hf_gate *gate);

/*
 * Charges `cost` cells that may be used *wait_ns from now, at most wait_max_ns: hf_limiter_reserve
 * says what that is good for. HF_DENIED: it would take longer; decision.retry_after_ns is when the
 * same reservation fits. Otherwise as check. HF_INVALID also: cost is 0, wait_ns is NULL, or
 * wait_max_ns exceeds HF_TIME_MAX_NS. *wait_ns is written with HF_OK only.
 */
HF_MUST_USE HF_API enum hf_status hf_gate_reserve(struct hf_gate *gate, uint64_t cost,
    const struct hf_gcra *quota, uint64_t wait_max_ns, uint64_t now_ns, uint64_t *wait_ns,
    struct hf_decision *decision);

#ifdef __cplusplus
}
#endif

#endif
