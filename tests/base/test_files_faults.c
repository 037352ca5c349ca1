/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/directory.h"
#include "support/files.h"

/*
 * What no file system in a temporary directory does by itself. These stand before libc's and ask
 * the kernel, unless told to fail.
 */
static struct {
    int rename_error;
    int unlink_error;
    int fsync_error;
    int directory_error;
    int write_interruptions;
    size_t write_piece_bytes; /* 0: no limit. */
    bool write_stalls;
    int read_interruptions;
    size_t read_piece_bytes; /* 0: no limit. */
    int close_error;
    int other_interruptions; /* Of open, syncs and ftruncate. */
} script;

static bool is_interrupted(void)
{
    if (script.other_interruptions == 0)
        return false;
    script.other_interruptions--;
    errno = EINTR;
    return true;
}

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

int open(const char *path, int flags, ...)
{
    if (is_interrupted())
        return -1;
    if ((flags & O_DIRECTORY) != 0 && script.directory_error != 0) {
        errno = script.directory_error;
        return -1;
    }
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int fdatasync(int fd)
{
    return is_interrupted() ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int ftruncate(int fd, off_t size_bytes)
{
    return is_interrupted() ? -1 : (int)syscall(SYS_ftruncate, fd, size_bytes);
}

int fsync(int fd)
{
    if (is_interrupted())
        return -1;
    if (script.fsync_error != 0) {
        errno = script.fsync_error;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

ssize_t pread(int fd, void *data, size_t size_bytes, off_t offset)
{
    if (script.read_interruptions > 0) {
        script.read_interruptions--;
        errno = EINTR;
        return -1;
    }
    if (script.read_piece_bytes != 0 && size_bytes > script.read_piece_bytes)
        size_bytes = script.read_piece_bytes;
    return syscall(SYS_pread64, fd, data, size_bytes, offset);
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

static int heal_and_remove(void **state)
{
    memset(&script, 0, sizeof(script));
    return directory_remove(state);
}

static void assert_rename_refuses_to_replace(void)
{
    files_make(directory_paths[0], "new");
    files_make(directory_paths[1], "old");
    assert_int_equal(
        files_under_test->rename(files_under_test->context, directory_paths[0], directory_paths[1]),
        EEXIST);
    directory_assert_content(directory_paths[0], "new");
    directory_assert_content(directory_paths[1], "old");
    assert_int_equal(
        files_under_test->rename(files_under_test->context, directory_paths[0], directory_paths[2]),
        0);
    directory_assert_content(directory_paths[2], "new");
    assert_int_equal(access(directory_paths[0], F_OK), -1);
}

static void a_name_that_cannot_reach_the_disk_is_reported(void **state)
{
    (void)state;
    script.fsync_error = EIO;
    assert_int_equal(files_refusal(directory_paths[0]), EIO);
    script.fsync_error = EINVAL;
    files_close(files_open(directory_paths[0], 0));
    script.directory_error = EIO;
    assert_int_equal(files_refusal(directory_paths[0]), EIO);
    script.directory_error = EACCES;
    files_close(files_open(directory_paths[0], 0));
}

static void short_and_interrupted_writes_are_finished(void **state)
{
    (void)state;
    script.write_piece_bytes = 2;
    script.write_interruptions = 3;
    files_make(directory_paths[0], "seven b");
    script.write_piece_bytes = 0;
    directory_assert_content(directory_paths[0], "seven b");
}

static void a_write_that_stalls_ends(void **state)
{
    (void)state;
    intptr_t file = files_open(directory_paths[0], 0);
    size_t written = 99;
    script.write_stalls = true;
    int code = files_under_test->append(files_under_test->context, file, "x", 1, &written);
    script.write_stalls = false;
    assert_int_equal(code, EIO);
    assert_int_equal(written, 0);
    files_close(file);
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
    files_make(directory_paths[0], "text");
    script.unlink_error = EPERM;
    assert_int_equal(
        files_under_test->rename(files_under_test->context, directory_paths[0], directory_paths[1]),
        EPERM);
    directory_assert_content(directory_paths[0], "text");
    assert_int_equal(access(directory_paths[1], F_OK), -1);
}

static void closing_counts_as_done_when_interrupted(void **state)
{
    (void)state;
    intptr_t file = files_open(directory_paths[0], 0);
    script.close_error = EINTR;
    files_close(file);
    file = files_open(directory_paths[0], 0);
    script.close_error = EIO;
    assert_int_equal(files_under_test->close(files_under_test->context, file), EIO);
}

static void short_and_interrupted_reads_are_finished(void **state)
{
    (void)state;
    files_make(directory_paths[0], "0123456789");
    intptr_t file = files_open(directory_paths[0], 10);
    script.read_piece_bytes = 2;
    script.read_interruptions = 3;
    char data[8] = {0};
    size_t got = 0;
    assert_int_equal(files_under_test->read(files_under_test->context, file, 1, data, 7, &got), 0);
    assert_int_equal(got, 7);
    assert_string_equal(data, "1234567");
    files_close(file);
}

static void whatever_else_is_interrupted_is_done_again(void **state)
{
    (void)state;
    script.other_interruptions = 2;
    intptr_t file = files_open(directory_paths[0], 0);
    assert_int_equal(script.other_interruptions, 0);
    files_append(file, "abc");
    script.other_interruptions = 3;
    files_sync(file);
    assert_int_equal(script.other_interruptions, 0);
    script.other_interruptions = 3;
    assert_int_equal(files_under_test->truncate(files_under_test->context, file, 1), 0);
    assert_int_equal(script.other_interruptions, 0);
    files_close(file);
    directory_assert_content(directory_paths[0], "a");
}

#define SCRIPTED(test) cmocka_unit_test_setup_teardown(test, directory_make, heal_and_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRIPTED(a_name_that_cannot_reach_the_disk_is_reported),
        SCRIPTED(short_and_interrupted_writes_are_finished),
        SCRIPTED(a_write_that_stalls_ends),
        SCRIPTED(renaming_never_replaces),
        SCRIPTED(renaming_never_replaces_on_simple_file_systems_either),
        SCRIPTED(a_rename_that_fails_halfway_leaves_the_old_name_only),
        SCRIPTED(closing_counts_as_done_when_interrupted),
        SCRIPTED(short_and_interrupted_reads_are_finished),
        SCRIPTED(whatever_else_is_interrupted_is_done_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
