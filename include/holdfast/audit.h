/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_AUDIT_H
#define HOLDFAST_AUDIT_H

#include <stdbool.h>

#include <holdfast/allocator.h>
#include <holdfast/clock.h>
#include <holdfast/files.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A rolling audit log: one JSON object a line (RFC 8259, UTF-8), written by one thread of its
 * own, fed by any number of producers through lock-free lanes. Producers format their record and
 * never wait for the disk.
 *
 *     {"time":"2026-11-20T12:00:00.123456789Z","seq":17,"event":"denied","key":"10.0.0.1","retry_after_ns":20000000}
 *
 * Every record gets a sequence number before it can be dropped, and a record that is dropped is
 * named by a gap record in its place, so that a reader who counts knows whether anything is
 * missing:
 *
 *     {"time":"...","seq":21,"event":"hf.gap","first":18,"last":20,"count":3}
 *
 * A gap record's own seq is fresh; first to last are the missing ones. Records stand in the file in
 * the order of their numbers, unless a producer was stopped in the middle of a record for longer
 * than HF_AUDIT_STALL_NS: then the log goes on without it and names its record in a gap.
 *
 * Files are `directory/prefix.log` (the live one) and, once rolled,
 * `directory/prefix.YYYY-MM-DDTHHMMSSZ.NNNNNN.log` in UTC with a number that never repeats.
 */
struct hf_audit;

/* What to do with a record when the lanes are full. */
enum hf_audit_full_policy {
    HF_AUDIT_DROP = 0, /* Drop the new record, count it, name it in a gap record. */
    HF_AUDIT_BLOCK,    /* Wait until there is room or the log is closed. */
};

/* When to begin a new file, in UTC; a size may be given besides. */
enum hf_audit_roll {
    HF_AUDIT_ROLL_DAILY = 0,
    HF_AUDIT_ROLL_HOURLY,
    HF_AUDIT_ROLL_MINUTELY,
    HF_AUDIT_ROLL_BY_SIZE_ONLY,
};

struct hf_audit_options {
    const char *directory; /* Must exist and be writable. Required. Copied. */
    const char *prefix;    /* NULL: "audit". 1 to 64 of [A-Za-z0-9_-]. Copied. */
    enum hf_audit_roll roll;
    uint64_t file_bytes_max; /* Begin a new file before it would exceed this. 0: 64 MiB. At least 4
                                KiB. */
    uint32_t files_max;      /* Rolled files kept; older ones are removed, only ones whose names
                                this log would have given. 0: 14. HF_AUDIT_KEEP_ALL: all. */
    enum hf_audit_full_policy full_policy;
    uint32_t lane_bytes; /* Size of each of the HF_AUDIT_LANES lanes: a power of two from 4 KiB to
                            64 MiB. 0: 256 KiB. */
    uint64_t sync_interval_ns; /* The file is synced when this long has passed since it was. 0: 1 s.
                                  HF_AUDIT_SYNC_NEVER: by the system alone. */
    struct hf_wall_clock wall; /* Zero: the system's. Stamps records and names files. */
    struct hf_clock clock;     /* Zero: monotonic. For intervals. */
    const struct hf_files *files;         /* NULL: the system's. */
    const struct hf_allocator *allocator; /* NULL: libc. */
};

#define HF_AUDIT_KEEP_ALL UINT32_MAX
#define HF_AUDIT_SYNC_NEVER UINT64_MAX
#define HF_AUDIT_LANES 16 /* Producers that can be inside emit at once without waiting. */
#define HF_AUDIT_RECORD_BYTES_MAX 2048 /* One line, its newline included. */
#define HF_AUDIT_STALL_NS HF_SECONDS(1)

/*
 * Opens the log and starts its writer thread. An existing live file is appended to, after
 * a torn last line, if there is one, has been ended with a newline.
 * Returns HF_OK; HF_INVALID: an option is out of range; HF_IO: the directory or file cannot be
 * used (error names the path and the system's reason); HF_NO_MEMORY. On failure *audit is NULL.
 */
HF_MUST_USE HF_API enum hf_status hf_audit_open(
    struct hf_audit **audit, const struct hf_audit_options *options, struct hf_error *error);

