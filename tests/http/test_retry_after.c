/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <holdfast/http.h>
#include <holdfast/random.h>

#include "scale.h"

#define SEED 20240613
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* Sunday, 6 November 1994, 08:49:37 UTC, the moment of RFC 9110's examples. */
#define EXAMPLE_S UINT64_C(784111777)

static enum hf_status parse(const char *text, uint64_t now_s, uint64_t *retry_after_ns)
{
    return hf_http_retry_after_parse(
        hf_bytes(text, strlen(text)), HF_SECONDS(now_s), retry_after_ns);
}

static void assert_wait(const char *text, uint64_t now_s, uint64_t expected_ns)
{
    uint64_t wait_ns = 1;
    if (parse(text, now_s, &wait_ns) != HF_OK || wait_ns != expected_ns)
        fail_msg("%s: %" PRIu64 " instead of %" PRIu64, text, wait_ns, expected_ns);
}

static void seconds_are_read_and_bounded(void **state)
{
    (void)state;
    assert_wait("0", 0, 0);
    assert_wait("120", 0, HF_SECONDS(120));
    assert_wait(" 7\t", 0, HF_SECONDS(7));
    assert_wait("007", 0, HF_SECONDS(7));
    assert_wait("2305843009", 0, HF_SECONDS(2305843009));
    assert_wait("2305843010", 0, HF_TIME_MAX_NS);
    assert_wait("18446744073709551615", 0, HF_TIME_MAX_NS);
    assert_wait("18446744073709551616", 0, HF_TIME_MAX_NS);
    assert_wait("99999999999999999999999999999999999999", 0, HF_TIME_MAX_NS);
}

static void the_three_forms_of_a_date_are_read(void **state)
{
    (void)state;
    const char *const forms[] = {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994"};
    for (size_t index = 0; index < LENGTH(forms); index++) {
        assert_wait(forms[index], EXAMPLE_S - 90, HF_SECONDS(90));
        assert_wait(forms[index], EXAMPLE_S, 0);
        assert_wait(forms[index], EXAMPLE_S + 1, 0);
        uint64_t wait_ns;
        assert_int_equal(hf_http_retry_after_parse(hf_bytes(forms[index], strlen(forms[index])),
                             HF_SECONDS(EXAMPLE_S - 2) + 1, &wait_ns),
            HF_OK);
        assert_int_equal(wait_ns, HF_SECONDS(2) - 1);
    }
    assert_wait("Wed Nov 16 08:49:37 1994", EXAMPLE_S, HF_SECONDS(10 * 86400));
}

static void dates_outside_of_what_clocks_hold_are_bounded(void **state)
{
    (void)state;
    assert_wait("Thu, 01 Jan 1970 00:00:00 GMT", 0, 0);
    assert_wait("Wed, 31 Dec 1969 23:59:59 GMT", 0, 0);
    assert_wait("Sat, 01 Jan 0000 00:00:00 GMT", 0, 0);
    assert_wait("Fri, 31 Dec 9999 23:59:59 GMT", 0, HF_TIME_MAX_NS);
    assert_wait("Fri, 31 Dec 9999 23:59:59 GMT", UINT64_MAX / HF_SECONDS(1), HF_TIME_MAX_NS);
    assert_wait("Tue, 29 Feb 2000 00:00:00 GMT", 951782399, HF_SECONDS(1));
    assert_wait("Thu, 29 Feb 2024 23:59:60 GMT", 1709251199, HF_SECONDS(1)); /* A leap second. */
}

static void two_digits_of_a_year_are_at_most_fifty_years_ahead(void **state)
{
    (void)state;
    const uint64_t in_2024_s = 1704067200; /* Its first second. */
    const uint64_t year_2074_s = 3281990400;
    assert_wait("Monday, 01-Jan-74 00:00:00 GMT", in_2024_s, HF_SECONDS(year_2074_s - in_2024_s));
    assert_wait("Monday, 01-Jan-75 00:00:00 GMT", in_2024_s, 0); /* 1975. */
    assert_wait("Monday, 01-Jan-24 00:00:10 GMT", in_2024_s, HF_SECONDS(10));
    assert_wait("Monday, 01-Jan-23 00:00:00 GMT", in_2024_s, 0);
}

static void anything_else_is_malformed_and_changes_nothing(void **state)
{
    (void)state;
    const char *const texts[] = {"", " ", "-1", "+1", "1.5", "1s", "0x10", "1 2", "1,2", "soon",
        "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT x", "Sun, 6 Nov 1994 08:49:37 GMT",
        "sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
        "Son, 06 Nov 1994 08:49:37 GMT", "Sun 06 Nov 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 29 Feb 2023 08:49:37 GMT", "Sun, 29 Feb 1900 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 23:60:00 GMT",
        "Sun, 06 Nov 1994 23:59:61 GMT", "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov 11994 08:49:37 GMT", "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT", "Sun Nov 06 08:49:37 94", "Sun Nov 6 08:49:37 1994",
        "Sun Nov  6 08:49:37 1994 ?", "Sun Nov   6 08:49:37 1994", "1994-11-06T08:49:37Z",
        "Sun, 06 Nov 1994 -1:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT"};
    uint64_t wait_ns = 42;
    for (size_t index = 0; index < LENGTH(texts); index++) {
        if (parse(texts[index], 0, &wait_ns) != HF_MALFORMED)
            fail_msg("\"%s\" was taken for a time", texts[index]);
        assert_int_equal(wait_ns, 42);
    }
    assert_int_equal(hf_http_retry_after_parse(hf_bytes("12\0", 3), 0, &wait_ns), HF_MALFORMED);
}

static void null_is_invalid(void **state)
{
    (void)state;
    uint64_t wait_ns;
    assert_int_equal(parse("1", 0, NULL), HF_INVALID);
    assert_int_equal(hf_http_retry_after_parse(hf_bytes(NULL, 1), 0, &wait_ns), HF_INVALID);
    assert_int_equal(hf_http_retry_after_parse(hf_bytes(NULL, 0), 0, &wait_ns), HF_MALFORMED);
}

static void every_day_of_the_calendar_agrees_with_the_system(void **state)
{
    (void)state;
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, SEED);
    struct hf_random random = hf_splitmix_random(&splitmix);
    const uint64_t day_s = 86400;
    const uint64_t last_s = 4102444800; /* 2100, the first year that is no leap year again. */
    for (uint64_t day = 0; day < last_s / day_s + 730; day += test_is_slow() ? 7 : 1) {
        uint64_t date_s = day * day_s + hf_random_below(&random, day_s);
        time_t date = (time_t)date_s;
        struct tm parts;
        assert_non_null(gmtime_r(&date, &parts));
        const char *const forms[] = {
            "%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"};
        for (size_t index = 0; index < LENGTH(forms); index++) {
            char text[64];
            strftime(text, sizeof(text), forms[index], &parts);
            uint64_t ahead_s = date_s < 1000 ? date_s : 1000;
            assert_wait(text, date_s - ahead_s, HF_SECONDS(ahead_s));
        }
    }
}

