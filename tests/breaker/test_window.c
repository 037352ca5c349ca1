/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/breaker.h>

#include "breaker/patient.h"
#include "breaker/window.h"

/* The failure rate over a window of time: first through the breaker, then the counters alone. */

static struct hf_breaker_options by_rate(uint32_t percent, uint32_t calls_min)
{
    return (struct hf_breaker_options){
        .consecutive_failures = HF_BREAKER_NEVER,
        .failure_rate_percent = percent,
        .window_ns = HF_SECONDS(30),
        .calls_min = calls_min,
    };
}

static void the_rate_counts_from_calls_min_on_and_from_its_percentage_on(void **state)
{
    (void)state;
    for (uint32_t calls_min = 1; calls_min <= 12; calls_min++)
        for (uint32_t percent = 1; percent <= 100; percent += 9)
            for (uint32_t successes = 0; successes <= 12; successes++) {
                struct patient patient = patient_new(by_rate(percent, calls_min));
                for (uint32_t count = 0; count < successes; count++)
                    patient_calls(&patient, HF_SUCCESS);
                uint32_t failures = 0;
                do {
                    patient_calls(&patient, HF_TRANSIENT);
                    failures++;
                } while (patient.change.to == HF_BREAKER_CLOSED && failures < 1300);
                /* The first number of failures that satisfies both. */
                uint32_t expected = 1;
                while (expected + successes < calls_min ||
                       expected * 100 < percent * (expected + successes)) {
                    expected++;
                    if (expected == 1300)
                        break;
                }
                assert_int_equal(failures, expected);
                hf_breaker_free(patient.breaker);
            }
}

static void a_success_never_opens_it(void **state)
{
    (void)state;
    struct patient patient = patient_new(by_rate(10, 10));
    for (int count = 0; count < 9; count++)
        patient_calls(&patient, HF_TRANSIENT);
    patient_calls(&patient, HF_SUCCESS);
    assert_int_equal(patient_state(&patient), HF_BREAKER_CLOSED);
    patient_calls(&patient, HF_TRANSIENT);
    assert_int_equal(patient_state(&patient), HF_BREAKER_OPEN);
    hf_breaker_free(patient.breaker);
}

static void many_results_in_one_moment_all_count(void **state)
{
    (void)state;
    struct patient patient = patient_new(by_rate(50, 2000));
    for (int count = 0; count < 1000; count++)
        patient_calls(&patient, HF_SUCCESS);
    for (int count = 0; count < 999; count++)
        patient_calls(&patient, HF_TRANSIENT);
    assert_int_equal(patient_looks(&patient).window_calls, 1999);
    assert_int_equal(patient_looks(&patient).window_failures, 999);
    patient_calls(&patient, HF_TRANSIENT);
    assert_int_equal(patient.change.to, HF_BREAKER_OPEN);
    hf_breaker_free(patient.breaker);
}

static void it_can_trip_in_its_first_moment(void **state)
{
    (void)state;
    struct patient patient = patient_new(by_rate(100, 1));
    patient.now_ns = 0;
    patient_calls(&patient, HF_TRANSIENT);
    assert_int_equal(patient.change.to, HF_BREAKER_OPEN);
    hf_breaker_free(patient.breaker);
}

static void calls_leave_the_window_when_it_has_passed_and_not_much_before(void **state)
{
    (void)state;
    struct patient patient = patient_new(by_rate(100, 1000));
    for (int which = 0; which < 50; which++) {
        patient.now_ns += HF_SECONDS(90) + HF_MS(170);
        patient_calls(&patient, HF_TRANSIENT);
        patient.now_ns += HF_SECONDS(30) * 8 / 9;
        assert_int_equal(patient_looks(&patient).window_failures, 1);
        patient.now_ns += HF_SECONDS(30) * 2 / 9;
        assert_int_equal(patient_looks(&patient).window_failures, 0);
    }
    hf_breaker_free(patient.breaker);
}

