/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <string.h>

#include "base/minmax.h"
#include "guard/guard.h"
#include "limit/quota.h"

/*
 * One call's way through the patterns, as a state machine; the blocking form below is a loop around
 * it.
 *
 *     begin --> enter --> TRYING --done--> WAITING --again--> enter ...
 *
 * Any step may instead end the run, always through end(), so that each run is counted and recorded
 * once. A permit is held exactly while the stage is TRYING.
 */
enum stage {
    STAGE_OVER = 0,
    STAGE_WAITING, /* Until due_ns, before a try. */
    STAGE_TRYING,
};

#define DEADLINE_NONE UINT64_MAX

/* Iterators are handed times by their callers, who may be wrong: a step back counts as none. */
static uint64_t elapsed_ns(const struct hf_guard_run *run, uint64_t now_ns)
{
    return now_ns > run->start_ns ? now_ns - run->start_ns : 0;
}

static uint64_t left_ns(const struct hf_guard_run *run, uint64_t now_ns)
{
    if (run->deadline_ns == DEADLINE_NONE)
        return UINT64_MAX;
    return run->deadline_ns > now_ns ? run->deadline_ns - now_ns : 0;
}

static void count_end(const struct hf_guard_run *run)
{
    const struct hf_guard *guard = run->guard;
    hf_counter_add(guard->metrics.requests[run->report.status], 1);
    if (run->report.retry.attempts > 0)
        hf_histogram_observe(guard->metrics.seconds, run->report.retry.elapsed_ns);
}

static void audit_end(const struct hf_guard_run *run)
{
    enum hf_status status = run->report.status;
    bool denied = status == HF_DENIED || status == HF_NEVER || status == HF_FULL;
    if (denied && hf_guard_audits(run->guard, HF_GUARD_AUDIT_DENIED))
        hf_guard_audit_denied(run);
    if (status == HF_OPEN && hf_guard_audits(run->guard, HF_GUARD_AUDIT_REFUSED))
        hf_guard_audit_refused(run);
    if (hf_guard_audits(run->guard, HF_GUARD_AUDIT_ENDED))
        hf_guard_audit_ended(run);
}

static enum hf_status end(struct hf_guard_run *run, enum hf_status status, uint64_t now_ns)
{
    run->stage = STAGE_OVER;
    run->report.status = status;
    if (run->report.retry.stop == HF_RETRY_GOING)
        run->report.retry.stop = HF_RETRY_STOPPED;
    run->report.retry.elapsed_ns = elapsed_ns(run, now_ns);
    if (run->guard->registry)
        count_end(run);
    if (run->guard->audit_events)
        audit_end(run);
    return status;
}

/* Waits wait_ns if status says so; otherwise the run is over, and wait_ns is when to come again. */
static enum hf_status wait_or_end(struct hf_guard_run *run, enum hf_status status, uint64_t wait_ns,
    uint64_t now_ns, uint64_t *delay_ns)
{
    if (status == HF_AGAIN) {
        run->stage = STAGE_WAITING;
        run->due_ns = now_ns + wait_ns;
        run->report.retry.delayed_ns += wait_ns;
        *delay_ns = wait_ns;
        return HF_AGAIN;
    }
    if (status == HF_OPEN)
        run->report.retry_after_ns = wait_ns;
    return end(run, status, now_ns);
}

/* Each try gets some time: all callers have checked that the deadline and elapsed_max_ns are ahead.
 */
static enum hf_status start_try(struct hf_guard_run *run, uint64_t now_ns)
{
    run->stage = STAGE_TRYING;
    uint32_t made = run->report.retry.attempts;
    run->attempt.number = made + (made < UINT32_MAX);
    run->attempt.timeout_ns =
        hf_min(hf_retry_attempt_timeout_ns(&run->retry, now_ns), left_ns(run, now_ns));
    assert(run->attempt.timeout_ns > 0);
    if (run->attempt.number > 1 && run->guard->registry)
        hf_counter_add(run->guard->metrics.retries, 1);
    return HF_OK;
}

