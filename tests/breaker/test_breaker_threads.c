/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <holdfast/breaker.h>

#include "../scale.h"
#include "breaker/traffic.h"

enum { WORKERS_MAX = 4 };

static struct hf_breaker *breaker_new(struct hf_breaker_options options)
{
    struct hf_breaker *breaker = NULL;
    options.seed = 3;
    assert_int_equal(hf_breaker_new(&breaker, &options, NULL), HF_OK);
    return breaker;
}

static void run_together(struct worker *workers, size_t count)
{
    for (size_t index = 0; index < count; index++)
        assert_int_equal(
            pthread_create(&workers[index].thread, NULL, worker_runs, &workers[index]), 0);
    for (size_t index = 0; index < count; index++)
        assert_int_equal(pthread_join(workers[index].thread, NULL), 0);
}

/* Changes state every few calls: opens after 2 failures or by rate, for a few steps of time. */
static const struct hf_breaker_options nervous = {
    .consecutive_failures = 2,
    .failure_rate_percent = 40,
    .calls_min = 8,
    .window_ns = HF_MS(1),
    .open = {.base_ns = HF_US(2), .delay_max_ns = HF_US(20)},
    .success_threshold = 2,
    .permit_lease_ns = HF_SECONDS(3600),
};

static void each_change_is_told_once_and_permits_keep_their_bound(void **state)
{
    (void)state;
    for (uint32_t permits = 1; permits <= 3; permits++)
        for (size_t threads = 2; threads <= WORKERS_MAX; threads++) {
            struct hf_breaker_options options = nervous;
            options.half_open_permits = permits;
            struct traffic traffic = {
                .breaker = breaker_new(options),
                .now_ns = HF_SECONDS(1),
                .step_ns = 500,
                .permits_max = permits,
                .held = calloc(TRAFFIC_GENERATIONS_MAX, sizeof(uint64_t)),
            };
            assert_non_null(traffic.held);
            struct worker workers[WORKERS_MAX];
            for (size_t index = 0; index < threads; index++)
                worker_init(&workers[index], &traffic, 100 * threads + index, test_scaled(60000));
            run_together(workers, threads);
            assert_one_chain(&traffic, workers, threads);
            assert_int_equal(traffic.violations, 0);
            assert_true(changes_of(workers, threads, HF_BREAKER_HALF_OPEN, HF_BREAKER_CLOSED) >
                        test_scaled(60000) / 200);
            free(traffic.held);
            hf_breaker_free(traffic.breaker);
        }
}

static void a_breaker_that_keeps_losing_permits_keeps_recovering(void **state)
{
    (void)state;
    struct hf_breaker_options options = nervous;
    options.half_open_permits = 2;
    options.permit_lease_ns = HF_US(100);
    struct traffic traffic = {
        .breaker = breaker_new(options),
        .now_ns = HF_SECONDS(1),
        .step_ns = 500,
        .lost_percent = 60,
    };
    struct worker workers[WORKERS_MAX];
    for (size_t index = 0; index < WORKERS_MAX; index++)
        worker_init(&workers[index], &traffic, 900 + index, test_scaled(60000));
    run_together(workers, WORKERS_MAX);
    assert_one_chain(&traffic, workers, WORKERS_MAX);
    assert_true(changes_of(workers, WORKERS_MAX, HF_BREAKER_HALF_OPEN, HF_BREAKER_CLOSED) >
                test_scaled(60000) / 2000);
    hf_breaker_free(traffic.breaker);
}

/* Threads that fail at the same time, just often enough to trip together. */
struct crowd {
    struct hf_breaker *breaker;
    pthread_barrier_t barrier;
    size_t rounds;
    uint64_t opened;
    uint64_t missed;
};

enum { CROWD = 4, FAILURES_EACH = 3 };

static void fail_together(struct crowd *crowd, uint64_t now_ns)
{
    struct hf_permit permits[FAILURES_EACH];
    for (int index = 0; index < FAILURES_EACH; index++)
        if (hf_breaker_enter(crowd->breaker, now_ns, &permits[index], NULL, NULL) != HF_OK)
            hf_add_seq(&crowd->missed, 1);
    pthread_barrier_wait(&crowd->barrier);
    for (int index = 0; index < FAILURES_EACH; index++) {
        struct hf_breaker_change change;
        hf_breaker_leave(crowd->breaker, &permits[index], HF_TRANSIENT, now_ns, &change);
        hf_add_seq(&crowd->opened, change.from != change.to);
    }
}

