/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/guard.h>

#include "../scale.h"
#include "support/guard_fixture.h"

/* Several threads on one guard: charges, counts and changes add up. */

#define THREADS 4
#define KEYS 3

static const char *const key_names[KEYS] = {"alice", "bob", "carol"};

struct worker {
    struct guard_fixture *fixture;
    struct hf_splitmix splitmix;
    size_t calls;
    uint64_t made; /* Tries. */
    uint64_t ended[HF_STATUS_COUNT];
    uint64_t charged[KEYS];
};

static uint64_t draw(struct worker *worker, uint64_t bound)
{
    const struct hf_random random = hf_splitmix_random(&worker->splitmix);
    return hf_random_below(&random, bound);
}

static void run_workers(
    struct guard_fixture *fixture, struct worker *workers, size_t calls, void *(*work)(void *))
{
    pthread_t threads[THREADS];
    for (size_t index = 0; index < THREADS; index++) {
        workers[index] = (struct worker){.fixture = fixture, .calls = calls};
        hf_splitmix_init(&workers[index].splitmix, index + 1);
        assert_int_equal(pthread_create(&threads[index], NULL, work, &workers[index]), 0);
    }
    for (size_t index = 0; index < THREADS; index++)
        assert_int_equal(pthread_join(threads[index], NULL), 0);
}

static struct hf_outcome just_works(void *context, const struct hf_attempt *attempt)
{
    struct worker *worker = context;
    worker->made += attempt->number == 1;
    return hf_success();
}

static void *ask_the_limits(void *context)
{
    struct worker *worker = context;
    for (size_t number = 0; number < worker->calls; number++) {
        size_t key = (size_t)draw(worker, KEYS);
        const struct hf_guard_request request = {
            .key = fixture_key(key_names[key]),
            .cost = 1 + draw(worker, 3),
        };
        enum hf_status status =
            hf_guard_call(worker->fixture->guard, &request, just_works, worker, NULL);
        worker->ended[status]++;
        if (status == HF_OK)
            worker->charged[key] += request.cost;
    }
    return NULL;
}

/*
 * Time stands still, so that what is there can be counted: each key and the gate have lost exactly
 * what was let through, whatever was denied by either or refunded on the way.
 */
static void expect_charged_both_or_neither(uint64_t key_burst, uint64_t gate_burst)
{
    struct guard_fixture fixture;
    fixture_start(&fixture);
    fixture_add_limiter(&fixture, hf_quota_per_hour(key_burst));
    fixture_add_gate(&fixture, hf_quota_per_hour(gate_burst));
    fixture_make(&fixture);
    struct worker workers[THREADS];
    run_workers(&fixture, workers, test_scaled(50000), ask_the_limits);
    uint64_t all = 0;
    for (size_t key = 0; key < KEYS; key++) {
        uint64_t charged = 0;
        for (size_t index = 0; index < THREADS; index++)
            charged += workers[index].charged[key];
        assert_int_equal(fixture_key_remaining(&fixture, key_names[key]), key_burst - charged);
        all += charged;
    }
    assert_int_equal(fixture_gate_remaining(&fixture), gate_burst - all);
    for (size_t index = 0; index < THREADS; index++) {
        const struct worker *worker = &workers[index];
        assert_int_equal(worker->made, worker->ended[HF_OK]);
        uint64_t refused = worker->ended[HF_DENIED] + worker->ended[HF_NEVER];
        assert_int_equal(worker->ended[HF_OK] + refused, worker->calls);
    }
    fixture_end(&fixture);
}

static void a_denial_charges_neither_key_nor_gate(void **state)
{
    (void)state;
    expect_charged_both_or_neither(500, 1000);
    expect_charged_both_or_neither(1000, 500);
    expect_charged_both_or_neither(300, 900);
    expect_charged_both_or_neither(1, 2);
    expect_charged_both_or_neither(3, 3);
}

/* Fails in long streaks, so that the breaker opens, and takes time, so that it does not stay so. */
static struct hf_outcome works_in_streaks(void *context, const struct hf_attempt *attempt)
{
    struct worker *worker = context;
    worker->made++;
    struct hf_manual_clock *manual = &worker->fixture->manual;
    hf_manual_clock_advance(manual, HF_MS(1));
    const struct hf_clock clock = hf_manual_clock(manual);
    bool ill = hf_clock_now_ns(&clock) / HF_MS(50) % 2 == 0;
    return ill && draw(worker, 8) > 0 ? hf_transient((int32_t)attempt->number) : hf_success();
}

static void *call_everything(void *context)
{
    struct worker *worker = context;
    for (size_t number = 0; number < worker->calls; number++) {
        const struct hf_guard_request request = {
            .key = fixture_key(key_names[draw(worker, KEYS)]),
            .timeout_ns = draw(worker, 2) * HF_MS(200),
        };
        struct hf_guard_report report;
        enum hf_status status =
            hf_guard_call(worker->fixture->guard, &request, works_in_streaks, worker, &report);
        worker->ended[status]++;
        hf_manual_clock_advance(&worker->fixture->manual, HF_US(200));
    }
    return NULL;
}