/* Each change is told to the one call that made it, and so is counted and recorded once. */
static void tell_change(const struct hf_guard *guard, const struct hf_breaker_change *change)
{
    if (change->from == change->to)
        return;
    if (guard->registry)
        hf_counter_add(guard->metrics.changes[change->to], 1);
    if (hf_guard_audits(guard, HF_GUARD_AUDIT_BREAKER))
        hf_guard_audit_change(guard, change);
}

/* Whether a try that begins after the wait is one that all time limits allow. */
static bool wait_fits(const struct hf_guard_run *run, uint64_t wait_ns, uint64_t now_ns)
{
    uint64_t elapsed_max_ns = run->guard->policy.options.elapsed_max_ns;
    uint64_t elapsed = elapsed_ns(run, now_ns);
    bool within_policy =
        elapsed_max_ns == 0 || (elapsed < elapsed_max_ns && wait_ns < elapsed_max_ns - elapsed);
    return within_policy && wait_ns < left_ns(run, now_ns);
}

/* The breaker is open for *wait_ns more; 0: as long as calls under way take. */
static enum hf_status plan_open(const struct hf_guard_run *run, uint64_t *wait_ns, uint64_t now_ns)
{
    if (!run->guard->wait_while_open || run->deadline_ns == DEADLINE_NONE)
        return HF_OPEN;
    uint64_t ask_after_ns = *wait_ns ? *wait_ns : HF_GUARD_POLL_NS;
    if (!wait_fits(run, ask_after_ns, now_ns))
        return HF_OPEN;
    *wait_ns = ask_after_ns;
    return HF_AGAIN;
}

/*
 * The retry policy would try again in *wait_ns, which is within its own limits. A breaker that will
 * be open even then is not waited for in vain; this look changes nothing, the breaker is asked when
 * the time has come.
 */
static enum hf_status plan_retry(const struct hf_guard_run *run, uint64_t *wait_ns, uint64_t now_ns)
{
    struct hf_breaker_snapshot snapshot = {.until_half_open_ns = 0};
    if (run->guard->breaker) {
        enum hf_status looked = hf_breaker_snapshot(run->guard->breaker, now_ns, &snapshot);
        assert(looked == HF_OK);
        (void)looked;
    }
    if (snapshot.until_half_open_ns > *wait_ns) {
        *wait_ns = snapshot.until_half_open_ns;
        return plan_open(run, wait_ns, now_ns);
    }
    return *wait_ns < left_ns(run, now_ns) ? HF_AGAIN : HF_TIMEOUT;
}

static enum hf_status enter(struct hf_guard_run *run, uint64_t now_ns, uint64_t *delay_ns)
{
    struct hf_guard *guard = run->guard;
    if (!guard->breaker)
        return start_try(run, now_ns);
    struct hf_breaker_change change = {.open_ns = 0};
    uint64_t wait_ns = 0;
    enum hf_status status =
        hf_breaker_enter(guard->breaker, now_ns, &run->permit, &wait_ns, &change);
    tell_change(guard, &change);
    if (status == HF_OK)
        return start_try(run, now_ns);
    status = plan_open(run, &wait_ns, now_ns);
    return wait_or_end(run, status, wait_ns, now_ns, delay_ns);
}

/* Field by field: the causes, most of its size, are written as they come. */
static void report_init(struct hf_guard_report *report)
{
    report->status = HF_AGAIN;
    report->decision = (struct hf_decision){.limit = 0};
    report->retry_after_ns = 0;
    report->argument = NULL;
    report->retry.attempts = 0;
    report->retry.stop = HF_RETRY_GOING;
    report->retry.delayed_ns = 0;
    report->retry.elapsed_ns = 0;
    report->retry.outcome = hf_success();
    report->retry.causes_count = 0;
}

/* Of a call whose first try worked and that was not timed. */
static void report_success(struct hf_guard_report *report, struct hf_outcome outcome)
{
    report_init(report);
    report->status = HF_OK;
    report->retry.attempts = 1;
    report->retry.stop = HF_RETRY_SUCCEEDED;
    report->retry.outcome = outcome;
}

