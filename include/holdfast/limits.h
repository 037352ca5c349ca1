/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_LIMITS_H
#define HOLDFAST_LIMITS_H

#include <holdfast/gate.h>
#include <holdfast/limiter.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Several limits for one request, all or nothing: everybody's and each key's, ten a second and a
 * thousand an hour, the address's and the account's.
 *
 *     const struct hf_limits limits = {.parts = {{.gate = &everybody}, {.limiter = each}}};
 *     ...
 *     if (hf_limits_check(&limits, hf_bytes(user, strlen(user)), 1, &decision) != HF_OK)
 *         refuse(decision.retry_after_ns);
 *
 * A request that any of them denies has charged none of them: one who floods is denied by the quota
 * of his own, and everybody's stays untouched.
 *
 * How: all parts are looked at first, and only if all would admit it are they charged, one after
 * the other. If another thread takes the last cell of one in between, what has been charged already
 * is given back before the call returns; until then others may be denied for it. All callers charge
 * in the same order, by address and key, so of several who compete for last cells one always gets
 * them.
 *
 * All calls are thread-safe and lock-free and never allocate.
 */
#define HF_LIMITS_PARTS_MAX 8

/* One limit of several. */
struct hf_limits_part {
    struct hf_gate *gate;        /* Either one for everybody, */
    struct hf_limiter *limiter;  /* or one for each key. */
    struct hf_bytes key;         /* With a limiter: whose quota. Size 0: the request's key. */
    uint64_t cost;               /* Cells that a request takes of this. 0: the request's cost. */
    const struct hf_gcra *quota; /* As with hf_limiter_check_with. NULL: the part's own. */
};

/*
 * Which limits. The caller's: fill it once and share it among threads, or fill one for a request
 * whose parts have keys of their own. Calls only read it. The first part with neither gate nor
 * limiter ends the list. No gate, and no key of a limiter, should be in it twice: it would be
 * charged twice, while each part was looked at as if it were alone.
 */
struct hf_limits {
    struct hf_limits_part parts[HF_LIMITS_PARTS_MAX];
    struct hf_clock clock; /* For all parts, whatever their own; a limiter in a file must have been
                              opened with it. Zero: monotonic. */
};

/*
 * Asks all parts for `cost` cells of `key`'s. Cost 0 is a peek, as if for one.
 * Returns
 * HF_OK: all are charged. decision is that of the part with the fewest cells remaining.
 * HF_DENIED, HF_FULL: nothing is charged; retry_after_ns is when all would admit it, if nobody else
 * asks meanwhile, and decision is that of the part that takes so long: reason global if it is a
 * gate, key if it is a limiter.
 * HF_NEVER: the cost exceeds a part's burst; nothing is charged.
 * HF_INVALID: as the parts' own checks; also "limits" if it is NULL, and "limits.parts" if there is
 * no part, or one has a gate and a limiter. key may be empty if no part needs it.
 * decision.part always is the part that the decision is about. decision: NULL if not wanted.
 */
HF_MUST_USE HF_API enum hf_status hf_limits_check(const struct hf_limits *limits,
    struct hf_bytes key, uint64_t cost, struct hf_decision *decision);

/* The same at now_ns, which must come from one monotonic clock; HF_INVALID above HF_TIME_MAX_NS. */
HF_MUST_USE HF_API enum hf_status hf_limits_check_at(const struct hf_limits *limits,
    struct hf_bytes key, uint64_t cost, uint64_t now_ns, struct hf_decision *decision);

/* What a check would answer, charging nothing. */
HF_MUST_USE HF_API enum hf_status hf_limits_peek(const struct hf_limits *limits,
    struct hf_bytes key, uint64_t cost, struct hf_decision *decision);

HF_MUST_USE HF_API enum hf_status hf_limits_peek_at(const struct hf_limits *limits,
    struct hf_bytes key, uint64_t cost, uint64_t now_ns, struct hf_decision *decision);

/*
 * Gives back to all parts what a check charged and what was not used. HF_INVALID, with nothing
 * given back: as with check, or the cost exceeds a part's burst.
 */
HF_MUST_USE HF_API enum hf_status hf_limits_refund(
    const struct hf_limits *limits, struct hf_bytes key, uint64_t cost);

HF_MUST_USE HF_API enum hf_status hf_limits_refund_at(
    const struct hf_limits *limits, struct hf_bytes key, uint64_t cost, uint64_t now_ns);

#ifdef __cplusplus
}
#endif

#endif
