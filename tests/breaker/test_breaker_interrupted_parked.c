/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <holdfast/breaker.h>

#include "base/step.h"
#include "breaker/patient.h"

#ifndef HF_TEST_STEPS

int main(void)
{
    printf("1..0 # SKIP built without the marks of STEPS=1\n");
    return 77;
}

#else

/*
 * One call is stopped at a step, others come and go, and it goes on: the interleavings that the
 * proofs in src/breaker are about, one by one, on a single thread.
 */
static struct {
    enum hf_step step;
    void (*intrude)(struct patient *patient);
    struct patient *patient;
} script;

static void interrupt(enum hf_step step)
{
    if (!script.intrude || step != script.step)
        return;
    void (*intrude)(struct patient * patient) = script.intrude;
    script.intrude = NULL;
    /* The stopped call's own change is told after this; the intruder's are no business of it. */
    struct patient intruder = *script.patient;
    intrude(&intruder);
}

static void interrupt_at(
    enum hf_step step, struct patient *patient, void (*intrude)(struct patient *patient))
{
    script.step = step;
    script.intrude = intrude;
    script.patient = patient;
    hf_step_hook = interrupt;
}

static void end(struct patient *patient)
{
    /* The step was reached. */
    assert_null(script.intrude);
    hf_step_hook = NULL;
    hf_breaker_free(patient->breaker);
}

static void call_succeeds(struct patient *patient)
{
    patient_calls(patient, HF_SUCCESS);
}

static void call_fails(struct patient *patient)
{
    patient_calls(patient, HF_TRANSIENT);
}

static void a_trip_that_loses_to_a_success_counts_as_one_failure(void **state)
{
    (void)state;
    struct patient patient = patient_new((struct hf_breaker_options){.consecutive_failures = 2});
    call_fails(&patient);
    interrupt_at(HF_STEP_BREAKER_TRIPPING, &patient, call_succeeds);
    call_fails(&patient);
    assert_int_equal(patient.change.to, HF_BREAKER_CLOSED);
    assert_int_equal(patient_looks(&patient).consecutive_failures, 1);
    end(&patient);
}

static void a_trip_that_loses_to_another_trip_tells_nothing(void **state)
{
    (void)state;
    struct patient patient = patient_new((struct hf_breaker_options){.consecutive_failures = 1});
    interrupt_at(HF_STEP_BREAKER_TRIPPING, &patient, call_fails);
    call_fails(&patient);
    assert_int_equal(patient.change.from, patient.change.to);
    assert_int_equal(patient_looks(&patient).opened_count, 1);
    end(&patient);
}

static void recover(struct patient *patient)
{
    patient_trips(patient);
    patient_waits(patient);
    call_succeeds(patient);
    assert_int_equal(patient_state(patient), HF_BREAKER_CLOSED);
}

static void a_failure_whose_generation_ends_while_it_is_counted_changes_nothing(void **state)
{
    (void)state;
    struct patient patient = patient_new((struct hf_breaker_options){
        .consecutive_failures = 2, .failure_rate_percent = 1, .calls_min = 2});
    static const enum hf_step steps[] = {HF_STEP_BREAKER_LOADED, HF_STEP_BREAKER_COUNTING,
        HF_STEP_BREAKER_COUNTED, HF_STEP_BREAKER_TRIPPING};
    for (int index = 0; index < 4; index++) {
        hf_breaker_reset(patient.breaker);
        call_fails(&patient);
        struct hf_permit permit;
        assert_true(patient_enters(&patient, &permit));
        interrupt_at(steps[index], &patient, recover);
        patient_leaves(&patient, &permit, HF_TRANSIENT);
        assert_null(script.intrude);
        assert_int_equal(patient.change.from, patient.change.to);
        assert_int_equal(patient_state(&patient), HF_BREAKER_CLOSED);
        assert_int_equal(patient_looks(&patient).consecutive_failures, 0);
        assert_int_equal(patient_looks(&patient).window_calls, 0);
    }
    end(&patient);
}

static void two_results_counted_at_the_same_time_are_both_counted(void **state)
{
    (void)state;
    struct patient patient = patient_new((struct hf_breaker_options){
        .consecutive_failures = HF_BREAKER_NEVER, .failure_rate_percent = 100, .calls_min = 9});
    for (uint32_t round = 1; round <= 3; round++) {
        interrupt_at(HF_STEP_BREAKER_COUNTING, &patient, call_fails);
        call_fails(&patient);
        assert_int_equal(patient_looks(&patient).window_failures, 2 * round);
    }
    end(&patient);
}

