/* SPDX-License-Identifier: MIT */
#ifndef HF_BASE_STEP_H
#define HF_BASE_STEP_H

/*
 * Marks a step of a lock-free protocol. The test build (-DHF_TEST_STEPS) calls hf_step_hook there,
 * so that a test can park a thread between any two steps; every other build compiles it to nothing.
 */
enum hf_step {
#define HF_STEP_LIST(X)                                                                            \
    X(HF_STEP_TABLE_FOUND)                                                                         \
    X(HF_STEP_TABLE_LOADED)                                                                        \
    X(HF_STEP_TABLE_CHARGING)                                                                      \
    X(HF_STEP_TABLE_READING)                                                                       \
    X(HF_STEP_TABLE_BUMPING)                                                                       \
    X(HF_STEP_TABLE_SCANNED)                                                                       \
    X(HF_STEP_TABLE_CLAIMING)                                                                      \
    X(HF_STEP_TABLE_CLAIMED)                                                                       \
    X(HF_STEP_TABLE_RAISED)                                                                        \
    X(HF_STEP_TABLE_NAMED)                                                                         \
    X(HF_STEP_TABLE_PUBLISHED)                                                                     \
    X(HF_STEP_TABLE_LATE)                                                                          \
    X(HF_STEP_TABLE_COMMITTING)                                                                    \
    X(HF_STEP_TABLE_COMMITTED)                                                                     \
    X(HF_STEP_TABLE_WITHDRAWING)                                                                   \
    X(HF_STEP_TABLE_VACATING)                                                                      \
    X(HF_STEP_TABLE_VACATED)                                                                       \
    X(HF_STEP_TABLE_ADJUSTING)                                                                     \
    X(HF_STEP_TABLE_ADJUSTED)                                                                      \
    X(HF_STEP_TABLE_RECOVERING)                                                                    \
    X(HF_STEP_BREAKER_LOADED)                                                                      \
    X(HF_STEP_BREAKER_COUNTING)                                                                    \
    X(HF_STEP_BREAKER_COUNTED)                                                                     \
    X(HF_STEP_BREAKER_TRIPPING)                                                                    \
    X(HF_STEP_BREAKER_HALF_OPENING)                                                                \
    X(HF_STEP_BREAKER_LEASING)                                                                     \
    X(HF_STEP_BREAKER_LEASED)                                                                      \
    X(HF_STEP_BREAKER_RELEASED)                                                                    \
    X(HF_STEP_BREAKER_CLOSING)                                                                     \
    X(HF_STEP_AUDIT_LOADED)                                                                        \
    X(HF_STEP_AUDIT_ANNOUNCED)                                                                     \
    X(HF_STEP_AUDIT_NUMBERED)                                                                      \
    X(HF_STEP_AUDIT_COPIED)                                                                        \
    X(HF_STEP_AUDIT_PUBLISHED)                                                                     \
    X(HF_STEP_AUDIT_COUNTED)                                                                       \
    X(HF_STEP_AUDIT_REVOKING)                                                                      \
    X(HF_STEP_AUDIT_DRAINING)                                                                      \
    X(HF_STEP_LIMITS_LOOKING)                                                                      \
    X(HF_STEP_LIMITS_CHARGING)                                                                     \
    X(HF_STEP_LIMITS_RETURNING)                                                                    \
    X(HF_STEP_FLOW_FINDING)                                                                        \
    X(HF_STEP_FLOW_READING)                                                                        \
    X(HF_STEP_FLOW_CHARGING)                                                                       \
    X(HF_STEP_FLOW_SEARCHING)                                                                      \
    X(HF_STEP_FLOW_SURVEYED)                                                                       \
    X(HF_STEP_FLOW_CLAIMED)                                                                        \
    X(HF_STEP_FLOW_WRITTEN)                                                                        \
    X(HF_STEP_FLOW_DECIDED)                                                                        \
    X(HF_STEP_FLOW_FREEZING)                                                                       \
    X(HF_STEP_FLOW_FROZEN)                                                                         \
    X(HF_STEP_FLOW_SETTLING)                                                                       \
    X(HF_STEP_FLOW_SETTLED)                                                                        \
    X(HF_STEP_FLOW_RELEASING)                                                                      \
    X(HF_STEP_FLOW_ENDING)                                                                         \
    X(HF_STEP_ADAPTIVE_JUDGING)
#define HF_STEP_ENUM(name) name,
    HF_STEP_LIST(HF_STEP_ENUM)
#undef HF_STEP_ENUM
        HF_STEP_COUNT
};

#ifdef HF_TEST_STEPS
extern void (*hf_step_hook)(enum hf_step step); /* Set before threads start; NULL: nothing. */
static inline void hf_step(enum hf_step step)
{
    if (hf_step_hook)
        hf_step_hook(step);
}
#else
static inline void hf_step(enum hf_step step)
{
    (void)step;
}
#endif

#endif
