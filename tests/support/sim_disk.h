/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_SUPPORT_SIM_DISK_H
#define HF_TESTS_SUPPORT_SIM_DISK_H

#include <holdfast/sim_files.h>

/* A simulated disk, made anew for each test, whose files are under test. */

extern struct hf_sim_files *disk_under_test;

#define ON_A_DISK(test) cmocka_unit_test_setup_teardown(test, disk_make, disk_free)
int disk_make(void **state);
int disk_free(void **state);

/* Puts another one under test: one made with the test's own options. */
void disk_put_under_test(struct hf_sim_files *disk);

void disk_assert_content(const char *path, const char *expected);
void disk_assert_absent(const char *path);

#endif
