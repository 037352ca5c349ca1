/* SPDX-License-Identifier: MIT */
#include <holdfast/hash.h>
#include <holdfast/random.h>

#include "base/key_hash.h"

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

struct hf_hash128 hf_fast_hash_any(
    const struct hf_hash_seed *seed, const unsigned char *bytes, size_t size)
{
    struct hf_fast_lanes lanes = hf_fast_begin(seed, size);
    hf_fast_absorb_all(&lanes, seed, bytes, size);
    return hf_fast_end(&lanes, seed);
}

struct hf_hash128 hf_hash_fast(const struct hf_hash_seed *seed, struct hf_bytes bytes)
{
    static const struct hf_hash_seed zero;
    return hf_fast_hash(seed ? seed : &zero, bytes.data, bytes.data ? bytes.size : 0);
}

struct hf_hash128 hf_key_hash_any(
    const struct hf_key_hash *ready, const unsigned char *bytes, size_t size)
{
    if (ready->kind == HF_HASH_FAST)
        return hf_fast_hash_any(&ready->seed, bytes, size);
    return hf_key_hash_of_word(hf_siphash_1_3(&ready->siphash, bytes, size));
}
