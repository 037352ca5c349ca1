/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <holdfast/clock.h>

#include "base/atomic.h"
#include "cli/faulty_server.h"

#define RETRY_AFTER_SECONDS 1

static void hang_up(struct faulty_connection *connection)
{
    close(connection->fd);
    connection->fd = -1;
}

/* Closing with nothing to linger for sends a reset. */
static void reset(struct faulty_connection *connection)
{
    const struct linger none = {.l_onoff = 1, .l_linger = 0};
    setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    hang_up(connection);
}

static void answer(struct faulty_connection *connection, const char *status, const char *fields)
{
    char text[256];
    int size = snprintf(text, sizeof text,
        "HTTP/1.1 %s\r\nConnection: close\r\n%sContent-Type: text/plain\r\nContent-Length: "
        "3\r\n\r\n"
        "ok\n",
        status, fields);
    if (send(connection->fd, text, (size_t)size, MSG_NOSIGNAL) != size)
        reset(connection);
    else
        hang_up(connection);
}

/* The request's X-Request-Id, by which the server knows it when it comes again. */
static bool find_id(const struct faulty_connection *connection, char id[static FAULTY_ID_BYTES])
{
    const char *at = strcasestr(connection->request, "\r\nX-Request-Id: ");
    return at && sscanf(at + 16, "%31[^\r\n]", id) == 1;
}

static struct faulty_waiter *find_waiter(struct faulty_server *server, const char *id)
{
    for (size_t i = 0; i < FAULTY_WAITERS_MAX; i++)
        if (strcmp(server->waiters[i].id, id) == 0)
            return &server->waiters[i];
    return NULL;
}

/* The newest take the place of the oldest. */
static void add_waiter(struct faulty_server *server, const char *id, uint64_t now_ns)
{
    struct faulty_waiter *waiter = &server->waiters[server->waiters_count++ % FAULTY_WAITERS_MAX];
    snprintf(waiter->id, sizeof waiter->id, "%s", id);
    waiter->told_ns = now_ns;
}

static void answer_busily(struct faulty_server *server, struct faulty_connection *connection)
{
    char id[FAULTY_ID_BYTES] = "";
    const struct hf_clock clock = hf_clock_monotonic();
    uint64_t now_ns = hf_clock_now_ns(&clock);
    find_id(connection, id);
    struct faulty_waiter *waiter = find_waiter(server, id);
    if (!waiter) {
        add_waiter(server, id, now_ns);
        hf_add_relaxed(&server->busy, 1);
        answer(connection, "429 Too Many Requests", "Retry-After: 1\r\n");
        return;
    }
    if (now_ns - waiter->told_ns < HF_SECONDS(RETRY_AFTER_SECONDS))
        hf_add_relaxed(&server->too_early, 1);
    answer(connection, "200 OK", "");
}

/* A request that has failed once works the next time, or three tries might all meet the third. */
static void answer_flakily(struct faulty_server *server, struct faulty_connection *connection)
{
    char id[FAULTY_ID_BYTES] = "";
    find_id(connection, id);
    if (hf_load_relaxed(&server->requests) % 3 != 0 || find_waiter(server, id)) {
        answer(connection, "200 OK", "");
        return;
    }
    add_waiter(server, id, 0);
    hf_add_relaxed(&server->errors, 1);
    answer(connection, "500 Internal Server Error", "");
}

static void fail_to_answer(struct faulty_server *server, struct faulty_connection *connection)
{
    if (hf_load_relaxed(&server->requests) % 2) {
        hf_add_relaxed(&server->resets, 1);
        reset(connection);
        return;
    }
    /* The connection stays as it is until the other side gives up. */
    hf_add_relaxed(&server->hangs, 1);
}

