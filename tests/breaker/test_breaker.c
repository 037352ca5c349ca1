/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/breaker.h>

#include "breaker/patient.h"

/* The latest step that an open period ends with: up to 1,024 ns after the delay. */
static void assert_open_for(const struct patient *patient, uint64_t delay_ns)
{
    uint64_t open_ns = patient_looks(patient).until_half_open_ns;
    assert_true(open_ns > delay_ns && open_ns <= delay_ns + 1024);
    if (patient->change.to == HF_BREAKER_OPEN)
        assert_int_equal(patient->change.open_ns, open_ns);
}

static void breaker_opens_after_threshold_consecutive_failures(void **state)
{
    (void)state;
    static const uint32_t thresholds[] = {1, 2, 3, 10, 65535};
    for (size_t index = 0; index < sizeof(thresholds) / sizeof(thresholds[0]); index++) {
        struct patient patient =
            patient_new((struct hf_breaker_options){.consecutive_failures = thresholds[index]});
        for (uint32_t count = 1; count < thresholds[index]; count++) {
            patient_calls(&patient, count % 2 ? HF_TRANSIENT : HF_PERMANENT);
            assert_int_equal(patient.change.to, HF_BREAKER_CLOSED);
        }
        patient_calls(&patient, HF_TRANSIENT);
        assert_int_equal(patient.change.from, HF_BREAKER_CLOSED);
        assert_int_equal(patient.change.to, HF_BREAKER_OPEN);
        assert_int_equal(patient_looks(&patient).opened_count, 1);
        hf_breaker_free(patient.breaker);
    }
}

static void a_success_between_failures_starts_the_count_again(void **state)
{
    (void)state;
    struct patient patient = patient_new((struct hf_breaker_options){.consecutive_failures = 3});
    for (int round = 0; round < 10; round++) {
        patient_calls(&patient, HF_TRANSIENT);
        patient_calls(&patient, HF_TRANSIENT);
        assert_int_equal(patient_looks(&patient).consecutive_failures, 2);
        patient_calls(&patient, HF_SUCCESS);
        assert_int_equal(patient_looks(&patient).consecutive_failures, 0);
    }
    assert_int_equal(patient_state(&patient), HF_BREAKER_CLOSED);
    hf_breaker_free(patient.breaker);
}

static void ignored_outcomes_are_neither_success_nor_failure(void **state)
{
    (void)state;
    struct patient patient = patient_new(
        (struct hf_breaker_options){.consecutive_failures = 3, .failure_rate_percent = 100});
    patient_calls(&patient, HF_TRANSIENT);
    patient_calls(&patient, HF_IGNORED);
    patient_calls(&patient, (enum hf_outcome_kind)99);
    assert_int_equal(patient_looks(&patient).consecutive_failures, 1);
    assert_int_equal(patient_looks(&patient).window_calls, 1);
    patient_trips(&patient);
    patient_waits(&patient);
    patient_calls(&patient, HF_IGNORED);
    assert_int_equal(patient_state(&patient), HF_BREAKER_HALF_OPEN);
    assert_int_equal(patient_looks(&patient).permits_out, 0);
    patient_calls(&patient, HF_SUCCESS);
    assert_int_equal(patient_state(&patient), HF_BREAKER_CLOSED);
    hf_breaker_free(patient.breaker);
}

