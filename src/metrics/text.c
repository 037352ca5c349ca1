/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "metrics/text.h"

#define NS_PER_SECOND UINT64_C(1000000000)
#define NUMBER_BYTES 32 /* 20 digits, or 11 and a point and 9, and a sign and NUL. */

void hf_text_put_bytes(struct hf_text *text, const char *bytes, size_t size)
{
    size_t room = text->length < text->size_bytes ? text->size_bytes - text->length : 0;
    size_t fitting = size < room ? size : room;
    if (fitting > 0)
        memcpy(text->buffer + text->length, bytes, fitting);
    text->length += size;
}

void hf_text_put(struct hf_text *text, const char *string)
{
    hf_text_put_bytes(text, string, strlen(string));
}

void hf_text_put_escaped(struct hf_text *text, const char *string, bool quotes)
{
    const char *special = quotes ? "\\\n\"" : "\\\n";
    for (;;) {
        size_t plain = strcspn(string, special);
        hf_text_put_bytes(text, string, plain);
        string += plain;
        if (*string == '\0')
            return;
        hf_text_put(text, *string == '\n' ? "\\n" : *string == '"' ? "\\\"" : "\\\\");
        string++;
    }
}

void hf_text_put_unsigned(struct hf_text *text, uint64_t number)
{
    char digits[NUMBER_BYTES];
    snprintf(digits, sizeof(digits), "%" PRIu64, number);
    hf_text_put(text, digits);
}

void hf_text_put_integer(struct hf_text *text, int64_t number)
{
    char digits[NUMBER_BYTES];
    snprintf(digits, sizeof(digits), "%" PRId64, number);
    hf_text_put(text, digits);
}

/* By integers: a double would turn 0.00025 into something next to it. */
void hf_text_put_seconds(struct hf_text *text, uint64_t duration_ns)
{
    char digits[NUMBER_BYTES];
    int length = snprintf(digits, sizeof(digits), "%" PRIu64 ".%09" PRIu64,
        duration_ns / NS_PER_SECOND, duration_ns % NS_PER_SECOND);
    size_t end = (size_t)length;
    while (digits[end - 1] == '0')
        end--;
    if (digits[end - 1] == '.')
        end--;
    hf_text_put_bytes(text, digits, end);
}

void hf_text_end(struct hf_text *text)
{
    if (text->size_bytes == 0)
        return;
    size_t last = text->size_bytes - 1;
    text->buffer[text->length < last ? text->length : last] = '\0';
}
