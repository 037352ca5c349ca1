/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <holdfast/identity.h>
#include <holdfast/sim_files.h>

#include "hex.h"
#include "keys.h"
#include "support/directory.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* Of the directory's names. */
#define FILE_PATH directory_paths[0]
#define OTHER_PATH directory_paths[1]

static struct hf_identity identity_of_the_specification(void)
{
    struct hf_identity identity;
    uint8_t bytes[HF_IDENTITY_PRIVATE_BYTES];
    size_t size = hex_read(ED25519_PRIVATE, bytes);
    assert_int_equal(hf_identity_decode(&identity, hf_bytes(bytes, size), NULL), HF_OK);
    return identity;
}

static void put_file(const char *path, const char *text, mode_t mode)
{
    uint8_t bytes[256];
    size_t size = hex_read(text, bytes);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, size), size);
    assert_int_equal(fchmod(file, mode), 0);
    close(file);
}

static void assert_not_loaded(
    const char *path, enum hf_status status, int32_t code, const char *says)
{
    const struct hf_identity none = {.id.size = 0};
    struct hf_identity identity = identity_of_the_specification();
    struct hf_error error = {0};
    assert_int_equal(hf_identity_load(&identity, path, &error), status);
    assert_memory_equal(&identity, &none, sizeof(none));
    assert_int_equal(error.causes[error.count - 1].code, code);
    if (!strstr(hf_error_text(&error), says) || !strstr(hf_error_text(&error), path))
        fail_msg("%s", hf_error_text(&error));
}

static void what_is_saved_is_secret_and_loads_as_it_was(void **state)
{
    (void)state;
    struct hf_identity saved = identity_of_the_specification();
    struct hf_identity loaded;
    struct stat about;
    mode_t before = umask(0);
    assert_int_equal(hf_identity_save(&saved, FILE_PATH, NULL, NULL), HF_OK);
    umask(before);
    assert_int_equal(stat(FILE_PATH, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
    assert_int_equal(about.st_size, HF_IDENTITY_PRIVATE_BYTES);
    assert_int_equal(hf_identity_load(&loaded, FILE_PATH, NULL), HF_OK);
    assert_memory_equal(&saved, &loaded, sizeof(saved));
}

/* Nothing else may be in the directory then: its teardown sees to that. */
static void a_file_that_is_there_is_never_replaced(void **state)
{
    (void)state;
    struct hf_identity identity;
    struct hf_identity loaded;
    struct hf_error error = {0};
    put_file(FILE_PATH, ED25519_PRIVATE, 0600);
    assert_int_equal(hf_identity_generate(&identity, NULL), HF_OK);
    assert_int_equal(hf_identity_save(&identity, FILE_PATH, NULL, &error), HF_IO);
    assert_int_equal(error.causes[0].code, EEXIST);
    assert_non_null(strstr(hf_error_text(&error), "there is one already"));
    assert_non_null(strstr(hf_error_text(&error), FILE_PATH));
    assert_int_equal(hf_identity_load(&loaded, FILE_PATH, NULL), HF_OK);
    assert_false(hf_peer_id_equals(&loaded.id, &identity.id));
}

static void what_others_may_use_is_not_read(void **state)
{
    (void)state;
    static const mode_t modes[] = {0640, 0604, 0660, 0602, 0610, 0601, 0644};
    put_file(FILE_PATH, ED25519_PRIVATE, 0600);
    for (size_t i = 0; i < LENGTH(modes); i++) {
        char says[16];
        snprintf(says, sizeof(says), "mode %04o ", (unsigned)modes[i]);
        assert_int_equal(chmod(FILE_PATH, modes[i]), 0);
        assert_not_loaded(FILE_PATH, HF_IO, EACCES, says);
    }
    struct hf_identity identity;
    assert_int_equal(chmod(FILE_PATH, 0400), 0);
    assert_int_equal(hf_identity_load(&identity, FILE_PATH, NULL), HF_OK);
}

static void a_file_in_the_older_form_loads_too(void **state)
{
    (void)state;
    struct hf_identity identity;
    put_file(FILE_PATH, ED25519_PRIVATE_OLD, 0600);
    assert_int_equal(hf_identity_load(&identity, FILE_PATH, NULL), HF_OK);
    struct hf_identity expected = identity_of_the_specification();
    assert_memory_equal(&identity, &expected, sizeof(expected));
}

static void a_file_with_something_else_in_it_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum hf_status status;
    } wrong[] = {
        {"", HF_MALFORMED},
        {ED25519_PRIVATE "0a", HF_MALFORMED},
        {ED25519_PRIVATE_OLD "00", HF_MALFORMED},
        {ED25519_PRIVATE_OLD ED25519_PRIVATE, HF_MALFORMED},
        {ED25519_PUBLIC, HF_MALFORMED},
        {SECP256K1_PRIVATE, HF_UNSUPPORTED},
    };
    for (size_t i = 0; i < LENGTH(wrong); i++) {
        put_file(FILE_PATH, wrong[i].text, 0600);
        assert_not_loaded(FILE_PATH, wrong[i].status, 0, "holds no Ed25519 key");
        assert_int_equal(unlink(FILE_PATH), 0);
    }
}

