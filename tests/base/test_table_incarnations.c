/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/random.h>

#include "base/table_slot.h"
#include "scale.h"
#include "support/table_check.h"

/*
 * Invariant (a), with times that jump about: no value of a slot's time comes back once the slot has
 * changed hands. All times are multiples of one step, so that TATs do.
 */
#define STEP_NS HF_TABLE_STEP_NS
#define UNIT_STEPS 20
#define TIME_STEPS 200
#define KEYS 10
#define TURNS 2000

struct history {
    uint64_t name;
    uint32_t incarnation;
    uint32_t count;
    struct {
        uint64_t time;
        uint32_t incarnation;
    } seen[TURNS];
};

static void check_value(struct history *history, uint64_t name, uint64_t time)
{
    if (name && name != history->name) {
        history->incarnation++;
        history->name = name;
    }
    for (uint32_t i = 0; i < history->count; i++) {
        if (history->seen[i].time != time)
            continue;
        assert_int_equal(history->seen[i].incarnation, history->incarnation);
        return;
    }
    history->seen[history->count].time = time;
    history->seen[history->count++].incarnation = history->incarnation;
}

static void act_erratically(struct hf_table *table, struct hf_splitmix *random, uint64_t turn)
{
    struct hf_table_key key = table_key(table, 0, 1 + hf_splitmix_next(random) % KEYS);
    uint64_t now_ns = hf_splitmix_next(random) % TIME_STEPS * STEP_NS + turn * STEP_NS;
    if (hf_splitmix_next(random) % 2) {
        struct hf_table_request request = {
            .key = key,
            .charge_ns = (1 + hf_splitmix_next(random) % UNIT_STEPS) * STEP_NS,
            .tolerance_ns = UNIT_STEPS * STEP_NS,
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
        .subtract_ns = hf_splitmix_next(random) % UNIT_STEPS * STEP_NS,
        .ceiling_ns = hf_splitmix_next(random) % 3 ? UINT64_MAX : 0,
    };
    (void)hf_table_adjust(table, &adjustment);
}

static void a_slot_that_changes_hands_never_comes_back_to_an_earlier_time(void **state)
{
    (void)state;
    static struct history histories[HF_TABLE_LINE_SLOTS];
    uint64_t incarnations = 0;
    for (uint64_t seed = 0; seed < test_scaled(200); seed++) {
        struct hf_splitmix random;
        hf_splitmix_init(&random, seed);
        const struct hf_table_shape shape = {
            1, 1, (1 + hf_splitmix_next(&random) % (4 * UNIT_STEPS)) * STEP_NS};
        struct hf_table table;
        assert_int_equal(hf_table_init(&table, &shape, NULL, NULL), HF_OK);
        memset(histories, 0, sizeof(histories));
        for (uint32_t i = 0; i < TURNS; i++) {
            act_erratically(&table, &random, i);
            for (uint32_t slot = 0; slot < HF_TABLE_LINE_SLOTS; slot++)
                check_value(
                    &histories[slot], table.lines[0].names[slot], table.lines[0].times[slot]);
        }
        incarnations += histories[0].incarnation;
        hf_table_fini(&table);
    }
    print_message("# %d incarnations of one slot\n", (int)incarnations);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slot_that_changes_hands_never_comes_back_to_an_earlier_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
