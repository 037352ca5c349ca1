/* SPDX-License-Identifier: MIT */
#ifndef HF_LIMIT_FILE_HEADER_H
#define HF_LIMIT_FILE_HEADER_H

#include <stdbool.h>

#include <holdfast/error.h>
#include <holdfast/hash.h>

#include "base/table.h"

/*
 * The first page of a limiter's file: what never changes. The second is struct hf_file_state, the
 * table follows; all in the byte order of the machine that made it.
 */
#define HF_FILE_PAGE_BYTES 4096
#define HF_FILE_TABLE_OFFSET (2 * HF_FILE_PAGE_BYTES)

/* To be raised with every change of what any part of the file means: pages, slots, hashes. */
#define HF_FILE_VERSION 4

#define HF_FILE_MAGIC "hflimit" /* With its NUL. */
#define HF_FILE_BYTE_ORDER UINT32_C(0x01020304)

/* Where a fixed key belongs: whoever finds another place for it hashes otherwise. */
struct hf_file_proof {
    uint64_t home; /* Number of the line. */
    uint64_t fingerprint;
};

struct hf_file_header {
    char magic[8];
    uint32_t byte_order;
    uint32_t version;
    uint64_t file_bytes;
    uint64_t homes; /* The table's shape. */
    uint64_t unit_ns;
    uint32_t path_lines;
    uint32_t hash; /* enum hf_hash_kind. */
    uint32_t seed_bytes;
    uint32_t unused;
    struct hf_hash_seed seed;
    struct hf_file_proof proof;
    uint64_t wall_ns;  /* When the file was made, by the wall clock */
    uint64_t table_ns; /* and in table time. */
    uint8_t padding[HF_FILE_PAGE_BYTES - 128];
    uint64_t checksum; /* Of all the above. */
};

_Static_assert(sizeof(struct hf_file_header) == HF_FILE_PAGE_BYTES, "the header is one page");

/* What is chosen when a file is made. */
struct hf_file_birth {
    struct hf_table_shape shape;
    enum hf_hash_kind hash;
    struct hf_hash_seed seed;
    struct hf_file_proof proof;
    uint64_t wall_ns;
    uint64_t table_ns;
};

/* Bytes of a file with a table of this shape; UINT64_MAX if there cannot be one. */
uint64_t hf_file_bytes(const struct hf_table_shape *shape);

/* The header of a new file. */
struct hf_file_header hf_file_header(const struct hf_file_birth *birth);

/*
 * Checks a header found in a file of so many bytes, at least a page. HF_MALFORMED or
 * HF_UNSUPPORTED, and error says what was found and what was expected.
 */
HF_MUST_USE enum hf_status hf_file_header_check(
    const struct hf_file_header *header, uint64_t found_bytes, struct hf_error *error);

/* The table's shape in a checked header. */
struct hf_table_shape hf_file_header_shape(const struct hf_file_header *header);

/* Checks that this program finds the place that the file's maker found. HF_UNSUPPORTED. */
HF_MUST_USE enum hf_status hf_file_header_prove(
    const struct hf_file_header *header, const struct hf_file_proof *proof, struct hf_error *error);

/* Whether the page is all zero: that of a file which is not finished. */
bool hf_file_header_is_blank(const struct hf_file_header *header);

#endif
