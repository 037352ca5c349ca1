/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/delay.h>

#include "scale.h"

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

static struct hf_delay made(struct hf_delay options)
{
    struct hf_delay delay;
    assert_int_equal(hf_delay_init(&delay, &options, NULL), HF_OK);
    return delay;
}

static uint64_t drawn(
    const struct hf_delay *delay, uint32_t failures, uint64_t previous_ns, uint64_t number)
{
    struct puppet puppet = {number, 0};
    return hf_delay_ns(delay, failures, previous_ns, &(struct hf_random){puppet_next, &puppet});
}

static void defaults_are_the_documented_ones(void **state)
{
    (void)state;
    struct hf_delay delay;
    assert_int_equal(hf_delay_init(&delay, NULL, NULL), HF_OK);
    assert_int_equal(delay.growth, HF_GROWTH_EXPONENTIAL);
    assert_int_equal(delay.jitter, HF_JITTER_FULL);
    assert_int_equal(delay.base_ns, HF_MS(100));
    assert_int_equal(delay.delay_max_ns, HF_SECONDS(20));
    assert_true(delay.factor == 2.0);
    assert_true(delay.jitter_ratio == 0.25);
}

static void a_default_gives_way_to_the_field_that_was_named(void **state)
{
    (void)state;
    assert_int_equal(
        made((struct hf_delay){.base_ns = HF_SECONDS(60)}).delay_max_ns, HF_SECONDS(60));
    assert_int_equal(made((struct hf_delay){.delay_max_ns = HF_MS(5)}).base_ns, HF_MS(5));
    assert_int_equal(made((struct hf_delay){.delay_max_ns = HF_MS(500)}).base_ns, HF_MS(100));
    struct hf_delay largest = made((struct hf_delay){.base_ns = HF_TIME_MAX_NS});
    assert_true(largest.delay_max_ns == HF_TIME_MAX_NS);
}

/* Refused, named, with its value, and nothing written. */
static void assert_refused(struct hf_delay options, const char *text)
{
    struct hf_error error = {0};
    struct hf_delay delay;
    struct hf_delay untouched;
    memset(&delay, 0x5a, sizeof(delay));
    memset(&untouched, 0x5a, sizeof(untouched));
    assert_int_equal(hf_delay_init(&delay, &options, &error), HF_INVALID);
    assert_memory_equal(&delay, &untouched, sizeof(delay));
    assert_string_equal(hf_error_text(&error), text);
}

