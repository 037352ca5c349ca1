/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/stash.h"
#include "support/counting_allocator.h"

static uint8_t frame[HF_NOISE_FRAME_BYTES_MAX];
static struct counting_allocator counting;
static struct hf_allocator allocator;
static struct hf_block_pool pool;
static struct hf_stash stash;

static int begin(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof frame; i++)
        frame[i] = (uint8_t)(i * 31 >> 3);
    counting = (struct counting_allocator){0};
    allocator = counting_allocator(&counting);
    hf_block_pool_init(&pool, &allocator);
    return 0;
}

/* All has come back. */
static int end(void **state)
{
    (void)state;
    hf_block_pool_fini(&pool);
    return counting.live == 0 ? 0 : -1;
}

static void what_is_kept_comes_back_whatever_its_size(void **state)
{
    (void)state;
    const size_t sizes[] = {
        0, 1, HF_STASH_SMALL_MAX, HF_STASH_SMALL_MAX + 1, HF_NOISE_FRAME_BYTES_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_int_equal(hf_stash_keep(&stash, &pool, hf_bytes(frame, sizes[i])), HF_OK);
        struct hf_bytes kept = hf_stash_bytes(&stash);
        assert_int_equal(kept.size, sizes[i]);
        if (kept.size > 0)
            assert_memory_equal(kept.data, frame, kept.size);
        hf_stash_clear(&stash, &pool);
        assert_int_equal(hf_stash_bytes(&stash).size, 0);
    }
}

static void few_bytes_hold_little_memory(void **state)
{
    (void)state;
    assert_int_equal(hf_stash_keep(&stash, &pool, hf_bytes(frame, HF_STASH_SMALL_MAX)), HF_OK);
    assert_in_range(counting.live_bytes, HF_STASH_SMALL_MAX, 2 * HF_STASH_SMALL_MAX);
    hf_stash_clear(&stash, &pool);
    assert_int_equal(counting.live, 0);
}

static void the_next_large_one_asks_for_no_memory(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(hf_stash_keep(&stash, &pool, hf_bytes(frame, sizeof frame)), HF_OK);
        hf_stash_clear(&stash, &pool);
        assert_int_equal(counting.requests, 1);
    }
}

static void without_memory_nothing_is_kept(void **state)
{
    (void)state;
    const size_t sizes[] = {1, sizeof frame};
    counting.fail_at = 1;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(hf_stash_keep(&stash, &pool, hf_bytes(frame, sizes[i])), HF_NO_MEMORY);
        assert_int_equal(hf_stash_bytes(&stash).size, 0);
    }
    hf_stash_clear(&stash, &pool);
}

#define WITH_POOL(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_POOL(what_is_kept_comes_back_whatever_its_size),
        WITH_POOL(few_bytes_hold_little_memory),
        WITH_POOL(the_next_large_one_asks_for_no_memory),
        WITH_POOL(without_memory_nothing_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
