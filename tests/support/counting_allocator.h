/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_SUPPORT_COUNTING_ALLOCATOR_H
#define HF_TESTS_SUPPORT_COUNTING_ALLOCATOR_H

#include <stdint.h>

#include <holdfast/allocator.h>

/*
 * An allocator that counts, checks that what comes back is what went out (size and alignment, by
 * cmocka assertions), and can refuse: from the fail_at-th request on (1 is the first), all of them.
 *
 *     for (uint64_t n = 1;; n++) {
 *         struct counting_allocator counting = {.fail_at = n};
 *         struct hf_allocator allocator = counting_allocator(&counting);
 *         ... make something with it; on failure nothing may be live ...
 *         assert_int_equal(counting.live, 0);
 *         if (counting.requests < n)
 *             break;
 *     }
 *
 * Zero it before use. Thread-safe; read the fields when no other thread uses it.
 */
struct counting_allocator {
    uint64_t fail_at;  /* 0: never. */
    uint64_t requests; /* Refused ones included. */
    uint64_t live;     /* Pieces that have not come back. */
    uint64_t live_bytes;
};

struct hf_allocator counting_allocator(struct counting_allocator *counting);

#endif
