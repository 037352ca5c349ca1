/* SPDX-License-Identifier: MIT */

#include "net/connection_state.h"

#include <string.h>

#include "base/allocator.h"
#include "base/minmax.h"

static const struct hf_bytes security = {"/noise", 6};
static const struct hf_bytes multiplexer = {HF_CONNECTION_YAMUX, sizeof(HF_CONNECTION_YAMUX) - 1};

/* Lets what the channel's negotiation and handshake have to say out, unsealed. */
static enum hf_status greet(struct hf_connection *connection)
{
    uint8_t out[HF_MULTISTREAM_WRITE_BYTES_MAX];
    _Static_assert(sizeof out >= HF_NOISE_GREETING_BYTES_MAX, "either fits");
    size_t size = hf_multistream_write(&connection->select, out, sizeof out);
    enum hf_status status = hf_outbox_add(&connection->outbox, hf_bytes(out, size));
    bool secure =
        connection->phase == HF_PHASE_NOISE || hf_multistream_may_go_on(&connection->select);
    if (status != HF_OK || !secure)
        return status;
    status = hf_noise_handshake(&connection->noise, out, &size);
    if (status != HF_OK)
        return hf_error_add(
            &connection->error, status, 0, "noise: %s", hf_noise_reason(&connection->noise));
    return hf_outbox_add(&connection->outbox, hf_bytes(out, size));
}

static enum hf_status begin(struct hf_connection *connection, struct hf_connection_options *options)
{
    struct hf_noise_options noise = {options->dialer, options->credentials, options->expected};
    enum hf_status status = hf_multistream_init(&connection->select, options->dialer, &security, 1);
    if (status == HF_OK)
        status = hf_noise_init(&connection->noise, &noise, options->ephemeral);
    return status == HF_OK ? greet(connection) : status;
}

enum hf_status hf_connection_new(struct hf_connection **connection,
    struct hf_connection_options *options, uint64_t now_ns, struct hf_error *error)
{
    *connection = NULL;
    enum hf_status status = hf_allocator_check(options->allocator, error);
    if (status != HF_OK)
        return status;
    struct hf_connection *made =
        hf_allocate(options->allocator, sizeof *made, _Alignof(struct hf_connection));
    if (!made)
        return hf_error_add(error, HF_NO_MEMORY, 0, "no memory for a connection");
    *made = (struct hf_connection){
        .allocator = options->allocator ? *options->allocator : *hf_allocator_libc(),
        .protocols = options->protocols,
        .owner = options->owner,
        .used = options->used,
        .dialer = options->dialer,
        .outbox = {.pool = options->blocks},
        .idle_ns = options->idle_ns ? options->idle_ns : HF_CONNECTION_IDLE_NS,
        .setup_deadline_ns = now_ns + HF_CONNECTION_SETUP_NS,
        .stall_deadline_ns = UINT64_MAX,
        .streams_deadline_ns = UINT64_MAX,
    };
    status = begin(made, options);
    if (status != HF_OK) {
        hf_connection_free(made);
        return hf_error_add(error, status, 0, "a connection cannot begin");
    }
    *connection = made;
    return HF_OK;
}

/* Nothing comes in any more. Streams wait for their holders, and what is to be sent is sent. */
static void close_down(struct hf_connection *connection)
{
    connection->phase = HF_PHASE_OVER;
    connection->plain = hf_bytes(NULL, 0);
    connection->in_size = 0;
    if (connection->lending)
        connection->lending->lent = hf_bytes(NULL, 0);
    connection->lending = NULL;
}

void hf_connection_free(struct hf_connection *connection)
{
    if (!connection)
        return;
    while (connection->streams)
        hf_stream_free(connection->streams);
    hf_yamux_free(connection->mux);
    hf_noise_fini(&connection->noise);
    hf_outbox_clear(&connection->outbox);
    hf_stash_clear(&connection->stash, connection->outbox.pool);
    hf_kept_drop(&connection->opening, &connection->allocator, SIZE_MAX / 2);
    struct hf_allocator allocator = connection->allocator;
    hf_release(&allocator, connection, sizeof *connection, _Alignof(struct hf_connection));
}

