/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_SUPPORT_AUDIT_WORLD_H
#define HF_TESTS_SUPPORT_AUDIT_WORLD_H

#include <holdfast/sim_files.h>

#include "audit/audit.h"
#include "support/audit_reader.h"

/*
 * An audit log without a thread, on a simulated disk, with clocks that stand still. The test steps
 * it. Each test has a world made anew.
 */
#define WORLD_DIRECTORY "logs"
#define WORLD_LIVE "logs/audit.log"
#define WORLD_START_NS UINT64_C(1763596800000000000) /* 2025-11-20T00:00:00Z */

struct audit_world {
    struct hf_sim_files *disk;
    struct hf_files files;
    struct hf_manual_clock clock;
    struct hf_manual_clock wall;
    struct hf_audit_options options; /* To be changed before world_open. */
    struct hf_audit *audit;
    uint64_t kept; /* What emit said, over all runs. */
    uint64_t dropped;
};

extern struct audit_world world;

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, world_make, world_unmake)
int world_make(void **state);
int world_unmake(void **state);

void world_open(void);

/* Steps until the writer is idle, which must not take long, and frees the log. */
void world_close(void);

/* Emits a record with a text of that many bytes, and counts what became of it. */
enum hf_status world_emit(size_t text_bytes);

struct hf_turn world_step(void);

/* Steps until all that was emitted is in the file. */
void world_settle(void);

/* Days pass, and files fill up: two steps and 31 records a day. */
void world_live(unsigned days);

/* Reads everything back: as many records and named numbers as emit said there are. */
struct audit_account world_account(void);

struct hf_audit_statistics world_statistics(void);

/* Arms a fault: of calls of that kind, skip so many, then fail so many (0: all) with error. */
void world_fail(enum hf_sim_file_call call, uint64_t skip, uint64_t count, int error);
void world_heal(void);

/* Makes a file with that content, and says whether there is one of that name. */
void world_write(const char *path, const char *content);
bool world_has(const char *path);

#endif
