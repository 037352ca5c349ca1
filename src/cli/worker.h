/* SPDX-License-Identifier: MIT */
#ifndef HF_CLI_WORKER_H
#define HF_CLI_WORKER_H

#include <pthread.h>

#include <holdfast/curl.h>

#include "cli/clients.h"
#include "cli/exchange.h"
#include "cli/gateway.h"

/* Idle libcurl handles that a worker keeps for reuse. */
#define WORKER_IDLE_HANDLES_MAX 256

/* One thread, one event loop: clients' connections, transfers and waits. */
struct worker {
    struct gateway *gateway;
    struct MHD_Daemon *daemon;
    CURLM *multi;
    pthread_t thread;
    struct clients clients;
    struct exchange *waiting; /* Ordered by due_ns. */
    bool resumed;             /* A connection waits for MHD_run to go on, or to be taken. */
    uint64_t connections;
    uint64_t connections_max;
    struct exchange *exchanges; /* All that exist. */
    uint64_t ended;             /* Atomic: 1 once the thread has nothing left to do. */
    uint64_t cut_off;           /* Exchanges that the drain's end cut off. */
    CURL *idle[WORKER_IDLE_HANDLES_MAX];
    size_t idle_count;
};

/* Starts a worker's thread. */
enum hf_status worker_start(
    struct worker **worker, struct gateway *gateway, struct hf_error *error);

/* Wakes the worker so that it sees gateway->stop_by_ns. */
void worker_wake(struct worker *worker);

/* Whether nothing is left for worker_join to wait for. */
bool worker_ended(const struct worker *worker);

/* Waits for the worker's thread to end, frees it and returns how many exchanges it had to cut off.
 */
uint64_t worker_join(struct worker *worker);

/* Now, on the gateway's clock. */
uint64_t worker_now_ns(const struct worker *worker);

/* Adds an exchange to those that exist, and takes it out. */
void worker_add(struct worker *worker, struct exchange *exchange);
void worker_remove(struct worker *worker, struct exchange *exchange);

/* Makes exchange_waited be called for exchange at due_ns, and takes that back. */
void worker_wait(struct worker *worker, struct exchange *exchange, uint64_t due_ns);
void worker_unwait(struct worker *worker, struct exchange *exchange);

/* A libcurl handle set up with what never changes, and giving it back. NULL without memory. */
CURL *worker_take_handle(struct worker *worker);
void worker_give_handle(struct worker *worker, CURL *easy);

#endif
