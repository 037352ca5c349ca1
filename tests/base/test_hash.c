/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/hash.h>
#include <holdfast/random.h>

#include "scale.h"

static const struct hf_hash_seed fixed_seed = {{UINT64_C(0x0123456789abcdef),
    UINT64_C(0xfedcba9876543210), UINT64_C(0x0f1e2d3c4b5a6978), UINT64_C(0x8796a5b4c3d2e1f0)}};

/* Statistical tests draw their keys from this seed: they hold or fail for good. */
#define TEST_SEED 42

static uint64_t hash_word(struct hf_hash128 hash, size_t index)
{
    return index == 0 ? hash.low : hash.high;
}

static void fill_random(struct hf_splitmix *splitmix, unsigned char *bytes, size_t size)
{
    for (size_t index = 0; index < size; index++)
        bytes[index] = (unsigned char)hf_splitmix_next(splitmix);
}

static struct hf_hash_seed random_seed(struct hf_splitmix *splitmix)
{
    struct hf_hash_seed seed;
    for (size_t index = 0; index < 4; index++)
        seed.words[index] = hf_splitmix_next(splitmix);
    return seed;
}

/*
 * Computed from the description in src/base/fast_hash.h with the arbitrary-precision integers of
 * another language, byte n of each key being 7 n + 3 modulo 256: they pin the bytes' order.
 */
static void values_are_the_same_on_every_machine(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        struct hf_hash128 hash;
    } expected[] = {
        {0, {UINT64_C(0xb269b6fc6a249e91), UINT64_C(0xf6fbb979c15b1fe3)}},
        {1, {UINT64_C(0xa6a605d90947c941), UINT64_C(0xf0bc6792fe7a60de)}},
        {2, {UINT64_C(0xfacaf954124996f5), UINT64_C(0x971bbdaff78f93a5)}},
        {3, {UINT64_C(0xc5505c4b7ac17f61), UINT64_C(0x94d08997e70946f5)}},
        {4, {UINT64_C(0x7d9d3def0f5fa8ca), UINT64_C(0x6d89017d4a482a1a)}},
        {7, {UINT64_C(0x46c87a3fa99d594a), UINT64_C(0xec7551267d6af1e6)}},
        {8, {UINT64_C(0xe1261f1913b883ce), UINT64_C(0xe74cbd9fc4eb7e74)}},
        {15, {UINT64_C(0x10324e5f34739a90), UINT64_C(0xcfab30e4485f0340)}},
        {16, {UINT64_C(0x23cac76f56d4a4c2), UINT64_C(0xbe5b9aa34d03b84f)}},
        {17, {UINT64_C(0xb51e7250a874a3ad), UINT64_C(0x87619527b7fcaa4a)}},
        {31, {UINT64_C(0x5c4dbb6bf950a361), UINT64_C(0xf588945e86f48d7d)}},
        {32, {UINT64_C(0x92ee75cff8982518), UINT64_C(0xa1759b94cde62d9d)}},
        {33, {UINT64_C(0x55ba8811a5c4d163), UINT64_C(0xe72588fa9fa149ba)}},
        {100, {UINT64_C(0x48e7767b3527dbfe), UINT64_C(0x2ce8b4594de412ee)}},
        {65536, {UINT64_C(0x145f09769805cbaa), UINT64_C(0xc54c92e1f2b49305)}},
    };
    unsigned char *bytes = malloc(65536);
    assert_non_null(bytes);
    for (size_t index = 0; index < 65536; index++)
        bytes[index] = (unsigned char)(7 * index + 3);
    for (size_t index = 0; index < sizeof(expected) / sizeof(expected[0]); index++) {
        struct hf_hash128 hash = hf_hash_fast(&fixed_seed, hf_bytes(bytes, expected[index].size));
        assert_true(hash.low == expected[index].hash.low);
        assert_true(hash.high == expected[index].hash.high);
    }
    free(bytes);
}

