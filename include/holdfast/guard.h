/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_GUARD_H
#define HOLDFAST_GUARD_H

#include <holdfast/audit.h>
#include <holdfast/breaker.h>
#include <holdfast/flow_budget.h>
#include <holdfast/gate.h>
#include <holdfast/hash.h>
#include <holdfast/limiter.h>
#include <holdfast/metrics.h>
#include <holdfast/retry.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One call that wraps all patterns around a function: is there time, may so much flow to that peer,
 * does the key's quota allow it, does everybody's, is the other side well, try, classify, record,
 * try again.
 *
 *     struct hf_guard_options options = {.limiter = limiter, .breaker = breaker, .retry = &retry};
 *     status = hf_guard_new(&guard, &options, &error);
 *     ...
 *     struct hf_guard_request request = {.key = hf_bytes(user, strlen(user))};
 *     status = hf_guard_call(guard, &request, fetch, &context, &report);
 *
 * Patterns left out are skipped, and the clock is read only where something needs it: a guard with
 * no pattern at all adds a few stores to an indirect call. A guard only borrows its patterns:
 * several guards may share a limiter or a breaker, and they must outlive it. All functions are
 * thread-safe; a struct hf_guard_run belongs to one thread at a time.
 *
 * Limits are asked once a call and charged all or nothing: a denial by the flow budget, by the
 * key's quota or by everybody's charges none of them. What they let through stays charged whatever
 * comes of it, an open breaker included. Retries are not charged again; the breaker is asked before
 * each try.
 */
struct hf_guard;

/*
 * Which decisions go to the audit log: each event's name, and its fields after "guard", the name.
 * The key is written as text, and left out where a request has none.
 */
enum hf_guard_audit {
    /* "admitted": the limits let it pass. key, cost, clock_ns, remaining. Not without limits. */
    HF_GUARD_AUDIT_ADMITTED = 1,
    /*
     * "denied": a limit did not. key, cost, clock_ns, reason, retry_after_ns (not if waiting is no
     * help). clock_ns is the time on the guard's clock that was decided against.
     */
    HF_GUARD_AUDIT_DENIED = 2,
    /* "refused": the breaker ended it. key, retry_after_ns. */
    HF_GUARD_AUDIT_REFUSED = 4,
    /* "failed": a try did. key, attempt, outcome, code, delay_ns if there will be another. */
    HF_GUARD_AUDIT_FAILED = 8,
    /* "breaker": this call changed its state. from, to, open_ns if it opened. */
    HF_GUARD_AUDIT_BREAKER = 16,
    /* "ended": it is over. key, result (as in the metrics), attempts, elapsed_ns. */
    HF_GUARD_AUDIT_ENDED = 32,
    HF_GUARD_AUDIT_ALL = 63,
    HF_GUARD_AUDIT_NOTHING = 64, /* On its own. */
};

/*
 * How records tell of a key. Keys may be secrets (an API key), and logs are read by many.
 * HF_GUARD_KEYS_HASHED: instead of "key" there is "key_hash", 32 hexadecimal digits of SipHash
 * under audit_seed; records of one key can be told from others', and whoever does not know the seed
 * cannot try keys out.
 */
enum hf_guard_audit_keys {
    HF_GUARD_KEYS_PLAIN = 0,
    HF_GUARD_KEYS_HASHED,
    HF_GUARD_KEYS_NONE,
};

/* Waiting for an open breaker whose time is over but whose permits are all out: ask this often. */
#define HF_GUARD_POLL_NS HF_MS(10)

#define HF_GUARD_NAME_BYTES_MAX 64

/*
 * With a registry, a guard keeps these, all labelled guard="name":
 *
 *     holdfast_guard_requests_total{result}     calls that are over: ok, denied, never, full,
 *                                               open, timeout, failed, exhausted, cancelled,
 *                                               invalid
 *     holdfast_guard_attempts_total{outcome}    tries: success, transient, permanent, ignored
 *     holdfast_guard_retries_total              tries begun after a call's first
 *     holdfast_guard_breaker_changes_total{to}  changes of state that this guard's calls made
 *     holdfast_guard_breaker_state              0 closed, 1 open, 2 half-open
 *     holdfast_guard_call_seconds               duration of calls that made a try, with waits
 *
 * The state is asked of the breaker when the text is written; two guards of one name and registry
 * that both have a breaker would show it as one, and the second is refused. hf_guard_free takes it
 * from the registry again; counts stay.
 */
struct hf_guard_options {
    const char *name;                     /* In records and metrics: 1 to HF_GUARD_NAME_BYTES_MAX
                                             printable ASCII characters. NULL: "default". Copied. */
    struct hf_flow *flow;                 /* By context and peer. NULL: none. */
    struct hf_limiter *limiter;           /* By key. NULL: none. */
    struct hf_gate *gate;                 /* For all keys together. NULL: none. */
    struct hf_breaker *breaker;           /* NULL: none. */
    const struct hf_retry_options *retry; /* NULL: one try. Copied. */
    struct hf_audit *audit;               /* NULL: none. */
    struct hf_metrics *metrics;           /* NULL: none. */
    uint32_t audit_events; /* Of enum hf_guard_audit. 0: all but admitted and ended. */
    enum hf_guard_audit_keys audit_keys;
    const struct hf_hash_seed *audit_seed; /* For hashed keys; guards with the same one give a key
                                              the same hash. NULL: one of its own, from the system,
                                              so that no other run gives it. Copied. */
    /*
     * An open breaker ends the call at once. true: instead wait until it lets calls through again,
     * where that fits the request's timeout_ns (never without one) and the retries' elapsed_max_ns.
     */
    bool wait_while_open;
    struct hf_clock clock;   /* Zero: monotonic. Whoever else asks these limits and this breaker
                                must ask at times of the same clock. */
    struct hf_random random; /* For jitter. Zero: one of its own, seeded from the system. */
    const struct hf_allocator *allocator; /* NULL: libc. */
};

