/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/audit_world.h"
#include "support/counting_allocator.h"

static void expect_refusal(
    const struct hf_audit_options *options, enum hf_status status, const char *text)
{
    struct hf_error error = {0};
    struct hf_audit *audit = (struct hf_audit *)&error;
    assert_int_equal(hf_audit_open(&audit, options, &error), status);
    assert_null(audit);
    assert_int_equal(error.count, 1);
    assert_int_equal(error.causes[0].status, status);
    assert_string_equal(hf_error_text(&error), text);
    assert_int_equal(hf_audit_open(&audit, options, NULL), status);
}

static void options_out_of_range_are_refused_by_name_and_value(void **state)
{
    (void)state;
    struct hf_audit *audit;
    assert_int_equal(hf_audit_open(NULL, &world.options, NULL), HF_INVALID);
    assert_int_equal(hf_audit_open(&audit, NULL, NULL), HF_INVALID);
    expect_refusal(NULL, HF_INVALID, "audit.options: NULL");
    expect_refusal(&(struct hf_audit_options){0}, HF_INVALID, "audit.directory: NULL");
    struct hf_audit_options options = world.options;
    options.directory = "";
    expect_refusal(&options, HF_INVALID, "audit.directory: \"\" is empty");
    options = world.options;
    options.prefix = "../x";
    expect_refusal(
        &options, HF_INVALID, "audit.prefix: \"../x\" is not 1 to 64 of A-Z, a-z, 0-9, _ and -");
    options.prefix = "";
    expect_refusal(
        &options, HF_INVALID, "audit.prefix: \"\" is not 1 to 64 of A-Z, a-z, 0-9, _ and -");
    options = world.options;
    options.roll = (enum hf_audit_roll)4;
    expect_refusal(&options, HF_INVALID, "audit.roll: 4 is not on the list");
    options = world.options;
    options.full_policy = (enum hf_audit_full_policy) - 1;
    expect_refusal(&options, HF_INVALID, "audit.full_policy: -1 is not on the list");
    options = world.options;
    options.file_bytes_max = 4095;
    expect_refusal(&options, HF_INVALID, "audit.file_bytes_max: 4095 is too small (at least 4096)");
    options = world.options;
    options.sync_interval_ns = HF_TIME_MAX_NS + 1;
    expect_refusal(&options, HF_INVALID,
        "audit.sync_interval_ns: 2305843009213693952 is too large (at most 2305843009213693951)");
}

static void lanes_must_be_powers_of_two_in_range(void **state)
{
    (void)state;
    static const uint32_t bad[] = {1, 2048, 4095, 4097, 12288, (64u << 20) + 1, 128u << 20};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[128];
        snprintf(text, sizeof(text),
            "audit.lane_bytes: %u is not a power of two from 4096 to 67108864", (unsigned)bad[i]);
        world.options.lane_bytes = bad[i];
        expect_refusal(&world.options, HF_INVALID, text);
    }
}

static void a_directory_that_is_too_long_is_refused(void **state)
{
    (void)state;
    char directory[3969];
    memset(directory, 'd', sizeof(directory));
    directory[3968] = '\0';
    world.options.directory = directory;
    expect_refusal(&world.options, HF_INVALID,
        "audit.directory: 3968 bytes are too many (1 to 3967): "
        "dddddddddddddddddddddddddddddddd...");
}

static void files_without_a_function_are_refused(void **state)
{
    (void)state;
    struct hf_files files = world.files;
    world.options.files = &files;
    files.truncate = NULL;
    expect_refusal(&world.options, HF_INVALID, "audit.files.truncate: NULL");
    files = world.files;
    files.read = NULL;
    expect_refusal(&world.options, HF_INVALID, "audit.files.read: NULL");
    const struct hf_allocator half = {.allocate = hf_allocator_libc()->allocate};
    world.options.files = NULL;
    world.options.allocator = &half;
    expect_refusal(&world.options, HF_INVALID, "allocator.release: NULL");
}

