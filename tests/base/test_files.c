/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/directory.h"
#include "support/files.h"

static void appended_bytes_stay_and_count_when_opened_again(void **state)
{
    (void)state;
    intptr_t file = files_open(directory_paths[0], 0);
    files_append(file, "one,");
    files_append(file, "");
    files_append(file, "two,");
    files_sync(file);
    files_close(file);
    file = files_open(directory_paths[0], 8);
    files_append(file, "three");
    files_close(file);
    directory_assert_content(directory_paths[0], "one,two,three");
}

static void new_files_are_private_and_not_inherited(void **state)
{
    (void)state;
    intptr_t file = files_open(directory_paths[0], 0);
    struct stat about;
    assert_int_equal(fstat((int)file, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
    assert_true(fcntl((int)file, F_GETFD) & FD_CLOEXEC);
    files_close(file);
}

static void links_are_not_followed(void **state)
{
    (void)state;
    files_make(directory_paths[0], "target");
    assert_int_equal(symlink(directory_paths[0], directory_paths[1]), 0);
    assert_int_equal(symlink(directory_paths[3], directory_paths[2]), 0);
    assert_int_equal(files_refusal(directory_paths[1]), ELOOP);
    assert_int_equal(files_refusal(directory_paths[2]), ELOOP);
    directory_assert_content(directory_paths[0], "target");
    assert_int_equal(access(directory_paths[3], F_OK), -1);
}

static void only_regular_files_open_and_none_is_waited_for(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(directory_paths[0], 0600), 0);
    assert_int_equal(files_refusal(directory_paths[0]), ENXIO);
    int reader = open(directory_paths[0], O_RDONLY | O_NONBLOCK);
    assert_true(reader >= 0);
    assert_int_equal(files_refusal(directory_paths[0]), ENXIO);
    close(reader);
    assert_int_equal(files_refusal("/dev/null"), ENXIO);
    assert_int_equal(files_refusal(directory_path), EISDIR);
}

static void what_is_not_there_is_reported(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof(path), "%s/missing/file", directory_path);
    assert_int_equal(files_refusal(path), ENOENT);
    files_make(directory_paths[0], "x");
    snprintf(path, sizeof(path), "%s/file", directory_paths[0]);
    assert_int_equal(files_refusal(path), ENOTDIR);
    assert_int_equal(files_refusal(""), ENOENT);
    assert_int_equal(
        files_under_test->remove(files_under_test->context, directory_paths[3]), ENOENT);
    assert_int_equal(
        files_under_test->rename(files_under_test->context, directory_paths[3], directory_paths[2]),
        ENOENT);
}

static void a_relative_path_works_from_the_current_directory(void **state)
{
    (void)state;
    char before[4096];
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(directory_path), 0);
    files_close(files_open("a", 0));
    assert_int_equal(chdir(before), 0);
    assert_int_equal(access(directory_paths[0], F_OK), 0);
}

static void a_long_path_is_refused(void **state)
{
    (void)state;
    char path[6000];
    memset(path, '/', sizeof(path));
    memcpy(path + sizeof(path) - 2, "a", 2);
    assert_int_equal(files_refusal(path), ENAMETOOLONG);
}

/* A limit on file sizes is a full disk that needs no disk: the kernel writes what fits, then
 * refuses. */
