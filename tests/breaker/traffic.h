/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_BREAKER_TRAFFIC_H
#define HF_TESTS_BREAKER_TRAFFIC_H

#include <pthread.h>

#include <holdfast/breaker.h>

#include "base/atomic.h"

/*
 * Threads that send calls through one breaker. Time is a shared number that each operation moves
 * on, so all that threads decide is in which order things happen.
 */
enum { TRAFFIC_KEPT_MAX = 16, TRAFFIC_GENERATIONS_MAX = 1 << 22 };

struct traffic {
    struct hf_breaker *breaker;
    uint64_t now_ns;
    uint64_t step_ns;
    uint32_t permits_max;
    uint32_t lost_percent; /* Of half-open permits. */
    uint64_t violations;   /* More permits of one half-open generation out than allowed. */
    uint64_t *held;        /* By generation; NULL: not watched. */
};

struct worker {
    struct traffic *traffic;
    struct hf_splitmix splitmix;
    size_t operations;
    pthread_t thread;
    uint64_t changes[3][3]; /* From, to. */
    struct hf_permit kept[TRAFFIC_KEPT_MAX];
    size_t kept_count;
};

static inline uint64_t worker_draws(struct worker *worker, uint64_t bound)
{
    const struct hf_random random = hf_splitmix_random(&worker->splitmix);
    return hf_random_below(&random, bound);
}

static inline uint64_t traffic_time(struct traffic *traffic)
{
    return hf_add_seq(&traffic->now_ns, traffic->step_ns);
}

static inline void worker_notes(struct worker *worker, const struct hf_breaker_change *change)
{
    if (change->from != change->to)
        worker->changes[change->from][change->to]++;
}

/* Watched from after the permit is had until before it is given back, so never too high. */
static inline void worker_watches(
    struct worker *worker, const struct hf_permit *permit, uint64_t difference)
{
    struct traffic *traffic = worker->traffic;
    if (!traffic->held || permit->lease == 0)
        return;
    uint64_t *held = &traffic->held[permit->generation % TRAFFIC_GENERATIONS_MAX];
    if (hf_add_seq(held, difference) + difference > traffic->permits_max)
        hf_add_seq(&traffic->violations, 1);
}

static inline void worker_returns(struct worker *worker, const struct hf_permit *permit)
{
    worker_watches(worker, permit, UINT64_MAX);
    struct hf_breaker_change change;
    uint64_t dice = worker_draws(worker, 100);
    if (dice < 5) {
        hf_breaker_cancel(worker->traffic->breaker, permit);
        return;
    }
    enum hf_outcome_kind outcome = dice < 55 ? HF_SUCCESS : HF_TRANSIENT;
    if (dice >= 90)
        outcome = HF_IGNORED;
    hf_breaker_leave(
        worker->traffic->breaker, permit, outcome, traffic_time(worker->traffic), &change);
    worker_notes(worker, &change);
}

/* One call; some are kept for later, and come back at any time. */
static inline void worker_calls(struct worker *worker)
{
    struct traffic *traffic = worker->traffic;
    if (worker->kept_count > 0 && worker_draws(worker, 8) == 0)
        worker_returns(worker, &worker->kept[--worker->kept_count]);
    struct hf_permit permit;
    struct hf_breaker_change change;
    enum hf_status status =
        hf_breaker_enter(traffic->breaker, traffic_time(traffic), &permit, NULL, &change);
    worker_notes(worker, &change);
    if (status != HF_OK)
        return;
    if (permit.lease && worker_draws(worker, 100) < traffic->lost_percent)
        return;
    worker_watches(worker, &permit, 1);
    if (worker->kept_count < TRAFFIC_KEPT_MAX && worker_draws(worker, 8) == 0)
        worker->kept[worker->kept_count++] = permit;
    else
        worker_returns(worker, &permit);
}

static inline void *worker_runs(void *context)
{
    struct worker *worker = context;
    for (size_t count = 0; count < worker->operations; count++)
        worker_calls(worker);
    while (worker->kept_count > 0)
        worker_returns(worker, &worker->kept[--worker->kept_count]);
    return NULL;
}

static inline void worker_init(
    struct worker *worker, struct traffic *traffic, uint64_t seed, size_t operations)
{
    *worker = (struct worker){.traffic = traffic, .operations = operations};
    hf_splitmix_init(&worker->splitmix, seed);
}

static inline uint64_t changes_of(const struct worker *workers, size_t count,
    enum hf_breaker_state from, enum hf_breaker_state to)
{
    uint64_t sum = 0;
    for (size_t index = 0; index < count; index++)
        sum += workers[index].changes[from][to];
    return sum;
}

/*
 * The changes told make one chain that starts closed and ends where the breaker is: no arrow that
 * is not on the map, and each state left as often as it was entered, but for the last.
 */
static inline void assert_one_chain(
    const struct traffic *traffic, const struct worker *workers, size_t count)
{
    const enum hf_breaker_state closed = HF_BREAKER_CLOSED;
    const enum hf_breaker_state open = HF_BREAKER_OPEN;
    const enum hf_breaker_state half_open = HF_BREAKER_HALF_OPEN;
    struct hf_breaker_snapshot last;
    /* At time 0 an open breaker's time is not over. */
    assert_int_equal(hf_breaker_snapshot(traffic->breaker, 0, &last), HF_OK);
    uint64_t tripped = changes_of(workers, count, closed, open);
    uint64_t probed = changes_of(workers, count, open, half_open);
    uint64_t reopened = changes_of(workers, count, half_open, open);
    uint64_t recovered = changes_of(workers, count, half_open, closed);
    assert_int_equal(changes_of(workers, count, closed, half_open), 0);
    assert_int_equal(changes_of(workers, count, open, closed), 0);
    assert_int_equal(tripped + reopened, last.opened_count);
    assert_int_equal(tripped - recovered, last.state != closed);
    assert_int_equal(tripped + reopened - probed, last.state == open);
    assert_int_equal(probed - reopened - recovered, last.state == half_open);
}

#endif
