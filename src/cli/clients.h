/* SPDX-License-Identifier: MIT */
#ifndef HF_CLI_CLIENTS_H
#define HF_CLI_CLIENTS_H

#include <holdfast/mhd.h>

/*
 * The clients of one worker that owe it a request, or have to take its answer: what libmicrohttpd
 * does not see of them.
 *
 * How long they may take. libmicrohttpd's own timeout begins anew with every byte, so that a client
 * which sends or takes one now and then could keep its connection, and what that holds, for ever.
 * Here a whole request has to arrive in a given time from the beginning of the connection, or from
 * the answer before it; and a whole answer has to be taken in a given time.
 *
 * That they will never pay. libmicrohttpd's epoll is edge-triggered, and it takes a read that
 * brings less than it asked for as proof that nothing is left (recv_param_adapter in its
 * connection.c, seen in 0.9.60 to 0.9.77). The end of a stream that arrived together with its last
 * bytes is left, though, and its edge has passed: such a connection would stay, with what it holds,
 * until its time is over. So the end is watched for here as well, and where all that came before it
 * has been read, its edge is made once more.
 *
 * A client may close its side and still wait for the answer to a whole request: nothing here cuts
 * that off. One that resets its connection waits for nothing: libmicrohttpd, which does not look at
 * a suspended connection, would let the request run to its end, so it is abandoned from here.
 */

struct client;
struct exchange;

/* A place in a ring of clients, or the ring itself. */
struct clients_link {
    struct clients_link *next;
    struct clients_link *previous;
    struct client *client;
};

struct clients_limits {
    uint64_t receive_ns;
    uint64_t send_ns;
};

/* Zeroed, and opened, before anything else; not to be moved from then on. */
struct clients {
    const struct hf_allocator *allocator;
    struct clients_limits limits;
    struct clients_link owing;  /* Who owes one longest is first: all may for the same time. */
    struct clients_link taking; /* Likewise. */
    struct clients_link ended;  /* Who has closed its side, until libmicrohttpd may be told. */
    int ends;                   /* Readable when there are ends to take in. */
};

/* False: the system refuses. */
bool clients_open(struct clients *clients, const struct hf_allocator *allocator,
    const struct clients_limits *limits);
void clients_close(struct clients *clients);

/* A connection begins, and ends. Without memory it begins without a time limit. */
void clients_add(
    struct clients *clients, struct MHD_Connection *connection, void **context, uint64_t now_ns);
void clients_remove(struct clients *clients, void **context);

/* A connection's request has arrived; its answer is queued; its answer is out. */
void clients_pay(struct MHD_Connection *connection, struct exchange *exchange);
void clients_take(struct clients *clients, struct MHD_Connection *connection, uint64_t now_ns);
void clients_owe(struct clients *clients, struct MHD_Connection *connection, uint64_t now_ns);

/* When the next one's time is over; UINT64_MAX: nobody's time runs. */
uint64_t clients_due_ns(const struct clients *clients);

/* Takes in who has closed its side, and abandons the exchanges of who is gone for good, when
 * clients->ends is readable. */
void clients_take_ends(struct clients *clients);

/*
 * To be called after each MHD_run: cuts off whose time is over, and shows libmicrohttpd the ends
 * that it may have missed. Its next MHD_run finds them.
 */
void clients_tend(struct clients *clients, uint64_t now_ns);

#endif
