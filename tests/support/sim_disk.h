/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_SUPPORT_SIM_DISK_H
#define HF_TESTS_SUPPORT_SIM_DISK_H

#include <holdfast/sim_files.h>

/* A simulated disk made anew for each test, and what tests do with it all the time. */

extern struct hf_sim_files *disk_under_test;
extern struct hf_files disk_files; /* Its view as files. */

#define ON_A_DISK(test) cmocka_unit_test_setup_teardown(test, disk_make, disk_free)
int disk_make(void **state);
int disk_free(void **state);

/* Each asserts that the call succeeds, and that sizes and contents are as expected. */
intptr_t disk_open(const char *path, uint64_t expected_bytes);
void disk_append(intptr_t file, const char *text);
void disk_sync(intptr_t file);
void disk_close(intptr_t file);
void disk_make_file(const char *path, const char *text);
void disk_assert_content(const char *path, const char *expected);
void disk_assert_absent(const char *path);

#endif
