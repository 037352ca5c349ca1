/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <holdfast/metrics.h>

static int setup(void **state)
{
    struct hf_metrics *metrics = NULL;
    if (hf_metrics_new(&metrics, NULL, NULL) != HF_OK)
        return -1;
    *state = metrics;
    return 0;
}

static int teardown(void **state)
{
    hf_metrics_free(*state);
    return 0;
}

static struct hf_counter *counter(struct hf_metrics *metrics, const char *name)
{
    struct hf_counter *made = NULL;
    assert_int_equal(hf_metrics_counter(metrics, name, "", NULL, 0, &made, NULL), HF_OK);
    assert_non_null(made);
    return made;
}

static struct hf_gauge *gauge(struct hf_metrics *metrics, const char *name)
{
    struct hf_gauge *made = NULL;
    assert_int_equal(hf_metrics_gauge(metrics, name, "", NULL, 0, &made, NULL), HF_OK);
    assert_non_null(made);
    return made;
}

static struct hf_histogram *histogram(
    struct hf_metrics *metrics, const char *name, const uint64_t *bounds, size_t count)
{
    struct hf_histogram *made = NULL;
    assert_int_equal(
        hf_metrics_histogram(metrics, name, "", NULL, 0, bounds, count, &made, NULL), HF_OK);
    assert_non_null(made);
    return made;
}

static void a_counter_adds_and_wraps(void **state)
{
    struct hf_counter *made = counter(*state, "c");
    assert_int_equal(hf_counter_value(made), 0);
    hf_counter_add(made, 0);
    hf_counter_add(made, 5);
    assert_int_equal(hf_counter_value(made), 5);
    hf_counter_add(made, UINT64_MAX);
    assert_int_equal(hf_counter_value(made), 4);
}

static void a_gauge_is_set_and_added_to(void **state)
{
    struct hf_gauge *made = gauge(*state, "g");
    static const int64_t values[] = {0, 1, -1, INT64_MAX, INT64_MIN, 42};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        hf_gauge_set(made, values[i]);
        assert_true(hf_gauge_value(made) == values[i]);
    }
    hf_gauge_add(made, -50);
    assert_int_equal(hf_gauge_value(made), -8);
    hf_gauge_set(made, INT64_MAX);
    hf_gauge_add(made, 1);
    assert_true(hf_gauge_value(made) == INT64_MIN);
}

static void quantiles_of_nothing_and_of_what_exceeds_all(void **state)
{
    uint64_t bound = 10;
    struct hf_histogram *made = histogram(*state, "h", &bound, 1);
    assert_int_equal(hf_histogram_quantile_ns(made, 990), 0);
    hf_histogram_observe(made, 11);
    assert_true(hf_histogram_quantile_ns(made, 0) == UINT64_MAX);
    hf_histogram_observe(made, 10);
    assert_int_equal(hf_histogram_quantile_ns(made, 0), 10);
    assert_int_equal(hf_histogram_quantile_ns(made, 500), 10);
    assert_true(hf_histogram_quantile_ns(made, 501) == UINT64_MAX);
    assert_true(hf_histogram_quantile_ns(made, UINT32_MAX) == UINT64_MAX);
}

/* Observing 1 to n in any order, the p-th per mille is ceil(n p / 1000); with a bound at every
 * number the histogram has to find exactly that. */
static void quantiles_are_exact_where_bounds_are(void **state)
{
    uint64_t bounds[HF_BUCKETS_MAX];
    for (size_t i = 0; i < HF_BUCKETS_MAX; i++)
        bounds[i] = i + 1;
    struct hf_histogram *made = histogram(*state, "h", bounds, HF_BUCKETS_MAX);
    for (uint64_t n = 1; n <= HF_BUCKETS_MAX; n++) {
        hf_histogram_observe(made, n);
        for (uint32_t per_mille = 1; per_mille <= 1000; per_mille++)
            assert_int_equal(
                hf_histogram_quantile_ns(made, per_mille), (n * per_mille + 999) / 1000);
    }
}

#define with_registry(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_registry(a_counter_adds_and_wraps),
        with_registry(a_gauge_is_set_and_added_to),
        with_registry(quantiles_of_nothing_and_of_what_exceeds_all),
        with_registry(quantiles_are_exact_where_bounds_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