static void a_disk_that_refuses_at_the_start_is_an_error(void **state)
{
    (void)state;
    world_write(WORLD_LIVE, "torn");
    static const struct {
        enum hf_sim_file_call call;
        uint64_t skip;
        const char *what;
    } rows[] = {
        {HF_SIM_LIST, 0, "cannot list it: Input/output error: logs"},
        {HF_SIM_OPEN, 0, "cannot open the log: Input/output error: logs/audit.log"},
        {HF_SIM_READ, 0, "cannot open the log: Input/output error: logs/audit.log"},
        {HF_SIM_APPEND, 0, "cannot open the log: Input/output error: logs/audit.log"},
        {HF_SIM_READ, 1, "cannot open the log: Input/output error: logs/audit.log"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[128];
        snprintf(text, sizeof(text), "audit.directory: %s", rows[i].what);
        world_fail(rows[i].call, rows[i].skip, 0, EIO);
        expect_refusal(&world.options, HF_IO, text);
        world_heal();
        assert_int_equal(hf_sim_files_statistics(world.disk).handles, 0);
    }
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct counting_allocator counting = {.fail_at = n};
        struct hf_allocator allocator = counting_allocator(&counting);
        world.options.allocator = &allocator;
        struct hf_audit *audit;
        struct hf_error error = {0};
        enum hf_status status = hf_audit_open(&audit, &world.options, &error);
        if (status == HF_OK) {
            assert_int_equal(hf_audit_close(audit, UINT64_MAX, NULL), HF_OK);
        } else {
            assert_int_equal(status, HF_NO_MEMORY);
            assert_int_equal(error.count, 1);
            assert_null(audit);
        }
        assert_int_equal(counting.live, 0);
        assert_int_equal(hf_sim_files_statistics(world.disk).handles, 0);
        if (counting.requests < n)
            break;
        assert_true(n < 10);
    }
}

static void bad_records_are_refused(void **state)
{
    (void)state;
    struct hf_field fields[HF_AUDIT_FIELDS_MAX + 1];
    for (size_t i = 0; i <= HF_AUDIT_FIELDS_MAX; i++)
        fields[i] = hf_field_boolean("b", true);
    world_open();
    assert_int_equal(hf_audit_emit(NULL, "e", NULL, 0), HF_INVALID);
    assert_int_equal(hf_audit_emit(world.audit, NULL, NULL, 0), HF_INVALID);
    assert_int_equal(hf_audit_emit(world.audit, "e", NULL, 1), HF_INVALID);
    assert_int_equal(hf_audit_emit(world.audit, "e", fields, HF_AUDIT_FIELDS_MAX + 1), HF_INVALID);
    assert_int_equal(hf_audit_emit(world.audit, "hf.gap", NULL, 0), HF_INVALID);
    assert_int_equal(hf_audit_emit(world.audit, "hf.open", NULL, 0), HF_INVALID);
    assert_int_equal(
        hf_audit_emit(world.audit, "e", &(struct hf_field){.name = NULL}, 1), HF_INVALID);
    assert_int_equal(world_statistics().emitted, 0);
    assert_int_equal(hf_audit_emit(world.audit, "", fields, HF_AUDIT_FIELDS_MAX), HF_OK);
    assert_int_equal(hf_audit_emit(world.audit, "e", NULL, 0), HF_OK);
    world.kept = 2;
    world_settle();
    world_account();
}

