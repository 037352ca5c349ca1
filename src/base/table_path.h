/* SPDX-License-Identifier: MIT */
#ifndef HF_BASE_TABLE_PATH_H
#define HF_BASE_TABLE_PATH_H

#include "base/table_slot.h"

/* Step 5 of table.c, and what claiming, withdrawing and recovering have in common. */

#define HF_TABLE_NOWHERE UINT32_MAX

/* What a scan of a key's path has found: slots by number, or HF_TABLE_NOWHERE. */
struct hf_table_scan {
    uint32_t committed;
    uint32_t winner;
    uint32_t candidate;
    uint64_t winner_time; /* What their times were. */
    uint64_t candidate_time;
    uint64_t earliest; /* The smallest bound of a committed slot. */
    bool lost;         /* A bump failed: the scan is void. */
};

/* now: the table's. helping: bump what must be bumped; otherwise only look. */
struct hf_table_scan hf_table_scan_path(
    const struct hf_table *table, struct hf_table_key key, uint64_t now, bool helping);

/*
 * Gives a private slot of the line another name and brings overflow up to date on the lines between
 * the homes of the old and the new: raised before the name changes, lowered after. On lines that
 * both paths cross nothing changes.
 */
void hf_table_rename(struct hf_table_line *line, uint32_t index, uint64_t name);

/*
 * Takes a slot whose time is *time, which is private or tentative, and leaves it free. False:
 * its time has changed, to *time.
 */
bool hf_table_vacate(
    const struct hf_table *table, struct hf_table_line *line, uint32_t index, uint64_t *time);

/* Vacates what dead owners have left on the path from `home` on, where deaths can be told. */
void hf_table_recover_path(const struct hf_table *table, struct hf_table_line *home);

#endif
