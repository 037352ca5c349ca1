/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

#include <cmocka.h>

#include <holdfast/random.h>

#include "base/step.h"
#include "base/table.h"
#include "scale.h"
#include "support/table_check.h"

/*
 * The real protocol in every order. Up to three callers run as coroutines on one thread; at each
 * mark of the protocol (src/base/step.h) this test decides who goes on. Named scenarios are run in
 * all orders with up to so many preemptions, made-up ones in random orders. After each run the
 * table must be sound and no key may have been admitted more often than its quota allows at the
 * times given.
 *
 * Sequentially consistent by nature: what weaker memory may do is left to the thread
 * sanitizer and the race test.
 */
#ifdef HF_TEST_STEPS

#define CALLERS_MAX 3
#define ASKS_MAX 2
#define SEEDS_MAX 8
#define MARKS_MAX 4096 /* A run that meets more has no end. */
#define STACK_BYTES (64 * 1024)
/* Times below are in these, so that the table's margin is short beside them. */
#define UNIT_NS HF_TABLE_STEP_NS
#define TOLERANCE_NS (5000 * UNIT_NS) /* One cell: burst 1. */

struct ask {
    uint64_t home;
    uint64_t fingerprint;
    uint64_t now; /* In UNIT_NS. */
    enum { CHARGE, REFUND, RESET } kind;
};

struct scenario {
    uint64_t homes;
    uint32_t path_lines;
    uint32_t preemptions_max;
    /* Charged beforehand at time 0, one slot each in order: now is when it expires. */
    uint32_t seed_count;
    struct ask seeds[SEEDS_MAX];
    uint32_t caller_count;
    struct {
        uint32_t ask_count;
        struct ask asks[ASKS_MAX];
    } callers[CALLERS_MAX];
};

struct caller {
    ucontext_t context;
    char stack[STACK_BYTES];
    bool done;
    struct hf_table_answer answers[ASKS_MAX];
};

/* A point of a run at which somebody else could have gone on. */
struct turn {
    uint32_t taken;   /* 0: whoever ran goes on; i: the i-th other that can. */
    uint32_t options; /* How many there were. */
};

static struct {
    const struct scenario *scenario;
    struct hf_table table;
    struct caller callers[CALLERS_MAX];
    ucontext_t main;
    uint32_t running;
    uint32_t marks;
    uint32_t preemptions;
    /* Orders are told apart by the turns taken; the first `planned` are given, the rest 0. */
    struct turn turns[MARKS_MAX];
    uint32_t planned;
    uint64_t random; /* Not 0: turns beyond are random. */
} play;

static uint64_t next_random(uint64_t *state)
{
    struct hf_splitmix splitmix = {*state};
    uint64_t number = hf_splitmix_next(&splitmix);
    *state = splitmix.state;
    return number;
}

static struct hf_table_request request_of(const struct ask *ask)
{
    return (struct hf_table_request){
        .key = table_key(&play.table, ask->home, ask->fingerprint),
        .charge_ns = TOLERANCE_NS,
        .tolerance_ns = TOLERANCE_NS,
        .now_ns = ask->now * UNIT_NS,
    };
}

static struct hf_table_answer carry_out(const struct ask *ask)
{
    if (ask->kind == CHARGE)
        return hf_table_charge(&play.table, request_of(ask));
    struct hf_table_adjustment adjustment = {
        .key = table_key(&play.table, ask->home, ask->fingerprint),
        .now_ns = ask->now * UNIT_NS,
        .subtract_ns = ask->kind == REFUND ? TOLERANCE_NS : 0,
        .ceiling_ns = ask->kind == REFUND ? UINT64_MAX : 0,
    };
    return hf_table_adjust(&play.table, &adjustment);
}

static uint32_t others_waiting(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < play.scenario->caller_count; i++)
        count += i != play.running && !play.callers[i].done;
    return count;
}

/* The number of the i-th (from 1) other caller that can go on. */
static uint32_t other(uint32_t i)
{
    for (uint32_t number = 0;; number++) {
        if (number != play.running && !play.callers[number].done && --i == 0)
            return number;
    }
}

/* Decides a turn with so many options. */
static uint32_t take_turn(uint32_t options)
{
    uint32_t at = play.marks++;
    if (at >= MARKS_MAX)
        return 0;
    if (at >= play.planned) {
        uint64_t dice = play.random ? next_random(&play.random) : 1;
        play.turns[at].taken = dice % 4 ? 0 : (uint32_t)(dice / 4 % options);
    }
    play.turns[at].options = options;
    return play.turns[at].taken;
}

