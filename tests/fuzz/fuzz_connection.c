/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "net/connection_state.h"

/*
 * Whole sessions under attack. The first byte chooses. Either two connections talk to each other,
 * on streams that the input opens, writes, ends and resets, and the bytes between them are split
 * and changed: whatever they do, they end or go on, and what arrives is what was sent. Or one side
 * is by hand, behind a true handshake, and the input is what it says there: lines about the
 * multiplexer, frames of yamux and lines within them, in the clear below the sealing.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void promise(bool held)
{
    if (!held)
        abort();
}

static struct hf_identity identities[2];
static struct hf_noise_credentials own[2][2]; /* Of each side, without and with the muxer. */
static const struct hf_bytes names[] = {{"/echo/1", 7}, {"/other/1", 8}};

static void prepare(void)
{
    static const struct hf_bytes muxer = {HF_CONNECTION_YAMUX, sizeof(HF_CONNECTION_YAMUX) - 1};
    if (own[0][0].payload_bytes > 0)
        return;
    for (size_t side = 0; side < 2; side++) {
        const uint8_t secret[HF_KEY_BYTES] = {(uint8_t)(side + 1)};
        promise(hf_identity_from_seed(&identities[side], hf_bytes(secret, 32), NULL) == HF_OK);
        for (size_t inlined = 0; inlined < 2; inlined++) {
            struct hf_noise_credentials_options options = {
                &identities[side], secret, &muxer, inlined};
            promise(hf_noise_credentials_init(&own[side][inlined], &options) == HF_OK);
        }
    }
}

struct side {
    struct hf_connection *connection;
    enum hf_status status;
    uint8_t sent[1 << 19]; /* On its way to the other side. */
    size_t sent_size;
};

struct world {
    struct hf_block_pool blocks;
    struct side sides[2];
    uint64_t now_ns;
    bool changed; /* Somebody has changed bytes on their way. */
};

static void connect_side(struct world *world, size_t side, bool inlined)
{
    struct hf_connection_options options = {
        .dialer = side == 0,
        .credentials = &own[side][inlined],
        .protocols = {names, 2},
        .blocks = &world->blocks,
    };
    memset(options.ephemeral, (int)side + 3, sizeof options.ephemeral);
    struct hf_connection **made = &world->sides[side].connection;
    promise(hf_connection_new(made, &options, world->now_ns, NULL) == HF_OK);
}

/* What is sent are zeros. */
static void read_zeros(const struct world *world, struct hf_stream *stream)
{
    struct hf_bytes data = hf_stream_peek(stream);
    for (size_t i = 0; i < data.size && !world->changed; i++)
        promise(((const uint8_t *)data.data)[i] == 0);
    hf_stream_consume(stream, data.size);
    if (hf_stream_at_end(stream))
        hf_stream_finish(stream);
}

static void handle(const struct world *world, const struct hf_connection_event *event)
{
    struct hf_stream *stream = event->stream;
    static const uint8_t zeros[100];
    switch (event->kind) {
    case HF_CONNECTION_OPENED:
    case HF_CONNECTION_AGREED:
    case HF_CONNECTION_WRITABLE:
        promise(hf_stream_write(stream, hf_bytes(zeros, sizeof zeros)) <= sizeof zeros);
        break;
    case HF_CONNECTION_READABLE:
    case HF_CONNECTION_FINISHED:
        read_zeros(world, stream);
        break;
    case HF_CONNECTION_REFUSED:
    case HF_CONNECTION_ENDED:
        hf_stream_free(stream);
        break;
    default:
        break;
    }
}

static void check(const struct hf_connection *connection)
{
    size_t negotiating = 0;
    struct hf_stream *each = hf_connection_streams(connection);
    for (; each; each = hf_stream_next(each)) {
        negotiating += each->inbound && !each->agreed;
        promise(each->kept.end - each->kept.begin <= HF_YAMUX_WINDOW_MAX);
    }
    promise(negotiating == connection->negotiating);
    promise(negotiating <= HF_CONNECTION_NEGOTIATING_MAX);
    promise(hf_stash_bytes(&connection->stash).size < HF_CONNECTION_LEAD_MAX);
    promise(connection->outbox.ready <= HF_OUTBOX_BYTES_MAX + 2 * HF_OUTBOX_BLOCK_BYTES);
}

