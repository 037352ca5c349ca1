/* SPDX-License-Identifier: MIT */

#include "net/yamux_session.h"

#include <assert.h>
#include <string.h>

#include "base/allocator.h"
#include "base/minmax.h"

static struct hf_yamux_stream **bucket_of(struct hf_yamux *session, uint32_t id)
{
    return &session->buckets[id / 2 % HF_YAMUX_BUCKETS];
}

struct hf_yamux_stream *hf_yamux_find(const struct hf_yamux *session, uint32_t id)
{
    struct hf_yamux_stream *stream = session->buckets[id / 2 % HF_YAMUX_BUCKETS];
    while (stream && (stream->id != id || !hf_yamux_stream_lives(stream)))
        stream = stream->next;
    return stream;
}

struct hf_yamux_stream *hf_yamux_stream_new(struct hf_yamux *session, uint32_t id, uint32_t state)
{
    struct hf_yamux_stream *stream =
        hf_allocate(&session->allocator, sizeof *stream, _Alignof(struct hf_yamux_stream));
    if (!stream)
        return NULL;
    struct hf_yamux_stream **bucket = bucket_of(session, id);
    *stream = (struct hf_yamux_stream){
        .session = session,
        .next = *bucket,
        .id = id,
        .send_window = HF_YAMUX_WINDOW_INITIAL,
        .receive_window = HF_YAMUX_WINDOW_INITIAL,
        .window = HF_YAMUX_WINDOW_INITIAL,
        .state = state,
    };
    *bucket = stream;
    session->inbound += (state & HF_STREAM_INBOUND) != 0;
    session->outbound += (state & HF_STREAM_INBOUND) == 0;
    session->unanswered += (state & HF_STREAM_UNANSWERED) != 0;
    return stream;
}

/* At most as many steps as there are streams. */
static void forget_debts(struct hf_yamux_stream *stream)
{
    struct hf_yamux *session = stream->session;
    if (!(stream->state & HF_STREAM_QUEUED))
        return;
    struct hf_yamux_stream *before = NULL;
    for (struct hf_yamux_stream *each = session->owed_first; each != stream; each = each->next_owed)
        before = each;
    *(before ? &before->next_owed : &session->owed_first) = stream->next_owed;
    if (session->owed_last == stream)
        session->owed_last = before;
}

void hf_yamux_answered(struct hf_yamux_stream *stream)
{
    if (!(stream->state & HF_STREAM_UNANSWERED))
        return;
    stream->state &= ~HF_STREAM_UNANSWERED;
    stream->session->unanswered--;
}

/* If a frame of the stream's is being taken, what is left of it is nobody's. */
static void forget_frame(struct hf_yamux_stream *stream)
{
    struct hf_yamux *session = stream->session;
    if (session->current != stream)
        return;
    session->current = NULL;
    session->says_writable = session->says_finished = false;
}

void hf_yamux_stream_free(struct hf_yamux_stream *stream)
{
    struct hf_yamux *session = stream->session;
    forget_debts(stream);
    hf_yamux_answered(stream);
    session->windows_grown -= stream->window - HF_YAMUX_WINDOW_INITIAL;
    session->inbound -= (stream->state & HF_STREAM_INBOUND) != 0;
    session->outbound -= (stream->state & HF_STREAM_INBOUND) == 0;
    forget_frame(stream);
    struct hf_yamux_stream **link = bucket_of(session, stream->id);
    while (*link != stream)
        link = &(*link)->next;
    *link = stream->next;
    hf_release(&session->allocator, stream, sizeof *stream, _Alignof(struct hf_yamux_stream));
}

void hf_yamux_owe(struct hf_yamux_stream *stream, uint32_t bits)
{
    struct hf_yamux *session = stream->session;
    stream->state |= bits;
    if (stream->state & HF_STREAM_QUEUED)
        return;
    stream->state |= HF_STREAM_QUEUED;
    stream->next_owed = NULL;
    *(session->owed_last ? &session->owed_last->next_owed : &session->owed_first) = stream;
    session->owed_last = stream;
}

