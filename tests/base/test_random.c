/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include <holdfast/hash.h>
#include <holdfast/random.h>

#include "scale.h"

/* Stands before libc's: hands out few bytes at a time, is interrupted, fails, as told. */
static struct {
    size_t piece_bytes; /* 0: no limit. */
    int interruptions;
    int error;
    bool empty;
} system_generator;

ssize_t getrandom(void *bytes, size_t size_bytes, unsigned flags)
{
    if (system_generator.interruptions > 0) {
        system_generator.interruptions--;
        errno = EINTR;
        return -1;
    }
    if (system_generator.error != 0) {
        errno = system_generator.error;
        return -1;
    }
    if (system_generator.empty)
        return 0;
    if (system_generator.piece_bytes != 0 && size_bytes > system_generator.piece_bytes)
        size_bytes = system_generator.piece_bytes;
    return syscall(SYS_getrandom, bytes, size_bytes, flags);
}

static int heal_generator(void **state)
{
    (void)state;
    memset(&system_generator, 0, sizeof(system_generator));
    return 0;
}

static uint64_t fixed_next(void *context)
{
    return *(const uint64_t *)context;
}

/* The values that implementations of SplitMix64 in other languages agree on for this seed. */
static void splitmix_gives_the_known_numbers(void **state)
{
    (void)state;
    const uint64_t expected[] = {UINT64_C(6457827717110365317), UINT64_C(3203168211198807973),
        UINT64_C(9817491932198370423), UINT64_C(4593380528125082431),
        UINT64_C(16408922859458223821)};
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, 1234567);
    struct hf_random random = hf_splitmix_random(&splitmix);
    for (size_t index = 0; index < sizeof(expected) / sizeof(expected[0]); index++)
        assert_true(random.next(random.context) == expected[index]);
}

static void the_same_seed_gives_the_same_numbers(void **state)
{
    (void)state;
    const uint64_t seeds[] = {0, 1, UINT64_MAX, UINT64_C(0x9e3779b97f4a7c15)};
    for (size_t index = 0; index < sizeof(seeds) / sizeof(seeds[0]); index++) {
        struct hf_splitmix one;
        struct hf_splitmix other;
        struct hf_splitmix different;
        hf_splitmix_init(&one, seeds[index]);
        hf_splitmix_init(&other, seeds[index]);
        hf_splitmix_init(&different, seeds[index] + 1);
        for (int count = 0; count < 100; count++) {
            uint64_t number = hf_splitmix_next(&one);
            assert_true(number == hf_splitmix_next(&other));
            assert_true(number != hf_splitmix_next(&different));
        }
    }
}

#define SHARED_DRAWS 50000

struct drawer {
    struct hf_splitmix *splitmix;
    uint64_t *numbers;
    size_t count;
};

static void *draw(void *context)
{
    struct drawer *drawer = context;
    for (size_t index = 0; index < drawer->count; index++)
        drawer->numbers[index] = hf_splitmix_next(drawer->splitmix);
    return NULL;
}

static int compare_u64(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* The mix is a bijection of states that are all different, so one number twice means a lost step.
 */
static void threads_that_share_a_generator_never_draw_the_same_state(void **state)
{
    (void)state;
    uint64_t *numbers = calloc(2 * SHARED_DRAWS, sizeof(*numbers));
    assert_non_null(numbers);
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, 7);
    struct drawer mine = {&splitmix, numbers, SHARED_DRAWS};
    struct drawer theirs = {&splitmix, numbers + SHARED_DRAWS, SHARED_DRAWS};
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, draw, &theirs), 0);
    draw(&mine);
    assert_int_equal(pthread_join(other, NULL), 0);
    qsort(numbers, 2 * SHARED_DRAWS, sizeof(*numbers), compare_u64);
    for (size_t index = 1; index < 2 * SHARED_DRAWS; index++)
        assert_true(numbers[index - 1] != numbers[index]);
    free(numbers);
}

static void below_stays_below_and_reaches_both_ends(void **state)
{
    (void)state;
    const uint64_t bounds[] = {
        1, 2, 3, 10, 1000003, UINT64_C(1) << 32, UINT64_C(1) << 63, UINT64_MAX};
    uint64_t lowest = 0;
    uint64_t highest = UINT64_MAX;
    const struct hf_random low = {fixed_next, &lowest};
    const struct hf_random high = {fixed_next, &highest};
    for (size_t index = 0; index < sizeof(bounds) / sizeof(bounds[0]); index++) {
        assert_true(hf_random_below(&low, bounds[index]) == 0);
        assert_true(hf_random_below(&high, bounds[index]) == bounds[index] - 1);
    }
}

static void below_nothing_or_without_a_source_is_zero(void **state)
{
    (void)state;
    uint64_t highest = UINT64_MAX;
    assert_int_equal(hf_random_below(&(struct hf_random){fixed_next, &highest}, 0), 0);
    assert_int_equal(hf_random_below(NULL, 10), 0);
    assert_int_equal(hf_random_below(&(struct hf_random){0}, 10), 0);
    assert_int_equal(hf_splitmix_next(NULL), 0);
    hf_splitmix_init(NULL, 1);
}

