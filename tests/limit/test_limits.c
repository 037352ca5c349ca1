/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/limits.h>

#include "scale.h"
#include "support/gcra_oracle.h"

static struct hf_limiter *limiter_for(struct hf_quota quota)
{
    struct hf_limiter *limiter;
    const struct hf_limiter_options options = {.quota = quota, .keys_max = 100};
    assert_int_equal(hf_limiter_new(&limiter, &options, NULL), HF_OK);
    return limiter;
}

static struct hf_gate gate_for(struct hf_quota quota)
{
    struct hf_gate gate;
    assert_int_equal(hf_gate_init(&gate, &quota, NULL), HF_OK);
    return gate;
}

static struct hf_bytes text(const char *key)
{
    return hf_bytes(key, strlen(key));
}

static uint64_t gate_left(struct hf_gate *gate, uint64_t now_ns)
{
    struct hf_decision decision;
    (void)!hf_gate_peek(gate, 1, NULL, now_ns, &decision);
    return decision.remaining;
}

static uint64_t key_left(struct hf_limiter *limiter, const char *key, uint64_t now_ns)
{
    struct hf_decision decision;
    (void)!hf_limiter_peek_at(limiter, text(key), 1, NULL, now_ns, &decision);
    return decision.remaining;
}

static void a_key_that_is_denied_takes_nothing_from_everybodys_quota(void **state)
{
    (void)state;
    struct hf_gate everybody = gate_for(hf_quota_per_minute(10));
    struct hf_limiter *each = limiter_for(hf_quota_per_minute(2));
    const struct hf_limits limits = {.parts = {{.gate = &everybody}, {.limiter = each}}};
    struct hf_decision decision;
    for (int i = 0; i < 2; i++)
        assert_int_equal(hf_limits_check_at(&limits, text("a"), 1, 0, NULL), HF_OK);
    for (int i = 0; i < 100; i++)
        assert_int_equal(hf_limits_check_at(&limits, text("a"), 1, 0, &decision), HF_DENIED);
    assert_int_equal(decision.reason, HF_REASON_KEY);
    assert_int_equal(decision.part, 1);
    assert_int_equal(decision.limit, 2);
    assert_int_equal(decision.retry_after_ns, HF_SECONDS(30));
    assert_int_equal(gate_left(&everybody, 0), 8);
    for (int i = 0; i < 8; i++)
        assert_int_equal(
            hf_limits_check_at(&limits, hf_bytes(&"bcdefghi"[i], 1), 1, 0, NULL), HF_OK);
    assert_int_equal(hf_limits_check_at(&limits, text("z"), 1, 0, &decision), HF_DENIED);
    assert_int_equal(decision.reason, HF_REASON_GLOBAL);
    assert_int_equal(decision.part, 0);
    assert_int_equal(key_left(each, "z", 0), 2);
    hf_limiter_free(each);
}

static void what_is_told_is_the_part_that_takes_longest_or_has_least_left(void **state)
{
    (void)state;
    struct hf_gate slow = gate_for(hf_quota_per_hour(3));
    struct hf_limiter *fast = limiter_for(hf_quota_per_second(5));
    const struct hf_limits limits = {.parts = {{.limiter = fast}, {.gate = &slow}}};
    struct hf_decision decision;
    assert_int_equal(hf_limits_check_at(&limits, text("k"), 1, 0, &decision), HF_OK);
    assert_int_equal(decision.part, 1);
    assert_int_equal(decision.remaining, 2);
    assert_int_equal(decision.reason, HF_REASON_NONE);
    assert_int_equal(hf_limits_peek_at(&limits, text("k"), 2, 0, &decision), HF_OK);
    assert_int_equal(hf_limits_check_at(&limits, text("k"), 0, 0, &decision), HF_OK);
    assert_int_equal(decision.remaining, 2);
    assert_int_equal(hf_limits_check_at(&limits, text("k"), 3, 0, &decision), HF_DENIED);
    assert_int_equal(decision.reason, HF_REASON_GLOBAL);
    assert_int_equal(decision.retry_after_ns, HF_SECONDS(1200));
    assert_int_equal(hf_limits_check_at(&limits, text("k"), 4, 0, &decision), HF_NEVER);
    assert_int_equal(decision.part, 1);
    assert_int_equal(decision.reason, HF_REASON_NEVER);
    assert_int_equal(decision.retry_after_ns, UINT64_MAX);
    assert_int_equal(hf_limiter_check_at(fast, text("k"), 4, 0, NULL), HF_OK);
    assert_int_equal(hf_limits_check_at(&limits, text("k"), 3, 0, &decision), HF_DENIED);
    assert_int_equal(decision.part, 1); /* Both deny; the gate for longer. */
    assert_int_equal(key_left(fast, "k", 0), 0);
    assert_int_equal(gate_left(&slow, 0), 2);
    hf_limiter_free(fast);
}

