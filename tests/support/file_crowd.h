/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_SUPPORT_FILE_CROWD_H
#define HF_TESTS_SUPPORT_FILE_CROWD_H

#include "support/file_world.h"

/*
 * Processes that share a limiter in a file, some of which are killed. All ask for the same fresh
 * keys at about the same time: the n-th request of all is for key n / CROWD_ASKS, at a time that
 * belongs to the key. A key has one cell, which outlasts its requests, so that at most one of them
 * may be admitted, whoever dies; some of those admitted give the cell back.
 */
#define CROWD_ASKS 4
#define CROWD_STEP_NS HF_US(100) /* Between keys; well above the margin of the table. */
#define CROWD_CELL_STEPS 24      /* So many keys are live at a time. */
#define CROWD_KEYS_MAX (UINT64_C(1) << 23)

/* In memory that all share; its pages are used as touched. */
struct file_crowd {
    uint64_t front;   /* Requests so far. */
    uint64_t stop;    /* Set: workers leave. */
    uint64_t doubles; /* Keys admitted twice. */
    uint64_t cells;   /* Admitted in all. */
    uint64_t given_back;
    uint64_t admitted[CROWD_KEYS_MAX];
};

extern struct file_crowd *crowd;

/* A machine whose file has room for the crowd; setup and teardown of a test. */
int file_crowd_make(void **state);
int file_crowd_remove(void **state);
#define IN_A_CROWD(test) cmocka_unit_test_setup_teardown(test, file_crowd_make, file_crowd_remove)

/* Asks so many times, or until told to stop. */
void file_crowd_work(struct hf_limiter *limiter, uint64_t asks);

/* A process that opens the file for itself and works until told to stop; it ends with 0. */
pid_t file_crowd_hire(struct hf_limiter *inherited);

/* Asserts that after all deaths the table is whole: no slot lost, each key gets its cell. */
void file_crowd_check(struct hf_limiter *limiter);

#endif
