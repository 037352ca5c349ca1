/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_STREAM_H
#define HOLDFAST_STREAM_H

#include <stdbool.h>

#include <holdfast/peer_id.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A stream to a peer: bytes in both directions, in order, one of many on a connection. A network
 * hands streams to the handlers of a protocol; all calls belong to the thread that runs it. A
 * handler may use streams of other connections, too: a relay writes to one what it reads from
 * another.
 *
 * Reading lends what has come, so that no byte is copied on its way to the application:
 *
 *     struct hf_bytes data = hf_stream_peek(stream);
 *     hf_stream_consume(stream, use(data));
 *
 * What is not consumed is kept, up to the stream's window; the peer is then slowed down, not us.
 * Writing seals large pieces where they lie, and copies small ones once, to seal them together.
 */
struct hf_stream;

/* What can be read now: the front of what has come, no bytes if there is none. Borrowed until the
 * next call for this stream, or until the handler returns. */
HF_API struct hf_bytes hf_stream_peek(const struct hf_stream *stream);

/* Takes size bytes off the front, at most what hf_stream_peek gave. */
HF_API void hf_stream_consume(struct hf_stream *stream, size_t size);

/* Whether the peer has finished and all of what it sent has been consumed. */
HF_API bool hf_stream_at_end(const struct hf_stream *stream);

/*
 * Sends as much of bytes, from the front, as may go now, and returns how much that was. If it was
 * not all, the protocol's `writable` is called when more may go. 0 too once the stream has been
 * finished, reset or closed.
 */
HF_MUST_USE HF_API size_t hf_stream_write(struct hf_stream *stream, struct hf_bytes bytes);

/* Says that nothing more will be written; reading goes on. */
HF_API void hf_stream_finish(struct hf_stream *stream);

/*
 * Gives the stream up: both directions end at once, the peer is told, and the stream is gone when
 * the call returns. No handler is called for it any more.
 */
HF_API void hf_stream_reset(struct hf_stream *stream);

/*
 * The stream is closed with HF_TIMEOUT at that time unless it has ended; UINT64_MAX: never for that
 * reason. It is closed in the same way when nothing has moved on it for the network's
 * stream_idle_ns.
 */
HF_API void hf_stream_set_deadline(struct hf_stream *stream, uint64_t deadline_ns);

/* Something of the application's, NULL at first. */
HF_API void hf_stream_set_context(struct hf_stream *stream, void *context);
HF_API void *hf_stream_context(const struct hf_stream *stream);

/* The protocol's name, "" as long as it is not agreed. Borrowed. */
HF_API const char *hf_stream_protocol(const struct hf_stream *stream);

/* Who is at the other end. Borrowed while the stream lives. */
HF_API const struct hf_peer_id *hf_stream_peer(const struct hf_stream *stream);

#ifdef __cplusplus
}
#endif

#endif
