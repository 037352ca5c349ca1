/* SPDX-License-Identifier: MIT */

#include "net/network_state.h"

#include <stdio.h>
#include <string.h>

#include "base/minmax.h"
#include "net/identify.h"
#include "net/perf.h"
#include "net/ping.h"

/* What every node speaks of its own accord: ping, identify and its push and, if asked to, perf. */

#define FAMILY "ipfs/0.1.0"
#define IDENTIFY_WITHIN_NS HF_SECONDS(5)
#define IDENTIFY_STREAMS_MAX 2

static struct hf_link *link_of(const struct hf_stream *stream)
{
    return hf_stream_owner(stream);
}

/* Whether the peer has more than so many streams open on the connection that one handler has. */
static bool is_one_too_many(const struct hf_stream *stream, unsigned most)
{
    unsigned count = 0;
    const struct hf_stream *each = hf_connection_streams(link_of(stream)->connection);
    for (; each; each = hf_stream_next(each))
        count += hf_stream_inbound(each) && hf_stream_handler(each) == hf_stream_handler(stream);
    return count > most;
}

static void allow_idle(struct hf_stream *stream, uint64_t idle_ns)
{
    hf_stream_set_deadline(stream, link_of(stream)->network->now_ns + idle_ns);
}

/* A ping of ours that is under way. */
struct ping {
    uint64_t sent_ns;
    size_t answered;
    uint8_t bytes[HF_PING_BYTES];
};

static void tell_ping(const struct hf_link *link, enum hf_status status, uint64_t round_trip_ns)
{
    struct hf_network_event event = {
        .kind = status == HF_OK ? HF_NETWORK_PINGED : HF_NETWORK_PING_FAILED,
        .status = status,
        .connection = link->number,
        .round_trip_ns = round_trip_ns,
        .peer = *hf_connection_peer(link->connection),
        .address = link->address,
    };
    hf_network_tell(link->network, &event);
}

static void ping_opened(void *context, struct hf_stream *stream)
{
    (void)context;
    struct hf_link *link = link_of(stream);
    struct ping *ping = hf_stream_context(stream);
    if (hf_stream_inbound(stream)) {
        if (is_one_too_many(stream, HF_PING_STREAMS_MAX))
            hf_stream_reset(stream);
        else
            allow_idle(stream, HF_PING_IDLE_NS);
        return;
    }
    ping->sent_ns = link->network->now_ns;
    size_t written = hf_stream_write(stream, hf_bytes(ping->bytes, sizeof ping->bytes));
    (void)written; /* A new stream's window takes it whole, or the connection has failed. */
    allow_idle(stream, HF_PING_WITHIN_NS);
}

/* Whatever has come goes back, as far as there is room. */
static void send_back(struct hf_stream *stream)
{
    struct hf_bytes data;
    while ((data = hf_stream_peek(stream)).size > 0) {
        size_t size = hf_stream_write(stream, data);
        if (size == 0)
            return;
        hf_stream_consume(stream, size);
    }
    if (hf_stream_at_end(stream))
        hf_stream_finish(stream);
}

/* An answer has to be what was sent. */
static void compare(struct hf_stream *stream, struct ping *ping)
{
    struct hf_link *link = link_of(stream);
    struct hf_bytes data = hf_stream_peek(stream);
    size_t size = hf_min(data.size, sizeof ping->bytes - ping->answered);
    bool same = size == 0 || memcmp(data.data, ping->bytes + ping->answered, size) == 0;
    ping->answered += size;
    hf_stream_consume(stream, data.size);
    if (same && ping->answered < sizeof ping->bytes && !hf_stream_at_end(stream))
        return;
    bool answered = same && ping->answered == sizeof ping->bytes;
    uint64_t now_ns = hf_network_now(link->network);
    tell_ping(link, answered ? HF_OK : HF_MALFORMED, answered ? now_ns - ping->sent_ns : 0);
    hf_release(&link->network->allocator, ping, sizeof *ping, _Alignof(struct ping));
    hf_stream_set_context(stream, NULL);
    hf_stream_finish(stream);
}

