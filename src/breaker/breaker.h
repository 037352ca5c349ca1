/* SPDX-License-Identifier: MIT */
#ifndef HF_BREAKER_BREAKER_H
#define HF_BREAKER_BREAKER_H

#include <stdalign.h>

#include <holdfast/breaker.h>

#include "base/atomic.h"
#include "breaker/window.h"
#include "breaker/word.h"

/* A place for a permit of the half-open state. See lease.c. */
struct hf_lease {
    uint64_t owner;
    uint64_t until_ns;
};

struct hf_breaker {
    alignas(HF_CACHE_LINE) uint64_t word; /* See word.h; the protocol is in breaker.c. */

    /* Never change; beside the word because whoever reads them has just read it. */
    struct hf_window *window; /* NULL: does not trip by rate. */
    struct hf_lease *leases;
    uint64_t permit_lease_ns;
    uint32_t consecutive_failures;
    uint32_t failure_rate_percent;
    uint32_t calls_min;
    uint32_t half_open_permits;
    uint32_t success_threshold;

    /* Touched at changes of state only. */
    alignas(HF_CACHE_LINE) uint64_t tickets; /* The last one given. */
    uint64_t opened_count;
    uint64_t period_ns; /* The latest open period. */
    struct hf_splitmix splitmix;
    struct hf_delay open;

    struct hf_allocator allocator;
    size_t size_bytes;
};

/* A number that nobody has been given before. Wait-free. */
static inline uint64_t hf_breaker_ticket(struct hf_breaker *breaker)
{
    return hf_add_relaxed(&breaker->tickets, 1) + 1;
}

/*
 * Takes a place for a permit of that half-open generation, at now_ns. Gives what names it in
 * hf_lease_release, never 0; 0: all places are taken, or the generation is over. Lock-free.
 */
uint64_t hf_lease_claim(struct hf_breaker *breaker, uint64_t generation, uint64_t now_ns);

/* Gives the place back. False: it has been given to somebody else, or back, already. */
bool hf_lease_release(struct hf_breaker *breaker, uint64_t owner);

/* Places taken in that generation by permits that are not lost at now_ns. */
uint32_t hf_lease_count(const struct hf_breaker *breaker, uint64_t generation, uint64_t now_ns);

#endif
