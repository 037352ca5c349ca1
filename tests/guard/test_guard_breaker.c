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
#include "support/scripted_call.h"

/* A guard with a breaker: who is let through, who waits, and whose permits come back. */

/* About as long as it stays open: it counts in coarser steps, so tests ask it how long exactly. */
#define OPEN_NS HF_SECONDS(10)

static const struct scripted_try fails = {{HF_TRANSIENT, 7, 0}, 0};

/* Opens after three failures for OPEN_NS; one permit while half-open, one success closes. */
static void start(struct guard_fixture *fixture)
{
    const struct hf_breaker_options options = {
        .consecutive_failures = 3,
        .open = {.growth = HF_GROWTH_FIXED, .jitter = HF_JITTER_NONE, .base_ns = OPEN_NS},
        .seed = 1,
    };
    fixture_start(fixture);
    fixture_add_breaker(fixture, &options);
}

static struct hf_breaker_snapshot look(struct guard_fixture *fixture)
{
    struct hf_breaker_snapshot snapshot;
    assert_int_equal(
        hf_breaker_snapshot(fixture->breaker, fixture->manual.now_ns, &snapshot), HF_OK);
    return snapshot;
}

/* By hand, as another user of the same breaker would. Returns how long it is open now. */
static uint64_t trip(struct guard_fixture *fixture)
{
    while (look(fixture).state == HF_BREAKER_CLOSED) {
        struct hf_permit permit;
        uint64_t now_ns = fixture->manual.now_ns;
        assert_int_equal(hf_breaker_enter(fixture->breaker, now_ns, &permit, NULL, NULL), HF_OK);
        hf_breaker_leave(fixture->breaker, &permit, HF_TRANSIENT, now_ns, NULL);
    }
    uint64_t open_ns = look(fixture).until_half_open_ns;
    assert_in_range(open_ns, OPEN_NS, OPEN_NS + HF_US(2));
    return open_ns;
}

static enum hf_status call(struct guard_fixture *fixture, uint64_t timeout_ns,
    struct scripted_call *scripted, struct hf_guard_report *report)
{
    const struct hf_guard_request request = {.key = fixture_key("k"), .timeout_ns = timeout_ns};
    scripted->clock = &fixture->manual;
    enum hf_status status =
        hf_guard_call(fixture->guard, &request, scripted_call, scripted, report);
    assert_int_equal(report->status, status);
    return status;
}

static void an_open_breaker_refuses_at_once(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    start(&fixture);
    fixture_make(&fixture);
    uint64_t open_ns = trip(&fixture);
    hf_manual_clock_advance(&fixture.manual, HF_SECONDS(4));
    struct scripted_call scripted = {.made = 0};
    struct hf_guard_report report;
    assert_int_equal(call(&fixture, 0, &scripted, &report), HF_OPEN);
    assert_int_equal(report.retry_after_ns, open_ns - HF_SECONDS(4));
    assert_int_equal(report.retry.attempts, 0);
    assert_int_equal(scripted.made, 0);
    hf_manual_clock_advance(&fixture.manual, report.retry_after_ns);
    assert_int_equal(call(&fixture, 0, &scripted, &report), HF_OK);
    assert_int_equal(look(&fixture).state, HF_BREAKER_CLOSED);
    fixture_end(&fixture);
}

/* The breaker's time is over, so whoever asks it moves it to half-open; the denied do not ask. */
static void whom_the_limits_deny_does_not_ask_the_breaker(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    start(&fixture);
    fixture_add_limiter(&fixture, hf_quota_per_hour(1));
    fixture_make(&fixture);
    struct scripted_call scripted = {.made = 0};
    struct hf_guard_report report;
    assert_int_equal(call(&fixture, 0, &scripted, &report), HF_OK);
    hf_manual_clock_advance(&fixture.manual, trip(&fixture));
    assert_int_equal(call(&fixture, 0, &scripted, &report), HF_DENIED);
    assert_int_equal(look(&fixture).permits_out, 0);
    struct hf_permit permit;
    struct hf_breaker_change change;
    assert_int_equal(
        hf_breaker_enter(fixture.breaker, fixture.manual.now_ns, &permit, NULL, &change), HF_OK);
    assert_int_equal(change.from, HF_BREAKER_OPEN);
    assert_int_equal(change.to, HF_BREAKER_HALF_OPEN);
    fixture_end(&fixture);
}

