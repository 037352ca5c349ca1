/* SPDX-License-Identifier: MIT */
#ifndef HF_LIMIT_ATTACHMENT_H
#define HF_LIMIT_ATTACHMENT_H

#include <holdfast/limiter_file.h>

#include "limit/file_state.h"
#include "limit/limiter.h"
#include "limit/owners.h"

/*
 * A limiter's hold on a file: open, mapped, with a number of its own among those who share it.
 * Opening goes through hf_owners' door, so that one process at a time fills in, checks and mends.
 */
struct hf_attachment {
    struct hf_limiter limiter;
    const struct hf_mapping *mapping;
    intptr_t file;
    void *memory; /* NULL: not mapped. */
    size_t size_bytes;
    struct hf_owners owners;
    struct hf_clock clock; /* What table time follows, and how. */
    struct hf_time_line line;
    uint64_t process;
    struct hf_allocator allocator;
    _Alignas(HF_CACHE_LINE) uint64_t note_at_ns; /* When table time is to be noted next. */
};

/* hf_limiter_open by another system's files. */
HF_MUST_USE enum hf_status hf_attachment_new(struct hf_attachment **attachment,
    const struct hf_limiter_options *options, const struct hf_limiter_file *file,
    const struct hf_mapping *mapping, struct hf_error *error);

/* Lets go of the file. */
void hf_attachment_free(struct hf_attachment *attachment);

/* A number that the file has for all who use it, and no other file. */
uint64_t hf_attachment_identity(const struct hf_attachment *attachment);

/* Notes table time in the file. */
void hf_attachment_note(struct hf_attachment *attachment);

#endif
