/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_PEER_ID_H
#define HOLDFAST_PEER_ID_H

#include <stdbool.h>

#include <holdfast/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Who a libp2p peer is (libp2p/specs, peer-ids/peer-ids.md): a hash of its public key, short keys
 * being their own hash. Pure functions, thread-safe, no allocation.
 *
 *     struct hf_peer_id id;
 *     struct hf_bytes text = hf_bytes(argument, strlen(argument));
 *     if (hf_peer_id_parse(text, &id, &error) != HF_OK)
 *         fprintf(stderr, "%s\n", hf_error_text(&error));
 */

/* The longest binary form: the multihash of a secp256k1 key. An Ed25519 key's has 38 bytes. */
#define HF_PEER_ID_BYTES_MAX 39

/* Caller-allocated; a zeroed one is no peer. Fields are private. */
struct hf_peer_id {
    uint8_t bytes[HF_PEER_ID_BYTES_MAX]; /* A multihash; what is not used of it is zero. */
    uint8_t size;
};

/* The longest text that is read. */
#define HF_PEER_ID_TEXT_MAX 128

/*
 * Reads an id as people write it: in base58btc ("12D3KooW...", "16Uiu2HA...", "Qm..."), or as a
 * CIDv1 in base32 ("bafzaaj..."). HF_MALFORMED: it is none; HF_INVALID: NULL. On failure *id stays
 * and error (NULL: not wanted) says what is wrong.
 */
HF_MUST_USE HF_API enum hf_status hf_peer_id_parse(
    struct hf_bytes text, struct hf_peer_id *id, struct hf_error *error);

/*
 * Reads the binary form: a multihash that is a SHA2-256, or the identity of the canonical message
 * of an Ed25519 or secp256k1 key. Results as above.
 */
HF_MUST_USE HF_API enum hf_status hf_peer_id_decode(
    struct hf_bytes multihash, struct hf_peer_id *id, struct hf_error *error);

/*
 * The id of a public key, given as the message that peers exchange (type and bytes; RSA, Ed25519,
 * secp256k1 and ECDSA). HF_MALFORMED: not the canonical form of one. HF_NO_MEMORY,
 * HF_UNSUPPORTED: no SHA-256 is to be had, which longer keys need. *id and error as above.
 */
HF_MUST_USE HF_API enum hf_status hf_peer_id_of_key(
    struct hf_bytes key_message, struct hf_peer_id *id, struct hf_error *error);

/* The binary form, borrowed from id; no bytes for NULL or no peer. */
HF_API struct hf_bytes hf_peer_id_bytes(const struct hf_peer_id *id);

/* Whether both are the same peer. No peer is no peer's equal, and NULL neither. */
HF_API bool hf_peer_id_equals(const struct hf_peer_id *a, const struct hf_peer_id *b);

/* Room for any id in base58btc, and as a CIDv1, with its NUL. */
#define HF_PEER_ID_TEXT_BYTES 56
#define HF_PEER_ID_CID_BYTES 68

/*
 * Write an id as text: in base58btc, and as a CIDv1 in base32. End with NUL. Return the length of
 * the whole text; more than size_bytes - 1 means it was cut. buffer may be NULL if size_bytes is 0;
 * NULL or no peer: "".
 */
HF_API size_t hf_peer_id_write(const struct hf_peer_id *id, char *buffer, size_t size_bytes);
HF_API size_t hf_peer_id_write_cid(const struct hf_peer_id *id, char *buffer, size_t size_bytes);

#ifdef __cplusplus
}
#endif

#endif
