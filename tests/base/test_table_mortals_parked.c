/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/random.h>

#include "base/step.h"
#include "base/table.h"
#include "scale.h"
#include "support/table_check.h"

/*
 * Owners who charge, refund and recover side by side, and die at random marks of whatever they are
 * doing; each thread then goes on as another owner. Whatever the dead have left: no key gets more
 * than its quota and what was given back, and in the end all is recovered.
 */
#ifdef HF_TEST_STEPS

#define THREADS 3
#define LIVES 30000
#define MARKS_MAX 400 /* Of one life. */
#define KEYS 6
#define FRESH 4 /* Every so many requests ask for a key never seen. */
#define CELL_NS (100 * HF_TABLE_STEP_NS)
#define BURST 4
#define TURN_NS (10 * HF_TABLE_STEP_NS)
#define HOMES 1
#define PATH_LINES 2
/* Each thread has numbers of its own, so that no two that live have the same. */
#define NUMBERS (HF_TABLE_OWNER_MAX / THREADS)

static _Alignas(HF_CACHE_LINE) unsigned char memory[HF_CACHE_LINE * (1 + HOMES + PATH_LINES - 1)];
static uint64_t dead[HF_TABLE_OWNER_MAX + 1];
static uint64_t turn;
static uint64_t admitted[KEYS];
static uint64_t given_back[KEYS];
static uint64_t recovered;

static _Thread_local struct {
    struct hf_splitmix dice;
    struct hf_table table;
    uint32_t former; /* Whose leavings it takes while it gets his number. */
    uint64_t marks_left;
    jmp_buf death;
} self;

static void at_mark(enum hf_step step)
{
    (void)step;
    if (self.marks_left && --self.marks_left == 0)
        longjmp(self.death, 1);
}

static bool is_dead(void *context, uint32_t owner)
{
    (void)context;
    return owner == self.former || hf_load_seq(&dead[owner]);
}

static struct hf_table view_of(uint32_t owner)
{
    const struct hf_table_shape shape = {HOMES, PATH_LINES, BURST * CELL_NS};
    assert_int_equal(hf_table_bytes(&shape), sizeof(memory));
    struct hf_table table;
    hf_table_attach(&table, &shape, memory, owner);
    table.is_dead = is_dead;
    return table;
}

static void recover(void)
{
    hf_add_relaxed(&recovered, hf_table_recover(&self.table, is_dead, NULL));
}

static uint64_t charge(uint64_t fingerprint, uint64_t now_ns)
{
    struct hf_table_request request = {
        .key = table_key(&self.table, 0, fingerprint),
        .charge_ns = CELL_NS,
        .tolerance_ns = BURST * CELL_NS,
        .now_ns = now_ns,
    };
    return hf_table_charge(&self.table, request).verdict == HF_TABLE_ADMITTED;
}

/* Counted first: whoever dies on the way may have given it back. */
static void refund(uint64_t key, uint64_t now_ns)
{
    struct hf_table_adjustment adjustment = {
        .key = table_key(&self.table, 0, key + 1),
        .now_ns = now_ns,
        .subtract_ns = CELL_NS,
        .ceiling_ns = UINT64_MAX,
    };
    hf_add_relaxed(&given_back[key], 1);
    (void)hf_table_adjust(&self.table, &adjustment);
}

static void live(void)
{
    for (;;) {
        uint64_t now = hf_add_seq(&turn, 1);
        uint64_t key = hf_splitmix_next(&self.dice) % KEYS;
        if (now % FRESH == 0)
            (void)charge(KEYS + now, now * TURN_NS);
        else if (charge(key + 1, now * TURN_NS))
            hf_add_relaxed(&admitted[key], 1);
        if (hf_splitmix_next(&self.dice) % 8 == 0)
            refund(key, now * TURN_NS);
        if (hf_splitmix_next(&self.dice) % 8 == 0)
            recover();
    }
}

/*
 * A number that an earlier owner had is used once nothing is left of him. He is dead to his heir
 * alone meanwhile: the others would take what the heir has in hand for his, and take it, too.
 */
static void be_born(uint32_t owner)
{
    self.marks_left = 0;
    self.table = view_of(owner);
    self.former = owner;
    hf_store_seq(&dead[owner], false);
    recover();
    self.former = 0;
    self.marks_left = 1 + hf_splitmix_next(&self.dice) % MARKS_MAX;
}

static void *live_and_die(void *argument)
{
    uint32_t thread = *(const uint32_t *)argument;
    hf_splitmix_init(&self.dice, thread);
    for (uint32_t i = 0; i < test_scaled(LIVES); i++) {
        uint32_t owner = 1 + thread * NUMBERS + i % NUMBERS;
        be_born(owner);
        if (setjmp(self.death) == 0)
            live();
        hf_store_seq(&dead[1 + thread * NUMBERS + i % NUMBERS], true);
    }
    return NULL;
}

static void check_account(void)
{
    uint64_t most = BURST + hf_load_seq(&turn) * TURN_NS / CELL_NS;
    uint64_t total = 0;
    for (uint64_t key = 0; key < KEYS; key++) {
        assert_in_range(admitted[key], 0, most + given_back[key]);
        total += admitted[key];
    }
    print_message("# %d deaths, %d slots recovered, %d admitted of %d\n",
        (int)(THREADS * test_scaled(LIVES)), (int)recovered, (int)total, (int)(KEYS * most));
    assert_true(total > test_scaled(LIVES));
}

static void mortal_owners_never_admit_a_key_beyond_its_quota(void **state)
{
    (void)state;
    memset(memory, 0, sizeof(memory));
    hf_step_hook = at_mark;
    pthread_t threads[THREADS];
    uint32_t numbers[THREADS];
    for (uint32_t i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, live_and_die, &numbers[i]), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    hf_step_hook = NULL;
    struct hf_table table = view_of(0);
    recovered += hf_table_recover(&table, is_dead, NULL);
    table_check_after_death(&table);
    assert_int_equal(hf_table_recover(&table, is_dead, NULL), 0);
    check_account();
    assert_true(recovered > test_scaled(LIVES) / 100);
    assert_int_equal(hf_table_recount(&table), 0);
    table_check(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mortal_owners_never_admit_a_key_beyond_its_quota),
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
