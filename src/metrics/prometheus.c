/* SPDX-License-Identifier: MIT */
#include "metrics/metrics.h"
#include "metrics/text.h"

/* name_suffix{labels} and a blank. */
static void put_series(struct hf_text *text, const struct hf_member *member, const char *suffix)
{
    hf_text_put(text, member->family->name);
    hf_text_put(text, suffix);
    if (member->labels_length > 0) {
        hf_text_put(text, "{");
        hf_text_put_bytes(text, member->labels, member->labels_length);
        hf_text_put(text, "}");
    }
    hf_text_put(text, " ");
}

static void put_counter(struct hf_text *text, const struct hf_member *member)
{
    put_series(text, member, "");
    hf_text_put_unsigned(text, hf_counter_value(member->instrument));
    hf_text_put(text, "\n");
}

static void put_gauge(struct hf_text *text, const struct hf_member *member)
{
    const struct hf_gauge *gauge = member->instrument;
    put_series(text, member, "");
    hf_text_put_integer(text, gauge->read ? gauge->read(gauge->context) : hf_gauge_value(gauge));
    hf_text_put(text, "\n");
}

/* bound_ns NULL: the bucket of everything. */
static void put_bucket(
    struct hf_text *text, const struct hf_member *member, const uint64_t *bound_ns, uint64_t count)
{
    hf_text_put(text, member->family->name);
    hf_text_put(text, "_bucket{");
    hf_text_put_bytes(text, member->labels, member->labels_length);
    hf_text_put(text, member->labels_length > 0 ? ",le=\"" : "le=\"");
    if (bound_ns)
        hf_text_put_seconds(text, *bound_ns);
    else
        hf_text_put(text, "+Inf");
    hf_text_put(text, "\"} ");
    hf_text_put_unsigned(text, count);
    hf_text_put(text, "\n");
}

static void put_histogram(struct hf_text *text, const struct hf_member *member)
{
    const struct hf_histogram *histogram = member->instrument;
    struct hf_histogram_reading reading;
    hf_histogram_read(histogram, &reading);
    uint64_t count = 0;
    for (size_t i = 0; i < histogram->bounds.count; i++) {
        count += reading.counts[i];
        put_bucket(text, member, &histogram->bounds.ns[i], count);
    }
    put_bucket(text, member, NULL, reading.count);
    put_series(text, member, "_sum");
    hf_text_put_seconds(text, reading.sum_ns);
    hf_text_put(text, "\n");
    put_series(text, member, "_count");
    hf_text_put_unsigned(text, reading.count);
    hf_text_put(text, "\n");
}

static void put_member(struct hf_text *text, const struct hf_member *member)
{
    switch (member->family->kind) {
    case HF_METRIC_COUNTER:
        put_counter(text, member);
        return;
    case HF_METRIC_GAUGE:
        put_gauge(text, member);
        return;
    case HF_METRIC_HISTOGRAM:
        put_histogram(text, member);
        return;
    }
}

static void put_members(struct hf_text *text, struct hf_metrics *metrics)
{
    const struct hf_family *family = NULL;
    pthread_mutex_lock(&metrics->lock);
    for (size_t i = 0; i < metrics->members_count; i++) {
        const struct hf_member *member = metrics->members[i];
        if (member->family != family)
            hf_text_put_bytes(text, member->family->head, member->family->head_length);
        family = member->family;
        put_member(text, member);
    }
    pthread_mutex_unlock(&metrics->lock);
}

size_t hf_metrics_write(struct hf_metrics *metrics, char *buffer, size_t size_bytes)
{
    struct hf_text text = {.buffer = buffer, .size_bytes = buffer ? size_bytes : 0};
    if (metrics)
        put_members(&text, metrics);
    hf_text_end(&text);
    return text.length;
}
