/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include "support/flow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct hf_flow_entry *slot_of(struct flow_model *model, const uint64_t *key)
{
    for (uint32_t i = 0; i < model->count; i++)
        if (model->entries[i].key[0] == key[0] && model->entries[i].key[1] == key[1])
            return &model->entries[i];
    return NULL;
}

struct hf_flow_entry *flow_model_find(struct flow_model *model, const uint64_t *key)
{
    struct hf_flow_entry *entry = slot_of(model, key);
    return entry && entry->epoch >= model->floor ? entry : NULL;
}

void flow_model_merge(struct flow_model *model, const struct hf_flow_entry *entry)
{
    if (entry->epoch < model->floor)
        return;
    struct hf_flow_entry *own = slot_of(model, entry->key);
    if (!own) {
        assert_in_range(model->count, 0, FLOW_MODEL_ENTRIES_MAX - 1);
        model->entries[model->count++] = *entry;
    } else if (entry->epoch > own->epoch) {
        *own = *entry;
    } else if (entry->epoch == own->epoch) {
        own->limit = entry->limit < own->limit ? entry->limit : own->limit;
        own->spent = entry->spent > own->spent ? entry->spent : own->spent;
    }
}

void flow_model_advance(struct flow_model *model, uint64_t floor)
{
    model->floor = floor > model->floor ? floor : model->floor;
}

bool flow_model_charge(struct flow_model *model, const uint64_t *key, uint64_t cost)
{
    struct hf_flow_entry *entry = flow_model_find(model, key);
    if (!entry || entry->spent > entry->limit || entry->limit - entry->spent < cost)
        return false;
    entry->spent += cost;
    return true;
}

void flow_model_check(struct flow_model *model, struct hf_flow *flow)
{
    uint32_t alive = 0;
    for (uint32_t i = 0; i < model->count; i++)
        alive += model->entries[i].epoch >= model->floor;
    struct hf_flow_cursor cursor = {0};
    struct hf_flow_entry entry;
    while (hf_flow_next(flow, &cursor, &entry) == HF_OK) {
        const struct hf_flow_entry *expected = flow_model_find(model, entry.key);
        assert_non_null(expected);
        assert_int_equal(entry.epoch, expected->epoch);
        assert_int_equal(entry.limit, expected->limit);
        assert_int_equal(entry.spent, expected->spent);
        assert_true(alive > 0);
        alive--;
    }
    assert_int_equal(alive, 0);
    assert_int_equal(hf_flow_floor(flow), model->floor);
}

struct hf_flow *flow_new(uint64_t entries_max)
{
    const struct hf_hash_seed seed = {{1, 2, 3, 4}};
    struct hf_flow_options options = {.entries_max = entries_max, .seed = &seed};
    struct hf_flow *flow;
    assert_int_equal(hf_flow_new(&flow, &options, NULL), HF_OK);
    return flow;
}

struct hf_bytes flow_peer(const uint64_t *number)
{
    return hf_bytes(number, sizeof(*number));
}

enum hf_status flow_charge(struct hf_flow *flow, uint64_t peer, uint64_t cost)
{
    return hf_flow_charge(flow, hf_bytes(NULL, 0), flow_peer(&peer), cost, NULL);
}

enum hf_status flow_grant(struct hf_flow *flow, uint64_t peer, uint64_t epoch, uint64_t limit)
{
    return hf_flow_grant(flow, hf_bytes(NULL, 0), flow_peer(&peer), epoch, limit);
}

void flow_assert(
    struct hf_flow *flow, uint64_t peer, uint64_t epoch, uint64_t limit, uint64_t spent)
{
    struct hf_flow_entry entry;
    assert_int_equal(hf_flow_find(flow, hf_bytes(NULL, 0), flow_peer(&peer), &entry), HF_OK);
    assert_int_equal(entry.epoch, epoch);
    assert_int_equal(entry.limit, limit);
    assert_int_equal(entry.spent, spent);
}