static void take_events(struct world *world, struct side *side)
{
    struct hf_connection_event event;
    do {
        side->status = hf_connection_next(side->connection, world->now_ns, &event);
        if (side->status == HF_OK)
            handle(world, &event);
    } while (side->status == HF_OK && event.kind != HF_CONNECTION_NOTHING);
    if (side->status == HF_OK)
        side->status = hf_connection_settle(side->connection);
    promise((side->status == HF_OK) == (hf_connection_reason(side->connection)[0] == '\0'));
    check(side->connection);
}

static void receive(struct world *world, struct side *side, const uint8_t *bytes, size_t size)
{
    static uint8_t in[HF_CONNECTION_LEAD_MAX + sizeof world->sides[0].sent];
    if (side->status != HF_OK)
        return;
    size_t lead = hf_connection_lead(side->connection, in);
    memcpy(in + lead, bytes, size);
    hf_connection_receive(side->connection, in, lead + size);
    take_events(world, side);
}

static void send_all(struct world *world, struct side *side)
{
    struct hf_bytes piece;
    if (hf_connection_flush(side->connection, world->now_ns) != HF_OK)
        return;
    while (hf_connection_pieces(side->connection, &piece, 1) > 0) {
        size_t room = sizeof side->sent - side->sent_size;
        size_t size = piece.size < room ? piece.size : room;
        if (size == 0)
            return;
        memcpy(side->sent + side->sent_size, piece.data, size);
        side->sent_size += size;
        hf_connection_sent(side->connection, size, world->now_ns);
    }
}

/* Lets some of what is on its way arrive. */
static void deliver(struct world *world, size_t from, size_t size)
{
    struct side *side = &world->sides[from];
    send_all(world, side);
    size = size < side->sent_size ? size : side->sent_size;
    receive(world, &world->sides[!from], side->sent, size);
    memmove(side->sent, side->sent + size, side->sent_size - size);
    side->sent_size -= size;
}

static void shake_hands(struct world *world)
{
    for (int i = 0; i < 6; i++)
        deliver(world, (size_t)(i % 2), SIZE_MAX);
}

/* Something that an application may do. */
static void use(struct world *world, struct side *side, uint8_t how)
{
    static const uint8_t zeros[20000];
    static const char *const wanted[] = {"/echo/1", "/other/1", "/none", "/echo/1"};
    struct hf_stream *stream = hf_connection_streams(side->connection);
    for (unsigned i = 0; stream && hf_stream_next(stream) && i < how >> 5; i++)
        stream = hf_stream_next(stream);
    if (side->status != HF_OK)
        return;
    if (how % 4 == 0 || !stream)
        promise(hf_connection_open(
                    side->connection, wanted[how >> 2 & 3], world->now_ns, &stream) != HF_INVALID);
    else if (how % 4 == 1)
        promise(hf_stream_write(stream, hf_bytes(zeros, sizeof zeros)) <= sizeof zeros);
    else if (how % 4 == 2)
        hf_stream_finish(stream);
    else
        hf_stream_reset(stream);
}

/* Two bytes of input for each thing done. */
static void talk(struct world *world, const uint8_t *data, size_t size)
{
    for (; size >= 2; size -= 2, data += 2) {
        size_t me = data[0] & 1;
        struct side *side = &world->sides[me];
        if (data[0] % 16 < 12) {
            deliver(world, me, data[0] & 2 ? data[1] : (size_t)data[1] << 10);
        } else if (data[0] % 16 < 14) {
            use(world, side, data[1]);
        } else if (data[0] >= 224 && side->sent_size > 0) {
            world->changed = true;
            side->sent[data[1] % side->sent_size] ^= (uint8_t)(1 + (data[0] & 1));
        } else {
            world->now_ns += data[1] * UINT64_C(10000000);
        }
    }
}

/* Seals what the other side is to be told, in frames of the piece's size. */
static void say(struct world *world, struct hf_noise *noise, const uint8_t *data, size_t size)
{
    static uint8_t frame[HF_NOISE_FRAME_BYTES_MAX];
    struct hf_bytes text = hf_bytes(data, size);
    size_t frame_bytes;
    if (size == 0)
        return;
    promise(hf_noise_seal(noise, &text, 1, frame, &frame_bytes) == HF_OK);
    receive(world, &world->sides[1], frame, frame_bytes);
}

