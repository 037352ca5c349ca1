/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "cli/demo_timeline.h"

static const char *colour_of(const char *what)
{
    static const struct {
        const char *what;
        const char *code;
    } colours[] = {{"phase", "\033[1m"}, {"limiter", "\033[33m"}, {"retry", "\033[36m"},
        {"breaker", "\033[35m"}, {"refused", "\033[31m"}};
    for (size_t i = 0; i < sizeof colours / sizeof colours[0]; i++)
        if (strcmp(colours[i].what, what) == 0)
            return colours[i].code;
    return "";
}

void timeline_say(struct timeline *timeline, uint64_t at_ns, const char *what, const char *text)
{
    double seconds = (double)at_ns / 1e9;
    if (timeline->json)
        printf("{\"at\":%.3f,\"what\":\"%s\",\"text\":\"%s\"}\n", seconds, what, text);
    else if (timeline->colour)
        printf("%7.3f  %s%-8s\033[0m %s\n", seconds, colour_of(what), what, text);
    else
        printf("%7.3f  %-8s %s\n", seconds, what, text);
    fflush(stdout);
}

static void sayf(struct timeline *timeline, const char *what, const char *format, ...)
    HF_PRINTF(3, 4);

static void sayf(struct timeline *timeline, const char *what, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    timeline_say(timeline, timeline->now_ns - timeline->start_ns, what, text);
}

static double milliseconds(uint64_t ns)
{
    return (double)ns / 1e6;
}

static struct timeline_key *find_key(struct timeline *timeline, const struct record *record)
{
    for (size_t i = 0; i < timeline->names_count; i++)
        if (record_is(record, "key", timeline->names[i].key))
            return &timeline->keys[i];
    return NULL;
}

static void note_decision(struct timeline *timeline, const struct record *record, bool admitted)
{
    struct timeline_key *key = find_key(timeline, record);
    if (!key)
        return;
    if (key->first_ns == 0)
        key->first_ns = timeline->now_ns;
    key->last_ns = timeline->now_ns;
    if (admitted) {
        key->admitted++;
        return;
    }
    key->denied++;
    key->denied_untold++;
    key->wait_ns = record_number(record, "retry_after_ns");
}

static void note_failure(struct timeline *timeline, const struct record *record)
{
    const struct record_field *code = record_find(record, "code");
    timeline->failed++;
    if (!record_find(record, "delay_ns"))
        return;
    timeline->retried++;
    timeline->retries_untold++;
    timeline->retry_delay_ns = record_number(record, "delay_ns");
    timeline->retry_code = code ? (int32_t)strtol(code->value.data, NULL, 10) : 0;
}

static void copy_text(const struct record *record, const char *name, char text[static 16])
{
    const struct record_field *field = record_find(record, name);
    if (field)
        snprintf(text, 16, "%.*s", (int)field->value.size, (const char *)field->value.data);
}

static void note_change(struct timeline *timeline, const struct record *record)
{
    if (timeline->changes_count == TIMELINE_CHANGES_MAX)
        return;
    struct timeline_change *change = &timeline->changes[timeline->changes_count++];
    change->at_ns = timeline->now_ns - timeline->start_ns;
    copy_text(record, "from", change->from);
    copy_text(record, "to", change->to);
    timeline_tell(timeline);
    if (strcmp(change->to, "open") == 0)
        sayf(timeline, "breaker",
            "%s -> open for %.0f ms: the upstream is down, callers get 503 at once", change->from,
            milliseconds(record_number(record, "open_ns")));
    else if (strcmp(change->to, "half-open") == 0)
        sayf(timeline, "breaker", "%s -> half-open: one request may see whether it is back",
            change->from);
    else
        sayf(timeline, "breaker", "%s -> closed: it is back", change->from);
}

static void read_line(void *context, struct hf_bytes line)
{
    struct timeline *timeline = context;
    struct record record;
    if (!record_parse(line, &record)) {
        timeline->malformed++;
        return;
    }
    timeline->now_ns = record_time_ns(&record);
    if (record_is(&record, "event", "hf.gap")) {
        timeline->missing += record_number(&record, "count");
        return;
    }
    if (record_is(&record, "event", "hf.open"))
        return;
    timeline->records++;
    if (record_is(&record, "event", "admitted")) {
        note_decision(timeline, &record, true);
    } else if (record_is(&record, "event", "denied")) {
        note_decision(timeline, &record, false);
    } else if (record_is(&record, "event", "failed")) {
        note_failure(timeline, &record);
    } else if (record_is(&record, "event", "refused")) {
        timeline->refused++;
        timeline->refused_untold++;
    } else if (record_is(&record, "event", "breaker")) {
        note_change(timeline, &record);
    }
}

void timeline_read(struct timeline *timeline)
{
    (void)record_each_line(timeline->path, &timeline->offset, read_line, timeline);
}

/* Codes are HTTP statuses, or libcurl's own below zero. */
static void tell_retries(struct timeline *timeline)
{
    char why[64];
    if (timeline->retry_code >= 0)
        snprintf(why, sizeof why, "HTTP %" PRId32, timeline->retry_code);
    else
        snprintf(why, sizeof why, "%s", curl_easy_strerror((CURLcode)-timeline->retry_code));
    sayf(timeline, "retry",
        "%" PRIu64 " failed and will be tried again, the latest in %.0f ms (%s)",
        timeline->retries_untold, milliseconds(timeline->retry_delay_ns), why);
    timeline->retries_untold = 0;
}

void timeline_tell(struct timeline *timeline)
{
    for (size_t i = 0; i < timeline->names_count; i++) {
        struct timeline_key *key = &timeline->keys[i];
        if (key->denied_untold == 0)
            continue;
        sayf(timeline, "limiter", "%s denied %" PRIu64 " times: 429, come again in %.0f ms",
            timeline->names[i].name, key->denied_untold, milliseconds(key->wait_ns));
        key->denied_untold = 0;
    }
    if (timeline->retries_untold)
        tell_retries(timeline);
    if (timeline->refused_untold)
        sayf(timeline, "refused",
            "%" PRIu64 " requests: breaker open, 503 without asking the upstream",
            timeline->refused_untold);
    timeline->refused_untold = 0;
}
