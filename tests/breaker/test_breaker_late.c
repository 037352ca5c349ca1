/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <holdfast/breaker.h>

#include "breaker/patient.h"

/* Results that come late, permits that do not come back, and who may enter meanwhile. */

static void a_late_success_from_before_the_trip_does_not_close_a_half_open_breaker(void **state)
{
    (void)state;
    struct patient patient = patient_new((struct hf_breaker_options){.consecutive_failures = 2});
    struct hf_permit late;
    assert_true(patient_enters(&patient, &late));
    patient_trips(&patient);
    patient_waits(&patient);
    struct hf_permit probe;
    assert_true(patient_enters(&patient, &probe));
    patient_leaves(&patient, &late, HF_SUCCESS);
    assert_int_equal(patient.change.from, patient.change.to);
    assert_int_equal(patient_state(&patient), HF_BREAKER_HALF_OPEN);
    assert_int_equal(patient_looks(&patient).successes, 0);
    hf_breaker_free(patient.breaker);
}

static void a_late_failure_from_before_the_trip_does_not_open_a_half_open_breaker(void **state)
{
    (void)state;
    struct patient patient = patient_new((struct hf_breaker_options){.consecutive_failures = 2});
    struct hf_permit late;
    assert_true(patient_enters(&patient, &late));
    patient_trips(&patient);
    patient_leaves(&patient, &late, HF_TRANSIENT);
    patient_waits(&patient);
    struct hf_permit probe;
    assert_true(patient_enters(&patient, &probe));
    patient_leaves(&patient, &late, HF_TRANSIENT);
    assert_int_equal(patient_state(&patient), HF_BREAKER_HALF_OPEN);
    assert_int_equal(patient_looks(&patient).opened_count, 1);
    hf_breaker_free(patient.breaker);
}

/* Through a whole round: closed, open, half-open, closed. */
static void recover(struct patient *patient)
{
    patient_trips(patient);
    patient_waits(patient);
    patient_calls(patient, HF_SUCCESS);
    assert_int_equal(patient_state(patient), HF_BREAKER_CLOSED);
}

static void a_late_failure_from_before_the_trip_does_not_count_after_it_closed(void **state)
{
    (void)state;
    struct patient patient = patient_new((struct hf_breaker_options){
        .consecutive_failures = 3, .failure_rate_percent = 1, .calls_min = 3});
    struct hf_permit late[3];
    for (int index = 0; index < 3; index++)
        assert_true(patient_enters(&patient, &late[index]));
    recover(&patient);
    for (int index = 0; index < 3; index++)
        patient_leaves(&patient, &late[index], HF_TRANSIENT);
    assert_int_equal(patient_state(&patient), HF_BREAKER_CLOSED);
    assert_int_equal(patient_looks(&patient).consecutive_failures, 0);
    assert_int_equal(patient_looks(&patient).window_calls, 0);
    hf_breaker_free(patient.breaker);
}

static void a_late_success_from_before_the_trip_does_not_hide_failures_since(void **state)
{
    (void)state;
    struct patient patient = patient_new((struct hf_breaker_options){.consecutive_failures = 3});
    struct hf_permit late;
    assert_true(patient_enters(&patient, &late));
    recover(&patient);
    patient_calls(&patient, HF_TRANSIENT);
    patient_calls(&patient, HF_TRANSIENT);
    patient_leaves(&patient, &late, HF_SUCCESS);
    assert_int_equal(patient_looks(&patient).consecutive_failures, 2);
    hf_breaker_free(patient.breaker);
}

static void a_late_result_of_an_earlier_half_open_state_changes_nothing(void **state)
{
    (void)state;
    static const enum hf_outcome_kind outcomes[] = {HF_SUCCESS, HF_TRANSIENT, HF_IGNORED};
    for (int which = 0; which < 3; which++) {
        struct patient patient = patient_new((struct hf_breaker_options){
            .half_open_permits = 2, .permit_lease_ns = HF_SECONDS(3600)});
        patient_trips(&patient);
        patient_waits(&patient);
        struct hf_permit late;
        assert_true(patient_enters(&patient, &late));
        patient_calls(&patient, HF_TRANSIENT);
        patient_waits(&patient);
        struct hf_permit probes[2];
        assert_true(patient_enters(&patient, &probes[0]));
        /* The one still out belongs to the past and takes no place in this state. */
        assert_true(patient_enters(&patient, &probes[1]));
        patient_leaves(&patient, &late, outcomes[which]);
        assert_int_equal(patient.change.from, patient.change.to);
        assert_int_equal(patient_state(&patient), HF_BREAKER_HALF_OPEN);
        assert_int_equal(patient_looks(&patient).permits_out, 2);
        hf_breaker_free(patient.breaker);
    }
}

