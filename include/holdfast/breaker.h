/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_BREAKER_H
#define HOLDFAST_BREAKER_H

#include <holdfast/allocator.h>
#include <holdfast/clock.h>
#include <holdfast/delay.h>
#include <holdfast/outcome.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A circuit breaker (Nygard, "Release It!", 2007): closed, it lets calls through and watches them;
 * too many failures open it, and calls are refused at once; after a while it is half-open and lets
 * a few through to see; if those work it closes.
 *
 *     if (hf_breaker_enter(breaker, now_ns, &permit, NULL, NULL) != HF_OK)
 *         return refused;
 *     outcome = call();
 *     hf_breaker_leave(breaker, &permit, outcome.kind, now_ns, NULL);
 *
 * Thread-safe and lock-free: the state is one 64-bit word changed by compare-and-swap. While it is
 * closed and calls succeed, entering costs one load, and leaving one more, plus an addition to a
 * counter of the processor's own if it trips by rate. A permit carries the generation of the state
 * that gave it, so a result that arrives late, after the state has changed, changes nothing.
 */
struct hf_breaker;

enum hf_breaker_state {
    HF_BREAKER_CLOSED = 0,
    HF_BREAKER_OPEN,
    HF_BREAKER_HALF_OPEN,
};

/* "closed", "open", "half-open"; "unknown" off the list. Static. */
HF_API const char *hf_breaker_state_str(enum hf_breaker_state state);

/* Zero fields mean the defaults named. It trips on whichever condition holds first. */
struct hf_breaker_options {
    /* Failures in a row that trip it: at most 65,535. 0: 5. HF_BREAKER_NEVER: not by these. */
    uint32_t consecutive_failures;
    /*
     * Failure rate over a sliding window of time that trips it, in percent: 1 to 100. 0: not by
     * rate. A call counts when it ends, however long it took. A call that fails looks at the rate.
     */
    uint32_t failure_rate_percent;
    uint64_t window_ns; /* Length of that window, which moves in steps of about a tenth (a ninth to
                           a sixteenth): 1 ms to 1 hour. 0: 30 s. */
    uint32_t calls_min; /* Calls in the window before the rate counts. 0: 20. */
    /*
     * How long it stays open: the delay after the n-th opening in a row without closing in
     * between (n stops at 1,023), and up to 1,024 ns more. All zero: 5 s, doubled each time, at
     * most 5 minutes, no jitter.
     */
    struct hf_delay open;
    uint32_t half_open_permits; /* Calls let through at a time while half-open, 1 to 255. 0: 1. */
    uint32_t success_threshold; /* Successes in a row that close it, 1 to 255. 0: 1. */
    /*
     * A permit of the half-open state that has not been returned after this long is lost: its place
     * goes to the next caller, and its result counts for nothing. Choose it longer than the calls
     * can take. At most HF_TIME_MAX_NS. 0: 30 s.
     */
    uint64_t permit_lease_ns;
    uint64_t seed;                        /* For jitter of the open period. 0: from the system. */
    const struct hf_allocator *allocator; /* NULL: libc. */
};

#define HF_BREAKER_NEVER UINT32_MAX

/*
 * Makes a closed breaker. options NULL: all defaults. HF_INVALID (error names the field),
 * HF_NO_MEMORY, HF_IO (no seed); *breaker is NULL then.
 */
HF_MUST_USE HF_API enum hf_status hf_breaker_new(
    struct hf_breaker **breaker, const struct hf_breaker_options *options, struct hf_error *error);

/* Frees it; no other call may be under way, permits may be outstanding. NULL: nothing. */
HF_API void hf_breaker_free(struct hf_breaker *breaker);

/* The right to make one call. Caller-allocated, fields private. Use each once. */
struct hf_permit {
    uint64_t generation;
    uint64_t lease; /* The half-open state's place that it holds; 0: none. */
    uint64_t entered_ns;
};

/*
 * A change of state that a call made; from == to if it made none. Each change is told to the one
 * call that made it, outside any critical section, so that it can log and count it.
 */
struct hf_breaker_change {
    enum hf_breaker_state from;
    enum hf_breaker_state to;
    uint64_t open_ns; /* How long it will stay open, if `to` is open. */
};

/*
 * Asks to make a call at now_ns (monotonic).
 * Returns
 * HF_OK: *permit is filled, and must go to hf_breaker_leave or hf_breaker_cancel, once.
 * HF_OPEN: refused; *retry_after_ns is how long until calls are let through again, 0 if that
 * depends on calls under way.
 * HF_INVALID: breaker or permit is NULL, or now_ns is above HF_TIME_MAX_NS; nothing is written.
 * retry_after_ns, change: NULL if not wanted; change tells whether this call moved the breaker
 * from open to half-open (and may have been refused all the same, others having been faster).
 */
HF_MUST_USE HF_API enum hf_status hf_breaker_enter(struct hf_breaker *breaker, uint64_t now_ns,
    struct hf_permit *permit, uint64_t *retry_after_ns, struct hf_breaker_change *change);

/*
 * Gives a permit back with the outcome of its call. Success and failure (transient or permanent)
 * are counted, ignored and kinds off the list are not. A permit of an earlier generation changes
 * nothing. change: NULL if not wanted; otherwise filled. Bad arguments (NULL, now_ns above
 * HF_TIME_MAX_NS) do nothing.
 */
HF_API void hf_breaker_leave(struct hf_breaker *breaker, const struct hf_permit *permit,
    enum hf_outcome_kind outcome, uint64_t now_ns, struct hf_breaker_change *change);

/* Gives a permit back unused: the call was not made. NULL: nothing. */
HF_API void hf_breaker_cancel(struct hf_breaker *breaker, const struct hf_permit *permit);

/* What a breaker looks like at one moment. */
struct hf_breaker_snapshot {
    enum hf_breaker_state state;   /* Open whose time is over shows as half-open. */
    uint64_t until_half_open_ns;   /* While open: how long still. Otherwise 0. */
    uint64_t opened_count;         /* Times it has opened. */
    uint32_t consecutive_failures; /* While closed; 0 if it does not trip by them. */
    uint32_t window_calls;         /* Calls and failures in the window, while closed and if it */
    uint32_t window_failures;      /* trips by rate. */
    uint32_t permits_out;          /* While half-open, lost ones not included. */
    uint32_t successes;            /* In a row, while half-open. */
};

/*
 * Looks without changing anything. The parts are read one after another. HF_INVALID: breaker or
 * snapshot is NULL, or now_ns is above HF_TIME_MAX_NS.
 */
HF_NAMESAKE_BEGIN
HF_MUST_USE HF_API enum hf_status hf_breaker_snapshot(
    const struct hf_breaker *breaker, uint64_t now_ns, struct hf_breaker_snapshot *snapshot);
HF_NAMESAKE_END

/*
 * Closes it and forgets all counts but opened_count; permits outstanding change nothing afterwards.
 * No call is told of this change. NULL: nothing.
 */
HF_API void hf_breaker_reset(struct hf_breaker *breaker);

#ifdef __cplusplus
}
#endif

#endif
