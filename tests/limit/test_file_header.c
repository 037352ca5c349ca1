/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "limit/file_header.h"

static const struct hf_file_birth birth = {
    .shape = {.homes = 53, .path_lines = 16, .unit_ns = 500},
    .hash = HF_HASH_FAST,
    .seed = {{1, 2, 3, 4}},
    .proof = {.home = 17, .fingerprint = 0xabcdef},
    .wall_ns = 1000,
    .table_ns = 2000,
};

static struct hf_file_header good(void)
{
    return hf_file_header(&birth);
}

/* What is said about a header in a file of its own length. */
static struct hf_error judge(struct hf_file_header header)
{
    struct hf_error error = {0};
    enum hf_status status = hf_file_header_check(&header, header.file_bytes, &error);
    assert_int_equal(error.count, status != HF_OK);
    assert_int_equal(hf_file_header_check(&header, header.file_bytes, NULL), status);
    return error;
}

/* A header that was made like this, not damaged. */
static struct hf_file_header sealed(struct hf_file_header header)
{
    struct hf_bytes bytes = hf_bytes(&header, offsetof(struct hf_file_header, checksum));
    header.checksum = hf_hash_siphash(NULL, bytes).low;
    return header;
}

static void assert_says(struct hf_file_header header, enum hf_status status, const char *text)
{
    struct hf_error error = judge(header);
    assert_int_equal(error.count, 1);
    assert_int_equal(error.causes[0].status, status);
    if (!strstr(error.causes[0].text, text))
        fail_msg("\"%s\" is not in \"%s\"", text, error.causes[0].text);
}

static void a_header_that_was_made_is_good(void **state)
{
    (void)state;
    struct hf_file_header header = good();
    assert_int_equal(judge(header).count, 0);
    struct hf_table_shape shape = hf_file_header_shape(&header);
    assert_int_equal(shape.homes, 53);
    assert_int_equal(shape.path_lines, 16);
    assert_int_equal(shape.unit_ns, 500);
    assert_int_equal(header.file_bytes, 2 * 4096 + hf_table_bytes(&shape));
    assert_int_equal(hf_file_header_prove(&header, &birth.proof, NULL), HF_OK);
}

static void every_byte_that_is_changed_is_noticed(void **state)
{
    (void)state;
    for (size_t at = 0; at < sizeof(struct hf_file_header); at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct hf_file_header header = good();
            uint64_t found_bytes = header.file_bytes;
            ((uint8_t *)&header)[at] ^= (uint8_t)(1u << bit);
            assert_int_not_equal(hf_file_header_check(&header, found_bytes, NULL), HF_OK);
        }
    }
}

static void what_is_no_limiters_file_is_told_from_a_damaged_one(void **state)
{
    (void)state;
    struct hf_file_header header = good();
    header.magic[0] = 'X';
    assert_says(header, HF_MALFORMED, "magic: the file does not begin with \"hflimit\"");
    header = good();
    header.padding[7] = 1;
    assert_says(header, HF_MALFORMED, "checksum: 0x");
}

static void another_byte_order_is_named(void **state)
{
    (void)state;
    struct hf_file_header header = good();
    header.byte_order = __builtin_bswap32(header.byte_order);
    header.version = __builtin_bswap32(header.version);
    assert_says(header, HF_UNSUPPORTED, "byte_order: 0x4030201 in the file, 0x1020304 expected");
}

/* Before anything else in it is believed. */
static void another_version_is_named(void **state)
{
    (void)state;
    struct hf_file_header header = good();
    header.version = 1;
    assert_says(header, HF_UNSUPPORTED, "version: 1 in the file, 4 expected");
}

static void another_hash_or_seed_length_is_named(void **state)
{
    (void)state;
    struct hf_file_header header = good();
    header.seed_bytes = 16;
    assert_says(sealed(header), HF_UNSUPPORTED, "seed_bytes: 16 in the file, 32 expected");
    header = good();
    header.hash = 2;
    assert_says(sealed(header), HF_UNSUPPORTED, "hash: 2 in the file, 0 or 1 expected");
    header = good();
    struct hf_error error = {0};
    struct hf_file_proof proof = birth.proof;
    proof.home++;
    assert_int_equal(hf_file_header_prove(&header, &proof, &error), HF_UNSUPPORTED);
    assert_string_equal(hf_error_text(&error), "proof: line 17, 0xabcdef in the file, line 18, "
                                               "0xabcdef expected: another version's hash");
    proof = birth.proof;
    proof.fingerprint++;
    assert_int_equal(hf_file_header_prove(&header, &proof, NULL), HF_UNSUPPORTED);
}

static void a_shape_that_cannot_be_is_named(void **state)
{
    (void)state;
    struct hf_file_header header = good();
    header.homes = 0;
    assert_says(sealed(header), HF_MALFORMED, "homes: 0 in the file, 1 to 68719476736 expected");
    header.homes = (UINT64_C(1) << 36) + 1;
    assert_says(sealed(header), HF_MALFORMED, "homes: 68719476737 in the file");
    header = good();
    header.path_lines = 33;
    assert_says(sealed(header), HF_MALFORMED, "path_lines: 33 in the file, 1 to 32 expected");
    header.path_lines = 0;
    assert_says(sealed(header), HF_MALFORMED, "path_lines: 0 in the file");
    header = good();
    header.unit_ns = 0;
    assert_says(sealed(header), HF_MALFORMED, "unit_ns: 0 in the file");
    header = good();
    header.homes++;
    assert_says(sealed(header), HF_MALFORMED, "file_bytes: ");
    header = good();
    header.table_ns = HF_TIME_MAX_NS + 1;
    assert_says(sealed(header), HF_MALFORMED, "table_ns: 2305843009213693952 in the file");
}

static void a_file_of_another_length_is_named(void **state)
{
    (void)state;
    struct hf_file_header header = good();
    struct hf_error error = {0};
    const uint64_t lengths[] = {0, 4096, header.file_bytes - 1, header.file_bytes + 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        hf_error_clear(&error);
        assert_int_equal(hf_file_header_check(&header, lengths[i], &error), HF_MALFORMED);
        assert_memory_equal(hf_error_text(&error), "file size: ", 11);
    }
    assert_string_equal(
        hf_error_text(&error), "file size: 18446744073709551615 bytes found, 12608 expected");
}

static void only_a_page_of_zeros_is_blank(void **state)
{
    (void)state;
    struct hf_file_header header = {0};
    assert_true(hf_file_header_is_blank(&header));
    assert_says(header, HF_MALFORMED, "magic");
    for (size_t at = 0; at < sizeof(header); at++) {
        ((uint8_t *)&header)[at] = 1;
        assert_false(hf_file_header_is_blank(&header));
        ((uint8_t *)&header)[at] = 0;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_that_was_made_is_good),
        cmocka_unit_test(every_byte_that_is_changed_is_noticed),
        cmocka_unit_test(what_is_no_limiters_file_is_told_from_a_damaged_one),
        cmocka_unit_test(another_byte_order_is_named),
        cmocka_unit_test(another_version_is_named),
        cmocka_unit_test(another_hash_or_seed_length_is_named),
        cmocka_unit_test(a_shape_that_cannot_be_is_named),
        cmocka_unit_test(a_file_of_another_length_is_named),
        cmocka_unit_test(only_a_page_of_zeros_is_blank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
