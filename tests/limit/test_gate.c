/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <holdfast/gate.h>

#include "base/atomic.h"
#include "scale.h"
#include "support/gcra_oracle.h"

static struct hf_gate gate_for(struct hf_quota quota)
{
    struct hf_gate gate;
    assert_int_equal(hf_gate_init(&gate, &quota, NULL), HF_OK);
    return gate;
}

static void assert_remaining(struct hf_gate *gate, uint64_t now_ns, uint64_t cells)
{
    struct hf_decision decision;
    assert_int_equal(hf_gate_check(gate, 0, now_ns, &decision), cells ? HF_OK : HF_DENIED);
    assert_int_equal(decision.remaining, cells);
}

static void bad_arguments_are_named_and_nothing_is_touched(void **state)
{
    (void)state;
    struct hf_error error = {0};
    struct hf_quota quota = hf_quota_per_second(5);
    struct hf_quota zero = {0};
    struct hf_gate gate = {.tat_ns = 77};
    assert_int_equal(hf_gate_init(NULL, &quota, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "gate: NULL");
    assert_int_equal(hf_gate_init(&gate, NULL, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "quota: NULL");
    assert_int_equal(hf_gate_init(&gate, &zero, &error), HF_INVALID);
    assert_int_equal(gate.tat_ns, 77);

    struct hf_decision decision;
    assert_int_equal(hf_gate_check(NULL, 1, 0, &decision), HF_INVALID);
    assert_int_equal(decision.reason, HF_REASON_INVALID);
    assert_string_equal(decision.argument, "gate");
    gate = gate_for(quota);
    assert_int_equal(hf_gate_check(&gate, 1, HF_TIME_MAX_NS + 1, &decision), HF_INVALID);
    assert_string_equal(decision.argument, "now_ns");
    assert_int_equal(hf_gate_check(&gate, 1, UINT64_MAX, NULL), HF_INVALID);
    assert_int_equal(hf_gate_refund(NULL, 1), HF_INVALID);
    assert_int_equal(hf_gate_refund(&gate, 6), HF_INVALID);
    assert_int_equal(hf_gate_refund(&gate, UINT64_MAX), HF_INVALID);
    assert_remaining(&gate, 0, 5);
}

static void a_burst_passes_and_then_one_cell_an_interval(void **state)
{
    (void)state;
    struct hf_gate gate = gate_for(hf_quota_with_burst(hf_quota_per_second(10), 3));
    for (int i = 0; i < 3; i++)
        assert_int_equal(hf_gate_check(&gate, 1, 0, NULL), HF_OK);
    assert_int_equal(hf_gate_check(&gate, 1, 0, NULL), HF_DENIED);
    assert_int_equal(hf_gate_check(&gate, 1, HF_MS(100) - 1, NULL), HF_DENIED);
    assert_int_equal(hf_gate_check(&gate, 1, HF_MS(100), NULL), HF_OK);
    assert_int_equal(hf_gate_check(&gate, 1, HF_MS(100), NULL), HF_DENIED);
    assert_int_equal(hf_gate_check(&gate, 3, HF_MS(399), NULL), HF_DENIED);
    assert_int_equal(hf_gate_check(&gate, 3, HF_MS(400), NULL), HF_OK);
}

static void a_peek_charges_nothing(void **state)
{
    (void)state;
    struct hf_gate gate = gate_for(hf_quota_per_second(1));
    for (int i = 0; i < 3; i++)
        assert_int_equal(hf_gate_check(&gate, 0, 5, NULL), HF_OK);
    assert_int_equal(hf_gate_check(&gate, 1, 5, NULL), HF_OK);
    assert_int_equal(hf_gate_check(&gate, 0, 5, NULL), HF_DENIED);
    assert_int_equal(hf_gate_check(&gate, 0, 5 + HF_SECONDS(1), NULL), HF_OK);
}

static void a_time_that_lags_only_denies(void **state)
{
    (void)state;
    struct hf_gate gate = gate_for(hf_quota_per_second(1));
    assert_int_equal(hf_gate_check(&gate, 1, HF_SECONDS(100), NULL), HF_OK);
    struct hf_decision decision;
    assert_int_equal(hf_gate_check(&gate, 1, 0, &decision), HF_DENIED);
    assert_int_equal(decision.retry_after_ns, HF_SECONDS(101));
    assert_int_equal(decision.remaining, 0);
}

static void every_decision_agrees_with_the_oracle(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < test_scaled(3000); seed++) {
        struct hf_splitmix random;
        hf_splitmix_init(&random, seed);
        struct hf_quota quota = random_quota(&random);
        struct hf_gate gate = gate_for(quota);
        struct gcra_oracle oracle = gcra_oracle(&quota);
        uint64_t now_ns = seed % 3 ? random_any_size(&random, 61) : 0;
        for (int i = 0; i < 100; i++) {
            uint64_t cost = hf_splitmix_next(&random) % 4;
            if (i % 8 == 0)
                cost = random_any_size(&random, 64);
            struct hf_decision got;
            struct hf_decision expected;
            enum hf_status status =
                gcra_oracle_check(&oracle, cost, now_ns, HF_REASON_GLOBAL, &expected);
            assert_int_equal(hf_gate_check(&gate, cost, now_ns, &got), status);
            assert_decisions_equal(&got, &expected);
            now_ns += random_any_size(&random, 40) % (2 * oracle.interval_ns);
            if (now_ns > HF_TIME_MAX_NS)
                now_ns = HF_TIME_MAX_NS;
        }
    }
}

/* Denied at now: neither one nanosecond before now + retry_after, nor later than it. */
static void the_first_admission_after_a_denial_is_exactly_when_it_was_said(void **state)
{
    (void)state;
    struct hf_splitmix random;
    hf_splitmix_init(&random, 3);
    uint64_t denials = 0;
    for (size_t i = 0; i < test_scaled(100000); i++) {
        struct hf_quota quota = random_quota(&random);
        struct hf_gate gate = gate_for(quota);
        uint64_t burst = gate.gcra.burst;
        uint64_t now_ns = random_any_size(&random, 59);
        uint64_t cost = 1 + hf_splitmix_next(&random) % burst;
        assert_int_equal(hf_gate_check(&gate, burst, now_ns, NULL), HF_OK);
        now_ns += random_any_size(&random, 59) % gate.gcra.tolerance_ns;
        struct hf_decision decision;
        if (hf_gate_check(&gate, cost, now_ns, &decision) == HF_OK)
            continue;
        denials++;
        uint64_t then_ns = now_ns + decision.retry_after_ns;
        assert_int_equal(hf_gate_check(&gate, cost, then_ns - 1, NULL), HF_DENIED);
        assert_int_equal(hf_gate_check(&gate, cost, then_ns, NULL), HF_OK);
    }
    assert_true(denials > 0);
}

/* Any n admitted cells in t ns: n <= burst + count * t / period, without rounding. */
static void no_stretch_of_time_admits_more_than_the_quota(void **state)
{
    (void)state;
    enum { ADMISSIONS = 200 };
    typedef unsigned __int128 wide;
    struct hf_splitmix random;
    hf_splitmix_init(&random, 4);
    for (uint64_t round = 0; round < test_scaled(300); round++) {
        struct hf_quota quota =
            hf_quota_per(1 + hf_splitmix_next(&random) % 9999991, HF_SECONDS(1));
        quota.burst = 1 + hf_splitmix_next(&random) % 20;
        struct hf_gate gate = gate_for(quota);
        uint64_t times[ADMISSIONS];
        uint64_t now_ns = 0;
        for (int i = 0; i < ADMISSIONS; i++) {
            now_ns += hf_splitmix_next(&random) % (gate.gcra.interval_ns + 1);
            struct hf_decision decision;
            while (hf_gate_check(&gate, 1, now_ns, &decision) != HF_OK)
                now_ns += decision.retry_after_ns;
            times[i] = now_ns;
            for (int first = 0; first <= i; first++) {
                wide taken = (wide)(i - first + 1) * quota.period_ns;
                wide allowed = (wide)quota.burst * quota.period_ns +
                               (wide)quota.count * (now_ns - times[first]);
                assert_true(taken <= allowed);
            }
        }
    }
}

static void a_refund_gives_cells_back_but_never_more_than_the_burst(void **state)
{
    (void)state;
    struct hf_gate gate = gate_for(hf_quota_with_burst(hf_quota_per_second(10), 5));
    uint64_t now_ns = HF_SECONDS(50);
    assert_int_equal(hf_gate_check(&gate, 4, now_ns, NULL), HF_OK);
    assert_remaining(&gate, now_ns, 1);
    assert_int_equal(hf_gate_refund(&gate, 0), HF_OK);
    assert_remaining(&gate, now_ns, 1);
    assert_int_equal(hf_gate_refund(&gate, 3), HF_OK);
    assert_remaining(&gate, now_ns, 4);
    assert_int_equal(hf_gate_refund(&gate, 5), HF_OK);
    assert_remaining(&gate, now_ns, 5);
    for (int i = 0; i < 200; i++)
        assert_int_equal(hf_gate_refund(&gate, 5), HF_OK);
    assert_remaining(&gate, now_ns, 5);
    assert_remaining(&gate, 0, 5);
}

static struct hf_gcra made(struct hf_quota quota)
{
    struct hf_gcra gcra;
    assert_int_equal(hf_gcra_init(&gcra, &quota, NULL), HF_OK);
    return gcra;
}

/* A gate, its oracle, and two quotas by which it is asked, the first being its own. */
struct world {
    struct hf_splitmix random;
    struct hf_quota quotas[2];
    struct hf_gcra other;
    struct hf_gate gate;
    struct gcra_oracle oracle;
    uint64_t now_ns;
};

static void make_world(struct world *world, uint64_t seed)
{
    hf_splitmix_init(&world->random, seed);
    for (int i = 0; i < 2; i++)
        world->quotas[i] = random_quota(&world->random);
    world->other = made(world->quotas[1]);
    world->gate = gate_for(world->quotas[0]);
    world->oracle = gcra_oracle(&world->quotas[0]);
    world->now_ns = random_any_size(&world->random, 60);
}

static void lower(struct world *world, uint64_t cost, const struct hf_gcra *quota)
{
    if (cost == 1) {
        gcra_oracle_requota(&world->oracle, &world->quotas[quota ? 0 : 1], world->now_ns);
        const struct hf_gcra *to = quota ? NULL : &world->other;
        assert_int_equal(hf_gate_requota(&world->gate, quota, to, world->now_ns), HF_OK);
        return;
    }
    enum hf_status status = cost <= world->oracle.burst ? HF_OK : HF_INVALID;
    if (status == HF_OK)
        gcra_oracle_refund(&world->oracle, cost, world->now_ns);
    assert_int_equal(hf_gate_refund_with(&world->gate, cost, quota), status);
}

static void reserve(struct world *world, uint64_t cost, const struct hf_gcra *quota)
{
    uint64_t wait_max_ns = random_any_size(&world->random, 61);
    uint64_t wait_ns = 77;
    uint64_t expected_ns = 77;
    struct hf_decision got;
    struct hf_decision expected;
    enum hf_status status = gcra_oracle_reserve(&world->oracle, cost, wait_max_ns, world->now_ns,
        HF_REASON_GLOBAL, &expected_ns, &expected);
    assert_int_equal(
        hf_gate_reserve(&world->gate, cost, quota, wait_max_ns, world->now_ns, &wait_ns, &got),
        status);
    assert_decisions_equal(&got, &expected);
    assert_int_equal(wait_ns, expected_ns);
}

/* A peek, then a check: the one says what the other does, with what is left before it. */
static void check(struct world *world, uint64_t cost, const struct hf_gcra *quota)
{
    struct gcra_oracle before = world->oracle;
    struct hf_decision got;
    struct hf_decision peeked;
    struct hf_decision expected;
    enum hf_status status =
        gcra_oracle_check(&world->oracle, cost, world->now_ns, HF_REASON_GLOBAL, &expected);
    assert_int_equal(hf_gate_peek(&world->gate, cost, quota, world->now_ns, &peeked), status);
    assert_int_equal(hf_gate_check_with(&world->gate, cost, quota, world->now_ns, &got), status);
    assert_decisions_equal(&got, &expected);
    if (status == HF_OK)
        gcra_oracle_check(&before, 0, world->now_ns, HF_REASON_GLOBAL, &expected);
    assert_decisions_equal(&peeked, &expected);
}

static void every_answer_is_the_oracles_whatever_is_done_to_a_gate(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < test_scaled(3000); seed++) {
        struct world world;
        make_world(&world, seed);
        for (int i = 0; i < 100; i++) {
            uint64_t drawn = hf_splitmix_next(&world.random);
            const struct hf_gcra *quota = drawn & 1 ? &world.other : NULL;
            uint64_t cost = 1 + drawn / 2 % 5;
            gcra_oracle_by(&world.oracle, &world.quotas[drawn & 1]);
            if (drawn >> 62 == 0)
                lower(&world, cost, quota);
            else if (drawn >> 62 == 1)
                reserve(&world, cost, quota);
            else
                check(&world, cost, quota);
            world.now_ns += random_any_size(&world.random, 60) % (2 * world.oracle.interval_ns);
            if (world.now_ns > HF_TIME_MAX_NS)
                world.now_ns = HF_TIME_MAX_NS;
        }
    }
}