static void whom_the_breaker_refuses_has_been_charged(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    start(&fixture);
    fixture_add_limiter(&fixture, hf_quota_per_hour(10));
    fixture_add_gate(&fixture, hf_quota_per_hour(20));
    fixture_make(&fixture);
    trip(&fixture);
    struct scripted_call scripted = {.made = 0};
    struct hf_guard_report report;
    assert_int_equal(call(&fixture, 0, &scripted, &report), HF_OPEN);
    assert_int_equal(report.decision.remaining, 9);
    assert_int_equal(fixture_key_remaining(&fixture, "k"), 9);
    assert_int_equal(fixture_gate_remaining(&fixture), 19);
    fixture_end(&fixture);
}

static void outcomes_count_as_the_breaker_is_told(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    start(&fixture);
    fixture_make(&fixture);
    struct scripted_try line = {hf_permanent(1), 0};
    struct scripted_call scripted = {.script = &line, .script_count = 1};
    struct hf_guard_report report;
    assert_int_equal(call(&fixture, 0, &scripted, &report), HF_FAILED);
    assert_int_equal(look(&fixture).consecutive_failures, 1);
    line.outcome = hf_ignored(1);
    assert_int_equal(call(&fixture, 0, &scripted, &report), HF_FAILED);
    assert_int_equal(look(&fixture).consecutive_failures, 1);
    line.outcome = hf_success();
    assert_int_equal(call(&fixture, 0, &scripted, &report), HF_OK);
    assert_int_equal(look(&fixture).consecutive_failures, 0);
    fixture_end(&fixture);
}

static const struct hf_retry_options five_tries = {
    .attempts_max = 5,
    .delay = {.growth = HF_GROWTH_FIXED, .jitter = HF_JITTER_NONE, .base_ns = HF_SECONDS(1)},
    .retry_after_max_ns = HF_SECONDS(60),
};

static void retries_that_open_the_breaker_end_without_a_wait_in_vain(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    start(&fixture);
    fixture.options.retry = &five_tries;
    fixture_make(&fixture);
    struct scripted_call scripted = {.script = &fails, .script_count = 1};
    struct hf_guard_report report;
    assert_int_equal(call(&fixture, 0, &scripted, &report), HF_OPEN);
    assert_int_equal(report.retry_after_ns, look(&fixture).until_half_open_ns);
    assert_int_equal(report.retry.attempts, 3);
    assert_int_equal(report.retry.causes_count, 3);
    assert_int_equal(report.retry.causes[0].code, 7);
    assert_int_equal(report.retry.stop, HF_RETRY_STOPPED);
    assert_int_equal(report.retry.delayed_ns, HF_SECONDS(2));
    assert_int_equal(fixture.manual.now_ns, FIXTURE_START_NS + HF_SECONDS(2));
    fixture_end(&fixture);
}

static void a_delay_longer_than_the_open_period_is_simply_waited(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    start(&fixture);
    fixture.options.retry = &five_tries;
    fixture_make(&fixture);
    const struct scripted_try script[] = {
        fails, fails, {hf_transient_after(7, HF_SECONDS(11)), 0}, {hf_success(), 0}};
    struct scripted_call scripted = {.script = script, .script_count = 4};
    struct hf_guard_report report;
    assert_int_equal(call(&fixture, 0, &scripted, &report), HF_OK);
    assert_int_equal(report.retry.attempts, 4);
    assert_int_equal(fixture.manual.now_ns, FIXTURE_START_NS + HF_SECONDS(13));
    assert_int_equal(look(&fixture).state, HF_BREAKER_CLOSED);
    fixture_end(&fixture);
}

static void a_breaker_that_others_open_during_the_delay_ends_the_call(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    start(&fixture);
    fixture.options.retry = &five_tries;
    fixture_make(&fixture);
    struct hf_guard_run run;
    uint64_t delay_ns;
    uint64_t now_ns = FIXTURE_START_NS;
    assert_int_equal(hf_guard_begin(&run, fixture.guard, NULL, now_ns, &delay_ns), HF_OK);
    assert_int_equal(hf_guard_done(&run, hf_transient(7), now_ns, &delay_ns), HF_AGAIN);
    assert_int_equal(run.report.status, HF_AGAIN);
    uint64_t open_ns = trip(&fixture);
    now_ns += delay_ns;
    assert_int_equal(hf_guard_again(&run, now_ns, &delay_ns), HF_OPEN);
    assert_int_equal(run.report.retry_after_ns, open_ns - HF_SECONDS(1));
    assert_int_equal(run.report.retry.causes_count, 1);
    assert_int_equal(run.report.retry.causes[0].code, 7);
    assert_int_equal(run.report.retry.elapsed_ns, HF_SECONDS(1));
    fixture_end(&fixture);
}

