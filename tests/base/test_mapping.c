/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mapping.h"
#include "support/directory.h"

#define PAGE_BYTES 4096

static const char *path(void)
{
    return directory_paths[0];
}

static intptr_t open_file(void)
{
    const struct hf_mapping *mapping = hf_mapping_system();
    intptr_t file = -1;
    assert_int_equal(mapping->open(mapping->context, path(), &file), 0);
    return file;
}

static void close_file(intptr_t file)
{
    hf_mapping_system()->close(NULL, file);
}

static int refusal(const char *name)
{
    intptr_t file = -7;
    int code = hf_mapping_system()->open(NULL, name, &file);
    assert_int_equal(file, -7);
    return code;
}

static uint64_t size_of(intptr_t file)
{
    uint64_t size_bytes = UINT64_MAX;
    assert_int_equal(hf_mapping_system()->size(NULL, file, &size_bytes), 0);
    return size_bytes;
}

static bool is_locked(intptr_t file, uint64_t offset, uint64_t count)
{
    bool locked = false;
    assert_int_equal(hf_mapping_system()->is_locked(NULL, file, offset, count, &locked), 0);
    return locked;
}

/* What a child made by fork answers; it must end with _exit. */
static int answer_of(pid_t child)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static void a_new_file_is_empty_and_its_makers_alone(void **state)
{
    (void)state;
    intptr_t file = open_file();
    struct stat about;
    assert_int_equal(stat(path(), &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
    assert_int_equal(size_of(file), 0);
    assert_true(fcntl((int)file, F_GETFD) & FD_CLOEXEC);
    close_file(file);
}

static void what_is_reserved_has_blocks_and_is_zero(void **state)
{
    (void)state;
    const struct hf_mapping *mapping = hf_mapping_system();
    intptr_t file = open_file();
    assert_int_equal(mapping->reserve(NULL, file, 16 * PAGE_BYTES), 0);
    assert_int_equal(size_of(file), 16 * PAGE_BYTES);
    struct stat about;
    assert_int_equal(stat(path(), &about), 0);
    assert_true(about.st_blocks * 512 >= 16 * PAGE_BYTES);
    void *memory = NULL;
    assert_int_equal(mapping->map(NULL, file, 16 * PAGE_BYTES, &memory), 0);
    for (size_t i = 0; i < 16 * PAGE_BYTES; i++)
        assert_int_equal(((uint8_t *)memory)[i], 0);
    mapping->unmap(NULL, memory, 16 * PAGE_BYTES);
    close_file(file);
}

/* As on a full disk: nothing is left that would take up room. */
static void what_cannot_be_reserved_leaves_the_file_empty(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit limit = {PAGE_BYTES, PAGE_BYTES};
        signal(SIGXFSZ, SIG_IGN);
        intptr_t file = open_file();
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
            _exit(100);
        int code = hf_mapping_system()->reserve(NULL, file, 16 * PAGE_BYTES);
        _exit(size_of(file) == 0 ? code : 101);
    }
    assert_int_equal(answer_of(child), EFBIG);
    intptr_t file = open_file();
    assert_int_equal(hf_mapping_system()->reserve(NULL, file, UINT64_MAX), EFBIG);
    close_file(file);
}

static void two_mappings_and_writes_see_each_other(void **state)
{
    (void)state;
    const struct hf_mapping *mapping = hf_mapping_system();
    intptr_t file = open_file();
    assert_int_equal(mapping->reserve(NULL, file, 2 * PAGE_BYTES), 0);
    uint8_t *memory[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(mapping->map(NULL, file, 2 * PAGE_BYTES, (void **)&memory[i]), 0);
    const char text[] = "here";
    assert_int_equal(mapping->write_page(NULL, file, PAGE_BYTES, text, sizeof(text)), 0);
    assert_string_equal((char *)memory[0] + PAGE_BYTES, "here");
    memory[0][PAGE_BYTES] = 'H';
    assert_string_equal((char *)memory[1] + PAGE_BYTES, "Here");
    assert_int_equal(mapping->sync(NULL, memory[0], 2 * PAGE_BYTES), 0);
    assert_int_equal(mapping->sync(NULL, memory[0] + 1, PAGE_BYTES), EINVAL);
    for (int i = 0; i < 2; i++)
        mapping->unmap(NULL, memory[i], 2 * PAGE_BYTES);
    close_file(file);
}

static void what_is_no_regular_file_is_refused_at_once(void **state)
{
    (void)state;
    assert_int_equal(refusal(directory_path), EISDIR);
    assert_int_equal(refusal("/dev/null"), ENXIO);
    assert_int_equal(mkfifo(path(), 0600), 0);
    assert_int_equal(refusal(path()), ENXIO);
    assert_int_equal(refusal("/nowhere/at/all"), ENOENT);
    assert_int_equal(refusal(""), ENOENT);
}

static void a_link_is_followed_to_a_file_but_not_to_make_one(void **state)
{
    (void)state;
    assert_int_equal(symlink(directory_paths[1], path()), 0);
    assert_int_equal(refusal(path()), EEXIST);
    close_file(open(directory_paths[1], O_CREAT | O_RDWR, 0600));
    close_file(open_file());
}

static void a_file_without_a_name_is_opened_by_its_descriptor(void **state)
{
    (void)state;
    int descriptor = memfd_create("test", MFD_CLOEXEC);
    assert_true(descriptor >= 0);
    char name[64];
    snprintf(name, sizeof(name), "/proc/self/fd/%d", descriptor);
    intptr_t file = -1;
    assert_int_equal(hf_mapping_system()->open(NULL, name, &file), 0);
    assert_int_equal(hf_mapping_system()->lock(NULL, file, 3, 0), 0);
    assert_true(is_locked(descriptor, 3, 1));
    close_file(file);
    assert_false(is_locked(descriptor, 3, 1));
    close_file(descriptor);
}

static void a_lock_keeps_other_openings_out_also_in_one_process(void **state)
{
    (void)state;
    const struct hf_mapping *mapping = hf_mapping_system();
    intptr_t first = open_file();
    intptr_t second = open_file();
    assert_int_equal(mapping->lock(NULL, first, 10, 0), 0);
    assert_int_equal(mapping->lock(NULL, first, 10, 0), 0);
    assert_false(is_locked(first, 10, 1));
    assert_int_equal(mapping->lock(NULL, second, 10, 0), EAGAIN);
    assert_int_equal(mapping->lock(NULL, second, 10, 2500000), EAGAIN);
    assert_true(is_locked(second, 10, 1));
    assert_true(is_locked(second, 1, 255));
    assert_false(is_locked(second, 11, 255));
    assert_int_equal(mapping->lock(NULL, second, 11, 0), 0);
    assert_int_equal(mapping->unlock(NULL, first, 10), 0);
    assert_int_equal(mapping->lock(NULL, second, 10, 0), 0);
    close_file(second);
    assert_int_equal(mapping->lock(NULL, first, 11, 0), 0);
    close_file(first);
}

/* A lock of the process would be gone here, and its holder taken for dead. */
static void closing_another_opening_releases_nothing(void **state)
{
    (void)state;
    intptr_t watch = open_file();
    intptr_t file = open_file();
    assert_int_equal(hf_mapping_system()->lock(NULL, file, 7, 0), 0);
    close_file(open_file());
    assert_true(is_locked(watch, 7, 1));
    close_file(file);
    assert_false(is_locked(watch, 7, 1));
    close_file(watch);
}

static void a_lock_lasts_as_long_as_a_mapping_of_its_opening(void **state)
{
    (void)state;
    const struct hf_mapping *mapping = hf_mapping_system();
    intptr_t watch = open_file();
    intptr_t file = open_file();
    void *memory = NULL;
    assert_int_equal(mapping->reserve(NULL, file, PAGE_BYTES), 0);
    assert_int_equal(mapping->map(NULL, file, PAGE_BYTES, &memory), 0);
    assert_int_equal(mapping->lock(NULL, file, 7, 0), 0);
    close_file(file);
    assert_true(is_locked(watch, 7, 1));
    mapping->unmap(NULL, memory, PAGE_BYTES);
    assert_false(is_locked(watch, 7, 1));
    close_file(watch);
}

static void a_lock_ends_with_a_killed_process(void **state)
{
    (void)state;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        intptr_t file = open_file();
        char told = hf_mapping_system()->lock(NULL, file, 7, 0) == 0;
        if (write(ready[1], &told, 1) == 1)
            pause();
        _exit(0);
    }
    char told = 0;
    assert_int_equal(read(ready[0], &told, 1), 1);
    assert_true(told);
    intptr_t watch = open_file();
    assert_true(is_locked(watch, 7, 1));
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(answer_of(child), 256 + SIGKILL);
    assert_false(is_locked(watch, 7, 1));
    close_file(watch);
    close(ready[0]);
    close(ready[1]);
}

static void a_forked_child_keeps_its_parents_lock(void **state)
{
    (void)state;
    int done[2];
    assert_int_equal(pipe(done), 0);
    intptr_t watch = open_file();
    intptr_t file = open_file();
    assert_int_equal(hf_mapping_system()->lock(NULL, file, 7, 0), 0);
    pid_t child = fork();
    if (child == 0) {
        char told;
        close(done[1]);
        _exit(read(done[0], &told, 1) == 0 ? 0 : 1);
    }
    close_file(file);
    assert_true(is_locked(watch, 7, 1));
    close(done[1]);
    assert_int_equal(answer_of(child), 0);
    assert_false(is_locked(watch, 7, 1));
    close_file(watch);
    close(done[0]);
}

static void this_start_of_the_machine_has_one_name(void **state)
{
    (void)state;
    char first[HF_BOOT_NAME_BYTES];
    char second[HF_BOOT_NAME_BYTES];
    assert_int_equal(hf_mapping_system()->boot_name(NULL, first), 0);
    assert_int_equal(hf_mapping_system()->boot_name(NULL, second), 0);
    assert_string_equal(first, second);
    assert_true(strlen(first) >= 32);
    assert_null(strchr(first, '\n'));
}

static void what_is_no_descriptor_is_an_error_everywhere(void **state)
{
    (void)state;
    const struct hf_mapping *mapping = hf_mapping_system();
    uint64_t size_bytes;
    void *memory;
    bool locked;
    assert_int_equal(mapping->size(NULL, -1, &size_bytes), EBADF);
    assert_int_equal(mapping->reserve(NULL, -1, 1), EBADF);
    assert_int_equal(mapping->write_page(NULL, -1, 0, "", 1), EBADF);
    assert_int_equal(mapping->map(NULL, -1, 1, &memory), EBADF);
    assert_int_equal(mapping->lock(NULL, -1, 0, 0), EBADF);
    assert_int_equal(mapping->unlock(NULL, -1, 0), EBADF);
    assert_int_equal(mapping->is_locked(NULL, -1, 0, 1, &locked), EBADF);
}

static void a_child_has_a_number_of_its_own(void **state)
{
    (void)state;
    uint64_t own = hf_mapping_system()->process(NULL);
    assert_int_equal(hf_mapping_system()->process(NULL), own);
    pid_t child = fork();
    if (child == 0)
        _exit(hf_mapping_system()->process(NULL) != own);
    assert_int_equal(answer_of(child), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_DIRECTORY(a_new_file_is_empty_and_its_makers_alone),
        IN_A_DIRECTORY(what_is_reserved_has_blocks_and_is_zero),
        IN_A_DIRECTORY(what_cannot_be_reserved_leaves_the_file_empty),
        IN_A_DIRECTORY(two_mappings_and_writes_see_each_other),
        IN_A_DIRECTORY(what_is_no_regular_file_is_refused_at_once),
        IN_A_DIRECTORY(a_link_is_followed_to_a_file_but_not_to_make_one),
        IN_A_DIRECTORY(a_file_without_a_name_is_opened_by_its_descriptor),
        IN_A_DIRECTORY(a_lock_keeps_other_openings_out_also_in_one_process),
        IN_A_DIRECTORY(closing_another_opening_releases_nothing),
        IN_A_DIRECTORY(a_lock_lasts_as_long_as_a_mapping_of_its_opening),
        IN_A_DIRECTORY(a_lock_ends_with_a_killed_process),
        IN_A_DIRECTORY(a_forked_child_keeps_its_parents_lock),
        IN_A_DIRECTORY(this_start_of_the_machine_has_one_name),
        IN_A_DIRECTORY(what_is_no_descriptor_is_an_error_everywhere),
        IN_A_DIRECTORY(a_child_has_a_number_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
