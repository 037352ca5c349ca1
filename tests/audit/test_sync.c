/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <holdfast/random.h>

#include "scale.h"
#include "support/audit_world.h"

#define SEED UINT64_C(7)

static uint64_t syncs(void)
{
    return hf_sim_files_statistics(world.disk).calls[HF_SIM_SYNC];
}

static uint64_t sync_due_ns(void)
{
    return hf_writer_sync_due_ns(&world.audit->writer, hf_clock_now_ns(&world.options.clock));
}

static void syncs_come_at_their_interval(void **state)
{
    (void)state;
    world.options.sync_interval_ns = HF_MS(100);
    world_open();
    assert_true(sync_due_ns() == UINT64_MAX); /* Nothing is written. */
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned ms = 0; ms < 100; ms++) {
            world_emit(1);
            world_step();
            assert_int_equal(sync_due_ns(), HF_MS(100 - ms));
            assert_int_equal(syncs(), round);
            hf_manual_clock_advance(&world.clock, HF_MS(1));
        }
        assert_int_equal(sync_due_ns(), 0);
        world_step();
        world_step();
        assert_int_equal(syncs(), round + 1);
        assert_true(sync_due_ns() == UINT64_MAX);
    }
}

static void a_log_that_is_never_synced_owes_nothing_once_written(void **state)
{
    (void)state;
    world.options.sync_interval_ns = HF_AUDIT_SYNC_NEVER;
    world_open();
    world_emit(1);
    assert_int_equal(hf_audit_owed(world.audit), 1);
    world_live(3);
    world_settle();
    assert_int_equal(hf_audit_owed(world.audit), 0);
    assert_int_equal(syncs(), 0);
}

static void what_the_disk_does_not_sync_is_still_owed(void **state)
{
    (void)state;
    world_open();
    world_emit(1);
    world_fail(HF_SIM_SYNC, 0, 0, EIO);
    hf_manual_clock_advance(&world.clock, HF_SECONDS(1));
    world_settle();
    assert_int_equal(hf_audit_owed(world.audit), 1);
    world_heal();
    hf_manual_clock_advance(&world.clock, HF_SECONDS(1));
    world_settle();
    assert_int_equal(hf_audit_owed(world.audit), 0);
}

static void what_was_synced_survives_a_crash(void **state)
{
    (void)state;
    for (uint64_t seed = SEED; seed < SEED + test_scaled(40); seed++) {
        world_make(NULL);
        hf_sim_files_free(world.disk);
        struct hf_splitmix random;
        hf_splitmix_init(&random, seed);
        struct hf_sim_files_options disk = {.random = hf_splitmix_random(&random)};
        assert_int_equal(hf_sim_files_new(&world.disk, &disk, NULL), HF_OK);
        world.files = hf_sim_files(world.disk);
        world.options.files_max = HF_AUDIT_KEEP_ALL;
        world.options.file_bytes_max = 8192;
        world_open();
        world_live((unsigned)(seed % 5));
        hf_manual_clock_advance(&world.clock, HF_SECONDS(1));
        world_settle(); /* All is appended and, its time having come, synced. */
        uint64_t synced = world.kept;
        for (uint64_t i = 0; i < seed % 7; i++) {
            world_emit(200);
            world_step();
        }
        hf_sim_files_crash(world.disk, HF_SIM_CRASH_TEAR);
        hf_audit_free(world.audit);
        world_open();
        world_close();
        struct audit_account account = {.may_be_torn = true};
        audit_read(&account, &world.files, WORLD_DIRECTORY, "audit");
        assert_in_range(account.records, synced, world.kept);
        assert_int_equal(account.runs, 2);
        world_unmake(NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(syncs_come_at_their_interval),
        IN_A_WORLD(a_log_that_is_never_synced_owes_nothing_once_written),
        IN_A_WORLD(what_the_disk_does_not_sync_is_still_owed),
        cmocka_unit_test(what_was_synced_survives_a_crash),
    };
    print_message("# seed %llu\n", (unsigned long long)SEED);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