static void run_init(struct hf_guard_run *run, struct hf_guard *guard,
    const struct hf_guard_request *request, uint64_t now_ns)
{
    report_init(&run->report);
    run->guard = guard;
    run->key = request->key;
    run->cost = request->cost ? request->cost : 1;
    run->start_ns = now_ns;
    run->deadline_ns = request->timeout_ns ? now_ns + request->timeout_ns : DEADLINE_NONE;
    hf_retry_begin(&run->retry, request->retry_never ? &guard->once : &guard->policy, now_ns);
}

/* The name of the argument that is wrong, NULL if none is. */
static const char *wrong_argument(const struct hf_guard_request *request, uint64_t now_ns)
{
    if (request->key.size > HF_KEY_BYTES_MAX)
        return "key.size";
    if (!request->key.data && request->key.size > 0)
        return "key.data";
    if (!hf_gcra_is_usable(request->quota))
        return "quota";
    if (request->flow_context.size > HF_KEY_BYTES_MAX)
        return "flow_context.size";
    if (!request->flow_context.data && request->flow_context.size > 0)
        return "flow_context.data";
    if (request->flow_peer.size > HF_KEY_BYTES_MAX)
        return "flow_peer.size";
    if (!request->flow_peer.data && request->flow_peer.size > 0)
        return "flow_peer.data";
    if (request->timeout_ns > HF_TIME_MAX_NS)
        return "timeout_ns";
    return now_ns > HF_TIME_MAX_NS ? "now_ns" : NULL;
}

/* Nothing of a wrong request is believed: it is counted, and its key is not recorded. */
static enum hf_status reject(
    struct hf_guard *guard, const char *argument, struct hf_guard_report *report)
{
    if (guard)
        hf_counter_add(guard->metrics.requests[HF_INVALID], 1);
    if (report)
        *report = (struct hf_guard_report){.status = HF_INVALID, .argument = argument};
    return HF_INVALID;
}

/*
 * Asks the limits at *now_ns, of which run_init has been told. A thread that has read its clock and
 * is then overtaken by others comes late: a new key may be denied, where in doubt (limiter.h), or
 * find places still taken that are free by now. Where the time that a refusal names has passed
 * already, the run begins again at that later time. Once is enough: whoever is overtaken again is
 * refused, which errs on the safe side.
 */
static enum hf_status ask_limits(struct hf_guard_run *run, const struct hf_guard_request *request,
    uint64_t *now_ns, const struct hf_clock *clock)
{
    struct hf_guard *guard = run->guard;
    enum hf_status status = hf_guard_ask_limits(guard, request, run->cost, *now_ns, &run->report);
    bool refused = status == HF_DENIED || status == HF_FULL;
    if (!refused || run->report.decision.reason == HF_REASON_FLOW || !clock)
        return status;
    uint64_t later_ns = hf_clock_now_ns(clock);
    if (later_ns > HF_TIME_MAX_NS || later_ns < *now_ns + run->report.retry_after_ns)
        return status;
    *now_ns = later_ns;
    run_init(run, guard, request, later_ns);
    return hf_guard_ask_limits(guard, request, run->cost, later_ns, &run->report);
}

/* clock: what *now_ns was read from, and may be again; NULL for a caller's word. */
static enum hf_status begin(struct hf_guard_run *run, struct hf_guard *guard,
    const struct hf_guard_request *request, uint64_t *now_ns, const struct hf_clock *clock,
    uint64_t *delay_ns)
{
    static const struct hf_guard_request nothing = {.cost = 0};
    if (!request)
        request = &nothing;
    if (!run)
        return reject(guard, "run", NULL);
    run->stage = STAGE_OVER;
    if (!guard || !delay_ns)
        return reject(guard, guard ? "delay_ns" : "guard", &run->report);
    const char *wrong = wrong_argument(request, *now_ns);
    if (wrong)
        return reject(guard, wrong, &run->report);
    run_init(run, guard, request, *now_ns);
    enum hf_status status = ask_limits(run, request, now_ns, clock);
    if (status != HF_OK)
        return end(run, status, *now_ns);
    if (run->report.decision.limit > 0 && hf_guard_audits(guard, HF_GUARD_AUDIT_ADMITTED))
        hf_guard_audit_admitted(run);
    return enter(run, *now_ns, delay_ns);
}

