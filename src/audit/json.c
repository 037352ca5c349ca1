/* SPDX-License-Identifier: MIT */
#include "audit/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/utf8.h"

#define UNIT_BYTES_MAX 6 /* \u001f */
#define EVERY_BYTE UINT64_C(0x0101010101010101)
#define TOP_BITS (EVERY_BYTE * 0x80)

/*
 * Of eight bytes, how many at the beginning may stand in a string as they are and are ASCII.
 *
 * A byte's top bit is set in `special` if the byte is 0x80 and above, below 0x20, a quote or a
 * backslash: subtracting borrows into the next byte only from one that is special itself, so what a
 * borrow gets wrong lies behind the first special byte, the only one that is looked for.
 */
static unsigned plain_bytes(uint64_t word)
{
    uint64_t quote = word ^ (EVERY_BYTE * '"');
    uint64_t backslash = word ^ (EVERY_BYTE * '\\');
    uint64_t special =
        word | (word - EVERY_BYTE * 0x20) | (quote - EVERY_BYTE) | (backslash - EVERY_BYTE);
    special &= TOP_BITS;
    return special ? (unsigned)__builtin_ctzll(special) / 8 : 8;
}

/*
 * Length of the maximal subpart with which ill-formed bytes begin: the longest beginning of some
 * well-formed sequence, or one byte. From the third byte on all of 80..BF is well-formed, so
 * filling up with 0x80 shows whether a beginning has an end.
 */
static size_t maximal_subpart(const uint8_t *bytes, size_t size)
{
    for (size_t length = size < 3 ? size : 3; length > 1; length--) {
        uint8_t filled[4] = {0x80, 0x80, 0x80, 0x80};
        memcpy(filled, bytes, length);
        if (hf_utf8_sequence(filled, sizeof(filled)) > length)
            return length;
    }
    return 1;
}

static size_t escape_control(uint8_t byte, char unit[UNIT_BYTES_MAX])
{
    static const char hex[] = "0123456789abcdef";
    static const char names[] = "btn fr"; /* From 0x08 on; 0x0b has no short form. */
    if (byte >= 0x08 && byte <= 0x0d && byte != 0x0b) {
        unit[0] = '\\';
        unit[1] = names[byte - 0x08];
        return 2;
    }
    memcpy(unit, "\\u00", 4);
    unit[4] = hex[byte >> 4];
    unit[5] = hex[byte & 15];
    return 6;
}

/* Writes the character with which bytes begins as it stands in a string; *used is its length. */
static size_t escape_unit(
    const uint8_t *bytes, size_t size, size_t *used, char unit[UNIT_BYTES_MAX])
{
    *used = 1;
    if (bytes[0] < 0x20)
        return escape_control(bytes[0], unit);
    if (bytes[0] == '"' || bytes[0] == '\\') {
        unit[0] = '\\';
        unit[1] = (char)bytes[0];
        return 2;
    }
    *used = hf_utf8_sequence(bytes, size);
    if (*used > 0) {
        memcpy(unit, bytes, *used);
        return *used;
    }
    *used = maximal_subpart(bytes, size);
    memcpy(unit, "\xef\xbf\xbd", 3);
    return 3;
}

/* One to seven bytes, filled up with plain ones. Overlapping loads: no loop, and nothing read
 * beyond. */
static inline uint64_t load_short(const uint8_t *bytes, size_t count)
{
    uint64_t word;
    if (count >= 4)
        word = hf_load_le32(bytes) | hf_load_le32(bytes + count - 4) << 8 * (count - 4);
    else
        word = bytes[0] | (uint64_t)bytes[count / 2] << 8 * (count / 2) |
               (uint64_t)bytes[count - 1] << 8 * (count - 1);
    return word | EVERY_BYTE * 'a' << 8 * count;
}

static inline void store_le64(char *to, uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    memcpy(to, &word, sizeof(word));
}

/*
 * Copies from the beginning what needs no care, while there is room for eight bytes more; gives how
 * much. What a store writes beyond that is overwritten or lies behind the end. The last step of a
 * string of eight and more goes back over bytes that were copied before: they are plain.
 */
