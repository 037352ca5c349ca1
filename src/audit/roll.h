/* SPDX-License-Identifier: MIT */
#ifndef HF_AUDIT_ROLL_H
#define HF_AUDIT_ROLL_H

/*
 * The live file and its successors: appending, rolling, pruning. Used by one thread at a time.
 *
 * Rolling is: rename the live file, open a new one, close the old. Until the new one is open, lines
 * go on into the old one under whichever name it has, so that a failure at any point loses nothing;
 * it is tried again after HF_ROLL_RETRY_NS.
 */

#include <holdfast/audit.h>

#include "audit/name.h"
#include "audit/tally.h"

#define HF_ROLL_PATH_BYTES_MAX 4096 /* With NUL: Linux's PATH_MAX. */
#define HF_ROLL_DIRECTORY_BYTES_MAX (HF_ROLL_PATH_BYTES_MAX - HF_NAME_BYTES_MAX - 1)
#define HF_ROLL_RETRY_NS HF_SECONDS(1)

/*
 * A record older than the beginning of the live file's period shows that the clock was set back,
 * unless it merely waited in a lane over the end of a period: records may be late by this much.
 */
#define HF_ROLL_LATE_NS HF_SECONDS(60)

struct hf_roll {
    struct hf_files files;
    struct hf_tally *tally;
    enum hf_audit_roll period;
    uint64_t file_bytes_max;
    uint32_t files_max;

    intptr_t file;
    uint64_t size_bytes;
    uint64_t began_ns; /* Wall time of the file's first record, */
    bool dated;        /* if known: a file without one takes that of the next record. */
    bool renamed;      /* The file has its rolled name and waits for its successor. */
    bool failed;       /* Rolling failed at failed_at_ns. */
    uint64_t failed_at_ns;
    uint64_t number; /* Of the next rolled file. */

    char prefix[HF_NAME_PREFIX_BYTES_MAX + 1];
    char directory[HF_ROLL_DIRECTORY_BYTES_MAX + 1];
    char live[HF_ROLL_PATH_BYTES_MAX];
};

/*
 * Opens or creates the live file, ends a torn last line, finds the next number and prunes.
 * options: checked, with no zero left that means a default. HF_IO (error names what failed).
 */
enum hf_status hf_roll_open(struct hf_roll *roll, const struct hf_audit_options *options,
    struct hf_tally *tally, struct hf_error *error);
void hf_roll_close(struct hf_roll *roll);

/* True if a line of that wall time and size should stand in a new file. pending_bytes: what is
 * still to be appended before it. */
bool hf_roll_due(const struct hf_roll *roll, uint64_t time_ns, uint64_t pending_bytes,
    uint64_t line_bytes, uint64_t now_ns);

/* Begins a new file and prunes; if it cannot, postpones. */
void hf_roll_next(struct hf_roll *roll, uint64_t now_ns);
void hf_roll_postpone(struct hf_roll *roll, uint64_t now_ns);

/* Says that the next line has this wall time. */
void hf_roll_date(struct hf_roll *roll, uint64_t time_ns);

/* Append, cut off the last bytes, sync: 0 or an errno value, already counted. */
int hf_roll_append(struct hf_roll *roll, const char *text, size_t size, size_t *written);
int hf_roll_cut(struct hf_roll *roll, uint64_t size);
int hf_roll_sync(struct hf_roll *roll);

#endif
