/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <holdfast/audit.h>

#include "scale.h"
#include "support/audit_reader.h"

/* The log as programs use it: the machine's files, clocks and threads. */

#define PRODUCERS 4

static char directory[64];

static int make_directory(void **state)
{
    (void)state;
    snprintf(directory, sizeof(directory), "/tmp/holdfast-audit-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    char path[512];
    DIR *opened = opendir(directory);
    if (!opened)
        return -1;
    for (const struct dirent *entry = readdir(opened); entry; entry = readdir(opened)) {
        snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
        if (entry->d_name[0] != '.')
            remove(path);
    }
    closedir(opened);
    return rmdir(directory);
}

#define IN_A_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

static void expect_refusal(const char *where, const char *form, const char *reason)
{
    char expected[256];
    snprintf(expected, sizeof(expected), form, reason, where);
    struct hf_audit *audit;
    struct hf_error error = {0};
    struct hf_audit_options options = {.directory = where};
    assert_int_equal(hf_audit_open(&audit, &options, &error), HF_IO);
    assert_null(audit);
    assert_string_equal(hf_error_text(&error), expected);
}

static void a_missing_directory_is_named(void **state)
{
    (void)state;
    char missing[128];
    snprintf(missing, sizeof(missing), "%s/missing", directory);
    expect_refusal(missing, "audit.directory: cannot list it: %s: %s", strerror(ENOENT));
}

static void a_file_for_a_directory_is_named(void **state)
{
    (void)state;
    expect_refusal("/dev/null", "audit.directory: cannot list it: %s: %s", strerror(ENOTDIR));
}

static void an_unwritable_directory_is_named(void **state)
{
    (void)state;
    uid_t user = geteuid();
    assert_int_equal(chmod(directory, 0555), 0);
    if (user == 0)
        assert_int_equal(seteuid(65534), 0); /* Nothing is unwritable for root. */
    expect_refusal(
        directory, "audit.directory: cannot open the log: %s: %s/audit.log", strerror(EACCES));
    assert_int_equal(seteuid(user), 0);
    assert_int_equal(chmod(directory, 0755), 0);
}

static void a_symbolic_link_for_the_live_file_is_refused(void **state)
{
    (void)state;
    char live[128];
    snprintf(live, sizeof(live), "%s/audit.log", directory);
    assert_int_equal(symlink("elsewhere", live), 0);
    expect_refusal(
        directory, "audit.directory: cannot open the log: %s: %s/audit.log", strerror(ELOOP));
}

static void a_log_needs_no_option_but_the_directory(void **state)
{
    (void)state;
    struct hf_audit *audit;
    for (unsigned run = 0; run < 3; run++) {
        assert_int_equal(
            hf_audit_open(&audit, &(struct hf_audit_options){.directory = directory}, NULL), HF_OK);
        struct hf_field fields[] = {
            hf_field_text("user", "somebody"),
            hf_field_unsigned("status", 429),
        };
        assert_int_equal(hf_audit_emit(audit, "login", fields, 2), HF_OK);
        assert_int_equal(hf_audit_flush(audit, UINT64_MAX), HF_OK);
        assert_int_equal(hf_audit_close(audit, UINT64_MAX, NULL), HF_OK);
    }
    struct audit_account account = {0};
    audit_read(&account, hf_files_system(), directory, "audit");
    assert_int_equal(account.runs, 3);
    assert_int_equal(account.records, 3);
    char live[128];
    struct stat about;
    snprintf(live, sizeof(live), "%s/audit.log", directory);
    assert_int_equal(stat(live, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
}

/* The machine lists names in an order of its own. */
static void the_oldest_files_go_in_whatever_order_they_are_listed(void **state)
{
    (void)state;
    char path[128];
    for (unsigned i = 1; i <= 200; i++) {
        unsigned number = i * 77 % 201; /* All of 1 to 200. */
        snprintf(path, sizeof(path), "%s/audit.2020-01-01T000000Z.%06u.log", directory, number);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fclose(file);
    }
    struct hf_audit *audit;
    struct hf_audit_options options = {.directory = directory, .files_max = 5};
    assert_int_equal(hf_audit_open(&audit, &options, NULL), HF_OK);
    assert_int_equal(hf_audit_close(audit, UINT64_MAX, NULL), HF_OK);
    const struct hf_files *files = hf_files_system();
    assert_int_equal(audit_count_names(files, directory, "audit.2020"), 5);
    assert_int_equal(audit_count_names(files, directory, "audit.2020-01-01T000000Z.00019"), 4);
    assert_int_equal(audit_count_names(files, directory, "audit.2020-01-01T000000Z.000200"), 1);
}

struct producer {
    struct hf_audit *audit;
    pthread_t thread;
    unsigned index;
    size_t count;
    uint64_t kept;
    uint64_t dropped;
};

static void *produce(void *context)
{
    struct producer *producer = context;
    for (size_t i = 0; i < producer->count; i++) {
        struct hf_field fields[] = {
            hf_field_unsigned("producer", producer->index),
            hf_field_unsigned("i", i),
            hf_field_text("text", "Kelp sways; the holdfast does not."),
        };
        enum hf_status status = hf_audit_emit(producer->audit, "test", fields, 3);
        producer->kept += status == HF_OK;
        producer->dropped += status == HF_FULL;
        if (status == HF_FULL)
            sched_yield(); /* The writer's turn: records and gaps alternate. */
    }
    return NULL;
}

/* The log must keep each producer's own order. */
static void check_order(void *context, const struct json_object *record)
{
    uint64_t *next = context;
    uint64_t producer = json_unsigned_member(record, "producer");
    uint64_t i = json_unsigned_member(record, "i");
    assert_in_range(producer, 0, PRODUCERS - 1);
    assert_true(i >= next[producer]);
    next[producer] = i + 1;
}

static void check_account(
    const struct hf_audit_statistics *statistics, uint64_t kept, uint64_t dropped)
{
    uint64_t next[PRODUCERS] = {0};
    struct audit_account account = {.visit = check_order, .context = next};
    audit_read(&account, hf_files_system(), directory, "audit");
    assert_int_equal(account.records, kept);
    assert_int_equal(account.named, dropped);
    assert_int_equal(account.next, 1 + kept + dropped);
    assert_int_equal(statistics->emitted, kept + dropped);
    assert_int_equal(statistics->written, kept);
    assert_int_equal(statistics->dropped, dropped);
    assert_int_equal(statistics->gaps, account.gaps);
    assert_int_equal(statistics->files_rolled + 1, account.files);
    assert_int_equal(statistics->io_errors, 0);
    print_message("# kept %llu, dropped %llu in %llu gaps, %llu files\n", (unsigned long long)kept,
        (unsigned long long)dropped, (unsigned long long)account.gaps,
        (unsigned long long)account.files);
}

static void run_producers(enum hf_audit_full_policy policy, size_t count)
{
    struct hf_audit_options options = {
        .directory = directory,
        .roll = HF_AUDIT_ROLL_BY_SIZE_ONLY,
        .file_bytes_max = 256 << 10,
        .files_max = HF_AUDIT_KEEP_ALL,
        .full_policy = policy,
        .lane_bytes = 4096,
        .sync_interval_ns = HF_MS(1),
    };
    struct hf_audit *audit;
    assert_int_equal(hf_audit_open(&audit, &options, NULL), HF_OK);
    struct producer producers[PRODUCERS];
    uint64_t kept = 0;
    uint64_t dropped = 0;
    for (unsigned i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct producer){.audit = audit, .index = i, .count = count};
        assert_int_equal(pthread_create(&producers[i].thread, NULL, produce, &producers[i]), 0);
    }
    for (unsigned i = 0; i < PRODUCERS; i++) {
        assert_int_equal(pthread_join(producers[i].thread, NULL), 0);
        kept += producers[i].kept;
        dropped += producers[i].dropped;
    }
    assert_int_equal(kept + dropped, PRODUCERS * count);
    struct hf_audit_statistics statistics;
    assert_int_equal(hf_audit_flush(audit, UINT64_MAX), HF_OK);
    assert_int_equal(hf_audit_statistics(audit, &statistics), HF_OK);
    assert_int_equal(hf_audit_close(audit, UINT64_MAX, NULL), HF_OK);
    check_account(&statistics, kept, dropped);
    if (policy == HF_AUDIT_BLOCK)
        assert_int_equal(dropped, 0);
    else
        assert_true(dropped > 0); /* The queue was full indeed. */
}

static void four_producers_and_a_full_queue_lose_track_of_nothing(void **state)
{
    (void)state;
    run_producers(HF_AUDIT_DROP, test_scaled(25000));
}

static void four_producers_that_wait_for_room_drop_nothing(void **state)
{
    (void)state;
    run_producers(HF_AUDIT_BLOCK, test_scaled(5000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_DIRECTORY(a_missing_directory_is_named),
        IN_A_DIRECTORY(a_file_for_a_directory_is_named),
        IN_A_DIRECTORY(an_unwritable_directory_is_named),
        IN_A_DIRECTORY(a_symbolic_link_for_the_live_file_is_refused),
        IN_A_DIRECTORY(a_log_needs_no_option_but_the_directory),
        IN_A_DIRECTORY(the_oldest_files_go_in_whatever_order_they_are_listed),
        IN_A_DIRECTORY(four_producers_and_a_full_queue_lose_track_of_nothing),
        IN_A_DIRECTORY(four_producers_that_wait_for_room_drop_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
