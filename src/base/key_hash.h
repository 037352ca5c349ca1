/* SPDX-License-Identifier: MIT */
#ifndef HF_BASE_KEY_HASH_H
#define HF_BASE_KEY_HASH_H

#include "base/fast_hash.h"
#include "base/likely.h"
#include "base/siphash.h"

/*
 * A hash of keys made ready for one seed. A table finds a key's line by multiplication with the
 * high half of what comes out, and tells keys apart by the upper 48 bits of the low half.
 */
struct hf_key_hash {
    struct hf_fast_16 fast_16;
    struct hf_siphash_state siphash;
    struct hf_hash_seed seed;
    enum hf_hash_kind kind;
};

static inline struct hf_key_hash hf_key_hash(
    enum hf_hash_kind kind, const struct hf_hash_seed *seed)
{
    struct hf_key_hash ready = {
        .fast_16 = hf_fast_16(seed),
        .siphash = hf_siphash_begin(seed->words[0], seed->words[1]),
        .seed = *seed,
        .kind = kind,
    };
    return ready;
}

/*
 * SipHash's 64 bits, as a table needs them: the line is chosen by the upper ones, and the other 48
 * tell keys apart, so that two keys of a table with 65,536 lines or more are taken for one only
 * where all 64 bits agree. 64 more would take three rounds more.
 */
static inline struct hf_hash128 hf_key_hash_of_word(uint64_t word)
{
    struct hf_hash128 hash = {.low = word << 16, .high = word};
    return hash;
}

/*
 * The fast hash of 16 bytes, as a table needs it: of `high` only the upper bits count there, and in
 * the lower half of a product those depend on nearly all bits of both factors, so that it will do
 * unfolded. It is there some cycles earlier, and everything waits for the key's line.
 */
static inline struct hf_hash128 hf_key_hash_of_16(
    const struct hf_fast_16 *ready, const unsigned char *bytes)
{
    struct hf_product product = hf_fast_16_product(ready, bytes);
    struct hf_hash128 hash = {.low = hf_fast_16_low(product), .high = product.low};
    return hash;
}

/* Any size but 16. bytes is good unless size is 0. */
struct hf_hash128 hf_key_hash_any(
    const struct hf_key_hash *ready, const unsigned char *bytes, size_t size);

__attribute__((always_inline)) static inline struct hf_hash128 hf_key_hash_of(
    const struct hf_key_hash *ready, const unsigned char *bytes, size_t size)
{
    if (hf_unlikely(size != 16))
        return hf_key_hash_any(ready, bytes, size);
    if (hf_likely(ready->kind == HF_HASH_FAST)) /* SipHash is a call anyway. */
        return hf_key_hash_of_16(&ready->fast_16, bytes);
    return hf_key_hash_of_word(hf_siphash_1_3_of_16(&ready->siphash, bytes));
}

#endif
