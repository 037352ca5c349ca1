/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/directory.h"
#include "support/files.h"

char directory_path[] = "/tmp/holdfast-files-XXXXXX";
char directory_paths[DIRECTORY_PATHS][64];

int directory_make(void **state)
{
    (void)state;
    memcpy(directory_path + sizeof(directory_path) - 7, "XXXXXX", 6);
    if (!mkdtemp(directory_path))
        return -1;
    for (int index = 0; index < DIRECTORY_PATHS; index++)
        snprintf(directory_paths[index], sizeof(directory_paths[index]), "%s/%c", directory_path,
            'a' + index);
    files_under_test = hf_files_system();
    return 0;
}

int directory_remove(void **state)
{
    (void)state;
    for (int index = 0; index < DIRECTORY_PATHS; index++)
        if (remove(directory_paths[index]) != 0 && errno != ENOENT)
            return -1;
    return rmdir(directory_path);
}

void directory_assert_content(const char *path, const char *expected)
{
    char content[128] = {0};
    FILE *stream = fopen(path, "r");
    assert_non_null(stream);
    size_t got = fread(content, 1, sizeof(content) - 1, stream);
    fclose(stream);
    assert_int_equal(got, strlen(expected));
    assert_string_equal(content, expected);
}
