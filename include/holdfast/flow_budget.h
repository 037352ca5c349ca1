/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_FLOW_BUDGET_H
#define HOLDFAST_FLOW_BUDGET_H

#include <holdfast/allocator.h>
#include <holdfast/decision.h>
#include <holdfast/hash.h>
#include <holdfast/limiter.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * How much may flow to whom: for each pair of a context and a peer a budget that only shrinks, in a
 * lock-free table of fixed memory, charged before anything is sent and replicated by merging.
 *
 *     status = hf_flow_grant(flow, context, peer, epoch, 1000000);
 *     ...
 *     if (hf_flow_charge(flow, context, peer, message_bytes, NULL) != HF_OK)
 *         keep_silent();
 *
 * A budget is three numbers: the epoch, the limit, and what is spent of it. Two replicas' views of
 * one budget merge thus, in whatever order and however often they arrive:
 *
 *     the higher epoch wins, with its limit and what is spent of it; the lower is ignored;
 *     in one epoch the limit is the smaller and what is spent the larger of the two.
 *
 * So within an epoch a limit only shrinks and what is spent only grows, and a new epoch is what
 * replenishes. Merging is commutative, associative and idempotent (a join): replicas that hear of
 * each other's entries, if only in the end, agree.
 *
 * What it promises, and on what terms:
 * - In one table, what charges took in an epoch never exceeds the limit at the time of each. Every
 *   call on one pair takes effect at once, at one moment between its start and its end.
 * - What is spent in an epoch at or above the table's floor is never forgotten. Only
 *   hf_flow_advance, which raises the floor, makes lower epochs worthless, and with it gives their
 *   places to others: a merge that brings one back is ignored.
 * - Merging takes the larger, not the sum: of two replicas that both charge one pair, each may
 *   spend the whole limit. Where several charge, make the charging replica a part of the context,
 *   and divide the limit.
 * - Pairs are told apart by a keyed hash of 128 bits, which also names them in entries. Replicas
 *   that exchange entries must be made with the same seed and the same kind of hash.
 *
 * All calls but new and free are thread-safe and lock-free and never allocate.
 */
struct hf_flow;

/* The largest limit, and the most that can be spent in an epoch. */
#define HF_FLOW_AMOUNT_MAX ((UINT64_C(1) << 56) - 1)

struct hf_flow_options {
    /*
     * Budgets it is meant for: at most 2^32. 0: 1024. Up to 56 fit whatever they are; with more the
     * chance that one of them finds no room is next to none. Memory reserved is about 208 bytes
     * each, used as touched.
     */
    uint64_t entries_max;
    enum hf_hash_kind hash;
    const struct hf_hash_seed *seed;      /* NULL: a secret one from the system. Copied. */
    const struct hf_allocator *allocator; /* NULL: libc. */
};

/*
 * Makes a table without budgets, its floor at 0. HF_INVALID: an option is out of range;
 * HF_NO_MEMORY; HF_IO: no seed to be had. On failure *flow is NULL and error (NULL: not wanted)
 * names the field and value.
 */
HF_MUST_USE HF_API enum hf_status hf_flow_new(
    struct hf_flow **flow, const struct hf_flow_options *options, struct hf_error *error);

/* Frees it; no other call may be under way. NULL: nothing. */
HF_API void hf_flow_free(struct hf_flow *flow);

/*
 * Takes `cost` from the budget of this context and peer, before sending. Cost 0 is a peek: says
 * whether a cost of 1 would fit, and charges nothing.
 * Returns HF_OK: charged. HF_DENIED: less than that is left, or there is no budget for the pair;
 * nothing charged; decision's reason is flow and retry_after_ns UINT64_MAX, since no wait but a new
 * epoch helps. HF_INVALID: an argument is wrong, and decision names it: flow is NULL; peer.size is
 * 0 or above HF_KEY_BYTES_MAX, context.size above that; or data is NULL with a size. decision: NULL
 * if not wanted; its limit is the epoch's, and reset_after_ns UINT64_MAX unless all of it is there.
 * Cost: two hashes, one cache line and one compare-and-swap.
 */
