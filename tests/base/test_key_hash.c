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

static void a_hash_made_ready_gives_what_the_public_one_gives(void **state)
{
    (void)state;
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, 7);
    struct hf_random random = hf_splitmix_random(&splitmix);
    for (int round = 0; round < SEEDS; round++) {
        struct hf_hash_seed seed = random_seed(&random);
        struct hf_key_hash fast = hf_key_hash(HF_HASH_FAST, &seed);
        struct hf_key_hash siphash = hf_key_hash(HF_HASH_SIPHASH, &seed);
        for (size_t size = 0; size <= SIZE_MAX_TRIED; size++) {
            unsigned char *bytes = random_bytes(&random, size);
            struct hf_hash128 expected = hf_hash_fast(&seed, hf_bytes(bytes, size));
            assert_halves(hf_key_hash_of(&fast, bytes, size), expected.low, expected.high);
            uint64_t word = hf_hash_siphash64(&seed, hf_bytes(bytes, size));
            assert_halves(hf_key_hash_of(&siphash, bytes, size), word << 16, word);
            free(bytes);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hash_made_ready_gives_what_the_public_one_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
