/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <holdfast/breaker.h>

#include "../scale.h"

/*
 * A breaker as its header describes it, for one thread and with no thought for speed: it remembers
 * every call and every permit. The real one must agree after every step.
 */
enum { CALLS_MAX = 4096, PERMITS_MAX = 48 };

struct model_permit {
    struct hf_permit real;
    bool out;
    bool half_open;
    uint64_t episode;
    uint64_t entered_ns;
};

struct model {
    struct hf_breaker_options options;
    struct hf_delay open;
    struct hf_splitmix splitmix;
    enum hf_breaker_state state;
    uint64_t episode; /* Counts changes of state. */
    uint64_t deadline_ns;
    uint64_t period_ns;
    uint32_t openings;
    uint64_t opened_count;
    uint32_t consecutive_failures;
    uint32_t successes;
    size_t calls_count; /* Of this closed episode. */
    struct {
        uint64_t ended_ns;
        bool failed;
    } calls[CALLS_MAX];
    struct model_permit permits[PERMITS_MAX];
};

static void model_change(
    struct model *model, enum hf_breaker_state to, struct hf_breaker_change *change)
{
    *change = (struct hf_breaker_change){model->state, to, 0};
    model->state = to;
    model->episode++;
    model->consecutive_failures = 0;
    model->successes = 0;
    model->calls_count = 0;
    if (to == HF_BREAKER_CLOSED)
        model->openings = 0;
}

static void model_open(struct model *model, uint64_t now_ns, struct hf_breaker_change *change)
{
    const struct hf_random random = hf_splitmix_random(&model->splitmix);
    if (model->openings < 1023)
        model->openings++;
    model->period_ns = hf_delay_ns(
        &model->open, model->openings, model->openings > 1 ? model->period_ns : 0, &random);
    model->deadline_ns = ((now_ns + model->period_ns) / 1024 + 1) * 1024;
    model->opened_count++;
    model_change(model, HF_BREAKER_OPEN, change);
    change->open_ns = model->deadline_ns - now_ns;
}

static bool is_out(const struct model *model, const struct model_permit *permit, uint64_t now_ns)
{
    return permit->out && permit->half_open && permit->episode == model->episode &&
           now_ns < permit->entered_ns + model->options.permit_lease_ns;
}

static uint32_t permits_out(const struct model *model, uint64_t now_ns)
{
    uint32_t count = 0;
    for (size_t index = 0; index < PERMITS_MAX; index++)
        count += is_out(model, &model->permits[index], now_ns);
    return count;
}

/* The shortest power of two of which at most 16 make up the window. */
static void window_sum(
    const struct model *model, uint64_t now_ns, uint32_t *calls, uint32_t *failures)
{
    uint64_t slice_ns = 1;
    while ((model->options.window_ns + slice_ns - 1) / slice_ns > 16)
        slice_ns *= 2;
    uint64_t slices = (model->options.window_ns + slice_ns - 1) / slice_ns;
    *calls = 0;
    *failures = 0;
    for (size_t index = 0; index < model->calls_count; index++) {
        if (now_ns / slice_ns - model->calls[index].ended_ns / slice_ns >= slices)
            continue;
        *calls += 1;
        *failures += model->calls[index].failed;
    }
}

static enum hf_status model_enter(struct model *model, struct model_permit *permit, uint64_t now_ns,
    uint64_t *retry_after_ns, struct hf_breaker_change *change)
{
    *change = (struct hf_breaker_change){model->state, model->state, 0};
    if (model->state == HF_BREAKER_OPEN) {
        *retry_after_ns = model->deadline_ns - now_ns;
        if (now_ns < model->deadline_ns)
            return HF_OPEN;
        uint32_t openings = model->openings;
        model_change(model, HF_BREAKER_HALF_OPEN, change);
        model->openings = openings;
    }
    *retry_after_ns = 0;
    bool half_open = model->state == HF_BREAKER_HALF_OPEN;
    if (half_open && permits_out(model, now_ns) >= model->options.half_open_permits)
        return HF_OPEN;
    permit->out = true;
    permit->half_open = half_open;
    permit->episode = model->episode;
    permit->entered_ns = now_ns;
    return HF_OK;
}

