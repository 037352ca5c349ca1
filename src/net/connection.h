/* SPDX-License-Identifier: MIT */
#ifndef HF_NET_CONNECTION_H
#define HF_NET_CONNECTION_H

#include <holdfast/stream.h>

#include "net/noise.h"
#include "net/outbox.h"

/*
 * A libp2p connection over an ordered byte transport (libp2p/specs, connections/README.md), as a
 * machine: multistream-select for Noise, Noise, a multiplexer agreed on within the handshake or by
 * multistream-select after it, yamux, and multistream-select on each stream.
 *
 *     size = hf_connection_lead(connection, bytes);           // what was left over, to the front
 *     size += read(socket, bytes + size, ...);
 *     hf_connection_receive(connection, bytes, size);
 *     while (hf_connection_next(connection, now_ns, &event) == HF_OK && event.kind != NOTHING)
 *         handle(&event);
 *     hf_connection_settle(connection);
 *     hf_connection_flush(connection, now_ns);
 *     count = hf_connection_pieces(...); ...send... hf_connection_sent(...);
 *
 * It owns every limit and deadline of one connection:
 *
 *   HF_CONNECTION_SETUP_NS        from the start to a connection that carries streams
 *   HF_CONNECTION_NEGOTIATE_NS    for a stream to agree on its protocol
 *   HF_CONNECTION_IDLE_NS         for a stream on which nothing moves; may be set otherwise
 *   HF_CONNECTION_STALL_NS        for a peer to read some of what waits to be sent
 *   HF_CONNECTION_NEGOTIATING_MAX streams of the peer's whose protocol is not agreed yet
 *   HF_CONNECTION_EMPTY_MAX       frames of the peer's in all that say nothing at all
 *
 * besides those of yamux.h, noise.h and multistream.h. One thread at a time.
 */
#define HF_CONNECTION_SETUP_NS HF_SECONDS(10)
#define HF_CONNECTION_NEGOTIATE_NS HF_SECONDS(10)
#define HF_CONNECTION_STALL_NS HF_SECONDS(10)
#define HF_CONNECTION_IDLE_NS HF_SECONDS(120)
#define HF_CONNECTION_NEGOTIATING_MAX 128
#define HF_CONNECTION_EMPTY_MAX 1000
#define HF_CONNECTION_YAMUX "/yamux/1.0.0"
/* Room that hf_connection_lead may need: less than one frame. */
#define HF_CONNECTION_LEAD_MAX HF_NOISE_FRAME_BYTES_MAX

struct hf_connection;

/* The protocols that peers may ask for. Each name's data ends with a NUL, which is not counted. */
struct hf_protocol_names {
    const struct hf_bytes *names; /* Borrowed, array and all. */
    size_t count;
};

struct hf_connection_options {
    bool dialer;
    const struct hf_noise_credentials *credentials; /* Borrowed. Their only multiplexer is yamux. */
    const struct hf_peer_id *expected;              /* Who the peer must be; NULL: anybody. */
    uint8_t ephemeral[HF_KEY_BYTES];                /* Fresh, of a generator fit for secrets. */
    struct hf_protocol_names protocols;
    uint64_t idle_ns;                     /* 0: HF_CONNECTION_IDLE_NS; UINT64_MAX: for ever. */
    struct hf_block_pool *blocks;         /* Borrowed. */
    void *owner;                          /* Whose it is; for hf_connection_owner. */
    uint64_t (*used)(void *owner);        /* Called when the application does something to a stream,
                                             which may be while another connection is at work: there
                                             may be something to flush. Returns the time. NULL: this
                                             one is at work whenever its streams are used. */
    const struct hf_allocator *allocator; /* NULL: libc's. */
};

enum hf_connection_event_kind {
    HF_CONNECTION_NOTHING = 0, /* All that was received has been taken. */
    HF_CONNECTION_SECURED,     /* The peer has proven who it is, hf_connection_peer. */
    HF_CONNECTION_READY,       /* Streams may be opened. */
    HF_CONNECTION_OPENED,      /* The peer has opened `stream` for protocol `protocol`. */
    HF_CONNECTION_AGREED,      /* One's own `stream` may be used. */
    HF_CONNECTION_REFUSED,     /* The peer does not speak the protocol of one's own `stream`. */
    HF_CONNECTION_READABLE,    /* More has come on `stream`. */
    HF_CONNECTION_WRITABLE,    /* `stream` takes more. */
    HF_CONNECTION_FINISHED,    /* The peer writes nothing more on `stream`. */
    HF_CONNECTION_ENDED,       /* `stream` is over: `status` is HF_OK where both sides finished. */
    HF_CONNECTION_PONG,        /* A ping of the multiplexer's; `round_trip_ns`. */
};

