/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <holdfast/guard.h>

#include "base/step.h"
#include "support/guard_fixture.h"
#include "support/scripted_call.h"

/*
 * Somebody else takes the key's cells in the middle of a guard's decision, at each of its steps in
 * turn: before the peek, between the peek and the charges, within the key's charge. Time stands
 * still, so that cells can be counted.
 */

#define KEY_BURST 3
#define GATE_BURST 10
#define COST 2

static struct {
    struct guard_fixture fixture;
    uint64_t steps;      /* Passed so far. */
    uint64_t intrude_at; /* The step at which it happens. */
    bool took;           /* The intruder got its cells. */
    uint64_t gate_left;  /* What the gate had then. */
} scene;

static void intrude(enum hf_step step)
{
    (void)step;
    if (++scene.steps != scene.intrude_at)
        return;
    scene.gate_left = fixture_gate_remaining(&scene.fixture);
    enum hf_status status = hf_limiter_check_at(
        scene.fixture.limiter, fixture_key("k"), COST, scene.fixture.manual.now_ns, NULL);
    scene.took = status == HF_OK;
}

static enum hf_status call(uint64_t cost)
{
    struct scripted_call scripted = {.clock = &scene.fixture.manual};
    const struct hf_guard_request request = {.key = fixture_key("k"), .cost = cost};
    return hf_guard_call(scene.fixture.guard, &request, scripted_call, &scripted, NULL);
}

/* Plays it once. known: the key has a place already. Returns how the call ended. */
static enum hf_status play(uint64_t intrude_at, bool known)
{
    fixture_start(&scene.fixture);
    fixture_add_limiter(&scene.fixture, hf_quota_per_hour(KEY_BURST));
    fixture_add_gate(&scene.fixture, hf_quota_per_hour(GATE_BURST));
    fixture_make(&scene.fixture);
    uint64_t before = known ? 1 : 0;
    if (known)
        assert_int_equal(call(1), HF_OK);
    scene.steps = 0;
    scene.intrude_at = intrude_at;
    scene.took = false;
    scene.gate_left = GATE_BURST;
    hf_step_hook = intrude;
    enum hf_status status = call(COST);
    hf_step_hook = NULL;
    assert_true(status == HF_OK || status == HF_DENIED);
    uint64_t charged = before + (status == HF_OK ? COST : 0);
    uint64_t taken = scene.took ? COST : 0;
    assert_int_equal(fixture_gate_remaining(&scene.fixture), GATE_BURST - charged);
    assert_int_equal(fixture_key_remaining(&scene.fixture, "k"), KEY_BURST - charged - taken);
    fixture_end(&scene.fixture);
    return status;
}

static void expect_charged_both_or_neither(bool known)
{
    bool refunded = false;
    uint64_t charged_before = known ? 1 : 0;
    for (uint64_t intrude_at = 1;; intrude_at++) {
        enum hf_status status = play(intrude_at, known);
        if (scene.steps < intrude_at)
            break;
        assert_true(scene.took != (status == HF_OK));
        refunded |= status == HF_DENIED && scene.gate_left < GATE_BURST - charged_before;
    }
    assert_true(refunded);
}

static void an_intruder_at_any_step_leaves_the_charges_both_or_neither(void **state)
{
    (void)state;
    expect_charged_both_or_neither(true);
    expect_charged_both_or_neither(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_intruder_at_any_step_leaves_the_charges_both_or_neither),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
