/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <holdfast/random.h>

#include "base/minmax.h"
#include "base/step.h"
#include "base/table.h"
#include "scale.h"
#include "support/table_check.h"

/*
 * Is there an order? Threads charge, peek, refund and reset a few keys of one small table, while
 * keys of no interest evict what has expired; each call's beginning, end and answer are recorded.
 * Then, for each key, an order of its calls is sought that agrees with the beginnings and ends
 * and in which one plain TAT, never evicted, gives each of the answers to the nanosecond (Wing and
 * Gong, "Testing and Verifying Concurrent Objects", 1993). None: a broken table.
 *
 * The clock is one for all, moves on at random, and is where all times come from. Threads give way
 * at random marks of the protocol, so that calls do meet.
 */
#ifdef HF_TEST_STEPS

#define THREADS 3
#define CALLS 5 /* Of one thread in one round. */
#define KEYS 2
#define ROUNDS 800
#define TICK_NS HF_TABLE_MARGIN_NS /* The same TATs come back: deceptively. */
#define CELL_NS TICK_NS
#define BURST 3
#define TOLERANCE_NS (BURST * CELL_NS)

enum kind { CHARGE, PEEK, REFUND, RESET };

static const char *const kind_names[] = {"charge", "peek", "refund", "reset"};

struct call {
    enum kind kind;
    uint64_t key;
    uint64_t began; /* By one counter for all. */
    uint64_t ended;
    uint64_t ended_ns; /* By the clock. */
    struct hf_table_answer answer;
};

static struct hf_table table;
static uint64_t clock_ns;
static uint64_t counter;
static uint64_t round_begun;
static uint64_t threads_done;
static struct call calls[THREADS * CALLS];

static uint64_t read_clock(void *context)
{
    return hf_load_seq(context);
}

static const struct hf_clock common_clock = {.now_ns = read_clock, .context = &clock_ns};

static _Thread_local struct hf_splitmix dice;

static void at_mark(enum hf_step step)
{
    (void)step;
    if (hf_splitmix_next(&dice) % 6 == 0)
        sched_yield();
}

static struct hf_table_answer charge_or_peek(struct hf_table_key key, bool charging)
{
    struct hf_table_request request = {
        .key = key,
        .charge_ns = CELL_NS,
        .tolerance_ns = TOLERANCE_NS,
        .now_ns = hf_clock_now_ns(&common_clock),
        .clock = &common_clock,
    };
    return charging ? hf_table_charge(&table, request) : hf_table_peek(&table, &request);
}

static struct hf_table_answer adjust(struct hf_table_key key, bool refunding)
{
    struct hf_table_adjustment adjustment = {
        .key = key,
        .now_ns = hf_clock_now_ns(&common_clock),
        .clock = &common_clock,
        .subtract_ns = refunding ? CELL_NS : 0,
        .ceiling_ns = refunding ? UINT64_MAX : 0,
    };
    return hf_table_adjust(&table, &adjustment);
}

/* Keys are new in each round, and so are those that only evict. */
static uint64_t fingerprint(uint64_t round, uint64_t number)
{
    return 1 + round * (KEYS + THREADS * CALLS) + number;
}

static void evict(uint64_t round, uint64_t number)
{
    struct hf_table_request request = {
        .key = table_key(&table, 0, fingerprint(round, KEYS + number)),
        .charge_ns = 1,
        .tolerance_ns = 1,
        .now_ns = hf_clock_now_ns(&common_clock),
        .clock = &common_clock,
    };
    (void)hf_table_charge(&table, request);
}