static void a_full_disk_tells_how_much_got_there(void **state)
{
    (void)state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    intptr_t file = files_open(directory_paths[0], 0);
    files_append(file, "12345");
    struct rlimit limit = {.rlim_cur = 8, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    size_t written = 99;
    int code = files_under_test->append(files_under_test->context, file, "67890", 5, &written);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(code, EFBIG);
    assert_int_equal(written, 3);
    assert_int_equal(files_under_test->truncate(files_under_test->context, file, 5), 0);
    files_append(file, "!");
    files_close(file);
    directory_assert_content(directory_paths[0], "12345!");
    assert_true(signal(SIGXFSZ, SIG_DFL) != SIG_ERR);
}

static void truncating_cuts_and_appending_goes_on_at_the_new_end(void **state)
{
    (void)state;
    intptr_t file = files_open(directory_paths[0], 0);
    files_append(file, "keep,torn");
    assert_int_equal(files_under_test->truncate(files_under_test->context, file, 5), 0);
    files_append(file, "next");
    assert_int_equal(
        files_under_test->truncate(files_under_test->context, file, UINT64_MAX), EFBIG);
    files_close(file);
    directory_assert_content(directory_paths[0], "keep,next");
}

static void assert_read(intptr_t file, uint64_t offset, size_t size_bytes, const char *expected)
{
    char data[16] = {0};
    size_t got = 99;
    assert_int_equal(
        files_under_test->read(files_under_test->context, file, offset, data, size_bytes, &got), 0);
    assert_int_equal(got, strlen(expected));
    assert_string_equal(data, expected);
}

static void reading_starts_anywhere_and_does_not_move_the_end(void **state)
{
    (void)state;
    intptr_t file = files_open(directory_paths[0], 0);
    files_append(file, "0123456789");
    assert_read(file, 0, 3, "012");
    assert_read(file, 7, 9, "789");
    assert_read(file, 10, 9, "");
    assert_read(file, 4, 0, "");
    assert_read(file, INT64_MAX - 9, 9, "");
    files_append(file, "!");
    assert_read(file, 9, 9, "9!");
    files_close(file);
}

static void reading_beyond_what_offsets_can_name_is_refused(void **state)
{
    (void)state;
    intptr_t file = files_open(directory_paths[0], 0);
    char data[4];
    size_t got = 99;
    assert_int_equal(files_under_test->read(NULL, file, UINT64_MAX, data, 1, &got), EINVAL);
    assert_int_equal(got, 0);
    assert_int_equal(files_under_test->read(NULL, file, INT64_MAX, data, 1, &got), EINVAL);
    assert_int_equal(files_under_test->read(NULL, file, 0, data, SIZE_MAX, &got), EINVAL);
    assert_int_equal(files_under_test->read(NULL, file, 0, NULL, 1, &got), EINVAL);
    assert_int_equal(files_under_test->read(NULL, file, 0, data, 1, NULL), EINVAL);
    files_close(file);
    assert_int_equal(files_under_test->read(NULL, -1, 0, data, 1, &got), EBADF);
}

static void renaming_moves_an_open_file(void **state)
{
    (void)state;
    intptr_t file = files_open(directory_paths[0], 0);
    files_append(file, "before,");
    assert_int_equal(
        files_under_test->rename(files_under_test->context, directory_paths[0], directory_paths[1]),
        0);
    files_append(file, "after");
    files_close(file);
    directory_assert_content(directory_paths[1], "before,after");
    assert_int_equal(access(directory_paths[0], F_OK), -1);
}

static void removing_removes(void **state)
{
    (void)state;
    files_make(directory_paths[0], "x");
    assert_int_equal(files_under_test->remove(files_under_test->context, directory_paths[0]), 0);
    assert_int_equal(access(directory_paths[0], F_OK), -1);
}

struct names {
    size_t count;
    size_t wanted;
    unsigned seen; /* Bit n: the name of directory_paths[n]. */
};

static bool note_name(void *context, const char *name)
{
    struct names *names = context;
    names->count++;
    assert_int_equal(strlen(name), 1);
    names->seen |= 1u << (name[0] - 'a');
    return names->count < names->wanted;
}

static void listing_names_each_file_once_until_told_to_stop(void **state)
{
    (void)state;
    for (int index = 0; index < 3; index++)
        files_make(directory_paths[index], "x");
    struct names all = {.wanted = 100};
    assert_int_equal(
        files_under_test->list(files_under_test->context, directory_path, note_name, &all), 0);
    assert_int_equal(all.count, 3);
    assert_int_equal(all.seen, 7);
    struct names two = {.wanted = 2};
    assert_int_equal(
        files_under_test->list(files_under_test->context, directory_path, note_name, &two), 0);
    assert_int_equal(two.count, 2);
    assert_int_equal(
        files_under_test->list(files_under_test->context, directory_paths[3], note_name, &all),
        ENOENT);
    assert_int_equal(
        files_under_test->list(files_under_test->context, directory_paths[0], note_name, &all),
        ENOTDIR);
}

static void a_bad_handle_is_an_error(void **state)
{
    (void)state;
    size_t written = 99;
    assert_int_equal(
        files_under_test->append(files_under_test->context, -1, "x", 1, &written), EBADF);
    assert_int_equal(written, 0);
    assert_int_equal(files_under_test->sync(files_under_test->context, -1), EBADF);
    assert_int_equal(files_under_test->truncate(files_under_test->context, -1, 0), EBADF);
    assert_int_equal(files_under_test->close(files_under_test->context, -1), EBADF);
}

static void missing_arguments_are_refused(void **state)
{
    (void)state;
    intptr_t file;
    uint64_t size_bytes;
    size_t written;
    assert_int_equal(files_under_test->open(NULL, NULL, &file, &size_bytes), EINVAL);
    assert_int_equal(files_under_test->open(NULL, directory_paths[0], NULL, &size_bytes), EINVAL);
    assert_int_equal(files_under_test->open(NULL, directory_paths[0], &file, NULL), EINVAL);
    assert_int_equal(files_under_test->append(NULL, 1, "x", 1, NULL), EINVAL);
    assert_int_equal(files_under_test->append(NULL, 1, NULL, 1, &written), EINVAL);
    assert_int_equal(files_under_test->rename(NULL, NULL, "x"), EINVAL);
    assert_int_equal(files_under_test->rename(NULL, "x", NULL), EINVAL);
    assert_int_equal(files_under_test->remove(NULL, NULL), EINVAL);
    assert_int_equal(files_under_test->list(NULL, NULL, note_name, NULL), EINVAL);
    assert_int_equal(files_under_test->list(NULL, directory_path, NULL, NULL), EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_DIRECTORY(appended_bytes_stay_and_count_when_opened_again),
        IN_A_DIRECTORY(new_files_are_private_and_not_inherited),
        IN_A_DIRECTORY(links_are_not_followed),
        IN_A_DIRECTORY(only_regular_files_open_and_none_is_waited_for),
        IN_A_DIRECTORY(what_is_not_there_is_reported),
        IN_A_DIRECTORY(a_relative_path_works_from_the_current_directory),
        IN_A_DIRECTORY(a_long_path_is_refused),
        IN_A_DIRECTORY(a_full_disk_tells_how_much_got_there),
        IN_A_DIRECTORY(truncating_cuts_and_appending_goes_on_at_the_new_end),
        IN_A_DIRECTORY(reading_starts_anywhere_and_does_not_move_the_end),
        IN_A_DIRECTORY(reading_beyond_what_offsets_can_name_is_refused),
        IN_A_DIRECTORY(renaming_moves_an_open_file),
        IN_A_DIRECTORY(removing_removes),
        IN_A_DIRECTORY(listing_names_each_file_once_until_told_to_stop),
        IN_A_DIRECTORY(a_bad_handle_is_an_error),
        IN_A_DIRECTORY(missing_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
