/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <holdfast/adaptive.h>

#include "base/step.h"

/* The thread that judges a window stops in the middle of it; nobody waits for it. */
#ifdef HF_TEST_STEPS

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool parked;
static bool released;
static _Thread_local bool parks;

static void at_mark(enum hf_step step)
{
    if (!parks || step != HF_STEP_ADAPTIVE_JUDGING)
        return;
    pthread_mutex_lock(&mutex);
    parked = true;
    pthread_cond_broadcast(&changed);
    while (!released)
        pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
}

#define FIRST_NS HF_SECONDS(10000)

static struct hf_adaptive *adaptive;

static void record(uint64_t count, uint64_t now_ns)
{
    for (uint64_t i = 0; i < count; i++)
        assert_int_equal(hf_adaptive_record(adaptive, hf_success(), 0, now_ns), HF_OK);
}

static void *judge(void *unused)
{
    parks = true;
    (void)hf_adaptive_record(adaptive, hf_success(), 0, FIRST_NS + HF_SECONDS(1));
    return unused;
}

static struct hf_adaptive_state state_now(void)
{
    struct hf_adaptive_state state;
    assert_int_equal(hf_adaptive_snapshot(adaptive, &state), HF_OK);
    return state;
}

static void others_go_on_while_the_judge_is_parked(void **state)
{
    (void)state;
    struct hf_adaptive_options options = {
        .rate_min = 10, .rate_max = 1000, .rate_start = 100, .increase = 10};
    assert_int_equal(hf_adaptive_new(&adaptive, &options, NULL), HF_OK);
    record(HF_ADAPTIVE_RECORDS_MIN, FIRST_NS); /* Ends the window from the beginning of time. */
    record(100, FIRST_NS + HF_MS(500));
    hf_step_hook = at_mark;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, judge, NULL), 0);
    pthread_mutex_lock(&mutex);
    while (!parked)
        pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);

    for (uint64_t second = 1; second < 100; second++) {
        record(100, FIRST_NS + HF_SECONDS(second));
        assert_int_equal(
            hf_adaptive_check(adaptive, 1, FIRST_NS + HF_SECONDS(second), NULL), HF_OK);
    }
    assert_int_equal(state_now().rate, 100);
    assert_int_equal(state_now().windows, 1);

    pthread_mutex_lock(&mutex);
    released = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
    pthread_join(thread, NULL);
    hf_step_hook = NULL;
    assert_int_equal(state_now().rate, 110);
    record(60, FIRST_NS + HF_SECONDS(1) + HF_MS(500));
    record(1, FIRST_NS + HF_SECONDS(2));
    assert_int_equal(state_now().rate, 120);
    hf_adaptive_free(adaptive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(others_go_on_while_the_judge_is_parked),
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
