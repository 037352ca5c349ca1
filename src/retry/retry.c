/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include <holdfast/retry.h>

#include "base/minmax.h"

#define ATTEMPTS_MAX_DEFAULT 3
#define RETRY_AFTER_MAX_DEFAULT_NS HF_SECONDS(60)

static uint32_t saturating_increment(uint32_t count)
{
    return count < UINT32_MAX ? count + 1 : count;
}

/* A time before the start counts as none elapsed. */
static uint64_t elapsed_since(uint64_t start_ns, uint64_t now_ns)
{
    return now_ns > start_ns ? now_ns - start_ns : 0;
}

static enum hf_status check_time(const char *field, uint64_t ns, struct hf_error *error)
{
    if (ns <= HF_TIME_MAX_NS)
        return HF_OK;
    return hf_error_add(error, HF_INVALID, 0, "%s: %" PRIu64 " is too large (at most %" PRIu64 ")",
        field, ns, HF_TIME_MAX_NS);
}

static enum hf_status check(const struct hf_retry_options *options, struct hf_error *error)
{
    enum hf_status status = check_time("elapsed_max_ns", options->elapsed_max_ns, error);
    if (status == HF_OK)
        status = check_time("attempt_timeout_ns", options->attempt_timeout_ns, error);
    if (status == HF_OK)
        status = check_time("retry_after_max_ns", options->retry_after_max_ns, error);
    if (status != HF_OK)
        return status;
    if (options->attempts_max == HF_RETRY_UNLIMITED && options->elapsed_max_ns == 0)
        return hf_error_add(error, HF_INVALID, 0,
            "attempts_max: unlimited, and elapsed_max_ns: 0 sets no limit either");
    return HF_OK;
}

/* Filling twice changes nothing: the options of a policy make the same policy again. */
static void fill_defaults(struct hf_retry_options *options)
{
    if (options->attempts_max == 0)
        options->attempts_max = ATTEMPTS_MAX_DEFAULT;
    if (options->retry_after_max_ns == 0)
        options->retry_after_max_ns = RETRY_AFTER_MAX_DEFAULT_NS;
}

enum hf_status hf_retry_policy_init(
    struct hf_retry_policy *policy, const struct hf_retry_options *options, struct hf_error *error)
{
    if (!policy)
        return hf_error_add(error, HF_INVALID, 0, "policy: NULL");
    struct hf_retry_options filled = {0};
    if (options)
        filled = *options;
    enum hf_status status = check(&filled, error);
    if (status == HF_OK)
        status = hf_delay_init(&filled.delay, &filled.delay, error);
    if (status != HF_OK)
        return status;
    fill_defaults(&filled);
    policy->options = filled;
    return HF_OK;
}

const char *hf_retry_stop_str(enum hf_retry_stop stop)
{
    switch (stop) {
    case HF_RETRY_GOING:
        return "going";
    case HF_RETRY_SUCCEEDED:
        return "succeeded";
    case HF_RETRY_PERMANENT:
        return "permanent";
    case HF_RETRY_IGNORED:
        return "ignored";
    case HF_RETRY_ATTEMPTS:
        return "attempts";
    case HF_RETRY_ELAPSED:
        return "elapsed";
    case HF_RETRY_AFTER:
        return "retry-after";
    case HF_RETRY_STOPPED:
        return "stopped";
    }
    return "unknown";
}

/* Field by field: the causes, most of its size, are written as they come. */
static void report_init(struct hf_retry_report *report)
{
    report->attempts = 0;
    report->stop = HF_RETRY_GOING;
    report->delayed_ns = 0;
    report->elapsed_ns = 0;
    report->outcome = hf_success();
    report->causes_count = 0;
}

/* As if by hf_retry_next: of an operation whose first try worked. */
static void report_success(
    struct hf_retry_report *report, struct hf_outcome outcome, uint64_t elapsed_ns)
{
    report_init(report);
    report->attempts = 1;
    report->stop = HF_RETRY_SUCCEEDED;
    report->outcome = outcome;
    report->elapsed_ns = elapsed_ns;
}