static void respond(struct faulty_server *server, struct faulty_connection *connection)
{
    hf_add_relaxed(&server->requests, 1);
    switch ((enum faulty_mood)hf_load_relaxed(&server->mood)) {
    case FAULTY_WELL:
        answer(connection, "200 OK", "");
        return;
    case FAULTY_FLAKY:
        answer_flakily(server, connection);
        return;
    case FAULTY_BUSY:
        answer_busily(server, connection);
        return;
    case FAULTY_DOWN:
        fail_to_answer(server, connection);
        return;
    }
}

static void receive(struct faulty_server *server, struct faulty_connection *connection)
{
    size_t room = sizeof connection->request - 1 - connection->size_bytes;
    ssize_t got = recv(connection->fd, connection->request + connection->size_bytes, room, 0);
    if (got <= 0 || (size_t)got == room) {
        hang_up(connection);
        return;
    }
    bool was_whole = connection->size_bytes > 0 && strstr(connection->request, "\r\n\r\n");
    connection->size_bytes += (size_t)got;
    connection->request[connection->size_bytes] = '\0';
    if (!was_whole && strstr(connection->request, "\r\n\r\n"))
        respond(server, connection);
}

static void accept_one(struct faulty_server *server)
{
    int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    for (size_t i = 0; i < FAULTY_CONNECTIONS_MAX; i++) {
        if (server->connections[i].fd >= 0)
            continue;
        server->connections[i] = (struct faulty_connection){.fd = fd};
        return;
    }
    close(fd);
}

enum { POLL_WAKE, POLL_LISTENER, POLL_FIRST, POLL_COUNT = POLL_FIRST + FAULTY_CONNECTIONS_MAX };

static void *run(void *context)
{
    struct faulty_server *server = context;
    struct pollfd polled[POLL_COUNT];
    for (;;) {
        polled[POLL_WAKE] = (struct pollfd){.fd = server->wake[0], .events = POLLIN};
        polled[POLL_LISTENER] = (struct pollfd){.fd = server->listener, .events = POLLIN};
        for (size_t i = 0; i < FAULTY_CONNECTIONS_MAX; i++)
            polled[POLL_FIRST + i] =
                (struct pollfd){.fd = server->connections[i].fd, .events = POLLIN};
        if (poll(polled, POLL_COUNT, -1) < 0 && errno != EINTR)
            return NULL;
        if (polled[POLL_WAKE].revents)
            return NULL;
        for (size_t i = 0; i < FAULTY_CONNECTIONS_MAX; i++)
            if (polled[POLL_FIRST + i].revents)
                receive(server, &server->connections[i]);
        if (polled[POLL_LISTENER].revents)
            accept_one(server);
    }
}

enum hf_status faulty_server_start(struct faulty_server *server, struct hf_error *error)
{
    memset(server, 0, sizeof *server);
    for (size_t i = 0; i < FAULTY_CONNECTIONS_MAX; i++)
        server->connections[i].fd = -1;
    enum hf_status status =
        socket_listen("upstream", "127.0.0.1:0", &server->listener, server->address, error);
    if (status != HF_OK)
        return status;
    if (pipe2(server->wake, O_CLOEXEC) != 0) {
        close(server->listener);
        return hf_error_add(error, HF_IO, errno, "upstream: %s", strerror(errno));
    }
    if (pthread_create(&server->thread, NULL, run, server) == 0)
        return HF_OK;
    close(server->listener);
    close(server->wake[0]);
    close(server->wake[1]);
    return hf_error_add(error, HF_NO_MEMORY, 0, "upstream: cannot start a thread");
}

void faulty_server_set_mood(struct faulty_server *server, enum faulty_mood mood)
{
    hf_store_relaxed(&server->mood, mood);
}

void faulty_server_stop(struct faulty_server *server)
{
    close(server->wake[1]);
    pthread_join(server->thread, NULL);
    for (size_t i = 0; i < FAULTY_CONNECTIONS_MAX; i++)
        if (server->connections[i].fd >= 0)
            hang_up(&server->connections[i]);
    close(server->listener);
    close(server->wake[0]);
}
