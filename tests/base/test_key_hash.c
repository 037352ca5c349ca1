/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/random.h>

#include "base/key_hash.h"

#define SIZE_MAX_TRIED 100
#define SEEDS 20

/* In memory of its exact size, so that the address sanitizer sees a read past the end. */
static unsigned char *random_bytes(const struct hf_random *random, size_t size)
{
    unsigned char *bytes = malloc(size > 0 ? size : 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)hf_random_below(random, 256);
    return bytes;
}

static struct hf_hash_seed random_seed(const struct hf_random *random)
{
    struct hf_hash_seed seed;
    for (size_t i = 0; i < 4; i++)
        seed.words[i] = hf_random_below(random, UINT64_MAX);
    return seed;
}

static void assert_halves(struct hf_hash128 hash, uint64_t low, uint64_t high)
{
    assert_true(hash.low == low);
    assert_true(hash.high == high);
}

/* Of 16 bytes a table has the product's lower half unfolded. */
static void assert_fast(const struct hf_hash_seed *seed, const unsigned char *bytes, size_t size)
{
    struct hf_key_hash ready = hf_key_hash(HF_HASH_FAST, seed);
    struct hf_hash128 expected = hf_hash_fast(seed, hf_bytes(bytes, size));
    if (size == 16) {
        struct hf_product product = hf_fast_16_product(&ready.fast_16, bytes);
        assert_true(expected.high == (product.low ^ product.high));
        expected.high = product.low;
    }
    assert_halves(hf_key_hash_of(&ready, bytes, size), expected.low, expected.high);
}

static void a_hash_made_ready_gives_what_the_public_one_gives(void **state)
{
    (void)state;
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, 7);
    struct hf_random random = hf_splitmix_random(&splitmix);
    for (int round = 0; round < SEEDS; round++) {
        struct hf_hash_seed seed = random_seed(&random);
        struct hf_key_hash siphash = hf_key_hash(HF_HASH_SIPHASH, &seed);
        for (size_t size = 0; size <= SIZE_MAX_TRIED; size++) {
            unsigned char *bytes = random_bytes(&random, size);
            assert_fast(&seed, bytes, size);
            uint64_t word = hf_hash_siphash64(&seed, hf_bytes(bytes, size));
            assert_halves(hf_key_hash_of(&siphash, bytes, size), word << 16, word);
            free(bytes);
        }
    }
}

/* Keys that go up by one, somewhere in either half; addresses do so at its upper end. */
static void make_key(unsigned char key[16], size_t family, uint64_t number)
{
    memset(key, (int)family, 16);
    static const unsigned shifts[] = {0, 20, 54};
    uint64_t word = number << shifts[family / 2];
    memcpy(key + 8 * (family % 2), &word, sizeof(word));
}

#define FAMILIES 6
#define LINES 521

/* Pearson's chi squared of the keys on each line, by its degrees of freedom. */
static double unevenness(const struct hf_key_hash *ready, size_t family, size_t keys)
{
    uint32_t counts[LINES] = {0};
    for (size_t number = 0; number < keys; number++) {
        unsigned char key[16];
        make_key(key, family, number);
        counts[hf_multiply(hf_key_hash_of(ready, key, 16).high, LINES).high]++;
    }
    double expected = (double)keys / LINES;
    double sum = 0;
    for (size_t line = 0; line < LINES; line++)
        sum += ((double)counts[line] - expected) * ((double)counts[line] - expected) / expected;
    return sum / (LINES - 1);
}

/*
 * Neither crowded nor, as multiples of a number are, spaced: it has a mean of 1 and a deviation of
 * sqrt(2 / 520), six of which it may be off.
 */
static void keys_in_a_row_are_as_far_apart_as_random_ones(void **state)
{
    (void)state;
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, 8);
    struct hf_random random = hf_splitmix_random(&splitmix);
    for (int round = 0; round < SEEDS; round++) {
        struct hf_hash_seed seed = random_seed(&random);
        struct hf_key_hash ready = hf_key_hash(HF_HASH_FAST, &seed);
        for (size_t family = 0; family < FAMILIES; family++) {
            double found = unevenness(&ready, family, 1000);
            assert_true(found > 1 - 6 * 0.062);
            assert_true(found < 1 + 6 * 0.062);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hash_made_ready_gives_what_the_public_one_gives),
        cmocka_unit_test(keys_in_a_row_are_as_far_apart_as_random_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