static void report_copy(struct hf_retry_report *to, const struct hf_retry_report *from)
{
    assert(from->causes_count <= HF_RETRY_CAUSES_MAX);
    memcpy(to, from, offsetof(struct hf_retry_report, causes));
    memcpy(to->causes, from->causes, from->causes_count * sizeof(from->causes[0]));
}

/* The first failure often explains the others, and so is the one that never makes room. */
static void keep_cause(struct hf_retry_report *report, struct hf_outcome outcome)
{
    if (report->causes_count == HF_RETRY_CAUSES_MAX) {
        memmove(&report->causes[1], &report->causes[2],
            (HF_RETRY_CAUSES_MAX - 2) * sizeof(report->causes[0]));
        report->causes_count--;
    }
    report->causes[report->causes_count++] = outcome;
}

void hf_retry_begin(struct hf_retry *retry, const struct hf_retry_policy *policy, uint64_t now_ns)
{
    if (!retry)
        return;
    retry->policy = policy;
    retry->start_ns = now_ns;
    retry->previous_delay_ns = 0;
    report_init(&retry->report);
}

static uint64_t left_of(const struct hf_retry_options *options, uint64_t elapsed_ns)
{
    if (options->elapsed_max_ns == 0)
        return UINT64_MAX;
    return options->elapsed_max_ns > elapsed_ns ? options->elapsed_max_ns - elapsed_ns : 0;
}

static uint64_t timeout_of(const struct hf_retry_options *options, uint64_t left_ns)
{
    return options->attempt_timeout_ns ? hf_min(options->attempt_timeout_ns, left_ns) : left_ns;
}

static enum hf_status stop(struct hf_retry *retry, enum hf_retry_stop reason, enum hf_status status)
{
    retry->report.stop = reason;
    return status;
}

/*
 * The delay before another try, and whether there is to be one. What the other side asks for is
 * compared before jitter is drawn and taken whole or not at all: shortened to fit, it would hit a
 * server that has just said that it will refuse.
 */
static enum hf_status plan(struct hf_retry *retry, uint64_t retry_after_ns,
    const struct hf_random *random, uint64_t *delay_ns)
{
    const struct hf_retry_options *options = &retry->policy->options;
    struct hf_retry_report *report = &retry->report;
    if (options->attempts_max != HF_RETRY_UNLIMITED && report->attempts >= options->attempts_max)
        return stop(retry, HF_RETRY_ATTEMPTS, HF_EXHAUSTED);
    uint64_t left_ns = left_of(options, report->elapsed_ns);
    if (left_ns == 0)
        return stop(retry, HF_RETRY_ELAPSED, HF_EXHAUSTED);
    if (retry_after_ns > options->retry_after_max_ns || retry_after_ns >= left_ns)
        return stop(retry, HF_RETRY_AFTER, HF_EXHAUSTED);

    uint64_t own_ns =
        hf_delay_ns(&options->delay, report->attempts, retry->previous_delay_ns, random);
    uint64_t wait_ns = hf_max(own_ns, retry_after_ns);
    if (wait_ns >= left_ns)
        return stop(retry, HF_RETRY_ELAPSED, HF_EXHAUSTED);
    /* Growth goes on from the policy's own delays, however long the other side made them. */
    retry->previous_delay_ns = own_ns;
    report->delayed_ns += hf_min(wait_ns, UINT64_MAX - report->delayed_ns);
    *delay_ns = wait_ns;
    return HF_AGAIN;
}

enum hf_status hf_retry_next(struct hf_retry *retry, struct hf_outcome outcome, uint64_t now_ns,
    const struct hf_random *random, uint64_t *delay_ns)
{
    if (!retry || !retry->policy || !delay_ns || now_ns > HF_TIME_MAX_NS)
        return HF_INVALID;
    struct hf_retry_report *report = &retry->report;
    if (report->stop != HF_RETRY_GOING)
        return HF_INVALID;

    report->attempts = saturating_increment(report->attempts);
    report->outcome = outcome;
    report->elapsed_ns = elapsed_since(retry->start_ns, now_ns);
    if (outcome.kind == HF_SUCCESS)
        return stop(retry, HF_RETRY_SUCCEEDED, HF_OK);
    keep_cause(report, outcome);
    if (outcome.kind == HF_TRANSIENT)
        return plan(retry, outcome.retry_after_ns, random, delay_ns);
    if (outcome.kind == HF_IGNORED)
        return stop(retry, HF_RETRY_IGNORED, HF_FAILED);
    return stop(retry, HF_RETRY_PERMANENT, HF_FAILED);
}

