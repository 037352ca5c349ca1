/* SPDX-License-Identifier: MIT */
#include "limit/decision.h"

const char *hf_reason_str(enum hf_reason reason)
{
    switch (reason) {
    case HF_REASON_NONE:
        return "none";
    case HF_REASON_KEY:
        return "key";
    case HF_REASON_GLOBAL:
        return "global";
    case HF_REASON_FLOW:
        return "flow";
    case HF_REASON_FULL:
        return "full";
    case HF_REASON_NEVER:
        return "never";
    case HF_REASON_INVALID:
        return "invalid";
    }
    return "unknown";
}

/* What holds after every decision: how much is left, and when all of it is back. */
static struct hf_decision state_after(const struct hf_gcra *gcra, uint64_t now_ns, uint64_t tat_ns)
{
    uint64_t ahead_ns = tat_ns > now_ns ? tat_ns - now_ns : 0;
    uint64_t room_ns = ahead_ns < gcra->tolerance_ns ? gcra->tolerance_ns - ahead_ns : 0;
    return (struct hf_decision){
        .limit = gcra->burst,
        .remaining = hf_gcra_cells(gcra, room_ns),
        .reset_after_ns = ahead_ns,
    };
}

enum hf_status hf_decision_admitted(
    struct hf_decision *decision, const struct hf_gcra *gcra, uint64_t now_ns, uint64_t tat_ns)
{
    if (decision)
        *decision = state_after(gcra, now_ns, tat_ns);
    return HF_OK;
}

enum hf_status hf_decision_denied(struct hf_decision *decision, const struct hf_gcra *gcra,
    uint64_t now_ns, uint64_t tat_ns, uint64_t charge_ns, enum hf_reason reason)
{
    if (!decision)
        return HF_DENIED;
    *decision = state_after(gcra, now_ns, tat_ns);
    decision->reason = reason;
    /* The request fits at the first moment t for which tat + charge - t <= tolerance. */
    decision->retry_after_ns = tat_ns + charge_ns - gcra->tolerance_ns - now_ns;
    return HF_DENIED;
}

enum hf_status hf_decision_never(
    struct hf_decision *decision, const struct hf_gcra *gcra, uint64_t now_ns, uint64_t tat_ns)
{
    if (!decision)
        return HF_NEVER;
    *decision = state_after(gcra, now_ns, tat_ns);
    decision->reason = HF_REASON_NEVER;
    decision->retry_after_ns = UINT64_MAX;
    return HF_NEVER;
}

enum hf_status hf_decision_full(
    struct hf_decision *decision, const struct hf_gcra *gcra, uint64_t now_ns, uint64_t free_at_ns)
{
    if (!decision)
        return HF_FULL;
    *decision = (struct hf_decision){
        .reason = HF_REASON_FULL,
        .limit = gcra->burst,
        .retry_after_ns = free_at_ns - now_ns,
        .reset_after_ns = free_at_ns - now_ns,
    };
    return HF_FULL;
}

enum hf_status hf_decision_uncounted(struct hf_decision *decision, const struct hf_gcra *gcra)
{
    if (!decision)
        return HF_OK;
    *decision = (struct hf_decision){
        .admitted_uncounted = true,
        .limit = gcra->burst,
        .remaining = gcra->burst,
    };
    return HF_OK;
}

enum hf_status hf_decision_invalid(struct hf_decision *decision, const char *argument)
{
    if (decision)
        *decision = (struct hf_decision){.reason = HF_REASON_INVALID, .argument = argument};
    return HF_INVALID;
}
