/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <string.h>

#include "net/noise_xx.h"

/* As long as a digest, so that by section 5.2 it is the first hash itself. */
static const char protocol_name[] = "Noise_XX_25519_ChaChaPoly_SHA256";
_Static_assert(sizeof(protocol_name) - 1 == HF_DIGEST_BYTES, "a longer name would be hashed");

enum token { TOKEN_END, TOKEN_E, TOKEN_S, TOKEN_EE, TOKEN_ES, TOKEN_SE };

#define TOKENS_MAX 5
static const enum token patterns[HF_NOISE_XX_MESSAGES][TOKENS_MAX] = {
    {TOKEN_E, TOKEN_END},
    {TOKEN_E, TOKEN_EE, TOKEN_S, TOKEN_ES, TOKEN_END},
    {TOKEN_S, TOKEN_SE, TOKEN_END},
};

/* A static key goes sealed in this pattern wherever it goes. */
#define SEALED_KEY_BYTES (HF_KEY_BYTES + HF_TAG_BYTES)
static const size_t overheads[HF_NOISE_XX_MESSAGES] = {
    HF_KEY_BYTES,
    HF_KEY_BYTES + SEALED_KEY_BYTES + HF_TAG_BYTES,
    SEALED_KEY_BYTES + HF_TAG_BYTES,
};

static enum hf_status mix_hash(struct hf_noise_xx *xx, struct hf_bytes data)
{
    return hf_hasher_sha256(&xx->hasher, hf_bytes(xx->hash, sizeof(xx->hash)), data, xx->hash);
}

static enum hf_status mix_key(struct hf_noise_xx *xx, struct hf_bytes secret)
{
    xx->keyed = true;
    xx->number = 0;
    return hf_hasher_hkdf(&xx->hasher, xx->chaining_key, secret, xx->chaining_key, xx->key);
}

/* Each key seals two things at most, so a context is made for each. */
static enum hf_status seal(struct hf_noise_xx *xx, struct hf_bytes plaintext, uint8_t *sealed)
{
    struct hf_aead aead;
    enum hf_status status = hf_aead_init(&aead, xx->key, HF_AEAD_SEALS);
    if (status != HF_OK)
        return status;
    struct hf_bytes hash = hf_bytes(xx->hash, sizeof(xx->hash));
    status = hf_aead_seal(&aead, xx->number++, hash, &plaintext, 1, sealed);
    hf_aead_fini(&aead);
    return status;
}

static enum hf_status open_in_place(
    struct hf_noise_xx *xx, const uint8_t hash[HF_DIGEST_BYTES], uint8_t *sealed, size_t size)
{
    struct hf_aead aead;
    enum hf_status status = hf_aead_init(&aead, xx->key, HF_AEAD_OPENS);
    if (status != HF_OK)
        return status;
    status = hf_aead_open(
        &aead, xx->number++, hf_bytes(hash, HF_DIGEST_BYTES), hf_bytes(sealed, size), sealed);
    hf_aead_fini(&aead);
    return status;
}

/* A first message has no key yet: its payload goes as it is. */
static enum hf_status encrypt_and_hash(struct hf_noise_xx *xx, struct hf_bytes plain, uint8_t *out)
{
    if (!xx->keyed) {
        if (plain.size > 0)
            memmove(out, plain.data, plain.size);
        return mix_hash(xx, plain);
    }
    enum hf_status status = seal(xx, plain, out);
    if (status != HF_OK)
        return status;
    return mix_hash(xx, hf_bytes(out, plain.size + HF_TAG_BYTES));
}

/* The hash is of the sealed bytes, which opening overwrites: so it moves on first, and what was
 * sealed with it as it had been is opened with a copy. A failure ends the handshake, so nothing is
 * lost if it has moved on for nothing. */
static enum hf_status decrypt_and_hash(struct hf_noise_xx *xx, uint8_t *bytes, size_t size)
{
    uint8_t hash[HF_DIGEST_BYTES];
    memcpy(hash, xx->hash, sizeof(hash));
    enum hf_status status = mix_hash(xx, hf_bytes(bytes, size));
    if (status != HF_OK || !xx->keyed)
        return status;
    return open_in_place(xx, hash, bytes, size);
}

/* ee: both ephemeral; es: the initiator's ephemeral and the responder's static; se: the reverse. */
static enum hf_status mix_shared(struct hf_noise_xx *xx, enum token token)
{
    bool own_is_ephemeral = token == TOKEN_EE || (token == TOKEN_ES) == xx->initiator;
    bool remote_is_static = token != TOKEN_EE && own_is_ephemeral;
    uint8_t secret[HF_KEY_BYTES];
    enum hf_status status = hf_x25519_shared(own_is_ephemeral ? &xx->ephemeral : xx->own_static,
        remote_is_static ? xx->remote_static : xx->remote_ephemeral, secret);
    if (status == HF_OK)
        status = mix_key(xx, hf_bytes(secret, sizeof(secret)));
    hf_erase(secret, sizeof(secret));
    return status;
}

