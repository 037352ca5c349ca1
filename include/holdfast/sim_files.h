/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_SIM_FILES_H
#define HOLDFAST_SIM_FILES_H

#include <holdfast/allocator.h>
#include <holdfast/error.h>
#include <holdfast/files.h>
#include <holdfast/random.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A disk in memory behind struct hf_files: it fills up, tears writes, refuses calls, and forgets in
 * a crash what was not synced.
 *
 *     struct hf_sim_files *disk = NULL;
 *     status = hf_sim_files_new(&disk, &(struct hf_sim_files_options){.bytes_max = 10000}, &error);
 *     struct hf_files files = hf_sim_files(disk);
 *     options.files = &files;
 *     ... write a log until the disk is full ...
 *     hf_sim_files_limit(disk, 0); // Somebody made room.
 *     hf_sim_files_crash(disk, HF_SIM_CRASH_TEAR);
 *     ... open the log again ...
 *
 * Paths are names: any directory exists, a path is in the directory that its last '/' ends. There
 * are no links and no special files.
 *
 * Thread-safe, so that a test can meddle while a writer thread writes.
 */
struct hf_sim_files;

#define HF_SIM_FILES_MAX 256      /* Files at once, those removed but still open included. */
#define HF_SIM_HANDLES_MAX 256    /* Open at once. */
#define HF_SIM_PATH_BYTES_MAX 256 /* A path with its NUL. */
#define HF_SIM_FILE_BYTES_MAX (UINT64_C(1) << 30)

struct hf_sim_files_options {
    uint64_t bytes_max;      /* Size of the disk. 0: no limit but HF_SIM_FILE_BYTES_MAX a file. */
    struct hf_random random; /* Decides what a crash tears. Zero: a generator with seed 1. */
    const struct hf_allocator *allocator; /* NULL: libc. */
};

/*
 * Makes an empty disk; options NULL: all defaults. HF_NO_MEMORY, or HF_INVALID if disk is NULL or
 * the allocator lacks a function. On failure *disk is NULL and error (NULL: not wanted) tells.
 */
HF_MUST_USE HF_API enum hf_status hf_sim_files_new(
    struct hf_sim_files **disk, const struct hf_sim_files_options *options, struct hf_error *error);

/* Frees it; nobody may be using it. NULL: nothing. */
HF_API void hf_sim_files_free(struct hf_sim_files *disk);

/*
 * The disk as files; borrows it. Where struct hf_files promises no errno value: ENOSPC when the
 * disk or the number of files is at its limit (what fits is written first), EMFILE, ENAMETOOLONG,
 * EFBIG, ENOMEM; EBADF for a handle from before a crash.
 */
HF_NAMESAKE_BEGIN
HF_API struct hf_files hf_sim_files(struct hf_sim_files *disk);
HF_NAMESAKE_END

enum hf_sim_file_call {
    HF_SIM_OPEN,
    HF_SIM_APPEND,
    HF_SIM_READ,
    HF_SIM_SYNC,
    HF_SIM_TRUNCATE,
    HF_SIM_CLOSE,
    HF_SIM_RENAME,
    HF_SIM_REMOVE,
    HF_SIM_LIST,
    HF_SIM_FILE_CALLS,
};

/* Calls that fail, having done nothing (an append: part of its work; a close: all of it). */
struct hf_sim_file_fault {
    uint64_t skip;       /* How many more succeed first. */
    uint64_t count;      /* How many then fail. 0: all. */
    int error;           /* The errno value they return. 0: EIO. */
    uint64_t torn_bytes; /* Appends only: how much of each failing one gets there. */
};

/*
 * Arms a fault for one kind of call, in place of the one before; NULL: no fault. HF_INVALID: disk
 * is NULL, or call is off the list. A sync that fails leaves what was appended unsynced; a later
 * one that succeeds covers it, which is kinder than some kernels are.
 */
HF_API enum hf_status hf_sim_files_fail(
    struct hf_sim_files *disk, enum hf_sim_file_call call, const struct hf_sim_file_fault *fault);

/* Changes the size of the disk; what is there stays. 0: no limit. NULL: nothing. */
HF_API void hf_sim_files_limit(struct hf_sim_files *disk, uint64_t bytes_max);

/* What a crash does to what was not synced: appended bytes, truncations, and names. */
enum hf_sim_crash {
    HF_SIM_CRASH_LOSE, /* None of it was on the disk. */
    HF_SIM_CRASH_TEAR, /* Some of it was: of each file's bytes a random first part, of the changes
                          of names a random first part in the order in which they were made. */
    HF_SIM_CRASH_KEEP, /* All of it: the process died, the machine did not. */
};

/*
 * Crashes: every handle goes bad, and the disk holds what had reached it. Syncing a file covers
 * its bytes and every change of names before, as a journalling file system does. Limits and faults
 * stay. NULL: nothing.
 */
HF_API void hf_sim_files_crash(struct hf_sim_files *disk, enum hf_sim_crash how);

/*
 * Reads a file from `offset` on into buffer, at most size_bytes; *got tells how much. HF_NOT_FOUND:
 * no file has that name. HF_INVALID: an argument is NULL (buffer may be, with size_bytes 0).
 */
HF_MUST_USE HF_API enum hf_status hf_sim_files_read(struct hf_sim_files *disk, const char *path,
    uint64_t offset, void *buffer, size_t size_bytes, size_t *got);

struct hf_sim_files_statistics {
    uint64_t calls[HF_SIM_FILE_CALLS];  /* Made, failed ones included. */
    uint64_t failed[HF_SIM_FILE_CALLS]; /* Failed, for whatever reason. */
    uint64_t bytes;                     /* On the disk, as its limit counts them. */
    uint64_t unsynced_bytes;            /* Of those, what a crash may take. */
    uint32_t files;                     /* Names. */
    uint32_t handles;                   /* Open. */
};

/* Reads the counts. NULL: zeroes. */
HF_NAMESAKE_BEGIN
HF_API struct hf_sim_files_statistics hf_sim_files_statistics(struct hf_sim_files *disk);
HF_NAMESAKE_END

#ifdef __cplusplus
}
#endif

#endif
