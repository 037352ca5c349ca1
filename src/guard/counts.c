/* SPDX-License-Identifier: MIT */
#include "guard/guard.h"

#define LABELS_MAX 2

const char *hf_guard_result_str(enum hf_status status)
{
    switch (status) {
    case HF_OK:
        return "ok";
    case HF_INVALID:
        return "invalid";
    case HF_DENIED:
        return "denied";
    case HF_NEVER:
        return "never";
    case HF_FULL:
        return "full";
    case HF_OPEN:
        return "open";
    case HF_TIMEOUT:
        return "timeout";
    case HF_FAILED:
        return "failed";
    case HF_EXHAUSTED:
        return "exhausted";
    case HF_CANCELLED:
        return "cancelled";
    default:
        return NULL;
    }
}

/* One counter of the guard's; label NULL: no label but the guard's name. */
static enum hf_status make_counter(struct hf_guard *guard, const char *name, const char *help,
    const char *label, const char *value, struct hf_counter **counter, struct hf_error *error)
{
    const struct hf_label labels[LABELS_MAX] = {{"guard", guard->name}, {label, value}};
    size_t labels_count = label ? LABELS_MAX : 1;
    return hf_metrics_counter(guard->registry, name, help, labels, labels_count, counter, error);
}

static enum hf_status make_requests(struct hf_guard *guard, struct hf_error *error)
{
    enum hf_status made = HF_OK;
    for (int status = 0; status < HF_STATUS_COUNT && made == HF_OK; status++) {
        const char *result = hf_guard_result_str((enum hf_status)status);
        if (result)
            made = make_counter(guard, "holdfast_guard_requests_total",
                "Calls that are over, by how they ended.", "result", result,
                &guard->metrics.requests[status], error);
    }
    return made;
}

static enum hf_status make_attempts(struct hf_guard *guard, struct hf_error *error)
{
    enum hf_status made = HF_OK;
    for (int kind = 0; kind <= HF_IGNORED && made == HF_OK; kind++)
        made = make_counter(guard, "holdfast_guard_attempts_total", "Tries, by their outcome.",
            "outcome", hf_outcome_kind_str((enum hf_outcome_kind)kind),
            &guard->metrics.attempts[kind], error);
    return made;
}

static enum hf_status make_changes(struct hf_guard *guard, struct hf_error *error)
{
    enum hf_status made = HF_OK;
    for (int state = 0; state <= HF_BREAKER_HALF_OPEN && made == HF_OK; state++)
        made = make_counter(guard, "holdfast_guard_breaker_changes_total",
            "Changes of the breaker's state made by this guard's calls.", "to",
            hf_breaker_state_str((enum hf_breaker_state)state), &guard->metrics.changes[state],
            error);
    return made;
}

static int64_t read_breaker_state(void *context)
{
    const struct hf_guard *guard = context;
    struct hf_breaker_snapshot snapshot = {.state = HF_BREAKER_CLOSED};
    enum hf_status status =
        hf_breaker_snapshot(guard->breaker, hf_clock_now_ns(&guard->clock), &snapshot);
    return status == HF_OK ? (int64_t)snapshot.state : 0;
}

static enum hf_status make_state(struct hf_guard *guard, struct hf_error *error)
{
    if (!guard->breaker)
        return HF_OK;
    const struct hf_label label = {"guard", guard->name};
    return hf_metrics_gauge_read(guard->registry, "holdfast_guard_breaker_state",
        "State of the breaker: 0 closed, 1 open, 2 half-open.", &label, 1, read_breaker_state,
        guard, error);
}

static enum hf_status make_seconds(struct hf_guard *guard, struct hf_error *error)
{
    const struct hf_label label = {"guard", guard->name};
    return hf_metrics_histogram(guard->registry, "holdfast_guard_call_seconds",
        "Duration of calls that made a try, waits included.", &label, 1, NULL, 0,
        &guard->metrics.seconds, error);
}

/* The state comes last: it alone leads back to the guard, which is freed if anything fails. */
enum hf_status hf_guard_metrics_init(struct hf_guard *guard, struct hf_error *error)
{
    if (!guard->registry)
        return HF_OK;
    enum hf_status status = make_requests(guard, error);
    if (status == HF_OK)
        status = make_attempts(guard, error);
    if (status == HF_OK)
        status = make_counter(guard, "holdfast_guard_retries_total",
            "Tries begun after a call's first.", NULL, NULL, &guard->metrics.retries, error);
    if (status == HF_OK)
        status = make_changes(guard, error);
    if (status == HF_OK)
        status = make_seconds(guard, error);
    return status == HF_OK ? make_state(guard, error) : status;
}

void hf_guard_metrics_fini(struct hf_guard *guard)
{
    if (guard->registry && guard->breaker)
        hf_metrics_gauge_forget(guard->registry, read_breaker_state, guard);
}
