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
    uint64_t due_ns;
    struct exchange *exchange; /* Of the request that it has paid. */
    struct clients_link owing; /* In a ring while next is not NULL. */
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
    client->exchange = NULL;
    client->due_ns = now_ns + clients->timeout_ns;
    append(&clients->owing, &client->owing);
}

bool clients_open(
    struct clients *clients, const struct hf_allocator *allocator, uint64_t timeout_ns)
{
    clients->allocator = allocator;
    clients->timeout_ns = timeout_ns;
    clients->owing.next = clients->owing.previous = &clients->owing;
    clients->ended.next = clients->ended.previous = &clients->ended;
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
    client->owing.client = client->ended.client = client;
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
    take_out(&client->owing);
    take_out(&client->ended);
    hf_release(clients->allocator, client, sizeof *client, _Alignof(struct client));
}

void clients_pay(struct MHD_Connection *connection, struct exchange *exchange)
{
    struct client *client = client_of(connection);
    if (!client)
        return;
    client->exchange = exchange;
    take_out(&client->owing);
}

void clients_owe(struct clients *clients, struct MHD_Connection *connection, uint64_t now_ns)
{
    struct client *client = client_of(connection);
    if (client)
        owe(clients, client, now_ns);
}

uint64_t clients_due_ns(const struct clients *clients)
{
    const struct client *first = clients->owing.next->client;
    return first ? first->due_ns : UINT64_MAX;
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

static void cut_off(struct clients *clients, uint64_t now_ns)
{
    while (clients_due_ns(clients) <= now_ns) {
        struct client *client = clients->owing.next->client;
        take_out(&client->owing);
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
        if (at->client->owing.next)
            show_end(at->client);
    }
}

void clients_tend(struct clients *clients, uint64_t now_ns)
{
    cut_off(clients, now_ns);
    show_ends(clients);
}
