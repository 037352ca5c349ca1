/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <holdfast/metrics.h>

#include "scale.h"
#include "support/prometheus_parser.h"

static struct hf_metrics *registry(void)
{
    struct hf_metrics *metrics = NULL;
    assert_int_equal(hf_metrics_new(&metrics, NULL, NULL), HF_OK);
    return metrics;
}

static struct hf_counter *counter(struct hf_metrics *metrics, const char *name, const char *help,
    const struct hf_label *labels, size_t count)
{
    struct hf_counter *made = NULL;
    assert_int_equal(hf_metrics_counter(metrics, name, help, labels, count, &made, NULL), HF_OK);
    return made;
}

/* The whole text, by the two-call protocol. free() it. */
static char *written(struct hf_metrics *metrics)
{
    size_t length = hf_metrics_write(metrics, NULL, 0);
    char *text = malloc(length + 1);
    assert_non_null(text);
    assert_int_equal(hf_metrics_write(metrics, text, length + 1), length);
    assert_int_equal(strlen(text), length);
    return text;
}

static void assert_text(struct hf_metrics *metrics, const char *expected)
{
    char *text = written(metrics);
    assert_string_equal(text, expected);
    prometheus_parse(text, NULL, NULL);
    free(text);
}

static int64_t read_number(void *context)
{
    return *(int64_t *)context;
}

static void an_empty_registry_writes_an_empty_text(void **state)
{
    (void)state;
    struct hf_metrics *metrics = registry();
    assert_text(metrics, "");
    hf_metrics_free(metrics);
}

static void each_kind_is_written_as_prometheus_reads_it(void **state)
{
    (void)state;
    struct hf_metrics *metrics = registry();
    int64_t number = INT64_MIN;
    struct hf_gauge *gauge = NULL;
    struct hf_histogram *histogram = NULL;
    struct hf_label label = {"zone", "a"};
    uint64_t bounds[] = {0, 1, HF_US(250), HF_SECONDS(10)};
    hf_counter_add(counter(metrics, "c_total", "Counts.", &label, 1), 7);
    assert_int_equal(hf_metrics_gauge(metrics, "b", "Set.", NULL, 0, &gauge, NULL), HF_OK);
    assert_int_equal(
        hf_metrics_gauge_read(metrics, "a", "Read.", NULL, 0, read_number, &number, NULL), HF_OK);
    assert_int_equal(
        hf_metrics_histogram(metrics, "d_seconds", "Took.", &label, 1, bounds, 4, &histogram, NULL),
        HF_OK);
    hf_gauge_set(gauge, -5);
    hf_histogram_observe(histogram, HF_US(250));
    hf_histogram_observe(histogram, HF_SECONDS(10) + 1);
    assert_text(metrics, "# HELP a Read.\n"
                         "# TYPE a gauge\n"
                         "a -9223372036854775808\n"
                         "# HELP b Set.\n"
                         "# TYPE b gauge\n"
                         "b -5\n"
                         "# HELP c_total Counts.\n"
                         "# TYPE c_total counter\n"
                         "c_total{zone=\"a\"} 7\n"
                         "# HELP d_seconds Took.\n"
                         "# TYPE d_seconds histogram\n"
                         "d_seconds_bucket{zone=\"a\",le=\"0\"} 0\n"
                         "d_seconds_bucket{zone=\"a\",le=\"0.000000001\"} 0\n"
                         "d_seconds_bucket{zone=\"a\",le=\"0.00025\"} 1\n"
                         "d_seconds_bucket{zone=\"a\",le=\"10\"} 1\n"
                         "d_seconds_bucket{zone=\"a\",le=\"+Inf\"} 2\n"
                         "d_seconds_sum{zone=\"a\"} 10.000250001\n"
                         "d_seconds_count{zone=\"a\"} 2\n");
    hf_metrics_free(metrics);
}

static void the_default_buckets_are_those_documented(void **state)
{
    (void)state;
    static const char *const bounds[] = {"0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005",
        "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"};
    struct hf_metrics *metrics = registry();
    struct hf_histogram *histogram = NULL;
    assert_int_equal(
        hf_metrics_histogram(metrics, "h", "", NULL, 0, NULL, 0, &histogram, NULL), HF_OK);
    char *text = written(metrics);
    prometheus_parse(text, NULL, NULL);
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        char series[64];
        snprintf(series, sizeof(series), "h_bucket{le=\"%s\"}", bounds[i]);
        assert_non_null(prometheus_find(text, series));
    }
    free(text);
    hf_metrics_free(metrics);
}

