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

#include <holdfast/delay.h>
#include <holdfast/sim.h>
#include <holdfast/sim_memory.h>

static struct hf_sim *made(struct hf_sim_options options)
{
    struct hf_sim *sim = NULL;
    struct hf_error error = {0};
    if (hf_sim_new(&sim, &options, &error) != HF_OK)
        fail_msg("%s", hf_error_text(&error));
    return sim;
}

static struct hf_sim *seeded(uint64_t seed)
{
    return made((struct hf_sim_options){.seed = seed});
}

static void nothing(void *context, uint64_t now_ns)
{
    (void)context;
    (void)now_ns;
}

/*
 * A client that fails, waits with jitter, and tries again, beside a server that comes back by
 * chance: a world small enough to see that one seed decides all of it.
 */
struct world {
    struct hf_sim *sim;
    struct hf_delay delay;
    uint32_t failures;
    bool server_up;
    uint64_t done_ns;
};

static void try_again(void *context, uint64_t now_ns)
{
    struct world *world = context;
    if (world->server_up) {
        world->done_ns = now_ns;
        hf_sim_note(world->sim, hf_bytes("done", 4));
        return;
    }
    struct hf_random random = hf_sim_random(world->sim);
    uint64_t delay_ns = hf_delay_ns(&world->delay, ++world->failures, 0, &random);
    assert_int_equal(hf_sim_after(world->sim, delay_ns, try_again, world, NULL), HF_OK);
}

static void start_server(void *context, uint64_t now_ns)
{
    (void)now_ns;
    ((struct world *)context)->server_up = true;
}

static uint64_t live_through(uint64_t seed, uint64_t *done_ns)
{
    struct world world = {.sim = seeded(seed)};
    struct hf_random random = hf_sim_random(world.sim);
    assert_int_equal(hf_delay_init(&world.delay, NULL, NULL), HF_OK);
    assert_int_equal(hf_sim_at(world.sim, 0, try_again, &world, NULL), HF_OK);
    assert_int_equal(
        hf_sim_at(world.sim, hf_random_below(&random, HF_SECONDS(30)), start_server, &world, NULL),
        HF_OK);
    assert_int_equal(hf_sim_run(world.sim), HF_OK);
    uint64_t trace = hf_sim_trace(world.sim);
    *done_ns = world.done_ns;
    hf_sim_free(world.sim);
    return trace;
}

static void one_seed_decides_everything(void **state)
{
    (void)state;
    uint64_t last_trace = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        uint64_t done_ns = 0;
        uint64_t again_ns = 0;
        uint64_t trace = live_through(seed, &done_ns);
        assert_true(live_through(seed, &again_ns) == trace);
        assert_int_equal(done_ns, again_ns);
        assert_true(trace != last_trace);
        last_trace = trace;
    }
}

static void everything_that_happens_goes_into_the_trace(void **state)
{
    (void)state;
    uint64_t traces[6];
    for (int what = 0; what < 6; what++) {
        struct hf_sim *sim = seeded(9);
        struct hf_random random = hf_sim_random(sim);
        if (what == 1)
            (void)random.next(random.context);
        if (what == 2)
            hf_sim_step_wall(sim, 1);
        if (what == 3)
            hf_sim_note(sim, hf_bytes("x", 1));
        if (what == 4)
            hf_sim_note(sim, hf_bytes(NULL, 0));
        if (what == 5) {
            assert_int_equal(hf_sim_at(sim, 0, nothing, NULL, NULL), HF_OK);
            assert_int_equal(hf_sim_step(sim), HF_OK);
        }
        traces[what] = hf_sim_trace(sim);
        for (int other = 0; other < what; other++)
            assert_true(traces[other] != traces[what]);
        hf_sim_free(sim);
    }
}

