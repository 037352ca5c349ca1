/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/audit_world.h"

static void check_period(
    enum hf_audit_roll roll, uint64_t period_ns, const char *second, const char *third)
{
    world.options.roll = roll;
    world_open();
    for (unsigned period = 0; period < 4; period++) {
        world_emit(10);
        world_settle();
        hf_manual_clock_advance(&world.wall, period_ns - 1);
        world_emit(10); /* The last of the period. */
        world_settle();
        hf_manual_clock_advance(&world.wall, 1);
        assert_int_equal(world_statistics().files_rolled, period);
    }
    world_emit(10);
    world_settle();
    assert_true(world_has("logs/audit.2025-11-20T000000Z.000001.log"));
    assert_true(world_has(second));
    assert_true(world_has(third));
    assert_int_equal(world_account().files, 5);
}

static void each_day_begins_a_new_file(void **state)
{
    (void)state;
    check_period(HF_AUDIT_ROLL_DAILY, HF_SECONDS(86400), "logs/audit.2025-11-21T000000Z.000002.log",
        "logs/audit.2025-11-22T000000Z.000003.log");
}

static void each_hour_begins_a_new_file(void **state)
{
    (void)state;
    check_period(HF_AUDIT_ROLL_HOURLY, HF_SECONDS(3600), "logs/audit.2025-11-20T010000Z.000002.log",
        "logs/audit.2025-11-20T020000Z.000003.log");
}

static void each_minute_begins_a_new_file(void **state)
{
    (void)state;
    check_period(HF_AUDIT_ROLL_MINUTELY, HF_SECONDS(60), "logs/audit.2025-11-20T000100Z.000002.log",
        "logs/audit.2025-11-20T000200Z.000003.log");
}

static void a_clock_that_jumps_over_periods_begins_one_file(void **state)
{
    (void)state;
    world_open();
    world_settle();
    hf_manual_clock_advance(&world.wall, HF_SECONDS(86400) * 1000);
    world_emit(1);
    world_emit(1);
    world_settle();
    assert_int_equal(world_statistics().files_rolled, 1);
    world_account();
}

static void size_alone_ignores_the_clock(void **state)
{
    (void)state;
    world.options.roll = HF_AUDIT_ROLL_BY_SIZE_ONLY;
    world_open();
    for (unsigned day = 0; day < 10; day++) {
        world_emit(10);
        world_settle();
        hf_manual_clock_advance(&world.wall, HF_SECONDS(86400));
    }
    assert_int_equal(world_statistics().files_rolled, 0);
    world_account();
}

struct sizes {
    uint64_t least;
    uint64_t most;
};

static bool visit_size(void *context, const char *name)
{
    struct sizes *sizes = context;
    char path[256];
    size_t size;
    snprintf(path, sizeof(path), "%s/%s", WORLD_DIRECTORY, name);
    char buffer[1 << 16];
    assert_int_equal(hf_sim_files_read(world.disk, path, 0, buffer, sizeof(buffer), &size), HF_OK);
    sizes->most = size > sizes->most ? size : sizes->most;
    if (strcmp(path, WORLD_LIVE) != 0 && size < sizes->least)
        sizes->least = size;
    return true;
}

static void no_file_exceeds_its_size(void **state)
{
    (void)state;
    world.options.file_bytes_max = 10000;
    world.options.files_max = HF_AUDIT_KEEP_ALL;
    world_open();
    for (unsigned i = 0; i < 400; i++) {
        world_emit(i % 7 == 0 ? 1800 : i % 300);
        if (i % 5 == 0)
            world_settle();
    }
    world_settle();
    struct sizes sizes = {.least = UINT64_MAX};
    assert_int_equal(world.files.list(world.files.context, WORLD_DIRECTORY, visit_size, &sizes), 0);
    assert_true(sizes.most <= 10000);
    assert_true(sizes.least > 10000 - HF_AUDIT_RECORD_BYTES_MAX - 20); /* Nor is it left unused. */
    struct audit_account account = world_account();
    assert_int_equal(account.files, world_statistics().files_rolled + 1);
    assert_true(account.files > 5);
}

static void a_record_that_comes_late_stays_in_the_file(void **state)
{
    (void)state;
    hf_manual_clock_advance(&world.wall, HF_SECONDS(86400));
    world_open();
    world_settle();
    hf_manual_clock_init(&world.wall, WORLD_START_NS + HF_SECONDS(86400) - HF_ROLL_LATE_NS);
    world_emit(10);
    world_settle();
    assert_int_equal(world_statistics().files_rolled, 0);
    hf_manual_clock_init(&world.wall, WORLD_START_NS + HF_SECONDS(86400) - HF_ROLL_LATE_NS - 1);
    world_emit(10);
    world_settle();
    assert_int_equal(world_statistics().files_rolled, 1);
    world_account();
}