enum hf_status hf_guard_begin(struct hf_guard_run *run, struct hf_guard *guard,
    const struct hf_guard_request *request, uint64_t now_ns, uint64_t *delay_ns)
{
    return begin(run, guard, request, &now_ns, NULL, delay_ns);
}

/* What the retries know of the try. Their delays are plans; the guard's are those it carries out.
 */
static void report_try(struct hf_guard_run *run, struct hf_outcome outcome)
{
    const struct hf_retry_report *from = &run->retry.report;
    struct hf_retry_report *to = &run->report.retry;
    to->attempts = run->attempt.number;
    to->stop = from->stop;
    to->outcome = outcome;
    to->causes_count = from->causes_count;
    for (uint32_t index = 0; index < from->causes_count; index++)
        to->causes[index] = from->causes[index];
}

static void tell_outcome(const struct hf_guard_run *run, struct hf_outcome outcome,
    enum hf_status status, uint64_t wait_ns)
{
    const struct hf_guard *guard = run->guard;
    if (guard->registry)
        hf_counter_add(guard->metrics.attempts[outcome.kind], 1);
    if (outcome.kind != HF_SUCCESS && hf_guard_audits(guard, HF_GUARD_AUDIT_FAILED))
        hf_guard_audit_failed(run, outcome, status == HF_AGAIN ? &wait_ns : NULL);
}

enum hf_status hf_guard_done(
    struct hf_guard_run *run, struct hf_outcome outcome, uint64_t now_ns, uint64_t *delay_ns)
{
    if (!run || run->stage != STAGE_TRYING || now_ns > HF_TIME_MAX_NS || !delay_ns)
        return HF_INVALID;
    if ((unsigned)outcome.kind > HF_IGNORED)
        outcome.kind = HF_PERMANENT;
    struct hf_guard *guard = run->guard;
    struct hf_breaker_change change = {.open_ns = 0};
    if (guard->breaker)
        hf_breaker_leave(guard->breaker, &run->permit, outcome.kind, now_ns, &change);
    uint64_t wait_ns = 0;
    enum hf_status status = hf_retry_next(&run->retry, outcome, now_ns, &guard->random, &wait_ns);
    assert(status != HF_INVALID);
    report_try(run, outcome);
    if (status == HF_AGAIN)
        status = plan_retry(run, &wait_ns, now_ns);
    tell_outcome(run, outcome, status, wait_ns);
    tell_change(guard, &change);
    return wait_or_end(run, status, wait_ns, now_ns, delay_ns);
}

enum hf_status hf_guard_again(struct hf_guard_run *run, uint64_t now_ns, uint64_t *delay_ns)
{
    if (!run || run->stage != STAGE_WAITING || now_ns > HF_TIME_MAX_NS || !delay_ns)
        return HF_INVALID;
    if (left_ns(run, now_ns) == 0)
        return end(run, HF_TIMEOUT, now_ns);
    if (now_ns < run->due_ns) {
        *delay_ns = run->due_ns - now_ns;
        return HF_AGAIN;
    }
    /* Whoever waits comes back a little late, and sometimes too late. */
    if (!wait_fits(run, 0, now_ns)) {
        run->report.retry.stop = HF_RETRY_ELAPSED;
        return end(run, HF_EXHAUSTED, now_ns);
    }
    return enter(run, now_ns, delay_ns);
}

/* A try under way counts for nothing. */
static enum hf_status abandon(struct hf_guard_run *run, enum hf_status status, uint64_t now_ns)
{
    if (run->stage == STAGE_TRYING && run->guard->breaker)
        hf_breaker_cancel(run->guard->breaker, &run->permit);
    return end(run, status, hf_min(now_ns, HF_TIME_MAX_NS));
}

void hf_guard_cancel(struct hf_guard_run *run, uint64_t now_ns)
{
    if (run && run->stage != STAGE_OVER)
        abandon(run, HF_CANCELLED, now_ns);
}

