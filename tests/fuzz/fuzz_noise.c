/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "net/noise.h"

/*
 * A secure channel under attack. The first byte chooses: whatever bytes instead of a handshake, a
 * handshake with changed bytes, a payload made up, or an established channel whose frames somebody
 * changes, repeats, leaves out and cuts.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void promise(bool held)
{
    if (!held)
        abort();
}

#define SIDES 2
static struct hf_noise_credentials own[SIDES];
static struct hf_identity identities[SIDES];
static const struct hf_bytes muxers[] = {{"/yamux/1.0.0", 12}};

static void prepare(void)
{
    if (own[0].payload_bytes > 0)
        return;
    for (size_t side = 0; side < SIDES; side++) {
        const uint8_t secret[HF_KEY_BYTES] = {(uint8_t)(side + 1)};
        struct hf_bytes seed = hf_bytes(secret, sizeof(secret));
        const struct hf_noise_credentials_options options = {&identities[side], secret, muxers, 1};
        promise(hf_identity_from_seed(&identities[side], seed, NULL) == HF_OK);
        promise(hf_noise_credentials_init(&own[side], &options) == HF_OK);
    }
}

static void start(struct hf_noise *noise, bool initiator)
{
    uint8_t ephemeral[HF_KEY_BYTES] = {(uint8_t)(initiator + 3)};
    const struct hf_noise_options options = {initiator, &own[!initiator], NULL};
    promise(hf_noise_init(noise, &options, ephemeral) == HF_OK);
}

/* Shows more and more of the input, and takes what can be taken. */
static enum hf_status show(struct hf_noise *noise, uint8_t *data, size_t size, size_t step)
{
    uint8_t out[HF_NOISE_GREETING_BYTES_MAX];
    struct hf_noise_frame frame = {0};
    size_t out_bytes;
    size_t taken = 0;
    enum hf_status status = hf_noise_handshake(noise, out, &out_bytes);
    for (size_t shown = 0; status == HF_OK && shown < size;) {
        shown = size - shown < step ? size : shown + step;
        while ((status = hf_noise_receive(noise, data + taken, shown - taken, &frame)) == HF_OK) {
            taken += frame.size;
            promise(taken <= shown);
            status = hf_noise_handshake(noise, out, &out_bytes);
            if (status != HF_OK)
                return status;
        }
        promise(status != HF_AGAIN || taken + frame.size > shown);
        status = status == HF_AGAIN ? HF_OK : status;
    }
    return status;
}

/* Nobody gets through without a signature, and how the bytes arrive is of no consequence. */
static void make_up_a_handshake(uint8_t how, const uint8_t *data, size_t size)
{
    enum hf_status status[2];
    for (size_t turn = 0; turn < 2; turn++) {
        struct hf_noise noise;
        uint8_t *copy = malloc(size + 1);
        promise(copy != NULL);
        memcpy(copy, data, size);
        start(&noise, how & 8);
        status[turn] = show(&noise, copy, size, turn ? (how >> 4) + (size_t)1 : SIZE_MAX);
        promise(hf_noise_peer(&noise) == NULL);
        promise((status[turn] != HF_OK) == (hf_noise_reason(&noise)[0] != '\0'));
        hf_noise_fini(&noise);
        free(copy);
    }
    promise(status[0] == status[1]);
}

/* Four bytes of input each: of which message, two of where, and what. */
static void change(uint8_t *message, size_t size, unsigned index, struct hf_bytes changes)
{
    const uint8_t *each = changes.data;
    for (size_t left = changes.size; left >= 4; left -= 4, each += 4)
        if (each[0] % HF_NOISE_XX_MESSAGES == index)
            message[((size_t)each[1] << 8 | each[2]) % size] ^= each[3];
}

/* Each side gets through exactly if nothing that it or its answer depends on was changed. */
static void change_a_handshake(struct hf_bytes changes)
{
    struct hf_noise sides[SIDES];
    bool same[HF_NOISE_XX_MESSAGES] = {false};
    start(&sides[0], true);
    start(&sides[1], false);
    for (unsigned index = 0; index < HF_NOISE_XX_MESSAGES; index++) {
        uint8_t message[HF_NOISE_GREETING_BYTES_MAX];
        uint8_t changed[HF_NOISE_GREETING_BYTES_MAX];
        struct hf_noise_frame frame;
        size_t size;
        if (hf_noise_handshake(&sides[index % 2], message, &size) != HF_OK)
            break;
        memcpy(changed, message, size);
        change(changed, size, index, changes);
        same[index] = memcmp(changed, message, size) == 0;
        if (hf_noise_receive(&sides[1 - index % 2], changed, size, &frame) != HF_OK)
            break;
    }
    promise((hf_noise_peer(&sides[0]) != NULL) == (same[0] && same[1]));
    promise((hf_noise_peer(&sides[1]) != NULL) == (same[0] && same[1] && same[2]));
    hf_noise_fini(&sides[0]);
    hf_noise_fini(&sides[1]);
}

