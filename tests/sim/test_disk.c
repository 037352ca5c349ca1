/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/sim_memory.h>

#include "support/files.h"
#include "support/sim_disk.h"

static void a_crash_loses_what_was_not_synced(void **state)
{
    (void)state;
    intptr_t file = files_open("a", 0);
    files_append(file, "kept,");
    files_sync(file);
    files_append(file, "lost");
    assert_int_equal(hf_sim_files_statistics(disk_under_test).unsynced_bytes, 4);
    hf_sim_files_crash(disk_under_test, HF_SIM_CRASH_LOSE);
    disk_assert_content("a", "kept,");
    assert_int_equal(hf_sim_files_statistics(disk_under_test).unsynced_bytes, 0);
    assert_int_equal(hf_sim_files_statistics(disk_under_test).handles, 0);
    size_t written;
    assert_int_equal(
        files_under_test->append(files_under_test->context, file, "x", 1, &written), EBADF);
    file = files_open("a", 5);
    files_append(file, "again");
    files_close(file);
    disk_assert_content("a", "kept,again");
}

static void a_file_that_was_never_synced_is_gone(void **state)
{
    (void)state;
    files_make("a", "x");
    hf_sim_files_crash(disk_under_test, HF_SIM_CRASH_LOSE);
    disk_assert_absent("a");
    assert_int_equal(hf_sim_files_statistics(disk_under_test).files, 0);
}

static void a_process_that_dies_takes_nothing_along(void **state)
{
    (void)state;
    intptr_t file = files_open("a", 0);
    files_append(file, "1");
    files_sync(file);
    files_append(file, "2");
    hf_sim_files_crash(disk_under_test, HF_SIM_CRASH_KEEP);
    disk_assert_content("a", "12");
    hf_sim_files_crash(disk_under_test, HF_SIM_CRASH_LOSE);
    disk_assert_content("a", "1");
}

static void syncing_one_file_settles_the_names_of_all(void **state)
{
    (void)state;
    files_make("a", "lost");
    assert_int_equal(files_under_test->rename(files_under_test->context, "a", "b"), 0);
    files_make("c", "lost");
    assert_int_equal(files_under_test->remove(files_under_test->context, "c"), 0);
    intptr_t file = files_open("d", 0);
    files_append(file, "kept");
    files_sync(file);
    hf_sim_files_crash(disk_under_test, HF_SIM_CRASH_LOSE);
    disk_assert_absent("a");
    disk_assert_content("b", "");
    disk_assert_absent("c");
    disk_assert_content("d", "kept");
}

static void a_crash_takes_back_renames_and_removals(void **state)
{
    (void)state;
    intptr_t file = files_open("a", 0);
    files_append(file, "A");
    files_sync(file);
    intptr_t other = files_open("b", 0);
    files_append(other, "B");
    files_sync(other);
    assert_int_equal(files_under_test->remove(files_under_test->context, "b"), 0);
    assert_int_equal(files_under_test->rename(files_under_test->context, "a", "b"), 0);
    files_make("a", "new");
    disk_assert_content("b", "A");
    hf_sim_files_crash(disk_under_test, HF_SIM_CRASH_LOSE);
    disk_assert_content("a", "A");
    disk_assert_content("b", "B");
}

static void a_crash_takes_back_a_truncation(void **state)
{
    (void)state;
    intptr_t file = files_open("a", 0);
    files_append(file, "0123456789");
    files_sync(file);
    assert_int_equal(files_under_test->truncate(files_under_test->context, file, 4), 0);
    files_append(file, "xyz");
    disk_assert_content("a", "0123xyz");
    hf_sim_files_crash(disk_under_test, HF_SIM_CRASH_LOSE);
    disk_assert_content("a", "0123456789");
}

static void a_failed_sync_leaves_bytes_at_risk_until_one_succeeds(void **state)
{
    (void)state;
    intptr_t file = files_open("a", 0);
    files_sync(file);
    files_append(file, "text");
    const struct hf_sim_file_fault once = {.count = 1};
    assert_int_equal(hf_sim_files_fail(disk_under_test, HF_SIM_SYNC, &once), HF_OK);
    assert_int_equal(files_under_test->sync(files_under_test->context, file), EIO);
    assert_int_equal(hf_sim_files_statistics(disk_under_test).unsynced_bytes, 4);
    files_sync(file);
    hf_sim_files_crash(disk_under_test, HF_SIM_CRASH_LOSE);
    disk_assert_content("a", "text");
}