static void at_mark(enum hf_step step)
{
    (void)step;
    assert_true(play.marks < MARKS_MAX);
    bool may_preempt = play.preemptions < play.scenario->preemptions_max;
    uint32_t taken = take_turn(may_preempt ? 1 + others_waiting() : 1);
    if (taken == 0)
        return;
    play.preemptions++;
    uint32_t preempted = play.running;
    play.running = other(taken);
    swapcontext(&play.callers[preempted].context, &play.callers[play.running].context);
}

static void run_caller(void)
{
    uint32_t number = play.running;
    struct caller *caller = &play.callers[number];
    for (uint32_t i = 0; i < play.scenario->callers[number].ask_count; i++)
        caller->answers[i] = carry_out(&play.scenario->callers[number].asks[i]);
    caller->done = true;
    uint32_t waiting = others_waiting();
    if (waiting == 0)
        setcontext(&play.main);
    play.running = other(1 + take_turn(waiting));
    setcontext(&play.callers[play.running].context);
}

static void fill(void)
{
    size_t lines = hf_table_slots(&play.table) / HF_TABLE_LINE_SLOTS;
    memset(play.table.lines, 0, lines * sizeof(*play.table.lines));
    play.table.shared->horizon = 0;
    for (uint32_t i = 0; i < play.scenario->seed_count; i++) {
        struct hf_table_request request = request_of(&play.scenario->seeds[i]);
        request.charge_ns = request.now_ns;
        request.tolerance_ns = HF_TABLE_TOLERANCE_MAX_NS;
        request.now_ns = 0;
        assert_int_equal(hf_table_charge(&play.table, request).verdict, HF_TABLE_ADMITTED);
    }
}

/* Runs the scenario once, in the order that the turns say. */
static void run_once(void)
{
    hf_step_hook = NULL;
    fill();
    play.marks = 0;
    play.preemptions = 0;
    for (uint32_t i = 0; i < play.scenario->caller_count; i++) {
        struct caller *caller = &play.callers[i];
        caller->done = false;
        getcontext(&caller->context);
        caller->context.uc_stack.ss_sp = caller->stack;
        caller->context.uc_stack.ss_size = sizeof(caller->stack);
        makecontext(&caller->context, run_caller, 0);
    }
    hf_step_hook = at_mark;
    play.running = 0;
    swapcontext(&play.main, &play.callers[0].context);
    hf_step_hook = NULL;
}

/* Asks are numbered: caller by caller. */
#define ASKS (CALLERS_MAX * ASKS_MAX)

static const struct ask *ask_of(uint32_t number)
{
    return &play.scenario->callers[number / ASKS_MAX].asks[number % ASKS_MAX];
}

static const struct hf_table_answer *answer_to(uint32_t number)
{
    return &play.callers[number / ASKS_MAX].answers[number % ASKS_MAX];
}

/* Whether the ask was made, and came to something: an admission, or an adjustment. */
static bool succeeded(uint32_t number, bool charging)
{
    uint32_t caller = number / ASKS_MAX;
    bool asked = caller < play.scenario->caller_count &&
                 number % ASKS_MAX < play.scenario->callers[caller].ask_count;
    return asked && (ask_of(number)->kind == CHARGE) == charging &&
           answer_to(number)->verdict == HF_TABLE_ADMITTED;
}

static bool same_key(uint32_t number, uint32_t other_number)
{
    const struct ask *ask = ask_of(number);
    const struct ask *other_ask = ask_of(other_number);
    return ask->home == other_ask->home && ask->fingerprint == other_ask->fingerprint;
}

/* Admissions of a key decided at times from the one's to the other's, and its adjustments. */
static void check_stretch(uint32_t first, uint32_t last)
{
    uint64_t from_ns = answer_to(first)->now_ns;
    uint64_t to_ns = answer_to(last)->now_ns;
    uint64_t cells = 0;
    uint64_t given_back = 0;
    for (uint32_t i = 0; i < ASKS; i++) {
        if (!same_key(i, first))
            continue;
        uint64_t now_ns = answer_to(i)->now_ns;
        cells += succeeded(i, true) && now_ns >= from_ns && now_ns <= to_ns;
        given_back += succeeded(i, false);
    }
    assert_true(cells * TOLERANCE_NS <= (1 + given_back) * TOLERANCE_NS + to_ns - from_ns);
}

/* Burst 1, by the times at which admissions were decided. Seeds are not asked for. */
static void check_envelope(void)
{
    for (uint32_t n = 0; n < ASKS * ASKS; n++) {
        uint32_t first = n / ASKS;
        uint32_t last = n % ASKS;
        if (succeeded(first, true) && succeeded(last, true) && same_key(first, last) &&
            answer_to(first)->now_ns <= answer_to(last)->now_ns)
            check_stretch(first, last);
    }
}