static void late_results_admit_no_more_than_half_open_permits(void **state)
{
    (void)state;
    struct patient patient =
        patient_new((struct hf_breaker_options){.consecutive_failures = 5, .half_open_permits = 2});
    struct hf_permit late[20];
    for (int index = 0; index < 20; index++)
        assert_true(patient_enters(&patient, &late[index]));
    patient_trips(&patient);
    patient_waits(&patient);
    struct hf_permit probes[3];
    assert_true(patient_enters(&patient, &probes[0]));
    assert_true(patient_enters(&patient, &probes[1]));
    for (int index = 0; index < 20; index++) {
        if (index % 2)
            hf_breaker_cancel(patient.breaker, &late[index]);
        else
            patient_leaves(&patient, &late[index], HF_IGNORED);
        assert_false(patient_enters(&patient, &probes[2]));
    }
    /* Nor does a permit that is given back twice. */
    patient_leaves(&patient, &probes[0], HF_IGNORED);
    assert_true(patient_enters(&patient, &probes[2]));
    patient_leaves(&patient, &probes[0], HF_IGNORED);
    hf_breaker_cancel(patient.breaker, &probes[0]);
    assert_false(patient_enters(&patient, &probes[0]));
    hf_breaker_free(patient.breaker);
}

static void a_cancelled_permit_goes_to_the_next_caller_and_counts_for_nothing(void **state)
{
    (void)state;
    struct patient patient = patient_new((struct hf_breaker_options){.success_threshold = 2});
    patient_trips(&patient);
    patient_waits(&patient);
    struct hf_permit permit;
    for (int round = 0; round < 1000; round++) {
        assert_true(patient_enters(&patient, &permit));
        hf_breaker_cancel(patient.breaker, &permit);
        assert_int_equal(patient_looks(&patient).successes, 0);
    }
    assert_int_equal(patient_state(&patient), HF_BREAKER_HALF_OPEN);
    hf_breaker_reset(patient.breaker);
    assert_true(patient_enters(&patient, &permit));
    hf_breaker_cancel(patient.breaker, &permit);
    assert_int_equal(patient_looks(&patient).consecutive_failures, 0);
    hf_breaker_free(patient.breaker);
}

static void a_lost_permit_goes_to_the_next_caller_after_its_lease(void **state)
{
    (void)state;
    struct patient patient = patient_new(
        (struct hf_breaker_options){.half_open_permits = 3, .permit_lease_ns = HF_SECONDS(30)});
    patient_trips(&patient);
    patient_waits(&patient);
    struct hf_permit permit;
    for (int index = 0; index < 3; index++) {
        assert_true(patient_enters(&patient, &permit));
        patient.now_ns += HF_SECONDS(1);
    }
    patient.now_ns += HF_SECONDS(27) - 1;
    for (int index = 0; index < 3; index++) {
        assert_false(patient_enters(&patient, &permit));
        assert_int_equal(patient_looks(&patient).permits_out, 3);
        patient.now_ns++;
        assert_int_equal(patient_looks(&patient).permits_out, 2);
        assert_true(patient_enters(&patient, &permit));
        patient.now_ns += HF_SECONDS(1) - 1;
    }
    patient_leaves(&patient, &permit, HF_SUCCESS);
    assert_int_equal(patient_state(&patient), HF_BREAKER_CLOSED);
    hf_breaker_free(patient.breaker);
}

