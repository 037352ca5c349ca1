/* SPDX-License-Identifier: MIT */

#include "net/network_state.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/minmax.h"

/* A connection over a socket. */

#define UNSENT_MAX 131072 /* In the system's hands, and not on its way. */

static void forget(struct hf_link *link)
{
    struct hf_network *network = link->network;
    if (!link->listed)
        return;
    link->listed = false;
    *(link->previous ? &link->previous->next : &network->links) = link->next;
    if (link->next)
        link->next->previous = link->previous;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct hf_link *link = handle->data;
    if (--link->handles > 0)
        return;
    struct hf_network *network = link->network;
    forget(link);
    if (link->connection)
        network->connections--;
    hf_connection_free(link->connection);
    hf_release(&network->allocator, link, sizeof *link, _Alignof(struct hf_link));
}

static void close_handles(struct hf_link *link)
{
    if (link->closing)
        return;
    link->closing = true;
    uv_close((uv_handle_t *)&link->tcp, on_handle_closed);
    uv_close((uv_handle_t *)&link->timer, on_handle_closed);
    uv_close((uv_handle_t *)&link->again, on_handle_closed);
}

struct hf_link *hf_link_new(struct hf_network *network, bool inbound)
{
    struct hf_link *link = hf_allocate(&network->allocator, sizeof *link, _Alignof(struct hf_link));
    if (!link)
        return NULL;
    *link = (struct hf_link){
        .network = network,
        .next = network->links,
        .inbound = inbound,
        .listed = true,
        .handles = 3,
        .number = ++network->next_number,
        .ping_due_ns = UINT64_MAX,
    };
    if (network->links)
        network->links->previous = link;
    network->links = link;
    (void)uv_tcp_init(&network->loop, &link->tcp); /* Without a socket yet, it cannot fail. */
    (void)uv_timer_init(&network->loop, &link->timer);
    (void)uv_idle_init(&network->loop, &link->again);
    link->tcp.data = link->timer.data = link->again.data = link;
    return link;
}

void hf_link_drop(struct hf_link *link)
{
    forget(link);
    close_handles(link);
}

static void tell_end(struct hf_link *link, enum hf_status status, const char *reason)
{
    enum hf_network_event_kind kind = link->announced ? HF_NETWORK_CLOSED
                                      : link->inbound ? HF_NETWORK_REFUSED
                                                      : HF_NETWORK_DIAL_FAILED;
    struct hf_network_event event = hf_link_event(link, kind);
    event.status = status;
    snprintf(event.reason, sizeof event.reason, "%s", reason);
    hf_link_audit(link, link->announced ? "connection.closed" : "connection.refused", reason);
    hf_network_tell(link->network, &event);
}

/* Handlers may give up others meanwhile. */
static void end_streams(struct hf_link *link, enum hf_status status)
{
    struct hf_stream *stream;
    while ((stream = hf_connection_streams(link->connection)) != NULL)
        hf_link_end_stream(stream, status);
}

static void on_shut_down(uv_shutdown_t *request, int status)
{
    struct hf_link *link = request->handle->data;
    if (status != 0)
        close_handles(link);
}

/*
 * Everything is sent: says so, and waits for the peer's end, so that nothing is lost on its way.
 * Who was never let in has sent and been sent nothing that matters, and holds no place for that.
 */
static void finish_draining(struct hf_link *link)
{
    if (link->shutdown.handle || link->closing)
        return;
    if (!link->announced ||
        uv_shutdown(&link->shutdown, (uv_stream_t *)&link->tcp, on_shut_down) != 0)
        close_handles(link);
}

void hf_link_refuse(struct hf_link *link, enum hf_status status, const char *reason)
{
    tell_end(link, status, reason);
    hf_link_drop(link);
}

/* Not while a stream of the link's is being handled: such a link is `doomed`. */
void hf_link_end(struct hf_link *link, enum hf_status status, const char *reason)
{
    struct hf_network *network = link->network;
    if (link->draining || link->closing)
        return;
    link->draining = true;
    link->drain_until_ns = network->now_ns + HF_NETWORK_DRAIN_NS;
    if (!link->announced && link->inbound)
        network->half_open--;
    end_streams(link, status == HF_OK ? HF_CLOSED : status);
    hf_connection_go_away(link->connection);
    tell_end(link, status, reason);
    hf_link_settle(link);
}

/* Some peers close by a reset, which may also show as a broken pipe. */
static const char *reason_of_peer(int error)
{
    if (error == UV_EOF)
        return "the peer closed the connection";
    return error == UV_ECONNRESET || error == UV_EPIPE ? "the peer reset the connection" : NULL;
}

static void fail_socket(struct hf_link *link, int error)
{
    char reason[HF_NETWORK_REASON_BYTES];
    const char *by_peer = reason_of_peer(error);
    if (!by_peer)
        hf_network_explain(reason, "socket", error);
    hf_link_end(link, by_peer ? HF_CLOSED : HF_IO, by_peer ? by_peer : reason);
    close_handles(link);
}

