/* SPDX-License-Identifier: MIT */
#ifndef HF_BASE_FAST_HASH_H
#define HF_BASE_FAST_HASH_H

#include <holdfast/hash.h>

#include "base/bytes.h"
#include "base/multiply.h"

/*
 * The fast hash. Keys of 16 bytes (addresses, UUIDs) have one of their own, further down. For
 * others there are two lanes of 64 bits; each takes 16 bytes a step by one folded multiplication of
 * (first word ^ a seed word) and (second word ^ the lane), the lanes taking the words in opposite
 * order. Why it holds together:
 *
 * - The length goes into both lanes at the start, so that keys whose padded or overlapping words
 *   agree ("", "\0", "\0\0") part ways at once.
 * - A folded product says nothing of one factor when the other is 0; an input makes a factor 0 only
 *   by meeting a seed word, with chance 2^-64 a step, and never in both lanes for the same reason.
 * - Products commute: swapped words would collide if both factors were masked alike. They are
 *   masked by a seed word and by a lane that began at another seed word.
 * - One product leaves the lowest bits to few inputs; the last multiplication, by a constant,
 *   spreads them.
 *
 * The constants are odd and have about half their bits set: the fractional digits of pi.
 */
#define HF_FAST_PI_0 UINT64_C(0x243f6a8885a308d3)
#define HF_FAST_PI_1 UINT64_C(0x13198a2e03707345)
#define HF_FAST_PI_2 UINT64_C(0xa4093822299f31d1)
#define HF_FAST_PI_3 UINT64_C(0x082efa98ec4e6c89)

struct hf_fast_lanes {
    uint64_t low;
    uint64_t high;
};

static inline uint64_t hf_fast_fold(uint64_t a, uint64_t b)
{
    struct hf_product product = hf_multiply(a, b);
    return product.low ^ product.high;
}

static inline void hf_fast_absorb(
    struct hf_fast_lanes *lanes, const struct hf_hash_seed *seed, uint64_t first, uint64_t second)
{
    lanes->low = hf_fast_fold(first ^ seed->words[0], second ^ lanes->low);
    lanes->high = hf_fast_fold(second ^ seed->words[1], first ^ lanes->high);
}

static inline void hf_fast_absorb_16(
    struct hf_fast_lanes *lanes, const struct hf_hash_seed *seed, const unsigned char *bytes)
{
    hf_fast_absorb(lanes, seed, hf_load_le64(bytes), hf_load_le64(bytes + 8));
}

/* Fewer than 16 bytes as two words that overlap: each byte is in at least one, and together with
 * the length they determine the key. */
static inline void hf_fast_absorb_short(struct hf_fast_lanes *lanes,
    const struct hf_hash_seed *seed, const unsigned char *bytes, size_t size)
{
    if (size >= 8)
        hf_fast_absorb(lanes, seed, hf_load_le64(bytes), hf_load_le64(bytes + size - 8));
    else if (size >= 4)
        hf_fast_absorb(lanes, seed, hf_load_le32(bytes), hf_load_le32(bytes + size - 4));
    else if (size > 0)
        hf_fast_absorb(lanes, seed, bytes[0], (uint64_t)bytes[size / 2] << 8 | bytes[size - 1]);
    else
        hf_fast_absorb(lanes, seed, 0, 0);
}

/* The last 16 bytes may overlap what the loop took; that costs no read past the end. */
static inline void hf_fast_absorb_all(struct hf_fast_lanes *lanes, const struct hf_hash_seed *seed,
    const unsigned char *bytes, size_t size)
{
    if (size < 16) {
        hf_fast_absorb_short(lanes, seed, bytes, size);
        return;
    }
    for (size_t offset = 0; offset + 16 < size; offset += 16)
        hf_fast_absorb_16(lanes, seed, bytes + offset);
    hf_fast_absorb_16(lanes, seed, bytes + size - 16);
}

static inline struct hf_fast_lanes hf_fast_begin(const struct hf_hash_seed *seed, size_t size)
{
    struct hf_fast_lanes lanes = {
        seed->words[2] ^ (size * HF_FAST_PI_0),
        seed->words[3] ^ (size * HF_FAST_PI_1),
    };
    return lanes;
}

static inline struct hf_hash128 hf_fast_end(
    const struct hf_fast_lanes *lanes, const struct hf_hash_seed *seed)
{
    struct hf_hash128 hash = {
        hf_fast_fold(lanes->low ^ seed->words[3], HF_FAST_PI_2),
        hf_fast_fold(lanes->high ^ seed->words[2], HF_FAST_PI_3),
    };
    return hash;
}

/* Bytes of any size, in a call. bytes is good unless size is 0. */
struct hf_hash128 hf_fast_hash_any(
    const struct hf_hash_seed *seed, const unsigned char *bytes, size_t size);

/*
 * Sixteen bytes are hashed in less time than a call takes: one multiplication of the two masked
 * words, a second one of the product's halves, masked too. The middle of a product depends on all
 * of both factors, its ends on little; so each half of the hash is the xor of the low and the high
 * half of the second product, once as they stand and once rotated against each other. A factor that
 * is 0 makes keys collide: that takes a word that meets a secret mask, with chance 2^-64.
 */
struct hf_fast_16 {
    struct hf_fast_lanes masks;
    struct hf_fast_lanes end;
};

#define HF_FAST_16_ROTATION 41

static inline struct hf_fast_16 hf_fast_16(const struct hf_hash_seed *seed)
{
    struct hf_fast_16 ready = {
        {seed->words[0] ^ HF_FAST_PI_0, seed->words[1] ^ HF_FAST_PI_1},
        {seed->words[2] ^ HF_FAST_PI_2, seed->words[3] ^ HF_FAST_PI_3},
    };
    return ready;
}

/* The second product. */
static inline struct hf_product hf_fast_16_product(
    const struct hf_fast_16 *ready, const unsigned char *bytes)
{
    struct hf_product product = hf_multiply(
        hf_load_le64(bytes) ^ ready->masks.low, hf_load_le64(bytes + 8) ^ ready->masks.high);
    return hf_multiply(product.low ^ ready->end.low, product.high ^ ready->end.high);
}

static inline uint64_t hf_fast_16_low(struct hf_product product)
{
    uint64_t rotated =
        product.high << HF_FAST_16_ROTATION | product.high >> (64 - HF_FAST_16_ROTATION);
    return product.low ^ rotated;
}

static inline struct hf_hash128 hf_fast_16_hash(
    const struct hf_fast_16 *ready, const unsigned char *bytes)
{
    struct hf_product product = hf_fast_16_product(ready, bytes);
    struct hf_hash128 hash = {hf_fast_16_low(product), product.low ^ product.high};
    return hash;
}

/* hf_hash_fast with a seed, and with bytes unless size is 0. */
static inline struct hf_hash128 hf_fast_hash(
    const struct hf_hash_seed *seed, const unsigned char *bytes, size_t size)
{
    if (size != 16)
        return hf_fast_hash_any(seed, bytes, size);
    struct hf_fast_16 ready = hf_fast_16(seed);
    return hf_fast_16_hash(&ready, bytes);
}

#endif
