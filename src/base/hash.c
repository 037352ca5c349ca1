/* SPDX-License-Identifier: MIT */
#include <holdfast/hash.h>
#include <holdfast/random.h>

#include "base/bytes.h"
#include "base/multiply.h"

enum hf_status hf_hash_seed_system(struct hf_hash_seed *seed, struct hf_error *error)
{
    if (!seed)
        return hf_error_add(error, HF_INVALID, 0, "seed: NULL");
    struct hf_hash_seed fresh;
    enum hf_status status = hf_random_system_bytes(&fresh, sizeof(fresh), error);
    if (status == HF_OK)
        *seed = fresh;
    return status;
}

/*
 * The fast hash. Two lanes of 64 bits; each takes 16 bytes a step by one folded multiplication of
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
 * spreads them.
 *
 * The constants are odd and have about half their bits set: the fractional digits of pi.
 */
#define PI_0 UINT64_C(0x243f6a8885a308d3)
#define PI_1 UINT64_C(0x13198a2e03707345)
#define PI_2 UINT64_C(0xa4093822299f31d1)
#define PI_3 UINT64_C(0x082efa98ec4e6c89)

struct lanes {
    uint64_t low;
    uint64_t high;
};

static inline uint64_t fold(uint64_t a, uint64_t b)
{
    struct hf_product product = hf_multiply(a, b);
    return product.low ^ product.high;
}

static inline void absorb(
    struct lanes *lanes, const struct hf_hash_seed *seed, uint64_t first, uint64_t second)
{
    lanes->low = fold(first ^ seed->words[0], second ^ lanes->low);
    lanes->high = fold(second ^ seed->words[1], first ^ lanes->high);
}

static inline void absorb_16(
    struct lanes *lanes, const struct hf_hash_seed *seed, const unsigned char *bytes)
{
    absorb(lanes, seed, hf_load_le64(bytes), hf_load_le64(bytes + 8));
}

/* Fewer than 16 bytes as two words that overlap: each byte is in at least one, and together with
 * the length they determine the key. */
static inline void absorb_short(
    struct lanes *lanes, const struct hf_hash_seed *seed, const unsigned char *bytes, size_t size)
{
    if (size >= 8)
        absorb(lanes, seed, hf_load_le64(bytes), hf_load_le64(bytes + size - 8));
    else if (size >= 4)
        absorb(lanes, seed, hf_load_le32(bytes), hf_load_le32(bytes + size - 4));
    else if (size > 0)
        absorb(lanes, seed, bytes[0], (uint64_t)bytes[size / 2] << 8 | bytes[size - 1]);
    else
        absorb(lanes, seed, 0, 0);
}

/* The last 16 bytes may overlap what the loop took; that costs no read past the end. */
static inline void absorb_all(
    struct lanes *lanes, const struct hf_hash_seed *seed, const unsigned char *bytes, size_t size)
{
    if (size < 16) {
        absorb_short(lanes, seed, bytes, size);
        return;
    }
    for (size_t offset = 0; offset + 16 < size; offset += 16)
        absorb_16(lanes, seed, bytes + offset);
    absorb_16(lanes, seed, bytes + size - 16);
}

struct hf_hash128 hf_hash_fast(const struct hf_hash_seed *seed, struct hf_bytes bytes)
{
    static const struct hf_hash_seed zero;
    if (!seed)
        seed = &zero;
    size_t size = bytes.data ? bytes.size : 0;
    struct lanes lanes = {
        seed->words[2] ^ (size * PI_0),
        seed->words[3] ^ (size * PI_1),
    };
    absorb_all(&lanes, seed, bytes.data, size);
    return (struct hf_hash128){
        fold(lanes.low ^ seed->words[3], PI_2),
        fold(lanes.high ^ seed->words[2], PI_3),
    };
}
