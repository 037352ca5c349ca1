/* SPDX-License-Identifier: MIT */
#ifndef HF_NET_KEY_H
#define HF_NET_KEY_H

#include <holdfast/status.h>

/*
 * Keys as messages (libp2p/specs, peer-ids/peer-ids.md, "Keys"): field 1 the type, field 2 the
 * bytes. A peer id is a hash of such a message, so the one canonical form is read only: both
 * fields, in order, in the shortest encoding, and nothing else. Pure, thread-safe.
 *
 * Ed25519 is what this library speaks; the others are recognised, so that peers who have them
 * can be named.
 */
enum hf_key_type {
    HF_KEY_RSA = 0,
    HF_KEY_ED25519 = 1,
    HF_KEY_SECP256K1 = 2,
    HF_KEY_ECDSA = 3,
};

/* An Ed25519 key, and its message. */
#define HF_ED25519_KEY_BYTES 32
#define HF_ED25519_PUBLIC_BYTES 36
#define HF_ED25519_PRIVATE_BYTES 68
/* An older form of the private one says the public key twice. */
#define HF_ED25519_PRIVATE_BYTES_MAX 100

/* A compressed point. */
#define HF_SECP256K1_KEY_BYTES 33

/* Of RSA and ECDSA keys, which are X.509's SubjectPublicKeyInfo: an RSA key of 8192 bits, the
 * longest that others take, has 1062. What is in them is not looked at. */
#define HF_KEY_BYTES_MAX 1100

struct hf_key {
    enum hf_key_type type;
    struct hf_bytes bytes; /* Borrowed from the message. */
};

/* Reads a public key. HF_MALFORMED: not the canonical message of one. */
HF_MUST_USE enum hf_status hf_key_read(struct hf_bytes message, struct hf_key *key);

/* Writes the message of an Ed25519 public key: HF_ED25519_PUBLIC_BYTES. */
void hf_key_write(const uint8_t public_key[HF_ED25519_KEY_BYTES], uint8_t *out);

/* An Ed25519 private key and the public one that was stored with it, borrowed from the message. */
struct hf_private_key {
    const uint8_t *seed;
    const uint8_t *public_key;
};

/*
 * Reads a private key, in the older form too. Whether its public key is that of its seed is for the
 * caller to check. HF_UNSUPPORTED: it is of another type; HF_MALFORMED: not the canonical message,
 * or in the older form two public keys.
 */
HF_MUST_USE enum hf_status hf_key_read_private(struct hf_bytes message, struct hf_private_key *key);

/* Writes its message: HF_ED25519_PRIVATE_BYTES. */
void hf_key_write_private(const struct hf_private_key *key, uint8_t *out);

#endif
