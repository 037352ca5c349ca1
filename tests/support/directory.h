/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_SUPPORT_DIRECTORY_H
#define HF_TESTS_SUPPORT_DIRECTORY_H

/* A directory of the machine's, made anew for each test, in which the system's files are under
 * test. */

#define DIRECTORY_PATHS 4
extern char directory_path[];
extern char directory_paths[DIRECTORY_PATHS][64]; /* "a" to "d" in it; nothing else may be there. */

#define IN_A_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, directory_make, directory_remove)
int directory_make(void **state);
int directory_remove(void **state);

/* Reads it by other means than those under test. */
void directory_assert_content(const char *path, const char *expected);

#endif
