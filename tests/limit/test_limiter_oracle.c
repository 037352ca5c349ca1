/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/limiter.h>

#include "scale.h"
#include "support/gcra_oracle.h"

/*
 * Everything that can be done to a key, in any order, by several quotas, at times that go forward:
 * each answer is the oracle's, and no stretch of time admits more than it should.
 */

typedef unsigned __int128 wide;

#define KEYS 3
#define QUOTAS 3
#define STEPS 150

/* One thing that happened to a key: by how much it moved, in time. */
struct event {
    uint64_t now_ns;
    uint64_t reach_ns; /* How far ahead the deciding quota lets a key run. */
    wide charged_ns;
    wide given_back_ns;
};

struct history {
    struct event events[STEPS];
    size_t count;
};

struct world {
    struct hf_splitmix random;
    struct hf_quota quotas[QUOTAS];
    struct hf_gcra plans[QUOTAS]; /* The limiter's own is the first. */
    struct hf_limiter *limiter;
    struct gcra_oracle oracles[KEYS];
    struct history histories[KEYS];
    uint64_t now_ns;
};

static uint64_t draw(struct world *world, uint64_t bound)
{
    const struct hf_random random = hf_splitmix_random(&world->random);
    return hf_random_below(&random, bound);
}

static struct hf_bytes key_of(const uint64_t *key)
{
    return hf_bytes(key, sizeof(*key));
}

/* Quotas of scales that have something to do with each other, or nothing. */
static void make_quotas(struct world *world)
{
    world->quotas[0] = random_quota(&world->random);
    for (size_t i = 1; i < QUOTAS; i++) {
        struct hf_quota near = world->quotas[0];
        near.count = 1 + near.count * (1 + draw(world, 5)) / 3;
        near.burst = 1 + draw(world, 12);
        bool fits = hf_quota_check(&near, NULL) == HF_OK && draw(world, 4) > 0;
        world->quotas[i] = fits ? near : random_quota(&world->random);
    }
    for (size_t i = 0; i < QUOTAS; i++)
        assert_int_equal(hf_gcra_init(&world->plans[i], &world->quotas[i], NULL), HF_OK);
}

static void make_world(struct world *world, uint64_t number)
{
    memset(world, 0, sizeof(*world));
    hf_splitmix_init(&world->random, number);
    make_quotas(world);
    const struct hf_hash_seed hash_seed = {{number, 1, 2, 3}};
    const struct hf_limiter_options options = {
        .quota = world->quotas[0],
        .keys_max = 100,
        .hash = number % 2 ? HF_HASH_FAST : HF_HASH_SIPHASH,
        .seed = &hash_seed,
        .fill_max_ns = UINT64_C(1) << 60,
    };
    assert_int_equal(hf_limiter_new(&world->limiter, &options, NULL), HF_OK);
    for (size_t key = 0; key < KEYS; key++)
        world->oracles[key] = gcra_oracle(&world->quotas[0]);
    world->now_ns = random_any_size(&world->random, 60);
}

static void note(struct world *world, uint64_t key, struct event event)
{
    event.now_ns = world->now_ns;
    struct history *history = &world->histories[key];
    history->events[history->count++] = event;
}

/* NULL now and then where that means the same. */
static const struct hf_gcra *plan(struct world *world, size_t quota)
{
    return quota == 0 && draw(world, 2) == 0 ? NULL : &world->plans[quota];
}

static uint64_t draw_cost(struct world *world)
{
    return draw(world, 8) == 0 ? random_any_size(&world->random, 64) : draw(world, 5);
}

static void check(struct world *world, uint64_t key, size_t quota, uint64_t cost)
{
    struct gcra_oracle *oracle = &world->oracles[key];
    struct hf_decision got;
    struct hf_decision expected;
    gcra_oracle_by(oracle, &world->quotas[quota]);
    enum hf_status status =
        gcra_oracle_check(oracle, cost, world->now_ns, HF_REASON_KEY, &expected);
    assert_int_equal(hf_limiter_check_with_at(world->limiter, key_of(&key), cost,
                         plan(world, quota), world->now_ns, &got),
        status);
    assert_decisions_equal(&got, &expected);
    if (status == HF_OK)
        note(world, key,
            (struct event){.reach_ns = world->plans[quota].tolerance_ns,
                .charged_ns = (wide)cost * oracle->interval_ns});
}