size_t hf_connection_lead(struct hf_connection *connection, uint8_t *out)
{
    struct hf_bytes stash = hf_stash_bytes(&connection->stash);
    if (stash.size > 0)
        memcpy(out, stash.data, stash.size);
    hf_stash_clear(&connection->stash, connection->outbox.pool);
    return stash.size;
}

void hf_connection_receive(struct hf_connection *connection, uint8_t *bytes, size_t size)
{
    connection->in = bytes;
    connection->in_size = connection->phase == HF_PHASE_OVER ? 0 : size;
    connection->frames = 0;
}

size_t hf_connection_frames(const struct hf_connection *connection)
{
    return connection->frames;
}

static void drop_received(struct hf_connection *connection, size_t size)
{
    if (size == 0)
        return; /* There may be nothing at all. */
    connection->in += size;
    connection->in_size -= size;
}

/* Puts the next frame's plaintext into connection->plain. HF_AGAIN: none is whole. */
static enum hf_status open_frame(struct hf_connection *connection)
{
    struct hf_noise_frame frame;
    if (connection->in_size == 0)
        return HF_AGAIN;
    enum hf_status status =
        hf_noise_receive(&connection->noise, connection->in, connection->in_size, &frame);
    if (status == HF_AGAIN)
        return HF_AGAIN;
    if (status != HF_OK)
        return hf_error_add(
            &connection->error, status, 0, "noise: %s", hf_noise_reason(&connection->noise));
    drop_received(connection, frame.size);
    connection->plain = frame.data;
    connection->frames++;
    bool empty = frame.data.size == 0 && connection->phase != HF_PHASE_NOISE;
    connection->empty += empty;
    if (connection->empty > HF_CONNECTION_EMPTY_MAX)
        return hf_error_add(&connection->error, HF_MALFORMED, 0,
            "more than %d frames that say nothing", HF_CONNECTION_EMPTY_MAX);
    return HF_OK;
}

static enum hf_status select_failed(struct hf_connection *connection, enum hf_status status)
{
    return hf_error_add(&connection->error, status, 0, "multistream: %s",
        hf_multistream_reason(&connection->select));
}

static enum hf_status agree_on_security(struct hf_connection *connection)
{
    size_t taken;
    enum hf_status status =
        hf_multistream_receive(&connection->select, connection->in, connection->in_size, &taken);
    drop_received(connection, taken);
    if (status == HF_OK)
        connection->phase = HF_PHASE_NOISE;
    enum hf_status sent = greet(connection);
    if (status != HF_OK && status != HF_AGAIN)
        return select_failed(connection, status);
    return sent == HF_OK ? status : sent;
}

static enum hf_status begin_streams(
    struct hf_connection *connection, uint64_t now_ns, struct hf_connection_event *event)
{
    struct hf_yamux_options options = {
        .dialer = connection->dialer, .allocator = &connection->allocator};
    connection->phase = HF_PHASE_STREAMS;
    connection->setup_deadline_ns = UINT64_MAX;
    event->kind = HF_CONNECTION_READY;
    return hf_yamux_new(&connection->mux, &options, now_ns, &connection->error);
}

/* Sends lines about the multiplexer, sealed. */
static enum hf_status put_lines(struct hf_connection *connection)
{
    size_t room;
    uint8_t *out = hf_outbox_space(
        &connection->outbox, &connection->noise, HF_MULTISTREAM_WRITE_BYTES_MAX, &room);
    if (!out)
        return HF_NO_MEMORY;
    hf_outbox_wrote(&connection->outbox, hf_multistream_write(&connection->select, out, room));
    return HF_OK;
}

static enum hf_status shake_hands(
    struct hf_connection *connection, struct hf_connection_event *event)
{
    enum hf_status status = open_frame(connection);
    if (status == HF_OK)
        status = greet(connection);
    if (status != HF_OK || !hf_noise_peer(&connection->noise))
        return status;
    connection->phase = HF_PHASE_MUXER;
    connection->peer = *hf_noise_peer(&connection->noise);
    connection->secured = true;
    event->kind = HF_CONNECTION_SECURED;
    return HF_OK;
}

