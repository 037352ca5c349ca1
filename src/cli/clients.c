/* SPDX-License-Identifier: MIT */
#include <sys/socket.h>

#include "cli/clients.h"

struct client {
    int fd;
    bool owes; /* It is in the list. */
    uint64_t due_ns;
    struct client *next;
    struct client *previous;
};

static struct client *client_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static void append(struct clients *clients, struct client *client, uint64_t now_ns)
{
    client->owes = true;
    client->due_ns = now_ns + clients->timeout_ns;
    client->next = NULL;
    client->previous = clients->last;
    if (client->previous)
        client->previous->next = client;
    else
        clients->first = client;
    clients->last = client;
}

static void take_out(struct clients *clients, struct client *client)
{
    if (!client->owes)
        return;
    client->owes = false;
    if (client->next)
        client->next->previous = client->previous;
    else
        clients->last = client->previous;
    if (client->previous)
        client->previous->next = client->next;
    else
        clients->first = client->next;
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
    append(clients, client, now_ns);
}

void clients_remove(struct clients *clients, void **context)
{
    struct client *client = *context;
    *context = NULL;
    if (!client)
        return;
    take_out(clients, client);
    hf_release(clients->allocator, client, sizeof *client, _Alignof(struct client));
}

void clients_pay(struct clients *clients, struct MHD_Connection *connection)
{
    struct client *client = client_of(connection);
    if (client)
        take_out(clients, client);
}

void clients_owe(struct clients *clients, struct MHD_Connection *connection, uint64_t now_ns)
{
    struct client *client = client_of(connection);
    if (!client)
        return;
    take_out(clients, client);
    append(clients, client, now_ns);
}

uint64_t clients_due_ns(const struct clients *clients)
{
    return clients->first ? clients->first->due_ns : UINT64_MAX;
}

void clients_cut_off(struct clients *clients, uint64_t now_ns)
{
    while (clients->first && clients->first->due_ns <= now_ns) {
        struct client *client = clients->first;
        take_out(clients, client);
        shutdown(client->fd, SHUT_RDWR);
    }
}
