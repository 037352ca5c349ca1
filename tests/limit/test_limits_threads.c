/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <holdfast/limits.h>

#include "base/atomic.h"
#include "scale.h"

/*
 * Two threads that ask for the same cells, together and apart. Time stands still, so that cells can
 * be counted: whatever was denied must have left no trace.
 */

#define THREADS 2
#define NOW_NS HF_SECONDS(3)

struct scene {
    struct hf_gate gate;
    struct hf_limiter *limiter;
    struct hf_limits limits[THREADS]; /* The same parts, in another order. */
    uint64_t arrived;
    uint64_t rounds;
    uint64_t admitted[THREADS];
    uint64_t nobody;
    uint64_t both;
    uint64_t held;
    uint64_t above;
    uint64_t failures;
};

struct actor {
    struct scene *scene;
    uint64_t number;
};

static void set_scene(struct scene *scene, uint64_t gate_burst, uint64_t key_burst)
{
    *scene = (struct scene){.rounds = 0};
    const struct hf_quota gate_quota = hf_quota_per_hour(gate_burst);
    const struct hf_limiter_options options = {
        .quota = hf_quota_per_hour(key_burst), .keys_max = 100};
    assert_int_equal(hf_gate_init(&scene->gate, &gate_quota, NULL), HF_OK);
    assert_int_equal(hf_limiter_new(&scene->limiter, &options, NULL), HF_OK);
    scene->limits[0] = (struct hf_limits){
        .parts = {{.gate = &scene->gate}, {.limiter = scene->limiter, .key = hf_bytes("x", 1)},
            {.limiter = scene->limiter, .key = hf_bytes("y", 1)}}};
    scene->limits[1] = (struct hf_limits){
        .parts = {{.limiter = scene->limiter, .key = hf_bytes("y", 1)},
            {.limiter = scene->limiter, .key = hf_bytes("x", 1)}, {.gate = &scene->gate}}};
}