static enum hf_status agree_on_muxer(
    struct hf_connection *connection, uint64_t now_ns, struct hf_connection_event *event)
{
    if (connection->peer.muxer_agreed)
        return begin_streams(connection, now_ns, event);
    enum hf_status status = HF_OK;
    if (connection->select.state == HF_MULTISTREAM_AGREED) /* Still the one about security. */
        status = hf_multistream_init(&connection->select, connection->dialer, &multiplexer, 1);
    if (status == HF_OK)
        status = put_lines(connection);
    if (status == HF_OK)
        status = open_frame(connection);
    if (status == HF_OK)
        status = hf_kept_add(&connection->opening, &connection->allocator, connection->plain);
    if (status != HF_OK)
        return status;
    struct hf_bytes lines = hf_kept_bytes(&connection->opening);
    size_t taken;
    status = hf_multistream_receive(&connection->select, lines.data, lines.size, &taken);
    connection->plain = hf_bytes(NULL, 0);
    if (status != HF_OK && status != HF_AGAIN)
        return select_failed(connection, status);
    enum hf_status sent = put_lines(connection);
    if (sent != HF_OK)
        return sent;
    if (status == HF_AGAIN) {
        hf_kept_drop(&connection->opening, &connection->allocator, taken);
        return HF_OK;
    }
    connection->plain = hf_bytes((const uint8_t *)lines.data + taken, lines.size - taken);
    return begin_streams(connection, now_ns, event);
}

static enum hf_status run_streams(
    struct hf_connection *connection, uint64_t now_ns, struct hf_connection_event *event)
{
    struct hf_yamux_event from;
    enum hf_status status =
        hf_yamux_feed(connection->mux, &connection->plain, now_ns, &from, &connection->error);
    if (status != HF_OK)
        return status;
    if (from.kind != HF_YAMUX_NOTHING)
        return hf_connection_take(connection, &from, now_ns, event);
    /* What came behind the lines about the multiplexer has been taken. */
    hf_kept_drop(&connection->opening, &connection->allocator, SIZE_MAX / 2);
    status = open_frame(connection);
    if (status == HF_OK)
        hf_yamux_alive(connection->mux, now_ns);
    return status;
}

static enum hf_status step(
    struct hf_connection *connection, uint64_t now_ns, struct hf_connection_event *event)
{
    switch (connection->phase) {
    case HF_PHASE_SECURITY:
        return agree_on_security(connection);
    case HF_PHASE_NOISE:
        return shake_hands(connection, event);
    case HF_PHASE_MUXER:
        return agree_on_muxer(connection, now_ns, event);
    case HF_PHASE_STREAMS:
        return run_streams(connection, now_ns, event);
    case HF_PHASE_OVER:
    default:
        return HF_CLOSED;
    }
}

static enum hf_status watch_time(struct hf_connection *connection, uint64_t now_ns)
{
    struct hf_error *error = &connection->error;
    if (now_ns >= connection->setup_deadline_ns)
        return hf_error_add(error, HF_TIMEOUT, 0, "not set up in time");
    if (now_ns >= connection->stall_deadline_ns)
        return hf_error_add(error, HF_TIMEOUT, 0, "the peer reads nothing");
    if (connection->phase != HF_PHASE_STREAMS)
        return HF_OK;
    if (hf_yamux_tick(connection->mux, now_ns) == HF_TIMEOUT)
        return hf_error_add(error, HF_TIMEOUT, 0, "the peer does not answer pings");
    return HF_OK;
}

static enum hf_status fail(struct hf_connection *connection, enum hf_status status)
{
    if (connection->error.count == 0)
        (void)hf_error_add(&connection->error, status, 0, "%s", hf_status_str(status));
    close_down(connection);
    return status;
}

enum hf_status hf_connection_next(
    struct hf_connection *connection, uint64_t now_ns, struct hf_connection_event *event)
{
    *event = (struct hf_connection_event){.kind = HF_CONNECTION_NOTHING};
    if (connection->phase == HF_PHASE_OVER)
        return HF_CLOSED;
    enum hf_status status = hf_connection_keep_lent(connection);
    if (status == HF_OK)
        status = connection->failure;
    if (status == HF_OK)
        status = watch_time(connection, now_ns);
    while (status == HF_OK && event->kind == HF_CONNECTION_NOTHING) {
        if (connection->phase == HF_PHASE_STREAMS &&
            hf_connection_tell_streams(connection, now_ns, event))
            return HF_OK;
        status = step(connection, now_ns, event);
    }
    if (status == HF_OK || status == HF_AGAIN)
        return HF_OK;
    event->kind = HF_CONNECTION_NOTHING;
    return fail(connection, status);
}

