/* SPDX-License-Identifier: MIT */
#ifndef HF_CLI_GATEWAY_H
#define HF_CLI_GATEWAY_H

#include <holdfast/holdfast.h>
#include <holdfast/mhd.h>

#include "cli/buffer.h"
#include "cli/memory.h"
#include "cli/socket.h"

/*
 * A small reverse proxy: libmicrohttpd takes requests in under one guard (limits), libcurl passes
 * them on under another (breaker, retries). Each worker is one thread with one event loop;
 * workers share the patterns, which are lock-free.
 *
 *     exchange   one request's way from admission to answer
 *     worker     the event loop that drives exchanges
 *     gateway    the patterns, the listener and the workers
 */

#define GATEWAY_WORKERS_MAX 64
#define GATEWAY_UPSTREAM_BYTES_MAX ((size_t)2048)

struct gateway_options {
    const char *listen;   /* "127.0.0.1:8080" */
    const char *upstream; /* "http://127.0.0.1:9000", without a trailing slash; a path is kept. */
    const char *metrics;  /* Address for Prometheus text; NULL: none. */
    struct hf_quota quota;
    struct hf_quota quota_global; /* count 0: none. */
    uint64_t keys_max;
    enum hf_full_policy full_policy;
    struct hf_http_key_options key;
    enum hf_http_dialect dialect;
    const char *audit_directory; /* NULL: no audit log. */
    enum hf_audit_full_policy audit_full_policy;
    enum hf_guard_audit_keys audit_keys;
    uint64_t audit_close_ns;   /* For its backlog, at the end. */
    uint64_t body_bytes_max;   /* Of a request. */
    uint64_t answer_bytes_max; /* Of an answer. */
    uint64_t memory_bytes_max; /* For all requests' and answers' content together. */
    uint64_t timeout_ns;       /* For everything behind the proxy, retries included. */
    struct hf_retry_options retry;
    struct hf_breaker_options breaker;
    bool retry_all; /* Also methods that are not idempotent. */
    uint64_t connections_max;
    uint64_t upstream_connections_max; /* A worker. */
    uint64_t idle_timeout_ns;          /* Of a client's connection. */
    uint64_t receive_timeout_ns;       /* For a whole request to arrive. */
    uint64_t send_timeout_ns;          /* For a whole answer to be taken. */
    uint64_t workers;
};

struct worker;

struct gateway {
    struct gateway_options options;
    struct memory memory;
    struct budget content;
    struct hf_metrics *metrics;
    struct hf_audit *audit;
    struct hf_hash_seed audit_seed; /* For both guards, so that a key has one hash. */
    struct hf_limiter *limiter;
    struct hf_gate gate;
    struct hf_breaker *breaker;
    struct hf_guard *inbound;
    struct hf_guard *outbound;
    struct hf_mhd *endpoint;
    struct hf_clock clock;
    int listener;
    char address[SOCKET_ADDRESS_BYTES];
    struct MHD_Daemon *exposition;
    char metrics_address[SOCKET_ADDRESS_BYTES];
    struct worker *workers[GATEWAY_WORKERS_MAX];
    uint64_t stop_by_ns; /* Atomic. 0: nobody wants it to stop. */
};

/* Starts everything. On failure *gateway is NULL and error names the option. */
enum hf_status gateway_start(
    struct gateway **gateway, const struct gateway_options *options, struct hf_error *error);

/*
 * Begins to stop: accepts no more, and lets requests under way finish for at most drain_ns from
 * now. May be called again with another drain_ns. Returns at once.
 */
void gateway_drain(struct gateway *gateway, uint64_t drain_ns);

/*
 * Whether it has come to that. To be called now and then: once the time is over it ends the waits
 * for an audit log that is full.
 */
bool gateway_drained(struct gateway *gateway);

/*
 * Drains, waits for it, closes the audit log and frees everything. HF_OK, or HF_LOST if requests
 * were cut off or records lost.
 */
enum hf_status gateway_stop(struct gateway *gateway, uint64_t drain_ns);

#endif
