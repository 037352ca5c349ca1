/* SPDX-License-Identifier: MIT */
#include <holdfast/flow_budget.h>

#include <inttypes.h>

#include "base/allocator.h"
#include "base/fast_hash.h"
#include "base/multiply.h"
#include "limit/decision.h"
#include "limit/flow_table.h"

#define ENTRIES_DEFAULT 1024
#define ENTRIES_MAX (UINT64_C(1) << 32)

/* 20 budgets a bucket on average: that one gets more than HF_FLOW_LIVE_MAX is next to impossible.
 */
#define ENTRIES_A_BUCKET 20

struct hf_flow {
    /* Read by every call, written by none. */
    struct hf_flow_bucket *buckets;
    uint64_t buckets_count;
    struct hf_hash_seed seed;
    enum hf_hash_kind hash;
    struct hf_allocator allocator;
    _Alignas(HF_CACHE_LINE) uint64_t floor;
};

static enum hf_status check_options(const struct hf_flow_options *options, struct hf_error *error)
{
    if (options->entries_max > ENTRIES_MAX)
        return hf_error_add(error, HF_INVALID, 0,
            "entries_max: %" PRIu64 " is too large (at most %" PRIu64 ")", options->entries_max,
            ENTRIES_MAX);
    if (options->hash != HF_HASH_SIPHASH && options->hash != HF_HASH_FAST)
        return hf_error_add(
            error, HF_INVALID, 0, "hash: %d is not one (0 or 1)", (int)options->hash);
    return hf_allocator_check(options->allocator, error);
}

static uint64_t buckets_for(uint64_t entries_max)
{
    uint64_t entries = entries_max ? entries_max : ENTRIES_DEFAULT;
    if (entries <= HF_FLOW_LIVE_MAX)
        return 1;
    return (entries + ENTRIES_A_BUCKET - 1) / ENTRIES_A_BUCKET;
}

static enum hf_status configure(
    struct hf_flow *flow, const struct hf_flow_options *options, struct hf_error *error)
{
    enum hf_status status = check_options(options, error);
    if (status != HF_OK)
        return status;
    flow->buckets_count = buckets_for(options->entries_max);
    flow->hash = options->hash;
    flow->allocator = options->allocator ? *options->allocator : *hf_allocator_libc();
    if (!options->seed)
        return hf_hash_seed_system(&flow->seed, error);
    flow->seed = *options->seed;
    return HF_OK;
}

enum hf_status hf_flow_new(
    struct hf_flow **flow, const struct hf_flow_options *options, struct hf_error *error)
{
    if (!flow)
        return hf_error_add(error, HF_INVALID, 0, "flow: NULL");
    *flow = NULL;
    if (!options)
        return hf_error_add(error, HF_INVALID, 0, "options: NULL");
    struct hf_flow made = {0};
    enum hf_status status = configure(&made, options, error);
    if (status != HF_OK)
        return status;
    size_t buckets_bytes = made.buckets_count * sizeof(struct hf_flow_bucket);
    struct hf_flow *memory = hf_allocate(options->allocator, sizeof(made), HF_CACHE_LINE);
    made.buckets = hf_allocate(options->allocator, buckets_bytes, HF_CACHE_LINE);
    if (!memory || !made.buckets) {
        hf_release(options->allocator, made.buckets, buckets_bytes, HF_CACHE_LINE);
        hf_release(options->allocator, memory, sizeof(made), HF_CACHE_LINE);
        return hf_error_add(error, HF_NO_MEMORY, 0, "no memory for flow budgets of %zu bytes",
            sizeof(made) + buckets_bytes);
    }
    *memory = made;
    *flow = memory;
    return HF_OK;
}

void hf_flow_free(struct hf_flow *flow)
{
    if (!flow)
        return;
    struct hf_allocator allocator = flow->allocator;
    hf_release(&allocator, flow->buckets, flow->buckets_count * sizeof(struct hf_flow_bucket),
        HF_CACHE_LINE);
    hf_release(&allocator, flow, sizeof(*flow), HF_CACHE_LINE);
}