static void waiting_while_open_waits_exactly_as_long_as_it_is(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    start(&fixture);
    fixture.options.wait_while_open = true;
    fixture_make(&fixture);
    uint64_t open_ns = trip(&fixture);
    struct scripted_call scripted = {.made = 0};
    struct hf_guard_report report;
    assert_int_equal(call(&fixture, open_ns + 1, &scripted, &report), HF_OK);
    assert_int_equal(scripted.told[0].at_ns, FIXTURE_START_NS + open_ns);
    assert_int_equal(scripted.told[0].timeout_ns, 1);
    assert_int_equal(report.retry.delayed_ns, open_ns);
    fixture_end(&fixture);
}

static void waiting_while_open_is_not_begun_where_it_does_not_fit(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    start(&fixture);
    fixture.options.wait_while_open = true;
    fixture_make(&fixture);
    uint64_t open_ns = trip(&fixture);
    struct scripted_call scripted = {.made = 0};
    struct hf_guard_report report;
    assert_int_equal(call(&fixture, open_ns, &scripted, &report), HF_OPEN);
    assert_int_equal(call(&fixture, 0, &scripted, &report), HF_OPEN);
    assert_int_equal(report.retry_after_ns, open_ns);
    assert_int_equal(fixture.manual.now_ns, FIXTURE_START_NS);
    assert_int_equal(scripted.made, 0);
    fixture_end(&fixture);
}

static void waiting_while_open_keeps_to_the_time_that_retries_have(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    start(&fixture);
    struct hf_retry_options retry = five_tries;
    retry.elapsed_max_ns = HF_SECONDS(5);
    fixture.options.retry = &retry;
    fixture.options.wait_while_open = true;
    fixture_make(&fixture);
    struct scripted_call scripted = {.script = &fails, .script_count = 1};
    struct hf_guard_report report;
    assert_int_equal(call(&fixture, HF_SECONDS(100), &scripted, &report), HF_OPEN);
    assert_int_equal(report.retry.attempts, 3);
    assert_int_equal(report.retry_after_ns, look(&fixture).until_half_open_ns);
    fixture_end(&fixture);
}

static void retries_wait_for_the_breaker_that_they_have_opened(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    start(&fixture);
    fixture.options.retry = &five_tries;
    fixture.options.wait_while_open = true;
    fixture_make(&fixture);
    const struct scripted_try script[] = {fails, fails, fails, {hf_success(), 0}};
    struct scripted_call scripted = {.script = script, .script_count = 4};
    struct hf_guard_report report;
    assert_int_equal(call(&fixture, HF_SECONDS(100), &scripted, &report), HF_OK);
    assert_int_equal(report.retry.attempts, 4);
    assert_in_range(report.retry.delayed_ns, HF_SECONDS(12), HF_SECONDS(12) + HF_US(2));
    assert_int_equal(fixture.manual.now_ns, FIXTURE_START_NS + report.retry.delayed_ns);
    fixture_end(&fixture);
}

/* Nobody can say how long the probe under way will take. */
static void while_all_permits_are_out_the_breaker_is_polled(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    start(&fixture);
    fixture.options.wait_while_open = true;
    fixture_make(&fixture);
    hf_manual_clock_advance(&fixture.manual, trip(&fixture));
    struct hf_permit permit;
    uint64_t now_ns = fixture.manual.now_ns;
    assert_int_equal(hf_breaker_enter(fixture.breaker, now_ns, &permit, NULL, NULL), HF_OK);

    struct hf_guard_run run;
    uint64_t delay_ns;
    const struct hf_guard_request request = {.timeout_ns = HF_GUARD_POLL_NS * 3};
    assert_int_equal(hf_guard_begin(&run, fixture.guard, &request, now_ns, &delay_ns), HF_AGAIN);
    assert_int_equal(delay_ns, HF_GUARD_POLL_NS);
    now_ns += delay_ns;
    assert_int_equal(hf_guard_again(&run, now_ns, &delay_ns), HF_AGAIN);
    assert_int_equal(delay_ns, HF_GUARD_POLL_NS);
    hf_breaker_leave(fixture.breaker, &permit, HF_SUCCESS, now_ns, NULL);
    now_ns += delay_ns;
    assert_int_equal(hf_guard_again(&run, now_ns, &delay_ns), HF_OK);
    assert_int_equal(run.attempt.timeout_ns, HF_GUARD_POLL_NS);
    assert_int_equal(hf_guard_done(&run, hf_success(), now_ns, &delay_ns), HF_OK);
    fixture_end(&fixture);
}

