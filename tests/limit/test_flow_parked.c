/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <assert.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <holdfast/flow_budget.h>

#include "base/atomic.h"
#include "base/step.h"
#include "scale.h"
#include "support/flow.h"
#include "support/flow_ledger.h"

/*
 * Lock-free, shown: one thread is stopped at a mark of the protocol and others finish what they do
 * on the same bucket, changes to the same budget included. Then it goes on, and the book of all
 * charges must be that of one order. And the two orders of steps on which the proof turns,
 * arranged.
 */
#ifdef HF_TEST_STEPS

#define OTHERS 2
#define OPERATIONS 20000

struct parking {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    enum hf_step step;
    bool parked;
    bool released;
};

static _Thread_local struct parking *own_parking;

static void at_mark(enum hf_step step)
{
    struct parking *parking = own_parking;
    if (!parking || step != parking->step || parking->parked)
        return;
    pthread_mutex_lock(&parking->mutex);
    parking->parked = true;
    pthread_cond_broadcast(&parking->changed);
    while (!parking->released)
        pthread_cond_wait(&parking->changed, &parking->mutex);
    pthread_mutex_unlock(&parking->mutex);
}

static void wait_until_parked(struct parking *parking)
{
    pthread_mutex_lock(&parking->mutex);
    while (!parking->parked)
        pthread_cond_wait(&parking->changed, &parking->mutex);
    pthread_mutex_unlock(&parking->mutex);
}

static void release(struct parking *parking)
{
    pthread_mutex_lock(&parking->mutex);
    parking->released = true;
    pthread_cond_broadcast(&parking->changed);
    pthread_mutex_unlock(&parking->mutex);
}

static struct parking parking_at(enum hf_step step)
{
    return (struct parking){
        .mutex = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER,
        .step = step,
    };
}

struct actor {
    struct parking parking;
    struct flow_ledger *ledger;
    pthread_t thread;
    enum hf_status status;
};

static void start(struct actor *actor, void *(*act)(void *))
{
    hf_step_hook = at_mark;
    assert_int_equal(pthread_create(&actor->thread, NULL, act, actor), 0);
    wait_until_parked(&actor->parking);
}

static void finish(struct actor *actor)
{
    release(&actor->parking);
    pthread_join(actor->thread, NULL);
    hf_step_hook = NULL;
}

/* Comes by every mark: a search in vain, a charge, a smaller limit, a new epoch, a new budget. */
static void *do_everything(void *argument)
{
    struct actor *actor = argument;
    own_parking = &actor->parking;
    assert(flow_charge(actor->ledger->flow, 1000, 1) == HF_DENIED);
    (void)flow_ledger_charge(actor->ledger, 0, 1);
    flow_ledger_grant(actor->ledger, 0, 1, FLOW_LEDGER_STEPS - 1);
    flow_ledger_grant(actor->ledger, 0, 2, FLOW_LEDGER_STEPS - 1);
    assert(flow_grant(actor->ledger->flow, 1000, 1, 10) == HF_OK);
    return NULL;
}

static void *do_on(void *argument)
{
    struct flow_ledger *ledger = argument;
    uint64_t count = test_scaled(OPERATIONS);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t key = i % FLOW_LEDGER_KEYS;
        uint64_t epoch = 1 + i * (FLOW_LEDGER_EPOCHS - 1) / count;
        if (i % 7 == 0)
            flow_ledger_grant(ledger, key, epoch, FLOW_LEDGER_STEPS - i % FLOW_LEDGER_STEPS);
        else if (i % 1000 == 1)
            flow_ledger_walk(ledger);
        else
            (void)flow_ledger_charge(ledger, key, 1 + i % 3);
    }
    return NULL;
}

static void others_finish(struct flow_ledger *ledger)
{
    pthread_t threads[OTHERS];
    for (uint64_t i = 0; i < OTHERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, do_on, ledger), 0);
    for (uint64_t i = 0; i < OTHERS; i++)
        pthread_join(threads[i], NULL);
}

static void others_finish_while_one_is_parked(void **state)
{
    enum hf_step step = (enum hf_step)(uintptr_t)*state;
    struct actor actor = {
        .parking = parking_at(step),
        .ledger = flow_ledger_new(),
    };
    start(&actor, do_everything);
    others_finish(actor.ledger);
    assert_true(actor.parking.parked);
    finish(&actor);
    flow_ledger_check(actor.ledger);
    assert_int_equal(flow_charge(actor.ledger->flow, 1000, 10), HF_OK);
    flow_ledger_free(actor.ledger);
}

static void *halve_limit(void *argument)
{
    struct actor *actor = argument;
    own_parking = &actor->parking;
    flow_ledger_grant(actor->ledger, 0, 1, FLOW_LEDGER_STEPS / 2);
    return NULL;
}