static void a_seed_of_zero_is_drawn_and_told(void **state)
{
    (void)state;
    struct hf_sim *one = seeded(0);
    struct hf_sim *other = seeded(0);
    assert_true(hf_sim_seed(one) != 0);
    assert_true(hf_sim_seed(one) != hf_sim_seed(other));
    struct hf_sim *again_one = seeded(hf_sim_seed(one));
    struct hf_random first = hf_sim_random(one);
    struct hf_random second = hf_sim_random(again_one);
    for (int draw = 0; draw < 10; draw++)
        assert_true(first.next(first.context) == second.next(second.context));
    assert_true(hf_sim_trace(one) == hf_sim_trace(again_one));
    hf_sim_free(one);
    hf_sim_free(other);
    hf_sim_free(again_one);
}

static void count_call(void *context, uint64_t now_ns)
{
    (void)now_ns;
    ++*(uint64_t *)context;
}

static void the_check_runs_after_each_event(void **state)
{
    (void)state;
    uint64_t checks = 0;
    struct hf_sim *sim = made((struct hf_sim_options){
        .seed = 1, .after_each = count_call, .after_each_context = &checks});
    for (uint64_t time_ns = 0; time_ns < 25; time_ns++)
        assert_int_equal(hf_sim_at(sim, time_ns, nothing, NULL, NULL), HF_OK);
    assert_int_equal(hf_sim_run(sim), HF_OK);
    assert_int_equal(checks, 25);
    hf_sim_free(sim);
}

static void one_line_describes_a_run(void **state)
{
    (void)state;
    struct hf_sim *sim = made((struct hf_sim_options){.seed = 77, .start_ns = 5});
    assert_int_equal(hf_sim_at(sim, 6, nothing, NULL, NULL), HF_OK);
    assert_int_equal(hf_sim_at(sim, 8, nothing, NULL, NULL), HF_OK);
    assert_int_equal(hf_sim_step(sim), HF_OK);
    char expected[128];
    snprintf(expected, sizeof(expected), "seed 77, at 6 ns, 1 events run, 1 waiting, trace %016llx",
        (unsigned long long)hf_sim_trace(sim));
    char line[128];
    assert_int_equal(hf_sim_describe(sim, line, sizeof(line)), strlen(expected));
    assert_string_equal(line, expected);
    assert_int_equal(hf_sim_describe(sim, line, 8), strlen(expected));
    assert_string_equal(line, "seed 77");
    assert_int_equal(hf_sim_describe(sim, NULL, 0), strlen(expected));
    hf_sim_free(sim);
    assert_true(hf_sim_describe(NULL, line, sizeof(line)) > 0);
}

static void assert_refused(struct hf_sim_options options, const char *text)
{
    struct hf_error error = {0};
    struct hf_sim *sim = (struct hf_sim *)&error;
    assert_int_equal(hf_sim_new(&sim, &options, &error), HF_INVALID);
    assert_null(sim);
    assert_string_equal(hf_error_text(&error), text);
}

