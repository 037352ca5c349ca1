/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/sim_memory.h>

#include "scale.h"

static struct hf_allocator started(
    struct hf_sim_memory *memory, struct hf_sim_memory_options options)
{
    hf_sim_memory_init(memory, &options);
    return hf_sim_memory_allocator(memory);
}

static void assert_out(const struct hf_sim_memory *memory, uint64_t count, uint64_t bytes)
{
    struct hf_sim_memory_statistics statistics = hf_sim_memory_statistics(memory);
    assert_int_equal(statistics.live_count, count);
    assert_int_equal(statistics.live_bytes, bytes);
}

static void pieces_are_zeroed_aligned_and_counted(void **state)
{
    (void)state;
    struct hf_sim_memory memory;
    struct hf_allocator allocator = started(&memory, (struct hf_sim_memory_options){0});
    for (size_t alignment = 1; alignment <= HF_ALIGNMENT_MAX; alignment *= 2) {
        for (size_t size = 1; size < 300; size += 37) {
            unsigned char *piece = hf_allocate(&allocator, size, alignment);
            assert_non_null(piece);
            assert_int_equal((uintptr_t)piece % alignment, 0);
            for (size_t index = 0; index < size; index++)
                assert_int_equal(piece[index], 0);
            memset(piece, 0xee, size);
            assert_out(&memory, 1, size);
            hf_release(&allocator, piece, size, alignment);
            assert_out(&memory, 0, 0);
        }
    }
    assert_int_equal(hf_sim_memory_statistics(&memory).mismatched, 0);
    assert_int_equal(hf_sim_memory_statistics(&memory).refused, 0);
    assert_int_equal(hf_sim_memory_statistics(&memory).peak_bytes, 297);
}

/* The pattern of successes as a string: '.' for memory, 'x' for none. */
static void assert_pattern(struct hf_sim_memory_options options, const char *pattern)
{
    struct hf_sim_memory memory;
    struct hf_allocator allocator = started(&memory, options);
    uint64_t refused = 0;
    for (const char *expected = pattern; *expected; expected++) {
        void *piece = hf_allocate(&allocator, 10, 8);
        assert_int_equal(piece ? '.' : 'x', *expected);
        refused += piece == NULL;
        hf_release(&allocator, piece, 10, 8);
    }
    assert_int_equal(hf_sim_memory_statistics(&memory).requests, strlen(pattern));
    assert_int_equal(hf_sim_memory_statistics(&memory).refused, refused);
    assert_out(&memory, 0, 0);
}

static void the_nth_allocation_fails_and_as_many_after_it_as_told(void **state)
{
    (void)state;
    assert_pattern((struct hf_sim_memory_options){0}, ".....");
    assert_pattern((struct hf_sim_memory_options){.fail_at = 1}, "xxxxx");
    assert_pattern((struct hf_sim_memory_options){.fail_at = 3}, "..xxx");
    assert_pattern((struct hf_sim_memory_options){.fail_at = 3, .fail_for = 1}, "..x..");
    assert_pattern((struct hf_sim_memory_options){.fail_at = 2, .fail_for = 2}, ".xx..");
    assert_pattern((struct hf_sim_memory_options){.fail_at = 2, .fail_for = UINT64_MAX}, ".xxx");
    assert_pattern((struct hf_sim_memory_options){.fail_for = 1}, "...");
}

static void no_more_is_out_than_the_limit(void **state)
{
    (void)state;
    struct hf_sim_memory memory;
    struct hf_allocator allocator =
        started(&memory, (struct hf_sim_memory_options){.bytes_max = 100});
    void *first = hf_allocate(&allocator, 60, 8);
    assert_non_null(first);
    assert_null(hf_allocate(&allocator, 41, 8));
    void *second = hf_allocate(&allocator, 40, 8);
    assert_non_null(second);
    assert_null(hf_allocate(&allocator, 1, 1));
    hf_release(&allocator, first, 60, 8);
    void *third = hf_allocate(&allocator, 60, 64);
    assert_non_null(third);
    hf_release(&allocator, second, 40, 8);
    hf_release(&allocator, third, 60, 64);
    assert_out(&memory, 0, 0);
    assert_int_equal(hf_sim_memory_statistics(&memory).peak_bytes, 100);
    assert_int_equal(hf_sim_memory_statistics(&memory).refused, 2);
}

static void a_release_that_lies_is_counted_and_done_right(void **state)
{
    (void)state;
    struct hf_sim_memory memory;
    struct hf_allocator allocator = started(&memory, (struct hf_sim_memory_options){0});
    void *piece = hf_allocate(&allocator, 50, 64);
    hf_release(&allocator, piece, 51, 64);
    piece = hf_allocate(&allocator, 50, 64);
    hf_release(&allocator, piece, 50, 8);
    assert_int_equal(hf_sim_memory_statistics(&memory).mismatched, 2);
    assert_out(&memory, 0, 0);
}

