/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "net/base32.h"
#include "net/base58.h"
#include "net/multihash.h"
#include "net/varint.h"

/* Small forms of numbers and bytes: each is the only one of what it says. */

#define BYTES_MAX 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool good)
{
    if (!good)
        abort();
}

static void try_base58(struct hf_bytes text)
{
    uint8_t bytes[HF_BASE58_BYTES_MAX];
    char again[HF_BASE58_TEXT_OF(HF_BASE58_BYTES_MAX) + 1];
    size_t size;
    if (hf_base58_read(text, bytes, &size) == HF_OK) {
        demand(hf_base58_write(hf_bytes(bytes, size), again) == text.size);
        demand(text.size == 0 || memcmp(again, text.data, text.size) == 0);
    }
}

static void try_base32(struct hf_bytes text)
{
    uint8_t bytes[BYTES_MAX];
    char again[HF_BASE32_TEXT_OF(BYTES_MAX) + 1];
    size_t size;
    if (hf_base32_read(text, bytes, sizeof(bytes), &size) == HF_OK) {
        demand(hf_base32_write(hf_bytes(bytes, size), again) == text.size);
        demand(text.size == 0 || memcmp(again, text.data, text.size) == 0);
    }
}

static void try_varint(struct hf_bytes bytes)
{
    uint8_t again[HF_VARINT_BYTES_MAX];
    struct hf_bytes rest = bytes;
    uint64_t value;
    if (hf_varint_take(&rest, &value) == HF_OK) {
        demand(hf_varint_write(value, again) == bytes.size - rest.size);
        demand(memcmp(again, bytes.data, bytes.size - rest.size) == 0);
    }
}

static void try_multihash(struct hf_bytes bytes)
{
    uint8_t again[128 + 2];
    struct hf_multihash hash;
    if (hf_multihash_read(bytes, &hash) != HF_OK)
        return;
    if (hash.digest.size == 0 || hash.digest.size >= 128)
        return;
    demand(hf_multihash_write(&hash, again) == bytes.size);
    demand(memcmp(again, bytes.data, bytes.size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_base58(hf_bytes(data, size));
    try_base32(hf_bytes(data, size));
    try_varint(hf_bytes(data, size));
    try_multihash(hf_bytes(data, size));
    return 0;
}