static void a_reset_that_meets_a_failure_forgets_it_too(void **state)
{
    (void)state;
    struct patient patient = patient_new((struct hf_breaker_options){.consecutive_failures = 9});
    call_fails(&patient);
    interrupt_at(HF_STEP_BREAKER_CLOSING, &patient, call_fails);
    hf_breaker_reset(patient.breaker);
    assert_int_equal(patient_looks(&patient).consecutive_failures, 0);
    end(&patient);
}

static void reset(struct patient *patient)
{
    hf_breaker_reset(patient->breaker);
}

static void a_closing_that_loses_to_a_reset_tells_nothing(void **state)
{
    (void)state;
    struct patient patient = patient_new((struct hf_breaker_options){.consecutive_failures = 1});
    patient_trips(&patient);
    patient_waits(&patient);
    struct hf_permit permit;
    assert_true(patient_enters(&patient, &permit));
    interrupt_at(HF_STEP_BREAKER_CLOSING, &patient, reset);
    patient_leaves(&patient, &permit, HF_SUCCESS);
    assert_int_equal(patient.change.from, patient.change.to);
    assert_int_equal(patient_state(&patient), HF_BREAKER_CLOSED);
    end(&patient);
}

static struct hf_permit taken;

static void enter(struct patient *patient)
{
    assert_true(patient_enters(patient, &taken));
}

/* Whatever happened: the single permit is out once, and no second call is let through. */
static void assert_full(struct patient *patient)
{
    struct hf_permit permit;
    assert_int_equal(patient_state(patient), HF_BREAKER_HALF_OPEN);
    assert_int_equal(patient_looks(patient).permits_out, 1);
    assert_false(patient_enters(patient, &permit));
}

static void who_loses_the_change_to_half_open_is_refused_and_tells_nothing(void **state)
{
    (void)state;
    struct patient patient = patient_new((struct hf_breaker_options){.consecutive_failures = 1});
    patient_trips(&patient);
    patient_waits(&patient);
    interrupt_at(HF_STEP_BREAKER_HALF_OPENING, &patient, enter);
    struct hf_permit permit;
    assert_false(patient_enters(&patient, &permit));
    assert_int_equal(patient.change.from, patient.change.to);
    assert_full(&patient);
    end(&patient);
}

static void who_makes_it_half_open_and_loses_the_permit_is_refused_and_tells_it(void **state)
{
    (void)state;
    struct patient patient = patient_new((struct hf_breaker_options){.consecutive_failures = 1});
    patient_trips(&patient);
    patient_waits(&patient);
    interrupt_at(HF_STEP_BREAKER_LEASING, &patient, enter);
    struct hf_permit permit;
    assert_false(patient_enters(&patient, &permit));
    assert_int_equal(patient.change.from, HF_BREAKER_OPEN);
    assert_int_equal(patient.change.to, HF_BREAKER_HALF_OPEN);
    assert_full(&patient);
    end(&patient);
}

/* The half-open state ends, and the next one begins. */
static void probe_again(struct patient *patient)
{
    call_fails(patient);
    patient_waits(patient);
    enter(patient);
}

static void probe_again_and_cancel(struct patient *patient)
{
    probe_again(patient);
    hf_breaker_cancel(patient->breaker, &taken);
}

static struct patient half_open_new(void)
{
    struct patient patient = patient_new((struct hf_breaker_options){.consecutive_failures = 1});
    patient_trips(&patient);
    patient_waits(&patient);
    enter(&patient);
    hf_breaker_cancel(patient.breaker, &taken);
    return patient;
}

static void a_claim_from_an_earlier_half_open_state_overwrites_no_later_one(void **state)
{
    (void)state;
    struct patient patient = half_open_new();
    interrupt_at(HF_STEP_BREAKER_LEASING, &patient, probe_again);
    struct hf_permit permit;
    /* Its own time is before the new state's deadline, but the state is what it is. */
    assert_false(patient_enters(&patient, &permit));
    patient.now_ns += HF_SECONDS(5);
    assert_full(&patient);
    end(&patient);
}