/* Of a copy of the oracle, so that nothing is charged. */
static void peek(struct world *world, uint64_t key, size_t quota, uint64_t cost)
{
    struct gcra_oracle oracle = world->oracles[key];
    struct hf_decision got;
    struct hf_decision expected;
    gcra_oracle_by(&oracle, &world->quotas[quota]);
    wide tat_ns = oracle.tat_ns;
    enum hf_status status =
        gcra_oracle_check(&oracle, cost ? cost : 1, world->now_ns, HF_REASON_KEY, &expected);
    if (status == HF_OK) { /* What is left before the charge. */
        oracle.tat_ns = tat_ns;
        gcra_oracle_check(&oracle, 0, world->now_ns, HF_REASON_KEY, &expected);
    }
    assert_int_equal(hf_limiter_peek_at(world->limiter, key_of(&key), cost, plan(world, quota),
                         world->now_ns, &got),
        status);
    assert_decisions_equal(&got, &expected);
}

static void reserve(struct world *world, uint64_t key, size_t quota, uint64_t cost)
{
    struct gcra_oracle *oracle = &world->oracles[key];
    struct hf_decision got;
    struct hf_decision expected;
    uint64_t wait_ns = 77;
    uint64_t expected_ns = 77;
    uint64_t wait_max_ns = random_any_size(&world->random, 61);
    cost += cost == 0;
    gcra_oracle_by(oracle, &world->quotas[quota]);
    enum hf_status status = gcra_oracle_reserve(
        oracle, cost, wait_max_ns, world->now_ns, HF_REASON_KEY, &expected_ns, &expected);
    assert_int_equal(hf_limiter_reserve_at(world->limiter, key_of(&key), cost, plan(world, quota),
                         wait_max_ns, world->now_ns, &wait_ns, &got),
        status);
    assert_decisions_equal(&got, &expected);
    assert_int_equal(wait_ns, expected_ns);
    if (status == HF_OK)
        note(world, key,
            (struct event){
                .reach_ns = UINT64_C(1) << 60, .charged_ns = (wide)cost * oracle->interval_ns});
}

static void refund(struct world *world, uint64_t key, size_t quota, uint64_t cost)
{
    struct gcra_oracle *oracle = &world->oracles[key];
    gcra_oracle_by(oracle, &world->quotas[quota]);
    enum hf_status status = cost <= oracle->burst ? HF_OK : HF_INVALID;
    wide before_ns = oracle->tat_ns;
    if (status == HF_OK)
        gcra_oracle_refund(oracle, cost, world->now_ns);
    assert_int_equal(
        hf_limiter_refund_at(world->limiter, key_of(&key), cost, plan(world, quota), world->now_ns),
        status);
    note(world, key, (struct event){.given_back_ns = before_ns - oracle->tat_ns});
}

static void requota(struct world *world, uint64_t key, size_t from, size_t to)
{
    struct gcra_oracle *oracle = &world->oracles[key];
    gcra_oracle_by(oracle, &world->quotas[from]);
    wide before_ns = oracle->tat_ns;
    gcra_oracle_requota(oracle, &world->quotas[to], world->now_ns);
    assert_int_equal(hf_limiter_requota_at(world->limiter, key_of(&key), plan(world, from),
                         plan(world, to), world->now_ns),
        HF_OK);
    if (oracle->tat_ns <= before_ns)
        note(world, key, (struct event){.given_back_ns = before_ns - oracle->tat_ns});
}

static void reset(struct world *world, uint64_t key)
{
    struct gcra_oracle *oracle = &world->oracles[key];
    wide before_ns = oracle->tat_ns;
    if (oracle->tat_ns > world->now_ns)
        oracle->tat_ns = world->now_ns;
    assert_int_equal(hf_limiter_reset_at(world->limiter, key_of(&key), world->now_ns), HF_OK);
    note(world, key, (struct event){.given_back_ns = before_ns - oracle->tat_ns});
}

static void trim(struct world *world, size_t quota)
{
    for (uint64_t key = 0; key < KEYS; key++) {
        struct gcra_oracle *oracle = &world->oracles[key];
        wide before_ns = oracle->tat_ns;
        gcra_oracle_by(oracle, &world->quotas[quota]);
        gcra_oracle_trim(oracle, world->now_ns);
        note(world, key, (struct event){.given_back_ns = before_ns - oracle->tat_ns});
    }
    assert_int_equal(hf_limiter_trim_at(world->limiter, plan(world, quota), world->now_ns), HF_OK);
}

