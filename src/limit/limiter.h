/* SPDX-License-Identifier: MIT */
#ifndef HF_LIMIT_LIMITER_H
#define HF_LIMIT_LIMITER_H

#include <holdfast/limiter.h>

#include "base/fast_hash.h"
#include "base/table.h"
#include "limit/quota.h"

/* What each call of the keyed limiter, in whatever file it stands, has to know. */
struct hf_limiter {
    /* Read by every request, written by none. */
    struct hf_gcra gcra;
    struct hf_hash_seed seed;
    struct hf_clock clock;
    enum hf_hash_kind hash;
    enum hf_full_policy full_policy;
    struct hf_quota quota;
    struct hf_table table;                 /* Its written words have a cache line of their own, */
    _Alignas(HF_CACHE_LINE) uint64_t full; /* as have these. */
    uint64_t admitted_uncounted;
};

/* The name of the argument that is wrong, NULL if none is. */
static inline const char *hf_limiter_wrong_argument(
    const struct hf_limiter *limiter, struct hf_bytes key)
{
    if (!limiter)
        return "limiter";
    if (key.size == 0 || key.size > HF_KEY_BYTES_MAX)
        return "key.size";
    if (!key.data)
        return "key.data";
    return NULL;
}

/* Hashes a key and starts to fetch its line. */
static inline struct hf_table_key hf_limiter_locate(
    const struct hf_limiter *limiter, struct hf_bytes key)
{
    struct hf_hash128 hash = limiter->hash == HF_HASH_FAST
                                 ? hf_fast_hash(&limiter->seed, key.data, key.size)
                                 : hf_hash_siphash(&limiter->seed, key);
    return hf_table_locate(&limiter->table, hash);
}

#endif
