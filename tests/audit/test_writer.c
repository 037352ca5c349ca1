/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/random.h>

#include "scale.h"
#include "support/audit_world.h"

#define SEED UINT64_C(7)

static uint64_t disk_bytes(void)
{
    return hf_sim_files_statistics(world.disk).bytes;
}

/* Whole lines only, whenever anybody looks. */
static void assert_no_line_is_torn(void)
{
    struct audit_account account = {0};
    audit_read(&account, &world.files, WORLD_DIRECTORY, "audit");
}

static void a_full_disk_costs_nothing_that_was_taken(void **state)
{
    (void)state;
    world_open();
    world_emit(100);
    world_settle();
    for (unsigned bytes = 0; bytes < 400; bytes += 13) {
        hf_sim_files_limit(world.disk, disk_bytes() + bytes);
        for (unsigned i = 0; i < 5; i++)
            assert_int_equal(world_emit(100), HF_OK);
        assert_true(world_step().failed);
        assert_true(world_step().failed);
        assert_no_line_is_torn();
        assert_int_equal(world_statistics().io_errno, ENOSPC);
        hf_sim_files_limit(world.disk, 0);
        assert_false(world_step().failed);
        world_account();
    }
}

static void while_the_disk_refuses_lanes_fill_and_what_is_dropped_is_named(void **state)
{
    (void)state;
    world_open();
    world_settle();
    world_fail(HF_SIM_APPEND, 0, 0, ENOSPC);
    while (world_emit(100) == HF_OK) {
        if (world.kept % 50 == 0)
            assert_true(world_step().failed);
    }
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(world_emit(100), HF_FULL);
    assert_true(world_step().failed);
    world_heal();
    world_settle();
    world_emit(100);
    world_settle();
    struct audit_account account = world_account();
    assert_int_equal(account.gaps, 1); /* All 21 in a row. */
    assert_int_equal(world_statistics().dropped, 21);
    assert_int_equal(world_statistics().gaps, 1);
    assert_int_equal(world_statistics().written, world.kept);
    assert_int_equal(world_statistics().emitted, world.kept + world.dropped);
    assert_int_equal(world_statistics().bytes_written, disk_bytes());
}

static void tear_a_write(uint64_t torn_bytes, bool stubborn)
{
    struct hf_sim_file_fault fault = {.count = 2, .error = EIO, .torn_bytes = torn_bytes};
    world_open();
    world_emit(50);
    world_settle();
    assert_int_equal(hf_sim_files_fail(world.disk, HF_SIM_APPEND, &fault), HF_OK);
    if (stubborn)
        world_fail(HF_SIM_TRUNCATE, 0, 0, EIO);
    for (unsigned i = 0; i < 3; i++)
        world_emit(50 + (size_t)torn_bytes % 100);
    bool failed = world_step().failed;
    if (!stubborn)
        assert_no_line_is_torn();
    failed = world_step().failed || failed;
    assert_true(failed);
    world_heal();
    world_settle();
    world_account();
    assert_int_equal(world_statistics().bytes_written, disk_bytes());
}

/* A write torn after any byte, with and without the disk letting it be taken back. */
static void torn_writes_are_completed_never_doubled(void **state)
{
    (void)state;
    for (uint64_t torn = 0; torn < 700; torn += test_is_slow() ? 19 : 3) {
        for (unsigned stubborn = 0; stubborn < 2; stubborn++) {
            world_make(NULL);
            tear_a_write(torn, stubborn);
            world_unmake(NULL);
        }
    }
}

/* After whatever failed it must be as if it had not: nothing lost, and rolling goes on. */
static void recover(void)
{
    world_heal();
    world_settle();
    hf_manual_clock_advance(&world.clock, HF_ROLL_RETRY_NS);
    uint64_t rolled = world_statistics().files_rolled;
    world_live(2);
    world_settle();
    assert_true(world_statistics().files_rolled > rolled);
    assert_int_equal(world_statistics().written, world.kept);
    assert_int_equal(world_statistics().dropped, world.dropped);
    world_account();
    assert_int_equal(hf_sim_files_statistics(world.disk).handles, 1);
}

/* Every call of a kind fails in turn: once, three times, and for as long as it lasts. */
static void fail_each_call(enum hf_sim_file_call call, int error)
{
    static const uint64_t counts[] = {1, 3, 0};
    for (unsigned c = 0; c < 3; c++) {
        for (uint64_t skip = 0;; skip += test_is_slow() ? 11 : 1) {
            world_make(NULL);
            world.options.file_bytes_max = 8192;
            world.options.files_max = HF_AUDIT_KEEP_ALL;
            world_open();
            world_fail(call, skip, counts[c], error);
            world_live(4);
            bool failed = hf_sim_files_statistics(world.disk).failed[call] > 0;
            assert_int_equal(world_statistics().io_errors > 0, failed);
            recover();
            world_unmake(NULL);
            if (!failed)
                break;
        }
    }
}

