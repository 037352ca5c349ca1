/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/allocator.h"
#include "metrics/member.h"

#define MEMBERS_DEFAULT 1024

/* What a histogram's series are called after its name. */
static const char *const series_suffixes[] = {"_bucket", "_sum", "_count"};
#define SERIES_SUFFIXES (sizeof(series_suffixes) / sizeof(series_suffixes[0]))
#define SERIES_NAME_BYTES (HF_METRIC_NAME_MAX + sizeof("_bucket"))

static size_t metrics_bytes(size_t members_max)
{
    return sizeof(struct hf_metrics) + members_max * sizeof(struct hf_member *);
}

static enum hf_status options_check(
    const struct hf_metrics_options *options, struct hf_error *error)
{
    if (options->members_max > HF_METRICS_MEMBERS_MAX)
        return hf_error_add(error, HF_INVALID, 0,
            "members_max: %" PRIu32 " is too large (at most %d)", options->members_max,
            HF_METRICS_MEMBERS_MAX);
    return hf_allocator_check(options->allocator, error);
}

enum hf_status hf_metrics_new(
    struct hf_metrics **metrics, const struct hf_metrics_options *options, struct hf_error *error)
{
    static const struct hf_metrics_options defaults = {0};
    if (!metrics)
        return hf_error_add(error, HF_INVALID, 0, "metrics: NULL");
    *metrics = NULL;
    if (!options)
        options = &defaults;
    if (options_check(options, error) != HF_OK)
        return HF_INVALID;
    size_t members_max = options->members_max > 0 ? options->members_max : MEMBERS_DEFAULT;
    struct hf_metrics *made =
        hf_allocate(options->allocator, metrics_bytes(members_max), alignof(struct hf_metrics));
    if (!made)
        return hf_error_add(error, HF_NO_MEMORY, 0, "metrics of %zu members", members_max);
    made->allocator = options->allocator ? *options->allocator : *hf_allocator_libc();
    made->members_max = members_max;
    pthread_mutex_init(&made->lock, NULL);
    *metrics = made;
    return HF_OK;
}

void hf_metrics_free(struct hf_metrics *metrics)
{
    if (!metrics)
        return;
    for (size_t i = 0; i < metrics->members_count; i++)
        hf_member_free(&metrics->allocator, metrics->members[i]);
    pthread_mutex_destroy(&metrics->lock);
    struct hf_allocator allocator = metrics->allocator;
    hf_release(
        &allocator, metrics, metrics_bytes(metrics->members_max), alignof(struct hf_metrics));
}

/* Where the member is, or would have to be inserted. */
static size_t position_of(const struct hf_metrics *metrics, const char *name, const char *labels)
{
    size_t first = 0;
    size_t count = metrics->members_count;
    while (count > 0) {
        size_t half = count / 2;
        const struct hf_member *member = metrics->members[first + half];
        int order = strcmp(member->family->name, name);
        if (order == 0)
            order = strcmp(member->labels, labels);
        if (order < 0) {
            first += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return first;
}

/* The first member of a name; NULL if the name is free. No labels come before any labels. */
static const struct hf_member *first_of(const struct hf_metrics *metrics, const char *name)
{
    size_t at = position_of(metrics, name, "");
    if (at == metrics->members_count || strcmp(metrics->members[at]->family->name, name) != 0)
        return NULL;
    return metrics->members[at];
}

/* A new histogram's series would be confused with metrics of those names. */
static enum hf_status series_check(
    const struct hf_metrics *metrics, const char *name, struct hf_error *error)
{
    for (size_t i = 0; i < SERIES_SUFFIXES; i++) {
        char series[SERIES_NAME_BYTES];
        snprintf(series, sizeof(series), "%s%s", name, series_suffixes[i]);
        if (first_of(metrics, series))
            return hf_error_add(
                error, HF_INVALID, 0, "name: \"%s\" would write the metric \"%s\"", name, series);
    }
    return HF_OK;
}

/* And a new metric with a series of a histogram that is there. */
static enum hf_status name_free_check(
    const struct hf_metrics *metrics, const char *name, struct hf_error *error)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < SERIES_SUFFIXES; i++) {
        size_t suffix = strlen(series_suffixes[i]);
        if (length <= suffix || strcmp(name + length - suffix, series_suffixes[i]) != 0)
            continue;
        char base[SERIES_NAME_BYTES];
        snprintf(base, sizeof(base), "%.*s", (int)(length - suffix), name);
        const struct hf_member *member = first_of(metrics, base);
        if (member && member->family->kind == HF_METRIC_HISTOGRAM)
            return hf_error_add(
                error, HF_INVALID, 0, "name: \"%s\" is a series of a histogram", name);
    }
    return HF_OK;
}

