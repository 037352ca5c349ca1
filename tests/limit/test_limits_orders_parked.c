/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <ucontext.h>

#include <cmocka.h>

#include <holdfast/limits.h>

#include "base/step.h"
#include "scale.h"

/*
 * Several limits, asked by two or three callers in every order of their looks, charges and returns,
 * three callers with a bounded number of preemptions. Each caller is a coroutine, and at each mark
 * this test decides who goes on. Each cell has a burst of one and time stands still, so cells can
 * be counted: a cell is gone exactly if a caller was admitted to it.
 */
#ifdef HF_TEST_STEPS

#define CALLERS_MAX 3
#define CELLS 3
#define MARKS_MAX 64
#define STACK_BYTES (64 * 1024)
#define NOW_NS HF_SECONDS(1)

/* Which cells each caller wants, as letters in the order of its parts. taken: those used up
 * before. */
struct scenario {
    const char *wants[CALLERS_MAX];
    const char *taken;
    uint32_t preemptions_max;
};

struct caller {
    ucontext_t context;
    char stack[STACK_BYTES];
    struct hf_limits limits;
    enum hf_status status;
    bool done;
};

static struct {
    struct hf_gate gates[CELLS]; /* Cells a and b; */
    struct hf_limiter *limiter;  /* c is a key's. */
    struct caller callers[CALLERS_MAX];
    uint32_t count;
    ucontext_t main;
    uint32_t running;
    uint32_t preemptions;
    uint32_t preemptions_max;
    uint8_t turns[MARKS_MAX]; /* Which of those who can goes on, the one running being the first. */
    uint8_t options[MARKS_MAX]; /* How many there were. */
    uint32_t marks;
    uint32_t planned;
} play;

static struct hf_limits_part part_of(char cell)
{
    if (cell == 'c')
        return (struct hf_limits_part){.limiter = play.limiter, .key = hf_bytes("c", 1)};
    return (struct hf_limits_part){.gate = &play.gates[cell - 'a']};
}

/* The i-th caller who can go on, counted from the one that runs. */
static uint32_t able(uint32_t i)
{
    uint32_t number = play.running;
    for (;; number = (number + 1) % play.count)
        if (!play.callers[number].done && i-- == 0)
            return number;
}

static uint32_t able_count(void)
{
    uint32_t count = 0;
    for (uint32_t number = 0; number < play.count; number++)
        count += !play.callers[number].done;
    return count;
}

static uint32_t next_turn(uint32_t options)
{
    uint32_t at = play.marks++;
    assert_true(at < MARKS_MAX);
    if (at >= play.planned)
        play.turns[at] = 0;
    play.options[at] = (uint8_t)options;
    return play.turns[at];
}

static void at_mark(enum hf_step step)
{
    if (step < HF_STEP_LIMITS_LOOKING || step > HF_STEP_LIMITS_RETURNING)
        return;
    bool may_preempt = play.preemptions < play.preemptions_max;
    uint32_t turn = next_turn(may_preempt ? able_count() : 1);
    if (turn == 0)
        return;
    play.preemptions++;
    uint32_t preempted = play.running;
    play.running = able(turn);
    swapcontext(&play.callers[preempted].context, &play.callers[play.running].context);
}

static void run_caller(void)
{
    struct caller *caller = &play.callers[play.running];
    caller->status = hf_limits_check_at(&caller->limits, hf_bytes(NULL, 0), 1, NOW_NS, NULL);
    caller->done = true;
    uint32_t waiting = able_count();
    if (waiting == 0)
        setcontext(&play.main);
    play.running = able(next_turn(waiting));
    setcontext(&play.callers[play.running].context);
}

