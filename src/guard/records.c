/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "guard/guard.h"

#define FIELDS_MAX 8

/* A record under construction. */
struct record {
    struct hf_field fields[FIELDS_MAX];
    size_t count;
    char key_hash[33];
};

static void add(struct record *record, struct hf_field field)
{
    record->fields[record->count++] = field;
}

/* Filled in place: only as many fields are ever written as are used. */
static void begin(struct record *record, const struct hf_guard *guard)
{
    record->count = 0;
    add(record, hf_field_text("guard", guard->name));
}

static void add_key_hash(struct record *record, const struct hf_guard_run *run)
{
    const struct hf_hash128 hash = hf_hash_siphash(&run->guard->audit_seed, run->key);
    snprintf(record->key_hash, sizeof(record->key_hash), "%016" PRIx64 "%016" PRIx64, hash.high,
        hash.low);
    add(record, hf_field_text("key_hash", record->key_hash));
}

static void begin_run(struct record *record, const struct hf_guard_run *run)
{
    begin(record, run->guard);
    if (run->key.size == 0)
        return;
    if (run->guard->audit_keys == HF_GUARD_KEYS_HASHED)
        add_key_hash(record, run);
    else if (run->guard->audit_keys == HF_GUARD_KEYS_PLAIN)
        add(record, hf_field_bytes("key", run->key));
}

/* What a full or closed log does with a record is its policy, not the call's business. */
static void emit(const struct hf_guard *guard, const char *event, const struct record *record)
{
    (void)hf_audit_emit(guard->audit, event, record->fields, record->count);
}

/* The time that was decided against lets a reader check the decisions against the quota. */
static void begin_decision(struct record *record, const struct hf_guard_run *run)
{
    begin_run(record, run);
    add(record, hf_field_unsigned("cost", run->cost));
    add(record, hf_field_unsigned("clock_ns", run->start_ns));
}

void hf_guard_audit_admitted(const struct hf_guard_run *run)
{
    struct record record;
    begin_decision(&record, run);
    add(&record, hf_field_unsigned("remaining", run->report.decision.remaining));
    emit(run->guard, "admitted", &record);
}

void hf_guard_audit_denied(const struct hf_guard_run *run)
{
    struct record record;
    begin_decision(&record, run);
    add(&record, hf_field_text("reason", hf_reason_str(run->report.decision.reason)));
    if (run->report.retry_after_ns > 0)
        add(&record, hf_field_unsigned("retry_after_ns", run->report.retry_after_ns));
    emit(run->guard, "denied", &record);
}

void hf_guard_audit_refused(const struct hf_guard_run *run)
{
    struct record record;
    begin_run(&record, run);
    add(&record, hf_field_unsigned("retry_after_ns", run->report.retry_after_ns));
    emit(run->guard, "refused", &record);
}

void hf_guard_audit_failed(
    const struct hf_guard_run *run, struct hf_outcome outcome, const uint64_t *delay_ns)
{
    struct record record;
    begin_run(&record, run);
    add(&record, hf_field_unsigned("attempt", run->attempt.number));
    add(&record, hf_field_text("outcome", hf_outcome_kind_str(outcome.kind)));
    add(&record, hf_field_integer("code", outcome.code));
    if (delay_ns)
        add(&record, hf_field_unsigned("delay_ns", *delay_ns));
    emit(run->guard, "failed", &record);
}

void hf_guard_audit_change(const struct hf_guard *guard, const struct hf_breaker_change *change)
{
    struct record record;
    begin(&record, guard);
    add(&record, hf_field_text("from", hf_breaker_state_str(change->from)));
    add(&record, hf_field_text("to", hf_breaker_state_str(change->to)));
    if (change->to == HF_BREAKER_OPEN)
        add(&record, hf_field_unsigned("open_ns", change->open_ns));
    emit(guard, "breaker", &record);
}

void hf_guard_audit_ended(const struct hf_guard_run *run)
{
    const struct hf_guard_report *report = &run->report;
    struct record record;
    begin_run(&record, run);
    add(&record, hf_field_text("result", hf_guard_result_str(report->status)));
    add(&record, hf_field_unsigned("attempts", report->retry.attempts));
    add(&record, hf_field_unsigned("elapsed_ns", report->retry.elapsed_ns));
    emit(run->guard, "ended", &record);
}
