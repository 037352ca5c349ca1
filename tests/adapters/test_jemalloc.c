/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <jemalloc/jemalloc.h>

#include <holdfast/jemalloc.h>
#include <holdfast/metrics.h>

#include "scale.h"

static struct hf_jemalloc *arena(const char *name)
{
    struct hf_jemalloc *memory = NULL;
    struct hf_error error = {0};
    enum hf_status status = hf_jemalloc_new(&memory, name, &error);
    if (status == HF_UNSUPPORTED)
        skip();
    if (status != HF_OK)
        fail_msg("%s", hf_error_text(&error));
    assert_non_null(memory);
    return memory;
}

static void a_build_for_a_sanitizer_leaves_memory_to_libc(void **state)
{
    (void)state;
    struct hf_jemalloc *memory = NULL;
#ifdef HF_TEST_SANITIZED
    struct hf_error error = {0};
    assert_int_equal(hf_jemalloc_new(&memory, "a", &error), HF_UNSUPPORTED);
    assert_int_equal(error.causes[0].status, HF_UNSUPPORTED);
    assert_null(memory);
#else
    assert_int_equal(hf_jemalloc_new(&memory, "a", NULL), HF_OK);
    hf_jemalloc_free(memory);
#endif
}

static void assert_name_refused(const char *name)
{
    struct hf_error error = {0};
    struct hf_jemalloc *memory = (struct hf_jemalloc *)&error;
    assert_int_equal(hf_jemalloc_new(&memory, name, &error), HF_INVALID);
    assert_null(memory);
    assert_int_equal(error.count, 1);
    assert_int_equal(strncmp(hf_error_text(&error), "name: ", 6), 0);
    assert_int_equal(hf_jemalloc_new(&memory, name, NULL), HF_INVALID);
}

static void names_are_short_and_printable(void **state)
{
    (void)state;
    char name[HF_JEMALLOC_NAME_MAX + 2] = {0};
    memset(name, '~', HF_JEMALLOC_NAME_MAX);
    struct hf_jemalloc *memory = arena(name);
    assert_string_equal(hf_jemalloc_name(memory), name);
    hf_jemalloc_free(memory);
    name[HF_JEMALLOC_NAME_MAX] = '~';
    assert_name_refused(name);
    assert_name_refused(NULL);
    assert_name_refused("");
    assert_name_refused("a\n");
    assert_name_refused("\xc3\xa9");
}

static void nothing_stands_for_libc(void **state)
{
    (void)state;
    struct hf_error error = {0};
    assert_int_equal(hf_jemalloc_new(NULL, "a", &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "memory: NULL");
    assert_null(hf_jemalloc_allocator(NULL));
    assert_int_equal(hf_jemalloc_bytes(NULL), 0);
    assert_int_equal(hf_jemalloc_bytes_read(NULL), 0);
    assert_string_equal(hf_jemalloc_name(NULL), "libc");
    hf_jemalloc_free(NULL);
}

static bool all_zero(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

/* Each piece is soiled before it goes back, so that memory handed out again would show it. */
static void every_size_and_alignment_gives_zeroed_aligned_memory(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 7, 8, 63, 64, 100, 4096, 4097, 14336, 14337, 300000, 9000000};
    struct hf_jemalloc *memory = arena("sizes");
    const struct hf_allocator *allocator = hf_jemalloc_allocator(memory);
    for (int round = 0; round < 2; round++) {
        for (size_t alignment = 1; alignment <= HF_ALIGNMENT_MAX; alignment *= 8) {
            for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
                unsigned char *piece = hf_allocate(allocator, sizes[i], alignment);
                assert_non_null(piece);
                assert_int_equal((uintptr_t)piece % alignment, 0);
                assert_true(all_zero(piece, sizes[i]));
                memset(piece, 0xa5, sizes[i]);
                hf_release(allocator, piece, sizes[i], alignment);
            }
        }
    }
    assert_int_equal(hf_jemalloc_bytes(memory), 0);
    hf_jemalloc_free(memory);
}

