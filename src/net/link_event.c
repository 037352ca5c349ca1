/* SPDX-License-Identifier: MIT */

#include "net/network_state.h"

/* What a connection's events mean to the network, its protocols and the application. */

static const struct hf_protocol *handler_of(const struct hf_stream *stream)
{
    return hf_stream_handler(stream);
}

void hf_link_audit(const struct hf_link *link, const char *event, const char *reason)
{
    struct hf_audit *log = link->network->options.audit;
    if (!log)
        return;
    char address[HF_MULTIADDR_TEXT_BYTES];
    char peer[HF_PEER_ID_TEXT_BYTES];
    hf_multiaddr_write(&link->address, address, sizeof address);
    hf_peer_id_write(
        link->connection ? hf_connection_peer(link->connection) : NULL, peer, sizeof peer);
    struct hf_field fields[] = {
        hf_field_unsigned("connection", link->number),
        hf_field_text("address", address),
        hf_field_text("peer", peer),
        hf_field_boolean("inbound", link->inbound),
        hf_field_text("reason", reason),
    };
    /* A record that finds no room is named by a gap. */
    (void)hf_audit_emit(log, event, fields, sizeof fields / sizeof fields[0]);
}

struct hf_network_event hf_link_event(const struct hf_link *link, enum hf_network_event_kind kind)
{
    struct hf_network_event event = {
        .kind = kind,
        .inbound = link->inbound,
        .connection = link->number,
        .dial = link->dial_number,
        .address = link->address,
    };
    const struct hf_peer_id *peer = link->connection ? hf_connection_peer(link->connection) : NULL;
    if (peer)
        event.peer = *peer;
    return event;
}

void hf_link_end_stream(struct hf_stream *stream, enum hf_status status)
{
    const struct hf_protocol *handler = handler_of(stream);
    hf_stream_part(stream);
    if (handler && handler->closed)
        handler->closed(handler->context, stream, status);
    hf_stream_free(stream);
}

/* Limits that need the peer's identity. */
static void admit(struct hf_link *link)
{
    struct hf_network *network = link->network;
    const struct hf_peer_id *peer = hf_connection_peer(link->connection);
    /* Of those that are not ready yet, too, lest many become so together; and of those that are
     * over but still hold their place. */
    uint32_t count = 0;
    for (const struct hf_link *each = network->links; each; each = each->next)
        count += each != link && each->connection &&
                 hf_peer_id_equals(hf_connection_peer(each->connection), peer);
    if (hf_peer_id_equals(peer, &network->id))
        hf_link_end(link, HF_DENIED, "the peer is this node itself");
    else if (count >= network->options.per_peer_max)
        hf_link_end(link, HF_DENIED, "the peer has too many connections");
    else if (link->inbound && network->options.per_peer &&
             hf_limits_check_at(network->options.per_peer, hf_peer_id_bytes(peer), 1,
                 network->now_ns, NULL) != HF_OK)
        hf_link_end(link, HF_DENIED, "the peer connects too often");
}

static bool may_open(struct hf_link *link)
{
    const struct hf_limits *limits = link->network->options.streams_per_peer;
    struct hf_bytes peer = hf_peer_id_bytes(hf_connection_peer(link->connection));
    if (!limits || hf_limits_check_at(limits, peer, 1, link->network->now_ns, NULL) == HF_OK)
        return true;
    if (!link->refused) /* Once a connection: a peer must not fill the log. */
        hf_link_audit(link, "stream.refused", "the peer opens streams too often");
    link->refused = true;
    return false;
}

static void announce(struct hf_link *link)
{
    struct hf_network *network = link->network;
    link->announced = true;
    network->half_open -= link->inbound;
    hf_link_audit(link, "connection.opened", "");
    struct hf_network_event event = hf_link_event(link, HF_NETWORK_CONNECTED);
    hf_network_tell(network, &event);
    if (network->options.ping_interval_ns > 0)
        link->ping_due_ns = network->now_ns + network->options.ping_interval_ns;
    hf_network_greet(link);
}

typedef void handler_fn(void *context, struct hf_stream *stream);

static void call(handler_fn *function, const struct hf_protocol *handler, struct hf_stream *stream)
{
    if (function)
        function(handler->context, stream);
}

void hf_link_handle(struct hf_link *link, const struct hf_connection_event *event)
{
    struct hf_stream *stream = event->stream;
    const struct hf_protocol *handler = stream ? handler_of(stream) : NULL;
    switch (event->kind) {
    case HF_CONNECTION_SECURED:
        admit(link);
        break;
    case HF_CONNECTION_READY:
        announce(link);
        break;
    case HF_CONNECTION_OPENED:
        if (!may_open(link)) {
            hf_stream_reset(stream);
            break;
        }
        handler = &link->network->protocols[event->protocol];
        hf_stream_set_handler(stream, handler);
        call(handler->opened, handler, stream);
        break;
    case HF_CONNECTION_AGREED:
        call(handler->opened, handler, stream);
        break;
    case HF_CONNECTION_READABLE:
    case HF_CONNECTION_FINISHED:
        call(handler->readable, handler, stream);
        break;
    case HF_CONNECTION_WRITABLE:
        call(handler->writable, handler, stream);
        break;
    case HF_CONNECTION_REFUSED:
        hf_link_end_stream(stream, HF_UNSUPPORTED);
        break;
    case HF_CONNECTION_ENDED:
        hf_link_end_stream(stream, event->status);
        break;
    case HF_CONNECTION_PONG:
    case HF_CONNECTION_NOTHING:
    default:
        break;
    }
}

enum hf_status hf_link_open(struct hf_link *link, const struct hf_protocol *protocol,
    void *stream_context, struct hf_stream **stream)
{
    enum hf_status status =
        hf_connection_open(link->connection, protocol->name, link->network->now_ns, stream);
    if (status != HF_OK)
        return status;
    hf_stream_set_handler(*stream, protocol);
    hf_stream_set_context(*stream, stream_context);
    return HF_OK;
}
