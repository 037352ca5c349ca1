/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <holdfast/random.h>

#include "audit/stamp.h"
#include "scale.h"

#define SEED UINT64_C(1970)
#define SECOND_NS UINT64_C(1000000000)

/* The oracle is libc's calendar. */
static void expect_stamp(uint64_t time_ns, char *expected, size_t size, const char *format)
{
    time_t seconds = (time_t)(time_ns / SECOND_NS);
    struct tm civil;
    assert_non_null(gmtime_r(&seconds, &civil));
    strftime(expected, size, format, &civil);
}

static void check_time(struct hf_stamp_cache *cache, uint64_t time_ns)
{
    char expected[64];
    expect_stamp(time_ns, expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S");
    snprintf(expected + 19, sizeof(expected) - 19, ".%09lluZ",
        (unsigned long long)(time_ns % SECOND_NS));
    char text[HF_STAMP_BYTES];
    hf_stamp_write(cache, time_ns, text);
    assert_memory_equal(text, expected, HF_STAMP_BYTES);

    char file_text[HF_STAMP_FILE_BYTES];
    expect_stamp(time_ns, expected, sizeof(expected), "%Y-%m-%dT%H%M%SZ");
    hf_stamp_file_write(time_ns / SECOND_NS, file_text);
    assert_memory_equal(file_text, expected, HF_STAMP_FILE_BYTES);

    uint64_t back;
    if (time_ns < UINT64_C(18429206400) * SECOND_NS) { /* 2554 is not read. */
        assert_true(hf_stamp_read(text, &back));
        assert_int_equal(back, time_ns);
        assert_true(hf_stamp_file_read(file_text, &back));
        assert_int_equal(back, time_ns / SECOND_NS);
    }
}

static void every_day_has_its_date(void **state)
{
    (void)state;
    struct hf_stamp_cache cache = {0};
    for (uint64_t day = 0; day < 213503; day += test_is_slow() ? 13 : 1) {
        check_time(&cache, day * 86400 * SECOND_NS);
        if (day > 0)
            check_time(&cache, day * 86400 * SECOND_NS - 1);
    }
    check_time(&cache, UINT64_MAX);
}

static void any_time_is_written_and_read_back(void **state)
{
    (void)state;
    struct hf_splitmix random;
    hf_splitmix_init(&random, SEED);
    struct hf_stamp_cache cache = {0};
    for (size_t i = 0; i < test_scaled(200000); i++) {
        uint64_t time_ns = hf_splitmix_next(&random);
        check_time(&cache, time_ns);
        check_time(&cache, time_ns ^ 1); /* The same second: out of the cache. */
    }
}

static void what_is_no_time_is_not_read(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "2026-02-29T00:00:00.000000000Z", /* No leap year. */
        "1900-02-29T00:00:00.000000000Z",
        "2026-00-10T00:00:00.000000000Z",
        "2026-13-10T00:00:00.000000000Z",
        "2026-04-31T00:00:00.000000000Z",
        "2026-04-00T00:00:00.000000000Z",
        "2026-04-01T24:00:00.000000000Z",
        "2026-04-01T00:60:00.000000000Z",
        "2026-04-01T00:00:60.000000000Z",
        "1969-12-31T23:59:59.000000000Z",
        "2554-01-01T00:00:00.000000000Z", /* Beyond 64 bits of nanoseconds before its end. */
        "9999-01-01T00:00:00.000000000Z",
        "2026-04-01t00:00:00.000000000Z",
        "2026-04-01T00:00:00,000000000Z",
        "2026-04-01T00:00:00.000000000z",
        "2026-04-01T00:00:00.00000000 Z",
        "+026-04-01T00:00:00.000000000Z",
        "2026/04/01T00:00:00.000000000Z",
        "2026-04-01T00-00-00.000000000Z",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t time_ns = 7;
        assert_int_equal(strlen(bad[i]), HF_STAMP_BYTES);
        assert_false(hf_stamp_read(bad[i], &time_ns));
        assert_int_equal(time_ns, 7);
    }
    uint64_t seconds = 7;
    assert_false(hf_stamp_file_read("2026-04-31T000000Z", &seconds));
    assert_false(hf_stamp_file_read("2026-04-30T000000z", &seconds));
    assert_false(hf_stamp_file_read("2026-04-30 000000Z", &seconds));
    assert_int_equal(seconds, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_has_its_date),
        cmocka_unit_test(any_time_is_written_and_read_back),
        cmocka_unit_test(what_is_no_time_is_not_read),
    };
    print_message("# seed %llu\n", (unsigned long long)SEED);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