struct hf_yamux_stream *hf_yamux_owing(struct hf_yamux *session)
{
    struct hf_yamux_stream *stream = session->owed_first;
    if (!stream)
        return NULL;
    session->owed_first = stream->next_owed;
    if (!session->owed_first)
        session->owed_last = NULL;
    stream->state &= ~HF_STREAM_QUEUED;
    return stream;
}

static enum hf_status configure(
    struct hf_yamux *session, const struct hf_yamux_options *given, struct hf_error *error)
{
    struct hf_yamux_options *options = &session->options;
    *options = *given;
    options->inbound_max = given->inbound_max ? given->inbound_max : HF_YAMUX_STREAMS_MAX;
    options->outbound_max = given->outbound_max ? given->outbound_max : HF_YAMUX_STREAMS_MAX;
    options->window_max = given->window_max ? given->window_max : HF_YAMUX_WINDOW_MAX;
    if (!given->windows_total_max)
        options->windows_total_max = HF_YAMUX_WINDOWS_TOTAL_MAX;
    if (!given->ping_interval_ns)
        options->ping_interval_ns = HF_YAMUX_PING_INTERVAL_NS;
    if (options->window_max < HF_YAMUX_WINDOW_INITIAL || options->window_max > HF_YAMUX_WINDOW_MAX)
        return hf_error_add(error, HF_INVALID, 0, "window_max: %u is not from %u to %u",
            (unsigned)given->window_max, HF_YAMUX_WINDOW_INITIAL, HF_YAMUX_WINDOW_MAX);
    if (options->inbound_max > HF_YAMUX_STREAMS_MAX || options->outbound_max > HF_YAMUX_STREAMS_MAX)
        return hf_error_add(error, HF_INVALID, 0, "%sbound_max: %u is above %u",
            options->inbound_max > HF_YAMUX_STREAMS_MAX ? "in" : "out",
            (unsigned)hf_max(options->inbound_max, options->outbound_max), HF_YAMUX_STREAMS_MAX);
    if (options->ping_interval_ns > HF_TIME_MAX_NS / 2)
        return hf_error_add(error, HF_INVALID, 0, "ping_interval_ns: %llu is too large",
            (unsigned long long)options->ping_interval_ns);
    session->allocator = given->allocator ? *given->allocator : *hf_allocator_libc();
    session->next_id = given->dialer ? 1 : 2;
    struct hf_quota quota = hf_quota_per_second(HF_YAMUX_CHURN_PER_SECOND);
    return hf_gate_init(&session->churn, &quota, error);
}

enum hf_status hf_yamux_new(struct hf_yamux **session, const struct hf_yamux_options *options,
    uint64_t now_ns, struct hf_error *error)
{
    *session = NULL;
    enum hf_status status = hf_allocator_check(options->allocator, error);
    struct hf_yamux made = {.ping_owed = true, .ping_due_ns = now_ns};
    if (status == HF_OK)
        status = configure(&made, options, error);
    if (status != HF_OK)
        return status;
    *session = hf_allocate(&made.allocator, sizeof made, _Alignof(struct hf_yamux));
    if (!*session)
        return hf_error_add(error, HF_NO_MEMORY, 0, "no memory for a yamux session");
    **session = made;
    return HF_OK;
}

void hf_yamux_free(struct hf_yamux *session)
{
    if (!session)
        return;
    for (size_t i = 0; i < HF_YAMUX_BUCKETS; i++) {
        while (session->buckets[i])
            hf_yamux_stream_free(session->buckets[i]);
    }
    struct hf_allocator allocator = session->allocator;
    hf_release(&allocator, session, sizeof *session, _Alignof(struct hf_yamux));
}

enum hf_status hf_yamux_open(struct hf_yamux *session, struct hf_yamux_stream **stream)
{
    const struct hf_yamux_options *options = &session->options;
    *stream = NULL;
    if (session->closed || session->next_id >= UINT32_MAX - 2) /* Ids are not used twice. */
        return HF_CLOSED;
    if (session->outbound >= options->outbound_max || session->unanswered >= options->outbound_max)
        return HF_FULL;
    *stream = hf_yamux_stream_new(session, session->next_id, HF_STREAM_UNANSWERED);
    if (!*stream)
        return HF_NO_MEMORY;
    session->next_id += 2;
    hf_yamux_owe(*stream, HF_STREAM_OWES_SYN);
    return HF_OK;
}