static void model_fail_closed(
    struct model *model, uint64_t now_ns, struct hf_breaker_change *change)
{
    const struct hf_breaker_options *options = &model->options;
    bool by_row = options->consecutive_failures != HF_BREAKER_NEVER;
    model->consecutive_failures += by_row;
    uint32_t calls;
    uint32_t failures;
    window_sum(model, now_ns, &calls, &failures);
    bool by_rate = options->failure_rate_percent > 0 && calls >= options->calls_min &&
                   failures * 100 >= calls * options->failure_rate_percent;
    if (by_rate || (by_row && model->consecutive_failures >= options->consecutive_failures))
        model_open(model, now_ns, change);
}

static void model_leave(struct model *model, struct model_permit *permit,
    enum hf_outcome_kind outcome, uint64_t now_ns, struct hf_breaker_change *change)
{
    *change = (struct hf_breaker_change){model->state, model->state, 0};
    bool counted =
        permit->episode == model->episode && (!permit->half_open || is_out(model, permit, now_ns));
    permit->out = false;
    bool failed = outcome == HF_TRANSIENT || outcome == HF_PERMANENT;
    if (!counted || (!failed && outcome != HF_SUCCESS))
        return;
    if (permit->half_open) {
        model->successes++;
        if (failed)
            model_open(model, now_ns, change);
        else if (model->successes >= model->options.success_threshold)
            model_change(model, HF_BREAKER_CLOSED, change);
        return;
    }
    assert_true(model->calls_count < CALLS_MAX);
    model->calls[model->calls_count].ended_ns = now_ns;
    model->calls[model->calls_count++].failed = failed;
    if (failed)
        model_fail_closed(model, now_ns, change);
    else
        model->consecutive_failures = 0;
}

static void model_reset(struct model *model)
{
    struct hf_breaker_change change;
    model_change(model, HF_BREAKER_CLOSED, &change);
}

static void assert_same_change(
    const struct hf_breaker_change *real, const struct hf_breaker_change *expected)
{
    assert_int_equal(real->from, expected->from);
    assert_int_equal(real->to, expected->to);
    assert_int_equal(real->open_ns, expected->open_ns);
}

static void assert_same(
    const struct model *model, const struct hf_breaker *breaker, uint64_t now_ns)
{
    struct hf_breaker_snapshot real;
    assert_int_equal(hf_breaker_snapshot(breaker, now_ns, &real), HF_OK);
    bool open = model->state == HF_BREAKER_OPEN;
    bool over = open && now_ns >= model->deadline_ns;
    bool half_open = model->state == HF_BREAKER_HALF_OPEN;
    assert_int_equal(real.state, over ? HF_BREAKER_HALF_OPEN : model->state);
    assert_int_equal(real.until_half_open_ns, open && !over ? model->deadline_ns - now_ns : 0);
    assert_int_equal(real.opened_count, model->opened_count);
    assert_int_equal(real.consecutive_failures, model->consecutive_failures);
    assert_int_equal(real.successes, half_open ? model->successes : 0);
    assert_int_equal(real.permits_out, half_open ? permits_out(model, now_ns) : 0);
    uint32_t calls = 0;
    uint32_t failures = 0;
    if (model->options.failure_rate_percent > 0)
        window_sum(model, now_ns, &calls, &failures);
    assert_int_equal(real.window_calls, calls);
    assert_int_equal(real.window_failures, failures);
}

static struct hf_breaker_options random_options(const struct hf_random *random)
{
    struct hf_breaker_options options = {
        .consecutive_failures = 1 + (uint32_t)hf_random_below(random, 6),
        .failure_rate_percent = (uint32_t)hf_random_below(random, 101),
        .window_ns = HF_MS(1) + hf_random_below(random, HF_MS(4)),
        .calls_min = 1 + (uint32_t)hf_random_below(random, 20),
        .open = {.growth = (enum hf_growth)hf_random_below(random, 4),
            .jitter = (enum hf_jitter)hf_random_below(random, 4),
            .base_ns = 1 + hf_random_below(random, HF_US(200)),
            .delay_max_ns = HF_MS(1)},
        .half_open_permits = 1 + (uint32_t)hf_random_below(random, 4),
        .success_threshold = 1 + (uint32_t)hf_random_below(random, 4),
        .permit_lease_ns = 1 + hf_random_below(random, HF_MS(1)),
        .seed = 1 + hf_random_below(random, 1000000),
    };
    if (hf_random_below(random, 3) == 0 && options.failure_rate_percent > 0)
        options.consecutive_failures = HF_BREAKER_NEVER;
    return options;
}

