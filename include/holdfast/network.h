/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_NETWORK_H
#define HOLDFAST_NETWORK_H

#include <holdfast/allocator.h>
#include <holdfast/audit.h>
#include <holdfast/identity.h>
#include <holdfast/limits.h>
#include <holdfast/multiaddr.h>
#include <holdfast/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * libp2p over TCP: listens, dials, secures, multiplexes, and answers identify, ping and, where
 * asked to, perf. It knows sockets and streams and no policy: whom to dial again and whom to trust
 * is for its caller.
 *
 *     hf_network_new(&network, &options, &error);
 *     hf_network_listen(network, &address, &error);
 *     ...one thread: hf_network_run(network);
 *     ...another:    while (hf_network_wait(network, HF_SECONDS(1), &event) != HF_CLOSED) ...
 *                    hf_network_stop(network);
 *     hf_network_free(network);
 *
 * One thread runs the network, and calls the handlers of protocols. Commands (dial, open, close,
 * stop) may come from any thread; events go to one other, or the same, through a queue without
 * locks. A name that is dialled is looked up by a thread of its own, which nothing can hurry: one
 * that still waits for the resolver when the network stops is left behind, with some memory of
 * libc's, and ends when the resolver does. So a program that has dialled a name must not unload the
 * code of this library; the shared library sees to that by itself.
 *
 * Limits: HF_NETWORK_... below, and those of a connection and its streams: set-up in 10 s, a
 * stream's protocol within 10 s, 256 streams a side, 128 of the peer's without a protocol, 10 s for
 * a peer to read some of what waits and to answer the multiplexer's pings, of which there is one
 * each 30 s, and what stream_idle_ns says.
 */
struct hf_network;

#define HF_NETWORK_PROTOCOLS_MAX 64
#define HF_NETWORK_LISTENERS_MAX 16
#define HF_NETWORK_EVENTS_MAX 1024       /* That wait to be fetched. More are counted as missed. */
#define HF_NETWORK_COMMANDS_MAX 1024     /* That wait to be carried out, and dials. More: FULL. */
#define HF_NETWORK_DIALS_MAX 128         /* At a time; more wait. */
#define HF_NETWORK_ADDRESSES_MAX 16      /* That a name is looked up to. */
#define HF_NETWORK_LOOKUPS_MAX 8         /* Names looked up at a time, and given up; more wait. */
#define HF_NETWORK_STAGGER_NS HF_MS(250) /* Between attempts at several addresses (RFC 8305). */
#define HF_NETWORK_DIAL_NS HF_SECONDS(15)
#define HF_NETWORK_DRAIN_NS HF_SECONDS(3) /* To send what waits when stopped. */

/*
 * A protocol of one's own: its name and what to do about its streams. Handlers run on the
 * network's thread, one at a time, and must not block. A stream may be given up by hf_stream_reset
 * in any of them, after which none is called for it; in `closed` that does nothing. Each may be
 * NULL.
 */
struct hf_protocol {
    const char *name; /* "/echo/1.0.0". At most 200 characters. */
    void *context;
    /* A peer has opened the stream, or one's own has been agreed on. */
    void (*opened)(void *context, struct hf_stream *stream);
    /* More has come, or the peer has finished. */
    void (*readable)(void *context, struct hf_stream *stream);
    /* The stream takes more. */
    void (*writable)(void *context, struct hf_stream *stream);
    /* It is gone when this returns; one's own may never have been opened. HF_OK: both sides
     * finished; HF_UNSUPPORTED: the peer does not speak the protocol; HF_CLOSED: reset, or the
     * connection was closed; HF_TIMEOUT: the stream's deadline, or nothing moved; and whatever else
     * ended the connection, as in HF_NETWORK_CLOSED: HF_IO, HF_MALFORMED, HF_TIMEOUT,
     * HF_NO_MEMORY, HF_DENIED. */
    void (*closed)(void *context, struct hf_stream *stream, enum hf_status status);
    /* A stream asked for by hf_network_open cannot be had; its context comes back. */
    void (*failed)(void *context, void *stream_context, enum hf_status status);
};

struct hf_network_options {
    const struct hf_identity *identity;  /* Needed. Copied. */
    const char *agent;                   /* NULL: "holdfast/<version>". At most 100 characters. */
    const struct hf_protocol *protocols; /* Copied; names and contexts are borrowed. */
    size_t protocols_count;
    uint32_t connections_max;  /* 0: 512. */
    uint32_t half_open_max;    /* Inbound ones that are not set up yet. 0: 32. The oldest gives its
                                  place up to a new one if it has had a second. */
    uint32_t per_peer_max;     /* Connections of one peer. 0: 8. */
    uint32_t per_address_max;  /* Inbound ones from one address, or one IPv6 network of 56 bits.
                                  0: 8, but of loopback any number. */
    uint64_t ping_interval_ns; /* 0: never ping by oneself. */
    uint64_t stream_idle_ns;   /* A stream on which nothing comes, is read or is written for so long
                                  is closed with HF_TIMEOUT. 0: 120 s; UINT64_MAX: never. */
    bool perf;                 /* Serve /perf/1.0.0. */
    /* Who may connect how often: asked with the remote address (4 bytes, or 7 of IPv6, which is a
     * network of 56 bits) before a connection is taken in,
     * and with the peer's id once it is proven; and how many streams a peer may open, asked with
     * its id for each whose protocol it has named: one too many is reset. A gate among the parts is
     * for all peers together. NULL: anybody. Borrowed. */
    const struct hf_limits *per_address;
    const struct hf_limits *per_peer;
    const struct hf_limits *streams_per_peer;
    struct hf_audit *audit; /* Records of connections opened, refused and closed, and, once each,
                               of those that had streams refused. NULL: none. */
    const struct hf_allocator *allocator; /* NULL: libc's. Used by commands' threads, too. */
};

