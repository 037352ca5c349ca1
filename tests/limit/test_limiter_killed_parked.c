/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/step.h"
#include "scale.h"
#include "support/file_crowd.h"

/*
 * Processes that kill themselves at a step of the table, at each of them in turn and at each of its
 * first occurrences, while others work.
 */
#ifdef HF_TEST_STEPS

#define WORKERS 2
#define STEPS (HF_STEP_TABLE_ADJUSTED + 1)
#define OCCURRENCES 25
#define ASKS_MAX 20000 /* Some steps need two who meet, which may not happen. */

static enum hf_step last_step;
static uint64_t occurrences_left;

static void at_step(enum hf_step step)
{
    if (step == last_step && --occurrences_left == 0)
        raise(SIGKILL);
}

/* True: it came to the step. */
static bool die_at(enum hf_step step, uint64_t occurrence, struct hf_limiter *inherited)
{
    pid_t victim = file_world_fork();
    if (victim == 0) {
        hf_limiter_free(inherited);
        last_step = step;
        occurrences_left = occurrence;
        hf_step_hook = at_step;
        struct hf_limiter *limiter = file_world_open();
        file_crowd_work(limiter, test_scaled(ASKS_MAX));
        hf_limiter_free(limiter);
        _exit(0);
    }
    int answer = file_world_answer(victim);
    assert_true(answer == 0 || answer == 256 + SIGKILL);
    return answer != 0;
}

static void death_at_any_step_leaves_a_table_that_others_go_on_using(void **state)
{
    (void)state;
    struct hf_limiter *witness = file_world_open();
    pid_t workers[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        workers[i] = file_crowd_hire(witness);
    uint64_t deaths = 0;
    uint64_t deaths_at[STEPS] = {0};
    for (uint64_t occurrence = 1; occurrence <= test_scaled(OCCURRENCES); occurrence++) {
        for (int step = 0; step < STEPS; step++)
            deaths_at[step] += die_at((enum hf_step)step, occurrence, witness);
    }
    hf_store_seq(&crowd->stop, 1);
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(file_world_answer(workers[i]), 0);
    for (int step = 0; step < STEPS; step++) {
        print_message("# step %d: %d deaths\n", step, (int)deaths_at[step]);
        deaths += deaths_at[step];
    }
    print_message("# %d deaths, %d requests\n", (int)deaths, (int)crowd->front);
    assert_true(deaths > 0);
    file_crowd_check(witness);
    hf_limiter_free(witness);
}

static void stop_at_step(enum hf_step step)
{
    if (step == last_step && --occurrences_left == 0)
        raise(SIGSTOP);
}

/* Stops for a while in the middle of asking for a key. */
static pid_t start_stopping(enum hf_step step, uint64_t occurrence, struct hf_limiter *inherited)
{
    pid_t child = file_world_fork();
    if (child == 0) {
        hf_limiter_free(inherited);
        struct hf_limiter *limiter = file_world_open();
        last_step = step;
        occurrences_left = occurrence;
        hf_step_hook = stop_at_step;
        file_crowd_work(limiter, 2 * CROWD_ASKS);
        hf_limiter_free(limiter);
        _exit(0);
    }
    return child;
}

/* What others do meanwhile: recover, open, and take every slot that there is. */
static void press(struct hf_limiter *witness)
{
    uint64_t recovered;
    assert_int_equal(hf_limiter_recover(witness, &recovered), HF_OK);
    assert_int_equal(recovered, 0);
    hf_limiter_free(file_world_open());
    uint64_t now_ns = machine->clock.now_ns + HF_SECONDS(1);
    for (uint64_t key = 0; key < hf_table_slots(&witness->table); key++) {
        uint64_t name = 2 * CROWD_KEYS_MAX + key;
        enum hf_status status =
            hf_limiter_check_at(witness, hf_bytes(&name, sizeof(name)), 1, now_ns, NULL);
        assert_true(status == HF_OK || status == HF_FULL);
    }
}

/* Its lock is there, however long it has been silent. */
static void a_process_that_is_stopped_at_any_step_is_not_taken_for_dead(void **state)
{
    (void)state;
    int stops = 0;
    struct hf_limiter *witness = file_world_open();
    for (int step = 0; step < STEPS; step++) {
        for (uint64_t occurrence = 1; occurrence <= (test_is_slow() ? 1 : 3); occurrence++) {
            int status = 0;
            pid_t child = start_stopping((enum hf_step)step, occurrence, witness);
            assert_int_equal(waitpid(child, &status, WUNTRACED), child);
            if (!WIFSTOPPED(status))
                continue; /* Never came to the step. */
            stops++;
            press(witness);
            assert_int_equal(kill(child, SIGCONT), 0);
            assert_int_equal(file_world_answer(child), 0);
            hf_manual_clock_advance(&machine->clock, HF_SECONDS(2));
            file_crowd_check(witness);
            crowd->front += HF_SECONDS(10) / CROWD_STEP_NS * CROWD_ASKS; /* After all that. */
        }
    }
    print_message("# %d stops\n", stops);
    assert_true(stops > STEPS / 2);
    hf_limiter_free(witness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_CROWD(a_process_that_is_stopped_at_any_step_is_not_taken_for_dead),
        IN_A_CROWD(death_at_any_step_leaves_a_table_that_others_go_on_using),
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
