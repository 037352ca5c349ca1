/* SPDX-License-Identifier: MIT */
#include "base/siphash.h"

struct hf_hash128 hf_hash_siphash(const struct hf_hash_seed *seed, struct hf_bytes bytes)
{
    uint64_t key0 = seed ? seed->words[0] : 0;
    uint64_t key1 = seed ? seed->words[1] : 0;
    return hf_siphash(key0, key1, bytes.data, bytes.data ? bytes.size : 0, 1, 3);
}