static void wrong_arguments_of_the_other_calls_touch_nothing(void **state)
{
    (void)state;
    struct hf_gate gate = gate_for(hf_quota_per_second(5));
    const struct hf_gcra good = made(hf_quota_per_second(5));
    const struct hf_gcra unmade = {.burst = 0};
    uint64_t wait_ns = 77;
    const struct {
        struct hf_gate *gate;
        const struct hf_gcra *quota;
        uint64_t now_ns;
        const char *argument;
    } cases[] = {
        {NULL, &good, 0, "gate"},
        {&gate, &unmade, 0, "quota"},
        {&gate, &good, HF_TIME_MAX_NS + 1, "now_ns"},
        {&gate, &good, UINT64_MAX, "now_ns"},
    };
    struct hf_decision decision;
    assert_int_equal(hf_gate_check(&gate, 2, 0, NULL), HF_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hf_gate *at = cases[i].gate;
        const struct hf_gcra *by = cases[i].quota;
        uint64_t now_ns = cases[i].now_ns;
        assert_int_equal(hf_gate_check_with(at, 1, by, now_ns, &decision), HF_INVALID);
        assert_string_equal(decision.argument, cases[i].argument);
        assert_int_equal(hf_gate_peek(at, 1, by, now_ns, &decision), HF_INVALID);
        assert_string_equal(decision.argument, cases[i].argument);
        assert_int_equal(hf_gate_reserve(at, 1, by, 9, now_ns, &wait_ns, &decision), HF_INVALID);
        assert_string_equal(decision.argument, cases[i].argument);
        assert_int_equal(hf_gate_requota(at, by, NULL, now_ns), HF_INVALID);
        if (now_ns == 0)
            assert_int_equal(hf_gate_refund_with(at, 1, by), HF_INVALID);
    }
    assert_int_equal(hf_gate_requota(&gate, NULL, &unmade, 0), HF_INVALID);
    assert_int_equal(hf_gate_refund_with(&gate, 6, &good), HF_INVALID);
    assert_int_equal(hf_gate_reset(NULL), HF_INVALID);
    assert_int_equal(hf_gate_reserve(&gate, 0, NULL, 9, 0, &wait_ns, &decision), HF_INVALID);
    assert_string_equal(decision.argument, "cost");
    assert_int_equal(
        hf_gate_reserve(&gate, 1, NULL, HF_TIME_MAX_NS + 1, 0, &wait_ns, &decision), HF_INVALID);
    assert_string_equal(decision.argument, "wait_max_ns");
    assert_int_equal(hf_gate_reserve(&gate, 1, NULL, 9, 0, NULL, &decision), HF_INVALID);
    assert_string_equal(decision.argument, "wait_ns");
    assert_int_equal(hf_gate_reserve(&gate, 6, NULL, 9, 0, &wait_ns, &decision), HF_NEVER);
    assert_int_equal(wait_ns, 77);
    assert_remaining(&gate, 0, 3);
}

