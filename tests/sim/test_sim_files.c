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
#include "support/sim_disk.h"

static int refusal(const char *path)
{
    intptr_t file = 77;
    uint64_t size_bytes = 88;
    int code = disk_files.open(disk_files.context, path, &file, &size_bytes);
    assert_int_equal(file, 77);
    assert_int_equal(size_bytes, 88);
    return code;
}

static void appended_bytes_stay_and_count_when_opened_again(void **state)
{
    (void)state;
    intptr_t file = disk_open("logs/a", 0);
    disk_append(file, "one,");
    disk_append(file, "");
    intptr_t second = disk_open("logs/a", 4);
    disk_append(second, "two,");
    disk_append(file, "three");
    disk_close(file);
    disk_close(second);
    disk_close(disk_open("logs/a", 13));
    disk_assert_content("logs/a", "one,two,three");
}

static void reading_goes_by_parts(void **state)
{
    (void)state;
    disk_make_file("a", "0123456789");
    char part[4] = {0};
    size_t got = 0;
    assert_int_equal(hf_sim_files_read(disk_under_test, "a", 4, part, 3, &got), HF_OK);
    assert_int_equal(got, 3);
    assert_string_equal(part, "456");
    assert_int_equal(hf_sim_files_read(disk_under_test, "a", 8, part, 3, &got), HF_OK);
    assert_int_equal(got, 2);
    assert_int_equal(hf_sim_files_read(disk_under_test, "a", 10, part, 3, &got), HF_OK);
    assert_int_equal(got, 0);
    assert_int_equal(hf_sim_files_read(disk_under_test, "a", UINT64_MAX, part, 3, &got), HF_OK);
    assert_int_equal(got, 0);
}

static void truncating_cuts_and_never_lengthens(void **state)
{
    (void)state;
    intptr_t file = disk_open("a", 0);
    disk_append(file, "keep,torn");
    assert_int_equal(disk_files.truncate(disk_files.context, file, 5), 0);
    disk_append(file, "next");
    assert_int_equal(disk_files.truncate(disk_files.context, file, 10), EINVAL);
    disk_close(file);
    disk_assert_content("a", "keep,next");
}

static void renaming_moves_an_open_file_and_never_replaces(void **state)
{
    (void)state;
    intptr_t file = disk_open("a", 0);
    disk_append(file, "before,");
    assert_int_equal(disk_files.rename(disk_files.context, "a", "b"), 0);
    disk_append(file, "after");
    disk_close(file);
    disk_assert_absent("a");
    disk_make_file("a", "new");
    assert_int_equal(disk_files.rename(disk_files.context, "a", "b"), EEXIST);
    assert_int_equal(disk_files.rename(disk_files.context, "c", "d"), ENOENT);
    disk_assert_content("a", "new");
    disk_assert_content("b", "before,after");
}

static void a_removed_file_lives_until_it_is_closed(void **state)
{
    (void)state;
    intptr_t file = disk_open("a", 0);
    disk_append(file, "12345");
    assert_int_equal(disk_files.remove(disk_files.context, "a"), 0);
    assert_int_equal(disk_files.remove(disk_files.context, "a"), ENOENT);
    disk_append(file, "67");
    assert_int_equal(hf_sim_files_statistics(disk_under_test).bytes, 7);
    assert_int_equal(hf_sim_files_statistics(disk_under_test).files, 0);
    disk_make_file("a", "new");
    disk_close(file);
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
        assert_int_equal(disk_files.remove(disk_files.context, name), 0);
    return --names->left > 0;
}

static void assert_list(const char *directory, const char *expected)
{
    struct names names = {.left = 100};
    assert_int_equal(disk_files.list(disk_files.context, directory, note_name, &names), 0);
    assert_string_equal(names.text, expected);
}

static void listing_names_what_is_in_the_directory_in_order(void **state)
{
    (void)state;
    const char *const paths[] = {"logs/b", "logs/a", "logs/sub/c", "other/d", "e", "/f", "/logs/g"};
    for (size_t index = 0; index < sizeof(paths) / sizeof(paths[0]); index++)
        disk_make_file(paths[index], "x");
    assert_list("logs", "a b ");
    assert_list("logs/", "a b ");
    assert_list("logs//", "a b ");
    assert_list("logs/sub", "c ");
    assert_list(".", "e ");
    assert_list("/", "f ");
    assert_list("/logs", "g ");
    assert_list("log", "");
    assert_list("nowhere", "");
    assert_int_equal(disk_files.list(disk_files.context, "", note_name, NULL), ENOENT);
}

