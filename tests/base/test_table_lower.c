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

/* Lowering times: refunds, resets and other quotas, in every corner. */

#define UNIT_NS 5000
#define NONE UINT64_MAX

static struct hf_table table_of(uint64_t homes, uint32_t path_lines, uint64_t unit_ns)
{
    const struct hf_table_shape shape = {homes, path_lines, unit_ns};
    struct hf_table table;
    assert_int_equal(hf_table_init(&table, &shape, NULL, NULL), HF_OK);
    return table;
}

/* Charges a key of the table's first line, whatever its tolerance must be for that. */
static struct hf_table_answer charge(
    struct hf_table *table, uint64_t fingerprint, uint64_t charge_ns, uint64_t now_ns)
{
    struct hf_table_request request = {
        .key = table_key(table, 0, fingerprint),
        .charge_ns = charge_ns,
        .tolerance_ns = HF_TABLE_TOLERANCE_MAX_NS,
        .now_ns = now_ns,
    };
    return hf_table_charge(table, request);
}

static struct hf_table_answer peek(struct hf_table *table, uint64_t fingerprint, uint64_t now_ns)
{
    struct hf_table_request request = {
        .key = table_key(table, 0, fingerprint),
        .charge_ns = 1,
        .tolerance_ns = 1,
        .now_ns = now_ns,
    };
    return hf_table_peek(table, &request);
}

static struct hf_table_answer refund(
    struct hf_table *table, uint64_t fingerprint, uint64_t subtract_ns, uint64_t now_ns)
{
    struct hf_table_adjustment adjustment = {
        .key = table_key(table, 0, fingerprint),
        .now_ns = now_ns,
        .subtract_ns = subtract_ns,
        .ceiling_ns = NONE,
    };
    return hf_table_adjust(table, &adjustment);
}

static struct hf_table_answer reset(struct hf_table *table, uint64_t fingerprint, uint64_t now_ns)
{
    struct hf_table_adjustment adjustment = {
        .key = table_key(table, 0, fingerprint),
        .now_ns = now_ns,
    };
    return hf_table_adjust(table, &adjustment);
}

static struct hf_table_answer rescale(struct hf_table *table, uint64_t fingerprint,
    uint64_t multiply, uint64_t divide, uint64_t now_ns)
{
    struct hf_table_adjustment adjustment = {
        .key = table_key(table, 0, fingerprint),
        .now_ns = now_ns,
        .multiply = multiply,
        .divide = divide,
        .ceiling_ns = NONE,
    };
    return hf_table_adjust(table, &adjustment);
}

static void assert_adjusted(struct hf_table_answer answer, uint64_t now_ns, uint64_t tat_ns)
{
    assert_int_equal(answer.verdict, HF_TABLE_ADMITTED);
    assert_int_equal(answer.now_ns, now_ns);
    assert_int_equal(answer.tat_ns, tat_ns);
}

static uint64_t mark_of(const struct hf_table *table, uint64_t slot)
{
    return *hf_table_time_at(table->lines, slot) / HF_TABLE_RANGE;
}

static void a_key_that_has_no_slot_has_nothing_to_adjust(void **state)
{
    (void)state;
    struct hf_table table = table_of(1, 2, UNIT_NS);
    assert_int_equal(reset(&table, 1, 1000).verdict, HF_TABLE_ABSENT);
    for (uint64_t key = 1; key <= 8; key++)
        assert_int_equal(charge(&table, key, 100, 0).verdict, HF_TABLE_ADMITTED);
    struct hf_table_answer answer = refund(&table, 9, 10, 50);
    assert_int_equal(answer.verdict, HF_TABLE_ABSENT);
    assert_int_equal(answer.now_ns, 50);
    assert_int_equal(answer.tat_ns, 50);
    hf_table_fini(&table);
}

static void a_refund_gives_back_what_it_says_and_no_more_than_there_is(void **state)
{
    (void)state;
    struct hf_table table = table_of(1, 1, UNIT_NS);
    charge(&table, 1, 4000, 1000);
    assert_adjusted(refund(&table, 1, 0, 1000), 1000, 5000);
    assert_adjusted(refund(&table, 1, 1500, 1000), 1000, 3500);
    assert_int_equal(peek(&table, 1, 3500).verdict, HF_TABLE_ADMITTED);
    assert_int_equal(peek(&table, 1, 3499).verdict, HF_TABLE_DENIED);
    assert_adjusted(refund(&table, 1, NONE, 2000), 2000, 2000);
    /* A TAT that has passed says the same as any other: it is left alone. */
    uint64_t time = table.lines[0].times[0];
    assert_adjusted(refund(&table, 1, NONE, 2500), 2500, 2500);
    assert_int_equal(table.lines[0].times[0], time);
    table_check(&table);
    hf_table_fini(&table);
}

