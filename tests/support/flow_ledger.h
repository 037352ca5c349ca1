/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_SUPPORT_FLOW_LEDGER_H
#define HF_TESTS_SUPPORT_FLOW_LEDGER_H

#include <stdint.h>

#include <holdfast/flow_budget.h>

/*
 * A book of each unit that was charged, for tests with threads. A limit tells its epoch: its lowest
 * bits are the epoch's. So a decision says which units of which epoch a charge took, and under
 * which limit: those from remaining on. If calls take effect one at a time, no unit is taken twice,
 * none is left out, and later units were never taken under a larger limit.
 */
#define FLOW_LEDGER_KEYS 8
#define FLOW_LEDGER_EPOCHS 64
#define FLOW_LEDGER_STEPS 8 /* Limits are 1 to this many times 64, and the epoch. */
#define FLOW_LEDGER_UNITS (FLOW_LEDGER_EPOCHS * (FLOW_LEDGER_STEPS + 1))

struct flow_ledger {
    struct hf_flow *flow;
    uint64_t epoch;   /* The highest so far. */
    uint64_t doubles; /* Units taken twice. */
    uint64_t charged;
    uint64_t limits[FLOW_LEDGER_KEYS][FLOW_LEDGER_EPOCHS][FLOW_LEDGER_UNITS]; /* 0: not taken. */
};

/* A table of its own, of one bucket; every key has a budget in epoch 1. */
struct flow_ledger *flow_ledger_new(void);
void flow_ledger_free(struct flow_ledger *ledger);

/* Charges and books. */
enum hf_status flow_ledger_charge(struct flow_ledger *ledger, uint64_t key, uint64_t cost);

/* Grants `steps` in the epoch, asserting that there was room. */
void flow_ledger_grant(struct flow_ledger *ledger, uint64_t key, uint64_t epoch, uint64_t steps);

/* Walks the table, asserting that each budget is of one piece. */
void flow_ledger_walk(struct flow_ledger *ledger);

/* Asserts that the book is that of one order. No other thread may be at work. */
void flow_ledger_check(struct flow_ledger *ledger);

#endif
