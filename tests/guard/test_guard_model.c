/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/guard.h>

#include "../scale.h"
#include "support/guard_model.h"

/* Guards of random patterns under random faults, against the model. */

#define WORLDS 4000
#define CALLS 40

static const char *const key_names[MODEL_KEYS] = {"alice", "bob", "carol"};

static uint64_t draw(struct model_world *world, uint64_t low, uint64_t high)
{
    const struct hf_random random = hf_splitmix_random(&world->splitmix);
    return low + hf_random_below(&random, high - low + 1);
}

static bool chance(struct model_world *world, uint64_t percent)
{
    return draw(world, 1, 100) <= percent;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static struct model_cell random_cell(struct model_world *world, struct hf_quota *quota)
{
    uint64_t count = draw(world, 1, 40);
    uint64_t burst = draw(world, 1, 6);
    *quota = hf_quota_with_burst(hf_quota_per_second(count), burst);
    return (struct model_cell){burst, (HF_SECONDS(1) + count - 1) / count, 0};
}

static void random_limits(struct model_world *world)
{
    struct hf_quota quota;
    if (chance(world, 60)) {
        world->keys[0] = random_cell(world, &quota);
        world->keys[1] = world->keys[2] = world->keys[0];
        fixture_add_limiter(&world->fixture, quota);
    }
    if (chance(world, 60)) {
        world->gate = random_cell(world, &quota);
        fixture_add_gate(&world->fixture, quota);
    }
}

static void random_breaker(struct model_world *world)
{
    const struct hf_breaker_options options = {
        .consecutive_failures = (uint32_t)draw(world, 1, 4),
        .open = {.growth = HF_GROWTH_FIXED,
            .jitter = HF_JITTER_NONE,
            .base_ns = HF_MS(draw(world, 5, 200))},
        .success_threshold = (uint32_t)draw(world, 1, 2),
        .seed = 1,
    };
    if (chance(world, 30))
        return;
    fixture_add_breaker(&world->fixture, &options);
    assert_int_equal(hf_breaker_new(&world->breaker, &options, NULL), HF_OK);
    world->fixture.options.wait_while_open = chance(world, 50);
}

static void random_retry(struct model_world *world)
{
    world->retry = (struct hf_retry_options){
        .attempts_max = (uint32_t)draw(world, 1, 12),
        .delay = {.jitter = HF_JITTER_NONE,
            .base_ns = HF_MS(draw(world, 1, 40)),
            .delay_max_ns = HF_MS(draw(world, 40, 300))},
        .elapsed_max_ns = chance(world, 50) ? 0 : HF_MS(draw(world, 20, 600)),
        .attempt_timeout_ns = chance(world, 50) ? 0 : HF_MS(draw(world, 5, 100)),
        .retry_after_max_ns = HF_MS(draw(world, 20, 200)),
    };
    world->fixture.options.retry = &world->retry;
}

static void world_start(struct model_world *world, uint64_t seed)
{
    memset(world, 0, sizeof(*world));
    hf_splitmix_init(&world->splitmix, seed);
    fixture_start(&world->fixture);
    random_limits(world);
    random_breaker(world);
    random_retry(world);
    fixture_make(&world->fixture);
    world->now_ns = world->fixture.manual.now_ns;
}

static void world_end(struct model_world *world)
{
    fixture_end(&world->fixture);
    hf_breaker_free(world->breaker);
}

static struct hf_outcome random_outcome(struct model_world *world)
{
    int32_t code = (int32_t)draw(world, 1, 1000);
    if (chance(world, 35))
        return hf_success();
    if (chance(world, 8))
        return hf_permanent(code);
    if (chance(world, 8))
        return hf_ignored(code);
    return chance(world, 30) ? hf_transient_after(code, HF_MS(draw(world, 1, 250)))
                             : hf_transient(code);
}

static struct model_asked random_asked(struct model_world *world)
{
    for (size_t line = 0; line < MODEL_SCRIPT; line++) {
        world->script[line].outcome = random_outcome(world);
        world->script[line].takes_ns = chance(world, 30) ? 0 : HF_MS(draw(world, 1, 60));
    }
    struct model_asked asked = {.key = (size_t)draw(world, 0, MODEL_KEYS)};
    if (asked.key < MODEL_KEYS)
        asked.request.key = fixture_key(key_names[asked.key]);
    asked.request.cost = chance(world, 60) ? 0 : draw(world, 1, 7);
    asked.request.timeout_ns = chance(world, 40) ? 0 : HF_MS(draw(world, 1, 500));
    asked.request.retry_never = chance(world, 10);
    return asked;
}

/* An event loop with nothing else to do: the iterator's way to make a call. */
static enum hf_status call_by_iterator(struct model_world *world, const struct model_asked *asked,
    struct scripted_call *scripted, struct hf_guard_report *report)
{
    struct hf_manual_clock *manual = &world->fixture.manual;
    struct hf_guard_run run;
    uint64_t delay_ns;
    enum hf_status status =
        hf_guard_begin(&run, world->fixture.guard, &asked->request, manual->now_ns, &delay_ns);
    for (;;) {
        while (status == HF_AGAIN) {
            hf_manual_clock_advance(manual, delay_ns);
            status = hf_guard_again(&run, manual->now_ns, &delay_ns);
        }
        if (status != HF_OK)
            break;
        struct hf_outcome outcome = scripted_call(scripted, &run.attempt);
        status = hf_guard_done(&run, outcome, manual->now_ns, &delay_ns);
        if (status != HF_AGAIN)
            break;
    }
    *report = run.report;
    return status;
}

static void expect_report(const struct model_world *world, const struct hf_guard_report *report,
    const struct model_expected *expected)
{
    assert_int_equal(report->status, expected->status);
    assert_int_equal(report->retry_after_ns, expected->retry_after_ns);
    assert_int_equal(report->decision.reason, expected->decision.reason);
    assert_int_equal(report->decision.limit, expected->decision.limit);
    assert_int_equal(report->decision.remaining, expected->decision.remaining);
    assert_true(report->decision.retry_after_ns == expected->decision.retry_after_ns);
    const struct hf_retry_report *retry = &report->retry;
    assert_int_equal(retry->stop, expected->stop);
    assert_int_equal(retry->attempts, expected->made);
    assert_int_equal(retry->delayed_ns, expected->delayed_ns);
    size_t failures = expected->made - (expected->status == HF_OK);
    assert_int_equal(retry->causes_count, min_u64(failures, HF_RETRY_CAUSES_MAX));
    if (failures > 0)
        assert_int_equal(retry->causes[0].code, world->script[0].outcome.code);
}

static void expect_tries(
    const struct scripted_call *scripted, const struct model_expected *expected)
{
    assert_int_equal(scripted->made, expected->made);
    for (size_t index = 0; index < expected->made; index++) {
        assert_int_equal(scripted->told[index].number, expected->told[index].number);
        assert_int_equal(scripted->told[index].at_ns, expected->told[index].at_ns);
        assert_true(scripted->told[index].timeout_ns == expected->told[index].timeout_ns);
        assert_true(scripted->told[index].timeout_ns > 0);
    }
}

/* Nothing was charged or counted but what the model charged and counted. */
static void expect_same_state(struct model_world *world)
{
    assert_int_equal(world->fixture.manual.now_ns, world->now_ns);
    for (size_t key = 0; key < MODEL_KEYS && world->fixture.limiter; key++)
        assert_int_equal(fixture_key_remaining(&world->fixture, key_names[key]),
            model_cell_remaining(&world->keys[key], world->now_ns));
    if (world->fixture.options.gate)
        assert_int_equal(fixture_gate_remaining(&world->fixture),
            model_cell_remaining(&world->gate, world->now_ns));
    if (!world->breaker)
        return;
    struct hf_breaker_snapshot ours;
    struct hf_breaker_snapshot models;
    assert_int_equal(hf_breaker_snapshot(world->fixture.breaker, world->now_ns, &ours), HF_OK);
    assert_int_equal(hf_breaker_snapshot(world->breaker, world->now_ns, &models), HF_OK);
    assert_int_equal(ours.state, models.state);
    assert_int_equal(ours.until_half_open_ns, models.until_half_open_ns);
    assert_int_equal(ours.opened_count, models.opened_count);
    assert_int_equal(ours.consecutive_failures, models.consecutive_failures);
    assert_int_equal(ours.permits_out, 0);
    assert_int_equal(ours.successes, models.successes);
}

/* Whether a blocking call reads the clock. */
static bool is_timed(const struct model_world *world, const struct model_asked *asked)
{
    const struct hf_guard_options *options = &world->fixture.options;
    return options->limiter || options->gate || options->breaker ||
           world->retry.elapsed_max_ns > 0 || asked->request.timeout_ns > 0;
}

static enum hf_status one_call(struct model_world *world)
{
    struct model_asked asked = random_asked(world);
    struct model_expected expected;
    uint64_t start_ns = world->now_ns;
    model_call(world, &asked, &expected);
    struct scripted_call scripted = {
        .clock = &world->fixture.manual,
        .script = world->script,
        .script_count = MODEL_SCRIPT,
    };
    struct hf_guard_report report;
    struct hf_guard *guard = world->fixture.guard;
    bool iterate = chance(world, 50);
    enum hf_status status =
        iterate ? call_by_iterator(world, &asked, &scripted, &report)
                : hf_guard_call(guard, &asked.request, scripted_call, &scripted, &report);
    assert_int_equal(status, expected.status);
    bool timed = iterate || is_timed(world, &asked);
    assert_int_equal(
        report.retry.elapsed_ns, timed ? world->now_ns - start_ns : expected.delayed_ns);
    expect_report(world, &report, &expected);
    expect_tries(&scripted, &expected);
    expect_same_state(world);
    uint64_t pause_ns = chance(world, 40) ? 0 : HF_US(draw(world, 1, 200000));
    hf_manual_clock_advance(&world->fixture.manual, pause_ns);
    world->now_ns += pause_ns;
    return status;
}

static uint64_t seed_under_way; /* 0: none. */

/* Runs after a failed assertion, too. */
static int tell_seed(void **state)
{
    (void)state;
    if (seed_under_way)
        print_message("# the world of seed %llu\n", (unsigned long long)seed_under_way);
    return 0;
}

static void every_call_goes_as_the_model_says(void **state)
{
    (void)state;
    size_t seen[HF_STATUS_COUNT] = {0};
    uint64_t worlds = test_scaled(WORLDS);
    for (uint64_t seed = 1; seed <= worlds; seed++) {
        seed_under_way = seed;
        struct model_world world;
        world_start(&world, seed);
        for (int number = 0; number < CALLS; number++)
            seen[one_call(&world)]++;
        world_end(&world);
    }
    seed_under_way = 0;
    const enum hf_status all[] = {
        HF_OK, HF_DENIED, HF_NEVER, HF_OPEN, HF_TIMEOUT, HF_FAILED, HF_EXHAUSTED};
    for (size_t index = 0; index < sizeof(all) / sizeof(all[0]); index++)
        assert_true(seen[all[index]] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(every_call_goes_as_the_model_says, tell_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
