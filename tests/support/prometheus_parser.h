/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_SUPPORT_PROMETHEUS_PARSER_H
#define HF_TESTS_SUPPORT_PROMETHEUS_PARSER_H

#include <stdbool.h>

#include <holdfast/metrics.h>

/* One line of a metric, unescaped. */
struct prometheus_sample {
    const char *family; /* Borrowed, as help, while the parser's callback runs. */
    const char *help;
    const char *kind;
    const char *suffix; /* "", "_bucket", "_sum", "_count" */
    size_t labels_count;
    struct {
        char name[HF_METRIC_NAME_MAX + 1];
        char value[HF_METRIC_TEXT_MAX + 1];
    } labels[HF_LABELS_MAX + 1]; /* le, of a bucket, included. */
    char value[40];
};

typedef void prometheus_take(void *context, const struct prometheus_sample *sample);

/*
 * Reads Prometheus text (exposition format 0.0.4) as strictly as this library promises to write it,
 * and fails the cmocka test otherwise: HELP, then TYPE, then the samples of each family; families
 * and members strictly ascending; labels in order; names, escapes, UTF-8 and numbers well formed
 * and in their one shortest form; buckets ascending and cumulative, with +Inf, then _sum, then
 * _count equal to +Inf. take: NULL, or told each sample.
 */
void prometheus_parse(const char *text, prometheus_take *take, void *context);

/* The value of a series as it is written up to the blank, e.g. a_total{b="c"}; NULL: not there. */
const char *prometheus_find(const char *text, const char *series);

#endif
