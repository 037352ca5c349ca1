/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <holdfast/allocator.h>

#include "scale.h"

static bool all_zero(const unsigned char *bytes, size_t size)
{
    for (size_t index = 0; index < size; index++)
        if (bytes[index] != 0)
            return false;
    return true;
}

/* Each piece is soiled before it goes back, so that memory handed out again would show it. */
static void every_size_and_alignment_gives_zeroed_aligned_memory(void **state)
{
    (void)state;
    const size_t sizes[] = {1, 7, 8, 16, 17, 63, 64, 100, 4095, 4096, 4097, 200000};
    for (int round = 0; round < 3; round++) {
        for (size_t alignment = 1; alignment <= HF_ALIGNMENT_MAX; alignment *= 2) {
            for (size_t index = 0; index < sizeof(sizes) / sizeof(sizes[0]); index++) {
                unsigned char *memory = hf_allocate(NULL, sizes[index], alignment);
                assert_non_null(memory);
                assert_int_equal((uintptr_t)memory % alignment, 0);
                assert_true(all_zero(memory, sizes[index]));
                memset(memory, 0xa5, sizes[index]);
                hf_release(NULL, memory, sizes[index], alignment);
            }
        }
    }
}

static void pieces_held_together_do_not_overlap(void **state)
{
    (void)state;
    unsigned char *pieces[64];
    for (size_t index = 0; index < 64; index++) {
        pieces[index] = hf_allocate(hf_allocator_libc(), 100, (size_t)1 << (index % 13));
        assert_non_null(pieces[index]);
        memset(pieces[index], (int)index + 1, 100);
    }
    for (size_t index = 0; index < 64; index++) {
        for (size_t offset = 0; offset < 100; offset++)
            assert_int_equal(pieces[index][offset], index + 1);
        hf_release(hf_allocator_libc(), pieces[index], 100, (size_t)1 << (index % 13));
    }
}

static void impossible_requests_get_nothing(void **state)
{
    (void)state;
    const size_t odd_alignments[] = {0, 3, 24, 63, 2 * HF_ALIGNMENT_MAX, SIZE_MAX};
    for (size_t index = 0; index < sizeof(odd_alignments) / sizeof(odd_alignments[0]); index++)
        assert_null(hf_allocate(NULL, 64, odd_alignments[index]));
    assert_null(hf_allocate(NULL, 0, 8));
    assert_null(hf_allocate(&(struct hf_allocator){0}, 8, 8));
}

/* A sanitizer would rather abort than say no to these, so there the size stays within the wrap. */
static void more_than_there_is_gets_nothing(void **state)
{
    (void)state;
    assert_null(hf_allocate(NULL, SIZE_MAX, 64));
    assert_null(hf_allocate(NULL, SIZE_MAX - 63, 64));
    if (test_is_instrumented())
        return;
    volatile size_t half = SIZE_MAX / 2;
    assert_null(hf_allocate(NULL, half, 8));
    assert_null(hf_allocate(NULL, half, 64));
}

static void releasing_nothing_does_nothing(void **state)
{
    (void)state;
    hf_release(NULL, NULL, 10, 8);
    hf_release(hf_allocator_libc(), NULL, 10, 64);
    char byte;
    hf_release(&(struct hf_allocator){0}, &byte, 1, 1);
}

struct ledger {
    size_t allocations;
    size_t releases;
    size_t size_bytes;
    size_t alignment;
    char memory[64];
};

static void *ledger_allocate(void *context, size_t size_bytes, size_t alignment)
{
    struct ledger *ledger = context;
    ledger->allocations++;
    ledger->size_bytes = size_bytes;
    ledger->alignment = alignment;
    return ledger->memory;
}

static void ledger_release(void *context, void *memory, size_t size_bytes, size_t alignment)
{
    struct ledger *ledger = context;
    ledger->releases++;
    assert_ptr_equal(memory, ledger->memory);
    assert_int_equal(size_bytes, ledger->size_bytes);
    assert_int_equal(alignment, ledger->alignment);
}

static void a_callers_allocator_sees_size_and_alignment(void **state)
{
    (void)state;
    struct ledger ledger = {0};
    const struct hf_allocator allocator = {&ledger, ledger_allocate, ledger_release};
    void *memory = hf_allocate(&allocator, 40, 32);
    assert_ptr_equal(memory, ledger.memory);
    assert_int_equal(ledger.size_bytes, 40);
    assert_int_equal(ledger.alignment, 32);
    hf_release(&allocator, memory, 40, 32);
    assert_null(hf_allocate(&allocator, 40, 31));
    assert_int_equal(ledger.allocations, 1);
    assert_int_equal(ledger.releases, 1);
}

#define RESERVED_BYTES ((size_t)256 << 20)

static size_t resident_pages(unsigned char *memory, size_t size_bytes)
{
    static unsigned char residence[RESERVED_BYTES / 4096 + 2];
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *first = memory - (uintptr_t)memory % page;
    size_t pages = (size_t)(memory + size_bytes - first + (ptrdiff_t)page - 1) / page;
    assert_int_equal(mincore(first, pages * page, residence), 0);
    size_t resident = 0;
    for (size_t index = 0; index < pages; index++)
        resident += residence[index] & 1;
    return resident;
}

/* The bound leaves room for one huge page of 2 MiB at either end. */
static void a_large_piece_comes_untouched(void **state)
{
    (void)state;
    if (test_is_instrumented())
        skip();
    for (size_t alignment = 8; alignment <= 4096; alignment *= 8) {
        unsigned char *memory = hf_allocate(NULL, RESERVED_BYTES, alignment);
        assert_non_null(memory);
        assert_true(resident_pages(memory, RESERVED_BYTES) <= 2 * 512);
        hf_release(NULL, memory, RESERVED_BYTES, alignment);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_and_alignment_gives_zeroed_aligned_memory),
        cmocka_unit_test(pieces_held_together_do_not_overlap),
        cmocka_unit_test(impossible_requests_get_nothing),
        cmocka_unit_test(more_than_there_is_gets_nothing),
        cmocka_unit_test(releasing_nothing_does_nothing),
        cmocka_unit_test(a_callers_allocator_sees_size_and_alignment),
        cmocka_unit_test(a_large_piece_comes_untouched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
