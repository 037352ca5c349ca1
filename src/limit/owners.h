/* SPDX-License-Identifier: MIT */
#ifndef HF_LIMIT_OWNERS_H
#define HF_LIMIT_OWNERS_H

#include <holdfast/error.h>

#include "base/mapping.h"
#include "base/table.h"

/*
 * Who uses a shared table: each opening of its file has a number from 1 to HF_TABLE_OWNER_MAX,
 * which marks the slots that it has not finished. It keeps a byte of the file locked for as long as
 * it lives, so a number whose byte is not locked is a dead owner's, or nobody's:
 *
 *     door: one locked byte, for whoever opens the file; then, behind it,
 *     take a number; recover what its former owner left; settle; leave the door.
 *
 * A number's mark in the file is set while somebody has it and cleared when it is given back. One
 * that is set without a lock tells that an owner has died. It only saves looking at a table that
 * nobody has left in the middle of something: nothing goes wrong if it is lost.
 */
struct hf_owners {
    const struct hf_mapping *mapping;
    intptr_t file;
    uint64_t offset; /* Of the bytes locked: the door's, then one for each number. */
    uint64_t *marks; /* One for each number, from 0, which is nobody's. */
    uint32_t mine;   /* 0: not settled. */
    bool died[HF_TABLE_OWNER_MAX + 1]; /* Found dead by hf_owners_find_dead. */
};

/* Waits for the door. HF_TIMEOUT: somebody else has had it for wait_ns. */
HF_MUST_USE enum hf_status hf_owners_enter(
    const struct hf_owners *owners, uint64_t wait_ns, struct hf_error *error);

void hf_owners_leave(const struct hf_owners *owners);

/* Whether nobody has a number: behind the door, before taking one. */
HF_MUST_USE enum hf_status hf_owners_alone(
    const struct hf_owners *owners, bool *alone, struct hf_error *error);

/*
 * Behind the door: takes a number that nobody has. It still counts as dead, so that what the former
 * owner has left can be recovered. HF_FULL: all are taken.
 */
HF_MUST_USE enum hf_status hf_owners_take(
    struct hf_owners *owners, uint32_t *number, struct hf_error *error);

/* Behind the door: whether any owner has died and left its mark. */
bool hf_owners_find_dead(struct hf_owners *owners);

/* Clears the marks of those found, whose slots have been recovered, and lives by the number taken.
 */
void hf_owners_settle(struct hf_owners *owners, uint32_t number);

/* Sets the own mark, if it is not. */
void hf_owners_mark(struct hf_owners *owners);

/* Gives the number back when the file is closed: clears its mark. */
void hf_owners_give_back(struct hf_owners *owners);

/*
 * Whether an owner is dead, for hf_table_recover; context: struct hf_owners. Each answer is given
 * after the slot in question has been read: whoever wrote it had its lock then and until it died.
 */
bool hf_owners_is_dead(void *context, uint32_t number);

#endif
