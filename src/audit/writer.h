/* SPDX-License-Identifier: MIT */
#ifndef HF_AUDIT_WRITER_H
#define HF_AUDIT_WRITER_H

/*
 * The writer: takes records out of the lanes in order of their numbers, names missing numbers in
 * gap records, and appends both in batches. It has no thread and no clock of its own: whoever
 * steps it says what time it is.
 *
 * What was taken out of a lane lives in the batch until the file has it. While the disk refuses,
 * the batch stays, the lanes fill, and producers meet the full policy; nothing taken is lost.
 */

#include <holdfast/audit.h>

#include "audit/lane.h"
#include "audit/roll.h"

#define HF_WRITER_BATCH_BYTES 65536
#define HF_WRITER_LINES_MAX 1024

enum hf_line_kind {
    HF_LINE_RECORD,
    HF_LINE_GAP,
    HF_LINE_OPEN,
};

struct hf_line {
    uint64_t upto; /* The line accounts for all numbers below that earlier lines do not. */
    uint32_t end;  /* Where it ends in the batch. */
    enum hf_line_kind kind;
};

struct hf_writer {
    struct hf_lanes *lanes;
    struct hf_wall_clock wall;
    uint64_t sync_interval_ns;
    struct hf_stamp_cache stamp;
    struct hf_roll roll;
    struct hf_tally tally;

    uint64_t next;    /* Numbers below are accounted for by lines, batched or appended. */
    uint64_t settled; /* Numbers below are accounted for by appended lines. Shared. */
    uint64_t durable; /* And by synced ones, if syncing is wanted. Shared. */
    uint64_t synced_at_ns;

    uint32_t size; /* Bytes in the batch, */
    uint32_t done; /* and how many of them the file has. */
    uint32_t lines_count;
    uint32_t lines_done;
    struct hf_line lines[HF_WRITER_LINES_MAX];
    char batch[HF_WRITER_BATCH_BYTES];
};

/* What a step did and found. */
struct hf_turn {
    uint64_t bytes; /* Appended. */
    bool failed;    /* The file did not take the batch. */
    bool idle;      /* Every number given so far is in the file. */
};

/*
 * Opens the files and batches the record that says so. Memory zeroed; options checked, with no zero
 * that means a default. lanes: begin with number 1; borrowed. HF_IO, or HF_OK: fini then.
 */
enum hf_status hf_writer_init(struct hf_writer *writer, struct hf_lanes *lanes,
    const struct hf_audit_options *options, uint64_t now_ns, struct hf_error *error);
void hf_writer_fini(struct hf_writer *writer);

/* Appends all that is there, once around; syncs if it is time for it, or at once if `urgent`. */
struct hf_turn hf_writer_step(struct hf_writer *writer, uint64_t now_ns, bool urgent);

/* How long after now_ns a sync is due; UINT64_MAX: there is nothing to sync. */
uint64_t hf_writer_sync_due_ns(const struct hf_writer *writer, uint64_t now_ns);

#endif
