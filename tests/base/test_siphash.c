/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/siphash.h"
#include "siphash_vectors.h"

#define KEY_0 UINT64_C(0x0706050403020100)
#define KEY_1 UINT64_C(0x0f0e0d0c0b0a0908)

static void assert_hash(struct hf_hash128 hash, const char *expected)
{
    char text[33];
    for (size_t index = 0; index < 16; index++) {
        uint64_t word = index < 8 ? hash.low : hash.high;
        snprintf(text + 2 * index, 3, "%02x", (unsigned)(word >> (8 * (index % 8)) & 0xff));
    }
    assert_string_equal(text, expected);
}

static void assert_word(uint64_t word, const char *expected)
{
    char text[17];
    for (size_t index = 0; index < 8; index++)
        snprintf(text + 2 * index, 3, "%02x", (unsigned)(word >> (8 * index) & 0xff));
    assert_string_equal(text, expected);
}

/* In memory of its exact size, so that the address sanitizer sees a read past the end. */
static unsigned char *counting_bytes(size_t size)
{
    unsigned char *bytes = malloc(size > 0 ? size : 1);
    assert_non_null(bytes);
    for (size_t index = size; index-- > 0;)
        bytes[index] = (unsigned char)index;
    return bytes;
}

static void rounds_2_4_give_the_published_vectors(void **state)
{
    (void)state;
    for (size_t size = 0; size < 64; size++) {
        unsigned char *bytes = counting_bytes(size);
        assert_hash(hf_siphash_128(KEY_0, KEY_1, bytes, size, 2, 4), siphash_2_4[size]);
        assert_word(hf_siphash_64(KEY_0, KEY_1, bytes, size, 2, 4), siphash_2_4_64[size]);
        free(bytes);
    }
}

static void the_public_hashes_are_siphash_1_3(void **state)
{
    (void)state;
    const struct hf_hash_seed seed = {{KEY_0, KEY_1, 0, 0}};
    for (size_t size = 0; size < 64; size++) {
        unsigned char *bytes = counting_bytes(size);
        assert_hash(hf_hash_siphash(&seed, hf_bytes(bytes, size)), siphash_1_3[size]);
        assert_word(hf_hash_siphash64(&seed, hf_bytes(bytes, size)), siphash_1_3_64[size]);
        free(bytes);
    }
}

static void only_the_first_two_seed_words_matter(void **state)
{
    (void)state;
    const struct hf_hash_seed seed = {{KEY_0, KEY_1, UINT64_MAX, 1}};
    assert_hash(hf_hash_siphash(&seed, hf_bytes("", 0)), siphash_1_3[0]);
    for (unsigned bit = 0; bit < 128; bit++) {
        struct hf_hash_seed other = seed;
        other.words[bit / 64] ^= UINT64_C(1) << (bit % 64);
        struct hf_hash128 one = hf_hash_siphash(&seed, hf_bytes("key", 3));
        struct hf_hash128 changed = hf_hash_siphash(&other, hf_bytes("key", 3));
        assert_true(one.low != changed.low);
        assert_true(one.high != changed.high);
        assert_true(hf_hash_siphash64(&seed, hf_bytes("key", 3)) !=
                    hf_hash_siphash64(&other, hf_bytes("key", 3)));
    }
}

static void missing_seed_and_data_count_as_zero_and_empty(void **state)
{
    (void)state;
    const struct hf_hash_seed zero = {{0}};
    struct hf_hash128 expected = hf_hash_siphash(&zero, hf_bytes("", 0));
    const struct hf_bytes nothings[] = {hf_bytes(NULL, 0), hf_bytes(NULL, 9)};
    for (size_t index = 0; index < 2; index++) {
        struct hf_hash128 hash = hf_hash_siphash(NULL, nothings[index]);
        assert_true(hash.low == expected.low);
        assert_true(hash.high == expected.high);
        assert_true(hf_hash_siphash64(NULL, nothings[index]) ==
                    hf_hash_siphash64(&zero, hf_bytes("", 0)));
    }
}

static void alignment_does_not_matter_up_to_64_kib(void **state)
{
    (void)state;
    const struct hf_hash_seed seed = {{1, 2, 3, 4}};
    const size_t size = 65536;
    unsigned char *bytes = counting_bytes(size);
    unsigned char *moved = malloc(size + 8);
    assert_non_null(moved);
    struct hf_hash128 expected = hf_hash_siphash(&seed, hf_bytes(bytes, size));
    uint64_t word = hf_hash_siphash64(&seed, hf_bytes(bytes, size));
    for (size_t offset = 0; offset <= 8; offset++) {
        memcpy(moved + offset, bytes, size);
        struct hf_hash128 hash = hf_hash_siphash(&seed, hf_bytes(moved + offset, size));
        assert_true(hash.low == expected.low);
        assert_true(hash.high == expected.high);
        assert_true(hf_hash_siphash64(&seed, hf_bytes(moved + offset, size)) == word);
    }
    free(moved);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounds_2_4_give_the_published_vectors),
        cmocka_unit_test(the_public_hashes_are_siphash_1_3),
        cmocka_unit_test(only_the_first_two_seed_words_matter),
        cmocka_unit_test(missing_seed_and_data_count_as_zero_and_empty),
        cmocka_unit_test(alignment_does_not_matter_up_to_64_kib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
