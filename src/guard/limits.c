/* SPDX-License-Identifier: MIT */
#include <assert.h>

#include "guard/guard.h"

/*
 * A key's quota and everybody's, charged both or neither.
 *
 * Only the gate can give back what it charged. So the gate is charged first and the key last, and a
 * key that then turns out to have been used up by another thread costs the gate a refund. Were it
 * left at that, a flood of one denied key would hold cells of the gate for moments, and others
 * would be denied for them: so the key is peeked at before, and only a request that lost a race
 * between its own peek and its own charge ever takes from the gate what it does not keep.
 */

/* A limit's answer to a peek for one cell says all that there is to know about any other cost. */
static enum hf_status for_cost(enum hf_status status, uint64_t cost, uint64_t interval_ns,
    enum hf_reason reason, struct hf_decision *decision)
{
    assert(status == HF_OK || status == HF_DENIED || status == HF_FULL);
    if (cost > decision->limit) {
        decision->reason = HF_REASON_NEVER;
        decision->retry_after_ns = UINT64_MAX;
        return HF_NEVER;
    }
    if (status == HF_FULL || cost <= decision->remaining)
        return status;
    /*
     * Everything is back after reset_after_ns, and the cells that are not asked for may come later
     * than that. Less than `cost` are there now, so the difference is above 0.
     */
    decision->reason = reason;
    decision->retry_after_ns = decision->reset_after_ns - (decision->limit - cost) * interval_ns;
    return HF_DENIED;
}

static enum hf_status peek_key(const struct hf_guard *guard, struct hf_bytes key, uint64_t cost,
    uint64_t now_ns, struct hf_decision *decision)
{
    enum hf_status status = hf_limiter_check_at(guard->limiter, key, 0, now_ns, decision);
    return for_cost(status, cost, guard->key_gcra.interval_ns, HF_REASON_KEY, decision);
}

static enum hf_status peek_gate(
    const struct hf_guard *guard, uint64_t cost, uint64_t now_ns, struct hf_decision *decision)
{
    enum hf_status status = hf_gate_check(guard->gate, 0, now_ns, decision);
    return for_cost(status, cost, guard->gate->gcra.interval_ns, HF_REASON_GLOBAL, decision);
}

static enum hf_status conclude(enum hf_status status, struct hf_guard_report *report)
{
    if (status == HF_DENIED || status == HF_FULL)
        report->retry_after_ns = report->decision.retry_after_ns;
    return status;
}

/* The key said no, in report->decision. Would the gate let it pass by then? */
static enum hf_status key_said_no(const struct hf_guard *guard, enum hf_status status,
    uint64_t cost, uint64_t now_ns, struct hf_guard_report *report)
{
    conclude(status, report);
    if (status != HF_DENIED && status != HF_FULL)
        return status;
    struct hf_decision decision;
    enum hf_status gate_status = peek_gate(guard, cost, now_ns, &decision);
    if (gate_status == HF_DENIED && decision.retry_after_ns > report->retry_after_ns)
        report->retry_after_ns = decision.retry_after_ns;
    if (gate_status != HF_NEVER)
        return status;
    report->decision = decision;
    report->retry_after_ns = 0;
    return HF_NEVER;
}

static enum hf_status ask_both(const struct hf_guard *guard, struct hf_bytes key, uint64_t cost,
    uint64_t now_ns, struct hf_guard_report *report)
{
    struct hf_decision *decision = &report->decision;
    enum hf_status status = peek_key(guard, key, cost, now_ns, decision);
    if (status != HF_OK)
        return key_said_no(guard, status, cost, now_ns, report);
    status = hf_gate_check(guard->gate, cost, now_ns, decision);
    if (status != HF_OK)
        return conclude(status, report);
    status = hf_limiter_check_at(guard->limiter, key, cost, now_ns, decision);
    if (status == HF_OK)
        return HF_OK;
    enum hf_status refunded = hf_gate_refund(guard->gate, cost);
    assert(refunded == HF_OK);
    (void)refunded;
    return key_said_no(guard, status, cost, now_ns, report);
}

enum hf_status hf_guard_ask_limits(const struct hf_guard *guard, struct hf_bytes key, uint64_t cost,
    uint64_t now_ns, struct hf_guard_report *report)
{
    bool keyed = guard->limiter && key.size > 0;
    if (keyed && guard->gate)
        return ask_both(guard, key, cost, now_ns, report);
    if (keyed)
        return conclude(
            hf_limiter_check_at(guard->limiter, key, cost, now_ns, &report->decision), report);
    if (guard->gate)
        return conclude(hf_gate_check(guard->gate, cost, now_ns, &report->decision), report);
    return HF_OK;
}
