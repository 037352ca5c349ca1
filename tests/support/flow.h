/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_SUPPORT_FLOW_H
#define HF_TESTS_SUPPORT_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include <holdfast/flow_budget.h>

/*
 * Flow budgets as one would keep them with no thought of speed or threads: a floor and a list. What
 * the table says is compared with this.
 */
#define FLOW_MODEL_ENTRIES_MAX 512

struct flow_model {
    uint64_t floor;
    uint32_t count;
    struct hf_flow_entry entries[FLOW_MODEL_ENTRIES_MAX];
};

/* The key's budget, NULL if it has none at or above the floor. */
struct hf_flow_entry *flow_model_find(struct flow_model *model, const uint64_t *key);

void flow_model_merge(struct flow_model *model, const struct hf_flow_entry *entry);
void flow_model_advance(struct flow_model *model, uint64_t floor);

/* True: charged. */
bool flow_model_charge(struct flow_model *model, const uint64_t *key, uint64_t cost);

/* Asserts that a walk over the table finds the model's budgets, each once, and nothing else. */
void flow_model_check(struct flow_model *model, struct hf_flow *flow);

/* A table with a fixed seed, for entries_max budgets. */
struct hf_flow *flow_new(uint64_t entries_max);

/* The pair (no context, the number), and a shorthand for charging and reading it. */
struct hf_bytes flow_peer(const uint64_t *number);
enum hf_status flow_charge(struct hf_flow *flow, uint64_t peer, uint64_t cost);
enum hf_status flow_grant(struct hf_flow *flow, uint64_t peer, uint64_t epoch, uint64_t limit);

/* Asserts that the peer has exactly this budget. */
void flow_assert(
    struct hf_flow *flow, uint64_t peer, uint64_t epoch, uint64_t limit, uint64_t spent);

#endif
