/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/demo_summary.h"

#define FLUSH_NS HF_SECONDS(5)

void demo_summary_count(struct demo *demo)
{
    if (hf_audit_flush(demo->gateway->audit, FLUSH_NS) != HF_OK ||
        hf_audit_statistics(demo->gateway->audit, &demo->audit) != HF_OK)
        memset(&demo->audit, 0, sizeof demo->audit);
}

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* The latencies that half and 99 % of a client's answers stayed below. */
static void measure(const struct demo_client *client, uint64_t *p50_ns, uint64_t *p99_ns)
{
    static uint64_t sorted[DEMO_SAMPLES_MAX];
    size_t count = client->samples_count;
    *p50_ns = *p99_ns = 0;
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        sorted[i] = client->samples[i].latency_ns;
    qsort(sorted, count, sizeof sorted[0], compare);
    *p50_ns = sorted[count / 2];
    *p99_ns = sorted[count * 99 / 100];
}

static void print_client(const struct demo *demo, size_t index)
{
    const struct demo_client *client = &demo->clients[index];
    const struct timeline_key *key = &demo->timeline.keys[index];
    uint64_t p50_ns;
    uint64_t p99_ns;
    measure(client, &p50_ns, &p99_ns);
    const char *format =
        demo->timeline.json
            ? "{\"client\":\"%s\",\"requests\":%zu,\"admitted\":%" PRIu64 ",\"denied\":%" PRIu64
              ",\"status_200\":%zu,\"status_503\":%zu,\"p50_ms\":%.2f,\"p99_ms\":%.2f}\n"
            : "  %-8s %8zu %9" PRIu64 " %7" PRIu64 " %7zu %7zu %9.2f %9.2f\n";
    printf(format, client->name, client->samples_count, key->admitted, key->denied,
        demo_client_count(client, 200), demo_client_count(client, 503), (double)p50_ns / 1e6,
        (double)p99_ns / 1e6);
}

static void print_changes(const struct timeline *timeline)
{
    if (!timeline->json)
        printf("\n  breaker  closed");
    for (size_t i = 0; i < timeline->changes_count; i++) {
        const struct timeline_change *change = &timeline->changes[i];
        const char *format = timeline->json ? "{\"breaker\":\"%s\",\"at\":%.3f}\n" : " > %s %.2fs";
        printf(format, change->to, (double)change->at_ns / 1e9);
    }
}

static void print_totals(const struct demo *demo)
{
    const struct timeline *timeline = &demo->timeline;
    const struct faulty_server *upstream = &demo->upstream;
    const char *format = timeline->json
                             ? "{\"retries\":%" PRIu64 ",\"refused\":%" PRIu64
                               ",\"upstream_requests\":%" PRIu64 ",\"errors\":%" PRIu64
                               ",\"busy\":%" PRIu64 ",\"resets\":%" PRIu64 ",\"hangs\":%" PRIu64
                               ",\"records_written\":%" PRIu64 ",\"records_read\":%" PRIu64 "}\n"
                             : "\n  retries  %" PRIu64 "; refused by the open breaker: %" PRIu64
                               "\n  upstream %" PRIu64 " requests: %" PRIu64 " errors, %" PRIu64
                               " busy, %" PRIu64 " resets, %" PRIu64 " hangs\n  audit    %" PRIu64
                               " records written, %" PRIu64 " read back\n";
    printf(format, timeline->retried, timeline->refused, upstream->requests, upstream->errors,
        upstream->busy, upstream->resets, upstream->hangs, demo->audit.written, timeline->records);
}

/* What the limiter may admit in the time between a key's first and last decision. */
static bool within_quota(const struct timeline_key *key)
{
    double seconds = (double)(key->last_ns - key->first_ns) / 1e9;
    return (double)key->admitted <= DEMO_BURST + DEMO_RATE * seconds;
}

static bool all_within_quota(const struct demo *demo)
{
    for (size_t i = 0; i < DEMO_CLIENTS; i++)
        if (!within_quota(&demo->timeline.keys[i]))
            return false;
    return true;
}