static void a_call_longer_than_the_window_counts_when_it_ends(void **state)
{
    (void)state;
    struct patient patient = patient_new(by_rate(100, 3));
    struct hf_permit permits[3];
    for (int index = 0; index < 3; index++)
        assert_true(patient_enters(&patient, &permits[index]));
    for (int index = 0; index < 3; index++) {
        patient.now_ns += index ? HF_SECONDS(1) : HF_SECONDS(3600);
        patient_leaves(&patient, &permits[index], HF_TRANSIENT);
    }
    assert_int_equal(patient.change.to, HF_BREAKER_OPEN);
    hf_breaker_free(patient.breaker);
}

static void a_slow_outage_trips_by_failures_in_a_row_however_old_they_are(void **state)
{
    (void)state;
    struct patient patient = patient_new((struct hf_breaker_options){
        .consecutive_failures = 5, .failure_rate_percent = 50, .window_ns = HF_SECONDS(1)});
    for (int count = 1; count <= 5; count++) {
        patient.now_ns += HF_SECONDS(600);
        patient_calls(&patient, HF_TRANSIENT);
        assert_int_equal(patient.change.to, count < 5 ? HF_BREAKER_CLOSED : HF_BREAKER_OPEN);
    }
    hf_breaker_free(patient.breaker);
}

static void closing_forgets_every_count_at_once(void **state)
{
    (void)state;
    struct hf_breaker_options options = by_rate(50, 4);
    options.open = (struct hf_delay){.jitter = HF_JITTER_NONE, .base_ns = 1, .delay_max_ns = 1};
    struct patient patient = patient_new(options);
    for (int round = 0; round < 3000; round++) {
        for (int count = 1; count <= 4; count++) {
            assert_int_equal(patient_looks(&patient).window_calls, count - 1);
            patient_calls(&patient, HF_TRANSIENT);
        }
        assert_int_equal(patient.change.to, HF_BREAKER_OPEN);
        assert_int_equal(patient_looks(&patient).window_calls, 0);
        patient_waits(&patient);
        patient_calls(&patient, HF_SUCCESS);
    }
    hf_breaker_free(patient.breaker);
}

static struct hf_window *window_new(uint64_t window_ns)
{
    struct hf_window *window = aligned_alloc(HF_CACHE_LINE, sizeof(*window));
    assert_non_null(window);
    memset(window, 0, sizeof(*window));
    hf_window_init(window, window_ns);
    return window;
}

static void any_window_is_covered_by_nine_to_sixteen_slices(void **state)
{
    (void)state;
    struct hf_window *window = window_new(HF_MS(1));
    for (uint64_t window_ns = 16; window_ns <= HF_SECONDS(3600); window_ns += window_ns / 37 + 1) {
        hf_window_init(window, window_ns);
        uint64_t slice_ns = UINT64_C(1) << window->slice_bits;
        assert_in_range(window->slices, 9, 16);
        assert_true(window->slices * slice_ns >= window_ns);
        assert_true((window->slices - 1) * slice_ns < window_ns);
    }
    free(window);
}

static uint64_t calls_at(const struct hf_window *window, uint64_t generation, uint64_t now_ns)
{
    return hf_window_sum(window, generation, now_ns).calls;
}

enum { SLICE_NS = 1 << 16, WINDOW_NS = SLICE_NS * 16 };

static void a_result_that_is_added_late_goes_to_its_own_slice_or_nowhere(void **state)
{
    (void)state;
    struct hf_window *window = window_new(WINDOW_NS);
    const uint64_t now_ns = 100 * SLICE_NS;
    hf_window_add(window, 1, now_ns, true);
    /* Late by less than the window: still in it, until its own slice leaves. */
    hf_window_add(window, 1, now_ns - 15 * SLICE_NS, true);
    assert_int_equal(calls_at(window, 1, now_ns), 2);
    assert_int_equal(calls_at(window, 1, now_ns + SLICE_NS), 1);
    /* Late by the window or more: the place belongs to a newer slice. */
    hf_window_add(window, 1, now_ns - 16 * SLICE_NS, true);
    hf_window_add(window, 1, now_ns - 32 * SLICE_NS, true);
    hf_window_add(window, 1, 4 * SLICE_NS, true);
    assert_int_equal(calls_at(window, 1, now_ns), 2);
    free(window);
}

