/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/json_parser.h"

#define DEPTH_MAX 32

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    unsigned depth;
    struct json_object *object; /* Takes the members of the outermost object; NULL: not wanted. */
};

static bool read_value(struct reader *reader);

static int peek(const struct reader *reader)
{
    return reader->at < reader->end ? *reader->at : -1;
}

static bool take(struct reader *reader, char byte)
{
    if (peek(reader) != byte)
        return false;
    reader->at++;
    return true;
}

static bool take_word(struct reader *reader, const char *word)
{
    for (; *word; word++) {
        if (!take(reader, *word))
            return false;
    }
    return true;
}

static void skip_space(struct reader *reader)
{
    while (
        peek(reader) == ' ' || peek(reader) == '\t' || peek(reader) == '\n' || peek(reader) == '\r')
        reader->at++;
}

static bool take_digits(struct reader *reader)
{
    const uint8_t *begin = reader->at;
    while (peek(reader) >= '0' && peek(reader) <= '9')
        reader->at++;
    return reader->at > begin;
}

static bool read_number(struct reader *reader)
{
    take(reader, '-');
    if (!take(reader, '0') && !take_digits(reader))
        return false;
    if (take(reader, '.') && !take_digits(reader))
        return false;
    if (take(reader, 'e') || take(reader, 'E')) {
        if (!take(reader, '-'))
            take(reader, '+');
        return take_digits(reader);
    }
    return true;
}

