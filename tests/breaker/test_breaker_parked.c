/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <holdfast/breaker.h>

#include "../scale.h"
#include "base/step.h"
#include "breaker/traffic.h"

#ifndef HF_TEST_STEPS

int main(void)
{
    printf("1..0 # SKIP built without the marks of STEPS=1\n");
    return 77;
}

#else

/* One thread is stopped at a step of the protocol for as long as it pleases the test. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    enum hf_step step;
    bool armed;
    bool parked;
    bool finished;
} parking = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static _Thread_local bool is_victim;

static void park(enum hf_step step)
{
    if (!is_victim || step != parking.step)
        return;
    pthread_mutex_lock(&parking.mutex);
    if (parking.armed) {
        parking.parked = true;
        pthread_cond_broadcast(&parking.changed);
        while (parking.armed)
            pthread_cond_wait(&parking.changed, &parking.mutex);
    }
    pthread_mutex_unlock(&parking.mutex);
}

static void *victim_runs(void *context)
{
    is_victim = true;
    worker_runs(context);
    pthread_mutex_lock(&parking.mutex);
    parking.finished = true;
    pthread_cond_broadcast(&parking.changed);
    pthread_mutex_unlock(&parking.mutex);
    return NULL;
}

/* False: it has finished and never came to the step. */
static bool wait_until_parked(void)
{
    pthread_mutex_lock(&parking.mutex);
    while (!parking.parked && !parking.finished)
        pthread_cond_wait(&parking.changed, &parking.mutex);
    bool parked = parking.parked;
    pthread_mutex_unlock(&parking.mutex);
    return parked;
}

static void release(void)
{
    pthread_mutex_lock(&parking.mutex);
    parking.armed = false;
    pthread_cond_broadcast(&parking.changed);
    pthread_mutex_unlock(&parking.mutex);
}

enum { OTHERS = 2, OPERATIONS = 100000 };

/* A single permit: whoever is stopped while it holds it stands in everybody's way. */
static const struct hf_breaker_options narrow = {
    .consecutive_failures = 2,
    .failure_rate_percent = 40,
    .calls_min = 8,
    .window_ns = HF_MS(1),
    .open = {.base_ns = HF_US(2), .delay_max_ns = HF_US(20)},
    .success_threshold = 2,
    .permit_lease_ns = HF_US(50),
    .seed = 3,
};

static void others_finish_while_one_is_parked(void **state)
{
    const enum hf_step *step = *state;
    struct traffic traffic = {.now_ns = HF_SECONDS(1), .step_ns = 500, .lost_percent = 2};
    assert_int_equal(hf_breaker_new(&traffic.breaker, &narrow, NULL), HF_OK);
    size_t operations = test_scaled(OPERATIONS) / OTHERS;
    parking.step = *step;
    parking.armed = true;
    parking.parked = false;
    parking.finished = false;
    hf_step_hook = park;

    /* Alone, so that it comes to every step; the others start once it stands there. */
    struct worker workers[1 + OTHERS];
    worker_init(&workers[0], &traffic, 1000, 20000);
    assert_int_equal(pthread_create(&workers[0].thread, NULL, victim_runs, &workers[0]), 0);
    assert_true(wait_until_parked());
    for (size_t index = 1; index <= OTHERS; index++) {
        worker_init(&workers[index], &traffic, 1000 + index, operations);
        assert_int_equal(
            pthread_create(&workers[index].thread, NULL, worker_runs, &workers[index]), 0);
    }
    for (size_t index = 1; index <= OTHERS; index++)
        assert_int_equal(pthread_join(workers[index].thread, NULL), 0);

    /* They did not just get out of the way: they went around through every state. */
    uint64_t rounds = changes_of(&workers[1], OTHERS, HF_BREAKER_HALF_OPEN, HF_BREAKER_CLOSED);
    assert_true(rounds > operations / 500);
    release();
    assert_int_equal(pthread_join(workers[0].thread, NULL), 0);
    hf_step_hook = NULL;
    assert_one_chain(&traffic, workers, 1 + OTHERS);
    hf_breaker_free(traffic.breaker);
}

static const char *const step_names[] = {
#define STEP_NAME(name) #name,
    HF_STEP_LIST(STEP_NAME)
#undef STEP_NAME
};

enum {
    FIRST = HF_STEP_BREAKER_LOADED,
    LAST = HF_STEP_BREAKER_CLOSING,
    STEPS = LAST - FIRST + 1,
};

int main(void)
{
    static enum hf_step steps[STEPS];
    static char names[STEPS][80];
    struct CMUnitTest tests[STEPS];
    for (int index = 0; index < STEPS; index++) {
        steps[index] = (enum hf_step)(FIRST + index);
        snprintf(names[index], sizeof(names[index]), "others_finish_while_one_is_parked_at_%s",
            step_names[steps[index]]);
        tests[index] = (struct CMUnitTest){
            names[index], others_finish_while_one_is_parked, NULL, NULL, &steps[index]};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
