/* SPDX-License-Identifier: MIT */

#include "net/yamux_session.h"

#include <string.h>

#include "base/minmax.h"
#include "net/take.h"

/* What comes in. */

/* Each frame that costs a peer nothing and us something. */
static enum hf_status charge_churn(
    struct hf_yamux *session, uint64_t now_ns, struct hf_error *error)
{
    if (hf_gate_check(&session->churn, 1, now_ns, NULL) == HF_OK)
        return HF_OK;
    return hf_error_add(error, HF_MALFORMED, 0,
        "more than %u streams opened, streams reset, pings and empty frames a second",
        HF_YAMUX_CHURN_PER_SECOND);
}

static bool is_churn(const struct hf_yamux_frame *frame)
{
    return frame->type == HF_YAMUX_PING || (frame->flags & (HF_YAMUX_SYN | HF_YAMUX_RST)) ||
           (frame->length == 0 && frame->flags == 0);
}

static enum hf_status take_ping(struct hf_yamux *session, const struct hf_yamux_frame *frame,
    uint64_t now_ns, struct hf_yamux_event *event, struct hf_error *error)
{
    if (frame->stream != 0 || (frame->flags != HF_YAMUX_SYN && frame->flags != HF_YAMUX_ACK))
        return hf_error_add(error, HF_MALFORMED, 0, "a ping with flags %u on stream %u",
            (unsigned)frame->flags, (unsigned)frame->stream);
    if (frame->flags == HF_YAMUX_SYN) {
        if (session->pongs_count < HF_YAMUX_PONGS_MAX)
            session->pongs[session->pongs_count++] = frame->length;
        return HF_OK;
    }
    if (!session->ping_out || frame->length != session->ping_value)
        return hf_error_add(error, HF_MALFORMED, 0, "a pong that no ping asked for");
    session->ping_out = false;
    session->round_trip_ns = hf_max(now_ns - session->ping_sent_ns, 1);
    session->ping_due_ns = now_ns + session->options.ping_interval_ns;
    event->kind = HF_YAMUX_PONG;
    event->round_trip_ns = session->round_trip_ns;
    return HF_OK;
}

static enum hf_status take_go_away(struct hf_yamux *session, const struct hf_yamux_frame *frame,
    struct hf_yamux_event *event, struct hf_error *error)
{
    if (frame->stream != 0)
        return hf_error_add(
            error, HF_MALFORMED, 0, "a go-away on stream %u", (unsigned)frame->stream);
    session->closed = true;
    event->kind = HF_YAMUX_GONE;
    event->code = frame->length;
    return HF_OK;
}

/*
 * A stream opened by the peer. *stream stays NULL if it is refused, which the peer is told by RST;
 * data that may be under way already is then that of a stream that is not there.
 */
static enum hf_status take_syn(struct hf_yamux *session, const struct hf_yamux_frame *frame,
    struct hf_yamux_stream **stream, struct hf_error *error)
{
    bool odd = frame->stream & 1;
    if (odd == session->options.dialer || frame->stream == 0)
        return hf_error_add(error, HF_MALFORMED, 0,
            "the peer opened stream %u, which is not its to open", (unsigned)frame->stream);
    if (*stream)
        return hf_error_add(
            error, HF_MALFORMED, 0, "stream %u opened twice", (unsigned)frame->stream);
    if (session->inbound < session->options.inbound_max)
        *stream = hf_yamux_stream_new(session, frame->stream, HF_STREAM_INBOUND);
    if (*stream) {
        hf_yamux_owe(*stream, HF_STREAM_OWES_ACK);
        return HF_OK;
    }
    if (session->refusals_count == HF_YAMUX_REFUSALS_MAX)
        return hf_error_add(error, HF_MALFORMED, 0,
            "more than %u streams refused while the peer reads nothing", HF_YAMUX_REFUSALS_MAX);
    session->refusals[session->refusals_count++] = frame->stream;
    return HF_OK;
}

/* The peer gives a stream up. Its length may hold a code, which is no credit. */
static void take_reset(struct hf_yamux_stream *stream, struct hf_yamux_event *event)
{
    if (!stream)
        return;
    stream->state |= HF_STREAM_RESET;
    hf_yamux_answered(stream);
    if (stream->state & HF_STREAM_RELEASED)
        return;
    event->kind = HF_YAMUX_RESET;
    event->stream = stream;
}

static enum hf_status take_credit(
    struct hf_yamux_stream *stream, uint32_t credit, struct hf_error *error)
{
    if (credit > UINT32_MAX - stream->send_window)
        return hf_error_add(error, HF_MALFORMED, 0, "stream %u: credit of %u on top of %u",
            (unsigned)stream->id, (unsigned)credit, (unsigned)stream->send_window);
    stream->session->says_writable = stream->send_window == 0 && credit > 0;
    stream->send_window += credit;
    return HF_OK;
}

static enum hf_status take_payload(
    struct hf_yamux_stream *stream, uint32_t size, struct hf_error *error)
{
    if (size > stream->receive_window)
        return hf_error_add(error, HF_MALFORMED, 0, "stream %u: %u bytes where %u were granted",
            (unsigned)stream->id, (unsigned)size, (unsigned)stream->receive_window);
    if (size > 0 && (stream->state & HF_STREAM_HEARD_OUT))
        return hf_error_add(
            error, HF_MALFORMED, 0, "stream %u: data after its end", (unsigned)stream->id);
    stream->receive_window -= size;
    stream->unread += size;
    return HF_OK;
}

