/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_SUPPORT_SCRIPTED_UPSTREAM_H
#define HF_TESTS_SUPPORT_SCRIPTED_UPSTREAM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * An HTTP server on loopback that answers each path with bytes given word for word, however wrong
 * they are, and keeps what it was asked. One thread.
 */

enum upstream_then {
    UPSTREAM_KEEP,    /* The connection stays. */
    UPSTREAM_CLOSE,   /* It is closed after the answer. */
    UPSTREAM_RESET,   /* It is reset after the answer. */
    UPSTREAM_NO_MORE, /* It stays, but the next request on it is read and then it is closed. */
};

struct upstream_answer {
    const char *path; /* NULL ends a script. */
    const char *bytes;
    size_t size; /* 0: strlen. */
    enum upstream_then then;
};

#define UPSTREAM_CONNECTIONS_MAX 32
#define UPSTREAM_REQUEST_BYTES_MAX ((size_t)160 * 1024)

struct upstream_connection {
    int fd; /* -1: none. */
    bool no_more;
    size_t size;
    char text[UPSTREAM_REQUEST_BYTES_MAX];
};

struct scripted_upstream {
    const struct upstream_answer *script;
    int listener;
    int wake[2];
    char url[64];
    pthread_t thread;
    pthread_mutex_t lock; /* Of what follows. */
    uint64_t requests;
    char last[UPSTREAM_REQUEST_BYTES_MAX]; /* The last request, ended with NUL. */
    struct upstream_connection connections[UPSTREAM_CONNECTIONS_MAX];
};

/* Paths that are not in the script get 200 and "ok\n". Asserts that it works. NULL script: none. */
struct scripted_upstream *upstream_start(const struct upstream_answer *script);
void upstream_stop(struct scripted_upstream *upstream);

/* Requests that came so far, and whether the last one has that text in it. */
uint64_t upstream_requests(struct scripted_upstream *upstream);
bool upstream_was_told(struct scripted_upstream *upstream, const char *text);

#endif
