/* SPDX-License-Identifier: MIT */
#ifndef HF_NET_BASE32_H
#define HF_NET_BASE32_H

#include <holdfast/status.h>

/*
 * base32 (RFC 4648, section 6) in lower case and without padding: what multibase calls `b`
 * (multiformats/multibase), whose letter is not part of the text here. Pure, thread-safe.
 */

/* Characters that so many bytes take. */
#define HF_BASE32_TEXT_OF(size_bytes) (((size_bytes)*8 + 4) / 5)

/*
 * Reads text into out, which has room for size_max bytes. HF_MALFORMED: a character of another
 * alphabet, upper case included; a length that no bytes have; bits set behind the last byte; more
 * bytes than have room. Then *size_bytes stays, but out may have been used.
 */
HF_MUST_USE enum hf_status hf_base32_read(
    struct hf_bytes text, uint8_t *out, size_t size_max, size_t *size_bytes);

/* Writes bytes as text that ends with NUL: HF_BASE32_TEXT_OF them and one more. Returns the length.
 */
size_t hf_base32_write(struct hf_bytes bytes, char *out);

#endif