static void parts_may_have_keys_costs_and_quotas_of_their_own(void **state)
{
    (void)state;
    struct hf_limiter *addresses = limiter_for(hf_quota_per_minute(100));
    struct hf_limiter *accounts = limiter_for(hf_quota_per_minute(100));
    struct hf_gate bytes = gate_for(hf_quota_per_minute(100));
    struct hf_gcra plan;
    const struct hf_quota quota = hf_quota_per_minute(7);
    assert_int_equal(hf_gcra_init(&plan, &quota, NULL), HF_OK);
    const struct hf_limits limits = {.parts = {
                                         {.limiter = addresses},
                                         {.limiter = accounts, .key = text("joe"), .quota = &plan},
                                         {.gate = &bytes, .cost = 30},
                                     }};
    struct hf_decision decision;
    assert_int_equal(hf_limits_check_at(&limits, text("::1"), 2, 0, &decision), HF_OK);
    assert_int_equal(decision.part, 1);
    assert_int_equal(decision.limit, 7);
    assert_int_equal(decision.remaining, 5);
    assert_int_equal(key_left(addresses, "::1", 0), 98);
    assert_int_equal(key_left(addresses, "joe", 0), 100);
    assert_int_equal(gate_left(&bytes, 0), 70);
    assert_int_equal(hf_limits_refund_at(&limits, text("::1"), 2, 0), HF_OK);
    assert_int_equal(key_left(addresses, "::1", 0), 100);
    assert_int_equal(key_left(accounts, "joe", 0), 100);
    assert_int_equal(gate_left(&bytes, 0), 100);
    hf_limiter_free(addresses);
    hf_limiter_free(accounts);
}

static void assert_invalid(const struct hf_limits *limits, struct hf_bytes key, uint64_t now_ns,
    const char *argument, uint8_t part)
{
    struct hf_decision decision;
    memset(&decision, 0xff, sizeof(decision));
    assert_int_equal(hf_limits_check_at(limits, key, 1, now_ns, &decision), HF_INVALID);
    assert_int_equal(decision.reason, HF_REASON_INVALID);
    assert_string_equal(decision.argument, argument);
    assert_int_equal(decision.part, part);
    assert_int_equal(hf_limits_check_at(limits, key, 1, now_ns, NULL), HF_INVALID);
    assert_int_equal(hf_limits_peek_at(limits, key, 1, now_ns, NULL), HF_INVALID);
    assert_int_equal(hf_limits_refund_at(limits, key, 1, now_ns), HF_INVALID);
}

static void wrong_arguments_are_named_with_their_part_and_touch_nothing(void **state)
{
    (void)state;
    struct hf_gate gate = gate_for(hf_quota_per_minute(3));
    struct hf_limiter *limiter = limiter_for(hf_quota_per_minute(3));
    const struct hf_gcra unmade = {.burst = 0};
    const struct hf_limits none = {.parts = {{.cost = 1}, {.gate = &gate}}};
    const struct hf_limits twice = {
        .parts = {{.gate = &gate}, {.gate = &gate, .limiter = limiter}}};
    const struct hf_limits by_gate = {.parts = {{.gate = &gate, .quota = &unmade}}};
    const struct hf_limits by_key = {
        .parts = {{.gate = &gate}, {.limiter = limiter, .quota = &unmade}}};
    const struct hf_limits both = {.parts = {{.gate = &gate}, {.limiter = limiter}}};
    assert_invalid(NULL, text("k"), 0, "limits", 0);
    assert_invalid(&none, text("k"), 0, "limits.parts", 0);
    assert_invalid(&twice, text("k"), 0, "limits.parts", 1);
    assert_invalid(&by_gate, text("k"), 0, "quota", 0);
    assert_invalid(&by_key, text("k"), 0, "quota", 1);
    assert_invalid(&both, text(""), 0, "key.size", 1);
    assert_invalid(&both, hf_bytes(NULL, 2), 0, "key.data", 1);
    assert_invalid(&both, text("k"), HF_TIME_MAX_NS + 1, "now_ns", 0);
    assert_invalid(&both, text("k"), UINT64_MAX, "now_ns", 0);
    assert_int_equal(hf_limits_check(NULL, text("k"), 1, NULL), HF_INVALID);
    assert_int_equal(hf_limits_peek(NULL, text("k"), 1, NULL), HF_INVALID);
    assert_int_equal(hf_limits_refund(NULL, text("k"), 1), HF_INVALID);
    assert_int_equal(hf_limits_refund_at(&both, text("k"), 4, 0), HF_INVALID);
    assert_int_equal(gate_left(&gate, 0), 3);
    assert_int_equal(key_left(limiter, "k", 0), 3);
    assert_int_equal(hf_limits_check_at(&both, text("k"), 1, HF_TIME_MAX_NS, NULL), HF_OK);
    hf_limiter_free(limiter);
}

