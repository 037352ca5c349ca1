/* SPDX-License-Identifier: MIT */
#ifndef HF_BENCH_PEERS_STOPWATCH_H
#define HF_BENCH_PEERS_STOPWATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STOPWATCH_THREADS_MAX 2

struct stopwatch {
    int processors[STOPWATCH_THREADS_MAX]; /* Thread n is pinned to the n-th. */
    size_t processors_count;
    uint64_t calls_a_look; /* Calls between two looks at the clock. */
    bool cpu_time;         /* Count the threads' time on processors, not the wall's. */
};

/* Sums over all threads. */
struct stopwatch_stretch {
    uint64_t calls;
    uint64_t elapsed_ns;
};

/* Processors 0 and 1, wall time. */
void stopwatch_init(struct stopwatch *watch, uint64_t calls_a_look);

/* "0,1". False: not such a list, or too long. */
bool stopwatch_parse_processors(struct stopwatch *watch, const char *list);

/*
 * Calls work for ms on each of the threads, one context each, all over the same stretch; a quarter
 * as long before, uncounted, to warm up. Ends the program if a thread cannot be had.
 */
struct stopwatch_stretch stopwatch_run(const struct stopwatch *watch, void (*work)(void *context),
    void *contexts[], size_t threads, uint64_t ms);

/* Bytes that malloc has handed out, its own overhead included. */
size_t stopwatch_memory_in_use(void);

#endif