static void random_bytes_never_crash(void **state)
{
    (void)state;
    const char alphabet[] = "SunMonday,, 0123456789::- NovGMT \t\0\xff";
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, SEED);
    struct hf_random random = hf_splitmix_random(&splitmix);
    for (size_t round = 0; round < test_scaled(200000); round++) {
        size_t size = 1 + hf_random_below(&random, 40);
        char *text = malloc(size);
        assert_non_null(text);
        /* A good date with a few bytes changed gets further than noise does. */
        for (size_t index = 0; index < size; index++) {
            bool noise = hf_random_below(&random, 8) == 0;
            text[index] = noise ? alphabet[hf_random_below(&random, sizeof(alphabet) - 1)]
                                : "Sun, 06 Nov 1994 08:49:37 GMT           "[index];
        }
        uint64_t wait_ns = 0;
        enum hf_status status =
            hf_http_retry_after_parse(hf_bytes(text, size), hf_splitmix_next(&splitmix), &wait_ns);
        if ((status != HF_OK && status != HF_MALFORMED) || wait_ns > HF_TIME_MAX_NS)
            fail_msg("seed %d round %zu", SEED, round);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seconds_are_read_and_bounded),
        cmocka_unit_test(the_three_forms_of_a_date_are_read),
        cmocka_unit_test(dates_outside_of_what_clocks_hold_are_bounded),
        cmocka_unit_test(two_digits_of_a_year_are_at_most_fifty_years_ahead),
        cmocka_unit_test(anything_else_is_malformed_and_changes_nothing),
        cmocka_unit_test(null_is_invalid),
        cmocka_unit_test(every_day_of_the_calendar_agrees_with_the_system),
        cmocka_unit_test(random_bytes_never_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