static void too_much_is_refused(void **state)
{
    (void)state;
    struct hf_jemalloc *memory = arena("too much");
    assert_null(hf_allocate(hf_jemalloc_allocator(memory), SIZE_MAX, 1));
    assert_null(hf_allocate(hf_jemalloc_allocator(memory), SIZE_MAX / 2 + 2, 64));
    assert_int_equal(hf_jemalloc_bytes(memory), 0);
    hf_jemalloc_free(memory);
}

/* The promise of struct hf_allocator: memory reserved up front costs nothing until used. */
static void a_large_piece_comes_untouched(void **state)
{
    (void)state;
    enum { PAGES = 16384 };
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct hf_jemalloc *memory = arena("large");
    const struct hf_allocator *allocator = hf_jemalloc_allocator(memory);
    char *piece = hf_allocate(allocator, PAGES * page, page);
    assert_non_null(piece);
    static unsigned char resident[PAGES];
    assert_int_equal(mincore(piece, PAGES * page, resident), 0);
    size_t touched = 0;
    for (size_t i = 0; i < PAGES; i++)
        touched += resident[i] & 1;
    assert_in_range(touched, 0, PAGES / 16);
    hf_release(allocator, piece, PAGES * page, page);
    hf_jemalloc_free(memory);
}

static void bytes_are_those_of_this_arena_and_exact(void **state)
{
    (void)state;
    enum { PIECES = 100, SIZE = 1000 };
    struct hf_jemalloc *one = arena("one");
    struct hf_jemalloc *two = arena("two");
    void *pieces[PIECES];
    assert_int_equal(hf_jemalloc_bytes(one), 0);
    for (size_t i = 0; i < PIECES; i++)
        pieces[i] = hf_allocate(hf_jemalloc_allocator(one), SIZE, 1);
    uint64_t held = PIECES * nallocx(SIZE, 0);
    assert_int_equal(hf_jemalloc_bytes(one), held);
    assert_int_equal(hf_jemalloc_bytes(two), 0);
    void *large = hf_allocate(hf_jemalloc_allocator(two), 1 << 20, 64);
    assert_int_equal(hf_jemalloc_bytes(two), 1 << 20);
    assert_int_equal(hf_jemalloc_bytes_read(one), held);
    for (size_t i = 0; i < PIECES; i++)
        hf_release(hf_jemalloc_allocator(one), pieces[i], SIZE, 1);
    assert_int_equal(hf_jemalloc_bytes(one), 0);
    hf_release(hf_jemalloc_allocator(two), large, 1 << 20, 64);
    assert_int_equal(hf_jemalloc_bytes(two), 0);
    hf_jemalloc_free(one);
    hf_jemalloc_free(two);
}

static void arenas_are_bounded_and_come_back(void **state)
{
    (void)state;
    struct hf_jemalloc *memories[HF_JEMALLOC_ARENAS_MAX];
    for (size_t round = 0; round < test_scaled(20); round++) {
        for (size_t i = 0; i < HF_JEMALLOC_ARENAS_MAX; i++)
            memories[i] = arena("many");
        struct hf_error error = {0};
        struct hf_jemalloc *surplus = memories[0];
        assert_int_equal(hf_jemalloc_new(&surplus, "surplus", &error), HF_FULL);
        assert_null(surplus);
        assert_string_equal(hf_error_text(&error), "name: \"surplus\" would be arena 65 of 64");
        for (size_t i = 0; i < HF_JEMALLOC_ARENAS_MAX; i++)
            hf_jemalloc_free(memories[i]);
    }
    unsigned arenas = 0;
    size_t size = sizeof(arenas);
    assert_int_equal(mallctl("arenas.narenas", &arenas, &size, NULL, 0), 0);
    hf_jemalloc_free(arena("one more"));
    unsigned after = 0;
    assert_int_equal(mallctl("arenas.narenas", &after, &size, NULL, 0), 0);
    assert_int_equal(after, arenas);
}

static size_t allocated_in_all(void)
{
    uint64_t epoch = 1;
    size_t allocated = 0;
    size_t size = sizeof(allocated);
    assert_int_equal(mallctl("epoch", NULL, NULL, &epoch, sizeof(epoch)), 0);
    assert_int_equal(mallctl("stats.allocated", &allocated, &size, NULL, 0), 0);
    return allocated;
}

