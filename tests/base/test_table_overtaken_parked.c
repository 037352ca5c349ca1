/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/step.h"
#include "base/table_slot.h"
#include "support/table_check.h"

/*
 * A call is overtaken: at its n-th mark, for each n that there is, another is made from beginning
 * to end, by which the slot that the first has its eyes on becomes another key's, or its own key's,
 * or holds another time. The first then ends last, so what it tells must be its key's TAT as it
 * stands in the table, and what the other has been told of another key must stand as well. An order
 * of calls may forgive a stale answer; here there is only one that is not.
 */
#ifdef HF_TEST_STEPS

/* Times are in these, so that the table's margin is short beside them. */
#define UNIT_NS HF_TABLE_STEP_NS
#define CELL_NS (5000 * UNIT_NS)
#define TABLE_UNIT_NS (100 * UNIT_NS)

/* One slot expires while the first call's time sees it live and the other's sees it expired. */
#define EARLY 1000
#define BETWEEN 1500
#define LATE 2000
#define FAR 9000

#define ASKED_KEY 1
#define OTHER_KEY 2
#define SEED_KEY 11 /* And the following. */

static struct hf_table table;

static struct hf_table_request request_of(uint64_t fingerprint, uint64_t now, uint64_t cells)
{
    return (struct hf_table_request){
        .key = table_key(&table, 0, fingerprint),
        .charge_ns = CELL_NS,
        .tolerance_ns = cells * CELL_NS,
        .now_ns = now * UNIT_NS,
    };
}

static struct hf_table_answer adjust(uint64_t subtract_ns, uint64_t ceiling_ns)
{
    struct hf_table_adjustment adjustment = {
        .key = table_key(&table, 0, ASKED_KEY),
        .now_ns = EARLY * UNIT_NS,
        .subtract_ns = subtract_ns,
        .ceiling_ns = ceiling_ns,
    };
    return hf_table_adjust(&table, &adjustment);
}

/* What the first call asks for: a cell that is denied, one that is admitted, or nothing. */
static struct hf_table_answer ask_in_vain(void)
{
    return hf_table_charge(&table, request_of(ASKED_KEY, EARLY, 1));
}

static struct hf_table_answer ask(void)
{
    return hf_table_charge(&table, request_of(ASKED_KEY, EARLY, 4));
}

static struct hf_table_answer peek(void)
{
    struct hf_table_request request = request_of(ASKED_KEY, EARLY, 1);
    return hf_table_peek(&table, &request);
}

/* What overtakes it. */
static struct hf_table_answer charge_asked(void)
{
    return hf_table_charge(&table, request_of(ASKED_KEY, LATE, 1));
}

static struct hf_table_answer charge_other(void)
{
    return hf_table_charge(&table, request_of(OTHER_KEY, LATE, 1));
}

static struct hf_table_answer reset_asked(void)
{
    return adjust(0, 0);
}

typedef struct hf_table_answer call_function(void);
static call_function *const firsts[] = {ask_in_vain, ask, peek};
static call_function *const others[] = {charge_asked, charge_other, reset_asked};

/* Whose the slot is that expires, and how its time is marked. */
enum owner { ANOTHERS, ASKED, ASKED_LOWERED, OWNERS };

static void seed(uint64_t fingerprint, uint64_t until)
{
    struct hf_table_request request = request_of(fingerprint, 0, 1);
    request.charge_ns = until * UNIT_NS;
    request.tolerance_ns = HF_TABLE_TOLERANCE_MAX_NS;
    assert_int_equal(hf_table_charge(&table, request).verdict, HF_TABLE_ADMITTED);
}

/*
 * All slots are live but, soon, one of the path's last line: the one that a look for the asked key
 * falls upon where that is not there.
 */
static void fill(uint32_t lines, enum owner owner)
{
    const struct hf_table_shape shape = {1, lines, TABLE_UNIT_NS};
    assert_int_equal(hf_table_init(&table, &shape, NULL, NULL), HF_OK);
    uint32_t expiring = (lines - 1) * HF_TABLE_LINE_SLOTS +
                        hf_table_guess(table.lines, hf_table_name(ASKED_KEY, lines - 1));
    for (uint32_t slot = 0; slot < lines * HF_TABLE_LINE_SLOTS; slot++) {
        bool is_asked = slot == expiring && owner != ANOTHERS;
        seed(is_asked ? ASKED_KEY : SEED_KEY + slot, slot == expiring ? BETWEEN : FAR);
    }
    if (owner == ASKED_LOWERED)
        assert_int_equal(adjust(TABLE_UNIT_NS / 2, UINT64_MAX).verdict, HF_TABLE_ADMITTED);
    uint64_t time = *hf_table_time_at(table.lines, expiring);
    assert_int_equal(time >= HF_TABLE_LOWERED, owner == ASKED_LOWERED);
}

