/* SPDX-License-Identifier: MIT */
#ifndef HF_CLI_FIELDS_H
#define HF_CLI_FIELDS_H

#include <holdfast/http.h>

#include "cli/buffer.h"

/* The header fields of an answer, kept as "name NUL value NUL" one after another. */
struct fields {
    struct buffer text;
};

/* Most bytes of header fields that one answer may have. */
#define FIELDS_BYTES_MAX 65536

/* Adds what one header line holds; lines without a colon (the status line, the empty line) add
 * nothing. */
bool fields_add_line(struct fields *fields, const char *line, size_t size_bytes);

/* Calls visit for each field, in order. */
void fields_each(const struct fields *fields,
    void (*visit)(void *context, const char *name, const char *value), void *context);

/* A message that reads these fields; they are borrowed. */
struct hf_http_message fields_message(struct fields *fields);

#endif
