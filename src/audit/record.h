/* SPDX-License-Identifier: MIT */
#ifndef HF_AUDIT_RECORD_H
#define HF_AUDIT_RECORD_H

#include <holdfast/audit.h>

#include "audit/json.h"
#include "audit/stamp.h"

/*
 * A line is a head, which the writer makes once the number is known, and a body, which the producer
 * makes beforehand:
 *
 *     {"time":"2026-11-20T12:00:00.123456789Z","seq":17   ,"event":"denied","key":"10.0.0.1"}\n
 */
#define HF_RECORD_TIME_KEY "{\"time\":\""
#define HF_RECORD_SEQ_KEY "\",\"seq\":"
#define HF_RECORD_HEAD_BYTES_MAX                                                                   \
    (sizeof(HF_RECORD_TIME_KEY) - 1 + HF_STAMP_BYTES + sizeof(HF_RECORD_SEQ_KEY) - 1 +             \
        HF_DECIMAL_BYTES_MAX)
#define HF_RECORD_BODY_BYTES_MAX (HF_AUDIT_RECORD_BYTES_MAX - HF_RECORD_HEAD_BYTES_MAX)

/* The log's own records. */
#define HF_RECORD_GAP "hf.gap"
#define HF_RECORD_OPEN "hf.open"

/* Writes a head to text, which has room for HF_RECORD_HEAD_BYTES_MAX; gives its size. */
size_t hf_record_head(struct hf_stamp_cache *cache, uint64_t time_ns, uint64_t number, char *text);

/* Reads the time from the beginning of a line. False if it is no head of this log's. */
bool hf_record_head_time(const char *text, size_t size, uint64_t *time_ns);

/*
 * Writes a body of at most HF_RECORD_BODY_BYTES_MAX, cutting texts if it must. HF_INVALID: a
 * field's name is NULL or one that every record has, its kind is unknown, its text is NULL but has
 * a size, or the names and numbers alone do not fit. Nothing here allocates.
 */
enum hf_status hf_record_body(const char *event, const struct hf_field *fields, size_t count,
    char text[HF_RECORD_BODY_BYTES_MAX], size_t *size);

/* True for the names that only the log itself gives to records. */
bool hf_record_is_own(const char *event);

#endif
