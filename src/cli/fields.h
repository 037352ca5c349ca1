/* SPDX-License-Identifier: MIT */
#ifndef HF_CLI_FIELDS_H
#define HF_CLI_FIELDS_H

#include <holdfast/http.h>

#include "cli/buffer.h"

/* The header fields of an answer, kept as "name NUL value NUL" one after another. */
struct fields {
    struct buffer text;
    bool complete; /* The empty line has come. */
};

/* Most bytes of header fields that one answer may have; more make it a failed try. */
#define FIELDS_BYTES_MAX ((size_t)16 * 1024)

/* Whether the bytes are a token (RFC 9110, 5.6.2), as methods and field names are. */
bool fields_is_token(const char *text, size_t size_bytes);

/* Begins anew, with a status line that follows. */
void fields_clear(struct fields *fields);

/*
 * Adds what one header line holds. Lines that are no field (the status line, one folded onto the
 * line before) add nothing, nor do lines after the empty one: trailers are not header fields (RFC
 * 9110, 6.5.1). False: too much, or no memory; nothing is added.
 */
bool fields_add_line(struct fields *fields, const char *line, size_t size_bytes);

/* Calls visit for each field, in order. */
void fields_each(const struct fields *fields,
    void (*visit)(void *context, const char *name, const char *value), void *context);

/* A message that reads these fields; they are borrowed. */
struct hf_http_message fields_message(struct fields *fields);

#endif
