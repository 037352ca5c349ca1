/* SPDX-License-Identifier: MIT */
#include "audit/name.h"

#include <stdio.h>
#include <string.h>

#include "audit/stamp.h"

#define NUMBER_DIGITS_MAX 19 /* All such numbers fit into 64 bits. */

void hf_name_write(const char *prefix, struct hf_name name, char text[HF_NAME_BYTES_MAX])
{
    char stamp[HF_STAMP_FILE_BYTES];
    hf_stamp_file_write(name.seconds, stamp);
    snprintf(text, HF_NAME_BYTES_MAX, "%s.%.*s.%06llu.log", prefix, HF_STAMP_FILE_BYTES, stamp,
        (unsigned long long)name.number);
}

static bool read_number(const char *text, uint64_t *number)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > NUMBER_DIGITS_MAX)
        return false;
    *number = 0;
    for (size_t i = 0; i < digits; i++)
        *number = *number * 10 + (uint64_t)(text[i] - '0');
    return true;
}

/* Writing what was read and comparing proves the name ours without a second grammar. */
bool hf_name_read(const char *prefix, const char *text, struct hf_name *name)
{
    size_t prefix_bytes = strlen(prefix);
    if (strlen(text) <= prefix_bytes + 1 + HF_STAMP_FILE_BYTES + 1)
        return false;
    const char *stamp = text + prefix_bytes + 1;
    struct hf_name read;
    if (!hf_stamp_file_read(stamp, &read.seconds) ||
        !read_number(stamp + HF_STAMP_FILE_BYTES + 1, &read.number))
        return false;
    char again[HF_NAME_BYTES_MAX];
    hf_name_write(prefix, read, again);
    if (strcmp(again, text) != 0)
        return false;
    *name = read;
    return true;
}

/* Ranges, not isalnum: that obeys the locale. */
static bool is_prefix_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

bool hf_name_prefix_valid(const char *prefix)
{
    size_t size = 0;
    while (size <= HF_NAME_PREFIX_BYTES_MAX && is_prefix_byte(prefix[size]))
        size++;
    return size > 0 && size <= HF_NAME_PREFIX_BYTES_MAX && prefix[size] == '\0';
}