/* Memory of the exact size: the address sanitizer and valgrind see a read past either end. */
static void no_length_reads_outside_the_key_and_alignment_does_not_matter(void **state)
{
    (void)state;
    for (size_t size = 0; size <= 200; size++) {
        unsigned char *bytes = malloc(size > 0 ? size : 1);
        unsigned char moved[208];
        assert_non_null(bytes);
        memset(bytes, (int)size, size > 0 ? size : 1);
        struct hf_hash128 hash = hf_hash_fast(&fixed_seed, hf_bytes(bytes, size));
        for (size_t offset = 0; offset < 8; offset++) {
            memcpy(moved + offset, bytes, size);
            struct hf_hash128 again = hf_hash_fast(&fixed_seed, hf_bytes(moved + offset, size));
            assert_true(again.low == hash.low);
            assert_true(again.high == hash.high);
        }
        free(bytes);
    }
}

static void missing_seed_and_data_count_as_zero_and_empty(void **state)
{
    (void)state;
    const struct hf_hash_seed zero = {{0}};
    struct hf_hash128 expected = hf_hash_fast(&zero, hf_bytes("", 0));
    const struct hf_bytes nothings[] = {hf_bytes(NULL, 0), hf_bytes(NULL, 9)};
    for (size_t index = 0; index < 2; index++) {
        struct hf_hash128 hash = hf_hash_fast(NULL, nothings[index]);
        assert_true(hash.low == expected.low);
        assert_true(hash.high == expected.high);
    }
}

static int compare_u64(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static void assert_all_differ(uint64_t *words, size_t count)
{
    qsort(words, count, sizeof(*words), compare_u64);
    for (size_t index = 1; index < count; index++)
        assert_true(words[index - 1] != words[index]);
}

/* Keys of zeroes differ in nothing but their length. */
static void the_length_matters(void **state)
{
    (void)state;
    enum { LENGTHS = 5000 };
    static const unsigned char zeroes[LENGTHS];
    static uint64_t words[2][LENGTHS];
    for (size_t size = 0; size < LENGTHS; size++) {
        struct hf_hash128 hash = hf_hash_fast(&fixed_seed, hf_bytes(zeroes, size));
        words[0][size] = hash.low;
        words[1][size] = hash.high;
    }
    assert_all_differ(words[0], LENGTHS);
    assert_all_differ(words[1], LENGTHS);
}

static void every_byte_of_every_length_matters(void **state)
{
    (void)state;
    for (size_t size = 1; size <= 130; size++) {
        unsigned char bytes[130] = {0};
        struct hf_hash128 before = hf_hash_fast(&fixed_seed, hf_bytes(bytes, size));
        for (size_t index = 0; index < size; index++) {
            bytes[index] = 1;
            struct hf_hash128 after = hf_hash_fast(&fixed_seed, hf_bytes(bytes, size));
            assert_true(before.low != after.low);
            assert_true(before.high != after.high);
            bytes[index] = 0;
        }
    }
}

/* counts[b]: how often output bit b changed. */
static void count_changes(
    struct hf_hash128 before, struct hf_hash128 after, uint32_t counts[static 128])
{
    for (size_t word = 0; word < 2; word++) {
        uint64_t changes = hash_word(before, word) ^ hash_word(after, word);
        for (size_t bit = 0; bit < 64; bit++)
            counts[64 * word + bit] += (uint32_t)(changes >> bit & 1);
    }
}

/*
 * n coin tosses lie within 6 standard deviations, 3 sqrt(n), of n/2 but for two in a thousand
 * million; the tests below ask that of some hundred thousand pairs of bits.
 */
static void assert_half(const uint32_t counts[static 128], size_t samples)
{
    for (size_t bit = 0; bit < 128; bit++) {
        double off = (double)counts[bit] - (double)samples / 2;
        assert_true(off * off < 9.0 * (double)samples);
    }
}

static void assert_input_bit_avalanches(struct hf_splitmix *splitmix, size_t size, size_t bit)
{
    const size_t samples = test_scaled(1000) + 50;
    uint32_t counts[128] = {0};
    for (size_t sample = 0; sample < samples; sample++) {
        unsigned char bytes[64];
        struct hf_hash_seed seed = random_seed(splitmix);
        fill_random(splitmix, bytes, size);
        struct hf_hash128 before = hf_hash_fast(&seed, hf_bytes(bytes, size));
        bytes[bit / 8] ^= (unsigned char)(1 << (bit % 8));
        count_changes(before, hf_hash_fast(&seed, hf_bytes(bytes, size)), counts);
    }
    assert_half(counts, samples);
}

static void each_input_bit_changes_each_output_bit_half_the_time(void **state)
{
    (void)state;
    const size_t sizes[] = {1, 2, 3, 4, 7, 8, 12, 15, 16, 17, 24, 32, 33, 64};
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, TEST_SEED);
    for (size_t index = 0; index < sizeof(sizes) / sizeof(sizes[0]); index++)
        for (size_t bit = 0; bit < 8 * sizes[index]; bit++)
            assert_input_bit_avalanches(&splitmix, sizes[index], bit);
}