static void freeing_an_arena_gives_back_what_is_still_in_it(void **state)
{
    (void)state;
    struct hf_jemalloc *memory = arena("left behind");
    for (size_t i = 0; i < 100; i++)
        assert_non_null(hf_allocate(hf_jemalloc_allocator(memory), 100000, 16));
    size_t before = allocated_in_all();
    hf_jemalloc_free(memory);
    assert_in_range(before - allocated_in_all(), 100 * 100000, before);
}

enum { THREADS = 4, SLOTS = 64 };

struct exchange {
    const struct hf_allocator *allocator;
    pthread_mutex_t lock;
    unsigned char *slots[SLOTS];
    size_t rounds;
    bool spoiled;
};

static size_t size_of(size_t slot)
{
    return slot * 40 + 1;
}

/* Puts a piece where another thread may have left one, and releases that. */
static void *exchange_pieces(void *context)
{
    struct exchange *exchange = context;
    for (size_t i = 0; i < exchange->rounds; i++) {
        size_t slot = i * 7 % SLOTS;
        unsigned char *piece = hf_allocate(exchange->allocator, size_of(slot), 8);
        bool fresh = piece && all_zero(piece, size_of(slot));
        if (piece)
            memset(piece, 0xa5, size_of(slot));
        pthread_mutex_lock(&exchange->lock);
        unsigned char *other = exchange->slots[slot];
        exchange->slots[slot] = piece;
        exchange->spoiled |= !fresh;
        pthread_mutex_unlock(&exchange->lock);
        hf_release(exchange->allocator, other, size_of(slot), 8);
    }
    return NULL;
}

static void what_one_thread_allocates_another_may_release(void **state)
{
    (void)state;
    struct hf_jemalloc *memory = arena("threads");
    struct exchange exchange = {.allocator = hf_jemalloc_allocator(memory),
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .rounds = test_scaled(20000)};
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, exchange_pieces, &exchange), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_false(exchange.spoiled);
    for (size_t slot = 0; slot < SLOTS; slot++)
        hf_release(exchange.allocator, exchange.slots[slot], size_of(slot), 8);
    assert_int_equal(hf_jemalloc_bytes(memory), 0);
    hf_jemalloc_free(memory);
}

static void a_registry_lives_in_an_arena_and_shows_its_bytes(void **state)
{
    (void)state;
    struct hf_jemalloc *memory = arena("metrics");
    struct hf_metrics_options options = {.allocator = hf_jemalloc_allocator(memory)};
    struct hf_metrics *metrics = NULL;
    assert_int_equal(hf_metrics_new(&metrics, &options, NULL), HF_OK);
    assert_int_equal(hf_metrics_gauge_read(metrics, "memory_bytes", "Bytes held.", NULL, 0,
                         hf_jemalloc_bytes_read, memory, NULL),
        HF_OK);
    char text[256];
    char expected[256];
    assert_in_range(hf_metrics_write(metrics, text, sizeof(text)), 1, sizeof(text) - 1);
    snprintf(expected, sizeof(expected),
        "# HELP memory_bytes Bytes held.\n# TYPE memory_bytes gauge\nmemory_bytes %zu\n",
        (size_t)hf_jemalloc_bytes(memory));
    assert_string_equal(text, expected);
    assert_true(hf_jemalloc_bytes(memory) > 0);
    hf_metrics_free(metrics);
    assert_int_equal(hf_jemalloc_bytes(memory), 0);
    hf_jemalloc_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_build_for_a_sanitizer_leaves_memory_to_libc),
        cmocka_unit_test(names_are_short_and_printable),
        cmocka_unit_test(nothing_stands_for_libc),
        cmocka_unit_test(every_size_and_alignment_gives_zeroed_aligned_memory),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(a_large_piece_comes_untouched),
        cmocka_unit_test(bytes_are_those_of_this_arena_and_exact),
        cmocka_unit_test(arenas_are_bounded_and_come_back),
        cmocka_unit_test(freeing_an_arena_gives_back_what_is_still_in_it),
        cmocka_unit_test(what_one_thread_allocates_another_may_release),
        cmocka_unit_test(a_registry_lives_in_an_arena_and_shows_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
