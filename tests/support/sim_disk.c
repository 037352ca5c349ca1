/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/sim_disk.h"

struct hf_sim_files *disk_under_test;
struct hf_files disk_files;

int disk_make(void **state)
{
    (void)state;
    if (hf_sim_files_new(&disk_under_test, NULL, NULL) != HF_OK)
        return -1;
    disk_files = hf_sim_files(disk_under_test);
    return 0;
}

int disk_free(void **state)
{
    (void)state;
    hf_sim_files_free(disk_under_test);
    return 0;
}

intptr_t disk_open(const char *path, uint64_t expected_bytes)
{
    intptr_t file = 0;
    uint64_t size_bytes = UINT64_MAX;
    assert_int_equal(disk_files.open(disk_files.context, path, &file, &size_bytes), 0);
    assert_int_equal(size_bytes, expected_bytes);
    return file;
}

void disk_append(intptr_t file, const char *text)
{
    size_t written = 0;
    assert_int_equal(disk_files.append(disk_files.context, file, text, strlen(text), &written), 0);
    assert_int_equal(written, strlen(text));
}

void disk_sync(intptr_t file)
{
    assert_int_equal(disk_files.sync(disk_files.context, file), 0);
}

void disk_close(intptr_t file)
{
    assert_int_equal(disk_files.close(disk_files.context, file), 0);
}

void disk_make_file(const char *path, const char *text)
{
    intptr_t file = disk_open(path, 0);
    disk_append(file, text);
    disk_close(file);
}

void disk_assert_content(const char *path, const char *expected)
{
    char content[128] = {0};
    size_t got = 0;
    assert_int_equal(
        hf_sim_files_read(disk_under_test, path, 0, content, sizeof(content) - 1, &got), HF_OK);
    assert_int_equal(got, strlen(expected));
    assert_string_equal(content, expected);
}

void disk_assert_absent(const char *path)
{
    size_t got = 9;
    assert_int_equal(hf_sim_files_read(disk_under_test, path, 0, NULL, 0, &got), HF_NOT_FOUND);
    assert_int_equal(got, 0);
}
