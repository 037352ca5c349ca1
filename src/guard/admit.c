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

static bool is_keyed(const struct hf_guard *guard, const struct hf_guard_request *request)
{
    return guard->limiter && request->key.size > 0;
}

static enum hf_status ask_quotas(const struct hf_guard *guard,
    const struct hf_guard_request *request, uint64_t cost, uint64_t now_ns,
    struct hf_guard_report *report)
{
    struct hf_decision *decision = &report->decision;
    bool keyed = is_keyed(guard, request);
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

static void give_back(const struct hf_guard *guard, const struct hf_guard_request *request,
    uint64_t cost, uint64_t now_ns)
{
    enum hf_status status = HF_OK;
    if (is_keyed(guard, request))
        status = hf_limiter_refund_at(guard->limiter, request->key, cost, request->quota, now_ns);
    assert(status == HF_OK);
    if (guard->gate)
        status = hf_gate_refund(guard->gate, cost);
    assert(status == HF_OK);
    (void)status;
}

/*
 * What is spent of a budget cannot be given back, since replicas may have heard of it: so it is
 * looked at first and charged last. Should another thread have spent it in between, the quotas are
 * what is given back.
 */
enum hf_status hf_guard_ask_limits(const struct hf_guard *guard,
    const struct hf_guard_request *request, uint64_t cost, uint64_t now_ns,
    struct hf_guard_report *report)
{
    if (!guard->flow || request->flow_peer.size == 0)
        return ask_quotas(guard, request, cost, now_ns, report);
    struct hf_decision flow;
    uint64_t flow_cost = request->flow_cost ? request->flow_cost : 1;
    enum hf_status status = hf_flow_peek(
        guard->flow, request->flow_context, request->flow_peer, flow_cost, &report->decision);
    if (status != HF_OK)
        return status;
    report->decision = (struct hf_decision){.limit = 0};
    status = ask_quotas(guard, request, cost, now_ns, report);
    if (status != HF_OK)
        return status;
    status =
        hf_flow_charge(guard->flow, request->flow_context, request->flow_peer, flow_cost, &flow);
    if (status != HF_OK)
        give_back(guard, request, cost, now_ns);
    if (status != HF_OK || report->decision.limit == 0)
        report->decision = flow;
    return status;
}