static void bad_options_are_refused_by_name_and_value(void **state)
{
    (void)state;
    assert_refused(
        (struct hf_delay){.growth = (enum hf_growth)4}, "delay.growth: 4 is not on the list");
    assert_refused(
        (struct hf_delay){.growth = (enum hf_growth) - 1}, "delay.growth: -1 is not on the list");
    assert_refused(
        (struct hf_delay){.jitter = (enum hf_jitter)4}, "delay.jitter: 4 is not on the list");
    assert_refused((struct hf_delay){.base_ns = HF_TIME_MAX_NS + 1},
        "delay.base_ns: 2305843009213693952 is too large (at most 2305843009213693951)");
    assert_refused((struct hf_delay){.base_ns = 1, .delay_max_ns = UINT64_MAX},
        "delay.delay_max_ns: 18446744073709551615 is too large (at most 2305843009213693951)");
    assert_refused((struct hf_delay){.base_ns = 11, .delay_max_ns = 10},
        "delay.delay_max_ns: 10 is below base_ns 11");
    assert_refused(
        (struct hf_delay){.factor = 0.5}, "delay.factor: 0.5 is out of range (1 to 1000)");
    assert_refused(
        (struct hf_delay){.factor = 1000.5}, "delay.factor: 1000.5 is out of range (1 to 1000)");
    assert_refused((struct hf_delay){.factor = -2}, "delay.factor: -2 is out of range (1 to 1000)");
    assert_refused(
        (struct hf_delay){.factor = HUGE_VAL}, "delay.factor: inf is out of range (1 to 1000)");
    assert_refused((struct hf_delay){.jitter_ratio = 1.5},
        "delay.jitter_ratio: 1.5 is out of range (above 0, at most 1)");
    assert_refused((struct hf_delay){.jitter_ratio = -0.25},
        "delay.jitter_ratio: -0.25 is out of range (above 0, at most 1)");

    struct hf_delay delay;
    struct hf_error error = {0};
    assert_int_equal(
        hf_delay_init(&delay, &(struct hf_delay){.factor = (double)NAN}, &error), HF_INVALID);
    assert_int_equal(
        hf_delay_init(&delay, &(struct hf_delay){.jitter_ratio = (double)NAN}, &error), HF_INVALID);
    assert_int_equal(hf_delay_init(NULL, NULL, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "delay: NULL");
    assert_int_equal(hf_delay_init(NULL, NULL, NULL), HF_INVALID);
}

static void without_jitter_growth_is_exact(void **state)
{
    (void)state;
    struct hf_delay delay = made((struct hf_delay){.jitter = HF_JITTER_NONE});
    const uint64_t doubling_ms[] = {100, 200, 400, 800, 1600, 3200, 6400, 12800, 20000, 20000};
    for (uint32_t index = 0; index < 10; index++)
        assert_int_equal(hf_delay_ns(&delay, index + 1, 0, NULL), HF_MS(doubling_ms[index]));

    delay.growth = HF_GROWTH_LINEAR;
    for (uint32_t failures = 1; failures <= 300; failures++)
        assert_int_equal(hf_delay_ns(&delay, failures, 0, NULL),
            failures < 200 ? HF_MS(100 * failures) : HF_SECONDS(20));

    delay.growth = HF_GROWTH_FIXED;
    assert_int_equal(hf_delay_ns(&delay, 1, 0, NULL), HF_MS(100));
    assert_int_equal(hf_delay_ns(&delay, UINT32_MAX, 0, NULL), HF_MS(100));
}

static void exponential_growth_agrees_with_pow(void **state)
{
    (void)state;
    const double factors[] = {1, 1.0001, 1.1, 1.5, 2, 3, 10, 1000};
    for (size_t index = 0; index < sizeof(factors) / sizeof(factors[0]); index++) {
        struct hf_delay delay = made((struct hf_delay){.jitter = HF_JITTER_NONE,
            .base_ns = 1000,
            .delay_max_ns = HF_TIME_MAX_NS,
            .factor = factors[index]});
        for (uint32_t failures = 1; failures < 3000; failures += 1 + failures / 7) {
            long double expected = 1000 * powl(factors[index], failures - 1);
            if (expected > (long double)HF_TIME_MAX_NS)
                expected = (long double)HF_TIME_MAX_NS;
            long double off = (long double)hf_delay_ns(&delay, failures, 0, NULL) - expected;
            assert_true(fabsl(off) <= 1 + expected * 1e-12L);
        }
    }
}

static void any_number_of_failures_saturates_at_the_cap(void **state)
{
    (void)state;
    const uint64_t caps_ns[] = {
        1, 3, HF_MS(100), HF_SECONDS(20), HF_TIME_MAX_NS - 1, HF_TIME_MAX_NS};
    const enum hf_growth growths[] = {HF_GROWTH_EXPONENTIAL, HF_GROWTH_LINEAR};
    for (size_t cap = 0; cap < sizeof(caps_ns) / sizeof(caps_ns[0]); cap++) {
        for (size_t growth = 0; growth < 2; growth++) {
            struct hf_delay delay = made((struct hf_delay){.growth = growths[growth],
                .jitter = HF_JITTER_NONE,
                .base_ns = caps_ns[cap] / 2 + 1,
                .delay_max_ns = caps_ns[cap]});
            assert_true(hf_delay_ns(&delay, UINT32_MAX, UINT64_MAX, NULL) == caps_ns[cap]);
            assert_true(hf_delay_ns(&delay, 3, 0, NULL) == caps_ns[cap]);
        }
    }
}

/* The smallest and the largest number that a source can give reach the ends of each interval. */
static void jitter_reaches_exactly_the_ends_of_its_interval(void **state)
{
    (void)state;
    struct hf_delay delay = made((struct hf_delay){.base_ns = 1000, .delay_max_ns = 1100});
    assert_int_equal(drawn(&delay, 1, 0, 0), 0);
    assert_int_equal(drawn(&delay, 1, 0, UINT64_MAX), 1000);

    delay.jitter = HF_JITTER_EQUAL;
    assert_int_equal(drawn(&delay, 1, 0, 0), 500);
    assert_int_equal(drawn(&delay, 1, 0, UINT64_MAX), 1000);

    delay.jitter = HF_JITTER_PROPORTIONAL;
    assert_int_equal(drawn(&delay, 1, 0, 0), 750);
    assert_int_equal(drawn(&delay, 1, 0, UINT64_MAX), 1100);
    delay.delay_max_ns = 5000;
    assert_int_equal(drawn(&delay, 1, 0, UINT64_MAX), 1250);
    delay.jitter_ratio = 1;
    assert_int_equal(drawn(&delay, 1, 0, 0), 0);
    assert_int_equal(drawn(&delay, 1, 0, UINT64_MAX), 2000);
}

static void decorrelated_growth_spans_base_to_thrice_the_previous(void **state)
{
    (void)state;
    struct hf_delay delay = made((struct hf_delay){.growth = HF_GROWTH_DECORRELATED,
        .jitter = HF_JITTER_EQUAL,
        .base_ns = 100,
        .delay_max_ns = 1000});
    assert_int_equal(drawn(&delay, 1, 0, 0), 100);
    assert_int_equal(drawn(&delay, 1, 0, UINT64_MAX), 300);
    assert_int_equal(drawn(&delay, 1, 50, UINT64_MAX), 300);
    assert_int_equal(drawn(&delay, 9, 200, 0), 100);
    assert_int_equal(drawn(&delay, 9, 200, UINT64_MAX), 600);
    assert_int_equal(drawn(&delay, 9, 334, UINT64_MAX), 1000);
    assert_int_equal(drawn(&delay, 9, UINT64_MAX, UINT64_MAX), 1000);
    assert_int_equal(drawn(&delay, 9, UINT64_MAX, 0), 100);
}

static struct hf_delay random_delay(const struct hf_random *random)
{
    uint64_t cap_ns = 1 + (hf_random_below(random, HF_TIME_MAX_NS) >> hf_random_below(random, 60));
    return made((struct hf_delay){
        .growth = (enum hf_growth)hf_random_below(random, 4),
        .jitter = (enum hf_jitter)hf_random_below(random, 4),
        .base_ns = 1 + hf_random_below(random, cap_ns),
        .delay_max_ns = cap_ns,
        .factor = 1 + (double)hf_random_below(random, 1000000) / 1001.0,
        .jitter_ratio = (double)(1 + hf_random_below(random, 1000)) / 1000.0,
    });
}

static void assert_within_its_interval(const struct hf_delay *delay, uint64_t capped, uint64_t got)
{
    double ratio = delay->jitter_ratio;
    assert_true(got <= delay->delay_max_ns);
    if (delay->growth == HF_GROWTH_DECORRELATED)
        assert_true(got >= delay->base_ns);
    else if (delay->jitter == HF_JITTER_NONE)
        assert_true(got == capped);
    else if (delay->jitter == HF_JITTER_FULL)
        assert_true(got <= capped);
    else if (delay->jitter == HF_JITTER_EQUAL)
        assert_true(got >= capped / 2 && got <= capped);
    else {
        assert_true((double)got >= (double)capped * (1 - ratio) - 1 - (double)capped * 1e-15);
        assert_true((double)got <= (double)capped * (1 + ratio) + (double)capped * 1e-15);
    }
}

static void no_delay_ever_leaves_its_interval_or_passes_the_cap(void **state)
{
    (void)state;
    const uint64_t seed = 99;
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, seed);
    struct hf_random random = hf_splitmix_random(&splitmix);
    for (size_t round = 0; round < test_scaled(100000); round++) {
        struct hf_delay delay = random_delay(&random);
        struct hf_delay plain = delay;
        plain.jitter = HF_JITTER_NONE;
        uint32_t failures = (uint32_t)(random.next(random.context) >> hf_random_below(&random, 64));
        uint64_t previous_ns = random.next(random.context) >> hf_random_below(&random, 64);
        uint64_t capped = hf_delay_ns(&plain, failures, previous_ns, NULL);
        uint64_t got = hf_delay_ns(&delay, failures, previous_ns, &random);
        assert_within_its_interval(&delay, capped, got);
        assert_true(hf_delay_ns(&delay, failures, previous_ns, NULL) <= delay.delay_max_ns);
    }
}