static void a_refusal_for_want_of_permits_names_no_time(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    start(&fixture);
    fixture.options.wait_while_open = true;
    fixture_make(&fixture);
    hf_manual_clock_advance(&fixture.manual, trip(&fixture));
    struct hf_permit permit;
    assert_int_equal(
        hf_breaker_enter(fixture.breaker, fixture.manual.now_ns, &permit, NULL, NULL), HF_OK);
    struct scripted_call scripted = {.made = 0};
    struct hf_guard_report report;
    assert_int_equal(call(&fixture, HF_GUARD_POLL_NS, &scripted, &report), HF_OPEN);
    assert_int_equal(report.retry_after_ns, 0);
    fixture_end(&fixture);
}

static void cancelling_a_try_gives_its_permit_back(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    start(&fixture);
    fixture_make(&fixture);
    hf_manual_clock_advance(&fixture.manual, trip(&fixture));
    uint64_t now_ns = fixture.manual.now_ns;
    for (int round = 0; round < 3; round++) {
        struct hf_guard_run run;
        uint64_t delay_ns;
        assert_int_equal(hf_guard_begin(&run, fixture.guard, NULL, now_ns, &delay_ns), HF_OK);
        assert_int_equal(look(&fixture).permits_out, 1);
        hf_guard_cancel(&run, now_ns);
        assert_int_equal(run.report.status, HF_CANCELLED);
        assert_int_equal(run.report.retry.attempts, 0);
        assert_int_equal(look(&fixture).permits_out, 0);
        hf_guard_cancel(&run, now_ns); /* over already */
        assert_int_equal(hf_guard_done(&run, hf_success(), now_ns, &delay_ns), HF_INVALID);
    }
    assert_int_equal(look(&fixture).state, HF_BREAKER_HALF_OPEN);
    fixture_end(&fixture);
}

/* The permit of an earlier generation: the breaker has tripped and healed while the try was out. */
static void a_late_outcome_changes_nothing(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    start(&fixture);
    fixture_make(&fixture);
    struct hf_guard_run run;
    uint64_t delay_ns;
    uint64_t now_ns = fixture.manual.now_ns;
    assert_int_equal(hf_guard_begin(&run, fixture.guard, NULL, now_ns, &delay_ns), HF_OK);
    hf_manual_clock_advance(&fixture.manual, trip(&fixture));
    assert_int_equal(hf_guard_done(&run, hf_success(), fixture.manual.now_ns, &delay_ns), HF_OK);
    assert_int_equal(look(&fixture).state, HF_BREAKER_HALF_OPEN);
    assert_int_equal(look(&fixture).successes, 0);
    fixture_end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_open_breaker_refuses_at_once),
        cmocka_unit_test(whom_the_limits_deny_does_not_ask_the_breaker),
        cmocka_unit_test(whom_the_breaker_refuses_has_been_charged),
        cmocka_unit_test(outcomes_count_as_the_breaker_is_told),
        cmocka_unit_test(retries_that_open_the_breaker_end_without_a_wait_in_vain),
        cmocka_unit_test(a_delay_longer_than_the_open_period_is_simply_waited),
        cmocka_unit_test(a_breaker_that_others_open_during_the_delay_ends_the_call),
        cmocka_unit_test(waiting_while_open_waits_exactly_as_long_as_it_is),
        cmocka_unit_test(waiting_while_open_is_not_begun_where_it_does_not_fit),
        cmocka_unit_test(waiting_while_open_keeps_to_the_time_that_retries_have),
        cmocka_unit_test(retries_wait_for_the_breaker_that_they_have_opened),
        cmocka_unit_test(while_all_permits_are_out_the_breaker_is_polled),
        cmocka_unit_test(a_refusal_for_want_of_permits_names_no_time),
        cmocka_unit_test(cancelling_a_try_gives_its_permit_back),
        cmocka_unit_test(a_late_outcome_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
