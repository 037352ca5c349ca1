/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/files.h"
#include "support/sim_disk.h"

struct hf_sim_files *disk_under_test;

void disk_put_under_test(struct hf_sim_files *disk)
{
    static struct hf_files view;
    disk_under_test = disk;
    view = hf_sim_files(disk);
    files_under_test = &view;
}

int disk_make(void **state)
{
    (void)state;
    struct hf_sim_files *disk = NULL;
    if (hf_sim_files_new(&disk, NULL, NULL) != HF_OK)
        return -1;
    disk_put_under_test(disk);
    return 0;
}

int disk_free(void **state)
{
    (void)state;
    hf_sim_files_free(disk_under_test);
    return 0;
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
