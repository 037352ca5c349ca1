/* SPDX-License-Identifier: MIT */
#ifndef HF_AUDIT_AUDIT_H
#define HF_AUDIT_AUDIT_H

#include "audit/waiting.h"
#include "audit/writer.h"

/*
 * The log as a whole: lanes, the writer, and the thread that steps it.
 *
 * Records may wait HF_NAP_NS: the thread naps that long whenever a step found little to do, and
 * producers need not know. Only when nothing has come for HF_NAPS_MAX naps does it sleep until
 * woken, and the first record pays for waking it. So neither a busy program pays for wake-ups nor
 * an idle one for naps.
 */
#define HF_NAP_NS HF_MS(1)
#define HF_NAPS_MAX 64
#define HF_SLEEP_NS_MAX HF_SECONDS(10)
#define HF_PAUSE_NS_MIN HF_MS(10) /* After a failed append; doubled by each further one. */
#define HF_PAUSE_NS_MAX HF_SECONDS(1)
#define HF_BUSY_BYTES (HF_WRITER_BATCH_BYTES / 2) /* A step that appended more goes on at once. */

struct hf_audit {
    struct hf_lanes lanes;

    _Alignas(HF_CACHE_LINE) uint64_t closing;
    uint64_t full_policy; /* An enum hf_audit_full_policy. */
    struct hf_wall_clock wall;

    _Alignas(HF_CACHE_LINE) struct hf_waiting waiting;

    _Alignas(HF_CACHE_LINE) uint64_t urgent; /* How many want everything synced at once. */
    uint64_t stop;
    pthread_t thread;
    uint32_t naps;
    uint64_t pause_ns;

    struct hf_clock clock;
    struct hf_allocator allocator;
    struct hf_writer writer;
};

/* hf_audit_open without the thread; its owner steps the writer. Then hf_audit_free. */
enum hf_status hf_audit_new(
    struct hf_audit **audit, const struct hf_audit_options *options, struct hf_error *error);
void hf_audit_free(struct hf_audit *audit);

/* Steps the writer and tells those who wait. */
struct hf_turn hf_audit_step(struct hf_audit *audit);

/* Records that are not known to be on disk. */
uint64_t hf_audit_owed(const struct hf_audit *audit);

#endif
