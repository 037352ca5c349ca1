/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_LIMITER_H
#define HOLDFAST_LIMITER_H

#include <holdfast/allocator.h>
#include <holdfast/clock.h>
#include <holdfast/decision.h>
#include <holdfast/hash.h>
#include <holdfast/quota.h>
#include <holdfast/random.h>

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
 * All calls but new and free are thread-safe and never allocate; all but hf_limiter_wait, which
 * sleeps, are lock-free. Most come in two forms: by the limiter's clock, and _at a time that the
 * caller names.
 *
 * A call that takes a `quota` decides by that one instead of the limiter's own (NULL), so keys may
 * have quotas of their own, and a quota changes by handing in another from then on. What a key has
 * used is kept as the time until all of it is available again, so calls with different quotas for
 * one key add up. Nothing but refund, requota, trim and reset ever lowers it.
 *
 * What it promises, and on what terms:
 * - Admitted for one key in any stretch of t ns is at most burst + count * t / period_ns, over the
 *   times at which the clock was read: a thread that reads the clock and then stalls may be seen to
 *   act late. What is given back within the stretch comes on top.
 * - That holds whatever the times are, also across threads whose clocks disagree. A caller whose
 *   now_ns lags behind others' is denied where it is in doubt whether a key has used its cells: a
 *   limiter is meant to be asked at times of one clock that does not go backwards.
 * - Keys are told apart by 48 bits of a keyed hash besides the place in the table; two keys that
 *   agree in all of it share one quota. The chance that any two of a million live keys do is about
 *   2^-25, and of ten million 2^-18; with the fast hash, of 128 bits, 2^-28 and 2^-24.
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
                              about 34 bytes a key, used as touched. See small_pages. */
    enum hf_full_policy full_policy;
    enum hf_hash_kind hash;
    const struct hf_hash_seed *seed; /* NULL: a secret one from the system. Copied. */
    struct hf_clock clock;           /* Zero: monotonic. */
    /*
     * The longest that it takes any quota used here to fill up from empty (hf_gcra_fill_ns), and
     * any reservation to come due besides; at most 2^60. 0: as long as `quota` takes. With a longer
     * one all goes on to hold, but a refund, reset or change may give back less than it should. A
     * key for which cells were given back keeps its place until up to this long after they would
     * have come by themselves.
     */
    uint64_t fill_max_ns;
    const struct hf_allocator *allocator; /* NULL: libc. */
    /*
     * Memory of 4 MiB and more (some 125,000 keys) is asked for in pages of 2 MiB where the system
     * offers them to those who ask (Linux: madvise), since finding its way among many small pages
     * takes a processor much of the time that a decision takes. It is then used 2 MiB at a time, as
     * touched: soon all of it, however few keys live, and a first touch clears as much. True: pages
     * of the usual size, for a limiter that is mostly empty or where no call may ever wait for
     * that. Of no effect on a limiter in a file.
     */
    bool small_pages;
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

/*
 * The same by a quota of this call. NULL: the limiter's own. HF_INVALID, "quota", if hf_gcra_init
 * has not made it.
 */
HF_MUST_USE HF_API enum hf_status hf_limiter_check_with(struct hf_limiter *limiter,
    struct hf_bytes key, uint64_t cost, const struct hf_gcra *quota, struct hf_decision *decision);

HF_MUST_USE HF_API enum hf_status hf_limiter_check_with_at(struct hf_limiter *limiter,
    struct hf_bytes key, uint64_t cost, const struct hf_gcra *quota, uint64_t now_ns,
    struct hf_decision *decision);

/*
 * What a check would answer, charging nothing and taking no place in the table. Cost 0 counts as 1.
 * quota as with check_with.
 */
HF_MUST_USE HF_API enum hf_status hf_limiter_peek(struct hf_limiter *limiter, struct hf_bytes key,
    uint64_t cost, const struct hf_gcra *quota, struct hf_decision *decision);

HF_MUST_USE HF_API enum hf_status hf_limiter_peek_at(struct hf_limiter *limiter,
    struct hf_bytes key, uint64_t cost, const struct hf_gcra *quota, uint64_t now_ns,
    struct hf_decision *decision);

/*
 * Gives back `cost` cells that were charged by this quota (NULL: the limiter's own) and not used:
 * only what failed counts against a key, or only what came back empty. Never yields more than the
 * burst; a key that is gone has nothing to be given back, which is HF_OK too. Cells are given back
 * whole, however long ago they were charged.
 * HF_INVALID, with nothing changed: limiter or key as with check; cost exceeds the burst; quota was
 * not made; now_ns, or the clock, is above HF_TIME_MAX_NS. So also the four calls below.
 */
HF_MUST_USE HF_API enum hf_status hf_limiter_refund(
    struct hf_limiter *limiter, struct hf_bytes key, uint64_t cost, const struct hf_gcra *quota);

HF_MUST_USE HF_API enum hf_status hf_limiter_refund_at(struct hf_limiter *limiter,
    struct hf_bytes key, uint64_t cost, const struct hf_gcra *quota, uint64_t now_ns);

/*
 * Takes a key from one quota to another (NULL: the limiter's own): it goes on owing as many cells
 * as it did, at most the burst of `to`, and earns them back at the rate of `to`. For a user who
 * changes plan; without it the debt would go on to be that of the old rate in time: somebody at 10
 * an hour who has used all of it and gets 1000 a second would have nothing for minutes yet. Rounds
 * up, by less than one ns.
 */
