/* SPDX-License-Identifier: MIT */
#ifndef HF_CLI_DEMO_TIMELINE_H
#define HF_CLI_DEMO_TIMELINE_H

#include "cli/record.h"

/*
 * The demo's live story, told from the audit log while it is being written: what happens seldom
 * is told at once, what happens often is counted and told together.
 */
#define TIMELINE_NAMES_MAX 8
#define TIMELINE_CHANGES_MAX 64

/* Who stands behind a key. */
struct timeline_name {
    const char *key;
    const char *name;
};

/* What the audit log says about one key. */
struct timeline_key {
    uint64_t admitted;
    uint64_t denied;
    uint64_t first_ns; /* Time of its first and last decision. */
    uint64_t last_ns;
    uint64_t denied_untold; /* Since the story last told of them. */
    uint64_t wait_ns;       /* The latest denial's retry_after_ns. */
};

struct timeline_change {
    uint64_t at_ns; /* Since the start. */
    char from[16];
    char to[16];
};

struct timeline {
    bool json;
    bool colour;
    const char *path;
    long offset;
    uint64_t start_ns; /* Wall clock, for the times shown. */
    uint64_t now_ns;   /* Of the latest record. */
    struct timeline_name names[TIMELINE_NAMES_MAX];
    struct timeline_key keys[TIMELINE_NAMES_MAX];
    size_t names_count;
    struct timeline_change changes[TIMELINE_CHANGES_MAX];
    size_t changes_count;
    uint64_t retries_untold;
    uint64_t refused_untold;
    uint64_t retry_delay_ns;
    int32_t retry_code;
    uint64_t records; /* Lines read but for the log's own. */
    uint64_t malformed;
    uint64_t missing; /* Records named by gap records. */
    uint64_t failed;
    uint64_t retried;
    uint64_t refused;
};

/* Prints a line of the story of its own: a new phase. */
void timeline_say(struct timeline *timeline, uint64_t at_ns, const char *what, const char *text);

/* Reads what is new in the audit log and tells of it. */
void timeline_read(struct timeline *timeline);

/* Tells what has been counted since the last call. */
void timeline_tell(struct timeline *timeline);

#endif
