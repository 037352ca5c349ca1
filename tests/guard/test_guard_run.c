/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/guard.h>

#include "support/guard_fixture.h"

/* The iterator used wrongly, too early, too late and not to its end. */

#define NOW_NS FIXTURE_START_NS

static const struct hf_retry_options retry = {
    .attempts_max = 3,
    .delay = {.growth = HF_GROWTH_FIXED, .jitter = HF_JITTER_NONE, .base_ns = HF_MS(10)},
    .elapsed_max_ns = HF_MS(50),
};

static void start(struct guard_fixture *fixture)
{
    fixture_start(fixture);
    fixture->options.retry = &retry;
    fixture_make(fixture);
}

static void wrong_arguments_of_begin_are_named(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    start(&fixture);
    struct hf_guard_run run;
    uint64_t delay_ns = 5;
    assert_int_equal(hf_guard_begin(&run, NULL, NULL, NOW_NS, &delay_ns), HF_INVALID);
    assert_string_equal(run.report.argument, "guard");
    assert_int_equal(
        hf_guard_begin(&run, fixture.guard, NULL, HF_TIME_MAX_NS + 1, &delay_ns), HF_INVALID);
    assert_string_equal(run.report.argument, "now_ns");
    assert_int_equal(hf_guard_begin(&run, fixture.guard, NULL, NOW_NS, NULL), HF_INVALID);
    assert_string_equal(run.report.argument, "delay_ns");
    assert_int_equal(hf_guard_begin(NULL, fixture.guard, NULL, NOW_NS, &delay_ns), HF_INVALID);
    assert_int_equal(hf_guard_begin(NULL, NULL, NULL, NOW_NS, &delay_ns), HF_INVALID);
    assert_int_equal(delay_ns, 5);
    /* A run that did not begin is over. */
    assert_int_equal(hf_guard_done(&run, hf_success(), NOW_NS, &delay_ns), HF_INVALID);
    assert_int_equal(hf_guard_again(&run, NOW_NS, &delay_ns), HF_INVALID);
    hf_guard_cancel(&run, NOW_NS);
    assert_int_equal(run.report.status, HF_INVALID);
    fixture_end(&fixture);
}

static void calls_out_of_turn_change_nothing(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    start(&fixture);
    struct hf_guard_run run;
    uint64_t delay_ns = 5;
    assert_int_equal(hf_guard_begin(&run, fixture.guard, NULL, NOW_NS, &delay_ns), HF_OK);
    assert_int_equal(hf_guard_again(&run, NOW_NS, &delay_ns), HF_INVALID);
    assert_int_equal(hf_guard_done(&run, hf_success(), NOW_NS, NULL), HF_INVALID);
    assert_int_equal(hf_guard_done(&run, hf_success(), HF_TIME_MAX_NS + 1, &delay_ns), HF_INVALID);
    assert_int_equal(hf_guard_done(NULL, hf_success(), NOW_NS, &delay_ns), HF_INVALID);
    assert_int_equal(delay_ns, 5);
    assert_int_equal(hf_guard_done(&run, hf_transient(1), NOW_NS, &delay_ns), HF_AGAIN);
    assert_int_equal(delay_ns, HF_MS(10));
    delay_ns = 5;
    assert_int_equal(hf_guard_done(&run, hf_success(), NOW_NS, &delay_ns), HF_INVALID);
    assert_int_equal(hf_guard_again(&run, HF_TIME_MAX_NS + 1, &delay_ns), HF_INVALID);
    assert_int_equal(hf_guard_again(&run, NOW_NS, NULL), HF_INVALID);
    assert_int_equal(hf_guard_again(NULL, NOW_NS, &delay_ns), HF_INVALID);
    assert_int_equal(delay_ns, 5);
    assert_int_equal(hf_guard_again(&run, NOW_NS + HF_MS(10), &delay_ns), HF_OK);
    assert_int_equal(hf_guard_done(&run, hf_success(), NOW_NS + HF_MS(11), &delay_ns), HF_OK);
    assert_int_equal(run.report.retry.attempts, 2);
    assert_int_equal(run.report.retry.elapsed_ns, HF_MS(11));
    assert_int_equal(hf_guard_again(&run, NOW_NS, &delay_ns), HF_INVALID);
    hf_guard_cancel(&run, NOW_NS);
    hf_guard_cancel(NULL, NOW_NS);
    assert_int_equal(run.report.status, HF_OK);
    fixture_end(&fixture);
}

static void whoever_comes_back_early_waits_for_the_rest(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    start(&fixture);
    struct hf_guard_run run;
    uint64_t delay_ns;
    assert_int_equal(hf_guard_begin(&run, fixture.guard, NULL, NOW_NS, &delay_ns), HF_OK);
    assert_int_equal(hf_guard_done(&run, hf_transient(1), NOW_NS, &delay_ns), HF_AGAIN);
    assert_int_equal(hf_guard_again(&run, NOW_NS + HF_MS(4), &delay_ns), HF_AGAIN);
    assert_int_equal(delay_ns, HF_MS(6));
    assert_int_equal(hf_guard_again(&run, NOW_NS - HF_MS(4), &delay_ns), HF_AGAIN);
    assert_int_equal(delay_ns, HF_MS(14));
    assert_int_equal(hf_guard_again(&run, NOW_NS + HF_MS(10), &delay_ns), HF_OK);
    assert_int_equal(run.report.retry.delayed_ns, HF_MS(10));
    hf_guard_cancel(&run, NOW_NS + HF_MS(10));
    assert_int_equal(run.report.retry.attempts, 1);
    assert_int_equal(run.report.retry.causes_count, 1);
    fixture_end(&fixture);
}