uint64_t hf_retry_attempt_timeout_ns(const struct hf_retry *retry, uint64_t now_ns)
{
    if (!retry || !retry->policy)
        return 0;
    const struct hf_retry_options *options = &retry->policy->options;
    return timeout_of(options, left_of(options, elapsed_since(retry->start_ns, now_ns)));
}

void hf_retry_stop(struct hf_retry *retry)
{
    if (retry && retry->report.stop == HF_RETRY_GOING)
        retry->report.stop = HF_RETRY_STOPPED;
}

/* A generator that costs nothing until it is asked: then it seeds itself. */
struct late_random {
    struct hf_splitmix splitmix;
    bool seeded;
};

static uint64_t late_random_next(void *context)
{
    struct late_random *late = context;
    if (!late->seeded) {
        /* A system that has no seed to give is no reason to give up retrying: stacks lie at
         * different addresses in different processes and threads, and spreading callers is all
         * that is asked of these numbers. */
        if (hf_splitmix_init_system(&late->splitmix, NULL) != HF_OK)
            hf_splitmix_init(&late->splitmix, (uint64_t)(uintptr_t)late);
        late->seeded = true;
    }
    return hf_splitmix_next(&late->splitmix);
}

/* Without elapsed_max_ns nobody looks at the time, so none is read: it stands still at 0. */
static uint64_t now_for(const struct hf_retry_options *options, const struct hf_clock *clock)
{
    if (options->elapsed_max_ns == 0)
        return 0;
    return hf_min(hf_clock_now_ns(clock), HF_TIME_MAX_NS);
}

/* From the outcome of the first try on. */
static enum hf_status call_on(struct hf_retry *retry, struct hf_outcome outcome, hf_call_fn *fn,
    void *context, const struct hf_clock *clock, const struct hf_random *random)
{
    const struct hf_retry_options *options = &retry->policy->options;
    struct late_random late = {.seeded = false};
    const struct hf_random own = {late_random_next, &late};
    if (!random || !random->next)
        random = &own;
    for (;;) {
        uint64_t delay_ns = 0;
        enum hf_status status =
            hf_retry_next(retry, outcome, now_for(options, clock), random, &delay_ns);
        assert(status != HF_INVALID);
        if (status != HF_AGAIN)
            return status;
        hf_clock_sleep_ns(clock, delay_ns);
        struct hf_attempt attempt = {
            .number = saturating_increment(retry->report.attempts),
            .timeout_ns = hf_retry_attempt_timeout_ns(retry, now_for(options, clock)),
        };
        /* Sleep ends a little late, and sometimes too late. */
        if (attempt.timeout_ns == 0)
            return stop(retry, HF_RETRY_ELAPSED, HF_EXHAUSTED);
        outcome = fn(context, &attempt);
    }
}

enum hf_status hf_retry_call(const struct hf_retry_policy *policy, hf_call_fn *fn, void *context,
    const struct hf_clock *clock, const struct hf_random *random, struct hf_retry_report *report)
{
    if (!policy || !fn)
        return HF_INVALID;
    uint64_t start_ns = now_for(&policy->options, clock);
    const struct hf_attempt first = {
        .number = 1,
        .timeout_ns = timeout_of(&policy->options, left_of(&policy->options, 0)),
    };
    struct hf_outcome outcome = fn(context, &first);
    /* The common case needs no iterator. */
    if (outcome.kind == HF_SUCCESS) {
        if (report)
            report_success(
                report, outcome, elapsed_since(start_ns, now_for(&policy->options, clock)));
        return HF_OK;
    }

    struct hf_retry retry;
    hf_retry_begin(&retry, policy, start_ns);
    enum hf_status status = call_on(&retry, outcome, fn, context, clock, random);
    if (report)
        report_copy(report, &retry.report);
    return status;
}
