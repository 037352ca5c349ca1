/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <string.h>

#include "base/processor.h"
#include "metrics/metrics.h"

/* 1, 2.5 and 5 in each power of ten: as even as round numbers go. */
static const struct hf_bounds bounds_default = {
    .count = 16,
    .ns = {HF_US(100), HF_US(250), HF_US(500), HF_MS(1), HF_US(2500), HF_MS(5), HF_MS(10),
        HF_MS(25), HF_MS(50), HF_MS(100), HF_MS(250), HF_MS(500), HF_SECONDS(1), HF_MS(2500),
        HF_SECONDS(5), HF_SECONDS(10)},
};

struct hf_bounds hf_bounds_of(const struct hf_metric_request *request)
{
    if (request->bounds_count == 0)
        return bounds_default;
    struct hf_bounds bounds = {.count = request->bounds_count};
    memcpy(bounds.ns, request->bounds_ns, bounds.count * sizeof(bounds.ns[0]));
    return bounds;
}

/* The first bucket whose bound is not exceeded; bounds->count if all are. */
static size_t bucket_of(const struct hf_bounds *bounds, uint64_t duration_ns)
{
    size_t first = 0;
    size_t count = bounds->count;
    while (count > 0) {
        size_t half = count / 2;
        bool exceeded = duration_ns > bounds->ns[first + half];
        first = exceeded ? first + half + 1 : first;
        count = exceeded ? count - half - 1 : half;
    }
    return first;
}

/* Two adds, not one atomic step: a reader may see a duration in the sum and not in the count. */
void hf_histogram_observe(struct hf_histogram *histogram, uint64_t duration_ns)
{
    if (!histogram)
        return;
    size_t stripe = hf_processor_index() % HF_METRIC_STRIPES;
    size_t bucket = bucket_of(&histogram->bounds, duration_ns);
    hf_add_relaxed(&histogram->stripes[stripe].counts[bucket], 1);
    hf_add_relaxed(&histogram->stripes[stripe].sum_ns, duration_ns);
}

void hf_histogram_read(const struct hf_histogram *histogram, struct hf_histogram_reading *reading)
{
    memset(reading, 0, sizeof(*reading));
    for (size_t i = 0; i < HF_METRIC_STRIPES; i++) {
        reading->sum_ns += hf_load_relaxed(&histogram->stripes[i].sum_ns);
        for (size_t j = 0; j <= histogram->bounds.count; j++) {
            uint64_t count = hf_load_relaxed(&histogram->stripes[i].counts[j]);
            reading->counts[j] += count;
            reading->count += count;
        }
    }
}

/* count * per_mille / 1000, rounded up, without the product that would wrap. At least 1. */
static uint64_t rank_of(uint64_t count, uint32_t per_mille)
{
    if (per_mille == 0)
        return 1;
    if (per_mille >= 1000)
        return count;
    return count / 1000 * per_mille + (count % 1000 * per_mille + 999) / 1000;
}

uint64_t hf_histogram_quantile_ns(const struct hf_histogram *histogram, uint32_t per_mille)
{
    if (!histogram)
        return 0;
    struct hf_histogram_reading reading;
    hf_histogram_read(histogram, &reading);
    if (reading.count == 0)
        return 0;
    uint64_t rank = rank_of(reading.count, per_mille);
    uint64_t seen = 0;
    for (size_t i = 0; i < histogram->bounds.count; i++) {
        seen += reading.counts[i];
        if (seen >= rank)
            return histogram->bounds.ns[i];
    }
    return UINT64_MAX;
}