/* Eight bytes of input for a frame of yamux, whose payload, if any, is lines or zeros. */
static void say_frame(struct world *world, struct hf_noise *noise, const uint8_t *spelled)
{
    static uint8_t out[HF_YAMUX_HEADER_BYTES + 40000];
    static const char *const lines[] = {"\x13/multistream/1.0.0\n\x08/echo/1\n",
        "\x13/multistream/1.0.0\n\x03na\n", "\x13/multistream/1.0.0\n\x06/none\n",
        "\x13/multistream/1.0.0\n\x03ls\n"};
    uint32_t length = (uint32_t)spelled[4] << (spelled[5] % 20);
    size_t payload = 0;
    memset(out, 0, sizeof out);
    if (spelled[0] % 5 == HF_YAMUX_DATA && length <= 40000) {
        const char *line = lines[spelled[6] & 3];
        payload = spelled[6] & 4 ? strlen(line) : length;
        length = (uint32_t)payload;
        memcpy(out + HF_YAMUX_HEADER_BYTES, line, payload < strlen(line) ? payload : strlen(line));
    }
    struct hf_yamux_frame header = {
        spelled[7] == 255, spelled[0] % 5, spelled[1] % 17, spelled[2], length};
    hf_yamux_frame_write(header, out);
    say(world, noise, out, HF_YAMUX_HEADER_BYTES + payload);
}

/* The dialer by hand: the listener is the one under attack. */
static void impose(struct world *world, const uint8_t *data, size_t size, bool spelled)
{
    struct hf_noise noise;
    const struct hf_noise_options options = {true, &own[0][spelled], NULL};
    uint8_t ephemeral[HF_KEY_BYTES] = {7};
    uint8_t greeting[HF_NOISE_GREETING_BYTES_MAX];
    static const char lines[] = "\x13/multistream/1.0.0\n\x07/noise\n";
    struct hf_noise_frame frame;
    size_t greeting_bytes;
    struct side *listener = &world->sides[1];
    promise(hf_noise_init(&noise, &options, ephemeral) == HF_OK);
    promise(hf_noise_handshake(&noise, greeting, &greeting_bytes) == HF_OK);
    receive(world, listener, (const uint8_t *)lines, sizeof lines - 1);
    receive(world, listener, greeting, greeting_bytes);
    send_all(world, listener);
    uint8_t *answer = listener->sent + sizeof lines - 1;
    size_t answer_bytes = listener->sent_size - (sizeof lines - 1);
    promise(hf_noise_receive(&noise, answer, answer_bytes, &frame) == HF_OK);
    promise(hf_noise_handshake(&noise, greeting, &greeting_bytes) == HF_OK);
    receive(world, listener, greeting, greeting_bytes);
    promise(hf_connection_peer(listener->connection) != NULL);
    for (size_t step = 8; size >= step && listener->status == HF_OK; size -= step, data += step) {
        if (spelled)
            say_frame(world, &noise, data);
        else
            say(world, &noise, data, step);
        if (data[0] & 8)
            use(world, listener, data[3]);
        listener->sent_size = 0;
        send_all(world, listener);
        world->now_ns += data[3] * UINT64_C(100003);
    }
    hf_noise_fini(&noise);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;
    prepare();
    if (size == 0)
        return 0;
    uint8_t how = data[0];
    world.now_ns = 1;
    world.changed = how & 1; /* What is made up need not be zeros. */
    for (size_t side = 0; side < 2; side++) { /* Without what was sent, which is large. */
        world.sides[side].connection = NULL;
        world.sides[side].status = HF_OK;
        world.sides[side].sent_size = 0;
    }
    hf_block_pool_init(&world.blocks, NULL);
    connect_side(&world, 1, how & 4);
    if (how & 1) {
        impose(&world, data + 1, size - 1, how & 4);
    } else {
        connect_side(&world, 0, how & 4);
        if (how & 2)
            shake_hands(&world);
        talk(&world, data + 1, size - 1);
    }
    hf_connection_free(world.sides[0].connection);
    hf_connection_free(world.sides[1].connection);
    hf_block_pool_fini(&world.blocks);
    return 0;
}
