/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "net/noise.h"

/* Whatever went wrong, nothing secret stays. */
static enum hf_status fail(struct hf_noise *noise, enum hf_status status, const char *reason)
{
    hf_noise_fini(noise);
    noise->state = HF_NOISE_FAILED;
    noise->reason = reason;
    return status;
}

enum hf_status hf_noise_init(
    struct hf_noise *noise, const struct hf_noise_options *options, uint8_t ephemeral[HF_KEY_BYTES])
{
    *noise = (struct hf_noise){
        .state = options->initiator ? HF_NOISE_WRITES : HF_NOISE_READS,
        .initiator = options->initiator,
        .own = options->own,
        .reason = "",
    };
    if (options->expected)
        noise->expected = *options->expected;
    enum hf_status status = hf_noise_xx_init(
        &noise->xx, options->initiator, hf_bytes(NULL, 0), &options->own->static_pair, ephemeral);
    hf_erase(ephemeral, HF_KEY_BYTES);
    if (status != HF_OK)
        hf_noise_fini(noise);
    return status;
}

void hf_noise_fini(struct hf_noise *noise)
{
    hf_noise_xx_fini(&noise->xx);
    hf_aead_fini(&noise->seals);
    hf_aead_fini(&noise->opens);
    hf_erase(noise, sizeof(*noise));
    noise->state = HF_NOISE_FAILED;
    noise->reason = "";
}

/* All messages are done: from here on only the two keys are of use. */
static enum hf_status establish(struct hf_noise *noise)
{
    uint8_t sends[HF_KEY_BYTES];
    uint8_t receives[HF_KEY_BYTES];
    enum hf_status status = hf_noise_xx_split(&noise->xx, sends, receives);
    if (status == HF_OK)
        status = hf_aead_init(&noise->seals, sends, HF_AEAD_SEALS);
    if (status == HF_OK)
        status = hf_aead_init(&noise->opens, receives, HF_AEAD_OPENS);
    hf_erase(sends, sizeof(sends));
    hf_erase(receives, sizeof(receives));
    hf_noise_xx_fini(&noise->xx);
    noise->state = HF_NOISE_ESTABLISHED;
    return status;
}

/* After a message was written or read. */
static enum hf_status advance(struct hf_noise *noise)
{
    if (noise->xx.messages == HF_NOISE_XX_MESSAGES)
        return establish(noise);
    noise->state = hf_noise_xx_writes(&noise->xx) ? HF_NOISE_WRITES : HF_NOISE_READS;
    return HF_OK;
}

static void put_length(uint8_t *frame, size_t length)
{
    frame[0] = (uint8_t)(length >> 8);
    frame[1] = (uint8_t)length;
}

/* The first message bears no payload, since it is not sealed. */
enum hf_status hf_noise_handshake(
    struct hf_noise *noise, uint8_t out[HF_NOISE_GREETING_BYTES_MAX], size_t *size_bytes)
{
    *size_bytes = 0;
    if (noise->state == HF_NOISE_FAILED)
        return HF_CLOSED;
    if (noise->state != HF_NOISE_WRITES)
        return HF_OK;
    struct hf_bytes payload = hf_bytes(noise->own->payload, noise->own->payload_bytes);
    if (noise->xx.messages == 0)
        payload.size = 0;
    size_t length = hf_noise_xx_overhead(&noise->xx) + payload.size;
    put_length(out, length);
    enum hf_status status = hf_noise_xx_write(&noise->xx, payload, out + HF_NOISE_LENGTH_BYTES);
    if (status == HF_OK)
        status = advance(noise);
    if (status != HF_OK)
        return fail(noise, status, "the handshake cannot go on");
    *size_bytes = HF_NOISE_LENGTH_BYTES + length;
    return HF_OK;
}

static enum hf_status meet(struct hf_noise *noise, struct hf_bytes payload)
{
    const char *reason = "";
    enum hf_status status = hf_noise_payload_read(
        payload, noise->xx.remote_static, noise->own, noise->initiator, &noise->peer, &reason);
    if (status != HF_OK)
        return fail(noise, status, reason);
    bool anybody = hf_peer_id_bytes(&noise->expected).size == 0;
    if (!anybody && !hf_peer_id_equals(&noise->peer.id, &noise->expected))
        return fail(noise, HF_FAILED, "the peer is not the one expected");
    return HF_OK;
}

