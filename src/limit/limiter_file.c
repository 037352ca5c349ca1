/* SPDX-License-Identifier: MIT */
#include <holdfast/limiter_file.h>

#include <string.h>

#include "limit/attachment.h"

enum hf_status hf_limiter_open(struct hf_limiter **limiter,
    const struct hf_limiter_options *options, const struct hf_limiter_file *file,
    struct hf_error *error)
{
    if (!limiter)
        return hf_error_add(error, HF_INVALID, 0, "limiter: NULL");
    *limiter = NULL;
    if (!options)
        return hf_error_add(error, HF_INVALID, 0, "options: NULL");
    if (!file)
        return hf_error_add(error, HF_INVALID, 0, "file: NULL");
    if (!file->path)
        return hf_error_add(error, HF_INVALID, 0, "file.path: NULL");
    struct hf_attachment *attachment;
    enum hf_status status =
        hf_attachment_new(&attachment, options, file, hf_mapping_system(), error);
    if (status == HF_OK)
        *limiter = &attachment->limiter;
    return status;
}

enum hf_status hf_limiter_recover(struct hf_limiter *limiter, uint64_t *recovered)
{
    if (!limiter)
        return HF_INVALID;
    struct hf_attachment *attachment = limiter->attachment;
    uint64_t count = 0;
    if (attachment)
        count = hf_table_recover(&limiter->table, hf_owners_is_dead, &attachment->owners);
    if (recovered)
        *recovered = count;
    return HF_OK;
}

enum hf_status hf_limiter_sync(struct hf_limiter *limiter, struct hf_error *error)
{
    if (!limiter)
        return hf_error_add(error, HF_INVALID, 0, "limiter: NULL");
    struct hf_attachment *attachment = limiter->attachment;
    if (!attachment)
        return HF_OK;
    hf_attachment_note(attachment);
    const struct hf_mapping *mapping = attachment->mapping;
    int code = mapping->sync(mapping->context, attachment->memory, attachment->size_bytes);
    if (code != 0)
        return hf_error_add(error, HF_IO, code, "cannot be written: %s", strerror(code));
    return HF_OK;
}
