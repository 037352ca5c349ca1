/* SPDX-License-Identifier: MIT */
#ifndef HF_CLI_RECORD_H
#define HF_CLI_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/audit.h>

/* One line of an audit log, read back: a flat JSON object (RFC 8259). Values are borrowed from the
 * line. */
struct record_field {
    struct hf_bytes name;  /* Between the quotes, escapes left as they are. */
    struct hf_bytes value; /* A text without its quotes; anything else as written. */
    bool is_text;
};

/* A record's own fields besides time, seq, event and truncated. */
#define RECORD_FIELDS_MAX (HF_AUDIT_FIELDS_MAX + 4)

struct record {
    struct record_field fields[RECORD_FIELDS_MAX];
    size_t count;
};

/* False: the line is no flat JSON object, or has too many fields. */
bool record_parse(struct hf_bytes line, struct record *record);

/* The field of that name, or NULL. */
const struct record_field *record_find(const struct record *record, const char *name);

/* Whether the field exists and is that text. */
bool record_is(const struct record *record, const char *name, const char *text);

/* The field as a number; 0 if there is none. */
uint64_t record_number(const struct record *record, const char *name);

/* The field "time" as nanoseconds since 1970; 0 if it is none. */
uint64_t record_time_ns(const struct record *record);

/* Calls visit for each line of a file from *offset on, which moves past the last whole line. False:
 * cannot read. */
bool record_each_line(const char *path, long *offset,
    void (*visit)(void *context, struct hf_bytes line), void *context);

#endif
