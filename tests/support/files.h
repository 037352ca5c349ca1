/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_SUPPORT_FILES_H
#define HF_TESTS_SUPPORT_FILES_H

#include <holdfast/files.h>

/* What tests do all the time with files of either kind, the system's and the simulated ones. */

extern const struct hf_files *files_under_test;

/* Each asserts that the call succeeds, and opening that the file has the size expected. */
intptr_t files_open(const char *path, uint64_t expected_bytes);
void files_append(intptr_t file, const char *text);
void files_sync(intptr_t file);
void files_close(intptr_t file);

/* Makes a new file that holds the text. */
void files_make(const char *path, const char *text);

/* Asserts that opening fails and writes nothing; returns the errno value. */
int files_refusal(const char *path);

#endif
