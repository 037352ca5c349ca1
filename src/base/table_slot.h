/* SPDX-License-Identifier: MIT */
#ifndef HF_BASE_TABLE_SLOT_H
#define HF_BASE_TABLE_SLOT_H

#include "base/minmax.h"
#include "base/table.h"

/*
 * The two words of a slot, taken apart and put together; table.c says what they mean. For the slow
 * paths: a request for a known key gets by without.
 */

/* What makes a time one of the marked kinds; below HF_TABLE_LOWERED it is plain. */
#define HF_TABLE_LOWERED HF_TABLE_RANGE
#define HF_TABLE_TENTATIVE (3 * HF_TABLE_RANGE)
#define HF_TABLE_PRIVATE (4 * HF_TABLE_RANGE)

/* How many units a high-water mark can stand above a lowered time: there are so many marks. */
#define HF_TABLE_UNITS_MAX 2

static inline uint64_t hf_table_tat(uint64_t time)
{
    return time < HF_TABLE_LOWERED ? time : time % HF_TABLE_RANGE; /* Mostly without a division. */
}

static inline bool hf_table_is_committed(uint64_t time)
{
    return time < HF_TABLE_TENTATIVE;
}

/* A committed slot has never been later than this since it was claimed. */
static inline uint64_t hf_table_bound(const struct hf_table *table, uint64_t time)
{
    if (time < HF_TABLE_LOWERED)
        return time;
    uint64_t units = hf_table_tat(time) / table->unit_ns + time / HF_TABLE_RANGE;
    return units * table->unit_ns;
}

/*
 * The committed time of a TAT in a slot that has been as late as bound; or of a later TAT, where
 * the marks do not reach that far.
 */
static inline uint64_t hf_table_time(const struct hf_table *table, uint64_t tat, uint64_t bound)
{
#ifdef HF_MUTANT_LOST_BOUND
    bound = 0;
#endif
    if (tat >= bound)
        return tat;
    uint64_t unit = table->unit_ns;
    uint64_t bound_units = bound / unit + (bound % unit != 0);
    uint64_t units = hf_min(bound_units - tat / unit, HF_TABLE_UNITS_MAX);
    return units * HF_TABLE_RANGE + hf_max(tat, (bound_units - units) * unit);
}

/* An owner's TAT, the next one that is later than any before. */
static inline uint64_t hf_table_next_tat(const struct hf_table *table, uint64_t tat)
{
    return (tat / HF_TABLE_STEP_NS + 1) * HF_TABLE_STEP_NS + table->owner;
}

/* Whose a private or tentative slot is. */
static inline uint32_t hf_table_owner(uint64_t time)
{
    return (uint32_t)(hf_table_tat(time) % HF_TABLE_STEP_NS);
}

static inline uint64_t hf_table_name(uint64_t fingerprint, uint64_t displacement)
{
    return fingerprint | displacement << HF_TABLE_FINGERPRINT_BITS;
}

static inline uint64_t hf_table_displacement(uint64_t name)
{
    return (name & HF_TABLE_NAME_MASK) >> HF_TABLE_FINGERPRINT_BITS;
}

/* Slots of a path are numbered from its first line on. */
static inline uint64_t *hf_table_name_at(struct hf_table_line *line, uint64_t slot)
{
    return &line[slot / HF_TABLE_LINE_SLOTS].names[slot % HF_TABLE_LINE_SLOTS];
}

static inline uint64_t *hf_table_time_at(struct hf_table_line *line, uint64_t slot)
{
    return &line[slot / HF_TABLE_LINE_SLOTS].times[slot % HF_TABLE_LINE_SLOTS];
}

#endif
