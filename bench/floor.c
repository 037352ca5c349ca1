/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "floor.h"

#include "base/atomic.h"

struct line {
    _Alignas(HF_CACHE_LINE) uint64_t word;
};

static struct line shared_line;
static struct line own_lines[BENCH_THREADS_MAX];

static uint64_t add_shared(void *context, size_t thread, uint64_t count)
{
    (void)context;
    (void)thread;
    for (uint64_t i = 0; i < count; i++)
        hf_add_relaxed(&shared_line.word, 1);
    return 0;
}

static uint64_t add_own(void *context, size_t thread, uint64_t count)
{
    (void)context;
    for (uint64_t i = 0; i < count; i++)
        hf_add_relaxed(&own_lines[thread].word, 1);
    return 0;
}

struct bench_side bench_floor_add_shared(void)
{
    return (struct bench_side){.name = "atomic add, shared", .run = add_shared};
}

struct bench_side bench_floor_add_own(void)
{
    return (struct bench_side){.name = "atomic add, own line", .run = add_own};
}

static uint64_t identity(uint64_t number)
{
    return number;
}

/* Volatile: the compiler must not learn what is called. */
static uint64_t (*volatile opaque)(uint64_t number) = identity;

static uint64_t call(void *context, size_t thread, uint64_t count)
{
    (void)context;
    (void)thread;
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < count; i++)
        wrong += opaque(i) != i;
    return wrong;
}

static uint64_t two_calls(void *context, size_t thread, uint64_t count)
{
    (void)context;
    (void)thread;
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < count; i++)
        wrong += opaque(opaque(i)) != i;
    return wrong;
}

struct bench_side bench_floor_call(void)
{
    return (struct bench_side){.name = "opaque call", .run = call};
}

struct bench_side bench_floor_two_calls(void)
{
    return (struct bench_side){.name = "two opaque calls", .run = two_calls};
}

#define RECORD_BYTES 200
#define RECORDS 1024 /* A thread's, to be overwritten in turn. */

static char records[BENCH_THREADS_MAX][RECORDS][RECORD_BYTES];

static uint64_t record(void *context, size_t thread, uint64_t count)
{
    (void)context;
    char made[RECORD_BYTES] = {0};
    for (uint64_t i = 0; i < count; i++) {
        uint64_t now_ns = hf_wall_clock_now_ns(&(struct hf_wall_clock){0});
        uint64_t number = hf_add_relaxed(&shared_line.word, 1);
        memcpy(made, &now_ns, sizeof(now_ns));
        memcpy(made + sizeof(now_ns), &number, sizeof(number));
        memcpy(records[thread][i % RECORDS], made, sizeof(made));
    }
    return 0;
}

struct bench_side bench_floor_record(void)
{
    return (struct bench_side){.name = "time, add, 200 bytes", .run = record};
}

static size_t lines_bytes(const struct bench_floor_lookup *lookup)
{
    return (size_t)lookup->lines_count * HF_CACHE_LINE;
}

bool bench_floor_lookup_begin(struct bench_floor_lookup *lookup, struct bench *bench)
{
    lookup->lines_count = lookup->keys > 1 ? lookup->keys / 2 : 1;
    lookup->lines = hf_allocate(bench->allocator, lines_bytes(lookup), HF_CACHE_LINE);
    if (!lookup->lines)
        return false;
    for (size_t i = 0; i < lines_bytes(lookup) / sizeof(uint64_t); i++)
        lookup->lines[i] = i;
    return true;
}

void bench_floor_lookup_end(struct bench_floor_lookup *lookup, struct bench *bench)
{
    hf_release(bench->allocator, lookup->lines, lines_bytes(lookup), HF_CACHE_LINE);
}

static uint64_t hash_of(const struct bench_floor_lookup *lookup, uint64_t key)
{
    struct hf_bytes bytes = hf_bytes(&key, sizeof(key));
    return lookup->hash == HF_HASH_FAST ? hf_hash_fast(&lookup->seed, bytes).low
                                        : hf_hash_siphash64(&lookup->seed, bytes);
}

/* A swap that fails has cost as much: whoever failed need not try again to be a floor. */
static uint64_t look_up(void *context, size_t thread, uint64_t count)
{
    const struct bench_floor_lookup *lookup = context;
    uint64_t state = bench_seed(thread);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t hash = hash_of(lookup, bench_next(&state, lookup->keys));
        uint64_t line = ((hash >> 32) * lookup->lines_count) >> 32;
        uint64_t *word = &lookup->lines[line * (HF_CACHE_LINE / sizeof(uint64_t))];
        uint64_t add = lookup->clock ? hf_clock_now_ns(lookup->clock) : 1;
        uint64_t seen = hf_load_relaxed(word);
        hf_cas_acq_rel(word, &seen, seen + add);
    }
    return 0;
}

struct bench_side bench_floor_lookup(struct bench_floor_lookup *lookup)
{
    return (struct bench_side){
        .name = lookup->clock ? "hash, line, swap, clock" : "hash, line, swap",
        .run = look_up,
        .context = lookup,
    };
}
