/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/step.h"
#include "base/table_slot.h"
#include "support/table_check.h"

/*
 * Death at every step. An owner does something, and at its n-th mark never comes back, for each n
 * that there is. Whatever it left: another owner's requests end, no key gets more than its quota,
 * and recovery frees all that was unfinished, also if whoever recovers dies over it.
 */
#ifdef HF_TEST_STEPS

/* Times are in these, so that the table's margin is short beside them. */
#define UNIT_NS HF_TABLE_STEP_NS
#define CELL_NS (5000 * UNIT_NS) /* Burst 1. */
#define HOMES 2
#define PATH_LINES 2

enum owner { VICTIM = 7, HEIR = 8, SURVIVOR = 9 };

static _Alignas(HF_CACHE_LINE) unsigned char memory[HF_CACHE_LINE * (1 + HOMES + PATH_LINES - 1)];

static struct hf_table view_of(uint32_t owner)
{
    const struct hf_table_shape shape = {HOMES, PATH_LINES, CELL_NS};
    assert_int_equal(hf_table_bytes(&shape), sizeof(memory));
    struct hf_table table;
    hf_table_attach(&table, &shape, memory, owner);
    return table;
}

static enum hf_table_verdict charge(
    struct hf_table *table, uint64_t home, uint64_t fingerprint, uint64_t now, uint64_t cell_ns)
{
    struct hf_table_request request = {
        .key = table_key(table, home, fingerprint),
        .charge_ns = cell_ns,
        .tolerance_ns = cell_ns,
        .now_ns = now * UNIT_NS,
    };
    return hf_table_charge(table, request).verdict;
}

struct deed {
    const char *name;
    struct {
        uint64_t home;
        uint64_t until; /* When it expires, having been charged at 0. */
    } seeds[4 * (HOMES + PATH_LINES - 1)];
    void (*run)(struct hf_table *table);
};

#define ASKED_KEY 1
#define ASKED_AT 2000

static void ask_at_home_0(struct hf_table *table)
{
    (void)charge(table, 0, ASKED_KEY, ASKED_AT, CELL_NS);
}

static void ask_at_home_1(struct hf_table *table)
{
    (void)charge(table, 1, ASKED_KEY, ASKED_AT, CELL_NS);
}

/* Its own cell is lost to another key, and the horizon then denies it what it has claimed. */
static void ask_behind_the_horizon(struct hf_table *table)
{
    (void)charge(table, 0, ASKED_KEY, 0, 3000 * UNIT_NS);
    (void)charge(table, 0, 55, 4000, CELL_NS);
    (void)charge(table, 0, 56, 4000, CELL_NS);
    (void)charge(table, 0, ASKED_KEY, ASKED_AT, 500 * UNIT_NS);
}

static void ask_and_refund(struct hf_table *table)
{
    (void)charge(table, 0, ASKED_KEY, ASKED_AT, CELL_NS);
    struct hf_table_adjustment adjustment = {
        .key = table_key(table, 0, ASKED_KEY),
        .now_ns = (ASKED_AT + 1) * UNIT_NS,
    };
    (void)hf_table_adjust(table, &adjustment);
}

static const struct deed deeds[] = {
    {"in the home line", {{0, 500}}, ask_at_home_0},
    {"a step away, where a key of that line was",
        {{0, 9000}, {0, 9000}, {0, 9000}, {0, 9000}, {1, 500}}, ask_at_home_0},
    {"where a displaced key was, beside another",
        {{0, 9000}, {0, 9000}, {0, 9000}, {0, 9000}, {0, 500}, {0, 9000}, {1, 9000}, {1, 9000}},
        ask_at_home_1},
    {"and denied", {{0, 9000}, {0, 9000}}, ask_behind_the_horizon},
    {"and refunded", {{0, 500}}, ask_and_refund},
};
#define DEED_COUNT (sizeof(deeds) / sizeof(deeds[0]))

static jmp_buf death;
static uint32_t marks_left; /* Until the one at which somebody dies. */

static void at_mark(enum hf_step step)
{
    (void)step;
    if (--marks_left == 0)
        longjmp(death, 1);
}

static void fill(const struct deed *deed)
{
    memset(memory, 0, sizeof(memory));
    struct hf_table table = view_of(SURVIVOR);
    for (uint64_t i = 0; i < sizeof(deed->seeds) / sizeof(deed->seeds[0]); i++) {
        if (deed->seeds[i].until)
            assert_int_equal(
                charge(&table, deed->seeds[i].home, 11 + i, 0, deed->seeds[i].until * UNIT_NS),
                HF_TABLE_ADMITTED);
    }
}

