/* SPDX-License-Identifier: MIT */
#ifndef HF_BASE_MULTIPLY_H
#define HF_BASE_MULTIPLY_H

#include <stdint.h>

/* A 64 x 64 -> 128 bit product. __int128 is used in this file only: it makes one instruction of it.
 */
struct hf_product {
    uint64_t low;
    uint64_t high;
};

/*
 * By halves, for targets without such an integer. No sum wraps: the square of the largest half
 * leaves room for two more halves, (2^32 - 1)^2 + 2 (2^32 - 1) = 2^64 - 1.
 */
static inline struct hf_product hf_multiply_by_halves(uint64_t a, uint64_t b)
{
    uint64_t a_low = (uint32_t)a;
    uint64_t b_low = (uint32_t)b;
    uint64_t a_high = a >> 32;
    uint64_t b_high = b >> 32;
    uint64_t lowest = a_low * b_low;
    uint64_t middle = a_high * b_low + (lowest >> 32);
    uint64_t other = a_low * b_high + (uint32_t)middle;
    struct hf_product product;
    product.low = other << 32 | (uint32_t)lowest;
    product.high = a_high * b_high + (middle >> 32) + (other >> 32);
    return product;
}

static inline struct hf_product hf_multiply(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
    __extension__ unsigned __int128 whole = a;
    whole *= b;
    struct hf_product product = {(uint64_t)whole, (uint64_t)(whole >> 64)};
    return product;
#else
    return hf_multiply_by_halves(a, b);
#endif
}

/*
 * value * multiply / divide, rounded up; UINT64_MAX where that is larger. divide is not 0. Division
 * bit by bit, since this is for rare calls: before each turn rest < divide, so doubled and with a
 * bit of the product it takes 65 bits at most, and `carry` is the 65th.
 */
static inline uint64_t hf_multiply_divide(uint64_t value, uint64_t multiply, uint64_t divide)
{
    struct hf_product product = hf_multiply(value, multiply);
    if (product.high >= divide)
        return UINT64_MAX;
    uint64_t rest = product.high;
    uint64_t quotient = 0;
    for (int bit = 63; bit >= 0; bit--) {
        uint64_t carry = rest >> 63;
        rest = rest << 1 | (product.low >> bit & 1);
        if (carry || rest >= divide) {
            rest -= divide;
            quotient |= UINT64_C(1) << bit;
        }
    }
    return rest && quotient < UINT64_MAX ? quotient + 1 : quotient;
}

#endif