/* More changes of names than are remembered: the oldest have reached the disk by themselves. */
static void names_reach_the_disk_in_time_without_a_sync(void **state)
{
    (void)state;
    files_make("a", "");
    for (int round = 0; round < 1000; round++)
        assert_int_equal(files_under_test->rename(files_under_test->context, round % 2 ? "b" : "a",
                             round % 2 ? "a" : "b"),
            0);
    hf_sim_files_crash(disk_under_test, HF_SIM_CRASH_LOSE);
    assert_int_equal(hf_sim_files_statistics(disk_under_test).files, 1);
}

/* Over many crashes each outcome that is allowed is met: nothing, part and all of what was written.
 */
static void a_tear_may_leave_any_part(void **state)
{
    (void)state;
    unsigned met = 0;
    for (int crash = 0; crash < 200; crash++) {
        intptr_t file = files_open("a", 0);
        files_sync(file);
        files_append(file, "12345");
        hf_sim_files_crash(disk_under_test, HF_SIM_CRASH_TEAR);
        met |= 1u << hf_sim_files_statistics(disk_under_test).bytes;
        file = files_open("a", hf_sim_files_statistics(disk_under_test).bytes);
        assert_int_equal(files_under_test->truncate(files_under_test->context, file, 0), 0);
        files_sync(file);
        files_close(file);
    }
    assert_int_equal(met, 0x3f);
}

/* Memory runs out somewhere; what was there stays, and the append can be repeated. */
static void every_allocation_may_fail(void **state)
{
    (void)state;
    static char data[20000];
    for (uint64_t number = 1;; number++) {
        struct hf_sim_memory memory;
        hf_sim_memory_init(
            &memory, &(struct hf_sim_memory_options){.fail_at = number, .fail_for = 1});
        struct hf_allocator allocator = hf_sim_memory_allocator(&memory);
        struct hf_error error = {0};
        struct hf_sim_files *own = NULL;
        enum hf_status status =
            hf_sim_files_new(&own, &(struct hf_sim_files_options){.allocator = &allocator}, &error);
        memset(&allocator, 0, sizeof(allocator));
        if (status == HF_OK) {
            struct hf_files view = hf_sim_files(own);
            intptr_t file = 0;
            uint64_t size_bytes = 0;
            size_t written = 0;
            assert_int_equal(view.open(view.context, "a", &file, &size_bytes), 0);
            for (int count = 0; count < 3; count++) {
                int code = view.append(view.context, file, data, sizeof(data), &written);
                if (code == ENOMEM) {
                    assert_int_equal(written, 0);
                    code = view.append(view.context, file, data, sizeof(data), &written);
                }
                assert_int_equal(code, 0);
            }
            assert_int_equal(hf_sim_files_statistics(own).bytes, 3 * sizeof(data));
            hf_sim_files_free(own);
        } else {
            assert_int_equal(status, HF_NO_MEMORY);
            assert_null(own);
        }
        assert_int_equal(hf_sim_memory_statistics(&memory).live_count, 0);
        assert_int_equal(hf_sim_memory_statistics(&memory).mismatched, 0);
        if (hf_sim_memory_statistics(&memory).refused == 0)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_A_DISK(a_crash_loses_what_was_not_synced),
        ON_A_DISK(a_file_that_was_never_synced_is_gone),
        ON_A_DISK(a_process_that_dies_takes_nothing_along),
        ON_A_DISK(syncing_one_file_settles_the_names_of_all),
        ON_A_DISK(a_crash_takes_back_renames_and_removals),
        ON_A_DISK(a_crash_takes_back_a_truncation),
        ON_A_DISK(a_failed_sync_leaves_bytes_at_risk_until_one_succeeds),
        ON_A_DISK(names_reach_the_disk_in_time_without_a_sync),
        ON_A_DISK(a_tear_may_leave_any_part),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
