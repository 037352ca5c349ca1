/* SPDX-License-Identifier: MIT */
#ifndef HF_CLI_CLIENTS_H
#define HF_CLI_CLIENTS_H

#include <holdfast/mhd.h>

/*
 * The clients of one worker that owe it a request, and how long they may. libmicrohttpd's own
 * timeout begins anew with every byte, so that a client which sends one now and then could keep its
 * connection for ever. Here a whole request has to arrive in a given time from the beginning of the
 * connection, or from the answer before it.
 */
struct clients {
    const struct hf_allocator *allocator;
    uint64_t timeout_ns;
    struct client *first; /* Who owes one longest. All may for the same time: so in order. */
    struct client *last;
};

/* A connection begins, and ends. Without memory it begins without a time limit. */
void clients_add(
    struct clients *clients, struct MHD_Connection *connection, void **context, uint64_t now_ns);
void clients_remove(struct clients *clients, void **context);

/* A connection's request has arrived, and its answer is out. */
void clients_pay(struct clients *clients, struct MHD_Connection *connection);
void clients_owe(struct clients *clients, struct MHD_Connection *connection, uint64_t now_ns);

/* When the next one's time is over; UINT64_MAX: nobody owes a request. */
uint64_t clients_due_ns(const struct clients *clients);

/* Cuts off whose time is over; libmicrohttpd then finds that they are gone. */
void clients_cut_off(struct clients *clients, uint64_t now_ns);

#endif
