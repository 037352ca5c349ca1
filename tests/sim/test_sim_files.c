/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "scale.h"
#include "support/files.h"
#include "support/sim_disk.h"

static void appended_bytes_stay_and_count_when_opened_again(void **state)
{
    (void)state;
    intptr_t file = files_open("logs/a", 0);
    files_append(file, "one,");
    files_append(file, "");
    intptr_t second = files_open("logs/a", 4);
    files_append(second, "two,");
    files_append(file, "three");
    files_close(file);
    files_close(second);
    files_close(files_open("logs/a", 13));
    disk_assert_content("logs/a", "one,two,three");
}

/* By name, as the test looks at a disk, and by handle, as the program does. */
static void reading_goes_by_parts(void **state)
{
    (void)state;
    static const struct {
        uint64_t offset;
        const char *expected;
    } reads[] = {{0, "012"}, {4, "456"}, {8, "89"}, {10, ""}, {UINT64_MAX, ""}};
    files_make("a", "0123456789");
    intptr_t file = files_open("a", 10);
    for (size_t index = 0; index < sizeof(reads) / sizeof(reads[0]); index++) {
        char named[4] = {0};
        char handled[4] = {0};
        size_t got = 99;
        assert_int_equal(
            hf_sim_files_read(disk_under_test, "a", reads[index].offset, named, 3, &got), HF_OK);
        assert_int_equal(got, strlen(reads[index].expected));
        assert_int_equal(files_under_test->read(files_under_test->context, file,
                             reads[index].offset, handled, 3, &got),
            0);
        assert_int_equal(got, strlen(reads[index].expected));
        assert_string_equal(named, reads[index].expected);
        assert_string_equal(handled, reads[index].expected);
    }
    files_close(file);
}

static void truncating_cuts_and_never_lengthens(void **state)
{
    (void)state;
    intptr_t file = files_open("a", 0);
    files_append(file, "keep,torn");
    assert_int_equal(files_under_test->truncate(files_under_test->context, file, 5), 0);
    files_append(file, "next");
    assert_int_equal(files_under_test->truncate(files_under_test->context, file, 10), EINVAL);
    files_close(file);
    disk_assert_content("a", "keep,next");
}

static void renaming_moves_an_open_file_and_never_replaces(void **state)
{
    (void)state;
    intptr_t file = files_open("a", 0);
    files_append(file, "before,");
    assert_int_equal(files_under_test->rename(files_under_test->context, "a", "b"), 0);
    files_append(file, "after");
    files_close(file);
    disk_assert_absent("a");
    files_make("a", "new");
    assert_int_equal(files_under_test->rename(files_under_test->context, "a", "b"), EEXIST);
    assert_int_equal(files_under_test->rename(files_under_test->context, "c", "d"), ENOENT);
    disk_assert_content("a", "new");
    disk_assert_content("b", "before,after");
}

static void a_removed_file_lives_until_it_is_closed(void **state)
{
    (void)state;
    intptr_t file = files_open("a", 0);
    files_append(file, "12345");
    assert_int_equal(files_under_test->remove(files_under_test->context, "a"), 0);
    assert_int_equal(files_under_test->remove(files_under_test->context, "a"), ENOENT);
    files_append(file, "67");
    assert_int_equal(hf_sim_files_statistics(disk_under_test).bytes, 7);
    assert_int_equal(hf_sim_files_statistics(disk_under_test).files, 0);
    files_make("a", "new");
    files_close(file);
    assert_int_equal(hf_sim_files_statistics(disk_under_test).bytes, 3);
    disk_assert_content("a", "new");
}

struct names {
    char text[64];
    bool remove;
    size_t left;
};

static bool note_name(void *context, const char *name)
{
    struct names *names = context;
    size_t length = strlen(names->text);
    snprintf(names->text + length, sizeof(names->text) - length, "%s ", name);
    if (names->remove)
        assert_int_equal(files_under_test->remove(files_under_test->context, name), 0);
    return --names->left > 0;
}

static void assert_list(const char *directory, const char *expected)
{
    struct names names = {.left = 100};
    assert_int_equal(
        files_under_test->list(files_under_test->context, directory, note_name, &names), 0);
    assert_string_equal(names.text, expected);
}

static void listing_names_what_is_in_the_directory_in_order(void **state)
{
    (void)state;
    const char *const paths[] = {"logs/b", "logs/a", "logs/sub/c", "other/d", "e", "/f", "/logs/g"};
    for (size_t index = 0; index < sizeof(paths) / sizeof(paths[0]); index++)
        files_make(paths[index], "x");
    assert_list("logs", "a b ");
    assert_list("logs/", "a b ");
    assert_list("logs//", "a b ");
    assert_list("logs/sub", "c ");
    assert_list(".", "e ");
    assert_list("/", "f ");
    assert_list("/logs", "g ");
    assert_list("log", "");
    assert_list("nowhere", "");
    assert_int_equal(
        files_under_test->list(files_under_test->context, "", note_name, NULL), ENOENT);
}

