/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/prometheus_parser.h"

#include "base/utf8.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
#define DIGITS "0123456789"

struct parser {
    const char *text;
    const char *at;
    prometheus_take *take;
    void *context;
    char family[HF_METRIC_NAME_MAX + 1];
    char help[HF_METRIC_TEXT_MAX + 1];
    char kind[16];
    struct prometheus_sample sample; /* The line being read. */
    struct hf_bytes labels;          /* Its labels as written, without a bucket's le. */
};

static void fail_here(const struct parser *parser, const char *why)
{
    fail_msg("%s at byte %zu: %.60s", why, (size_t)(parser->at - parser->text), parser->at);
}

static bool next_is(const struct parser *parser, const char *literal)
{
    return strncmp(parser->at, literal, strlen(literal)) == 0;
}

static void expect(struct parser *parser, const char *literal)
{
    if (!next_is(parser, literal))
        fail_here(parser, literal);
    parser->at += strlen(literal);
}

static void copy(struct parser *parser, char *target, size_t target_size, size_t size)
{
    if (size >= target_size)
        fail_here(parser, "too long");
    memcpy(target, parser->at, size);
    target[size] = '\0';
    parser->at += size;
}

static void take_name(struct parser *parser, char name[HF_METRIC_NAME_MAX + 1], bool colons)
{
    const char *first = colons ? LETTERS ":" : LETTERS;
    const char *others = colons ? LETTERS DIGITS ":" : LETTERS DIGITS;
    if (strspn(parser->at, first) == 0)
        fail_here(parser, "no name");
    copy(parser, name, HF_METRIC_NAME_MAX + 1, strspn(parser->at, others));
}

/* One character after a backslash. */
static char unescape(struct parser *parser, bool quotes)
{
    char escaped = *parser->at;
    if (escaped == 'n')
        return '\n';
    if (escaped != '\\' && !(quotes && escaped == '"'))
        fail_here(parser, "unknown escape");
    return escaped;
}

/* Up to `end`, which stays. */
static void take_escaped(
    struct parser *parser, char text[HF_METRIC_TEXT_MAX + 1], char end, bool quotes)
{
    size_t size = 0;
    for (; *parser->at != end; parser->at++) {
        if (*parser->at == '\0' || *parser->at == '\n' || size == HF_METRIC_TEXT_MAX)
            fail_here(parser, "text does not end");
        if (*parser->at == '\\') {
            parser->at++;
            text[size++] = unescape(parser, quotes);
        } else {
            text[size++] = *parser->at;
        }
    }
    text[size] = '\0';
    for (size_t i = 0; i < size;) {
        size_t length = hf_utf8_sequence((const uint8_t *)text + i, size - i);
        if (length == 0)
            fail_here(parser, "not UTF-8");
        i += length;
    }
}

static void take_head(struct parser *parser)
{
    char name[HF_METRIC_NAME_MAX + 1];
    expect(parser, "# HELP ");
    take_name(parser, name, true);
    if (strcmp(parser->family, name) >= 0)
        fail_here(parser, "families do not ascend");
    expect(parser, " ");
    take_escaped(parser, parser->help, '\n', false);
    expect(parser, "\n# TYPE ");
    expect(parser, name);
    expect(parser, " ");
    copy(parser, parser->kind, sizeof(parser->kind), strcspn(parser->at, "\n"));
    expect(parser, "\n");
    strcpy(parser->family, name);
}

/* -?[0-9]+(.[0-9]+)? without needless zeros. */
static void take_number(struct parser *parser, char *value, size_t value_size)
{
    const char *digits = parser->at + (parser->at[0] == '-');
    size_t whole = strspn(digits, DIGITS);
    if (whole == 0 || (whole > 1 && digits[0] == '0'))
        fail_here(parser, "no shortest number");
    size_t fraction = digits[whole] == '.' ? strspn(digits + whole + 1, DIGITS) : 0;
    const char *end = digits + whole + (fraction > 0 ? 1 + fraction : 0);
    if (fraction > 0 && end[-1] == '0')
        fail_here(parser, "no shortest number");
    copy(parser, value, value_size, (size_t)(end - parser->at));
}

static void take_label(struct parser *parser, size_t index)
{
    if (index > HF_LABELS_MAX)
        fail_here(parser, "too many labels");
    char *name = parser->sample.labels[index].name;
    char *value = parser->sample.labels[index].value;
    take_name(parser, name, false);
    expect(parser, "=\"");
    take_escaped(parser, value, '"', true);
    if (value[0] == '\0')
        fail_here(parser, "label without a value");
    expect(parser, "\"");
}

