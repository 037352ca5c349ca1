/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

#include "stopwatch.h"

#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NS_A_MS UINT64_C(1000000)
#define WARM_UP_PART 4

struct runner {
    const struct stopwatch *watch;
    void (*work)(void *context);
    void *context;
    size_t threads;
    size_t *arrived; /* Shared by all. */
    uint64_t ms;
    struct stopwatch_stretch stretch;
};

void stopwatch_init(struct stopwatch *watch, uint64_t calls_a_look)
{
    *watch = (struct stopwatch){
        .processors = {0, 1}, .processors_count = 2, .calls_a_look = calls_a_look};
}

bool stopwatch_parse_processors(struct stopwatch *watch, const char *list)
{
    watch->processors_count = 0;
    for (;;) {
        char *end;
        long processor = strtol(list, &end, 10);
        if (end == list || processor < 0 || processor >= CPU_SETSIZE ||
            watch->processors_count == STOPWATCH_THREADS_MAX)
            return false;
        watch->processors[watch->processors_count++] = (int)processor;
        if (*end == '\0')
            return true;
        if (*end != ',')
            return false;
        list = end + 1;
    }
}

static uint64_t now_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static struct stopwatch_stretch work_for(const struct runner *runner, uint64_t ms)
{
    clockid_t clock = runner->watch->cpu_time ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
    struct stopwatch_stretch stretch = {0};
    uint64_t end_ns = now_ns(CLOCK_MONOTONIC) + ms * NS_A_MS;
    uint64_t start_ns = now_ns(clock);
    while (now_ns(CLOCK_MONOTONIC) < end_ns) {
        for (uint64_t i = 0; i < runner->watch->calls_a_look; i++)
            runner->work(runner->context);
        stretch.calls += runner->watch->calls_a_look;
    }
    stretch.elapsed_ns = now_ns(clock) - start_ns;
    return stretch;
}

static void *run(void *context)
{
    struct runner *runner = context;
    work_for(runner, (runner->ms + WARM_UP_PART - 1) / WARM_UP_PART);
    __atomic_add_fetch(runner->arrived, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(runner->arrived, __ATOMIC_ACQUIRE) < runner->threads)
        continue;
    runner->stretch = work_for(runner, runner->ms);
    return NULL;
}

static bool start_pinned(pthread_t *thread, struct runner *runner, int processor)
{
    cpu_set_t processors;
    CPU_ZERO(&processors);
    CPU_SET((size_t)processor, &processors);
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    bool started = pthread_attr_setaffinity_np(&attributes, sizeof(processors), &processors) == 0 &&
                   pthread_create(thread, &attributes, run, runner) == 0;
    pthread_attr_destroy(&attributes);
    return started;
}

struct stopwatch_stretch stopwatch_run(const struct stopwatch *watch, void (*work)(void *context),
    void *contexts[], size_t threads, uint64_t ms)
{
    struct runner runners[STOPWATCH_THREADS_MAX];
    pthread_t handles[STOPWATCH_THREADS_MAX];
    struct stopwatch_stretch sum = {0};
    size_t arrived = 0;
    for (size_t i = 0; i < threads; i++) {
        runners[i] = (struct runner){watch, work, contexts[i], threads, &arrived, ms, {0}};
        if (!start_pinned(&handles[i], &runners[i], watch->processors[i])) {
            fprintf(stderr, "cannot run on processor %d\n", watch->processors[i]);
            exit(EXIT_FAILURE);
        }
    }
    for (size_t i = 0; i < threads; i++) {
        pthread_join(handles[i], NULL);
        sum.calls += runners[i].stretch.calls;
        sum.elapsed_ns += runners[i].stretch.elapsed_ns;
    }
    return sum;
}

size_t stopwatch_memory_in_use(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.hblkhd + info.uordblks;
}
