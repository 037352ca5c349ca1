/* SPDX-License-Identifier: MIT */
#ifndef HF_BASE_MULTIPLY_H
#define HF_BASE_MULTIPLY_H

#include <stdint.h>

/* A 64 x 64 -> 128 bit product: one instruction where we run, and the only use of __int128. */
struct hf_product {
    uint64_t low;
    uint64_t high;
};

static inline struct hf_product hf_multiply(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (struct hf_product){(uint64_t)product, (uint64_t)(product >> 64)};
}

#endif
