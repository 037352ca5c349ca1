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
 *     {"time":"2026-11-20T12:00:00.123456789Z","seq":17,"event":"denied","key":"10.0.0.1"}
 *
 * Every record gets a sequence number before it can be dropped, and what was dropped is named by a
 * gap record in its place, so that a reader who counts knows whether anything is missing. A gap
 * record bears the first missing number itself, and the next record the one after the last:
 *
 *     {"time":"...","seq":18,"event":"hf.gap","first":18,"last":20,"count":3}
 *     {"time":"...","seq":21,"event":"denied","key":"10.0.0.2"}
 *
 * Records stand in the file in the order of their numbers. Numbers begin anew each time the log is
 * opened, with a record that says so, of number 0:
 *
 *     {"time":"...","seq":0,"event":"hf.open"}
 *
 * The time is that of the call to emit, so among producers it may go back a little from one record
 * to the next.
 *
 * Files are `directory/prefix.log` (the live one) and, once rolled,
 * `directory/prefix.YYYY-MM-DDTHHMMSSZ.NNNNNN.log`: the UTC time of the file's first record, and a
 * number that grows by each file and never repeats. A clock that is set back by more than a minute
 * over the beginning of a period begins a new file too. One log at a time may use a prefix in a
 * directory, and only the process that opened it: after a fork the child must leave it alone.
 */
struct hf_audit;

/* What to do with a record when the lanes are full. */
enum hf_audit_full_policy {
    HF_AUDIT_DROP = 0, /* Drop the new record, count it, name it in a gap record. */
    HF_AUDIT_BLOCK,    /* Wait until there is room or the log is closed. Nothing is dropped. */
};

/*
 * When to begin a new file, in UTC: with the first record of a new day, hour or minute. A size may
 * be given besides.
 */
enum hf_audit_roll {
    HF_AUDIT_ROLL_DAILY = 0,
    HF_AUDIT_ROLL_HOURLY,
    HF_AUDIT_ROLL_MINUTELY,
    HF_AUDIT_ROLL_BY_SIZE_ONLY,
};

struct hf_audit_options {
    const char *directory; /* Must exist and be writable. At most 3967 bytes. Required. Copied. */
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

/*
 * A producer that is stopped in the middle of a record for this long (by a debugger, say) does not
 * hold up the others: the log goes on without its record, whose number is dropped. With
 * HF_AUDIT_BLOCK the record is then written under another number.
 */
#define HF_AUDIT_STALL_NS HF_SECONDS(1)

/*
 * Opens the log and starts its writer thread, which takes none of the program's signals. An
 * existing live file is appended to, after a torn last line, if there is one, has been ended with a
 * newline; one of another period is rolled first.
 * Returns HF_OK; HF_INVALID: audit or options is NULL or an option is out of range; HF_IO: the
 * directory or file cannot be used (error names the path and the system's reason; a symbolic link
 * in the live file's place is refused); HF_NO_MEMORY: neither memory nor thread. On failure *audit
 * is NULL.
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
 * Writes a record. event: a name of one's own, e.g. "login"; "hf.open" and "hf.gap" are the log's.
 * fields: NULL if fields_count is 0. Where a record gets longer than HF_AUDIT_RECORD_BYTES_MAX, its
 * texts are cut, the last ones first, and it gets `"truncated":true`.
 * Returns HF_OK: it is in the queue and will be written. HF_FULL: dropped, and a gap record will
 * name it. HF_CLOSED: the log is being closed. HF_INVALID: audit, event or fields is NULL, a
 * field's name is NULL or one that every record has ("time", "seq", "event", "truncated"), its kind
 * is off the list, its text is NULL but has a size, there are too many fields, or all but the texts
 * does not fit. Thread-safe; lock-free with HF_AUDIT_DROP; no allocation, no system call unless it
 * waits or the writer sleeps.
 */
HF_API enum hf_status hf_audit_emit(
    struct hf_audit *audit, const char *event, const struct hf_field *fields, size_t fields_count);

/*
 * Changes what is done with a record when the lanes are full, from now on. Who waits for room takes
 * the new policy as well: with HF_AUDIT_DROP its record is dropped as if it had come only now. So a
 * program that must end can end its waits for a disk that refuses. HF_INVALID: audit is NULL or the
 * policy is off the list. Thread-safe.
 */
HF_API enum hf_status hf_audit_set_full_policy(
    struct hf_audit *audit, enum hf_audit_full_policy policy);

/*
 * Waits until all that was emitted before the call is written, and synced unless the interval is
 * HF_AUDIT_SYNC_NEVER. timeout_ns is of the log's clock and may be UINT64_MAX: for ever.
 * HF_TIMEOUT: not by then. HF_IO: the disk refuses it at present; the log goes on trying.
 * HF_CLOSED: the log is being closed. HF_INVALID: audit is NULL. Thread-safe.
 */
HF_MUST_USE HF_API enum hf_status hf_audit_flush(struct hf_audit *audit, uint64_t timeout_ns);

struct hf_audit_statistics {
    uint64_t emitted; /* Sequence numbers given to callers' records, dropped ones included. */
    uint64_t written; /* Callers' records in files. */
    uint64_t dropped; /* Named by gap records in files. */
    uint64_t gaps;    /* Gap records in files. */
    uint64_t files_rolled;
    uint64_t files_pruned;
    uint64_t bytes_written;
    uint64_t io_errors; /* Failed file operations; what failed is tried again. */
    int32_t io_errno;   /* The latest of them, 0 if none. */
};

/* Reads the statistics. Thread-safe. HF_INVALID for NULL. */
HF_NAMESAKE_BEGIN
HF_MUST_USE HF_API enum hf_status hf_audit_statistics(
    const struct hf_audit *audit, struct hf_audit_statistics *statistics);
HF_NAMESAKE_END

/*
 * Stops taking records, writes the backlog for at most timeout_ns of the log's clock (UINT64_MAX:
 * for as long as it takes), syncs, ends the thread and frees the log. A file operation that is
 * under way is waited for in any case. No other call may begin meanwhile or afterwards, and none be
 * under way but for emits that wait for room and flushes: those come back with HF_CLOSED.
 * Returns HF_OK: everything is on disk. HF_LOST: *lost (NULL: not wanted) records are not known to
 * be. audit NULL: HF_OK.
 */
HF_API enum hf_status hf_audit_close(struct hf_audit *audit, uint64_t timeout_ns, uint64_t *lost);

#ifdef __cplusplus
}
#endif

#endif
