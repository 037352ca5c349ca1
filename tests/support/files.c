/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/files.h"

const struct hf_files *files_under_test;

intptr_t files_open(const char *path, uint64_t expected_bytes)
{
    intptr_t file = -1;
    uint64_t size_bytes = UINT64_MAX;
    assert_int_equal(
        files_under_test->open(files_under_test->context, path, &file, &size_bytes), 0);
    assert_true(size_bytes == expected_bytes);
    return file;
}

void files_append(intptr_t file, const char *text)
{
    size_t written = 0;
    assert_int_equal(
        files_under_test->append(files_under_test->context, file, text, strlen(text), &written), 0);
    assert_int_equal(written, strlen(text));
}

void files_sync(intptr_t file)
{
    assert_int_equal(files_under_test->sync(files_under_test->context, file), 0);
}

void files_close(intptr_t file)
{
    assert_int_equal(files_under_test->close(files_under_test->context, file), 0);
}

void files_make(const char *path, const char *text)
{
    intptr_t file = files_open(path, 0);
    files_append(file, text);
    files_close(file);
}

int files_refusal(const char *path)
{
    intptr_t file = 77;
    uint64_t size_bytes = 88;
    int code = files_under_test->open(files_under_test->context, path, &file, &size_bytes);
    assert_int_not_equal(code, 0);
    assert_int_equal(file, 77);
    assert_int_equal(size_bytes, 88);
    return code;
}
