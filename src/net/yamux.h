/* SPDX-License-Identifier: MIT */
#ifndef HF_NET_YAMUX_H
#define HF_NET_YAMUX_H

#include <stdbool.h>

#include <holdfast/allocator.h>
#include <holdfast/error.h>

/*
 * yamux, many streams over one ordered connection (libp2p/specs, yamux/README.md, "Framing",
 * "Message Flow" and "ACK backlog"), as a machine: bytes and the time go in, bytes and events come
 * out, and nothing is ever called back.
 *
 *     while (hf_yamux_feed(session, &bytes, now_ns, &event, &error) == HF_OK) {
 *         if (event.kind == HF_YAMUX_NOTHING)
 *             break;                               // all bytes are taken
 *         handle(&event);                          // event.data lies within bytes
 *     }
 *     size += hf_yamux_write(stream, &data, out + size, room - size);
 *     size += hf_yamux_drain(session, out + size, room - size);
 *
 * What is written into `out` must reach the peer in the order of the calls.
 *
 * PAYLOAD is never held here: what is received is lent to the caller within the bytes just fed, and
 * what is sent is copied once at most, behind its header, into the caller's buffer. A session
 * therefore takes the same memory whatever its peer does: itself, and one small struct a stream.
 *
 * CREDIT. A peer may send as much on a stream as it was granted. hf_yamux_consumed gives back what
 * the application has read, once half the window is due. If that half was used up within
 * HF_YAMUX_BUSY_ROUND_TRIPS round trips, the window doubles, up to window_max and as long as the
 * windows of the session's streams are within windows_total_max together.
 *
 * WHAT A PEER CAN MAKE US OWE is bounded: streams by inbound_max (more are answered with RST, of
 * which at most HF_YAMUX_REFUSALS_MAX wait), pongs by HF_YAMUX_PONGS_MAX (more pings are dropped),
 * and opening, resetting, pinging and empty frames together by HF_YAMUX_CHURN_PER_SECOND. A peer
 * that goes beyond, or breaks the protocol, fails the session: it then owes one go-away and takes
 * nothing more.
 *
 * One thread at a time for a session and its streams.
 */

#define HF_YAMUX_WINDOW_INITIAL UINT32_C(262144) /* Fixed by the specification. */
#define HF_YAMUX_WINDOW_MAX UINT32_C(16777216)
#define HF_YAMUX_WINDOWS_TOTAL_MAX UINT64_C(67108864)
#define HF_YAMUX_STREAMS_MAX 256
/* A frame with its header then fits one Noise message (65,535 bytes with its tag). */
#define HF_YAMUX_PAYLOAD_MAX (65535 - 16 - 12)
#define HF_YAMUX_PONGS_MAX 32
#define HF_YAMUX_REFUSALS_MAX 64
#define HF_YAMUX_CHURN_PER_SECOND 1000
#define HF_YAMUX_BUSY_ROUND_TRIPS 4
#define HF_YAMUX_PING_INTERVAL_NS HF_SECONDS(30)
#define HF_YAMUX_PONG_WITHIN_NS HF_SECONDS(10) /* Of the ping, or the peer's last sign of life. */

struct hf_yamux;

/* Codes of a go-away. */
enum hf_yamux_goodbye {
    HF_YAMUX_NORMAL = 0,
    HF_YAMUX_PROTOCOL_ERROR = 1,
    HF_YAMUX_INTERNAL_ERROR = 2,
};

struct hf_yamux_options {
    bool dialer;                /* Whether we dialled the connection: its streams have odd ids. */
    uint32_t inbound_max;       /* Streams of the peer's at once. 0: HF_YAMUX_STREAMS_MAX. */
    uint32_t outbound_max;      /* Ours at once, and ours not yet acknowledged. 0: the same. */
    uint32_t window_max;        /* Bytes. 0: HF_YAMUX_WINDOW_MAX. At least WINDOW_INITIAL. */
    uint64_t windows_total_max; /* Bytes of all windows together, beyond which none grows; every
                                   stream has its initial one. 0: HF_YAMUX_WINDOWS_TOTAL_MAX. */
    uint64_t ping_interval_ns;  /* 0: HF_YAMUX_PING_INTERVAL_NS. */
    const struct hf_allocator *allocator; /* NULL: libc's. */
};

/*
 * A stream of either side's. The session gives it out by hf_yamux_open or HF_YAMUX_OPENED; whoever
 * holds it gives it back by hf_yamux_release, also after it has ended. `holder` is the holder's to
 * use; the other fields are private.
 */
struct hf_yamux_stream {
    void *holder;
    struct hf_yamux *session;
    struct hf_yamux_stream *next;      /* Of those whose ids share a bucket. */
    struct hf_yamux_stream *next_owed; /* Of those that owe a control frame. */
    uint64_t returned_at_ns;           /* When credit was last given back. */
    uint32_t id;
    uint32_t send_window;    /* What the peer still lets us send. */
    uint32_t receive_window; /* What we still let the peer send. */
    uint32_t window;         /* What receive_window and unread come to after a return. */
    uint32_t unread;         /* Received, and not yet consumed. */
    uint32_t state;          /* Bits, yamux_session.h. */
};