static void ping_readable(void *context, struct hf_stream *stream)
{
    (void)context;
    struct ping *ping = hf_stream_context(stream);
    if (hf_stream_inbound(stream)) {
        allow_idle(stream, HF_PING_IDLE_NS);
        send_back(stream);
    } else if (ping) {
        compare(stream, ping);
    } else {
        hf_stream_consume(stream, hf_stream_peek(stream).size);
    }
}

static void ping_writable(void *context, struct hf_stream *stream)
{
    (void)context;
    if (hf_stream_inbound(stream))
        send_back(stream);
}

/* A peer that refuses to speak ping has answered in its way, but not to what was asked. */
static void ping_closed(void *context, struct hf_stream *stream, enum hf_status status)
{
    (void)context;
    struct ping *ping = hf_stream_context(stream);
    struct hf_link *link = link_of(stream);
    if (hf_stream_inbound(stream) || !ping)
        return;
    tell_ping(link, status == HF_OK ? HF_CLOSED : status, 0);
    hf_release(&link->network->allocator, ping, sizeof *ping, _Alignof(struct ping));
}

static const struct hf_protocol ping_protocol = {
    .name = HF_PING_PROTOCOL,
    .opened = ping_opened,
    .readable = ping_readable,
    .writable = ping_writable,
    .closed = ping_closed,
};

/* One at a time, as the specification has it; streams that have done their work do not count. */
static bool is_pinging(const struct hf_link *link)
{
    const struct hf_stream *each = hf_connection_streams(link->connection);
    while (each && !(hf_stream_handler(each) == &ping_protocol && hf_stream_context(each)))
        each = hf_stream_next(each);
    return each != NULL;
}

enum hf_status hf_network_ping_link(struct hf_link *link)
{
    struct hf_network *network = link->network;
    struct hf_stream *stream;
    if (is_pinging(link))
        return HF_FULL;
    struct ping *ping = hf_allocate(&network->allocator, sizeof *ping, _Alignof(struct ping));
    if (!ping)
        return HF_NO_MEMORY;
    enum hf_status status = hf_random_system_bytes(ping->bytes, sizeof ping->bytes, NULL);
    if (status == HF_OK)
        status = hf_link_open(link, &ping_protocol, ping, &stream);
    if (status != HF_OK)
        hf_release(&network->allocator, ping, sizeof *ping, _Alignof(struct ping));
    return status;
}

/* What we say of ourselves to the peer of a link. */
static void describe(const struct hf_link *link, struct hf_identify *said)
{
    const struct hf_network *network = link->network;
    memset(said, 0, sizeof *said);
    said->public_key = hf_bytes(network->public_key, sizeof network->public_key);
    said->observed = hf_multiaddr_bytes(&link->address);
    said->version = hf_bytes(FAMILY, sizeof FAMILY - 1);
    said->agent = hf_bytes(network->agent, strlen(network->agent));
    for (size_t i = 0; i < network->protocols_count; i++)
        said->protocols[said->protocols_count++] = network->names[i];
    for (size_t i = 0; i < network->listeners_count; i++)
        said->addresses[said->addresses_count++] = hf_multiaddr_bytes(&network->addresses[i]);
}

/* What does not fit is left out from the end of the list of protocols, then of addresses. */
static enum hf_status write_description(
    const struct hf_link *link, uint8_t *out, struct hf_bytes *written)
{
    struct hf_identify said;
    describe(link, &said);
    for (;;) {
        enum hf_status status = hf_identify_write(&said, out, HF_IDENTIFY_OWN_BYTES_MAX, written);
        if (status != HF_FULL)
            return status;
        if (said.protocols_count > 0)
            said.protocols_count--;
        else if (said.addresses_count > 0)
            said.addresses_count--;
        else
            return status;
    }
}