static void calls_without_a_log_are_refused(void **state)
{
    (void)state;
    struct hf_audit_statistics statistics;
    uint64_t lost = 7;
    assert_int_equal(hf_audit_flush(NULL, 0), HF_INVALID);
    assert_int_equal(hf_audit_statistics(NULL, &statistics), HF_INVALID);
    assert_int_equal(hf_audit_set_full_policy(NULL, HF_AUDIT_DROP), HF_INVALID);
    world_open();
    assert_int_equal(
        hf_audit_set_full_policy(world.audit, (enum hf_audit_full_policy) - 1), HF_INVALID);
    assert_int_equal(hf_audit_statistics(world.audit, NULL), HF_INVALID);
    assert_int_equal(hf_audit_close(NULL, 0, &lost), HF_OK);
    assert_int_equal(lost, 0);
    assert_int_equal(hf_audit_close(NULL, 0, NULL), HF_OK);
}

/* From here on with a thread, in real time. */

static void open_with_thread(void)
{
    world.options.clock = (struct hf_clock){0};
    assert_int_equal(hf_audit_open(&world.audit, &world.options, NULL), HF_OK);
}

static enum hf_status close_with_thread(uint64_t timeout_ns, uint64_t *lost)
{
    enum hf_status status = hf_audit_close(world.audit, timeout_ns, lost);
    world.audit = NULL;
    return status;
}

static void what_was_emitted_is_on_disk_after_a_flush(void **state)
{
    (void)state;
    open_with_thread();
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 10; i++)
            world_emit(10);
        assert_int_equal(hf_audit_flush(world.audit, UINT64_MAX), HF_OK);
        assert_int_equal(hf_audit_owed(world.audit), 0);
        assert_int_equal(hf_sim_files_statistics(world.disk).unsynced_bytes, 0);
        world_account();
    }
    assert_int_equal(hf_audit_flush(world.audit, 0), HF_OK); /* Nothing is owed. */
    assert_int_equal(close_with_thread(0, NULL), HF_OK);
}

static void what_was_emitted_is_on_disk_after_closing(void **state)
{
    (void)state;
    for (unsigned run = 0; run < 20; run++) {
        open_with_thread();
        for (unsigned i = 0; i < 10 * run; i++)
            world_emit(10);
        uint64_t lost = 1;
        assert_int_equal(close_with_thread(UINT64_MAX, &lost), HF_OK);
        assert_int_equal(lost, 0);
        assert_int_equal(world_account().runs, run + 1);
        assert_int_equal(hf_sim_files_statistics(world.disk).handles, 0);
    }
}

static void a_flush_waits_for_its_time_only(void **state)
{
    (void)state;
    open_with_thread();
    struct hf_reservation reservation;
    assert_true(hf_lanes_reserve(&world.audit->lanes, 1, &reservation));
    *reservation.record->body = '\n';
    assert_int_equal(hf_audit_flush(world.audit, 0), HF_TIMEOUT);
    assert_int_equal(hf_audit_flush(world.audit, HF_MS(3)), HF_TIMEOUT);
    assert_true(hf_lanes_commit(&reservation, WORLD_START_NS));
    assert_int_equal(hf_audit_flush(world.audit, UINT64_MAX), HF_OK);
    assert_int_equal(close_with_thread(UINT64_MAX, NULL), HF_OK);
}

static void a_disk_that_refuses_shows_in_flush_and_close(void **state)
{
    (void)state;
    open_with_thread();
    assert_int_equal(hf_audit_flush(world.audit, UINT64_MAX), HF_OK);
    world_fail(HF_SIM_APPEND, 0, 0, ENOSPC);
    for (unsigned i = 0; i < 5; i++)
        world_emit(10);
    assert_int_equal(hf_audit_flush(world.audit, UINT64_MAX), HF_IO);
    assert_int_equal(world_statistics().io_errno, ENOSPC);
    uint64_t lost = 0;
    assert_int_equal(close_with_thread(HF_MS(20), &lost), HF_LOST);
    assert_int_equal(lost, 5);
}

static void a_disk_that_does_not_sync_shows_in_flush_and_close(void **state)
{
    (void)state;
    open_with_thread();
    assert_int_equal(hf_audit_flush(world.audit, UINT64_MAX), HF_OK);
    world_fail(HF_SIM_SYNC, 0, 0, EIO);
    world_emit(10);
    assert_int_equal(hf_audit_flush(world.audit, UINT64_MAX), HF_IO);
    uint64_t lost = 0;
    assert_int_equal(close_with_thread(HF_MS(20), &lost), HF_LOST);
    assert_int_equal(lost, 1);
}