struct hf_connection_event {
    enum hf_connection_event_kind kind;
    struct hf_stream *stream;
    size_t protocol; /* Index into the options' names. */
    enum hf_status status;
    uint64_t round_trip_ns;
};

/* Starts a connection at now_ns. On failure *connection is NULL. */
HF_MUST_USE enum hf_status hf_connection_new(struct hf_connection **connection,
    struct hf_connection_options *options, uint64_t now_ns, struct hf_error *error);

/* Frees it and its streams, whose holders are not told. NULL: nothing. */
void hf_connection_free(struct hf_connection *connection);

/* Copies to out what is left from before, less than HF_CONNECTION_LEAD_MAX bytes: their number. */
size_t hf_connection_lead(struct hf_connection *connection, uint8_t *out);

/* Lends what has been received, the lead in front, until settle. It is opened in place. */
void hf_connection_receive(struct hf_connection *connection, uint8_t *bytes, size_t size);

/* How many sealed frames that had: many small ones cost more than their bytes say. */
size_t hf_connection_frames(const struct hf_connection *connection);

/*
 * Goes on to the next event. Anything but HF_OK ends the connection, hf_connection_reason says why;
 * what is still to be flushed may say so to the peer. HF_CLOSED: the peer has gone away. Streams
 * are of no use then, and stay until their holders have been told and they are freed.
 */
HF_MUST_USE enum hf_status hf_connection_next(
    struct hf_connection *connection, uint64_t now_ns, struct hf_connection_event *event);

/* Keeps what is left of the received bytes, which may go away then. HF_NO_MEMORY. */
HF_MUST_USE enum hf_status hf_connection_settle(struct hf_connection *connection);

/*
 * Makes what is owed or written ready to be sent. What finds no room stays owed: then flush again
 * once some of it has been sent.
 */
HF_MUST_USE enum hf_status hf_connection_flush(struct hf_connection *connection, uint64_t now_ns);
bool hf_connection_owes(const struct hf_connection *connection);

size_t hf_connection_pieces(
    const struct hf_connection *connection, struct hf_bytes *pieces, size_t most);
void hf_connection_sent(struct hf_connection *connection, size_t size, uint64_t now_ns);

/*
 * The peer has taken some of what waited while the transport took no more: it is slow, and lives.
 * That the transport has taken something is no sign of that.
 */
void hf_connection_progressed(struct hf_connection *connection, uint64_t now_ns);

/* When hf_connection_next has to be called though nothing has come; UINT64_MAX: never. */
uint64_t hf_connection_deadline_ns(const struct hf_connection *connection);

/*
 * Opens a stream for a protocol, whose name is borrowed as long as the stream lives. HF_FULL: too
 * many; HF_CLOSED: not ready, or ended; HF_INVALID: no name; HF_NO_MEMORY.
 */
HF_MUST_USE enum hf_status hf_connection_open(struct hf_connection *connection,
    const char *protocol, uint64_t now_ns, struct hf_stream **stream);

/* Forgets a stream, after HF_CONNECTION_REFUSED or ..._ENDED at the latest. It is reset if it has
 * not ended. NULL: nothing. */
void hf_stream_free(struct hf_stream *stream);

/* From now on hf_stream_reset does nothing: the stream's holder is about to be told of its end. */
void hf_stream_part(struct hf_stream *stream);

/* Ends the connection in good order: the next flush tells the peer. Streams as above. */
void hf_connection_go_away(struct hf_connection *connection);

/* Who is at the other end; NULL before HF_CONNECTION_SECURED. */
const struct hf_peer_id *hf_connection_peer(const struct hf_connection *connection);

/* Why it has ended: "" if it has not. Borrowed. */
const char *hf_connection_reason(const struct hf_connection *connection);

/* Whether a stream waits to write, and could. */
bool hf_connection_waits(const struct hf_connection *connection);

/* Whether a stream is over of which hf_connection_next has not told yet. */
bool hf_connection_tells(const struct hf_connection *connection);

/* Whether streams may be opened. */
bool hf_connection_ready(const struct hf_connection *connection);

/* The first of the connection's streams, and the one after a stream. NULL: none. */
struct hf_stream *hf_connection_streams(const struct hf_connection *connection);
struct hf_stream *hf_stream_next(const struct hf_stream *stream);

/* Whether the other side opened it. */
bool hf_stream_inbound(const struct hf_stream *stream);

/* Whose a stream's connection is. */
void *hf_stream_owner(const struct hf_stream *stream);

/* Who handles the stream; NULL at first. Borrowed. */
void hf_stream_set_handler(struct hf_stream *stream, const void *handler);
const void *hf_stream_handler(const struct hf_stream *stream);

#endif
