/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_BREAKER_PATIENT_H
#define HF_TESTS_BREAKER_PATIENT_H

#include <holdfast/breaker.h>

/* A breaker under test with a clock of its own: short words for what its tests do all the time. */
struct patient {
    struct hf_breaker *breaker;
    uint64_t now_ns;
    struct hf_breaker_change change; /* What the latest call told. */
};

static inline struct patient patient_new(struct hf_breaker_options options)
{
    struct patient patient = {.now_ns = HF_SECONDS(1000)};
    struct hf_error error = {0};
    if (options.seed == 0)
        options.seed = 1;
    if (hf_breaker_new(&patient.breaker, &options, &error) != HF_OK)
        fail_msg("%s", hf_error_text(&error));
    return patient;
}

static inline bool patient_enters(struct patient *patient, struct hf_permit *permit)
{
    return hf_breaker_enter(patient->breaker, patient->now_ns, permit, NULL, &patient->change) ==
           HF_OK;
}

static inline void patient_leaves(
    struct patient *patient, const struct hf_permit *permit, enum hf_outcome_kind outcome)
{
    hf_breaker_leave(patient->breaker, permit, outcome, patient->now_ns, &patient->change);
}

/* One call, in and out. */
static inline void patient_calls(struct patient *patient, enum hf_outcome_kind outcome)
{
    struct hf_permit permit;
    assert_true(patient_enters(patient, &permit));
    patient_leaves(patient, &permit, outcome);
}

static inline struct hf_breaker_snapshot patient_looks(const struct patient *patient)
{
    struct hf_breaker_snapshot snapshot;
    assert_int_equal(hf_breaker_snapshot(patient->breaker, patient->now_ns, &snapshot), HF_OK);
    return snapshot;
}

static inline enum hf_breaker_state patient_state(const struct patient *patient)
{
    return patient_looks(patient).state;
}

/* Fails until it opens. */
static inline void patient_trips(struct patient *patient)
{
    do
        patient_calls(patient, HF_TRANSIENT);
    while (patient->change.to != HF_BREAKER_OPEN);
}

/* Waits until its open period is over. */
static inline void patient_waits(struct patient *patient)
{
    patient->now_ns += patient_looks(patient).until_half_open_ns;
    assert_int_equal(patient_state(patient), HF_BREAKER_HALF_OPEN);
}

#endif
