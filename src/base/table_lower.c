/* SPDX-License-Identifier: MIT */
#include "base/multiply.h"
#include "base/table_path.h"

/* Moves *now to where the clock vouches for it; a clock that is broken must not reach the marks. */
static uint64_t read_now(const struct hf_table_adjustment *adjustment)
{
    uint64_t now = adjustment->now_ns;
    if (adjustment->clock)
        now = hf_max(now, hf_min(hf_clock_now_ns(adjustment->clock), HF_TIME_MAX_NS));
    return now + HF_TABLE_MARGIN_NS;
}

/*
 * A charge takes the time from what it was charged upon to `until`. Of that, what has passed by now
 * is not given back: others may have charged upon a later time since, as they would have without
 * it.
 */
static uint64_t subtracted(const struct hf_table_adjustment *adjustment, uint64_t now)
{
    uint64_t until = adjustment->until_ns + HF_TABLE_MARGIN_NS;
    if (adjustment->until_ns == 0)
        return adjustment->subtract_ns;
    return hf_min(adjustment->subtract_ns, hf_max(until, now) - now);
}

static uint64_t adjusted_debt(
    const struct hf_table_adjustment *adjustment, uint64_t debt, uint64_t now)
{
    uint64_t scaled = debt;
    if (adjustment->divide)
        scaled = hf_multiply_divide(debt, adjustment->multiply, adjustment->divide);
    /* No TAT is raised to where a tolerance could not have put it. */
    scaled = hf_min(scaled, hf_max(debt, HF_TABLE_TOLERANCE_MAX_NS));
    scaled -= hf_min(scaled, subtracted(adjustment, now));
    return hf_min(scaled, adjustment->ceiling_ns);
}

/* What a committed time becomes. */
static uint64_t transformed(const struct hf_table *table,
    const struct hf_table_adjustment *adjustment, uint64_t time, uint64_t now)
{
    uint64_t tat = hf_table_tat(time);
    if (tat <= now)
        return time;
    uint64_t wanted = now + adjusted_debt(adjustment, tat - now, now);
    return wanted == tat ? time : hf_table_time(table, wanted, hf_table_bound(table, time));
}

/*
 * Adjusts one slot that was committed when its time was loaded. Nothing to change is decided, like
 * a denial, by the time being the same after the name was read.
 */
static struct hf_table_answer adjust_time(const struct hf_table *table,
    const struct hf_table_adjustment *adjustment, uint64_t *word, uint64_t time)
{
    uint64_t now = read_now(adjustment);
    uint64_t next = transformed(table, adjustment, time, now);
    hf_step(HF_STEP_TABLE_ADJUSTING);
    bool adjusted = next == time ? hf_load_relaxed(word) == time : hf_cas_seq(word, &time, next);
    hf_step(HF_STEP_TABLE_ADJUSTED);
    return hf_table_answer(adjusted ? HF_TABLE_ADMITTED : HF_TABLE_AGAIN, now, hf_table_tat(next));
}

static struct hf_table_answer adjust_slot(
    const struct hf_table *table, const struct hf_table_adjustment *adjustment, uint32_t slot)
{
    struct hf_table_line *home = adjustment->key.home;
    uint64_t *word = hf_table_time_at(home, slot);
    uint64_t time = hf_load_seq(word);
    uint64_t found = hf_load_acquire(hf_table_name_at(home, slot)) & HF_TABLE_NAME_MASK;
    uint64_t name = hf_table_name(adjustment->key.fingerprint, slot / HF_TABLE_LINE_SLOTS);
    if (!hf_table_is_committed(time) || found != name)
        return hf_table_answer(HF_TABLE_AGAIN, HF_TABLE_MARGIN_NS, 0);
    return adjust_time(table, adjustment, word, time);
}

struct hf_table_answer hf_table_adjust(
    struct hf_table *table, const struct hf_table_adjustment *adjustment)
{
    struct hf_table_key key = adjustment->key;
    uint64_t now = adjustment->now_ns + HF_TABLE_MARGIN_NS;
    uint32_t slot = hf_table_guess(key.home, key.fingerprint);
    for (;;) {
        struct hf_table_answer answer = adjust_slot(table, adjustment, slot);
        if (answer.verdict != HF_TABLE_AGAIN)
            return answer;
        slot = hf_table_scan_path(table, key, now, false).committed;
        if (slot == HF_TABLE_NOWHERE)
            return hf_table_answer(HF_TABLE_ABSENT, now, now);
    }
}

/* Whether the slot was later. Clocks are read only for those that may be. */
static bool trim_slot(
    const struct hf_table *table, const struct hf_table_adjustment *trimming, uint64_t slot)
{
    uint64_t *word = hf_table_time_at(table->lines, slot);
    for (;;) {
        uint64_t time = hf_load_seq(word);
        uint64_t debt = hf_table_tat(time) - HF_TABLE_MARGIN_NS - trimming->now_ns;
        bool owes = hf_table_tat(time) > HF_TABLE_MARGIN_NS + trimming->now_ns;
        if (!hf_table_is_committed(time) || !owes || debt <= trimming->ceiling_ns)
            return false;
        struct hf_table_answer answer = adjust_time(table, trimming, word, time);
        if (answer.verdict == HF_TABLE_ADMITTED)
            return answer.tat_ns + HF_TABLE_MARGIN_NS < hf_table_tat(time);
    }
}

uint64_t hf_table_trim(
    struct hf_table *table, uint64_t ceiling_ns, const struct hf_clock *clock, uint64_t now_ns)
{
    const struct hf_table_adjustment trimming = {
        .now_ns = now_ns,
        .clock = clock,
        .ceiling_ns = ceiling_ns,
    };
    uint64_t trimmed = 0;
    for (uint64_t slot = 0; slot < hf_table_slots(table); slot++)
        trimmed += trim_slot(table, &trimming, slot);
    return trimmed;
}
