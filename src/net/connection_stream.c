/* SPDX-License-Identifier: MIT */

#include "net/connection_state.h"

#include <string.h>

#include "base/minmax.h"

/* A connection's streams: how they begin, agree on their protocols and end. */

enum hf_status hf_connection_keep_lent(struct hf_connection *connection)
{
    struct hf_stream *stream = connection->lending;
    connection->lending = NULL;
    if (!stream || stream->lent.size == 0)
        return HF_OK;
    struct hf_bytes lent = stream->lent;
    stream->lent = hf_bytes(NULL, 0);
    enum hf_status status = hf_kept_add(&stream->kept, &connection->allocator, lent);
    if (status == HF_OK)
        return HF_OK;
    hf_stream_end(stream, status);
    return HF_OK;
}

/* Starts to agree on the stream's protocol. NULL: no memory. */
static struct hf_stream *new_stream(
    struct hf_connection *connection, struct hf_yamux_stream *mux, bool inbound)
{
    struct hf_stream *stream =
        hf_allocate(&connection->allocator, sizeof *stream, _Alignof(struct hf_stream));
    if (!stream)
        return NULL;
    *stream = (struct hf_stream){
        .connection = connection,
        .mux = mux,
        .next = connection->streams,
        .inbound = inbound,
    };
    if (connection->streams)
        connection->streams->previous = stream;
    connection->streams = stream;
    connection->negotiating += inbound;
    mux->holder = stream;
    hf_stream_set_deadline(stream, connection->now_ns + HF_CONNECTION_NEGOTIATE_NS);
    return stream;
}

/* At most as many steps as there are streams. */
static void leave_waiting(struct hf_stream *stream)
{
    struct hf_connection *connection = stream->connection;
    struct hf_stream *before = NULL;
    struct hf_stream *each = connection->waiting_first;
    for (; each && each != stream; each = each->next_waiting)
        before = each;
    if (!each)
        return;
    *(before ? &before->next_waiting : &connection->waiting_first) = stream->next_waiting;
    if (connection->waiting_last == stream)
        connection->waiting_last = before;
}

static void leave_ending(struct hf_stream *stream)
{
    struct hf_connection *connection = stream->connection;
    struct hf_stream *before = NULL;
    struct hf_stream *each = connection->ending_first;
    for (; each && each != stream; each = each->next_ending)
        before = each;
    if (!each)
        return;
    *(before ? &before->next_ending : &connection->ending_first) = stream->next_ending;
    if (connection->ending_last == stream)
        connection->ending_last = before;
}

void hf_stream_free(struct hf_stream *stream)
{
    if (!stream)
        return;
    struct hf_connection *connection = stream->connection;
    if (stream->waits)
        leave_waiting(stream);
    if (stream->ends)
        leave_ending(stream);
    if (connection->lending == stream)
        connection->lending = NULL;
    if (connection->fresh == stream)
        connection->fresh = NULL;
    connection->negotiating -= stream->inbound && !stream->agreed;
    *(stream->previous ? &stream->previous->next : &connection->streams) = stream->next;
    if (stream->next)
        stream->next->previous = stream->previous;
    hf_yamux_release(stream->mux);
    hf_kept_drop(&stream->kept, &connection->allocator, SIZE_MAX / 2);
    hf_release(&connection->allocator, stream, sizeof *stream, _Alignof(struct hf_stream));
}

/* Sends what agreeing on the protocol asks for. */
static void put_lines(struct hf_stream *stream)
{
    uint8_t lines[HF_MULTISTREAM_WRITE_BYTES_MAX];
    struct hf_bytes bytes =
        hf_bytes(lines, hf_multistream_write(&stream->select, lines, sizeof lines));
    hf_stream_put(stream, &bytes, true);
}

