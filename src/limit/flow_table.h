/* SPDX-License-Identifier: MIT */
#ifndef HF_LIMIT_FLOW_TABLE_H
#define HF_LIMIT_FLOW_TABLE_H

#include <holdfast/flow_budget.h>

#include "base/atomic.h"

/*
 * The table of flow budgets, without locks and without pointers; flow_table.c holds the protocol
 * and its proof. A pair's budget stands in one slot of the one bucket that its hash chooses.
 *
 *     struct hf_flow_found found;
 *     if (hf_flow_table_find(bucket, key, &found) && fits(&found.entry, cost) &&
 *         hf_flow_table_charge(&found, cost))
 *         ... charged ...
 */

#define HF_FLOW_SLOTS 64 /* Of a bucket. */

/*
 * Most live budgets of a bucket. The others are for budgets on their way in: a change of limit or
 * epoch needs a free slot for a moment.
 */
#define HF_FLOW_LIVE_MAX 56

struct hf_flow_slot {
    uint64_t word;  /* count:62 | state:2 */
    uint64_t base;  /* What is spent is count - base. */
    uint64_t epoch; /* The rest never changes while a budget stands here. */
    uint64_t limit;
    uint64_t key[2];
    uint64_t unused[2];
};

_Static_assert(sizeof(struct hf_flow_slot) == HF_CACHE_LINE, "a slot is one cache line");

struct hf_flow_bucket {
    uint64_t control; /* changes:50 | fresh:7 | old:7 */
    uint64_t unused[7];
    struct hf_flow_slot slots[HF_FLOW_SLOTS];
};

/* A budget as it was at the moment at which its slot's word was `word`. */
struct hf_flow_found {
    struct hf_flow_slot *slot;
    uint64_t word;
    struct hf_flow_entry entry;
};

/*
 * Looks for the key's budget. False: it has none. What is found may be out of date by now, and even
 * be another's if the word has changed: only a charge, or hf_flow_table_still, vouches for it.
 */
bool hf_flow_table_find(
    struct hf_flow_bucket *bucket, const uint64_t *key, struct hf_flow_found *found);

/* Whether what was found stands. */
bool hf_flow_table_still(const struct hf_flow_found *found);

/* Adds cost, at most HF_FLOW_AMOUNT_MAX, to what is spent. False: the word has changed. */
bool hf_flow_table_charge(const struct hf_flow_found *found, uint64_t cost);

/* Joins an entry whose bucket this is into the table. HF_OK or HF_FULL. */
HF_MUST_USE enum hf_status hf_flow_table_join(
    struct hf_flow_bucket *bucket, const uint64_t *floor, const struct hf_flow_entry *entry);

/* Reads a slot into found. False: no budget stands there. */
bool hf_flow_table_read(struct hf_flow_slot *slot, struct hf_flow_found *found);

/* The bucket's control word at a moment when no change is under way there. */
uint64_t hf_flow_table_settled(struct hf_flow_bucket *bucket);

#endif