static void backslash_newline_and_quote_are_escaped_where_they_must_be(void **state)
{
    (void)state;
    struct hf_metrics *metrics = registry();
    struct hf_label labels[] = {{"b", "\xe2\x82\xac\t"}, {"a", "\\n\n\"\""}};
    counter(metrics, "x", "a\\b\n\"c\"", labels, 2);
    assert_text(metrics, "# HELP x a\\\\b\\n\"c\"\n"
                         "# TYPE x counter\n"
                         "x{a=\"\\\\n\\n\\\"\\\"\",b=\"\xe2\x82\xac\t\"} 0\n");
    hf_metrics_free(metrics);
}

static void the_largest_numbers_are_written_in_full(void **state)
{
    (void)state;
    struct hf_metrics *metrics = registry();
    struct hf_histogram *histogram = NULL;
    uint64_t bound = HF_TIME_MAX_NS;
    assert_int_equal(
        hf_metrics_histogram(metrics, "h", "", NULL, 0, &bound, 1, &histogram, NULL), HF_OK);
    hf_histogram_observe(histogram, UINT64_MAX);
    hf_counter_add(counter(metrics, "c", "", NULL, 0), UINT64_MAX);
    assert_text(metrics, "# HELP c \n# TYPE c counter\n"
                         "c 18446744073709551615\n"
                         "# HELP h \n# TYPE h histogram\n"
                         "h_bucket{le=\"2305843009.213693951\"} 0\n"
                         "h_bucket{le=\"+Inf\"} 1\n"
                         "h_sum 18446744073.709551615\n"
                         "h_count 1\n");
    hf_metrics_free(metrics);
}

static void a_buffer_too_small_gets_the_beginning_and_the_length_of_all(void **state)
{
    (void)state;
    struct hf_metrics *metrics = registry();
    struct hf_label label = {"a", "b"};
    counter(metrics, "x_total", "Help.", &label, 1);
    counter(metrics, "y_total", "Help.", NULL, 0);
    char *text = written(metrics);
    size_t length = strlen(text);
    for (size_t size = 0; size <= length + 2; size++) {
        char *cut = malloc(size + 1);
        assert_non_null(cut);
        memset(cut, '!', size + 1);
        assert_int_equal(hf_metrics_write(metrics, cut, size), length);
        size_t kept = size == 0 ? 0 : size - 1 < length ? size - 1 : length;
        assert_memory_equal(cut, text, kept);
        assert_int_equal(cut[kept], size == 0 ? '!' : '\0');
        assert_int_equal(cut[size], '!');
        free(cut);
    }
    free(text);
    hf_metrics_free(metrics);
}

static void no_registry_writes_an_empty_text(void **state)
{
    (void)state;
    char buffer[2] = "x";
    assert_int_equal(hf_metrics_write(NULL, NULL, 0), 0);
    assert_int_equal(hf_metrics_write(NULL, NULL, 9), 0);
    assert_int_equal(hf_metrics_write(NULL, buffer, sizeof(buffer)), 0);
    assert_string_equal(buffer, "");
}

/*
 * Random registries against a model that knows no text at all: what the strict parser reads back
 * must be what was put in, no more and no less.
 */
enum { MODEL_NAMES = 6, MODEL_LABELS = 3, MODEL_MEMBERS_MAX = 60 };

struct model_member {
    char name[8];
    const char *kind;
    size_t labels_count; /* Those that have a value, ascending. */
    struct hf_label labels[MODEL_LABELS];
    char value[40];
    bool seen;
};

struct model {
    struct hf_metrics *metrics;
    uint64_t random;
    size_t count;
    struct model_member members[MODEL_MEMBERS_MAX];
};

/* splitmix64: the test's own, so that a seed means the same for ever. */
static uint64_t below(struct model *model, uint64_t limit)
{
    uint64_t mixed = model->random += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (mixed ^ (mixed >> 31)) % limit;
}