static void a_clock_that_is_set_back_neither_stops_rolling_nor_mixes_files_up(void **state)
{
    (void)state;
    world.options.files_max = HF_AUDIT_KEEP_ALL;
    world_open();
    for (unsigned i = 0; i < 20; i++) {
        uint64_t day = i % 2 == 0 ? 1000 : i;
        hf_manual_clock_init(&world.wall, WORLD_START_NS + day * HF_SECONDS(86400));
        world_emit(10);
        world_settle();
    }
    struct audit_account account = world_account(); /* In order, by the files' numbers. */
    assert_int_equal(account.files, 21);
    assert_int_equal(account.rolled_last, 20);
}

static void a_restart_goes_on_in_the_same_file(void **state)
{
    (void)state;
    for (unsigned run = 0; run < 5; run++) {
        world_open();
        world_emit(10);
        world_close();
    }
    struct audit_account account = world_account();
    assert_int_equal(account.files, 1);
    assert_int_equal(account.runs, 5);
}

static void a_restart_in_another_period_begins_a_new_file(void **state)
{
    (void)state;
    for (unsigned run = 0; run < 5; run++) {
        world_open();
        world_emit(10);
        world_close();
        hf_manual_clock_advance(&world.wall, HF_SECONDS(86400));
    }
    struct audit_account account = world_account();
    assert_int_equal(account.files, 5);
    assert_int_equal(account.rolled_last, 4);
    assert_true(world_has("logs/audit.2025-11-20T000000Z.000001.log"));
    assert_true(world_has("logs/audit.2025-11-23T000000Z.000004.log"));
}

static void numbers_go_on_after_those_found(void **state)
{
    (void)state;
    world_write("logs/audit.2020-01-01T000000Z.000041.log", "");
    world_write("logs/audit.2021-01-01T000000Z.000007.log", "");
    world_open();
    world_settle();
    hf_manual_clock_advance(&world.wall, HF_SECONDS(86400));
    world_emit(10);
    world_settle();
    assert_true(world_has("logs/audit.2025-11-20T000000Z.000042.log"));
}

static void a_name_that_is_taken_is_stepped_over(void **state)
{
    (void)state;
    world_open();
    world_settle();
    for (unsigned number = 1; number <= 20; number++) {
        char path[64];
        snprintf(path, sizeof(path), "logs/audit.2025-11-20T000000Z.%06u.log", number);
        world_write(path, "");
    }
    hf_manual_clock_advance(&world.wall, HF_SECONDS(86400));
    world_emit(10);
    world_settle();
    assert_int_equal(world_statistics().files_rolled, 0); /* More than it tries at once. */
    assert_int_equal(world_statistics().io_errno, EEXIST);
    hf_manual_clock_advance(&world.clock, HF_ROLL_RETRY_NS);
    world_emit(10);
    world_settle();
    assert_int_equal(world_statistics().files_rolled, 1);
    assert_true(world_has("logs/audit.2025-11-20T000000Z.000021.log"));
}

static void a_torn_last_line_is_ended_before_the_next(void **state)
{
    (void)state;
    world_write(WORLD_LIVE, "{\"time\":\"2025-11-20T00:00:00.000000000Z\",\"se");
    world_open();
    world_emit(10);
    world_settle();
    struct audit_account account = {.may_be_torn = true};
    audit_read(&account, &world.files, WORLD_DIRECTORY, "audit");
    assert_int_equal(account.torn, 1);
    assert_int_equal(account.runs, 1);
    assert_int_equal(account.records, 1);
    assert_int_equal(account.files, 1); /* The torn line still told the file's date. */
}

static void a_file_without_a_date_takes_that_of_the_next_record(void **state)
{
    (void)state;
    world_write(WORLD_LIVE, "somebody's notes\n");
    hf_manual_clock_advance(&world.wall, HF_SECONDS(3600));
    world_open();
    world_settle();
    assert_int_equal(world_statistics().files_rolled, 0);
    hf_manual_clock_advance(&world.wall, HF_SECONDS(86400));
    world_emit(10);
    world_settle();
    assert_true(world_has("logs/audit.2025-11-20T010000Z.000001.log"));
}

static void an_empty_file_is_not_rolled(void **state)
{
    (void)state;
    world_write(WORLD_LIVE, "");
    world_open();
    world_settle();
    assert_int_equal(world_statistics().files_rolled, 0);
    assert_int_equal(world_account().files, 1);
}

