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

/* The bytes that a valid string stands for; gives their count, at most value.size. */
size_t json_unescape(struct hf_bytes value, uint8_t *bytes);

#define JSON_MEMBERS_MAX 64

/* An object's members in their order, as they are written. Borrows the text. */
struct json_object {
    struct hf_bytes text;
    unsigned count;
    struct hf_bytes names[JSON_MEMBERS_MAX];
    struct hf_bytes values[JSON_MEMBERS_MAX];
};

/* True if text is one valid object, which goes to *object. */
bool json_read_object(struct hf_bytes text, struct json_object *object);

/* The value of a member. False: there is none, or more than one. */
bool json_member(const struct json_object *object, const char *name, struct hf_bytes *value);

/* How many members have that name. */
unsigned json_member_count(const struct json_object *object, const char *name);

/* The number that a member is; fails the test if it is none. */
uint64_t json_unsigned_member(const struct json_object *object, const char *name);

/* True if a member is that string. */
bool json_member_is(const struct json_object *object, const char *name, const char *expected);

#endif
