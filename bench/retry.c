/* SPDX-License-Identifier: MIT */
#include <holdfast/retry.h>

#include "floor.h"

static struct hf_outcome succeed(void *context, const struct hf_attempt *attempt)
{
    (void)context;
    (void)attempt;
    return hf_success();
}

static uint64_t call(void *context, size_t thread, uint64_t count)
{
    const struct hf_retry_policy *policy = context;
    (void)thread;
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < count; i++)
        wrong += hf_retry_call(policy, succeed, NULL, NULL, NULL, NULL) != HF_OK;
    return wrong;
}

static uint64_t iterate(void *context, size_t thread, uint64_t count)
{
    const struct hf_retry_policy *policy = context;
    (void)thread;
    uint64_t wrong = 0;
    uint64_t delay_ns = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct hf_retry retry;
        hf_retry_begin(&retry, policy, 0);
        wrong += hf_retry_next(&retry, hf_success(), 0, NULL, &delay_ns) != HF_OK;
    }
    return wrong;
}

void bench_retry(struct bench *bench)
{
    struct hf_retry_policy policy;
    if (hf_retry_policy_init(&policy, NULL, NULL) != HF_OK) {
        bench_fail(bench, "retry", "cannot be made");
        return;
    }
    bench_measure(
        bench, &(struct bench_case){
                   .ours = {.name = "retry call, works at once", .run = call, .context = &policy},
                   .floor = bench_floor_call(),
               });
    bench_measure(bench,
        &(struct bench_case){
            .ours = {.name = "retry iterator, works at once", .run = iterate, .context = &policy},
            .floor = bench_floor_two_calls(),
        });
}
