/* SPDX-License-Identifier: MIT */
#include "base/siphash.h"

/* Rounds written out, since a compiler that is told to be quick keeps loops of three turns. */
static uint64_t finish(struct hf_siphash_state *state)
{
    state->v2 ^= 0xff;
    hf_siphash_round(state);
    hf_siphash_round(state);
    hf_siphash_round(state);
    return hf_siphash_output(state);
}

uint64_t hf_siphash_1_3(
    const struct hf_siphash_state *begin, const unsigned char *bytes, size_t size)
{
    struct hf_siphash_state state = *begin;
    hf_siphash_absorb_all(&state, bytes, size, 1);
    return finish(&state);
}

uint64_t hf_siphash_1_3_of_16(const struct hf_siphash_state *begin, const unsigned char *bytes)
{
    struct hf_siphash_state state = *begin;
    hf_siphash_absorb(&state, hf_load_le64(bytes), 1);
    hf_siphash_absorb(&state, hf_load_le64(bytes + 8), 1);
    hf_siphash_absorb(&state, hf_siphash_last_word(NULL, 16), 1);
    return finish(&state);
}

uint64_t hf_hash_siphash64(const struct hf_hash_seed *seed, struct hf_bytes bytes)
{
    static const struct hf_hash_seed zero;
    const struct hf_hash_seed *key = seed ? seed : &zero;
    struct hf_siphash_state begin = hf_siphash_begin(key->words[0], key->words[1]);
    size_t size = bytes.data ? bytes.size : 0;
    if (size == 16)
        return hf_siphash_1_3_of_16(&begin, bytes.data);
    return hf_siphash_1_3(&begin, bytes.data, size);
}

struct hf_hash128 hf_hash_siphash(const struct hf_hash_seed *seed, struct hf_bytes bytes)
{
    static const struct hf_hash_seed zero;
    const struct hf_hash_seed *key = seed ? seed : &zero;
    size_t size = bytes.data ? bytes.size : 0;
    return hf_siphash_128(key->words[0], key->words[1], bytes.data, size, 1, 3);
}
