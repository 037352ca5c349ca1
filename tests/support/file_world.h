/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_SUPPORT_FILE_WORLD_H
#define HF_TESTS_SUPPORT_FILE_WORLD_H

#include <stdbool.h>
#include <sys/types.h>

#include <holdfast/limiter_file.h>

#include "limit/attachment.h"

/*
 * A machine for limiters in files: its clocks stand still until told to move, in memory that child
 * processes share, and it can be started anew. The file has no name but one in /proc.
 */
struct file_world {
    struct hf_manual_clock clock;
    struct hf_manual_clock wall;
    char boot[16];
    char path[64];
    int descriptor;
    struct hf_limiter_options options;
    struct hf_limiter_file file;
};

#define FILE_WORLD_START_NS HF_SECONDS(1000)
#define FILE_WORLD_WALL_NS HF_SECONDS(1700000000)

/* The machine of the running test, with an empty file; quota 10 a second, burst 5, 100 keys. */
extern struct file_world *machine;

#define IN_A_FILE_WORLD(test)                                                                      \
    cmocka_unit_test_setup_teardown(test, file_world_make, file_world_remove)
int file_world_make(void **state);
int file_world_remove(void **state);

/* Both clocks go on. */
void file_world_advance(uint64_t duration_ns);

/* The machine was off: its clock begins again, and the wall clock is what it is told. */
void file_world_restart(uint64_t wall_ns);

/* Opens the file, which must work. */
struct hf_limiter *file_world_open(void);

/* Opens it and must not; the reason given is error's only cause. */
enum hf_status file_world_refusal(struct hf_error *error);

/* The same by a process that dies with the file open: it never gives anything back. */
void file_world_die(struct hf_limiter *limiter);

/* Asks for one cell of the key. */
enum hf_status file_world_ask(struct hf_limiter *limiter, const char *key);

/* How many cells of the key are to be had at once; takes them. */
uint64_t file_world_drain(struct hf_limiter *limiter, const char *key);

/* fork, but the child dies with this process, so that a test that fails leaves none behind. */
pid_t file_world_fork(void);

/* Waits for a child: what it gave to _exit, or 256 and the signal that killed it. */
int file_world_answer(pid_t child);

#endif
