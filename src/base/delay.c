/* SPDX-License-Identifier: MIT */
#include <holdfast/delay.h>

#include "base/minmax.h"

#define BASE_DEFAULT_NS HF_MS(100)
#define DELAY_MAX_DEFAULT_NS HF_SECONDS(20)
#define FACTOR_DEFAULT 2.0
#define FACTOR_MAX 1000.0
#define JITTER_RATIO_DEFAULT 0.25

/* A default gives way to the neighbour that was named: only two named fields can contradict. */
static void fill_defaults(struct hf_delay *delay)
{
    if (delay->base_ns == 0 && delay->delay_max_ns == 0)
        delay->base_ns = BASE_DEFAULT_NS;
    if (delay->base_ns == 0)
        delay->base_ns = hf_min(BASE_DEFAULT_NS, delay->delay_max_ns);
    if (delay->delay_max_ns == 0)
        delay->delay_max_ns = hf_max(DELAY_MAX_DEFAULT_NS, delay->base_ns);
    if (delay->factor == 0)
        delay->factor = FACTOR_DEFAULT;
    if (delay->jitter_ratio == 0)
        delay->jitter_ratio = JITTER_RATIO_DEFAULT;
}

/* Comparisons are written so that NaN, which compares false with everything, is refused. */
static enum hf_status check(const struct hf_delay *delay, struct hf_error *error)
{
    if ((unsigned)delay->growth > HF_GROWTH_DECORRELATED)
        return hf_error_add(
            error, HF_INVALID, 0, "delay.growth: %d is not on the list", (int)delay->growth);
    if ((unsigned)delay->jitter > HF_JITTER_PROPORTIONAL)
        return hf_error_add(
            error, HF_INVALID, 0, "delay.jitter: %d is not on the list", (int)delay->jitter);
    if (delay->base_ns > HF_TIME_MAX_NS)
        return hf_error_add(error, HF_INVALID, 0, "delay.base_ns: %llu is too large (at most %llu)",
            (unsigned long long)delay->base_ns, (unsigned long long)HF_TIME_MAX_NS);
    if (delay->delay_max_ns > HF_TIME_MAX_NS)
        return hf_error_add(error, HF_INVALID, 0,
            "delay.delay_max_ns: %llu is too large (at most %llu)",
            (unsigned long long)delay->delay_max_ns, (unsigned long long)HF_TIME_MAX_NS);
    if (delay->delay_max_ns < delay->base_ns)
        return hf_error_add(error, HF_INVALID, 0, "delay.delay_max_ns: %llu is below base_ns %llu",
            (unsigned long long)delay->delay_max_ns, (unsigned long long)delay->base_ns);
    if (!(delay->factor >= 1 && delay->factor <= FACTOR_MAX))
        return hf_error_add(error, HF_INVALID, 0, "delay.factor: %g is out of range (1 to %g)",
            delay->factor, FACTOR_MAX);
    if (!(delay->jitter_ratio > 0 && delay->jitter_ratio <= 1))
        return hf_error_add(error, HF_INVALID, 0,
            "delay.jitter_ratio: %g is out of range (above 0, at most 1)", delay->jitter_ratio);
    return HF_OK;
}

enum hf_status hf_delay_init(
    struct hf_delay *delay, const struct hf_delay *options, struct hf_error *error)
{
    if (!delay)
        return hf_error_add(error, HF_INVALID, 0, "delay: NULL");
    struct hf_delay filled = {0};
    if (options)
        filled = *options;
    fill_defaults(&filled);
    enum hf_status status = check(&filled, error);
    if (status == HF_OK)
        *delay = filled;
    return status;
}

/* By squaring: at most 32 steps, and without libm. Overflow gives infinity, never NaN, because the
 * factor is at least 1. */
static double power(double factor, uint32_t exponent)
{
    double result = 1;
    for (; exponent > 0; exponent >>= 1) {
        if (exponent & 1)
            result *= factor;
        factor *= factor;
    }
    return result;
}

/*
 * The conversion is exact enough to keep the cap: should (double)delay_max_ns have been rounded up,
 * the next smaller double is still at most delay_max_ns.
 */
static uint64_t exponential_ns(const struct hf_delay *delay, uint32_t failures)
{
    double grown = (double)delay->base_ns * power(delay->factor, failures - 1);
    if (!(grown < (double)delay->delay_max_ns))
        return delay->delay_max_ns;
    return (uint64_t)grown;
}

static uint64_t capped_product_ns(const struct hf_delay *delay, uint64_t ns, uint32_t times)
{
    if (ns > delay->delay_max_ns / times)
        return delay->delay_max_ns;
    return ns * times;
}

static uint64_t capped_ns(const struct hf_delay *delay, uint32_t failures)
{
    switch (delay->growth) {
    case HF_GROWTH_EXPONENTIAL:
        return exponential_ns(delay, failures);
    case HF_GROWTH_LINEAR:
        return capped_product_ns(delay, delay->base_ns, failures);
    case HF_GROWTH_FIXED:
    case HF_GROWTH_DECORRELATED:
        break;
    }
    return delay->base_ns;
}

/* low <= high <= HF_TIME_MAX_NS, so neither the difference nor the sum wraps. */
static uint64_t uniform_ns(const struct hf_random *random, uint64_t low_ns, uint64_t high_ns)
{
    if (!random || !random->next)
        return high_ns;
    return low_ns + hf_random_below(random, high_ns - low_ns + 1);
}

/* The interval is capped before the draw, not the number after it: clamping would pile up on the
 * cap the very callers that jitter is to spread. */
static uint64_t decorrelated_ns(
    const struct hf_delay *delay, uint64_t previous_ns, const struct hf_random *random)
{
    uint64_t from_ns = hf_max(previous_ns, delay->base_ns);
    return uniform_ns(random, delay->base_ns, capped_product_ns(delay, from_ns, 3));
}

static uint64_t proportional_ns(
    const struct hf_delay *delay, uint64_t capped, const struct hf_random *random)
{
    uint64_t span_ns = hf_min((uint64_t)((double)capped * delay->jitter_ratio), capped);
    uint64_t high_ns = hf_min(capped + span_ns, delay->delay_max_ns);
    return uniform_ns(random, capped - span_ns, high_ns);
}

static uint64_t jittered_ns(
    const struct hf_delay *delay, uint64_t capped, const struct hf_random *random)
{
    switch (delay->jitter) {
    case HF_JITTER_FULL:
        return uniform_ns(random, 0, capped);
    case HF_JITTER_EQUAL:
        return uniform_ns(random, capped / 2, capped);
    case HF_JITTER_PROPORTIONAL:
        return proportional_ns(delay, capped, random);
    case HF_JITTER_NONE:
        break;
    }
    return capped;
}

uint64_t hf_delay_ns(const struct hf_delay *delay, uint32_t failures, uint64_t previous_ns,
    const struct hf_random *random)
{
    if (!delay)
        return 0;
    if (delay->growth == HF_GROWTH_DECORRELATED)
        return decorrelated_ns(delay, previous_ns, random);
    return jittered_ns(delay, capped_ns(delay, failures > 0 ? failures : 1), random);
}
