/* SPDX-License-Identifier: MIT */
#ifndef HF_HTTP_TEXT_H
#define HF_HTTP_TEXT_H

#include <stdbool.h>

#include <holdfast/api.h>

/* Borrowed text of a message's fields: not ended with NUL, any bytes. */

/* Without spaces and tabs at either end. */
struct hf_bytes hf_text_trim(struct hf_bytes text);

bool hf_text_equals(struct hf_bytes text, const char *word);

/* The same for ASCII letters of either case. */
bool hf_text_equals_nocase(struct hf_bytes text, const char *word);

/* Whether byte may stand in a field's name or another token (RFC 9110, 5.6.2). */
bool hf_text_is_token_byte(unsigned char byte);

/* Reads a text of decimal digits and nothing else; past UINT64_MAX gives that. */
bool hf_text_number(struct hf_bytes text, uint64_t *number);

#endif