static void displaced_keys_are_adjusted_where_they_stand(void **state)
{
    (void)state;
    struct hf_table table = table_of(1, HF_TABLE_PATH_LINES_MAX, UNIT_NS);
    uint64_t slots = hf_table_slots(&table);
    for (uint64_t key = 1; key <= slots; key++)
        charge(&table, key, 1000 + key, 0);
    for (uint64_t key = 1; key <= slots; key++)
        assert_adjusted(refund(&table, key, 500, 0), 0, 500 + key);
    for (uint64_t key = 1; key <= slots; key++)
        assert_int_equal(charge(&table, key, 10, 0).tat_ns, 510 + key);
    table_check(&table);
    hf_table_fini(&table);
}

/* In the table's time, units begin at multiples; from the mark 2 on a time goes no further down. */
static void a_high_water_mark_is_kept_to_the_unit_and_holds_a_time_two_units_below(void **state)
{
    (void)state;
    struct hf_table table = table_of(1, 1, UNIT_NS);
    /* A TAT in the middle of a unit: 4 whole ones, and a bit, ahead of the table's time. */
    uint64_t now_ns = 20 * UNIT_NS - HF_TABLE_MARGIN_NS;
    uint64_t high_ns = now_ns + 4 * UNIT_NS + 10;
    assert_int_equal(charge(&table, 1, high_ns - now_ns, now_ns).tat_ns, high_ns);
    assert_int_equal(mark_of(&table, 0), 0);
    assert_adjusted(refund(&table, 1, 10, now_ns), now_ns, high_ns - 10);
    assert_int_equal(mark_of(&table, 0), 1);
    assert_adjusted(refund(&table, 1, 1, now_ns), now_ns, high_ns - 11);
    assert_int_equal(mark_of(&table, 0), 2);
    assert_adjusted(refund(&table, 1, UNIT_NS - 1, now_ns), now_ns, now_ns + 3 * UNIT_NS);
    assert_int_equal(mark_of(&table, 0), 2);
    assert_adjusted(reset(&table, 1, now_ns), now_ns, now_ns + 3 * UNIT_NS);
    assert_int_equal(
        hf_table_bound(&table, table.lines[0].times[0]), now_ns + HF_TABLE_MARGIN_NS + 5 * UNIT_NS);
    /* A charge up to the bound keeps it, one that reaches it leaves the slot plain. */
    charge(&table, 1, UNIT_NS, now_ns);
    assert_int_equal(mark_of(&table, 0), 1);
    charge(&table, 1, UNIT_NS - 1, now_ns);
    assert_int_equal(mark_of(&table, 0), 1);
    assert_int_equal(charge(&table, 1, 1, now_ns).tat_ns, now_ns + 5 * UNIT_NS);
    assert_int_equal(mark_of(&table, 0), 0);
    assert_adjusted(reset(&table, 1, now_ns), now_ns, now_ns + 3 * UNIT_NS);
    hf_table_fini(&table);
}

static void a_lowered_slot_is_taken_over_only_after_its_high_water_mark(void **state)
{
    (void)state;
    struct hf_table table = table_of(1, 1, UNIT_NS);
    uint64_t now_ns = 100 * UNIT_NS - HF_TABLE_MARGIN_NS;
    for (uint64_t key = 1; key <= 4; key++)
        charge(&table, key, key == 1 ? UNIT_NS : 10 * UNIT_NS, now_ns);
    assert_adjusted(reset(&table, 1, now_ns), now_ns, now_ns);
    struct hf_table_answer answer = charge(&table, 5, 1, now_ns + 1);
    assert_int_equal(answer.verdict, HF_TABLE_FULL);
    assert_int_equal(answer.tat_ns, now_ns + UNIT_NS + HF_TABLE_MARGIN_NS);
    assert_int_equal(charge(&table, 5, 1, answer.tat_ns - 1).verdict, HF_TABLE_FULL);
    assert_int_equal(charge(&table, 1, 1, answer.tat_ns - 1).verdict, HF_TABLE_ADMITTED);
    answer = charge(&table, 5, 1, answer.tat_ns);
    assert_int_equal(answer.verdict, HF_TABLE_FULL); /* Plain again, and later. */
    assert_int_equal(charge(&table, 5, 1, answer.tat_ns).verdict, HF_TABLE_ADMITTED);
    assert_int_equal(reset(&table, 1, answer.tat_ns).verdict, HF_TABLE_ABSENT);
    table_check(&table);
    hf_table_fini(&table);
}