/* Decodes by arithmetic, then asks whether the number may be written so: no tables. */
static bool read_utf8(struct reader *reader, uint32_t *code)
{
    int first = peek(reader);
    unsigned length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (first < 0 || (first >= 0x80 && first < 0xc0) || first >= 0xf8)
        return false;
    if ((size_t)(reader->end - reader->at) < length)
        return false;
    *code = length == 1 ? (uint32_t)first : (uint32_t)first & (0x7fu >> length);
    for (unsigned i = 1; i < length; i++) {
        if ((reader->at[i] & 0xc0) != 0x80)
            return false;
        *code = *code << 6 | (reader->at[i] & 0x3f);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    reader->at += length;
    return *code >= least[length] && *code <= 0x10ffff && (*code < 0xd800 || *code > 0xdfff);
}

static bool read_hex4(struct reader *reader, uint32_t *code)
{
    *code = 0;
    for (unsigned i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdefABCDEF";
        int byte = peek(reader);
        const char *found = byte > 0 ? strchr(digits, byte) : NULL;
        if (!found)
            return false;
        uint32_t digit = (uint32_t)(found - digits);
        *code = *code * 16 + (digit < 16 ? digit : digit - 6);
        reader->at++;
    }
    return true;
}

static bool read_escape(struct reader *reader, uint32_t *code)
{
    static const char names[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    int byte = peek(reader);
    const char *found = byte > 0 ? strchr(names, byte) : NULL;
    if (found) {
        reader->at++;
        *code = (uint32_t)meanings[found - names];
        return true;
    }
    if (!take(reader, 'u') || !read_hex4(reader, code))
        return false;
    if (*code < 0xd800 || *code > 0xdfff)
        return true;
    uint32_t low;
    if (*code > 0xdbff || !take_word(reader, "\\u") || !read_hex4(reader, &low))
        return false;
    *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
    return low >= 0xdc00 && low <= 0xdfff;
}

static size_t encode(uint32_t code, uint8_t *bytes)
{
    if (code < 0x80) {
        bytes[0] = (uint8_t)code;
        return 1;
    }
    size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--) {
        bytes[i] = (uint8_t)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    bytes[0] = (uint8_t)((0xf00 >> length) | code);
    return length;
}

/* How many bytes from here on stand for themselves. */
static size_t plain_run(const struct reader *reader)
{
    const uint8_t *at = reader->at;
    while (at < reader->end && *at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\')
        at++;
    return (size_t)(at - reader->at);
}

/* bytes NULL: not wanted. */
static bool read_string(struct reader *reader, uint8_t *bytes, size_t *size)
{
    *size = 0;
    if (!take(reader, '"'))
        return false;
    while (!take(reader, '"')) {
        uint32_t code;
        size_t plain = plain_run(reader);
        if (plain > 0) {
            if (bytes)
                memcpy(bytes + *size, reader->at, plain);
            *size += plain;
            reader->at += plain;
            continue;
        }
        bool escaped = take(reader, '\\');
        if (escaped ? !read_escape(reader, &code) : !read_utf8(reader, &code))
            return false;
        if (!escaped && code < 0x20)
            return false;
        uint8_t unit[4];
        size_t length = encode(code, unit);
        if (bytes)
            memcpy(bytes + *size, unit, length);
        *size += length;
    }
    return true;
}

static struct hf_bytes since(const struct reader *reader, const uint8_t *begin)
{
    return hf_bytes(begin, (size_t)(reader->at - begin));
}

static bool read_name(struct reader *reader, struct hf_bytes *name)
{
    size_t size;
    skip_space(reader);
    const uint8_t *begin = reader->at;
    if (!read_string(reader, NULL, &size))
        return false;
    *name = since(reader, begin);
    skip_space(reader);
    return take(reader, ':');
}

static bool read_member(struct reader *reader, bool named)
{
    struct hf_bytes name;
    if (named && !read_name(reader, &name))
        return false;
    skip_space(reader);
    const uint8_t *begin = reader->at;
    if (!read_value(reader))
        return false;
    struct json_object *object = reader->object;
    if (object && named && reader->depth == 1) {
        assert_true(object->count < JSON_MEMBERS_MAX);
        object->names[object->count] = name;
        object->values[object->count++] = since(reader, begin);
    }
    skip_space(reader);
    return true;
}

static bool read_members(struct reader *reader, char close, bool named)
{
    skip_space(reader);
    if (take(reader, close))
        return true;
    do {
        if (!read_member(reader, named))
            return false;
    } while (take(reader, ','));
    return take(reader, close);
}

static bool read_plain_value(struct reader *reader)
{
    size_t size;
    switch (peek(reader)) {
    case '"':
        return read_string(reader, NULL, &size);
    case 't':
        return take_word(reader, "true");
    case 'f':
        return take_word(reader, "false");
    case 'n':
        return take_word(reader, "null");
    default:
        return read_number(reader);
    }
}

static bool read_value(struct reader *reader)
{
    skip_space(reader);
    if (reader->depth == DEPTH_MAX)
        return false;
    reader->depth++;
    bool valid;
    if (take(reader, '{'))
        valid = read_members(reader, '}', true);
    else if (take(reader, '['))
        valid = read_members(reader, ']', false);
    else
        valid = read_plain_value(reader);
    reader->depth--;
    return valid;
}

static struct reader reader_of(struct hf_bytes text)
{
    const uint8_t *begin = text.data;
    return (struct reader){.at = begin, .end = begin + text.size};
}

static bool read_whole(struct reader *reader)
{
    if (!read_value(reader))
        return false;
    skip_space(reader);
    return reader->at == reader->end;
}

bool json_is_valid(struct hf_bytes text)
{
    struct reader reader = reader_of(text);
    return read_whole(&reader);
}

bool json_read_object(struct hf_bytes text, struct json_object *object)
{
    object->text = text;
    object->count = 0;
    struct reader reader = reader_of(text);
    reader.object = object;
    skip_space(&reader);
    return peek(&reader) == '{' && read_whole(&reader);
}

size_t json_unescape(struct hf_bytes value, uint8_t *bytes)
{
    struct reader reader = reader_of(value);
    size_t size;
    assert_true(read_string(&reader, bytes, &size));
    return size;
}

static bool string_is(struct hf_bytes string, const char *expected)
{
    uint8_t bytes[4096];
    if (((const char *)string.data)[0] != '"' || string.size > sizeof(bytes))
        return false;
    size_t size = json_unescape(string, bytes);
    return size == strlen(expected) && memcmp(bytes, expected, size) == 0;
}

bool json_member(const struct json_object *object, const char *name, struct hf_bytes *value)
{
    unsigned found = 0;
    for (unsigned i = 0; i < object->count; i++) {
        if (string_is(object->names[i], name)) {
            *value = object->values[i];
            found++;
        }
    }
    return found == 1;
}

unsigned json_member_count(const struct json_object *object, const char *name)
{
    unsigned count = 0;
    for (unsigned i = 0; i < object->count; i++)
        count += string_is(object->names[i], name);
    return count;
}

uint64_t json_unsigned_member(const struct json_object *object, const char *name)
{
    struct hf_bytes value = {0};
    assert_true(json_member(object, name, &value));
    uint64_t number = 0;
    assert_true(value.size > 0 && value.size <= 20);
    for (size_t i = 0; i < value.size; i++) {
        unsigned digit = (unsigned)((const uint8_t *)value.data)[i] - '0';
        assert_true(digit <= 9);
        assert_true(number <= (UINT64_MAX - digit) / 10);
        number = number * 10 + digit;
    }
    return number;
}

bool json_member_is(const struct json_object *object, const char *name, const char *expected)
{
    struct hf_bytes value;
    return json_member(object, name, &value) && string_is(value, expected);
}
