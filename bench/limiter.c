/* SPDX-License-Identifier: MIT */
#include <holdfast/limiter.h>

#include "floor.h"

/*
 * No key is ever denied: a cell comes back each second, so that keys stay live, and the burst
 * outlasts any benchmark.
 */
#define NOW_NS HF_SECONDS(1000)
#define BURST (UINT64_C(1) << 30)
#define KEYS_CLOCKED 1000

struct timed_limiter {
    struct hf_limiter *limiter;
    uint64_t keys;
};

static uint64_t check_at(void *context, size_t thread, uint64_t count)
{
    const struct timed_limiter *timed = context;
    uint64_t state = bench_seed(thread);
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t key = bench_next(&state, timed->keys);
        struct hf_bytes bytes = hf_bytes(&key, sizeof(key));
        wrong += hf_limiter_check_at(timed->limiter, bytes, 1, NOW_NS, NULL) != HF_OK;
    }
    return wrong;
}

static uint64_t check_clocked(void *context, size_t thread, uint64_t count)
{
    const struct timed_limiter *timed = context;
    uint64_t state = bench_seed(thread);
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t key = bench_next(&state, timed->keys);
        struct hf_bytes bytes = hf_bytes(&key, sizeof(key));
        wrong += hf_limiter_check(timed->limiter, bytes, 1, NULL) != HF_OK;
    }
    return wrong;
}

/* Every key has its place before the clock starts. */
static bool insert_all(const struct timed_limiter *timed)
{
    for (uint64_t key = 0; key < timed->keys; key++) {
        struct hf_bytes bytes = hf_bytes(&key, sizeof(key));
        if (hf_limiter_check_at(timed->limiter, bytes, 1, NOW_NS, NULL) != HF_OK)
            return false;
    }
    return true;
}

static enum hf_status limiter_begin(
    struct timed_limiter *timed, const struct bench *bench, const struct bench_floor_lookup *lookup)
{
    struct hf_limiter_options options = {
        .quota = hf_quota_with_burst(hf_quota_per_second(1), BURST),
        .keys_max = lookup->keys,
        .hash = lookup->hash,
        .seed = &lookup->seed,
        .allocator = bench->allocator,
    };
    if (lookup->clock)
        options.clock = *lookup->clock;
    timed->keys = lookup->keys;
    enum hf_status status = hf_limiter_new(&timed->limiter, &options, NULL);
    return status == HF_OK && !insert_all(timed) ? HF_FULL : status;
}

/* lookup: the floor, and what the limiter is to have in common with it. */
static void measure(struct bench *bench, const char *name, struct bench_floor_lookup lookup)
{
    if (!bench_wants(bench, name))
        return;
    struct timed_limiter timed = {0};
    enum hf_status status = limiter_begin(&timed, bench, &lookup);
    if (status == HF_OK && bench_floor_lookup_begin(&lookup, bench)) {
        struct bench_case of = {
            .ours = {.name = name, .context = &timed},
            .floor = bench_floor_lookup(&lookup),
        };
        of.ours.run = lookup.clock ? check_clocked : check_at;
        bench_measure(bench, &of);
        bench_floor_lookup_end(&lookup, bench);
    } else {
        bench_fail(bench, name, hf_status_str(status == HF_OK ? HF_NO_MEMORY : status));
    }
    hf_limiter_free(timed.limiter);
}

static void measure_sizes(struct bench *bench, struct hf_hash_seed seed)
{
    static const struct {
        uint64_t keys;
        const char *fast;
        const char *siphash;
    } sizes[] = {
        {1, "limiter, 1 key, fast hash", "limiter, 1 key, SipHash"},
        {1000, "limiter, 1k keys, fast hash", "limiter, 1k keys, SipHash"},
        {100000, "limiter, 100k keys, fast hash", "limiter, 100k keys, SipHash"},
        {1000000, "limiter, 1M keys, fast hash", "limiter, 1M keys, SipHash"},
    };
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct bench_floor_lookup lookup = {.keys = sizes[i].keys, .seed = seed};
        lookup.hash = HF_HASH_FAST;
        measure(bench, sizes[i].fast, lookup);
        lookup.hash = HF_HASH_SIPHASH;
        measure(bench, sizes[i].siphash, lookup);
    }
}

static void measure_clocks(struct bench *bench, struct hf_hash_seed seed)
{
    struct hf_clock clock = hf_clock_monotonic();
    struct bench_floor_lookup lookup = {
        .keys = KEYS_CLOCKED, .hash = HF_HASH_FAST, .seed = seed, .clock = &clock};
    measure(bench, "limiter, 1k keys, fast hash, monotonic", lookup);
    struct hf_tsc tsc;
    if (hf_tsc_init(&tsc, NULL) != HF_OK)
        return;
    clock = hf_tsc_clock(&tsc);
    measure(bench, "limiter, 1k keys, fast hash, TSC", lookup);
}

void bench_limiter(struct bench *bench)
{
    struct hf_hash_seed seed;
    if (hf_hash_seed_system(&seed, NULL) != HF_OK) {
        bench_fail(bench, "limiter", "no seed");
        return;
    }
    measure_sizes(bench, seed);
    measure_clocks(bench, seed);
}