static void its_own_clock_decides_where_no_time_is_given(void **state)
{
    (void)state;
    struct hf_manual_clock manual;
    hf_manual_clock_init(&manual, HF_SECONDS(5));
    struct hf_gate gate = gate_for(hf_quota_per_second(1));
    struct hf_limiter *limiter = limiter_for(hf_quota_per_second(1));
    const struct hf_limits limits = {
        .parts = {{.gate = &gate}, {.limiter = limiter}}, .clock = hf_manual_clock(&manual)};
    struct hf_decision decision;
    assert_int_equal(hf_limits_peek(&limits, text("k"), 1, NULL), HF_OK);
    assert_int_equal(hf_limits_check(&limits, text("k"), 1, NULL), HF_OK);
    hf_manual_clock_advance(&manual, HF_MS(300));
    assert_int_equal(hf_limits_check(&limits, text("k"), 1, &decision), HF_DENIED);
    assert_int_equal(decision.retry_after_ns, HF_MS(700));
    assert_int_equal(hf_limits_refund(&limits, text("k"), 1), HF_OK);
    assert_int_equal(hf_limits_check(&limits, text("k"), 1, NULL), HF_OK);
    hf_manual_clock_advance(&manual, HF_TIME_MAX_NS);
    assert_int_equal(hf_limits_check(&limits, text("k"), 1, &decision), HF_INVALID);
    assert_string_equal(decision.argument, "clock");
    hf_limiter_free(limiter);
}

static void a_full_table_is_one_of_the_reasons(void **state)
{
    (void)state;
    struct hf_gate gate = gate_for(hf_quota_per_second(1000));
    const struct hf_full_case {
        enum hf_full_policy policy;
        enum hf_status status;
    } cases[] = {{HF_FULL_DENY, HF_FULL}, {HF_FULL_ADMIT, HF_OK}};
    for (size_t i = 0; i < 2; i++) {
        const struct hf_limiter_options options = {
            .quota = hf_quota_per_second(3), .keys_max = 1, .full_policy = cases[i].policy};
        struct hf_limiter *limiter;
        assert_int_equal(hf_limiter_new(&limiter, &options, NULL), HF_OK);
        struct hf_limiter_statistics statistics = {.full = 0};
        for (uint64_t key = 0; statistics.full == 0; key++) {
            (void)!hf_limiter_check_at(limiter, hf_bytes(&key, sizeof(key)), 1, 0, NULL);
            assert_int_equal(hf_limiter_statistics(limiter, &statistics), HF_OK);
        }
        uint64_t left = gate_left(&gate, 0);
        const struct hf_limits limits = {.parts = {{.gate = &gate}, {.limiter = limiter}}};
        struct hf_decision decision;
        assert_int_equal(
            hf_limits_check_at(&limits, text("new"), 1, 0, &decision), cases[i].status);
        bool denied = cases[i].status == HF_FULL;
        assert_int_equal(decision.reason, denied ? HF_REASON_FULL : HF_REASON_NONE);
        assert_int_equal(gate_left(&gate, 0), denied ? left : left - 1);
        hf_limiter_free(limiter);
    }
}

/* Parts of random quotas and costs, against one oracle a part. */
#define PARTS 5

struct world {
    struct hf_splitmix random;
    struct hf_gate gates[PARTS];
    struct hf_limiter *limiters[PARTS];
    struct gcra_oracle oracles[PARTS];
    struct hf_limits limits;
    uint32_t count;
    uint64_t now_ns;
};

static uint64_t draw(struct world *world, uint64_t bound)
{
    const struct hf_random random = hf_splitmix_random(&world->random);
    return hf_random_below(&random, bound);
}

