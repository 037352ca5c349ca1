/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include "support/flow_ledger.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/atomic.h"
#include "support/flow.h"

struct flow_ledger *flow_ledger_new(void)
{
    struct flow_ledger *ledger = calloc(1, sizeof(*ledger));
    assert_non_null(ledger);
    ledger->flow = flow_new(1);
    ledger->epoch = 1;
    for (uint64_t key = 0; key < FLOW_LEDGER_KEYS; key++)
        flow_ledger_grant(ledger, key, 1, FLOW_LEDGER_STEPS);
    return ledger;
}

void flow_ledger_free(struct flow_ledger *ledger)
{
    hf_flow_free(ledger->flow);
    free(ledger);
}

enum hf_status flow_ledger_charge(struct flow_ledger *ledger, uint64_t key, uint64_t cost)
{
    struct hf_decision decision;
    enum hf_status status =
        hf_flow_charge(ledger->flow, hf_bytes(NULL, 0), flow_peer(&key), cost, &decision);
    if (status != HF_OK)
        return status;
    uint64_t end = decision.limit - decision.remaining;
    uint64_t(*limits)[FLOW_LEDGER_UNITS] = ledger->limits[key];
    for (uint64_t unit = end - cost; unit < end && unit < FLOW_LEDGER_UNITS; unit++) {
        uint64_t free_mark = 0;
        uint64_t *mark = &limits[decision.limit % FLOW_LEDGER_EPOCHS][unit];
        if (!hf_cas_relaxed(mark, &free_mark, decision.limit))
            hf_add_relaxed(&ledger->doubles, 1);
    }
    hf_add_relaxed(&ledger->charged, 1);
    return HF_OK;
}

void flow_ledger_grant(struct flow_ledger *ledger, uint64_t key, uint64_t epoch, uint64_t steps)
{
    uint64_t limit = steps * FLOW_LEDGER_EPOCHS + epoch;
    assert(flow_grant(ledger->flow, key, epoch, limit) == HF_OK);
}

void flow_ledger_walk(struct flow_ledger *ledger)
{
    struct hf_flow_cursor cursor = {0};
    struct hf_flow_entry entry;
    while (hf_flow_next(ledger->flow, &cursor, &entry) == HF_OK) {
        assert(entry.limit % FLOW_LEDGER_EPOCHS == entry.epoch);
        assert(entry.spent < FLOW_LEDGER_UNITS);
    }
}

/* How many units were taken of a key in an epoch: those before the first that was not. */
static uint64_t check_units(const uint64_t *limits)
{
    uint64_t taken = 0;
    while (taken < FLOW_LEDGER_UNITS && limits[taken]) {
        assert_true(taken < limits[taken]);
        assert_true(taken == 0 || limits[taken] <= limits[taken - 1]);
        taken++;
    }
    for (uint64_t unit = taken; unit < FLOW_LEDGER_UNITS; unit++)
        assert_int_equal(limits[unit], 0);
    return taken;
}

void flow_ledger_check(struct flow_ledger *ledger)
{
    assert_int_equal(ledger->doubles, 0);
    assert_true(ledger->charged > 0);
    for (uint64_t key = 0; key < FLOW_LEDGER_KEYS; key++) {
        struct hf_flow_entry entry;
        assert_int_equal(
            hf_flow_find(ledger->flow, hf_bytes(NULL, 0), flow_peer(&key), &entry), HF_OK);
        for (uint64_t epoch = 0; epoch < FLOW_LEDGER_EPOCHS; epoch++) {
            uint64_t taken = check_units(ledger->limits[key][epoch]);
            assert_true(taken == 0 || epoch <= entry.epoch);
            if (epoch == entry.epoch)
                assert_int_equal(taken, entry.spent);
        }
    }
}
