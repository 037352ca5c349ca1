/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/retry.h>

#include "../scale.h"

/* A source that says what it is told and counts how often it is asked. */
struct puppet {
    uint64_t number;
    int asked;
};

static uint64_t puppet_next(void *context)
{
    struct puppet *puppet = context;
    puppet->asked++;
    return puppet->number;
}

static struct hf_retry_policy made(struct hf_retry_options options)
{
    struct hf_retry_policy policy;
    struct hf_error error = {0};
    if (hf_retry_policy_init(&policy, &options, &error) != HF_OK)
        fail_msg("%s", hf_error_text(&error));
    return policy;
}

static const struct hf_delay fixed_10 = {
    .growth = HF_GROWTH_FIXED,
    .jitter = HF_JITTER_NONE,
    .base_ns = 10,
};

static void attempts_max_counts_tries_and_not_retries(void **state)
{
    (void)state;
    for (uint32_t attempts = 1; attempts <= 20; attempts++) {
        struct hf_retry_policy policy =
            made((struct hf_retry_options){.attempts_max = attempts, .delay = fixed_10});
        struct hf_retry retry;
        uint64_t delay_ns;
        hf_retry_begin(&retry, &policy, 0);
        for (uint32_t number = 1; number < attempts; number++) {
            assert_int_equal(hf_retry_next(&retry, hf_transient(1), 0, NULL, &delay_ns), HF_AGAIN);
            assert_int_equal(retry.report.attempts, number);
            assert_int_equal(retry.report.stop, HF_RETRY_GOING);
        }
        assert_int_equal(hf_retry_next(&retry, hf_transient(1), 0, NULL, &delay_ns), HF_EXHAUSTED);
        assert_int_equal(retry.report.attempts, attempts);
        assert_int_equal(retry.report.stop, HF_RETRY_ATTEMPTS);
        assert_int_equal(retry.report.delayed_ns, 10 * (attempts - 1));
    }
}

/* What a sequence of outcomes must come to, said in another way: by its first one that decides. */
static void every_short_sequence_of_outcomes_ends_where_it_must(void **state)
{
    (void)state;
    enum { LENGTH = 5, KINDS = 4, SEQUENCES = 1024 };
    struct hf_retry_policy policy =
        made((struct hf_retry_options){.attempts_max = 4, .delay = fixed_10});
    for (unsigned sequence = 0; sequence < SEQUENCES; sequence++) {
        enum hf_outcome_kind kinds[LENGTH];
        unsigned digits = sequence;
        for (int index = 0; index < LENGTH; index++, digits /= KINDS)
            kinds[index] = (enum hf_outcome_kind)(digits % KINDS);
        uint32_t decider = 0;
        while (decider < 3 && kinds[decider] == HF_TRANSIENT)
            decider++;
        static const enum hf_status statuses[] = {HF_OK, HF_EXHAUSTED, HF_FAILED, HF_FAILED};
        static const enum hf_retry_stop stops[] = {
            HF_RETRY_SUCCEEDED, HF_RETRY_ATTEMPTS, HF_RETRY_PERMANENT, HF_RETRY_IGNORED};

        struct hf_retry retry;
        hf_retry_begin(&retry, &policy, 0);
        for (uint32_t index = 0; index < LENGTH; index++) {
            uint64_t delay_ns = 77;
            enum hf_status expected = index < decider ? HF_AGAIN : statuses[kinds[decider]];
            if (index > decider)
                expected = HF_INVALID;
            struct hf_outcome outcome = hf_outcome(kinds[index], (int32_t)index, 0);
            assert_int_equal(hf_retry_next(&retry, outcome, 0, NULL, &delay_ns), expected);
            assert_int_equal(delay_ns, expected == HF_AGAIN ? 10 : 77);
        }
        assert_int_equal(retry.report.attempts, decider + 1);
        assert_int_equal(retry.report.stop, stops[kinds[decider]]);
        assert_int_equal(retry.report.outcome.kind, kinds[decider]);
        assert_int_equal(
            retry.report.causes_count, decider + (kinds[decider] == HF_SUCCESS ? 0 : 1));
    }
}

