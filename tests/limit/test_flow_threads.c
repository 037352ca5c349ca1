/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <holdfast/flow_budget.h>
#include <holdfast/random.h>

#include "base/atomic.h"
#include "scale.h"
#include "support/flow.h"
#include "support/flow_ledger.h"

#define SEED 7
#define THREADS 3
#define ROUNDS 300
#define OPERATIONS 6000 /* Of a thread in a round. */

struct worker {
    struct flow_ledger *ledger;
    struct hf_splitmix splitmix;
};

static uint64_t draw(struct worker *worker, uint64_t bound)
{
    struct hf_random random = hf_splitmix_random(&worker->splitmix);
    return hf_random_below(&random, bound);
}

/* Whoever begins an epoch grants it to one key; the others follow when someone happens on them. */
static void begin_epoch(struct worker *worker)
{
    uint64_t *word = &worker->ledger->epoch;
    uint64_t epoch = hf_load_acquire(word);
    if (epoch + 1 < FLOW_LEDGER_EPOCHS)
        (void)hf_cas_acq_rel(word, &epoch, epoch + 1);
}

/* A smaller limit holds for every charge that begins after it was granted. */
static void shrink(struct worker *worker, uint64_t key)
{
    uint64_t epoch = hf_load_acquire(&worker->ledger->epoch);
    uint64_t steps = 1 + draw(worker, FLOW_LEDGER_STEPS);
    flow_ledger_grant(worker->ledger, key, epoch, steps);
    struct hf_flow_entry entry;
    assert(hf_flow_find(worker->ledger->flow, hf_bytes(NULL, 0), flow_peer(&key), &entry) == HF_OK);
    assert(entry.epoch >= epoch);
    assert(entry.epoch > epoch || entry.limit <= steps * FLOW_LEDGER_EPOCHS + epoch);
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    uint64_t count = test_scaled(OPERATIONS);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t key = draw(worker, FLOW_LEDGER_KEYS);
        uint64_t dice = draw(worker, 1000);
        if (dice < 5)
            begin_epoch(worker);
        else if (dice < 200)
            shrink(worker, key);
        else if (dice < 205)
            flow_ledger_walk(worker->ledger);
        else
            (void)flow_ledger_charge(worker->ledger, key, 1 + draw(worker, 3));
    }
    return NULL;
}

static void run_round(uint64_t round)
{
    struct flow_ledger *ledger = flow_ledger_new();
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    for (uint64_t i = 0; i < THREADS; i++) {
        workers[i].ledger = ledger;
        hf_splitmix_init(&workers[i].splitmix, SEED + round * THREADS + i);
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (uint64_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    flow_ledger_check(ledger);
    flow_ledger_free(ledger);
}

static void charges_and_changes_take_effect_one_at_a_time(void **state)
{
    (void)state;
    print_message("# seed %d\n", SEED);
    for (uint64_t round = 0; round < test_scaled(ROUNDS); round++)
        run_round(round);
}

/*
 * Threads grant the same new pairs at the same time, each with a limit of one unit, and charge it.
 * A pair that got two slots would be charged twice.
 */
#define FRESH_ROUNDS 4000
#define FRESH_PAIRS 40

struct rush {
    struct hf_flow *flow;
    uint64_t arrived;
    uint64_t charged[FRESH_PAIRS];
};

static void meet(uint64_t *arrived, uint64_t together)
{
    hf_add_seq(arrived, 1);
    while (hf_load_seq(arrived) < together)
        sched_yield();
}

static void *rush(void *argument)
{
    struct rush *own = argument;
    uint64_t rounds = test_scaled(FRESH_ROUNDS);
    for (uint64_t epoch = 1; epoch <= rounds; epoch++) {
        meet(&own->arrived, epoch * THREADS);
        assert(hf_flow_advance(own->flow, epoch) == HF_OK);
        for (uint64_t i = 0; i < FRESH_PAIRS; i++) {
            uint64_t peer = epoch * FRESH_PAIRS + i;
            assert(flow_grant(own->flow, peer, epoch, 1) == HF_OK);
            if (flow_charge(own->flow, peer, 1) == HF_OK)
                hf_add_relaxed(&own->charged[i], 1);
        }
    }
    return NULL;
}

static void a_new_pair_gets_one_budget_though_all_grant_it(void **state)
{
    (void)state;
    static struct rush own;
    pthread_t threads[THREADS];
    own.flow = flow_new(1);
    for (uint64_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, rush, &own), 0);
    for (uint64_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (uint64_t i = 0; i < FRESH_PAIRS; i++)
        assert_int_equal(own.charged[i], test_scaled(FRESH_ROUNDS));
    hf_flow_free(own.flow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(charges_and_changes_take_effect_one_at_a_time),
        cmocka_unit_test(a_new_pair_gets_one_budget_though_all_grant_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
