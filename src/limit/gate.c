/* SPDX-License-Identifier: MIT */
#include "limit/gate.h"
#include "base/atomic.h"
#include "base/minmax.h"
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

/* The name of the argument that is wrong, NULL if none is. */
static const char *wrong_argument(
    const struct hf_gate *gate, const struct hf_gcra *quota, uint64_t now_ns)
{
    if (!gate)
        return "gate";
    if (!hf_gcra_is_usable(quota))
        return "quota";
    return now_ns > HF_TIME_MAX_NS ? "now_ns" : NULL;
}

/* reach_ns: how far ahead of now the arrival time may run. *tat_ns: as it stands after. */
static inline bool charge(
    struct hf_gate *gate, uint64_t charge_ns, uint64_t reach_ns, uint64_t now_ns, uint64_t *tat_ns)
{
    uint64_t seen_ns = hf_load_relaxed(&gate->tat_ns);
    for (;;) {
        uint64_t base_ns = hf_max(seen_ns, now_ns);
        *tat_ns = base_ns;
        if (base_ns + charge_ns - now_ns > reach_ns)
            return false;
        *tat_ns = base_ns + charge_ns;
        if (hf_cas_relaxed(&gate->tat_ns, &seen_ns, *tat_ns))
            return true;
    }
}

/* What a check for so many cells would answer. */
static enum hf_status look(const struct hf_gate *gate, const struct hf_gcra *gcra, uint64_t cost,
    uint64_t now_ns, struct hf_decision *decision)
{
    uint64_t tat_ns = hf_max(hf_load_relaxed(&gate->tat_ns), now_ns);
    if (cost > gcra->burst)
        return hf_decision_never(decision, gcra, now_ns, tat_ns);
    uint64_t charge_ns = (cost ? cost : 1) * gcra->interval_ns;
    if (tat_ns + charge_ns - now_ns > gcra->tolerance_ns)
        return hf_decision_denied(decision, gcra, now_ns, tat_ns, charge_ns, HF_REASON_GLOBAL);
    return hf_decision_admitted(decision, gcra, now_ns, tat_ns);
}

static inline enum hf_status check(struct hf_gate *gate, const struct hf_gcra *gcra, uint64_t cost,
    uint64_t now_ns, struct hf_decision *decision)
{
    if (cost - 1 >= gcra->burst) /* 0 wraps. */
        return look(gate, gcra, cost, now_ns, decision);
    uint64_t charge_ns = cost * gcra->interval_ns;
    uint64_t tat_ns;
    if (charge(gate, charge_ns, gcra->tolerance_ns, now_ns, &tat_ns))
        return hf_decision_admitted(decision, gcra, now_ns, tat_ns);
    return hf_decision_denied(decision, gcra, now_ns, tat_ns, charge_ns, HF_REASON_GLOBAL);
}

enum hf_status hf_gate_check(
    struct hf_gate *gate, uint64_t cost, uint64_t now_ns, struct hf_decision *decision)
{
    if (!gate)
        return hf_decision_invalid(decision, "gate");
    if (now_ns > HF_TIME_MAX_NS)
        return hf_decision_invalid(decision, "now_ns");
    return check(gate, &gate->gcra, cost, now_ns, decision);
}

enum hf_status hf_gate_check_with(struct hf_gate *gate, uint64_t cost, const struct hf_gcra *quota,
    uint64_t now_ns, struct hf_decision *decision)
{
    const char *wrong = wrong_argument(gate, quota, now_ns);
    if (wrong)
        return hf_decision_invalid(decision, wrong);
    return check(gate, quota ? quota : &gate->gcra, cost, now_ns, decision);
}

enum hf_status hf_gate_peek(struct hf_gate *gate, uint64_t cost, const struct hf_gcra *quota,
    uint64_t now_ns, struct hf_decision *decision)
{
    const char *wrong = wrong_argument(gate, quota, now_ns);
    if (wrong)
        return hf_decision_invalid(decision, wrong);
    return look(gate, quota ? quota : &gate->gcra, cost, now_ns, decision);
}

