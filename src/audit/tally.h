/* SPDX-License-Identifier: MIT */
#ifndef HF_AUDIT_TALLY_H
#define HF_AUDIT_TALLY_H

#include "base/atomic.h"

/* What the writer counts. Written by it alone, read by anybody. */
struct hf_tally {
    uint64_t written;
    uint64_t dropped;
    uint64_t gaps;
    uint64_t files_rolled;
    uint64_t files_pruned;
    uint64_t bytes_written;
    uint64_t io_errors;
    uint64_t io_errno;
    uint64_t refusals; /* Failed appends and syncs: those of the errors that make a flush fail. */
};

/* A load and a store suffice where one thread writes. */
static inline void hf_tally_add(uint64_t *count, uint64_t amount)
{
    hf_store_relaxed(count, hf_load_relaxed(count) + amount);
}

/* Counts a file operation that gave `code` if it failed. Gives code. */
static inline int hf_tally_io(struct hf_tally *tally, int code)
{
    if (code != 0) {
        hf_tally_add(&tally->io_errors, 1);
        hf_store_relaxed(&tally->io_errno, (uint64_t)code);
    }
    return code;
}

#endif