static void choose_labels(struct model *model, struct model_member *member)
{
    static const char *const names[MODEL_LABELS] = {"A", "_", "b2"};
    static const char *const values[] = {
        "", "x", "x\"", "\\", "\n", "\\n", ",b2=\"", "}", "\xf0\x9f\x8c\x8a"};
    member->labels_count = 0;
    for (size_t i = 0; i < MODEL_LABELS; i++) {
        const char *value = values[below(model, sizeof(values) / sizeof(values[0]))];
        if (value[0] == '\0')
            continue;
        member->labels[member->labels_count++] = (struct hf_label){names[i], value};
    }
}

static bool same_series(const struct model_member *one, const struct model_member *other)
{
    if (strcmp(one->name, other->name) != 0 || one->labels_count != other->labels_count)
        return false;
    for (size_t i = 0; i < one->labels_count; i++) {
        if (strcmp(one->labels[i].name, other->labels[i].name) != 0 ||
            strcmp(one->labels[i].value, other->labels[i].value) != 0)
            return false;
    }
    return true;
}

static struct model_member *find(struct model *model, const struct model_member *member)
{
    for (size_t i = 0; i < model->count; i++) {
        if (same_series(&model->members[i], member))
            return &model->members[i];
    }
    return NULL;
}

/* Labels go in backwards, with an empty one besides. Each name is of one kind: even numbers count.
 */
static void put_member(struct model *model)
{
    struct model_member member = {0};
    uint64_t number = below(model, MODEL_NAMES);
    snprintf(member.name, sizeof(member.name), "m%" PRIu64, number);
    member.kind = number % 2 == 0 ? "counter" : "gauge";
    choose_labels(model, &member);
    struct hf_label labels[MODEL_LABELS + 1] = {{"zzz", ""}};
    for (size_t i = 0; i < member.labels_count; i++)
        labels[member.labels_count - i] = member.labels[i];
    uint64_t amount = below(model, 1000000);
    snprintf(member.value, sizeof(member.value), "%" PRIu64, amount);
    struct model_member *kept = find(model, &member);
    if (kept)
        return;
    model->members[model->count++] = member;
    if (number % 2 == 0) {
        hf_counter_add(
            counter(model->metrics, member.name, "Help", labels, member.labels_count + 1), amount);
        return;
    }
    struct hf_gauge *gauge = NULL;
    assert_int_equal(hf_metrics_gauge(model->metrics, member.name, "Help", labels,
                         member.labels_count + 1, &gauge, NULL),
        HF_OK);
    hf_gauge_set(gauge, (int64_t)amount);
}

static void check_sample(void *context, const struct prometheus_sample *sample)
{
    struct model *model = context;
    struct model_member read = {.labels_count = sample->labels_count};
    assert_in_range(sample->labels_count, 0, MODEL_LABELS);
    snprintf(read.name, sizeof(read.name), "%s", sample->family);
    for (size_t i = 0; i < sample->labels_count; i++)
        read.labels[i] = (struct hf_label){sample->labels[i].name, sample->labels[i].value};
    struct model_member *member = find(model, &read);
    assert_non_null(member);
    assert_false(member->seen);
    member->seen = true;
    assert_string_equal(sample->kind, member->kind);
    assert_string_equal(sample->value, member->value);
    assert_string_equal(sample->help, "Help");
}

static void what_is_put_in_is_what_a_strict_parser_reads(void **state)
{
    (void)state;
    uint64_t seed = (uint64_t)time(NULL);
    print_message("seed %" PRIu64 "\n", seed);
    for (size_t round = 0; round < test_scaled(300); round++) {
        struct model model = {.metrics = registry(), .random = seed + round * 1000003};
        for (size_t i = below(&model, MODEL_MEMBERS_MAX); i > 0; i--)
            put_member(&model);
        char *text = written(model.metrics);
        prometheus_parse(text, check_sample, &model);
        for (size_t i = 0; i < model.count; i++)
            assert_true(model.members[i].seen);
        free(text);
        hf_metrics_free(model.metrics);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_registry_writes_an_empty_text),
        cmocka_unit_test(each_kind_is_written_as_prometheus_reads_it),
        cmocka_unit_test(the_default_buckets_are_those_documented),
        cmocka_unit_test(backslash_newline_and_quote_are_escaped_where_they_must_be),
        cmocka_unit_test(the_largest_numbers_are_written_in_full),
        cmocka_unit_test(a_buffer_too_small_gets_the_beginning_and_the_length_of_all),
        cmocka_unit_test(no_registry_writes_an_empty_text),
        cmocka_unit_test(what_is_put_in_is_what_a_strict_parser_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
