/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/allocator.h"
#include "net/connection_state.h"
#include "net/network_state.h"
#include "net/perf.h"
#include "net/ping.h"

/*
 * A peer that speaks ping, identify, its push and perf in any way, below the sealing and without a
 * socket: the input opens, writes, ends and resets streams of the built-in protocols, and answers
 * those that the node opens itself. The limits of each hold, and no ping is ever taken for
 * answered, since nobody told the input what was sent.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void promise(bool held)
{
    if (!held)
        abort();
}

/* One channel for all inputs: making one takes longer than all that is done here. */
static struct hf_identity identities[2];
static struct hf_noise_credentials own[2];
static struct hf_noise channels[2];

static void carry(struct hf_noise *from, struct hf_noise *to)
{
    uint8_t message[HF_NOISE_GREETING_BYTES_MAX];
    struct hf_noise_frame frame;
    size_t size;
    promise(hf_noise_handshake(from, message, &size) == HF_OK);
    promise(hf_noise_receive(to, message, size, &frame) == HF_OK);
}

static void prepare(void)
{
    if (channels[0].state == HF_NOISE_ESTABLISHED)
        return;
    for (size_t side = 0; side < 2; side++) {
        uint8_t secret[HF_KEY_BYTES] = {(uint8_t)(side + 1)};
        promise(hf_identity_from_seed(&identities[side], hf_bytes(secret, 32), NULL) == HF_OK);
        struct hf_noise_credentials_options options = {&identities[side], secret, NULL, 0};
        promise(hf_noise_credentials_init(&own[side], &options) == HF_OK);
        const struct hf_noise_options noise = {side == 0, &own[side], NULL};
        promise(hf_noise_init(&channels[side], &noise, secret) == HF_OK);
    }
    carry(&channels[0], &channels[1]);
    carry(&channels[1], &channels[0]);
    carry(&channels[0], &channels[1]);
}

static struct hf_network network;
static struct hf_link victim;
static struct hf_manual_clock clock_of_ours;

static struct hf_connection *new_connection(void)
{
    struct hf_connection *made =
        hf_allocate(hf_allocator_libc(), sizeof *made, _Alignof(struct hf_connection));
    promise(made != NULL);
    *made = (struct hf_connection){
        .phase = HF_PHASE_STREAMS,
        .allocator = *hf_allocator_libc(),
        .protocols = {network.names, network.protocols_count},
        .owner = &victim,
        .noise = channels[1],
        .outbox = {.pool = &network.blocks},
        .peer = *hf_noise_peer(&channels[1]),
        .secured = true,
        .idle_ns = HF_CONNECTION_IDLE_NS,
        .setup_deadline_ns = UINT64_MAX,
        .stall_deadline_ns = UINT64_MAX,
        .streams_deadline_ns = UINT64_MAX,
    };
    const struct hf_yamux_options options = {.dialer = false};
    promise(hf_yamux_new(&made->mux, &options, network.now_ns, NULL) == HF_OK);
    return made;
}

static void begin(void)
{
    static struct hf_network_event events[HF_NETWORK_EVENTS_MAX];
    memset(&network, 0, sizeof network);
    hf_manual_clock_init(&clock_of_ours, 1);
    network.allocator = *hf_allocator_libc();
    network.clock = hf_manual_clock(&clock_of_ours);
    network.options.perf = true;
    network.queue.events = events;
    network.event_fd = -1;
    network.id = identities[1].id;
    hf_block_pool_init(&network.blocks, NULL);
    hf_network_add_built_in(&network);
    for (size_t i = 0; i < network.protocols_count; i++)
        network.names[i] = hf_bytes(network.protocols[i].name, strlen(network.protocols[i].name));
    promise(hf_identity_write_public(&identities[1], network.public_key) == HF_OK);
    (void)hf_network_now(&network);
    victim = (struct hf_link){.network = &network, .inbound = true, .listed = true};
    network.links = &victim;
    network.half_open = 1;
    victim.connection = new_connection();
}

static void end(void)
{
    struct hf_stream *stream;
    while ((stream = hf_connection_streams(victim.connection)) != NULL)
        hf_link_end_stream(stream, HF_CLOSED);
    channels[1] = victim.connection->noise; /* With the numbers of its frames. */
    victim.connection->noise = (struct hf_noise){.state = HF_NOISE_FAILED};
    hf_connection_free(victim.connection);
    hf_block_pool_fini(&network.blocks);
}

static unsigned streams_of(const char *protocol)
{
    unsigned count = 0;
    const struct hf_stream *each = hf_connection_streams(victim.connection);
    for (; each; each = hf_stream_next(each)) {
        const struct hf_protocol *handler = hf_stream_handler(each);
        count += hf_stream_inbound(each) && handler && strcmp(handler->name, protocol) == 0;
    }
    return count;
}