static void act(struct scene *scene, void *(*play)(void *))
{
    pthread_t threads[THREADS];
    struct actor actors[THREADS];
    for (uint64_t i = 0; i < THREADS; i++) {
        actors[i] = (struct actor){scene, i};
        assert_int_equal(pthread_create(&threads[i], NULL, play, &actors[i]), 0);
    }
    for (uint64_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void assert_left(struct scene *scene, uint64_t gate_left, uint64_t key_left)
{
    struct hf_decision decision;
    (void)!hf_gate_peek(&scene->gate, 1, NULL, NOW_NS, &decision);
    assert_int_equal(decision.remaining, gate_left);
    for (const char *key = "xy"; *key; key++) {
        (void)!hf_limiter_peek_at(scene->limiter, hf_bytes(key, 1), 1, NULL, NOW_NS, &decision);
        assert_int_equal(decision.remaining, key_left);
    }
}

static void meet(struct scene *scene, uint64_t meeting)
{
    hf_add_seq(&scene->arrived, 1);
    while (hf_load_seq(&scene->arrived) < meeting * THREADS)
        sched_yield();
}

static enum hf_status check(struct actor *actor, uint64_t cost)
{
    return hf_limits_check_at(
        &actor->scene->limits[actor->number], hf_bytes(NULL, 0), cost, NOW_NS, NULL);
}

static void count_winners(struct scene *scene)
{
    uint64_t winners = hf_load_relaxed(&scene->admitted[0]) + hf_load_relaxed(&scene->admitted[1]);
    scene->nobody += winners == 0;
    scene->both += winners == 2;
}

/* Both want the last cells; whoever has got them gives them back when both have been answered. */
static void *compete(void *argument)
{
    struct actor *actor = argument;
    struct scene *scene = actor->scene;
    for (uint64_t round = 0; round < scene->rounds; round++) {
        meet(scene, 3 * round + 1);
        bool got = check(actor, 1) == HF_OK;
        hf_store_relaxed(&scene->admitted[actor->number], got);
        meet(scene, 3 * round + 2);
        if (actor->number == 0)
            count_winners(scene);
        if (got && hf_limits_refund_at(
                       &scene->limits[actor->number], hf_bytes(NULL, 0), 1, NOW_NS) != HF_OK)
            hf_add_relaxed(&scene->failures, 1);
        meet(scene, 3 * round + 3);
    }
    return NULL;
}

static void of_two_who_want_the_last_cells_exactly_one_gets_them(void **state)
{
    (void)state;
    struct scene scene;
    set_scene(&scene, 1, 1);
    scene.rounds = test_scaled(40000);
    act(&scene, compete);
    assert_int_equal(scene.nobody, 0);
    assert_int_equal(scene.both, 0);
    assert_int_equal(scene.failures, 0);
    assert_left(&scene, 1, 1);
    hf_limiter_free(scene.limiter);
}

#define HELD_MAX 5

/* Takes and gives back, as fast as it can; now and then takes from one key alone. */
static void *take_and_give_back(void *argument)
{
    struct actor *actor = argument;
    struct scene *scene = actor->scene;
    for (uint64_t i = 0; i < scene->rounds; i++) {
        uint64_t cost = 1 + i % 3;
        if (i % 5 == 0) {
            const char *key = i % 2 ? "x" : "y";
            if (hf_limiter_check_at(scene->limiter, hf_bytes(key, 1), cost, NOW_NS, NULL) != HF_OK)
                continue;
            if (hf_limiter_refund_at(scene->limiter, hf_bytes(key, 1), cost, NULL, NOW_NS) != HF_OK)
                hf_add_relaxed(&scene->failures, 1);
            continue;
        }
        if (check(actor, cost) != HF_OK)
            continue;
        uint64_t held = hf_add_relaxed(&scene->held, cost) + cost;
        if (held > HELD_MAX)
            hf_add_relaxed(&scene->above, 1);
        hf_add_relaxed(&scene->admitted[actor->number], 1);
        hf_add_relaxed(&scene->held, 0 - cost);
        if (hf_limits_refund_at(&scene->limits[actor->number], hf_bytes(NULL, 0), cost, NOW_NS) !=
            HF_OK)
            hf_add_relaxed(&scene->failures, 1);
    }
    return NULL;
}

static void denials_leave_no_trace_and_nobody_holds_more_than_there_is(void **state)
{
    (void)state;
    struct scene scene;
    set_scene(&scene, HELD_MAX, HELD_MAX + 1);
    scene.rounds = test_scaled(200000);
    act(&scene, take_and_give_back);
    assert_int_equal(scene.above, 0);
    assert_int_equal(scene.failures, 0);
    assert_true(scene.admitted[0] > 0);
    assert_true(scene.admitted[1] > 0);
    assert_left(&scene, HELD_MAX, HELD_MAX + 1);
    hf_limiter_free(scene.limiter);
}

/* One whose key is used up floods; another shares the gate with him and has plenty. */
static void *flood_or_use(void *argument)
{
    struct actor *actor = argument;
    struct scene *scene = actor->scene;
    const struct hf_limits limits = {
        .parts = {{.gate = &scene->gate}, {.limiter = scene->limiter}}};
    struct hf_bytes key = actor->number ? hf_bytes("y", 1) : hf_bytes("x", 1);
    for (uint64_t i = 0; i < scene->rounds; i++)
        if (hf_limits_check_at(&limits, key, 1, NOW_NS, NULL) == HF_OK)
            scene->admitted[actor->number]++;
    return NULL;
}

static void a_flood_of_a_denied_key_keeps_nobody_from_everybodys_cells(void **state)
{
    (void)state;
    struct scene scene;
    uint64_t cells = test_scaled(100000);
    set_scene(&scene, cells, cells);
    scene.rounds = cells;
    assert_int_equal(
        hf_limiter_check_at(scene.limiter, hf_bytes("x", 1), cells, NOW_NS, NULL), HF_OK);
    act(&scene, flood_or_use);
    assert_int_equal(scene.admitted[0], 0);
    assert_int_equal(scene.admitted[1], cells); /* Each one, the last too. */
    hf_limiter_free(scene.limiter);
}

/* By a real clock, in which a charge that is given back has taken time. */
static void *use_clock(void *argument)
{
    struct actor *actor = argument;
    struct scene *scene = actor->scene;
    const struct hf_limits limits = {
        .parts = {{.gate = &scene->gate}, {.limiter = scene->limiter}}};
    for (uint64_t i = 0; i < scene->rounds; i++) {
        bool first = (i + actor->number) % 2 == 0;
        struct hf_bytes key = first ? hf_bytes("x", 1) : hf_bytes("y", 1);
        if (hf_limits_check(&limits, key, 1, NULL) != HF_OK)
            continue;
        hf_add_relaxed(&scene->admitted[first], 1);
        if (i % 8 == 0 && hf_limits_refund(&limits, key, 1) == HF_OK)
            hf_add_relaxed(&scene->held, 1);
    }
    return NULL;
}

static void by_a_real_clock_nobody_gets_more_than_the_quotas(void **state)
{
    (void)state;
    struct scene scene = {.rounds = test_scaled(200000)};
    const struct hf_quota gate_quota = {.count = 1, .period_ns = HF_US(1), .burst = 20};
    const struct hf_limiter_options options = {
        .quota = {.count = 1, .period_ns = HF_US(3), .burst = 10}, .keys_max = 100};
    assert_int_equal(hf_gate_init(&scene.gate, &gate_quota, NULL), HF_OK);
    assert_int_equal(hf_limiter_new(&scene.limiter, &options, NULL), HF_OK);
    uint64_t start_ns = hf_clock_now_ns(NULL);
    act(&scene, use_clock);
    uint64_t elapsed_ns = hf_clock_now_ns(NULL) - start_ns;
    uint64_t back = scene.held;
    for (int key = 0; key < 2; key++)
        assert_in_range(scene.admitted[key], 10, 10 + elapsed_ns / HF_US(3) + back);
    assert_in_range(scene.admitted[0] + scene.admitted[1], 20, 20 + elapsed_ns / HF_US(1) + back);
    hf_limiter_free(scene.limiter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_two_who_want_the_last_cells_exactly_one_gets_them),
        cmocka_unit_test(denials_leave_no_trace_and_nobody_holds_more_than_there_is),
        cmocka_unit_test(a_flood_of_a_denied_key_keeps_nobody_from_everybodys_cells),
        cmocka_unit_test(by_a_real_clock_nobody_gets_more_than_the_quotas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