static void a_kind_off_the_list_is_permanent(void **state)
{
    (void)state;
    struct hf_retry_policy policy = made((struct hf_retry_options){.attempts_max = 3});
    struct hf_retry retry;
    uint64_t delay_ns;
    hf_retry_begin(&retry, &policy, 0);
    struct hf_outcome odd = hf_outcome((enum hf_outcome_kind)17, 0, 0);
    assert_int_equal(hf_retry_next(&retry, odd, 0, NULL, &delay_ns), HF_FAILED);
    assert_int_equal(retry.report.stop, HF_RETRY_PERMANENT);
}

static void the_time_that_tries_take_counts_as_elapsed(void **state)
{
    (void)state;
    struct hf_retry_policy policy = made((struct hf_retry_options){
        .attempts_max = HF_RETRY_UNLIMITED, .delay = fixed_10, .elapsed_max_ns = 1000});
    struct hf_retry retry;
    uint64_t delay_ns;
    hf_retry_begin(&retry, &policy, 5000);
    /* The sum of delays is 10 by now, but the try itself took 900. */
    assert_int_equal(hf_retry_next(&retry, hf_transient(1), 5900, NULL, &delay_ns), HF_AGAIN);
    assert_int_equal(retry.report.elapsed_ns, 900);
    assert_int_equal(hf_retry_next(&retry, hf_transient(1), 5990, NULL, &delay_ns), HF_EXHAUSTED);
    assert_int_equal(retry.report.stop, HF_RETRY_ELAPSED);
    assert_int_equal(retry.report.elapsed_ns, 990);
}

static void no_try_begins_at_or_past_elapsed_max(void **state)
{
    (void)state;
    struct hf_retry_policy policy = made((struct hf_retry_options){
        .attempts_max = HF_RETRY_UNLIMITED, .delay = fixed_10, .elapsed_max_ns = 100});
    const struct {
        uint64_t now_ns;
        enum hf_status status;
    } cases[] = {{0, HF_AGAIN}, {89, HF_AGAIN}, {90, HF_EXHAUSTED}, {91, HF_EXHAUSTED},
        {100, HF_EXHAUSTED}, {101, HF_EXHAUSTED}, {HF_TIME_MAX_NS, HF_EXHAUSTED}};
    for (size_t index = 0; index < sizeof(cases) / sizeof(cases[0]); index++) {
        struct hf_retry retry;
        uint64_t delay_ns;
        hf_retry_begin(&retry, &policy, 0);
        assert_int_equal(
            hf_retry_next(&retry, hf_transient(1), cases[index].now_ns, NULL, &delay_ns),
            cases[index].status);
    }
}

static void a_clock_that_steps_back_shows_no_time_elapsed(void **state)
{
    (void)state;
    struct hf_retry_policy policy = made((struct hf_retry_options){.elapsed_max_ns = 100});
    struct hf_retry retry;
    uint64_t delay_ns;
    hf_retry_begin(&retry, &policy, 5000);
    assert_int_equal(hf_retry_attempt_timeout_ns(&retry, 4000), 100);
    assert_int_equal(hf_retry_next(&retry, hf_success(), 4000, NULL, &delay_ns), HF_OK);
    assert_int_equal(retry.report.elapsed_ns, 0);
}

/* One failure with a retry-after of so much, so long after the start. */
static enum hf_status told(const struct hf_retry_policy *policy, uint64_t retry_after_ns,
    uint64_t now_ns, enum hf_retry_stop *stop, uint64_t *delay_ns, struct puppet *puppet)
{
    struct hf_retry retry;
    hf_retry_begin(&retry, policy, 0);
    const struct hf_random random = {puppet_next, puppet};
    enum hf_status status =
        hf_retry_next(&retry, hf_transient_after(429, retry_after_ns), now_ns, &random, delay_ns);
    *stop = retry.report.stop;
    return status;
}