/* Of data or credit. Frames for streams that are no more are normal: the peer did not know yet. */
static enum hf_status take_stream_frame(struct hf_yamux *session,
    const struct hf_yamux_frame *frame, struct hf_yamux_event *event, struct hf_error *error)
{
    struct hf_yamux_stream *stream = hf_yamux_find(session, frame->stream);
    bool data = frame->type == HF_YAMUX_DATA;
    enum hf_status status = HF_OK;
    session->payload_left = data ? frame->length : 0;
    session->current = NULL;
    if ((frame->flags & HF_YAMUX_SYN) && !(frame->flags & HF_YAMUX_RST)) {
        status = take_syn(session, frame, &stream, error);
        if (status == HF_OK && stream) {
            event->kind = HF_YAMUX_OPENED;
            event->stream = stream;
        }
    } else if (frame->stream == 0) {
        return hf_error_add(error, HF_MALFORMED, 0, "a frame of type %u on stream 0", frame->type);
    }
    if (status != HF_OK || !stream)
        return status;
    if (frame->flags & HF_YAMUX_RST) {
        take_reset(stream, event);
        return HF_OK;
    }
    if (frame->flags & HF_YAMUX_ACK)
        hf_yamux_answered(stream);
    status = data ? take_payload(stream, frame->length, error)
                  : take_credit(stream, frame->length, error);
    session->current = stream;
    session->says_finished =
        (frame->flags & HF_YAMUX_FIN) && !(stream->state & HF_STREAM_HEARD_OUT);
    return status;
}

static enum hf_status take_frame(
    struct hf_yamux *session, uint64_t now_ns, struct hf_yamux_event *event, struct hf_error *error)
{
    struct hf_yamux_frame frame = hf_yamux_frame_parse(session->header);
    if (frame.version != HF_YAMUX_VERSION)
        return hf_error_add(error, HF_MALFORMED, 0, "yamux version %u", frame.version);
    if (frame.flags & ~HF_YAMUX_FLAGS_ALL)
        return hf_error_add(error, HF_MALFORMED, 0, "yamux flags %u", (unsigned)frame.flags);
    enum hf_status status = is_churn(&frame) ? charge_churn(session, now_ns, error) : HF_OK;
    if (status != HF_OK)
        return status;
    switch (frame.type) {
    case HF_YAMUX_DATA:
    case HF_YAMUX_WINDOW_UPDATE:
        return take_stream_frame(session, &frame, event, error);
    case HF_YAMUX_PING:
        return take_ping(session, &frame, now_ns, event, error);
    case HF_YAMUX_GO_AWAY:
        return take_go_away(session, &frame, event, error);
    default:
        return hf_error_add(error, HF_MALFORMED, 0, "yamux frame of type %u", frame.type);
    }
}

/* False: the header is not complete yet. */
static bool take_header(struct hf_yamux *session, struct hf_bytes *bytes)
{
    size_t size = hf_min(HF_YAMUX_HEADER_BYTES - session->header_size, bytes->size);
    if (size == 0)
        return false;
    struct hf_bytes part;
    (void)hf_take(bytes, size, &part);
    memcpy(session->header + session->header_size, part.data, size);
    session->header_size += (uint32_t)size;
    if (session->header_size < HF_YAMUX_HEADER_BYTES)
        return false;
    session->header_size = 0;
    return true;
}

/* Lends what has come of a payload, if it is anybody's. */
static void take_data(
    struct hf_yamux *session, struct hf_bytes *bytes, struct hf_yamux_event *event)
{
    struct hf_bytes data;
    (void)hf_take(bytes, hf_min(session->payload_left, bytes->size), &data);
    session->payload_left -= (uint32_t)data.size;
    struct hf_yamux_stream *stream = session->current;
    if (!stream || !hf_yamux_stream_lives(stream) || (stream->state & HF_STREAM_RELEASED))
        return;
    event->kind = HF_YAMUX_RECEIVED;
    event->stream = stream;
    event->data = data;
}

/* What a frame still has to tell once its payload, if any, is over. */
static void tell(struct hf_yamux *session, struct hf_yamux_event *event)
{
    struct hf_yamux_stream *stream = session->current;
    if (!stream)
        return;
    if (session->says_writable) {
        session->says_writable = false;
        event->kind = hf_yamux_writable(stream) ? HF_YAMUX_WRITABLE : HF_YAMUX_NOTHING;
    } else if (session->says_finished) {
        session->says_finished = false;
        stream->state |= HF_STREAM_HEARD_OUT;
        event->kind = HF_YAMUX_FINISHED;
    }
    event->stream = event->kind == HF_YAMUX_NOTHING ? NULL : stream;
}

enum hf_status hf_yamux_feed(struct hf_yamux *session, struct hf_bytes *bytes, uint64_t now_ns,
    struct hf_yamux_event *event, struct hf_error *error)
{
    *event = (struct hf_yamux_event){.kind = HF_YAMUX_NOTHING};
    if (session->closed)
        return HF_CLOSED;
    while (event->kind == HF_YAMUX_NOTHING) {
        if (session->payload_left > 0 && bytes->size == 0)
            return HF_OK;
        if (session->payload_left > 0) {
            take_data(session, bytes, event);
            continue;
        }
        if (session->says_writable || session->says_finished) {
            tell(session, event);
            continue;
        }
        if (!take_header(session, bytes))
            return HF_OK;
        enum hf_status status = take_frame(session, now_ns, event, error);
        if (status == HF_OK)
            continue;
        *event = (struct hf_yamux_event){.kind = HF_YAMUX_NOTHING};
        hf_yamux_go_away(session, HF_YAMUX_PROTOCOL_ERROR);
        return status;
    }
    return HF_OK;
}
