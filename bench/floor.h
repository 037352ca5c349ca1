/* SPDX-License-Identifier: MIT */
#ifndef HF_BENCH_FLOOR_H
#define HF_BENCH_FLOOR_H

#include <holdfast/clock.h>
#include <holdfast/hash.h>

#include "bench.h"

/* One atomic add: to a word that all threads share, and to one of the thread's own. */
struct bench_side bench_floor_add_shared(void);
struct bench_side bench_floor_add_own(void);

/* One call, and two, of a function that the compiler does not know. */
struct bench_side bench_floor_call(void);
struct bench_side bench_floor_two_calls(void);

/* What no record can do without: the time of day, a number that nobody else has, 200 bytes stored.
 */
struct bench_side bench_floor_record(void);

/* A hash, a cache line somewhere in memory, and one compare-and-swap there. */
struct bench_floor_lookup {
    uint64_t keys; /* At most 2^32. */
    enum hf_hash_kind hash;
    struct hf_hash_seed seed;
    const struct hf_clock *clock; /* NULL: reads none. */
    uint64_t *lines;              /* lines_count of HF_CACHE_LINE bytes. */
    uint64_t lines_count;
};

/* Two keys a line, as dense as a table at half load is. False: out of memory. */
bool bench_floor_lookup_begin(struct bench_floor_lookup *lookup, struct bench *bench);
void bench_floor_lookup_end(struct bench_floor_lookup *lookup, struct bench *bench);
struct bench_side bench_floor_lookup(struct bench_floor_lookup *lookup);

/*
 * The keys of a benchmark, below `keys` (at most 2^32), in an order in which the processor finds no
 * pattern: a linear congruential generator's upper half, scaled.
 */
static inline uint64_t bench_next(uint64_t *state, uint64_t keys)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return ((*state >> 32) * keys) >> 32;
}

/* Each thread begins elsewhere. */
static inline uint64_t bench_seed(size_t thread)
{
    return (thread + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

#endif
