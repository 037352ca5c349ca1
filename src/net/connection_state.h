/* SPDX-License-Identifier: MIT */
#ifndef HF_NET_CONNECTION_STATE_H
#define HF_NET_CONNECTION_STATE_H

#include "net/connection.h"
#include "net/kept.h"
#include "net/multistream.h"
#include "net/stash.h"
#include "net/yamux.h"
#include "net/yamux_frame.h"

/* What the files of the connection machine share. */

enum hf_connection_phase {
    HF_PHASE_SECURITY, /* Agreeing on Noise, in clear. */
    HF_PHASE_NOISE,
    HF_PHASE_MUXER, /* Agreeing on yamux, sealed. */
    HF_PHASE_STREAMS,
    HF_PHASE_OVER,
};

struct hf_stream {
    struct hf_connection *connection;
    struct hf_yamux_stream *mux;
    struct hf_stream *next; /* Of all streams. */
    struct hf_stream *previous;
    struct hf_stream *next_waiting; /* Of those that wait to write. */
    struct hf_stream *next_ending;  /* Of those whose end is still to be told. */
    struct hf_multistream select;
    struct hf_bytes name;
    struct hf_kept kept;  /* Received and not consumed, before what is lent. */
    struct hf_bytes lent; /* Of what is being handled. */
    void *context;
    const void *handler;
    uint64_t deadline_ns;
    uint64_t active_ns; /* When something came or went last. */
    enum hf_status ending; /* How it ended. */
    bool inbound;
    bool agreed;
    bool heard_out;
    bool finished;
    bool blocked; /* The peer's window stopped a write. */
    bool waits;
    bool ends;
    bool parts; /* Its holder is being told that it has ended. */
};

struct hf_connection {
    enum hf_connection_phase phase;
    struct hf_allocator allocator;
    struct hf_protocol_names protocols;
    void *owner;
    uint64_t (*used)(void *owner);
    bool dialer;
    struct hf_multistream select;
    struct hf_noise noise;
    struct hf_yamux *mux;
    struct hf_outbox outbox;
    struct hf_noise_peer peer;
    bool secured;
    enum hf_status failure; /* Of something that could not be told at once. */
    struct hf_error error;
    uint8_t *in; /* What was received and not yet opened. */
    size_t in_size;
    size_t frames;          /* Opened since hf_connection_receive, */
    size_t empty;           /* and those of no bytes, ever. */
    struct hf_bytes plain;  /* What was opened and not yet taken. */
    struct hf_stash stash;  /* The beginning of a frame. */
    struct hf_kept opening; /* Lines about the multiplexer, and what came behind them. */
    struct hf_stream *streams;
    struct hf_stream *fresh;   /* Just agreed on, with data behind the agreement. */
    struct hf_stream *lending; /* Whose data is lent at present. */
    struct hf_stream *waiting_first;
    struct hf_stream *waiting_last;
    struct hf_stream *ending_first;
    struct hf_stream *ending_last;
    size_t negotiating; /* Streams of the peer's that have no protocol yet. */
    uint64_t now_ns;    /* Of the last call that told the time. */
    uint64_t idle_ns;   /* For a stream. */
    uint64_t setup_deadline_ns;
    uint64_t stall_deadline_ns;
    uint64_t streams_deadline_ns; /* No stream's is earlier. */
};

/* Takes an event of the multiplexer's. HF_OK: *event may tell of it. */
HF_MUST_USE enum hf_status hf_connection_take(struct hf_connection *connection,
    const struct hf_yamux_event *from, uint64_t now_ns, struct hf_connection_event *event);

/* Remembers to tell that a stream is over; the second one, if both sides have finished. */
void hf_stream_end(struct hf_stream *stream, enum hf_status status);
void hf_stream_end_if_over(struct hf_stream *stream);

/* Remembers to tell, once there is room, that a stream may be written to. */
void hf_stream_wait(struct hf_stream *stream);

/*
 * Writes of *bytes what the stream's window lets through, and moves it on. Past the outbox's limit
 * only if it must be.
 */
void hf_stream_put(struct hf_stream *stream, struct hf_bytes *bytes, bool must);

/* Keeps what has been lent to a handler that did not consume it. */
HF_MUST_USE enum hf_status hf_connection_keep_lent(struct hf_connection *connection);

/* What streams have to tell without anything having come. False: nothing. */
bool hf_connection_tell_streams(
    struct hf_connection *connection, uint64_t now_ns, struct hf_connection_event *event);

#endif
