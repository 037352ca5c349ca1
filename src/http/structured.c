/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "http/structured.h"
#include "http/text.h"

/* RFC 9651, 3.3.1 and 3.3.2. */
#define INTEGER_DIGITS_MAX 15
#define DECIMAL_WHOLE_MAX 12
#define DECIMAL_FRACTION_MAX 3

static bool is_digit(unsigned char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_lower(unsigned char byte)
{
    return byte >= 'a' && byte <= 'z';
}

static bool is_upper(unsigned char byte)
{
    return byte >= 'A' && byte <= 'Z';
}

/* The next byte, 0 at the end: no syntax here has a place for a NUL. */
static unsigned char peek(const struct hf_sf *sf)
{
    return sf->at < sf->end ? *sf->at : 0;
}

static bool take(struct hf_sf *sf, unsigned char byte)
{
    if (sf->at == sf->end || *sf->at != byte)
        return false;
    sf->at++;
    return true;
}

static void skip_blanks(struct hf_sf *sf)
{
    while (take(sf, ' ') || take(sf, '\t'))
        continue;
}

static unsigned take_digits(struct hf_sf *sf, int64_t *number)
{
    unsigned digits = 0;
    *number = 0;
    for (; is_digit(peek(sf)) && digits <= INTEGER_DIGITS_MAX; digits++)
        *number = *number * 10 + (*sf->at++ - '0');
    return digits;
}

static bool take_number(struct hf_sf *sf, struct hf_sf_item *item)
{
    bool negative = take(sf, '-');
    int64_t fraction;
    unsigned digits = take_digits(sf, &item->integer);
    if (digits == 0 || digits > INTEGER_DIGITS_MAX)
        return false;
    if (negative)
        item->integer = -item->integer;
    item->kind = HF_SF_INTEGER;
    if (!take(sf, '.'))
        return true;
    item->kind = HF_SF_OTHER;
    unsigned places = take_digits(sf, &fraction);
    return digits <= DECIMAL_WHOLE_MAX && places >= 1 && places <= DECIMAL_FRACTION_MAX;
}

static bool take_string(struct hf_sf *sf)
{
    take(sf, '"');
    while (!take(sf, '"')) {
        bool escaped = take(sf, '\\');
        unsigned char byte = peek(sf);
        if (byte < 0x20 || byte > 0x7e || (escaped && byte != '"' && byte != '\\'))
            return false;
        sf->at++;
    }
    return true;
}

static bool take_token(struct hf_sf *sf)
{
    while (hf_text_is_token_byte(peek(sf)) || peek(sf) == ':' || peek(sf) == '/')
        sf->at++;
    return true;
}

static bool take_bytes(struct hf_sf *sf)
{
    take(sf, ':');
    while (is_digit(peek(sf)) || is_lower(peek(sf)) || is_upper(peek(sf)) || peek(sf) == '+' ||
           peek(sf) == '/' || peek(sf) == '=')
        sf->at++;
    return take(sf, ':');
}

static bool take_boolean(struct hf_sf *sf)
{
    take(sf, '?');
    return take(sf, '0') || take(sf, '1');
}

/* "%" and two lower-case digits of base 16 stand for a byte; that the bytes are UTF-8 is not looked
 * at, since nothing here shows them to anybody. */
static bool take_display_string(struct hf_sf *sf)
{
    take(sf, '%');
    if (!take(sf, '"'))
        return false;
    while (!take(sf, '"')) {
        unsigned char byte = peek(sf);
        if (byte < 0x20 || byte > 0x7e)
            return false;
        sf->at++;
        for (unsigned digit = 0; byte == '%' && digit < 2; digit++) {
            if (!is_digit(peek(sf)) && (peek(sf) < 'a' || peek(sf) > 'f'))
                return false;
            sf->at++;
        }
    }
    return true;
}

static bool take_date(struct hf_sf *sf, struct hf_sf_item *item)
{
    take(sf, '@');
    bool whole = take_number(sf, item) && item->kind == HF_SF_INTEGER;
    item->kind = HF_SF_OTHER;
    return whole;
}

static bool take_bare_item(struct hf_sf *sf, struct hf_sf_item *item)
{
    unsigned char first = peek(sf);
    item->kind = HF_SF_OTHER;
    if (first == '-' || is_digit(first))
        return take_number(sf, item);
    if (first == '*' || is_lower(first) || is_upper(first)) {
        item->kind = HF_SF_TOKEN;
        return take_token(sf);
    }
    switch (first) {
    case '"':
        item->kind = HF_SF_STRING;
        return take_string(sf);
    case ':':
        return take_bytes(sf);
    case '?':
        return take_boolean(sf);
    case '%':
        return take_display_string(sf);
    case '@':
        return take_date(sf, item);
    default:
        return false;
    }
}

static bool take_key(struct hf_sf *sf, struct hf_bytes *key)
{
    const unsigned char *start = sf->at;
    if (peek(sf) != '*' && !is_lower(peek(sf)))
        return false;
    while (is_lower(peek(sf)) || is_digit(peek(sf)) || (peek(sf) && strchr("_-.*", peek(sf))))
        sf->at++;
    *key = hf_bytes(start, (size_t)(sf->at - start));
    return true;
}

struct hf_sf hf_sf(struct hf_bytes value)
{
    struct hf_bytes text = hf_text_trim(value);
    struct hf_sf sf = {.at = text.data};
    sf.end = text.size > 0 ? sf.at + text.size : sf.at;
    return sf;
}

/* A key is a token too: what follows it tells a dictionary's member from a list's. */
bool hf_sf_member(struct hf_sf *sf, struct hf_sf_item *member)
{
    if (sf->failed)
        return false;
    skip_blanks(sf);
    if (sf->at == sf->end)
        return false;
    if (sf->started) {
        sf->failed = !take(sf, ',');
        skip_blanks(sf);
    }
    sf->started = true;
    *member = (struct hf_sf_item){.kind = HF_SF_OTHER};
    const unsigned char *start = sf->at;
    if (!take_key(sf, &member->key) || !take(sf, '=')) {
        sf->at = start;
        member->key = hf_bytes(NULL, 0);
    }
    sf->failed = sf->failed || !take_bare_item(sf, member);
    return !sf->failed;
}

bool hf_sf_parameter(struct hf_sf *sf, struct hf_sf_item *parameter)
{
    if (sf->failed || !take(sf, ';'))
        return false;
    while (take(sf, ' '))
        continue;
    *parameter = (struct hf_sf_item){.kind = HF_SF_OTHER};
    sf->failed = !take_key(sf, &parameter->key);
    if (!sf->failed && take(sf, '='))
        sf->failed = !take_bare_item(sf, parameter);
    return !sf->failed;
}