static void an_open_breaker_refuses_and_tells_how_long(void **state)
{
    (void)state;
    struct patient patient = patient_new((struct hf_breaker_options){.consecutive_failures = 1});
    patient_trips(&patient);
    uint64_t open_ns = patient.change.open_ns;
    struct hf_permit permit;
    for (uint64_t passed_ns = 0; passed_ns < open_ns; passed_ns += open_ns / 7) {
        uint64_t retry_after_ns = 0;
        struct hf_breaker_change change;
        assert_int_equal(hf_breaker_enter(patient.breaker, patient.now_ns + passed_ns, &permit,
                             &retry_after_ns, &change),
            HF_OPEN);
        assert_int_equal(retry_after_ns, open_ns - passed_ns);
        assert_int_equal(change.from, HF_BREAKER_OPEN);
        assert_int_equal(change.to, HF_BREAKER_OPEN);
    }
    patient.now_ns += open_ns - 1;
    assert_false(patient_enters(&patient, &permit));
    patient.now_ns++;
    assert_true(patient_enters(&patient, &permit));
    assert_int_equal(patient.change.from, HF_BREAKER_OPEN);
    assert_int_equal(patient.change.to, HF_BREAKER_HALF_OPEN);
    hf_breaker_free(patient.breaker);
}

static void by_default_the_open_period_doubles_up_to_five_minutes_until_it_closes(void **state)
{
    (void)state;
    struct patient patient = patient_new((struct hf_breaker_options){.consecutive_failures = 1});
    for (int round = 0; round < 2; round++) {
        uint64_t delay_ns = HF_SECONDS(5);
        patient_trips(&patient);
        for (int opening = 1; opening < 12; opening++) {
            assert_open_for(&patient, delay_ns);
            patient_waits(&patient);
            patient_calls(&patient, HF_TRANSIENT);
            assert_int_equal(patient.change.from, HF_BREAKER_HALF_OPEN);
            delay_ns = delay_ns < HF_SECONDS(150) ? delay_ns * 2 : HF_SECONDS(300);
        }
        patient_waits(&patient);
        patient_calls(&patient, HF_SUCCESS);
        assert_int_equal(patient.change.to, HF_BREAKER_CLOSED);
    }
    hf_breaker_free(patient.breaker);
}

static void growth_stops_at_the_last_opening_that_the_word_can_count(void **state)
{
    (void)state;
    struct patient patient = patient_new((struct hf_breaker_options){
        .consecutive_failures = 1,
        .open = {.growth = HF_GROWTH_LINEAR,
            .jitter = HF_JITTER_NONE,
            .base_ns = 1000,
            .delay_max_ns = HF_SECONDS(1)},
    });
    patient_trips(&patient);
    for (uint64_t opening = 1; opening < 1100; opening++) {
        assert_open_for(&patient, 1000 * (opening < 1023 ? opening : 1023));
        patient_waits(&patient);
        patient_calls(&patient, HF_TRANSIENT);
    }
    hf_breaker_free(patient.breaker);
}

static uint64_t first_open_ns(uint64_t seed)
{
    struct hf_breaker *breaker = NULL;
    const struct hf_breaker_options options = {
        .consecutive_failures = 1, .open = {.base_ns = HF_SECONDS(9)}, .seed = seed};
    assert_int_equal(hf_breaker_new(&breaker, &options, NULL), HF_OK);
    struct patient patient = {.breaker = breaker};
    patient_trips(&patient);
    hf_breaker_free(breaker);
    return patient.change.open_ns;
}

static void jitter_of_the_open_period_follows_the_seed(void **state)
{
    (void)state;
    assert_int_equal(first_open_ns(5), first_open_ns(5));
    assert_int_not_equal(first_open_ns(5), first_open_ns(6));
    /* Seeded by the system, two are alike once in 2^23. */
    assert_int_not_equal(first_open_ns(0), first_open_ns(0));
}

static void decorrelated_open_periods_grow_from_the_one_before(void **state)
{
    (void)state;
    const uint64_t seed = 11;
    struct patient patient = patient_new((struct hf_breaker_options){
        .consecutive_failures = 1,
        .open = {.growth = HF_GROWTH_DECORRELATED, .base_ns = HF_MS(10)},
        .seed = seed,
    });
    struct hf_delay delay;
    assert_int_equal(
        hf_delay_init(&delay,
            &(struct hf_delay){.growth = HF_GROWTH_DECORRELATED, .base_ns = HF_MS(10)}, NULL),
        HF_OK);
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, seed);
    const struct hf_random random = hf_splitmix_random(&splitmix);
    patient_trips(&patient);
    uint64_t previous_ns = 0;
    for (uint32_t opening = 1; opening < 20; opening++) {
        previous_ns = hf_delay_ns(&delay, opening, previous_ns, &random);
        assert_open_for(&patient, previous_ns);
        patient_waits(&patient);
        patient_calls(&patient, HF_TRANSIENT);
    }
    hf_breaker_free(patient.breaker);
}

