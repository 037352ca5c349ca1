/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "net/key.h"
#include "net/noise_payload.h"
#include "net/protobuf.h"

#define FIELDS_MAX 32
#define EXTENSION_FIELDS_MAX 128

/* The fields of NoiseHandshakePayload and NoiseExtensions. */
#define IDENTITY_KEY 1
#define IDENTITY_SIGNATURE 2
#define EXTENSIONS 4
#define STREAM_MUXERS 2

/* What an identity signs, before the static key. */
static const char signed_prefix[] = "noise-libp2p-static-key:";
#define PREFIX_BYTES (sizeof(signed_prefix) - 1)
#define SIGNED_BYTES (PREFIX_BYTES + HF_KEY_BYTES)

static struct hf_bytes what_is_signed(
    const uint8_t static_key[HF_KEY_BYTES], uint8_t bytes[SIGNED_BYTES])
{
    memcpy(bytes, signed_prefix, PREFIX_BYTES);
    memcpy(bytes + PREFIX_BYTES, static_key, HF_KEY_BYTES);
    return hf_bytes(bytes, SIGNED_BYTES);
}

static void write_extensions(
    struct hf_protobuf_writer *payload, const struct hf_noise_credentials *own)
{
    uint8_t buffer[HF_NOISE_PAYLOAD_BYTES_MAX];
    struct hf_protobuf_writer writer = {.out = buffer, .size_max = sizeof(buffer)};
    for (size_t index = 0; index < own->muxers_count; index++)
        hf_protobuf_write_bytes(&writer, STREAM_MUXERS, own->muxers[index]);
    struct hf_bytes extensions = hf_bytes(NULL, 0);
    if (hf_protobuf_finish(&writer, &extensions) != HF_OK)
        payload->size = payload->size_max + 1; /* Neither has the payload room for it. */
    else if (extensions.size > 0)
        hf_protobuf_write_bytes(payload, EXTENSIONS, extensions);
}

static enum hf_status write_payload(
    struct hf_noise_credentials *own, struct hf_bytes key, struct hf_bytes signature)
{
    struct hf_protobuf_writer writer = {.out = own->payload, .size_max = sizeof(own->payload)};
    hf_protobuf_write_bytes(&writer, IDENTITY_KEY, key);
    hf_protobuf_write_bytes(&writer, IDENTITY_SIGNATURE, signature);
    write_extensions(&writer, own);
    struct hf_bytes payload;
    if (hf_protobuf_finish(&writer, &payload) != HF_OK)
        return HF_INVALID;
    own->payload_bytes = payload.size;
    return HF_OK;
}

static enum hf_status make(
    struct hf_noise_credentials *own, const struct hf_noise_credentials_options *options)
{
    uint8_t bytes[SIGNED_BYTES];
    uint8_t key[HF_IDENTITY_PUBLIC_BYTES];
    uint8_t signature[HF_IDENTITY_SIGNATURE_BYTES];
    hf_x25519_init(&own->static_pair, options->static_private);
    enum hf_status status = hf_identity_write_public(options->identity, key);
    if (status == HF_OK)
        status = hf_identity_sign(
            options->identity, what_is_signed(own->static_pair.public_key, bytes), signature);
    if (status != HF_OK)
        return status;
    return write_payload(own, hf_bytes(key, sizeof(key)), hf_bytes(signature, sizeof(signature)));
}

enum hf_status hf_noise_credentials_init(
    struct hf_noise_credentials *credentials, const struct hf_noise_credentials_options *options)
{
    *credentials = (struct hf_noise_credentials){.muxers_count = options->muxers_count};
    if (options->muxers_count > HF_NOISE_MUXERS_MAX)
        return HF_INVALID;
    for (size_t index = 0; index < options->muxers_count; index++)
        credentials->muxers[index] = options->muxers[index];
    enum hf_status status = make(credentials, options);
    if (status != HF_OK)
        hf_noise_credentials_fini(credentials);
    return status;
}

void hf_noise_credentials_fini(struct hf_noise_credentials *credentials)
{
    hf_x25519_fini(&credentials->static_pair);
    hf_erase(credentials, sizeof(*credentials));
}

