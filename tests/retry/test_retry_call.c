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

#include <holdfast/retry.h>

#include "../scale.h"

/* A clock and a source of random numbers that count how often they are asked. */
struct world {
    uint64_t now_ns;
    uint64_t oversleep_ns; /* Added to every sleep. */
    uint64_t slept_ns;
    int read;
    int slept;
    int drawn;
};

static uint64_t world_now(void *context)
{
    struct world *world = context;
    world->read++;
    return world->now_ns;
}

static void world_sleep(void *context, uint64_t duration_ns)
{
    struct world *world = context;
    world->slept++;
    world->slept_ns += duration_ns;
    world->now_ns += duration_ns + world->oversleep_ns;
}

static uint64_t world_draw(void *context)
{
    struct world *world = context;
    world->drawn++;
    return UINT64_MAX;
}

static struct hf_clock clock_of(struct world *world)
{
    return (struct hf_clock){world_now, world_sleep, world};
}

static struct hf_random random_of(struct world *world)
{
    return (struct hf_random){world_draw, world};
}

/* An operation that takes its time, fails so often, and then does what it is told. */
struct operation {
    struct world *world;
    uint64_t duration_ns;
    uint32_t failures;
    struct hf_outcome failure;
    struct hf_outcome last;
    uint32_t calls;
    uint64_t timeouts_ns[16];
};

static struct hf_outcome operate(void *context, const struct hf_attempt *attempt)
{
    struct operation *operation = context;
    operation->timeouts_ns[operation->calls] = attempt->timeout_ns;
    operation->calls++;
    assert_int_equal(attempt->number, operation->calls);
    assert_true(attempt->timeout_ns > 0);
    if (operation->world)
        operation->world->now_ns += operation->duration_ns;
    return operation->calls <= operation->failures ? operation->failure : operation->last;
}

static struct hf_retry_policy made(struct hf_retry_options options)
{
    struct hf_retry_policy policy;
    assert_int_equal(hf_retry_policy_init(&policy, &options, NULL), HF_OK);
    return policy;
}

static const struct hf_delay fixed_100 = {
    .growth = HF_GROWTH_FIXED,
    .jitter = HF_JITTER_NONE,
    .base_ns = 100,
};

static void success_at_once_reads_no_clock_and_no_random_number(void **state)
{
    (void)state;
    struct world world = {.now_ns = 7};
    struct hf_clock clock = clock_of(&world);
    struct hf_random random = random_of(&world);
    struct hf_retry_policy policy =
        made((struct hf_retry_options){.attempt_timeout_ns = HF_SECONDS(1)});
    struct operation operation = {.world = &world};
    struct hf_retry_report report;
    assert_int_equal(hf_retry_call(&policy, operate, &operation, &clock, &random, &report), HF_OK);
    assert_int_equal(
        hf_retry_call(&policy, operate, &(struct operation){.calls = 0}, &clock, &random, NULL),
        HF_OK);
    assert_int_equal(world.read + world.slept + world.drawn, 0);
    assert_int_equal(operation.timeouts_ns[0], HF_SECONDS(1));
    assert_int_equal(report.attempts, 1);
    assert_int_equal(report.stop, HF_RETRY_SUCCEEDED);
    assert_int_equal(report.elapsed_ns, 0);
    assert_int_equal(report.delayed_ns, 0);
    assert_int_equal(report.causes_count, 0);
}

static void without_elapsed_max_the_clock_only_sleeps(void **state)
{
    (void)state;
    struct world world = {.now_ns = 7};
    struct hf_clock clock = clock_of(&world);
    struct hf_random random = random_of(&world);
    struct hf_retry_policy policy = made((struct hf_retry_options){.attempts_max = 3});
    struct operation operation = {.failures = 9, .failure = hf_transient(4)};
    struct hf_retry_report report;
    assert_int_equal(
        hf_retry_call(&policy, operate, &operation, &clock, &random, &report), HF_EXHAUSTED);
    assert_int_equal(world.read, 0);
    assert_int_equal(world.slept, 2);
    assert_int_equal(world.drawn, 2);
    /* The source draws the highest number, and so the longest delays. */
    assert_int_equal(world.slept_ns, HF_MS(100) + HF_MS(200));
    assert_int_equal(report.delayed_ns, world.slept_ns);
    assert_int_equal(report.attempts, 3);
    assert_int_equal(report.stop, HF_RETRY_ATTEMPTS);
    assert_int_equal(report.causes_count, 3);
    assert_int_equal(report.causes[2].code, 4);
}