static void prepare(const struct scenario *scenario)
{
    hf_step_hook = NULL;
    for (size_t cell = 0; cell < CELLS; cell++)
        assert_int_equal(hf_gate_reset(&play.gates[cell]), HF_OK);
    assert_int_equal(hf_limiter_reset_at(play.limiter, hf_bytes("c", 1), NOW_NS), HF_OK);
    for (const char *cell = scenario->taken; *cell; cell++) {
        const struct hf_limits limits = {.parts = {part_of(*cell)}};
        assert_int_equal(hf_limits_check_at(&limits, hf_bytes(NULL, 0), 1, NOW_NS, NULL), HF_OK);
    }
    play.count = 0;
    play.marks = 0;
    play.running = 0;
    play.preemptions = 0;
    play.preemptions_max = scenario->preemptions_max;
    while (play.count < CALLERS_MAX && scenario->wants[play.count]) {
        struct caller *caller = &play.callers[play.count];
        caller->limits = (struct hf_limits){.clock = {.now_ns = NULL}};
        for (size_t i = 0; scenario->wants[play.count][i]; i++)
            caller->limits.parts[i] = part_of(scenario->wants[play.count][i]);
        caller->done = false;
        getcontext(&caller->context);
        caller->context.uc_stack.ss_sp = caller->stack;
        caller->context.uc_stack.ss_size = sizeof(caller->stack);
        makecontext(&caller->context, run_caller, 0);
        play.count++;
    }
}

static void run_once(const struct scenario *scenario)
{
    prepare(scenario);
    hf_step_hook = at_mark;
    swapcontext(&play.main, &play.callers[0].context);
    hf_step_hook = NULL;
}

/* The next order: the last turn that could have been another is. False: all have been seen. */
static bool next_order(void)
{
    uint32_t at = play.marks;
    while (at > 0 && play.turns[at - 1] + 1 >= play.options[at - 1])
        at--;
    if (at == 0)
        return false;
    play.turns[at - 1]++;
    play.planned = at;
    return true;
}

/* A cell is gone exactly if somebody was admitted to it, or it was taken before. */
static void assert_counted(const struct scenario *scenario)
{
    for (char cell = 'a'; cell < 'a' + CELLS; cell++) {
        uint64_t users = 0;
        for (const char *taken = scenario->taken; *taken; taken++)
            users += *taken == cell;
        for (uint32_t number = 0; number < play.count; number++)
            for (const char *wanted = scenario->wants[number]; *wanted; wanted++)
                users += *wanted == cell && play.callers[number].status == HF_OK;
        const struct hf_limits limits = {.parts = {part_of(cell)}};
        struct hf_decision decision;
        (void)!hf_limits_peek_at(&limits, hf_bytes(NULL, 0), 1, NOW_NS, &decision);
        assert_in_range(users, 0, 1);
        assert_int_equal(decision.remaining, 1 - users);
    }
}

static uint32_t admitted(void)
{
    uint32_t count = 0;
    for (uint32_t number = 0; number < play.count; number++)
        count += play.callers[number].status == HF_OK;
    return count;
}

/* least, most: how many of the callers are to be admitted, in whatever order. */
static void in_every_order(struct scenario scenario, uint32_t least, uint32_t most)
{
    const struct hf_quota quota = hf_quota_per_hour(1);
    const struct hf_limiter_options options = {.quota = quota, .keys_max = 1};
    assert_int_equal(hf_limiter_new(&play.limiter, &options, NULL), HF_OK);
    for (size_t cell = 0; cell < CELLS; cell++)
        assert_int_equal(hf_gate_init(&play.gates[cell], &quota, NULL), HF_OK);
    if (test_is_slow() && scenario.preemptions_max > 4)
        scenario.preemptions_max = 4;
    uint64_t orders = 0;
    play.planned = 0;
    do {
        run_once(&scenario);
        assert_counted(&scenario);
        assert_in_range(admitted(), least, most);
        orders++;
    } while (next_order());
    print_message("# %llu orders\n", (unsigned long long)orders);
    hf_limiter_free(play.limiter);
}

static void of_two_who_want_the_same_last_cells_one_gets_them(void **state)
{
    (void)state;
    in_every_order(
        (struct scenario){.wants = {"ab", "ba"}, .taken = "", .preemptions_max = MARKS_MAX}, 1, 1);
    in_every_order(
        (struct scenario){.wants = {"abc", "cba"}, .taken = "", .preemptions_max = MARKS_MAX}, 1,
        1);
}

