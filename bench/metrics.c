/* SPDX-License-Identifier: MIT */
#include <holdfast/metrics.h>

#include "floor.h"

static uint64_t count_up(void *context, size_t thread, uint64_t count)
{
    struct hf_counter *counter = context;
    (void)thread;
    for (uint64_t i = 0; i < count; i++)
        hf_counter_add(counter, 1);
    return 0;
}

static uint64_t observe(void *context, size_t thread, uint64_t count)
{
    struct hf_histogram *histogram = context;
    uint64_t state = bench_seed(thread);
    for (uint64_t i = 0; i < count; i++)
        hf_histogram_observe(histogram, bench_next(&state, HF_SECONDS(4)));
    return 0;
}

static void measure(struct bench *bench, struct hf_metrics *metrics)
{
    struct hf_counter *counter = NULL;
    struct hf_histogram *histogram = NULL;
    if (hf_metrics_counter(metrics, "c_total", "", NULL, 0, &counter, NULL) != HF_OK ||
        hf_metrics_histogram(metrics, "h_seconds", "", NULL, 0, NULL, 0, &histogram, NULL) !=
            HF_OK) {
        bench_fail(bench, "metrics", "cannot be made");
        return;
    }
    bench_measure(bench, &(struct bench_case){
                             .ours = {.name = "counter", .run = count_up, .context = counter},
                             .floor = bench_floor_add_own(),
                         });
    bench_measure(bench, &(struct bench_case){
                             .ours = {.name = "histogram", .run = observe, .context = histogram},
                             .floor = bench_floor_add_own(),
                         });
}

void bench_metrics(struct bench *bench)
{
    struct hf_metrics_options options = {.allocator = bench->allocator};
    struct hf_metrics *metrics = NULL;
    if (hf_metrics_new(&metrics, &options, NULL) != HF_OK) {
        bench_fail(bench, "metrics", "cannot be made");
        return;
    }
    measure(bench, metrics);
    hf_metrics_free(metrics);
}
