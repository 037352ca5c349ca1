/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_SUPPORT_TABLE_CHECK_H
#define HF_TESTS_SUPPORT_TABLE_CHECK_H

#include "base/table.h"

/*
 * Asserts what holds of a table that nobody is using: all slots are committed, each name stands
 * where its displacement allows, no key has two slots, and each line's overflow is exactly the
 * number of slots beyond it on paths across it.
 */
void table_check(const struct hf_table *table);

/* The same where owners died and were recovered: overflow is at least that number. */
void table_check_after_death(const struct hf_table *table);

/* The key with this home line and fingerprint. */
struct hf_table_key table_key(const struct hf_table *table, uint64_t home, uint64_t fingerprint);

/* Slots that bear a name. */
uint64_t table_named(const struct hf_table *table);

#endif
