/* SPDX-License-Identifier: MIT */
#include "cli/memory.h"

#ifdef HF_LIBC_MEMORY
/* A sanitizer's build: it watches libc's memory only, so jemalloc is not linked. */
void memory_open(struct memory *memory)
{
    *memory = (struct memory){0};
}

const struct hf_allocator *memory_allocator(
    const struct memory *memory, enum memory_subsystem subsystem)
{
    (void)memory, (void)subsystem;
    return hf_allocator_libc();
}

enum hf_status memory_watch(
    const struct memory *memory, struct hf_metrics *metrics, struct hf_error *error)
{
    (void)memory, (void)metrics, (void)error;
    return HF_OK;
}

void memory_close(struct memory *memory)
{
    (void)memory;
}
#else
static const char *const names[MEMORY_COUNT] = {
    [MEMORY_LIMITER] = "limiter",
    [MEMORY_BREAKER] = "breaker",
    [MEMORY_AUDIT] = "audit",
    [MEMORY_METRICS] = "metrics",
    [MEMORY_GUARD] = "guard",
    [MEMORY_EXCHANGES] = "exchanges",
};

/* An arena that cannot be had is NULL, which means libc's memory. */
void memory_open(struct memory *memory)
{
    for (size_t i = 0; i < MEMORY_COUNT; i++)
        if (hf_jemalloc_new(&memory->arenas[i], names[i], NULL) != HF_OK)
            memory->arenas[i] = NULL;
}

const struct hf_allocator *memory_allocator(
    const struct memory *memory, enum memory_subsystem subsystem)
{
    return hf_jemalloc_allocator(memory->arenas[subsystem]);
}

enum hf_status memory_watch(
    const struct memory *memory, struct hf_metrics *metrics, struct hf_error *error)
{
    enum hf_status status = HF_OK;
    for (size_t i = 0; i < MEMORY_COUNT && status == HF_OK; i++) {
        const struct hf_label label = {"subsystem", names[i]};
        if (memory->arenas[i])
            status = hf_metrics_gauge_read(metrics, "holdfast_memory_bytes",
                "Memory that a subsystem holds.", &label, 1, hf_jemalloc_bytes_read,
                memory->arenas[i], error);
    }
    return status;
}

void memory_close(struct memory *memory)
{
    for (size_t i = 0; i < MEMORY_COUNT; i++)
        hf_jemalloc_free(memory->arenas[i]);
}
#endif
