/* SPDX-License-Identifier: MIT */
#ifndef HF_METRICS_METRICS_H
#define HF_METRICS_METRICS_H

#include <pthread.h>
#include <stdalign.h>
#include <stdbool.h>

#include <holdfast/metrics.h>

#include "base/atomic.h"

/* As many as processors of a small machine; each further one costs every counter a cache line. */
#define HF_METRIC_STRIPES 8

struct hf_counter {
    struct {
        alignas(HF_CACHE_LINE) uint64_t value;
    } stripes[HF_METRIC_STRIPES];
};

struct hf_gauge {
    alignas(HF_CACHE_LINE) uint64_t value; /* An int64_t in two's complement. */
    int64_t (*read)(void *context);        /* NULL: value counts. */
    void *context;
};

struct hf_bounds {
    size_t count;
    uint64_t ns[HF_BUCKETS_MAX]; /* Ascending. */
};

struct hf_histogram {
    struct hf_bounds bounds;
    struct {
        alignas(HF_CACHE_LINE) uint64_t sum_ns;
        uint64_t counts[HF_BUCKETS_MAX + 1]; /* Not cumulative; the last is for what exceeds all. */
    } stripes[HF_METRIC_STRIPES];
};

/* All stripes of a histogram, each word read once. */
struct hf_histogram_reading {
    uint64_t counts[HF_BUCKETS_MAX + 1];
    uint64_t count; /* The sum of counts, hence never behind any of them. */
    uint64_t sum_ns;
};

void hf_histogram_read(const struct hf_histogram *histogram, struct hf_histogram_reading *reading);

enum hf_metric_kind {
    HF_METRIC_COUNTER,
    HF_METRIC_GAUGE,
    HF_METRIC_HISTOGRAM,
};

/* Static, as Prometheus calls it. */
const char *hf_metric_kind_str(enum hf_metric_kind kind);

/* What a caller asks the registry for. Everything is borrowed for the call. */
struct hf_metric_request {
    enum hf_metric_kind kind;
    const char *name;
    const char *help;
    const struct hf_label *labels;
    size_t labels_count;
    int64_t (*read)(void *context); /* For a gauge: NULL or how to ask. */
    void *context;
    const uint64_t *bounds_ns; /* For a histogram. */
    size_t bounds_count;
};

/* Checks each part of a request by itself, not against the registry. HF_INVALID names the part. */
enum hf_status hf_metric_request_check(
    const struct hf_metric_request *request, struct hf_error *error);

/* The bounds that a request for a histogram means: its own, or the documented ones. */
struct hf_bounds hf_bounds_of(const struct hf_metric_request *request);

/* What members of one name share. Its head is made once, when the family is, and copied when
 * written. */
struct hf_family {
    enum hf_metric_kind kind;
    size_t members_count;
    size_t size_bytes; /* Of this allocation. */
    size_t head_length;
    char *head; /* "# HELP ...\n# TYPE ...\n" */
    char name[];
};

struct hf_member {
    struct hf_family *family;
    void *instrument; /* struct hf_counter, hf_gauge or hf_histogram, by the family's kind. */
    size_t size_bytes;
    size_t labels_length;
    char labels[]; /* a="1",b="2" in order of name, escaped: equal text is equal labels. */
};

struct hf_metrics {
    struct hf_allocator allocator;
    pthread_mutex_t lock; /* Guards all below. */
    size_t members_max;
    size_t members_count;
    struct hf_member *members[]; /* In order of the family's name, then of the labels' text. */
};

#endif
