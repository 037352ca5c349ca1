/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/directory.h"
#include "support/file_world.h"
#include "support/table_check.h"

#define BURST 5
#define CELL_NS HF_MS(100)

static struct file_world *world;

static int make_world(void **state)
{
    (void)state;
    world = file_world_new();
    return 0;
}

static int free_world(void **state)
{
    (void)state;
    file_world_free(world);
    return 0;
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, free_world)

static void two_openings_share_one_limit(void **state)
{
    (void)state;
    struct hf_limiter *first = file_world_open(world);
    struct hf_limiter *second = file_world_open(world);
    assert_int_equal(file_world_ask(first, "a"), HF_OK);
    assert_int_equal(file_world_ask(second, "a"), HF_OK);
    assert_int_equal(file_world_drain(first, "a"), BURST - 2);
    assert_int_equal(file_world_ask(second, "a"), HF_DENIED);
    assert_int_equal(file_world_drain(second, "b"), BURST);
    assert_int_equal(file_world_ask(first, "b"), HF_DENIED);
    file_world_advance(world, CELL_NS);
    assert_int_equal(file_world_drain(first, "a"), 1);
    assert_int_equal(file_world_drain(second, "a"), 0);
    struct hf_limiter_statistics statistics;
    assert_int_equal(hf_limiter_statistics(first, &statistics), HF_OK);
    assert_int_equal(statistics.inserted, 2);
    hf_limiter_free(first);
    hf_limiter_free(second);
}

static void two_processes_share_one_limit(void **state)
{
    (void)state;
    struct hf_limiter *limiter = file_world_open(world);
    assert_int_equal(file_world_ask(limiter, "a"), HF_OK);
    pid_t child = fork();
    if (child == 0) {
        struct hf_limiter *own = file_world_open(world);
        uint64_t cells = file_world_drain(own, "a");
        hf_limiter_free(own);
        _exit((int)cells);
    }
    assert_int_equal(file_world_answer(child), BURST - 1);
    assert_int_equal(file_world_ask(limiter, "a"), HF_DENIED);
    hf_limiter_free(limiter);
}

static void limits_outlive_the_process(void **state)
{
    (void)state;
    struct hf_limiter *limiter = file_world_open(world);
    assert_int_equal(file_world_drain(limiter, "a"), BURST);
    hf_limiter_free(limiter);
    file_world_advance(world, 2 * CELL_NS);
    limiter = file_world_open(world);
    assert_int_equal(file_world_drain(limiter, "a"), 2);
    hf_limiter_free(limiter);
}

static void limits_outlive_the_machines_start(void **state)
{
    (void)state;
    struct hf_limiter *limiter = file_world_open(world);
    file_world_advance(world, HF_SECONDS(50));
    assert_int_equal(file_world_drain(limiter, "a"), BURST);
    file_world_die(limiter);
    file_world_restart(world, FILE_WORLD_WALL_NS + HF_SECONDS(50) + 3 * CELL_NS);
    limiter = file_world_open(world);
    assert_int_equal(file_world_drain(limiter, "a"), 3);
    file_world_advance(world, CELL_NS);
    assert_int_equal(file_world_drain(limiter, "a"), 1);
    hf_limiter_free(limiter);
}

/* It was off for no time at all then. */
static void a_wall_clock_that_went_back_gives_no_cell(void **state)
{
    (void)state;
    struct hf_limiter *limiter = file_world_open(world);
    file_world_advance(world, HF_SECONDS(50));
    assert_int_equal(file_world_drain(limiter, "a"), BURST);
    hf_limiter_free(limiter);
    file_world_restart(world, 0);
    limiter = file_world_open(world);
    assert_int_equal(file_world_drain(limiter, "a"), 0);
    /* Noted to about a millisecond. */
    file_world_advance(world, CELL_NS + HF_MS(2));
    assert_int_equal(file_world_drain(limiter, "a"), 1);
    hf_limiter_free(limiter);
}

/* From then on it counts by where it should have been. */
static void a_wall_clock_that_is_right_again_makes_up_for_it(void **state)
{
    (void)state;
    struct hf_limiter *limiter = file_world_open(world);
    assert_int_equal(file_world_drain(limiter, "a"), BURST);
    hf_limiter_free(limiter);
    file_world_restart(world, 0);
    hf_limiter_free(file_world_open(world));
    file_world_restart(world, FILE_WORLD_WALL_NS + 4 * CELL_NS);
    limiter = file_world_open(world);
    assert_int_equal(file_world_drain(limiter, "a"), 4);
    hf_limiter_free(limiter);
}