static void a_visitor_may_stop_and_may_remove_what_it_sees(void **state)
{
    (void)state;
    files_make("a", "x");
    files_make("b", "x");
    files_make("c", "x");
    struct names two = {.left = 2};
    assert_int_equal(files_under_test->list(files_under_test->context, ".", note_name, &two), 0);
    assert_string_equal(two.text, "a b ");
    struct names all = {.left = 9, .remove = true};
    assert_int_equal(files_under_test->list(files_under_test->context, ".", note_name, &all), 0);
    assert_string_equal(all.text, "a b c ");
    assert_list(".", "");
}

static void paths_that_are_no_files_are_refused(void **state)
{
    (void)state;
    char path[HF_SIM_PATH_BYTES_MAX + 1];
    memset(path, 'p', sizeof(path));
    path[HF_SIM_PATH_BYTES_MAX] = '\0';
    assert_int_equal(files_refusal(path), ENAMETOOLONG);
    assert_int_equal(files_refusal(""), ENOENT);
    assert_int_equal(files_refusal("logs/"), EISDIR);
    files_make("a", "x");
    assert_int_equal(files_under_test->rename(files_under_test->context, "a", path), ENAMETOOLONG);
    path[HF_SIM_PATH_BYTES_MAX - 1] = '\0';
    assert_int_equal(files_under_test->rename(files_under_test->context, "a", path), 0);
    disk_assert_content(path, "x");
}

static void files_and_handles_have_a_maximum(void **state)
{
    (void)state;
    char path[16];
    intptr_t handles[HF_SIM_HANDLES_MAX];
    for (int index = 0; index < HF_SIM_HANDLES_MAX; index++)
        handles[index] = files_open("a", 0);
    assert_int_equal(files_refusal("a"), EMFILE);
    assert_int_equal(hf_sim_files_statistics(disk_under_test).handles, HF_SIM_HANDLES_MAX);
    for (int index = 0; index < HF_SIM_HANDLES_MAX; index++)
        files_close(handles[index]);
    for (int index = 1; index < HF_SIM_FILES_MAX; index++) {
        snprintf(path, sizeof(path), "%d", index);
        files_make(path, "x");
    }
    assert_int_equal(files_refusal("one more"), ENOSPC);
    for (int index = 1; index < HF_SIM_FILES_MAX; index++) {
        snprintf(path, sizeof(path), "%d", index);
        assert_int_equal(files_under_test->remove(files_under_test->context, path), 0);
    }
    files_make("one more", "x");
}

static void a_full_disk_takes_what_fits_and_goes_on_when_there_is_room(void **state)
{
    (void)state;
    files_make("a", "1234");
    hf_sim_files_limit(disk_under_test, 10);
    intptr_t file = files_open("b", 0);
    size_t written = 99;
    files_append(file, "567");
    assert_int_equal(
        files_under_test->append(files_under_test->context, file, "89abc", 5, &written), ENOSPC);
    assert_int_equal(written, 3);
    assert_int_equal(
        files_under_test->append(files_under_test->context, file, "x", 1, &written), ENOSPC);
    assert_int_equal(written, 0);
    assert_int_equal(files_under_test->truncate(files_under_test->context, file, 3), 0);
    files_append(file, "XYZ");
    assert_int_equal(files_under_test->remove(files_under_test->context, "a"), 0);
    files_append(file, "more");
    hf_sim_files_limit(disk_under_test, 1);
    assert_int_equal(
        files_under_test->append(files_under_test->context, file, "x", 1, &written), ENOSPC);
    hf_sim_files_limit(disk_under_test, 0);
    files_append(file, "!");
    files_close(file);
    disk_assert_content("b", "567XYZmore!");
}

static int call_once(enum hf_sim_file_call call, intptr_t file)
{
    intptr_t opened_file;
    uint64_t size_bytes;
    size_t written;
    char byte;
    struct names names = {.left = 100};
    switch (call) {
    case HF_SIM_OPEN:
        return files_under_test->open(files_under_test->context, "a", &opened_file, &size_bytes);
    case HF_SIM_APPEND:
        return files_under_test->append(files_under_test->context, file, "x", 1, &written);
    case HF_SIM_READ:
        return files_under_test->read(files_under_test->context, file, 0, &byte, 1, &written);
    case HF_SIM_SYNC:
        return files_under_test->sync(files_under_test->context, file);
    case HF_SIM_TRUNCATE:
        return files_under_test->truncate(files_under_test->context, file, 0);
    case HF_SIM_CLOSE:
        return files_under_test->close(files_under_test->context, file);
    case HF_SIM_RENAME:
        return files_under_test->rename(files_under_test->context, "a", "b");
    case HF_SIM_REMOVE:
        return files_under_test->remove(files_under_test->context, "a");
    case HF_SIM_LIST:
        return files_under_test->list(files_under_test->context, ".", note_name, &names);
    case HF_SIM_FILE_CALLS:
        break;
    }
    return -1;
}