enum hf_status hf_gate_refund_with(struct hf_gate *gate, uint64_t cost, const struct hf_gcra *quota)
{
    if (wrong_argument(gate, quota, 0))
        return HF_INVALID;
    const struct hf_gcra *gcra = quota ? quota : &gate->gcra;
    if (cost > gcra->burst)
        return HF_INVALID;
    uint64_t refund_ns = cost * gcra->interval_ns;
    uint64_t tat_ns = hf_load_relaxed(&gate->tat_ns);
    while (!hf_cas_relaxed(&gate->tat_ns, &tat_ns, tat_ns - hf_min(tat_ns, refund_ns)))
        continue;
    return HF_OK;
}

enum hf_status hf_gate_refund(struct hf_gate *gate, uint64_t cost)
{
    return hf_gate_refund_with(gate, cost, NULL);
}

void hf_gate_undo(struct hf_gate *gate, uint64_t charge_ns, uint64_t until_ns,
    const struct hf_clock *clock, uint64_t now_ns)
{
    uint64_t tat_ns = hf_load_relaxed(&gate->tat_ns);
    uint64_t back_ns;
    do {
        /* After the load, so that no charge in it was later. */
        if (clock)
            now_ns = hf_max(now_ns, hf_clock_now_ns(clock));
        back_ns = hf_min(charge_ns, hf_max(until_ns, now_ns) - now_ns);
    } while (!hf_cas_relaxed(&gate->tat_ns, &tat_ns, tat_ns - hf_min(tat_ns, back_ns)));
}

enum hf_status hf_gate_requota(
    struct hf_gate *gate, const struct hf_gcra *from, const struct hf_gcra *to, uint64_t now_ns)
{
    if (wrong_argument(gate, from, now_ns) || !hf_gcra_is_usable(to))
        return HF_INVALID;
    from = from ? from : &gate->gcra;
    to = to ? to : &gate->gcra;
    uint64_t tat_ns = hf_load_relaxed(&gate->tat_ns);
    for (;;) {
        if (tat_ns <= now_ns)
            return HF_OK;
        uint64_t debt_ns = hf_multiply_divide(tat_ns - now_ns, to->interval_ns, from->interval_ns);
        uint64_t next_ns = now_ns + hf_min(debt_ns, to->tolerance_ns);
        if (hf_cas_relaxed(&gate->tat_ns, &tat_ns, next_ns))
            return HF_OK;
    }
}

enum hf_status hf_gate_reset(struct hf_gate *gate)
{
    if (!gate)
        return HF_INVALID;
    hf_store_relaxed(&gate->tat_ns, 0);
    return HF_OK;
}

enum hf_status hf_gate_reserve(struct hf_gate *gate, uint64_t cost, const struct hf_gcra *quota,
    uint64_t wait_max_ns, uint64_t now_ns, uint64_t *wait_ns, struct hf_decision *decision)
{
    const char *wrong = wrong_argument(gate, quota, now_ns);
    if (!wrong && cost == 0)
        wrong = "cost";
    if (!wrong && wait_max_ns > HF_TIME_MAX_NS)
        wrong = "wait_max_ns";
    if (!wrong && !wait_ns)
        wrong = "wait_ns";
    if (wrong)
        return hf_decision_invalid(decision, wrong);
    const struct hf_gcra *gcra = quota ? quota : &gate->gcra;
    if (cost > gcra->burst)
        return look(gate, gcra, cost, now_ns, decision);
    uint64_t charge_ns = cost * gcra->interval_ns;
    uint64_t reach_ns = hf_gcra_reach_ns(gcra, wait_max_ns);
    uint64_t tat_ns;
    if (charge(gate, charge_ns, reach_ns, now_ns, &tat_ns)) {
        *wait_ns = tat_ns - now_ns - hf_min(tat_ns - now_ns, gcra->tolerance_ns);
        return hf_decision_admitted(decision, gcra, now_ns, tat_ns);
    }
    enum hf_status status =
        hf_decision_denied(decision, gcra, now_ns, tat_ns, charge_ns, HF_REASON_GLOBAL);
    /* The cells themselves are further away than the moment at which they can be reserved. */
    if (decision)
        decision->retry_after_ns -= reach_ns - gcra->tolerance_ns;
    return status;
}