enum hf_network_event_kind {
    HF_NETWORK_NOTHING = 0,
    HF_NETWORK_LISTENING,   /* `address`, with the peer id at its end. */
    HF_NETWORK_CONNECTED,   /* `peer` at `address`; `connection`; `dial` if it was dialled. */
    HF_NETWORK_DIAL_FAILED, /* `dial` to `address`; `status`, `reason`. */
    HF_NETWORK_REFUSED,     /* An inbound connection from `address`; `reason`. At most half of
                               those that wait to be fetched are such: the rest is missed. */
    HF_NETWORK_IDENTIFIED,  /* `peer` says what it is: `agent`, `protocols`. */
    HF_NETWORK_PINGED,      /* `peer` answered a ping; `round_trip_ns`. */
    HF_NETWORK_PING_FAILED, /* `peer` did not; `status`. */
    HF_NETWORK_CLOSED,      /* `peer`'s `connection` has ended; `status`, `reason`. */
    HF_NETWORK_STOPPED,     /* The last event. */
};

#define HF_NETWORK_REASON_BYTES 160
#define HF_NETWORK_AGENT_BYTES 128
#define HF_NETWORK_LIST_BYTES 512

/* What has happened. Fields that do not belong to the kind are zero. */
struct hf_network_event {
    enum hf_network_event_kind kind;
    enum hf_status status;
    bool inbound;
    uint64_t connection; /* Numbers of connections are not used twice. */
    uint64_t dial;       /* As given to hf_network_dial. */
    uint64_t round_trip_ns;
    uint64_t missed; /* Events since the last one that found no room. */
    struct hf_peer_id peer;
    struct hf_multiaddr address;
    char reason[HF_NETWORK_REASON_BYTES];
    char agent[HF_NETWORK_AGENT_BYTES];
    char protocols[HF_NETWORK_LIST_BYTES]; /* Names with spaces between; those that have room. */
};

/*
 * Makes a network. HF_INVALID, HF_NO_MEMORY, HF_IO, HF_UNSUPPORTED: *network is NULL, and error
 * (NULL: not wanted) names the field and value.
 */
HF_MUST_USE HF_API enum hf_status hf_network_new(
    struct hf_network **network, const struct hf_network_options *options, struct hf_error *error);

/* Frees a network that does not run (never has, or hf_network_run has returned). NULL: nothing. */
HF_API void hf_network_free(struct hf_network *network);

/*
 * Listens at an address of the shape /ip4|ip6/.../tcp/<port>, port 0 for any free one. Before
 * hf_network_run only. HF_INVALID, HF_UNSUPPORTED, HF_FULL; HF_IO: the system's error is the
 * cause's code (EADDRINUSE).
 */
HF_MUST_USE HF_API enum hf_status hf_network_listen(
    struct hf_network *network, const struct hf_multiaddr *address, struct hf_error *error);

/* Runs the network until it is stopped. HF_OK; HF_INVALID: NULL, or it has run before. */
HF_MUST_USE HF_API enum hf_status hf_network_run(struct hf_network *network);

/*
 * Commands. From any thread, also before the network runs. HF_OK: it will be carried out; HF_FULL:
 * too many wait; HF_INVALID; HF_NO_MEMORY; HF_CLOSED: it has been stopped.
 *
 * dial makes one attempt: each address of a name is tried once, staggered. Ends in one event that
 * bears `dial`, CONNECTED or DIAL_FAILED.
 */
HF_MUST_USE HF_API enum hf_status hf_network_dial(
    struct hf_network *network, const struct hf_multiaddr *address, uint64_t dial);

/*
 * Opens a stream to a connected peer for one of the options' protocols; HF_INVALID: it is none of
 * them. `opened` follows, with the stream's context set; or `closed` if the peer does not agree; or
 * `failed` if there is no stream to be had.
 */
HF_MUST_USE HF_API enum hf_status hf_network_open(struct hf_network *network,
    const struct hf_peer_id *peer, const char *protocol, void *stream_context);

/* Closes a connection in good order. */
HF_MUST_USE HF_API enum hf_status hf_network_close(struct hf_network *network, uint64_t connection);

/* Pings a connected peer once, by a stream of its own. PINGED or PING_FAILED follows; the latter
 * with HF_FULL while another ping is not answered. */
HF_MUST_USE HF_API enum hf_status hf_network_ping(
    struct hf_network *network, const struct hf_peer_id *peer);

/* Closes everything in good order and lets hf_network_run return. Again: nothing. */
HF_API void hf_network_stop(struct hf_network *network);

/*
 * Fetches the next event; one thread at a time. wait waits up to timeout_ns for one. HF_OK;
 * HF_AGAIN: there is none; HF_CLOSED: STOPPED has been fetched; HF_INVALID: NULL.
 */
HF_MUST_USE HF_API enum hf_status hf_network_next(
    struct hf_network *network, struct hf_network_event *event);
HF_MUST_USE HF_API enum hf_status hf_network_wait(
    struct hf_network *network, uint64_t timeout_ns, struct hf_network_event *event);

/* Our own id. Borrowed. NULL for NULL. */
HF_API const struct hf_peer_id *hf_network_id(const struct hf_network *network);

#ifdef __cplusplus
}
#endif

#endif