/* A true proof of who one is, then anything. Without the proof, nothing is believed. */
static void make_up_a_payload(uint8_t how, struct hf_bytes rest)
{
    static uint8_t payload[HF_NOISE_PAYLOAD_BYTES_MAX + 4096];
    size_t proof_bytes = how & 8 ? 40 + HF_SIGNATURE_BYTES : 0;
    if (rest.size > sizeof(payload) - proof_bytes)
        return;
    struct hf_noise_peer peer;
    const char *reason = "";
    memcpy(payload, own[0].payload, proof_bytes);
    memcpy(payload + proof_bytes, rest.data, rest.size);
    enum hf_status status = hf_noise_payload_read(hf_bytes(payload, proof_bytes + rest.size),
        own[0].static_pair.public_key, &own[1], how & 16, &peer, &reason);
    promise((status == HF_OK) == (reason[0] == '\0'));
    promise(status != HF_OK || proof_bytes > 0);
    promise(status != HF_OK || hf_peer_id_equals(&peer.id, &identities[0].id));
    promise(status != HF_OK || !peer.muxer_agreed || peer.muxer < own[1].muxers_count);
}

/* What is under way from the only sender to the only receiver, who sees the part that is shown. */
struct channel {
    struct hf_noise sender;
    struct hf_noise receiver;
    uint8_t wire[1 << 16];
    size_t size;
    size_t shown;
    size_t taken;
    size_t sent; /* Bytes of text, */
    size_t received;
    bool tampered;
    enum hf_status status;
};

/* Of the endless text that is sent. */
static uint8_t text_at(size_t at)
{
    return (uint8_t)(at * 31 + (at >> 8));
}

/* As the end of a handshake leaves it. */
static void join(struct channel *channel)
{
    const uint8_t key[HF_KEY_BYTES] = {9};
    memset(channel, 0, sizeof(*channel));
    channel->sender.state = channel->receiver.state = HF_NOISE_ESTABLISHED;
    promise(hf_aead_init(&channel->sender.seals, key, HF_AEAD_SEALS) == HF_OK);
    promise(hf_aead_init(&channel->receiver.opens, key, HF_AEAD_OPENS) == HF_OK);
}

static void send(struct channel *channel, size_t count)
{
    uint8_t text[256];
    size_t frame_bytes;
    if (sizeof(channel->wire) - channel->size < count + HF_NOISE_OVERHEAD_BYTES)
        return;
    for (size_t at = 0; at < count; at++)
        text[at] = text_at(channel->sent + at);
    const struct hf_bytes pieces[] = {
        hf_bytes(text, count / 3), hf_bytes(text + count / 3, count - count / 3)};
    promise(hf_noise_seal(
                &channel->sender, pieces, 2, channel->wire + channel->size, &frame_bytes) == HF_OK);
    promise(frame_bytes == count + HF_NOISE_OVERHEAD_BYTES);
    channel->size += frame_bytes;
    channel->sent += count;
}

/* Whatever was done to the frames, what opens is what was sent, in order. */
static void receive(struct channel *channel, size_t more)
{
    struct hf_noise_frame frame;
    channel->shown += more < channel->size - channel->shown ? more : channel->size - channel->shown;
    while (channel->status == HF_OK) {
        channel->status = hf_noise_receive(&channel->receiver, channel->wire + channel->taken,
            channel->shown - channel->taken, &frame);
        if (channel->status != HF_OK)
            break;
        channel->taken += frame.size;
        const uint8_t *text = frame.data.data;
        promise(frame.data.size <= channel->sent - channel->received);
        for (size_t at = 0; at < frame.data.size; at++)
            promise(text[at] == text_at(channel->received++));
    }
    if (channel->status == HF_AGAIN)
        channel->status = HF_OK;
}

/* To what is not yet shown. */
static void tamper(struct channel *channel, uint8_t how, size_t count)
{
    size_t hidden = channel->size - channel->shown;
    count = count < hidden ? count : hidden;
    uint8_t *tail = channel->wire + channel->size - count;
    if (count == 0)
        return;
    channel->tampered = true;
    if (how == 2)
        tail[0] ^= 1;
    else if (how == 3)
        channel->size -= count;
    else if (sizeof(channel->wire) - channel->size >= count) {
        memcpy(tail + count, tail, count);
        channel->size += count;
    }
}

/* Two bytes of input for each thing done. */
static void attack_a_channel(struct hf_bytes script)
{
    static struct channel channel;
    join(&channel);
    const uint8_t *each = script.data;
    for (size_t left = script.size; left >= 2; left -= 2, each += 2) {
        uint8_t how = each[0] % 5;
        if (how == 0)
            send(&channel, (size_t)each[1] + 1);
        else if (how == 1)
            receive(&channel, each[1]);
        else
            tamper(&channel, how, each[1]);
    }
    receive(&channel, sizeof(channel.wire));
    promise(channel.tampered || (channel.status == HF_OK && channel.received == channel.sent));
    hf_noise_fini(&channel.sender);
    hf_noise_fini(&channel.receiver);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    prepare();
    if (size == 0)
        return 0;
    uint8_t how = data[0];
    struct hf_bytes rest = hf_bytes(data + 1, size - 1);
    switch (how % 4) {
    case 0:
        make_up_a_handshake(how, data + 1, size - 1);
        break;
    case 1:
        change_a_handshake(rest);
        break;
    case 2:
        make_up_a_payload(how, rest);
        break;
    default:
        attack_a_channel(rest);
    }
    return 0;
}