static struct {
    call_function *other;
    struct hf_table_answer told;
    uint32_t marks_left;
} script;

static void at_mark(enum hf_step step)
{
    (void)step;
    if (--script.marks_left)
        return;
    hf_step_hook = NULL;
    script.told = script.other();
}

/* That there is no room is a matter of other keys, and of when the path was scanned. */
static void assert_stands(uint64_t fingerprint, struct hf_table_answer answer)
{
    if (answer.verdict == HF_TABLE_FULL)
        return;
    struct hf_table_request request = request_of(fingerprint, 0, 1);
    request.charge_ns = request.tolerance_ns = 1;
    request.now_ns = answer.now_ns;
    assert_int_equal(hf_table_peek(&table, &request).tat_ns, answer.tat_ns);
}

/* False: the first call came to its end before the mark. */
static bool overtake(call_function *first, call_function *other, uint32_t mark)
{
    script.other = other;
    script.marks_left = mark;
    hf_step_hook = at_mark;
    struct hf_table_answer answer = first();
    bool overtaken = !hf_step_hook;
    hf_step_hook = NULL;
    assert_stands(ASKED_KEY, answer);
    if (overtaken && other == charge_other)
        assert_stands(OTHER_KEY, script.told);
    table_check(&table);
    return overtaken;
}

static uint32_t overtake_at_each_mark(
    call_function *first, call_function *other, uint32_t lines, enum owner owner)
{
    for (uint32_t mark = 1;; mark++) {
        fill(lines, owner);
        bool overtaken = overtake(first, other, mark);
        hf_table_fini(&table);
        if (!overtaken)
            return mark - 1;
    }
}

static void assert_all_tell_what_stands(uint32_t lines)
{
    uint32_t marks = 0;
    for (uint32_t n = 0; n < 3 * 3 * OWNERS; n++)
        marks += overtake_at_each_mark(
            firsts[n % 3], others[n / 3 % 3], lines, (enum owner)(n / (3 * 3)));
    print_message("# overtaken at %d marks\n", (int)marks);
    assert_true(marks > 3 * 3 * OWNERS);
}

static void who_ends_last_at_home_tells_what_stands(void **state)
{
    (void)state;
    assert_all_tell_what_stands(1);
}

static void who_ends_last_in_the_line_after_tells_what_stands(void **state)
{
    (void)state;
    assert_all_tell_what_stands(2);
}

static void who_ends_last_further_on_tells_what_stands(void **state)
{
    (void)state;
    assert_all_tell_what_stands(3);
}

/* How many slots a charge looks at on its way to a known key, or before it inserts. */
static uint32_t looks;

static void count_look(enum hf_step step)
{
    looks += step == HF_STEP_TABLE_FOUND;
}

static uint32_t looks_for(uint64_t fingerprint)
{
    looks = 0;
    hf_step_hook = count_look;
    (void)hf_table_charge(&table, request_of(fingerprint, EARLY, 1));
    hf_step_hook = NULL;
    return looks;
}

static void the_line_after_the_home_is_looked_at_where_keys_stand_beyond(void **state)
{
    (void)state;
    const struct hf_table_shape shape = {1, 2, TABLE_UNIT_NS};
    assert_int_equal(hf_table_init(&table, &shape, NULL, NULL), HF_OK);
    /* New: the first look and the search's, at home, which leads nowhere. */
    for (uint64_t key = 1; key <= HF_TABLE_LINE_SLOTS + 1; key++)
        assert_int_equal(looks_for(key), 2);
    assert_int_equal(looks_for(1), 1);
    assert_int_equal(looks_for(HF_TABLE_LINE_SLOTS + 1), 2); /* It needs no search. */
    assert_int_equal(looks_for(HF_TABLE_LINE_SLOTS + 2), 4);
    hf_table_fini(&table);
}

/* What stands there is none of the path's, if there is anything. */
static void a_path_of_one_line_has_no_line_after_it(void **state)
{
    (void)state;
    const struct hf_table_shape shape = {2, 1, TABLE_UNIT_NS};
    assert_int_equal(hf_table_init(&table, &shape, NULL, NULL), HF_OK);
    table.lines[0].names[0] |= HF_TABLE_OVERFLOW_ONE; /* As in a file that somebody has spoilt. */
    assert_int_equal(looks_for(ASKED_KEY), 2);
    hf_table_fini(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_ends_last_at_home_tells_what_stands),
        cmocka_unit_test(who_ends_last_in_the_line_after_tells_what_stands),
        cmocka_unit_test(who_ends_last_further_on_tells_what_stands),
        cmocka_unit_test(the_line_after_the_home_is_looked_at_where_keys_stand_beyond),
        cmocka_unit_test(a_path_of_one_line_has_no_line_after_it),
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