static void retry_after_is_honoured_and_never_undercut_by_jitter(void **state)
{
    (void)state;
    struct hf_retry_policy policy =
        made((struct hf_retry_options){.delay = {.base_ns = 1000, .delay_max_ns = 1000}});
    enum hf_retry_stop stop;
    uint64_t delay_ns;
    for (uint64_t retry_after_ns = 0; retry_after_ns <= 3000; retry_after_ns += 7) {
        /* The least and the most that full jitter can draw: 0 and 1000. */
        struct puppet least = {0, 0};
        assert_int_equal(told(&policy, retry_after_ns, 0, &stop, &delay_ns, &least), HF_AGAIN);
        assert_int_equal(delay_ns, retry_after_ns);
        struct puppet most = {UINT64_MAX, 0};
        assert_int_equal(told(&policy, retry_after_ns, 0, &stop, &delay_ns, &most), HF_AGAIN);
        assert_int_equal(delay_ns, retry_after_ns > 1000 ? retry_after_ns : 1000);
    }
}

static void a_retry_after_beyond_its_limit_stops_at_once_and_draws_nothing(void **state)
{
    (void)state;
    struct hf_retry_policy policy =
        made((struct hf_retry_options){.retry_after_max_ns = 5000, .delay = {.base_ns = 10}});
    enum hf_retry_stop stop;
    uint64_t delay_ns = 77;
    struct puppet puppet = {0, 0};
    assert_int_equal(told(&policy, 5001, 0, &stop, &delay_ns, &puppet), HF_EXHAUSTED);
    assert_int_equal(stop, HF_RETRY_AFTER);
    assert_int_equal(told(&policy, UINT64_MAX, 0, &stop, &delay_ns, &puppet), HF_EXHAUSTED);
    assert_int_equal(delay_ns, 77);
    assert_int_equal(puppet.asked, 0);
    assert_int_equal(told(&policy, 5000, 0, &stop, &delay_ns, &puppet), HF_AGAIN);
    assert_int_equal(delay_ns, 5000);
}

static void a_retry_after_beyond_what_elapsed_max_leaves_stops_at_once(void **state)
{
    (void)state;
    struct hf_retry_policy policy =
        made((struct hf_retry_options){.elapsed_max_ns = 1000, .delay = fixed_10});
    enum hf_retry_stop stop;
    uint64_t delay_ns;
    struct puppet puppet = {0, 0};
    assert_int_equal(told(&policy, 399, 600, &stop, &delay_ns, &puppet), HF_AGAIN);
    assert_int_equal(delay_ns, 399);
    assert_int_equal(told(&policy, 400, 600, &stop, &delay_ns, &puppet), HF_EXHAUSTED);
    assert_int_equal(stop, HF_RETRY_AFTER);
    /* With no time left at all it is time that ran out, whatever was asked for. */
    assert_int_equal(told(&policy, 400, 1000, &stop, &delay_ns, &puppet), HF_EXHAUSTED);
    assert_int_equal(stop, HF_RETRY_ELAPSED);
}

static void a_long_retry_after_does_not_feed_the_growth_of_later_delays(void **state)
{
    (void)state;
    struct hf_retry_policy policy = made((struct hf_retry_options){.attempts_max = 9,
        .delay = {.growth = HF_GROWTH_DECORRELATED, .base_ns = 10, .delay_max_ns = 100000}});
    struct puppet puppet = {UINT64_MAX, 0};
    const struct hf_random random = {puppet_next, &puppet};
    struct hf_retry retry;
    uint64_t delay_ns;
    hf_retry_begin(&retry, &policy, 0);
    struct hf_outcome busy = hf_transient_after(429, 50000);
    assert_int_equal(hf_retry_next(&retry, busy, 0, &random, &delay_ns), HF_AGAIN);
    assert_int_equal(delay_ns, 50000);
    assert_int_equal(hf_retry_next(&retry, hf_transient(1), 0, &random, &delay_ns), HF_AGAIN);
    assert_int_equal(delay_ns, 90);
    assert_int_equal(retry.report.delayed_ns, 50090);
}