/* A peer asks who we are; or we ask, and it says so by writing. */
static void identify_opened(void *context, struct hf_stream *stream)
{
    (void)context;
    uint8_t out[HF_IDENTIFY_OWN_BYTES_MAX];
    struct hf_bytes written;
    allow_idle(stream, IDENTIFY_WITHIN_NS);
    if (!hf_stream_inbound(stream)) {
        hf_stream_finish(stream);
        return;
    }
    if (is_one_too_many(stream, IDENTIFY_STREAMS_MAX) ||
        write_description(link_of(stream), out, &written) != HF_OK ||
        hf_stream_write(stream, written) != written.size)
        hf_stream_reset(stream);
    else
        hf_stream_finish(stream);
}

/* Whether it can stand among others with spaces between. */
static bool is_printable(struct hf_bytes name)
{
    const uint8_t *bytes = name.data;
    for (size_t i = 0; i < name.size; i++) {
        if (bytes[i] <= ' ' || bytes[i] == 0x7f)
            return false;
    }
    return name.size > 0;
}

/* Names with spaces between, as many as have room. */
static void list_protocols(const struct hf_identify *said, char *out, size_t size_max)
{
    size_t size = 0;
    for (size_t i = 0; i < said->protocols_count; i++) {
        struct hf_bytes name = said->protocols[i];
        if (!is_printable(name) || size + name.size + 2 > size_max)
            continue;
        if (size > 0)
            out[size++] = ' ';
        memcpy(out + size, name.data, name.size);
        size += name.size;
    }
    out[size] = '\0';
}

/* A peer that claims another key than its own is not believed at all. Its link ends once the stream
 * that says so has: this is called while that is being told of its end. */
static void tell_identity(struct hf_link *link, const struct hf_identify_reader *reader)
{
    struct hf_identify said;
    struct hf_peer_id claimed;
    if (hf_identify_read(reader, &said) != HF_OK)
        return;
    bool honest = said.public_key.size == 0 ||
                  (hf_peer_id_of_key(said.public_key, &claimed, NULL) == HF_OK &&
                      hf_peer_id_equals(&claimed, hf_connection_peer(link->connection)));
    if (!honest) {
        link->doomed = "the peer claims a key that is not its own";
        return;
    }
    struct hf_network_event event = {
        .kind = HF_NETWORK_IDENTIFIED,
        .connection = link->number,
        .peer = *hf_connection_peer(link->connection),
        .address = link->address,
    };
    snprintf(event.agent, sizeof event.agent, "%.*s", (int)hf_min(said.agent.size, 127),
        said.agent.size > 0 ? (const char *)said.agent.data : "");
    list_protocols(&said, event.protocols, sizeof event.protocols);
    hf_network_tell(link->network, &event);
}

static void identify_readable(void *context, struct hf_stream *stream)
{
    (void)context;
    struct hf_identify_reader *reader = hf_stream_context(stream);
    struct hf_bytes data = hf_stream_peek(stream);
    enum hf_status status = reader ? hf_identify_gather(reader, data) : HF_OK;
    hf_stream_consume(stream, data.size);
    if (status != HF_OK)
        hf_stream_set_deadline(stream, 0); /* It goes with the next event. */
}

static void identify_closed(void *context, struct hf_stream *stream, enum hf_status status)
{
    (void)context;
    struct hf_link *link = link_of(stream);
    struct hf_identify_reader *reader = hf_stream_context(stream);
    if (!reader)
        return;
    if (status == HF_OK)
        tell_identity(link, reader);
    hf_release(
        &link->network->allocator, reader, sizeof *reader, _Alignof(struct hf_identify_reader));
}

static const struct hf_protocol identify_protocol = {
    .name = HF_IDENTIFY_PROTOCOL,
    .opened = identify_opened,
    .readable = identify_readable,
    .closed = identify_closed,
};