static void whoever_comes_back_too_late_makes_no_further_try(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    start(&fixture);
    struct hf_guard_run run;
    uint64_t delay_ns;
    const struct hf_guard_request request = {.timeout_ns = HF_MS(30)};
    assert_int_equal(hf_guard_begin(&run, fixture.guard, &request, NOW_NS, &delay_ns), HF_OK);
    assert_int_equal(hf_guard_done(&run, hf_transient(1), NOW_NS, &delay_ns), HF_AGAIN);
    assert_int_equal(hf_guard_again(&run, NOW_NS + HF_MS(30), &delay_ns), HF_TIMEOUT);
    assert_int_equal(run.report.retry.stop, HF_RETRY_STOPPED);
    assert_int_equal(run.report.retry.elapsed_ns, HF_MS(30));

    assert_int_equal(hf_guard_begin(&run, fixture.guard, NULL, NOW_NS, &delay_ns), HF_OK);
    assert_int_equal(hf_guard_done(&run, hf_transient(1), NOW_NS, &delay_ns), HF_AGAIN);
    assert_int_equal(hf_guard_again(&run, NOW_NS + HF_MS(50), &delay_ns), HF_EXHAUSTED);
    assert_int_equal(run.report.retry.stop, HF_RETRY_ELAPSED);
    fixture_end(&fixture);
}

static void cancelling_while_waiting_ends_the_run(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    start(&fixture);
    struct hf_guard_run run;
    uint64_t delay_ns;
    assert_int_equal(hf_guard_begin(&run, fixture.guard, NULL, NOW_NS, &delay_ns), HF_OK);
    assert_int_equal(hf_guard_done(&run, hf_transient(1), NOW_NS, &delay_ns), HF_AGAIN);
    hf_guard_cancel(&run, UINT64_MAX);
    assert_int_equal(run.report.status, HF_CANCELLED);
    assert_int_equal(run.report.retry.stop, HF_RETRY_STOPPED);
    assert_int_equal(run.report.retry.elapsed_ns, HF_TIME_MAX_NS - NOW_NS);
    assert_int_equal(hf_guard_again(&run, NOW_NS + HF_MS(10), &delay_ns), HF_INVALID);
    fixture_end(&fixture);
}

/* The largest times and limits that are accepted, where a sum that wraps would show. */
static void the_end_of_time_does_not_wrap(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    fixture_start(&fixture);
    const struct hf_retry_options patient = {
        .attempts_max = 3,
        .delay = {.growth = HF_GROWTH_FIXED,
            .jitter = HF_JITTER_NONE,
            .base_ns = HF_TIME_MAX_NS,
            .delay_max_ns = HF_TIME_MAX_NS},
    };
    fixture.options.retry = &patient;
    fixture_make(&fixture);
    struct hf_guard_run run;
    uint64_t delay_ns;
    const struct hf_guard_request request = {.timeout_ns = HF_TIME_MAX_NS};
    const uint64_t end_ns = HF_TIME_MAX_NS;
    assert_int_equal(hf_guard_begin(&run, fixture.guard, &request, end_ns, &delay_ns), HF_OK);
    assert_true(run.attempt.timeout_ns == HF_TIME_MAX_NS);
    assert_int_equal(hf_guard_done(&run, hf_transient(1), end_ns, &delay_ns), HF_TIMEOUT);
    assert_int_equal(hf_guard_begin(&run, fixture.guard, NULL, end_ns, &delay_ns), HF_OK);
    assert_true(run.attempt.timeout_ns == UINT64_MAX);
    assert_int_equal(hf_guard_done(&run, hf_transient(1), end_ns, &delay_ns), HF_AGAIN);
    assert_true(delay_ns == HF_TIME_MAX_NS);
    assert_int_equal(hf_guard_again(&run, end_ns, &delay_ns), HF_AGAIN);
    assert_true(delay_ns == HF_TIME_MAX_NS);
    hf_guard_cancel(&run, end_ns);
    assert_int_equal(hf_guard_begin(&run, fixture.guard, NULL, 0, &delay_ns), HF_OK);
    assert_int_equal(hf_guard_done(&run, hf_success(), 0, &delay_ns), HF_OK);
    fixture_end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_arguments_of_begin_are_named),
        cmocka_unit_test(calls_out_of_turn_change_nothing),
        cmocka_unit_test(whoever_comes_back_early_waits_for_the_rest),
        cmocka_unit_test(whoever_comes_back_too_late_makes_no_further_try),
        cmocka_unit_test(cancelling_while_waiting_ends_the_run),
        cmocka_unit_test(the_end_of_time_does_not_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