/* alice and bob, who keep to their share, were never denied; mallory was. */
static bool only_the_greedy_denied(const struct demo *demo)
{
    const struct timeline_key *keys = demo->timeline.keys;
    return keys[0].denied == 0 && keys[1].denied == 0 && keys[2].denied > 0;
}

static bool refusals_say_when(const struct demo *demo)
{
    for (size_t i = 0; i < DEMO_CLIENTS; i++) {
        const struct demo_client *client = &demo->clients[i];
        for (size_t j = 0; j < client->samples_count; j++) {
            const struct demo_sample *sample = &client->samples[j];
            if ((sample->status == 429 || sample->status == 503) && !sample->retry_after)
                return false;
        }
    }
    return true;
}

static bool answers_match_decisions(const struct demo *demo)
{
    for (size_t i = 0; i < DEMO_CLIENTS; i++) {
        const struct timeline_key *key = &demo->timeline.keys[i];
        const struct demo_client *client = &demo->clients[i];
        if (key->admitted + key->denied != client->samples_count ||
            demo_client_count(client, 429) != key->denied)
            return false;
    }
    return true;
}

static bool errors_hidden(const struct demo *demo)
{
    size_t shown = 0;
    for (size_t i = 0; i < DEMO_CLIENTS; i++)
        shown += demo_client_count(&demo->clients[i], 500);
    return demo->upstream.errors > 0 && demo->timeline.retried > 0 && shown == 0;
}

static bool retry_after_obeyed(const struct demo *demo)
{
    return demo->upstream.busy > 0 && demo->upstream.too_early == 0;
}

/* Each change begins where the one before ended, and the last one closes. */
static bool breaker_went_round(const struct demo *demo)
{
    const struct timeline *timeline = &demo->timeline;
    const char *state = "closed";
    bool opened = false;
    for (size_t i = 0; i < timeline->changes_count; i++) {
        if (strcmp(timeline->changes[i].from, state) != 0)
            return false;
        state = timeline->changes[i].to;
        opened = opened || strcmp(state, "open") == 0;
    }
    return opened && strcmp(state, "closed") == 0 && timeline->refused > 0;
}

static bool log_complete(const struct demo *demo)
{
    const struct timeline *timeline = &demo->timeline;
    return timeline->records == demo->audit.written && timeline->records == demo->audit.emitted &&
           timeline->malformed == 0 && timeline->missing == 0;
}

static bool drained(const struct demo *demo)
{
    return demo->drained;
}

static const struct {
    const char *text;
    bool (*holds)(const struct demo *demo);
} promises[] = {
    {"nobody was admitted more than burst + rate x time", all_within_quota},
    {"only who asked for more than the quota was denied", only_the_greedy_denied},
    {"every 429 and 503 said when to come again", refusals_say_when},
    {"every answer matches a decision in the audit log", answers_match_decisions},
    {"the upstream's errors were retried and never shown", errors_hidden},
    {"no retry came before its Retry-After", retry_after_obeyed},
    {"the breaker opened, probed and closed again", breaker_went_round},
    {"the audit log is complete and well-formed", log_complete},
    {"the proxy drained before it ended", drained},
};

static bool print_promises(const struct demo *demo)
{
    bool all = true;
    for (size_t i = 0; i < sizeof promises / sizeof promises[0]; i++) {
        bool holds = promises[i].holds(demo);
        if (demo->timeline.json)
            printf(
                "{\"promise\":\"%s\",\"held\":%s}\n", promises[i].text, holds ? "true" : "false");
        else
            printf("  [%s] %s\n", holds ? "held" : "BROKEN", promises[i].text);
        all = all && holds;
    }
    return all;
}

bool demo_summary_print(struct demo *demo)
{
    if (!demo->timeline.json)
        printf("\n  %-8s %8s %9s %7s %7s %7s %9s %9s\n", "client", "requests", "admitted", "denied",
            "200", "503", "p50 ms", "p99 ms");
    for (size_t i = 0; i < DEMO_CLIENTS; i++)
        print_client(demo, i);
    print_changes(&demo->timeline);
    print_totals(demo);
    if (!demo->timeline.json)
        printf("\n");
    return print_promises(demo);
}
