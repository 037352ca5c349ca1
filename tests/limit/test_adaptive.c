/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/adaptive.h>
#include <holdfast/limiter.h>

#include "scale.h"
#include "support/counting_allocator.h"

#define WINDOW_NS HF_SECONDS(1)
#define FAST_NS HF_MS(10)

/* One that is fed a window at a time; steps of 10, and 1/4 off. */
struct fed {
    struct hf_adaptive *adaptive;
    uint64_t now_ns;
};

static const struct hf_adaptive_options usual = {
    .rate_min = 10, .rate_max = 1000, .rate_start = 100, .increase = 10, .decrease_per_1024 = 256};

/* The window that began at the beginning of time is over, and was idle. */
static struct fed fed_new(const struct hf_adaptive_options *options)
{
    struct fed fed = {.now_ns = HF_SECONDS(10000)};
    assert_int_equal(hf_adaptive_new(&fed.adaptive, options, NULL), HF_OK);
    for (int i = 0; i < HF_ADAPTIVE_RECORDS_MIN; i++)
        assert_int_equal(hf_adaptive_record(fed.adaptive, hf_ignored(0), 0, fed.now_ns), HF_OK);
    return fed;
}

static struct hf_adaptive_state state_of(const struct fed *fed)
{
    struct hf_adaptive_state state;
    assert_int_equal(hf_adaptive_snapshot(fed->adaptive, &state), HF_OK);
    return state;
}

/* So many outcomes in the middle of a window. */
static void feed(struct fed *fed, uint64_t count, struct hf_outcome outcome, uint64_t latency_ns)
{
    for (uint64_t i = 0; i < count; i++)
        assert_int_equal(
            hf_adaptive_record(fed->adaptive, outcome, latency_ns, fed->now_ns + WINDOW_NS / 2),
            HF_OK);
}

/* Ends the window, by an outcome that says nothing, and tells the rate. */
static uint64_t end_window(struct fed *fed)
{
    fed->now_ns += WINDOW_NS;
    assert_int_equal(hf_adaptive_record(fed->adaptive, hf_ignored(0), 0, fed->now_ns), HF_OK);
    return state_of(fed).rate;
}

static uint64_t good_window(struct fed *fed, uint64_t count, uint64_t latency_ns)
{
    feed(fed, count, hf_success(), latency_ns);
    return end_window(fed);
}

static void assert_refused(const struct hf_adaptive_options *options, const char *message)
{
    struct hf_error error = {0};
    struct hf_adaptive *adaptive = (void *)&error;
    assert_int_equal(hf_adaptive_new(&adaptive, options, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), message);
    assert_null(adaptive);
}

static void bad_options_are_named(void **state)
{
    (void)state;
    struct hf_adaptive_options options = usual;
    assert_refused(NULL, "options: NULL");
    assert_int_equal(hf_adaptive_new(NULL, &options, NULL), HF_INVALID);
    options.rate_min = 0;
    assert_refused(&options, "rate_min: 0 is out of range (1 to 10000000)");
    options.rate_min = 2000;
    assert_refused(&options, "rate_max: 1000 is out of range (2000 to 10000000)");
    options = usual;
    options.rate_start = 1001;
    assert_refused(&options, "rate_start: 1001 is out of range (10 to 1000)");
    options = usual;
    options.decrease_per_1024 = 923;
    assert_refused(&options, "decrease_per_1024: 923 is out of range (1 to 922)");
    options = usual;
    options.failures_per_1024 = 1024;
    assert_refused(&options, "failures_per_1024: 1024 is out of range (1 to 1023)");
    options = usual;
    options.latency_per_1024 = 1024;
    assert_refused(&options, "latency_per_1024: 1024 is out of range (1025 to 1048576)");
    options = usual;
    options.latency_max_ns = HF_SECONDS(1000) + 1;
    assert_refused(&options, "latency_max_ns: 1000000000001 is out of range (1 to 1000000000000)");
    options = usual;
    options.burst_ns = HF_SECONDS(60) + 1;
    assert_refused(&options, "burst_ns: 60000000001 is out of range (1 to 60000000000)");
    options = usual;
    options.window_ns = 1;
    assert_refused(&options, "window_ns: 1 is out of range (1000000 to 60000000000)");
    options = usual;
    options.increase = HF_ADAPTIVE_RATE_MAX + 1;
    assert_refused(&options, "increase: 10000001 is out of range (1 to 10000000)");
    struct hf_allocator none = {0};
    options = usual;
    options.allocator = &none;
    assert_refused(&options, "allocator.allocate: NULL");
    hf_adaptive_free(NULL);
}