static void what_is_no_file_is_refused_without_waiting(void **state)
{
    (void)state;
    assert_not_loaded(FILE_PATH, HF_NOT_FOUND, ENOENT, "not found");
    assert_int_equal(mkfifo(FILE_PATH, 0600), 0);
    assert_not_loaded(FILE_PATH, HF_IO, 0, "not a regular file");
    assert_not_loaded(directory_path, HF_IO, 0, "not a regular file");
    put_file(OTHER_PATH, ED25519_PRIVATE, 0600);
    char below[128];
    snprintf(below, sizeof(below), "%s/key", OTHER_PATH);
    assert_not_loaded(below, HF_IO, ENOTDIR, "cannot open it");
    struct hf_identity identity = identity_of_the_specification();
    struct hf_error error = {0};
    assert_int_equal(hf_identity_save(&identity, below, NULL, &error), HF_IO);
    assert_int_equal(error.causes[0].code, ENOTDIR);
}

/* The memory of a process is a file of its owner's alone, and at its begin there is none. */
static void what_cannot_be_read_is_refused_with_the_reason(void **state)
{
    (void)state;
    assert_not_loaded("/proc/self/mem", HF_IO, EIO, "cannot read it");
}

static void why_a_long_path_is_refused_is_still_said(void **state)
{
    (void)state;
    char path[300];
    struct hf_identity identity;
    struct hf_error error = {0};
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(hf_identity_load(&identity, path, &error), HF_IO);
    assert_int_equal(error.causes[0].code, ENAMETOOLONG);
    assert_non_null(strstr(hf_error_text(&error), strerror(ENAMETOOLONG)));
}

/* The directory entry too: hence a crash that takes all that was not synced. */
static void once_saved_it_outlives_a_crash(void **state)
{
    (void)state;
    struct hf_sim_files *disk;
    struct hf_identity identity = identity_of_the_specification();
    uint8_t content[HF_IDENTITY_PRIVATE_BYTES + 1];
    size_t size;
    assert_int_equal(hf_sim_files_new(&disk, NULL, NULL), HF_OK);
    const struct hf_files files = hf_sim_files(disk);
    assert_int_equal(hf_identity_save(&identity, "keys/own", &files, NULL), HF_OK);
    hf_sim_files_crash(disk, HF_SIM_CRASH_LOSE);
    assert_int_equal(
        hf_sim_files_read(disk, "keys/own", 0, content, sizeof(content), &size), HF_OK);
    hex_assert(content, size, ED25519_PRIVATE);
    assert_int_equal(hf_sim_files_statistics(disk).files, 1);
    hf_sim_files_free(disk);
}

