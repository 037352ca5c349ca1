/* SPDX-License-Identifier: MIT */
#ifndef HF_NET_YAMUX_SESSION_H
#define HF_NET_YAMUX_SESSION_H

#include <holdfast/gate.h>

#include "net/yamux.h"
#include "net/yamux_frame.h"

/* What the files of the yamux machine share: the session, and steps that more than one takes. */

/* Bits of a stream's state. */
#define HF_STREAM_INBOUND 1U  /* The peer opened it. */
#define HF_STREAM_OWES_SYN 2U /* Ours, and the peer has not been told yet. */
#define HF_STREAM_OWES_ACK 4U /* The peer's, and it has not been told that we took it. */
#define HF_STREAM_OWES_FIN 8U /* Finished, and the peer has not been told. */
#define HF_STREAM_OWES_CREDIT 16U
#define HF_STREAM_OWES_RST 2048U /* Given up, and the peer has not been told. */
#define HF_STREAM_OWES (2U | 4U | 8U | 16U | 2048U)
#define HF_STREAM_UNANSWERED 32U /* Ours, and no frame with ACK has come. */
#define HF_STREAM_FINISHED 64U   /* We write nothing more. */
#define HF_STREAM_HEARD_OUT 128U /* The peer writes nothing more. */
#define HF_STREAM_RESET 256U     /* Either side has given it up. */
#define HF_STREAM_QUEUED 512U    /* In the list of those that owe. */
#define HF_STREAM_RELEASED 1024U /* Its holder is gone; it goes once its FIN or RST is out. */

#define HF_YAMUX_BUCKETS 64 /* Ids go up by two, so that they fill them evenly. */

struct hf_yamux {
    struct hf_yamux_options options;
    struct hf_allocator allocator;
    struct hf_gate churn;
    uint64_t windows_grown; /* Bytes by which windows exceed the initial ones, all together. */
    uint64_t round_trip_ns; /* 0: not measured yet. */
    uint64_t ping_due_ns;
    uint64_t ping_sent_ns;
    uint64_t alive_ns; /* When the peer was last seen to read or write. */
    uint32_t ping_value;
    bool ping_owed;
    bool ping_out; /* Sent and not answered. */
    bool goodbye_owed;
    bool closed; /* Takes nothing more: gone away, failed, or the peer has gone. */
    uint32_t goodbye;
    uint32_t next_id;
    uint32_t inbound; /* Streams not released, by who opened them. */
    uint32_t outbound;
    uint32_t unanswered;
    uint32_t pongs_count;
    uint32_t refusals_count;
    uint32_t pongs[HF_YAMUX_PONGS_MAX];
    uint32_t refusals[HF_YAMUX_REFUSALS_MAX];
    struct hf_yamux_stream *owed_first;
    struct hf_yamux_stream *owed_last;
    struct hf_yamux_stream *buckets[HF_YAMUX_BUCKETS];
    /* The frame that is being taken. */
    uint8_t header[HF_YAMUX_HEADER_BYTES];
    uint32_t header_size;
    uint32_t payload_left;
    struct hf_yamux_stream *current; /* Whose it is; NULL: nobody's, its payload is dropped. */
    bool says_writable;              /* Events that are still to be told of. */
    bool says_finished;
};

static inline bool hf_yamux_stream_lives(const struct hf_yamux_stream *stream)
{
    uint32_t over = HF_STREAM_FINISHED | HF_STREAM_HEARD_OUT;
    return !stream->session->closed && !(stream->state & HF_STREAM_RESET) &&
           ((stream->state & over) != over || (stream->state & HF_STREAM_OWES_FIN));
}

/* The stream of that id that frames still concern. NULL: there is none. */
struct hf_yamux_stream *hf_yamux_find(const struct hf_yamux *session, uint32_t id);

/* Makes a stream and counts it. NULL: no memory. */
struct hf_yamux_stream *hf_yamux_stream_new(struct hf_yamux *session, uint32_t id, uint32_t state);

/* Takes a stream out of the session and frees it. */
void hf_yamux_stream_free(struct hf_yamux_stream *stream);

/* Remembers that a stream owes what the bits say. */
void hf_yamux_owe(struct hf_yamux_stream *stream, uint32_t bits);

/* Takes the first of those that owe from the list. NULL: none. */
struct hf_yamux_stream *hf_yamux_owing(struct hf_yamux *session);

/* The peer has answered a stream of ours, or it has ended unanswered. */
void hf_yamux_answered(struct hf_yamux_stream *stream);

#endif