enum hf_status hf_connection_settle(struct hf_connection *connection)
{
    enum hf_status status = hf_connection_keep_lent(connection);
    if (status == HF_OK)
        status = hf_stash_keep(&connection->stash, connection->outbox.pool,
            hf_bytes(connection->in, connection->in_size));
    connection->in = NULL;
    connection->in_size = 0;
    return status == HF_OK ? HF_OK : fail(connection, status);
}

/* What the multiplexer owes goes out once there is room: until then it stays a few words. */
static enum hf_status drain_mux(struct hf_connection *connection, uint64_t now_ns)
{
    struct hf_outbox *outbox = &connection->outbox;
    while (hf_yamux_owes(connection->mux) && !hf_outbox_full(outbox)) {
        size_t room;
        uint8_t *out = hf_outbox_space(outbox, &connection->noise, 64, &room);
        if (!out)
            return HF_NO_MEMORY;
        hf_outbox_wrote(outbox, hf_yamux_drain(connection->mux, now_ns, out, room));
    }
    return HF_OK;
}

enum hf_status hf_connection_flush(struct hf_connection *connection, uint64_t now_ns)
{
    enum hf_status status = connection->phase == HF_PHASE_OVER ? HF_OK : connection->failure;
    if (status == HF_OK && connection->mux)
        status = drain_mux(connection, now_ns);
    if (status == HF_OK)
        status = hf_outbox_seal(&connection->outbox, &connection->noise);
    if (connection->outbox.ready > 0 && connection->stall_deadline_ns == UINT64_MAX)
        connection->stall_deadline_ns = now_ns + HF_CONNECTION_STALL_NS;
    return status == HF_OK ? HF_OK : fail(connection, status);
}

bool hf_connection_owes(const struct hf_connection *connection)
{
    return connection->mux && hf_yamux_owes(connection->mux);
}

size_t hf_connection_pieces(
    const struct hf_connection *connection, struct hf_bytes *pieces, size_t most)
{
    return hf_outbox_pieces(&connection->outbox, pieces, most);
}

void hf_connection_sent(struct hf_connection *connection, size_t size, uint64_t now_ns)
{
    hf_outbox_sent(&connection->outbox, size);
    connection->stall_deadline_ns =
        connection->outbox.ready > 0 ? now_ns + HF_CONNECTION_STALL_NS : UINT64_MAX;
}

void hf_connection_progressed(struct hf_connection *connection, uint64_t now_ns)
{
    if (connection->mux)
        hf_yamux_alive(connection->mux, now_ns);
    hf_connection_sent(connection, 0, now_ns);
}

uint64_t hf_connection_deadline_ns(const struct hf_connection *connection)
{
    uint64_t deadline = hf_min(connection->setup_deadline_ns, connection->stall_deadline_ns);
    if (connection->phase == HF_PHASE_STREAMS)
        deadline = hf_min(deadline,
            hf_min(connection->streams_deadline_ns, hf_yamux_deadline_ns(connection->mux)));
    return deadline;
}

void hf_connection_go_away(struct hf_connection *connection)
{
    if (connection->mux)
        hf_yamux_go_away(connection->mux, HF_YAMUX_NORMAL);
    close_down(connection);
}

const struct hf_peer_id *hf_connection_peer(const struct hf_connection *connection)
{
    return connection->secured ? &connection->peer.id : NULL;
}

const char *hf_connection_reason(const struct hf_connection *connection)
{
    return hf_error_text(&connection->error);
}

bool hf_connection_waits(const struct hf_connection *connection)
{
    return connection->waiting_first && !hf_outbox_full(&connection->outbox);
}

bool hf_connection_tells(const struct hf_connection *connection)
{
    return connection->ending_first != NULL;
}

bool hf_connection_ready(const struct hf_connection *connection)
{
    return connection->phase == HF_PHASE_STREAMS;
}

struct hf_stream *hf_connection_streams(const struct hf_connection *connection)
{
    return connection->streams;
}