static void make_call(uint64_t round, uint32_t number)
{
    struct call *call = &calls[number];
    uint64_t chance = hf_splitmix_next(&dice) % 10;
    call->kind = chance < 6 ? CHARGE : chance < 7 ? PEEK : chance < 9 ? REFUND : RESET;
    call->key = hf_splitmix_next(&dice) % KEYS;
    if (hf_splitmix_next(&dice) % 2)
        hf_add_seq(&clock_ns, (1 + hf_splitmix_next(&dice) % 2) * TICK_NS);
    if (hf_splitmix_next(&dice) % 3 == 0)
        evict(round, number);
    struct hf_table_key key = table_key(&table, 0, fingerprint(round, call->key));
    call->began = hf_add_seq(&counter, 1);
    if (call->kind == CHARGE || call->kind == PEEK)
        call->answer = charge_or_peek(key, call->kind == CHARGE);
    else
        call->answer = adjust(key, call->kind == REFUND);
    call->ended = hf_add_seq(&counter, 1);
    call->ended_ns = hf_clock_now_ns(&common_clock);
}

static void *take_part(void *argument)
{
    uint32_t thread = *(const uint32_t *)argument;
    hf_splitmix_init(&dice, thread);
    for (uint64_t round = 1; round <= test_scaled(ROUNDS); round++) {
        while (hf_load_seq(&round_begun) < round)
            sched_yield();
        for (uint32_t i = 0; i < CALLS; i++)
            make_call(round, thread * CALLS + i);
        hf_add_seq(&threads_done, 1);
    }
    return NULL;
}

/* What one TAT says to a call. Whether that was the answer; *tat_ns becomes what it is then. */
static bool charge_agrees(const struct call *call, uint64_t *tat_ns)
{
    const struct hf_table_answer *answer = &call->answer;
    if (answer->verdict == HF_TABLE_FULL) /* The key may have been without a slot. */
        return *tat_ns <= call->ended_ns;
    uint64_t base_ns = hf_max(*tat_ns, answer->now_ns);
    bool fits = base_ns + CELL_NS - answer->now_ns <= TOLERANCE_NS;
    if (answer->verdict != (fits ? HF_TABLE_ADMITTED : HF_TABLE_DENIED))
        return false;
    if (!fits || call->kind == PEEK)
        return answer->tat_ns == base_ns;
    *tat_ns = base_ns + CELL_NS;
    return answer->tat_ns == *tat_ns;
}

static bool adjustment_agrees(const struct call *call, uint64_t *tat_ns)
{
    const struct hf_table_answer *answer = &call->answer;
    if (answer->verdict == HF_TABLE_ABSENT)
        return *tat_ns <= call->ended_ns;
    uint64_t debt_ns = *tat_ns - hf_min(*tat_ns, answer->now_ns);
    uint64_t less_ns = call->kind == REFUND ? hf_min(debt_ns, CELL_NS) : debt_ns;
    if (debt_ns)
        *tat_ns -= less_ns;
    return answer->verdict == HF_TABLE_ADMITTED &&
           answer->tat_ns == hf_max(*tat_ns, answer->now_ns);
}

static bool agrees(const struct call *call, uint64_t *tat_ns)
{
    bool adjusts = call->kind == REFUND || call->kind == RESET;
    return adjusts ? adjustment_agrees(call, tat_ns) : charge_agrees(call, tat_ns);
}

/* The search: which calls of a key have been put in order, and what its TAT is then. */
#define SEEN_MAX 8192

struct state {
    uint32_t ordered; /* One bit a call. */
    uint64_t tat_ns;
};

static struct {
    const struct call *calls[THREADS * CALLS];
    uint32_t count;
    struct state seen[SEEN_MAX];
    uint32_t seen_count;
} search;

static bool is_new(struct state state)
{
    for (uint32_t i = 0; i < search.seen_count; i++) {
        if (search.seen[i].ordered == state.ordered && search.seen[i].tat_ns == state.tat_ns)
            return false;
    }
    assert_true(search.seen_count < SEEN_MAX);
    search.seen[search.seen_count++] = state;
    return true;
}

/* Whether a call may be next: none that is left ended before it began. */
static bool may_be_next(uint32_t ordered, uint32_t next)
{
    for (uint32_t i = 0; i < search.count; i++) {
        if (!(ordered >> i & 1) && search.calls[i]->ended < search.calls[next]->began)
            return false;
    }
    return !(ordered >> next & 1);
}

