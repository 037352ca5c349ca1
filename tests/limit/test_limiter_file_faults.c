/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/counting_allocator.h"
#include "support/directory.h"
#include "support/file_world.h"
#include "support/table_check.h"

/* What the system may refuse, and what a file may turn out to be. */

#define BURST 5

/* A system that refuses the fail_at-th thing it is asked for (1 is the first), by `code`. */
static struct {
    uint64_t fail_at;
    int code;
    uint64_t asked;
    int64_t open;
    int64_t mapped;
} faults;

static const struct hf_mapping *good(void)
{
    return hf_mapping_system();
}

static bool fails(void)
{
    return ++faults.asked == faults.fail_at;
}

static int faulty_open(void *context, const char *path, intptr_t *file)
{
    int code = fails() ? faults.code : good()->open(context, path, file);
    faults.open += code == 0;
    return code;
}

static int faulty_size(void *context, intptr_t file, uint64_t *size_bytes)
{
    return fails() ? faults.code : good()->size(context, file, size_bytes);
}

static int faulty_reserve(void *context, intptr_t file, uint64_t size_bytes)
{
    return fails() ? faults.code : good()->reserve(context, file, size_bytes);
}

static int faulty_write_page(
    void *context, intptr_t file, uint64_t offset, const void *data, size_t size_bytes)
{
    return fails() ? faults.code : good()->write_page(context, file, offset, data, size_bytes);
}

static int faulty_map(void *context, intptr_t file, size_t size_bytes, void **memory)
{
    int code = fails() ? faults.code : good()->map(context, file, size_bytes, memory);
    faults.mapped += code == 0;
    return code;
}

static void counted_unmap(void *context, void *memory, size_t size_bytes)
{
    faults.mapped--;
    good()->unmap(context, memory, size_bytes);
}

static int faulty_sync(void *context, void *memory, size_t size_bytes)
{
    return fails() ? faults.code : good()->sync(context, memory, size_bytes);
}

static int faulty_lock(void *context, intptr_t file, uint64_t offset, uint64_t wait_ns)
{
    return fails() ? faults.code : good()->lock(context, file, offset, wait_ns ? 1 : 0);
}

static int faulty_unlock(void *context, intptr_t file, uint64_t offset)
{
    return fails() ? faults.code : good()->unlock(context, file, offset);
}

static int faulty_is_locked(
    void *context, intptr_t file, uint64_t offset, uint64_t count, bool *is_locked)
{
    return fails() ? faults.code : good()->is_locked(context, file, offset, count, is_locked);
}

static void counted_close(void *context, intptr_t file)
{
    faults.open--;
    good()->close(context, file);
}

static int faulty_boot_name(void *context, char name[HF_BOOT_NAME_BYTES])
{
    return fails() ? faults.code : good()->boot_name(context, name);
}

static uint64_t real_process(void *context)
{
    return good()->process(context);
}

static const struct hf_mapping faulty = {NULL, faulty_open, faulty_size, faulty_reserve,
    faulty_write_page, faulty_map, counted_unmap, faulty_sync, faulty_lock, faulty_unlock,
    faulty_is_locked, counted_close, faulty_boot_name, real_process};

static enum hf_status open_faulty(struct hf_attachment **attachment, struct hf_error *error)
{
    hf_error_clear(error);
    return hf_attachment_new(attachment, &machine->options, &machine->file, &faulty, error);
}

/* What is refused is told, nothing is left open, and the file is as good as before. */
static void check_refusal(enum hf_status status, const struct hf_error *error)
{
    assert_true(status == HF_IO || status == HF_TIMEOUT || status == HF_UNSUPPORTED ||
                status == HF_NO_MEMORY);
    assert_int_equal(error->count, 1);
    assert_int_equal(error->causes[0].code, faults.code);
    assert_non_null(strstr(hf_error_text(error), machine->path));
    assert_int_equal(faults.open, 0);
    assert_int_equal(faults.mapped, 0);
}

/* Opens and frees with each refusal in turn, and a new file each time if fresh; returns how often
 * that went wrong. */
static uint64_t refuse_each(int code, bool fresh)
{
    uint64_t refused = 0;
    for (uint64_t n = 1; n == 1 || faults.asked >= faults.fail_at; n++) {
        struct hf_attachment *attachment;
        struct hf_error error;
        memset(&faults, 0, sizeof(faults));
        faults.fail_at = n;
        faults.code = code;
        if (fresh)
            assert_int_equal(ftruncate(machine->descriptor, 0), 0);
        enum hf_status status = open_faulty(&attachment, &error);
        if (status == HF_OK)
            hf_attachment_free(attachment);
        else
            check_refusal(status, &error);
        refused += status != HF_OK;
    }
    assert_int_equal(faults.open, 0);
    assert_int_equal(faults.mapped, 0);
    return refused;
}

