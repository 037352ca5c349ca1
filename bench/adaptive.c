/* SPDX-License-Identifier: MIT */
#include <holdfast/adaptive.h>

#include "floor.h"

/* Time stands still, and the burst outlasts any benchmark: every request is admitted. */
#define NOW_NS HF_SECONDS(1000)
#define BURST_NS HF_SECONDS(60)

static uint64_t check(void *context, size_t thread, uint64_t count)
{
    struct hf_adaptive *adaptive = context;
    (void)thread;
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < count; i++)
        wrong += hf_adaptive_check(adaptive, 1, NOW_NS, NULL) != HF_OK;
    return wrong;
}

static uint64_t check_gate(void *context, size_t thread, uint64_t count)
{
    struct hf_gate *gate = context;
    (void)thread;
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < count; i++)
        wrong += hf_gate_check(gate, 1, NOW_NS, NULL) != HF_OK;
    return wrong;
}

static uint64_t record(void *context, size_t thread, uint64_t count)
{
    struct hf_adaptive *adaptive = context;
    (void)thread;
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < count; i++)
        wrong += hf_adaptive_record(adaptive, hf_success(), HF_MS(1), NOW_NS) != HF_OK;
    return wrong;
}

void bench_adaptive(struct bench *bench)
{
    struct hf_adaptive_options options = {.rate_min = HF_ADAPTIVE_RATE_MAX,
        .rate_max = HF_ADAPTIVE_RATE_MAX,
        .burst_ns = BURST_NS,
        .allocator = bench->allocator};
    struct hf_quota quota = hf_quota_with_burst(hf_quota_per_second(1), UINT64_C(1) << 30);
    struct hf_gate gate;
    struct hf_adaptive *adaptive;
    if (hf_gate_init(&gate, &quota, NULL) != HF_OK ||
        hf_adaptive_new(&adaptive, &options, NULL) != HF_OK) {
        bench_fail(bench, "adaptive", "cannot be made");
        return;
    }
    bench_measure(
        bench, &(struct bench_case){
                   .ours = {.name = "adaptive, admitted", .run = check, .context = adaptive},
                   .floor = {.name = "gate, admitted", .run = check_gate, .context = &gate},
               });
    bench_measure(
        bench, &(struct bench_case){
                   .ours = {.name = "adaptive, record", .run = record, .context = adaptive},
                   .floor = bench_floor_add_shared(),
               });
    hf_adaptive_free(adaptive);
}