static void each_seed_bit_changes_the_hash_of_each_length(void **state)
{
    (void)state;
    const size_t sizes[] = {0, 1, 4, 8, 16, 32, 48};
    const unsigned char bytes[48] = "seeds must matter, also to keys of many zeroes";
    for (size_t index = 0; index < sizeof(sizes) / sizeof(sizes[0]); index++) {
        struct hf_bytes key = hf_bytes(bytes, sizes[index]);
        struct hf_hash128 before = hf_hash_fast(&fixed_seed, key);
        for (size_t bit = 0; bit < 256; bit++) {
            struct hf_hash_seed seed = fixed_seed;
            seed.words[bit / 64] ^= UINT64_C(1) << (bit % 64);
            struct hf_hash128 after = hf_hash_fast(&seed, key);
            assert_true(before.low != after.low || before.high != after.high);
        }
    }
}

/* Families of keys that tables meet: each writes key number `number` and returns its size. */
typedef size_t key_maker(unsigned char *key, uint64_t number);

static size_t make_counter_4(unsigned char *key, uint64_t number)
{
    uint32_t word = (uint32_t)number;
    memcpy(key, &word, sizeof(word));
    return sizeof(word);
}

static size_t make_counter_8(unsigned char *key, uint64_t number)
{
    memcpy(key, &number, sizeof(number));
    return sizeof(number);
}

static size_t make_counter_in_front_16(unsigned char *key, uint64_t number)
{
    memset(key, 0, 16);
    memcpy(key, &number, sizeof(number));
    return 16;
}

static size_t make_counter_at_end_16(unsigned char *key, uint64_t number)
{
    memset(key, 0, 16);
    memcpy(key + 8, &number, sizeof(number));
    return 16;
}

static size_t make_high_bits_16(unsigned char *key, uint64_t number)
{
    uint64_t words[2] = {number << 54, number >> 10 << 52};
    memcpy(key, words, sizeof(words));
    return sizeof(words);
}

static size_t make_pair_16(unsigned char *key, uint64_t number)
{
    uint64_t words[2] = {number & 511, number >> 9};
    memcpy(key, words, sizeof(words));
    return sizeof(words);
}

static size_t make_equal_halves_16(unsigned char *key, uint64_t number)
{
    memcpy(key, &number, 8);
    memcpy(key + 8, &number, 8);
    return 16;
}

static size_t make_text(unsigned char *key, uint64_t number)
{
    return (size_t)snprintf((char *)key, 64, "user-%" PRIu64, number);
}

static size_t make_address_text(unsigned char *key, uint64_t number)
{
    return (size_t)snprintf((char *)key, 64, "10.%" PRIu64 ".%" PRIu64 ".%" PRIu64, number >> 16,
        number >> 8 & 255, number & 255);
}

static size_t make_counter_32(unsigned char *key, uint64_t number)
{
    memset(key, 0, 32);
    memcpy(key + 12, &number, sizeof(number));
    return 32;
}

static size_t make_counter_in_middle_48(unsigned char *key, uint64_t number)
{
    memset(key, 'x', 48);
    memcpy(key + 20, &number, sizeof(number));
    return 48;
}

static key_maker *const key_makers[] = {
    make_counter_4,
    make_counter_8,
    make_counter_in_front_16,
    make_counter_at_end_16,
    make_high_bits_16,
    make_pair_16,
    make_equal_halves_16,
    make_text,
    make_address_text,
    make_counter_32,
    make_counter_in_middle_48,
};

#define BOXES_BITS 20
#define BOXES (1u << BOXES_BITS)