/* The value of a metric, given its whole name with labels. */
static uint64_t metric(const char *text, const char *name)
{
    char line[256];
    snprintf(line, sizeof(line), "\n%s ", name);
    const char *found = strstr(text, line);
    if (!found)
        fail_msg("no %s", name);
    unsigned long long value = 0;
    assert_int_equal(sscanf(found + strlen(line), "%llu", &value), 1);
    return value;
}

static uint64_t sum_of(const struct worker *workers, enum hf_status status)
{
    uint64_t sum = 0;
    for (size_t index = 0; index < THREADS; index++)
        sum += workers[index].ended[status];
    return sum;
}

#define METRIC(name) "holdfast_guard_" name
#define RESULT(result) METRIC("requests_total{guard=\"shared\",result=\"" result "\"}")
#define OUTCOME(kind) METRIC("attempts_total{guard=\"shared\",outcome=\"" kind "\"}")
#define CHANGE(to) METRIC("breaker_changes_total{guard=\"shared\",to=\"" to "\"}")

static void expect_requests_counted(const char *text, const struct worker *workers)
{
    assert_int_equal(metric(text, RESULT("ok")), sum_of(workers, HF_OK));
    assert_int_equal(metric(text, RESULT("denied")), sum_of(workers, HF_DENIED));
    assert_int_equal(metric(text, RESULT("open")), sum_of(workers, HF_OPEN));
    assert_int_equal(metric(text, RESULT("timeout")), sum_of(workers, HF_TIMEOUT));
    assert_int_equal(metric(text, RESULT("exhausted")), sum_of(workers, HF_EXHAUSTED));
    assert_int_equal(metric(text, RESULT("failed")), 0);
    assert_int_equal(metric(text, RESULT("invalid")), 0);
}

static void expect_attempts_counted(const char *text, const struct worker *workers)
{
    uint64_t made = 0;
    for (size_t index = 0; index < THREADS; index++)
        made += workers[index].made;
    uint64_t counted = metric(text, OUTCOME("success")) + metric(text, OUTCOME("transient"));
    assert_int_equal(counted, made);
    assert_int_equal(metric(text, OUTCOME("success")), sum_of(workers, HF_OK));
    uint64_t calls = metric(text, METRIC("call_seconds_count{guard=\"shared\"}"));
    assert_int_equal(made - calls, metric(text, METRIC("retries_total{guard=\"shared\"}")));
}

/*
 * Each change leaves one state and enters another: from closed, once round is closed, open,
 * half-open, and half-open may go back to open. So what was entered less what was left says where
 * it is.
 */
static void expect_changes_counted(const char *text, struct guard_fixture *fixture)
{
    uint64_t opened = metric(text, CHANGE("open"));
    uint64_t halved = metric(text, CHANGE("half-open"));
    uint64_t closed = metric(text, CHANGE("closed"));
    struct hf_breaker_snapshot snapshot;
    assert_int_equal(
        hf_breaker_snapshot(fixture->breaker, fixture->manual.now_ns, &snapshot), HF_OK);
    assert_int_equal(opened, snapshot.opened_count);
    assert_true(opened > 0 && closed > 0);
    assert_true(opened - halved <= 1);
    if (snapshot.state == HF_BREAKER_CLOSED)
        assert_int_equal(opened, halved);
    assert_int_equal(
        metric(text, METRIC("breaker_state{guard=\"shared\"}")), (uint64_t)snapshot.state);
    assert_int_equal(snapshot.permits_out, 0);
}

static void counts_and_changes_add_up_across_threads(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    fixture_start(&fixture);
    fixture_add_limiter(&fixture, hf_quota_with_burst(hf_quota_per_second(900), 20));
    fixture_add_gate(&fixture, hf_quota_with_burst(hf_quota_per_second(2000), 30));
    const struct hf_breaker_options breaker = {
        .consecutive_failures = 6,
        .open = {.growth = HF_GROWTH_FIXED, .jitter = HF_JITTER_NONE, .base_ns = HF_MS(8)},
        .half_open_permits = 2,
        .success_threshold = 2,
        .seed = 1,
    };
    fixture_add_breaker(&fixture, &breaker);
    const struct hf_retry_options retry = {.delay = {.base_ns = HF_MS(2)}};
    fixture.options.retry = &retry;
    fixture.options.wait_while_open = true;
    fixture.options.name = "shared";
    assert_int_equal(hf_metrics_new(&fixture.options.metrics, NULL, NULL), HF_OK);
    fixture_make(&fixture);
    struct worker workers[THREADS];
    run_workers(&fixture, workers, test_scaled(40000), call_everything);
    static char text[32768];
    assert_in_range(
        hf_metrics_write(fixture.options.metrics, text, sizeof(text)), 1, sizeof(text) - 1);
    expect_requests_counted(text, workers);
    expect_attempts_counted(text, workers);
    expect_changes_counted(text, &fixture);
    struct hf_metrics *metrics = fixture.options.metrics;
    fixture_end(&fixture);
    hf_metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_denial_charges_neither_key_nor_gate),
        cmocka_unit_test(counts_and_changes_add_up_across_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