static void step(struct world *world)
{
    uint64_t key = draw(world, KEYS);
    size_t quota = draw(world, QUOTAS);
    uint64_t cost = draw_cost(world);
    uint64_t what = draw(world, 24);
    if (what < 12)
        check(world, key, quota, cost);
    else if (what < 15)
        peek(world, key, quota, cost);
    else if (what < 17)
        reserve(world, key, quota, cost);
    else if (what < 20)
        refund(world, key, quota, cost);
    else if (what < 22)
        requota(world, key, quota, draw(world, QUOTAS));
    else if (what < 23)
        reset(world, key);
    else
        trim(world, quota);
    uint64_t pace_ns = 2 * world->plans[quota].interval_ns;
    world->now_ns += random_any_size(&world->random, 60) % pace_ns;
    if (world->now_ns > HF_TIME_MAX_NS)
        world->now_ns = HF_TIME_MAX_NS;
}

/* In any stretch: no more charged than the last quota's burst, what is earned, what is given back.
 */
static void assert_no_stretch_admits_too_much(const struct history *history)
{
    for (size_t first = 0; first < history->count; first++) {
        wide charged_ns = 0;
        wide given_back_ns = 0;
        for (size_t last = first; last < history->count; last++) {
            const struct event *event = &history->events[last];
            charged_ns += event->charged_ns;
            if (event->charged_ns)
                assert_true(charged_ns <= event->reach_ns + given_back_ns +
                                              (event->now_ns - history->events[first].now_ns));
            given_back_ns += event->given_back_ns;
        }
    }
}

static uint64_t seed;

static int tell_seed(void **state)
{
    (void)state;
    print_message("# the last seed was %llu\n", (unsigned long long)seed);
    return 0;
}

static void every_answer_is_the_oracles_whatever_is_done_to_a_key(void **state)
{
    (void)state;
    static struct world world;
    for (seed = 0; seed < test_scaled(10000); seed++) {
        make_world(&world, seed);
        for (int i = 0; i < STEPS; i++)
            step(&world);
        for (size_t key = 0; key < KEYS; key++)
            assert_no_stretch_admits_too_much(&world.histories[key]);
        hf_limiter_free(world.limiter);
    }
}

/* Asking for a cell at each moment at which one comes free gets burst + time / interval of them. */
static void whoever_asks_in_time_gets_every_cell_but_for_rounding(void **state)
{
    (void)state;
    struct hf_splitmix random;
    hf_splitmix_init(&random, 9);
    for (size_t round = 0; round < test_scaled(2000); round++) {
        struct hf_quota quota = random_quota(&random);
        struct hf_limiter *limiter;
        const struct hf_limiter_options options = {.quota = quota, .keys_max = 1};
        assert_int_equal(hf_limiter_new(&limiter, &options, NULL), HF_OK);
        struct gcra_oracle oracle = gcra_oracle(&quota);
        uint64_t start_ns = random_any_size(&random, 59);
        uint64_t now_ns = start_ns;
        wide got = 0;
        assert_int_equal(
            hf_limiter_check_at(limiter, hf_bytes("k", 1), oracle.burst, now_ns, NULL), HF_OK);
        got += oracle.burst;
        for (int i = 0; i < 40; i++) {
            struct hf_decision decision;
            assert_int_equal(
                hf_limiter_check_at(limiter, hf_bytes("k", 1), 1, now_ns, &decision), HF_DENIED);
            if (now_ns + decision.retry_after_ns > HF_TIME_MAX_NS)
                break;
            now_ns += decision.retry_after_ns;
            assert_int_equal(
                hf_limiter_check_at(limiter, hf_bytes("k", 1), 1, now_ns, &decision), HF_OK);
            got++;
            wide ideal = oracle.burst + (wide)quota.count * (now_ns - start_ns) / quota.period_ns;
            assert_true(got <= ideal);
            assert_true(got + 1 + (ideal - oracle.burst) / 100 >= ideal);
        }
        hf_limiter_free(limiter);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(every_answer_is_the_oracles_whatever_is_done_to_a_key, tell_seed),
        cmocka_unit_test(whoever_asks_in_time_gets_every_cell_but_for_rounding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
