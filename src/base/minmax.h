/* SPDX-License-Identifier: MIT */
#ifndef HF_BASE_MINMAX_H
#define HF_BASE_MINMAX_H

#include <stdint.h>

static inline uint64_t hf_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t hf_max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

#endif