static void half_open_admits_its_permits_and_closes_after_its_successes(void **state)
{
    (void)state;
    for (uint32_t permits = 1; permits <= 255; permits += permits < 4 ? 1 : 63)
        for (uint32_t successes = 1; successes <= 255; successes += successes < 4 ? 1 : 63) {
            struct patient patient = patient_new((struct hf_breaker_options){
                .half_open_permits = permits, .success_threshold = successes});
            patient_trips(&patient);
            patient_waits(&patient);
            struct hf_permit out[255];
            for (uint32_t index = 0; index < permits; index++)
                assert_true(patient_enters(&patient, &out[index]));
            assert_int_equal(patient_looks(&patient).permits_out, permits);
            struct hf_permit further;
            uint64_t retry_after_ns = 77;
            assert_int_equal(
                hf_breaker_enter(patient.breaker, patient.now_ns, &further, &retry_after_ns, NULL),
                HF_OPEN);
            assert_int_equal(retry_after_ns, 0);
            for (uint32_t count = 0; count < successes; count++) {
                assert_int_equal(patient_looks(&patient).successes, count);
                patient_leaves(&patient, &out[count % permits], HF_SUCCESS);
                if (count + 1 < successes)
                    assert_true(patient_enters(&patient, &out[count % permits]));
            }
            assert_int_equal(patient.change.from, HF_BREAKER_HALF_OPEN);
            assert_int_equal(patient.change.to, HF_BREAKER_CLOSED);
            hf_breaker_free(patient.breaker);
        }
}

static void one_failure_opens_a_half_open_breaker_again(void **state)
{
    (void)state;
    struct patient patient = patient_new((struct hf_breaker_options){.success_threshold = 3});
    patient_trips(&patient);
    patient_waits(&patient);
    patient_calls(&patient, HF_SUCCESS);
    patient_calls(&patient, HF_SUCCESS);
    patient_calls(&patient, HF_PERMANENT);
    assert_int_equal(patient.change.from, HF_BREAKER_HALF_OPEN);
    assert_int_equal(patient.change.to, HF_BREAKER_OPEN);
    assert_int_equal(patient_looks(&patient).opened_count, 2);
    patient_waits(&patient);
    assert_int_equal(patient_looks(&patient).successes, 0);
    hf_breaker_free(patient.breaker);
}

static void a_snapshot_shows_half_open_once_the_time_is_over_though_nobody_called(void **state)
{
    (void)state;
    struct patient patient = patient_new((struct hf_breaker_options){.consecutive_failures = 1});
    patient_trips(&patient);
    patient.now_ns += patient.change.open_ns - 1;
    assert_int_equal(patient_state(&patient), HF_BREAKER_OPEN);
    assert_int_equal(patient_looks(&patient).until_half_open_ns, 1);
    patient.now_ns++;
    assert_int_equal(patient_state(&patient), HF_BREAKER_HALF_OPEN);
    assert_int_equal(patient_looks(&patient).until_half_open_ns, 0);
    patient.now_ns = HF_TIME_MAX_NS;
    assert_int_equal(patient_state(&patient), HF_BREAKER_HALF_OPEN);
    hf_breaker_free(patient.breaker);
}

static void being_told_of_a_change_one_may_ask_the_breaker_at_once(void **state)
{
    (void)state;
    struct patient patient = patient_new((struct hf_breaker_options){.consecutive_failures = 1});
    patient_trips(&patient);
    hf_breaker_reset(patient.breaker);
    patient_calls(&patient, HF_SUCCESS);
    assert_int_equal(patient_state(&patient), HF_BREAKER_CLOSED);
    hf_breaker_free(patient.breaker);
}

