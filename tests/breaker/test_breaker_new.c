/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/breaker.h>

#include "support/counting_allocator.h"

static void assert_refused(struct hf_breaker_options options, const char *text)
{
    struct hf_error error = {0};
    struct hf_breaker *breaker = (struct hf_breaker *)&error;
    assert_int_equal(hf_breaker_new(&breaker, &options, &error), HF_INVALID);
    assert_null(breaker);
    char written[512];
    hf_error_write(&error, written, sizeof(written));
    assert_string_equal(written, text);
    assert_int_equal(hf_breaker_new(&breaker, &options, NULL), HF_INVALID);
}

static void bad_options_are_refused_by_name_and_value(void **state)
{
    (void)state;
    assert_refused((struct hf_breaker_options){.consecutive_failures = 65536},
        "consecutive_failures: 65536 is out of range (1 to 65535)");
    assert_refused((struct hf_breaker_options){.consecutive_failures = HF_BREAKER_NEVER - 1},
        "consecutive_failures: 4294967294 is out of range (1 to 65535)");
    assert_refused((struct hf_breaker_options){.consecutive_failures = HF_BREAKER_NEVER},
        "consecutive_failures: never, and failure_rate_percent: 0 trips it neither");
    assert_refused((struct hf_breaker_options){.failure_rate_percent = 101},
        "failure_rate_percent: 101 is out of range (0 to 100)");
    assert_refused((struct hf_breaker_options){.window_ns = HF_MS(1) - 1},
        "window_ns: 999999 is out of range (1000000 to 3600000000000)");
    assert_refused((struct hf_breaker_options){.window_ns = UINT64_MAX},
        "window_ns: 18446744073709551615 is out of range (1000000 to 3600000000000)");
    assert_refused((struct hf_breaker_options){.half_open_permits = 256},
        "half_open_permits: 256 is out of range (1 to 255)");
    assert_refused((struct hf_breaker_options){.success_threshold = UINT32_MAX},
        "success_threshold: 4294967295 is out of range (1 to 255)");
    assert_refused((struct hf_breaker_options){.permit_lease_ns = HF_TIME_MAX_NS + 1},
        "permit_lease_ns: 2305843009213693952 is out of range (1 to 2305843009213693951)");
    assert_refused((struct hf_breaker_options){.open.factor = 0.5},
        "open: not a delay that can be waited for; caused by "
        "delay.factor: 0.5 is out of range (1 to 1000)");
    struct hf_allocator partial = *hf_allocator_libc();
    partial.release = NULL;
    assert_refused((struct hf_breaker_options){.allocator = &partial}, "allocator.release: NULL");
    partial.allocate = NULL;
    assert_refused((struct hf_breaker_options){.allocator = &partial}, "allocator.allocate: NULL");
    struct hf_error error = {0};
    assert_int_equal(hf_breaker_new(NULL, NULL, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "breaker: NULL");
}

static void the_ends_of_each_range_are_accepted(void **state)
{
    (void)state;
    const struct hf_breaker_options options[] = {
        {.consecutive_failures = 1,
            .half_open_permits = 1,
            .success_threshold = 1,
            .permit_lease_ns = 1},
        {.consecutive_failures = 65535,
            .half_open_permits = 255,
            .success_threshold = 255,
            .permit_lease_ns = HF_TIME_MAX_NS},
        {.consecutive_failures = HF_BREAKER_NEVER,
            .failure_rate_percent = 1,
            .window_ns = HF_MS(1),
            .calls_min = 1},
        {.failure_rate_percent = 100, .window_ns = HF_SECONDS(3600), .calls_min = UINT32_MAX},
    };
    for (size_t index = 0; index < sizeof(options) / sizeof(options[0]); index++) {
        struct hf_breaker *breaker = NULL;
        assert_int_equal(hf_breaker_new(&breaker, &options[index], NULL), HF_OK);
        hf_breaker_free(breaker);
    }
}

static void without_options_it_has_the_defaults_of_zeroed_ones(void **state)
{
    (void)state;
    struct hf_breaker *breaker = NULL;
    assert_int_equal(hf_breaker_new(&breaker, NULL, NULL), HF_OK);
    struct hf_permit permit;
    struct hf_breaker_change change;
    for (int count = 1; count <= 5; count++) {
        assert_int_equal(hf_breaker_enter(breaker, 0, &permit, NULL, NULL), HF_OK);
        hf_breaker_leave(breaker, &permit, HF_TRANSIENT, 0, &change);
        assert_int_equal(change.to, count < 5 ? HF_BREAKER_CLOSED : HF_BREAKER_OPEN);
    }
    assert_true(change.open_ns > HF_SECONDS(5) && change.open_ns <= HF_SECONDS(5) + 1024);
    hf_breaker_free(breaker);
}

static void whatever_allocation_fails_nothing_is_left_behind(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct counting_allocator counting = {.fail_at = n};
        struct hf_allocator allocator = counting_allocator(&counting);
        const struct hf_breaker_options options = {
            .failure_rate_percent = 50, .half_open_permits = 7, .allocator = &allocator};
        struct hf_error error = {0};
        struct hf_breaker *breaker = NULL;
        enum hf_status status = hf_breaker_new(&breaker, &options, &error);
        bool failed = counting.requests >= n;
        assert_int_equal(status, failed ? HF_NO_MEMORY : HF_OK);
        assert_int_equal(breaker == NULL, failed);
        assert_int_equal(error.count, failed ? 1 : 0);
        hf_breaker_free(breaker);
        assert_int_equal(counting.live, 0);
        if (!failed)
            break;
    }
}

static void its_allocator_may_go_away_once_it_is_made(void **state)
{
    (void)state;
    struct counting_allocator counting = {.fail_at = 0};
    struct hf_allocator allocator = counting_allocator(&counting);
    const struct hf_breaker_options options = {.allocator = &allocator};
    struct hf_breaker *breaker = NULL;
    assert_int_equal(hf_breaker_new(&breaker, &options, NULL), HF_OK);
    memset(&allocator, 0x5a, sizeof(allocator));
    hf_breaker_free(breaker);
    assert_int_equal(counting.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_options_are_refused_by_name_and_value),
        cmocka_unit_test(the_ends_of_each_range_are_accepted),
        cmocka_unit_test(without_options_it_has_the_defaults_of_zeroed_ones),
        cmocka_unit_test(whatever_allocation_fails_nothing_is_left_behind),
        cmocka_unit_test(its_allocator_may_go_away_once_it_is_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
