/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <strings.h>

#include "cli/fields.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool fields_is_token(const char *text, size_t size_bytes)
{
    static const char special[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < size_bytes; i++) {
        char c = text[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == '\0' || !strchr(special, c)))
            return false;
    }
    return size_bytes > 0;
}

void fields_clear(struct fields *fields)
{
    buffer_clear(&fields->text);
    fields->complete = false;
}

static bool is_empty_line(const char *line, size_t size_bytes)
{
    return size_bytes > 0 && (line[0] == '\r' || line[0] == '\n');
}

static bool add_text(struct fields *fields, const char *text, size_t size_bytes)
{
    return buffer_append(&fields->text, text, size_bytes) && buffer_append(&fields->text, "", 1);
}

bool fields_add_line(struct fields *fields, const char *line, size_t size_bytes)
{
    const char *colon = memchr(line, ':', size_bytes);
    fields->complete = fields->complete || is_empty_line(line, size_bytes);
    if (fields->complete || !colon || memchr(line, '\0', size_bytes) ||
        !fields_is_token(line, (size_t)(colon - line)))
        return true;
    const char *value = colon + 1;
    const char *end = line + size_bytes;
    while (value < end && is_blank(*value))
        value++;
    while (end > value && is_blank(end[-1]))
        end--;
    size_t before = fields->text.size_bytes;
    if (add_text(fields, line, (size_t)(colon - line)) &&
        add_text(fields, value, (size_t)(end - value)))
        return true;
    fields->text.size_bytes = before;
    return false;
}

/* Steps from one pair to the next. False at the end. */
static bool next_field(
    const struct fields *fields, size_t *offset, const char **name, const char **value)
{
    if (*offset >= fields->text.size_bytes)
        return false;
    *name = fields->text.data + *offset;
    *value = *name + strlen(*name) + 1;
    *offset += (size_t)(*value - *name) + strlen(*value) + 1;
    return true;
}

void fields_each(const struct fields *fields,
    void (*visit)(void *context, const char *name, const char *value), void *context)
{
    const char *name;
    const char *value;
    for (size_t offset = 0; next_field(fields, &offset, &name, &value);)
        visit(context, name, value);
}

static bool find(void *context, const char *wanted, size_t index, struct hf_bytes *found)
{
    const char *name;
    const char *value;
    for (size_t offset = 0; next_field(context, &offset, &name, &value);) {
        if (strcasecmp(name, wanted) != 0 || index-- > 0)
            continue;
        *found = hf_bytes(value, strlen(value));
        return true;
    }
    return false;
}

struct hf_http_message fields_message(struct fields *fields)
{
    struct hf_http_message message = {.field = find, .context = fields};
    return message;
}