static void another_quota_scales_the_debt_up_or_down(void **state)
{
    (void)state;
    struct hf_table table = table_of(1, 1, HF_TABLE_TOLERANCE_MAX_NS);
    charge(&table, 1, 1000, 500);
    assert_adjusted(rescale(&table, 1, 1, 0, 500), 500, 1500);
    assert_adjusted(rescale(&table, 1, 1, 1, 500), 500, 1500);
    assert_adjusted(rescale(&table, 1, 1, 3, 500), 500, 834); /* Rounded towards denial. */
    assert_adjusted(rescale(&table, 1, 10, 1, 500), 500, 3840);
    assert_adjusted(rescale(&table, 1, NONE, NONE - 1, 500), 500, 3841);
    assert_adjusted(rescale(&table, 1, NONE, 1, 500), 500, 500 + HF_TABLE_TOLERANCE_MAX_NS);
    assert_adjusted(rescale(&table, 1, 2, 1, 0), 0, 500 + HF_TABLE_TOLERANCE_MAX_NS);
    assert_adjusted(rescale(&table, 1, 0, 1, 400), 400, 400);
    /* Scaled, then less, then at most. */
    charge(&table, 1, 600, 400);
    struct hf_table_adjustment all = {
        .key = table_key(&table, 0, 1),
        .now_ns = 400,
        .multiply = 3,
        .divide = 2,
        .subtract_ns = 100,
        .ceiling_ns = 700,
    };
    assert_adjusted(hf_table_adjust(&table, &all), 400, 1100);
    all.subtract_ns = 500;
    assert_adjusted(hf_table_adjust(&table, &all), 400, 950);
    table_check(&table);
    hf_table_fini(&table);
}

static void the_ends_of_time_are_as_good_as_the_middle(void **state)
{
    (void)state;
    const uint64_t units[] = {1, 2, HF_TABLE_TOLERANCE_MAX_NS - 1, HF_TABLE_TOLERANCE_MAX_NS};
    const uint64_t times[] = {0, 1, HF_TABLE_TOLERANCE_MAX_NS, HF_TIME_MAX_NS - 1, HF_TIME_MAX_NS};
    for (size_t i = 0; i < 20; i++) {
        uint64_t unit_ns = units[i / 5];
        uint64_t now_ns = times[i % 5];
        struct hf_table table = table_of(1, 1, unit_ns);
        uint64_t high_ns = now_ns + HF_TABLE_TOLERANCE_MAX_NS;
        assert_int_equal(charge(&table, 1, HF_TABLE_TOLERANCE_MAX_NS, now_ns).tat_ns, high_ns);
        struct hf_table_answer answer = reset(&table, 1, now_ns);
        assert_int_equal(answer.verdict, HF_TABLE_ADMITTED);
        /* Two units below the high-water mark, rounded up, if that is later than now. */
        uint64_t high = high_ns + HF_TABLE_MARGIN_NS;
        uint64_t lowest = ((high + unit_ns - 1) / unit_ns - 2) * unit_ns;
        assert_int_equal(
            answer.tat_ns + HF_TABLE_MARGIN_NS, hf_max(lowest, now_ns + HF_TABLE_MARGIN_NS));
        assert_true(hf_table_bound(&table, table.lines[0].times[0]) >= high);
        if (answer.tat_ns > 0 && answer.tat_ns <= HF_TIME_MAX_NS)
            assert_int_equal(peek(&table, 1, answer.tat_ns - 1).verdict, HF_TABLE_DENIED);
        if (answer.tat_ns <= HF_TIME_MAX_NS)
            assert_int_equal(peek(&table, 1, answer.tat_ns).verdict, HF_TABLE_ADMITTED);
        uint64_t rest_ns = high_ns - answer.tat_ns;
        assert_int_equal(charge(&table, 1, rest_ns, now_ns).tat_ns, high_ns);
        assert_int_equal(charge(&table, 1, 1, now_ns).verdict, HF_TABLE_DENIED);
        table_check(&table);
        hf_table_fini(&table);
    }
}

static uint64_t next_reading(void *context)
{
    return *(uint64_t *)context;
}