static bool bounds_equal(const struct hf_bounds *one, const struct hf_bounds *other)
{
    return one->count == other->count &&
           memcmp(one->ns, other->ns, one->count * sizeof(one->ns[0])) == 0;
}

/* Whether a request agrees with a family that is there already, by any of its members. */
static enum hf_status family_check(
    const struct hf_member *member, const struct hf_metric_request *request, struct hf_error *error)
{
    if (member->family->kind != request->kind)
        return hf_error_add(error, HF_INVALID, 0, "name: \"%s\" is that of a %s", request->name,
            hf_metric_kind_str(member->family->kind));
    if (request->kind != HF_METRIC_HISTOGRAM)
        return HF_OK;
    const struct hf_histogram *histogram = member->instrument;
    struct hf_bounds bounds = hf_bounds_of(request);
    if (!bounds_equal(&histogram->bounds, &bounds))
        return hf_error_add(
            error, HF_INVALID, 0, "bounds_ns: \"%s\" has other bounds already", request->name);
    return HF_OK;
}

static enum hf_status new_name_check(const struct hf_metrics *metrics,
    const struct hf_metric_request *request, struct hf_error *error)
{
    if (request->kind == HF_METRIC_HISTOGRAM &&
        series_check(metrics, request->name, error) != HF_OK)
        return HF_INVALID;
    return name_free_check(metrics, request->name, error);
}

static enum hf_status found_check(
    const struct hf_member *member, const struct hf_metric_request *request, struct hf_error *error)
{
    if (request->kind != HF_METRIC_GAUGE)
        return HF_OK;
    const struct hf_gauge *gauge = member->instrument;
    if (gauge->read != request->read || gauge->context != request->context)
        return hf_error_add(error, HF_INVALID, 0,
            "read: \"%s\" gets its value in another way already", request->name);
    return HF_OK;
}

static enum hf_status insert(struct hf_metrics *metrics, size_t at, struct hf_member *member,
    struct hf_family *family, const struct hf_metric_request *request, struct hf_error *error)
{
    if (metrics->members_count == metrics->members_max)
        return hf_error_add(error, HF_FULL, 0, "members_max: all %zu are used, none for \"%s\"",
            metrics->members_max, request->name);
    if (!hf_member_complete(&metrics->allocator, member, family, request))
        return hf_error_add(error, HF_NO_MEMORY, 0, "name: \"%s\"", request->name);
    memmove(&metrics->members[at + 1], &metrics->members[at],
        (metrics->members_count - at) * sizeof(metrics->members[0]));
    metrics->members[at] = member;
    metrics->members_count++;
    return HF_OK;
}

/* *member: in, one to insert; out, the one that is there. */
static enum hf_status find_or_insert(struct hf_metrics *metrics, struct hf_member **member,
    const struct hf_metric_request *request, struct hf_error *error)
{
    const struct hf_member *relative = first_of(metrics, request->name);
    enum hf_status status =
        relative ? family_check(relative, request, error) : new_name_check(metrics, request, error);
    if (status != HF_OK)
        return status;
    size_t at = position_of(metrics, request->name, (*member)->labels);
    struct hf_member *found = at < metrics->members_count ? metrics->members[at] : NULL;
    if (found && strcmp(found->family->name, request->name) == 0 &&
        strcmp(found->labels, (*member)->labels) == 0) {
        *member = found;
        return found_check(found, request, error);
    }
    return insert(metrics, at, *member, relative ? relative->family : NULL, request, error);
}

