/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/metrics.h>

#include "base/atomic.h"
#include "scale.h"
#include "support/prometheus_parser.h"

enum { THREADS = 4, NAMES = 50, TEXT_BYTES = 65536 };

/* What all threads of a test share. Assertions are the main thread's alone. */
struct shared {
    struct hf_metrics *metrics;
    struct hf_counter *counter;
    struct hf_gauge *gauge;
    struct hf_histogram *histogram;
    size_t rounds;
    uint64_t running; /* Threads that still add. */
    uint64_t failures;
};

static void shared_begin(struct shared *shared, size_t rounds)
{
    *shared = (struct shared){.rounds = test_scaled(rounds), .running = THREADS};
    assert_int_equal(hf_metrics_new(&shared->metrics, NULL, NULL), HF_OK);
    assert_int_equal(
        hf_metrics_counter(shared->metrics, "c", "", NULL, 0, &shared->counter, NULL), HF_OK);
    assert_int_equal(
        hf_metrics_gauge(shared->metrics, "g", "", NULL, 0, &shared->gauge, NULL), HF_OK);
    assert_int_equal(
        hf_metrics_histogram(shared->metrics, "h", "", NULL, 0, NULL, 0, &shared->histogram, NULL),
        HF_OK);
}

static void start(pthread_t threads[THREADS], void *(*run)(void *), struct shared *shared)
{
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, shared), 0);
}

static void join(pthread_t threads[THREADS])
{
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void *add(void *context)
{
    struct shared *shared = context;
    for (size_t i = 0; i < shared->rounds; i++) {
        hf_counter_add(shared->counter, 3);
        hf_gauge_add(shared->gauge, i % 2 == 0 ? 5 : -4);
        hf_histogram_observe(shared->histogram, HF_MS(i % 20));
    }
    hf_add_seq(&shared->running, UINT64_MAX);
    return NULL;
}

static uint64_t number_of(const char *text, const char *series)
{
    const char *value = prometheus_find(text, series);
    assert_non_null(value);
    return strtoull(value, NULL, 10);
}

static void sums_are_exact_after_the_threads_are_joined(void **state)
{
    (void)state;
    struct shared shared;
    pthread_t threads[THREADS];
    shared_begin(&shared, 500000);
    start(threads, add, &shared);
    join(threads);
    uint64_t rounds = shared.rounds;
    assert_int_equal(hf_counter_value(shared.counter), THREADS * rounds * 3);
    assert_int_equal(hf_gauge_value(shared.gauge), THREADS * (rounds / 2 + rounds % 2 * 5));
    char *text = malloc(TEXT_BYTES);
    assert_in_range(hf_metrics_write(shared.metrics, text, TEXT_BYTES), 1, TEXT_BYTES - 1);
    prometheus_parse(text, NULL, NULL);
    assert_int_equal(number_of(text, "h_count"), THREADS * rounds);
    uint64_t sum_ms = 0;
    for (uint64_t i = 0; i < rounds; i++)
        sum_ms += i % 20;
    assert_int_equal(number_of(text, "h_sum"), THREADS * sum_ms / 1000);
    assert_int_equal(number_of(text, "h_bucket{le=\"0.01\"}"),
        THREADS * (rounds / 20 * 11 + (rounds % 20 < 11 ? rounds % 20 : 11)));
    free(text);
    hf_metrics_free(shared.metrics);
}

static void texts_written_meanwhile_are_well_formed_and_only_grow(void **state)
{
    (void)state;
    struct shared shared;
    pthread_t threads[THREADS];
    shared_begin(&shared, 500000);
    char *text = malloc(TEXT_BYTES);
    assert_non_null(text);
    start(threads, add, &shared);
    uint64_t counter = 0;
    uint64_t count = 0;
    bool running = true;
    while (running) {
        running = hf_load_seq(&shared.running) > 0;
        assert_in_range(hf_metrics_write(shared.metrics, text, TEXT_BYTES), 1, TEXT_BYTES - 1);
        prometheus_parse(text, NULL, NULL);
        assert_true(number_of(text, "c") >= counter);
        assert_true(number_of(text, "h_count") >= count);
        counter = number_of(text, "c");
        count = number_of(text, "h_count");
    }
    assert_int_equal(count, THREADS * shared.rounds);
    assert_int_equal(counter, THREADS * shared.rounds * 3);
    join(threads);
    free(text);
    hf_metrics_free(shared.metrics);
}

/* Every thread asks for the same names, each in another order, and counts once on what it gets. */
static void *find_and_count(void *context)
{
    struct shared *shared = context;
    size_t offset = hf_add_seq(&shared->running, 1) * 13;
    for (size_t i = 0; i < NAMES; i++) {
        char name[16];
        snprintf(name, sizeof(name), "n%zu", (i * 7 + offset) % NAMES);
        struct hf_counter *counter = NULL;
        if (hf_metrics_counter(shared->metrics, name, "", NULL, 0, &counter, NULL) != HF_OK)
            hf_add_seq(&shared->failures, 1);
        hf_counter_add(counter, 1);
    }
    return NULL;
}

static void threads_that_ask_at_once_get_the_same_members(void **state)
{
    (void)state;
    for (size_t round = 0; round < test_scaled(100); round++) {
        struct shared shared;
        pthread_t threads[THREADS];
        shared_begin(&shared, 0);
        start(threads, find_and_count, &shared);
        join(threads);
        assert_int_equal(shared.failures, 0);
        for (size_t i = 0; i < NAMES; i++) {
            char name[16];
            snprintf(name, sizeof(name), "n%zu", i);
            struct hf_counter *counter = NULL;
            assert_int_equal(
                hf_metrics_counter(shared.metrics, name, "", NULL, 0, &counter, NULL), HF_OK);
            assert_int_equal(hf_counter_value(counter), THREADS);
        }
        hf_metrics_free(shared.metrics);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_exact_after_the_threads_are_joined),
        cmocka_unit_test(texts_written_meanwhile_are_well_formed_and_only_grow),
        cmocka_unit_test(threads_that_ask_at_once_get_the_same_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