static void a_place_that_was_taken_and_left_meanwhile_is_not_mistaken_for_untouched(void **state)
{
    (void)state;
    struct patient patient = half_open_new();
    interrupt_at(HF_STEP_BREAKER_LEASING, &patient, probe_again_and_cancel);
    struct hf_permit permit;
    assert_true(patient_enters(&patient, &permit));
    assert_full(&patient);
    end(&patient);
}

/* Opens it again, at a time so early that the stopped call finds that period over as well. */
static void fail_long_ago(struct patient *patient)
{
    struct patient past = *patient;
    past.now_ns -= HF_SECONDS(500);
    call_fails(&past);
}

static void a_call_makes_one_change_at_most(void **state)
{
    (void)state;
    struct patient patient = patient_new((struct hf_breaker_options){.consecutive_failures = 1});
    patient_trips(&patient);
    patient_waits(&patient);
    interrupt_at(HF_STEP_BREAKER_LEASING, &patient, fail_long_ago);
    struct hf_permit permit;
    uint64_t retry_after_ns = 77;
    assert_int_equal(hf_breaker_enter(patient.breaker, patient.now_ns, &permit, &retry_after_ns,
                         &patient.change),
        HF_OPEN);
    assert_int_equal(retry_after_ns, 0);
    assert_int_equal(patient.change.from, HF_BREAKER_OPEN);
    assert_int_equal(patient.change.to, HF_BREAKER_HALF_OPEN);
    assert_true(patient_enters(&patient, &permit));
    assert_int_equal(patient.change.to, HF_BREAKER_HALF_OPEN);
    end(&patient);
}

static void enter_and_close(struct patient *patient)
{
    call_succeeds(patient);
    assert_int_equal(patient_state(patient), HF_BREAKER_CLOSED);
}

static void who_finds_it_closed_after_all_is_let_through(void **state)
{
    (void)state;
    static const enum hf_step steps[] = {
        HF_STEP_BREAKER_LOADED, HF_STEP_BREAKER_HALF_OPENING, HF_STEP_BREAKER_LEASING};
    for (int index = 0; index < 3; index++) {
        struct patient patient =
            patient_new((struct hf_breaker_options){.consecutive_failures = 1});
        patient_trips(&patient);
        patient_waits(&patient);
        interrupt_at(steps[index], &patient, enter_and_close);
        struct hf_permit permit;
        assert_true(patient_enters(&patient, &permit));
        patient_leaves(&patient, &permit, HF_TRANSIENT);
        assert_int_equal(patient.change.to, HF_BREAKER_OPEN);
        end(&patient);
    }
}

static void take_the_place(struct patient *patient)
{
    patient->now_ns += HF_SECONDS(30);
    enter(patient);
}

static void a_result_whose_lease_ends_while_it_is_given_back_gives_nobody_elses_place_back(
    void **state)
{
    (void)state;
    struct patient patient = half_open_new();
    struct hf_permit permit;
    assert_true(patient_enters(&patient, &permit));
    interrupt_at(HF_STEP_BREAKER_LOADED, &patient, take_the_place);
    patient_leaves(&patient, &permit, HF_SUCCESS);
    assert_int_equal(patient.change.from, patient.change.to);
    patient.now_ns += HF_SECONDS(30);
    assert_full(&patient);
    end(&patient);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trip_that_loses_to_a_success_counts_as_one_failure),
        cmocka_unit_test(a_trip_that_loses_to_another_trip_tells_nothing),
        cmocka_unit_test(a_failure_whose_generation_ends_while_it_is_counted_changes_nothing),
        cmocka_unit_test(two_results_counted_at_the_same_time_are_both_counted),
        cmocka_unit_test(a_reset_that_meets_a_failure_forgets_it_too),
        cmocka_unit_test(a_closing_that_loses_to_a_reset_tells_nothing),
        cmocka_unit_test(who_loses_the_change_to_half_open_is_refused_and_tells_nothing),
        cmocka_unit_test(who_makes_it_half_open_and_loses_the_permit_is_refused_and_tells_it),
        cmocka_unit_test(a_claim_from_an_earlier_half_open_state_overwrites_no_later_one),
        cmocka_unit_test(a_place_that_was_taken_and_left_meanwhile_is_not_mistaken_for_untouched),
        cmocka_unit_test(a_call_makes_one_change_at_most),
        cmocka_unit_test(who_finds_it_closed_after_all_is_let_through),
        cmocka_unit_test(
            a_result_whose_lease_ends_while_it_is_given_back_gives_nobody_elses_place_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
