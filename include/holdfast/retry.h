/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_RETRY_H
#define HOLDFAST_RETRY_H

#include <holdfast/clock.h>
#include <holdfast/delay.h>
#include <holdfast/outcome.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Retries, in two forms: an iterator that neither sleeps nor starts threads, for event loops, and
 * hf_retry_call, which runs a function until it works or there is no point in going on.
 *
 *     hf_retry_begin(&retry, &policy, now_ns);
 *     for (;;) {
 *         outcome = try_it();
 *         if (hf_retry_next(&retry, outcome, now_ns(), &random, &delay_ns) != HF_AGAIN)
 *             break;
 *         wait(delay_ns);
 *     }
 */

/* What to do about failures. Zero fields mean the defaults named. Times: at most HF_TIME_MAX_NS. */
struct hf_retry_options {
    uint32_t attempts_max; /* Tries in all, the first one included. 0: 3. HF_RETRY_UNLIMITED: no
                              limit, and then elapsed_max_ns must be given. */
    struct hf_delay delay; /* How long to wait between tries. */
    /*
     * Every try begins before this much time has passed since begin, measured on the clock, so that
     * the time the tries themselves take counts. 0: no limit. A delay that would not end before
     * it is not begun.
     */
    uint64_t elapsed_max_ns;
    /* Told to each try as its time limit, cut to what elapsed_max_ns leaves. 0: only that. */
    uint64_t attempt_timeout_ns;
    /*
     * Longest retry-after to wait for; a longer one stops the retries at once. 0: 60 s. It may
     * exceed delay.delay_max_ns: a server's wish is honoured, never undercut by jitter.
     */
    uint64_t retry_after_max_ns;
};

#define HF_RETRY_UNLIMITED UINT32_MAX

/* Checked options. Caller-allocated, fields private, immutable once made: share it among threads.
 */
struct hf_retry_policy {
    struct hf_retry_options options;
};

/* Checks options (NULL: all defaults) and fills defaults in. HF_INVALID: error names the field. */
HF_MUST_USE HF_API enum hf_status hf_retry_policy_init(
    struct hf_retry_policy *policy, const struct hf_retry_options *options, struct hf_error *error);

/* Why retrying stopped. */
enum hf_retry_stop {
    HF_RETRY_GOING = 0, /* It has not. */
    HF_RETRY_SUCCEEDED, /* The last try worked. */
    HF_RETRY_PERMANENT, /* The last try failed permanently. */
    HF_RETRY_IGNORED,   /* The last try's outcome says that trying again is pointless. */
    HF_RETRY_ATTEMPTS,  /* attempts_max is reached. */
    HF_RETRY_ELAPSED,   /* The next try would not begin before elapsed_max_ns is over. */
    HF_RETRY_AFTER,     /* The other side asks for a longer wait than the policy has left. */
    HF_RETRY_STOPPED,   /* hf_retry_stop was called. */
};

/* "going", "succeeded", ...; "unknown" off the list. Static. */
HF_API const char *hf_retry_stop_str(enum hf_retry_stop stop);

/* Tries that did not work whose outcomes are kept: the first, and the newest of the others. */
#define HF_RETRY_CAUSES_MAX 8

/* What happened. Filled as it goes; only causes[0 .. causes_count - 1] are written. */
struct hf_retry_report {
    uint32_t attempts; /* Tries whose outcome is known. */
    enum hf_retry_stop stop;
    uint64_t delayed_ns;       /* Sum of the delays handed out. */
    uint64_t elapsed_ns;       /* From begin to the last outcome; 0 if that was told no time. */
    struct hf_outcome outcome; /* Of the last try. */
    uint32_t causes_count;     /* At most HF_RETRY_CAUSES_MAX. */
    struct hf_outcome causes[HF_RETRY_CAUSES_MAX]; /* Of tries that did not work, oldest first. */
};

/* One operation's retries. Caller-allocated, fields private but for report. One thread at a time.
 */
struct hf_retry {
    const struct hf_retry_policy *policy;
    uint64_t start_ns;
    uint64_t previous_delay_ns;
    struct hf_retry_report report; /* May be read at any time after hf_retry_begin. */
};

/*
 * Starts an operation's retries. policy is borrowed until the last call with retry. now_ns is
 * when the operation starts. Where the policy has no elapsed_max_ns and the report's elapsed_ns is
 * of no use, 0 will do, in every call for this operation. retry NULL: nothing.
 * Cost: a few stores; no clock, no random number, nothing to free.
 */
HF_API void hf_retry_begin(
    struct hf_retry *retry, const struct hf_retry_policy *policy, uint64_t now_ns);

/*
 * Tells the outcome of a try and asks what to do.
 * Returns
 * HF_OK: it worked, stop.
 * HF_AGAIN: wait *delay_ns, then try again: the policy's delay, or the other side's retry-after
 * where that is longer. Written only with this status.
 * HF_FAILED: permanent or ignored, stop. A kind off the list counts as permanent.
 * HF_EXHAUSTED: attempts, time or retry-after are used up, stop (report.stop tells which).
 * HF_INVALID: retry, its policy or delay_ns is NULL, now_ns is above HF_TIME_MAX_NS, or the retries
 * had stopped already; nothing changes.
 * random is asked only when a delay needs it; NULL: the longest delay that could have been drawn.
 */
HF_MUST_USE HF_API enum hf_status hf_retry_next(struct hf_retry *retry, struct hf_outcome outcome,
    uint64_t now_ns, const struct hf_random *random, uint64_t *delay_ns);

/*
 * Time limit of a try that begins now, by attempt_timeout_ns and elapsed_max_ns. UINT64_MAX: none.
 * 0: there is no time left, do not begin (a wait took longer than was asked for), or retry is NULL.
 */
HF_API uint64_t hf_retry_attempt_timeout_ns(const struct hf_retry *retry, uint64_t now_ns);

/* Gives up from outside: every later hf_retry_next gives HF_INVALID. Stopped or NULL: nothing. */
HF_API void hf_retry_stop(struct hf_retry *retry);

/* What a wrapped function is told about the try it is. */
struct hf_attempt {
    uint32_t number;     /* 1 for the first try. */
    uint64_t timeout_ns; /* How long it should take at most; UINT64_MAX: no limit. Never 0. */
};

/* A function to wrap. Runs on the caller's thread; must not longjmp past the library. */
typedef struct hf_outcome hf_call_fn(void *context, const struct hf_attempt *attempt);

/*
 * Calls fn until it works or the policy says stop, sleeping on the clock in between.
 * clock: NULL or zero: monotonic. random: NULL or zero: seeded from the system at first need.
 * report: NULL if not wanted; not written with HF_INVALID.
 * Returns HF_OK, HF_FAILED or HF_EXHAUSTED as hf_retry_next; HF_INVALID: policy or fn is NULL.
 * Time is measured only for elapsed_max_ns: without it the clock only sleeps, and
 * report->elapsed_ns is 0. So when fn works at once this costs an indirect call and a few stores.
 * Thread-safe if fn, clock and random are.
 */
HF_MUST_USE HF_API enum hf_status hf_retry_call(const struct hf_retry_policy *policy,
    hf_call_fn *fn, void *context, const struct hf_clock *clock, const struct hf_random *random,
    struct hf_retry_report *report);

#ifdef __cplusplus
}
#endif

#endif