static void whatever_the_system_refuses_an_opening_leaves_nothing_behind(void **state)
{
    (void)state;
    const int codes[] = {EIO, ENOSPC, EAGAIN, ENOMEM, ENOTSUP};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        assert_true(refuse_each(codes[i], true) >= 10);
        assert_int_equal(ftruncate(machine->descriptor, 0), 0);
        struct hf_limiter *limiter = file_world_open();
        assert_int_equal(file_world_drain(limiter, "a"), BURST);
        hf_limiter_free(limiter);
        assert_true(refuse_each(codes[i], false) >= 5); /* One that is there. */
        limiter = file_world_open();
        assert_int_equal(file_world_drain(limiter, "a"), 0);
        assert_true(refuse_each(codes[i], false) >= 5); /* One that is in use. */
        assert_int_equal(file_world_drain(limiter, "b"), BURST);
        table_check(&limiter->table);
        hf_limiter_free(limiter);
    }
}

/* A lock that cannot be asked about counts as a living owner's. */
static void an_owner_whose_lock_cannot_be_seen_counts_as_alive(void **state)
{
    (void)state;
    struct hf_attachment *attachment;
    struct hf_error error;
    memset(&faults, 0, sizeof(faults));
    assert_int_equal(open_faulty(&attachment, &error), HF_OK);
    assert_true(hf_owners_is_dead(&attachment->owners, 9));
    faults.fail_at = faults.asked + 1;
    faults.code = ENOLCK;
    assert_false(hf_owners_is_dead(&attachment->owners, 9));
    assert_true(hf_owners_is_dead(&attachment->owners, 9));
    assert_true(hf_owners_is_dead(&attachment->owners, 0));
    assert_false(hf_owners_is_dead(&attachment->owners, attachment->owners.mine));
    hf_attachment_free(attachment);
}

static void a_machine_that_does_not_name_its_start_is_told_so(void **state)
{
    (void)state;
    struct hf_attachment *attachment;
    struct hf_error error;
    machine->file.boot = NULL;
    assert_true(refuse_each(ENOENT, true) >= 10);
    memset(&faults, 0, sizeof(faults));
    assert_int_equal(open_faulty(&attachment, &error), HF_OK);
    hf_attachment_free(attachment);
    hf_limiter_free(file_world_open());
}

static void a_failing_disk_shows_when_the_file_is_synced(void **state)
{
    (void)state;
    struct hf_attachment *attachment;
    struct hf_error error;
    memset(&faults, 0, sizeof(faults));
    assert_int_equal(open_faulty(&attachment, &error), HF_OK);
    assert_int_equal(hf_limiter_sync(&attachment->limiter, &error), HF_OK);
    faults.fail_at = faults.asked + 1;
    faults.code = EIO;
    assert_int_equal(hf_limiter_sync(&attachment->limiter, &error), HF_IO);
    assert_int_equal(error.causes[0].code, EIO);
    assert_int_equal(hf_limiter_sync(&attachment->limiter, NULL), HF_OK);
    hf_attachment_free(attachment);
}

static void somebody_who_never_leaves_the_door_is_not_waited_for_for_ever(void **state)
{
    (void)state;
    struct hf_attachment *attachment;
    struct hf_error error;
    intptr_t file;
    memset(&faults, 0, sizeof(faults));
    faults.code = EAGAIN;
    assert_int_equal(good()->open(NULL, machine->path, &file), 0);
    assert_int_equal(good()->lock(NULL, file, HF_FILE_PAGE_BYTES, 0), 0);
    assert_int_equal(open_faulty(&attachment, &error), HF_TIMEOUT);
    check_refusal(HF_TIMEOUT, &error);
    good()->close(NULL, file);
    assert_int_equal(open_faulty(&attachment, &error), HF_OK);
    hf_attachment_free(attachment);
}

static void memory_that_is_refused_leaves_nothing_behind(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct counting_allocator counting = {.fail_at = n};
        struct hf_allocator allocator = counting_allocator(&counting);
        struct hf_limiter *limiter = NULL;
        machine->options.allocator = &allocator;
        enum hf_status status = hf_limiter_open(&limiter, &machine->options, &machine->file, NULL);
        assert_int_equal(status, counting.requests < n ? HF_OK : HF_NO_MEMORY);
        hf_limiter_free(limiter);
        assert_int_equal(counting.live, 0);
        if (status == HF_OK)
            break;
    }
    machine->options.allocator = NULL;
}