static void run(struct hf_link *link);

static void on_written(uv_write_t *request, int status)
{
    struct hf_link *link = request->handle->data;
    size_t size = link->writing;
    link->writing = 0;
    if (link->closing)
        return;
    hf_network_now(link->network);
    hf_connection_sent(link->connection, size, link->network->now_ns);
    if (status != 0) {
        fail_socket(link, status);
        return;
    }
    hf_connection_progressed(link->connection, link->network->now_ns);
    run(link);
}

static size_t ready(const struct hf_link *link, uv_buf_t *buffers, size_t *size)
{
    struct hf_bytes pieces[HF_OUTBOX_PIECES_MAX];
    size_t count = hf_connection_pieces(link->connection, pieces, HF_OUTBOX_PIECES_MAX);
    *size = 0;
    for (size_t i = 0; i < count; i++) {
        buffers[i] = uv_buf_init((char *)(uintptr_t)pieces[i].data, (unsigned)pieces[i].size);
        *size += pieces[i].size;
    }
    return count;
}

/* Gives the socket what it takes at once, and libuv the rest. False: the socket has failed. */
static bool send_ready(struct hf_link *link)
{
    uv_stream_t *socket = (uv_stream_t *)&link->tcp;
    uv_buf_t buffers[HF_OUTBOX_PIECES_MAX];
    size_t size, count;
    while (link->writing == 0 && (count = ready(link, buffers, &size)) > 0) {
        int sent = uv_try_write(socket, buffers, (unsigned)count);
        if (sent > 0) {
            hf_connection_sent(link->connection, (size_t)sent, link->network->now_ns);
            continue;
        }
        if (sent == UV_EAGAIN)
            sent = uv_write(&link->write, socket, buffers, (unsigned)count, on_written);
        if (sent != 0) {
            fail_socket(link, sent);
            return false;
        }
        link->writing = link->unsent = size;
    }
    return true;
}

/* libuv tells of a write when all of it is done. A peer that is slow has read some of it. */
static void note_progress(struct hf_link *link)
{
    size_t unsent = uv_stream_get_write_queue_size((uv_stream_t *)&link->tcp);
    if (link->writing > 0 && unsent < link->unsent) {
        link->unsent = unsent;
        hf_connection_progressed(link->connection, link->network->now_ns);
    }
}

/* Handlers may end the link, too. */
static void handle_events(struct hf_link *link)
{
    struct hf_connection_event event;
    while (!link->draining) {
        enum hf_status status = hf_connection_next(link->connection, link->network->now_ns, &event);
        if (status != HF_OK) {
            hf_link_end(link, status, hf_connection_reason(link->connection));
            return;
        }
        if (event.kind == HF_CONNECTION_NOTHING)
            return;
        hf_link_handle(link, &event);
        if (link->doomed)
            hf_link_end(link, HF_MALFORMED, link->doomed);
    }
}

/* Events until there is none. */
static void take_events(struct hf_link *link)
{
    note_progress(link);
    link->network->busy = link;
    handle_events(link);
    link->network->busy = NULL;
}

static void on_read_space(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer);
static void on_read(uv_stream_t *socket, ssize_t size, const uv_buf_t *buffer);

static void wake_up(struct hf_link *link)
{
    if (!link->resting || link->closing)
        return;
    link->resting = false;
    int error = uv_read_start((uv_stream_t *)&link->tcp, on_read_space, on_read);
    if (error != 0)
        fail_socket(link, error);
}

static void on_timer(uv_timer_t *timer)
{
    struct hf_link *link = timer->data;
    uint64_t now_ns = hf_network_now(link->network);
    if (link->draining && now_ns >= link->drain_until_ns) {
        close_handles(link);
        return;
    }
    if (!link->draining && now_ns >= link->ping_due_ns) {
        link->ping_due_ns = now_ns + link->network->options.ping_interval_ns;
        enum hf_status status = hf_network_ping_link(link);
        (void)status; /* Whatever keeps it from pinging, the next one comes in due time. */
    }
    run(link);
}

/*
 * A timer that is set for the same moment already is left alone: a link that is busy all the time
 * would push it away for ever.
 */
static void set_timer(struct hf_link *link)
{
    uint64_t due_ns = link->draining
                          ? link->drain_until_ns
                          : hf_min(hf_connection_deadline_ns(link->connection), link->ping_due_ns);
    uint64_t now_ns = link->network->now_ns;
    uint64_t left_ns = due_ns > now_ns ? due_ns - now_ns : 0;
    if (link->due_ns == due_ns && uv_is_active((uv_handle_t *)&link->timer))
        return;
    link->due_ns = due_ns;
    uv_update_time(&link->network->loop);
    (void)uv_timer_start(&link->timer, on_timer, left_ns / HF_MS(1) + 1, 0);
}

