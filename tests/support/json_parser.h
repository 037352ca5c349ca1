/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_SUPPORT_JSON_PARSER_H
#define HF_TESTS_SUPPORT_JSON_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/api.h>

/*
 * A strict reader of JSON (RFC 8259) that shares no code with the library's writer. Texts must be
 * UTF-8, escapes must be complete, surrogates must come in pairs, nothing may stand before or
 * behind the value but white space.
 */

/* True if text is one JSON value. */
bool json_is_valid(struct hf_bytes text);

/* The value of a member of the object that valid text is, as it is written there. False: none. */
bool json_member(struct hf_bytes text, const char *name, struct hf_bytes *value);

/* How many members of the object have that name. */
unsigned json_member_count(struct hf_bytes text, const char *name);

/* The bytes that a valid string stands for; gives their count, at most value.size. */
size_t json_unescape(struct hf_bytes value, uint8_t *bytes);

/* The number that a member is; fails the test if it is none. */
uint64_t json_unsigned_member(struct hf_bytes text, const char *name);

/* True if a member is that string. */
bool json_member_is(struct hf_bytes text, const char *name, const char *expected);

#endif