static void failing_appends_lose_nothing(void **state)
{
    (void)state;
    fail_each_call(HF_SIM_APPEND, ENOSPC);
}

static void failing_syncs_lose_nothing(void **state)
{
    (void)state;
    fail_each_call(HF_SIM_SYNC, EIO);
}

static void failing_renames_lose_nothing(void **state)
{
    (void)state;
    fail_each_call(HF_SIM_RENAME, EACCES);
}

static void failing_opens_lose_nothing(void **state)
{
    (void)state;
    fail_each_call(HF_SIM_OPEN, EMFILE);
}

static void failing_closes_lose_nothing(void **state)
{
    (void)state;
    fail_each_call(HF_SIM_CLOSE, EIO);
}

static void failing_listings_lose_nothing(void **state)
{
    (void)state;
    world.options.files_max = 2;
    world_open();
    world_fail(HF_SIM_LIST, 0, 0, EACCES);
    world_live(4);
    assert_int_equal(world_statistics().files_pruned, 0);
    world_heal();
    world_live(2);
    world_settle();
    assert_int_equal(audit_count_names(&world.files, WORLD_DIRECTORY, "audit.2025"), 2);
    assert_int_equal(world_statistics().written, world.kept);
}

static void files_that_cannot_be_removed_are_removed_later(void **state)
{
    (void)state;
    world.options.files_max = 2;
    world_open();
    world_fail(HF_SIM_REMOVE, 0, 0, EACCES);
    world_live(5);
    assert_int_equal(world_statistics().files_pruned, 0);
    assert_int_equal(world_statistics().io_errno, EACCES);
    world_fail(HF_SIM_REMOVE, 0, 1, ENOENT); /* Somebody else was quicker. */
    world_live(1);
    world_heal();
    world_live(1);
    assert_int_equal(audit_count_names(&world.files, WORLD_DIRECTORY, "audit.2025"), 2);
}

static void a_live_file_that_vanished_is_made_anew(void **state)
{
    (void)state;
    world_open();
    world_settle();
    assert_int_equal(world.files.remove(world.files.context, WORLD_LIVE), 0);
    hf_manual_clock_advance(&world.wall, HF_SECONDS(86400));
    world_emit(10);
    world_settle();
    assert_true(world_has(WORLD_LIVE));
    assert_int_equal(world_statistics().io_errno, ENOENT);
    assert_int_equal(hf_sim_files_statistics(world.disk).handles, 1);
}

/* Any of it fails at any time, the disk is full at times, producers go on. */
static void anything_failing_at_random_loses_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = SEED; seed < SEED + test_scaled(20); seed++) {
        world_make(NULL);
        world.options.file_bytes_max = 8192;
        world.options.files_max = HF_AUDIT_KEEP_ALL;
        world_open();
        struct hf_splitmix random;
        hf_splitmix_init(&random, seed);
        for (unsigned i = 0; i < 20; i++) {
            struct hf_sim_file_fault fault = {
                .skip = hf_splitmix_next(&random) % 4,
                .count = 1 + hf_splitmix_next(&random) % 4,
                .torn_bytes = hf_splitmix_next(&random) % 3000,
            };
            int call = (int)(hf_splitmix_next(&random) % HF_SIM_FILE_CALLS);
            assert_int_equal(
                hf_sim_files_fail(world.disk, (enum hf_sim_file_call)call, &fault), HF_OK);
            uint64_t room = hf_splitmix_next(&random) % 20000;
            hf_sim_files_limit(world.disk, room % 3 == 0 ? disk_bytes() + room : 0);
            world_live(1);
        }
        hf_sim_files_limit(world.disk, 0);
        recover();
        world_unmake(NULL);
    }
}

/* Files that say they took everything and took nothing, or more than they were given. */
struct liar {
    struct hf_files truth;
    enum { TRUTHFUL, TAKES_NOTHING, TAKES_TOO_MUCH, TAKES_A_LITTLE } how;
};

static int lying_append(
    void *context, intptr_t file, const void *data, size_t size_bytes, size_t *written)
{
    const struct liar *liar = context;
    const struct hf_files *truth = &liar->truth;
    *written = 0;
    if (liar->how == TAKES_NOTHING)
        return 0;
    if (liar->how == TAKES_A_LITTLE && size_bytes > 7)
        size_bytes = 7;
    int code = truth->append(truth->context, file, data, size_bytes, written);
    if (liar->how == TAKES_TOO_MUCH)
        *written += 1000;
    return code;
}

static int through_open(void *context, const char *path, intptr_t *file, uint64_t *size_bytes)
{
    const struct hf_files *truth = &((struct liar *)context)->truth;
    return truth->open(truth->context, path, file, size_bytes);
}

static int through_sync(void *context, intptr_t file)
{
    const struct hf_files *truth = &((struct liar *)context)->truth;
    return truth->sync(truth->context, file);
}

