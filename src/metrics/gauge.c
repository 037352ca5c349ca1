/* SPDX-License-Identifier: MIT */
#include "metrics/metrics.h"

/* One word, not stripes: a value that is set must replace what every thread has added. */
void hf_gauge_set(struct hf_gauge *gauge, int64_t value)
{
    if (gauge)
        hf_store_relaxed(&gauge->value, (uint64_t)value);
}

void hf_gauge_add(struct hf_gauge *gauge, int64_t amount)
{
    if (gauge)
        hf_add_relaxed(&gauge->value, (uint64_t)amount);
}

int64_t hf_gauge_value(const struct hf_gauge *gauge)
{
    return gauge ? (int64_t)hf_load_relaxed(&gauge->value) : 0;
}
