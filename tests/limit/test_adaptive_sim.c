/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scale.h"
#include "support/adaptive_world.h"

#define CAPACITY 1000
#define DEMAND 2500

static const struct hf_adaptive_options options_of_one = {
    .rate_min = 10, .rate_max = 5000, .increase = 25};

static uint64_t seeds(void)
{
    return test_is_slow() ? 1 : 2;
}

/* Runs on for `seconds` and tells what happened in them, a second. */
static struct adaptive_client watch(struct adaptive_world *world, uint64_t seconds)
{
    adaptive_world_count(world);
    adaptive_world_run(world, HF_SECONDS(seconds));
    struct adaptive_client sum = adaptive_world_sum(world);
    sum.waited_ns /= sum.answered ? sum.answered : 1;
    sum.sent /= seconds;
    sum.answered /= seconds;
    sum.refused /= seconds;
    print_message("# capacity %d: sent %d, answered %d, refused %d a second, waited %d ms each\n",
        (int)world->capacity, (int)sum.sent, (int)sum.answered, (int)sum.refused,
        (int)(sum.waited_ns / HF_MS(1)));
    return sum;
}

static struct adaptive_world *world_of_one(uint64_t seed, const struct hf_adaptive_options *options)
{
    print_message("# seed %d\n", (int)seed);
    struct adaptive_world *world = adaptive_world_new(seed, CAPACITY);
    adaptive_world_add(world, options, DEMAND);
    return world;
}

static void assert_near_capacity(struct adaptive_world *world, uint64_t seconds)
{
    struct adaptive_client seen = watch(world, seconds);
    assert_in_range(seen.answered, world->capacity * 88 / 100, world->capacity * 101 / 100);
    assert_in_range(seen.refused, 0, world->capacity / 100);
    assert_in_range(seen.waited_ns, 0, HF_MS(100));
}

static void a_rate_settles_near_a_capacity_that_nobody_told(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= seeds(); seed++) {
        struct adaptive_world *world = world_of_one(seed, &options_of_one);
        adaptive_world_run(world, HF_SECONDS(60));
        assert_near_capacity(world, 60);
        adaptive_world_free(world);
    }
}

static void a_rate_follows_a_capacity_that_halves_and_doubles(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= seeds(); seed++) {
        struct adaptive_world *world = world_of_one(seed, &options_of_one);
        adaptive_world_run(world, HF_SECONDS(60));
        static const uint64_t capacities[] = {CAPACITY / 2, CAPACITY, 2 * CAPACITY, CAPACITY};
        for (size_t i = 0; i < sizeof(capacities) / sizeof(capacities[0]); i++) {
            world->capacity = capacities[i];
            adaptive_world_run(world, HF_SECONDS(45));
            assert_near_capacity(world, 60);
        }
        adaptive_world_free(world);
    }
}

/* A server that does not slow down much but says no: refusals are all there is to go by. */
static void a_rate_settles_by_refusals_alone(void **state)
{
    (void)state;
    struct hf_adaptive_options options = options_of_one;
    options.latency_per_1024 = 1 << 20;
    for (uint64_t seed = 1; seed <= seeds(); seed++) {
        struct adaptive_world *world = world_of_one(seed, &options);
        adaptive_world_run(world, HF_SECONDS(60));
        struct adaptive_client seen = watch(world, 60);
        assert_in_range(seen.answered, CAPACITY * 85 / 100, CAPACITY * 101 / 100);
        assert_in_range(seen.refused, 0, CAPACITY * 5 / 100);
        adaptive_world_free(world);
    }
}

/* Jain's index of fairness: 1 if all shares are equal, 1 / n if one has all. In thousandths. */
static uint64_t jain(const struct adaptive_world *world)
{
    uint64_t sum = 0;
    uint64_t squares = 0;
    for (uint32_t i = 0; i < world->clients_count; i++) {
        sum += world->clients[i].answered;
        squares += world->clients[i].answered * world->clients[i].answered;
    }
    return 1000 * (sum / world->clients_count) * sum / squares;
}

static void several_clients_come_to_fair_shares(void **state)
{
    (void)state;
    static const uint64_t starts[] = {10, 2000, 100, 700};
    for (uint64_t seed = 1; seed <= seeds(); seed++) {
        struct adaptive_world *world = adaptive_world_new(seed, CAPACITY);
        for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
            struct hf_adaptive_options options = {
                .rate_min = 10, .rate_max = 2000, .rate_start = starts[i], .increase = 10};
            adaptive_world_add(world, &options, CAPACITY);
        }
        print_message("# seed %d\n", (int)seed);
        adaptive_world_run(world, HF_SECONDS(90));
        assert_near_capacity(world, 60);
        print_message("# fairness %d of 1000\n", (int)jain(world));
        assert_in_range(jain(world), 950, 1000);
        adaptive_world_free(world);
    }
}

static void what_is_not_used_does_not_grow(void **state)
{
    (void)state;
    struct adaptive_world *world = adaptive_world_new(1, CAPACITY);
    struct adaptive_client *client = adaptive_world_add(world, &options_of_one, 100);
    adaptive_world_run(world, HF_SECONDS(300));
    uint64_t step = options_of_one.increase;
    assert_in_range(adaptive_client_rate(client), 100, 2 * 100 * 11 / 10 + step);
    adaptive_world_free(world);
}

static void the_same_seed_gives_the_same_story(void **state)
{
    (void)state;
    uint64_t traces[2];
    for (int i = 0; i < 2; i++) {
        struct adaptive_world *world = world_of_one(7, &options_of_one);
        adaptive_world_run(world, HF_SECONDS(20));
        traces[i] = hf_sim_trace(world->sim);
        adaptive_world_free(world);
    }
    assert_int_equal(traces[0], traces[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_settles_near_a_capacity_that_nobody_told),
        cmocka_unit_test(a_rate_follows_a_capacity_that_halves_and_doubles),
        cmocka_unit_test(a_rate_settles_by_refusals_alone),
        cmocka_unit_test(several_clients_come_to_fair_shares),
        cmocka_unit_test(what_is_not_used_does_not_grow),
        cmocka_unit_test(the_same_seed_gives_the_same_story),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
