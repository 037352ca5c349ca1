/* SPDX-License-Identifier: MIT */
#ifndef HF_BASE_KEY_HASH_H
#define HF_BASE_KEY_HASH_H

#include "base/fast_hash.h"
#include "base/likely.h"
#include "base/siphash.h"

/*
 * A hash of keys made ready for one seed. The two halves of what comes out are as good, but high is
 * there first: SipHash takes three more rounds for the other one. So high finds the line.
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

/* Any size but 16. bytes is good unless size is 0. */
struct hf_hash128 hf_key_hash_any(
    const struct hf_key_hash *ready, const unsigned char *bytes, size_t size);

__attribute__((always_inline)) static inline struct hf_hash128 hf_key_hash_of(
    const struct hf_key_hash *ready, const unsigned char *bytes, size_t size)
{
    if (hf_unlikely(size != 16))
        return hf_key_hash_any(ready, bytes, size);
    if (hf_likely(ready->kind == HF_HASH_FAST)) /* SipHash is a call anyway. */
        return hf_fast_16_hash(&ready->fast_16, bytes);
    struct hf_hash128 hash = hf_siphash_16(&ready->siphash, bytes);
    struct hf_hash128 swapped = {.low = hash.high, .high = hash.low};
    return swapped;
}

#endif
