/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/flow_budget.h>

#include "scale.h"
#include "support/counting_allocator.h"
#include "support/flow.h"

#define ONE_BUCKET 56 /* As many as a table of one bucket takes. */

static struct hf_bytes text(const char *string)
{
    return hf_bytes(string, strlen(string));
}

static void bad_options_are_named(void **state)
{
    (void)state;
    struct hf_error error = {0};
    struct hf_flow *flow = (void *)&error;
    struct hf_flow_options options = {0};
    assert_int_equal(hf_flow_new(NULL, &options, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "flow: NULL");
    assert_int_equal(hf_flow_new(&flow, NULL, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "options: NULL");
    assert_null(flow);
    options.entries_max = (UINT64_C(1) << 32) + 1;
    assert_int_equal(hf_flow_new(&flow, &options, &error), HF_INVALID);
    assert_string_equal(
        hf_error_text(&error), "entries_max: 4294967297 is too large (at most 4294967296)");
    options = (struct hf_flow_options){.hash = (enum hf_hash_kind)2};
    assert_int_equal(hf_flow_new(&flow, &options, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "hash: 2 is not one (0 or 1)");
    struct hf_allocator none = {0};
    options = (struct hf_flow_options){.allocator = &none};
    assert_int_equal(hf_flow_new(&flow, &options, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "allocator.allocate: NULL");
    hf_flow_free(NULL);
}

static void every_failing_allocation_is_reported_and_leaves_nothing_behind(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct counting_allocator counting = {.fail_at = n};
        struct hf_allocator allocator = counting_allocator(&counting);
        struct hf_flow_options options = {.allocator = &allocator};
        struct hf_flow *flow;
        struct hf_error error = {0};
        enum hf_status status = hf_flow_new(&flow, &options, &error);
        if (status == HF_OK)
            hf_flow_free(flow);
        else
            assert_non_null(strstr(hf_error_text(&error), "no memory for flow budgets"));
        assert_int_equal(counting.live, 0);
        if (counting.requests < n)
            break;
        assert_int_equal(status, HF_NO_MEMORY);
        assert_null(flow);
    }
}

static void assert_names(
    struct hf_flow *flow, struct hf_bytes context, struct hf_bytes peer, const char *argument)
{
    struct hf_decision decision;
    struct hf_flow_entry entry;
    assert_int_equal(hf_flow_charge(flow, context, peer, 1, &decision), HF_INVALID);
    assert_int_equal(decision.reason, HF_REASON_INVALID);
    assert_string_equal(decision.argument, argument);
    assert_int_equal(hf_flow_charge(flow, context, peer, 1, NULL), HF_INVALID);
    assert_int_equal(hf_flow_peek(flow, context, peer, 1, NULL), HF_INVALID);
    assert_int_equal(hf_flow_grant(flow, context, peer, 1, 1), HF_INVALID);
    assert_int_equal(hf_flow_find(flow, context, peer, &entry), HF_INVALID);
}

static void bad_arguments_are_named(void **state)
{
    (void)state;
    static const char big[HF_KEY_BYTES_MAX + 1];
    struct hf_flow *flow = flow_new(1);
    struct hf_bytes good = text("good");
    assert_names(NULL, good, good, "flow");
    assert_names(flow, hf_bytes(big, sizeof(big)), good, "context.size");
    assert_names(flow, hf_bytes(NULL, 1), good, "context.data");
    assert_names(flow, good, hf_bytes(big, sizeof(big)), "peer.size");
    assert_names(flow, good, hf_bytes(big, 0), "peer.size");
    assert_names(flow, good, hf_bytes(NULL, 1), "peer.data");

    struct hf_flow_entry entry = {.limit = HF_FLOW_AMOUNT_MAX + 1};
    struct hf_flow_cursor cursor = {0};
    assert_int_equal(hf_flow_merge(flow, &entry), HF_INVALID);
    entry = (struct hf_flow_entry){.spent = HF_FLOW_AMOUNT_MAX + 1};
    assert_int_equal(hf_flow_merge(flow, &entry), HF_INVALID);
    assert_int_equal(hf_flow_merge(flow, NULL), HF_INVALID);
    assert_int_equal(hf_flow_merge(NULL, &entry), HF_INVALID);
    assert_int_equal(hf_flow_find(flow, good, good, NULL), HF_INVALID);
    assert_int_equal(hf_flow_next(NULL, &cursor, &entry), HF_INVALID);
    assert_int_equal(hf_flow_next(flow, NULL, &entry), HF_INVALID);
    assert_int_equal(hf_flow_next(flow, &cursor, NULL), HF_INVALID);
    cursor.bucket = 2;
    assert_int_equal(hf_flow_next(flow, &cursor, &entry), HF_INVALID);
    assert_int_equal(hf_flow_advance(NULL, 1), HF_INVALID);
    assert_int_equal(hf_flow_floor(NULL), 0);
    hf_flow_free(flow);
}

static void a_pair_without_a_budget_has_nothing_to_spend(void **state)
{
    (void)state;
    struct hf_flow *flow = flow_new(0);
    struct hf_decision decision;
    struct hf_flow_entry entry;
    assert_int_equal(hf_flow_charge(flow, text("c"), text("p"), 1, &decision), HF_DENIED);
    assert_int_equal(decision.reason, HF_REASON_FLOW);
    assert_int_equal(decision.limit, 0);
    assert_int_equal(decision.remaining, 0);
    assert_int_equal(decision.retry_after_ns, UINT64_MAX);
    assert_int_equal(hf_flow_charge(flow, text("c"), text("p"), 0, NULL), HF_DENIED);
    assert_int_equal(hf_flow_find(flow, text("c"), text("p"), &entry), HF_NOT_FOUND);
    hf_flow_free(flow);
}

static void a_budget_is_charged_to_the_last_unit_and_no_further(void **state)
{
    (void)state;
    struct hf_flow *flow = flow_new(0);
    struct hf_decision decision;
    assert_int_equal(hf_flow_grant(flow, text("c"), text("p"), 3, 10), HF_OK);
    assert_int_equal(hf_flow_charge(flow, text("c"), text("p"), 0, &decision), HF_OK);
    assert_int_equal(decision.remaining, 10);
    assert_int_equal(hf_flow_peek(flow, text("c"), text("p"), 11, &decision), HF_DENIED);
    assert_int_equal(decision.reason, HF_REASON_FLOW);
    assert_int_equal(hf_flow_peek(flow, text("c"), text("p"), 10, NULL), HF_OK);
    assert_int_equal(hf_flow_peek(flow, text("c"), text("p"), 0, &decision), HF_OK);
    assert_int_equal(decision.remaining, 10);
    assert_int_equal(decision.reset_after_ns, 0);
    assert_int_equal(hf_flow_charge(flow, text("c"), text("p"), 4, &decision), HF_OK);
    assert_int_equal(decision.reason, HF_REASON_NONE);
    assert_int_equal(decision.limit, 10);
    assert_int_equal(decision.remaining, 6);
    assert_int_equal(decision.retry_after_ns, 0);
    assert_int_equal(decision.reset_after_ns, UINT64_MAX);
    assert_int_equal(hf_flow_charge(flow, text("c"), text("p"), 7, &decision), HF_DENIED);
    assert_int_equal(decision.reason, HF_REASON_FLOW);
    assert_int_equal(decision.remaining, 6);
    assert_int_equal(decision.retry_after_ns, UINT64_MAX);
    assert_int_equal(hf_flow_charge(flow, text("c"), text("p"), UINT64_MAX, NULL), HF_DENIED);
    assert_int_equal(hf_flow_charge(flow, text("c"), text("p"), 6, NULL), HF_OK);
    assert_int_equal(hf_flow_charge(flow, text("c"), text("p"), 1, NULL), HF_DENIED);
    assert_int_equal(hf_flow_charge(flow, text("c"), text("p"), 0, &decision), HF_DENIED);
    assert_int_equal(decision.remaining, 0);
    hf_flow_free(flow);
}

static void the_largest_budget_can_be_spent_in_many_epochs(void **state)
{
    (void)state;
    struct hf_flow *flow = flow_new(1);
    for (uint64_t epoch = 0; epoch < 20; epoch++) {
        assert_int_equal(flow_grant(flow, 1, epoch, HF_FLOW_AMOUNT_MAX), HF_OK);
        assert_int_equal(flow_charge(flow, 1, HF_FLOW_AMOUNT_MAX), HF_OK);
        assert_int_equal(flow_charge(flow, 1, 1), HF_DENIED);
        flow_assert(flow, 1, epoch, HF_FLOW_AMOUNT_MAX, HF_FLOW_AMOUNT_MAX);
    }
    hf_flow_free(flow);
}

/* 32 lives of 2^56 wear a slot out, and there are 64; what is merged, not charged, wears none. */
static void worn_out_slots_are_left_and_at_last_said_to_be_full(void **state)
{
    (void)state;
    struct hf_flow *flow = flow_new(1);
    uint64_t epoch = 0;
    while (flow_grant(flow, 1, epoch, HF_FLOW_AMOUNT_MAX) == HF_OK) {
        assert_int_equal(flow_charge(flow, 1, HF_FLOW_AMOUNT_MAX), HF_OK);
        flow_assert(flow, 1, epoch, HF_FLOW_AMOUNT_MAX, HF_FLOW_AMOUNT_MAX);
        epoch++;
    }
    assert_in_range(epoch, 63 * 32, 65 * 33);
    assert_int_equal(flow_grant(flow, 1, epoch, 1), HF_FULL);
    flow_assert(flow, 1, epoch - 1, HF_FLOW_AMOUNT_MAX, HF_FLOW_AMOUNT_MAX);
    hf_flow_free(flow);

    flow = flow_new(1);
    for (epoch = 0; epoch < 10000; epoch++) {
        struct hf_flow_entry entry = {{1, 2}, epoch, HF_FLOW_AMOUNT_MAX, HF_FLOW_AMOUNT_MAX};
        assert_int_equal(hf_flow_merge(flow, &entry), HF_OK);
    }
    hf_flow_free(flow);
}

static void within_an_epoch_a_limit_only_shrinks(void **state)
{
    (void)state;
    struct hf_flow *flow = flow_new(0);
    assert_int_equal(flow_grant(flow, 1, 5, 10), HF_OK);
    assert_int_equal(flow_charge(flow, 1, 4), HF_OK);
    assert_int_equal(flow_grant(flow, 1, 5, 20), HF_OK);
    flow_assert(flow, 1, 5, 10, 4);
    assert_int_equal(flow_grant(flow, 1, 5, 6), HF_OK);
    flow_assert(flow, 1, 5, 6, 4);
    assert_int_equal(flow_grant(flow, 1, 5, 2), HF_OK);
    flow_assert(flow, 1, 5, 2, 4);
    assert_int_equal(flow_charge(flow, 1, 1), HF_DENIED);
    hf_flow_free(flow);
}

static void a_new_epoch_replenishes_and_an_old_one_is_ignored(void **state)
{
    (void)state;
    struct hf_flow *flow = flow_new(0);
    assert_int_equal(flow_grant(flow, 1, 5, 10), HF_OK);
    assert_int_equal(flow_charge(flow, 1, 10), HF_OK);
    assert_int_equal(flow_grant(flow, 1, 4, 100), HF_OK);
    flow_assert(flow, 1, 5, 10, 10);
    assert_int_equal(flow_grant(flow, 1, 6, 3), HF_OK);
    flow_assert(flow, 1, 6, 3, 0);
    assert_int_equal(flow_charge(flow, 1, 3), HF_OK);
    assert_int_equal(flow_grant(flow, 1, UINT64_MAX, 1), HF_OK);
    flow_assert(flow, 1, UINT64_MAX, 1, 0);
    hf_flow_free(flow);
}

static void contexts_and_peers_do_not_run_together(void **state)
{
    (void)state;
    struct hf_flow *flow = flow_new(0);
    assert_int_equal(hf_flow_grant(flow, text("ab"), text("c"), 1, 5), HF_OK);
    assert_int_equal(hf_flow_charge(flow, text("a"), text("bc"), 1, NULL), HF_DENIED);
    assert_int_equal(hf_flow_charge(flow, text(""), text("abc"), 1, NULL), HF_DENIED);
    assert_int_equal(hf_flow_charge(flow, text("c"), text("ab"), 1, NULL), HF_DENIED);
    assert_int_equal(hf_flow_charge(flow, text("ab"), text("c"), 1, NULL), HF_OK);
    hf_flow_free(flow);
}

static void below_the_floor_nothing_is_charged_found_or_merged(void **state)
{
    (void)state;
    struct hf_flow *flow = flow_new(0);
    struct hf_flow_entry entry;
    uint64_t peer = 1;
    assert_int_equal(flow_grant(flow, peer, 5, 10), HF_OK);
    assert_int_equal(hf_flow_advance(flow, 5), HF_OK);
    assert_int_equal(flow_charge(flow, peer, 1), HF_OK);
    assert_int_equal(hf_flow_advance(flow, 6), HF_OK);
    assert_int_equal(hf_flow_advance(flow, 3), HF_OK);
    assert_int_equal(hf_flow_floor(flow), 6);
    assert_int_equal(flow_charge(flow, peer, 1), HF_DENIED);
    assert_int_equal(hf_flow_find(flow, hf_bytes(NULL, 0), flow_peer(&peer), &entry), HF_NOT_FOUND);
    struct hf_flow_cursor cursor = {0};
    assert_int_equal(hf_flow_next(flow, &cursor, &entry), HF_NOT_FOUND);
    assert_int_equal(flow_grant(flow, peer, 5, 100), HF_OK);
    assert_int_equal(flow_charge(flow, peer, 1), HF_DENIED);
    assert_int_equal(flow_grant(flow, peer, 6, 2), HF_OK);
    flow_assert(flow, peer, 6, 2, 0);
    hf_flow_free(flow);
}

static void a_full_table_says_so_and_forgets_nothing(void **state)
{
    (void)state;
    struct hf_flow *flow = flow_new(ONE_BUCKET);
    for (uint64_t peer = 0; peer < ONE_BUCKET; peer++) {
        assert_int_equal(flow_grant(flow, peer, 1 + peer % 2, 10), HF_OK);
        assert_int_equal(flow_charge(flow, peer, peer % 10), HF_OK);
    }
    assert_int_equal(flow_grant(flow, ONE_BUCKET, 9, 10), HF_FULL);
    assert_int_equal(flow_charge(flow, ONE_BUCKET, 1), HF_DENIED);
    for (uint64_t peer = 0; peer < ONE_BUCKET; peer++) {
        flow_assert(flow, peer, 1 + peer % 2, 10, peer % 10);
        assert_int_equal(flow_grant(flow, peer, 1 + peer % 2, 9), HF_OK);
        flow_assert(flow, peer, 1 + peer % 2, 9, peer % 10);
    }
    /* Half of them fall below the floor and give place to as many new ones, the others stay. */
    assert_int_equal(hf_flow_advance(flow, 2), HF_OK);
    for (uint64_t peer = 100; peer < 100 + ONE_BUCKET / 2; peer++)
        assert_int_equal(flow_grant(flow, peer, 2, 10), HF_OK);
    assert_int_equal(flow_grant(flow, ONE_BUCKET, 9, 10), HF_FULL);
    for (uint64_t peer = 1; peer < ONE_BUCKET; peer += 2)
        flow_assert(flow, peer, 2, 9, peer % 10);
    /* A late merge of an epoch that is over brings nothing back. */
    assert_int_equal(flow_grant(flow, 0, 1, 10), HF_OK);
    assert_int_equal(flow_charge(flow, 0, 1), HF_DENIED);
    hf_flow_free(flow);
}

static void a_table_takes_as_many_budgets_as_it_was_made_for(void **state)
{
    (void)state;
    uint64_t count = test_scaled(100000);
    struct hf_flow *flow = flow_new(count);
    for (uint64_t epoch = 0; epoch < 3; epoch++) {
        for (uint64_t peer = 0; peer < count; peer++)
            assert_int_equal(flow_grant(flow, peer + epoch * 7, epoch, peer), HF_OK);
        assert_int_equal(hf_flow_advance(flow, epoch), HF_OK);
        struct hf_flow_cursor cursor = {0};
        struct hf_flow_entry entry;
        uint64_t seen = 0;
        while (hf_flow_next(flow, &cursor, &entry) == HF_OK)
            seen++;
        assert_int_equal(seen, count);
    }
    hf_flow_free(flow);
}

static void both_hashes_keep_pairs_apart(void **state)
{
    (void)state;
    const struct hf_hash_seed seed = {{1, 2, 3, 4}};
    struct hf_flow_options options = {.entries_max = 1000, .hash = HF_HASH_FAST, .seed = &seed};
    struct hf_flow *flow;
    assert_int_equal(hf_flow_new(&flow, &options, NULL), HF_OK);
    for (uint64_t peer = 0; peer < 1000; peer++)
        assert_int_equal(flow_grant(flow, peer, 0, peer), HF_OK);
    for (uint64_t peer = 0; peer < 1000; peer++)
        flow_assert(flow, peer, 0, peer, 0);
    hf_flow_free(flow);
}

static void tables_without_a_seed_get_secret_ones(void **state)
{
    (void)state;
    struct hf_flow_entry entries[2];
    uint64_t peer = 1;
    for (int i = 0; i < 2; i++) {
        struct hf_flow *flow;
        assert_int_equal(hf_flow_new(&flow, &(struct hf_flow_options){0}, NULL), HF_OK);
        assert_int_equal(flow_grant(flow, peer, 0, 1), HF_OK);
        assert_int_equal(
            hf_flow_find(flow, hf_bytes(NULL, 0), flow_peer(&peer), &entries[i]), HF_OK);
        hf_flow_free(flow);
    }
    assert_int_not_equal(entries[0].key[0], entries[1].key[0]);
    assert_int_equal(hf_flow_remaining(&entries[0]), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_options_are_named),
        cmocka_unit_test(every_failing_allocation_is_reported_and_leaves_nothing_behind),
        cmocka_unit_test(bad_arguments_are_named),
        cmocka_unit_test(a_pair_without_a_budget_has_nothing_to_spend),
        cmocka_unit_test(a_budget_is_charged_to_the_last_unit_and_no_further),
        cmocka_unit_test(the_largest_budget_can_be_spent_in_many_epochs),
        cmocka_unit_test(worn_out_slots_are_left_and_at_last_said_to_be_full),
        cmocka_unit_test(within_an_epoch_a_limit_only_shrinks),
        cmocka_unit_test(a_new_epoch_replenishes_and_an_old_one_is_ignored),
        cmocka_unit_test(contexts_and_peers_do_not_run_together),
        cmocka_unit_test(below_the_floor_nothing_is_charged_found_or_merged),
        cmocka_unit_test(a_full_table_says_so_and_forgets_nothing),
        cmocka_unit_test(a_table_takes_as_many_budgets_as_it_was_made_for),
        cmocka_unit_test(both_hashes_keep_pairs_apart),
        cmocka_unit_test(tables_without_a_seed_get_secret_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