HF_MUST_USE HF_API enum hf_status hf_flow_charge(struct hf_flow *flow, struct hf_bytes context,
    struct hf_bytes peer, uint64_t cost, struct hf_decision *decision);

/* What a charge would answer, charging nothing. Cost 0 counts as 1. */
HF_MUST_USE HF_API enum hf_status hf_flow_peek(struct hf_flow *flow, struct hf_bytes context,
    struct hf_bytes peer, uint64_t cost, struct hf_decision *decision);

/* A budget, as replicas exchange it. */
struct hf_flow_entry {
    uint64_t key[2]; /* The hash of context and peer. */
    uint64_t epoch;
    uint64_t limit; /* At most HF_FLOW_AMOUNT_MAX, */
    uint64_t spent; /* as this. May exceed limit, which has shrunk meanwhile. */
};

/* What is left. Pure. */
static inline uint64_t hf_flow_remaining(const struct hf_flow_entry *entry)
{
    return entry->spent < entry->limit ? entry->limit - entry->spent : 0;
}

/*
 * Grants a limit for an epoch: merges {epoch, limit, nothing spent}. Returns as hf_flow_merge;
 * HF_INVALID also for a wrong context or peer.
 */
HF_MUST_USE HF_API enum hf_status hf_flow_grant(struct hf_flow *flow, struct hf_bytes context,
    struct hf_bytes peer, uint64_t epoch, uint64_t limit);

/*
 * Merges another replica's view of a budget, or grants one.
 * Returns HF_OK: merged, or ignored since its epoch is lower than the budget's or the floor.
 * HF_FULL: a new pair, and the places that it may have are held by budgets at or above the floor
 * (or, for any pair, eight other threads are amid changes there); nothing changed. HF_INVALID: an
 * argument is NULL, limit or spent above HF_FLOW_AMOUNT_MAX. An entry from the wire is a claim like
 * any other: whoever may send them can use budgets up and, by a high epoch, replace them.
 */
HF_MUST_USE HF_API enum hf_status hf_flow_merge(
    struct hf_flow *flow, const struct hf_flow_entry *entry);

/*
 * Reads a pair's budget as it stands at one moment. HF_NOT_FOUND: it has none, or one below the
 * floor. HF_INVALID as hf_flow_charge. *entry is written on HF_OK only.
 */
HF_MUST_USE HF_API enum hf_status hf_flow_find(struct hf_flow *flow, struct hf_bytes context,
    struct hf_bytes peer, struct hf_flow_entry *entry);

/*
 * Raises the floor: budgets of epochs below it can no longer be charged, are no longer found, and
 * leave their places to new ones as needed. A floor below the present one changes nothing. The
 * floor is part of what replicas exchange: it merges by maximum. HF_INVALID: flow is NULL. O(1).
 */
HF_MUST_USE HF_API enum hf_status hf_flow_advance(struct hf_flow *flow, uint64_t floor);

/* The floor. NULL: 0. */
HF_API uint64_t hf_flow_floor(const struct hf_flow *flow);

/* Where a walk over all budgets stands. Starts zeroed; fields are private. */
struct hf_flow_cursor {
    uint64_t bucket;
    uint64_t control;
    uint32_t slot;
};

/*
 * The next budget of a walk, for a snapshot or to send it to a replica:
 *
 *     struct hf_flow_cursor cursor = {0};
 *     while (hf_flow_next(flow, &cursor, &entry) == HF_OK)
 *         send(&entry);
 *
 * Each is what it was at one moment. A budget that exists from the walk's start to its end is seen
 * at least once: where budgets of its neighbourhood get other limits or epochs meanwhile, the walk
 * goes through that neighbourhood again, as often as that happens. What is seen twice does no harm
 * to a merge. HF_NOT_FOUND: that was all. HF_INVALID: an argument
 * is NULL, or the cursor is of a larger table.
 */
HF_MUST_USE HF_API enum hf_status hf_flow_next(
    struct hf_flow *flow, struct hf_flow_cursor *cursor, struct hf_flow_entry *entry);

#ifdef __cplusplus
}
#endif

#endif