static enum hf_status read_handshake(struct hf_noise *noise, uint8_t *message, size_t length)
{
    struct hf_bytes payload;
    bool first = noise->xx.messages == 0;
    enum hf_status status = hf_noise_xx_read(&noise->xx, message, length, &payload);
    if (status != HF_OK)
        return fail(noise, status, "the peer's handshake message does not open");
    status = first ? HF_OK : meet(noise, payload);
    if (status != HF_OK)
        return status;
    status = advance(noise);
    return status == HF_OK ? HF_OK : fail(noise, status, "the handshake cannot be ended");
}

static enum hf_status open_frame(
    struct hf_noise *noise, uint8_t *message, size_t length, struct hf_bytes *data)
{
    if (noise->opened > HF_NOISE_NUMBER_MAX)
        return fail(noise, HF_EXHAUSTED, "the peer has sent all frames that a key may seal");
    enum hf_status status = hf_aead_open(
        &noise->opens, noise->opened++, hf_bytes(NULL, 0), hf_bytes(message, length), message);
    if (status != HF_OK)
        return fail(noise, status, "the peer's frame does not open");
    *data = hf_bytes(message, length - HF_TAG_BYTES);
    return HF_OK;
}

static bool is_length_allowed(const struct hf_noise *noise, size_t length)
{
    if (noise->state == HF_NOISE_ESTABLISHED)
        return length >= HF_TAG_BYTES;
    size_t least = hf_noise_xx_overhead(&noise->xx);
    size_t most = noise->xx.messages == 0 ? least : HF_NOISE_HANDSHAKE_BYTES_MAX;
    return length >= least && length <= most;
}

enum hf_status hf_noise_receive(
    struct hf_noise *noise, uint8_t *bytes, size_t size_bytes, struct hf_noise_frame *frame)
{
    *frame = (struct hf_noise_frame){0};
    if (noise->state == HF_NOISE_FAILED)
        return HF_CLOSED;
    if (noise->state == HF_NOISE_WRITES)
        return HF_AGAIN;
    frame->size = HF_NOISE_LENGTH_BYTES;
    if (size_bytes < HF_NOISE_LENGTH_BYTES)
        return HF_AGAIN;
    size_t length = (size_t)bytes[0] << 8 | bytes[1];
    if (!is_length_allowed(noise, length))
        return fail(noise, HF_MALFORMED, "the peer's message has a length that it cannot have");
    frame->size += length;
    if (size_bytes < frame->size)
        return HF_AGAIN;
    uint8_t *message = bytes + HF_NOISE_LENGTH_BYTES;
    return noise->state == HF_NOISE_ESTABLISHED ? open_frame(noise, message, length, &frame->data)
                                                : read_handshake(noise, message, length);
}

const struct hf_noise_peer *hf_noise_peer(const struct hf_noise *noise)
{
    return noise->state == HF_NOISE_ESTABLISHED ? &noise->peer : NULL;
}

enum hf_status hf_noise_seal(struct hf_noise *noise, const struct hf_bytes *pieces, size_t count,
    uint8_t *frame, size_t *frame_bytes)
{
    if (noise->state != HF_NOISE_ESTABLISHED)
        return noise->state == HF_NOISE_FAILED ? HF_CLOSED : HF_AGAIN;
    size_t size = hf_aead_sum(pieces, count);
    if (size == 0 || size > HF_NOISE_PLAINTEXT_BYTES_MAX)
        return HF_INVALID;
    if (noise->sealed > HF_NOISE_NUMBER_MAX)
        return fail(noise, HF_EXHAUSTED, "all frames that a key may seal have been sent");
    put_length(frame, size + HF_TAG_BYTES);
    enum hf_status status = hf_aead_seal(&noise->seals, noise->sealed++, hf_bytes(NULL, 0), pieces,
        count, frame + HF_NOISE_LENGTH_BYTES);
    if (status != HF_OK)
        return fail(noise, status, "a frame cannot be sealed");
    *frame_bytes = size + HF_NOISE_OVERHEAD_BYTES;
    return HF_OK;
}

const char *hf_noise_reason(const struct hf_noise *noise)
{
    return noise->reason;
}
