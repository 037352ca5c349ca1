/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/random.h>

#include "base/table_slot.h"
#include "scale.h"
#include "support/table_check.h"

/* One memory, several views of it, as processes have; and what the dead leave there. */

#define CELL_NS 1000
#define LINES_MAX 48

static _Alignas(HF_CACHE_LINE) unsigned char memory[HF_CACHE_LINE * (1 + LINES_MAX)];

/* A view of the memory, which at first is cleared. */
static struct hf_table first_view(uint64_t homes, uint32_t path_lines, uint32_t owner)
{
    const struct hf_table_shape shape = {homes, path_lines, CELL_NS};
    assert_true(hf_table_bytes(&shape) <= sizeof(memory));
    memset(memory, 0, sizeof(memory));
    struct hf_table table;
    hf_table_attach(&table, &shape, memory, owner);
    return table;
}

static struct hf_table another_view(const struct hf_table *table, uint32_t owner)
{
    const struct hf_table_shape shape = {table->homes, table->path_lines, table->unit_ns};
    struct hf_table view;
    hf_table_attach(&view, &shape, memory, owner);
    return view;
}

static enum hf_table_verdict charge(struct hf_table *table, uint64_t fingerprint, uint64_t now_ns)
{
    struct hf_table_request request = {
        .key = table_key(table, 0, fingerprint),
        .charge_ns = CELL_NS,
        .tolerance_ns = CELL_NS,
        .now_ns = now_ns,
    };
    return hf_table_charge(table, request).verdict;
}

/* Leaves a slot as an owner would who died there. */
static void leave(struct hf_table *table, uint64_t slot, uint64_t kind, uint32_t owner)
{
    uint64_t *time = hf_table_time_at(table->lines, slot);
    struct hf_table view = another_view(table, owner);
    *time = kind + hf_table_next_tat(&view, hf_table_tat(*time));
}

struct obituary {
    bool dead[HF_TABLE_OWNER_MAX + 1];
    uint32_t asked;
};

static bool is_dead(void *context, uint32_t owner)
{
    struct obituary *obituary = context;
    assert_in_range(owner, 1, HF_TABLE_OWNER_MAX);
    obituary->asked++;
    return obituary->dead[owner];
}

static void a_table_has_room_for_its_lines_and_one_more(void **state)
{
    (void)state;
    struct hf_table_shape shape = {10, 4, 1};
    assert_int_equal(hf_table_bytes(&shape), (1 + 13) * HF_CACHE_LINE);
    shape.homes = HF_TABLE_HOMES_MAX;
    assert_true(hf_table_bytes(&shape) >= SIZE_MAX / 65536 / 64);
}

static void views_of_one_memory_keep_one_account(void **state)
{
    (void)state;
    struct hf_table table = first_view(1, 2, 1);
    struct hf_table other = another_view(&table, HF_TABLE_OWNER_MAX);
    for (uint64_t key = 1; key <= 8; key++) {
        assert_int_equal(charge(key % 2 ? &table : &other, key, 0), HF_TABLE_ADMITTED);
        assert_int_equal(charge(key % 2 ? &other : &table, key, 0), HF_TABLE_DENIED);
    }
    table_check(&table);
    assert_int_equal(other.shared->inserted, 8);
    /* Attaching again finds all as it was. */
    struct hf_table third = another_view(&table, 2);
    for (uint64_t key = 1; key <= 8; key++)
        assert_int_equal(charge(&third, key, 10), HF_TABLE_DENIED);
}

static void only_what_the_dead_have_left_is_recovered(void **state)
{
    (void)state;
    struct hf_table table = first_view(1, 2, 9);
    struct obituary obituary = {.dead = {[3] = true, [HF_TABLE_OWNER_MAX] = true}};
    for (uint64_t key = 1; key <= 8; key++)
        assert_int_equal(charge(&table, key, 0), HF_TABLE_ADMITTED);
    leave(&table, 0, HF_TABLE_PRIVATE, 3);
    leave(&table, 2, HF_TABLE_TENTATIVE, 4);
    leave(&table, 3, HF_TABLE_PRIVATE, 0);
    leave(&table, 5, HF_TABLE_TENTATIVE, HF_TABLE_OWNER_MAX);
    uint64_t before = hf_table_tat(*hf_table_time_at(table.lines, 5));
    assert_int_equal(hf_table_recover(&table, is_dead, &obituary), 2);
    assert_int_equal(obituary.asked, 3); /* Nobody asks about owner 0, or committed slots. */
    assert_int_equal(*hf_table_name_at(table.lines, 0) & HF_TABLE_NAME_MASK, 0);
    assert_int_equal(*hf_table_name_at(table.lines, 5), 0);
    assert_true(*hf_table_time_at(table.lines, 5) > before);
    assert_true(hf_table_is_committed(*hf_table_time_at(table.lines, 0)));
    assert_int_equal(hf_table_owner(*hf_table_time_at(table.lines, 2)), 4);
    assert_int_equal(table.lines[0].names[0] / HF_TABLE_OVERFLOW_ONE, 3);
    assert_int_equal(hf_table_recover(&table, is_dead, &obituary), 0);
    obituary.dead[4] = true;
    assert_int_equal(hf_table_recover(&table, is_dead, &obituary), 1);
}