static const char *const foreign[] = {
    "logs/audit.log.1",
    "logs/audit.2020-01-01T000000Z.1.log",
    "logs/audit.2020-01-01T000000Z.000001.log.gz",
    "logs/audit.2020-02-30T000000Z.000001.log",
    "logs/audit2.2020-01-01T000000Z.000001.log",
    "logs/other.log",
};

static void write_foreign_files(void)
{
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
        world_write(foreign[i], "foreign\n");
}

static void assert_foreign_files_are_there(void)
{
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
        assert_true(world_has(foreign[i]));
}

static void roll_by_day(unsigned days)
{
    for (unsigned day = 0; day < days; day++) {
        hf_manual_clock_advance(&world.wall, HF_SECONDS(86400));
        world_emit(10);
        world_settle();
    }
}

static void the_oldest_files_are_pruned_and_foreign_ones_never(void **state)
{
    (void)state;
    write_foreign_files();
    world.options.files_max = 3;
    world_open();
    world_settle();
    roll_by_day(10);
    assert_foreign_files_are_there();
    assert_int_equal(world_statistics().files_pruned, 7);
    assert_int_equal(audit_count_names(&world.files, WORLD_DIRECTORY, "audit.2025-11"), 3);
    assert_true(world_has("logs/audit.2025-11-29T000000Z.000010.log"));
    assert_true(world_has("logs/audit.2025-11-27T000000Z.000008.log"));
    assert_true(world_has(WORLD_LIVE));
}

static void the_number_decides_which_file_is_the_oldest(void **state)
{
    (void)state;
    world_write("logs/audit.2030-01-01T000000Z.000001.log", ""); /* A clock had been wrong. */
    world_write("logs/audit.2001-01-01T000000Z.000002.log", "");
    world_write("logs/audit.2000-01-01T000000Z.000003.log", "");
    world.options.files_max = 2;
    world_open();
    assert_false(world_has("logs/audit.2030-01-01T000000Z.000001.log"));
    assert_true(world_has("logs/audit.2001-01-01T000000Z.000002.log"));
    assert_true(world_has("logs/audit.2000-01-01T000000Z.000003.log"));
}

static void opening_prunes_any_number_of_files(void **state)
{
    (void)state;
    for (unsigned number = 200; number > 0; number--) {
        char path[64];
        snprintf(path, sizeof(path), "logs/audit.2020-01-01T000000Z.%06u.log", number);
        world_write(path, "");
    }
    world.options.files_max = 5;
    world_open();
    assert_int_equal(world_statistics().files_pruned, 195);
    assert_int_equal(audit_count_names(&world.files, WORLD_DIRECTORY, "audit.2020"), 5);
    assert_true(world_has("logs/audit.2020-01-01T000000Z.000196.log"));
}

static void all_files_are_kept_if_so_wished(void **state)
{
    (void)state;
    world.options.files_max = HF_AUDIT_KEEP_ALL;
    world_open();
    world_settle();
    roll_by_day(30);
    assert_int_equal(world_account().files, 31);
}

static void fourteen_files_are_kept_by_default(void **state)
{
    (void)state;
    world_open();
    world_settle();
    roll_by_day(20);
    assert_int_equal(audit_count_names(&world.files, WORLD_DIRECTORY, "audit.2025"), 14);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(each_day_begins_a_new_file),
        IN_A_WORLD(each_hour_begins_a_new_file),
        IN_A_WORLD(each_minute_begins_a_new_file),
        IN_A_WORLD(a_clock_that_jumps_over_periods_begins_one_file),
        IN_A_WORLD(size_alone_ignores_the_clock),
        IN_A_WORLD(no_file_exceeds_its_size),
        IN_A_WORLD(a_record_that_comes_late_stays_in_the_file),
        IN_A_WORLD(a_clock_that_is_set_back_neither_stops_rolling_nor_mixes_files_up),
        IN_A_WORLD(a_restart_goes_on_in_the_same_file),
        IN_A_WORLD(a_restart_in_another_period_begins_a_new_file),
        IN_A_WORLD(numbers_go_on_after_those_found),
        IN_A_WORLD(a_name_that_is_taken_is_stepped_over),
        IN_A_WORLD(a_torn_last_line_is_ended_before_the_next),
        IN_A_WORLD(a_file_without_a_date_takes_that_of_the_next_record),
        IN_A_WORLD(an_empty_file_is_not_rolled),
        IN_A_WORLD(the_oldest_files_are_pruned_and_foreign_ones_never),
        IN_A_WORLD(the_number_decides_which_file_is_the_oldest),
        IN_A_WORLD(opening_prunes_any_number_of_files),
        IN_A_WORLD(all_files_are_kept_if_so_wished),
        IN_A_WORLD(fourteen_files_are_kept_by_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