HF_MUST_USE HF_API enum hf_status hf_limiter_requota(struct hf_limiter *limiter,
    struct hf_bytes key, const struct hf_gcra *from, const struct hf_gcra *to);

HF_MUST_USE HF_API enum hf_status hf_limiter_requota_at(struct hf_limiter *limiter,
    struct hf_bytes key, const struct hf_gcra *from, const struct hf_gcra *to, uint64_t now_ns);

/*
 * Cuts what each key owes to what this quota (NULL: the limiter's own) could have let it owe: all
 * of the burst. For a quota that many keys share and that has just been raised. Walks the whole
 * table, which others go on using meanwhile.
 */
HF_MUST_USE HF_API enum hf_status hf_limiter_trim(
    struct hf_limiter *limiter, const struct hf_gcra *quota);

HF_MUST_USE HF_API enum hf_status hf_limiter_trim_at(
    struct hf_limiter *limiter, const struct hf_gcra *quota, uint64_t now_ns);

/*
 * Forgets what a key has used: all of its burst is available. Of what reservations have promised
 * further ahead than fill_max_ns, only so much is forgotten as brings it down to that.
 */
HF_MUST_USE HF_API enum hf_status hf_limiter_reset(struct hf_limiter *limiter, struct hf_bytes key);

HF_MUST_USE HF_API enum hf_status hf_limiter_reset_at(
    struct hf_limiter *limiter, struct hf_bytes key, uint64_t now_ns);

/*
 * Waiting. There are two ways, and both are told the moment instead of asking again and again:
 *
 * - decision.retry_after_ns of a denial: when the same request fits if nobody else asks meanwhile.
 *   Of several who wait for the same key so, all come back at that moment and one gets the cell.
 * - A reservation charges now for later: each caller gets a moment of its own, in the order in
 *   which they came, and need not ask again. There is no herd, nobody starves, and the bound above
 *   holds for the times at which the cells are used. Whoever asks without waiting is denied as long
 *   as others queue, and told to come back behind them. A queue is forgotten by requota, trim and
 *   reset, which leave no key owing more than a burst: those in it keep their moments, and others
 *   get those cells besides.
 */

/*
 * Charges `cost` cells that may be used *wait_ns from now, at most wait_max_ns, and returns HF_OK;
 * whoever does not want them any more gives them back by hf_limiter_refund. HF_DENIED: it would
 * take longer; decision.retry_after_ns is when the same reservation fits. Otherwise as check_with.
 * HF_INVALID also: cost is 0, wait_ns is NULL, or wait_max_ns exceeds HF_TIME_MAX_NS. *wait_ns is
 * written with HF_OK only. wait_max_ns and the time in which the quota fills up count for
 * 2^60 ns together at most.
 */
HF_MUST_USE HF_API enum hf_status hf_limiter_reserve(struct hf_limiter *limiter,
    struct hf_bytes key, uint64_t cost, const struct hf_gcra *quota, uint64_t wait_max_ns,
    uint64_t *wait_ns, struct hf_decision *decision);

HF_MUST_USE HF_API enum hf_status hf_limiter_reserve_at(struct hf_limiter *limiter,
    struct hf_bytes key, uint64_t cost, const struct hf_gcra *quota, uint64_t wait_max_ns,
    uint64_t now_ns, uint64_t *wait_ns, struct hf_decision *decision);

/* How to wait. The zero value: by the limiter's own quota, up to a minute, no jitter. */
struct hf_limiter_wait {
    const struct hf_gcra *quota; /* As with check_with. */
    uint64_t wait_max_ns;        /* The longest wait, jitter included: at most HF_TIME_MAX_NS.
                                    0: 60 s. */
    /*
     * Up to this much is waited on top, at random, where there is a wait at all: callers of
     * different limiters, in different processes, then do not act at the same moment. At most
     * wait_max_ns.
     */
    uint64_t jitter_ns;
    struct hf_random random; /* For jitter. Zero: seeded from the system at each need. */
};

/*
 * Waits on the limiter's clock until `cost` cells may be used. wait: NULL means the zero value.
 * Returns at once, without sleeping and with nothing charged: HF_DENIED if it would take longer
 * than wait_max_ns, HF_NEVER, HF_FULL, or HF_INVALID (also "wait.jitter_ns", "wait.wait_max_ns").
 */
HF_NAMESAKE_BEGIN
HF_MUST_USE HF_API enum hf_status hf_limiter_wait(struct hf_limiter *limiter, struct hf_bytes key,
    uint64_t cost, const struct hf_limiter_wait *wait, struct hf_decision *decision);
HF_NAMESAKE_END

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
HF_NAMESAKE_BEGIN
HF_MUST_USE HF_API enum hf_status hf_limiter_statistics(
    const struct hf_limiter *limiter, struct hf_limiter_statistics *statistics);
HF_NAMESAKE_END

/* The quota it was made with, burst filled in. HF_INVALID for NULL. */
HF_MUST_USE HF_API enum hf_status hf_limiter_quota(
    const struct hf_limiter *limiter, struct hf_quota *quota);

#ifdef __cplusplus
}
#endif

#endif
