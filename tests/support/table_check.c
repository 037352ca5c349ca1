/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/table_slot.h"
#include "support/table_check.h"

#define FINGERPRINT_MASK ((UINT64_C(1) << HF_TABLE_FINGERPRINT_BITS) - 1)

static uint64_t lines_of(const struct hf_table *table)
{
    return table->homes + table->path_lines - 1;
}

static uint64_t name_of(const struct hf_table *table, uint64_t slot)
{
    const struct hf_table_line *line = &table->lines[slot / HF_TABLE_LINE_SLOTS];
    return hf_load_relaxed(&line->names[slot % HF_TABLE_LINE_SLOTS]) & HF_TABLE_NAME_MASK;
}

static uint64_t displacement_of(uint64_t name)
{
    return name >> HF_TABLE_FINGERPRINT_BITS;
}

static uint64_t home_of(uint64_t slot, uint64_t name)
{
    return slot / HF_TABLE_LINE_SLOTS - displacement_of(name);
}

static void check_slot(const struct hf_table *table, uint64_t slot)
{
    const struct hf_table_line *line = &table->lines[slot / HF_TABLE_LINE_SLOTS];
    uint64_t name = name_of(table, slot);
    assert_true(hf_table_is_committed(line->times[slot % HF_TABLE_LINE_SLOTS]));
    if (name == 0)
        return;
    assert_true(displacement_of(name) < table->path_lines);
    assert_true(displacement_of(name) <= slot / HF_TABLE_LINE_SLOTS);
    assert_true(home_of(slot, name) < table->homes);
    uint64_t end = (home_of(slot, name) + table->path_lines) * HF_TABLE_LINE_SLOTS;
    for (uint64_t other = slot + 1; other < end; other++) {
        uint64_t other_name = name_of(table, other);
        if (other_name && home_of(other, other_name) == home_of(slot, name))
            assert_true((other_name & FINGERPRINT_MASK) != (name & FINGERPRINT_MASK));
    }
}

static uint64_t count_beyond(const struct hf_table *table, uint64_t line)
{
    uint64_t beyond = 0;
    uint64_t end = line + table->path_lines;
    if (end > lines_of(table))
        end = lines_of(table);
    for (uint64_t slot = (line + 1) * HF_TABLE_LINE_SLOTS; slot < end * HF_TABLE_LINE_SLOTS; slot++)
        beyond += name_of(table, slot) && home_of(slot, name_of(table, slot)) <= line;
    return beyond;
}

static void check_slots(const struct hf_table *table)
{
    for (uint64_t slot = 0; slot < hf_table_slots(table); slot++)
        check_slot(table, slot);
    for (uint64_t slot = 0; slot < hf_table_slots(table); slot++) {
        if (slot % HF_TABLE_LINE_SLOTS)
            assert_true(*hf_table_name_at(table->lines, slot) < HF_TABLE_OVERFLOW_ONE);
    }
}

void table_check(const struct hf_table *table)
{
    check_slots(table);
    for (uint64_t line = 0; line < lines_of(table); line++)
        assert_int_equal(
            table->lines[line].names[0] / HF_TABLE_OVERFLOW_ONE, count_beyond(table, line));
}

void table_check_after_death(const struct hf_table *table)
{
    check_slots(table);
    for (uint64_t line = 0; line < lines_of(table); line++)
        assert_true(
            table->lines[line].names[0] / HF_TABLE_OVERFLOW_ONE >= count_beyond(table, line));
}

struct hf_table_key table_key(const struct hf_table *table, uint64_t home, uint64_t fingerprint)
{
    assert_true(home < table->homes && fingerprint > 0 && fingerprint <= FINGERPRINT_MASK);
    return (struct hf_table_key){&table->lines[home], fingerprint};
}

uint64_t table_named(const struct hf_table *table)
{
    uint64_t count = 0;
    for (uint64_t slot = 0; slot < hf_table_slots(table); slot++)
        count += name_of(table, slot) != 0;
    return count;
}
