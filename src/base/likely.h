/* SPDX-License-Identifier: MIT */
#ifndef HF_BASE_LIKELY_H
#define HF_BASE_LIKELY_H

#include <stdbool.h>

/*
 * Says what is usual, so that the usual way runs straight on. Only where a table is asked: a
 * processor that waits for memory works ahead by so many instructions, and each jump costs it
 * several of them.
 */
static inline bool hf_likely(bool condition)
{
    return __builtin_expect(condition, true);
}

static inline bool hf_unlikely(bool condition)
{
    return __builtin_expect(condition, false);
}

#endif