static void a_clock_is_read_once_the_time_is_known(void **state)
{
    (void)state;
    uint64_t reading = 3000;
    const struct hf_clock clock = {.now_ns = next_reading, .context = &reading};
    struct hf_table table = table_of(1, 1, UNIT_NS);
    charge(&table, 1, 4000, 1000);
    struct hf_table_adjustment adjustment = {
        .key = table_key(&table, 0, 1),
        .now_ns = 2000,
        .clock = &clock,
    };
    assert_adjusted(hf_table_adjust(&table, &adjustment), 3000, 3000);
    charge(&table, 1, 4000, 3000);
    reading = 0; /* It cannot go back, */
    assert_adjusted(hf_table_adjust(&table, &adjustment), 2000, 2000);
    reading = UINT64_MAX; /* nor reach the marks. */
    assert_adjusted(hf_table_adjust(&table, &adjustment), HF_TIME_MAX_NS, HF_TIME_MAX_NS);
    table_check(&table);
    hf_table_fini(&table);
}

/*
 * A caller far behind lowers a TAT to where the slot has been under another name: its time is
 * another all the same.
 */
static void a_tat_but_no_time_comes_back_under_another_name(void **state)
{
    (void)state;
    struct hf_table table = table_of(1, 1, HF_SECONDS(1));
    charge(&table, 1, 1000, 0);
    assert_adjusted(refund(&table, 1, 900, 0), 0, 100);
    uint64_t before = table.lines[0].times[0];
    assert_int_equal(charge(&table, 2, 1000, HF_SECONDS(1)).verdict, HF_TABLE_ADMITTED);
    assert_int_equal(table.lines[0].names[0], 2);
    assert_adjusted(reset(&table, 2, 100), 100, 100);
    assert_int_equal(hf_table_tat(table.lines[0].times[0]), hf_table_tat(before));
    assert_int_not_equal(table.lines[0].times[0], before);
    hf_table_fini(&table);
}

static void trimming_lowers_every_key_and_counts_those_that_were_later(void **state)
{
    (void)state;
    uint64_t reading = 200;
    const struct hf_clock clock = {.now_ns = next_reading, .context = &reading};
    struct hf_table table = table_of(1, 4, UNIT_NS);
    for (uint64_t key = 1; key <= 10; key++)
        charge(&table, key, 100 * key, 0);
    assert_int_equal(hf_table_trim(&table, 1000, NULL, 0), 0);
    assert_int_equal(hf_table_trim(&table, 450, NULL, 0), 6);
    assert_int_equal(hf_table_trim(&table, 450, NULL, 0), 0);
    for (uint64_t key = 1; key <= 10; key++)
        assert_int_equal(peek(&table, key, 0).tat_ns, hf_min(100 * key, 450));
    assert_int_equal(hf_table_trim(&table, 100, &clock, 0), 7); /* To 300. */
    for (uint64_t key = 1; key <= 10; key++)
        assert_int_equal(peek(&table, key, 0).tat_ns, hf_min(100 * key, 300));
    table_check(&table);
    hf_table_fini(&table);
}

/*
 * The plain account: a key's TAT, and the latest that it has been since it got its slot, in the
 * table's time. Whatever is charged, refunded, reset or rescaled, the table must say what the
 * account says.
 */
#define MODEL_HOMES 2
#define MODEL_KEYS 12

struct account {
    uint64_t tat;
    uint64_t high;
};

struct model {
    struct hf_table table;
    uint64_t unit_ns;
    struct account accounts[MODEL_HOMES][MODEL_KEYS];
};

static uint64_t exact_debt(const struct hf_table_adjustment *adjustment, uint64_t debt)
{
    __extension__ unsigned __int128 exact = debt;
    if (adjustment->divide)
        exact = (exact * adjustment->multiply + adjustment->divide - 1) / adjustment->divide;
    if (exact > HF_TABLE_TOLERANCE_MAX_NS)
        exact = hf_max(debt, HF_TABLE_TOLERANCE_MAX_NS);
    uint64_t ahead =
        adjustment->until_ns > adjustment->now_ns ? adjustment->until_ns - adjustment->now_ns : 0;
    uint64_t back =
        adjustment->until_ns ? hf_min(adjustment->subtract_ns, ahead) : adjustment->subtract_ns;
    exact = exact > back ? exact - back : 0;
    return exact < adjustment->ceiling_ns ? (uint64_t)exact : adjustment->ceiling_ns;
}

/* The smallest TAT at most two units below the high-water mark, rounded up to a whole one. */
static uint64_t lowest(const struct model *model, const struct account *account)
{
    uint64_t units = (account->high + model->unit_ns - 1) / model->unit_ns;
    return units < 2 ? 0 : (units - 2) * model->unit_ns;
}