/* From the survey to the freezing of the old slot, others go on charging it. */
static void what_is_charged_while_a_limit_changes_is_carried_over(void **state)
{
    (void)state;
    static const enum hf_step steps[] = {HF_STEP_FLOW_SURVEYED, HF_STEP_FLOW_CLAIMED,
        HF_STEP_FLOW_WRITTEN, HF_STEP_FLOW_DECIDED, HF_STEP_FLOW_FREEZING};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct actor actor = {
            .parking = parking_at(steps[i]),
            .ledger = flow_ledger_new(),
        };
        assert_int_equal(flow_ledger_charge(actor.ledger, 0, 3), HF_OK);
        start(&actor, halve_limit);
        assert_int_equal(flow_ledger_charge(actor.ledger, 0, 4), HF_OK);
        finish(&actor);
        flow_assert(actor.ledger->flow, 0, 1, FLOW_LEDGER_STEPS / 2 * FLOW_LEDGER_EPOCHS + 1, 7);
        flow_ledger_check(actor.ledger);
        flow_ledger_free(actor.ledger);
    }
}

#define ONE_BUCKET 56
#define VICTIM 0

static struct hf_flow *table;

static void *charge_victim(void *argument)
{
    struct actor *actor = argument;
    own_parking = &actor->parking;
    actor->status = flow_charge(table, VICTIM, 1);
    return NULL;
}

static void *revive_victim(void *argument)
{
    struct actor *actor = argument;
    own_parking = &actor->parking;
    actor->status = flow_grant(table, VICTIM, 1, 10);
    return NULL;
}

static void fill_with_epoch(uint64_t first, uint64_t epoch)
{
    for (uint64_t peer = first; peer < first + ONE_BUCKET; peer++)
        assert_int_equal(flow_grant(table, peer, epoch, 10), HF_OK);
}

/*
 * A budget is used up and forgotten: the floor rises and other pairs take its place. A merge of its
 * epoch, begun before, then brings it back, unspent. A charge that began before, too, must see the
 * floor as it is when it finds the budget.
 */
static void a_forgotten_budget_that_comes_back_late_is_not_charged_again(void **state)
{
    (void)state;
    table = flow_new(ONE_BUCKET);
    assert_int_equal(flow_grant(table, VICTIM, 1, 10), HF_OK);
    assert_int_equal(flow_charge(table, VICTIM, 10), HF_OK);
    struct actor charger = {.parking = parking_at(HF_STEP_FLOW_FINDING)};
    struct actor reviver = {.parking = parking_at(HF_STEP_FLOW_SURVEYED)};
    start(&charger, charge_victim);
    start(&reviver, revive_victim);
    assert_int_equal(hf_flow_advance(table, 2), HF_OK);
    fill_with_epoch(1000, 2);
    assert_int_equal(hf_flow_advance(table, 3), HF_OK);
    finish(&reviver);
    assert_int_equal(reviver.status, HF_OK);
    finish(&charger);
    assert_int_equal(charger.status, HF_DENIED);
    hf_flow_free(table);
}

/* At any moment eight may be amid a change; while they stand still, changes find no room. */
#define CROWD (64 - ONE_BUCKET)

static void renewals_find_room_as_long_as_fewer_than_eight_others_stand_still(void **state)
{
    (void)state;
    static struct actor crowd[CROWD];
    table = flow_new(ONE_BUCKET);
    fill_with_epoch(VICTIM, 0);
    for (uint64_t i = 0; i < CROWD; i++) {
        assert_int_equal(flow_grant(table, VICTIM + 1, i + 1, 10), HF_OK);
        crowd[i] = (struct actor){.parking = parking_at(HF_STEP_FLOW_CLAIMED)};
        start(&crowd[i], revive_victim);
    }
    assert_int_equal(flow_grant(table, VICTIM + 1, 99, 10), HF_FULL);
    assert_int_equal(flow_charge(table, VICTIM + 1, 1), HF_OK);
    for (uint64_t i = 0; i < CROWD; i++) {
        finish(&crowd[i]);
        hf_step_hook = at_mark;
        assert_int_equal(crowd[i].status, HF_OK);
    }
    hf_step_hook = NULL;
    assert_int_equal(flow_grant(table, VICTIM + 1, 99, 10), HF_OK);
    flow_assert(table, VICTIM, 1, 10, 0);
    hf_flow_free(table);
}

static const char *const step_names[] = {
#define STEP_NAME(name) #name,
    HF_STEP_LIST(STEP_NAME)
#undef STEP_NAME
};

#define STEPS (HF_STEP_FLOW_ENDING - HF_STEP_FLOW_FINDING + 1)

int main(void)
{
    struct CMUnitTest tests[STEPS + 3] = {
        [STEPS] = cmocka_unit_test(what_is_charged_while_a_limit_changes_is_carried_over),
        cmocka_unit_test(a_forgotten_budget_that_comes_back_late_is_not_charged_again),
        cmocka_unit_test(renewals_find_room_as_long_as_fewer_than_eight_others_stand_still),
    };
    for (uintptr_t i = 0; i < STEPS; i++) {
        tests[i].name = step_names[HF_STEP_FLOW_FINDING + i];
        tests[i].test_func = others_finish_while_one_is_parked;
        tests[i].initial_state = (void *)(HF_STEP_FLOW_FINDING + i);
    }
    return cmocka_run_group_tests_name("others_finish_while_one_is_parked_at", tests, NULL, NULL);
}
#else
int main(void)
{
    puts("1..0 # SKIP needs the marks of a STEPS=1 build");
    return 0;
}
#endif
