/* SPDX-License-Identifier: MIT */
#include <holdfast/flow_budget.h>

#include "floor.h"

/* Limits outlast any benchmark: every charge fits. */
#define KEYS 1000

static uint64_t charge(void *context, size_t thread, uint64_t count)
{
    struct hf_flow *flow = context;
    uint64_t state = bench_seed(thread);
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t peer = bench_next(&state, KEYS);
        struct hf_bytes bytes = hf_bytes(&peer, sizeof(peer));
        wrong += hf_flow_charge(flow, hf_bytes("context", 7), bytes, 1, NULL) != HF_OK;
    }
    return wrong;
}

static bool grant_all(struct hf_flow *flow)
{
    for (uint64_t peer = 0; peer < KEYS; peer++) {
        struct hf_bytes bytes = hf_bytes(&peer, sizeof(peer));
        if (hf_flow_grant(flow, hf_bytes("context", 7), bytes, 1, HF_FLOW_AMOUNT_MAX) != HF_OK)
            return false;
    }
    return true;
}

void bench_flow_budget(struct bench *bench)
{
    struct bench_floor_lookup lookup = {.keys = KEYS, .seed = {{1, 2, 3, 4}}};
    const struct hf_flow_options options = {
        .entries_max = KEYS, .seed = &lookup.seed, .allocator = bench->allocator};
    struct hf_flow *flow = NULL;
    bool floored = bench_floor_lookup_begin(&lookup, bench);
    if (!floored || hf_flow_new(&flow, &options, NULL) != HF_OK || !grant_all(flow))
        bench_fail(bench, "flow budget", "cannot be made");
    else
        bench_measure(bench, &(struct bench_case){
                                 .ours = {.name = "flow budget, charged, 1000 pairs",
                                     .run = charge,
                                     .context = flow},
                                 .floor = bench_floor_lookup(&lookup),
                             });
    hf_flow_free(flow);
    if (floored)
        bench_floor_lookup_end(&lookup, bench);
}