static void any_call_can_be_made_to_fail(void **state)
{
    (void)state;
    for (int number = 0; number < HF_SIM_FILE_CALLS; number++) {
        enum hf_sim_file_call call = (enum hf_sim_file_call)number;
        intptr_t file = files_open("a", 0);
        assert_int_equal(
            hf_sim_files_fail(disk_under_test, call, &(struct hf_sim_file_fault){.error = EACCES}),
            HF_OK);
        assert_int_equal(call_once(call, file), EACCES);
        assert_int_equal(hf_sim_files_statistics(disk_under_test).failed[call], 1);
        assert_int_equal(hf_sim_files_fail(disk_under_test, call, NULL), HF_OK);
        int code = call_once(call, file);
        assert_int_equal(code, call == HF_SIM_CLOSE ? EBADF : 0);
        hf_sim_files_free(disk_under_test);
        assert_int_equal(disk_make(NULL), 0);
    }
}

static void faults_begin_and_end_where_told(void **state)
{
    (void)state;
    intptr_t file = files_open("a", 0);
    const struct hf_sim_file_fault fault = {.skip = 2, .count = 3};
    assert_int_equal(hf_sim_files_fail(disk_under_test, HF_SIM_SYNC, &fault), HF_OK);
    const int expected[] = {0, 0, EIO, EIO, EIO, 0, 0};
    for (size_t index = 0; index < sizeof(expected) / sizeof(expected[0]); index++)
        assert_int_equal(files_under_test->sync(files_under_test->context, file), expected[index]);
    assert_int_equal(hf_sim_files_statistics(disk_under_test).calls[HF_SIM_SYNC], 7);
    assert_int_equal(hf_sim_files_statistics(disk_under_test).failed[HF_SIM_SYNC], 3);
    files_close(file);
}

static void a_torn_append_leaves_its_first_part(void **state)
{
    (void)state;
    intptr_t file = files_open("a", 0);
    size_t written = 99;
    const struct hf_sim_file_fault fault = {.count = 2, .torn_bytes = 3};
    assert_int_equal(hf_sim_files_fail(disk_under_test, HF_SIM_APPEND, &fault), HF_OK);
    assert_int_equal(
        files_under_test->append(files_under_test->context, file, "12345", 5, &written), EIO);
    assert_int_equal(written, 3);
    assert_int_equal(
        files_under_test->append(files_under_test->context, file, "ab", 2, &written), EIO);
    assert_int_equal(written, 2);
    files_append(file, "!");
    files_close(file);
    disk_assert_content("a", "123ab!");
}

static void a_failed_close_closes(void **state)
{
    (void)state;
    intptr_t file = files_open("a", 0);
    assert_int_equal(
        hf_sim_files_fail(disk_under_test, HF_SIM_CLOSE, &(struct hf_sim_file_fault){0}), HF_OK);
    assert_int_equal(files_under_test->close(files_under_test->context, file), EIO);
    assert_int_equal(files_under_test->close(files_under_test->context, file), EBADF);
    assert_int_equal(hf_sim_files_statistics(disk_under_test).handles, 0);
}

static void stale_and_made_up_handles_are_bad(void **state)
{
    (void)state;
    intptr_t file = files_open("a", 0);
    files_close(file);
    intptr_t next = files_open("a", 0);
    assert_true(next != file);
    const intptr_t bad[] = {
        file, 0, -1, next + 1, next + HF_SIM_HANDLES_MAX, INTPTR_MAX, INTPTR_MIN};
    for (size_t index = 0; index < sizeof(bad) / sizeof(bad[0]); index++)
        for (int call = HF_SIM_APPEND; call <= HF_SIM_CLOSE; call++)
            assert_int_equal(call_once((enum hf_sim_file_call)call, bad[index]), EBADF);
    files_close(next);
}

static void *append_often(void *context)
{
    size_t written;
    for (size_t count = 0; count < test_scaled(20000); count++)
        (void)files_under_test->append(
            files_under_test->context, *(intptr_t *)context, "x", 1, &written);
    return NULL;
}

static void a_test_may_meddle_while_a_thread_writes(void **state)
{
    (void)state;
    static intptr_t file;
    file = files_open("a", 0);
    hf_sim_files_limit(disk_under_test, 1);
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, append_often, &file), 0);
    for (uint64_t limit = 1; limit < 100; limit++) {
        hf_sim_files_limit(disk_under_test, limit);
        const struct hf_sim_file_fault fault = {.count = 1};
        assert_int_equal(hf_sim_files_fail(disk_under_test, HF_SIM_APPEND, &fault), HF_OK);
        assert_true(hf_sim_files_statistics(disk_under_test).bytes <= limit);
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
    files_close(file);
}

