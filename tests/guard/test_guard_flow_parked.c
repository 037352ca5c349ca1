/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <holdfast/guard.h>

#include "base/step.h"
#include "support/flow.h"
#include "support/guard_fixture.h"
#include "support/scripted_call.h"

/*
 * Somebody else spends the budget in the middle of a guard's decision, at each of its steps in
 * turn: before it is looked at, while the quotas are charged, before it is charged. Either the call
 * is charged in full or nothing is.
 */
#ifdef HF_TEST_STEPS

#define BUDGET 10
#define COST 2
#define BURST 5
#define TAKEN 9

static struct {
    struct guard_fixture fixture;
    struct hf_flow *flow;
    uint64_t steps;
    uint64_t intrude_at;
    bool took;
} scene;

static void intrude(enum hf_step step)
{
    (void)step;
    if (++scene.steps == scene.intrude_at)
        scene.took = flow_charge(scene.flow, 1, TAKEN) == HF_OK;
}

static enum hf_status play(uint64_t intrude_at, bool keyed, bool gated)
{
    const uint64_t peer = 1;
    fixture_start(&scene.fixture);
    scene.fixture.options.flow = scene.flow = flow_new(0);
    assert_int_equal(flow_grant(scene.flow, peer, 1, BUDGET), HF_OK);
    if (keyed)
        fixture_add_limiter(&scene.fixture, hf_quota_per_hour(BURST));
    if (gated)
        fixture_add_gate(&scene.fixture, hf_quota_per_hour(BURST));
    fixture_make(&scene.fixture);
    scene.steps = 0;
    scene.took = false;
    scene.intrude_at = intrude_at;
    struct scripted_call scripted = {.clock = &scene.fixture.manual};
    const struct hf_guard_request request = {
        .key = fixture_key("k"), .flow_peer = flow_peer(&peer), .flow_cost = COST};
    hf_step_hook = intrude;
    enum hf_status status =
        hf_guard_call(scene.fixture.guard, &request, scripted_call, &scripted, NULL);
    hf_step_hook = NULL;
    uint64_t charged = status == HF_OK ? 1 : 0;
    flow_assert(scene.flow, peer, 1, BUDGET, charged * COST + (scene.took ? TAKEN : 0));
    if (keyed)
        assert_int_equal(fixture_key_remaining(&scene.fixture, "k"), BURST - charged);
    if (gated)
        assert_int_equal(fixture_gate_remaining(&scene.fixture), BURST - charged);
    assert_int_equal(scripted.made, charged);
    fixture_end(&scene.fixture);
    hf_flow_free(scene.flow);
    return status;
}

static void quotas_and_budget_are_charged_all_or_none(void **state)
{
    (void)state;
    for (int limits = 0; limits < 4; limits++) {
        uint64_t denied = 0;
        uint64_t step = 1;
        do {
            enum hf_status status = play(step++, limits & 1, limits & 2);
            assert_true(status == HF_OK || status == HF_DENIED);
            assert_int_equal(status == HF_DENIED, scene.took);
            denied += status == HF_DENIED;
        } while (scene.steps >= scene.intrude_at);
        assert_true(denied > 0);
        assert_true(step > 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotas_and_budget_are_charged_all_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
int main(void)
{
    puts("1..0 # SKIP needs the marks of a STEPS=1 build");
    return 0;
}
#endif
