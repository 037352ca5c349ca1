/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/guard.h>

#include "support/flow.h"
#include "support/guard_fixture.h"
#include "support/scripted_call.h"

/* A flow budget under a guard: of several limits that are all charged or none. */

#define BUDGET 10
#define PEER 7
#define BURST 5

struct scene {
    struct guard_fixture fixture;
    struct hf_flow *flow;
    struct scripted_call scripted;
    struct hf_guard_report report;
};

static void start(struct scene *scene)
{
    *scene = (struct scene){.flow = flow_new(0)};
    fixture_start(&scene->fixture);
    scene->fixture.options.flow = scene->flow;
    scene->scripted.clock = &scene->fixture.manual;
    assert_int_equal(flow_grant(scene->flow, PEER, 1, BUDGET), HF_OK);
}

static void end(struct scene *scene)
{
    fixture_end(&scene->fixture);
    hf_flow_free(scene->flow);
}

static enum hf_status call(struct scene *scene, uint64_t flow_cost, uint64_t cost)
{
    static const uint64_t peer = PEER;
    const struct hf_guard_request request = {.key = fixture_key("k"),
        .cost = cost,
        .flow_peer = flow_peer(&peer),
        .flow_cost = flow_cost};
    return hf_guard_call(
        scene->fixture.guard, &request, scripted_call, &scene->scripted, &scene->report);
}

static void a_budget_alone_lets_calls_through_until_it_is_spent(void **state)
{
    (void)state;
    struct scene scene;
    start(&scene);
    fixture_make(&scene.fixture);
    assert_int_equal(call(&scene, 4, 1), HF_OK);
    assert_int_equal(scene.report.decision.limit, BUDGET);
    assert_int_equal(scene.report.decision.remaining, 6);
    assert_int_equal(call(&scene, 0, 100), HF_OK); /* one unit of it, whatever the cost in cells */
    assert_int_equal(call(&scene, 6, 1), HF_DENIED);
    assert_int_equal(scene.report.decision.reason, HF_REASON_FLOW);
    assert_int_equal(scene.report.decision.remaining, 5);
    assert_int_equal(scene.report.retry_after_ns, 0);
    assert_int_equal(scene.report.retry.attempts, 0);
    assert_int_equal(scene.scripted.made, 2);
    assert_int_equal(call(&scene, 5, 1), HF_OK);
    flow_assert(scene.flow, PEER, 1, BUDGET, BUDGET);
    end(&scene);
}

static void a_call_to_nobody_needs_no_budget(void **state)
{
    (void)state;
    struct scene scene;
    start(&scene);
    fixture_make(&scene.fixture);
    assert_int_equal(
        hf_guard_call(scene.fixture.guard, NULL, scripted_call, &scene.scripted, &scene.report),
        HF_OK);
    assert_int_equal(scene.report.decision.limit, 0);
    flow_assert(scene.flow, PEER, 1, BUDGET, 0);
    end(&scene);
}

static void retries_are_not_charged_again_and_failures_stay_charged(void **state)
{
    (void)state;
    struct scene scene;
    start(&scene);
    const struct hf_retry_options retry = {.attempts_max = 3};
    const struct scripted_try script = {.outcome = hf_transient(1)};
    scene.fixture.options.retry = &retry;
    scene.scripted.script = &script;
    scene.scripted.script_count = 1;
    fixture_make(&scene.fixture);
    assert_int_equal(call(&scene, 3, 1), HF_EXHAUSTED);
    assert_int_equal(scene.scripted.made, 3);
    flow_assert(scene.flow, PEER, 1, BUDGET, 3);
    end(&scene);
}

static void a_denial_by_the_budget_charges_no_quota(void **state)
{
    (void)state;
    struct scene scene;
    start(&scene);
    fixture_add_limiter(&scene.fixture, hf_quota_per_hour(BURST));
    fixture_add_gate(&scene.fixture, hf_quota_per_hour(BURST));
    fixture_make(&scene.fixture);
    assert_int_equal(call(&scene, BUDGET + 1, 1), HF_DENIED);
    assert_int_equal(scene.report.decision.reason, HF_REASON_FLOW);
    assert_int_equal(fixture_key_remaining(&scene.fixture, "k"), BURST);
    assert_int_equal(fixture_gate_remaining(&scene.fixture), BURST);
    assert_int_equal(call(&scene, BUDGET, 1), HF_OK);
    assert_int_equal(scene.report.decision.limit, BURST);
    assert_int_equal(fixture_key_remaining(&scene.fixture, "k"), BURST - 1);
    assert_int_equal(fixture_gate_remaining(&scene.fixture), BURST - 1);
    end(&scene);
}

static void a_denial_by_a_quota_charges_no_budget(void **state)
{
    (void)state;
    for (int gated = 0; gated < 2; gated++) {
        struct scene scene;
        start(&scene);
        if (gated)
            fixture_add_gate(&scene.fixture, hf_quota_per_hour(BURST));
        else
            fixture_add_limiter(&scene.fixture, hf_quota_per_hour(BURST));
        fixture_make(&scene.fixture);
        assert_int_equal(call(&scene, 1, BURST + 1), HF_NEVER);
        assert_int_equal(call(&scene, 1, BURST), HF_OK);
        assert_int_equal(call(&scene, 1, 1), HF_DENIED);
        assert_int_equal(scene.report.decision.reason, gated ? HF_REASON_GLOBAL : HF_REASON_KEY);
        assert_int_not_equal(scene.report.retry_after_ns, 0);
        flow_assert(scene.flow, PEER, 1, BUDGET, 1);
        end(&scene);
    }
}

static void bad_contexts_and_peers_are_named(void **state)
{
    (void)state;
    static const char big[HF_KEY_BYTES_MAX + 1];
    const struct {
        struct hf_bytes context;
        struct hf_bytes peer;
        const char *argument;
    } cases[] = {
        {{big, sizeof(big)}, {big, 1}, "flow_context.size"},
        {{NULL, 1}, {big, 1}, "flow_context.data"},
        {{big, 1}, {big, sizeof(big)}, "flow_peer.size"},
        {{big, 1}, {NULL, 1}, "flow_peer.data"},
    };
    struct scene scene;
    start(&scene);
    fixture_make(&scene.fixture);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct hf_guard_request request = {
            .flow_context = cases[i].context, .flow_peer = cases[i].peer};
        assert_int_equal(hf_guard_call(scene.fixture.guard, &request, scripted_call,
                             &scene.scripted, &scene.report),
            HF_INVALID);
        assert_string_equal(scene.report.argument, cases[i].argument);
    }
    assert_int_equal(scene.scripted.made, 0);
    end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_budget_alone_lets_calls_through_until_it_is_spent),
        cmocka_unit_test(a_call_to_nobody_needs_no_budget),
        cmocka_unit_test(retries_are_not_charged_again_and_failures_stay_charged),
        cmocka_unit_test(a_denial_by_the_budget_charges_no_quota),
        cmocka_unit_test(a_denial_by_a_quota_charges_no_budget),
        cmocka_unit_test(bad_contexts_and_peers_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
