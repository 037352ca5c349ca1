/* SPDX-License-Identifier: MIT */
#include <holdfast/gate.h>

#include "base/atomic.h"
#include "limit/decision.h"

/*
 * The whole state is one word, so each call takes effect at its load (a denial, a peek) or at its
 * compare-and-swap, whatever happens in between: a cell that was charged and refunded back to the
 * same value is in the same state. Relaxed order is enough, since the word guards no other data.
 *
 * A compare-and-swap fails only when another thread's has succeeded, so the loops are lock-free.
 */

enum hf_status hf_gate_init(
    struct hf_gate *gate, const struct hf_quota *quota, struct hf_error *error)
{
    if (!gate)
        return hf_error_add(error, HF_INVALID, 0, "gate: NULL");
    struct hf_gcra gcra;
    enum hf_status status = hf_gcra_init(&gcra, quota, error);
    if (status == HF_OK)
        *gate = (struct hf_gate){.gcra = gcra};
    return status;
}

enum hf_status hf_gate_check(
    struct hf_gate *gate, uint64_t cost, uint64_t now_ns, struct hf_decision *decision)
{
    if (!gate)
        return hf_decision_invalid(decision, "gate");
    if (now_ns > HF_TIME_MAX_NS)
        return hf_decision_invalid(decision, "now_ns");
    const struct hf_gcra *gcra = &gate->gcra;
    uint64_t tat_ns = hf_load_relaxed(&gate->tat_ns);
    if (cost > gcra->burst)
        return hf_decision_never(decision, gcra, now_ns, tat_ns);
    uint64_t charge_ns = (cost ? cost : 1) * gcra->interval_ns;
    for (;;) {
        uint64_t base_ns = tat_ns > now_ns ? tat_ns : now_ns;
        uint64_t next_ns = base_ns + charge_ns;
        if (next_ns - now_ns > gcra->tolerance_ns)
            return hf_decision_denied(decision, gcra, now_ns, base_ns, charge_ns, HF_REASON_GLOBAL);
        if (cost == 0)
            return hf_decision_admitted(decision, gcra, now_ns, base_ns);
        if (hf_cas_relaxed(&gate->tat_ns, &tat_ns, next_ns))
            return hf_decision_admitted(decision, gcra, now_ns, next_ns);
    }
}

enum hf_status hf_gate_refund(struct hf_gate *gate, uint64_t cost)
{
    if (!gate || cost > gate->gcra.burst)
        return HF_INVALID;
    uint64_t refund_ns = cost * gate->gcra.interval_ns;
    uint64_t tat_ns = hf_load_relaxed(&gate->tat_ns);
    uint64_t lower_ns;
    do
        lower_ns = tat_ns > refund_ns ? tat_ns - refund_ns : 0;
    while (!hf_cas_relaxed(&gate->tat_ns, &tat_ns, lower_ns));
    return HF_OK;
}
