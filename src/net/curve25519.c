/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <sodium.h>

#include "net/curve25519.h"

_Static_assert(crypto_sign_SEEDBYTES == HF_KEY_BYTES, "a seed is a key");
_Static_assert(crypto_sign_PUBLICKEYBYTES == HF_KEY_BYTES, "a public key is a key");
_Static_assert(crypto_sign_BYTES == HF_SIGNATURE_BYTES, "signatures are of one size");
_Static_assert(crypto_scalarmult_BYTES == HF_KEY_BYTES, "a secret is a key");

void hf_ed25519_public(const uint8_t seed[HF_KEY_BYTES], uint8_t public_key[HF_KEY_BYTES])
{
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    (void)crypto_sign_seed_keypair(public_key, secret, seed);
    hf_erase(secret, sizeof(secret));
}

enum hf_status hf_ed25519_sign(const uint8_t seed[HF_KEY_BYTES],
    const uint8_t public_key[HF_KEY_BYTES], struct hf_bytes message,
    uint8_t signature[HF_SIGNATURE_BYTES])
{
    uint8_t own[HF_KEY_BYTES];
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    (void)crypto_sign_seed_keypair(own, secret, seed);
    bool same = hf_equal(own, public_key, HF_KEY_BYTES);
    if (same)
        (void)crypto_sign_detached(signature, NULL, message.data, message.size, secret);
    hf_erase(secret, sizeof(secret));
    return same ? HF_OK : HF_INVALID;
}

enum hf_status hf_ed25519_verify(const uint8_t public_key[HF_KEY_BYTES], struct hf_bytes message,
    const uint8_t signature[HF_SIGNATURE_BYTES])
{
    int wrong = crypto_sign_verify_detached(signature, message.data, message.size, public_key);
    return wrong == 0 ? HF_OK : HF_MALFORMED;
}

void hf_x25519_init(struct hf_x25519 *pair, const uint8_t private_key[HF_KEY_BYTES])
{
    int started = sodium_init();
    (void)started; /* It picks what is fastest on this processor, else its portable code serves. */
    memcpy(pair->private_key, private_key, HF_KEY_BYTES);
    (void)crypto_scalarmult_base(pair->public_key, private_key);
}

void hf_x25519_fini(struct hf_x25519 *pair)
{
    hf_erase(pair, sizeof(*pair));
}

enum hf_status hf_x25519_shared(const struct hf_x25519 *pair,
    const uint8_t peer_public[HF_KEY_BYTES], uint8_t secret[HF_KEY_BYTES])
{
    int zero = crypto_scalarmult(secret, pair->private_key, peer_public);
    return zero == 0 ? HF_OK : HF_MALFORMED;
}
