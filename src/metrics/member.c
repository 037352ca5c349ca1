/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "metrics/member.h"
#include "metrics/text.h"

const char *hf_metric_kind_str(enum hf_metric_kind kind)
{
    static const char *const names[] = {"counter", "gauge", "histogram"};
    return names[kind];
}

static size_t instrument_bytes(enum hf_metric_kind kind)
{
    static const size_t bytes[] = {
        sizeof(struct hf_counter), sizeof(struct hf_gauge), sizeof(struct hf_histogram)};
    return bytes[kind];
}

/* Insertion sort of at most HF_LABELS_MAX. Returns how many labels have a value. */
static size_t labels_in_order(
    const struct hf_metric_request *request, const struct hf_label *ordered[HF_LABELS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < request->labels_count; i++) {
        const struct hf_label *label = &request->labels[i];
        if (label->value[0] == '\0')
            continue;
        size_t at = count++;
        for (; at > 0 && strcmp(ordered[at - 1]->name, label->name) > 0; at--)
            ordered[at] = ordered[at - 1];
        ordered[at] = label;
    }
    return count;
}

static void put_labels(struct hf_text *text, const struct hf_metric_request *request)
{
    const struct hf_label *ordered[HF_LABELS_MAX];
    size_t count = labels_in_order(request, ordered);
    for (size_t i = 0; i < count; i++) {
        hf_text_put(text, i > 0 ? "," : "");
        hf_text_put(text, ordered[i]->name);
        hf_text_put(text, "=\"");
        hf_text_put_escaped(text, ordered[i]->value, true);
        hf_text_put(text, "\"");
    }
}

struct hf_member *hf_member_new(
    const struct hf_allocator *allocator, const struct hf_metric_request *request)
{
    struct hf_text measured = {0};
    put_labels(&measured, request);
    size_t size_bytes = sizeof(struct hf_member) + measured.length + 1;
    struct hf_member *member = hf_allocate(allocator, size_bytes, alignof(struct hf_member));
    if (!member)
        return NULL;
    member->size_bytes = size_bytes;
    member->labels_length = measured.length;
    struct hf_text text = {.buffer = member->labels, .size_bytes = measured.length + 1};
    put_labels(&text, request);
    hf_text_end(&text);
    return member;
}

static void put_head(struct hf_text *text, const struct hf_metric_request *request)
{
    hf_text_put(text, "# HELP ");
    hf_text_put(text, request->name);
    hf_text_put(text, " ");
    hf_text_put_escaped(text, request->help, false);
    hf_text_put(text, "\n# TYPE ");
    hf_text_put(text, request->name);
    hf_text_put(text, " ");
    hf_text_put(text, hf_metric_kind_str(request->kind));
    hf_text_put(text, "\n");
}

static struct hf_family *family_new(
    const struct hf_allocator *allocator, const struct hf_metric_request *request)
{
    struct hf_text measured = {0};
    put_head(&measured, request);
    size_t name_size = strlen(request->name) + 1;
    size_t size_bytes = sizeof(struct hf_family) + name_size + measured.length + 1;
    struct hf_family *family = hf_allocate(allocator, size_bytes, alignof(struct hf_family));
    if (!family)
        return NULL;
    family->kind = request->kind;
    family->size_bytes = size_bytes;
    family->head_length = measured.length;
    family->head = family->name + name_size;
    memcpy(family->name, request->name, name_size);
    struct hf_text text = {.buffer = family->head, .size_bytes = measured.length + 1};
    put_head(&text, request);
    hf_text_end(&text);
    return family;
}

static void family_release(const struct hf_allocator *allocator, struct hf_family *family)
{
    if (--family->members_count == 0)
        hf_release(allocator, family, family->size_bytes, alignof(struct hf_family));
}

static void instrument_begin(void *instrument, const struct hf_metric_request *request)
{
    if (request->kind == HF_METRIC_GAUGE) {
        struct hf_gauge *gauge = instrument;
        gauge->read = request->read;
        gauge->context = request->context;
    }
    if (request->kind == HF_METRIC_HISTOGRAM) {
        struct hf_histogram *histogram = instrument;
        histogram->bounds = hf_bounds_of(request);
    }
}

bool hf_member_complete(const struct hf_allocator *allocator, struct hf_member *member,
    struct hf_family *family, const struct hf_metric_request *request)
{
    size_t bytes = instrument_bytes(request->kind);
    void *instrument = hf_allocate(allocator, bytes, HF_CACHE_LINE);
    if (!instrument)
        return false;
    if (!family)
        family = family_new(allocator, request);
    if (!family) {
        hf_release(allocator, instrument, bytes, HF_CACHE_LINE);
        return false;
    }
    instrument_begin(instrument, request);
    member->instrument = instrument;
    member->family = family;
    family->members_count++;
    return true;
}

void hf_member_free(const struct hf_allocator *allocator, struct hf_member *member)
{
    if (member->family) {
        size_t bytes = instrument_bytes(member->family->kind);
        hf_release(allocator, member->instrument, bytes, HF_CACHE_LINE);
        family_release(allocator, member->family);
    }
    hf_release(allocator, member, member->size_bytes, alignof(struct hf_member));
}
