/* SPDX-License-Identifier: MIT */
#ifndef HF_BASE_TSC_H
#define HF_BASE_TSC_H

#include <stdbool.h>

#include <holdfast/clock.h>

/* The parts of the TSC clock that need no TSC, so that tests can feed them ticks of their own. */

struct hf_tsc_sample {
    uint64_t ticks;
    uint64_t ns;
};

/*
 * Sets tsc up from two readings of both clocks. False, tsc untouched, if either stood still or
 * went backwards between them, or the rate is one that no counter has (below 1 MHz, above 1 THz).
 */
bool hf_tsc_calibrate(struct hf_tsc *tsc, struct hf_tsc_sample first, struct hf_tsc_sample last);

/* What the clock says when the counter reads `ticks`. */
uint64_t hf_tsc_now_ns(struct hf_tsc *tsc, uint64_t ticks);

#endif
