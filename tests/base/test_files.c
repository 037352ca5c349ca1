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
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include <holdfast/files.h>

/*
 * What no file system in a temporary directory does by itself. These stand before libc's and ask
 * the kernel, unless told to fail.
 */
static struct {
    int rename_error;
    int unlink_error;
    int fsync_error;
    int write_interruptions;
    size_t write_piece_bytes; /* 0: no limit. */
    bool write_stalls;
    int close_error;
} script;

int renameat2(
    int from_directory, const char *from, int to_directory, const char *to, unsigned flags)
{
    if (script.rename_error != 0) {
        errno = script.rename_error;
        return -1;
    }
    return (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, flags);
}

int unlink(const char *path)
{
    if (script.unlink_error != 0) {
        errno = script.unlink_error;
        script.unlink_error = 0;
        return -1;
    }
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int fsync(int fd)
{
    if (script.fsync_error != 0) {
        errno = script.fsync_error;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

ssize_t write(int fd, const void *data, size_t size_bytes)
{
    if (script.write_stalls)
        return 0;
    if (script.write_interruptions > 0) {
        script.write_interruptions--;
        errno = EINTR;
        return -1;
    }
    if (script.write_piece_bytes != 0 && size_bytes > script.write_piece_bytes)
        size_bytes = script.write_piece_bytes;
    return syscall(SYS_write, fd, data, size_bytes);
}

int close(int fd)
{
    int result = (int)syscall(SYS_close, fd);
    if (script.close_error == 0)
        return result;
    errno = script.close_error;
    return -1;
}

static char directory[] = "/tmp/holdfast-files-XXXXXX";
static char paths[4][64];

static int make_directory(void **state)
{
    (void)state;
    memset(&script, 0, sizeof(script));
    memcpy(directory + sizeof(directory) - 7, "XXXXXX", 6);
    if (!mkdtemp(directory))
        return -1;
    for (int index = 0; index < 4; index++)
        snprintf(paths[index], sizeof(paths[index]), "%s/%c", directory, 'a' + index);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    memset(&script, 0, sizeof(script));
    for (int index = 0; index < 4; index++)
        if (remove(paths[index]) != 0 && errno != ENOENT)
            return -1;
    return rmdir(directory);
}

static const struct hf_files *files(void)
{
    return hf_files_system();
}

static intptr_t opened(const char *path, uint64_t expected_bytes)
{
    intptr_t file = -1;
    uint64_t size_bytes = UINT64_MAX;
    assert_int_equal(files()->open(files()->context, path, &file, &size_bytes), 0);
    assert_true(size_bytes == expected_bytes);
    return file;
}

static void append(intptr_t file, const char *text)
{
    size_t written = 0;
    assert_int_equal(files()->append(files()->context, file, text, strlen(text), &written), 0);
    assert_int_equal(written, strlen(text));
}

static void closed(intptr_t file)
{
    assert_int_equal(files()->close(files()->context, file), 0);
}

static void make_file(const char *path, const char *text)
{
    intptr_t file = opened(path, 0);
    append(file, text);
    closed(file);
}

static void assert_content(const char *path, const char *expected)
{
    char content[128] = {0};
    FILE *stream = fopen(path, "r");
    assert_non_null(stream);
    size_t got = fread(content, 1, sizeof(content) - 1, stream);
    fclose(stream);
    assert_int_equal(got, strlen(expected));
    assert_string_equal(content, expected);
}

static int refusal(const char *path)
{
    intptr_t file = 77;
    uint64_t size_bytes = 88;
    int code = files()->open(files()->context, path, &file, &size_bytes);
    assert_int_equal(file, 77);
    assert_int_equal(size_bytes, 88);
    return code;
}

static void appended_bytes_stay_and_count_when_opened_again(void **state)
{
    (void)state;
    intptr_t file = opened(paths[0], 0);
    append(file, "one,");
    append(file, "");
    append(file, "two,");
    assert_int_equal(files()->sync(files()->context, file), 0);
    closed(file);
    file = opened(paths[0], 8);
    append(file, "three");
    closed(file);
    assert_content(paths[0], "one,two,three");
}

static void new_files_are_private_and_not_inherited(void **state)
{
    (void)state;
    intptr_t file = opened(paths[0], 0);
    struct stat about;
    assert_int_equal(fstat((int)file, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
    assert_true(fcntl((int)file, F_GETFD) & FD_CLOEXEC);
    closed(file);
}

static void links_are_not_followed(void **state)
{
    (void)state;
    make_file(paths[0], "target");
    assert_int_equal(symlink(paths[0], paths[1]), 0);
    assert_int_equal(symlink(paths[3], paths[2]), 0);
    assert_int_equal(refusal(paths[1]), ELOOP);
    assert_int_equal(refusal(paths[2]), ELOOP);
    assert_content(paths[0], "target");
    assert_int_equal(access(paths[3], F_OK), -1);
}

static void only_regular_files_open_and_none_is_waited_for(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(paths[0], 0600), 0);
    assert_int_equal(refusal(paths[0]), ENXIO);
    int reader = open(paths[0], O_RDONLY | O_NONBLOCK);
    assert_true(reader >= 0);
    assert_int_equal(refusal(paths[0]), ENXIO);
    close(reader);
    assert_int_equal(refusal("/dev/null"), ENXIO);
    assert_int_equal(refusal(directory), EISDIR);
}

static void what_is_not_there_is_reported(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof(path), "%s/missing/file", directory);
    assert_int_equal(refusal(path), ENOENT);
    make_file(paths[0], "x");
    snprintf(path, sizeof(path), "%s/file", paths[0]);
    assert_int_equal(refusal(path), ENOTDIR);
    assert_int_equal(refusal(""), ENOENT);
    assert_int_equal(files()->remove(files()->context, paths[3]), ENOENT);
    assert_int_equal(files()->rename(files()->context, paths[3], paths[2]), ENOENT);
}

static void a_relative_path_works_from_the_current_directory(void **state)
{
    (void)state;
    char before[4096];
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(directory), 0);
    closed(opened("a", 0));
    assert_int_equal(chdir(before), 0);
    assert_int_equal(access(paths[0], F_OK), 0);
}

static void a_name_that_cannot_reach_the_disk_is_reported(void **state)
{
    (void)state;
    script.fsync_error = EIO;
    assert_int_equal(refusal(paths[0]), EIO);
    script.fsync_error = EINVAL;
    closed(opened(paths[0], 0));
}

static void a_long_path_is_refused(void **state)
{
    (void)state;
    char path[6000];
    memset(path, '/', sizeof(path));
    memcpy(path + sizeof(path) - 2, "a", 2);
    assert_int_equal(refusal(path), ENAMETOOLONG);
}

/* A limit on file sizes is a full disk that needs no disk: the kernel writes what fits, then
 * refuses. */
static void a_full_disk_tells_how_much_got_there(void **state)
{
    (void)state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    intptr_t file = opened(paths[0], 0);
    append(file, "12345");
    struct rlimit limit = {.rlim_cur = 8, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    size_t written = 99;
    int code = files()->append(files()->context, file, "67890", 5, &written);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(code, EFBIG);
    assert_int_equal(written, 3);
    assert_int_equal(files()->truncate(files()->context, file, 5), 0);
    append(file, "!");
    closed(file);
    assert_content(paths[0], "12345!");
    assert_true(signal(SIGXFSZ, SIG_DFL) != SIG_ERR);
}

static void short_and_interrupted_writes_are_finished(void **state)
{
    (void)state;
    script.write_piece_bytes = 2;
    script.write_interruptions = 3;
    make_file(paths[0], "seven b");
    script.write_piece_bytes = 0;
    assert_content(paths[0], "seven b");
}

static void a_write_that_stalls_ends(void **state)
{
    (void)state;
    intptr_t file = opened(paths[0], 0);
    size_t written = 99;
    script.write_stalls = true;
    int code = files()->append(files()->context, file, "x", 1, &written);
    script.write_stalls = false;
    assert_int_equal(code, EIO);
    assert_int_equal(written, 0);
    closed(file);
}

static void truncating_cuts_and_appending_goes_on_at_the_new_end(void **state)
{
    (void)state;
    intptr_t file = opened(paths[0], 0);
    append(file, "keep,torn");
    assert_int_equal(files()->truncate(files()->context, file, 5), 0);
    append(file, "next");
    assert_int_equal(files()->truncate(files()->context, file, UINT64_MAX), EFBIG);
    closed(file);
    assert_content(paths[0], "keep,next");
}

static void renaming_moves_an_open_file(void **state)
{
    (void)state;
    intptr_t file = opened(paths[0], 0);
    append(file, "before,");
    assert_int_equal(files()->rename(files()->context, paths[0], paths[1]), 0);
    append(file, "after");
    closed(file);
    assert_content(paths[1], "before,after");
    assert_int_equal(access(paths[0], F_OK), -1);
}

static void assert_rename_refuses_to_replace(void)
{
    make_file(paths[0], "new");
    make_file(paths[1], "old");
    assert_int_equal(files()->rename(files()->context, paths[0], paths[1]), EEXIST);
    assert_content(paths[0], "new");
    assert_content(paths[1], "old");
    assert_int_equal(files()->rename(files()->context, paths[0], paths[2]), 0);
    assert_content(paths[2], "new");
    assert_int_equal(access(paths[0], F_OK), -1);
}

static void renaming_never_replaces(void **state)
{
    (void)state;
    assert_rename_refuses_to_replace();
}

static void renaming_never_replaces_on_simple_file_systems_either(void **state)
{
    (void)state;
    script.rename_error = EINVAL;
    assert_rename_refuses_to_replace();
}

static void a_rename_that_fails_halfway_leaves_the_old_name_only(void **state)
{
    (void)state;
    script.rename_error = ENOSYS;
    make_file(paths[0], "text");
    script.unlink_error = EPERM;
    assert_int_equal(files()->rename(files()->context, paths[0], paths[1]), EPERM);
    assert_content(paths[0], "text");
    assert_int_equal(access(paths[1], F_OK), -1);
}

static void removing_removes(void **state)
{
    (void)state;
    make_file(paths[0], "x");
    assert_int_equal(files()->remove(files()->context, paths[0]), 0);
    assert_int_equal(access(paths[0], F_OK), -1);
}

struct names {
    size_t count;
    size_t wanted;
    unsigned seen; /* Bit n: the name of paths[n]. */
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
        make_file(paths[index], "x");
    struct names all = {.wanted = 100};
    assert_int_equal(files()->list(files()->context, directory, note_name, &all), 0);
    assert_int_equal(all.count, 3);
    assert_int_equal(all.seen, 7);
    struct names two = {.wanted = 2};
    assert_int_equal(files()->list(files()->context, directory, note_name, &two), 0);
    assert_int_equal(two.count, 2);
    assert_int_equal(files()->list(files()->context, paths[3], note_name, &all), ENOENT);
    assert_int_equal(files()->list(files()->context, paths[0], note_name, &all), ENOTDIR);
}

static void closing_counts_as_done_when_interrupted(void **state)
{
    (void)state;
    intptr_t file = opened(paths[0], 0);
    script.close_error = EINTR;
    closed(file);
    file = opened(paths[0], 0);
    script.close_error = EIO;
    assert_int_equal(files()->close(files()->context, file), EIO);
}

static void a_bad_handle_is_an_error(void **state)
{
    (void)state;
    size_t written = 99;
    assert_int_equal(files()->append(files()->context, -1, "x", 1, &written), EBADF);
    assert_int_equal(written, 0);
    assert_int_equal(files()->sync(files()->context, -1), EBADF);
    assert_int_equal(files()->truncate(files()->context, -1, 0), EBADF);
    assert_int_equal(files()->close(files()->context, -1), EBADF);
}

static void missing_arguments_are_refused(void **state)
{
    (void)state;
    intptr_t file;
    uint64_t size_bytes;
    size_t written;
    assert_int_equal(files()->open(NULL, NULL, &file, &size_bytes), EINVAL);
    assert_int_equal(files()->open(NULL, paths[0], NULL, &size_bytes), EINVAL);
    assert_int_equal(files()->open(NULL, paths[0], &file, NULL), EINVAL);
    assert_int_equal(files()->append(NULL, 1, "x", 1, NULL), EINVAL);
    assert_int_equal(files()->append(NULL, 1, NULL, 1, &written), EINVAL);
    assert_int_equal(files()->rename(NULL, NULL, "x"), EINVAL);
    assert_int_equal(files()->rename(NULL, "x", NULL), EINVAL);
    assert_int_equal(files()->remove(NULL, NULL), EINVAL);
    assert_int_equal(files()->list(NULL, NULL, note_name, NULL), EINVAL);
    assert_int_equal(files()->list(NULL, directory, NULL, NULL), EINVAL);
}

#define IN_A_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_DIRECTORY(appended_bytes_stay_and_count_when_opened_again),
        IN_A_DIRECTORY(new_files_are_private_and_not_inherited),
        IN_A_DIRECTORY(links_are_not_followed),
        IN_A_DIRECTORY(only_regular_files_open_and_none_is_waited_for),
        IN_A_DIRECTORY(what_is_not_there_is_reported),
        IN_A_DIRECTORY(a_relative_path_works_from_the_current_directory),
        IN_A_DIRECTORY(a_name_that_cannot_reach_the_disk_is_reported),
        IN_A_DIRECTORY(a_long_path_is_refused),
        IN_A_DIRECTORY(a_full_disk_tells_how_much_got_there),
        IN_A_DIRECTORY(short_and_interrupted_writes_are_finished),
        IN_A_DIRECTORY(a_write_that_stalls_ends),
        IN_A_DIRECTORY(truncating_cuts_and_appending_goes_on_at_the_new_end),
        IN_A_DIRECTORY(renaming_moves_an_open_file),
        IN_A_DIRECTORY(renaming_never_replaces),
        IN_A_DIRECTORY(renaming_never_replaces_on_simple_file_systems_either),
        IN_A_DIRECTORY(a_rename_that_fails_halfway_leaves_the_old_name_only),
        IN_A_DIRECTORY(removing_removes),
        IN_A_DIRECTORY(listing_names_each_file_once_until_told_to_stop),
        IN_A_DIRECTORY(closing_counts_as_done_when_interrupted),
        IN_A_DIRECTORY(a_bad_handle_is_an_error),
        IN_A_DIRECTORY(missing_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
