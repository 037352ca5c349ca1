/* SPDX-License-Identifier: MIT */
#ifndef HF_NET_CURVE25519_H
#define HF_NET_CURVE25519_H

/*
 * Ed25519 (RFC 8032) and X25519 (RFC 7748) over libsodium, which no other source includes. Both
 * take time that does not depend on secrets. Nearly all of what a handshake costs is spent here,
 * and libsodium is a good deal faster at it than libcrypto, which crypto.h is made of;
 * `make bench FILTER=crypto` compares the two.
 *
 * Nothing here allocates or can fail for any reason but those named. Objects are caller-allocated.
 * Thread-safe: threads may share what none changes.
 */

#include "net/crypto.h"

#define HF_SIGNATURE_BYTES 64 /* Of Ed25519. */

/* The public key of a seed. One multiplication of the base point. */
void hf_ed25519_public(const uint8_t seed[HF_KEY_BYTES], uint8_t public_key[HF_KEY_BYTES]);

/*
 * Signs. public_key must be the seed's, else HF_INVALID, and signature is left alone: a signature
 * under another key would give the seed away, so this is checked each time, at the price of a
 * second multiplication. Who signs the same bytes often should keep the signature.
 */
HF_MUST_USE enum hf_status hf_ed25519_sign(const uint8_t seed[HF_KEY_BYTES],
    const uint8_t public_key[HF_KEY_BYTES], struct hf_bytes message,
    uint8_t signature[HF_SIGNATURE_BYTES]);

/*
 * HF_MALFORMED: not a signature of message by that key, or not a key, one of low order (anything
 * might bear its signature) included.
 */
HF_MUST_USE enum hf_status hf_ed25519_verify(const uint8_t public_key[HF_KEY_BYTES],
    struct hf_bytes message, const uint8_t signature[HF_SIGNATURE_BYTES]);

/* A key pair of X25519. */
struct hf_x25519 {
    uint8_t private_key[HF_KEY_BYTES];
    uint8_t public_key[HF_KEY_BYTES];
};

/* Makes the pair of a private key, any 32 bytes from a generator fit for secrets. */
void hf_x25519_init(struct hf_x25519 *pair, const uint8_t private_key[HF_KEY_BYTES]);

/* Erases it. */
void hf_x25519_fini(struct hf_x25519 *pair);

/*
 * The secret shared with the owner of peer_public. HF_MALFORMED: it would be all zeroes, because
 * peer_public is a point of low order (RFC 7748, section 6.1): such a peer could make the secret
 * without knowing anything.
 */
HF_MUST_USE enum hf_status hf_x25519_shared(const struct hf_x25519 *pair,
    const uint8_t peer_public[HF_KEY_BYTES], uint8_t secret[HF_KEY_BYTES]);

#endif
