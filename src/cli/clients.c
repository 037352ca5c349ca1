/* SPDX-License-Identifier: MIT */
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/clients.h"
#include "cli/exchange.h"

/* Ends taken in at a time; what is left keeps clients->ends readable. */
#define ENDS_MAX 64

struct client {
    int fd;
    bool owes;
    uint64_t due_ns;
    struct exchange *exchange; /* Of the request that it has paid. */
    struct clients_link timed; /* In a ring while next is not NULL: owing, taking, or neither. */
    struct clients_link ended;
};

static struct client *client_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static void take_out(struct clients_link *link)
{
    if (!link->next)
        return;
    link->next->previous = link->previous;
    link->previous->next = link->next;
    link->next = NULL;
}

static void append(struct clients_link *ring, struct clients_link *link)
{
    take_out(link);
    link->next = ring;
    link->previous = ring->previous;
    link->previous->next = link;
    ring->previous = link;
}

static void owe(struct clients *clients, struct client *client, uint64_t now_ns)
{
    client->owes = true;
    client->exchange = NULL;
    client->due_ns = now_ns + clients->limits.receive_ns;
    append(&clients->owing, &client->timed);
}

static void make_ring(struct clients_link *ring)
{
    ring->next = ring->previous = ring;
}

bool clients_open(struct clients *clients, const struct hf_allocator *allocator,
    const struct clients_limits *limits)
{
    clients->allocator = allocator;
    clients->limits = *limits;
    make_ring(&clients->owing);
    make_ring(&clients->taking);
    make_ring(&clients->ended);
    clients->ends = epoll_create1(EPOLL_CLOEXEC);
    return clients->ends >= 0;
}

void clients_close(struct clients *clients)
{
    if (clients->ends >= 0)
        close(clients->ends);
}

void clients_add(
    struct clients *clients, struct MHD_Connection *connection, void **context, uint64_t now_ns)
{
    struct client *client =
        hf_allocate(clients->allocator, sizeof *client, _Alignof(struct client));
    *context = client;
    if (!client)
        return;
    client->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    client->timed.client = client->ended.client = client;
    owe(clients, client, now_ns);
    /* Edge-triggered: an end that has to wait for its turn must not keep the worker awake. A client
     * that cannot be watched still has its time limit. */
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLET, .data.ptr = client};
    (void)epoll_ctl(clients->ends, EPOLL_CTL_ADD, client->fd, &event);
}

void clients_remove(struct clients *clients, void **context)
{
    struct client *client = *context;
    *context = NULL;
    if (!client)
        return;
    (void)epoll_ctl(clients->ends, EPOLL_CTL_DEL, client->fd, NULL);
    take_out(&client->timed);
    take_out(&client->ended);
    hf_release(clients->allocator, client, sizeof *client, _Alignof(struct client));
}

void clients_pay(struct MHD_Connection *connection, struct exchange *exchange)
{
    struct client *client = client_of(connection);
    if (!client)
        return;
    client->owes = false;
    client->exchange = exchange;
    take_out(&client->timed);
}

void clients_take(struct clients *clients, struct MHD_Connection *connection, uint64_t now_ns)
{
    struct client *client = client_of(connection);
    if (!client)
        return;
    client->owes = false;
    client->due_ns = now_ns + clients->limits.send_ns;
    append(&clients->taking, &client->timed);
}

void clients_owe(struct clients *clients, struct MHD_Connection *connection, uint64_t now_ns)
{
    struct client *client = client_of(connection);
    if (client)
        owe(clients, client, now_ns);
}

static uint64_t first_due_ns(const struct clients_link *ring)
{
    return ring->next->client ? ring->next->client->due_ns : UINT64_MAX;
}

uint64_t clients_due_ns(const struct clients *clients)
{
    uint64_t owing_ns = first_due_ns(&clients->owing);
    uint64_t taking_ns = first_due_ns(&clients->taking);
    return owing_ns < taking_ns ? owing_ns : taking_ns;
}

void clients_take_ends(struct clients *clients)
{
    struct epoll_event events[ENDS_MAX];
    int count = epoll_wait(clients->ends, events, ENDS_MAX, 0);
    for (int i = 0; i < count; i++) {
        struct client *client = events[i].data.ptr;
        append(&clients->ended, &client->ended);
        if (events[i].events & EPOLLERR && client->exchange)
            exchange_abandon(client->exchange);
    }
}

/* What has not been taken would stay in the socket's buffer for minutes after it is closed; a reset
 * throws it away. */
static void set_reset(const struct client *client)
{
    const struct linger none = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
}

static void cut_off(struct clients_link *ring, uint64_t now_ns)
{
    while (first_due_ns(ring) <= now_ns) {
        struct client *client = ring->next->client;
        take_out(&client->timed);
        if (!client->owes)
            set_reset(client);
        shutdown(client->fd, SHUT_RDWR);
    }
}

/*
 * With bytes before the end, libmicrohttpd still has their edge, or knows that it has not read all:
 * it comes back to this client. With none, either it has seen the end or it never will. To close
 * for reading what the other side has closed changes nothing but that it makes the edge once more,
 * and this read brings 0 bytes, which cannot be taken for anything else.
 */
static void show_end(struct client *client)
{
    char byte;
    if (recv(client->fd, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT) > 0)
        return;
    take_out(&client->ended);
    shutdown(client->fd, SHUT_RD);
}

/* While a request is on its way to an answer nothing is read, so its client's end can wait; then
 * libmicrohttpd reads again, and the client owes again. */
static void show_ends(struct clients *clients)
{
    struct clients_link *next;
    for (struct clients_link *at = clients->ended.next; at != &clients->ended; at = next) {
        next = at->next;
        if (at->client->owes)
            show_end(at->client);
    }
}

void clients_tend(struct clients *clients, uint64_t now_ns)
{
    cut_off(&clients->owing, now_ns);
    cut_off(&clients->taking, now_ns);
    show_ends(clients);
}