static void bad_arguments_change_nothing(void **state)
{
    (void)state;
    struct fed fed = fed_new(&usual);
    struct hf_decision decision;
    struct hf_adaptive_state seen;
    assert_int_equal(hf_adaptive_check(NULL, 1, 0, &decision), HF_INVALID);
    assert_string_equal(decision.argument, "adaptive");
    assert_int_equal(hf_adaptive_check(fed.adaptive, 1, HF_TIME_MAX_NS + 1, &decision), HF_INVALID);
    assert_string_equal(decision.argument, "now_ns");
    assert_int_equal(hf_adaptive_record(NULL, hf_success(), 0, 0), HF_INVALID);
    assert_int_equal(
        hf_adaptive_record(fed.adaptive, hf_success(), 0, HF_TIME_MAX_NS + 1), HF_INVALID);
    assert_int_equal(
        hf_adaptive_record(fed.adaptive, hf_success(), HF_TIME_MAX_NS + 1, 0), HF_INVALID);
    assert_int_equal(hf_adaptive_snapshot(NULL, &seen), HF_INVALID);
    assert_int_equal(hf_adaptive_snapshot(fed.adaptive, NULL), HF_INVALID);
    assert_null(hf_adaptive_gcra(NULL));
    hf_adaptive_free(fed.adaptive);
}

static void every_failing_allocation_is_reported_and_leaves_nothing_behind(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct counting_allocator counting = {.fail_at = n};
        struct hf_allocator allocator = counting_allocator(&counting);
        struct hf_adaptive_options options = usual;
        options.allocator = &allocator;
        struct hf_adaptive *adaptive;
        struct hf_error error = {0};
        enum hf_status status = hf_adaptive_new(&adaptive, &options, &error);
        if (status == HF_OK)
            hf_adaptive_free(adaptive);
        else
            assert_non_null(strstr(hf_error_text(&error), "no memory for an adaptive rate"));
        assert_int_equal(counting.live, 0);
        if (counting.requests < n)
            break;
        assert_int_equal(status, HF_NO_MEMORY);
    }
}

static void defaults_are_as_documented(void **state)
{
    (void)state;
    struct hf_adaptive_options options = {.rate_min = 100, .rate_max = 100 + 256 * 3};
    struct fed fed = fed_new(&options);
    struct hf_adaptive_state seen = state_of(&fed);
    assert_int_equal(seen.rate, 100);
    assert_int_equal(seen.quota.count, 100);
    assert_int_equal(seen.quota.burst, 10);
    assert_int_equal(seen.fastest_ns, 0);
    assert_int_equal(good_window(&fed, 100, FAST_NS), 103);
    assert_int_equal(state_of(&fed).fastest_ns, FAST_NS);
    hf_adaptive_free(fed.adaptive);
    options.rate_max = 101;
    fed = fed_new(&options);
    assert_int_equal(good_window(&fed, 100, FAST_NS), 101);
    hf_adaptive_free(fed.adaptive);
}