static void a_disk_that_recovers_before_the_deadline_loses_nothing(void **state)
{
    (void)state;
    open_with_thread();
    world_fail(HF_SIM_APPEND, 0, 5, ENOSPC);
    for (unsigned i = 0; i < 100; i++)
        world_emit(10);
    assert_int_equal(close_with_thread(UINT64_MAX, NULL), HF_OK);
    world_account();
}

static void a_log_whose_file_was_never_written_has_lost_no_records(void **state)
{
    (void)state;
    world_fail(HF_SIM_APPEND, 0, 0, ENOSPC);
    open_with_thread();
    uint64_t lost = 7;
    assert_int_equal(close_with_thread(0, &lost), HF_OK);
    assert_int_equal(lost, 0);
}

static void an_idle_writer_is_woken_by_a_record(void **state)
{
    (void)state;
    world.options.sync_interval_ns = HF_AUDIT_SYNC_NEVER;
    open_with_thread();
    for (unsigned round = 0; round < 2; round++) {
        while (hf_load_seq(&world.audit->waiting.sleep) != HF_SLEEP_DEEP)
            usleep(1000);
        world_emit(10);
        while (hf_audit_owed(world.audit) > 0)
            usleep(1000);
    }
    assert_int_equal(close_with_thread(UINT64_MAX, NULL), HF_OK);
    world_account();
}

struct blocked {
    uint64_t begun;
    enum hf_status emit_status;
    enum hf_status flush_status;
};

static void *emit_until_refused(void *context)
{
    struct blocked *blocked = context;
    char text[1000];
    memset(text, 'x', sizeof(text));
    struct hf_field field = hf_field_bytes("text", hf_bytes(text, sizeof(text)));
    do {
        blocked->emit_status = hf_audit_emit(world.audit, "test", &field, 1);
        if (blocked->emit_status == HF_OK)
            hf_add_seq(&blocked->begun, 1);
    } while (blocked->emit_status == HF_OK);
    return NULL;
}

/* The lanes are full for good: closing turns away who waits for room, and tells what is lost. */
static void those_who_wait_for_room_come_back_when_the_log_is_closed(void **state)
{
    (void)state;
    world.options.full_policy = HF_AUDIT_BLOCK;
    open_with_thread();
    assert_int_equal(hf_audit_flush(world.audit, UINT64_MAX), HF_OK);
    world_fail(HF_SIM_APPEND, 0, 0, ENOSPC);
    struct blocked blocked[3] = {{0}};
    pthread_t threads[3];
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, emit_until_refused, &blocked[i]), 0);
    while (hf_load_seq(&world.audit->waiting.waiters) < 3)
        usleep(1000);
    uint64_t lost;
    assert_int_equal(close_with_thread(HF_MS(5), &lost), HF_LOST);
    uint64_t begun = 0;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(blocked[i].emit_status, HF_CLOSED);
        begun += blocked[i].begun;
    }
    assert_int_equal(lost, begun);
}

static void those_who_wait_for_room_are_dropped_once_the_policy_says_so(void **state)
{
    (void)state;
    world.options.full_policy = HF_AUDIT_BLOCK;
    open_with_thread();
    world_fail(HF_SIM_APPEND, 0, 0, ENOSPC);
    struct blocked blocked[3] = {{0}};
    pthread_t threads[3];
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, emit_until_refused, &blocked[i]), 0);
    while (hf_load_seq(&world.audit->waiting.waiters) < 3)
        usleep(1000);
    assert_int_equal(hf_audit_set_full_policy(world.audit, HF_AUDIT_DROP), HF_OK);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(blocked[i].emit_status, HF_FULL);
        world.kept += blocked[i].begun;
        world.dropped++;
    }
    assert_int_equal(world_emit(1000), HF_FULL);
    world_heal();
    assert_int_equal(close_with_thread(UINT64_MAX, NULL), HF_OK);
    assert_int_equal(world_account().gaps, 1);
}

