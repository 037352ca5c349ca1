/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/random.h>

#include "base/atomic.h"
#include "base/tsc.h"
#include "scale.h"

/* A counter of 3 GHz that began at these. */
#define START_TICKS UINT64_C(5000000)
#define START_NS UINT64_C(123456789)

static struct hf_tsc three_ghz(void)
{
    struct hf_tsc tsc;
    const struct hf_tsc_sample first = {START_TICKS, START_NS};
    const struct hf_tsc_sample last = {START_TICKS + 60000000, START_NS + 20000000};
    assert_true(hf_tsc_calibrate(&tsc, first, last));
    return tsc;
}

static void readings_follow_the_counter_in_whole_steps(void **state)
{
    (void)state;
    struct hf_tsc tsc = three_ghz();
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, 3);
    uint64_t ticks = START_TICKS;
    for (size_t reading = 0; reading < test_scaled(100000); reading++) {
        ticks += hf_splitmix_next(&splitmix) >> (24 + reading % 40);
        uint64_t now_ns = hf_tsc_now_ns(&tsc, ticks);
        long double exact = (long double)START_NS + (long double)(ticks - START_TICKS) / 3;
        assert_int_equal(now_ns % HF_TSC_STEP_NS, 0);
        assert_true((long double)now_ns <= exact);
        assert_true((long double)now_ns > exact * (1 - 1e-9L) - HF_TSC_STEP_NS - 1);
    }
}

static void a_lagging_counter_is_answered_with_the_latest_step(void **state)
{
    (void)state;
    struct hf_tsc tsc = three_ghz();
    uint64_t first_ns = hf_tsc_now_ns(&tsc, START_TICKS + 30000);
    assert_int_equal(hf_tsc_now_ns(&tsc, START_TICKS + 20000), first_ns);
    assert_int_equal(hf_tsc_now_ns(&tsc, START_TICKS), first_ns);
    assert_int_equal(hf_tsc_now_ns(&tsc, 0), first_ns);
    assert_true(hf_tsc_now_ns(&tsc, START_TICKS + 40000) > first_ns);
}

static void before_the_start_no_time_has_passed(void **state)
{
    (void)state;
    struct hf_tsc tsc = three_ghz();
    assert_int_equal(hf_tsc_now_ns(&tsc, START_TICKS - 1), START_NS / 1024 * 1024);
    assert_int_equal(hf_tsc_now_ns(&tsc, 0), START_NS / 1024 * 1024);
}

static void a_century_does_not_overflow(void **state)
{
    (void)state;
    struct hf_tsc tsc = three_ghz();
    uint64_t ticks = START_TICKS + 3 * HF_TIME_MAX_NS;
    uint64_t now_ns = hf_tsc_now_ns(&tsc, ticks);
    long double exact = (long double)HF_TIME_MAX_NS + (long double)START_NS;
    assert_true(fabsl((long double)now_ns - exact) < exact * 1e-9L);
}

static void calibration_refuses_what_cannot_be_a_counter(void **state)
{
    (void)state;
    const struct hf_tsc_sample first = {1000, 1000};
    const struct hf_tsc_sample bad[] = {
        {1000, 20001000},             /* The counter stood still, */
        {999, 20001000},              /* went backwards, */
        {60001000, 1000},             /* the system's clock did, */
        {60001000, 999},              /* */
        {1100, 20001000},             /* 5 kHz, */
        {UINT64_MAX, 20001000},       /* 1 PHz and more, */
        {60001000, 1001 + UINT32_MAX} /* or nobody knows what happened in between. */
    };
    for (size_t index = 0; index < sizeof(bad) / sizeof(bad[0]); index++) {
        struct hf_tsc tsc = {.latest_ns = 7};
        assert_false(hf_tsc_calibrate(&tsc, first, bad[index]));
        assert_int_equal(tsc.latest_ns, 7);
        assert_int_equal(tsc.ns_per_tick_32, 0);
    }
}

/*
 * The oracle: what any thread was told before a reading began, no reading may fall below. Each
 * thread's counter is off by its own skew and jumps about, as no real one would.
 */
struct reader {
    struct hf_tsc *tsc;
    struct hf_clock clock; /* Read instead of the made-up counter if it has a function. */
    uint64_t *ticks;
    uint64_t *maximum;
    uint64_t skew;
    uint64_t seed;
    size_t readings;
    size_t violations;
};

static uint64_t skewed_ticks(struct reader *reader, struct hf_splitmix *splitmix)
{
    uint64_t ticks = hf_add_relaxed(reader->ticks, 700);
    return ticks - reader->skew - (hf_splitmix_next(splitmix) & 4095);
}

static void *read_often(void *context)
{
    struct reader *reader = context;
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, reader->seed);
    for (size_t reading = 0; reading < reader->readings; reading++) {
        uint64_t before_ns = hf_load_seq(reader->maximum);
        uint64_t now_ns = reader->clock.now_ns
                              ? hf_clock_now_ns(&reader->clock)
                              : hf_tsc_now_ns(reader->tsc, skewed_ticks(reader, &splitmix));
        reader->violations += now_ns < before_ns;
        hf_max_seq(reader->maximum, now_ns);
    }
    return NULL;
}

