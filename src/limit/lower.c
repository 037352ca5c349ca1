/* SPDX-License-Identifier: MIT */
#include "limit/limiter.h"

/*
 * All that lowers what a key owes is one operation of the table: its debt, the time by which its
 * arrival time is ahead of now, is scaled, then less by some, then cut to a ceiling. A key that the
 * table does not have owes nothing, and there is nothing to lower.
 */

static enum hf_status adjust(struct hf_limiter *limiter, const struct hf_limiter_subject *subject,
    struct hf_table_adjustment adjustment)
{
    adjustment.key = subject->key;
    adjustment.now_ns = subject->now_ns;
    adjustment.clock = subject->clock;
    (void)hf_table_adjust(&limiter->table, &adjustment);
    return HF_OK;
}

void hf_limiter_give_back(struct hf_limiter *limiter, const struct hf_limiter_subject *subject,
    uint64_t charge_ns, uint64_t until_ns)
{
    const struct hf_table_adjustment adjustment = {
        .subtract_ns = charge_ns, .until_ns = until_ns, .ceiling_ns = UINT64_MAX};
    adjust(limiter, subject, adjustment);
}

static enum hf_status refund(struct hf_limiter *limiter, struct hf_bytes key, uint64_t cost,
    const struct hf_gcra *quota, const struct hf_clock *clock, uint64_t now_ns)
{
    struct hf_limiter_subject subject;
    if (hf_limiter_subject(&subject, limiter, key, quota, clock, now_ns) ||
        cost > subject.gcra->burst)
        return HF_INVALID;
    hf_limiter_give_back(limiter, &subject, cost * subject.gcra->interval_ns, 0);
    return HF_OK;
}

enum hf_status hf_limiter_refund(
    struct hf_limiter *limiter, struct hf_bytes key, uint64_t cost, const struct hf_gcra *quota)
{
    return refund(limiter, key, cost, quota, hf_limiter_clock(limiter), 0);
}

enum hf_status hf_limiter_refund_at(struct hf_limiter *limiter, struct hf_bytes key, uint64_t cost,
    const struct hf_gcra *quota, uint64_t now_ns)
{
    return refund(limiter, key, cost, quota, NULL, now_ns);
}

static enum hf_status requota(struct hf_limiter *limiter, struct hf_bytes key,
    const struct hf_gcra *from, const struct hf_gcra *to, const struct hf_clock *clock,
    uint64_t now_ns)
{
    struct hf_limiter_subject subject;
    if (hf_limiter_subject(&subject, limiter, key, to, clock, now_ns) || !hf_gcra_is_usable(from))
        return HF_INVALID;
    return adjust(limiter, &subject,
        (struct hf_table_adjustment){
            .multiply = subject.gcra->interval_ns,
            .divide = from ? from->interval_ns : limiter->gcra.interval_ns,
            .ceiling_ns = subject.gcra->tolerance_ns,
        });
}

enum hf_status hf_limiter_requota(struct hf_limiter *limiter, struct hf_bytes key,
    const struct hf_gcra *from, const struct hf_gcra *to)
{
    return requota(limiter, key, from, to, hf_limiter_clock(limiter), 0);
}

enum hf_status hf_limiter_requota_at(struct hf_limiter *limiter, struct hf_bytes key,
    const struct hf_gcra *from, const struct hf_gcra *to, uint64_t now_ns)
{
    return requota(limiter, key, from, to, NULL, now_ns);
}

static enum hf_status reset(
    struct hf_limiter *limiter, struct hf_bytes key, const struct hf_clock *clock, uint64_t now_ns)
{
    struct hf_limiter_subject subject;
    if (hf_limiter_subject(&subject, limiter, key, NULL, clock, now_ns))
        return HF_INVALID;
    return adjust(limiter, &subject, (struct hf_table_adjustment){.ceiling_ns = 0});
}

enum hf_status hf_limiter_reset(struct hf_limiter *limiter, struct hf_bytes key)
{
    return reset(limiter, key, hf_limiter_clock(limiter), 0);
}

enum hf_status hf_limiter_reset_at(struct hf_limiter *limiter, struct hf_bytes key, uint64_t now_ns)
{
    return reset(limiter, key, NULL, now_ns);
}

static enum hf_status trim(struct hf_limiter *limiter, const struct hf_gcra *quota,
    const struct hf_clock *clock, uint64_t now_ns)
{
    if (!limiter || !hf_gcra_is_usable(quota))
        return HF_INVALID;
    now_ns = clock ? hf_clock_now_ns(clock) : hf_limiter_table_ns(limiter, now_ns);
    if (now_ns > HF_TIME_MAX_NS)
        return HF_INVALID;
    const struct hf_gcra *gcra = quota ? quota : &limiter->gcra;
    hf_table_trim(&limiter->table, gcra->tolerance_ns, clock, now_ns);
    return HF_OK;
}

enum hf_status hf_limiter_trim(struct hf_limiter *limiter, const struct hf_gcra *quota)
{
    return trim(limiter, quota, hf_limiter_clock(limiter), 0);
}

enum hf_status hf_limiter_trim_at(
    struct hf_limiter *limiter, const struct hf_gcra *quota, uint64_t now_ns)
{
    return trim(limiter, quota, NULL, now_ns);
}
