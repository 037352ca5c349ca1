/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_SUPPORT_AUDIT_READER_H
#define HF_TESTS_SUPPORT_AUDIT_READER_H

#include <holdfast/files.h>

#include "support/json_parser.h"

/*
 * Reads an audit log back as its header says a reader may: all files in order of their numbers, the
 * live one last, line by line. Each line must be JSON, at most as long as promised, and bear the
 * number that the line before leads one to expect; anything else fails the test. After a crash the
 * last line of a run may be torn; the record that says that the log was opened must follow it.
 */
struct audit_account {
    uint64_t runs;    /* Records that say that the log was opened. */
    uint64_t records; /* Callers' records. */
    uint64_t gaps;    /* Gap records, */
    uint64_t named;   /* and the numbers they name. */
    uint64_t next;    /* The number that comes next. */
    uint64_t torn;    /* Torn lines, */
    bool may_be_torn; /* if such are allowed. */
    bool torn_before;
    uint64_t files;
    uint64_t rolled_last; /* The number of the last rolled file. */

    /* Called for each of the callers' records, if not NULL. */
    void (*visit)(void *context, const struct json_object *record);
    void *context;
};

/* files: of the system or simulated. Zero the account but for visit and context. */
void audit_read(struct audit_account *account, const struct hf_files *files, const char *directory,
    const char *prefix);

/* One file's bytes, ended with NUL, to be freed; NULL if there is no such file. */
char *audit_read_file(const struct hf_files *files, const char *path, size_t *size);

/* How many names in the directory begin with that. */
unsigned audit_count_names(
    const struct hf_files *files, const char *directory, const char *beginning);

#endif
