/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_SIM_MEMORY_H
#define HOLDFAST_SIM_MEMORY_H

#include <stdbool.h>

#include <holdfast/allocator.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Memory that runs out when told to, keeps count, and notices what is released wrongly. To see that
 * a constructor survives the failure of each of its allocations, and leaks nothing:
 *
 *     for (uint64_t n = 1;; n++) {
 *         struct hf_sim_memory memory;
 *         hf_sim_memory_init(&memory, &(struct hf_sim_memory_options){.fail_at = n});
 *         struct hf_allocator allocator = hf_sim_memory_allocator(&memory);
 *         enum hf_status status = thing_new(&thing, &allocator);
 *         if (status == HF_OK)
 *             break; // It made fewer than n allocations: all of them have failed once.
 *         assert(status == HF_NO_MEMORY);
 *         assert(hf_sim_memory_statistics(&memory).live_count == 0);
 *     }
 *
 * Caller-allocated, fields private, must not move or go away while pieces are out. Nothing to
 * free. Thread-safe. Costs 32 bytes a piece, or its alignment if that is more.
 */
struct hf_sim_memory_options {
    uint64_t fail_at;                     /* Which allocation fails: 1 is the first. 0: none. */
    uint64_t fail_for;                    /* How many fail from there on. 0: all. */
    uint64_t bytes_max;                   /* What may be out at once. 0: no limit. */
    const struct hf_allocator *allocator; /* Where memory comes from. NULL: libc. */
};

struct hf_sim_memory {
    struct hf_allocator source;
    uint64_t fail_at;
    uint64_t fail_for;
    uint64_t bytes_max;
    uint64_t requests;
    uint64_t refused;
    uint64_t live_count;
    uint64_t live_bytes;
    uint64_t peak_bytes;
    uint64_t mismatched;
};

/* Starts with nothing out. options NULL: memory that only keeps count. memory NULL: nothing. */
HF_API void hf_sim_memory_init(
    struct hf_sim_memory *memory, const struct hf_sim_memory_options *options);

/*
 * The allocator that draws on memory, which is borrowed. By value, so that it can be named in
 * options: take the address of a variable that holds it. NULL: an allocator that never has memory.
 */
HF_API struct hf_allocator hf_sim_memory_allocator(struct hf_sim_memory *memory);

struct hf_sim_memory_statistics {
    uint64_t requests;   /* Allocations asked for, those that failed included. */
    uint64_t refused;    /* Of those, failed. */
    uint64_t live_count; /* Pieces out. */
    uint64_t live_bytes; /* Their sizes, as asked for. */
    uint64_t peak_bytes; /* The most that were ever out at once. */
    uint64_t mismatched; /* Pieces released with another size or alignment than they were given. */
};

/* Reads the counts; exact when no other thread allocates or releases meanwhile. NULL: zeroes. */
HF_NAMESAKE_BEGIN
HF_API struct hf_sim_memory_statistics hf_sim_memory_statistics(const struct hf_sim_memory *memory);
HF_NAMESAKE_END

#ifdef __cplusplus
}
#endif

#endif
