/* SPDX-License-Identifier: MIT */
#include "base/siphash.h"

/* 16 bytes (addresses, UUIDs) go straight on. */
struct hf_hash128 hf_siphash_1_3(
    const struct hf_hash_seed *seed, const unsigned char *bytes, size_t size)
{
    uint64_t key0 = seed->words[0];
    uint64_t key1 = seed->words[1];
    if (size != 16)
        return hf_siphash(key0, key1, bytes, size, 1, 3);
    struct hf_siphash_state state = hf_siphash_begin(key0, key1);
    hf_siphash_absorb(&state, hf_load_le64(bytes), 1);
    hf_siphash_absorb(&state, hf_load_le64(bytes + 8), 1);
    hf_siphash_absorb(&state, hf_siphash_last_word(NULL, 16), 1);
    return hf_siphash_end(&state, 3);
}

struct hf_hash128 hf_hash_siphash(const struct hf_hash_seed *seed, struct hf_bytes bytes)
{
    static const struct hf_hash_seed zero;
    return hf_siphash_1_3(seed ? seed : &zero, bytes.data, bytes.data ? bytes.size : 0);
}