static void a_clock_that_is_behind_gives_no_cell(void **state)
{
    (void)state;
    struct hf_limiter *limiter = file_world_open(world);
    file_world_advance(world, HF_SECONDS(50));
    assert_int_equal(file_world_drain(limiter, "a"), BURST);
    hf_limiter_free(limiter);
    hf_manual_clock_init(&world->clock, 5);
    limiter = file_world_open(world);
    assert_int_equal(file_world_drain(limiter, "a"), 0);
    file_world_advance(world, CELL_NS + HF_MS(2));
    assert_int_equal(file_world_drain(limiter, "a"), 1);
    hf_manual_clock_init(&world->clock, 1);
    assert_int_equal(file_world_drain(limiter, "a"), 0);
    hf_limiter_free(limiter);
}

static void time_that_reaches_its_end_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    struct hf_error error;
    struct hf_limiter *limiter = file_world_open(world);
    assert_int_equal(file_world_drain(limiter, "a"), BURST);
    hf_limiter_free(limiter);
    file_world_restart(world, UINT64_MAX);
    assert_int_equal(file_world_refusal(world, &error), HF_INVALID);
    assert_non_null(strstr(hf_error_text(&error), "table time: 16746745073709551615"));
    hf_manual_clock_init(&world->clock, HF_TIME_MAX_NS + 1);
    assert_int_equal(file_world_refusal(world, &error), HF_INVALID);
    assert_non_null(strstr(hf_error_text(&error), "clock: 2305843009213693952"));
    file_world_restart(world, FILE_WORLD_WALL_NS);
    limiter = file_world_open(world);
    assert_int_equal(file_world_drain(limiter, "a"), 0);
    hf_manual_clock_init(&world->clock, HF_TIME_MAX_NS);
    assert_int_equal(file_world_ask(limiter, "a"), HF_INVALID);
    hf_limiter_free(limiter);
}

static void times_for_at_calls_are_those_of_the_limiters_clock(void **state)
{
    (void)state;
    hf_limiter_free(file_world_open(world));
    file_world_restart(world, FILE_WORLD_WALL_NS + HF_SECONDS(500));
    struct hf_limiter *limiter = file_world_open(world);
    struct hf_clock clock = hf_limiter_time(limiter);
    uint64_t now_ns = hf_clock_now_ns(&clock);
    assert_int_equal(now_ns, FILE_WORLD_START_NS + HF_SECONDS(500));
    for (int i = 0; i < BURST; i++)
        assert_int_equal(hf_limiter_check_at(limiter, hf_bytes("a", 1), 1, now_ns, NULL), HF_OK);
    assert_int_equal(file_world_ask(limiter, "a"), HF_DENIED);
    hf_clock_sleep_ns(&clock, CELL_NS);
    assert_int_equal(hf_clock_now_ns(&clock), now_ns + CELL_NS);
    assert_int_equal(file_world_ask(limiter, "a"), HF_OK);
    hf_limiter_free(limiter);
    clock = hf_limiter_time(NULL);
    assert_true(hf_clock_now_ns(&clock) > 0);
}

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
    struct hf_limiter *witness = file_world_open(world);
    struct hf_limiter *victim = file_world_open(world);
    struct hf_limiter *survivor = file_world_open(world);
    for (uint64_t slot = 0; slot < 8; slot++)
        abandon(slot % 2 ? victim : survivor, slot);
    file_world_die(victim);
    hf_limiter_free(file_world_open(world));
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
    struct hf_limiter *witness = file_world_open(world);
    struct hf_limiter *victim = file_world_open(world);
    uint32_t number = victim->table.owner;
    abandon(victim, 3);
    file_world_die(victim);
    struct hf_limiter *next = file_world_open(world);
    assert_int_equal(next->table.owner, number);
    table_check(&witness->table);
    /* Now it is a living one's, and stays. */
    uint64_t time = abandon(next, 3);
    hf_limiter_free(file_world_open(world));
    assert_int_equal(hf_limiter_recover(next, NULL), HF_OK);
    assert_int_equal(next->table.lines[0].times[3], time);
    file_world_die(next);
    hf_limiter_free(witness);
}