/* Each bit of both pages: either it is refused, or no cell comes of it. */
static void every_changed_bit_of_the_pages_is_refused_or_harmless(void **state)
{
    (void)state;
    uint8_t pages[HF_FILE_TABLE_OFFSET];
    struct hf_limiter *limiter = file_world_open();
    file_world_advance(HF_SECONDS(50));
    assert_int_equal(file_world_drain(limiter, "a"), BURST);
    hf_limiter_free(limiter);
    file_world_restart(FILE_WORLD_WALL_NS + HF_SECONDS(50));
    hf_limiter_free(file_world_open());
    assert_int_equal(pread(machine->descriptor, pages, sizeof(pages), 0), (ssize_t)sizeof(pages));
    uint64_t refused = 0;
    for (size_t at = 0; at < sizeof(pages); at++) {
        struct hf_error error = {0};
        uint8_t changed = pages[at] ^ (uint8_t)(1u << (at % 8));
        assert_int_equal(
            pwrite(machine->descriptor, pages, sizeof(pages), 0), (ssize_t)sizeof(pages));
        assert_int_equal(pwrite(machine->descriptor, &changed, 1, (off_t)at), 1);
        enum hf_status status =
            hf_limiter_open(&limiter, &machine->options, &machine->file, &error);
        refused += status != HF_OK;
        if (status == HF_OK)
            assert_int_equal(file_world_drain(limiter, "a"), 0);
        else
            assert_true(status == HF_MALFORMED || status == HF_UNSUPPORTED);
        hf_limiter_free(limiter);
    }
    assert_true(refused >= HF_FILE_PAGE_BYTES + 8);
    assert_true(refused < HF_FILE_PAGE_BYTES + 200);
}

static void assert_refused(enum hf_status status, int code, const char *text)
{
    struct hf_error error;
    assert_int_equal(file_world_refusal(&error), status);
    assert_int_equal(error.causes[0].code, code);
    if (!strstr(hf_error_text(&error), text))
        fail_msg("\"%s\" is not in \"%s\"", text, hf_error_text(&error));
}

static void a_file_of_another_length_is_refused_and_stays_as_it_is(void **state)
{
    (void)state;
    hf_limiter_free(file_world_open());
    struct stat about;
    assert_int_equal(fstat(machine->descriptor, &about), 0);
    const off_t lengths[] = {1, 4096, 8191, 8192, about.st_size - 1, about.st_size + 1};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        assert_int_equal(ftruncate(machine->descriptor, 0), 0);
        hf_limiter_free(file_world_open());
        assert_int_equal(ftruncate(machine->descriptor, lengths[i]), 0);
        assert_refused(HF_MALFORMED, 0, "file size: ");
        struct stat now;
        assert_int_equal(fstat(machine->descriptor, &now), 0);
        assert_int_equal(now.st_size, lengths[i]);
    }
}

static void a_file_that_is_not_this_librarys_is_never_changed(void **state)
{
    (void)state;
    static char before[20000];
    static char after[sizeof(before)];
    memset(before, 'x', sizeof(before));
    assert_int_equal(
        pwrite(machine->descriptor, before, sizeof(before), 0), (ssize_t)sizeof(before));
    assert_refused(HF_MALFORMED, 0, "magic: ");
    assert_int_equal(pread(machine->descriptor, after, sizeof(after), 0), (ssize_t)sizeof(after));
    assert_memory_equal(before, after, sizeof(before));
    memset(before, 0, sizeof(before)); /* Not of the length that a file of ours would have. */
    assert_int_equal(
        pwrite(machine->descriptor, before, sizeof(before), 0), (ssize_t)sizeof(before));
    assert_refused(HF_MALFORMED, 0, "magic: ");
}

/* The table is not in the header, but its only word that moves time is looked at. */
static void a_horizon_that_cannot_be_is_refused(void **state)
{
    (void)state;
    hf_limiter_free(file_world_open());
    uint64_t horizon = UINT64_C(1) << 60;
    assert_int_equal(
        pwrite(machine->descriptor, &horizon, sizeof(horizon), HF_FILE_TABLE_OFFSET), 8);
    assert_refused(HF_MALFORMED, 0, "horizon: 1152921504606846976 in the file");
}