static void of_three_in_a_ring_one_gets_what_it_wants(void **state)
{
    (void)state;
    in_every_order(
        (struct scenario){.wants = {"ab", "bc", "ca"}, .taken = "", .preemptions_max = 6}, 1, 1);
}

static void one_who_is_denied_for_good_is_in_nobodys_way(void **state)
{
    (void)state;
    in_every_order(
        (struct scenario){.wants = {"abc", "ab"}, .taken = "c", .preemptions_max = MARKS_MAX}, 1,
        1);
}

/*
 * While one who has charged the first part is about to be denied by the second, its time passes and
 * somebody else uses the first: what the one gives back then is not what the other has charged.
 */
#define LATE_BURST 3
#define LATE_CELL_NS HF_SECONDS(1)

static struct {
    struct hf_manual_clock manual;
    struct hf_limits first; /* In the order of charging. */
    struct hf_limits second;
    uint32_t charges;
} late;

static uint64_t late_check(const struct hf_limits *limits, uint64_t cost)
{
    return hf_limits_check(limits, hf_bytes("k", 1), cost, NULL) == HF_OK;
}

static void come_between(enum hf_step step)
{
    if (step == HF_STEP_LIMITS_CHARGING && ++late.charges == 2) {
        hf_step_hook = NULL;
        assert_true(late_check(&late.second, LATE_BURST));
        hf_step_hook = come_between;
    }
    if (step != HF_STEP_LIMITS_RETURNING)
        return;
    hf_step_hook = NULL;
    hf_manual_clock_advance(&late.manual, LATE_CELL_NS + LATE_CELL_NS / 2);
    assert_true(late_check(&late.first, 1));
}

static void expect_no_gift(struct hf_limits_part one, struct hf_limits_part other)
{
    uintptr_t one_at = one.gate ? (uintptr_t)one.gate : (uintptr_t)one.limiter;
    uintptr_t other_at = other.gate ? (uintptr_t)other.gate : (uintptr_t)other.limiter;
    bool one_first = one_at < other_at;
    hf_manual_clock_init(&late.manual, NOW_NS);
    const struct hf_clock clock = hf_manual_clock(&late.manual);
    late.first = (struct hf_limits){.parts = {one_first ? one : other}, .clock = clock};
    late.second = (struct hf_limits){.parts = {one_first ? other : one}, .clock = clock};
    late.charges = 0;
    const struct hf_limits both = {.parts = {one, other}, .clock = clock};
    hf_step_hook = come_between;
    assert_false(late_check(&both, 2));
    assert_null(hf_step_hook); /* It has returned something. */
    /* What the first part owes is the other's one cell, so two are left and no third. */
    assert_true(late_check(&late.first, LATE_BURST - 1));
    assert_false(late_check(&late.first, 1));
}

static void what_is_returned_late_is_not_what_others_have_charged_since(void **state)
{
    (void)state;
    const struct hf_quota quota = {.count = 1, .period_ns = LATE_CELL_NS, .burst = LATE_BURST};
    for (int kinds = 0; kinds < 4; kinds++) {
        struct hf_gate gates[2];
        struct hf_limits_part parts[2] = {{.cost = 0}};
        for (int i = 0; i < 2; i++) {
            const struct hf_limiter_options options = {.quota = quota, .keys_max = 1};
            assert_int_equal(hf_gate_init(&gates[i], &quota, NULL), HF_OK);
            if (kinds >> i & 1)
                parts[i].gate = &gates[i];
            else
                assert_int_equal(hf_limiter_new(&parts[i].limiter, &options, NULL), HF_OK);
        }
        expect_no_gift(parts[0], parts[1]);
        hf_limiter_free(parts[0].limiter);
        hf_limiter_free(parts[1].limiter);
    }
}

int main(void)
{
    if (test_is_instrumented()) {
        puts("1..0 # SKIP sanitizers and valgrind lose track of coroutines");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_returned_late_is_not_what_others_have_charged_since),
        cmocka_unit_test(of_two_who_want_the_same_last_cells_one_gets_them),
        cmocka_unit_test(of_three_in_a_ring_one_gets_what_it_wants),
        cmocka_unit_test(one_who_is_denied_for_good_is_in_nobodys_way),
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