static void a_visitor_may_stop_and_may_remove_what_it_sees(void **state)
{
    (void)state;
    disk_make_file("a", "x");
    disk_make_file("b", "x");
    disk_make_file("c", "x");
    struct names two = {.left = 2};
    assert_int_equal(disk_files.list(disk_files.context, ".", note_name, &two), 0);
    assert_string_equal(two.text, "a b ");
    struct names all = {.left = 9, .remove = true};
    assert_int_equal(disk_files.list(disk_files.context, ".", note_name, &all), 0);
    assert_string_equal(all.text, "a b c ");
    assert_list(".", "");
}

static void paths_that_are_no_files_are_refused(void **state)
{
    (void)state;
    char path[HF_SIM_PATH_BYTES_MAX + 1];
    memset(path, 'p', sizeof(path));
    path[HF_SIM_PATH_BYTES_MAX] = '\0';
    assert_int_equal(refusal(path), ENAMETOOLONG);
    assert_int_equal(refusal(""), ENOENT);
    assert_int_equal(refusal("logs/"), EISDIR);
    disk_make_file("a", "x");
    assert_int_equal(disk_files.rename(disk_files.context, "a", path), ENAMETOOLONG);
    path[HF_SIM_PATH_BYTES_MAX - 1] = '\0';
    assert_int_equal(disk_files.rename(disk_files.context, "a", path), 0);
    disk_assert_content(path, "x");
}

static void files_and_handles_have_a_maximum(void **state)
{
    (void)state;
    char path[16];
    intptr_t handles[HF_SIM_HANDLES_MAX];
    for (int index = 0; index < HF_SIM_HANDLES_MAX; index++)
        handles[index] = disk_open("a", 0);
    assert_int_equal(refusal("a"), EMFILE);
    assert_int_equal(hf_sim_files_statistics(disk_under_test).handles, HF_SIM_HANDLES_MAX);
    for (int index = 0; index < HF_SIM_HANDLES_MAX; index++)
        disk_close(handles[index]);
    for (int index = 1; index < HF_SIM_FILES_MAX; index++) {
        snprintf(path, sizeof(path), "%d", index);
        disk_make_file(path, "x");
    }
    assert_int_equal(refusal("one more"), ENOSPC);
    for (int index = 1; index < HF_SIM_FILES_MAX; index++) {
        snprintf(path, sizeof(path), "%d", index);
        assert_int_equal(disk_files.remove(disk_files.context, path), 0);
    }
    disk_make_file("one more", "x");
}

static void a_full_disk_takes_what_fits_and_goes_on_when_there_is_room(void **state)
{
    (void)state;
    disk_make_file("a", "1234");
    hf_sim_files_limit(disk_under_test, 10);
    intptr_t file = disk_open("b", 0);
    size_t written = 99;
    disk_append(file, "567");
    assert_int_equal(disk_files.append(disk_files.context, file, "89abc", 5, &written), ENOSPC);
    assert_int_equal(written, 3);
    assert_int_equal(disk_files.append(disk_files.context, file, "x", 1, &written), ENOSPC);
    assert_int_equal(written, 0);
    assert_int_equal(disk_files.truncate(disk_files.context, file, 3), 0);
    disk_append(file, "XYZ");
    assert_int_equal(disk_files.remove(disk_files.context, "a"), 0);
    disk_append(file, "more");
    hf_sim_files_limit(disk_under_test, 1);
    assert_int_equal(disk_files.append(disk_files.context, file, "x", 1, &written), ENOSPC);
    hf_sim_files_limit(disk_under_test, 0);
    disk_append(file, "!");
    disk_close(file);
    disk_assert_content("b", "567XYZmore!");
}

