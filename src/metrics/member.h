/* SPDX-License-Identifier: MIT */
#ifndef HF_METRICS_MEMBER_H
#define HF_METRICS_MEMBER_H

#include "metrics/metrics.h"

/*
 * A member with its labels in canonical text, but of no family and without an instrument yet: what
 * the registry searches by. NULL: out of memory.
 */
struct hf_member *hf_member_new(
    const struct hf_allocator *allocator, const struct hf_metric_request *request);

/*
 * Gives it its instrument, and a family: the one it is told, or a new one if that is NULL. False:
 * out of memory, and the member is as before.
 */
bool hf_member_complete(const struct hf_allocator *allocator, struct hf_member *member,
    struct hf_family *family, const struct hf_metric_request *request);

/* Frees it, complete or not, and its family if it was the last. */
void hf_member_free(const struct hf_allocator *allocator, struct hf_member *member);

#endif