static void a_key_that_finds_only_slots_of_the_dead_gets_one(void **state)
{
    (void)state;
    struct hf_limiter *witness = file_world_open(world);
    struct hf_limiter *victim = file_world_open(world);
    for (uint64_t slot = 0; slot < hf_table_slots(&victim->table); slot++)
        abandon(victim, slot);
    assert_int_equal(file_world_ask(witness, "a"), HF_FULL);
    file_world_die(victim);
    assert_int_equal(file_world_ask(witness, "a"), HF_OK);
    hf_limiter_free(witness);
}

static void the_first_to_open_mends_all(void **state)
{
    (void)state;
    struct hf_limiter *limiter = file_world_open(world);
    assert_int_equal(file_world_drain(limiter, "a"), BURST);
    for (uint64_t slot = 0; slot < hf_table_slots(&limiter->table); slot++) {
        struct hf_table_line *line = &limiter->table.lines[slot / 4];
        if (line->names[slot % 4] == 0) /* Of keys whose home is before the table, in part. */
            line->names[slot % 4] = UINT64_MAX - slot;
    }
    limiter->table.lines[0].names[0] |= UINT64_C(9) << 52;
    hf_limiter_free(limiter);
    limiter = file_world_open(world);
    table_check(&limiter->table);
    assert_int_equal(file_world_drain(limiter, "a"), 0);
    hf_limiter_free(limiter);
}

static void places_run_out_and_come_back(void **state)
{
    (void)state;
    struct hf_limiter *open[HF_LIMITER_PROCESSES_MAX];
    for (int i = 0; i < HF_LIMITER_PROCESSES_MAX; i++)
        open[i] = file_world_open(world);
    struct hf_error error;
    assert_int_equal(file_world_refusal(world, &error), HF_FULL);
    assert_non_null(strstr(hf_error_text(&error), "processes: 255"));
    hf_limiter_free(open[100]);
    open[100] = file_world_open(world);
    for (int i = 0; i < HF_LIMITER_PROCESSES_MAX; i++)
        assert_int_equal(file_world_ask(open[i], "a"), i < BURST ? HF_OK : HF_DENIED);
    for (int i = 0; i < HF_LIMITER_PROCESSES_MAX; i++)
        hf_limiter_free(open[i]);
}

static void a_forked_child_may_use_what_it_inherits(void **state)
{
    (void)state;
    struct hf_limiter *limiter = file_world_open(world);
    pid_t child = fork();
    if (child == 0)
        _exit((int)file_world_drain(limiter, "a"));
    assert_int_equal(file_world_answer(child), BURST);
    assert_int_equal(file_world_ask(limiter, "a"), HF_DENIED);
    hf_limiter_free(limiter);
}