/*
 * Half the window used up, and quickly: the window rather than the reader is what holds the peer
 * up. Doubles it where that is allowed.
 */
static void widen(struct hf_yamux_stream *stream, uint64_t now_ns)
{
    struct hf_yamux *session = stream->session;
    uint64_t busy_ns = session->round_trip_ns * HF_YAMUX_BUSY_ROUND_TRIPS;
    uint64_t streams = (uint64_t)session->inbound + session->outbound;
    uint64_t granted = streams * HF_YAMUX_WINDOW_INITIAL + session->windows_grown;
    uint64_t total_max = session->options.windows_total_max;
    uint64_t room = total_max - hf_min(granted, total_max);
    uint64_t more = hf_min(stream->window, session->options.window_max - stream->window);
    bool busy = now_ns - stream->returned_at_ns < busy_ns;
    if (!busy || !stream->returned_at_ns || more > room)
        return;
    stream->window += (uint32_t)more;
    session->windows_grown += more;
}

void hf_yamux_consumed(struct hf_yamux_stream *stream, uint32_t size, uint64_t now_ns)
{
    stream->unread -= (uint32_t)hf_min(size, stream->unread);
    if (!hf_yamux_stream_lives(stream) || (stream->state & HF_STREAM_HEARD_OUT))
        return;
    uint32_t due = stream->window - stream->receive_window - stream->unread;
    if (due < stream->window / 2 || (stream->state & HF_STREAM_OWES_CREDIT))
        return;
    widen(stream, now_ns);
    stream->returned_at_ns = now_ns;
    hf_yamux_owe(stream, HF_STREAM_OWES_CREDIT);
}

void hf_yamux_finish(struct hf_yamux_stream *stream)
{
    if (!hf_yamux_stream_lives(stream) || (stream->state & HF_STREAM_FINISHED))
        return;
    hf_yamux_owe(stream, HF_STREAM_FINISHED | HF_STREAM_OWES_FIN);
}

bool hf_yamux_ended(const struct hf_yamux_stream *stream)
{
    return !hf_yamux_stream_lives(stream);
}

/* Until the peer has been told of its end, a stream counts among those that are open. */
void hf_yamux_release(struct hf_yamux_stream *stream)
{
    if (!stream)
        return;
    if (!hf_yamux_stream_lives(stream) || (stream->state & HF_STREAM_OWES_SYN)) {
        hf_yamux_stream_free(stream);
        return;
    }
    forget_frame(stream);
    stream->state |= HF_STREAM_RELEASED;
    if (!(stream->state & HF_STREAM_FINISHED) || !(stream->state & HF_STREAM_HEARD_OUT))
        hf_yamux_owe(stream, HF_STREAM_RESET | HF_STREAM_OWES_RST);
}

void hf_yamux_go_away(struct hf_yamux *session, enum hf_yamux_goodbye code)
{
    if (session->closed)
        return;
    session->closed = true;
    session->goodbye_owed = true;
    session->goodbye = code;
}

uint64_t hf_yamux_deadline_ns(const struct hf_yamux *session)
{
    if (session->closed || session->ping_owed)
        return UINT64_MAX;
    if (!session->ping_out)
        return session->ping_due_ns;
    return hf_max(session->ping_sent_ns, session->alive_ns) + HF_YAMUX_PONG_WITHIN_NS;
}

void hf_yamux_alive(struct hf_yamux *session, uint64_t now_ns)
{
    session->alive_ns = now_ns;
}

enum hf_status hf_yamux_tick(struct hf_yamux *session, uint64_t now_ns)
{
    if (session->closed)
        return HF_CLOSED;
    if (now_ns < hf_yamux_deadline_ns(session))
        return HF_OK;
    if (session->ping_out)
        return HF_TIMEOUT;
    session->ping_owed = true;
    return HF_OK;
}