/* How many of the keys fall into a box already taken, the box being 20 bits of one output word. */
static size_t count_collisions(const struct hf_hash_seed *seed, key_maker *make, size_t keys,
    size_t word, unsigned shift, unsigned char *taken)
{
    size_t collisions = 0;
    memset(taken, 0, BOXES);
    for (uint64_t number = 0; number < keys; number++) {
        unsigned char key[64];
        size_t size = make(key, number);
        struct hf_hash128 hash = hf_hash_fast(seed, hf_bytes(key, size));
        size_t box = (size_t)(hash_word(hash, word) >> shift) % BOXES;
        collisions += taken[box];
        taken[box] = 1;
    }
    return collisions;
}

/*
 * n keys in m boxes: n - m (1 - exp(-n/m)) are expected to find theirs taken, with a variance below
 * that. n = m/16 is small enough for the series n^2/2m - n^3/6m^2.
 */
static void structured_keys_collide_as_often_as_random_ones(void **state)
{
    (void)state;
    const size_t keys = BOXES / 16;
    const double load = 1.0 / 16;
    const double expected = (double)keys * (load / 2 - load * load / 6);
    const unsigned shifts[] = {0, 16, 44};
    unsigned char *taken = malloc(BOXES);
    assert_non_null(taken);
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, TEST_SEED);
    for (size_t family = 0; family < sizeof(key_makers) / sizeof(key_makers[0]); family++) {
        struct hf_hash_seed seed = random_seed(&splitmix);
        for (size_t window = 0; window < 6; window++) {
            if (test_is_slow() && window % 3 != family % 3)
                continue;
            double off = (double)count_collisions(&seed, key_makers[family], keys, window / 3,
                             shifts[window % 3], taken) -
                         expected;
            assert_true(off * off < 25 * expected);
        }
    }
    free(taken);
}

/* Folded products commute: the masks have to keep (a, b) and (b, a) apart. */
static void swapped_halves_and_blocks_differ(void **state)
{
    (void)state;
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, TEST_SEED);
    for (int sample = 0; sample < 1000; sample++) {
        unsigned char bytes[32];
        unsigned char swapped[32];
        fill_random(&splitmix, bytes, sizeof(bytes));
        for (size_t size = 16; size <= 32; size += 16) {
            memcpy(swapped, bytes + size / 2, size / 2);
            memcpy(swapped + size / 2, bytes, size / 2);
            struct hf_hash128 one = hf_hash_fast(&fixed_seed, hf_bytes(bytes, size));
            struct hf_hash128 other = hf_hash_fast(&fixed_seed, hf_bytes(swapped, size));
            assert_true(one.low != other.low);
            assert_true(one.high != other.high);
        }
    }
}

/*
 * The words that the first step masks: a key that meets a seed word may lose one lane, never both.
 * (One of 16 bytes has no lanes.)
 */
static void a_key_that_meets_the_seed_keeps_one_lane(void **state)
{
    (void)state;
    static uint64_t words[2][1000];
    for (size_t lane = 0; lane < 2; lane++) {
        for (uint64_t number = 0; number < 1000; number++) {
            uint64_t key[4] = {number, number, 0, 0};
            key[lane] = fixed_seed.words[lane];
            struct hf_hash128 hash = hf_hash_fast(&fixed_seed, hf_bytes(key, sizeof(key)));
            words[lane][number] = hash_word(hash, 1 - lane);
        }
        assert_all_differ(words[lane], 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_the_same_on_every_machine),
        cmocka_unit_test(no_length_reads_outside_the_key_and_alignment_does_not_matter),
        cmocka_unit_test(missing_seed_and_data_count_as_zero_and_empty),
        cmocka_unit_test(the_length_matters),
        cmocka_unit_test(every_byte_of_every_length_matters),
        cmocka_unit_test(each_input_bit_changes_each_output_bit_half_the_time),
        cmocka_unit_test(each_seed_bit_changes_the_hash_of_each_length),
        cmocka_unit_test(structured_keys_collide_as_often_as_random_ones),
        cmocka_unit_test(swapped_halves_and_blocks_differ),
        cmocka_unit_test(a_key_that_meets_the_seed_keeps_one_lane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
