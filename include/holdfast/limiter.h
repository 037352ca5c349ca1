/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_LIMITER_H
#define HOLDFAST_LIMITER_H

#include <holdfast/allocator.h>
#include <holdfast/clock.h>
#include <holdfast/decision.h>
#include <holdfast/hash.h>
#include <holdfast/quota.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One limit for each key: a lock-free table of GCRA cells, bounded in memory by construction.
 *
 *     options.quota = hf_quota_with_burst(hf_quota_per_second(50), 100);
 *     status = hf_limiter_new(&limiter, &options, &error);
 *     ...
 *     if (hf_limiter_check(limiter, hf_bytes(user, strlen(user)), 1, &decision) != HF_OK)
 *         refuse(decision.retry_after_ns);
 *
 * A key whose cells are all available again is the same as a key never seen, so its place is
 * taken over by whichever key needs it: there is no clean-up call, no background work, and no
 * live key is ever evicted.
 *
 * All calls but new and free are thread-safe and lock-free and never allocate.
 *
 * What it promises, and on what terms:
 * - Admitted for one key in any stretch of t ns is at most burst + count * t / period_ns, over the
 *   times at which the clock was read: a thread that reads the clock and then stalls may be seen to
 *   act late.
 * - That holds whatever the times are, also across threads whose clocks disagree. A caller whose
 *   now_ns lags behind others' is denied where it is in doubt whether a key has used its cells: a
 *   limiter is meant to be asked at times of one clock that does not go backwards.
 * - Keys are told apart by 48 bits of a keyed hash besides the place in the table; two keys that
 *   agree in all of it share one quota. Among ten million live keys the chance that any two do is
 *   about 2^-24.
 */
struct hf_limiter;

/* What a new key gets when every place it may use is held by a live key. */
enum hf_full_policy {
    HF_FULL_DENY = 0, /* HF_FULL, reason full. */
    HF_FULL_ADMIT,    /* HF_OK, admitted_uncounted set, counted in the statistics. */
};

struct hf_limiter_options {
    struct hf_quota quota; /* Each key's. */
    uint64_t keys_max;     /* Live keys it is meant for: at most 2^32. 0: 65,536. Memory reserved is
                              about 34 bytes a key, used as touched. */
    enum hf_full_policy full_policy;
    enum hf_hash_kind hash;
    const struct hf_hash_seed *seed;      /* NULL: a secret one from the system. Copied. */
    struct hf_clock clock;                /* Zero: monotonic. */
    const struct hf_allocator *allocator; /* NULL: libc. */
};

/*
 * Makes a limiter. HF_INVALID: an option is out of range; HF_NO_MEMORY; HF_IO: no seed to be had.
 * On failure *limiter is NULL and error (NULL: not wanted) names the field and value.
 */
HF_MUST_USE HF_API enum hf_status hf_limiter_new(
    struct hf_limiter **limiter, const struct hf_limiter_options *options, struct hf_error *error);

/* Frees it; no other call may be under way. NULL: nothing. */
HF_API void hf_limiter_free(struct hf_limiter *limiter);

/*
 * Asks for `cost` cells of `key`'s quota at the limiter's clock. Cost 0 is a peek: says whether
 * one cell would be admitted, and charges nothing.
 * Returns HF_OK: admitted and charged. HF_DENIED: not now, nothing charged. HF_NEVER: cost exceeds
 * the burst, nothing charged. HF_FULL: no room for a new key (policy deny). HF_INVALID: limiter is
 * NULL, key.data is NULL with a size, key.size is 0 or above HF_KEY_BYTES_MAX. decision: NULL if
 * not wanted. Cost: one hash and one cache line for a key that is present.
 */
#define HF_KEY_BYTES_MAX 65536
HF_MUST_USE HF_API enum hf_status hf_limiter_check(
    struct hf_limiter *limiter, struct hf_bytes key, uint64_t cost, struct hf_decision *decision);

/* The same at now_ns, which must come from one monotonic clock; HF_INVALID above HF_TIME_MAX_NS. */
HF_MUST_USE HF_API enum hf_status hf_limiter_check_at(struct hf_limiter *limiter,
    struct hf_bytes key, uint64_t cost, uint64_t now_ns, struct hf_decision *decision);

/* One of many requests. */
struct hf_limiter_request {
    struct hf_bytes key;
    uint64_t cost;                /* As for hf_limiter_check: 0 is a peek. */
    struct hf_decision *decision; /* Filled like hf_limiter_check's; NULL: not wanted. */
    enum hf_status status;        /* Written: what hf_limiter_check returns for this one. */
};

/*
 * Checks `count` requests, each by itself: what comes out is what hf_limiter_check gives for them
 * one after the other, in this order. A key that is there twice is charged twice; a request that
 * is denied, or invalid, keeps no other from being decided.
 *
 * It is faster than as many single calls once the table is larger than the processor's caches: the
 * lines of HF_LIMITER_BATCH keys come from memory at the same time. The clock is read once for each
 * HF_LIMITER_BATCH requests. Any count will do; 0 is HF_OK.
 *
 *     struct hf_limiter_request requests[2] = {
 *         {.key = hf_bytes(user, user_size), .cost = 1},
 *         {.key = hf_bytes(address, 16), .cost = 1, .decision = &decision},
 *     };
 *     if (hf_limiter_check_many(limiter, requests, 2) != HF_OK) ...requests[0].status...
 *
 * Returns HF_OK if all were admitted, else the status of the first that was not. HF_INVALID where
 * limiter is NULL (each request says so, too) or requests is.
 */
#define HF_LIMITER_BATCH 16
HF_MUST_USE HF_API enum hf_status hf_limiter_check_many(
    struct hf_limiter *limiter, struct hf_limiter_request *requests, size_t count);

/* The same at now_ns, as hf_limiter_check_at. */
HF_MUST_USE HF_API enum hf_status hf_limiter_check_many_at(
    struct hf_limiter *limiter, struct hf_limiter_request *requests, size_t count, uint64_t now_ns);

/* Numbers about a limiter. Counts wrap at 2^64. */
struct hf_limiter_statistics {
    uint64_t slots;              /* Places in the table. */
    uint64_t memory_bytes;       /* Reserved, of which only touched pages are used. */
    uint64_t inserted;           /* Keys given a place; again if they lost it after expiring. */
    uint64_t full;               /* Requests of new keys, peeks aside, that found no room. */
    uint64_t admitted_uncounted; /* Of those, admitted by policy. */
};

/* Reads the statistics: counts of rare events only, so that they cost nothing on the hot path.
 * O(1). */
HF_MUST_USE HF_API enum hf_status hf_limiter_statistics(
    const struct hf_limiter *limiter, struct hf_limiter_statistics *statistics);

/* The quota it was made with, burst filled in. HF_INVALID for NULL. */
HF_MUST_USE HF_API enum hf_status hf_limiter_quota(
    const struct hf_limiter *limiter, struct hf_quota *quota);

#ifdef __cplusplus
}
#endif

#endif
