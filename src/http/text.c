/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "http/text.h"

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

struct hf_bytes hf_text_trim(struct hf_bytes text)
{
    const char *start = text.data;
    size_t size = text.size;
    while (size > 0 && is_blank(start[size - 1]))
        size--;
    while (size > 0 && is_blank(*start)) {
        start++;
        size--;
    }
    return hf_bytes(start, size);
}

bool hf_text_equals(struct hf_bytes text, const char *word)
{
    return text.size == strlen(word) && memcmp(text.data, word, text.size) == 0;
}

/* By hand: the C library's own would ask the locale. */
static unsigned char lower(unsigned char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (unsigned char)(byte | 0x20) : byte;
}

bool hf_text_equals_nocase(struct hf_bytes text, const char *word)
{
    const unsigned char *bytes = text.data;
    if (text.size != strlen(word))
        return false;
    for (size_t index = 0; index < text.size; index++) {
        if (lower(bytes[index]) != lower((unsigned char)word[index]))
            return false;
    }
    return true;
}

bool hf_text_is_token_byte(unsigned char byte)
{
    if ((byte >= '0' && byte <= '9') || (lower(byte) >= 'a' && lower(byte) <= 'z'))
        return true;
    return byte && strchr("!#$%&'*+-.^_`|~", byte);
}

bool hf_text_number(struct hf_bytes text, uint64_t *number)
{
    const char *digits = text.data;
    uint64_t sum = 0;
    for (size_t index = 0; index < text.size; index++) {
        if (digits[index] < '0' || digits[index] > '9')
            return false;
        uint64_t digit = (uint64_t)(digits[index] - '0');
        sum = sum > (UINT64_MAX - digit) / 10 ? UINT64_MAX : sum * 10 + digit;
    }
    if (text.size == 0)
        return false;
    *number = sum;
    return true;
}