/* The n-th call of each kind fails: the whole file is there, or nothing. */
static void a_failing_disk_leaves_all_or_nothing(void **state)
{
    (void)state;
    static const struct {
        enum hf_sim_file_call call;
        uint64_t skip;
        uint32_t files_left;
    } faults[] = {
        {HF_SIM_OPEN, 0, 0},
        {HF_SIM_APPEND, 0, 0},
        {HF_SIM_SYNC, 0, 0},
        {HF_SIM_CLOSE, 0, 0},
        {HF_SIM_RENAME, 0, 0},
        {HF_SIM_OPEN, 1, 1},
        {HF_SIM_SYNC, 1, 1},
        {HF_SIM_CLOSE, 1, 1},
    };
    struct hf_identity identity = identity_of_the_specification();
    for (size_t i = 0; i < LENGTH(faults); i++) {
        struct hf_sim_files *disk;
        struct hf_error error = {0};
        uint8_t byte;
        size_t got;
        assert_int_equal(hf_sim_files_new(&disk, NULL, NULL), HF_OK);
        const struct hf_files files = hf_sim_files(disk);
        const struct hf_sim_file_fault fault = {faults[i].skip, 1, EDQUOT, 10};
        hf_sim_files_fail(disk, faults[i].call, &fault);
        assert_int_equal(hf_identity_save(&identity, "own", &files, &error), HF_IO);
        assert_int_equal(error.causes[0].code, EDQUOT);
        assert_null(strstr(hf_error_text(&error), "there is one already"));
        assert_int_equal(hf_sim_files_statistics(disk).files, faults[i].files_left);
        assert_int_equal(hf_sim_files_statistics(disk).handles, 0);
        assert_int_equal(hf_sim_files_read(disk, "own", 0, &byte, 1, &got),
            faults[i].files_left ? HF_OK : HF_NOT_FOUND);
        hf_sim_files_free(disk);
    }
}

static void a_full_disk_is_reported_and_left_clean(void **state)
{
    (void)state;
    struct hf_sim_files *disk;
    struct hf_error error = {0};
    struct hf_identity identity = identity_of_the_specification();
    const struct hf_sim_files_options options = {.bytes_max = HF_IDENTITY_PRIVATE_BYTES - 1};
    assert_int_equal(hf_sim_files_new(&disk, &options, NULL), HF_OK);
    const struct hf_files files = hf_sim_files(disk);
    assert_int_equal(hf_identity_save(&identity, "own", &files, &error), HF_IO);
    assert_int_equal(error.causes[0].code, ENOSPC);
    assert_int_equal(hf_sim_files_statistics(disk).files, 0);
    hf_sim_files_free(disk);
}

static void paths_too_long_and_null_are_invalid(void **state)
{
    (void)state;
    struct hf_identity identity = identity_of_the_specification();
    const struct hf_identity none = {.id.size = 0};
    struct hf_error error = {0};
    char path[HF_IDENTITY_PATH_BYTES_MAX + 1];
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(hf_identity_save(&identity, path, NULL, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "path: 1024 bytes are too many (at most 1023)");
    assert_int_equal(hf_identity_save(&identity, NULL, NULL, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "path: NULL");
    assert_int_equal(hf_identity_save(&none, "own", NULL, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "identity: none");
    assert_int_equal(hf_identity_save(NULL, "own", NULL, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "identity: NULL");
    assert_int_equal(hf_identity_load(&identity, NULL, &error), HF_INVALID);
    assert_int_equal(hf_identity_load(NULL, "own", &error), HF_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_DIRECTORY(what_is_saved_is_secret_and_loads_as_it_was),
        IN_A_DIRECTORY(a_file_that_is_there_is_never_replaced),
        IN_A_DIRECTORY(what_others_may_use_is_not_read),
        IN_A_DIRECTORY(a_file_in_the_older_form_loads_too),
        IN_A_DIRECTORY(a_file_with_something_else_in_it_is_refused),
        IN_A_DIRECTORY(what_is_no_file_is_refused_without_waiting),
        cmocka_unit_test(what_cannot_be_read_is_refused_with_the_reason),
        cmocka_unit_test(why_a_long_path_is_refused_is_still_said),
        cmocka_unit_test(once_saved_it_outlives_a_crash),
        cmocka_unit_test(a_failing_disk_leaves_all_or_nothing),
        cmocka_unit_test(a_full_disk_is_reported_and_left_clean),
        cmocka_unit_test(paths_too_long_and_null_are_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
