/* SPDX-License-Identifier: MIT */
#include <holdfast/breaker.h>

#include "floor.h"

#define NOW_NS HF_SECONDS(1000)

/* Asks for a permit and brings it back with a success. */
static uint64_t succeed(void *context, size_t thread, uint64_t count)
{
    struct hf_breaker *breaker = context;
    (void)thread;
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct hf_permit permit;
        wrong += hf_breaker_enter(breaker, NOW_NS, &permit, NULL, NULL) != HF_OK;
        hf_breaker_leave(breaker, &permit, HF_SUCCESS, NOW_NS, NULL);
    }
    return wrong;
}

static uint64_t be_refused(void *context, size_t thread, uint64_t count)
{
    struct hf_breaker *breaker = context;
    (void)thread;
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct hf_permit permit;
        wrong += hf_breaker_enter(breaker, NOW_NS, &permit, NULL, NULL) != HF_OPEN;
    }
    return wrong;
}

static bool trip(struct hf_breaker *breaker)
{
    struct hf_permit permit;
    struct hf_breaker_change change = {0};
    if (hf_breaker_enter(breaker, NOW_NS, &permit, NULL, NULL) != HF_OK)
        return false;
    hf_breaker_leave(breaker, &permit, HF_TRANSIENT, NOW_NS, &change);
    return change.to == HF_BREAKER_OPEN;
}

static void measure(struct bench *bench, const char *name, bench_run *run,
    struct hf_breaker_options options, struct bench_side floor)
{
    options.allocator = bench->allocator;
    struct hf_breaker *breaker = NULL;
    enum hf_status status = hf_breaker_new(&breaker, &options, NULL);
    if (status != HF_OK || (run == be_refused && !trip(breaker)))
        bench_fail(bench, name, "cannot be made");
    else
        bench_measure(bench, &(struct bench_case){
                                 .ours = {.name = name, .run = run, .context = breaker},
                                 .floor = floor,
                             });
    hf_breaker_free(breaker);
}

void bench_breaker(struct bench *bench)
{
    struct hf_breaker_options by_failures = {.consecutive_failures = 5};
    struct hf_breaker_options by_rate = {
        .consecutive_failures = HF_BREAKER_NEVER, .failure_rate_percent = 50};
    struct hf_breaker_options at_once = {.consecutive_failures = 1};
    measure(bench, "breaker pair, closed, by failures in a row", succeed, by_failures,
        bench_floor_two_calls());
    measure(bench, "breaker pair, closed, by rate in a window", succeed, by_rate,
        bench_floor_add_own());
    measure(bench, "breaker, refused while open", be_refused, at_once, bench_floor_call());
}
