/* SPDX-License-Identifier: MIT */
#ifndef HF_BASE_CLOCK_WORD_H
#define HF_BASE_CLOCK_WORD_H

#include <holdfast/clock.h>

/*
 * The word in memory that a clock's reading is, to be loaded with acquire order: a manual clock's.
 * NULL: the clock has to be called. Who reads it so spares a call through a pointer, and, often
 * more, having to keep registers over that call.
 */
const uint64_t *hf_clock_word(const struct hf_clock *clock);

#endif