static inline size_t copy_plain(const uint8_t *from, size_t size, char *to, size_t room)
{
    if (size == 0 || room < 8)
        return 0;
    if (size < 8) {
        uint64_t word = load_short(from, size);
        store_le64(to, word);
        size_t plain = plain_bytes(word);
        return plain < size ? plain : size;
    }
    size_t done = 0;
    for (;;) {
        uint64_t word = hf_load_le64(from + done);
        store_le64(to + done, word);
        size_t plain = plain_bytes(word);
        done += plain;
        if (plain < 8 || done == size || room - done < 8)
            return done;
        if (size - done < 8)
            done = size - 8;
    }
}

/* What fits into a room, and how much of it was used for how many bytes. */
struct escaped {
    size_t room;
    size_t taken;
    size_t used;
};

/* Goes on from where copy_plain had to stop. Out of line: most strings need none of it. */
static __attribute__((noinline)) void escape(
    const uint8_t *from, size_t size, char *to, struct escaped *escaped)
{
    while (escaped->used < size) {
        char unit[UNIT_BYTES_MAX];
        size_t used;
        size_t taken = escape_unit(from + escaped->used, size - escaped->used, &used, unit);
        if (taken > escaped->room - escaped->taken)
            return;
        memcpy(to + escaped->taken, unit, taken);
        escaped->taken += taken;
        escaped->used += used;
        size_t plain = copy_plain(from + escaped->used, size - escaped->used, to + escaped->taken,
            escaped->room - escaped->taken);
        escaped->taken += plain;
        escaped->used += plain;
    }
}

struct hf_json hf_json_string(struct hf_json json, struct hf_bytes bytes, size_t *room)
{
    size_t memory = (size_t)(json.end - json.at);
    if (memory < 2)
        return HF_JSON_FULL;
    memory -= 2;
    *json.at++ = '"';
    struct escaped escaped = {.room = *room < memory ? *room : memory};
    escaped.taken = copy_plain(bytes.data, bytes.size, json.at, escaped.room);
    escaped.used = escaped.taken;
    if (escaped.used < bytes.size)
        escape(bytes.data, bytes.size, json.at, &escaped);
    if (escaped.used < bytes.size && memory < *room)
        return HF_JSON_FULL;
    *room -= escaped.taken;
    json.at += escaped.taken;
    *json.at++ = '"';
    return json;
}

size_t hf_decimal_write(uint64_t number, char text[HF_DECIMAL_BYTES_MAX])
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    char digits[HF_DECIMAL_BYTES_MAX];
    size_t at = sizeof(digits);
    while (number >= 100) {
        at -= 2;
        memcpy(digits + at, pairs + 2 * (number % 100), 2);
        number /= 100;
    }
    at -= 2;
    memcpy(digits + at, pairs + 2 * number, 2);
    at += number < 10;
    memcpy(text, digits + at, sizeof(digits) - at);
    return sizeof(digits) - at;
}

struct hf_json hf_json_unsigned(struct hf_json json, uint64_t number)
{
    char text[HF_DECIMAL_BYTES_MAX];
    size_t size = hf_decimal_write(number, text);
    return hf_json_raw(json, text, size);
}

/* Negating as unsigned is right for INT64_MIN too. */
struct hf_json hf_json_integer(struct hf_json json, int64_t number)
{
    if (number < 0)
        json = hf_json_raw(json, "-", 1);
    return hf_json_unsigned(json, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

/* printf writes the locale's decimal point, which need not be one byte; JSON has only the dot. */
static size_t copy_with_dot(const char *from, char *to)
{
    size_t size = 0;
    bool in_point = false;
    for (; *from; from++) {
        bool known = (*from >= '0' && *from <= '9') || *from == '-' || *from == '+' || *from == 'e';
        if (known)
            to[size++] = *from;
        else if (!in_point)
            to[size++] = '.';
        in_point = !known;
    }
    return size;
}

struct hf_json hf_json_number(struct hf_json json, double number)
{
    if (!isfinite(number))
        return hf_json_raw(json, "null", 4);
    char printed[64]; /* 17 digits, sign, exponent and the longest decimal point are about half. */
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(printed, sizeof(printed), "%.*g", digits, number);
        if (strtod(printed, NULL) == number)
            break;
    }
    char dotted[sizeof(printed)];
    size_t size = copy_with_dot(printed, dotted);
    return hf_json_raw(json, dotted, size);
}
