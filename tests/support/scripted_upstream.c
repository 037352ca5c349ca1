/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/scripted_upstream.h"

static const struct upstream_answer usual = {
    .path = "", .bytes = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"};

static void hang_up(struct upstream_connection *connection, bool reset)
{
    const struct linger none = {.l_onoff = 1, .l_linger = 0};
    if (reset)
        setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    close(connection->fd);
    connection->fd = -1;
}

/* The size of the whole request at the beginning of the text; 0: not all of it is there. */
static size_t request_size(const struct upstream_connection *connection)
{
    const char *end = strstr(connection->text, "\r\n\r\n");
    if (!end)
        return 0;
    size_t size = (size_t)(end - connection->text) + 4;
    const char *length = strcasestr(connection->text, "\r\nContent-Length: ");
    if (length && length < end)
        size += strtoul(length + 18, NULL, 10);
    return size <= connection->size ? size : 0;
}

static const struct upstream_answer *find_answer(
    const struct scripted_upstream *upstream, const char *request)
{
    const char *path = strchr(request, ' ');
    for (const struct upstream_answer *at = upstream->script; at && path && at->path; at++) {
        size_t size = strlen(at->path);
        if (strncmp(path + 1, at->path, size) == 0 && path[1 + size] == ' ')
            return at;
    }
    return &usual;
}

static void keep(
    struct scripted_upstream *upstream, struct upstream_connection *connection, size_t size)
{
    pthread_mutex_lock(&upstream->lock);
    memcpy(upstream->last, connection->text, size);
    upstream->last[size] = '\0';
    upstream->requests++;
    pthread_mutex_unlock(&upstream->lock);
    memmove(connection->text, connection->text + size, connection->size - size + 1);
    connection->size -= size;
}

static void send_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes += sent;
        size -= (size_t)sent;
    }
}

static void respond(struct scripted_upstream *upstream, struct upstream_connection *connection)
{
    size_t size = request_size(connection);
    if (size == 0)
        return;
    const struct upstream_answer *answer = find_answer(upstream, connection->text);
    keep(upstream, connection, size);
    if (connection->no_more) {
        hang_up(connection, false);
        return;
    }
    connection->no_more = answer->then == UPSTREAM_NO_MORE;
    send_all(connection->fd, answer->bytes, answer->size ? answer->size : strlen(answer->bytes));
    if (answer->then == UPSTREAM_CLOSE || answer->then == UPSTREAM_RESET)
        hang_up(connection, answer->then == UPSTREAM_RESET);
}

static void receive(struct scripted_upstream *upstream, struct upstream_connection *connection)
{
    size_t room = sizeof(connection->text) - 1 - connection->size;
    ssize_t got = recv(connection->fd, connection->text + connection->size, room, 0);
    if (got <= 0) {
        hang_up(connection, false);
        return;
    }
    connection->size += (size_t)got;
    connection->text[connection->size] = '\0';
    respond(upstream, connection);
}

static void accept_one(struct scripted_upstream *upstream)
{
    int fd = accept(upstream->listener, NULL, NULL);
    for (size_t i = 0; i < UPSTREAM_CONNECTIONS_MAX && fd >= 0; i++) {
        struct upstream_connection *connection = &upstream->connections[i];
        if (connection->fd >= 0)
            continue;
        connection->fd = fd;
        connection->size = 0;
        connection->no_more = false;
        return;
    }
    if (fd >= 0)
        close(fd);
}

static void *serve(void *context)
{
    enum { WAKE, LISTENER, FIRST, COUNT = FIRST + UPSTREAM_CONNECTIONS_MAX };
    struct scripted_upstream *upstream = context;
    struct pollfd polled[COUNT];
    for (;;) {
        polled[WAKE] = (struct pollfd){.fd = upstream->wake[0], .events = POLLIN};
        polled[LISTENER] = (struct pollfd){.fd = upstream->listener, .events = POLLIN};
        for (size_t i = 0; i < UPSTREAM_CONNECTIONS_MAX; i++)
            polled[FIRST + i] =
                (struct pollfd){.fd = upstream->connections[i].fd, .events = POLLIN};
        if (poll(polled, COUNT, -1) < 0 || polled[WAKE].revents)
            return NULL;
        for (size_t i = 0; i < UPSTREAM_CONNECTIONS_MAX; i++)
            if (polled[FIRST + i].revents)
                receive(upstream, &upstream->connections[i]);
        if (polled[LISTENER].revents)
            accept_one(upstream);
    }
}

static void listen_on_loopback(struct scripted_upstream *upstream)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    upstream->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(upstream->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(upstream->listener, UPSTREAM_CONNECTIONS_MAX), 0);
    assert_int_equal(getsockname(upstream->listener, (struct sockaddr *)&address, &size), 0);
    snprintf(upstream->url, sizeof(upstream->url), "http://127.0.0.1:%u", ntohs(address.sin_port));
}

struct scripted_upstream *upstream_start(const struct upstream_answer *script)
{
    struct scripted_upstream *upstream = calloc(1, sizeof(*upstream));
    assert_non_null(upstream);
    upstream->script = script;
    for (size_t i = 0; i < UPSTREAM_CONNECTIONS_MAX; i++)
        upstream->connections[i].fd = -1;
    listen_on_loopback(upstream);
    assert_int_equal(pipe(upstream->wake), 0);
    assert_int_equal(pthread_mutex_init(&upstream->lock, NULL), 0);
    assert_int_equal(pthread_create(&upstream->thread, NULL, serve, upstream), 0);
    return upstream;
}

void upstream_stop(struct scripted_upstream *upstream)
{
    close(upstream->wake[1]);
    pthread_join(upstream->thread, NULL);
    for (size_t i = 0; i < UPSTREAM_CONNECTIONS_MAX; i++)
        if (upstream->connections[i].fd >= 0)
            hang_up(&upstream->connections[i], false);
    close(upstream->listener);
    close(upstream->wake[0]);
    pthread_mutex_destroy(&upstream->lock);
    free(upstream);
}

uint64_t upstream_requests(struct scripted_upstream *upstream)
{
    pthread_mutex_lock(&upstream->lock);
    uint64_t requests = upstream->requests;
    pthread_mutex_unlock(&upstream->lock);
    return requests;
}

bool upstream_was_told(struct scripted_upstream *upstream, const char *text)
{
    pthread_mutex_lock(&upstream->lock);
    bool told = strcasestr(upstream->last, text) != NULL;
    pthread_mutex_unlock(&upstream->lock);
    return told;
}