/* A payload's fields, as far as they are there. */
struct payload {
    struct hf_bytes key;
    struct hf_bytes signature;
    size_t muxers_count; /* That the other side named. */
    size_t muxer;        /* The best of one's own among them, muxers_count if none. */
};

static size_t find_muxer(const struct hf_noise_credentials *own, struct hf_bytes name)
{
    size_t index = 0;
    while (index < own->muxers_count &&
           (own->muxers[index].size != name.size ||
               memcmp(own->muxers[index].data, name.data, name.size) != 0))
        index++;
    return index;
}

/* Of those that both have, the initiator's first: one's own least index, or what the other side
 * names first. */
static bool read_extensions(struct hf_bytes extensions, const struct hf_noise_credentials *own,
    bool initiator, struct payload *read)
{
    struct hf_protobuf_reader reader = hf_protobuf_reader(extensions, EXTENSION_FIELDS_MAX);
    struct hf_protobuf_field field;
    while (hf_protobuf_next(&reader, &field)) {
        if (!hf_protobuf_is_bytes(&field, STREAM_MUXERS))
            continue;
        size_t found = find_muxer(own, field.bytes);
        bool better = initiator ? found < read->muxer : read->muxer == own->muxers_count;
        if (better)
            read->muxer = found;
        read->muxers_count++;
    }
    return reader.status == HF_OK;
}

/* Of a field that comes twice the last holds, as the format has it; lists go on. */
static bool read_fields(struct hf_bytes payload, const struct hf_noise_credentials *own,
    bool initiator, struct payload *read)
{
    struct hf_protobuf_reader reader = hf_protobuf_reader(payload, FIELDS_MAX);
    struct hf_protobuf_field field;
    bool whole = true;
    while (whole && hf_protobuf_next(&reader, &field)) {
        if (hf_protobuf_is_bytes(&field, IDENTITY_KEY))
            read->key = field.bytes;
        else if (hf_protobuf_is_bytes(&field, IDENTITY_SIGNATURE))
            read->signature = field.bytes;
        else if (hf_protobuf_is_bytes(&field, EXTENSIONS))
            whole = read_extensions(field.bytes, own, initiator, read);
    }
    return whole && reader.status == HF_OK;
}

static enum hf_status refuse(const char **reason, const char *text, enum hf_status status)
{
    *reason = text;
    return status;
}

static enum hf_status check_identity(const struct payload *read,
    const uint8_t remote_static[HF_KEY_BYTES], struct hf_noise_peer *peer, const char **reason)
{
    struct hf_key key;
    uint8_t bytes[SIGNED_BYTES];
    if (hf_key_read(read->key, &key) != HF_OK)
        return refuse(reason, "the peer's key is malformed", HF_MALFORMED);
    if (key.type != HF_KEY_ED25519)
        return refuse(reason, "the peer's key is no Ed25519 key", HF_UNSUPPORTED);
    if (read->signature.size != HF_SIGNATURE_BYTES)
        return refuse(reason, "the peer's signature has a wrong length", HF_MALFORMED);
    memcpy(peer->public_key, key.bytes.data, HF_KEY_BYTES);
    enum hf_status status = hf_ed25519_verify(
        peer->public_key, what_is_signed(remote_static, bytes), read->signature.data);
    if (status != HF_OK)
        return refuse(reason, "the peer's signature is wrong", status);
    return hf_peer_id_of_key(read->key, &peer->id, NULL);
}

enum hf_status hf_noise_payload_read(struct hf_bytes payload,
    const uint8_t remote_static[HF_KEY_BYTES], const struct hf_noise_credentials *own,
    bool initiator, struct hf_noise_peer *peer, const char **reason)
{
    struct payload read = {.muxer = own->muxers_count};
    if (!read_fields(payload, own, initiator, &read))
        return refuse(reason, "the peer's handshake payload is malformed", HF_MALFORMED);
    enum hf_status status = check_identity(&read, remote_static, peer, reason);
    if (status != HF_OK)
        return status;
    bool both_name_some = read.muxers_count > 0 && own->muxers_count > 0;
    if (both_name_some && read.muxer == own->muxers_count)
        return refuse(reason, "the peer has no multiplexer in common", HF_UNSUPPORTED);
    peer->muxer_agreed = both_name_some;
    peer->muxer = both_name_some ? read.muxer : 0;
    return HF_OK;
}
