/* SPDX-License-Identifier: MIT */
#include "base/table_path.h"

/*
 * Takes a slot from its owner, if that is dead. The time is loaded before one asks: then it is his.
 * Whoever lives may bump it meanwhile.
 */
static bool recover_slot(const struct hf_table *table, struct hf_table_line *line, uint32_t index,
    bool (*is_dead)(void *context, uint32_t owner), void *context)
{
    uint64_t time = hf_load_seq(&line->times[index]);
    while (!hf_table_is_committed(time) && hf_table_owner(time) != 0) {
        hf_step(HF_STEP_TABLE_RECOVERING);
        if (!is_dead(context, hf_table_owner(time)))
            return false;
        if (hf_table_vacate(table, line, index, &time))
            return true;
    }
    return false;
}

static uint64_t recover_line(const struct hf_table *table, struct hf_table_line *line,
    bool (*is_dead)(void *context, uint32_t owner), void *context)
{
    uint64_t recovered = 0;
    for (uint32_t i = 0; i < HF_TABLE_LINE_SLOTS; i++)
        recovered += recover_slot(table, line, i, is_dead, context);
    return recovered;
}

uint64_t hf_table_recover(
    struct hf_table *table, bool (*is_dead)(void *context, uint32_t owner), void *context)
{
    uint64_t recovered = 0;
    for (uint64_t line = 0; line < hf_table_slots(table) / HF_TABLE_LINE_SLOTS; line++)
        recovered += recover_line(table, &table->lines[line], is_dead, context);
    return recovered;
}

void hf_table_recover_path(const struct hf_table *table, struct hf_table_line *home)
{
    if (!table->is_dead)
        return;
    for (uint32_t distance = 0; distance < table->path_lines; distance++)
        recover_line(table, &home[distance], table->is_dead, table->is_dead_context);
}

/* Whether a key can have this name here. */
static bool is_possible(const struct hf_table *table, uint64_t line, uint64_t name)
{
    uint64_t displacement = hf_table_displacement(name);
    bool is_somebodys = hf_table_name(0, displacement) != name;
    return is_somebodys && displacement < table->path_lines && displacement <= line &&
           line - displacement < table->homes;
}

/* Leaves the slot with a name without overflow. True: it had to be freed. */
static bool repair_slot(const struct hf_table *table, uint64_t slot)
{
    uint64_t *name = hf_table_name_at(table->lines, slot);
    uint64_t *time = hf_table_time_at(table->lines, slot);
    *name &= HF_TABLE_NAME_MASK;
    if (hf_table_is_committed(*time) &&
        (*name == 0 || is_possible(table, slot / HF_TABLE_LINE_SLOTS, *name)))
        return false;
    *name = 0;
    *time = 0;
    return true;
}

/* Adds one to each line before the slot's on the path of its key. */
static void count_slot(const struct hf_table *table, uint64_t slot)
{
    uint64_t displacement = hf_table_displacement(*hf_table_name_at(table->lines, slot));
    uint64_t line = slot / HF_TABLE_LINE_SLOTS;
    for (uint64_t back = 1; back <= displacement; back++)
        table->lines[line - back].names[0] += HF_TABLE_OVERFLOW_ONE;
}

uint64_t hf_table_recount(struct hf_table *table)
{
    uint64_t freed = 0;
    for (uint64_t slot = 0; slot < hf_table_slots(table); slot++)
        freed += repair_slot(table, slot);
    for (uint64_t slot = 0; slot < hf_table_slots(table); slot++)
        count_slot(table, slot);
    uint64_t latest = HF_TIME_MAX_NS + HF_TABLE_MARGIN_NS;
    table->shared->horizon = hf_min(table->shared->horizon, latest);
    return freed;
}