/* As deep as there are calls. */
static bool has_order(struct state state)
{
    if (state.ordered == (UINT32_C(1) << search.count) - 1)
        return true;
    if (!is_new(state))
        return false;
    for (uint32_t next = 0; next < search.count; next++) {
        struct state then = {state.ordered | UINT32_C(1) << next, state.tat_ns};
        if (may_be_next(state.ordered, next) && agrees(search.calls[next], &then.tat_ns) &&
            has_order(then))
            return true;
    }
    return false;
}

static void print_history(uint64_t round, uint64_t key)
{
    print_message("# round %d, key %d, no order of:\n", (int)round, (int)key);
    for (uint32_t i = 0; i < search.count; i++) {
        const struct call *call = search.calls[i];
        print_message("# %d to %d: %s at %llu, answer %d, TAT %llu\n", (int)call->began,
            (int)call->ended, kind_names[call->kind], (unsigned long long)call->answer.now_ns,
            (int)call->answer.verdict, (unsigned long long)call->answer.tat_ns);
    }
}

static bool key_has_order(uint64_t key)
{
    search.count = 0;
    search.seen_count = 0;
    for (uint32_t i = 0; i < THREADS * CALLS; i++) {
        if (calls[i].key == key)
            search.calls[search.count++] = &calls[i];
    }
    return has_order((struct state){0, 0});
}

/* How many pairs of calls of one key went on at the same time, so that there was a choice. */
static uint32_t overlaps(void)
{
    uint32_t count = 0;
    for (uint32_t n = 0; n < THREADS * CALLS * THREADS * CALLS; n++) {
        const struct call *one = &calls[n / (THREADS * CALLS)];
        const struct call *other = &calls[n % (THREADS * CALLS)];
        count += one->key == other->key && one->began < other->began && other->began < one->ended;
    }
    return count;
}

static void play(uint32_t path_lines)
{
    const struct hf_table_shape shape = {1, path_lines, TOLERANCE_NS};
    assert_int_equal(hf_table_init(&table, &shape, NULL, NULL), HF_OK);
    hf_store_seq(&clock_ns, 0);
    hf_store_seq(&round_begun, 0);
    hf_step_hook = at_mark;
    pthread_t threads[THREADS];
    uint32_t numbers[THREADS];
    for (uint32_t i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, take_part, &numbers[i]), 0);
    }
    uint64_t broken = 0;
    uint64_t met = 0;
    uint64_t full = 0;
    for (uint64_t round = 1; round <= test_scaled(ROUNDS); round++) {
        hf_add_seq(&clock_ns, TOLERANCE_NS); /* Most of the last round's keys expire. */
        hf_store_seq(&threads_done, 0);
        hf_store_seq(&round_begun, round);
        while (hf_load_seq(&threads_done) < THREADS)
            sched_yield();
        for (uint64_t key = 0; key < KEYS; key++) {
            if (!key_has_order(key) && broken++ == 0)
                print_history(round, key);
        }
        met += overlaps();
        for (uint32_t i = 0; i < THREADS * CALLS; i++)
            full += calls[i].answer.verdict == HF_TABLE_FULL;
    }
    for (uint32_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    hf_step_hook = NULL;
    print_message("# %d rounds: %d pairs of calls met, %d calls found no room, %d keys inserted\n",
        (int)test_scaled(ROUNDS), (int)met, (int)full, (int)table.shared->inserted);
    assert_int_equal(broken, 0);
    assert_true(met > test_scaled(ROUNDS));
    table_check(&table);
    hf_table_fini(&table);
}

static void calls_in_one_line_have_an_order(void **state)
{
    (void)state;
    play(1);
}

static void calls_across_lines_have_an_order(void **state)
{
    (void)state;
    play(2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_in_one_line_have_an_order),
        cmocka_unit_test(calls_across_lines_have_an_order),
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