static void a_reset_makes_the_whole_burst_available(void **state)
{
    (void)state;
    struct hf_gate gate = gate_for(hf_quota_per_hour(5));
    assert_int_equal(hf_gate_check(&gate, 5, HF_SECONDS(1), NULL), HF_OK);
    assert_int_equal(hf_gate_reset(&gate), HF_OK);
    assert_remaining(&gate, HF_SECONDS(1), 5);
}

#define THREADS 3
#define STEPS 200000

struct crowd {
    struct hf_gate gate;
    uint64_t admitted;
    uint64_t refunded;
};

static void *use_gate(void *argument)
{
    struct crowd *crowd = argument;
    for (uint64_t i = 0; i < test_scaled(STEPS); i++) {
        if (hf_gate_check(&crowd->gate, 2, i * 10, NULL) != HF_OK)
            continue;
        hf_add_relaxed(&crowd->admitted, 2);
        if (i % 4 == 0 && hf_gate_refund(&crowd->gate, 1) == HF_OK)
            hf_add_relaxed(&crowd->refunded, 1);
    }
    return NULL;
}

static void threads_together_get_what_the_quota_allows_and_no_more(void **state)
{
    (void)state;
    struct crowd crowd = {.gate = gate_for((struct hf_quota){1, 1000, 8})};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_gate, &crowd), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    uint64_t most = 8 + (test_scaled(STEPS) - 1) * 10 / 1000;
    uint64_t kept = crowd.admitted - crowd.refunded;
    assert_in_range(kept, most - most / 10 - 4, most);
}

