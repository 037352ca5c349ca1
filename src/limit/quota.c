/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdbool.h>

#include "base/multiply.h"
#include "limit/quota.h"

/* At 10 million a second rounding the interval up to whole nanoseconds costs less than 1 %. */
#define INTERVAL_MIN_NS 100

/* a * b <= limit, for any a and b. */
static bool product_at_most(uint64_t a, uint64_t b, uint64_t limit)
{
    struct hf_product product = hf_multiply(a, b);
    return product.high == 0 && product.low <= limit;
}

static enum hf_status check_rate(const struct hf_quota *quota, struct hf_error *error)
{
    if (quota->count == 0)
        return hf_error_add(error, HF_INVALID, 0, "quota.count: 0 is too small (at least 1)");
    if (quota->period_ns == 0 || quota->period_ns > HF_TIME_MAX_NS)
        return hf_error_add(error, HF_INVALID, 0,
            "quota.period_ns: %" PRIu64 " is out of range (1 to %" PRIu64 ")", quota->period_ns,
            HF_TIME_MAX_NS);
    if (!product_at_most(quota->count, INTERVAL_MIN_NS, quota->period_ns))
        return hf_error_add(error, HF_INVALID, 0,
            "quota.count: %" PRIu64 " in %" PRIu64 " ns is more than 10 million a second",
            quota->count, quota->period_ns);
    return HF_OK;
}

enum hf_status hf_gcra_init(
    struct hf_gcra *gcra, const struct hf_quota *quota, struct hf_error *error)
{
    if (!gcra)
        return hf_error_add(error, HF_INVALID, 0, "gcra: NULL");
    if (!quota)
        return hf_error_add(error, HF_INVALID, 0, "quota: NULL");
    enum hf_status status = check_rate(quota, error);
    if (status != HF_OK)
        return status;
    /* Rounded up; count <= period_ns / 100, so the sum cannot wrap. */
    uint64_t interval_ns = (quota->period_ns + quota->count - 1) / quota->count;
    uint64_t burst = quota->burst ? quota->burst : quota->count;
    if (!product_at_most(burst, interval_ns, HF_GCRA_TOLERANCE_MAX_NS))
        return hf_error_add(error, HF_INVALID, 0,
            "quota.burst: %" PRIu64 " is too large: at %" PRIu64
            " ns a cell it takes more than 2^60 ns to earn",
            burst, interval_ns);
    *gcra = (struct hf_gcra){
        .interval_ns = interval_ns,
        .tolerance_ns = burst * interval_ns,
        .burst = burst,
        .inverse = UINT64_MAX / interval_ns,
    };
    return HF_OK;
}

enum hf_status hf_quota_check(const struct hf_quota *quota, struct hf_error *error)
{
    struct hf_gcra unused;
    return hf_gcra_init(&unused, quota, error);
}
