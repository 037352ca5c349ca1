/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/gcra_oracle.h"

typedef unsigned __int128 wide;

struct gcra_oracle gcra_oracle(const struct hf_quota *quota)
{
    wide interval = ((wide)quota->period_ns + quota->count - 1) / quota->count;
    return (struct gcra_oracle){
        .interval_ns = (uint64_t)interval,
        .burst = quota->burst ? quota->burst : quota->count,
    };
}

static wide larger(wide a, wide b)
{
    return a > b ? a : b;
}

/* Cells that fit at once when the state is this. */
static uint64_t cells_left(const struct gcra_oracle *oracle, uint64_t now_ns)
{
    wide most = now_ns + (wide)oracle->burst * oracle->interval_ns;
    wide base = larger(oracle->tat_ns, now_ns);
    return base > most ? 0 : (uint64_t)((most - base) / oracle->interval_ns);
}

enum hf_status gcra_oracle_check(struct gcra_oracle *oracle, uint64_t cost, uint64_t now_ns,
    enum hf_reason reason, struct hf_decision *decision)
{
    wide charge = (wide)(cost ? cost : 1) * oracle->interval_ns;
    wide next = larger(oracle->tat_ns, now_ns) + charge;
    wide most = now_ns + (wide)oracle->burst * oracle->interval_ns;
    enum hf_status status = cost > oracle->burst ? HF_NEVER : next > most ? HF_DENIED : HF_OK;
    if (status == HF_OK && cost)
        oracle->tat_ns = next;
    *decision = (struct hf_decision){
        .reason = status == HF_OK      ? HF_REASON_NONE
                  : status == HF_NEVER ? HF_REASON_NEVER
                                       : reason,
        .limit = oracle->burst,
        .remaining = cells_left(oracle, now_ns),
        .reset_after_ns = (uint64_t)(larger(oracle->tat_ns, now_ns) - now_ns),
    };
    if (status == HF_NEVER)
        decision->retry_after_ns = UINT64_MAX;
    if (status == HF_DENIED)
        decision->retry_after_ns = (uint64_t)(next - most);
    return status;
}

void gcra_oracle_by(struct gcra_oracle *oracle, const struct hf_quota *quota)
{
    wide tat_ns = oracle->tat_ns;
    *oracle = gcra_oracle(quota);
    oracle->tat_ns = tat_ns;
}

enum hf_status gcra_oracle_reserve(struct gcra_oracle *oracle, uint64_t cost, uint64_t wait_max_ns,
    uint64_t now_ns, enum hf_reason reason, uint64_t *wait_ns, struct hf_decision *decision)
{
    if (cost > oracle->burst)
        return gcra_oracle_check(oracle, cost, now_ns, reason, decision);
    wide reach = (wide)oracle->burst * oracle->interval_ns + wait_max_ns;
    if (reach > (wide)1 << 60)
        reach = (wide)1 << 60;
    wide next = larger(oracle->tat_ns, now_ns) + (wide)cost * oracle->interval_ns;
    bool denied = next > now_ns + reach;
    if (!denied) {
        wide at_once = now_ns + (wide)oracle->burst * oracle->interval_ns;
        *wait_ns = next > at_once ? (uint64_t)(next - at_once) : 0;
        oracle->tat_ns = next;
    }
    *decision = (struct hf_decision){
        .reason = denied ? reason : HF_REASON_NONE,
        .limit = oracle->burst,
        .remaining = cells_left(oracle, now_ns),
        .retry_after_ns = denied ? (uint64_t)(next - now_ns - reach) : 0,
        .reset_after_ns = (uint64_t)(larger(oracle->tat_ns, now_ns) - now_ns),
    };
    return denied ? HF_DENIED : HF_OK;
}

void gcra_oracle_refund(struct gcra_oracle *oracle, uint64_t cost, uint64_t now_ns)
{
    wide refund = (wide)cost * oracle->interval_ns;
    if (oracle->tat_ns > now_ns)
        oracle->tat_ns = oracle->tat_ns > now_ns + refund ? oracle->tat_ns - refund : (wide)now_ns;
}

void gcra_oracle_trim(struct gcra_oracle *oracle, uint64_t now_ns)
{
    wide most = now_ns + (wide)oracle->burst * oracle->interval_ns;
    if (oracle->tat_ns > most)
        oracle->tat_ns = most;
}

void gcra_oracle_requota(struct gcra_oracle *oracle, const struct hf_quota *to, uint64_t now_ns)
{
    uint64_t from_ns = oracle->interval_ns;
    gcra_oracle_by(oracle, to);
    if (oracle->tat_ns <= now_ns)
        return;
    wide scaled = (oracle->tat_ns - now_ns) * oracle->interval_ns;
    oracle->tat_ns = now_ns + (scaled + from_ns - 1) / from_ns;
    gcra_oracle_trim(oracle, now_ns);
}

void assert_decisions_equal(const struct hf_decision *got, const struct hf_decision *expected)
{
    assert_string_equal(hf_reason_str(got->reason), hf_reason_str(expected->reason));
    assert_int_equal(got->admitted_uncounted, expected->admitted_uncounted);
    assert_int_equal(got->part, expected->part);
    assert_int_equal(got->limit, expected->limit);
    assert_int_equal(got->remaining, expected->remaining);
    assert_int_equal(got->retry_after_ns, expected->retry_after_ns);
    assert_int_equal(got->reset_after_ns, expected->reset_after_ns);
    assert_ptr_equal(got->argument, expected->argument);
}

uint64_t random_any_size(struct hf_splitmix *random, uint32_t bits_max)
{
    uint64_t bits = hf_splitmix_next(random) % (bits_max + 1);
    return bits ? hf_splitmix_next(random) >> (64 - bits) : 0;
}

struct hf_quota random_quota(struct hf_splitmix *random)
{
    for (;;) {
        struct hf_quota quota = {
            .count = random_any_size(random, 56),
            .period_ns = random_any_size(random, 61),
            .burst = random_any_size(random, 54),
        };
        if (hf_quota_check(&quota, NULL) == HF_OK)
            return quota;
    }
}