#define READERS 3

static size_t violations_among_threads(struct hf_tsc *tsc, struct hf_clock clock)
{
    uint64_t ticks = START_TICKS + 1000000;
    uint64_t maximum = 0;
    struct reader readers[READERS];
    pthread_t threads[READERS];
    for (size_t index = 0; index < READERS; index++) {
        readers[index] = (struct reader){
            tsc, clock, &ticks, &maximum, 5000 * index, index, test_scaled(200000), 0};
        assert_int_equal(pthread_create(&threads[index], NULL, read_often, &readers[index]), 0);
    }
    size_t violations = 0;
    for (size_t index = 0; index < READERS; index++) {
        assert_int_equal(pthread_join(threads[index], NULL), 0);
        violations += readers[index].violations;
    }
    return violations;
}

static void no_thread_goes_behind_another_though_their_counters_disagree(void **state)
{
    (void)state;
    struct hf_tsc tsc = three_ghz();
    assert_int_equal(violations_among_threads(&tsc, (struct hf_clock){0}), 0);
}

/* The oracle is worth something: a clock that scales its core's counter and leaves it at that
 * fails. */
static void the_oracle_catches_a_clock_without_the_shared_word(void **state)
{
    (void)state;
    struct hf_tsc tsc = three_ghz();
    uint64_t ticks = START_TICKS + 1000000;
    uint64_t maximum = 0;
    struct reader reader = {&tsc, {0}, &ticks, &maximum, 0, 1, 1, 0};
    for (int reading = 0; reading < 100; reading++) {
        tsc.latest_ns = 0;
        reader.skew = reading % 2 ? 9000 : 0;
        read_often(&reader);
    }
    assert_true(reader.violations > 0);
}

static void the_processors_own_counter_is_monotonic_across_threads(void **state)
{
    (void)state;
    struct hf_tsc tsc;
    struct hf_error error = {0};
    enum hf_status status = hf_tsc_init(&tsc, &error);
    if (status != HF_OK) {
        assert_int_equal(status, HF_UNSUPPORTED);
        assert_non_null(strstr(hf_error_text(&error), "time stamp counter"));
        skip();
    }
    assert_int_equal(violations_among_threads(&tsc, hf_tsc_clock(&tsc)), 0);
}

/*
 * Both clocks measure the same stretch; each reading of the one lies between two of the other, so
 * that a pause anywhere widens the bounds instead of failing the test.
 */
static void it_keeps_pace_with_the_system_clock(void **state)
{
    (void)state;
    struct hf_tsc tsc;
    if (hf_tsc_init(&tsc, NULL) != HF_OK)
        skip();
    struct hf_clock counter = hf_tsc_clock(&tsc);
    uint64_t outer_start_ns = hf_clock_now_ns(NULL);
    uint64_t start_ns = hf_clock_now_ns(&counter);
    uint64_t inner_start_ns = hf_clock_now_ns(NULL);
    hf_clock_sleep_ns(&counter, HF_MS(30));
    uint64_t inner_end_ns = hf_clock_now_ns(NULL);
    uint64_t end_ns = hf_clock_now_ns(&counter);
    uint64_t outer_end_ns = hf_clock_now_ns(NULL);
    double measured = (double)(end_ns - start_ns);
    assert_true(measured >= 0.98 * (double)(inner_end_ns - inner_start_ns) - HF_TSC_STEP_NS);
    assert_true(measured <= 1.02 * (double)(outer_end_ns - outer_start_ns) + HF_TSC_STEP_NS);
}

static void without_a_counter_the_clock_is_the_monotonic_one(void **state)
{
    (void)state;
    struct hf_error error = {0};
    assert_int_equal(hf_tsc_init(NULL, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "tsc: NULL");
    struct hf_tsc uncalibrated = {0};
    struct hf_clock monotonic = hf_clock_monotonic();
    assert_true(hf_tsc_clock(NULL).now_ns == monotonic.now_ns);
    assert_true(hf_tsc_clock(&uncalibrated).now_ns == monotonic.now_ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readings_follow_the_counter_in_whole_steps),
        cmocka_unit_test(a_lagging_counter_is_answered_with_the_latest_step),
        cmocka_unit_test(before_the_start_no_time_has_passed),
        cmocka_unit_test(a_century_does_not_overflow),
        cmocka_unit_test(calibration_refuses_what_cannot_be_a_counter),
        cmocka_unit_test(no_thread_goes_behind_another_though_their_counters_disagree),
        cmocka_unit_test(the_oracle_catches_a_clock_without_the_shared_word),
        cmocka_unit_test(the_processors_own_counter_is_monotonic_across_threads),
        cmocka_unit_test(it_keeps_pace_with_the_system_clock),
        cmocka_unit_test(without_a_counter_the_clock_is_the_monotonic_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