/* Labels ascend by name, which also means that none is there twice; a bucket's le comes last. */
static void take_labels(struct parser *parser)
{
    struct prometheus_sample *sample = &parser->sample;
    parser->labels = hf_bytes(parser->at, 0);
    for (const char *opening = "{"; next_is(parser, opening); opening = ",") {
        expect(parser, opening);
        size_t index = sample->labels_count++;
        take_label(parser, index);
        const char *name = sample->labels[index].name;
        if (strcmp(sample->suffix, "_bucket") == 0 && strcmp(name, "le") == 0)
            break;
        if (index > 0 && strcmp(sample->labels[index - 1].name, name) >= 0)
            fail_here(parser, "labels do not ascend");
        parser->labels.size = (size_t)(parser->at - (const char *)parser->labels.data);
    }
    if (sample->labels_count > 0)
        expect(parser, "}");
}

static void take_sample(struct parser *parser, const char *suffix)
{
    struct prometheus_sample *sample = &parser->sample;
    sample->family = parser->family;
    sample->help = parser->help;
    sample->kind = parser->kind;
    sample->suffix = suffix;
    sample->labels_count = 0;
    expect(parser, parser->family);
    expect(parser, suffix);
    take_labels(parser);
    expect(parser, " ");
    take_number(parser, sample->value, sizeof(sample->value));
    expect(parser, "\n");
    if (parser->take)
        parser->take(parser->context, sample);
}

/* As strcmp of the labels as written. */
static int compare_labels(struct hf_bytes one, struct hf_bytes other)
{
    size_t common = one.size < other.size ? one.size : other.size;
    int order = common > 0 ? memcmp(one.data, other.data, common) : 0;
    if (order != 0)
        return order;
    return one.size < other.size ? -1 : one.size > other.size;
}

static void same_member(const struct parser *parser, struct hf_bytes member)
{
    if (compare_labels(member, parser->labels) != 0)
        fail_here(parser, "another member's line");
}

/* The value of le in ns; UINT64_MAX for +Inf. */
static uint64_t bound_of(struct parser *parser)
{
    const struct prometheus_sample *sample = &parser->sample;
    size_t last = sample->labels_count - 1;
    if (sample->labels_count == 0 || strcmp(sample->labels[last].name, "le") != 0)
        fail_here(parser, "bucket without le");
    const char *le = sample->labels[last].value;
    if (strcmp(le, "+Inf") == 0)
        return UINT64_MAX;
    struct parser number = {.text = le, .at = le};
    char digits[40];
    take_number(&number, digits, sizeof(digits));
    if (*number.at != '\0')
        fail_here(&number, "le is no number");
    const char *point = strchr(digits, '.');
    char fraction[10] = "000000000";
    if (point && strlen(point + 1) > 9)
        fail_here(parser, "le is finer than a nanosecond");
    if (point)
        memcpy(fraction, point + 1, strlen(point + 1));
    return strtoull(digits, NULL, 10) * UINT64_C(1000000000) + strtoull(fraction, NULL, 10);
}

static uint64_t count_of(struct parser *parser)
{
    if (strspn(parser->sample.value, DIGITS) != strlen(parser->sample.value))
        fail_here(parser, "count is not a whole number");
    return strtoull(parser->sample.value, NULL, 10);
}

static void take_histogram(struct parser *parser)
{
    struct hf_bytes member = {0};
    uint64_t bound = 0;
    uint64_t count = 0;
    for (size_t i = 0; bound != UINT64_MAX; i++) {
        take_sample(parser, "_bucket");
        if (i == 0)
            member = parser->labels;
        same_member(parser, member);
        uint64_t next_bound = bound_of(parser);
        if ((i > 0 && next_bound <= bound) || count_of(parser) < count)
            fail_here(parser, "buckets do not ascend");
        bound = next_bound;
        count = count_of(parser);
    }
    take_sample(parser, "_sum");
    same_member(parser, member);
    take_sample(parser, "_count");
    same_member(parser, member);
    if (count_of(parser) != count)
        fail_here(parser, "_count is not that of +Inf");
}

static void take_member(struct parser *parser)
{
    if (strcmp(parser->kind, "histogram") == 0) {
        take_histogram(parser);
        return;
    }
    take_sample(parser, "");
    if (strcmp(parser->kind, "counter") == 0)
        count_of(parser);
    else if (strcmp(parser->kind, "gauge") != 0)
        fail_here(parser, "unknown kind");
}

void prometheus_parse(const char *text, prometheus_take *take, void *context)
{
    struct parser *parser = calloc(1, sizeof(*parser));
    assert_non_null(parser);
    parser->text = parser->at = text;
    parser->take = take;
    parser->context = context;
    while (*parser->at != '\0') {
        take_head(parser);
        struct hf_bytes before = {0};
        for (size_t i = 0; *parser->at != '\0' && !next_is(parser, "#"); i++) {
            take_member(parser);
            if (i > 0 && compare_labels(before, parser->labels) >= 0)
                fail_here(parser, "members do not ascend");
            before = parser->labels;
        }
    }
    free(parser);
}

const char *prometheus_find(const char *text, const char *series)
{
    size_t length = strlen(series);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, series, length) == 0 && line[length] == ' ')
            return line + length + 1;
    }
    return NULL;
}