/* The mean of n uniform draws from [a, b] lies within 5 (b - a) / sqrt(12 n) of the middle. */
static void jitter_is_spread_evenly(void **state)
{
    (void)state;
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, 5);
    struct hf_random random = hf_splitmix_random(&splitmix);
    struct hf_delay delay = made((struct hf_delay){.growth = HF_GROWTH_FIXED, .base_ns = 1000000});
    const double ends[4][2] = {{0, 1e6}, {1e6, 1e6}, {0.5e6, 1e6}, {0.75e6, 1.25e6}};
    const size_t draws = test_scaled(40000);
    for (int jitter = 0; jitter < 4; jitter++) {
        delay.jitter = (enum hf_jitter)jitter;
        double sum = 0;
        for (size_t count = 0; count < draws; count++)
            sum += (double)hf_delay_ns(&delay, 1, 0, &random);
        double low = ends[jitter][0];
        double high = ends[jitter][1];
        double off = fabs(sum / (double)draws - (low + high) / 2);
        assert_true(off <= 1 + 5 * (high - low) / sqrt(12 * (double)draws));
    }
}

static void randomness_is_asked_once_or_not_at_all(void **state)
{
    (void)state;
    for (int growth = 0; growth < 4; growth++) {
        for (int jitter = 0; jitter < 4; jitter++) {
            struct hf_delay delay = made((struct hf_delay){
                .growth = (enum hf_growth)growth, .jitter = (enum hf_jitter)jitter});
            struct puppet puppet = {0};
            (void)hf_delay_ns(&delay, 3, 0, &(struct hf_random){puppet_next, &puppet});
            bool drawn_from = growth == HF_GROWTH_DECORRELATED || jitter != HF_JITTER_NONE;
            assert_int_equal(puppet.asked, drawn_from ? 1 : 0);
        }
    }
}