static void its_source_may_be_another_one(void **state)
{
    (void)state;
    struct hf_sim_memory below;
    struct hf_allocator source =
        started(&below, (struct hf_sim_memory_options){.fail_at = 2, .fail_for = 1});
    struct hf_sim_memory above;
    struct hf_allocator allocator =
        started(&above, (struct hf_sim_memory_options){.allocator = &source});
    memset(&source, 0, sizeof(source));
    void *piece = hf_allocate(&allocator, 50, 8);
    assert_non_null(piece);
    assert_null(hf_allocate(&allocator, 50, 8));
    assert_out(&above, 1, 50);
    assert_out(&below, 1, 82);
    hf_release(&allocator, piece, 50, 8);
    assert_out(&above, 0, 0);
    assert_out(&below, 0, 0);
    assert_int_equal(hf_sim_memory_statistics(&below).mismatched, 0);
}

static void sizes_that_would_wrap_are_refused(void **state)
{
    (void)state;
    struct hf_sim_memory memory;
    struct hf_allocator allocator = started(&memory, (struct hf_sim_memory_options){0});
    assert_null(hf_allocate(&allocator, SIZE_MAX, 8));
    assert_null(hf_allocate(&allocator, SIZE_MAX - 31, 8));
    assert_null(hf_allocate(&allocator, SIZE_MAX - 4000, 4096));
    void *piece = hf_allocate(&allocator, 10, 8);
    assert_null(hf_allocate(&allocator, SIZE_MAX - 5, 8));
    hf_release(&allocator, piece, 10, 8);
    assert_out(&memory, 0, 0);
}

static void missing_arguments_are_answered(void **state)
{
    (void)state;
    hf_sim_memory_init(NULL, NULL);
    struct hf_sim_memory memory;
    hf_sim_memory_init(&memory, NULL);
    struct hf_allocator allocator = hf_sim_memory_allocator(&memory);
    void *piece = hf_allocate(&allocator, 1, 1);
    assert_non_null(piece);
    hf_release(&allocator, piece, 1, 1);
    allocator.release(&memory, NULL, 1, 1);
    assert_out(&memory, 0, 0);
    assert_out(NULL, 0, 0);
    struct hf_allocator none = hf_sim_memory_allocator(NULL);
    assert_null(hf_allocate(&none, 1, 1));
    none.release(NULL, &memory, 1, 1);
}

#define THREAD_PIECES 8

struct worker {
    const struct hf_allocator *allocator;
    size_t rounds;
};

static void *allocate_often(void *context)
{
    struct worker *worker = context;
    void *pieces[THREAD_PIECES] = {NULL};
    for (size_t round = 0; round < worker->rounds; round++) {
        size_t index = round % THREAD_PIECES;
        size_t size = 1 + index * 9;
        hf_release(worker->allocator, pieces[index], size, 16);
        pieces[index] = hf_allocate(worker->allocator, size, 16);
    }
    for (size_t index = 0; index < THREAD_PIECES; index++)
        hf_release(worker->allocator, pieces[index], 1 + index * 9, 16);
    return NULL;
}

/* The limit is less than both want together, so they compete for the last bytes. */
static void threads_share_it_without_losing_count_or_passing_the_limit(void **state)
{
    (void)state;
    struct hf_sim_memory memory;
    struct hf_allocator allocator =
        started(&memory, (struct hf_sim_memory_options){.bytes_max = 400});
    struct worker workers[2];
    pthread_t threads[2];
    for (size_t index = 0; index < 2; index++) {
        workers[index] = (struct worker){&allocator, test_scaled(40000)};
        assert_int_equal(pthread_create(&threads[index], NULL, allocate_often, &workers[index]), 0);
    }
    for (size_t index = 0; index < 2; index++) {
        assert_int_equal(pthread_join(threads[index], NULL), 0);
    }
    struct hf_sim_memory_statistics statistics = hf_sim_memory_statistics(&memory);
    assert_out(&memory, 0, 0);
    assert_int_equal(statistics.requests, 2 * test_scaled(40000));
    assert_true(statistics.peak_bytes <= 400);
    assert_int_equal(statistics.mismatched, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_zeroed_aligned_and_counted),
        cmocka_unit_test(the_nth_allocation_fails_and_as_many_after_it_as_told),
        cmocka_unit_test(no_more_is_out_than_the_limit),
        cmocka_unit_test(a_release_that_lies_is_counted_and_done_right),
        cmocka_unit_test(its_source_may_be_another_one),
        cmocka_unit_test(sizes_that_would_wrap_are_refused),
        cmocka_unit_test(missing_arguments_are_answered),
        cmocka_unit_test(threads_share_it_without_losing_count_or_passing_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
