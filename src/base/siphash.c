/* SPDX-License-Identifier: MIT */
#include "base/siphash.h"

struct hf_hash128 hf_siphash_1_3(
    const struct hf_hash_seed *seed, const unsigned char *bytes, size_t size)
{
    if (size != 16)
        return hf_siphash(seed->words[0], seed->words[1], bytes, size, 1, 3);
    struct hf_siphash_state begin = hf_siphash_begin(seed->words[0], seed->words[1]);
    return hf_siphash_16(&begin, bytes);
}

/* Rounds written out, since a compiler that is told to be quick keeps loops of three turns. */
struct hf_hash128 hf_siphash_16(const struct hf_siphash_state *begin, const unsigned char *bytes)
{
    struct hf_siphash_state state = *begin;
    struct hf_hash128 hash;
    hf_siphash_absorb(&state, hf_load_le64(bytes), 1);
    hf_siphash_absorb(&state, hf_load_le64(bytes + 8), 1);
    hf_siphash_absorb(&state, hf_siphash_last_word(NULL, 16), 1);
    state.v2 ^= 0xee;
    hf_siphash_round(&state);
    hf_siphash_round(&state);
    hf_siphash_round(&state);
    hash.low = state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
    state.v1 ^= 0xdd;
    hf_siphash_round(&state);
    hf_siphash_round(&state);
    hf_siphash_round(&state);
    hash.high = state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
    return hash;
}

struct hf_hash128 hf_hash_siphash(const struct hf_hash_seed *seed, struct hf_bytes bytes)
{
    static const struct hf_hash_seed zero;
    return hf_siphash_1_3(seed ? seed : &zero, bytes.data, bytes.data ? bytes.size : 0);
}
