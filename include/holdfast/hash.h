/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_HASH_H
#define HOLDFAST_HASH_H

#include <holdfast/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Keyed hashes for tables, of 64 and 128 bits. Pure functions, thread-safe, portable (same on any
 * byte order). A NULL seed counts as one of zeroes, NULL data as no bytes. Values may change before
 * 1.0: do not store them.
 */

/* Which hash a keyed table uses. */
enum hf_hash_kind {
    HF_HASH_SIPHASH = 0, /* For keys that come from the wire: an attacker cannot find collisions. */
    HF_HASH_FAST, /* For keys one trusts: the faster, but no pseudo-random function. */
};

struct hf_hash_seed {
    uint64_t words[4]; /* SipHash uses the first two. */
};

struct hf_hash128 {
    uint64_t low;
    uint64_t high;
};

/* A secret seed from the operating system. HF_IO if it has none to give. */
HF_MUST_USE HF_API enum hf_status hf_hash_seed_system(
    struct hf_hash_seed *seed, struct hf_error *error);

/*
 * SipHash-1-3 with 128 bits of output (Aumasson, Bernstein: "SipHash: a fast short-input PRF",
 * 2012; the reference code's 128-bit form with 1 and 3 rounds).
 */
HF_API struct hf_hash128 hf_hash_siphash(const struct hf_hash_seed *seed, struct hf_bytes bytes);

/*
 * SipHash-1-3 as the paper has it, with 64 bits of output: six rounds for 16 bytes, of which
 * hf_hash_siphash makes nine. The keyed limiter's, for HF_HASH_SIPHASH.
 */
HF_API uint64_t hf_hash_siphash64(const struct hf_hash_seed *seed, struct hf_bytes bytes);

/*
 * Folded multiplication: each 16 bytes are mixed with the seed by a 64 x 64 -> 128 bit
 * multiplication whose halves are xored (the construction of wyhash and foldhash), two lanes for
 * 128 bits; a key of just 16 bytes by two multiplications in all. Fast on short keys; whoever
 * chooses keys and sees collisions may learn the seed.
 */
HF_API struct hf_hash128 hf_hash_fast(const struct hf_hash_seed *seed, struct hf_bytes bytes);

#ifdef __cplusplus
}
#endif

#endif
