/* SPDX-License-Identifier: MIT */
#include <curl/curl.h>
#include <stdio.h>

#include <holdfast/clock.h>

#include "base/atomic.h"
#include "cli/demo_client.h"

#define TIMEOUT_MS 5000L

static size_t discard(char *data, size_t unit, size_t count, void *context)
{
    (void)data, (void)context;
    return unit * count;
}

static struct demo_sample ask(CURL *easy, const struct hf_clock *clock)
{
    struct demo_sample sample = {.start_ns = hf_clock_now_ns(clock)};
    struct curl_header *header;
    CURLcode code = curl_easy_perform(easy);
    sample.latency_ns = hf_clock_now_ns(clock) - sample.start_ns;
    if (code != CURLE_OK)
        return sample;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &sample.status);
    sample.retry_after =
        curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1, &header) == CURLHE_OK;
    return sample;
}

static void ask_once(struct demo_client *client, CURL *easy, const struct hf_clock *clock)
{
    char forwarded[64];
    char id[64];
    snprintf(forwarded, sizeof forwarded, "X-Forwarded-For: %s", client->address);
    snprintf(id, sizeof id, "X-Request-Id: %s-%zu", client->name, client->samples_count);
    struct curl_slist *fields = curl_slist_append(NULL, forwarded);
    fields = curl_slist_append(fields, id);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fields);
    client->samples[client->samples_count++] = ask(easy, clock);
    curl_slist_free_all(fields);
}

static void *run(void *context)
{
    struct demo_client *client = context;
    const struct hf_clock clock = hf_clock_monotonic();
    CURL *easy = curl_easy_init();
    if (!easy)
        return NULL;
    curl_easy_setopt(easy, CURLOPT_URL, client->url);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, discard);
    while (!hf_load_relaxed(&client->stop) && client->samples_count < DEMO_SAMPLES_MAX) {
        ask_once(client, easy, &clock);
        hf_clock_sleep_ns(&clock, client->pause_ns);
    }
    curl_easy_cleanup(easy);
    return NULL;
}

bool demo_client_start(struct demo_client *client)
{
    return pthread_create(&client->thread, NULL, run, client) == 0;
}

void demo_client_stop(struct demo_client *client)
{
    hf_store_relaxed(&client->stop, 1);
    pthread_join(client->thread, NULL);
}

size_t demo_client_count(const struct demo_client *client, long status)
{
    size_t count = 0;
    for (size_t i = 0; i < client->samples_count; i++)
        count += client->samples[i].status == status;
    return count;
}