static void those_who_wait_for_room_go_on_when_there_is_some(void **state)
{
    (void)state;
    world.options.full_policy = HF_AUDIT_BLOCK;
    open_with_thread();
    world_fail(HF_SIM_APPEND, 0, 0, ENOSPC);
    struct blocked blocked = {0};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, emit_until_refused, &blocked), 0);
    while (hf_load_seq(&world.audit->waiting.waiters) < 1)
        usleep(1000);
    uint64_t before = hf_load_seq(&blocked.begun);
    world_heal();
    while (hf_load_seq(&blocked.begun) < before + 1000)
        usleep(1000);
    uint64_t lost;
    hf_store_seq(&world.audit->closing, 1); /* So that nobody emits while the log is closed. */
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(close_with_thread(UINT64_MAX, &lost), HF_OK);
    world.kept = blocked.begun;
    assert_int_equal(world_account().gaps, 0);
}

static void *flush_for_ever(void *context)
{
    struct blocked *blocked = context;
    blocked->flush_status = hf_audit_flush(world.audit, UINT64_MAX);
    return NULL;
}

/* A stopped producer holds the flush up, for less time than it takes to be overtaken. */
static void a_flush_comes_back_when_the_log_is_closed(void **state)
{
    (void)state;
    struct hf_manual_clock still;
    hf_manual_clock_init(&still, 0);
    world.options.clock = hf_manual_clock(&still);
    assert_int_equal(hf_audit_open(&world.audit, &world.options, NULL), HF_OK);
    struct hf_reservation reservation;
    assert_true(hf_lanes_reserve(&world.audit->lanes, 1, &reservation));
    struct blocked blocked = {0};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, flush_for_ever, &blocked), 0);
    while (hf_load_seq(&world.audit->waiting.waiters) < 1)
        usleep(1000);
    uint64_t lost;
    assert_int_equal(close_with_thread(0, &lost), HF_LOST);
    assert_int_equal(lost, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(blocked.flush_status, HF_CLOSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(options_out_of_range_are_refused_by_name_and_value),
        IN_A_WORLD(lanes_must_be_powers_of_two_in_range),
        IN_A_WORLD(a_directory_that_is_too_long_is_refused),
        IN_A_WORLD(files_without_a_function_are_refused),
        IN_A_WORLD(a_disk_that_refuses_at_the_start_is_an_error),
        IN_A_WORLD(every_allocation_may_fail),
        IN_A_WORLD(bad_records_are_refused),
        IN_A_WORLD(calls_without_a_log_are_refused),
        IN_A_WORLD(what_was_emitted_is_on_disk_after_a_flush),
        IN_A_WORLD(what_was_emitted_is_on_disk_after_closing),
        IN_A_WORLD(a_flush_waits_for_its_time_only),
        IN_A_WORLD(a_disk_that_refuses_shows_in_flush_and_close),
        IN_A_WORLD(a_disk_that_does_not_sync_shows_in_flush_and_close),
        IN_A_WORLD(a_disk_that_recovers_before_the_deadline_loses_nothing),
        IN_A_WORLD(a_log_whose_file_was_never_written_has_lost_no_records),
        IN_A_WORLD(an_idle_writer_is_woken_by_a_record),
        IN_A_WORLD(those_who_wait_for_room_come_back_when_the_log_is_closed),
        IN_A_WORLD(those_who_wait_for_room_are_dropped_once_the_policy_says_so),
        IN_A_WORLD(those_who_wait_for_room_go_on_when_there_is_some),
        IN_A_WORLD(a_flush_comes_back_when_the_log_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