static void all_being_well_the_rate_climbs_by_steps_up_to_its_bound(void **state)
{
    (void)state;
    struct fed fed = fed_new(&usual);
    for (uint64_t rate = 110; rate <= 1000; rate += 10)
        assert_int_equal(good_window(&fed, rate, FAST_NS), rate);
    assert_int_equal(good_window(&fed, 1000, FAST_NS), 1000);
    assert_int_equal(state_of(&fed).increases, 90);
    assert_int_equal(state_of(&fed).decreases, 0);
    assert_int_equal(state_of(&fed).quota.count, 1000);
    hf_adaptive_free(fed.adaptive);
}

static void a_rate_that_is_less_than_half_used_does_not_climb(void **state)
{
    (void)state;
    struct fed fed = fed_new(&usual);
    assert_int_equal(good_window(&fed, 48, FAST_NS), 100); /* and the one that ends it: 49 */
    assert_int_equal(good_window(&fed, 49, FAST_NS), 110);
    hf_adaptive_free(fed.adaptive);
}

static void too_many_transient_failures_take_a_fraction_off_once_a_window(void **state)
{
    (void)state;
    struct fed fed = fed_new(&usual);
    feed(&fed, 4, hf_transient(1), 0);
    assert_int_equal(good_window(&fed, 95, FAST_NS), 110); /* 4 of 100 are not too many */
    feed(&fed, 6, hf_transient(1), 0);
    assert_int_equal(good_window(&fed, 93, FAST_NS), 83);
    hf_adaptive_free(fed.adaptive);
}

static void the_window_after_a_decrease_changes_nothing(void **state)
{
    (void)state;
    struct fed fed = fed_new(&usual);
    uint64_t rates[] = {75, 75, 57, 57, 43};
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        feed(&fed, 100, hf_transient(1), 0);
        assert_int_equal(end_window(&fed), rates[i]);
    }
    assert_int_equal(state_of(&fed).decreases, 3);
    assert_int_equal(state_of(&fed).windows, 6);
    hf_adaptive_free(fed.adaptive);
}

static void the_rate_never_leaves_its_bounds(void **state)
{
    (void)state;
    struct fed fed = fed_new(&usual);
    for (int i = 0; i < 40; i++) {
        feed(&fed, 100, hf_transient(1), 0);
        assert_in_range(end_window(&fed), 10, 100);
    }
    assert_int_equal(state_of(&fed).rate, 10);
    assert_int_equal(state_of(&fed).quota.count, 10);
    assert_int_equal(state_of(&fed).quota.burst, 1);
    hf_adaptive_free(fed.adaptive);
}

static void permanent_failures_and_ignored_ones_are_no_sign_of_load(void **state)
{
    (void)state;
    struct fed fed = fed_new(&usual);
    feed(&fed, 100, hf_permanent(1), FAST_NS);
    assert_int_equal(end_window(&fed), 110);
    feed(&fed, 100, hf_ignored(1), HF_SECONDS(100));
    assert_int_equal(end_window(&fed), 120);
    assert_int_equal(state_of(&fed).fastest_ns, FAST_NS);
    hf_adaptive_free(fed.adaptive);
}

static void answers_that_queue_up_take_a_fraction_off(void **state)
{
    (void)state;
    struct fed fed = fed_new(&usual);
    assert_int_equal(good_window(&fed, 100, FAST_NS), 110);
    assert_int_equal(good_window(&fed, 100, 2 * FAST_NS), 120); /* twice is not more than twice */
    assert_int_equal(good_window(&fed, 100, 2 * FAST_NS + 1), 90);
    /* One fast answer among many slow ones: no queue. */
    assert_int_equal(good_window(&fed, 100, FAST_NS), 90);
    feed(&fed, 100, hf_success(), 9 * FAST_NS);
    assert_int_equal(good_window(&fed, 1, FAST_NS), 100);
    hf_adaptive_free(fed.adaptive);
}