/* Makes a guard. HF_INVALID (error names the field), HF_NO_MEMORY, HF_FULL (metrics), HF_IO (no
 * seed). On failure *guard is NULL. */
HF_MUST_USE HF_API enum hf_status hf_guard_new(
    struct hf_guard **guard, const struct hf_guard_options *options, struct hf_error *error);

/* Frees it, not the patterns; no run may be under way. NULL: nothing. */
HF_API void hf_guard_free(struct hf_guard *guard);

/* What is asked for. The zero value: no key, cost 1, no time limit. */
struct hf_guard_request {
    /* Whose quota. Size 0: the limiter is skipped. At most HF_KEY_BYTES_MAX. Borrowed until the
     * call or run ends. */
    struct hf_bytes key;
    uint64_t cost; /* Cells. 0: 1. */
    /* The key's quota, where it is not the limiter's own (NULL). Borrowed until begin returns. */
    const struct hf_gcra *quota;
    /* Whose flow budget, and how much of it; peer's size 0: the budget is skipped. Sizes are at
     * most HF_KEY_BYTES_MAX. Borrowed until begin returns. */
    struct hf_bytes flow_context;
    struct hf_bytes flow_peer;
    uint64_t flow_cost; /* Units of the budget. 0: 1. */
    /*
     * For everything, waits included. 0: no limit. Each try is told what is left of it; a wait that
     * would use it up is not begun. A try that comes back late but worked has worked.
     */
    uint64_t timeout_ns;
    bool retry_never; /* One try, whatever the guard's policy: the call is not idempotent. */
};

/* What became of it. */
struct hf_guard_report {
    enum hf_status status;       /* What the call returned; HF_AGAIN while under way. */
    struct hf_decision decision; /* The limits': the one that denied (reason global if that was the
                                    gate, flow if the budget), of two the one that will for longer;
                                    else the key's, else the gate's, else the budget's. Zero if none
                                    was asked. */
    /*
     * HF_DENIED, HF_FULL, HF_OPEN: when to come again: not before both limits would allow it, if
     * nobody else asks meanwhile. 0: not known (of a flow budget it never is). Otherwise 0.
     */
    uint64_t retry_after_ns;
    const char *argument; /* HF_INVALID: the wrong argument's name, static. Otherwise NULL. */
    /*
     * Tries and causes. delayed_ns sums all waits that were begun, those for the breaker included.
     * elapsed_ns runs from begin to the end; where nothing needs the clock it counts the waits
     * only. stop is HF_RETRY_STOPPED if something else than the retry policy ended the call.
     */
    struct hf_retry_report retry;
};

/*
 * Calls fn under the guard, sleeping on its clock between tries. request NULL: the zero request.
 * report: NULL if not wanted. The time limit that a try is told is never 0.
 * Returns
 * HF_OK: it worked.
 * HF_DENIED, HF_NEVER, HF_FULL: the limits refused; nothing was charged.
 * HF_OPEN: the breaker refused, at once or before another try.
 * HF_TIMEOUT: timeout_ns is over, or the wait for another try would outlast it.
 * HF_FAILED: a try's outcome was permanent or ignored.
 * HF_EXHAUSTED: another try is not allowed by the retry policy (report->retry.stop tells why).
 * HF_INVALID: an argument is wrong, and report names it; or "clock", which has passed
 * HF_TIME_MAX_NS, perhaps during a try.
 */
HF_MUST_USE HF_API enum hf_status hf_guard_call(struct hf_guard *guard,
    const struct hf_guard_request *request, hf_call_fn *fn, void *context,
    struct hf_guard_report *report);

/*
 * The same as an iterator, for event loops. Caller-allocated, fields private but for report and
 * attempt.
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
 * cancel may be. A now_ns above HF_TIME_MAX_NS gives HF_INVALID and leaves the run as it was.
 */
struct hf_guard_run {
    struct hf_guard_report report;
    struct hf_attempt attempt; /* The try to be made. */
    struct hf_guard *guard;
    struct hf_bytes key;
    uint64_t cost;
    uint64_t start_ns;
    uint64_t deadline_ns;
    uint64_t due_ns;
    struct hf_permit permit;
    struct hf_retry retry;
    uint32_t stage;
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

/*
 * After the wait. Returns HF_OK: make the next try. HF_AGAIN: wait *delay_ns more (it is early yet,
 * or the breaker is still open). HF_INVALID: no wait is under way. Otherwise the run is over.
 */
HF_MUST_USE HF_API enum hf_status hf_guard_again(
    struct hf_guard_run *run, uint64_t now_ns, uint64_t *delay_ns);

/*
 * Ends a run from outside (HF_CANCELLED in its report); a try under way counts for nothing, and its
 * permit goes back. Over already: nothing.
 */
HF_API void hf_guard_cancel(struct hf_guard_run *run, uint64_t now_ns);

#ifdef __cplusplus
}
#endif

#endif
