/* SPDX-License-Identifier: MIT */
#ifndef HF_NET_MULTIHASH_H
#define HF_NET_MULTIHASH_H

#include <holdfast/status.h>

/*
 * A hash that says which one it is (multiformats/multihash, README.md): varint code, varint size,
 * digest. Only the two that peer ids use are known. Pure, thread-safe.
 */
enum hf_multihash_code {
    HF_MULTIHASH_IDENTITY = 0x00, /* The content itself. */
    HF_MULTIHASH_SHA2_256 = 0x12,
};

#define HF_SHA2_256_BYTES 32

struct hf_multihash {
    enum hf_multihash_code code;
    struct hf_bytes digest; /* Borrowed from what was read. */
};

/*
 * Reads bytes, which are one multihash and nothing more. HF_UNSUPPORTED: another code;
 * HF_MALFORMED: anything else that is wrong, a SHA2-256 of another size than its own too.
 */
HF_MUST_USE enum hf_status hf_multihash_read(struct hf_bytes bytes, struct hf_multihash *hash);

/* Bytes that hf_multihash_write takes for a digest of less than 128 bytes. */
#define HF_MULTIHASH_BYTES_OF(digest_bytes) ((digest_bytes) + 2)

/* Writes code and digest, of at most 127 bytes (asserted), into out. Returns the size. */
size_t hf_multihash_write(const struct hf_multihash *hash, uint8_t *out);

#endif
