/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_GUARD_H
#define HOLDFAST_GUARD_H

#include <holdfast/audit.h>
#include <holdfast/breaker.h>
#include <holdfast/gate.h>
#include <holdfast/limiter.h>
#include <holdfast/metrics.h>
#include <holdfast/retry.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One call that wraps all patterns around a function: is there time, does the key's quota allow it,
 * does everybody's, is the other side well, try, classify, record, try again.
 *
 *     status = hf_guard_call(guard, &request, fetch, &context, &report);
 *
 * Patterns left out are skipped. A guard only borrows them: several guards may share a limiter or a
 * breaker, and they must outlive it. All functions are thread-safe; a struct hf_guard_run
 * belongs to one thread at a time.
 */
struct hf_guard;

/* Which decisions go to the audit log; the names of the records' events are in quotes. */
enum hf_guard_audit {
    HF_GUARD_AUDIT_ADMITTED = 1, /* "admitted": the limits let it pass. key, cost, remaining. */
    HF_GUARD_AUDIT_DENIED = 2,   /* "denied": a limit did not. key, cost, reason, retry_after_ns. */
    HF_GUARD_AUDIT_REFUSED = 4,  /* "refused": the breaker is open. key, retry_after_ns. */
    HF_GUARD_AUDIT_FAILED =
        8, /* "failed": a try failed. key, attempt, outcome, code, delay_ns if retried. */
    HF_GUARD_AUDIT_BREAKER = 16, /* "breaker": it changed. from, to, open_ns. */
    HF_GUARD_AUDIT_ENDED = 32,   /* "ended": the call is over. key, status, attempts, elapsed_ns. */
    HF_GUARD_AUDIT_ALL = 63,
    HF_GUARD_AUDIT_NOTHING = 64,
};

struct hf_guard_options {
    const char *name;                     /* In records and metrics: 1 to 64 printable characters.
                                             NULL: "default". Copied. */
    struct hf_limiter *limiter;           /* By key. NULL: none. */
    struct hf_gate *gate;                 /* For all keys together. NULL: none. */
    struct hf_breaker *breaker;           /* NULL: none. */
    const struct hf_retry_options *retry; /* NULL: one try. Copied. */
    struct hf_audit *audit;               /* NULL: none. */
    struct hf_metrics *metrics;           /* NULL: none. */
    uint32_t audit_events; /* Of enum hf_guard_audit. 0: all but admitted and ended. */
    /*
     * An open breaker ends the call at once. true: instead wait until it lets calls through again,
     * where that fits the request's timeout_ns (never without one).
     */
    bool wait_while_open;
    struct hf_clock clock;   /* Zero: monotonic. */
    struct hf_random random; /* For jitter. Zero: one of its own, seeded from the system. */
    const struct hf_allocator *allocator; /* NULL: libc. */
};

/* Makes a guard. HF_INVALID (error names the field), HF_NO_MEMORY, HF_FULL (metrics), HF_IO (no
 * seed). */
HF_MUST_USE HF_API enum hf_status hf_guard_new(
    struct hf_guard **guard, const struct hf_guard_options *options, struct hf_error *error);

/* Frees it, not the patterns; no run may be under way. NULL: nothing. */
HF_API void hf_guard_free(struct hf_guard *guard);

/* What is asked for. The zero value: no key, cost 1, no time limit. */
struct hf_guard_request {
    struct hf_bytes
        key; /* Whose quota. Size 0: the limiter is skipped. Borrowed until the call or run ends. */
    uint64_t cost;       /* Cells. 0: 1. */
    uint64_t timeout_ns; /* For everything, waits included. 0: no limit. */
    bool retry_never;    /* One try, whatever the guard's policy: the call is not idempotent. */
};

/* What became of it. */
struct hf_guard_report {
    enum hf_status status;       /* What the call returned; HF_AGAIN while under way. */
    struct hf_decision decision; /* The limits': the one that denied, else the key's, else the
                                    gate's. Zero if neither was asked. */
    uint64_t retry_after_ns;     /* HF_DENIED, HF_OPEN: when to come again. Otherwise 0. */
    const char *argument; /* HF_INVALID: the wrong argument's name, static. Otherwise NULL. */
    struct hf_retry_report retry; /* Tries, delays, causes. elapsed_ns covers everything. */
};

/*
 * Calls fn under the guard, sleeping on its clock between tries. request NULL: the zero request.
 * report: NULL if not wanted. Returns HF_OK: it worked. HF_DENIED, HF_NEVER, HF_FULL: the limits
 * refused; nothing was charged. HF_OPEN: the breaker refused, at once or before another try.
 * HF_TIMEOUT: no time left. HF_FAILED: permanent or ignored. HF_EXHAUSTED: retries used up.
 * HF_INVALID: an argument is wrong (report names it). Retries are not charged to the limits again;
 * the breaker is asked before each try.
 */
HF_MUST_USE HF_API enum hf_status hf_guard_call(struct hf_guard *guard,
    const struct hf_guard_request *request, hf_call_fn *fn, void *context,
    struct hf_guard_report *report);

/*
 * The same as an iterator, for event loops. Caller-allocated, fields private but for report.
 *
 *     status = hf_guard_begin(&run, guard, &request, now_ns(), &delay_ns);
 *     for (;;) {
 *         while (status == HF_AGAIN) {
 *             wait(delay_ns);
 *             status = hf_guard_again(&run, now_ns(), &delay_ns);
 *         }
 *         if (status != HF_OK)
 *             break;
 *         outcome = try_it(run.attempt.timeout_ns);
 *         status = hf_guard_done(&run, outcome, now_ns(), &delay_ns);
 *         if (status != HF_AGAIN)
 *             break;
 *     }
 *
 * After HF_OK from begin or again, done or cancel must be called; in between HF_AGAIN and again,
 * cancel may be.
 */
struct hf_guard_run {
    struct hf_guard_report report;
    struct hf_attempt attempt; /* The try to be made. */
    struct hf_guard *guard;
    struct hf_bytes key;
    uint64_t cost;
    uint64_t start_ns;
    uint64_t deadline_ns;
    struct hf_permit permit;
    struct hf_retry retry;
    uint32_t stage;
    bool retry_never;
};

/*
 * Starts. Returns HF_OK: make the first try. HF_AGAIN: wait *delay_ns first (wait_while_open).
 * Otherwise the run is over, as hf_guard_call; HF_INVALID too. request NULL: the zero request.
 */
HF_MUST_USE HF_API enum hf_status hf_guard_begin(struct hf_guard_run *run, struct hf_guard *guard,
    const struct hf_guard_request *request, uint64_t now_ns, uint64_t *delay_ns);

/*
 * Tells a try's outcome. Returns HF_AGAIN: wait *delay_ns, then hf_guard_again. Otherwise the run
 * is over: HF_OK if the try worked, else as hf_guard_call. HF_INVALID also if no try is under way.
 */
HF_MUST_USE HF_API enum hf_status hf_guard_done(
    struct hf_guard_run *run, struct hf_outcome outcome, uint64_t now_ns, uint64_t *delay_ns);

/* After the wait. Returns HF_OK: make the next try. HF_AGAIN: wait *delay_ns more. Otherwise the
 * run is over. */
HF_MUST_USE HF_API enum hf_status hf_guard_again(
    struct hf_guard_run *run, uint64_t now_ns, uint64_t *delay_ns);

/* Ends a run from outside (HF_CANCELLED in its report); a try under way counts for nothing. Over
 * already: nothing. */
HF_API void hf_guard_cancel(struct hf_guard_run *run, uint64_t now_ns);

#ifdef __cplusplus
}
#endif

#endif
