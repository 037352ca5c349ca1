/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

#include "base/atomic.h"

#define CALIBRATION_COUNT 64
#define COUNT_MAX (UINT64_C(1) << 40)

struct worker {
    const struct bench_side *side;
    size_t index;
    size_t threads;
    uint64_t count;
    uint64_t *arrived; /* Shared by the threads of one run. */
    uint64_t elapsed_ns;
    uint64_t wrong;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* Spins until all have arrived, so that all threads time the same stretch. */
static void *work(void *context)
{
    struct worker *worker = context;
    hf_add_seq(worker->arrived, 1);
    while (hf_load_acquire(worker->arrived) < worker->threads)
        hf_pause();
    uint64_t start_ns = now_ns();
    worker->wrong = worker->side->run(worker->side->context, worker->index, worker->count);
    worker->elapsed_ns = now_ns() - start_ns;
    return NULL;
}

static bool start_pinned(pthread_t *thread, struct worker *worker, int processor)
{
    cpu_set_t processors;
    CPU_ZERO(&processors);
    CPU_SET((size_t)processor, &processors);
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    bool started = pthread_attr_setaffinity_np(&attributes, sizeof(processors), &processors) == 0 &&
                   pthread_create(thread, &attributes, work, worker) == 0;
    pthread_attr_destroy(&attributes);
    return started;
}

struct run {
    uint64_t elapsed_ns; /* Mean of the threads'. */
    uint64_t wrong;
};

/* One thread less than `threads` cannot be made up for: such a machine fails the benchmark. */
static struct run run_side(
    const struct bench *bench, const struct bench_side *side, size_t threads, uint64_t count)
{
    struct worker workers[BENCH_THREADS_MAX];
    pthread_t handles[BENCH_THREADS_MAX];
    uint64_t arrived = 0;
    struct run run = {0};
    if (side->prepare)
        side->prepare(side->context);
    for (size_t i = 0; i < threads; i++) {
        workers[i] = (struct worker){side, i, threads, count, &arrived, 0, 0};
        if (!start_pinned(&handles[i], &workers[i], bench->processors[i])) {
            fprintf(stderr, "cannot start a thread on processor %d\n", bench->processors[i]);
            exit(EXIT_FAILURE);
        }
    }
    for (size_t i = 0; i < threads; i++) {
        pthread_join(handles[i], NULL);
        run.elapsed_ns += workers[i].elapsed_ns / threads;
        run.wrong += workers[i].wrong;
    }
    return run;
}

/* How many operations fill the time of a sample. Warms up what they touch, too. */
static uint64_t count_for(const struct bench *bench, const struct bench_side *side, size_t threads)
{
    uint64_t count_max = side->count_max > 0 ? side->count_max : COUNT_MAX;
    uint64_t count = CALIBRATION_COUNT;
    while (count < count_max &&
           run_side(bench, side, threads, count).elapsed_ns < bench->sample_ns / 2)
        count = count * 2 < count_max ? count * 2 : count_max;
    return count;
}

static int compare(const void *one, const void *other)
{
    double a = *(const double *)one;
    double b = *(const double *)other;
    return (a > b) - (a < b);
}

static struct bench_figure figure_of(double samples[], size_t count)
{
    qsort(samples, count, sizeof(samples[0]), compare);
    double middle = (samples[(count - 1) / 2] + samples[count / 2]) / 2;
    return (struct bench_figure){middle, samples[0], samples[count - 1]};
}

/* In turns. Returns how many of our operations were not what is to be timed. */
static uint64_t measure_in_turns(const struct bench *bench, const struct bench_case *timed,
    size_t threads, struct bench_result *result)
{
    double ours[BENCH_SAMPLES_MAX];
    double floor[BENCH_SAMPLES_MAX];
    uint64_t ours_count = count_for(bench, &timed->ours, threads);
    uint64_t floor_count = count_for(bench, &timed->floor, threads);
    uint64_t wrong = 0;
    for (size_t i = 0; i < bench->samples; i++) {
        struct run run = run_side(bench, &timed->ours, threads, ours_count);
        wrong += run.wrong;
        ours[i] = (double)run.elapsed_ns / (double)ours_count;
        run = run_side(bench, &timed->floor, threads, floor_count);
        floor[i] = (double)run.elapsed_ns / (double)floor_count;
    }
    result->ours = figure_of(ours, bench->samples);
    result->floor = figure_of(floor, bench->samples);
    return wrong;
}

static void measure_with(struct bench *bench, const struct bench_case *timed, size_t threads)
{
    if (bench->results_count == BENCH_RESULTS_MAX) {
        bench_fail(bench, timed->ours.name, "too many results");
        return;
    }
    struct bench_result *result = &bench->results[bench->results_count];
    *result = (struct bench_result){.threads = threads};
    snprintf(result->name, sizeof(result->name), "%s", timed->ours.name);
    snprintf(result->floor_name, sizeof(result->floor_name), "%s", timed->floor.name);
    if (measure_in_turns(bench, timed, threads, result) > 0)
        bench_fail(bench, timed->ours.name, "some operations did something else");
    else
        bench->results_count++;
}

void bench_measure(struct bench *bench, const struct bench_case *timed)
{
    if (!bench_wants(bench, timed->ours.name))
        return;
    for (size_t threads = 1; threads <= bench->threads_max; threads++)
        measure_with(bench, timed, threads);
}

bool bench_wants(const struct bench *bench, const char *name)
{
    return !bench->only || strstr(name, bench->only);
}

void bench_fail(struct bench *bench, const char *name, const char *why)
{
    fprintf(stderr, "%s: %s\n", name, why);
    bench->failed = true;
}

bool bench_find_processors(struct bench *bench)
{
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
        return false;
    for (int i = 0; i < CPU_SETSIZE && bench->threads_max < BENCH_THREADS_MAX; i++) {
        if (CPU_ISSET((size_t)i, &allowed))
            bench->processors[bench->threads_max++] = i;
    }
    return bench->threads_max > 0;
}
