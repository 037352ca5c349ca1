/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "metrics/metrics.h"

/* For errors: "help", or with an index "labels[3].value". */
#define PART_BYTES 48

static enum hf_status invalid(struct hf_error *error, const char *part, const char *why)
{
    return hf_error_add(error, HF_INVALID, 0, "%s: %s", part, why);
}

static bool letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
}

static bool digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* Not by <ctype.h>, which asks the locale. */
static bool name_well_formed(const char *name, bool colons)
{
    if (!letter(name[0]) && !(colons && name[0] == ':'))
        return false;
    for (size_t i = 1; name[i] != '\0'; i++) {
        if (!letter(name[i]) && !digit(name[i]) && !(colons && name[i] == ':'))
            return false;
    }
    return true;
}

/* colons: a metric's name, which may have them. */
static enum hf_status name_check(
    const char *part, const char *name, bool colons, struct hf_error *error)
{
    if (!name)
        return invalid(error, part, "NULL");
    if (strnlen(name, HF_METRIC_NAME_MAX + 1) > HF_METRIC_NAME_MAX)
        return hf_error_add(error, HF_INVALID, 0, "%s: \"%.32s...\" is longer than %d bytes", part,
            name, HF_METRIC_NAME_MAX);
    if (!name_well_formed(name, colons))
        return hf_error_add(error, HF_INVALID, 0, "%s: \"%s\" is not [a-zA-Z_%s][a-zA-Z0-9_%s]*",
            part, name, colons ? ":" : "", colons ? ":" : "");
    return HF_OK;
}

/* One text that is not UTF-8 would make a scraper refuse all the others, too. */
static enum hf_status text_check(const char *part, const char *text, struct hf_error *error)
{
    if (!text)
        return invalid(error, part, "NULL");
    size_t size = strnlen(text, HF_METRIC_TEXT_MAX + 1);
    if (size > HF_METRIC_TEXT_MAX)
        return hf_error_add(error, HF_INVALID, 0, "%s: \"%.32s...\" is longer than %d bytes", part,
            text, HF_METRIC_TEXT_MAX);
    for (size_t at = 0; at < size;) {
        size_t length = hf_utf8_sequence((const uint8_t *)text + at, size - at);
        if (length == 0)
            return hf_error_add(error, HF_INVALID, 0, "%s: not UTF-8 at byte %zu", part, at);
        at += length;
    }
    return HF_OK;
}

static enum hf_status label_name_check(
    const struct hf_metric_request *request, size_t index, const char *part, struct hf_error *error)
{
    const char *name = request->labels[index].name;
    if (name_check(part, name, false, error) != HF_OK)
        return HF_INVALID;
    if (strncmp(name, "__", 2) == 0)
        return hf_error_add(
            error, HF_INVALID, 0, "%s: \"%s\": a leading __ is Prometheus' own", part, name);
    if (request->kind == HF_METRIC_HISTOGRAM && strcmp(name, "le") == 0)
        return invalid(error, part, "\"le\" is the histogram's own");
    for (size_t i = 0; i < index; i++) {
        if (strcmp(name, request->labels[i].name) == 0)
            return hf_error_add(error, HF_INVALID, 0, "%s: \"%s\" is there twice", part, name);
    }
    return HF_OK;
}

static enum hf_status labels_check(const struct hf_metric_request *request, struct hf_error *error)
{
    if (request->labels_count > HF_LABELS_MAX)
        return hf_error_add(error, HF_INVALID, 0, "labels_count: %zu is too large (0 to %d)",
            request->labels_count, HF_LABELS_MAX);
    if (request->labels_count > 0 && !request->labels)
        return invalid(error, "labels", "NULL");
    for (size_t i = 0; i < request->labels_count; i++) {
        char part[PART_BYTES];
        snprintf(part, sizeof(part), "labels[%zu].name", i);
        if (label_name_check(request, i, part, error) != HF_OK)
            return HF_INVALID;
        snprintf(part, sizeof(part), "labels[%zu].value", i);
        if (text_check(part, request->labels[i].value, error) != HF_OK)
            return HF_INVALID;
    }
    return HF_OK;
}

static enum hf_status bounds_check(const struct hf_metric_request *request, struct hf_error *error)
{
    if (request->bounds_count > HF_BUCKETS_MAX)
        return hf_error_add(error, HF_INVALID, 0, "bounds_count: %zu is too large (0 to %d)",
            request->bounds_count, HF_BUCKETS_MAX);
    if (request->bounds_count > 0 && !request->bounds_ns)
        return invalid(error, "bounds_ns", "NULL");
    for (size_t i = 0; i < request->bounds_count; i++) {
        uint64_t bound = request->bounds_ns[i];
        if (bound > HF_TIME_MAX_NS)
            return hf_error_add(error, HF_INVALID, 0,
                "bounds_ns[%zu]: %" PRIu64 " is too large (0 to %" PRIu64 ")", i, bound,
                HF_TIME_MAX_NS);
        if (i > 0 && bound <= request->bounds_ns[i - 1])
            return hf_error_add(error, HF_INVALID, 0,
                "bounds_ns[%zu]: %" PRIu64 " does not exceed the one before", i, bound);
    }
    return HF_OK;
}

enum hf_status hf_metric_request_check(
    const struct hf_metric_request *request, struct hf_error *error)
{
    if (name_check("name", request->name, true, error) != HF_OK)
        return HF_INVALID;
    if (text_check("help", request->help, error) != HF_OK)
        return HF_INVALID;
    if (labels_check(request, error) != HF_OK)
        return HF_INVALID;
    return bounds_check(request, error);
}