static int call_once(enum hf_sim_file_call call, intptr_t file)
{
    intptr_t opened_file;
    uint64_t size_bytes;
    size_t written;
    struct names names = {.left = 100};
    switch (call) {
    case HF_SIM_OPEN:
        return disk_files.open(disk_files.context, "a", &opened_file, &size_bytes);
    case HF_SIM_APPEND:
        return disk_files.append(disk_files.context, file, "x", 1, &written);
    case HF_SIM_SYNC:
        return disk_files.sync(disk_files.context, file);
    case HF_SIM_TRUNCATE:
        return disk_files.truncate(disk_files.context, file, 0);
    case HF_SIM_CLOSE:
        return disk_files.close(disk_files.context, file);
    case HF_SIM_RENAME:
        return disk_files.rename(disk_files.context, "a", "b");
    case HF_SIM_REMOVE:
        return disk_files.remove(disk_files.context, "a");
    case HF_SIM_LIST:
        return disk_files.list(disk_files.context, ".", note_name, &names);
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
        intptr_t file = disk_open("a", 0);
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
    intptr_t file = disk_open("a", 0);
    const struct hf_sim_file_fault fault = {.skip = 2, .count = 3};
    assert_int_equal(hf_sim_files_fail(disk_under_test, HF_SIM_SYNC, &fault), HF_OK);
    const int expected[] = {0, 0, EIO, EIO, EIO, 0, 0};
    for (size_t index = 0; index < sizeof(expected) / sizeof(expected[0]); index++)
        assert_int_equal(disk_files.sync(disk_files.context, file), expected[index]);
    assert_int_equal(hf_sim_files_statistics(disk_under_test).calls[HF_SIM_SYNC], 7);
    assert_int_equal(hf_sim_files_statistics(disk_under_test).failed[HF_SIM_SYNC], 3);
    disk_close(file);
}

static void a_torn_append_leaves_its_first_part(void **state)
{
    (void)state;
    intptr_t file = disk_open("a", 0);
    size_t written = 99;
    const struct hf_sim_file_fault fault = {.count = 2, .torn_bytes = 3};
    assert_int_equal(hf_sim_files_fail(disk_under_test, HF_SIM_APPEND, &fault), HF_OK);
    assert_int_equal(disk_files.append(disk_files.context, file, "12345", 5, &written), EIO);
    assert_int_equal(written, 3);
    assert_int_equal(disk_files.append(disk_files.context, file, "ab", 2, &written), EIO);
    assert_int_equal(written, 2);
    disk_append(file, "!");
    disk_close(file);
    disk_assert_content("a", "123ab!");
}

static void a_failed_close_closes(void **state)
{
    (void)state;
    intptr_t file = disk_open("a", 0);
    assert_int_equal(
        hf_sim_files_fail(disk_under_test, HF_SIM_CLOSE, &(struct hf_sim_file_fault){0}), HF_OK);
    assert_int_equal(disk_files.close(disk_files.context, file), EIO);
    assert_int_equal(disk_files.close(disk_files.context, file), EBADF);
    assert_int_equal(hf_sim_files_statistics(disk_under_test).handles, 0);
}

static void stale_and_made_up_handles_are_bad(void **state)
{
    (void)state;
    intptr_t file = disk_open("a", 0);
    disk_close(file);
    intptr_t next = disk_open("a", 0);
    assert_true(next != file);
    const intptr_t bad[] = {
        file, 0, -1, next + 1, next + HF_SIM_HANDLES_MAX, INTPTR_MAX, INTPTR_MIN};
    for (size_t index = 0; index < sizeof(bad) / sizeof(bad[0]); index++)
        for (int call = HF_SIM_APPEND; call <= HF_SIM_CLOSE; call++)
            assert_int_equal(call_once((enum hf_sim_file_call)call, bad[index]), EBADF);
    disk_close(next);
}

static void *append_often(void *context)
{
    size_t written;
    for (size_t count = 0; count < test_scaled(20000); count++)
        (void)disk_files.append(disk_files.context, *(intptr_t *)context, "x", 1, &written);
    return NULL;
}

static void a_test_may_meddle_while_a_thread_writes(void **state)
{
    (void)state;
    static intptr_t file;
    file = disk_open("a", 0);
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
    disk_close(file);
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
    assert_int_equal(disk_files.open(disk_under_test, NULL, &file, &size_bytes), EINVAL);
    assert_int_equal(disk_files.open(disk_under_test, "a", NULL, &size_bytes), EINVAL);
    assert_int_equal(disk_files.open(disk_under_test, "a", &file, NULL), EINVAL);
    assert_int_equal(disk_files.append(disk_under_test, 1, NULL, 1, &written), EINVAL);
    assert_int_equal(disk_files.append(disk_under_test, 1, "x", 1, NULL), EINVAL);
    assert_int_equal(disk_files.rename(disk_under_test, NULL, "a"), EINVAL);
    assert_int_equal(disk_files.rename(disk_under_test, "a", NULL), EINVAL);
    assert_int_equal(disk_files.remove(disk_under_test, NULL), EINVAL);
    assert_int_equal(disk_files.list(disk_under_test, NULL, note_name, NULL), EINVAL);
    assert_int_equal(disk_files.list(disk_under_test, ".", NULL, NULL), EINVAL);
    disk_files = hf_sim_files(NULL);
    for (int call = 0; call < HF_SIM_FILE_CALLS; call++)
        assert_int_equal(call_once((enum hf_sim_file_call)call, 1), EINVAL);
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
