/* SPDX-License-Identifier: MIT */
#ifndef HF_LIMIT_FILE_STATE_H
#define HF_LIMIT_FILE_STATE_H

#include "limit/file_header.h"

/*
 * The second page of a limiter's file: what changes. Times are table time, which goes on from one
 * start of the machine to the next, unless said otherwise.
 */

/* Table time is table_ns when the clock reads clock_ns, and goes on with it. */
struct hf_time_line {
    uint64_t clock_ns;
    uint64_t table_ns;
};

/*
 * How table time follows the clock during one start of the machine. There are two, of which the
 * valid one with the higher sequence counts: whoever is killed while writing one leaves the other.
 */
struct hf_file_boot {
    uint64_t sequence;
    struct hf_hash128 boot; /* Of its name. */
    struct hf_time_line line;
    uint64_t checksum;
    uint64_t unused[2];
};

struct hf_file_state {
    struct hf_file_boot boots[2];
    _Alignas(HF_CACHE_LINE) uint64_t high_water; /* A time that was seen, sealed. */
    _Alignas(HF_CACHE_LINE) uint64_t owners[HF_TABLE_OWNER_MAX + 1];
    uint8_t padding[HF_FILE_PAGE_BYTES - 2240];
};

_Static_assert(sizeof(struct hf_file_state) == HF_FILE_PAGE_BYTES, "the state is one page");

/* What the clocks read at one moment. */
struct hf_file_moment {
    uint64_t clock_ns;
    uint64_t wall_ns;
    struct hf_hash128 boot;
};

/* Table time at a reading of the clock: not before the line's beginning, UINT64_MAX if too late. */
uint64_t hf_time_line_at(const struct hf_time_line *line, uint64_t clock_ns);

/* The state of a new file whose table time begins with what the clock reads. */
struct hf_file_state hf_file_state(const struct hf_file_moment *now);

/*
 * The latest time known to have been reached: noted in the file, or the table's horizon. To be
 * asked for before the clock is read, so that it is not after. HF_MALFORMED: the state is damaged.
 */
HF_MUST_USE enum hf_status hf_file_state_reached(const struct hf_file_state *state,
    uint64_t horizon_ns, uint64_t *reached_ns, struct hf_error *error);

/*
 * Lets table time go on: *line is how it follows the clock from now on. It is not before
 * `reached_ns`; if the machine has been started since the file was last opened, it is what the wall
 * clock says. alone: nobody else has the file open, so that the line may be written into it.
 * HF_MALFORMED: the state is damaged; HF_INVALID: table time would be above HF_TIME_MAX_NS.
 */
HF_MUST_USE enum hf_status hf_file_state_resume(struct hf_file_state *state,
    const struct hf_file_header *header, const struct hf_file_moment *now, uint64_t reached_ns,
    bool alone, struct hf_time_line *line, struct hf_error *error);

/* Notes that a time has been seen, to about a ms and never later than it was. Thread-safe. */
void hf_file_state_note(struct hf_file_state *state, uint64_t table_ns);

#endif
