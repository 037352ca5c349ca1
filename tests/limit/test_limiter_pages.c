/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "limit/limiter.h"

/* Which pages the system has been asked for, by what it says itself: Linux shows "hg". */

static bool system_has_huge_pages(void)
{
    return access("/sys/kernel/mm/transparent_hugepage/enabled", R_OK) == 0;
}

/* Whether the line of a mapping's flags that follows the mapping of the address has " hg". */
static bool asked_for_huge_pages_at(const void *address)
{
    FILE *maps = fopen("/proc/self/smaps", "r");
    assert_non_null(maps);
    char line[512];
    bool here = false;
    bool asked = false;
    while (fgets(line, sizeof(line), maps)) {
        uint64_t from;
        uint64_t to;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            here = from <= (uintptr_t)address && (uintptr_t)address < to;
        else if (here && strncmp(line, "VmFlags:", 8) == 0)
            asked = strstr(line, " hg") != NULL;
    }
    fclose(maps);
    return asked;
}

static bool asks_for_huge_pages(uint64_t keys_max, bool small_pages)
{
    struct hf_limiter *limiter;
    const struct hf_limiter_options options = {
        .quota = hf_quota_per_second(1), .keys_max = keys_max, .small_pages = small_pages};
    assert_int_equal(hf_limiter_new(&limiter, &options, NULL), HF_OK);
    bool asked = asked_for_huge_pages_at(limiter->table.lines + limiter->table.homes / 2);
    hf_limiter_free(limiter);
    return asked;
}

/* The small ones first: a piece of memory that was once asked for so may be given out again. */
static void only_large_tables_ask_for_huge_pages_and_only_if_they_may(void **state)
{
    (void)state;
    if (!system_has_huge_pages())
        skip();
    assert_false(asks_for_huge_pages(100000, false));
    assert_false(asks_for_huge_pages(1000000, true));
    assert_true(asks_for_huge_pages(1000000, false));
}

/* At any address: the memory's ends may lie anywhere in a page, and in the same one. */
static void memory_of_any_place_and_size_is_left_as_it_was(void **state)
{
    (void)state;
    struct hf_limiter *limiter;
    unsigned char key[16] = {0};
    for (uint64_t keys_max = 120000; keys_max < 400000; keys_max += 37000) {
        const struct hf_limiter_options options = {
            .quota = hf_quota_per_second(1), .keys_max = keys_max, .hash = HF_HASH_FAST};
        assert_int_equal(hf_limiter_new(&limiter, &options, NULL), HF_OK);
        for (uint64_t number = 0; number < 1000; number++) {
            memcpy(key, &number, sizeof(number));
            struct hf_bytes bytes = hf_bytes(key, sizeof(key));
            assert_int_equal(hf_limiter_check_at(limiter, bytes, 1, 0, NULL), HF_OK);
            assert_int_equal(hf_limiter_check_at(limiter, bytes, 1, 0, NULL), HF_DENIED);
        }
        hf_limiter_free(limiter);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_large_tables_ask_for_huge_pages_and_only_if_they_may),
        cmocka_unit_test(memory_of_any_place_and_size_is_left_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