static int through_truncate(void *context, intptr_t file, uint64_t size_bytes)
{
    const struct hf_files *truth = &((struct liar *)context)->truth;
    return truth->truncate(truth->context, file, size_bytes);
}

static int through_close(void *context, intptr_t file)
{
    const struct hf_files *truth = &((struct liar *)context)->truth;
    return truth->close(truth->context, file);
}

static int through_list(
    void *context, const char *directory, hf_files_visit *visit, void *visit_context)
{
    const struct hf_files *truth = &((struct liar *)context)->truth;
    return truth->list(truth->context, directory, visit, visit_context);
}

static void appends_that_lie_lead_neither_astray_nor_round_in_circles(void **state)
{
    (void)state;
    struct liar liar = {.truth = world.files};
    struct hf_files files = world.files;
    files.context = &liar;
    files.open = through_open;
    files.append = lying_append;
    files.sync = through_sync;
    files.truncate = through_truncate;
    files.close = through_close;
    files.list = through_list;
    world.options.files = &files;
    world.options.roll = HF_AUDIT_ROLL_BY_SIZE_ONLY;
    world_open();
    liar.how = TAKES_NOTHING;
    world_emit(100);
    assert_true(world_step().failed);
    assert_int_equal(world_statistics().io_errno, EIO);
    liar.how = TAKES_A_LITTLE;
    world_emit(100);
    assert_false(world_step().failed);
    liar.how = TAKES_TOO_MUCH;
    world_emit(100);
    assert_false(world_step().failed);
    world_account();
    hf_audit_free(world.audit);
    world.audit = NULL;
}

static void a_gap_between_two_files_is_named_once(void **state)
{
    (void)state;
    world_open();
    world_settle();
    world_fail(HF_SIM_APPEND, 0, 0, ENOSPC);
    world_emit(100);
    assert_true(world_step().failed);
    while (world_emit(1000) == HF_OK)
        continue;
    hf_manual_clock_advance(&world.wall, HF_SECONDS(86400));
    for (unsigned i = 0; i < 10; i++)
        world_emit(1000);
    world_heal();
    world_settle();
    struct audit_account account = world_account();
    assert_int_equal(account.files, 2);
    assert_int_equal(account.gaps, 1);
    assert_int_equal(account.named, 11);
}

/* More lines than one batch holds, while the disk refuses the first batch. */
static void what_does_not_fit_into_the_batch_waits_in_its_lane(void **state)
{
    (void)state;
    world_open();
    world_settle();
    world_fail(HF_SIM_APPEND, 0, 0, ENOSPC);
    for (unsigned i = 0; i < HF_WRITER_LINES_MAX + 10; i++)
        assert_int_equal(world_emit(0), HF_OK);
    assert_true(world_step().failed);
    assert_true(world_step().failed);
    world_heal();
    world_settle();
    assert_int_equal(world_account().gaps, 0);
}

static void a_gap_that_does_not_fit_into_the_batch_is_named_later(void **state)
{
    (void)state;
    world_open();
    world_settle();
    world_fail(HF_SIM_APPEND, 0, 0, ENOSPC);
    for (unsigned i = 0; i < HF_WRITER_LINES_MAX; i++)
        assert_int_equal(world_emit(0), HF_OK);
    hf_lanes_skip(&world.audit->lanes);
    world.dropped++;
    assert_int_equal(world_emit(0), HF_OK);
    assert_true(world_step().failed);
    assert_true(world_step().failed);
    world_heal();
    world_settle();
    assert_int_equal(world_account().gaps, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(a_full_disk_costs_nothing_that_was_taken),
        IN_A_WORLD(while_the_disk_refuses_lanes_fill_and_what_is_dropped_is_named),
        cmocka_unit_test(torn_writes_are_completed_never_doubled),
        cmocka_unit_test(failing_appends_lose_nothing),
        cmocka_unit_test(failing_syncs_lose_nothing),
        cmocka_unit_test(failing_renames_lose_nothing),
        cmocka_unit_test(failing_opens_lose_nothing),
        cmocka_unit_test(failing_closes_lose_nothing),
        IN_A_WORLD(failing_listings_lose_nothing),
        IN_A_WORLD(files_that_cannot_be_removed_are_removed_later),
        IN_A_WORLD(a_live_file_that_vanished_is_made_anew),
        cmocka_unit_test(anything_failing_at_random_loses_nothing),
        IN_A_WORLD(appends_that_lie_lead_neither_astray_nor_round_in_circles),
        IN_A_WORLD(a_gap_between_two_files_is_named_once),
        IN_A_WORLD(what_does_not_fit_into_the_batch_waits_in_its_lane),
        IN_A_WORLD(a_gap_that_does_not_fit_into_the_batch_is_named_later),
    };
    print_message("# seed %llu\n", (unsigned long long)SEED);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
