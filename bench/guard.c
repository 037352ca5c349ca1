/* SPDX-License-Identifier: MIT */
#include <holdfast/guard.h>

#include "floor.h"
#include "sink.h"

#define BURST (UINT64_C(1) << 30)
#define KEYS 1000
#define CLOSE_MAX_NS HF_SECONDS(10)

static struct hf_outcome succeed(void *context, const struct hf_attempt *attempt)
{
    (void)context;
    (void)attempt;
    return hf_success();
}

static uint64_t call(void *context, size_t thread, uint64_t count)
{
    struct hf_guard *guard = context;
    (void)thread;
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < count; i++)
        wrong += hf_guard_call(guard, NULL, succeed, NULL, NULL) != HF_OK;
    return wrong;
}

static uint64_t call_with_key(void *context, size_t thread, uint64_t count)
{
    struct hf_guard *guard = context;
    uint64_t state = bench_seed(thread);
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t key = bench_next(&state, KEYS);
        struct hf_guard_request request = {.key = hf_bytes(&key, sizeof(key))};
        wrong += hf_guard_call(guard, &request, succeed, NULL, NULL) != HF_OK;
    }
    return wrong;
}

static void measure_nothing(struct bench *bench)
{
    struct hf_guard_options options = {.allocator = bench->allocator};
    struct hf_guard *guard = NULL;
    if (hf_guard_new(&guard, &options, NULL) != HF_OK) {
        bench_fail(bench, "guard", "cannot be made");
        return;
    }
    bench_measure(bench, &(struct bench_case){
                             .ours = {.name = "guard, nothing", .run = call, .context = guard},
                             .floor = bench_floor_call(),
                         });
    hf_guard_free(guard);
}

/* All that a guard may borrow. */
struct patterns {
    struct hf_limiter *limiter;
    struct hf_gate gate;
    struct hf_breaker *breaker;
    struct hf_audit *audit;
    struct hf_metrics *metrics;
    struct hf_guard *guard;
};

static enum hf_status make_limits(
    struct patterns *patterns, const struct bench *bench, const struct hf_hash_seed *seed)
{
    struct hf_quota quota = hf_quota_with_burst(hf_quota_per_second(1), BURST);
    struct hf_limiter_options options = {
        .quota = quota,
        .keys_max = KEYS,
        .hash = HF_HASH_FAST,
        .seed = seed,
        .allocator = bench->allocator,
    };
    enum hf_status status = hf_limiter_new(&patterns->limiter, &options, NULL);
    return status == HF_OK ? hf_gate_init(&patterns->gate, &quota, NULL) : status;
}

static enum hf_status make_others(struct patterns *patterns, const struct bench *bench)
{
    struct hf_breaker_options breaker = {.failure_rate_percent = 50, .allocator = bench->allocator};
    struct hf_metrics_options metrics = {.allocator = bench->allocator};
    struct hf_audit_options audit = {
        .directory = ".", .files = &bench_sink, .allocator = bench->allocator};
    enum hf_status status = hf_breaker_new(&patterns->breaker, &breaker, NULL);
    if (status == HF_OK)
        status = hf_metrics_new(&patterns->metrics, &metrics, NULL);
    return status == HF_OK ? hf_audit_open(&patterns->audit, &audit, NULL) : status;
}

static enum hf_status make_guard(struct patterns *patterns, const struct bench *bench)
{
    struct hf_retry_options retry = {0};
    struct hf_guard_options options = {
        .limiter = patterns->limiter,
        .gate = &patterns->gate,
        .breaker = patterns->breaker,
        .retry = &retry,
        .audit = patterns->audit,
        .metrics = patterns->metrics,
        .allocator = bench->allocator,
    };
    return hf_guard_new(&patterns->guard, &options, NULL);
}

static enum hf_status patterns_begin(
    struct patterns *patterns, const struct bench *bench, const struct hf_hash_seed *seed)
{
    enum hf_status status = make_limits(patterns, bench, seed);
    if (status == HF_OK)
        status = make_others(patterns, bench);
    return status == HF_OK ? make_guard(patterns, bench) : status;
}

static void patterns_end(struct patterns *patterns, struct bench *bench)
{
    hf_guard_free(patterns->guard);
    if (hf_audit_close(patterns->audit, CLOSE_MAX_NS, NULL) != HF_OK)
        bench_fail(bench, "guard", "audit records are lost");
    hf_metrics_free(patterns->metrics);
    hf_breaker_free(patterns->breaker);
    hf_limiter_free(patterns->limiter);
}

/* The floor is the limiter's alone: whatever else a guard does has to be cheap beside it. */
static void measure_all(struct bench *bench)
{
    static const char name[] = "guard, all patterns, 1k keys";
    if (!bench_wants(bench, name))
        return;
    struct hf_clock clock = hf_clock_monotonic();
    struct bench_floor_lookup lookup = {.keys = KEYS, .hash = HF_HASH_FAST, .clock = &clock};
    struct patterns patterns = {0};
    enum hf_status status = hf_hash_seed_system(&lookup.seed, NULL);
    if (status == HF_OK)
        status = patterns_begin(&patterns, bench, &lookup.seed);
    if (status == HF_OK && !bench_floor_lookup_begin(&lookup, bench))
        status = HF_NO_MEMORY;
    if (status != HF_OK)
        bench_fail(bench, name, hf_status_str(status));
    else
        bench_measure(
            bench, &(struct bench_case){
                       .ours = {.name = name, .run = call_with_key, .context = patterns.guard},
                       .floor = bench_floor_lookup(&lookup),
                   });
    bench_floor_lookup_end(&lookup, bench);
    patterns_end(&patterns, bench);
}

void bench_guard(struct bench *bench)
{
    measure_nothing(bench);
    measure_all(bench);
}
