/* SPDX-License-Identifier: MIT */
#ifndef HF_NET_BASE58_H
#define HF_NET_BASE58_H

#include <holdfast/status.h>

/*
 * base58btc (draft-msporny-base58, section 2 and its Bitcoin alphabet), in which peer ids are
 * written. Reading and writing cost the square of the size, hence the bounds. Pure, thread-safe.
 */
#define HF_BASE58_TEXT_MAX 128 /* Characters read. */
#define HF_BASE58_BYTES_MAX 64 /* Bytes written, and read. */

/* Characters, at most, that so many bytes take: log 256 / log 58 is less than 1.366. */
#define HF_BASE58_TEXT_OF(size_bytes) ((size_bytes)*1366 / 1000 + 1)

/*
 * Reads text into out, which has room for HF_BASE58_BYTES_MAX bytes. HF_MALFORMED: a character of
 * another alphabet, or more characters or bytes than the bounds; then *size_bytes stays, but out
 * may have been used.
 */
HF_MUST_USE enum hf_status hf_base58_read(struct hf_bytes text, uint8_t *out, size_t *size_bytes);

/*
 * Writes bytes, at most HF_BASE58_BYTES_MAX of them (asserted), as text that ends with NUL: out has
 * room for HF_BASE58_TEXT_OF them and one more. Returns the text's length.
 */
size_t hf_base58_write(struct hf_bytes bytes, char *out);

#endif