/* A typed field of a record. Make them with the functions below. */
enum hf_field_kind {
    HF_FIELD_TEXT = 0,
    HF_FIELD_INTEGER,
    HF_FIELD_UNSIGNED,
    HF_FIELD_NUMBER,
    HF_FIELD_BOOLEAN,
    HF_FIELD_NULL,
};

struct hf_field {
    const char *name; /* Borrowed for the call. */
    enum hf_field_kind kind;
    union {
        struct hf_bytes text; /* Any bytes: what is not UTF-8 is written as U+FFFD. */
        int64_t integer;
        uint64_t unsigned_integer;
        double number; /* Infinities and NaN are written as null: JSON has none. */
        bool boolean;
    } value;
};

static inline struct hf_field hf_field_bytes(const char *name, struct hf_bytes text)
{
    struct hf_field field;
    field.name = name;
    field.kind = HF_FIELD_TEXT;
    field.value.text = text;
    return field;
}

/* text ends with NUL; NULL writes null. */
HF_API struct hf_field hf_field_text(const char *name, const char *text);

static inline struct hf_field hf_field_integer(const char *name, int64_t integer)
{
    struct hf_field field;
    field.name = name;
    field.kind = HF_FIELD_INTEGER;
    field.value.integer = integer;
    return field;
}

static inline struct hf_field hf_field_unsigned(const char *name, uint64_t unsigned_integer)
{
    struct hf_field field;
    field.name = name;
    field.kind = HF_FIELD_UNSIGNED;
    field.value.unsigned_integer = unsigned_integer;
    return field;
}

static inline struct hf_field hf_field_number(const char *name, double number)
{
    struct hf_field field;
    field.name = name;
    field.kind = HF_FIELD_NUMBER;
    field.value.number = number;
    return field;
}

static inline struct hf_field hf_field_boolean(const char *name, bool boolean)
{
    struct hf_field field;
    field.name = name;
    field.kind = HF_FIELD_BOOLEAN;
    field.value.boolean = boolean;
    return field;
}

#define HF_AUDIT_FIELDS_MAX 32

/*
 * Writes a record. event: a name of one's own, e.g. "login"; names beginning with "hf." are the
 * library's. fields: NULL if fields_count is 0. A text that makes the record longer than
 * HF_AUDIT_RECORD_BYTES_MAX is cut and the record gets `"truncated":true`.
 * Returns HF_OK: it is in the queue. HF_FULL: dropped, and a gap record will name it. HF_CLOSED:
 * the log is being closed. HF_INVALID: audit, event or fields is NULL, a name is NULL, there are
 * too many fields, or the names alone do not fit. Thread-safe; lock-free with HF_AUDIT_DROP; no
 * allocation, no system call unless it blocks or the writer sleeps.
 */
HF_API enum hf_status hf_audit_emit(
    struct hf_audit *audit, const char *event, const struct hf_field *fields, size_t fields_count);

/* Waits until all that was emitted before the call is written and synced. HF_TIMEOUT after
 * timeout_ns; HF_IO if the disk refuses it at that time. */
HF_MUST_USE HF_API enum hf_status hf_audit_flush(struct hf_audit *audit, uint64_t timeout_ns);

struct hf_audit_statistics {
    uint64_t emitted; /* Sequence numbers given to callers' records. */
    uint64_t written; /* Callers' records in files. */
    uint64_t dropped; /* Named by gap records. */
    uint64_t gaps;    /* Gap records written. */
    uint64_t files_rolled;
    uint64_t files_pruned;
    uint64_t bytes_written;
    uint64_t io_errors; /* Failed file operations; what failed is tried again. */
    int32_t io_errno;   /* The latest of them, 0 if none. */
};

/* Reads the statistics. Thread-safe. HF_INVALID for NULL. */
HF_MUST_USE HF_API enum hf_status hf_audit_statistics(
    const struct hf_audit *audit, struct hf_audit_statistics *statistics);

/*
 * Stops taking records, writes the backlog for at most timeout_ns, syncs, ends the thread and
 * frees the log. No emit may begin afterwards; those that wait come back with HF_CLOSED.
 * Returns HF_OK: everything is on disk. HF_LOST: *lost (NULL: not wanted) records could not be
 * written in that time. audit NULL: HF_OK.
 */
HF_API enum hf_status hf_audit_close(struct hf_audit *audit, uint64_t timeout_ns, uint64_t *lost);

#ifdef __cplusplus
}
#endif

#endif
