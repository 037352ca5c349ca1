/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_FILES_H
#define HOLDFAST_FILES_H

#include <stdbool.h>

#include <holdfast/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Files as an effect, so that full disks, torn writes and failing renames can be simulated. Each
 * function returns 0 or a positive errno value. Options that take a `const struct hf_files *` use
 * the system's for NULL; the struct is copied, its context borrowed. Used by one thread at a time.
 */

/* Called by list for each name in a directory (no "." and ".."). Return false to stop. */
typedef bool hf_files_visit(void *visit_context, const char *name);

struct hf_files {
    void *context;
    /*
     * Opens a regular file for appending and reading, creating it with mode 0600 if needed;
     * *size_bytes is its length. Does not follow a symbolic link (ELOOP) and refuses anything but a
     * regular file (EISDIR, ENXIO) without waiting for its other end. *file is written only on
     * success.
     */
    int (*open)(void *context, const char *path, intptr_t *file, uint64_t *size_bytes);
    /* Appends; *written tells how much got there, also on failure (a torn write). */
    int (*append)(
        void *context, intptr_t file, const void *data, size_t size_bytes, size_t *written);
    /* Reads from offset; *got is less than size_bytes at the end of the file and on failure only.
     */
    int (*read)(
        void *context, intptr_t file, uint64_t offset, void *data, size_t size_bytes, size_t *got);
    /* What was appended, and the name the file was opened by, reach the disk before it returns. */
    int (*sync)(void *context, intptr_t file);
    /* Cuts the file to a length not above its size, to take a torn write back. */
    int (*truncate)(void *context, intptr_t file, uint64_t size_bytes);
    /* The file is closed whatever it returns; does not sync. */
    int (*close)(void *context, intptr_t file);
    /* Fails with EEXIST rather than replace `to`. Works on open files. */
    int (*rename)(void *context, const char *from, const char *to);
    int (*remove)(void *context, const char *path);
    int (*list)(void *context, const char *directory, hf_files_visit *visit, void *visit_context);
};

/* The operating system's files. Static. */
HF_API const struct hf_files *hf_files_system(void);

#ifdef __cplusplus
}
#endif

#endif