enum hf_yamux_event_kind {
    HF_YAMUX_NOTHING = 0, /* Everything fed has been taken. */
    HF_YAMUX_OPENED,      /* The peer has opened `stream`, which is the caller's from now on. */
    HF_YAMUX_RECEIVED,    /* `data` on `stream`; lent until the fed bytes go. */
    HF_YAMUX_WRITABLE,    /* `stream` may send again. */
    HF_YAMUX_FINISHED,    /* The peer sends nothing more on `stream`. */
    HF_YAMUX_RESET,       /* The peer has given `stream` up: it has ended. */
    HF_YAMUX_PONG,        /* A ping came back; `round_trip_ns`. */
    HF_YAMUX_GONE,        /* The peer goes away with `code`: all streams have ended. */
};

struct hf_yamux_event {
    enum hf_yamux_event_kind kind;
    struct hf_yamux_stream *stream;
    struct hf_bytes data;
    uint64_t round_trip_ns;
    uint32_t code;
};

/*
 * Makes a session at now_ns; it owes a ping at once, to measure the round trip. HF_INVALID,
 * HF_NO_MEMORY: *session is NULL, error names the option.
 */
HF_MUST_USE enum hf_status hf_yamux_new(struct hf_yamux **session,
    const struct hf_yamux_options *options, uint64_t now_ns, struct hf_error *error);

/* Frees the session and every stream that has not been released. NULL: nothing. */
void hf_yamux_free(struct hf_yamux *session);

/*
 * Takes bytes from the front of *bytes up to the next event, which is written to *event; call again
 * until that is HF_YAMUX_NOTHING, also when no bytes are left. HF_MALFORMED: the peer has broken
 * the protocol or a limit; error says how. HF_CLOSED: it had before, or has gone away.
 */
HF_MUST_USE enum hf_status hf_yamux_feed(struct hf_yamux *session, struct hf_bytes *bytes,
    uint64_t now_ns, struct hf_yamux_event *event, struct hf_error *error);

/* Opens a stream. HF_FULL: outbound_max are open or unacknowledged; HF_CLOSED; HF_NO_MEMORY. */
HF_MUST_USE enum hf_status hf_yamux_open(struct hf_yamux *session, struct hf_yamux_stream **stream);

/*
 * Puts one data frame into out: as much of *data, from its front, as the stream's window, room and
 * HF_YAMUX_PAYLOAD_MAX allow, and moves *data on. Returns the bytes written, 0 if the stream must
 * wait (for room, or for HF_YAMUX_WRITABLE) or has ended or been finished.
 */
size_t hf_yamux_write(
    struct hf_yamux_stream *stream, struct hf_bytes *data, uint8_t *out, size_t room);

/*
 * The same, but puts no more than the frame's header into out, whose bytes are returned. The
 * payload, a part of what data was, has to follow at once; there is room for it.
 */
size_t hf_yamux_begin(struct hf_yamux_stream *stream, struct hf_bytes *data, uint8_t *out,
    size_t room, struct hf_bytes *payload);

/* How much may be written on the stream now, whatever the room. 0: wait, finished or ended. */
size_t hf_yamux_writable(const struct hf_yamux_stream *stream);

/* Says that `size` received bytes have been read, so that the peer may send more. Counts beyond
 * what is unread are ignored. */
void hf_yamux_consumed(struct hf_yamux_stream *stream, uint32_t size, uint64_t now_ns);

/* Nothing more will be written on the stream; the peer may go on. Again: nothing. */
void hf_yamux_finish(struct hf_yamux_stream *stream);

/* Whether nothing more can come or go on the stream. */
bool hf_yamux_ended(const struct hf_yamux_stream *stream);

/* Gives a stream back, which resets it if it has not ended. NULL: nothing. */
void hf_yamux_release(struct hf_yamux_stream *stream);

/* Owes the peer a go-away, after which feed answers HF_CLOSED. Streams end. */
void hf_yamux_go_away(struct hf_yamux *session, enum hf_yamux_goodbye code);

/*
 * Puts what is owed besides data into out, whole frames, as far as there is room: pongs first. Call
 * it until it returns 0. Bytes written.
 */
size_t hf_yamux_drain(struct hf_yamux *session, uint64_t now_ns, uint8_t *out, size_t room);

/* Whether hf_yamux_drain has something to put out. */
bool hf_yamux_owes(const struct hf_yamux *session);

/*
 * The peer has read some of what was sent, or sent something itself: a ping may lie behind much
 * else, and is given its time anew.
 */
void hf_yamux_alive(struct hf_yamux *session, uint64_t now_ns);

/* When hf_yamux_tick is due; UINT64_MAX: never. */
uint64_t hf_yamux_deadline_ns(const struct hf_yamux *session);

/* Lets time pass: pings when that is due. HF_TIMEOUT: the peer has not answered one in time. */
HF_MUST_USE enum hf_status hf_yamux_tick(struct hf_yamux *session, uint64_t now_ns);

#endif
