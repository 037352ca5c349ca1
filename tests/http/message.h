/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_HTTP_MESSAGE_H
#define HF_TESTS_HTTP_MESSAGE_H

#include <string.h>
#include <strings.h>

#include <holdfast/http.h>

/* A message whose fields are a list in memory, and how often it was asked for one. */
struct test_field {
    const char *name;
    const char *value;
    size_t size; /* 0: up to the NUL. */
};

struct test_message {
    const struct test_field *fields;
    size_t count;
    size_t asked;
};

static inline bool test_message_field(
    void *context, const char *name, size_t index, struct hf_bytes *value)
{
    struct test_message *message = context;
    message->asked++;
    for (size_t at = 0; at < message->count; at++) {
        const struct test_field *field = &message->fields[at];
        if (strcasecmp(field->name, name) != 0 || index-- > 0)
            continue;
        *value = hf_bytes(field->value, field->size ? field->size : strlen(field->value));
        return true;
    }
    return false;
}

static inline struct hf_http_message test_http_message(struct test_message *message)
{
    return (struct hf_http_message){.field = test_message_field, .context = message};
}

#endif