enum hf_status hf_connection_open(struct hf_connection *connection, const char *protocol,
    uint64_t now_ns, struct hf_stream **stream)
{
    struct hf_yamux_stream *mux;
    *stream = NULL;
    connection->now_ns = now_ns;
    if (connection->phase != HF_PHASE_STREAMS)
        return HF_CLOSED;
    enum hf_status status = hf_yamux_open(connection->mux, &mux);
    if (status != HF_OK)
        return status;
    struct hf_stream *made = new_stream(connection, mux, false);
    if (!made) {
        hf_yamux_release(mux);
        return HF_NO_MEMORY;
    }
    made->name = hf_bytes(protocol, strlen(protocol));
    status = hf_multistream_init(&made->select, true, &made->name, 1);
    if (status != HF_OK) {
        hf_stream_free(made);
        return status;
    }
    put_lines(made);
    *stream = made;
    return HF_OK;
}

/* A stream of the peer's. One too many, or without memory for it, is reset. */
static void accept(struct hf_connection *connection, struct hf_yamux_stream *mux)
{
    struct hf_stream *stream = NULL;
    if (connection->negotiating < HF_CONNECTION_NEGOTIATING_MAX)
        stream = new_stream(connection, mux, true);
    if (!stream) {
        hf_yamux_release(mux);
        return;
    }
    const struct hf_protocol_names *protocols = &connection->protocols;
    if (hf_multistream_init(&stream->select, false, protocols->names, protocols->count) != HF_OK)
        hf_stream_free(stream);
}

/* When a stream is over unless something happens on it before. */
static uint64_t due_ns(const struct hf_stream *stream)
{
    uint64_t idle_ns = stream->connection->idle_ns;
    if (!stream->agreed || idle_ns > UINT64_MAX - stream->active_ns)
        return stream->deadline_ns;
    return hf_min(stream->deadline_ns, stream->active_ns + idle_ns);
}

static void watch(struct hf_stream *stream)
{
    struct hf_connection *connection = stream->connection;
    connection->streams_deadline_ns = hf_min(connection->streams_deadline_ns, due_ns(stream));
}

static void agree(struct hf_stream *stream, struct hf_connection_event *event)
{
    struct hf_connection *connection = stream->connection;
    stream->agreed = true;
    connection->negotiating -= stream->inbound;
    stream->deadline_ns = UINT64_MAX;
    stream->active_ns = connection->now_ns;
    watch(stream);
    event->kind = stream->inbound ? HF_CONNECTION_OPENED : HF_CONNECTION_AGREED;
    event->stream = stream;
    event->protocol = stream->select.agreed;
    if (hf_kept_bytes(&stream->kept).size > 0)
        connection->fresh = stream;
    if (stream->inbound)
        stream->name = connection->protocols.names[stream->select.agreed];
}

/* What has been received before the protocol was agreed on. */
static enum hf_status negotiate(
    struct hf_stream *stream, struct hf_bytes data, struct hf_connection_event *event)
{
    struct hf_connection *connection = stream->connection;
    enum hf_status status = hf_kept_add(&stream->kept, &connection->allocator, data);
    if (status != HF_OK)
        return status;
    struct hf_bytes kept = hf_kept_bytes(&stream->kept);
    size_t taken;
    status = hf_multistream_receive(&stream->select, kept.data, kept.size, &taken);
    hf_kept_drop(&stream->kept, &connection->allocator, taken);
    hf_yamux_consumed(stream->mux, (uint32_t)taken, connection->now_ns);
    put_lines(stream);
    if (status == HF_OK) {
        agree(stream, event);
        return HF_OK;
    }
    if (status == HF_AGAIN)
        return HF_OK;
    event->stream = stream;
    event->status = status;
    bool refused = status == HF_NOT_FOUND && !stream->inbound;
    event->kind = refused ? HF_CONNECTION_REFUSED : HF_CONNECTION_NOTHING;
    if (!refused)
        hf_stream_end(stream, status);
    return HF_OK;
}

