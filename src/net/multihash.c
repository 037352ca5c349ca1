/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <string.h>

#include "net/multihash.h"
#include "net/varint.h"

enum hf_status hf_multihash_read(struct hf_bytes bytes, struct hf_multihash *hash)
{
    uint64_t code;
    struct hf_bytes digest;
    if (hf_varint_take(&bytes, &code) != HF_OK)
        return HF_MALFORMED;
    if (code != HF_MULTIHASH_IDENTITY && code != HF_MULTIHASH_SHA2_256)
        return HF_UNSUPPORTED;
    if (hf_varint_take_prefixed(&bytes, bytes.size, &digest) != HF_OK || bytes.size > 0)
        return HF_MALFORMED;
    if (code == HF_MULTIHASH_SHA2_256 && digest.size != HF_SHA2_256_BYTES)
        return HF_MALFORMED;
    *hash = (struct hf_multihash){(enum hf_multihash_code)code, digest};
    return HF_OK;
}

size_t hf_multihash_write(const struct hf_multihash *hash, uint8_t *out)
{
    assert(hash->digest.size < 128); /* Else its length would take two bytes. */
    out[0] = (uint8_t)hash->code;
    out[1] = (uint8_t)hash->digest.size;
    memcpy(out + 2, hash->digest.data, hash->digest.size);
    return HF_MULTIHASH_BYTES_OF(hash->digest.size);
}