/* The instrument asked for, made if need be. */
static enum hf_status obtain(struct hf_metrics *metrics, const struct hf_metric_request *request,
    void **instrument, struct hf_error *error)
{
    if (!metrics)
        return hf_error_add(error, HF_INVALID, 0, "metrics: NULL");
    if (hf_metric_request_check(request, error) != HF_OK)
        return HF_INVALID;
    struct hf_member *made = hf_member_new(&metrics->allocator, request);
    if (!made)
        return hf_error_add(error, HF_NO_MEMORY, 0, "name: \"%s\"", request->name);
    struct hf_member *member = made;
    pthread_mutex_lock(&metrics->lock);
    enum hf_status status = find_or_insert(metrics, &member, request, error);
    pthread_mutex_unlock(&metrics->lock);
    if (status == HF_OK)
        *instrument = member->instrument;
    if (status != HF_OK || member != made)
        hf_member_free(&metrics->allocator, made);
    return status;
}

static struct hf_metric_request request_of(enum hf_metric_kind kind, const char *name,
    const char *help, const struct hf_label *labels, size_t labels_count)
{
    return (struct hf_metric_request){
        .kind = kind,
        .name = name,
        .help = help,
        .labels = labels,
        .labels_count = labels_count,
    };
}

enum hf_status hf_metrics_counter(struct hf_metrics *metrics, const char *name, const char *help,
    const struct hf_label *labels, size_t labels_count, struct hf_counter **counter,
    struct hf_error *error)
{
    if (!counter)
        return hf_error_add(error, HF_INVALID, 0, "counter: NULL");
    struct hf_metric_request request =
        request_of(HF_METRIC_COUNTER, name, help, labels, labels_count);
    void *instrument = NULL;
    enum hf_status status = obtain(metrics, &request, &instrument, error);
    *counter = instrument;
    return status;
}

enum hf_status hf_metrics_gauge(struct hf_metrics *metrics, const char *name, const char *help,
    const struct hf_label *labels, size_t labels_count, struct hf_gauge **gauge,
    struct hf_error *error)
{
    if (!gauge)
        return hf_error_add(error, HF_INVALID, 0, "gauge: NULL");
    struct hf_metric_request request =
        request_of(HF_METRIC_GAUGE, name, help, labels, labels_count);
    void *instrument = NULL;
    enum hf_status status = obtain(metrics, &request, &instrument, error);
    *gauge = instrument;
    return status;
}

enum hf_status hf_metrics_gauge_read(struct hf_metrics *metrics, const char *name, const char *help,
    const struct hf_label *labels, size_t labels_count, int64_t (*read)(void *context),
    void *context, struct hf_error *error)
{
    if (!read)
        return hf_error_add(error, HF_INVALID, 0, "read: NULL");
    struct hf_metric_request request =
        request_of(HF_METRIC_GAUGE, name, help, labels, labels_count);
    request.read = read;
    request.context = context;
    void *instrument = NULL;
    return obtain(metrics, &request, &instrument, error);
}

static bool member_asks(
    const struct hf_member *member, int64_t (*read)(void *context), const void *context)
{
    if (member->family->kind != HF_METRIC_GAUGE)
        return false;
    const struct hf_gauge *gauge = member->instrument;
    return gauge->read == read && gauge->context == context;
}

/* Nobody holds a handle of these gauges, so that they can be freed. Writing holds the lock too. */
void hf_metrics_gauge_forget(
    struct hf_metrics *metrics, int64_t (*read)(void *context), const void *context)
{
    if (!metrics || !read)
        return;
    pthread_mutex_lock(&metrics->lock);
    size_t kept = 0;
    for (size_t i = 0; i < metrics->members_count; i++) {
        if (member_asks(metrics->members[i], read, context))
            hf_member_free(&metrics->allocator, metrics->members[i]);
        else
            metrics->members[kept++] = metrics->members[i];
    }
    metrics->members_count = kept;
    pthread_mutex_unlock(&metrics->lock);
}

enum hf_status hf_metrics_histogram(struct hf_metrics *metrics, const char *name, const char *help,
    const struct hf_label *labels, size_t labels_count, const uint64_t *bounds_ns,
    size_t bounds_count, struct hf_histogram **histogram, struct hf_error *error)
{
    if (!histogram)
        return hf_error_add(error, HF_INVALID, 0, "histogram: NULL");
    struct hf_metric_request request =
        request_of(HF_METRIC_HISTOGRAM, name, help, labels, labels_count);
    request.bounds_ns = bounds_ns;
    request.bounds_count = bounds_count;
    void *instrument = NULL;
    enum hf_status status = obtain(metrics, &request, &instrument, error);
    *histogram = instrument;
    return status;
}