static void reset_closes_from_any_state_and_forgets(void **state)
{
    (void)state;
    for (enum hf_breaker_state from = HF_BREAKER_CLOSED; from <= HF_BREAKER_HALF_OPEN; from++) {
        struct patient patient = patient_new(
            (struct hf_breaker_options){.consecutive_failures = 2, .failure_rate_percent = 100});
        struct hf_permit before;
        assert_true(patient_enters(&patient, &before));
        struct hf_permit probe = before;
        if (from == HF_BREAKER_CLOSED)
            patient_calls(&patient, HF_TRANSIENT);
        else
            patient_trips(&patient);
        if (from == HF_BREAKER_HALF_OPEN) {
            patient_waits(&patient);
            assert_true(patient_enters(&patient, &probe));
        }
        assert_int_equal(patient_state(&patient), from);
        hf_breaker_reset(patient.breaker);
        struct hf_breaker_snapshot snapshot = patient_looks(&patient);
        assert_int_equal(snapshot.state, HF_BREAKER_CLOSED);
        assert_int_equal(snapshot.consecutive_failures + snapshot.window_calls, 0);
        assert_int_equal(snapshot.opened_count, from == HF_BREAKER_CLOSED ? 0 : 1);
        patient_leaves(&patient, &before, HF_TRANSIENT);
        patient_leaves(&patient, &probe, HF_TRANSIENT);
        assert_int_equal(patient_looks(&patient).consecutive_failures, 0);
        /* The next opening is the first in a row again. */
        patient_trips(&patient);
        assert_open_for(&patient, HF_SECONDS(5));
        hf_breaker_free(patient.breaker);
    }
    hf_breaker_reset(NULL);
}

static void the_largest_times_are_served_and_larger_ones_refused(void **state)
{
    (void)state;
    struct patient patient = patient_new((struct hf_breaker_options){
        .consecutive_failures = 1,
        .failure_rate_percent = 1,
        .open = {.jitter = HF_JITTER_NONE,
            .base_ns = HF_TIME_MAX_NS,
            .delay_max_ns = HF_TIME_MAX_NS},
        .permit_lease_ns = HF_TIME_MAX_NS,
    });
    struct hf_permit permit;
    patient.now_ns = 0;
    patient_calls(&patient, HF_SUCCESS);
    patient.now_ns = HF_TIME_MAX_NS;
    patient_calls(&patient, HF_TRANSIENT);
    assert_int_equal(patient.change.to, HF_BREAKER_OPEN);
    assert_true(patient.change.open_ns > HF_TIME_MAX_NS - 2048);
    assert_false(patient_enters(&patient, &permit));

    struct hf_breaker_snapshot snapshot;
    memset(&permit, 0x5a, sizeof(permit));
    struct hf_permit untouched = permit;
    uint64_t retry_after_ns = 77;
    for (uint64_t now_ns = HF_TIME_MAX_NS + 1; now_ns > 0; now_ns *= 2) {
        hf_breaker_reset(patient.breaker);
        assert_int_equal(
            hf_breaker_enter(patient.breaker, now_ns, &permit, &retry_after_ns, NULL), HF_INVALID);
        assert_int_equal(hf_breaker_snapshot(patient.breaker, now_ns, &snapshot), HF_INVALID);
        struct hf_permit good;
        assert_true(patient_enters(&patient, &good));
        hf_breaker_leave(patient.breaker, &good, HF_TRANSIENT, now_ns, NULL);
        assert_int_equal(patient_state(&patient), HF_BREAKER_CLOSED);
    }
    assert_int_equal(
        hf_breaker_enter(patient.breaker, UINT64_MAX, &permit, &retry_after_ns, NULL), HF_INVALID);
    assert_memory_equal(&permit, &untouched, sizeof(permit));
    assert_int_equal(retry_after_ns, 77);
    hf_breaker_free(patient.breaker);
}

