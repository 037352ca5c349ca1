/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_CLI_GATEWAY_WORLD_H
#define HF_TESTS_CLI_GATEWAY_WORLD_H

/* A gateway between an upstream that says what the script says and a client that says what it is
 * told. In a header, since only tests that link the program can have it. */

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/gateway.h"
#include "cli/request.h"
#include "support/raw_client.h"
#include "support/scripted_upstream.h"

#define BODY_BYTES_MAX ((size_t)64 * 1024)
#define ANSWER_BYTES_MAX ((size_t)128 * 1024)

#define OK "HTTP/1.1 200 OK\r\n"

#define OK_EMPTY OK "Content-Length: 0\r\n"

/* Answers with fields of about 15 and 20 KB, made with the world. */
static char large[24 * 1024] = OK_EMPTY;
static char too_large[32 * 1024] = OK_EMPTY;

/* An answer that does not fit into the buffers of a connection. */
#define HUGE_BYTES ((size_t)16 << 20)
static char huge[HUGE_BYTES + 1024];

/* Word for word what the upstream says to each path. */
static const struct upstream_answer script[] = {
    {"/trailer",
        OK "Transfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n"
           "Set-Cookie: evil=1\r\n\r\n",
        0, UPSTREAM_KEEP},
    {"/interim",
        "HTTP/1.1 103 Early Hints\r\nLink: early\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" OK
        "Content-Length: 2\r\n\r\nhi",
        0, UPSTREAM_KEEP},
    {"/hostile",
        OK "X-Tab: a\tb\r\nX Space: 1\r\nX-Return: a\rSet-Cookie: evil=1\r\n"
           "Connection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n"
           "Content-Length: 0\r\n\r\n",
        0, UPSTREAM_KEEP},
    {"/switch", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nanything", 0, UPSTREAM_KEEP},
    {"/low", "HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n", 0, UPSTREAM_CLOSE},
    {"/garbage", "\001\002 rubbish\r\n\r\n", 0, UPSTREAM_CLOSE},
    {"/short", OK "Content-Length: 20\r\n\r\nabc", 0, UPSTREAM_CLOSE},
    {"/long", OK "Content-Length: 3\r\n\r\nabcdef", 0, UPSTREAM_CLOSE},
    {"/reset", OK "Content-Length: 20\r\n\r\nabc", 0, UPSTREAM_RESET},
    {"/dead", "", 0, UPSTREAM_CLOSE},
    {"/error", "HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno", 0, UPSTREAM_KEEP},
    {"/none", "HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n", 0, UPSTREAM_KEEP},
    {"/same", "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 77\r\n\r\n", 0,
        UPSTREAM_KEEP},
    {"/same-unknown", "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n", 0, UPSTREAM_KEEP},
    {"/head", OK "Content-Length: 12345\r\n\r\n", 0, UPSTREAM_KEEP},
    {"/head-unknown", OK "Transfer-Encoding: chunked\r\n\r\n", 0, UPSTREAM_KEEP},
    {"/large", large, 0, UPSTREAM_KEEP},
    {"/too-large", too_large, 0, UPSTREAM_KEEP},
    {"/huge", huge, 0, UPSTREAM_KEEP},
    {"/once", OK "Content-Length: 2\r\n\r\nhi", 0, UPSTREAM_NO_MORE},
    {"/hang", "", 0, UPSTREAM_KEEP},
    {"/busy-shortly", "HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n", 0,
        UPSTREAM_KEEP},
    {"/busy", "HTTP/1.1 503 Busy\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n", 0, UPSTREAM_KEEP},
    {"/busy-long", "HTTP/1.1 503 Busy\r\nRetry-After: 900\r\nContent-Length: 0\r\n\r\n", 0,
        UPSTREAM_KEEP},
    {NULL, NULL, 0, UPSTREAM_KEEP},
};

struct world {
    struct scripted_upstream *upstream;
    struct gateway *gateway;
    struct raw_reply reply;
};

static struct world world;

/* Fills text with so many bytes: several fields of about a kilobyte. */
static inline void make_fields(char *text, size_t size)
{
    size_t used = 0;
    while (used + 1100 < size)
        used += (size_t)sprintf(text + used, "X-%04zu: %01000d\r\n", used, 0);
    strcpy(text + used, "\r\n");
}

static inline void make_huge(void)
{
    if (*huge)
        return;
    int size = sprintf(huge, OK "Content-Length: %zu\r\n\r\n", HUGE_BYTES);
    memset(huge + size, 'x', HUGE_BYTES);
}

static inline struct gateway_options options_for(const char *upstream)
{
    return (struct gateway_options){
        .listen = "127.0.0.1:0",
        .upstream = upstream,
        .quota = {.count = 100000, .period_ns = HF_SECONDS(1)},
        .keys_max = 64,
        .body_bytes_max = BODY_BYTES_MAX,
        .answer_bytes_max = ANSWER_BYTES_MAX,
        .memory_bytes_max = 1024 * 1024,
        .timeout_ns = HF_SECONDS(30),
        .retry = {.attempts_max = 2,
            .delay = {.base_ns = HF_US(1), .delay_max_ns = HF_US(1)},
            .attempt_timeout_ns = HF_SECONDS(20),
            .retry_after_max_ns = HF_SECONDS(10)},
        .breaker = {.consecutive_failures = 60000},
        .audit_close_ns = HF_SECONDS(5),
        .connections_max = 512,
        .upstream_connections_max = 8,
        .idle_timeout_ns = HF_SECONDS(20),
        .receive_timeout_ns = HF_SECONDS(20),
        .send_timeout_ns = HF_SECONDS(20),
        .workers = 2,
    };
}

static inline int make_world(void **state)
{
    (void)state;
    struct hf_error error = {0};
    signal(SIGPIPE, SIG_IGN);
    make_fields(large + sizeof(OK_EMPTY) - 1, 15500);
    make_fields(too_large + sizeof(OK_EMPTY) - 1, 20000);
    make_huge();
    memset(&world, 0, sizeof(world));
    world.upstream = upstream_start(script);
    const struct gateway_options options = options_for(world.upstream->url);
    assert_int_equal(gateway_start(&world.gateway, &options, &error), HF_OK);
    return 0;
}

static inline int unmake_world(void **state)
{
    (void)state;
    if (world.gateway)
        assert_int_equal(gateway_stop(world.gateway, HF_SECONDS(10)), HF_OK);
    upstream_stop(world.upstream);
    return 0;
}

static inline const char *say(const char *text)
{
    return raw_say(&world.reply, world.gateway->address, text);
}

/* A request after whose answer the connection closes; rest: more fields, the empty line, content.
 */
static inline const char *ask(const char *method, const char *target, const char *rest)
{
    static char text[128 * 1024];
    snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s", method,
        target, rest);
    return say(text);
}

static inline const char *get(const char *target)
{
    return ask("GET", target, "\r\n");
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, unmake_world)

#endif
