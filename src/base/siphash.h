/* SPDX-License-Identifier: MIT */
#ifndef HF_BASE_SIPHASH_H
#define HF_BASE_SIPHASH_H

#include <holdfast/hash.h>

#include "base/bytes.h"

/*
 * SipHash-c-d with 64 and with 128 bits of output. The rounds are arguments only so that the tests
 * can check this very code against the published SipHash-2-4 vectors; the library fixes them at 1
 * and 3.
 */

struct hf_siphash_state {
    uint64_t v0;
    uint64_t v1;
    uint64_t v2;
    uint64_t v3;
};

static inline uint64_t hf_rotate_left(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static inline void hf_siphash_round(struct hf_siphash_state *state)
{
    state->v0 += state->v1;
    state->v2 += state->v3;
    state->v1 = hf_rotate_left(state->v1, 13) ^ state->v0;
    state->v3 = hf_rotate_left(state->v3, 16) ^ state->v2;
    state->v0 = hf_rotate_left(state->v0, 32);
    state->v2 += state->v1;
    state->v0 += state->v3;
    state->v1 = hf_rotate_left(state->v1, 17) ^ state->v2;
    state->v3 = hf_rotate_left(state->v3, 21) ^ state->v0;
    state->v2 = hf_rotate_left(state->v2, 32);
}

static inline void hf_siphash_rounds(struct hf_siphash_state *state, unsigned rounds)
{
    while (rounds-- > 0)
        hf_siphash_round(state);
}

static inline void hf_siphash_absorb(struct hf_siphash_state *state, uint64_t word, unsigned rounds)
{
    state->v3 ^= word;
    hf_siphash_rounds(state, rounds);
    state->v0 ^= word;
}

/* The bytes that fill no word, with the length modulo 256 on top. */
static inline uint64_t hf_siphash_last_word(const unsigned char *tail, size_t size)
{
    uint64_t word = (uint64_t)size << 56;
    for (size_t index = 0; index < size % 8; index++)
        word |= (uint64_t)tail[index] << (8 * index);
    return word;
}

static inline struct hf_siphash_state hf_siphash_begin(uint64_t key0, uint64_t key1)
{
    struct hf_siphash_state state = {
        key0 ^ UINT64_C(0x736f6d6570736575), /* "somepseudorandomlygeneratedbytes" */
        key1 ^ UINT64_C(0x646f72616e646f6d),
        key0 ^ UINT64_C(0x6c7967656e657261),
        key1 ^ UINT64_C(0x7465646279746573),
    };
    return state;
}

static inline void hf_siphash_absorb_all(
    struct hf_siphash_state *state, const unsigned char *data, size_t size, unsigned rounds)
{
    size_t words_bytes = size - size % 8;
    for (size_t offset = 0; offset < words_bytes; offset += 8)
        hf_siphash_absorb(state, hf_load_le64(data + offset), rounds);
    const unsigned char *tail = size % 8 ? data + words_bytes : data;
    hf_siphash_absorb(state, hf_siphash_last_word(tail, size), rounds);
}

static inline uint64_t hf_siphash_output(const struct hf_siphash_state *state)
{
    return state->v0 ^ state->v1 ^ state->v2 ^ state->v3;
}

static inline uint64_t hf_siphash_64(uint64_t key0, uint64_t key1, const unsigned char *data,
    size_t size, unsigned absorb_rounds, unsigned final_rounds)
{
    struct hf_siphash_state state = hf_siphash_begin(key0, key1);
    hf_siphash_absorb_all(&state, data, size, absorb_rounds);
    state.v2 ^= 0xff;
    hf_siphash_rounds(&state, final_rounds);
    return hf_siphash_output(&state);
}

static inline struct hf_hash128 hf_siphash_128(uint64_t key0, uint64_t key1,
    const unsigned char *data, size_t size, unsigned absorb_rounds, unsigned final_rounds)
{
    struct hf_siphash_state state = hf_siphash_begin(key0, key1);
    struct hf_hash128 hash;
    state.v1 ^= 0xee;
    hf_siphash_absorb_all(&state, data, size, absorb_rounds);
    state.v2 ^= 0xee;
    hf_siphash_rounds(&state, final_rounds);
    hash.low = hf_siphash_output(&state);
    state.v1 ^= 0xdd;
    hf_siphash_rounds(&state, final_rounds);
    hash.high = hf_siphash_output(&state);
    return hash;
}

/*
 * SipHash-1-3 with 64 bits of output, of any number of bytes: data is good unless size is 0. begin:
 * what hf_siphash_begin gives for the key.
 */
uint64_t hf_siphash_1_3(
    const struct hf_siphash_state *begin, const unsigned char *bytes, size_t size);

/* The same of 16 bytes (addresses, UUIDs). */
uint64_t hf_siphash_1_3_of_16(const struct hf_siphash_state *begin, const unsigned char *bytes);

#endif
