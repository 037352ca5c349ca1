/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <holdfast/quota.h>

#include "limit/quota.h"
#include "scale.h"
#include "support/gcra_oracle.h"

static void assert_refused(struct hf_quota quota, const char *text)
{
    struct hf_error error = {0};
    assert_int_equal(hf_quota_check(&quota, &error), HF_INVALID);
    assert_int_equal(hf_quota_check(&quota, NULL), HF_INVALID);
    assert_string_equal(hf_error_text(&error), text);
}

static void assert_accepted(struct hf_quota quota)
{
    struct hf_error error = {0};
    assert_int_equal(hf_quota_check(&quota, &error), HF_OK);
    assert_int_equal(error.count, 0);
}

static void makers_say_what_they_are_called(void **state)
{
    (void)state;
    struct hf_quota quota = hf_quota_with_burst(hf_quota_per_minute(7), 9);
    assert_int_equal(quota.count, 7);
    assert_int_equal(quota.period_ns, HF_SECONDS(60));
    assert_int_equal(quota.burst, 9);
    assert_int_equal(hf_quota_per_second(1).period_ns, HF_SECONDS(1));
    assert_int_equal(hf_quota_per_hour(1).period_ns, HF_SECONDS(3600));
    assert_int_equal(hf_quota_per_hour(1).burst, 0);
}

static void a_refusal_names_the_field_and_its_value(void **state)
{
    (void)state;
    assert_refused((struct hf_quota){0}, "quota.count: 0 is too small (at least 1)");
    assert_refused(
        hf_quota_per(1, 0), "quota.period_ns: 0 is out of range (1 to 2305843009213693951)");
    assert_refused(hf_quota_per(1, HF_TIME_MAX_NS + 1),
        "quota.period_ns: 2305843009213693952 is out of range (1 to 2305843009213693951)");
    assert_refused(hf_quota_per_second(10000001),
        "quota.count: 10000001 in 1000000000 ns is more than 10 million a second");
    assert_refused(hf_quota_per(UINT64_MAX, UINT64_C(1) << 60),
        "quota.count: 18446744073709551615 in 1152921504606846976 ns is more than 10 million a "
        "second");
    assert_refused(hf_quota_with_burst(hf_quota_per_second(1), UINT64_MAX),
        "quota.burst: 18446744073709551615 is too large: at 1000000000 ns a cell it takes more "
        "than "
        "2^60 ns to earn");
    assert_refused(hf_quota_per(1, HF_TIME_MAX_NS),
        "quota.burst: 1 is too large: at 2305843009213693951 ns a cell it takes more than 2^60 ns "
        "to earn");
}

static void null_is_refused(void **state)
{
    (void)state;
    struct hf_error error = {0};
    assert_int_equal(hf_quota_check(NULL, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "quota: NULL");
    assert_int_equal(hf_quota_check(NULL, NULL), HF_INVALID);
    const struct hf_quota quota = hf_quota_per_second(1);
    struct hf_gcra gcra = {.burst = 77};
    assert_int_equal(hf_gcra_init(&gcra, NULL, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "quota: NULL");
    assert_int_equal(hf_gcra_init(NULL, &quota, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "gcra: NULL");
    assert_int_equal(gcra.burst, 77);
}

static void a_quota_fills_up_in_the_time_of_its_burst(void **state)
{
    (void)state;
    const struct hf_quota quota = hf_quota_with_burst(hf_quota_per_minute(30), 45);
    struct hf_gcra gcra;
    assert_int_equal(hf_gcra_init(&gcra, &quota, NULL), HF_OK);
    assert_int_equal(hf_gcra_fill_ns(&gcra), HF_SECONDS(90));
}

static void the_limits_themselves_are_accepted(void **state)
{
    (void)state;
    assert_accepted(hf_quota_per_second(10000000));
    assert_accepted(hf_quota_per(1, 100));
    assert_accepted(hf_quota_per(1, UINT64_C(1) << 60));
    assert_accepted(hf_quota_with_burst(hf_quota_per(2, HF_TIME_MAX_NS), 1));
    assert_accepted(hf_quota_with_burst(hf_quota_per(1, 128), UINT64_C(1) << 53));
    assert_refused(hf_quota_per(1, 99), "quota.count: 1 in 99 ns is more than 10 million a second");
}

/* What the header says, in 128 bits. */
static bool acceptable(const struct hf_quota *quota)
{
    typedef unsigned __int128 wide;
    if (quota->count == 0 || quota->period_ns == 0 || quota->period_ns > HF_TIME_MAX_NS)
        return false;
    if ((wide)quota->count * HF_SECONDS(1) > (wide)quota->period_ns * 10000000)
        return false;
    struct gcra_oracle oracle = gcra_oracle(quota);
    return (wide)oracle.burst * oracle.interval_ns <= (wide)1 << 60;
}

static void exactly_the_acceptable_quotas_are_accepted(void **state)
{
    (void)state;
    struct hf_splitmix random;
    hf_splitmix_init(&random, 1);
    for (size_t i = 0; i < test_scaled(300000); i++) {
        struct hf_quota quota = {
            .count = random_any_size(&random, 64),
            .period_ns = random_any_size(&random, 64),
            .burst = random_any_size(&random, 64),
        };
        struct hf_gcra gcra = {0};
        enum hf_status status = hf_gcra_init(&gcra, &quota, NULL);
        assert_int_equal(status, acceptable(&quota) ? HF_OK : HF_INVALID);
        if (status != HF_OK)
            continue;
        struct gcra_oracle oracle = gcra_oracle(&quota);
        assert_int_equal(gcra.interval_ns, oracle.interval_ns);
        assert_int_equal(gcra.burst, oracle.burst);
        assert_int_equal(gcra.tolerance_ns, oracle.burst * oracle.interval_ns);
    }
}

static void cells_are_divided_exactly(void **state)
{
    (void)state;
    struct hf_splitmix random;
    hf_splitmix_init(&random, 2);
    for (size_t i = 0; i < test_scaled(300000); i++) {
        struct hf_quota quota = random_quota(&random);
        struct hf_gcra gcra;
        assert_int_equal(hf_gcra_init(&gcra, &quota, NULL), HF_OK);
        uint64_t duration = random_any_size(&random, 60);
        if (i % 2) /* At a border, where one too many or too few shows. */
            duration -= duration % gcra.interval_ns;
        assert_int_equal(hf_gcra_cells(&gcra, duration), duration / gcra.interval_ns);
        if (duration > 0)
            assert_int_equal(hf_gcra_cells(&gcra, duration - 1), (duration - 1) / gcra.interval_ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makers_say_what_they_are_called),
        cmocka_unit_test(a_refusal_names_the_field_and_its_value),
        cmocka_unit_test(null_is_refused),
        cmocka_unit_test(a_quota_fills_up_in_the_time_of_its_burst),
        cmocka_unit_test(the_limits_themselves_are_accepted),
        cmocka_unit_test(exactly_the_acceptable_quotas_are_accepted),
        cmocka_unit_test(cells_are_divided_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
