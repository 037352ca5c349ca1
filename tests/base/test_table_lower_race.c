/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <holdfast/random.h>

#include "base/table.h"
#include "scale.h"
#include "support/table_check.h"

/*
 * Threads that charge, refund and evict: in the whole stretch a key gets at most its burst, what
 * time gives and what was refunded.
 */
#define THREADS 3
#define SHARED_KEYS 12
#define TURNS 200000
#define CELL_NS (100 * HF_TABLE_STEP_NS)
#define BURST 4
#define TURN_NS (20 * HF_TABLE_STEP_NS)

struct crowd {
    struct hf_table table;
    uint64_t admitted[SHARED_KEYS];
    uint64_t refunded[SHARED_KEYS];
};

struct member {
    struct crowd *crowd;
    uint64_t seed;
};

static void refund(struct crowd *crowd, uint64_t key, uint64_t now_ns)
{
    struct hf_table_adjustment adjustment = {
        .key = table_key(&crowd->table, 0, key + 1),
        .now_ns = now_ns,
        .subtract_ns = CELL_NS,
        .ceiling_ns = UINT64_MAX,
    };
    struct hf_table_answer answer = hf_table_adjust(&crowd->table, &adjustment);
    assert_true(answer.verdict == HF_TABLE_ADMITTED || answer.verdict == HF_TABLE_ABSENT);
}

static void charge_and_perhaps_refund(
    struct crowd *crowd, struct hf_splitmix *random, uint64_t key, uint64_t now_ns)
{
    struct hf_table_request request = {
        .key = table_key(&crowd->table, 0, key + 1),
        .charge_ns = CELL_NS,
        .tolerance_ns = BURST * CELL_NS,
        .now_ns = now_ns,
    };
    if (hf_table_charge(&crowd->table, request).verdict != HF_TABLE_ADMITTED)
        return;
    hf_add_relaxed(&crowd->admitted[key], 1);
    if (hf_splitmix_next(random) % 2)
        return;
    hf_add_relaxed(&crowd->refunded[key], 1);
    refund(crowd, key, now_ns);
}

static void *use_table(void *argument)
{
    struct member *member = argument;
    struct hf_splitmix random;
    hf_splitmix_init(&random, member->seed);
    for (uint64_t i = 0; i < test_scaled(TURNS); i++) {
        uint64_t lag = hf_splitmix_next(&random) % 20;
        uint64_t now_ns = (i > lag ? i - lag : 0) * TURN_NS;
        charge_and_perhaps_refund(
            member->crowd, &random, hf_splitmix_next(&random) % SHARED_KEYS, now_ns);
    }
    return NULL;
}

static void threads_get_at_most_the_quota_and_what_was_refunded(void **state)
{
    (void)state;
    const struct hf_table_shape shape = {1, 1, BURST * CELL_NS};
    struct crowd crowd = {0};
    assert_int_equal(hf_table_init(&crowd.table, &shape, NULL, NULL), HF_OK);
    struct member members[THREADS];
    pthread_t threads[THREADS];
    for (uint64_t i = 0; i < THREADS; i++) {
        members[i] = (struct member){&crowd, i};
        assert_int_equal(pthread_create(&threads[i], NULL, use_table, &members[i]), 0);
    }
    for (uint64_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    table_check(&crowd.table);
    uint64_t most = BURST + (test_scaled(TURNS) - 1) * TURN_NS / CELL_NS;
    uint64_t total = 0;
    uint64_t refunded = 0;
    for (uint64_t key = 0; key < SHARED_KEYS; key++) {
        assert_in_range(crowd.admitted[key], 0, most + crowd.refunded[key]);
        total += crowd.admitted[key];
        refunded += crowd.refunded[key];
    }
    assert_true(total >= most);
    print_message("# %d admitted of %d and %d refunded, %d inserted\n", (int)total,
        (int)(SHARED_KEYS * most), (int)refunded, (int)crowd.table.shared->inserted);
    hf_table_fini(&crowd.table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_get_at_most_the_quota_and_what_was_refunded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
