/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include <holdfast/random.h>

#include "scale.h"
#include "support/directory.h"
#include "support/file_crowd.h"

/*
 * Processes killed at any moment, while others work: opening, asking, giving back, mending what
 * the last one left. test_limiter_killed_parked.c kills them at each step of the table.
 */
#define DEATHS 600
#define WORKERS 2
#define LIFE_MAX_NS HF_US(1500)

static void live(void)
{
    struct hf_limiter *limiter = file_world_open();
    file_crowd_work(limiter, UINT64_MAX);
    _exit(0);
}

static void killed_processes_leave_a_table_that_others_go_on_using(void **state)
{
    (void)state;
    uint64_t seed = 20261120;
    struct hf_splitmix random;
    hf_splitmix_init(&random, seed);
    struct hf_limiter *witness = file_world_open();
    pid_t workers[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        workers[i] = file_crowd_hire(witness);
    size_t deaths = test_scaled(DEATHS);
    for (size_t i = 0; i < deaths; i++) {
        pid_t victim = file_world_fork();
        if (victim == 0)
            live();
        hf_clock_sleep_ns(NULL, hf_splitmix_next(&random) % LIFE_MAX_NS);
        assert_int_equal(kill(victim, SIGKILL), 0);
        assert_int_equal(file_world_answer(victim), 256 + SIGKILL);
    }
    hf_store_seq(&crowd->stop, 1);
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(file_world_answer(workers[i]), 0);
    print_message("# seed %llu: %zu deaths, %llu requests, %llu cells, %llu given back\n",
        (unsigned long long)seed, deaths, (unsigned long long)crowd->front,
        (unsigned long long)crowd->cells, (unsigned long long)crowd->given_back);
    assert_true(crowd->cells > 0);
    file_crowd_check(witness);
    hf_limiter_free(witness);
}

/* Whoever makes the file may be killed too; the next one makes it then. */
static void a_file_whose_maker_was_killed_is_made_by_the_next(void **state)
{
    struct hf_splitmix random;
    hf_splitmix_init(&random, 7);
    assert_int_equal(directory_make(state), 0);
    machine->file.path = directory_paths[0];
    for (size_t i = 0; i < test_scaled(100); i++) {
        pid_t victim = file_world_fork();
        if (victim == 0)
            live();
        hf_clock_sleep_ns(NULL, hf_splitmix_next(&random) % LIFE_MAX_NS);
        assert_int_equal(kill(victim, SIGKILL), 0);
        assert_int_equal(file_world_answer(victim), 256 + SIGKILL);
        struct hf_limiter *limiter = file_world_open();
        file_crowd_check(limiter);
        hf_limiter_free(limiter);
        assert_int_equal(unlink(directory_paths[0]), 0);
        crowd->front += CROWD_ASKS; /* The next file knows nothing of the last key. */
    }
    assert_int_equal(directory_remove(state), 0);
}

/* They all want the file to be there, and none finds it half made. */
static void many_who_make_the_file_at_once_get_the_same(void **state)
{
    assert_int_equal(directory_make(state), 0);
    machine->file.path = directory_paths[0];
    for (size_t round = 0; round < test_scaled(40); round++) {
        pid_t makers[8];
        for (int i = 0; i < 8; i++) {
            makers[i] = file_world_fork();
            if (makers[i] == 0) {
                struct hf_limiter *limiter = file_world_open();
                bool admitted = file_world_ask(limiter, "a") == HF_OK;
                hf_limiter_free(limiter);
                _exit(admitted);
            }
        }
        int admitted = 0;
        for (int i = 0; i < 8; i++)
            admitted += file_world_answer(makers[i]);
        assert_int_equal(admitted, 1);
        assert_int_equal(unlink(directory_paths[0]), 0);
    }
    assert_int_equal(directory_remove(state), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_CROWD(killed_processes_leave_a_table_that_others_go_on_using),
        IN_A_CROWD(a_file_whose_maker_was_killed_is_made_by_the_next),
        IN_A_CROWD(many_who_make_the_file_at_once_get_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