/* The name of the argument that is wrong, NULL if none is. */
static const char *wrong_argument(
    const struct hf_flow *flow, struct hf_bytes context, struct hf_bytes peer)
{
    if (!flow)
        return "flow";
    if (context.size > HF_KEY_BYTES_MAX)
        return "context.size";
    if (context.size > 0 && !context.data)
        return "context.data";
    if (peer.size == 0 || peer.size > HF_KEY_BYTES_MAX)
        return "peer.size";
    return peer.data ? NULL : "peer.data";
}

static struct hf_hash128 hash(
    const struct hf_flow *flow, const struct hf_hash_seed *seed, struct hf_bytes bytes)
{
    return flow->hash == HF_HASH_FAST ? hf_fast_hash(seed, bytes.data, bytes.size)
                                      : hf_hash_siphash(seed, bytes);
}

/*
 * The context's hash seeds the peer's: a pseudo-random function under a pseudo-random key is one
 * again, and no two pairs are the same bytes, as they could be if the two were put together.
 */
static void make_key(
    const struct hf_flow *flow, struct hf_bytes context, struct hf_bytes peer, uint64_t *key)
{
    struct hf_hash128 outer = hash(flow, &flow->seed, context);
    struct hf_hash_seed seed = {{outer.low, outer.high, flow->seed.words[2], flow->seed.words[3]}};
    struct hf_hash128 inner = hash(flow, &seed, peer);
    key[0] = inner.low;
    key[1] = inner.high;
}

/* Chosen by the half of the hash that does not choose the slot, by multiplication and shift. */
static struct hf_flow_bucket *bucket_of(const struct hf_flow *flow, const uint64_t *key)
{
    return &flow->buckets[hf_multiply(key[1], flow->buckets_count).high];
}

/*
 * The pair's budget as it stands. The floor is loaded after it was found: a budget that was
 * forgotten and is back was brought back after the floor had passed it.
 */
static bool find_live(struct hf_flow *flow, const uint64_t *key, struct hf_flow_found *found)
{
    struct hf_flow_bucket *bucket = bucket_of(flow, key);
    do {
#ifdef HF_MUTANT_FLOW_EARLY_FLOOR
        uint64_t floor = hf_load_acquire(&flow->floor);
#endif
        if (!hf_flow_table_find(bucket, key, found))
            return false;
#ifndef HF_MUTANT_FLOW_EARLY_FLOOR
        uint64_t floor = hf_load_acquire(&flow->floor);
#endif
        if (found->entry.epoch >= floor)
            return true;
    } while (!hf_flow_table_still(found));
    return false;
}

static void fill(
    struct hf_decision *decision, enum hf_reason reason, const struct hf_flow_entry *entry)
{
    if (!decision)
        return;
    *decision = (struct hf_decision){
        .reason = reason,
        .limit = entry->limit,
        .remaining = hf_flow_remaining(entry),
        .retry_after_ns = reason == HF_REASON_NONE ? 0 : UINT64_MAX,
        .reset_after_ns = entry->limit > 0 && entry->spent == 0 ? 0 : UINT64_MAX,
    };
}

static enum hf_status denied(struct hf_decision *decision, const struct hf_flow_entry *entry)
{
    fill(decision, HF_REASON_FLOW, entry);
    return HF_DENIED;
}

static inline enum hf_status decide(struct hf_flow *flow, struct hf_bytes context,
    struct hf_bytes peer, uint64_t cost, bool charging, struct hf_decision *decision)
{
    const char *wrong = wrong_argument(flow, context, peer);
    if (wrong)
        return hf_decision_invalid(decision, wrong);
    uint64_t key[2];
    make_key(flow, context, peer, key);
    struct hf_flow_found found;
    for (;;) {
        if (!find_live(flow, key, &found))
            return denied(decision, &(struct hf_flow_entry){0});
        bool fits = hf_flow_remaining(&found.entry) >= cost;
        if (fits && charging) {
            if (!hf_flow_table_charge(&found, cost))
                continue;
            found.entry.spent += cost;
        } else if (!hf_flow_table_still(&found)) {
            continue;
        }
        if (!fits)
            return denied(decision, &found.entry);
        fill(decision, HF_REASON_NONE, &found.entry);
        return HF_OK;
    }
}

