/* SPDX-License-Identifier: MIT */
#ifndef HF_NET_KEPT_H
#define HF_NET_KEPT_H

#include <holdfast/allocator.h>
#include <holdfast/status.h>

/*
 * Bytes kept for somebody who has not taken them yet: added at the end, dropped from the front, in
 * one piece of memory that goes back as soon as it is empty. A zeroed one is empty. Who adds sees
 * to the limit.
 */
struct hf_kept {
    uint8_t *bytes;
    size_t begin;
    size_t end;
    size_t capacity;
};

/* HF_NO_MEMORY: nothing was added. */
HF_MUST_USE enum hf_status hf_kept_add(
    struct hf_kept *kept, const struct hf_allocator *allocator, struct hf_bytes bytes);

/* At most as many as there are. */
void hf_kept_drop(struct hf_kept *kept, const struct hf_allocator *allocator, size_t size);

/* All of them, borrowed until the next call. */
static inline struct hf_bytes hf_kept_bytes(const struct hf_kept *kept)
{
    return hf_bytes(kept->bytes ? kept->bytes + kept->begin : NULL, kept->end - kept->begin);
}

#endif