static uint64_t random_step_ns(const struct hf_random *random)
{
    static const uint64_t longest_ns[] = {1, HF_US(1), HF_US(20), HF_US(300), HF_MS(10)};
    return hf_random_below(random, longest_ns[hf_random_below(random, 5)] + 1);
}

static void step_enter(
    struct model *model, struct hf_breaker *breaker, uint64_t now_ns, struct model_permit *permit)
{
    struct hf_breaker_change real;
    struct hf_breaker_change expected;
    uint64_t real_after_ns = 0;
    uint64_t expected_after_ns = 0;
    enum hf_status status = hf_breaker_enter(breaker, now_ns, &permit->real, &real_after_ns, &real);
    assert_int_equal(status, model_enter(model, permit, now_ns, &expected_after_ns, &expected));
    assert_int_equal(real_after_ns, expected_after_ns);
    assert_same_change(&real, &expected);
}

static void step_leave(struct model *model, struct hf_breaker *breaker, uint64_t now_ns,
    struct model_permit *permit, const struct hf_random *random, uint64_t failing)
{
    static const enum hf_outcome_kind others[] = {HF_IGNORED, (enum hf_outcome_kind)9};
    enum hf_outcome_kind outcome = HF_SUCCESS;
    if (hf_random_below(random, 100) < failing)
        outcome = hf_random_below(random, 2) ? HF_TRANSIENT : HF_PERMANENT;
    else if (hf_random_below(random, 8) == 0)
        outcome = others[hf_random_below(random, 2)];
    struct hf_breaker_change real;
    struct hf_breaker_change expected;
    hf_breaker_leave(breaker, &permit->real, outcome, now_ns, &real);
    model_leave(model, permit, outcome, now_ns, &expected);
    assert_same_change(&real, &expected);
}

static void run_steps(
    struct model *model, struct hf_breaker *breaker, size_t steps, const struct hf_random *random)
{
    uint64_t now_ns = hf_random_below(random, 4) ? hf_random_below(random, HF_SECONDS(9)) : 0;
    for (size_t step = 0; step < steps; step++) {
        /* Moods: all is well, all fails, and between; so that every state is lived in. */
        uint64_t failing = step / 128 % 3 * 45;
        struct model_permit *permit = &model->permits[hf_random_below(random, PERMITS_MAX)];
        uint64_t dice = hf_random_below(random, 1000);
        if (dice < 300)
            now_ns += random_step_ns(random);
        else if (dice == 300)
            hf_breaker_reset(breaker), model_reset(model);
        else if (!permit->out)
            step_enter(model, breaker, now_ns, permit);
        else if (dice < 350)
            hf_breaker_cancel(breaker, &permit->real), permit->out = false;
        else if (dice < 360)
            permit->out = true; /* Kept a little longer: late results, lost permits. */
        else
            step_leave(model, breaker, now_ns, permit, random, failing);
        assert_same(model, breaker, now_ns);
    }
}

static uint64_t last_seed;

static void any_sequence_of_operations_agrees_with_the_model(void **state)
{
    (void)state;
    static struct model model;
    uint64_t opened = 0;
    size_t runs = test_scaled(400);
    for (size_t run = 0; run < runs; run++) {
        last_seed = 7000 + run;
        struct hf_splitmix splitmix;
        hf_splitmix_init(&splitmix, last_seed);
        const struct hf_random random = hf_splitmix_random(&splitmix);
        struct hf_breaker_options options = random_options(&random);
        struct hf_breaker *breaker = NULL;
        assert_int_equal(hf_breaker_new(&breaker, &options, NULL), HF_OK);
        model = (struct model){.options = options};
        assert_int_equal(hf_delay_init(&model.open, &options.open, NULL), HF_OK);
        hf_splitmix_init(&model.splitmix, options.seed);
        run_steps(&model, breaker, 2500, &random);
        opened += model.opened_count;
        hf_breaker_free(breaker);
    }
    last_seed = 0;
    /* A model that never opened would agree with anything. */
    assert_true(opened > runs * 10);
}

static int print_seed(void **state)
{
    (void)state;
    if (last_seed)
        print_error("failed with seed %" PRIu64 "\n", last_seed);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(any_sequence_of_operations_agrees_with_the_model, print_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
