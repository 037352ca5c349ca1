/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_METRICS_H
#define HOLDFAST_METRICS_H

#include <holdfast/allocator.h>
#include <holdfast/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Counters, gauges and histograms without locks, shown as Prometheus text (exposition format
 * 0.0.4). A registry holds families; a family is a name with its help text; its members differ
 * in their labels. Labels are for a handful of fixed values, never for keys or users.
 *
 *     status = hf_metrics_counter(
 *         metrics, "requests_total", "Requests received.", NULL, 0, &requests, &error);
 *     hf_counter_add(requests, 1);
 *     size = hf_metrics_write(metrics, buffer, sizeof buffer);
 */
struct hf_metrics;
struct hf_counter;
struct hf_gauge;
struct hf_histogram;

/* The Content-Type under which the text must be served. */
#define HF_METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct hf_metrics_options {
    uint32_t members_max; /* Counters, gauges and histograms in all: at most 65,536. 0: 1024. */
    const struct hf_allocator *allocator; /* NULL: libc. */
};

#define HF_METRICS_MEMBERS_MAX 65536

/* Makes an empty registry. options NULL: defaults. HF_INVALID, HF_NO_MEMORY. */
HF_MUST_USE HF_API enum hf_status hf_metrics_new(
    struct hf_metrics **metrics, const struct hf_metrics_options *options, struct hf_error *error);

/* Frees it and all its members; nobody may use them any more. NULL: nothing. */
HF_API void hf_metrics_free(struct hf_metrics *metrics);

/*
 * Texts end with NUL and are UTF-8. Labels make a set: their order does not matter, and one with
 * an empty value is the same as none, as it is for Prometheus.
 */
struct hf_label {
    const char *name;  /* [a-zA-Z_][a-zA-Z0-9_]*, not beginning with "__", each at most once. */
    const char *value; /* Any text; escaped when written. */
};

#define HF_LABELS_MAX 8
#define HF_METRIC_NAME_MAX 128  /* Bytes of a name, of a metric or a label. */
#define HF_METRIC_TEXT_MAX 1024 /* Bytes of a label's value or of a help text. */

/*
 * Finds or makes the counter `name` ([a-zA-Z_:][a-zA-Z0-9_:]*, by convention ending in _total) with
 * these labels; asking again gives the same one. Strings are copied; the help of a family is what
 * its first member brought. labels NULL if labels_count is 0.
 * HF_INVALID: a name, label or help is malformed, too long or NULL, or the name is that of another
 * kind of metric or of a series that a histogram writes (error tells). HF_FULL: members_max.
 * HF_NO_MEMORY. On failure *counter is NULL, which all calls accept, so that a program may go on
 * uncounted. Thread-safe; takes a lock: for set-up, not for hot paths.
 */
HF_MUST_USE HF_API enum hf_status hf_metrics_counter(struct hf_metrics *metrics, const char *name,
    const char *help, const struct hf_label *labels, size_t labels_count,
    struct hf_counter **counter, struct hf_error *error);

/*
 * Adds. One relaxed atomic add to a stripe of this processor's, so threads seldom meet. Wraps at
 * 2^64. NULL: nothing.
 */
HF_API void hf_counter_add(struct hf_counter *counter, uint64_t amount);

/* The sum of all stripes: everything added before the call by this thread, at least. NULL: 0. */
HF_API uint64_t hf_counter_value(const struct hf_counter *counter);

/* The same for a gauge: a value that goes up and down. */
HF_MUST_USE HF_API enum hf_status hf_metrics_gauge(struct hf_metrics *metrics, const char *name,
    const char *help, const struct hf_label *labels, size_t labels_count, struct hf_gauge **gauge,
    struct hf_error *error);

/* Sets, adds (wrapping) and reads. Atomic. NULL: nothing, 0. */
HF_API void hf_gauge_set(struct hf_gauge *gauge, int64_t value);
HF_API void hf_gauge_add(struct hf_gauge *gauge, int64_t amount);
HF_API int64_t hf_gauge_value(const struct hf_gauge *gauge);

/*
 * The same for a gauge that is asked when the text is written: read(context) must be thread-safe
 * and quick, must not call this registry, and must stay valid as long as it or until it is
 * forgotten. HF_INVALID also if the gauge exists and is not one that asks this very read and
 * context.
 */
HF_MUST_USE HF_API enum hf_status hf_metrics_gauge_read(struct hf_metrics *metrics,
    const char *name, const char *help, const struct hf_label *labels, size_t labels_count,
    int64_t (*read)(void *context), void *context, struct hf_error *error);

/*
 * Removes the gauges that ask this read and context, so that context may go away before the
 * registry: once this returns they are not asked any more. None: nothing. Thread-safe.
 */
HF_API void hf_metrics_gauge_forget(
    struct hf_metrics *metrics, int64_t (*read)(void *context), const void *context);

#define HF_BUCKETS_MAX 40

/*
 * The same for a histogram of durations, observed in ns and written in seconds (name it
 * ..._seconds). bounds_ns: ascending upper bounds of its buckets, inclusive, up to HF_BUCKETS_MAX
 * of them and each up to HF_TIME_MAX_NS; NULL (count 0): 16 from 100 us to 10 s. Members of one
 * family share their bounds. No label may be called "le", and the name followed by _bucket, _sum or
 * _count must not be that of another metric.
 */
HF_MUST_USE HF_API enum hf_status hf_metrics_histogram(struct hf_metrics *metrics, const char *name,
    const char *help, const struct hf_label *labels, size_t labels_count, const uint64_t *bounds_ns,
    size_t bounds_count, struct hf_histogram **histogram, struct hf_error *error);

/*
 * Counts a duration. Lock-free; a short search and two atomic adds. The sum of all durations
 * wraps at 2^64 ns, 584 years. NULL: nothing.
 */
HF_API void hf_histogram_observe(struct hf_histogram *histogram, uint64_t duration_ns);

/*
 * Upper bound in ns of the bucket in which the given quantile lies, e.g. per_mille 990 for p99
 * (0: the least; 1000 and more: the greatest); UINT64_MAX if it lies past the last bound; 0 if
 * nothing was observed or histogram is NULL.
 */
HF_API uint64_t hf_histogram_quantile_ns(const struct hf_histogram *histogram, uint32_t per_mille);

/*
 * Writes all metrics as Prometheus text, families in order of name and members in order of their
 * labels, into buffer, which ends with NUL. Returns the length of the whole text; if that is
 * size_bytes or more, the text was cut: call again with more room. buffer may be NULL if size_bytes
 * is 0. Counts that go on meanwhile are seen as they are reached; within one histogram, buckets
 * never exceed the count. metrics NULL: 0. Thread-safe; takes the lock that the constructors take.
 */
HF_API size_t hf_metrics_write(struct hf_metrics *metrics, char *buffer, size_t size_bytes);

#ifdef __cplusplus
}
#endif

#endif
