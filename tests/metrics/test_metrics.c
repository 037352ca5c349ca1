/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/metrics.h>

#include "support/counting_allocator.h"

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

static struct hf_counter *counter(
    struct hf_metrics *metrics, const char *name, const struct hf_label *labels, size_t count)
{
    struct hf_counter *made = NULL;
    assert_int_equal(hf_metrics_counter(metrics, name, "", labels, count, &made, NULL), HF_OK);
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

static int64_t read_zero(void *context)
{
    (void)context;
    return 0;
}

static int64_t read_one(void *context)
{
    (void)context;
    return 1;
}

/* The error must begin with the name of what is wrong. */
static void assert_refused(
    enum hf_status status, enum hf_status expected, struct hf_error *error, const char *part)
{
    assert_int_equal(status, expected);
    assert_int_equal(error->count, 1);
    assert_int_equal(error->causes[0].status, expected);
    if (strncmp(hf_error_text(error), part, strlen(part)) != 0)
        fail_msg("\"%s\" does not begin with \"%s\"", hf_error_text(error), part);
    hf_error_clear(error);
}

static void assert_counter_refused(struct hf_metrics *metrics, const char *name, const char *help,
    const struct hf_label *labels, size_t count, const char *part)
{
    struct hf_error error = {0};
    struct hf_counter *made = (struct hf_counter *)&error;
    enum hf_status status = hf_metrics_counter(metrics, name, help, labels, count, &made, &error);
    assert_null(made);
    assert_refused(status, HF_INVALID, &error, part);
    assert_int_equal(
        hf_metrics_counter(metrics, name, help, labels, count, &made, NULL), HF_INVALID);
}

static void members_max_is_bounded_and_kept(void **state)
{
    (void)state;
    struct hf_error error = {0};
    struct hf_metrics *metrics = (struct hf_metrics *)&error;
    struct hf_metrics_options options = {.members_max = HF_METRICS_MEMBERS_MAX + 1};
    assert_refused(hf_metrics_new(&metrics, &options, &error), HF_INVALID, &error, "members_max");
    assert_null(metrics);
    options.members_max = 2;
    assert_int_equal(hf_metrics_new(&metrics, &options, &error), HF_OK);
    struct hf_counter *first = counter(metrics, "a", NULL, 0);
    counter(metrics, "b", NULL, 0);
    struct hf_counter *third = first;
    assert_refused(hf_metrics_counter(metrics, "c", "", NULL, 0, &third, &error), HF_FULL, &error,
        "members_max");
    assert_null(third);
    assert_ptr_equal(counter(metrics, "a", NULL, 0), first);
    hf_metrics_free(metrics);
    options.members_max = HF_METRICS_MEMBERS_MAX;
    assert_int_equal(hf_metrics_new(&metrics, &options, &error), HF_OK);
    hf_metrics_free(metrics);
}

static void an_allocator_has_both_its_functions(void **state)
{
    (void)state;
    struct hf_error error = {0};
    struct hf_metrics *metrics = NULL;
    struct hf_allocator allocator = *hf_allocator_libc();
    struct hf_metrics_options options = {.allocator = &allocator};
    allocator.release = NULL;
    assert_refused(
        hf_metrics_new(&metrics, &options, &error), HF_INVALID, &error, "allocator.release");
    allocator.allocate = NULL;
    assert_refused(
        hf_metrics_new(&metrics, &options, &error), HF_INVALID, &error, "allocator.allocate");
}

static void nothing_given_is_named_or_does_nothing(void **state)
{
    struct hf_metrics *metrics = *state;
    struct hf_error error = {0};
    assert_refused(hf_metrics_new(NULL, NULL, &error), HF_INVALID, &error, "metrics");
    assert_counter_refused(NULL, "a", "", NULL, 0, "metrics");
    assert_counter_refused(metrics, NULL, "", NULL, 0, "name");
    assert_counter_refused(metrics, "a", NULL, NULL, 0, "help");
    assert_counter_refused(metrics, "a", "", NULL, 1, "labels");
    assert_refused(
        hf_metrics_counter(metrics, "a", "", NULL, 0, NULL, &error), HF_INVALID, &error, "counter");
    assert_refused(
        hf_metrics_gauge(metrics, "a", "", NULL, 0, NULL, &error), HF_INVALID, &error, "gauge");
    assert_refused(hf_metrics_gauge_read(metrics, "a", "", NULL, 0, NULL, NULL, &error), HF_INVALID,
        &error, "read");
    assert_refused(hf_metrics_histogram(metrics, "a", "", NULL, 0, NULL, 0, NULL, &error),
        HF_INVALID, &error, "histogram");
    hf_metrics_free(NULL);
    hf_counter_add(NULL, 1);
    hf_gauge_set(NULL, 1);
    hf_gauge_add(NULL, 1);
    hf_histogram_observe(NULL, 1);
    assert_int_equal(hf_counter_value(NULL), 0);
    assert_int_equal(hf_gauge_value(NULL), 0);
    assert_int_equal(hf_histogram_quantile_ns(NULL, 500), 0);
}

static void names_are_what_prometheus_allows(void **state)
{
    struct hf_metrics *metrics = *state;
    static const char *const bad[] = {
        "", "9", "a-b", "a b", "-", "\xc3\xa9", "a\n", "a\"", ".", "{", "a{"};
    static const char *const good[] = {"a", "Z", "_", ":", "_9", ":9", "a:b_C0"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct hf_label label = {bad[i], "x"};
        assert_counter_refused(metrics, bad[i], "", NULL, 0, "name");
        assert_counter_refused(metrics, "a", "", &label, 1, "labels[0].name");
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        counter(metrics, good[i], NULL, 0);
}

static void label_names_are_narrower_than_metric_names(void **state)
{
    struct hf_metrics *metrics = *state;
    struct hf_label labels[] = {{"good", "x"}, {NULL, "x"}};
    assert_counter_refused(metrics, "a", "", labels, 2, "labels[1].name: NULL");
    static const char *const bad[] = {":", "a:b", "__name__", "__", "good"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        labels[1].name = bad[i];
        assert_counter_refused(metrics, "a", "", labels, 2, "labels[1].name");
    }
    labels[1].name = "_";
    counter(metrics, "a", labels, 2);
    labels[1].name = "le";
    counter(metrics, "a", labels, 2);
}

static void texts_are_utf8(void **state)
{
    struct hf_metrics *metrics = *state;
    static const char *const bad[] = {
        "\xff", "ok\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct hf_label label = {"a", bad[i]};
        assert_counter_refused(metrics, "a", bad[i], NULL, 0, "help: not UTF-8");
        assert_counter_refused(metrics, "a", "", &label, 1, "labels[0].value: not UTF-8");
    }
    struct hf_label label = {"a", NULL};
    assert_counter_refused(metrics, "a", "", &label, 1, "labels[0].value: NULL");
}

static void lengths_and_counts_have_limits(void **state)
{
    struct hf_metrics *metrics = *state;
    char name[HF_METRIC_NAME_MAX + 2] = {0};
    char text[HF_METRIC_TEXT_MAX + 2] = {0};
    memset(name, 'n', HF_METRIC_NAME_MAX);
    memset(text, '"', HF_METRIC_TEXT_MAX);
    struct hf_label label = {name, text};
    counter(metrics, name, &label, 1);
    name[HF_METRIC_NAME_MAX] = 'n';
    assert_counter_refused(metrics, name, "", NULL, 0, "name");
    assert_counter_refused(metrics, "a", "", &label, 1, "labels[0].name");
    text[HF_METRIC_TEXT_MAX] = '"';
    label.name = "a";
    assert_counter_refused(metrics, "a", "", &label, 1, "labels[0].value");
    assert_counter_refused(metrics, "a", text, NULL, 0, "help");
    struct hf_label labels[HF_LABELS_MAX + 1];
    char names[HF_LABELS_MAX + 1][4];
    for (size_t i = 0; i <= HF_LABELS_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "l%zu", i);
        labels[i] = (struct hf_label){names[i], "v"};
    }
    counter(metrics, "a", labels, HF_LABELS_MAX);
    assert_counter_refused(metrics, "a", "", labels, HF_LABELS_MAX + 1, "labels_count");
    assert_counter_refused(metrics, "a", "", labels, SIZE_MAX, "labels_count");
}

static void asking_again_gives_the_same_member(void **state)
{
    struct hf_metrics *metrics = *state;
    struct hf_label labels[] = {{"a", "1"}, {"b", "2"}};
    struct hf_label reversed[] = {{"b", "2"}, {"c", ""}, {"a", "1"}};
    struct hf_counter *made = counter(metrics, "x", labels, 2);
    assert_ptr_equal(counter(metrics, "x", labels, 2), made);
    assert_ptr_equal(counter(metrics, "x", reversed, 3), made);
    assert_ptr_not_equal(counter(metrics, "x", labels, 1), made);
    assert_ptr_not_equal(counter(metrics, "x", NULL, 0), made);
    assert_ptr_not_equal(counter(metrics, "y", labels, 2), made);
    assert_ptr_equal(gauge(metrics, "g"), gauge(metrics, "g"));
    assert_ptr_equal(histogram(metrics, "h", NULL, 0), histogram(metrics, "h", NULL, 0));
    assert_int_equal(
        hf_metrics_gauge_read(metrics, "r", "", NULL, 0, read_zero, metrics, NULL), HF_OK);
    assert_int_equal(
        hf_metrics_gauge_read(metrics, "r", "", NULL, 0, read_zero, metrics, NULL), HF_OK);
}

/* Escaping must not make two sets of labels look alike. */
static void labels_that_differ_are_different_members(void **state)
{
    struct hf_metrics *metrics = *state;
    struct hf_label one = {"a", "1\",b=\"2"};
    struct hf_label two[] = {{"a", "1"}, {"b", "2"}};
    assert_ptr_not_equal(counter(metrics, "x", &one, 1), counter(metrics, "x", two, 2));
    struct hf_label newline = {"a", "\n"};
    struct hf_label backslash = {"a", "\\n"};
    assert_ptr_not_equal(counter(metrics, "x", &newline, 1), counter(metrics, "x", &backslash, 1));
}

static void strings_are_copied(void **state)
{
    struct hf_metrics *metrics = *state;
    char name[] = "name";
    char key[] = "key";
    char value[] = "value";
    char help[] = "help";
    struct hf_label label = {key, value};
    struct hf_counter *made = NULL;
    assert_int_equal(hf_metrics_counter(metrics, name, help, &label, 1, &made, NULL), HF_OK);
    memset(name, 'x', 4);
    memset(key, 'x', 3);
    memset(value, 'x', 5);
    memset(help, 'x', 4);
    char text[128];
    hf_metrics_write(metrics, text, sizeof(text));
    assert_string_equal(text, "# HELP name help\n# TYPE name counter\nname{key=\"value\"} 0\n");
}

static void a_name_is_of_one_kind(void **state)
{
    struct hf_metrics *metrics = *state;
    struct hf_error error = {0};
    struct hf_gauge *made_gauge = NULL;
    struct hf_histogram *made_histogram = NULL;
    struct hf_label label = {"a", "b"};
    counter(metrics, "c", NULL, 0);
    assert_refused(hf_metrics_gauge(metrics, "c", "", &label, 1, &made_gauge, &error), HF_INVALID,
        &error, "name: \"c\" is that of a counter");
    assert_refused(
        hf_metrics_histogram(metrics, "c", "", NULL, 0, NULL, 0, &made_histogram, &error),
        HF_INVALID, &error, "name: \"c\" is that of a counter");
    gauge(metrics, "g");
    assert_counter_refused(metrics, "g", "", NULL, 0, "name: \"g\" is that of a gauge");
    histogram(metrics, "h", NULL, 0);
    assert_counter_refused(metrics, "h", "", NULL, 0, "name: \"h\" is that of a histogram");
}

static void a_gauge_gets_its_value_in_one_way(void **state)
{
    struct hf_metrics *metrics = *state;
    struct hf_error error = {0};
    struct hf_gauge *made = NULL;
    gauge(metrics, "set");
    assert_refused(hf_metrics_gauge_read(metrics, "set", "", NULL, 0, read_zero, NULL, &error),
        HF_INVALID, &error, "read");
    assert_int_equal(
        hf_metrics_gauge_read(metrics, "read", "", NULL, 0, read_zero, NULL, NULL), HF_OK);
    assert_refused(
        hf_metrics_gauge(metrics, "read", "", NULL, 0, &made, &error), HF_INVALID, &error, "read");
    assert_null(made);
    assert_refused(hf_metrics_gauge_read(metrics, "read", "", NULL, 0, read_one, NULL, &error),
        HF_INVALID, &error, "read");
    assert_refused(hf_metrics_gauge_read(metrics, "read", "", NULL, 0, read_zero, &made, &error),
        HF_INVALID, &error, "read");
    struct hf_label label = {"a", "b"};
    assert_int_equal(hf_metrics_gauge(metrics, "read", "", &label, 1, &made, NULL), HF_OK);
}

static void series_of_a_histogram_are_not_names_of_others(void **state)
{
    struct hf_metrics *metrics = *state;
    struct hf_error error = {0};
    struct hf_histogram *made = NULL;
    static const char *const series[] = {"h_bucket", "h_sum", "h_count"};
    histogram(metrics, "h", NULL, 0);
    for (size_t i = 0; i < 3; i++)
        assert_counter_refused(metrics, series[i], "", NULL, 0, "name");
    counter(metrics, "h_total", NULL, 0);
    counter(metrics, "_sum", NULL, 0);
    counter(metrics, "other_count", NULL, 0);
    assert_refused(hf_metrics_histogram(metrics, "other", "", NULL, 0, NULL, 0, &made, &error),
        HF_INVALID, &error, "name: \"other\" would write the metric \"other_count\"");
    counter(metrics, "plain", NULL, 0);
    counter(metrics, "plain_sum", NULL, 0);
    histogram(metrics, "plain_count", NULL, 0);
}

static void a_histogram_keeps_le_for_itself(void **state)
{
    struct hf_metrics *metrics = *state;
    struct hf_error error = {0};
    struct hf_histogram *made = NULL;
    struct hf_label label = {"le", "1"};
    assert_refused(hf_metrics_histogram(metrics, "h", "", &label, 1, NULL, 0, &made, &error),
        HF_INVALID, &error, "labels[0].name");
}

static void assert_bounds_refused(
    struct hf_metrics *metrics, const uint64_t *bounds, size_t count, const char *part)
{
    struct hf_error error = {0};
    struct hf_histogram *made = (struct hf_histogram *)&error;
    enum hf_status status =
        hf_metrics_histogram(metrics, "h", "", NULL, 0, bounds, count, &made, &error);
    assert_null(made);
    assert_refused(status, HF_INVALID, &error, part);
}

static void bounds_ascend_within_limits(void **state)
{
    struct hf_metrics *metrics = *state;
    uint64_t bounds[HF_BUCKETS_MAX + 1];
    for (size_t i = 0; i <= HF_BUCKETS_MAX; i++)
        bounds[i] = i;
    assert_bounds_refused(metrics, bounds, HF_BUCKETS_MAX + 1, "bounds_count");
    assert_bounds_refused(metrics, NULL, 1, "bounds_ns: NULL");
    bounds[3] = 2;
    assert_bounds_refused(metrics, bounds, HF_BUCKETS_MAX, "bounds_ns[3]: 2");
    bounds[3] = 3;
    bounds[HF_BUCKETS_MAX - 1] = HF_TIME_MAX_NS + 1;
    assert_bounds_refused(metrics, bounds, HF_BUCKETS_MAX, "bounds_ns[39]: 2305843009213693952");
    bounds[HF_BUCKETS_MAX - 1] = HF_TIME_MAX_NS;
    histogram(metrics, "h", bounds, HF_BUCKETS_MAX);
}

static void members_of_a_family_share_their_bounds(void **state)
{
    struct hf_metrics *metrics = *state;
    struct hf_label label = {"a", "b"};
    struct hf_histogram *made = NULL;
    uint64_t bounds[] = {1, 2, 3};
    histogram(metrics, "h", bounds, 3);
    assert_int_equal(
        hf_metrics_histogram(metrics, "h", "", &label, 1, bounds, 3, &made, NULL), HF_OK);
    assert_bounds_refused(metrics, bounds, 2, "bounds_ns");
    assert_bounds_refused(metrics, NULL, 0, "bounds_ns");
    bounds[1] = 1;
    bounds[0] = 0;
    assert_bounds_refused(metrics, bounds, 3, "bounds_ns");
}

static void make_one_of_each(struct hf_metrics *metrics, enum hf_status statuses[4])
{
    struct hf_counter *made_counter = NULL;
    struct hf_gauge *made_gauge = NULL;
    struct hf_histogram *made_histogram = NULL;
    struct hf_label label = {"a", "b"};
    statuses[0] = hf_metrics_counter(metrics, "c", "", &label, 1, &made_counter, NULL);
    statuses[1] = hf_metrics_gauge(metrics, "g", "", &label, 1, &made_gauge, NULL);
    statuses[2] = hf_metrics_gauge_read(metrics, "r", "", &label, 1, read_zero, NULL, NULL);
    statuses[3] = hf_metrics_histogram(metrics, "h", "", &label, 1, NULL, 0, &made_histogram, NULL);
    assert_int_equal(made_counter != NULL, statuses[0] == HF_OK);
    assert_int_equal(made_gauge != NULL, statuses[1] == HF_OK);
    assert_int_equal(made_histogram != NULL, statuses[3] == HF_OK);
    hf_counter_add(made_counter, 1);
    hf_gauge_add(made_gauge, 1);
    hf_histogram_observe(made_histogram, 1);
}

static void whichever_allocation_fails_nothing_leaks_or_is_half_made(void **state)
{
    (void)state;
    enum hf_status last = HF_NO_MEMORY;
    for (uint64_t n = 1; last != HF_OK; n++) {
        struct counting_allocator counting = {.fail_at = n};
        struct hf_allocator allocator = counting_allocator(&counting);
        struct hf_metrics_options options = {.allocator = &allocator};
        struct hf_metrics *metrics = NULL;
        struct hf_error error = {0};
        enum hf_status made = hf_metrics_new(&metrics, &options, &error);
        assert_int_equal(made, n == 1 ? HF_NO_MEMORY : HF_OK);
        assert_int_equal(error.count, n == 1);
        if (made != HF_OK)
            continue;
        enum hf_status statuses[4];
        make_one_of_each(metrics, statuses);
        for (size_t i = 0; i < 4; i++)
            assert_true(statuses[i] == HF_OK || statuses[i] == HF_NO_MEMORY);
        last = statuses[3];
        counting.fail_at = 0;
        uint64_t live = counting.live;
        make_one_of_each(metrics, statuses);
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(statuses[i], HF_OK);
        assert_int_equal(counting.live == live, last == HF_OK);
        hf_metrics_free(metrics);
        assert_int_equal(counting.live, 0);
        assert_int_equal(counting.live_bytes, 0);
    }
}

#define with_registry(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_max_is_bounded_and_kept),
        cmocka_unit_test(an_allocator_has_both_its_functions),
        with_registry(nothing_given_is_named_or_does_nothing),
        with_registry(names_are_what_prometheus_allows),
        with_registry(label_names_are_narrower_than_metric_names),
        with_registry(texts_are_utf8),
        with_registry(lengths_and_counts_have_limits),
        with_registry(asking_again_gives_the_same_member),
        with_registry(labels_that_differ_are_different_members),
        with_registry(strings_are_copied),
        with_registry(a_name_is_of_one_kind),
        with_registry(a_gauge_gets_its_value_in_one_way),
        with_registry(series_of_a_histogram_are_not_names_of_others),
        with_registry(a_histogram_keeps_le_for_itself),
        with_registry(bounds_ascend_within_limits),
        with_registry(members_of_a_family_share_their_bounds),
        cmocka_unit_test(whichever_allocation_fails_nothing_leaks_or_is_half_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
