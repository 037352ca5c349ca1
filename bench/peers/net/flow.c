/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "answer.h"
#include "flow.h"

#define CHUNK_BYTES 65536
#define ASKED_BYTES 8

/* One stream, a job's or a peer's. */
struct flow {
    struct flow_job *job; /* NULL: a peer's. */
    uint8_t asked[ASKED_BYTES];
    uint64_t read;
    uint64_t size; /* To be written in all, what is asked for included. */
    uint64_t written;
};

static void end(struct flow_job *job, enum hf_status status)
{
    pthread_mutex_lock(&job->lock);
    if (status != HF_OK)
        job->status = status;
    if (--job->left == 0)
        pthread_cond_signal(&job->changed);
    pthread_mutex_unlock(&job->lock);
}

static struct hf_bytes next_part(const struct flow *flow)
{
    static const uint8_t any[CHUNK_BYTES] = {1};
    uint64_t left = flow->size - flow->written;
    if (flow->job && flow->written < ASKED_BYTES)
        return hf_bytes(flow->asked + flow->written, ASKED_BYTES - (size_t)flow->written);
    return hf_bytes(any, left < sizeof any ? (size_t)left : sizeof any);
}

static void write_more(struct flow *flow, struct hf_stream *stream)
{
    while (flow->written < flow->size) {
        size_t taken = hf_stream_write(stream, next_part(flow));
        if (taken == 0)
            return;
        flow->written += taken;
    }
    hf_stream_finish(stream);
}

static void on_opened(void *context, struct hf_stream *stream)
{
    struct flow_job *job = hf_stream_context(stream);
    struct flow *flow = calloc(1, sizeof *flow);
    (void)context;
    if (!flow)
        answer_fail("a stream", "no memory");
    hf_stream_set_context(stream, flow);
    if (!job)
        return;
    flow->job = job;
    flow->size = ASKED_BYTES + job->up;
    for (int i = 0; i < ASKED_BYTES; i++)
        flow->asked[i] = (uint8_t)(job->down >> (56 - 8 * i));
    write_more(flow, stream);
}

/* The first bytes that a peer sends say how many it wants. */
static void learn(struct flow *flow, struct hf_bytes data)
{
    const uint8_t *bytes = data.data;
    for (size_t i = 0; i < data.size && flow->read + i < ASKED_BYTES; i++)
        flow->asked[flow->read + i] = bytes[i];
}

static void on_readable(void *context, struct hf_stream *stream)
{
    struct flow *flow = hf_stream_context(stream);
    struct hf_bytes data;
    (void)context;
    while ((data = hf_stream_peek(stream)).size > 0) {
        if (!flow->job && flow->read < ASKED_BYTES)
            learn(flow, data);
        flow->read += data.size;
        hf_stream_consume(stream, data.size);
    }
    if (flow->job || !hf_stream_at_end(stream))
        return;
    for (int i = 0; i < ASKED_BYTES; i++)
        flow->size = flow->size << 8 | flow->asked[i];
    write_more(flow, stream);
}

static void on_writable(void *context, struct hf_stream *stream)
{
    (void)context;
    write_more(hf_stream_context(stream), stream);
}

static void on_closed(void *context, struct hf_stream *stream, enum hf_status status)
{
    struct flow *flow = hf_stream_context(stream);
    (void)context;
    if (flow && flow->job) {
        bool whole = flow->read == flow->job->down && flow->written == ASKED_BYTES + flow->job->up;
        end(flow->job, status == HF_OK && !whole ? HF_MALFORMED : status);
    }
    free(flow);
}

static void on_failed(void *context, void *stream_context, enum hf_status status)
{
    (void)context;
    end(stream_context, status);
}

static void start_trip(struct flow_job *job, struct hf_stream *stream)
{
    static const uint8_t message[FLOW_MESSAGE_BYTES];
    job->trip_begun_ns = answer_now_ns();
    if (hf_stream_write(stream, hf_bytes(message, sizeof message)) < sizeof message)
        answer_fail("a message", "the stream does not take it");
}

static void on_echo_opened(void *context, struct hf_stream *stream)
{
    struct flow_job *job = hf_stream_context(stream);
    (void)context;
    if (job)
        start_trip(job, stream);
}

/* A message that has come in parts is taken once it is whole. */
static void on_echo_readable(void *context, struct hf_stream *stream)
{
    struct flow_job *job = hf_stream_context(stream);
    struct hf_bytes data = hf_stream_peek(stream);
    (void)context;
    if (!job) {
        hf_stream_consume(stream, hf_stream_write(stream, data));
        if (hf_stream_at_end(stream))
            hf_stream_finish(stream);
        return;
    }
    if (data.size < FLOW_MESSAGE_BYTES)
        return;
    hf_stream_consume(stream, data.size);
    job->trips_ns[job->trips_made++] = answer_now_ns() - job->trip_begun_ns;
    if (job->trips_made < job->trips)
        start_trip(job, stream);
    else
        hf_stream_finish(stream);
}

static void on_echo_closed(void *context, struct hf_stream *stream, enum hf_status status)
{
    struct flow_job *job = hf_stream_context(stream);
    (void)context;
    if (job)
        end(job, status);
}

const struct hf_protocol flow_protocols[FLOW_PROTOCOLS] = {
    {
        .name = FLOW_PROTOCOL,
        .opened = on_opened,
        .readable = on_readable,
        .writable = on_writable,
        .closed = on_closed,
        .failed = on_failed,
    },
    {
        .name = FLOW_ECHO,
        .opened = on_echo_opened,
        .readable = on_echo_readable,
        .closed = on_echo_closed,
        .failed = on_failed,
    },
};

enum hf_status flow_run(struct hf_network *network, const struct hf_peer_id *peer,
    const char *protocol, struct flow_job *job, size_t streams)
{
    pthread_mutex_init(&job->lock, NULL);
    pthread_cond_init(&job->changed, NULL);
    job->left = streams;
    job->status = HF_OK;
    for (size_t i = 0; i < streams; i++)
        if (hf_network_open(network, peer, protocol, job) != HF_OK)
            answer_fail(protocol, "no stream can be asked for");
    pthread_mutex_lock(&job->lock);
    while (job->left > 0)
        pthread_cond_wait(&job->changed, &job->lock);
    pthread_mutex_unlock(&job->lock);
    return job->status;
}