static void on_again(uv_idle_t *again)
{
    struct hf_link *link = again->data;
    hf_network_now(link->network);
    wake_up(link);
    run(link);
}

/* The loop does not wait meanwhile: it looks after all others once, and comes back. */
static void set_again(struct hf_link *link)
{
    bool waits = link->writing == 0 && hf_connection_waits(link->connection);
    bool tells = hf_connection_tells(link->connection);
    if (link->resting || ((waits || tells) && !link->draining))
        (void)uv_idle_start(&link->again, on_again);
    else
        (void)uv_idle_stop(&link->again);
}

/* A handler of another link's stream does not come back to this one: it has to see to it itself. */
static uint64_t on_used(void *owner)
{
    struct hf_link *link = owner;
    if (link->network->busy != link && !link->closing)
        (void)uv_idle_start(&link->again, on_again);
    return link->network->now_ns;
}

void hf_link_settle(struct hf_link *link)
{
    if (link->closing)
        return;
    /*
     * What flushing found no room for must not wait for somebody to come by: it may be the credit
     * that the peer waits for. Once all is sent there is room for all that can be owed at a time.
     */
    do {
        enum hf_status status = hf_connection_flush(link->connection, link->network->now_ns);
        if (status != HF_OK && !link->draining) {
            hf_link_end(link, status, hf_connection_reason(link->connection));
            return;
        }
        if (!send_ready(link))
            return;
        if (status != HF_OK)
            break;
    } while (link->writing == 0 && hf_connection_owes(link->connection));
    if (link->draining && link->writing == 0)
        finish_draining(link);
    if (link->closing)
        return;
    set_timer(link);
    set_again(link);
}

/*
 * What was being sent has gone, so those who wait for room go on, as long as the socket takes it;
 * but not for ever: a peer that reads as fast as we write must not keep the others waiting.
 */
static void run(struct hf_link *link)
{
    unsigned rounds = 0;
    do {
        take_events(link);
        hf_link_settle(link);
    } while (!link->draining && link->writing == 0 && hf_connection_waits(link->connection) &&
             ++rounds < HF_NETWORK_TURN_WRITES);
}

static void on_read_space(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct hf_link *link = handle->data;
    uint8_t *bytes = link->network->read_bytes;
    size_t lead = hf_connection_lead(link->connection, bytes);
    (void)suggested;
    *buffer = uv_buf_init((char *)bytes + lead, (unsigned)(HF_NETWORK_READ_BYTES - lead));
}

static void on_read(uv_stream_t *socket, ssize_t size, const uv_buf_t *buffer)
{
    struct hf_link *link = socket->data;
    uint8_t *bytes = link->network->read_bytes;
    size_t lead = (size_t)((uint8_t *)buffer->base - bytes);
    hf_network_now(link->network);
    if (size < 0) {
        if (link->draining)
            close_handles(link);
        else
            fail_socket(link, (int)size);
        return;
    }
    if (link->draining)
        return;
    hf_connection_receive(link->connection, bytes, lead + (size_t)size);
    take_events(link);
    if (hf_connection_frames(link->connection) > HF_NETWORK_TURN_FRAMES && !link->closing) {
        link->resting = true;
        (void)uv_read_stop(socket);
    }
    enum hf_status status = hf_connection_settle(link->connection);
    if (status != HF_OK)
        hf_link_end(link, status, hf_connection_reason(link->connection));
    run(link);
}

/*
 * The system takes no more than this ahead of what the network carries: so a ping does not wait
 * behind megabytes, and one sees soon that a slow peer reads.
 */
static void limit_unsent(struct hf_link *link)
{
    const int bytes = UNSENT_MAX;
    uv_os_fd_t socket;
    if (uv_fileno((uv_handle_t *)&link->tcp, &socket) == 0)
        (void)setsockopt(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);
}

void hf_link_begin(struct hf_link *link, const struct hf_peer_id *expected)
{
    struct hf_network *network = link->network;
    struct hf_connection_options options = {
        .dialer = !link->inbound,
        .credentials = &network->credentials,
        .expected = expected,
        .protocols = {network->names, network->protocols_count},
        .idle_ns = network->options.stream_idle_ns,
        .blocks = &network->blocks,
        .owner = link,
        .used = on_used,
        .allocator = &network->allocator,
    };
    enum hf_status status =
        hf_random_system_bytes(options.ephemeral, sizeof options.ephemeral, NULL);
    if (status == HF_OK)
        status = hf_connection_new(&link->connection, &options, network->now_ns, NULL);
    if (status != HF_OK) {
        hf_link_refuse(link, status, "no connection can be begun");
        return;
    }
    link->begun_ns = network->now_ns;
    network->connections++;
    network->half_open += link->inbound;
    (void)uv_tcp_nodelay(&link->tcp, 1);
    limit_unsent(link);
    int error = uv_read_start((uv_stream_t *)&link->tcp, on_read_space, on_read);
    if (error != 0)
        fail_socket(link, error);
    else
        hf_link_settle(link);
}
