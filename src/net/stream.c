/* SPDX-License-Identifier: MIT */

#include "net/connection_state.h"

#include "base/minmax.h"

/* What applications do with streams. */

/* Where less than this is left, what is written begins a new block. */
#define WRITE_ROOM_MIN 1024

/* From here on copying what is written costs more than a frame of its own does. */
#define SEALED_IN_PLACE_MIN 16384

static void note_use(const struct hf_stream *stream)
{
    struct hf_connection *connection = stream->connection;
    if (connection->used)
        connection->now_ns = connection->used(connection->owner);
}

static bool is_usable(const struct hf_stream *stream)
{
    return stream->connection->phase == HF_PHASE_STREAMS && !hf_yamux_ended(stream->mux);
}

void hf_stream_end(struct hf_stream *stream, enum hf_status status)
{
    struct hf_connection *connection = stream->connection;
    if (stream->ends)
        return;
    stream->ends = true;
    stream->ending = status;
    *(connection->ending_last ? &connection->ending_last->next_ending : &connection->ending_first) =
        stream;
    connection->ending_last = stream;
}

struct hf_bytes hf_stream_peek(const struct hf_stream *stream)
{
    struct hf_bytes kept = hf_kept_bytes(&stream->kept);
    return kept.size > 0 ? kept : stream->lent;
}

bool hf_stream_at_end(const struct hf_stream *stream)
{
    return stream->heard_out && hf_stream_peek(stream).size == 0;
}

void hf_stream_end_if_over(struct hf_stream *stream)
{
    if (stream->agreed && stream->finished && hf_stream_at_end(stream))
        hf_stream_end(stream, HF_OK);
}

void hf_stream_consume(struct hf_stream *stream, size_t size)
{
    struct hf_connection *connection = stream->connection;
    struct hf_bytes front = hf_stream_peek(stream);
    note_use(stream);
    size = hf_min(size, front.size);
    if (hf_kept_bytes(&stream->kept).size > 0)
        hf_kept_drop(&stream->kept, &connection->allocator, size);
    else if (size > 0)
        stream->lent = hf_bytes((const uint8_t *)front.data + size, front.size - size);
    if (size > 0)
        stream->active_ns = connection->now_ns;
    hf_yamux_consumed(stream->mux, (uint32_t)size, connection->now_ns);
    hf_stream_end_if_over(stream);
}

void hf_stream_wait(struct hf_stream *stream)
{
    struct hf_connection *connection = stream->connection;
    if (stream->waits)
        return;
    stream->waits = true;
    stream->next_waiting = NULL;
    *(connection->waiting_last ? &connection->waiting_last->next_waiting
                               : &connection->waiting_first) = stream;
    connection->waiting_last = stream;
}

/* One data frame: a large one is sealed from where its payload lies. False: it cannot be. */
static bool put_frame(struct hf_stream *stream, struct hf_bytes *bytes, uint8_t *out, size_t room)
{
    struct hf_connection *connection = stream->connection;
    struct hf_outbox *outbox = &connection->outbox;
    if (hf_min(hf_min(bytes->size, room), hf_yamux_writable(stream->mux)) < SEALED_IN_PLACE_MIN) {
        hf_outbox_wrote(outbox, hf_yamux_write(stream->mux, bytes, out, room));
        return true;
    }
    struct hf_bytes payload;
    hf_outbox_wrote(outbox, hf_yamux_begin(stream->mux, bytes, out, room, &payload));
    enum hf_status status = hf_outbox_seal_with(outbox, &connection->noise, payload);
    if (status != HF_OK)
        connection->failure = status;
    return status == HF_OK;
}

void hf_stream_put(struct hf_stream *stream, struct hf_bytes *bytes, bool must)
{
    struct hf_connection *connection = stream->connection;
    struct hf_outbox *outbox = &connection->outbox;
    while (bytes->size > 0 && hf_yamux_writable(stream->mux) > 0) {
        if (hf_outbox_full(outbox) && !must) {
            hf_stream_wait(stream);
            return;
        }
        size_t room;
        uint8_t *out = hf_outbox_space(outbox, &connection->noise,
            hf_min(WRITE_ROOM_MIN, bytes->size + 2 * HF_YAMUX_HEADER_BYTES), &room);
        if (!out) {
            connection->failure = HF_NO_MEMORY;
            return;
        }
        if (!put_frame(stream, bytes, out, room))
            return;
    }
}

size_t hf_stream_write(struct hf_stream *stream, struct hf_bytes bytes)
{
    struct hf_bytes rest = bytes;
    note_use(stream);
    if (is_usable(stream) && stream->agreed)
        hf_stream_put(stream, &rest, false);
    stream->blocked = rest.size > 0 && !stream->waits;
    if (rest.size < bytes.size)
        stream->active_ns = stream->connection->now_ns;
    return bytes.size - rest.size;
}

void hf_stream_finish(struct hf_stream *stream)
{
    if (!is_usable(stream) || !stream->agreed || stream->finished)
        return;
    note_use(stream);
    stream->finished = true;
    hf_yamux_finish(stream->mux);
    hf_stream_end_if_over(stream);
}

void hf_stream_reset(struct hf_stream *stream)
{
    if (stream->parts)
        return;
    note_use(stream);
    hf_stream_free(stream);
}

void hf_stream_part(struct hf_stream *stream)
{
    stream->parts = true;
}

void hf_stream_set_deadline(struct hf_stream *stream, uint64_t deadline_ns)
{
    struct hf_connection *connection = stream->connection;
    note_use(stream);
    stream->deadline_ns = deadline_ns;
    connection->streams_deadline_ns = hf_min(connection->streams_deadline_ns, deadline_ns);
}

void hf_stream_set_context(struct hf_stream *stream, void *context)
{
    stream->context = context;
}

void *hf_stream_context(const struct hf_stream *stream)
{
    return stream->context;
}

const char *hf_stream_protocol(const struct hf_stream *stream)
{
    return stream->agreed ? stream->name.data : "";
}

const struct hf_peer_id *hf_stream_peer(const struct hf_stream *stream)
{
    return &stream->connection->peer.id;
}

void *hf_stream_owner(const struct hf_stream *stream)
{
    return stream->connection->owner;
}

void hf_stream_set_handler(struct hf_stream *stream, const void *handler)
{
    stream->handler = handler;
}

const void *hf_stream_handler(const struct hf_stream *stream)
{
    return stream->handler;
}

bool hf_stream_inbound(const struct hf_stream *stream)
{
    return stream->inbound;
}

struct hf_stream *hf_stream_next(const struct hf_stream *stream)
{
    return stream->next;
}
