/* SPDX-License-Identifier: MIT */

#include "net/network_state.h"

#include <stdio.h>

/* What the application asks for, from its thread to the network's. */

static enum hf_status push(struct hf_network *network, const struct hf_network_command *command)
{
    if (hf_load_acquire(&network->stop))
        return HF_CLOSED;
    enum hf_status status = hf_network_queue_push(&network->queue, command);
    if (status == HF_OK)
        (void)uv_async_send(&network->wake);
    return status;
}

enum hf_status hf_network_dial(
    struct hf_network *network, const struct hf_multiaddr *address, uint64_t dial)
{
    if (!network || !address || hf_multiaddr_bytes(address).size == 0)
        return HF_INVALID;
    struct hf_network_command command = {
        .kind = HF_COMMAND_DIAL, .number = dial, .address = *address};
    return push(network, &command);
}

enum hf_status hf_network_open(struct hf_network *network, const struct hf_peer_id *peer,
    const char *protocol, void *stream_context)
{
    if (!network || !peer || !protocol)
        return HF_INVALID;
    const struct hf_protocol *known = hf_network_protocol(network, protocol);
    /* The contexts of the built-in ones' streams are not the application's to set. */
    if (!known || known >= network->protocols + network->options.protocols_count)
        return HF_INVALID;
    struct hf_network_command command = {.kind = HF_COMMAND_OPEN,
        .peer = *peer,
        .protocol = known->name,
        .stream_context = stream_context};
    return push(network, &command);
}

enum hf_status hf_network_close(struct hf_network *network, uint64_t connection)
{
    if (!network)
        return HF_INVALID;
    struct hf_network_command command = {.kind = HF_COMMAND_CLOSE, .number = connection};
    return push(network, &command);
}

enum hf_status hf_network_ping(struct hf_network *network, const struct hf_peer_id *peer)
{
    if (!network || !peer)
        return HF_INVALID;
    struct hf_network_command command = {.kind = HF_COMMAND_PING, .peer = *peer};
    return push(network, &command);
}

static void open_stream(struct hf_network *network, const struct hf_network_command *command)
{
    const struct hf_protocol *protocol = hf_network_protocol(network, command->protocol);
    struct hf_link *link = hf_network_link(network, &command->peer);
    struct hf_stream *stream;
    enum hf_status status =
        link ? hf_link_open(link, protocol, command->stream_context, &stream) : HF_NOT_FOUND;
    if (status != HF_OK && protocol->failed)
        protocol->failed(protocol->context, command->stream_context, status);
    if (link)
        hf_link_settle(link);
}

static void close_connection(struct hf_network *network, uint64_t number)
{
    for (struct hf_link *link = network->links; link; link = link->next) {
        if (link->number == number && link->announced) {
            hf_link_end(link, HF_OK, "closed by this side");
            return;
        }
    }
}

static void ping_peer(struct hf_network *network, const struct hf_peer_id *peer)
{
    struct hf_link *link = hf_network_link(network, peer);
    enum hf_status status = link ? hf_network_ping_link(link) : HF_NOT_FOUND;
    if (status == HF_OK) {
        hf_link_settle(link);
        return;
    }
    struct hf_network_event event = {
        .kind = HF_NETWORK_PING_FAILED, .status = status, .peer = *peer};
    hf_network_tell(network, &event);
}

void hf_network_decline(struct hf_network *network, const struct hf_network_command *command)
{
    struct hf_network_event event = {
        .status = HF_CLOSED, .dial = command->number, .peer = command->peer};
    const struct hf_protocol *protocol;
    switch (command->kind) {
    case HF_COMMAND_DIAL:
        event.kind = HF_NETWORK_DIAL_FAILED;
        event.address = command->address;
        snprintf(event.reason, sizeof event.reason, "the network stops");
        hf_network_tell(network, &event);
        break;
    case HF_COMMAND_OPEN:
        protocol = hf_network_protocol(network, command->protocol);
        if (protocol->failed)
            protocol->failed(protocol->context, command->stream_context, HF_CLOSED);
        break;
    case HF_COMMAND_PING:
        event.kind = HF_NETWORK_PING_FAILED;
        hf_network_tell(network, &event);
        break;
    case HF_COMMAND_CLOSE:
        break;
    }
}

void hf_network_carry_out(struct hf_network *network, const struct hf_network_command *command)
{
    switch (command->kind) {
    case HF_COMMAND_DIAL:
        hf_network_begin_dial(network, command);
        break;
    case HF_COMMAND_OPEN:
        open_stream(network, command);
        break;
    case HF_COMMAND_CLOSE:
        close_connection(network, command->number);
        break;
    case HF_COMMAND_PING:
        ping_peer(network, &command->peer);
        break;
    }
}
