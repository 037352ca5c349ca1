/* SPDX-License-Identifier: MIT */
#include "audit/record.h"

#include <string.h>

#define END "}\n"
#define END_TRUNCATED ",\"truncated\":true}\n"

struct hf_field hf_field_text(const char *name, const char *text)
{
    struct hf_field field = {.name = name, .kind = HF_FIELD_NULL};
    if (!text)
        return field;
    return hf_field_bytes(name, hf_bytes(text, strlen(text)));
}

size_t hf_record_head(struct hf_stamp_cache *cache, uint64_t time_ns, uint64_t number, char *text)
{
    char *at = text;
    memcpy(at, HF_RECORD_TIME_KEY, sizeof(HF_RECORD_TIME_KEY) - 1);
    at += sizeof(HF_RECORD_TIME_KEY) - 1;
    hf_stamp_write(cache, time_ns, at);
    at += HF_STAMP_BYTES;
    memcpy(at, HF_RECORD_SEQ_KEY, sizeof(HF_RECORD_SEQ_KEY) - 1);
    at += sizeof(HF_RECORD_SEQ_KEY) - 1;
    at += hf_decimal_write(number, at);
    return (size_t)(at - text);
}

bool hf_record_head_time(const char *text, size_t size, uint64_t *time_ns)
{
    size_t key_bytes = sizeof(HF_RECORD_TIME_KEY) - 1;
    if (size < key_bytes + HF_STAMP_BYTES || memcmp(text, HF_RECORD_TIME_KEY, key_bytes) != 0)
        return false;
    return hf_stamp_read(text + key_bytes, time_ns);
}

bool hf_record_is_own(const char *event)
{
    if (event[0] != HF_RECORD_GAP[0])
        return false;
    return strcmp(event, HF_RECORD_GAP) == 0 || strcmp(event, HF_RECORD_OPEN) == 0;
}

/* A second member of the same name would hide the log's own from most readers. */
static bool name_is_taken(const char *name)
{
    static const char taken[][10] = {"time", "seq", "event", "truncated"};
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        if (name[0] == taken[i][0] && strcmp(name, taken[i]) == 0)
            return true;
    }
    return false;
}

static bool field_valid(const struct hf_field *field)
{
    if (!field->name || name_is_taken(field->name))
        return false;
    if (field->kind == HF_FIELD_TEXT)
        return field->value.text.data || field->value.text.size == 0;
    return (unsigned)field->kind <= HF_FIELD_NULL;
}

static struct hf_json write_name(struct hf_json json, const char *name)
{
    size_t room = SIZE_MAX; /* Names are never shortened: cut, they would be other names. */
    return hf_json_string(json, hf_bytes(name, strlen(name)), &room);
}

static struct hf_json write_value(
    struct hf_json json, const struct hf_field *field, size_t *text_room)
{
    switch (field->kind) {
    case HF_FIELD_TEXT:
        return hf_json_string(json, field->value.text, text_room);
    case HF_FIELD_INTEGER:
        return hf_json_integer(json, field->value.integer);
    case HF_FIELD_UNSIGNED:
        return hf_json_unsigned(json, field->value.unsigned_integer);
    case HF_FIELD_NUMBER:
        return hf_json_number(json, field->value.number);
    case HF_FIELD_BOOLEAN:
        return field->value.boolean ? hf_json_raw(json, "true", 4) : hf_json_raw(json, "false", 5);
    case HF_FIELD_NULL:
        break;
    }
    return hf_json_raw(json, "null", 4);
}

/* What a body is made of, and the room that its texts may take together. */
struct body {
    const char *event;
    const struct hf_field *fields;
    size_t count;
    size_t text_room;
};

static struct hf_json write_body(struct hf_json json, struct body body)
{
    json = hf_json_raw(json, ",\"event\":", 9);
    json = write_name(json, body.event);
    for (size_t i = 0; i < body.count; i++) {
        json = hf_json_raw(json, ",", 1);
        json = write_name(json, body.fields[i].name);
        json = hf_json_raw(json, ":", 1);
        json = write_value(json, &body.fields[i], &body.text_room);
    }
    return json;
}

/*
 * Once without texts, to learn what the rest needs; then with what is left for texts, which the
 * first ones take first. With all its texts whole the body was too long, and the mark makes it
 * longer, so at least one is cut now.
 */
static struct hf_json write_truncated(struct hf_json json, struct body body)
{
    struct hf_json shorter = {json.at, json.end - (sizeof(END_TRUNCATED) - 1)};
    body.text_room = 0;
    struct hf_json bare = write_body(shorter, body);
    if (!bare.at)
        return HF_JSON_FULL;
    body.text_room = (size_t)(bare.end - bare.at);
    json.at = write_body(shorter, body).at;
    return hf_json_raw(json, END_TRUNCATED, sizeof(END_TRUNCATED) - 1);
}

enum hf_status hf_record_body(const char *event, const struct hf_field *fields, size_t count,
    char text[HF_RECORD_BODY_BYTES_MAX], size_t *size)
{
    for (size_t i = 0; i < count; i++) {
        if (!field_valid(&fields[i]))
            return HF_INVALID;
    }
    struct hf_json empty = {text, text + HF_RECORD_BODY_BYTES_MAX};
    struct body body = {event, fields, count, SIZE_MAX};
    struct hf_json json = write_body(empty, body);
    json = hf_json_raw(json, END, sizeof(END) - 1);
    if (!json.at)
        json = write_truncated(empty, body);
    if (!json.at)
        return HF_INVALID;
    *size = (size_t)(json.at - text);
    return HF_OK;
}