static void make_world(struct world *world, uint64_t seed)
{
    memset(world, 0, sizeof(*world));
    hf_splitmix_init(&world->random, seed);
    world->count = 1 + (uint32_t)draw(world, PARTS);
    for (uint32_t part = 0; part < world->count; part++) {
        struct hf_quota quota = {
            .count = 1 + draw(world, 50), .period_ns = 100000, .burst = 1 + draw(world, 9)};
        world->oracles[part] = gcra_oracle(&quota);
        struct hf_limits_part *made = &world->limits.parts[part];
        world->gates[part] = gate_for(quota);
        if (draw(world, 2))
            made->limiter = world->limiters[part] = limiter_for(quota);
        else
            made->gate = &world->gates[part];
        if (draw(world, 3) == 0)
            made->cost = 1 + draw(world, 3);
    }
}

static void end_world(struct world *world)
{
    for (uint32_t part = 0; part < world->count; part++)
        hf_limiter_free(world->limiters[part]);
}

/* All or nothing, said plainly; *decision is that of the part that should be told. */
static enum hf_status expect(struct world *world, uint64_t cost, struct hf_decision *decision)
{
    struct gcra_oracle tried[PARTS];
    struct hf_decision told[PARTS];
    enum hf_status statuses[PARTS];
    bool all = true;
    uint32_t best = 0;
    for (uint32_t part = 0; part < world->count; part++) {
        const struct hf_limits_part *limit = &world->limits.parts[part];
        tried[part] = world->oracles[part];
        statuses[part] = gcra_oracle_check(&tried[part], limit->cost ? limit->cost : cost,
            world->now_ns, limit->gate ? HF_REASON_GLOBAL : HF_REASON_KEY, &told[part]);
        all &= statuses[part] == HF_OK;
    }
    for (uint32_t part = 1; part < world->count; part++)
        if (all ? told[part].remaining < told[best].remaining
                : told[part].retry_after_ns > told[best].retry_after_ns)
            best = part;
    if (all)
        memcpy(world->oracles, tried, sizeof(tried));
    *decision = told[best];
    decision->part = (uint8_t)best;
    return statuses[best];
}

static void every_decision_agrees_with_one_oracle_a_part(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < test_scaled(3000); seed++) {
        struct world world;
        make_world(&world, seed);
        for (int i = 0; i < 100; i++) {
            uint64_t cost = 1 + draw(&world, 4);
            struct hf_decision expected;
            struct hf_decision got;
            enum hf_status status = expect(&world, cost, &expected);
            assert_int_equal(
                hf_limits_check_at(&world.limits, text("k"), cost, world.now_ns, &got), status);
            assert_decisions_equal(&got, &expected);
            world.now_ns += draw(&world, 4000);
            if (status != HF_DENIED || draw(&world, 2))
                continue;
            world.now_ns += got.retry_after_ns; /* At least that much later it fits. */
            assert_int_equal(
                hf_limits_peek_at(&world.limits, text("k"), cost, world.now_ns, NULL), HF_OK);
        }
        end_world(&world);
    }
}

static void the_first_admission_after_a_denial_is_exactly_when_it_was_said(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < test_scaled(3000); seed++) {
        struct world world;
        make_world(&world, seed);
        struct hf_decision decision;
        enum hf_status status = HF_OK;
        while (status == HF_OK)
            status = hf_limits_check_at(&world.limits, text("k"), 1, world.now_ns, &decision);
        if (status == HF_DENIED) {
            world.now_ns += decision.retry_after_ns;
            assert_int_equal(
                hf_limits_check_at(&world.limits, text("k"), 1, world.now_ns - 1, NULL), HF_DENIED);
            assert_int_equal(
                hf_limits_check_at(&world.limits, text("k"), 1, world.now_ns, NULL), HF_OK);
        }
        end_world(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_that_is_denied_takes_nothing_from_everybodys_quota),
        cmocka_unit_test(what_is_told_is_the_part_that_takes_longest_or_has_least_left),
        cmocka_unit_test(parts_may_have_keys_costs_and_quotas_of_their_own),
        cmocka_unit_test(wrong_arguments_are_named_with_their_part_and_touch_nothing),
        cmocka_unit_test(its_own_clock_decides_where_no_time_is_given),
        cmocka_unit_test(a_full_table_is_one_of_the_reasons),
        cmocka_unit_test(every_decision_agrees_with_one_oracle_a_part),
        cmocka_unit_test(the_first_admission_after_a_denial_is_exactly_when_it_was_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
