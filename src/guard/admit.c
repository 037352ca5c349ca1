/* SPDX-License-Identifier: MIT */
#include <assert.h>

#include "guard/guard.h"
#include "limit/limits.h"

static enum hf_status conclude(enum hf_status status, struct hf_guard_report *report)
{
    if (status == HF_DENIED || status == HF_FULL)
        report->retry_after_ns = report->decision.retry_after_ns;
    return status;
}

/* All or nothing; what is told of an admission is what the key has left. */
static enum hf_status ask_both(const struct hf_guard *guard, const struct hf_guard_request *request,
    uint64_t cost, uint64_t now_ns, struct hf_guard_report *report)
{
    struct hf_limits_request asked;
    struct hf_limits limits;
    const struct hf_limits *both = &guard->both;
    if (request->quota) {
        limits = guard->both;
        limits.parts[HF_GUARD_KEY_PART].quota = request->quota;
        both = &limits;
    }
    enum hf_status status = hf_limits_ask(&asked, both, request->key, cost, NULL, now_ns, true);
    assert(status != HF_INVALID);
    uint32_t told = status == HF_OK ? HF_GUARD_KEY_PART : asked.told;
    report->decision = asked.answers[told].decision;
    report->decision.part = (uint8_t)told;
    return conclude(status, report);
}

enum hf_status hf_guard_ask_limits(const struct hf_guard *guard,
    const struct hf_guard_request *request, uint64_t cost, uint64_t now_ns,
    struct hf_guard_report *report)
{
    struct hf_decision *decision = &report->decision;
    bool keyed = guard->limiter && request->key.size > 0;
    if (keyed && guard->gate)
        return ask_both(guard, request, cost, now_ns, report);
    if (keyed)
        return conclude(hf_limiter_check_with_at(
                            guard->limiter, request->key, cost, request->quota, now_ns, decision),
            report);
    if (guard->gate)
        return conclude(hf_gate_check(guard->gate, cost, now_ns, decision), report);
    return HF_OK;
}
