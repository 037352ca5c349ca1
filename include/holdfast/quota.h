/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_QUOTA_H
#define HOLDFAST_QUOTA_H

#include <holdfast/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * How much is allowed: `count` cells in each `period_ns`, at most `burst` of them at once. The
 * limiters that take one follow the generic cell rate algorithm (ITU-T I.371, annex A): admitted in
 * any stretch of t ns is at most burst + count * t / period_ns.
 */
struct hf_quota {
    uint64_t count;     /* Cells a period, at least 1, at most 10 million a second. */
    uint64_t period_ns; /* At least 1, at most HF_TIME_MAX_NS. */
    uint64_t burst;     /* Cells at once. 0: count. burst * period_ns / count at most 2^60 ns. */
};

/* count cells in period_ns, burst as many. */
static inline struct hf_quota hf_quota_per(uint64_t count, uint64_t period_ns)
{
    struct hf_quota quota;
    quota.count = count;
    quota.period_ns = period_ns;
    quota.burst = 0;
    return quota;
}

static inline struct hf_quota hf_quota_per_second(uint64_t count)
{
    return hf_quota_per(count, HF_SECONDS(1));
}

static inline struct hf_quota hf_quota_per_minute(uint64_t count)
{
    return hf_quota_per(count, HF_SECONDS(60));
}

static inline struct hf_quota hf_quota_per_hour(uint64_t count)
{
    return hf_quota_per(count, HF_SECONDS(3600));
}

/* The same quota with another burst: hf_quota_with_burst(hf_quota_per_second(50), 100). */
static inline struct hf_quota hf_quota_with_burst(struct hf_quota quota, uint64_t burst)
{
    quota.burst = burst;
    return quota;
}

/*
 * Checks a quota. HF_INVALID: error names the field and its value ("quota.count: 0 ..."). Every
 * constructor that takes a quota does the same check.
 *
 * The time between cells is whole nanoseconds, rounded up, so that no rounding ever admits more
 * than the quota; at the highest rate that is accepted it admits less than 1 % too little.
 */
HF_MUST_USE HF_API enum hf_status hf_quota_check(
    const struct hf_quota *quota, struct hf_error *error);

/*
 * A quota that has been checked and made ready for the limiters' arithmetic (generic cell rate
 * algorithm): what a call takes that is to be decided by a quota of its own. Make one for each plan
 * when the program starts, and hand it to every call that it applies to:
 *
 *     struct hf_gcra pro;
 *     status = hf_gcra_init(&pro, &quota, &error);
 *     ...
 *     status = hf_limiter_check_with(limiter, user, 1, &pro, &decision);
 *
 * Caller-allocated, fields private, immutable once made: copy it and share it among threads freely.
 * A call borrows it until it returns.
 */
struct hf_gcra {
    uint64_t interval_ns;  /* Between cells, rounded up. */
    uint64_t tolerance_ns; /* burst * interval_ns: how far ahead of now the arrival time may run. */
    uint64_t burst;
    uint64_t inverse; /* floor((2^64 - 1) / interval_ns): a division for one multiplication. */
};

/* Checks a quota as hf_quota_check does and makes it ready. *gcra is written on success only. */
HF_MUST_USE HF_API enum hf_status hf_gcra_init(
    struct hf_gcra *gcra, const struct hf_quota *quota, struct hf_error *error);

/* How long it takes to fill up from empty: the burst's cells at the quota's rate. Pure. */
static inline uint64_t hf_gcra_fill_ns(const struct hf_gcra *gcra)
{
    return gcra->tolerance_ns;
}

#ifdef __cplusplus
}
#endif

#endif
