/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/file_world.h"
#include "support/table_check.h"

#define BURST 5

/* What a process killed in the middle of an insertion leaves. */
static uint64_t abandon(struct hf_limiter *limiter, uint64_t slot)
{
    struct hf_table *table = &limiter->table;
    uint64_t *word = &table->lines[slot / 4].times[slot % 4];
    *word = 4 * HF_TABLE_RANGE + 256 + table->owner;
    return *word;
}

static void what_a_dead_process_left_is_recovered_at_the_next_opening(void **state)
{
    (void)state;
    struct hf_limiter *witness = file_world_open();
    struct hf_limiter *victim = file_world_open();
    struct hf_limiter *survivor = file_world_open();
    for (uint64_t slot = 0; slot < 8; slot++)
        abandon(slot % 2 ? victim : survivor, slot);
    file_world_die(victim);
    hf_limiter_free(file_world_open());
    for (uint64_t slot = 0; slot < 8; slot++) {
        uint64_t time = witness->table.lines[slot / 4].times[slot % 4];
        assert_true(slot % 2 ? time < HF_TABLE_RANGE : time >= 4 * HF_TABLE_RANGE);
    }
    uint64_t recovered = 77;
    assert_int_equal(hf_limiter_recover(witness, &recovered), HF_OK);
    assert_int_equal(recovered, 0);
    file_world_die(survivor);
    assert_int_equal(hf_limiter_recover(witness, &recovered), HF_OK);
    assert_int_equal(recovered, 4);
    assert_int_equal(hf_limiter_recover(witness, NULL), HF_OK);
    table_check(&witness->table);
    hf_limiter_free(witness);
}

/* Its number is taken by the next, who must not take what it left for its own. */
static void the_next_owner_of_a_number_recovers_what_the_last_one_left(void **state)
{
    (void)state;
    struct hf_limiter *witness = file_world_open();
    struct hf_limiter *victim = file_world_open();
    uint32_t number = victim->table.owner;
    abandon(victim, 3);
    file_world_die(victim);
    struct hf_limiter *next = file_world_open();
    assert_int_equal(next->table.owner, number);
    table_check(&witness->table);
    /* Now it is a living one's, and stays. */
    uint64_t time = abandon(next, 3);
    hf_limiter_free(file_world_open());
    assert_int_equal(hf_limiter_recover(next, NULL), HF_OK);
    assert_int_equal(next->table.lines[0].times[3], time);
    file_world_die(next);
    hf_limiter_free(witness);
}

static void a_key_that_finds_only_slots_of_the_dead_gets_one(void **state)
{
    (void)state;
    struct hf_limiter *witness = file_world_open();
    struct hf_limiter *victim = file_world_open();
    for (uint64_t slot = 0; slot < hf_table_slots(&victim->table); slot++)
        abandon(victim, slot);
    assert_int_equal(file_world_ask(witness, "a"), HF_FULL);
    file_world_die(victim);
    assert_int_equal(file_world_ask(witness, "a"), HF_OK);
    hf_limiter_free(witness);
}

static void a_forked_child_may_use_what_it_inherits(void **state)
{
    (void)state;
    struct hf_limiter *limiter = file_world_open();
    pid_t child = file_world_fork();
    if (child == 0) {
        uint64_t cells = file_world_drain(limiter, "a");
        hf_limiter_free(limiter);
        _exit((int)cells);
    }
    assert_int_equal(file_world_answer(child), BURST);
    assert_int_equal(file_world_ask(limiter, "a"), HF_DENIED);
    hf_limiter_free(limiter);
}

/* The parent's place stays its own: what it leaves when it is killed is found. */
static void a_forked_child_frees_only_its_copy(void **state)
{
    (void)state;
    struct hf_limiter *witness = file_world_open();
    pid_t parent = file_world_fork();
    if (parent == 0) {
        struct hf_limiter *limiter = file_world_open();
        pid_t child = file_world_fork();
        if (child == 0) {
            hf_limiter_free(limiter);
            hf_limiter_free(witness);
            struct hf_limiter *own = file_world_open();
            bool apart = own->table.owner != 1 && own->table.owner != 2;
            hf_limiter_free(own);
            _exit(apart ? 0 : 1);
        }
        if (file_world_answer(child) != 0)
            _exit(1);
        abandon(limiter, 3);
        raise(SIGKILL);
    }
    assert_int_equal(file_world_answer(parent), 256 + SIGKILL);
    hf_limiter_free(file_world_open());
    table_check(&witness->table);
    hf_limiter_free(witness);
}

/* As where a server forks into the background, and the parent ends in order. */
static void a_child_that_goes_on_alone_is_missed_when_it_is_killed(void **state)
{
    (void)state;
    int opened[2];
    assert_int_equal(pipe(opened), 0);
    struct hf_limiter *witness = file_world_open();
    struct hf_limiter *limiter = file_world_open();
    pid_t child = file_world_fork();
    if (child == 0) {
        char told;
        close(opened[1]);
        if (read(opened[0], &told, 1) == 0 && file_world_ask(limiter, "a") == HF_OK)
            abandon(limiter, 3);
        raise(SIGKILL);
    }
    file_world_advance(HF_SECONDS(2));
    hf_limiter_free(limiter);
    close(opened[1]);
    assert_int_equal(file_world_answer(child), 256 + SIGKILL);
    hf_limiter_free(file_world_open());
    table_check(&witness->table);
    hf_limiter_free(witness);
    close(opened[0]);
}

/* Dead is who is gone with all its copies. */
static void what_a_killed_parent_left_waits_for_the_child_that_shares_its_place(void **state)
{
    (void)state;
    int done[2];
    assert_int_equal(pipe(done), 0);
    struct hf_limiter *witness = file_world_open();
    pid_t parent = file_world_fork();
    if (parent == 0) {
        struct hf_limiter *limiter = file_world_open();
        if (fork() == 0) {
            char told;
            close(done[1]);
            bool works = read(done[0], &told, 1) == 0 && file_world_ask(limiter, "a") == HF_OK;
            hf_limiter_free(limiter);
            hf_limiter_free(witness);
            _exit(!works);
        }
        abandon(limiter, 3);
        raise(SIGKILL);
    }
    assert_int_equal(file_world_answer(parent), 256 + SIGKILL);
    uint64_t recovered;
    assert_int_equal(hf_limiter_recover(witness, &recovered), HF_OK);
    assert_int_equal(recovered, 0);
    close(done[1]);
    for (int i = 0; i < 10000 && recovered == 0; i++) {
        hf_clock_sleep_ns(NULL, HF_US(100));
        assert_int_equal(hf_limiter_recover(witness, &recovered), HF_OK);
    }
    assert_int_equal(recovered, 1);
    close(done[0]);
    hf_limiter_free(witness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FILE_WORLD(what_a_dead_process_left_is_recovered_at_the_next_opening),
        IN_A_FILE_WORLD(the_next_owner_of_a_number_recovers_what_the_last_one_left),
        IN_A_FILE_WORLD(a_key_that_finds_only_slots_of_the_dead_gets_one),
        IN_A_FILE_WORLD(a_forked_child_may_use_what_it_inherits),
        IN_A_FILE_WORLD(a_forked_child_frees_only_its_copy),
        IN_A_FILE_WORLD(a_child_that_goes_on_alone_is_missed_when_it_is_killed),
        IN_A_FILE_WORLD(what_a_killed_parent_left_waits_for_the_child_that_shares_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