/* The parent's place stays its own: what it leaves when it is killed is found. */
static void a_forked_child_frees_only_its_copy(void **state)
{
    (void)state;
    struct hf_limiter *witness = file_world_open(world);
    pid_t parent = fork();
    if (parent == 0) {
        struct hf_limiter *limiter = file_world_open(world);
        pid_t child = fork();
        if (child == 0) {
            hf_limiter_free(limiter);
            hf_limiter_free(witness);
            struct hf_limiter *own = file_world_open(world);
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
    hf_limiter_free(file_world_open(world));
    table_check(&witness->table);
    hf_limiter_free(witness);
}

/* Dead is who is gone with all its copies. */
static void what_a_killed_parent_left_waits_for_the_child_that_shares_its_place(void **state)
{
    (void)state;
    int done[2];
    assert_int_equal(pipe(done), 0);
    struct hf_limiter *witness = file_world_open(world);
    pid_t parent = fork();
    if (parent == 0) {
        struct hf_limiter *limiter = file_world_open(world);
        if (fork() == 0) {
            char told;
            close(done[1]);
            _exit(read(done[0], &told, 1) == 0 && file_world_ask(limiter, "a") == HF_OK);
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

static void options_that_contradict_the_file_are_named(void **state)
{
    (void)state;
    const struct hf_hash_seed seed = {{1, 2, 3, 4}};
    struct hf_limiter_options good = world->options;
    struct hf_error error;
    world->options.seed = &seed;
    hf_limiter_free(file_world_open(world));

    world->options.keys_max = 1000;
    assert_int_equal(file_world_refusal(world, &error), HF_INVALID);
    assert_non_null(
        strstr(hf_error_text(&error), "keys_max: 1000 needs 521 lines, the file has 53"));
    world->options = good;
    world->options.hash = HF_HASH_FAST;
    assert_int_equal(file_world_refusal(world, &error), HF_INVALID);
    assert_non_null(strstr(hf_error_text(&error), "hash: 1 wanted, the file has 0"));
    world->options = good;
    world->options.seed = &(struct hf_hash_seed){{1, 2, 3, 5}};
    assert_int_equal(file_world_refusal(world, &error), HF_INVALID);
    assert_non_null(strstr(hf_error_text(&error), "seed: another"));

    world->options = good;
    world->options.keys_max = 0;
    world->options.seed = &seed;
    world->options.quota = hf_quota_per_second(77);
    hf_limiter_free(file_world_open(world));
    world->options.seed = NULL;
    struct hf_limiter *limiter = file_world_open(world);
    assert_memory_equal(&limiter->seed, &seed, sizeof(seed));
    hf_limiter_free(limiter);
}

static void bad_arguments_are_named(void **state)
{
    (void)state;
    struct hf_limiter *limiter = NULL;
    struct hf_error error = {0};
    assert_int_equal(hf_limiter_open(NULL, &world->options, &world->file, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "limiter: NULL");
    assert_int_equal(hf_limiter_open(&limiter, NULL, &world->file, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "options: NULL");
    assert_int_equal(hf_limiter_open(&limiter, &world->options, NULL, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "file: NULL");
    struct hf_limiter_file nowhere = {0};
    assert_int_equal(hf_limiter_open(&limiter, &world->options, &nowhere, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "file.path: NULL");
    assert_int_equal(hf_limiter_open(&limiter, &world->options, &nowhere, NULL), HF_INVALID);
    world->options.full_policy = (enum hf_full_policy)9;
    assert_int_equal(file_world_refusal(world, &error), HF_INVALID);
    assert_int_equal(hf_limiter_recover(NULL, NULL), HF_INVALID);
    assert_int_equal(hf_limiter_sync(NULL, &error), HF_INVALID);
}

static void a_limiter_without_a_file_has_nothing_to_recover_or_write(void **state)
{
    (void)state;
    struct hf_limiter *limiter = NULL;
    uint64_t recovered = 3;
    assert_int_equal(hf_limiter_new(&limiter, &world->options, NULL), HF_OK);
    assert_int_equal(hf_limiter_recover(limiter, &recovered), HF_OK);
    assert_int_equal(recovered, 0);
    assert_int_equal(hf_limiter_sync(limiter, NULL), HF_OK);
    struct hf_clock clock = hf_limiter_time(limiter);
    assert_int_equal(hf_clock_now_ns(&clock), FILE_WORLD_START_NS);
    hf_limiter_free(limiter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(two_openings_share_one_limit),
        IN_A_WORLD(two_processes_share_one_limit),
        IN_A_WORLD(limits_outlive_the_process),
        IN_A_WORLD(limits_outlive_the_machines_start),
        IN_A_WORLD(a_wall_clock_that_went_back_gives_no_cell),
        IN_A_WORLD(a_wall_clock_that_is_right_again_makes_up_for_it),
        IN_A_WORLD(a_clock_that_is_behind_gives_no_cell),
        IN_A_WORLD(time_that_reaches_its_end_is_refused_and_changes_nothing),
        IN_A_WORLD(times_for_at_calls_are_those_of_the_limiters_clock),
        IN_A_WORLD(what_a_dead_process_left_is_recovered_at_the_next_opening),
        IN_A_WORLD(the_next_owner_of_a_number_recovers_what_the_last_one_left),
        IN_A_WORLD(a_key_that_finds_only_slots_of_the_dead_gets_one),
        IN_A_WORLD(the_first_to_open_mends_all),
        IN_A_WORLD(places_run_out_and_come_back),
        IN_A_WORLD(a_forked_child_may_use_what_it_inherits),
        IN_A_WORLD(a_forked_child_frees_only_its_copy),
        IN_A_WORLD(what_a_killed_parent_left_waits_for_the_child_that_shares_its_place),
        IN_A_WORLD(options_that_contradict_the_file_are_named),
        IN_A_WORLD(bad_arguments_are_named),
        IN_A_WORLD(a_limiter_without_a_file_has_nothing_to_recover_or_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