static void check_adjustment(struct model *model, struct hf_splitmix *random, uint64_t home,
    uint64_t number, uint64_t now_ns)
{
    struct hf_table_adjustment adjustment = {
        .key = table_key(&model->table, home, number + 1),
        .now_ns = now_ns,
        .subtract_ns = hf_splitmix_next(random) % 4000,
        .until_ns = hf_splitmix_next(random) % 2
                        ? 0
                        : now_ns - hf_min(now_ns, 1000) + hf_splitmix_next(random) % 6000,
        .ceiling_ns = hf_splitmix_next(random) % 4 ? NONE : hf_splitmix_next(random) % 5000,
        .multiply = hf_splitmix_next(random) % 5,
        .divide = hf_splitmix_next(random) % 4,
    };
    struct account *account = &model->accounts[home][number];
    struct hf_table_answer answer = hf_table_adjust(&model->table, &adjustment);
    uint64_t now = now_ns + HF_TABLE_MARGIN_NS;
    if (answer.verdict == HF_TABLE_ABSENT) {
        assert_true(account->high <= now);
        return;
    }
    if (account->tat > now) {
        uint64_t wanted = now + exact_debt(&adjustment, account->tat - now);
        account->tat = wanted < account->tat ? hf_max(wanted, lowest(model, account)) : wanted;
        account->high = hf_max(account->high, account->tat);
    }
    assert_adjusted(answer, now_ns, hf_max(account->tat, now) - HF_TABLE_MARGIN_NS);
}

static void check_charge(struct model *model, struct hf_splitmix *random, uint64_t home,
    uint64_t number, uint64_t now_ns)
{
    struct hf_table_request request = {
        .key = table_key(&model->table, home, number + 1),
        .charge_ns = 1 + hf_splitmix_next(random) % 5000,
        .tolerance_ns = 5000,
        .now_ns = now_ns,
    };
    struct account *account = &model->accounts[home][number];
    uint64_t inserted = model->table.shared->inserted;
    struct hf_table_answer answer = hf_table_charge(&model->table, request);
    uint64_t now = now_ns + HF_TABLE_MARGIN_NS;
    uint64_t next = hf_max(account->tat, now) + request.charge_ns;
    if (answer.verdict == HF_TABLE_FULL) {
        assert_true(account->tat <= now);
        return;
    }
    bool fits = next <= now + request.tolerance_ns;
    assert_int_equal(answer.verdict, fits ? HF_TABLE_ADMITTED : HF_TABLE_DENIED);
    if (!fits)
        return;
    assert_int_equal(answer.tat_ns, next - HF_TABLE_MARGIN_NS);
    bool fresh = model->table.shared->inserted > inserted;
    account->tat = next;
    account->high = fresh ? next : hf_max(next, account->high);
}

static void tables_agree_with_a_plain_account_whatever_is_lowered(void **state)
{
    (void)state;
    const uint64_t units[] = {1, 300, 5000, HF_SECONDS(1)};
    for (uint64_t seed = 0; seed < test_scaled(400); seed++) {
        struct hf_splitmix random;
        hf_splitmix_init(&random, seed);
        uint64_t unit_ns = units[seed % 4];
        struct model model = {.unit_ns = unit_ns};
        model.table = table_of(MODEL_HOMES, 1 + (uint32_t)(seed % 3), unit_ns);
        uint64_t pace = 1 + hf_splitmix_next(&random) % 3000;
        uint64_t now_ns = 0;
        for (int i = 0; i < 1000; i++) {
            uint64_t home = hf_splitmix_next(&random) % MODEL_HOMES;
            uint64_t number = hf_splitmix_next(&random) % MODEL_KEYS;
            if (hf_splitmix_next(&random) % 3)
                check_charge(&model, &random, home, number, now_ns);
            else
                check_adjustment(&model, &random, home, number, now_ns);
            now_ns += hf_splitmix_next(&random) % pace;
        }
        table_check(&model.table);
        hf_table_fini(&model.table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_that_has_no_slot_has_nothing_to_adjust),
        cmocka_unit_test(a_refund_gives_back_what_it_says_and_no_more_than_there_is),
        cmocka_unit_test(displaced_keys_are_adjusted_where_they_stand),
        cmocka_unit_test(a_high_water_mark_is_kept_to_the_unit_and_holds_a_time_two_units_below),
        cmocka_unit_test(a_lowered_slot_is_taken_over_only_after_its_high_water_mark),
        cmocka_unit_test(another_quota_scales_the_debt_up_or_down),
        cmocka_unit_test(the_ends_of_time_are_as_good_as_the_middle),
        cmocka_unit_test(a_clock_is_read_once_the_time_is_known),
        cmocka_unit_test(a_tat_but_no_time_comes_back_under_another_name),
        cmocka_unit_test(trimming_lowers_every_key_and_counts_those_that_were_later),
        cmocka_unit_test(tables_agree_with_a_plain_account_whatever_is_lowered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