static enum hf_status receive(
    struct hf_stream *stream, struct hf_bytes data, struct hf_connection_event *event)
{
    struct hf_connection *connection = stream->connection;
    if (stream->ends)
        return HF_OK;
    if (!stream->agreed)
        return negotiate(stream, data, event);
    stream->active_ns = connection->now_ns;
    if (hf_kept_bytes(&stream->kept).size > 0) {
        enum hf_status status = hf_kept_add(&stream->kept, &connection->allocator, data);
        if (status != HF_OK)
            return status;
    } else {
        stream->lent = data;
        connection->lending = stream;
    }
    event->kind = HF_CONNECTION_READABLE;
    event->stream = stream;
    return HF_OK;
}

static void hear_out(struct hf_stream *stream, struct hf_connection_event *event)
{
    stream->heard_out = true;
    if (!stream->agreed) {
        hf_stream_end(stream, HF_CLOSED);
        return;
    }
    event->kind = HF_CONNECTION_FINISHED;
    event->stream = stream;
    hf_stream_end_if_over(stream);
}

enum hf_status hf_connection_take(struct hf_connection *connection,
    const struct hf_yamux_event *from, uint64_t now_ns, struct hf_connection_event *event)
{
    struct hf_stream *stream = from->stream ? from->stream->holder : NULL;
    connection->now_ns = now_ns;
    switch (from->kind) {
    case HF_YAMUX_OPENED:
        accept(connection, from->stream);
        return HF_OK;
    case HF_YAMUX_RECEIVED:
        return receive(stream, from->data, event);
    case HF_YAMUX_WRITABLE:
        if (stream->blocked)
            hf_stream_wait(stream);
        return HF_OK;
    case HF_YAMUX_FINISHED:
        hear_out(stream, event);
        return HF_OK;
    case HF_YAMUX_RESET:
        hf_stream_end(stream, HF_CLOSED);
        return HF_OK;
    case HF_YAMUX_PONG:
        event->kind = HF_CONNECTION_PONG;
        event->round_trip_ns = from->round_trip_ns;
        return HF_OK;
    case HF_YAMUX_GONE:
        return hf_error_add(&connection->error, HF_CLOSED, (int32_t)from->code,
            "the peer went away with code %u", (unsigned)from->code);
    case HF_YAMUX_NOTHING:
    default:
        return HF_OK;
    }
}

/* Streams whose time is over, and when the next one's will be. */
static void watch_streams(struct hf_connection *connection, uint64_t now_ns)
{
    if (now_ns < connection->streams_deadline_ns)
        return;
    connection->streams_deadline_ns = UINT64_MAX;
    for (struct hf_stream *each = connection->streams; each; each = each->next) {
        if (each->ends)
            continue;
        if (now_ns >= due_ns(each))
            hf_stream_end(each, HF_TIMEOUT);
        else
            watch(each);
    }
}

bool hf_connection_tell_streams(
    struct hf_connection *connection, uint64_t now_ns, struct hf_connection_event *event)
{
    connection->now_ns = now_ns;
    watch_streams(connection, now_ns);
    struct hf_stream *stream = connection->fresh;
    if (stream) {
        connection->fresh = NULL;
        event->kind = HF_CONNECTION_READABLE;
    } else if ((stream = connection->ending_first) != NULL) {
        connection->ending_first = stream->next_ending;
        if (!connection->ending_first)
            connection->ending_last = NULL;
        event->kind = HF_CONNECTION_ENDED;
        event->status = stream->ending;
    } else if (connection->waiting_first && !hf_outbox_full(&connection->outbox)) {
        stream = connection->waiting_first;
        connection->waiting_first = stream->next_waiting;
        if (!connection->waiting_first)
            connection->waiting_last = NULL;
        stream->waits = false;
        event->kind = HF_CONNECTION_WRITABLE;
    }
    event->stream = stream;
    return stream != NULL;
}
