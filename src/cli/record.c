/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/record.h"

/* What is left of a line while it is parsed. */
struct cursor {
    const char *at;
    const char *end;
};

static bool take(struct cursor *cursor, char c)
{
    if (cursor->at == cursor->end || *cursor->at != c)
        return false;
    cursor->at++;
    return true;
}

static bool take_text(struct cursor *cursor, struct hf_bytes *text)
{
    if (!take(cursor, '"'))
        return false;
    const char *begin = cursor->at;
    for (; cursor->at < cursor->end; cursor->at++) {
        if (*cursor->at == '"') {
            *text = hf_bytes(begin, (size_t)(cursor->at - begin));
            cursor->at++;
            return true;
        }
        if (*cursor->at == '\\')
            cursor->at++;
    }
    return false;
}

/* A number, true, false or null: whatever stands there up to the next comma or brace. */
static bool take_word(struct cursor *cursor, struct hf_bytes *word)
{
    const char *begin = cursor->at;
    while (cursor->at < cursor->end && strchr("+-.0123456789aeflnrstuE", *cursor->at))
        cursor->at++;
    *word = hf_bytes(begin, (size_t)(cursor->at - begin));
    return word->size > 0;
}

static bool take_field(struct cursor *cursor, struct record_field *field)
{
    if (!take_text(cursor, &field->name) || !take(cursor, ':') || cursor->at == cursor->end)
        return false;
    field->is_text = *cursor->at == '"';
    return field->is_text ? take_text(cursor, &field->value) : take_word(cursor, &field->value);
}

bool record_parse(struct hf_bytes line, struct record *record)
{
    struct cursor cursor = {.at = line.data, .end = (const char *)line.data + line.size};
    record->count = 0;
    if (!take(&cursor, '{'))
        return false;
    do {
        if (record->count == RECORD_FIELDS_MAX ||
            !take_field(&cursor, &record->fields[record->count]))
            return false;
        record->count++;
    } while (take(&cursor, ','));
    return take(&cursor, '}') && cursor.at == cursor.end;
}

static bool equals(struct hf_bytes bytes, const char *text)
{
    return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

const struct record_field *record_find(const struct record *record, const char *name)
{
    for (size_t i = 0; i < record->count; i++)
        if (equals(record->fields[i].name, name))
            return &record->fields[i];
    return NULL;
}

bool record_is(const struct record *record, const char *name, const char *text)
{
    const struct record_field *field = record_find(record, name);
    return field && field->is_text && equals(field->value, text);
}

uint64_t record_number(const struct record *record, const char *name)
{
    const struct record_field *field = record_find(record, name);
    char digits[24] = "";
    if (!field || field->is_text || field->value.size >= sizeof digits)
        return 0;
    memcpy(digits, field->value.data, field->value.size);
    return strtoull(digits, NULL, 10);
}

uint64_t record_time_ns(const struct record *record)
{
    const struct record_field *field = record_find(record, "time");
    char text[32] = "";
    struct tm tm = {0};
    unsigned long nanoseconds;
    if (!field || field->value.size >= sizeof text)
        return 0;
    memcpy(text, field->value.data, field->value.size);
    if (sscanf(text, "%d-%d-%dT%d:%d:%d.%9luZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
            &tm.tm_min, &tm.tm_sec, &nanoseconds) != 7)
        return 0;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    return HF_SECONDS(timegm(&tm)) + nanoseconds;
}

bool record_each_line(const char *path, long *offset,
    void (*visit)(void *context, struct hf_bytes line), void *context)
{
    char line[HF_AUDIT_RECORD_BYTES_MAX + 1];
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    if (fseek(file, *offset, SEEK_SET) != 0) {
        fclose(file);
        return false;
    }
    while (fgets(line, sizeof line, file)) {
        size_t size = strlen(line);
        if (size == 0 || line[size - 1] != '\n')
            break;
        *offset += (long)size;
        visit(context, hf_bytes(line, size - 1));
    }
    fclose(file);
    return true;
}