static void random_is_asked_once_for_each_delay_that_needs_it(void **state)
{
    (void)state;
    struct puppet puppet = {UINT64_MAX / 2, 0};
    const struct hf_random random = {puppet_next, &puppet};
    struct hf_retry_policy jittered = made((struct hf_retry_options){.attempts_max = 3});
    struct hf_retry retry;
    uint64_t delay_ns;
    hf_retry_begin(&retry, &jittered, 0);
    assert_int_equal(puppet.asked, 0);
    assert_int_equal(hf_retry_next(&retry, hf_transient(1), 0, &random, &delay_ns), HF_AGAIN);
    assert_int_equal(hf_retry_next(&retry, hf_transient(1), 0, &random, &delay_ns), HF_AGAIN);
    assert_int_equal(puppet.asked, 2);
    assert_int_equal(hf_retry_next(&retry, hf_transient(1), 0, &random, &delay_ns), HF_EXHAUSTED);
    assert_int_equal(puppet.asked, 2);

    struct hf_retry_policy fixed = made((struct hf_retry_options){.delay = fixed_10});
    hf_retry_begin(&retry, &fixed, 0);
    assert_int_equal(hf_retry_next(&retry, hf_transient(1), 0, &random, &delay_ns), HF_AGAIN);
    assert_int_equal(hf_retry_next(&retry, hf_success(), 0, &random, &delay_ns), HF_OK);
    assert_int_equal(puppet.asked, 2);
}

static void without_random_numbers_the_longest_delay_is_taken(void **state)
{
    (void)state;
    struct hf_retry_policy policy = made((struct hf_retry_options){.delay = {.base_ns = 1000}});
    struct hf_retry retry;
    uint64_t delay_ns;
    hf_retry_begin(&retry, &policy, 0);
    assert_int_equal(hf_retry_next(&retry, hf_transient(1), 0, NULL, &delay_ns), HF_AGAIN);
    assert_int_equal(delay_ns, 1000);
    assert_int_equal(hf_retry_next(&retry, hf_transient(1), 0, NULL, &delay_ns), HF_AGAIN);
    assert_int_equal(delay_ns, 2000);
}

static void the_first_cause_and_the_newest_are_kept(void **state)
{
    (void)state;
    struct hf_retry_policy policy =
        made((struct hf_retry_options){.attempts_max = 40, .delay = fixed_10});
    struct hf_retry retry;
    uint64_t delay_ns;
    hf_retry_begin(&retry, &policy, 0);
    for (int32_t code = 1; code < 40; code++) {
        assert_int_equal(hf_retry_next(&retry, hf_transient(code), 0, NULL, &delay_ns), HF_AGAIN);
        const struct hf_retry_report *report = &retry.report;
        uint32_t expected = code < HF_RETRY_CAUSES_MAX ? (uint32_t)code : HF_RETRY_CAUSES_MAX;
        assert_int_equal(report->causes_count, expected);
        assert_int_equal(report->causes[0].code, 1);
        for (uint32_t index = 1; index < expected; index++)
            assert_int_equal(
                report->causes[index].code, code - (int32_t)(expected - 1) + (int32_t)index);
    }
    assert_int_equal(hf_retry_next(&retry, hf_success(), 0, NULL, &delay_ns), HF_OK);
    assert_int_equal(retry.report.causes_count, HF_RETRY_CAUSES_MAX);
    assert_int_equal(retry.report.causes[HF_RETRY_CAUSES_MAX - 1].code, 39);
}

static void bad_arguments_are_invalid_and_change_nothing(void **state)
{
    (void)state;
    struct hf_retry_policy policy = made((struct hf_retry_options){.delay = fixed_10});
    struct hf_retry retry;
    uint64_t delay_ns = 77;
    memset(&retry, 0, sizeof(retry));
    hf_retry_begin(NULL, &policy, 0);
    hf_retry_begin(&retry, NULL, 0);
    assert_int_equal(hf_retry_next(&retry, hf_success(), 0, NULL, &delay_ns), HF_INVALID);
    assert_int_equal(hf_retry_attempt_timeout_ns(&retry, 0), 0);
    assert_int_equal(hf_retry_attempt_timeout_ns(NULL, 0), 0);

    hf_retry_begin(&retry, &policy, 0);
    struct hf_retry before = retry;
    assert_int_equal(hf_retry_next(NULL, hf_success(), 0, NULL, &delay_ns), HF_INVALID);
    assert_int_equal(hf_retry_next(&retry, hf_success(), 0, NULL, NULL), HF_INVALID);
    assert_int_equal(
        hf_retry_next(&retry, hf_transient(1), HF_TIME_MAX_NS + 1, NULL, &delay_ns), HF_INVALID);
    assert_int_equal(
        hf_retry_next(&retry, hf_transient(1), UINT64_MAX, NULL, &delay_ns), HF_INVALID);
    assert_memory_equal(&retry, &before, sizeof(retry));
    assert_int_equal(delay_ns, 77);
    assert_int_equal(
        hf_retry_next(&retry, hf_transient(1), HF_TIME_MAX_NS, NULL, &delay_ns), HF_AGAIN);
}

