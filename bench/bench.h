/* SPDX-License-Identifier: MIT */
#ifndef HF_BENCH_BENCH_H
#define HF_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <holdfast/allocator.h>

/*
 * Times a piece of this library beside its floor: the least that any implementation has to do, an
 * atomic add, a hash and a cache line, a call. Both run in turns, so that whatever else the machine
 * does befalls both, and what is reported is their ratio as much as their nanoseconds.
 */
#define BENCH_THREADS_MAX 2
#define BENCH_SAMPLES_MAX 15
#define BENCH_RESULTS_MAX 128
#define BENCH_NAME_BYTES 64

/*
 * Does `count` operations as the thread-th of several threads. Returns how many of them were not
 * what is to be timed (a denial where an admission was meant): any at all spoils the benchmark.
 */
typedef uint64_t bench_run(void *context, size_t thread, uint64_t count);

struct bench_side {
    const char *name;
    bench_run *run;
    void *context;
    void (*prepare)(void *context); /* Called before each run, untimed. NULL: nothing. */
    uint64_t count_max; /* Operations in one run of a thread. 0: as many as fill the time. */
};

struct bench_case {
    struct bench_side ours;
    struct bench_side floor;
};

/* Nanoseconds an operation, of one thread's time. */
struct bench_figure {
    double median;
    double min;
    double max;
};

struct bench_result {
    char name[BENCH_NAME_BYTES];
    char floor_name[BENCH_NAME_BYTES];
    size_t threads;
    struct bench_figure ours;
    struct bench_figure floor;
};

struct bench {
    const struct hf_allocator *allocator; /* For everything that is timed. */
    const char *only;                     /* Word that names must contain; NULL: any. */
    const char *memory_name;
    size_t samples;
    uint64_t sample_ns;                /* How long one run should take. */
    size_t threads_max;                /* As the machine allows. */
    int processors[BENCH_THREADS_MAX]; /* To pin thread n to. */
    bool failed;
    size_t results_count;
    struct bench_result results[BENCH_RESULTS_MAX];
};

/* Finds the processors that this process may use. False: it may use none it can name. */
bool bench_find_processors(struct bench *bench);

/* Runs the benchmarks with memory from an arena of jemalloc's where that is built in, else libc's.
 */
void bench_with_memory(struct bench *bench, void (*run)(struct bench *bench));

/* Whether the case is wanted; asked before costly preparations. */
bool bench_wants(const struct bench *bench, const char *name);

/* Times a case with 1 thread and with 2, and keeps the results. A spoilt one is reported and sets
 * failed. */
void bench_measure(struct bench *bench, const struct bench_case *timed);

/* Says on standard error that a benchmark could not be prepared, and sets failed. */
void bench_fail(struct bench *bench, const char *name, const char *why);

void bench_write_table(const struct bench *bench, FILE *file);
void bench_write_json(const struct bench *bench, FILE *file);

/* Each measures all cases of one concept. */
void bench_gate(struct bench *bench);
void bench_limiter(struct bench *bench);
void bench_adaptive(struct bench *bench);
void bench_flow_budget(struct bench *bench);
void bench_breaker(struct bench *bench);
void bench_retry(struct bench *bench);
void bench_audit(struct bench *bench);
void bench_metrics(struct bench *bench);
void bench_guard(struct bench *bench);
void bench_crypto(struct bench *bench); /* Where libsodium can be had to compare with, */
void bench_noise(struct bench *bench);  /* and where the networking core is built. */

#endif
