/* SPDX-License-Identifier: MIT */
#include "audit/options.h"

#include <string.h>

#include "audit/name.h"
#include "audit/roll.h"
#include "base/allocator.h"

#define PREFIX_DEFAULT "audit"
#define FILE_BYTES_MAX_DEFAULT (UINT64_C(64) << 20)
#define FILE_BYTES_MAX_LEAST 4096
#define FILES_MAX_DEFAULT 14
#define LANE_BYTES_DEFAULT (256 << 10)
#define LANE_BYTES_LEAST 4096
#define LANE_BYTES_MOST (64 << 20)
#define SYNC_INTERVAL_DEFAULT_NS HF_SECONDS(1)

_Static_assert(FILE_BYTES_MAX_LEAST >= 2 * HF_AUDIT_RECORD_BYTES_MAX, "a file holds any record");
_Static_assert(LANE_BYTES_LEAST >= 2 * HF_AUDIT_RECORD_BYTES_MAX, "a lane holds any record");

_Static_assert(HF_ROLL_DIRECTORY_BYTES_MAX == 3967, "what the header says");

static void fill_defaults(struct hf_audit_options *options)
{
    if (!options->prefix)
        options->prefix = PREFIX_DEFAULT;
    if (options->file_bytes_max == 0)
        options->file_bytes_max = FILE_BYTES_MAX_DEFAULT;
    if (options->files_max == 0)
        options->files_max = FILES_MAX_DEFAULT;
    if (options->lane_bytes == 0)
        options->lane_bytes = LANE_BYTES_DEFAULT;
    if (options->sync_interval_ns == 0)
        options->sync_interval_ns = SYNC_INTERVAL_DEFAULT_NS;
    if (!options->files)
        options->files = hf_files_system();
    if (!options->allocator)
        options->allocator = hf_allocator_libc();
}

static enum hf_status check_names(const struct hf_audit_options *options, struct hf_error *error)
{
    if (!options->directory)
        return hf_error_add(error, HF_INVALID, 0, "audit.directory: NULL");
    size_t bytes = strlen(options->directory);
    if (bytes == 0)
        return hf_error_add(error, HF_INVALID, 0, "audit.directory: \"\" is empty");
    if (bytes > HF_ROLL_DIRECTORY_BYTES_MAX)
        return hf_error_add(error, HF_INVALID, 0,
            "audit.directory: %zu bytes are too many (1 to %d): %.32s...", bytes,
            HF_ROLL_DIRECTORY_BYTES_MAX, options->directory);
    if (!hf_name_prefix_valid(options->prefix))
        return hf_error_add(error, HF_INVALID, 0,
            "audit.prefix: \"%.64s\" is not 1 to %d of A-Z, a-z, 0-9, _ and -", options->prefix,
            HF_NAME_PREFIX_BYTES_MAX);
    return HF_OK;
}

static enum hf_status check_numbers(const struct hf_audit_options *options, struct hf_error *error)
{
    if ((unsigned)options->roll > HF_AUDIT_ROLL_BY_SIZE_ONLY)
        return hf_error_add(
            error, HF_INVALID, 0, "audit.roll: %d is not on the list", (int)options->roll);
    if ((unsigned)options->full_policy > HF_AUDIT_BLOCK)
        return hf_error_add(error, HF_INVALID, 0, "audit.full_policy: %d is not on the list",
            (int)options->full_policy);
    if (options->file_bytes_max < FILE_BYTES_MAX_LEAST)
        return hf_error_add(error, HF_INVALID, 0,
            "audit.file_bytes_max: %llu is too small (at least %d)",
            (unsigned long long)options->file_bytes_max, FILE_BYTES_MAX_LEAST);
    uint32_t lane_bytes = options->lane_bytes;
    if (lane_bytes < LANE_BYTES_LEAST || lane_bytes > LANE_BYTES_MOST ||
        (lane_bytes & (lane_bytes - 1)) != 0)
        return hf_error_add(error, HF_INVALID, 0,
            "audit.lane_bytes: %u is not a power of two from %d to %d", (unsigned)lane_bytes,
            LANE_BYTES_LEAST, LANE_BYTES_MOST);
    if (options->sync_interval_ns > HF_TIME_MAX_NS &&
        options->sync_interval_ns != HF_AUDIT_SYNC_NEVER)
        return hf_error_add(error, HF_INVALID, 0,
            "audit.sync_interval_ns: %llu is too large (at most %llu)",
            (unsigned long long)options->sync_interval_ns, (unsigned long long)HF_TIME_MAX_NS);
    return HF_OK;
}

static enum hf_status check_files(const struct hf_files *files, struct hf_error *error)
{
    const struct {
        const char *name;
        bool present;
    } functions[] = {
        {"open", files->open},
        {"append", files->append},
        {"read", files->read},
        {"sync", files->sync},
        {"truncate", files->truncate},
        {"close", files->close},
        {"rename", files->rename},
        {"remove", files->remove},
        {"list", files->list},
    };
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        if (!functions[i].present)
            return hf_error_add(error, HF_INVALID, 0, "audit.files.%s: NULL", functions[i].name);
    }
    return HF_OK;
}

enum hf_status hf_audit_options_fill(
    const struct hf_audit_options *options, struct hf_audit_options *filled, struct hf_error *error)
{
    if (!options)
        return hf_error_add(error, HF_INVALID, 0, "audit.options: NULL");
    *filled = *options;
    fill_defaults(filled);
    enum hf_status status = check_names(filled, error);
    if (status == HF_OK)
        status = check_numbers(filled, error);
    if (status == HF_OK)
        status = check_files(filled->files, error);
    if (status == HF_OK)
        status = hf_allocator_check(filled->allocator, error);
    return status;
}
