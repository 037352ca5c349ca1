/* SPDX-License-Identifier: MIT */
#ifndef HF_CLI_FAULTY_SERVER_H
#define HF_CLI_FAULTY_SERVER_H

#include <pthread.h>

#include "cli/socket.h"

/* An HTTP server on loopback that misbehaves as told, for the demo. One thread; one request a
 * connection. */
enum faulty_mood {
    FAULTY_WELL,  /* 200 at once. */
    FAULTY_FLAKY, /* Each third request gets a 500. */
    FAULTY_BUSY,  /* 429 with Retry-After: 1, but 200 to a request that has waited for it. */
    FAULTY_DOWN,  /* Resets connections and leaves requests without an answer, in turn. */
};

#define FAULTY_CONNECTIONS_MAX 64
#define FAULTY_REQUEST_BYTES_MAX 4096
#define FAULTY_WAITERS_MAX 64
#define FAULTY_ID_BYTES 32

struct faulty_connection {
    int fd; /* -1: none. */
    size_t size_bytes;
    char request[FAULTY_REQUEST_BYTES_MAX];
};

/* A request that has failed and may come again. */
struct faulty_waiter {
    char id[FAULTY_ID_BYTES];
    uint64_t told_ns;
};

/* Counts may be read while the server runs; they are atomic words. */
struct faulty_server {
    int listener;
    int wake[2];
    char address[SOCKET_ADDRESS_BYTES];
    pthread_t thread;
    uint64_t mood; /* enum faulty_mood */
    uint64_t requests;
    uint64_t errors;
    uint64_t busy;
    uint64_t resets;
    uint64_t hangs;
    uint64_t too_early; /* Requests that came again before the Retry-After they were given. */
    struct faulty_connection connections[FAULTY_CONNECTIONS_MAX];
    struct faulty_waiter waiters[FAULTY_WAITERS_MAX];
    size_t waiters_count;
};

enum hf_status faulty_server_start(struct faulty_server *server, struct hf_error *error);
void faulty_server_set_mood(struct faulty_server *server, enum faulty_mood mood);
void faulty_server_stop(struct faulty_server *server);

#endif