static void a_breaker_whose_probes_are_all_lost_recovers_by_itself(void **state)
{
    (void)state;
    struct patient patient = patient_new((struct hf_breaker_options){.half_open_permits = 2});
    patient_trips(&patient);
    patient_waits(&patient);
    struct hf_permit permit;
    for (int round = 0; round < 50; round++) {
        assert_true(patient_enters(&patient, &permit));
        assert_true(patient_enters(&patient, &permit));
        assert_false(patient_enters(&patient, &permit));
        patient.now_ns += HF_SECONDS(30);
    }
    patient_calls(&patient, HF_SUCCESS);
    assert_int_equal(patient_state(&patient), HF_BREAKER_CLOSED);
    hf_breaker_free(patient.breaker);
}

/* Returned after its lease: before and after its place has gone to somebody else. */
static void a_lost_permit_returned_late_changes_nothing(void **state)
{
    (void)state;
    static const enum hf_outcome_kind outcomes[] = {HF_SUCCESS, HF_TRANSIENT, HF_IGNORED};
    for (int which = 0; which < 6; which++) {
        struct patient patient = patient_new((struct hf_breaker_options){.seed = 1});
        patient_trips(&patient);
        patient_waits(&patient);
        struct hf_permit lost;
        struct hf_permit successor;
        struct hf_permit further;
        assert_true(patient_enters(&patient, &lost));
        patient.now_ns += HF_SECONDS(30);
        if (which < 3)
            assert_true(patient_enters(&patient, &successor));
        patient_leaves(&patient, &lost, outcomes[which % 3]);
        assert_int_equal(patient.change.from, patient.change.to);
        hf_breaker_cancel(patient.breaker, &lost);
        assert_int_equal(patient_state(&patient), HF_BREAKER_HALF_OPEN);
        assert_int_equal(patient_looks(&patient).successes, 0);
        if (which >= 3)
            assert_true(patient_enters(&patient, &successor));
        assert_int_equal(patient_looks(&patient).permits_out, 1);
        assert_false(patient_enters(&patient, &further));
        patient_leaves(&patient, &successor, HF_SUCCESS);
        assert_int_equal(patient_state(&patient), HF_BREAKER_CLOSED);
        hf_breaker_free(patient.breaker);
    }
}

static void a_permit_given_back_twice_counts_once(void **state)
{
    (void)state;
    struct patient patient = patient_new((struct hf_breaker_options){.success_threshold = 2});
    patient_trips(&patient);
    patient_waits(&patient);
    struct hf_permit permit;
    assert_true(patient_enters(&patient, &permit));
    patient_leaves(&patient, &permit, HF_SUCCESS);
    patient_leaves(&patient, &permit, HF_SUCCESS);
    assert_int_equal(patient_state(&patient), HF_BREAKER_HALF_OPEN);
    assert_int_equal(patient_looks(&patient).successes, 1);
    hf_breaker_free(patient.breaker);
}

static void a_permit_returned_within_its_lease_counts(void **state)
{
    (void)state;
    struct patient patient = patient_new((struct hf_breaker_options){.seed = 1});
    patient_trips(&patient);
    patient_waits(&patient);
    struct hf_permit permit;
    assert_true(patient_enters(&patient, &permit));
    patient.now_ns += HF_SECONDS(30) - 1;
    patient_leaves(&patient, &permit, HF_SUCCESS);
    assert_int_equal(patient.change.to, HF_BREAKER_CLOSED);
    hf_breaker_free(patient.breaker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_late_success_from_before_the_trip_does_not_close_a_half_open_breaker),
        cmocka_unit_test(a_late_failure_from_before_the_trip_does_not_open_a_half_open_breaker),
        cmocka_unit_test(a_late_failure_from_before_the_trip_does_not_count_after_it_closed),
        cmocka_unit_test(a_late_success_from_before_the_trip_does_not_hide_failures_since),
        cmocka_unit_test(a_late_result_of_an_earlier_half_open_state_changes_nothing),
        cmocka_unit_test(late_results_admit_no_more_than_half_open_permits),
        cmocka_unit_test(a_cancelled_permit_goes_to_the_next_caller_and_counts_for_nothing),
        cmocka_unit_test(a_lost_permit_goes_to_the_next_caller_after_its_lease),
        cmocka_unit_test(a_breaker_whose_probes_are_all_lost_recovers_by_itself),
        cmocka_unit_test(a_lost_permit_returned_late_changes_nothing),
        cmocka_unit_test(a_permit_given_back_twice_counts_once),
        cmocka_unit_test(a_permit_returned_within_its_lease_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
