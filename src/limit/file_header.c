/* SPDX-License-Identifier: MIT */
#include "limit/file_header.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

uint64_t hf_file_bytes(const struct hf_table_shape *shape)
{
    size_t table_bytes = hf_table_bytes(shape);
    bool fits = table_bytes <= SIZE_MAX - HF_FILE_TABLE_OFFSET;
    return fits ? (uint64_t)table_bytes + HF_FILE_TABLE_OFFSET : UINT64_MAX;
}

static uint64_t checksum_of(const struct hf_file_header *header)
{
    return hf_hash_siphash(NULL, hf_bytes(header, offsetof(struct hf_file_header, checksum))).low;
}

struct hf_file_header hf_file_header(const struct hf_file_birth *birth)
{
    struct hf_file_header header = {
        .magic = HF_FILE_MAGIC,
        .byte_order = HF_FILE_BYTE_ORDER,
        .version = HF_FILE_VERSION,
        .file_bytes = hf_file_bytes(&birth->shape),
        .homes = birth->shape.homes,
        .unit_ns = birth->shape.unit_ns,
        .path_lines = birth->shape.path_lines,
        .hash = (uint32_t)birth->hash,
        .seed_bytes = sizeof(birth->seed),
        .seed = birth->seed,
        .proof = birth->proof,
        .wall_ns = birth->wall_ns,
        .table_ns = birth->table_ns,
    };
    header.checksum = checksum_of(&header);
    return header;
}

struct hf_table_shape hf_file_header_shape(const struct hf_file_header *header)
{
    return (struct hf_table_shape){header->homes, header->path_lines, header->unit_ns};
}

/* What other versions and machines must be able to tell, before the checksum may be believed. */
static enum hf_status check_origin(const struct hf_file_header *header, struct hf_error *error)
{
    if (memcmp(header->magic, HF_FILE_MAGIC, sizeof(header->magic)) != 0)
        return hf_error_add(error, HF_MALFORMED, 0,
            "magic: the file does not begin with \"" HF_FILE_MAGIC "\": it is no limiter's");
    if (header->byte_order != HF_FILE_BYTE_ORDER)
        return hf_error_add(error, HF_UNSUPPORTED, 0,
            "byte_order: %#" PRIx32 " in the file, %#" PRIx32 " expected: made on another machine",
            header->byte_order, HF_FILE_BYTE_ORDER);
    if (header->version != HF_FILE_VERSION)
        return hf_error_add(error, HF_UNSUPPORTED, 0,
            "version: %" PRIu32 " in the file, %d expected", header->version, HF_FILE_VERSION);
    uint64_t checksum = checksum_of(header);
    if (header->checksum != checksum)
        return hf_error_add(error, HF_MALFORMED, 0,
            "checksum: %#" PRIx64 " in the file, %#" PRIx64 " expected: the header is damaged",
            header->checksum, checksum);
    return HF_OK;
}

/* What another build may choose otherwise. */
static enum hf_status check_hash(const struct hf_file_header *header, struct hf_error *error)
{
    if (header->seed_bytes != sizeof(header->seed))
        return hf_error_add(error, HF_UNSUPPORTED, 0,
            "seed_bytes: %" PRIu32 " in the file, %zu expected", header->seed_bytes,
            sizeof(header->seed));
    if (header->hash != HF_HASH_SIPHASH && header->hash != HF_HASH_FAST)
        return hf_error_add(error, HF_UNSUPPORTED, 0,
            "hash: %" PRIu32 " in the file, 0 or 1 expected", header->hash);
    return HF_OK;
}

static enum hf_status out_of_range(
    struct hf_error *error, const char *field, uint64_t found, uint64_t most)
{
    return hf_error_add(error, HF_MALFORMED, 0,
        "%s: %" PRIu64 " in the file, 1 to %" PRIu64 " expected", field, found, most);
}

static bool is_within(uint64_t value, uint64_t most)
{
    return value >= 1 && value <= most;
}

static enum hf_status check_shape(
    const struct hf_file_header *header, uint64_t found_bytes, struct hf_error *error)
{
    if (!is_within(header->homes, HF_TABLE_HOMES_MAX))
        return out_of_range(error, "homes", header->homes, HF_TABLE_HOMES_MAX);
    if (!is_within(header->path_lines, HF_TABLE_PATH_LINES_MAX))
        return out_of_range(error, "path_lines", header->path_lines, HF_TABLE_PATH_LINES_MAX);
    if (!is_within(header->unit_ns, HF_TABLE_TOLERANCE_MAX_NS))
        return out_of_range(error, "unit_ns", header->unit_ns, HF_TABLE_TOLERANCE_MAX_NS);
    struct hf_table_shape shape = hf_file_header_shape(header);
    if (header->file_bytes != hf_file_bytes(&shape))
        return hf_error_add(error, HF_MALFORMED, 0,
            "file_bytes: %" PRIu64 " in the header, %" PRIu64 " expected for %" PRIu64 " homes",
            header->file_bytes, hf_file_bytes(&shape), header->homes);
    if (header->file_bytes != found_bytes)
        return hf_error_add(error, HF_MALFORMED, 0,
            "file size: %" PRIu64 " bytes found, %" PRIu64 " expected", found_bytes,
            header->file_bytes);
    if (header->table_ns > HF_TIME_MAX_NS)
        return out_of_range(error, "table_ns", header->table_ns, HF_TIME_MAX_NS);
    return HF_OK;
}

enum hf_status hf_file_header_check(
    const struct hf_file_header *header, uint64_t found_bytes, struct hf_error *error)
{
    enum hf_status status = check_origin(header, error);
    if (status == HF_OK)
        status = check_hash(header, error);
    if (status == HF_OK)
        status = check_shape(header, found_bytes, error);
    return status;
}

enum hf_status hf_file_header_prove(
    const struct hf_file_header *header, const struct hf_file_proof *proof, struct hf_error *error)
{
    if (header->proof.home != proof->home || header->proof.fingerprint != proof->fingerprint)
        return hf_error_add(error, HF_UNSUPPORTED, 0,
            "proof: line %" PRIu64 ", %#" PRIx64 " in the file, line %" PRIu64 ", %#" PRIx64
            " expected: another version's hash",
            header->proof.home, header->proof.fingerprint, proof->home, proof->fingerprint);
    return HF_OK;
}

bool hf_file_header_is_blank(const struct hf_file_header *header)
{
    static const struct hf_file_header blank;
    return memcmp(header, &blank, sizeof(blank)) == 0;
}