enum hf_status hf_noise_xx_init(struct hf_noise_xx *xx, bool initiator, struct hf_bytes prologue,
    const struct hf_x25519 *own_static, const uint8_t ephemeral[HF_KEY_BYTES])
{
    *xx = (struct hf_noise_xx){.own_static = own_static, .initiator = initiator};
    memcpy(xx->hash, protocol_name, sizeof(xx->hash));
    memcpy(xx->chaining_key, protocol_name, sizeof(xx->chaining_key));
    enum hf_status status = hf_hasher_init(&xx->hasher);
    hf_x25519_init(&xx->ephemeral, ephemeral);
    if (status == HF_OK)
        status = mix_hash(xx, prologue);
    if (status != HF_OK)
        hf_noise_xx_fini(xx);
    return status;
}

void hf_noise_xx_fini(struct hf_noise_xx *xx)
{
    hf_hasher_fini(&xx->hasher);
    hf_x25519_fini(&xx->ephemeral);
    hf_erase(xx, sizeof(*xx));
}

/* The initiator has the messages of even number. */
bool hf_noise_xx_writes(const struct hf_noise_xx *xx)
{
    return xx->messages < HF_NOISE_XX_MESSAGES && (xx->messages % 2 == 0) == xx->initiator;
}

size_t hf_noise_xx_overhead(const struct hf_noise_xx *xx)
{
    assert(xx->messages < HF_NOISE_XX_MESSAGES);
    return overheads[xx->messages];
}

static enum hf_status write_token(struct hf_noise_xx *xx, enum token token, uint8_t **out)
{
    uint8_t *at = *out;
    switch (token) {
    case TOKEN_E:
        memcpy(at, xx->ephemeral.public_key, HF_KEY_BYTES);
        *out += HF_KEY_BYTES;
        return mix_hash(xx, hf_bytes(at, HF_KEY_BYTES));
    case TOKEN_S:
        *out += SEALED_KEY_BYTES;
        return encrypt_and_hash(xx, hf_bytes(xx->own_static->public_key, HF_KEY_BYTES), at);
    default:
        return mix_shared(xx, token);
    }
}

enum hf_status hf_noise_xx_write(struct hf_noise_xx *xx, struct hf_bytes payload, uint8_t *message)
{
    assert(hf_noise_xx_writes(xx));
    if (payload.size > HF_AEAD_BYTES_MAX - hf_noise_xx_overhead(xx))
        return HF_INVALID;
    const enum token *token = patterns[xx->messages++];
    enum hf_status status = HF_OK;
    for (; status == HF_OK && *token != TOKEN_END; token++)
        status = write_token(xx, *token, &message);
    return status == HF_OK ? encrypt_and_hash(xx, payload, message) : status;
}

static enum hf_status read_token(struct hf_noise_xx *xx, enum token token, uint8_t **message)
{
    uint8_t *at = *message;
    enum hf_status status;
    switch (token) {
    case TOKEN_E:
        memcpy(xx->remote_ephemeral, at, HF_KEY_BYTES);
        *message += HF_KEY_BYTES;
        return mix_hash(xx, hf_bytes(at, HF_KEY_BYTES));
    case TOKEN_S:
        status = decrypt_and_hash(xx, at, SEALED_KEY_BYTES);
        memcpy(xx->remote_static, at, HF_KEY_BYTES);
        *message += SEALED_KEY_BYTES;
        return status;
    default:
        return mix_shared(xx, token);
    }
}

/* The overhead is there, so no token reads past the end. */
enum hf_status hf_noise_xx_read(
    struct hf_noise_xx *xx, uint8_t *message, size_t size_bytes, struct hf_bytes *payload)
{
    assert(xx->messages < HF_NOISE_XX_MESSAGES && !hf_noise_xx_writes(xx));
    size_t overhead = hf_noise_xx_overhead(xx);
    if (size_bytes < overhead || size_bytes > HF_AEAD_BYTES_MAX)
        return HF_MALFORMED;
    const uint8_t *end = message + size_bytes;
    const enum token *token = patterns[xx->messages++];
    enum hf_status status = HF_OK;
    for (; status == HF_OK && *token != TOKEN_END; token++)
        status = read_token(xx, *token, &message);
    if (status == HF_OK)
        status = decrypt_and_hash(xx, message, (size_t)(end - message));
    *payload = hf_bytes(message, size_bytes - overhead);
    return status;
}

enum hf_status hf_noise_xx_split(
    struct hf_noise_xx *xx, uint8_t sends[HF_KEY_BYTES], uint8_t receives[HF_KEY_BYTES])
{
    assert(xx->messages == HF_NOISE_XX_MESSAGES);
    uint8_t *first = xx->initiator ? sends : receives;
    uint8_t *second = xx->initiator ? receives : sends;
    return hf_hasher_hkdf(&xx->hasher, xx->chaining_key, hf_bytes(NULL, 0), first, second);
}