static void missing_arguments_are_answered(void **state)
{
    (void)state;
    intptr_t file;
    uint64_t size_bytes;
    size_t written;
    struct hf_error error = {0};
    assert_int_equal(hf_sim_files_new(NULL, NULL, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "disk: NULL");
    struct hf_allocator half = *hf_allocator_libc();
    half.allocate = NULL;
    struct hf_sim_files *none = disk_under_test;
    assert_int_equal(
        hf_sim_files_new(&none, &(struct hf_sim_files_options){.allocator = &half}, &error),
        HF_INVALID);
    assert_string_equal(hf_error_text(&error), "allocator.allocate: NULL");
    assert_null(none);
    assert_int_equal(files_under_test->open(disk_under_test, NULL, &file, &size_bytes), EINVAL);
    assert_int_equal(files_under_test->open(disk_under_test, "a", NULL, &size_bytes), EINVAL);
    assert_int_equal(files_under_test->open(disk_under_test, "a", &file, NULL), EINVAL);
    assert_int_equal(files_under_test->append(disk_under_test, 1, NULL, 1, &written), EINVAL);
    assert_int_equal(files_under_test->append(disk_under_test, 1, "x", 1, NULL), EINVAL);
    assert_int_equal(files_under_test->read(disk_under_test, 1, 0, NULL, 1, &written), EINVAL);
    assert_int_equal(files_under_test->read(disk_under_test, 1, 0, &file, 1, NULL), EINVAL);
    assert_int_equal(files_under_test->rename(disk_under_test, NULL, "a"), EINVAL);
    assert_int_equal(files_under_test->rename(disk_under_test, "a", NULL), EINVAL);
    assert_int_equal(files_under_test->remove(disk_under_test, NULL), EINVAL);
    assert_int_equal(files_under_test->list(disk_under_test, NULL, note_name, NULL), EINVAL);
    assert_int_equal(files_under_test->list(disk_under_test, ".", NULL, NULL), EINVAL);
    struct hf_sim_files *disk = disk_under_test;
    disk_put_under_test(NULL);
    for (int call = 0; call < HF_SIM_FILE_CALLS; call++)
        assert_int_equal(call_once((enum hf_sim_file_call)call, 1), EINVAL);
    disk_put_under_test(disk);
    assert_int_equal(hf_sim_files_fail(NULL, HF_SIM_OPEN, NULL), HF_INVALID);
    assert_int_equal(hf_sim_files_fail(disk_under_test, HF_SIM_FILE_CALLS, NULL), HF_INVALID);
    assert_int_equal(hf_sim_files_read(NULL, "a", 0, NULL, 0, &written), HF_INVALID);
    assert_int_equal(hf_sim_files_read(disk_under_test, NULL, 0, NULL, 0, &written), HF_INVALID);
    assert_int_equal(hf_sim_files_read(disk_under_test, "a", 0, NULL, 1, &written), HF_INVALID);
    assert_int_equal(hf_sim_files_read(disk_under_test, "a", 0, NULL, 0, NULL), HF_INVALID);
    assert_int_equal(hf_sim_files_statistics(NULL).files, 0);
    hf_sim_files_limit(NULL, 1);
    hf_sim_files_crash(NULL, HF_SIM_CRASH_LOSE);
    hf_sim_files_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_A_DISK(appended_bytes_stay_and_count_when_opened_again),
        ON_A_DISK(reading_goes_by_parts),
        ON_A_DISK(truncating_cuts_and_never_lengthens),
        ON_A_DISK(renaming_moves_an_open_file_and_never_replaces),
        ON_A_DISK(a_removed_file_lives_until_it_is_closed),
        ON_A_DISK(listing_names_what_is_in_the_directory_in_order),
        ON_A_DISK(a_visitor_may_stop_and_may_remove_what_it_sees),
        ON_A_DISK(paths_that_are_no_files_are_refused),
        ON_A_DISK(files_and_handles_have_a_maximum),
        ON_A_DISK(a_full_disk_takes_what_fits_and_goes_on_when_there_is_room),
        ON_A_DISK(any_call_can_be_made_to_fail),
        ON_A_DISK(faults_begin_and_end_where_told),
        ON_A_DISK(a_torn_append_leaves_its_first_part),
        ON_A_DISK(a_failed_close_closes),
        ON_A_DISK(stale_and_made_up_handles_are_bad),
        ON_A_DISK(a_test_may_meddle_while_a_thread_writes),
        ON_A_DISK(missing_arguments_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