static void bad_options_are_refused_by_name_and_value(void **state)
{
    (void)state;
    assert_refused((struct hf_sim_options){.start_ns = HF_TIME_MAX_NS + 1},
        "sim.start_ns: 2305843009213693952 is too large (at most 2305843009213693951)");
    assert_refused((struct hf_sim_options){.wall_start_ns = UINT64_MAX},
        "sim.wall_start_ns: 18446744073709551615 is too large (at most 2305843009213693951)");
    assert_refused((struct hf_sim_options){.events_max = HF_SIM_EVENTS_MAX + 1},
        "sim.events_max: 16777217 is too large (at most 16777216)");
    struct hf_allocator half = *hf_allocator_libc();
    half.release = NULL;
    assert_refused((struct hf_sim_options){.allocator = &half}, "allocator.release: NULL");
    struct hf_error error = {0};
    assert_int_equal(hf_sim_new(NULL, NULL, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "sim: NULL");
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (uint64_t number = 1;; number++) {
        struct hf_sim_memory memory;
        hf_sim_memory_init(&memory, &(struct hf_sim_memory_options){.fail_at = number});
        struct hf_allocator allocator = hf_sim_memory_allocator(&memory);
        struct hf_sim *sim = NULL;
        struct hf_error error = {0};
        enum hf_status status =
            hf_sim_new(&sim, &(struct hf_sim_options){.seed = 1, .allocator = &allocator}, &error);
        memset(&allocator, 0, sizeof(allocator));
        if (status == HF_OK) {
            hf_sim_free(sim);
            assert_int_equal(hf_sim_memory_statistics(&memory).live_count, 0);
            assert_int_equal(hf_sim_memory_statistics(&memory).mismatched, 0);
            assert_true(number > 1);
            break;
        }
        assert_int_equal(status, HF_NO_MEMORY);
        assert_non_null(strstr(hf_error_text(&error), "no memory"));
        assert_null(sim);
        assert_int_equal(hf_sim_memory_statistics(&memory).live_count, 0);
    }
}

static void missing_arguments_are_answered(void **state)
{
    (void)state;
    struct hf_sim *sim = NULL;
    assert_int_equal(hf_sim_new(&sim, NULL, NULL), HF_OK);
    uint64_t next_ns;
    struct hf_sim_event event = {5, 5};
    assert_int_equal(hf_sim_at(sim, 1, NULL, NULL, &event), HF_INVALID);
    assert_int_equal(event.number, 0);
    assert_int_equal(hf_sim_at(NULL, 1, nothing, NULL, NULL), HF_INVALID);
    assert_int_equal(hf_sim_at(sim, HF_TIME_MAX_NS + 1, nothing, NULL, NULL), HF_INVALID);
    assert_int_equal(hf_sim_after(NULL, 1, nothing, NULL, NULL), HF_INVALID);
    assert_int_equal(hf_sim_cancel(NULL, event), HF_INVALID);
    assert_int_equal(hf_sim_next_ns(NULL, &next_ns), HF_INVALID);
    assert_int_equal(hf_sim_next_ns(sim, NULL), HF_INVALID);
    assert_int_equal(hf_sim_next_ns(sim, &next_ns), HF_NOT_FOUND);
    assert_int_equal(hf_sim_step(NULL), HF_INVALID);
    assert_int_equal(hf_sim_step(sim), HF_NOT_FOUND);
    assert_int_equal(hf_sim_run(NULL), HF_INVALID);
    assert_int_equal(hf_sim_run_until(NULL, 0), HF_INVALID);
    assert_int_equal(hf_sim_run_until(sim, HF_TIME_MAX_NS + 1), HF_INVALID);
    hf_sim_free(sim);
    hf_sim_free(NULL);
    hf_sim_step_wall(NULL, 1);
    hf_sim_note(NULL, hf_bytes("x", 1));
    struct hf_clock clock = hf_sim_clock(NULL);
    struct hf_wall_clock wall = hf_sim_wall_clock(NULL);
    struct hf_random random = hf_sim_random(NULL);
    hf_clock_sleep_ns(&clock, 1);
    assert_int_equal(hf_clock_now_ns(&clock), 0);
    assert_int_equal(hf_wall_clock_now_ns(&wall), 0);
    assert_int_equal(random.next(random.context), 0);
    assert_int_equal(hf_sim_seed(NULL), 0);
    assert_int_equal(hf_sim_trace(NULL), 0);
    assert_int_equal(hf_sim_waiting(NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_seed_decides_everything),
        cmocka_unit_test(everything_that_happens_goes_into_the_trace),
        cmocka_unit_test(a_seed_of_zero_is_drawn_and_told),
        cmocka_unit_test(the_check_runs_after_each_event),
        cmocka_unit_test(one_line_describes_a_run),
        cmocka_unit_test(bad_options_are_refused_by_name_and_value),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(missing_arguments_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