static void stopping_from_outside_ends_the_retries_but_not_their_report(void **state)
{
    (void)state;
    struct hf_retry_policy policy = made((struct hf_retry_options){.delay = fixed_10});
    struct hf_retry retry;
    uint64_t delay_ns;
    hf_retry_begin(&retry, &policy, 0);
    assert_int_equal(hf_retry_next(&retry, hf_transient(5), 0, NULL, &delay_ns), HF_AGAIN);
    hf_retry_stop(&retry);
    assert_int_equal(retry.report.stop, HF_RETRY_STOPPED);
    assert_int_equal(hf_retry_next(&retry, hf_success(), 0, NULL, &delay_ns), HF_INVALID);
    assert_int_equal(retry.report.attempts, 1);
    assert_int_equal(retry.report.outcome.code, 5);

    hf_retry_begin(&retry, &policy, 0);
    assert_int_equal(hf_retry_next(&retry, hf_success(), 0, NULL, &delay_ns), HF_OK);
    hf_retry_stop(&retry);
    assert_int_equal(retry.report.stop, HF_RETRY_SUCCEEDED);
    hf_retry_stop(NULL);
}

static void each_try_is_told_the_shorter_of_its_limit_and_what_is_left(void **state)
{
    (void)state;
    const struct {
        uint64_t attempt_timeout_ns;
        uint64_t elapsed_max_ns;
        uint64_t now_ns;
        uint64_t expected_ns;
    } cases[] = {
        {0, 0, 0, UINT64_MAX},
        {0, 0, HF_TIME_MAX_NS, UINT64_MAX},
        {50, 0, HF_TIME_MAX_NS, 50},
        {0, 100, 0, 100},
        {0, 100, 30, 70},
        {50, 100, 30, 50},
        {50, 100, 50, 50},
        {50, 100, 51, 49},
        {50, 100, 100, 0},
        {50, 100, 101, 0},
        {200, 100, 0, 100},
    };
    for (size_t index = 0; index < sizeof(cases) / sizeof(cases[0]); index++) {
        struct hf_retry_policy policy = made((struct hf_retry_options){
            .attempt_timeout_ns = cases[index].attempt_timeout_ns,
            .elapsed_max_ns = cases[index].elapsed_max_ns,
        });
        struct hf_retry retry;
        hf_retry_begin(&retry, &policy, 0);
        assert_int_equal(
            hf_retry_attempt_timeout_ns(&retry, cases[index].now_ns), cases[index].expected_ns);
    }
}

static void attempts_saturate_instead_of_starting_over(void **state)
{
    (void)state;
    struct hf_retry_policy policy = made((struct hf_retry_options){
        .attempts_max = HF_RETRY_UNLIMITED, .elapsed_max_ns = 1000, .delay = fixed_10});
    struct hf_retry retry;
    uint64_t delay_ns;
    hf_retry_begin(&retry, &policy, 0);
    retry.report.attempts = UINT32_MAX - 1;
    retry.report.delayed_ns = UINT64_MAX - 5;
    for (int again = 0; again < 3; again++) {
        assert_int_equal(hf_retry_next(&retry, hf_transient(1), 0, NULL, &delay_ns), HF_AGAIN);
        assert_true(retry.report.attempts == UINT32_MAX);
        assert_true(retry.report.delayed_ns == UINT64_MAX);
    }
}