static void a_queue_that_gets_shorter_is_left_to_it(void **state)
{
    (void)state;
    struct fed fed = fed_new(&usual);
    assert_int_equal(good_window(&fed, 100, FAST_NS), 110);
    assert_int_equal(good_window(&fed, 100, 9 * FAST_NS), 83);
    for (uint64_t times = 8; times > 2; times--)
        assert_int_equal(good_window(&fed, 100, times * FAST_NS), 83);
    assert_int_equal(good_window(&fed, 100, 3 * FAST_NS), 63);
    hf_adaptive_free(fed.adaptive);
}

static void an_answer_above_the_bound_is_slow_in_any_case(void **state)
{
    (void)state;
    struct hf_adaptive_options options = usual;
    options.latency_max_ns = HF_MS(50);
    struct fed fed = fed_new(&options);
    assert_int_equal(good_window(&fed, 100, HF_MS(50)), 110);
    assert_int_equal(good_window(&fed, 100, HF_MS(51)), 83);
    hf_adaptive_free(fed.adaptive);
}

static void the_fastest_of_late_is_forgotten_in_time(void **state)
{
    (void)state;
    struct fed fed = fed_new(&usual);
    assert_int_equal(good_window(&fed, 100, FAST_NS), 110);
    for (int i = 0; i < 2 * HF_ADAPTIVE_BASELINE_WINDOWS; i++)
        (void)good_window(&fed, 1000, 5 * FAST_NS);
    assert_int_equal(state_of(&fed).fastest_ns, 5 * FAST_NS);
    uint64_t rate = state_of(&fed).rate;
    (void)good_window(&fed, 1000, 5 * FAST_NS);
    assert_in_range(good_window(&fed, 1000, 5 * FAST_NS), rate + 10, rate + 20);
    hf_adaptive_free(fed.adaptive);
}

static void a_retry_after_takes_a_fraction_off_and_keeps_the_rate_down_for_so_long(void **state)
{
    (void)state;
    struct fed fed = fed_new(&usual);
    feed(&fed, 1, hf_transient_after(429, HF_SECONDS(5)), 0);
    assert_int_equal(good_window(&fed, 200, FAST_NS), 75);
    for (int second = 2; second <= 5; second++)
        assert_int_equal(good_window(&fed, 200, FAST_NS), 75);
    assert_int_equal(good_window(&fed, 200, FAST_NS), 85);
    /* One that is out of all proportion counts as a few minutes. */
    feed(&fed, 1, hf_transient_after(429, UINT64_MAX), 0);
    assert_int_equal(good_window(&fed, 200, FAST_NS), 64);
    for (int second = 2; second <= 300; second++)
        assert_int_equal(good_window(&fed, 200, FAST_NS), 64);
    assert_int_equal(good_window(&fed, 200, FAST_NS), 74);
    hf_adaptive_free(fed.adaptive);
}

static void a_window_lasts_until_it_has_heard_of_a_few_calls(void **state)
{
    (void)state;
    struct fed fed = fed_new(&usual);
    for (int i = 0; i < HF_ADAPTIVE_RECORDS_MIN - 1; i++) {
        feed(&fed, 0, hf_success(), 0);
        fed.now_ns += WINDOW_NS;
        assert_int_equal(hf_adaptive_record(fed.adaptive, hf_transient(1), 0, fed.now_ns), HF_OK);
        assert_int_equal(state_of(&fed).rate, 100);
    }
    assert_int_equal(end_window(&fed), 75);
    /* Times that go back belong to the open window. */
    assert_int_equal(hf_adaptive_record(fed.adaptive, hf_success(), 0, 0), HF_OK);
    hf_adaptive_free(fed.adaptive);
}