/* Asks the peer who it is. Without an answer the connection is as good. */
void hf_network_greet(struct hf_link *link)
{
    struct hf_network *network = link->network;
    struct hf_stream *stream;
    struct hf_identify_reader *reader =
        hf_allocate(&network->allocator, sizeof *reader, _Alignof(struct hf_identify_reader));
    if (reader && hf_link_open(link, &identify_protocol, reader, &stream) != HF_OK)
        hf_release(
            &network->allocator, reader, sizeof *reader, _Alignof(struct hf_identify_reader));
}

/* What a peer pushes is not used: the limits are those of what it is asked for. */
static void push_opened(void *context, struct hf_stream *stream)
{
    (void)context;
    if (is_one_too_many(stream, IDENTIFY_STREAMS_MAX))
        hf_stream_reset(stream);
    else
        allow_idle(stream, IDENTIFY_WITHIN_NS);
}

static void push_readable(void *context, struct hf_stream *stream)
{
    (void)context;
    hf_stream_consume(stream, hf_stream_peek(stream).size);
    if (hf_stream_at_end(stream))
        hf_stream_finish(stream);
}

/* What a stream of perf's still has to do is in its context: bytes asked for, and how far we are.
 */
struct perf {
    uint64_t asked;
    size_t asked_bytes; /* Of the eight that say so. */
};

static void perf_opened(void *context, struct hf_stream *stream)
{
    (void)context;
    struct hf_network *network = link_of(stream)->network;
    struct perf *perf = NULL;
    if (hf_stream_inbound(stream) && !is_one_too_many(stream, HF_PERF_STREAMS_MAX))
        perf = hf_allocate(&network->allocator, sizeof *perf, _Alignof(struct perf));
    if (perf)
        hf_stream_set_context(stream, perf);
    else
        hf_stream_reset(stream);
}

static void send_asked(struct hf_stream *stream, struct perf *perf)
{
    static const uint8_t zeros[65536];
    while (perf->asked > 0) {
        size_t size =
            hf_stream_write(stream, hf_bytes(zeros, (size_t)hf_min(perf->asked, sizeof zeros)));
        if (size == 0)
            return;
        perf->asked -= size;
    }
    hf_stream_finish(stream);
}

static void perf_readable(void *context, struct hf_stream *stream)
{
    (void)context;
    struct perf *perf = hf_stream_context(stream);
    struct hf_bytes data = hf_stream_peek(stream);
    for (size_t i = 0; i < data.size && perf->asked_bytes < 8; i++, perf->asked_bytes++)
        perf->asked = perf->asked << 8 | ((const uint8_t *)data.data)[i];
    hf_stream_consume(stream, data.size);
    if (hf_stream_at_end(stream))
        send_asked(stream, perf);
}

static void perf_writable(void *context, struct hf_stream *stream)
{
    (void)context;
    if (hf_stream_at_end(stream))
        send_asked(stream, hf_stream_context(stream));
}

static void perf_closed(void *context, struct hf_stream *stream, enum hf_status status)
{
    (void)context;
    (void)status;
    struct perf *perf = hf_stream_context(stream);
    struct hf_network *network = link_of(stream)->network;
    hf_release(&network->allocator, perf, sizeof *perf, _Alignof(struct perf));
}

/*
 * An application that has a protocol of the same name answers in our stead. What we ask of peers
 * goes by our own handlers all the same: the contexts of those streams are ours.
 */
static void add(struct hf_network *network, struct hf_protocol protocol)
{
    if (!hf_network_protocol(network, protocol.name))
        network->protocols[network->protocols_count++] = protocol;
}

void hf_network_add_built_in(struct hf_network *network)
{
    add(network, ping_protocol);
    add(network, identify_protocol);
    add(network, (struct hf_protocol){
                     .name = HF_IDENTIFY_PUSH_PROTOCOL,
                     .opened = push_opened,
                     .readable = push_readable,
                 });
    if (network->options.perf)
        add(network, (struct hf_protocol){
                         .name = HF_PERF_PROTOCOL,
                         .opened = perf_opened,
                         .readable = perf_readable,
                         .writable = perf_writable,
                         .closed = perf_closed,
                     });
}
