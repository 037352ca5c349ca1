/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_ADAPTIVE_H
#define HOLDFAST_ADAPTIVE_H

#include <holdfast/allocator.h>
#include <holdfast/gate.h>
#include <holdfast/outcome.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A rate that finds out by itself how much the other side can take: it grows by steps while all is
 * well, and shrinks by a fraction when calls fail or answers queue up.
 *
 *     options.rate_min = 10;
 *     options.rate_max = 5000;
 *     status = hf_adaptive_new(&adaptive, &options, &error);
 *     ...
 *     if (hf_adaptive_check(adaptive, 1, now_ns, &decision) == HF_OK) {
 *         outcome = call();
 *         hf_adaptive_record(adaptive, outcome, latency_ns, now_ns + latency_ns);
 *     }
 *
 * Outcomes are judged a window at a time, and each window moves the rate at most once:
 * - Down by a fraction, if too many of its calls were transient failures, if the other side asked
 *   to be left alone (retry-after), or if answers were slow: even its fastest took longer than
 *   latency_max_ns, or much longer than the fastest of late, and no less than in the window before.
 *   The minimum is taken since one slow answer is chance, while a queue delays all of them (as in
 *   CoDel, RFC 8289); and a queue that is getting shorter is left to it. The window after a
 *   decrease changes nothing, since it still hears of what was sent before it.
 * - Up by a step, if all was well and at least half of the rate was used: what was not tried proves
 *   nothing (as for TCP, RFC 7661). Not while a retry-after lasts.
 * Steps up and fractions down are what makes several clients of one server come to equal shares
 * (Chiu, Jain: "Analysis of the Increase and Decrease Algorithms for Congestion Avoidance", 1989).
 *
 * Permanent failures were answers, and count like successes. Ignored ones count as use only.
 *
 * All calls but new and free are thread-safe, lock-free, and never allocate. A check costs what a
 * gate's costs: quotas for all rates are made in advance, and the rate is a number of one of them.
 */
struct hf_adaptive;

#define HF_ADAPTIVE_RATE_MAX 10000000
#define HF_ADAPTIVE_WINDOW_MIN_NS HF_MS(1)
#define HF_ADAPTIVE_WINDOW_MAX_NS HF_SECONDS(60)

/* A window lasts until it has heard of this many calls. */
#define HF_ADAPTIVE_RECORDS_MIN 8

/* "The fastest of late" is the fastest of so many windows at least, and of twice that at most. */
#define HF_ADAPTIVE_BASELINE_WINDOWS 32

/* A longer retry-after counts as this. */
#define HF_ADAPTIVE_QUIET_MAX_NS HF_SECONDS(300)

struct hf_adaptive_options {
    uint64_t rate_min;   /* Cells a second, at least 1. */
    uint64_t rate_max;   /* At least rate_min, at most HF_ADAPTIVE_RATE_MAX. */
    uint64_t rate_start; /* Between the two. 0: rate_min. */
    uint64_t increase;   /* A step, cells a second. 0: 1/256 of rate_max - rate_min, at least 1. */
    uint32_t decrease_per_1024; /* A decrease takes this much off: at most 922. 0: 205, a fifth. */
    uint32_t failures_per_1024; /* More transient failures than this are too many: at most 1023.
                                   0: 51, five in a hundred. */
    uint32_t latency_per_1024;  /* Much longer than the fastest of late: this times as long, above
                                   1024, at most 2^20, which is as good as never. 0: 2048, twice. */
    uint64_t latency_max_ns;    /* Too slow in any case: at most 1000 s. 0: that. */
    uint64_t burst_ns;  /* As much as the rate gives in so long may be had at once, at least a cell.
                           0: 100 ms. At most 60 s. */
    uint64_t window_ns; /* HF_ADAPTIVE_WINDOW_MIN_NS to _MAX_NS. 0: 1 s. Several round trips. */
    const struct hf_allocator *allocator; /* NULL: libc. */
};

/*
 * Makes one. HF_INVALID: an option is out of range; HF_NO_MEMORY. On failure *adaptive is NULL and
 * error (NULL: not wanted) names the field and value. Memory: 32 bytes a rate that it can take, at
 * most 1/64 apart: up to 50 KiB.
 */
HF_MUST_USE HF_API enum hf_status hf_adaptive_new(struct hf_adaptive **adaptive,
    const struct hf_adaptive_options *options, struct hf_error *error);

/* Frees it; no other call may be under way. NULL: nothing. */
HF_API void hf_adaptive_free(struct hf_adaptive *adaptive);

/*
 * Asks for `cost` cells at the present rate, as hf_gate_check. HF_NEVER: more than the burst is at
 * this rate; it may be less at a higher one.
 */
HF_MUST_USE HF_API enum hf_status hf_adaptive_check(
    struct hf_adaptive *adaptive, uint64_t cost, uint64_t now_ns, struct hf_decision *decision);

/*
 * The present rate as a quota for a gate or a limiter of your own: hf_limiter_check_with(limiter,
 * key, 1, hf_adaptive_gcra(adaptive), &decision), or the quota of a part of struct hf_limits.
 * Immutable, valid as long as adaptive is. NULL for
 * NULL. One load.
 */
HF_API const struct hf_gcra *hf_adaptive_gcra(const struct hf_adaptive *adaptive);

/*
 * Tells what a call came to and how long it took (0: not known). now_ns: when it was over, of the
 * clock of the checks. HF_INVALID: adaptive is NULL, now_ns or latency_ns is above HF_TIME_MAX_NS;
 * nothing recorded. Cost: an atomic add; now and then the judging of a window, which one thread
 * does while others go on.
 */
HF_API enum hf_status hf_adaptive_record(
    struct hf_adaptive *adaptive, struct hf_outcome outcome, uint64_t latency_ns, uint64_t now_ns);

/* What it is at. */
struct hf_adaptive_state {
    uint64_t rate;         /* Cells a second. The quota is this or up to 1/64 less. */
    struct hf_quota quota; /* What is admitted. */
    uint64_t fastest_ns;   /* The fastest answer of late. 0: none known. */
    uint64_t windows;      /* Judged so far, */
    uint64_t increases;    /* of which so many moved the rate up */
    uint64_t decreases;    /* or down. */
};

/* Reads the state, each field by itself. HF_INVALID: an argument is NULL. */
HF_MUST_USE HF_API enum hf_status hf_adaptive_snapshot(
    const struct hf_adaptive *adaptive, struct hf_adaptive_state *state);

#ifdef __cplusplus
}
#endif

#endif