/* Without a need for the clock, time is what has been waited. */
static uint64_t now_after(const struct hf_guard *guard, bool timed, uint64_t before_ns)
{
    return timed ? hf_clock_now_ns(&guard->clock) : before_ns;
}

/* From the first answer of the machine to its last. */
static enum hf_status run_on(struct hf_guard_run *run, enum hf_status status, uint64_t delay_ns,
    uint64_t now_ns, bool timed, hf_call_fn *fn, void *context)
{
    const struct hf_guard *guard = run->guard;
    while (run->stage != STAGE_OVER) {
        if (status == HF_AGAIN) {
            hf_clock_sleep_ns(&guard->clock, delay_ns);
            now_ns = now_after(guard, timed, now_ns + delay_ns);
            status = hf_guard_again(run, now_ns, &delay_ns);
        } else if (status == HF_OK) {
            struct hf_outcome outcome = fn(context, &run->attempt);
            now_ns = now_after(guard, timed, now_ns);
            status = hf_guard_done(run, outcome, now_ns, &delay_ns);
        } else {
            /* The clock has left HF_TIME_MAX_NS behind. */
            run->report.argument = "clock";
            abandon(run, HF_INVALID, now_ns);
        }
    }
    return status;
}

static void copy_report(struct hf_guard_report *to, const struct hf_guard_report *from)
{
    size_t causes_bytes = from->retry.causes_count * sizeof(from->retry.causes[0]);
    memcpy(to, from, offsetof(struct hf_guard_report, retry.causes));
    memcpy(to->retry.causes, from->retry.causes, causes_bytes);
}

static enum hf_status call_guarded(struct hf_guard *guard, const struct hf_guard_request *request,
    bool timed, hf_call_fn *fn, void *context, struct hf_guard_report *report)
{
    struct hf_guard_run run;
    uint64_t now_ns = now_after(guard, timed, 0);
    uint64_t delay_ns = 0;
    if (now_ns > HF_TIME_MAX_NS)
        return reject(guard, "clock", report);
    const struct hf_clock *clock = timed ? &guard->clock : NULL;
    enum hf_status status = begin(&run, guard, request, &now_ns, clock, &delay_ns);
    status = run_on(&run, status, delay_ns, now_ns, timed, fn, context);
    if (report)
        copy_report(report, &run.report);
    return status;
}

/*
 * With nothing to ask, to count, to record or to time, beginning a run only fills it in. So the
 * first try may come before it, and if that works there is no need for a run.
 */
static enum hf_status call_unguarded(struct hf_guard *guard, const struct hf_guard_request *request,
    hf_call_fn *fn, void *context, struct hf_guard_report *report)
{
    uint64_t timeout_ns = guard->policy.options.attempt_timeout_ns;
    const struct hf_attempt first = {1, timeout_ns ? timeout_ns : UINT64_MAX};
    struct hf_outcome outcome = fn(context, &first);
    if (outcome.kind == HF_SUCCESS) {
        if (report)
            report_success(report, outcome);
        return HF_OK;
    }
    struct hf_guard_run run;
    uint64_t delay_ns = 0;
    enum hf_status status = hf_guard_begin(&run, guard, request, 0, &delay_ns);
    assert(status == HF_OK);
    status = hf_guard_done(&run, outcome, 0, &delay_ns);
    status = run_on(&run, status, delay_ns, 0, false, fn, context);
    if (report)
        copy_report(report, &run.report);
    return status;
}

enum hf_status hf_guard_call(struct hf_guard *guard, const struct hf_guard_request *request,
    hf_call_fn *fn, void *context, struct hf_guard_report *report)
{
    if (!guard || !fn)
        return reject(guard, guard ? "fn" : "guard", report);
    bool timed = guard->timed || (request && request->timeout_ns > 0);
    bool asked = guard->flow || (request && wrong_argument(request, 0));
    if (timed || guard->audit_events || asked)
        return call_guarded(guard, request, timed, fn, context, report);
    return call_unguarded(guard, request, fn, context, report);
}
