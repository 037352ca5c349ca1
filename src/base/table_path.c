/* SPDX-License-Identifier: MIT */
#include "base/table_path.h"

/* The overflow field at its largest says nothing any more: it stays there. */
#define OVERFLOW_STUCK (UINT64_MAX & ~HF_TABLE_NAME_MASK)

/* Step 5 for one slot. False: the scan is over. */
static bool examine(const struct hf_table *table, struct hf_table_key key, uint32_t slot,
    uint64_t now, bool helping, struct hf_table_scan *scan)
{
    uint64_t *word = hf_table_time_at(key.home, slot);
    uint64_t time = hf_load_seq(word);
    hf_step(HF_STEP_TABLE_READING);
    uint64_t name = hf_load_acquire(hf_table_name_at(key.home, slot)) & HF_TABLE_NAME_MASK;
    bool ours = name == hf_table_name(key.fingerprint, slot / HF_TABLE_LINE_SLOTS);
    if (hf_table_is_committed(time)) {
        if (ours) {
            scan->committed = slot;
            return false;
        }
        uint64_t bound = hf_table_bound(table, time);
        scan->earliest = hf_min(scan->earliest, bound);
        if (bound + HF_TABLE_MARGIN_NS <= now && scan->candidate == HF_TABLE_NOWHERE) {
            scan->candidate = slot;
            scan->candidate_time = time;
        }
        return true;
    }
    if (!ours || time >= HF_TABLE_PRIVATE)
        return true;
    if (scan->winner == HF_TABLE_NOWHERE) {
        scan->winner = slot;
        scan->winner_time = time;
        return true;
    }
#ifdef HF_MUTANT_NO_BUMP
    helping = false;
#endif
    hf_step(HF_STEP_TABLE_BUMPING);
    scan->lost = helping && !hf_cas_seq(word, &time, time + HF_TABLE_STEP_NS);
    return !scan->lost;
}

struct hf_table_scan hf_table_scan_path(
    const struct hf_table *table, struct hf_table_key key, uint64_t now, bool helping)
{
    struct hf_table_scan scan = {
        .committed = HF_TABLE_NOWHERE,
        .winner = HF_TABLE_NOWHERE,
        .candidate = HF_TABLE_NOWHERE,
        .earliest = UINT64_MAX,
    };
    for (uint32_t distance = 0; distance < table->path_lines; distance++) {
        for (uint32_t i = 0; i < HF_TABLE_LINE_SLOTS; i++) {
            uint32_t slot = distance * HF_TABLE_LINE_SLOTS + i;
            if (!examine(table, key, slot, now, helping, &scan))
                return scan;
        }
        bool placed = scan.winner != HF_TABLE_NOWHERE || scan.candidate != HF_TABLE_NOWHERE;
        if (placed && hf_load_seq(&key.home[distance].names[0]) < HF_TABLE_OVERFLOW_ONE)
            break;
    }
    hf_step(HF_STEP_TABLE_SCANNED);
    return scan;
}

/* Counts one more or one less beyond a line; delta is HF_TABLE_OVERFLOW_ONE or its negative. */
static void count_beyond(struct hf_table_line *line, uint64_t delta)
{
    uint64_t seen = hf_load_seq(&line->names[0]);
    while (seen < OVERFLOW_STUCK && !hf_cas_seq(&line->names[0], &seen, seen + delta))
        continue;
}

static void lower_overflow(struct hf_table_line *line, uint64_t from, uint64_t to)
{
    for (uint64_t back = from; back > to; back--)
        count_beyond(line - back, 0 - HF_TABLE_OVERFLOW_ONE);
}

void hf_table_rename(struct hf_table_line *line, uint32_t index, uint64_t name)
{
    uint64_t old_name = hf_load_relaxed(&line->names[index]) & HF_TABLE_NAME_MASK;
    uint64_t from = hf_table_displacement(old_name);
    uint64_t to = hf_table_displacement(name);
    for (uint64_t back = to; back > from; back--)
        count_beyond(line - back, HF_TABLE_OVERFLOW_ONE);
#ifdef HF_MUTANT_LOWER_FIRST
    lower_overflow(line, from, to);
#endif
    hf_step(HF_STEP_TABLE_RAISED);
    /* Others change this line's overflow in the same word, hence no plain store. */
    hf_xor_release(&line->names[index], old_name ^ name);
    hf_step(HF_STEP_TABLE_NAMED);
#ifndef HF_MUTANT_LOWER_FIRST
    lower_overflow(line, from, to);
#endif
}

bool hf_table_vacate(
    const struct hf_table *table, struct hf_table_line *line, uint32_t index, uint64_t *time)
{
    uint64_t tat = hf_table_next_tat(table, hf_table_tat(*time));
    if (!hf_cas_seq(&line->times[index], time, HF_TABLE_PRIVATE + tat))
        return false;
    hf_step(HF_STEP_TABLE_VACATING);
    hf_table_rename(line, index, 0);
    hf_store_release(&line->times[index], tat + 1);
    hf_step(HF_STEP_TABLE_VACATED);
    return true;
}