enum hf_status hf_flow_charge(struct hf_flow *flow, struct hf_bytes context, struct hf_bytes peer,
    uint64_t cost, struct hf_decision *decision)
{
    return decide(flow, context, peer, cost ? cost : 1, cost > 0, decision);
}

enum hf_status hf_flow_peek(struct hf_flow *flow, struct hf_bytes context, struct hf_bytes peer,
    uint64_t cost, struct hf_decision *decision)
{
    return decide(flow, context, peer, cost ? cost : 1, false, decision);
}

enum hf_status hf_flow_merge(struct hf_flow *flow, const struct hf_flow_entry *entry)
{
    if (!flow || !entry || entry->limit > HF_FLOW_AMOUNT_MAX || entry->spent > HF_FLOW_AMOUNT_MAX)
        return HF_INVALID;
    if (entry->epoch < hf_load_acquire(&flow->floor))
        return HF_OK;
    return hf_flow_table_join(bucket_of(flow, entry->key), &flow->floor, entry);
}

enum hf_status hf_flow_grant(struct hf_flow *flow, struct hf_bytes context, struct hf_bytes peer,
    uint64_t epoch, uint64_t limit)
{
    if (wrong_argument(flow, context, peer))
        return HF_INVALID;
    struct hf_flow_entry entry = {.epoch = epoch, .limit = limit};
    make_key(flow, context, peer, entry.key);
    return hf_flow_merge(flow, &entry);
}

enum hf_status hf_flow_find(struct hf_flow *flow, struct hf_bytes context, struct hf_bytes peer,
    struct hf_flow_entry *entry)
{
    if (wrong_argument(flow, context, peer) || !entry)
        return HF_INVALID;
    uint64_t key[2];
    make_key(flow, context, peer, key);
    struct hf_flow_found found;
    do {
        if (!find_live(flow, key, &found))
            return HF_NOT_FOUND;
    } while (!hf_flow_table_still(&found));
    *entry = found.entry;
    return HF_OK;
}

enum hf_status hf_flow_advance(struct hf_flow *flow, uint64_t floor)
{
    if (!flow)
        return HF_INVALID;
    hf_max_seq(&flow->floor, floor);
    return HF_OK;
}

uint64_t hf_flow_floor(const struct hf_flow *flow)
{
    return flow ? hf_load_acquire(&flow->floor) : 0;
}

/* Whether a budget stands in the slot; *entry is it at one moment. */
static bool read_slot(
    const struct hf_flow *flow, struct hf_flow_slot *slot, struct hf_flow_entry *entry)
{
    struct hf_flow_found found;
    bool live;
    do
        live = hf_flow_table_read(slot, &found);
    while (live && !hf_flow_table_still(&found));
    if (!live || found.entry.epoch < hf_load_acquire(&flow->floor))
        return false;
    *entry = found.entry;
    return true;
}

/* A bucket that changed since the walk entered it is walked again: budgets change places. */
static void leave_bucket(const struct hf_flow *flow, struct hf_flow_cursor *cursor)
{
    cursor->slot = 0;
    if (hf_load_acquire(&flow->buckets[cursor->bucket].control) == cursor->control)
        cursor->bucket++;
}

enum hf_status hf_flow_next(
    struct hf_flow *flow, struct hf_flow_cursor *cursor, struct hf_flow_entry *entry)
{
    if (!flow || !cursor || !entry || cursor->bucket > flow->buckets_count)
        return HF_INVALID;
    while (cursor->bucket < flow->buckets_count) {
        struct hf_flow_bucket *bucket = &flow->buckets[cursor->bucket];
        if (cursor->slot == 0)
            cursor->control = hf_flow_table_settled(bucket);
        while (cursor->slot < HF_FLOW_SLOTS)
            if (read_slot(flow, &bucket->slots[cursor->slot++], entry))
                return HF_OK;
        leave_bucket(flow, cursor);
    }
    return HF_NOT_FOUND;
}