static void *crowd_runs(void *context)
{
    struct crowd *crowd = context;
    for (size_t round = 1; round <= crowd->rounds; round++) {
        fail_together(crowd, HF_SECONDS(round));
        if (pthread_barrier_wait(&crowd->barrier) == PTHREAD_BARRIER_SERIAL_THREAD) {
            hf_add_seq(&crowd->missed, hf_load_seq(&crowd->opened) != round);
            hf_breaker_reset(crowd->breaker);
        }
        pthread_barrier_wait(&crowd->barrier);
    }
    return NULL;
}

static void failures_that_end_together_trip_it_exactly_once(void **state)
{
    (void)state;
    const struct hf_breaker_options options[] = {
        {.consecutive_failures = CROWD * FAILURES_EACH},
        {.consecutive_failures = HF_BREAKER_NEVER,
            .failure_rate_percent = 100,
            .calls_min = CROWD * FAILURES_EACH},
    };
    for (int which = 0; which < 2; which++) {
        struct crowd crowd = {.breaker = breaker_new(options[which]), .rounds = test_scaled(4000)};
        assert_int_equal(pthread_barrier_init(&crowd.barrier, NULL, CROWD), 0);
        pthread_t threads[CROWD];
        for (int index = 0; index < CROWD; index++)
            assert_int_equal(pthread_create(&threads[index], NULL, crowd_runs, &crowd), 0);
        for (int index = 0; index < CROWD; index++)
            assert_int_equal(pthread_join(threads[index], NULL), 0);
        assert_int_equal(crowd.missed, 0);
        assert_int_equal(crowd.opened, crowd.rounds);
        pthread_barrier_destroy(&crowd.barrier);
        hf_breaker_free(crowd.breaker);
    }
}

/* Resets and snapshots from the side break nothing, though they make changes that nobody is told.
 */
struct meddler {
    struct traffic *traffic;
    uint64_t stop;
    uint64_t odd;
};

static void *meddler_runs(void *context)
{
    struct meddler *meddler = context;
    while (!hf_load_seq(&meddler->stop)) {
        struct hf_breaker_snapshot snapshot;
        uint64_t now_ns = hf_load_seq(&meddler->traffic->now_ns);
        if (hf_breaker_snapshot(meddler->traffic->breaker, now_ns, &snapshot) != HF_OK ||
            snapshot.permits_out > meddler->traffic->permits_max ||
            snapshot.window_failures > snapshot.window_calls || snapshot.consecutive_failures > 1 ||
            snapshot.successes > 1)
            meddler->odd++;
        hf_breaker_reset(meddler->traffic->breaker);
    }
    return NULL;
}

static void resets_and_snapshots_meet_only_states_that_exist(void **state)
{
    (void)state;
    struct hf_breaker_options options = nervous;
    options.half_open_permits = 2;
    struct traffic traffic = {
        .breaker = breaker_new(options),
        .now_ns = HF_SECONDS(1),
        .step_ns = 500,
        .permits_max = 2,
    };
    struct meddler meddler = {.traffic = &traffic};
    pthread_t side;
    assert_int_equal(pthread_create(&side, NULL, meddler_runs, &meddler), 0);
    struct worker workers[2];
    for (size_t index = 0; index < 2; index++)
        worker_init(&workers[index], &traffic, 500 + index, test_scaled(60000));
    run_together(workers, 2);
    hf_store_seq(&meddler.stop, 1);
    assert_int_equal(pthread_join(side, NULL), 0);
    assert_int_equal(meddler.odd, 0);
    hf_breaker_free(traffic.breaker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_change_is_told_once_and_permits_keep_their_bound),
        cmocka_unit_test(a_breaker_that_keeps_losing_permits_keeps_recovering),
        cmocka_unit_test(failures_that_end_together_trip_it_exactly_once),
        cmocka_unit_test(resets_and_snapshots_meet_only_states_that_exist),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