static void a_result_of_an_earlier_generation_reaches_no_later_one(void **state)
{
    (void)state;
    struct hf_window *window = window_new(WINDOW_NS);
    const uint64_t now_ns = 1000 * SLICE_NS;
    /* Even of one whose clock was ahead, by up to a window. */
    for (uint64_t ahead = 0; ahead < 16; ahead++)
        for (uint64_t behind = 1; behind < 5; behind++) {
            hf_window_add(window, 50 - behind, now_ns + ahead * SLICE_NS, false);
            assert_int_equal(calls_at(window, 50, now_ns), 0);
        }
    hf_window_add(window, 50, now_ns, false);
    hf_window_add(window, 49, now_ns, false);
    assert_int_equal(calls_at(window, 50, now_ns), 1);
    free(window);
}

static void numbers_that_wrap_go_on_counting(void **state)
{
    (void)state;
    /* Slices at 2^41; generations at 2^44, by when they have carried the slices around 256 times.
     */
    const uint64_t mask = (UINT64_C(1) << 44) - 1;
    struct hf_window *window = window_new(WINDOW_NS);
    uint64_t now_ns = 1000 * SLICE_NS;
    for (uint64_t generation = mask - 3; generation != 4; generation = (generation + 1) & mask)
        for (uint64_t count = 1; count <= 40; count++, now_ns += SLICE_NS) {
            hf_window_add(window, generation, now_ns, count % 2);
            assert_int_equal(calls_at(window, generation, now_ns), count < 16 ? count : 16);
        }
    memset(window->stripes, 0, sizeof(window->stripes));
    now_ns = ((UINT64_C(1) << 41) - 20) * SLICE_NS;
    for (uint64_t count = 1; count <= 40; count++, now_ns += SLICE_NS) {
        hf_window_add(window, 5, now_ns, true);
        assert_int_equal(calls_at(window, 5, now_ns), count < 16 ? count : 16);
    }
    free(window);
}

static void a_count_stops_instead_of_wrapping(void **state)
{
    (void)state;
    struct hf_window *window = window_new(WINDOW_NS);
    const uint64_t now_ns = 7 * SLICE_NS;
    const uint64_t count_max = (UINT64_C(1) << 27) - 1;
    hf_window_add(window, 1, now_ns, true);
    for (size_t stripe = 0; stripe < HF_WINDOW_STRIPES; stripe++)
        for (size_t place = 0; place < HF_WINDOW_SLICES_MAX; place++)
            if (window->stripes[stripe].slices[place][true])
                window->stripes[stripe].slices[place][true] += count_max - 2;
    /* The thread may move to another processor, whose count starts at nothing. */
    hf_window_add(window, 1, now_ns, true);
    uint64_t before = calls_at(window, 1, now_ns);
    assert_true(before == count_max);
    for (int count = 0; count < 5; count++)
        hf_window_add(window, 1, now_ns, true);
    assert_in_range(calls_at(window, 1, now_ns), count_max, count_max + 5);
    assert_int_equal(calls_at(window, 1, now_ns + SLICE_NS), calls_at(window, 1, now_ns));
    free(window);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rate_counts_from_calls_min_on_and_from_its_percentage_on),
        cmocka_unit_test(a_success_never_opens_it),
        cmocka_unit_test(many_results_in_one_moment_all_count),
        cmocka_unit_test(it_can_trip_in_its_first_moment),
        cmocka_unit_test(calls_leave_the_window_when_it_has_passed_and_not_much_before),
        cmocka_unit_test(a_call_longer_than_the_window_counts_when_it_ends),
        cmocka_unit_test(a_slow_outage_trips_by_failures_in_a_row_however_old_they_are),
        cmocka_unit_test(closing_forgets_every_count_at_once),
        cmocka_unit_test(any_window_is_covered_by_nine_to_sixteen_slices),
        cmocka_unit_test(a_result_that_is_added_late_goes_to_its_own_slice_or_nowhere),
        cmocka_unit_test(a_result_of_an_earlier_generation_reaches_no_later_one),
        cmocka_unit_test(numbers_that_wrap_go_on_counting),
        cmocka_unit_test(a_count_stops_instead_of_wrapping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
