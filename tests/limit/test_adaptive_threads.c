/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <assert.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <holdfast/adaptive.h>

#include "base/atomic.h"
#include "scale.h"

/*
 * Threads check and record at times of one clock that all of them move on. Whoever judges, and
 * whatever the others record meanwhile, no call is counted twice or lost, rates keep to their
 * bounds and what is admitted keeps to the highest of them.
 */
#define THREADS 3
#define OPERATIONS 300000
#define TICK_NS HF_US(100)
#define RATE_MIN 100
#define RATE_MAX 3000
#define BURST_NS HF_MS(100)

struct shared {
    struct hf_adaptive *adaptive;
    uint64_t now_ns;
    uint64_t admitted;
    struct hf_outcome outcome;
};

static void *work(void *argument)
{
    struct shared *shared = argument;
    size_t count = test_scaled(OPERATIONS);
    for (size_t i = 0; i < count; i++) {
        uint64_t now_ns = hf_add_relaxed(&shared->now_ns, TICK_NS);
        if (hf_adaptive_check(shared->adaptive, 1, now_ns, NULL) != HF_OK)
            continue;
        hf_add_relaxed(&shared->admitted, 1);
        (void)hf_adaptive_record(shared->adaptive, shared->outcome, HF_MS(5), now_ns);
        struct hf_adaptive_state state;
        assert(hf_adaptive_snapshot(shared->adaptive, &state) == HF_OK);
        assert(state.rate >= RATE_MIN && state.rate <= RATE_MAX);
        assert(state.increases + state.decreases <= state.windows + THREADS);
    }
    return NULL;
}

static struct shared run(struct hf_outcome outcome)
{
    struct hf_adaptive_options options = {.rate_min = RATE_MIN,
        .rate_max = RATE_MAX,
        .rate_start = 1000,
        .increase = 100,
        .burst_ns = BURST_NS,
        .window_ns = HF_MS(50)};
    struct shared shared = {.outcome = outcome};
    pthread_t threads[THREADS];
    assert_int_equal(hf_adaptive_new(&shared.adaptive, &options, NULL), HF_OK);
    for (uint64_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &shared), 0);
    for (uint64_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return shared;
}

static void all_being_well_threads_take_the_rate_to_its_bound(void **state)
{
    (void)state;
    struct shared shared = run(hf_success());
    struct hf_adaptive_state seen;
    assert_int_equal(hf_adaptive_snapshot(shared.adaptive, &seen), HF_OK);
    assert_int_equal(seen.rate, RATE_MAX);
    assert_int_equal(seen.increases, (RATE_MAX - 1000) / 100);
    assert_int_equal(seen.decreases, 0);
    assert_in_range(shared.admitted, 0, (BURST_NS + shared.now_ns) * RATE_MAX / HF_SECONDS(1) + 1);
    hf_adaptive_free(shared.adaptive);
}

static void all_failing_threads_take_the_rate_to_its_lower_bound(void **state)
{
    (void)state;
    struct shared shared = run(hf_transient(1));
    struct hf_adaptive_state seen;
    assert_int_equal(hf_adaptive_snapshot(shared.adaptive, &seen), HF_OK);
    assert_int_equal(seen.rate, RATE_MIN);
    assert_int_equal(seen.increases, 0);
    /* At most one decrease a window, and none in the window after it. */
    assert_in_range(seen.decreases, 1, seen.windows / 2 + 1);
    hf_adaptive_free(shared.adaptive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_being_well_threads_take_the_rate_to_its_bound),
        cmocka_unit_test(all_failing_threads_take_the_rate_to_its_lower_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
