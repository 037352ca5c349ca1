/* SPDX-License-Identifier: MIT */
#include "base/minmax.h"
#include "limit/limiter.h"

/*
 * A reservation is a charge that may run further ahead of now than the burst, by the longest wait.
 * Its cells may be used when they have come within the burst: at tat - tolerance.
 *
 * The bound holds for the times of use: take those within a stretch from u to v, and of their
 * charges the first and the last in the order in which they were made. The first was charged upon
 * base >= u: either it was used at once, when now <= base, or at base + charge - tolerance <= base.
 * The last left tat <= v + tolerance. All were added between the two, so their sum is at most
 * tolerance + (v - u): the burst, and what the stretch earns.
 */

#define WAIT_MAX_DEFAULT_NS HF_SECONDS(60)

static enum hf_status denied(struct hf_limiter *limiter, const struct hf_gcra *gcra,
    const struct hf_table_request *request, struct hf_table_answer answer,
    struct hf_decision *decision)
{
    enum hf_status status =
        hf_limiter_refuse(limiter, gcra, request->charge_ns, true, answer, decision);
    /* The cells themselves are further away than the moment at which they can be reserved. */
    if (status == HF_DENIED && decision)
        decision->retry_after_ns -= request->tolerance_ns - gcra->tolerance_ns;
    return status;
}

static enum hf_status reserve_checked(struct hf_limiter *limiter,
    const struct hf_limiter_subject *subject, uint64_t cost, uint64_t wait_max_ns,
    uint64_t *wait_ns, struct hf_decision *decision)
{
    const struct hf_gcra *gcra = subject->gcra;
    if (cost > gcra->burst)
        return hf_limiter_look(limiter, subject, cost, decision);
    struct hf_table_request request = hf_limiter_asked(subject, cost * gcra->interval_ns);
    request.tolerance_ns = hf_gcra_reach_ns(gcra, wait_max_ns);
    struct hf_table_answer answer = hf_table_charge(&limiter->table, request);
    bool charged = answer.verdict == HF_TABLE_ADMITTED;
    enum hf_status status = charged
                                ? hf_decision_admitted(decision, gcra, answer.now_ns, answer.tat_ns)
                                : denied(limiter, gcra, &request, answer, decision);
    uint64_t ahead_ns = charged ? answer.tat_ns - answer.now_ns : 0;
    if (status == HF_OK)
        *wait_ns = ahead_ns - hf_min(ahead_ns, gcra->tolerance_ns);
    return status;
}

static enum hf_status reserve(struct hf_limiter *limiter, struct hf_bytes key, uint64_t cost,
    const struct hf_gcra *quota, uint64_t wait_max_ns, const struct hf_clock *clock,
    uint64_t now_ns, uint64_t *wait_ns, struct hf_decision *decision)
{
    struct hf_limiter_subject subject;
    const char *wrong = hf_limiter_subject(&subject, limiter, key, quota, clock, now_ns);
    if (!wrong && cost == 0)
        wrong = "cost";
    if (!wrong && wait_max_ns > HF_TIME_MAX_NS)
        wrong = "wait_max_ns";
    if (!wrong && !wait_ns)
        wrong = "wait_ns";
    if (wrong)
        return hf_decision_invalid(decision, wrong);
    return reserve_checked(limiter, &subject, cost, wait_max_ns, wait_ns, decision);
}

enum hf_status hf_limiter_reserve(struct hf_limiter *limiter, struct hf_bytes key, uint64_t cost,
    const struct hf_gcra *quota, uint64_t wait_max_ns, uint64_t *wait_ns,
    struct hf_decision *decision)
{
    return reserve(
        limiter, key, cost, quota, wait_max_ns, hf_limiter_clock(limiter), 0, wait_ns, decision);
}

enum hf_status hf_limiter_reserve_at(struct hf_limiter *limiter, struct hf_bytes key, uint64_t cost,
    const struct hf_gcra *quota, uint64_t wait_max_ns, uint64_t now_ns, uint64_t *wait_ns,
    struct hf_decision *decision)
{
    return reserve(limiter, key, cost, quota, wait_max_ns, NULL, now_ns, wait_ns, decision);
}

/* 0 to jitter_ns. */
static uint64_t draw(const struct hf_limiter_wait *wait)
{
    if (wait->random.next)
        return hf_random_below(&wait->random, wait->jitter_ns + 1);
    struct hf_splitmix splitmix;
    /* A system without a seed to give is no reason not to spread callers: their stacks differ. */
    if (hf_splitmix_init_system(&splitmix, NULL) != HF_OK)
        hf_splitmix_init(&splitmix, (uint64_t)(uintptr_t)&splitmix);
    const struct hf_random random = hf_splitmix_random(&splitmix);
    return hf_random_below(&random, wait->jitter_ns + 1);
}

enum hf_status hf_limiter_wait(struct hf_limiter *limiter, struct hf_bytes key, uint64_t cost,
    const struct hf_limiter_wait *wait, struct hf_decision *decision)
{
    static const struct hf_limiter_wait plain = {.wait_max_ns = 0};
    if (!wait)
        wait = &plain;
    uint64_t wait_max_ns = wait->wait_max_ns ? wait->wait_max_ns : WAIT_MAX_DEFAULT_NS;
    if (wait_max_ns > HF_TIME_MAX_NS)
        return hf_decision_invalid(decision, "wait.wait_max_ns");
    if (wait->jitter_ns > wait_max_ns)
        return hf_decision_invalid(decision, "wait.jitter_ns");
    uint64_t wait_ns = 0;
    enum hf_status status = hf_limiter_reserve(
        limiter, key, cost, wait->quota, wait_max_ns - wait->jitter_ns, &wait_ns, decision);
    if (status != HF_OK || wait_ns == 0)
        return status;
    hf_clock_sleep_ns(&limiter->clock, wait_ns + (wait->jitter_ns ? draw(wait) : 0));
    return HF_OK;
}
