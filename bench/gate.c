/* SPDX-License-Identifier: MIT */
#include <holdfast/gate.h>

#include "floor.h"

/* Time stands still, and the burst outlasts any benchmark: every request is admitted. */
#define NOW_NS HF_SECONDS(1000)
#define BURST (UINT64_C(1) << 30)

static uint64_t admit(void *context, size_t thread, uint64_t count)
{
    struct hf_gate *gate = context;
    (void)thread;
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < count; i++)
        wrong += hf_gate_check(gate, 1, NOW_NS, NULL) != HF_OK;
    return wrong;
}

static uint64_t deny(void *context, size_t thread, uint64_t count)
{
    struct hf_gate *gate = context;
    (void)thread;
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < count; i++)
        wrong += hf_gate_check(gate, 1, NOW_NS, NULL) != HF_DENIED;
    return wrong;
}

void bench_gate(struct bench *bench)
{
    struct hf_gate open;
    struct hf_gate shut;
    struct hf_quota wide = hf_quota_with_burst(hf_quota_per_second(1), BURST);
    struct hf_quota narrow = hf_quota_per_second(1);
    if (hf_gate_init(&open, &wide, NULL) != HF_OK || hf_gate_init(&shut, &narrow, NULL) != HF_OK ||
        hf_gate_check(&shut, 1, NOW_NS, NULL) != HF_OK) {
        bench_fail(bench, "gate", "cannot be made");
        return;
    }
    bench_measure(bench, &(struct bench_case){
                             .ours = {.name = "gate, admitted", .run = admit, .context = &open},
                             .floor = bench_floor_add_shared(),
                         });
    bench_measure(bench, &(struct bench_case){
                             .ours = {.name = "gate, denied", .run = deny, .context = &shut},
                             .floor = bench_floor_call(),
                         });
}
