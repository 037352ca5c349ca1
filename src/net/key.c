/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <string.h>

#include "net/key.h"
#include "net/varint.h"

/* The tags of both fields: number, and type of the encoding. */
#define TAG_TYPE 0x08
#define TAG_BYTES 0x12

/* What stands before the bytes of a key as short as those of Ed25519. */
#define HEAD_BYTES 4

static bool take_head(struct hf_bytes *message, uint8_t *type)
{
    const uint8_t *head = message->data;
    if (message->size < HEAD_BYTES || head[0] != TAG_TYPE || head[2] != TAG_BYTES)
        return false;
    *type = head[1];
    *message = hf_bytes(head + 3, message->size - 3);
    return true;
}

/* A message of any key: the shape only. */
static bool read_shape(struct hf_bytes message, struct hf_key *key)
{
    uint8_t type;
    if (!take_head(&message, &type) || type > HF_KEY_ECDSA)
        return false;
    key->type = (enum hf_key_type)type;
    return hf_varint_take_prefixed(&message, HF_KEY_BYTES_MAX, &key->bytes) == HF_OK &&
           message.size == 0;
}

static bool is_compressed_point(struct hf_bytes bytes)
{
    const uint8_t *point = bytes.data;
    return bytes.size == HF_SECP256K1_KEY_BYTES && (point[0] == 2 || point[0] == 3);
}

enum hf_status hf_key_read(struct hf_bytes message, struct hf_key *key)
{
    struct hf_key read = {0};
    if (!read_shape(message, &read) || read.bytes.size == 0)
        return HF_MALFORMED;
    if (read.type == HF_KEY_ED25519 && read.bytes.size != HF_ED25519_KEY_BYTES)
        return HF_MALFORMED;
    if (read.type == HF_KEY_SECP256K1 && !is_compressed_point(read.bytes))
        return HF_MALFORMED;
    *key = read;
    return HF_OK;
}

static void write_head(size_t key_bytes, uint8_t *out)
{
    const uint8_t head[HEAD_BYTES] = {TAG_TYPE, HF_KEY_ED25519, TAG_BYTES, (uint8_t)key_bytes};
    memcpy(out, head, sizeof(head));
}

void hf_key_write(const uint8_t public_key[HF_ED25519_KEY_BYTES], uint8_t *out)
{
    write_head(HF_ED25519_KEY_BYTES, out);
    memcpy(out + HEAD_BYTES, public_key, HF_ED25519_KEY_BYTES);
}

enum hf_status hf_key_read_private(struct hf_bytes message, struct hf_private_key *key)
{
    struct hf_key read = {0};
    if (!read_shape(message, &read))
        return HF_MALFORMED;
    if (read.type != HF_KEY_ED25519)
        return HF_UNSUPPORTED;
    const uint8_t *seed = read.bytes.data;
    const uint8_t *public_key = seed + HF_ED25519_KEY_BYTES;
    const uint8_t *repeated = public_key + HF_ED25519_KEY_BYTES;
    bool once = read.bytes.size == 2 * HF_ED25519_KEY_BYTES;
    bool twice = read.bytes.size == 3 * HF_ED25519_KEY_BYTES &&
                 memcmp(public_key, repeated, HF_ED25519_KEY_BYTES) == 0;
    if (!once && !twice)
        return HF_MALFORMED;
    *key = (struct hf_private_key){seed, public_key};
    return HF_OK;
}

void hf_key_write_private(const struct hf_private_key *key, uint8_t *out)
{
    write_head(2 * HF_ED25519_KEY_BYTES, out);
    memcpy(out + HEAD_BYTES, key->seed, HF_ED25519_KEY_BYTES);
    memcpy(out + HEAD_BYTES + HF_ED25519_KEY_BYTES, key->public_key, HF_ED25519_KEY_BYTES);
}