static void check(void)
{
    struct hf_network_event event;
    promise(streams_of(HF_PING_PROTOCOL) <= HF_PING_STREAMS_MAX);
    promise(streams_of(HF_PERF_PROTOCOL) <= HF_PERF_STREAMS_MAX);
    promise(streams_of("/ipfs/id/1.0.0") <= 2);
    promise(streams_of("/ipfs/id/push/1.0.0") <= 2);
    while (hf_network_queue_take(&network.queue, &event))
        promise(event.kind != HF_NETWORK_PINGED);
}

/* What was flushed has been sent. False: the connection is over. */
static bool send_all(void)
{
    struct hf_bytes piece;
    bool well = hf_connection_flush(victim.connection, network.now_ns) == HF_OK;
    while (hf_connection_pieces(victim.connection, &piece, 1) > 0)
        hf_connection_sent(victim.connection, piece.size, network.now_ns);
    return well;
}

/* Lets bytes be taken as if they had just been opened. False: the connection is over. */
static bool take(const uint8_t *bytes, size_t size)
{
    struct hf_connection_event event;
    victim.connection->plain = hf_bytes(bytes, size);
    do {
        if (hf_connection_next(victim.connection, network.now_ns, &event) != HF_OK)
            return false;
        hf_link_handle(&victim, &event);
        check();
        if (victim.doomed)
            return false;
    } while (event.kind != HF_CONNECTION_NOTHING);
    return hf_connection_settle(victim.connection) == HF_OK && send_all();
}

/* What a step of the input says: three bytes, and as many of those behind as it takes. */
static const char *const lines[] = {
    "\x13/multistream/1.0.0\n\x11/ipfs/ping/1.0.0\n",
    "\x13/multistream/1.0.0\n\x0f/ipfs/id/1.0.0\n",
    "\x13/multistream/1.0.0\n\x14/ipfs/id/push/1.0.0\n",
    "\x13/multistream/1.0.0\n\x0c/perf/1.0.0\n",
    "\x13/multistream/1.0.0\n\x03na\n",
};

static bool say(uint8_t what, uint8_t how, uint32_t id, const uint8_t *data, size_t size)
{
    static const uint16_t flags[] = {0, HF_YAMUX_SYN, HF_YAMUX_FIN, HF_YAMUX_RST,
        HF_YAMUX_SYN | HF_YAMUX_FIN, HF_YAMUX_ACK, HF_YAMUX_ACK | HF_YAMUX_FIN, 0};
    uint8_t out[HF_YAMUX_HEADER_BYTES + 512];
    struct hf_yamux_frame frame = {HF_YAMUX_VERSION, HF_YAMUX_DATA, flags[how & 7], id, 0};
    if (what == 1) { /* A name, and data behind it. */
        const char *line = lines[how % 5];
        frame.length = (uint32_t)strlen(line);
        memcpy(out + HF_YAMUX_HEADER_BYTES, line, frame.length);
        frame.flags = flags[how >> 5];
    }
    if (what <= 1) {
        memcpy(out + HF_YAMUX_HEADER_BYTES + frame.length, data, size);
        frame.length += (uint32_t)size;
        hf_yamux_frame_write(frame, out);
        return take(out, HF_YAMUX_HEADER_BYTES + frame.length);
    }
    frame.type = what == 2 ? HF_YAMUX_WINDOW_UPDATE : HF_YAMUX_PING;
    frame.stream = what == 2 ? id : 0;
    frame.length = (uint32_t)how << (what == 2 ? 8 : 0);
    hf_yamux_frame_write(frame, out);
    return take(out, HF_YAMUX_HEADER_BYTES);
}

static bool step(const uint8_t **data, size_t *size)
{
    uint8_t what = (*data)[0] % 6, how = (*data)[1], id = (*data)[2] % 24;
    size_t more = what <= 1 ? (*data)[0] / 6 * 3 : 0;
    *data += 3, *size -= 3;
    more = more < *size ? more : *size;
    bool well = true;
    if (what <= 3) {
        well = say(what, how, id, *data, more);
    } else if (what == 4) {
        hf_manual_clock_advance(&clock_of_ours, how * HF_MS(100));
        (void)hf_network_now(&network);
        well = take(NULL, 0);
    } else {
        promise(hf_network_ping_link(&victim) != HF_INVALID);
        well = send_all();
    }
    *data += more, *size -= more;
    return well;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct hf_connection_event ready = {.kind = HF_CONNECTION_READY};
    prepare();
    begin();
    hf_link_handle(&victim, &ready); /* The node asks who the peer is, on the stream of number 2. */
    bool well = send_all();
    while (well && size >= 3)
        well = step(&data, &size);
    end();
    return 0;
}