/* Random policies, random tries: what the header promises of every run. */
static void random_runs_keep_every_promise(void **state)
{
    (void)state;
    const uint64_t seed = 20261120;
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, seed);
    const struct hf_random random = hf_splitmix_random(&splitmix);
    size_t runs = test_scaled(20000);
    for (size_t run = 0; run < runs; run++) {
        struct hf_retry_options options = {
            .attempts_max = (uint32_t)hf_random_below(&random, 12),
            .delay = {.growth = (enum hf_growth)hf_random_below(&random, 4),
                .jitter = (enum hf_jitter)hf_random_below(&random, 4),
                .base_ns = 1 + hf_random_below(&random, 1000)},
            .elapsed_max_ns = hf_random_below(&random, 2) * hf_random_below(&random, 100000),
            .retry_after_max_ns = 1 + hf_random_below(&random, 50000),
        };
        options.delay.delay_max_ns = options.delay.base_ns + hf_random_below(&random, 20000);
        struct hf_retry_policy policy = made(options);
        const uint64_t start_ns = hf_random_below(&random, HF_TIME_MAX_NS / 2);
        uint64_t now_ns = start_ns;
        uint64_t delayed_ns = 0;
        uint32_t tries = 0;
        struct hf_retry retry;
        enum hf_status status;
        hf_retry_begin(&retry, &policy, start_ns);
        do {
            uint64_t elapsed_ns = now_ns - start_ns;
            if (options.elapsed_max_ns > 0 && tries > 0 && elapsed_ns >= options.elapsed_max_ns)
                fail_msg("run %zu of seed %" PRIu64 ": a try too late", run, seed);
            now_ns += hf_random_below(&random, 5000);
            struct hf_outcome outcome = hf_transient_after(
                0, hf_random_below(&random, 3) == 0 ? hf_random_below(&random, 60000) : 0);
            uint64_t delay_ns = 0;
            status = hf_retry_next(&retry, outcome, now_ns, &random, &delay_ns);
            tries++;
            assert_int_equal(retry.report.elapsed_ns, now_ns - start_ns);
            if (status != HF_AGAIN)
                break;
            if (delay_ns < outcome.retry_after_ns ||
                (delay_ns > outcome.retry_after_ns && delay_ns > options.delay.delay_max_ns))
                fail_msg("run %zu of seed %" PRIu64 ": a delay of %" PRIu64, run, seed, delay_ns);
            assert_true(outcome.retry_after_ns <= options.retry_after_max_ns);
            now_ns += delay_ns;
            delayed_ns += delay_ns;
        } while (status == HF_AGAIN);
        assert_int_equal(status, HF_EXHAUSTED);
        assert_int_equal(retry.report.attempts, tries);
        assert_int_equal(retry.report.delayed_ns, delayed_ns);
        assert_true(tries <= policy.options.attempts_max);
        if (retry.report.stop == HF_RETRY_ATTEMPTS)
            assert_int_equal(tries, policy.options.attempts_max);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attempts_max_counts_tries_and_not_retries),
        cmocka_unit_test(every_short_sequence_of_outcomes_ends_where_it_must),
        cmocka_unit_test(a_kind_off_the_list_is_permanent),
        cmocka_unit_test(the_time_that_tries_take_counts_as_elapsed),
        cmocka_unit_test(no_try_begins_at_or_past_elapsed_max),
        cmocka_unit_test(a_clock_that_steps_back_shows_no_time_elapsed),
        cmocka_unit_test(retry_after_is_honoured_and_never_undercut_by_jitter),
        cmocka_unit_test(a_retry_after_beyond_its_limit_stops_at_once_and_draws_nothing),
        cmocka_unit_test(a_retry_after_beyond_what_elapsed_max_leaves_stops_at_once),
        cmocka_unit_test(a_long_retry_after_does_not_feed_the_growth_of_later_delays),
        cmocka_unit_test(random_is_asked_once_for_each_delay_that_needs_it),
        cmocka_unit_test(without_random_numbers_the_longest_delay_is_taken),
        cmocka_unit_test(the_first_cause_and_the_newest_are_kept),
        cmocka_unit_test(bad_arguments_are_invalid_and_change_nothing),
        cmocka_unit_test(stopping_from_outside_ends_the_retries_but_not_their_report),
        cmocka_unit_test(each_try_is_told_the_shorter_of_its_limit_and_what_is_left),
        cmocka_unit_test(attempts_saturate_instead_of_starting_over),
        cmocka_unit_test(random_runs_keep_every_promise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