static void checks_admit_the_burst_and_then_the_rate(void **state)
{
    (void)state;
    struct hf_adaptive_options options = usual;
    options.burst_ns = HF_MS(200);
    struct fed fed = fed_new(&options);
    struct hf_decision decision;
    assert_int_equal(hf_adaptive_check(fed.adaptive, 21, fed.now_ns, &decision), HF_NEVER);
    assert_int_equal(hf_adaptive_check(fed.adaptive, 20, fed.now_ns, &decision), HF_OK);
    assert_int_equal(decision.limit, 20);
    uint64_t admitted = 0;
    for (uint64_t ms = 0; ms <= 10000; ms++)
        admitted += hf_adaptive_check(fed.adaptive, 1, fed.now_ns + HF_MS(ms), NULL) == HF_OK;
    assert_int_equal(admitted, 1000);
    assert_int_equal(
        hf_adaptive_check(fed.adaptive, 1, fed.now_ns + HF_MS(10000), &decision), HF_DENIED);
    assert_int_equal(decision.retry_after_ns, HF_MS(10));
    hf_adaptive_free(fed.adaptive);
}

/* Every rate between the bounds: at most 1/64 less is admitted, and never more. */
static void quotas_are_within_a_64th_of_the_rate(void **state)
{
    (void)state;
    struct hf_adaptive_options options = {
        .rate_min = 3, .rate_max = HF_ADAPTIVE_RATE_MAX, .increase = 1};
    for (uint64_t rate = 3; rate < HF_ADAPTIVE_RATE_MAX; rate += 1 + rate / 50) {
        options.rate_start = rate;
        struct fed fed = {0};
        assert_int_equal(hf_adaptive_new(&fed.adaptive, &options, NULL), HF_OK);
        struct hf_quota quota = state_of(&fed).quota;
        assert_in_range(quota.count, rate - rate / 64, rate);
        struct hf_gcra gcra;
        assert_int_equal(hf_gcra_init(&gcra, &quota, NULL), HF_OK);
        assert_memory_equal(&gcra, hf_adaptive_gcra(fed.adaptive), sizeof(gcra));
        hf_adaptive_free(fed.adaptive);
    }
}

static void its_quota_serves_limiters_by_key(void **state)
{
    (void)state;
    struct fed fed = fed_new(&usual);
    struct hf_limiter_options options = {.quota = hf_quota_per_second(1)};
    struct hf_limiter *limiter;
    struct hf_decision decision;
    assert_int_equal(hf_limiter_new(&limiter, &options, NULL), HF_OK);
    assert_int_equal(hf_limiter_check_with(
                         limiter, hf_bytes("key", 3), 1, hf_adaptive_gcra(fed.adaptive), &decision),
        HF_OK);
    assert_int_equal(decision.limit, 10);
    hf_limiter_free(limiter);
    hf_adaptive_free(fed.adaptive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_options_are_named),
        cmocka_unit_test(bad_arguments_change_nothing),
        cmocka_unit_test(every_failing_allocation_is_reported_and_leaves_nothing_behind),
        cmocka_unit_test(defaults_are_as_documented),
        cmocka_unit_test(all_being_well_the_rate_climbs_by_steps_up_to_its_bound),
        cmocka_unit_test(a_rate_that_is_less_than_half_used_does_not_climb),
        cmocka_unit_test(too_many_transient_failures_take_a_fraction_off_once_a_window),
        cmocka_unit_test(the_window_after_a_decrease_changes_nothing),
        cmocka_unit_test(the_rate_never_leaves_its_bounds),
        cmocka_unit_test(permanent_failures_and_ignored_ones_are_no_sign_of_load),
        cmocka_unit_test(answers_that_queue_up_take_a_fraction_off),
        cmocka_unit_test(a_queue_that_gets_shorter_is_left_to_it),
        cmocka_unit_test(an_answer_above_the_bound_is_slow_in_any_case),
        cmocka_unit_test(the_fastest_of_late_is_forgotten_in_time),
        cmocka_unit_test(a_retry_after_takes_a_fraction_off_and_keeps_the_rate_down_for_so_long),
        cmocka_unit_test(a_window_lasts_until_it_has_heard_of_a_few_calls),
        cmocka_unit_test(checks_admit_the_burst_and_then_the_rate),
        cmocka_unit_test(quotas_are_within_a_64th_of_the_rate),
        cmocka_unit_test(its_quota_serves_limiters_by_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