static uint32_t admissions(void)
{
    uint32_t count = 0;
    for (uint32_t number = 0; number < ASKS; number++)
        count += succeeded(number, true);
    return count;
}

/* Moves on to the next order: the last turn that has another option takes it. False: no more. */
static bool next_order(void)
{
    for (uint32_t at = play.marks; at-- > 0;) {
        if (play.turns[at].taken + 1 < play.turns[at].options) {
            play.turns[at].taken++;
            play.planned = at + 1;
            return true;
        }
    }
    return false;
}

static void begin(const struct scenario *scenario)
{
    play.scenario = scenario;
    play.planned = 0;
    play.random = 0;
    for (uint32_t i = 0; i < CALLERS_MAX; i++)
        play.callers[i].done = true;
    const struct hf_table_shape shape = {scenario->homes, scenario->path_lines, TOLERANCE_NS};
    assert_int_equal(hf_table_init(&play.table, &shape, NULL, NULL), HF_OK);
}

/* All orders with the scenario's number of preemptions; each must admit within the bounds. */
static void run_all_orders(
    const struct scenario *scenario, uint32_t admitted_min, uint32_t admitted_max)
{
    begin(scenario);
    uint64_t orders = 0;
    do {
        run_once();
        table_check(&play.table);
        check_envelope();
        assert_in_range(admissions(), admitted_min, admitted_max);
        orders++;
    } while (next_order());
    hf_table_fini(&play.table);
    print_message("# %llu orders\n", (unsigned long long)orders);
}

/* Expires while the first caller's time sees it live and the second's sees it expired. */
#define BETWEEN 1500
#define EARLY 1000
#define LATE 2000

static void two_callers_of_one_fresh_key_admit_once(void **state)
{
    (void)state;
    const struct scenario scenario = {
        .homes = 1, .path_lines = 1,
        .preemptions_max = 5,
        .seed_count = 2,
        .seeds = {{0, 11, BETWEEN, CHARGE}, {0, 12, 500, CHARGE}},
        .caller_count = 2,
        .callers = {{1, {{0, 1, LATE, CHARGE}}}, {1, {{0, 1, EARLY, CHARGE}}}},
    };
    run_all_orders(&scenario, 1, 1);
}

/* The home line is full for the one and not for the other, who evicts a key of another home. */
static void two_callers_admit_once_across_lines(void **state)
{
    (void)state;
    const struct scenario scenario = {
        .homes = 2, .path_lines = 2,
        .preemptions_max = 4,
        .seed_count = 8,
        .seeds = {{0, 11, 9000, CHARGE}, {0, 12, 9000, CHARGE}, {0, 13, 9000, CHARGE},
            {0, 14, BETWEEN, CHARGE}, {0, 15, 500, CHARGE}, {1, 16, 9000, CHARGE},
            {1, 17, 9000, CHARGE}, {1, 18, 500, CHARGE}},
        .caller_count = 2,
        .callers = {{1, {{0, 1, LATE, CHARGE}}}, {1, {{0, 1, EARLY, CHARGE}}}},
    };
    run_all_orders(&scenario, 1, 1);
}

/* As above, and a third key moves into the second line, whose path does not cross the first. */
static void overflow_stays_exact_while_paths_cross(void **state)
{
    (void)state;
    const struct scenario scenario = {
        .homes = 2, .path_lines = 2,
        .preemptions_max = 2,
        .seed_count = 6,
        .seeds = {{0, 11, 9000, CHARGE}, {0, 12, 9000, CHARGE}, {0, 13, 9000, CHARGE},
            {0, 14, 9000, CHARGE}, {0, 15, BETWEEN, CHARGE}, {0, 16, 500, CHARGE}},
        .caller_count = 3,
        .callers = {{1, {{0, 1, LATE, CHARGE}}}, {1, {{0, 1, EARLY, CHARGE}}},
            {1, {{1, 2, LATE, CHARGE}}}},
    };
    run_all_orders(&scenario, 2, 2);
}

static void three_callers_of_one_fresh_key_admit_once(void **state)
{
    (void)state;
    const struct scenario scenario = {
        .homes = 1, .path_lines = 1,
        .preemptions_max = 3,
        .seed_count = 2,
        .seeds = {{0, 11, BETWEEN, CHARGE}, {0, 12, 500, CHARGE}},
        .caller_count = 3,
        .callers = {{1, {{0, 1, LATE, CHARGE}}}, {1, {{0, 1, EARLY, CHARGE}}},
            {1, {{0, 1, LATE, CHARGE}}}},
    };
    run_all_orders(&scenario, 1, 1);
}