static bool is_dead(void *context, uint32_t owner)
{
    uint32_t last = *(const uint32_t *)context;
    return owner >= VICTIM && owner <= last;
}

/* Does what the owner does, up to the mark. False: it came to its end before. */
static bool die(enum owner owner, uint32_t mark, const struct deed *deed)
{
    struct hf_table table = view_of(owner);
    uint32_t victim = VICTIM;
    marks_left = mark;
    hf_step_hook = at_mark;
    if (setjmp(death)) {
        hf_step_hook = NULL;
        return true;
    }
    if (owner == VICTIM)
        deed->run(&table);
    else
        (void)hf_table_recover(&table, is_dead, &victim);
    hf_step_hook = NULL;
    return false;
}

/* Requests for all keys and new ones, before and after recovery; then all must be in order. */
static void check_survival(uint32_t last_dead)
{
    struct hf_table table = view_of(SURVIVOR);
    uint32_t admitted = 0;
    for (uint64_t i = 0; i < 3; i++)
        admitted += charge(&table, 0, ASKED_KEY, ASKED_AT + i, CELL_NS) == HF_TABLE_ADMITTED;
    assert_in_range(admitted, 0, 1);
    for (uint64_t key = 30; key < 40; key++)
        (void)charge(&table, key % HOMES, key, 9000 + key, CELL_NS);
    (void)hf_table_recover(&table, is_dead, &last_dead);
    table_check_after_death(&table);
    for (uint64_t key = 1; key < 4 * PATH_LINES; key++)
        assert_int_equal(charge(&table, 0, key, 20000, CELL_NS), HF_TABLE_ADMITTED);
    for (uint64_t key = 1; key < 4 * PATH_LINES; key++)
        assert_int_equal(charge(&table, 0, key, 20001, CELL_NS), HF_TABLE_DENIED);
    table_check_after_death(&table);
    assert_int_equal(hf_table_recount(&table), 0);
    table_check(&table);
}

static void others_go_on_and_recover_whatever_an_owner_left(void **state)
{
    (void)state;
    for (size_t i = 0; i < DEED_COUNT; i++) {
        uint32_t mark = 1;
        for (fill(&deeds[i]); die(VICTIM, mark, &deeds[i]); fill(&deeds[i])) {
            check_survival(VICTIM);
            mark++;
        }
        check_survival(VICTIM);
        print_message("# %s: %d deaths\n", deeds[i].name, (int)mark - 1);
        assert_true(mark > 10);
    }
}

static void whoever_dies_recovering_is_recovered_from(void **state)
{
    (void)state;
    uint32_t deaths = 0;
    for (size_t i = 0; i < DEED_COUNT; i++) {
        for (uint32_t mark = 1;; mark++) {
            uint32_t second = 0;
            bool died = true;
            bool heir_died = true;
            while (died && heir_died) {
                fill(&deeds[i]);
                died = die(VICTIM, mark, &deeds[i]);
                heir_died = died && die(HEIR, ++second, &deeds[i]);
                check_survival(HEIR);
                deaths += heir_died;
            }
            if (!died)
                break;
        }
    }
    print_message("# %d deaths over a death\n", (int)deaths);
    assert_true(deaths > 50);
}

/* Without anybody who could tell that the owner is dead, its key is inserted by others. */
static void a_key_is_never_stuck_in_a_dead_owners_slot(void **state)
{
    (void)state;
    for (size_t i = 0; i < DEED_COUNT; i++) {
        uint32_t mark = 1;
        for (fill(&deeds[i]); die(VICTIM, mark++, &deeds[i]); fill(&deeds[i])) {
            struct hf_table table = view_of(SURVIVOR);
            for (uint64_t home = 0; home < HOMES; home++)
                assert_int_equal(
                    charge(&table, home, ASKED_KEY, 30000, CELL_NS), HF_TABLE_ADMITTED);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(others_go_on_and_recover_whatever_an_owner_left),
        cmocka_unit_test(whoever_dies_recovering_is_recovered_from),
        cmocka_unit_test(a_key_is_never_stuck_in_a_dead_owners_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
int main(void)
{
    puts("1..0 # SKIP needs the marks of a STEPS=1 build");
    return 0;
}
#endif