static void null_arguments_are_invalid_or_do_nothing(void **state)
{
    (void)state;
    struct patient patient = patient_new((struct hf_breaker_options){.consecutive_failures = 1});
    struct hf_permit permit;
    struct hf_breaker_snapshot snapshot;
    struct hf_breaker_change change = {.open_ns = 77};
    assert_int_equal(hf_breaker_enter(NULL, 0, &permit, NULL, NULL), HF_INVALID);
    assert_int_equal(hf_breaker_enter(patient.breaker, 0, NULL, NULL, NULL), HF_INVALID);
    assert_int_equal(hf_breaker_enter(patient.breaker, 0, &permit, NULL, NULL), HF_OK);
    hf_breaker_leave(NULL, &permit, HF_TRANSIENT, 0, &change);
    hf_breaker_leave(patient.breaker, NULL, HF_TRANSIENT, 0, &change);
    assert_int_equal(change.open_ns, 77);
    hf_breaker_cancel(NULL, &permit);
    hf_breaker_cancel(patient.breaker, NULL);
    assert_int_equal(hf_breaker_snapshot(NULL, 0, &snapshot), HF_INVALID);
    assert_int_equal(hf_breaker_snapshot(patient.breaker, 0, NULL), HF_INVALID);
    hf_breaker_leave(patient.breaker, &permit, HF_TRANSIENT, 0, NULL);
    assert_int_equal(hf_breaker_enter(patient.breaker, 0, &permit, NULL, NULL), HF_OPEN);
    /* A permit that nobody gave, only zeroed, is not one. */
    hf_breaker_reset(patient.breaker);
    hf_breaker_leave(patient.breaker, &(struct hf_permit){0}, HF_TRANSIENT, 0, NULL);
    assert_int_equal(hf_breaker_snapshot(patient.breaker, 0, &snapshot), HF_OK);
    assert_int_equal(snapshot.state, HF_BREAKER_CLOSED);
    hf_breaker_free(patient.breaker);
    hf_breaker_free(NULL);
}

static void every_state_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(hf_breaker_state_str(HF_BREAKER_CLOSED), "closed");
    assert_string_equal(hf_breaker_state_str(HF_BREAKER_OPEN), "open");
    assert_string_equal(hf_breaker_state_str(HF_BREAKER_HALF_OPEN), "half-open");
    assert_string_equal(hf_breaker_state_str((enum hf_breaker_state)3), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(breaker_opens_after_threshold_consecutive_failures),
        cmocka_unit_test(a_success_between_failures_starts_the_count_again),
        cmocka_unit_test(ignored_outcomes_are_neither_success_nor_failure),
        cmocka_unit_test(an_open_breaker_refuses_and_tells_how_long),
        cmocka_unit_test(by_default_the_open_period_doubles_up_to_five_minutes_until_it_closes),
        cmocka_unit_test(growth_stops_at_the_last_opening_that_the_word_can_count),
        cmocka_unit_test(jitter_of_the_open_period_follows_the_seed),
        cmocka_unit_test(decorrelated_open_periods_grow_from_the_one_before),
        cmocka_unit_test(half_open_admits_its_permits_and_closes_after_its_successes),
        cmocka_unit_test(one_failure_opens_a_half_open_breaker_again),
        cmocka_unit_test(a_snapshot_shows_half_open_once_the_time_is_over_though_nobody_called),
        cmocka_unit_test(being_told_of_a_change_one_may_ask_the_breaker_at_once),
        cmocka_unit_test(reset_closes_from_any_state_and_forgets),
        cmocka_unit_test(the_largest_times_are_served_and_larger_ones_refused),
        cmocka_unit_test(null_arguments_are_invalid_or_do_nothing),
        cmocka_unit_test(every_state_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
