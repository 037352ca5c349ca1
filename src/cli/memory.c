/* SPDX-License-Identifier: MIT */
#include "cli/memory.h"

static const char *const names[MEMORY_COUNT] = {
    [MEMORY_LIMITER] = "limiter",
    [MEMORY_BREAKER] = "breaker",
    [MEMORY_AUDIT] = "audit",
    [MEMORY_METRICS] = "metrics",
    [MEMORY_GUARD] = "guard",
    [MEMORY_EXCHANGES] = "exchanges",
};

void memory_open(struct memory *memory)
{
    for (size_t i = 0; i < MEMORY_COUNT; i++)
        if (hf_jemalloc_new(&memory->arenas[i], names[i], NULL) != HF_OK)
            memory->arenas[i] = NULL;
}

const struct hf_allocator *memory_allocator(
    const struct memory *memory, enum memory_subsystem subsystem)
{
    struct hf_jemalloc *arena = memory->arenas[subsystem];
    return arena ? hf_jemalloc_allocator(arena) : NULL;
}

enum hf_status memory_watch(
    const struct memory *memory, struct hf_metrics *metrics, struct hf_error *error)
{
    for (size_t i = 0; i < MEMORY_COUNT; i++) {
        const struct hf_label label = {"subsystem", names[i]};
        if (!memory->arenas[i])
            continue;
        enum hf_status status = hf_metrics_gauge_read(metrics, "holdfast_memory_bytes",
            "Memory that a subsystem holds.", &label, 1, hf_jemalloc_bytes_read, memory->arenas[i],
            error);
        if (status != HF_OK)
            return status;
    }
    return HF_OK;
}

void memory_close(struct memory *memory)
{
    for (size_t i = 0; i < MEMORY_COUNT; i++)
        hf_jemalloc_free(memory->arenas[i]);
}
