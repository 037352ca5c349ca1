/* SPDX-License-Identifier: MIT */

#include "net/yamux_session.h"

#include <string.h>

#include "base/minmax.h"
#include "net/take.h"

/* What goes out. Every control frame is a header alone. */

static size_t put(
    enum hf_yamux_type type, uint32_t flags, uint32_t id, uint32_t length, uint8_t *out)
{
    struct hf_yamux_frame frame = {HF_YAMUX_VERSION, (uint8_t)type, (uint16_t)flags, id, length};
    hf_yamux_frame_write(frame, out);
    return HF_YAMUX_HEADER_BYTES;
}

/* Takes the oldest of a few remembered words. */
static uint32_t oldest(uint32_t *words, uint32_t *count)
{
    uint32_t word = words[0];
    *count -= 1;
    memmove(words, words + 1, *count * sizeof *words);
    return word;
}

static size_t put_ping(struct hf_yamux *session, uint64_t now_ns, uint8_t *out)
{
    session->ping_owed = false;
    session->ping_out = true;
    session->ping_sent_ns = now_ns;
    session->ping_value++;
    return put(HF_YAMUX_PING, HF_YAMUX_SYN, 0, session->ping_value, out);
}

/*
 * All that a stream owes in one window update: other implementations take flags on data frames
 * less well. A FIN comes after the data, which was put out when it was written.
 */
static size_t put_debts(struct hf_yamux_stream *stream, uint8_t *out)
{
    uint32_t owed = stream->state & HF_STREAM_OWES;
    uint32_t flags = (owed & HF_STREAM_OWES_SYN ? HF_YAMUX_SYN : 0) |
                     (owed & HF_STREAM_OWES_ACK ? HF_YAMUX_ACK : 0) |
                     (owed & HF_STREAM_OWES_FIN ? HF_YAMUX_FIN : 0);
    uint32_t credit = 0;
    if (owed & HF_STREAM_OWES_CREDIT)
        credit = stream->window - stream->receive_window - stream->unread;
    stream->receive_window += credit;
    stream->state &= ~HF_STREAM_OWES;
    return put(HF_YAMUX_WINDOW_UPDATE, flags, stream->id, credit, out);
}

static size_t put_stream(struct hf_yamux *session, uint8_t *out)
{
    struct hf_yamux_stream *stream = hf_yamux_owing(session);
    size_t size = 0;
    if (stream->state & HF_STREAM_OWES_RST)
        size = put(HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_RST, stream->id, 0, out);
    else if (hf_yamux_stream_lives(stream) && (stream->state & HF_STREAM_OWES))
        size = put_debts(stream, out);
    if (stream->state & HF_STREAM_RELEASED)
        hf_yamux_stream_free(stream);
    return size;
}

static size_t put_one(struct hf_yamux *session, uint64_t now_ns, uint8_t *out)
{
    if (session->closed) {
        session->goodbye_owed = false;
        return put(HF_YAMUX_GO_AWAY, 0, 0, session->goodbye, out);
    }
    if (session->pongs_count)
        return put(
            HF_YAMUX_PING, HF_YAMUX_ACK, 0, oldest(session->pongs, &session->pongs_count), out);
    if (session->ping_owed)
        return put_ping(session, now_ns, out);
    if (session->owed_first)
        return put_stream(session, out);
    return put(HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_RST,
        oldest(session->refusals, &session->refusals_count), 0, out);
}

bool hf_yamux_owes(const struct hf_yamux *session)
{
    if (session->closed)
        return session->goodbye_owed;
    return session->pongs_count || session->ping_owed || session->owed_first ||
           session->refusals_count;
}

size_t hf_yamux_drain(struct hf_yamux *session, uint64_t now_ns, uint8_t *out, size_t room)
{
    size_t size = 0;
    while (hf_yamux_owes(session) && room - size >= HF_YAMUX_HEADER_BYTES)
        size += put_one(session, now_ns, out + size);
    return size;
}

size_t hf_yamux_writable(const struct hf_yamux_stream *stream)
{
    if (!hf_yamux_stream_lives(stream) || (stream->state & HF_STREAM_FINISHED))
        return 0;
    return stream->send_window;
}

size_t hf_yamux_begin(struct hf_yamux_stream *stream, struct hf_bytes *data, uint8_t *out,
    size_t room, struct hf_bytes *payload)
{
    size_t size = 0;
    *payload = hf_bytes(NULL, 0);
    size_t opening = stream->state & HF_STREAM_OWES_SYN ? HF_YAMUX_HEADER_BYTES : 0;
    size_t headers = opening + HF_YAMUX_HEADER_BYTES;
    size_t most = hf_min(hf_yamux_writable(stream), HF_YAMUX_PAYLOAD_MAX);
    if (room <= headers || most == 0 || data->size == 0)
        return 0;
    if (opening) /* It stays in the list of those that owe, with nothing to put out perhaps. */
        size = put_debts(stream, out);
    (void)hf_take(data, hf_min(hf_min(most, data->size), room - headers), payload);
    stream->send_window -= (uint32_t)payload->size;
    return size + put(HF_YAMUX_DATA, 0, stream->id, (uint32_t)payload->size, out + size);
}

size_t hf_yamux_write(
    struct hf_yamux_stream *stream, struct hf_bytes *data, uint8_t *out, size_t room)
{
    struct hf_bytes payload;
    size_t size = hf_yamux_begin(stream, data, out, room, &payload);
    if (payload.size > 0)
        memcpy(out + size, payload.data, payload.size);
    return size + payload.size;
}
