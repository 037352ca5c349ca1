/* SPDX-License-Identifier: MIT */
#ifndef HF_CLI_DEMO_CLIENT_H
#define HF_CLI_DEMO_CLIENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One of the demo's clients: a thread that asks, waits for the answer, pauses, and asks again. */
#define DEMO_SAMPLES_MAX 4096

struct demo_sample {
    uint64_t start_ns;
    uint64_t latency_ns;
    long status; /* HTTP status, 0: no answer. */
    bool retry_after;
};

struct demo_client {
    const char *name;
    const char *address; /* What it is known by: its X-Forwarded-For. */
    uint64_t pause_ns;
    const char *url;
    uint64_t stop; /* Atomic: 1 to end. */
    pthread_t thread;
    size_t samples_count;
    struct demo_sample samples[DEMO_SAMPLES_MAX];
};

/* False if there is no thread to be had. */
bool demo_client_start(struct demo_client *client);

/* Waits for the request under way and ends; samples may be read afterwards. */
void demo_client_stop(struct demo_client *client);

/* How many answers had that status. */
size_t demo_client_count(const struct demo_client *client, long status);

#endif
