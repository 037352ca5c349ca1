/* SPDX-License-Identifier: MIT */
#ifndef HF_NET_NETWORK_STATE_H
#define HF_NET_NETWORK_STATE_H

#include <uv.h>

#include "net/connection.h"
#include "net/lookup.h"
#include "net/network_queue.h"

/* What the files of the libuv driver share: the only ones that touch sockets. */

/* Room for a frame's beginning and a good deal more, so that reading takes few system calls. */
#define HF_NETWORK_READ_BYTES (HF_CONNECTION_LEAD_MAX + 262144)
#define HF_NETWORK_BUILT_IN 4 /* Protocols besides the application's. */
/* Other links get their turn after so many small frames in one read, or so much written at once. */
#define HF_NETWORK_TURN_FRAMES 1024
#define HF_NETWORK_TURN_WRITES 16
/* So long a connection may take to be set up while others want its place. */
#define HF_NETWORK_GRACE_NS HF_SECONDS(1)

struct hf_dial;

/* A TCP connection and what runs on it. */
struct hf_link {
    struct hf_network *network;
    struct hf_link *next;
    struct hf_link *previous;
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_idle_t again; /* Active while there is more to do as soon as others have had their turn. */
    uv_write_t write;
    uv_connect_t connect;
    uv_shutdown_t shutdown;
    size_t writing; /* Bytes handed to libuv. 0: no write is under way. */
    size_t unsent;  /* Of those, how many libuv had left when it was last looked. */
    unsigned handles;
    struct hf_connection *connection; /* NULL: not connected yet. */
    struct hf_dial *dial;             /* Whose attempt it is, until it connects. */
    uint64_t number;
    uint64_t dial_number;
    uint64_t due_ns; /* When the timer is to fire, while it is active. */
    uint64_t ping_due_ns;
    uint64_t drain_until_ns;
    uint64_t begun_ns;
    const char *doomed; /* Why it must end once the event under way has been handled. */
    struct hf_multiaddr address;
    struct hf_ip ip; /* Where an inbound one comes from. */
    bool inbound;
    bool listed;    /* In the network's list. */
    bool announced; /* The application knows of it. */
    bool refused;   /* Streams of it, of which there is a record. */
    bool draining;  /* Over, but for what is still to be sent. */
    bool resting;   /* Reads nothing until its next turn. */
    bool closing;
};

/* One dial: looking a name up, and attempts at its addresses. */
struct hf_dial {
    struct hf_network *network;
    struct hf_dial *next; /* Of those that wait, or of those under way. */
    uint64_t number;
    struct hf_multiaddr address;
    struct hf_multiaddr_target target;
    struct hf_lookup *lookup; /* Of its name, while that is under way. */
    uv_timer_t timer;
    uint64_t deadline_ns;
    struct sockaddr_storage addresses[HF_NETWORK_ADDRESSES_MAX];
    size_t addresses_count;
    size_t tried;
    size_t trying;
    int last_error; /* Of libuv. */
};

enum hf_network_phase { HF_NETWORK_NEW, HF_NETWORK_RUNS, HF_NETWORK_ENDS, HF_NETWORK_OVER };

struct hf_network {
    struct hf_allocator allocator;
    struct hf_network_options options;
    struct hf_clock clock;
    char agent[HF_NETWORK_AGENT_BYTES];
    struct hf_peer_id id;
    uint8_t public_key[HF_IDENTITY_PUBLIC_BYTES];
    struct hf_noise_credentials credentials;
    struct hf_block_pool blocks;
    struct hf_network_queue queue;
    struct hf_protocol protocols[HF_NETWORK_PROTOCOLS_MAX + HF_NETWORK_BUILT_IN];
    struct hf_bytes names[HF_NETWORK_PROTOCOLS_MAX + HF_NETWORK_BUILT_IN];
    size_t protocols_count;
    uv_loop_t loop;
    uv_async_t wake;
    uv_async_t looked_up;
    struct hf_lookups *lookups; /* NULL: no name has been dialled yet. */
    uv_tcp_t bouncer; /* Takes the connections that there is no memory for, to close them. */
    uv_tcp_t listeners[HF_NETWORK_LISTENERS_MAX];
    struct hf_multiaddr addresses[HF_NETWORK_LISTENERS_MAX];
    size_t listeners_count;
    struct hf_link *links;
    struct hf_link *busy;    /* Whose events are being handled. */
    struct hf_dial *waiting; /* Dials that wait for a place, oldest first. */
    struct hf_dial *waiting_last;
    struct hf_dial *dialling; /* Dials under way. */
    size_t waiting_count;
    size_t dials;
    bool starting;        /* Dials that waited are being started. */
    uint32_t connections; /* Links that have a connection. */
    uint32_t half_open;
    uint64_t next_number;
    uint64_t now_ns; /* When the present turn of the loop began. */
    uint64_t stop;   /* Shared: nonzero once asked to. */
    uint64_t ended;  /* Shared: nonzero once STOPPED has been put. */
    int event_fd;
    enum hf_network_phase phase;
    uint8_t *read_bytes;
};

