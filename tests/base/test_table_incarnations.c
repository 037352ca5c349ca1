/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <holdfast/random.h>

#include "base/minmax.h"
#include "base/table_slot.h"
#include "scale.h"
#include "support/table_check.h"

/*
 * Invariant (a), with times that jump about: from the moment at which a slot changes hands, all its
 * values are above all that it had before.
 */
#define UNIT_NS 5000
#define KEYS 10

struct history {
    uint64_t name;
    uint64_t floor; /* The highest under earlier names. */
    uint64_t high;
};

static void check_incarnation(struct history *history, uint64_t name, uint64_t time)
{
    if (name && name != history->name) {
        history->floor = history->high;
        history->name = name;
    }
    uint64_t tat = hf_table_tat(time);
    assert_true(tat > history->floor || (tat == 0 && name == 0));
    history->high = hf_max(history->high, tat);
}

static void act_erratically(struct hf_table *table, struct hf_splitmix *random)
{
    struct hf_table_key key = table_key(table, 0, 1 + hf_splitmix_next(random) % KEYS);
    uint64_t now_ns = hf_splitmix_next(random) % (50 * UNIT_NS);
    if (hf_splitmix_next(random) % 2) {
        struct hf_table_request request = {
            .key = key,
            .charge_ns = 1 + hf_splitmix_next(random) % UNIT_NS,
            .tolerance_ns = UNIT_NS,
            .now_ns = now_ns,
        };
        (void)hf_table_charge(table, request);
        return;
    }
    struct hf_table_adjustment adjustment = {
        .key = key,
        .now_ns = now_ns,
        .multiply = hf_splitmix_next(random) % 4,
        .divide = hf_splitmix_next(random) % 3,
        .subtract_ns = hf_splitmix_next(random) % UNIT_NS,
        .ceiling_ns = hf_splitmix_next(random) % 3 ? UINT64_MAX : 0,
    };
    (void)hf_table_adjust(table, &adjustment);
}

static void a_slot_that_changes_hands_never_comes_back_to_an_earlier_time(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < test_scaled(200); seed++) {
        struct hf_splitmix random;
        hf_splitmix_init(&random, seed);
        const struct hf_table_shape shape = {1, 1, 1 + hf_splitmix_next(&random) % (20 * UNIT_NS)};
        struct hf_table table;
        assert_int_equal(hf_table_init(&table, &shape, NULL, NULL), HF_OK);
        struct history histories[HF_TABLE_LINE_SLOTS] = {{0}};
        for (int i = 0; i < 2000; i++) {
            act_erratically(&table, &random);
            for (uint32_t slot = 0; slot < HF_TABLE_LINE_SLOTS; slot++)
                check_incarnation(
                    &histories[slot], table.lines[0].names[slot], table.lines[0].times[slot]);
        }
        hf_table_fini(&table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slot_that_changes_hands_never_comes_back_to_an_earlier_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