static void it_tries_until_it_works(void **state)
{
    (void)state;
    for (uint32_t failures = 0; failures < 10; failures++) {
        struct world world = {.now_ns = 0};
        struct hf_clock clock = clock_of(&world);
        struct hf_retry_policy policy =
            made((struct hf_retry_options){.attempts_max = 10, .delay = fixed_100});
        struct operation operation = {.failures = failures, .failure = hf_transient(4)};
        struct hf_retry_report report;
        assert_int_equal(hf_retry_call(&policy, operate, &operation, &clock, NULL, &report), HF_OK);
        assert_int_equal(operation.calls, failures + 1);
        assert_int_equal(report.attempts, failures + 1);
        assert_int_equal(world.slept_ns, 100 * (uint64_t)failures);
        assert_int_equal(operation.timeouts_ns[failures], UINT64_MAX);
    }
}

static void permanent_and_ignored_outcomes_end_it(void **state)
{
    (void)state;
    struct world world = {.now_ns = 0};
    struct hf_clock clock = clock_of(&world);
    struct hf_retry_policy policy = made((struct hf_retry_options){.delay = fixed_100});
    const struct {
        struct hf_outcome outcome;
        enum hf_retry_stop stop;
    } cases[] = {{hf_permanent(3), HF_RETRY_PERMANENT}, {hf_ignored(3), HF_RETRY_IGNORED}};
    for (int index = 0; index < 2; index++) {
        struct operation operation = {
            .failures = 1, .failure = hf_transient(4), .last = cases[index].outcome};
        struct hf_retry_report report;
        assert_int_equal(
            hf_retry_call(&policy, operate, &operation, &clock, NULL, &report), HF_FAILED);
        assert_int_equal(operation.calls, 2);
        assert_int_equal(report.stop, cases[index].stop);
        assert_int_equal(report.outcome.code, 3);
        assert_int_equal(hf_retry_call(&policy, operate,
                             &(struct operation){.last = cases[index].outcome}, &clock, NULL, NULL),
            HF_FAILED);
    }
}

static void success_at_once_is_reported_as_the_iterator_would(void **state)
{
    (void)state;
    struct world world = {.now_ns = 5000};
    struct hf_clock clock = clock_of(&world);
    struct hf_retry_policy policy = made((struct hf_retry_options){.elapsed_max_ns = 1000});
    struct operation operation = {
        .world = &world, .duration_ns = 250, .last = hf_outcome(HF_SUCCESS, 200, 0)};
    struct hf_retry_report report;
    assert_int_equal(hf_retry_call(&policy, operate, &operation, &clock, NULL, &report), HF_OK);
    struct hf_retry retry;
    uint64_t delay_ns;
    hf_retry_begin(&retry, &policy, 5000);
    assert_int_equal(hf_retry_next(&retry, operation.last, 5250, NULL, &delay_ns), HF_OK);
    assert_int_equal(report.attempts, retry.report.attempts);
    assert_int_equal(report.stop, retry.report.stop);
    assert_int_equal(report.delayed_ns, retry.report.delayed_ns);
    assert_int_equal(report.elapsed_ns, retry.report.elapsed_ns);
    assert_int_equal(report.elapsed_ns, 250);
    assert_int_equal(report.outcome.code, 200);
    assert_int_equal(report.causes_count, retry.report.causes_count);
}

static void elapsed_time_is_measured_and_cuts_the_time_of_tries(void **state)
{
    (void)state;
    struct world world = {.now_ns = 5000};
    struct hf_clock clock = clock_of(&world);
    struct hf_retry_policy policy = made((struct hf_retry_options){
        .attempts_max = HF_RETRY_UNLIMITED,
        .delay = fixed_100,
        .elapsed_max_ns = 1000,
        .attempt_timeout_ns = 500,
    });
    struct operation operation = {
        .world = &world, .duration_ns = 250, .failures = 9, .failure = hf_transient(4)};
    struct hf_retry_report report;
    assert_int_equal(
        hf_retry_call(&policy, operate, &operation, &clock, NULL, &report), HF_EXHAUSTED);
    /* Tries begin at 0, 350 and 700; the next would at 1050. */
    assert_int_equal(operation.calls, 3);
    assert_int_equal(operation.timeouts_ns[0], 500);
    assert_int_equal(operation.timeouts_ns[1], 500);
    assert_int_equal(operation.timeouts_ns[2], 300);
    assert_int_equal(report.stop, HF_RETRY_ELAPSED);
    assert_int_equal(report.elapsed_ns, 950);
    assert_int_equal(report.delayed_ns, 200);
}

static void a_sleep_that_ends_past_elapsed_max_is_not_followed_by_a_try(void **state)
{
    (void)state;
    struct world world = {.now_ns = 5000, .oversleep_ns = 900};
    struct hf_clock clock = clock_of(&world);
    struct hf_retry_policy policy =
        made((struct hf_retry_options){.delay = fixed_100, .elapsed_max_ns = 1000});
    struct operation operation = {.failures = 9, .failure = hf_transient(4)};
    struct hf_retry_report report;
    assert_int_equal(
        hf_retry_call(&policy, operate, &operation, &clock, NULL, &report), HF_EXHAUSTED);
    assert_int_equal(operation.calls, 1);
    assert_int_equal(report.attempts, 1);
    assert_int_equal(report.stop, HF_RETRY_ELAPSED);
    world.oversleep_ns = 899;
    operation.calls = 0;
    assert_int_equal(hf_retry_call(&policy, operate, &operation, &clock, NULL, NULL), HF_EXHAUSTED);
    assert_int_equal(operation.calls, 2);
}