/*
 * The third caller comes for another key when the first one's cell has expired, and may evict it
 * before the slower of the other two asks: who must not gain a cell by that.
 */
static void a_caller_who_comes_late_gains_no_cell_from_an_eviction(void **state)
{
    (void)state;
    const struct scenario scenario = {
        .homes = 1, .path_lines = 1,
        .preemptions_max = 3,
        .seed_count = 3,
        .seeds = {{0, 11, 9000, CHARGE}, {0, 12, 500, CHARGE}, {0, 13, 500, CHARGE}},
        .caller_count = 3,
        .callers = {{1, {{0, 1, EARLY, CHARGE}}}, {1, {{0, 1, EARLY, CHARGE}}},
            {1, {{0, 2, 7500, CHARGE}}}},
    };
    run_all_orders(&scenario, 2, 2);
}

/* Whoever is stopped with what it read before may find the slot another key's, and as late. */
static void a_time_that_was_given_back_deceives_nobody(void **state)
{
    (void)state;
    const struct scenario scenario = {
        .homes = 1, .path_lines = 1,
        .preemptions_max = 3,
        .seed_count = 3,
        .seeds = {{0, 11, 19000, CHARGE}, {0, 12, 19000, CHARGE}, {0, 13, 19000, CHARGE}},
        .caller_count = 3,
        .callers = {{2, {{0, 1, EARLY, CHARGE}, {0, 1, EARLY, REFUND}}},
            {1, {{0, 1, EARLY, CHARGE}}},
            {2, {{0, 2, EARLY + 5100, CHARGE}, {0, 2, EARLY + 5100, RESET}}}},
    };
    run_all_orders(&scenario, 1, 3);
}

static struct ask random_ask(uint64_t *random, uint64_t homes, uint64_t keys)
{
    struct ask ask;
    ask.home = next_random(random) % homes;
    ask.fingerprint = 1 + next_random(random) % keys;
    ask.now = 500 * (1 + next_random(random) % 24);
    ask.kind = CHARGE;
    return ask;
}

static struct scenario random_scenario(uint64_t *random)
{
    struct scenario scenario = {.preemptions_max = UINT32_MAX};
    scenario.homes = 1 + next_random(random) % 2;
    scenario.path_lines = 1 + (uint32_t)(next_random(random) % 2);
    scenario.seed_count = (uint32_t)(next_random(random) % 5);
    for (uint32_t i = 0; i < scenario.seed_count; i++) {
        scenario.seeds[i] = random_ask(random, scenario.homes, 1);
        scenario.seeds[i].fingerprint = 11 + i;
    }
    scenario.caller_count = 2 + (uint32_t)(next_random(random) % 2);
    for (uint32_t i = 0; i < scenario.caller_count; i++) {
        scenario.callers[i].ask_count = 1 + (uint32_t)(next_random(random) % ASKS_MAX);
        for (uint32_t j = 0; j < scenario.callers[i].ask_count; j++) {
            uint64_t dice = next_random(random) % 8;
            scenario.callers[i].asks[j] = random_ask(random, scenario.homes, 2);
            scenario.callers[i].asks[j].kind = dice == 0 ? RESET : dice < 3 ? REFUND : CHARGE;
        }
    }
    return scenario;
}

static void any_scenario_in_any_order_stays_within_the_quota(void **state)
{
    (void)state;
    for (uint64_t seed = 20261120; seed < 20261120 + 4000; seed++) {
        uint64_t random = seed;
        struct scenario scenario = random_scenario(&random);
        begin(&scenario);
        for (uint64_t order = 0; order < 50; order++) {
            play.random = next_random(&random) | 1;
            run_once();
            table_check(&play.table);
            check_envelope();
        }
        hf_table_fini(&play.table);
    }
}

int main(void)
{
    if (test_is_instrumented()) {
        puts("1..0 # SKIP sanitizers and valgrind lose track of coroutines");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_callers_of_one_fresh_key_admit_once),
        cmocka_unit_test(two_callers_admit_once_across_lines),
        cmocka_unit_test(overflow_stays_exact_while_paths_cross),
        cmocka_unit_test(three_callers_of_one_fresh_key_admit_once),
        cmocka_unit_test(a_caller_who_comes_late_gains_no_cell_from_an_eviction),
        cmocka_unit_test(a_time_that_was_given_back_deceives_nobody),
        cmocka_unit_test(any_scenario_in_any_order_stays_within_the_quota),
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
