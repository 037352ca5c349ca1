/* SPDX-License-Identifier: MIT */
#ifndef HF_NET_VARINT_H
#define HF_NET_VARINT_H

#include <holdfast/status.h>

/*
 * Unsigned LEB128 as multiformats fixes it (multiformats/unsigned-varint, README.md): seven bits a
 * byte, least significant first, the shortest form only, at most nine bytes. Pure, thread-safe.
 */
#define HF_VARINT_BYTES_MAX 9
#define HF_VARINT_MAX ((UINT64_C(1) << 63) - 1)

/*
 * Takes a varint from the front of bytes, which then begin behind it. HF_AGAIN: the bytes end
 * inside it, more are needed; HF_MALFORMED: it is longer than its value needs, or than nine bytes,
 * which shows at the ninth. Other than on HF_OK nothing is written.
 */
HF_MUST_USE enum hf_status hf_varint_take(struct hf_bytes *bytes, uint64_t *value);

/*
 * Takes a varint and as many bytes as it says, which content then is: borrowed from bytes.
 * HF_AGAIN: not all of it is there; HF_MALFORMED: the varint is, or says more than size_max, which
 * shows before the content comes. Other than on HF_OK nothing is written.
 */
HF_MUST_USE enum hf_status hf_varint_take_prefixed(
    struct hf_bytes *bytes, size_t size_max, struct hf_bytes *content);

/* The bytes that value takes, 1 to 9. value must be at most HF_VARINT_MAX (asserted). */
size_t hf_varint_size(uint64_t value);

/* Writes value, and returns hf_varint_size of it. out has room for so many bytes. */
size_t hf_varint_write(uint64_t value, uint8_t *out);

#endif