/* A path on which the dead hold everything is full only for those who cannot tell. */
static void a_path_is_recovered_before_it_is_called_full(void **state)
{
    (void)state;
    struct hf_table table = first_view(1, 2, 9);
    struct obituary obituary = {0};
    obituary.dead[3] = true;
    for (uint64_t key = 1; key <= 8; key++)
        assert_int_equal(charge(&table, key, 0), HF_TABLE_ADMITTED);
    uint64_t now_ns = 4 * HF_TABLE_MARGIN_NS;
    for (uint64_t slot = 0; slot < 8; slot++)
        leave(&table, slot, HF_TABLE_PRIVATE, 3);
    assert_int_equal(charge(&table, 9, now_ns), HF_TABLE_FULL);
    table.is_dead = is_dead;
    table.is_dead_context = &obituary;
    assert_int_equal(charge(&table, 9, now_ns), HF_TABLE_ADMITTED);
    table_check_after_death(&table);
    assert_int_equal(obituary.asked, 8);
    for (uint64_t key = 10; key <= 16; key++)
        assert_int_equal(charge(&table, key, now_ns), HF_TABLE_ADMITTED);
    assert_int_equal(charge(&table, 17, now_ns), HF_TABLE_FULL);
    assert_int_equal(obituary.asked, 8);
    table_check_after_death(&table);
}

static void a_key_that_a_dead_owner_was_inserting_is_anybodys_to_insert(void **state)
{
    (void)state;
    struct hf_table table = first_view(1, 1, 9);
    table.lines[0].names[2] = 1;
    leave(&table, 2, HF_TABLE_TENTATIVE, 3);
    assert_int_equal(charge(&table, 1, 0), HF_TABLE_ADMITTED);
    assert_int_equal(charge(&table, 1, 0), HF_TABLE_DENIED);
    assert_int_equal(table_named(&table), 1);
    table_check(&table);
}

/* So many deaths that a line's overflow can count no further: it stays, and all are found. */
static void overflow_that_has_run_full_sticks(void **state)
{
    (void)state;
    struct hf_table table = first_view(1, 2, 9);
    const uint64_t stuck = UINT64_MAX / HF_TABLE_OVERFLOW_ONE;
    table.lines[0].names[0] = (stuck - 1) * HF_TABLE_OVERFLOW_ONE;
    for (uint64_t round = 0; round < 4; round++) {
        uint64_t now_ns = round * 4 * HF_TABLE_MARGIN_NS;
        for (uint64_t key = 1; key <= 8; key++)
            assert_int_equal(charge(&table, 10 * round + key, now_ns), HF_TABLE_ADMITTED);
        for (uint64_t key = 1; key <= 8; key++)
            assert_int_equal(charge(&table, 10 * round + key, now_ns), HF_TABLE_DENIED);
        assert_int_equal(table.lines[0].names[0] / HF_TABLE_OVERFLOW_ONE, stuck);
    }
    assert_int_equal(hf_table_recount(&table), 0);
    assert_int_equal(table.lines[0].names[0] / HF_TABLE_OVERFLOW_ONE, 4);
    table_check(&table);
}

static void recounting_changes_nothing_in_a_sound_table(void **state)
{
    (void)state;
    struct hf_table table = first_view(3, 4, 9);
    for (uint64_t key = 1; key <= 12; key++)
        assert_int_equal(charge(&table, key, 0), HF_TABLE_ADMITTED);
    unsigned char before[sizeof(memory)];
    memcpy(before, memory, sizeof(memory));
    assert_int_equal(hf_table_recount(&table), 0);
    assert_memory_equal(before, memory, sizeof(memory));
}

/* Whatever the lines hold: after a recount the table is sound, and every request comes back. */
static void any_bytes_are_a_sound_table_after_a_recount(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < test_scaled(2000); seed++) {
        struct hf_splitmix random;
        hf_splitmix_init(&random, seed);
        struct hf_table table =
            first_view(1 + seed % 17, 1 + (uint32_t)(seed / 17 % HF_TABLE_PATH_LINES_MAX), 1);
        for (uint64_t slot = 0; slot < hf_table_slots(&table); slot++) {
            uint64_t name = hf_splitmix_next(&random);
            *hf_table_name_at(table.lines, slot) = seed % 2 ? name : name % 64 << 46;
            *hf_table_time_at(table.lines, slot) = hf_splitmix_next(&random);
        }
        table.shared->horizon = hf_splitmix_next(&random);
        uint64_t named = table_named(&table);
        uint64_t freed = hf_table_recount(&table);
        assert_true(table_named(&table) + freed >= named);
        struct hf_table_key key = table_key(&table, 0, 77);
        struct hf_table_request request = {key, CELL_NS, CELL_NS, HF_TIME_MAX_NS, NULL};
        enum hf_table_verdict verdict = hf_table_charge(&table, request).verdict;
        assert_true(verdict != HF_TABLE_ABSENT);
        struct hf_table_adjustment adjustment = {.key = key, .now_ns = HF_TIME_MAX_NS};
        verdict = hf_table_adjust(&table, &adjustment).verdict;
        assert_true(verdict == HF_TABLE_ADMITTED || verdict == HF_TABLE_ABSENT);
        (void)hf_table_trim(&table, CELL_NS, NULL, 0);
        if (seed % 2)
            table_check(&table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_has_room_for_its_lines_and_one_more),
        cmocka_unit_test(views_of_one_memory_keep_one_account),
        cmocka_unit_test(only_what_the_dead_have_left_is_recovered),
        cmocka_unit_test(a_path_is_recovered_before_it_is_called_full),
        cmocka_unit_test(a_key_that_a_dead_owner_was_inserting_is_anybodys_to_insert),
        cmocka_unit_test(overflow_that_has_run_full_sticks),
        cmocka_unit_test(recounting_changes_nothing_in_a_sound_table),
        cmocka_unit_test(any_bytes_are_a_sound_table_after_a_recount),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