static void what_is_no_file_is_refused_by_the_systems_own_code(void **state)
{
    assert_int_equal(directory_make(state), 0);
    machine->file.path = directory_path;
    assert_refused(HF_IO, EISDIR, "cannot be opened: ");
    machine->file.path = "/dev/null";
    assert_refused(HF_IO, ENXIO, "(/dev/null)");
    machine->file.path = "/nowhere/at/all";
    assert_refused(HF_IO, ENOENT, "(/nowhere/at/all)");
    machine->file.path = directory_paths[0];
    struct hf_limiter *limiter = file_world_open();
    struct stat about;
    assert_int_equal(stat(directory_paths[0], &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
    assert_true((uint64_t)about.st_blocks * 512 >= (uint64_t)about.st_size);
    hf_limiter_free(limiter);
    assert_int_equal(directory_remove(state), 0);
}

/* On a disk of a few pages, where one may be had. */
static void a_full_disk_shows_when_the_file_is_made(void **state)
{
    assert_int_equal(directory_make(state), 0);
    machine->file.path = directory_paths[0];
    pid_t child = file_world_fork();
    if (child == 0) {
        struct hf_limiter *limiter;
        struct hf_error error = {0};
        struct stat about;
        if (unshare(CLONE_NEWNS) != 0 ||
            mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
            mount("none", directory_path, "tmpfs", 0, "size=12k") != 0)
            _exit(77);
        enum hf_status status =
            hf_limiter_open(&limiter, &machine->options, &machine->file, &error);
        bool told = status == HF_IO && error.causes[0].code == ENOSPC;
        bool empty = stat(directory_paths[0], &about) == 0 && about.st_size == 0;
        _exit(told && empty ? 0 : 1);
    }
    int answer = file_world_answer(child);
    assert_int_equal(directory_remove(state), 0);
    if (answer == 77)
        skip();
    assert_int_equal(answer, 0);
}

/* Root may do anything, so somebody else asks. */
static void who_may_not_write_the_file_is_told_so(void **state)
{
    assert_int_equal(directory_make(state), 0);
    machine->file.path = directory_paths[0];
    hf_limiter_free(file_world_open());
    assert_int_equal(chmod(directory_path, 0755), 0);
    assert_int_equal(chmod(directory_paths[0], 0444), 0);
    pid_t child = file_world_fork();
    if (child == 0) {
        struct hf_limiter *limiter;
        struct hf_error error = {0};
        if (geteuid() == 0 && setuid(65534) != 0)
            _exit(1);
        enum hf_status status =
            hf_limiter_open(&limiter, &machine->options, &machine->file, &error);
        _exit(status == HF_IO && error.causes[0].code == EACCES ? 0 : 2);
    }
    assert_int_equal(file_world_answer(child), 0);
    assert_int_equal(directory_remove(state), 0);
}

static void a_file_that_was_made_empty_keeps_its_mode(void **state)
{
    assert_int_equal(directory_make(state), 0);
    machine->file.path = directory_paths[0];
    int fd = open(directory_paths[0], O_CREAT | O_RDWR, 0600);
    assert_int_equal(fchmod(fd, 0660), 0);
    close(fd);
    hf_limiter_free(file_world_open());
    struct stat about;
    assert_int_equal(stat(directory_paths[0], &about), 0);
    assert_int_equal(about.st_mode & 07777, 0660);
    assert_int_equal(directory_remove(state), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FILE_WORLD(whatever_the_system_refuses_an_opening_leaves_nothing_behind),
        IN_A_FILE_WORLD(an_owner_whose_lock_cannot_be_seen_counts_as_alive),
        IN_A_FILE_WORLD(a_machine_that_does_not_name_its_start_is_told_so),
        IN_A_FILE_WORLD(a_failing_disk_shows_when_the_file_is_synced),
        IN_A_FILE_WORLD(somebody_who_never_leaves_the_door_is_not_waited_for_for_ever),
        IN_A_FILE_WORLD(memory_that_is_refused_leaves_nothing_behind),
        IN_A_FILE_WORLD(every_changed_bit_of_the_pages_is_refused_or_harmless),
        IN_A_FILE_WORLD(a_file_of_another_length_is_refused_and_stays_as_it_is),
        IN_A_FILE_WORLD(a_file_that_is_not_this_librarys_is_never_changed),
        IN_A_FILE_WORLD(a_horizon_that_cannot_be_is_refused),
        IN_A_FILE_WORLD(what_is_no_file_is_refused_by_the_systems_own_code),
        IN_A_FILE_WORLD(a_full_disk_shows_when_the_file_is_made),
        IN_A_FILE_WORLD(who_may_not_write_the_file_is_told_so),
        IN_A_FILE_WORLD(a_file_that_was_made_empty_keeps_its_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
