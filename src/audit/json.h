/* SPDX-License-Identifier: MIT */
#ifndef HF_AUDIT_JSON_H
#define HF_AUDIT_JSON_H

/*
 * Writes JSON (RFC 8259) into memory of a fixed size. Each function takes where to go on and gives
 * where to go on after it; by value, since passing it through memory would cost more than most of
 * the writing. If a piece does not fit, at becomes NULL and stays so: what was written is of no
 * use.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <holdfast/api.h>

struct hf_json {
    char *at;  /* NULL: something did not fit. */
    char *end; /* Of the memory. */
};

#define HF_JSON_FULL ((struct hf_json){NULL, NULL})

/* Bytes as they are, at least one. Inline, since most are a few of known size. */
static inline struct hf_json hf_json_raw(struct hf_json json, const char *text, size_t size)
{
    if (size > (size_t)(json.end - json.at))
        return HF_JSON_FULL;
    memcpy(json.at, text, size);
    json.at += size;
    return json;
}

/*
 * A string with its quotes, of any bytes: valid UTF-8 stays, each maximal subpart of an ill-formed
 * sequence becomes U+FFFD (The Unicode Standard, 3.9), control characters, quotes and backslashes
 * are escaped. At most *room bytes are written between the quotes, never half a character, and the
 * rest is left out; *room becomes what is left of it.
 */
struct hf_json hf_json_string(struct hf_json json, struct hf_bytes bytes, size_t *room);

struct hf_json hf_json_unsigned(struct hf_json json, uint64_t number);
struct hf_json hf_json_integer(struct hf_json json, int64_t number);

/* The fewest digits, 15 to 17, that read back as the same double; null for NaN and infinities. */
struct hf_json hf_json_number(struct hf_json json, double number);

#define HF_DECIMAL_BYTES_MAX 20 /* 18446744073709551615 */

/* Writes the digits, without NUL; gives their count. */
size_t hf_decimal_write(uint64_t number, char text[HF_DECIMAL_BYTES_MAX]);

#endif
