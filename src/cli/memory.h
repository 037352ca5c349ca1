/* SPDX-License-Identifier: MIT */
#ifndef HF_CLI_MEMORY_H
#define HF_CLI_MEMORY_H

#include <holdfast/jemalloc.h>
#include <holdfast/metrics.h>

/* One arena a subsystem, so that metrics can say how many bytes each holds. */
enum memory_subsystem {
    MEMORY_LIMITER,
    MEMORY_BREAKER,
    MEMORY_AUDIT,
    MEMORY_METRICS,
    MEMORY_GUARD,
    MEMORY_EXCHANGES,
    MEMORY_COUNT,
};

struct memory {
    struct hf_jemalloc *arenas[MEMORY_COUNT]; /* NULL: libc's memory, uncounted. */
};

/* Opens the arenas; where jemalloc cannot be used (sanitizers), libc's memory is. */
void memory_open(struct memory *memory);

/* The subsystem's allocator, or NULL for libc's. */
const struct hf_allocator *memory_allocator(
    const struct memory *memory, enum memory_subsystem subsystem);

/* Shows each arena as holdfast_memory_bytes{subsystem="..."}. */
enum hf_status memory_watch(
    const struct memory *memory, struct hf_metrics *metrics, struct hf_error *error);

/* Closes the arenas, whose memory must have been released. */
void memory_close(struct memory *memory);

#endif