/* Tells the application. */
void hf_network_tell(struct hf_network *network, const struct hf_network_event *event);

/* Reads the clock once for what follows. */
uint64_t hf_network_now(struct hf_network *network);

/* The protocol of that name. NULL: none. */
const struct hf_protocol *hf_network_protocol(const struct hf_network *network, const char *name);

/* A link that is set up to a peer. NULL: none. */
struct hf_link *hf_network_link(const struct hf_network *network, const struct hf_peer_id *peer);

/* Makes a link with open handles and no connection. NULL: no memory. */
struct hf_link *hf_link_new(struct hf_network *network, bool inbound);

/* Starts the connection over a link whose socket is connected. */
void hf_link_begin(struct hf_link *link, const struct hf_peer_id *expected);

/* Ends a link that never had a connection. */
void hf_link_drop(struct hf_link *link);

/* Ends a link: streams' holders and the application are told, what waits is sent. */
void hf_link_end(struct hf_link *link, enum hf_status status, const char *reason);

/* Turns away a link that never had a connection, and says why. */
void hf_link_refuse(struct hf_link *link, enum hf_status status, const char *reason);

/* Sends what is ready, and sets the timer. To be called after anything was done with a link. */
void hf_link_settle(struct hf_link *link);

/* What every event about a link says. */
struct hf_network_event hf_link_event(const struct hf_link *link, enum hf_network_event_kind kind);

/* Records what became of a link, if anybody wants records. */
void hf_link_audit(const struct hf_link *link, const char *event, const char *reason);

/* Does what an event of the link's connection asks for. */
void hf_link_handle(struct hf_link *link, const struct hf_connection_event *event);

/* Tells a stream's holder that it is over, and frees it. */
void hf_link_end_stream(struct hf_stream *stream, enum hf_status status);

/* Opens a stream over a link for a protocol's handlers. */
HF_MUST_USE enum hf_status hf_link_open(struct hf_link *link, const struct hf_protocol *protocol,
    void *stream_context, struct hf_stream **stream);

/* Does what the application asked for, or says that it cannot be done any more. */
void hf_network_carry_out(struct hf_network *network, const struct hf_network_command *command);
void hf_network_decline(struct hf_network *network, const struct hf_network_command *command);

/* Takes inbound connections at a listener. */
void hf_network_accept(uv_stream_t *listener, int status);

/* Makes the bouncer ready. */
void hf_network_init_bouncer(struct hf_network *network);

/* Begins a dial, or lets it wait. */
void hf_network_begin_dial(struct hf_network *network, const struct hf_network_command *command);

/* An attempt of a dial's has come to something. Not for a link that was dropped by its dial. */
void hf_dial_attempted(struct hf_dial *dial, struct hf_link *link, int status);

/* Dials go on with the addresses that their names were looked up to. */
void hf_network_take_lookups(uv_async_t *wake);

/* Ends all dials that are under way; what is being looked up is left behind. */
void hf_network_end_dials(struct hf_network *network);

/* The text of libuv's error. */
void hf_network_explain(char *reason, const char *what, int error);

/* A socket's address, and the same as a multiaddr. */
struct hf_ip hf_network_ip(const struct sockaddr *socket, uint16_t *port);
void hf_network_address(const struct sockaddr *socket, struct hf_multiaddr *address);

/* The protocols that every node speaks; perf only where asked for. */
void hf_network_add_built_in(struct hf_network *network);

/* What a node does with a connection of its own accord: asks who it is, and pings. */
void hf_network_greet(struct hf_link *link);
HF_MUST_USE enum hf_status hf_network_ping_link(struct hf_link *link);

#endif
