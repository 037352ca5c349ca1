/* SPDX-License-Identifier: MIT */
#include "base/processor.h"
#include "metrics/metrics.h"

/*
 * Relaxed throughout: a counter orders nothing. A thread sees its own adds by coherence, and one
 * that was joined by what joined it; each word only grows, so readings that follow one another do
 * too.
 */
void hf_counter_add(struct hf_counter *counter, uint64_t amount)
{
    if (!counter)
        return;
    hf_add_relaxed(&counter->stripes[hf_processor_index() % HF_METRIC_STRIPES].value, amount);
}

uint64_t hf_counter_value(const struct hf_counter *counter)
{
    uint64_t sum = 0;
    for (size_t i = 0; counter && i < HF_METRIC_STRIPES; i++)
        sum += hf_load_relaxed(&counter->stripes[i].value);
    return sum;
}
