/* SPDX-License-Identifier: MIT */
#ifndef HF_GUARD_GUARD_H
#define HF_GUARD_GUARD_H

#include <holdfast/guard.h>
#include <holdfast/limits.h>

#include "base/atomic.h"

/* Counters of one guard, by what they count. All NULL without a registry. */
struct hf_guard_metrics {
    struct hf_counter *requests[HF_STATUS_COUNT]; /* NULL where no call can end so. */
    struct hf_counter *attempts[HF_IGNORED + 1];
    struct hf_counter *retries;
    struct hf_counter *changes[HF_BREAKER_HALF_OPEN + 1];
    struct hf_histogram *seconds;
};

#define HF_GUARD_KEY_PART 0 /* Of hf_guard.both. */

/* Read by every call, written by none, but for the generator at the end. */
struct hf_guard {
    struct hf_flow *flow;
    struct hf_limiter *limiter;
    struct hf_gate *gate;
    struct hf_breaker *breaker;
    struct hf_audit *audit;
    struct hf_metrics *registry;
    uint32_t audit_events; /* 0 without an audit log. */
    enum hf_guard_audit_keys audit_keys;
    struct hf_hash_seed audit_seed; /* Of hashed keys. */
    bool wait_while_open;
    bool timed;                    /* Something needs to know the time, whatever is requested. */
    struct hf_limits both;         /* Where there are both: the key's part, then everybody's. */
    struct hf_retry_policy policy; /* For calls that may be retried, */
    struct hf_retry_policy once;   /* and the same with a single try. */
    struct hf_clock clock;
    struct hf_random random;
    struct hf_allocator allocator;
    struct hf_guard_metrics metrics;
    char name[HF_GUARD_NAME_BYTES_MAX + 1];
    _Alignas(HF_CACHE_LINE) struct hf_splitmix splitmix; /* Where random is the guard's own. */
};

/*
 * admit.c: asks the limits for all or nothing, and fills report->decision, and retry_after_ns where
 * that applies. HF_OK, HF_DENIED, HF_NEVER or HF_FULL; the arguments have been checked. cost: the
 * request's with its default filled in.
 */
HF_MUST_USE enum hf_status hf_guard_ask_limits(const struct hf_guard *guard,
    const struct hf_guard_request *request, uint64_t cost, uint64_t now_ns,
    struct hf_guard_report *report);

/* The word for how a call ended, in metrics and records; NULL where none can end so. Static. */
const char *hf_guard_result_str(enum hf_status status);

/* counts.c: finds or makes the guard's members in its registry. */
HF_MUST_USE enum hf_status hf_guard_metrics_init(struct hf_guard *guard, struct hf_error *error);

/* Lets go of whatever the registry would still ask the guard. */
void hf_guard_metrics_fini(struct hf_guard *guard);

/* records.c: one record each; the caller has asked hf_guard_audits. */
void hf_guard_audit_admitted(const struct hf_guard_run *run);
void hf_guard_audit_denied(const struct hf_guard_run *run);
void hf_guard_audit_refused(const struct hf_guard_run *run);
void hf_guard_audit_failed(
    const struct hf_guard_run *run, struct hf_outcome outcome, const uint64_t *delay_ns);
void hf_guard_audit_change(const struct hf_guard *guard, const struct hf_breaker_change *change);
void hf_guard_audit_ended(const struct hf_guard_run *run);

static inline bool hf_guard_audits(const struct hf_guard *guard, enum hf_guard_audit event)
{
    return (guard->audit_events & (uint32_t)event) != 0;
}

#endif
