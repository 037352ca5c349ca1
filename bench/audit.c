/* SPDX-License-Identifier: MIT */
#include <holdfast/audit.h>

#include "floor.h"
#include "sink.h"

/*
 * What a producer pays, not what the disk does: files that take everything at once and keep
 * nothing. A run fits into a lane, so that no record is dropped, however far the writer has come.
 */
#define LANE_BYTES (1 << 20)
#define RECORDS_MAX 4000
#define FLUSH_MAX_NS HF_SECONDS(10)

static enum hf_status audit_open(struct bench *bench, struct hf_audit **audit)
{
    struct hf_audit_options options = {
        .directory = ".",
        .lane_bytes = LANE_BYTES,
        .files = &bench_sink,
        .allocator = bench->allocator,
    };
    return hf_audit_open(audit, &options, NULL);
}

static void catch_up(void *audit)
{
    if (hf_audit_flush(audit, FLUSH_MAX_NS) != HF_OK)
        fputs("audit: the writer does not catch up\n", stderr);
}

/* A record of some 200 bytes, as a limiter's denial would be. */
static uint64_t emit(void *context, size_t thread, uint64_t count)
{
    struct hf_audit *audit = context;
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct hf_field fields[] = {
            hf_field_text("guard", "catalogue"),
            hf_field_text("key", "2001:db8:85a3::8a2e:370:7334"),
            hf_field_text("reason", "key"),
            hf_field_unsigned("cost", 1),
            hf_field_unsigned("thread", thread),
            hf_field_unsigned("retry_after_ns", 20000000 + i),
        };
        wrong +=
            hf_audit_emit(audit, "denied", fields, sizeof(fields) / sizeof(fields[0])) != HF_OK;
    }
    return wrong;
}

void bench_audit(struct bench *bench)
{
    struct hf_audit *audit = NULL;
    if (audit_open(bench, &audit) != HF_OK) {
        bench_fail(bench, "audit", "cannot be opened");
        return;
    }
    bench_measure(bench, &(struct bench_case){
                             .ours =
                                 {
                                     .name = "audit emit, 200 bytes",
                                     .run = emit,
                                     .context = audit,
                                     .prepare = catch_up,
                                     .count_max = RECORDS_MAX,
                                 },
                             .floor = bench_floor_record(),
                         });
    if (hf_audit_close(audit, FLUSH_MAX_NS, NULL) != HF_OK)
        bench_fail(bench, "audit", "records are lost");
}