static void a_clock_past_the_largest_time_is_taken_for_the_largest_time(void **state)
{
    (void)state;
    struct world world = {.now_ns = UINT64_MAX - 10000};
    struct hf_clock clock = clock_of(&world);
    struct hf_retry_policy policy =
        made((struct hf_retry_options){.delay = fixed_100, .elapsed_max_ns = 1000});
    struct operation operation = {.failures = 9, .failure = hf_transient(4)};
    assert_int_equal(hf_retry_call(&policy, operate, &operation, &clock, NULL, NULL), HF_EXHAUSTED);
    assert_int_equal(operation.calls, 3);
}

static void retry_after_is_slept_in_full(void **state)
{
    (void)state;
    struct world world = {.now_ns = 0};
    struct hf_clock clock = clock_of(&world);
    struct hf_retry_policy policy = made((struct hf_retry_options){.delay = fixed_100});
    struct operation operation = {.failures = 1, .failure = hf_transient_after(503, 70000)};
    assert_int_equal(hf_retry_call(&policy, operate, &operation, &clock, NULL, NULL), HF_OK);
    assert_int_equal(world.slept_ns, 70000);
}

static void without_a_source_random_numbers_come_from_the_system(void **state)
{
    (void)state;
    struct hf_retry_policy policy =
        made((struct hf_retry_options){.attempts_max = 2, .delay = {.base_ns = HF_SECONDS(10)}});
    const struct hf_random zero = {0};
    uint64_t slept_ns[8];
    bool all_equal = true;
    for (int run = 0; run < 8; run++) {
        struct world world = {.now_ns = 0};
        struct hf_clock clock = clock_of(&world);
        struct operation operation = {.failures = 1, .failure = hf_transient(4)};
        assert_int_equal(
            hf_retry_call(&policy, operate, &operation, &clock, run % 2 ? &zero : NULL, NULL),
            HF_OK);
        slept_ns[run] = world.slept_ns;
        assert_true(slept_ns[run] <= HF_SECONDS(10));
        all_equal = all_equal && slept_ns[run] == slept_ns[0];
    }
    assert_false(all_equal);
}

static void the_zero_clock_is_the_monotonic_one(void **state)
{
    (void)state;
    const struct hf_clock zero = {0};
    struct hf_retry_policy policy = made((struct hf_retry_options){
        .attempts_max = 3,
        .delay = {.growth = HF_GROWTH_FIXED, .jitter = HF_JITTER_NONE, .base_ns = HF_US(50)},
        .elapsed_max_ns = HF_SECONDS(3600),
    });
    for (int which = 0; which < 2; which++) {
        struct operation operation = {.failures = 2, .failure = hf_transient(4)};
        struct hf_retry_report report;
        assert_int_equal(
            hf_retry_call(&policy, operate, &operation, which ? &zero : NULL, NULL, &report),
            HF_OK);
        assert_true(report.elapsed_ns >= HF_US(100));
        assert_int_equal(report.delayed_ns, HF_US(100));
    }
}

static void null_policy_and_function_are_invalid(void **state)
{
    (void)state;
    struct hf_retry_policy policy = made((struct hf_retry_options){.attempts_max = 1});
    struct hf_retry_report report = {.attempts = 77};
    struct operation operation = {.calls = 0};
    assert_int_equal(hf_retry_call(NULL, operate, &operation, NULL, NULL, &report), HF_INVALID);
    assert_int_equal(hf_retry_call(&policy, NULL, &operation, NULL, NULL, &report), HF_INVALID);
    assert_int_equal(operation.calls, 0);
    assert_int_equal(report.attempts, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(success_at_once_reads_no_clock_and_no_random_number),
        cmocka_unit_test(without_elapsed_max_the_clock_only_sleeps),
        cmocka_unit_test(it_tries_until_it_works),
        cmocka_unit_test(permanent_and_ignored_outcomes_end_it),
        cmocka_unit_test(success_at_once_is_reported_as_the_iterator_would),
        cmocka_unit_test(elapsed_time_is_measured_and_cuts_the_time_of_tries),
        cmocka_unit_test(a_sleep_that_ends_past_elapsed_max_is_not_followed_by_a_try),
        cmocka_unit_test(a_clock_past_the_largest_time_is_taken_for_the_largest_time),
        cmocka_unit_test(retry_after_is_slept_in_full),
        cmocka_unit_test(without_a_source_random_numbers_come_from_the_system),
        cmocka_unit_test(the_zero_clock_is_the_monotonic_one),
        cmocka_unit_test(null_policy_and_function_are_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