static void reasons_have_names_and_strangers_do_too(void **state)
{
    (void)state;
    const char *const names[] = {"none", "key", "global", "flow", "full", "never", "invalid"};
    for (int reason = 0; reason <= HF_REASON_INVALID; reason++)
        assert_string_equal(hf_reason_str((enum hf_reason)reason), names[reason]);
    assert_string_equal(hf_reason_str((enum hf_reason)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_arguments_are_named_and_nothing_is_touched),
        cmocka_unit_test(a_burst_passes_and_then_one_cell_an_interval),
        cmocka_unit_test(a_peek_charges_nothing),
        cmocka_unit_test(a_time_that_lags_only_denies),
        cmocka_unit_test(every_decision_agrees_with_the_oracle),
        cmocka_unit_test(the_first_admission_after_a_denial_is_exactly_when_it_was_said),
        cmocka_unit_test(no_stretch_of_time_admits_more_than_the_quota),
        cmocka_unit_test(a_refund_gives_cells_back_but_never_more_than_the_burst),
        cmocka_unit_test(every_answer_is_the_oracles_whatever_is_done_to_a_gate),
        cmocka_unit_test(wrong_arguments_of_the_other_calls_touch_nothing),
        cmocka_unit_test(a_reset_makes_the_whole_burst_available),
        cmocka_unit_test(threads_together_get_what_the_quota_allows_and_no_more),
        cmocka_unit_test(reasons_have_names_and_strangers_do_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