static void edges_are_answered(void **state)
{
    (void)state;
    struct hf_delay delay = made((struct hf_delay){0});
    assert_int_equal(hf_delay_ns(NULL, 1, 0, NULL), 0);
    assert_int_equal(drawn(&delay, 0, 0, UINT64_MAX), HF_MS(100));
    assert_int_equal(hf_delay_ns(&delay, 1, 0, NULL), HF_MS(100));
    assert_int_equal(hf_delay_ns(&delay, 2, 0, &(struct hf_random){0}), HF_MS(200));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_documented_ones),
        cmocka_unit_test(a_default_gives_way_to_the_field_that_was_named),
        cmocka_unit_test(bad_options_are_refused_by_name_and_value),
        cmocka_unit_test(without_jitter_growth_is_exact),
        cmocka_unit_test(exponential_growth_agrees_with_pow),
        cmocka_unit_test(any_number_of_failures_saturates_at_the_cap),
        cmocka_unit_test(jitter_reaches_exactly_the_ends_of_its_interval),
        cmocka_unit_test(decorrelated_growth_spans_base_to_thrice_the_previous),
        cmocka_unit_test(no_delay_ever_leaves_its_interval_or_passes_the_cap),
        cmocka_unit_test(jitter_is_spread_evenly),
        cmocka_unit_test(randomness_is_asked_once_or_not_at_all),
        cmocka_unit_test(edges_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
