/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <holdfast/identity.h>
#include <holdfast/random.h>

#include "net/curve25519.h"
#include "net/key.h"

_Static_assert(HF_IDENTITY_PUBLIC_BYTES == HF_ED25519_PUBLIC_BYTES, "public message");
_Static_assert(HF_IDENTITY_PRIVATE_BYTES == HF_ED25519_PRIVATE_BYTES, "private message");
_Static_assert(HF_IDENTITY_SIGNATURE_BYTES == HF_SIGNATURE_BYTES, "signature");

static enum hf_status complete(struct hf_identity *identity, struct hf_error *error)
{
    hf_ed25519_public(identity->seed, identity->public_key);
    uint8_t message[HF_ED25519_PUBLIC_BYTES];
    hf_key_write(identity->public_key, message);
    return hf_peer_id_of_key(hf_bytes(message, sizeof(message)), &identity->id, error);
}

enum hf_status hf_identity_from_seed(
    struct hf_identity *identity, struct hf_bytes seed, struct hf_error *error)
{
    if (!identity)
        return hf_error_add(error, HF_INVALID, 0, "identity: NULL");
    if (!seed.data || seed.size != HF_IDENTITY_KEY_BYTES) {
        hf_identity_fini(identity);
        return hf_error_add(error, HF_INVALID, 0, "seed: %zu bytes instead of %d",
            seed.data ? seed.size : 0, HF_IDENTITY_KEY_BYTES);
    }
    struct hf_identity made = {0};
    memcpy(made.seed, seed.data, sizeof(made.seed));
    enum hf_status status = complete(&made, error);
    if (status != HF_OK)
        hf_identity_fini(&made);
    *identity = made;
    hf_identity_fini(&made);
    return status;
}

enum hf_status hf_identity_generate(struct hf_identity *identity, struct hf_error *error)
{
    if (!identity)
        return hf_error_add(error, HF_INVALID, 0, "identity: NULL");
    hf_identity_fini(identity);
    uint8_t seed[HF_IDENTITY_KEY_BYTES];
    enum hf_status status = hf_random_system_bytes(seed, sizeof(seed), error);
    if (status == HF_OK)
        status = hf_identity_from_seed(identity, hf_bytes(seed, sizeof(seed)), error);
    hf_erase(seed, sizeof(seed));
    return status;
}

static enum hf_status refuse_key(enum hf_status status, struct hf_error *error)
{
    return hf_error_add(error, status, 0, "private key: %s",
        status == HF_UNSUPPORTED ? "not an Ed25519 key" : "not the canonical form of one");
}

enum hf_status hf_identity_decode(
    struct hf_identity *identity, struct hf_bytes message, struct hf_error *error)
{
    if (!identity)
        return hf_error_add(error, HF_INVALID, 0, "identity: NULL");
    hf_identity_fini(identity);
    if (!message.data && message.size > 0)
        return hf_error_add(error, HF_INVALID, 0, "message: NULL");
    struct hf_private_key key;
    enum hf_status status = hf_key_read_private(message, &key);
    if (status != HF_OK)
        return refuse_key(status, error);
    status = hf_identity_from_seed(identity, hf_bytes(key.seed, HF_IDENTITY_KEY_BYTES), error);
    if (status != HF_OK)
        return status;
    if (memcmp(identity->public_key, key.public_key, HF_IDENTITY_KEY_BYTES) == 0)
        return HF_OK;
    hf_identity_fini(identity);
    return hf_error_add(
        error, HF_MALFORMED, 0, "private key: its public half belongs to another one");
}

static bool is_made(const struct hf_identity *identity)
{
    return identity && hf_peer_id_bytes(&identity->id).size > 0;
}

enum hf_status hf_identity_write_public(const struct hf_identity *identity, uint8_t *out)
{
    if (!is_made(identity) || !out)
        return HF_INVALID;
    hf_key_write(identity->public_key, out);
    return HF_OK;
}

enum hf_status hf_identity_write_private(const struct hf_identity *identity, uint8_t *out)
{
    if (!is_made(identity) || !out)
        return HF_INVALID;
    hf_key_write_private(&(struct hf_private_key){identity->seed, identity->public_key}, out);
    return HF_OK;
}

enum hf_status hf_identity_sign(
    const struct hf_identity *identity, struct hf_bytes message, uint8_t *signature)
{
    if (!is_made(identity) || !signature || (!message.data && message.size > 0))
        return HF_INVALID;
    return hf_ed25519_sign(identity->seed, identity->public_key, message, signature);
}

void hf_identity_fini(struct hf_identity *identity)
{
    if (identity)
        hf_erase(identity, sizeof(*identity));
}