/* Chi-square over 10 boxes: 9 degrees of freedom exceed 33.7 once in ten thousand seeds. */
static void below_is_uniform(void **state)
{
    (void)state;
    const size_t draws = test_scaled(200000);
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, 20240229);
    struct hf_random random = hf_splitmix_random(&splitmix);
    double boxes[10] = {0};
    for (size_t count = 0; count < draws; count++)
        boxes[hf_random_below(&random, 10)] += 1;
    double expected = (double)draws / 10;
    double chi_square = 0;
    for (size_t box = 0; box < 10; box++)
        chi_square += (boxes[box] - expected) * (boxes[box] - expected) / expected;
    assert_true(chi_square < 33.7);
}

static void system_bytes_fill_any_size(void **state)
{
    (void)state;
    unsigned char bytes[300];
    for (size_t size = 0; size <= 299; size += 13) {
        memset(bytes, 0, sizeof(bytes));
        assert_int_equal(hf_random_system_bytes(bytes, size, NULL), HF_OK);
        size_t set = 0;
        for (size_t index = 0; index < size; index++)
            set += bytes[index] != 0;
        assert_true(set >= size / 2);
        for (size_t index = size; index < sizeof(bytes); index++)
            assert_int_equal(bytes[index], 0);
    }
    assert_int_equal(hf_random_system_bytes(NULL, 0, NULL), HF_OK);
}

static void system_bytes_survive_interruptions_and_small_pieces(void **state)
{
    (void)state;
    system_generator.piece_bytes = 3;
    system_generator.interruptions = 5;
    unsigned char bytes[32] = {0};
    assert_int_equal(hf_random_system_bytes(bytes, sizeof(bytes), NULL), HF_OK);
    size_t set = 0;
    for (size_t index = 0; index < sizeof(bytes); index++)
        set += bytes[index] != 0;
    assert_true(set >= sizeof(bytes) / 2);
}

static void a_silent_system_is_reported_and_nothing_replaces_it(void **state)
{
    (void)state;
    struct hf_error error = {0};
    unsigned char bytes[4];
    system_generator.error = ENOSYS;
    assert_int_equal(hf_random_system_bytes(bytes, sizeof(bytes), &error), HF_IO);
    assert_int_equal(error.causes[0].code, ENOSYS);
    assert_non_null(strstr(hf_error_text(&error), "getrandom"));

    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, 1);
    assert_int_equal(hf_splitmix_init_system(&splitmix, NULL), HF_IO);
    assert_int_equal(splitmix.state, 1);
    struct hf_hash_seed seed = {{1, 2, 3, 4}};
    assert_int_equal(hf_hash_seed_system(&seed, NULL), HF_IO);
    assert_int_equal(seed.words[0], 1);

    system_generator.error = 0;
    system_generator.empty = true;
    assert_int_equal(hf_random_system_bytes(bytes, sizeof(bytes), &error), HF_IO);
    assert_int_equal(error.causes[1].code, EIO);
}

static void system_seeds_differ(void **state)
{
    (void)state;
    struct hf_splitmix one;
    struct hf_splitmix other;
    assert_int_equal(hf_splitmix_init_system(&one, NULL), HF_OK);
    assert_int_equal(hf_splitmix_init_system(&other, NULL), HF_OK);
    assert_true(one.state != other.state);
    struct hf_hash_seed first;
    struct hf_hash_seed second;
    assert_int_equal(hf_hash_seed_system(&first, NULL), HF_OK);
    assert_int_equal(hf_hash_seed_system(&second, NULL), HF_OK);
    for (size_t index = 0; index < 4; index++)
        assert_true(first.words[index] != second.words[index]);
}

static void missing_outputs_are_named(void **state)
{
    (void)state;
    struct hf_error error = {0};
    assert_int_equal(hf_random_system_bytes(NULL, 4, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "bytes: NULL with size_bytes 4");
    assert_int_equal(hf_splitmix_init_system(NULL, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "splitmix: NULL");
    assert_int_equal(hf_hash_seed_system(NULL, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "seed: NULL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splitmix_gives_the_known_numbers),
        cmocka_unit_test(the_same_seed_gives_the_same_numbers),
        cmocka_unit_test(threads_that_share_a_generator_never_draw_the_same_state),
        cmocka_unit_test(below_stays_below_and_reaches_both_ends),
        cmocka_unit_test(below_nothing_or_without_a_source_is_zero),
        cmocka_unit_test(below_is_uniform),
        cmocka_unit_test(system_bytes_fill_any_size),
        cmocka_unit_test_teardown(
            system_bytes_survive_interruptions_and_small_pieces, heal_generator),
        cmocka_unit_test_teardown(
            a_silent_system_is_reported_and_nothing_replaces_it, heal_generator),
        cmocka_unit_test(system_seeds_differ),
        cmocka_unit_test(missing_outputs_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
