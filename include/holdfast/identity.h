/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_IDENTITY_H
#define HOLDFAST_IDENTITY_H

#include <holdfast/files.h>
#include <holdfast/peer_id.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Who one is oneself: an Ed25519 key pair (RFC 8032) and the peer id that follows from it
 * (libp2p/specs, peer-ids/peer-ids.md).
 *
 *     struct hf_identity identity;
 *     if (hf_identity_load(&identity, "holdfast.key", &error) == HF_OK) {
 *         ...
 *         hf_identity_fini(&identity);
 *     }
 *
 * Caller-allocated, no allocation. An identity does not change after it was made, so threads may
 * share one. Whoever holds its memory holds the secret: hf_identity_fini erases it.
 *
 * Where a call makes an identity and fails, the identity is left zeroed: it signs nothing and is no
 * peer. error (NULL: not wanted) then says why.
 */
#define HF_IDENTITY_KEY_BYTES 32
#define HF_IDENTITY_SIGNATURE_BYTES 64

/* The messages in which libp2p exchanges the public key and stores the private one. */
#define HF_IDENTITY_PUBLIC_BYTES 36
#define HF_IDENTITY_PRIVATE_BYTES 68

/* Fields are private, but for id, which may be read. */
struct hf_identity {
    struct hf_peer_id id;
    uint8_t public_key[HF_IDENTITY_KEY_BYTES];
    uint8_t seed[HF_IDENTITY_KEY_BYTES];
};

/* Makes a new one from the system's generator. HF_IO: that has nothing to give. */
HF_MUST_USE HF_API enum hf_status hf_identity_generate(
    struct hf_identity *identity, struct hf_error *error);

/*
 * The identity of a seed, HF_IDENTITY_KEY_BYTES of a secret: for tests and simulations, where the
 * same seed has to give the same peer. HF_INVALID: NULL, or another size.
 */
HF_MUST_USE HF_API enum hf_status hf_identity_from_seed(
    struct hf_identity *identity, struct hf_bytes seed, struct hf_error *error);

/*
 * The identity of a private key's message, as other libp2p implementations write it, in the older
 * form of 100 bytes too. HF_MALFORMED: it is none, or its two halves do not belong together;
 * HF_UNSUPPORTED: its key is of another type.
 */
HF_MUST_USE HF_API enum hf_status hf_identity_decode(
    struct hf_identity *identity, struct hf_bytes message, struct hf_error *error);

/*
 * Write the message of the public key (HF_IDENTITY_PUBLIC_BYTES) and of the private one
 * (HF_IDENTITY_PRIVATE_BYTES) to out. HF_INVALID: NULL, or an identity that was not made.
 */
HF_MUST_USE HF_API enum hf_status hf_identity_write_public(
    const struct hf_identity *identity, uint8_t *out);
HF_MUST_USE HF_API enum hf_status hf_identity_write_private(
    const struct hf_identity *identity, uint8_t *out);

/*
 * Signs message into the HF_IDENTITY_SIGNATURE_BYTES at signature, which are untouched on failure.
 * HF_INVALID: NULL, or an identity that was not made.
 */
HF_MUST_USE HF_API enum hf_status hf_identity_sign(
    const struct hf_identity *identity, struct hf_bytes message, uint8_t *signature);

/* Erases it. NULL: nothing. */
HF_API void hf_identity_fini(struct hf_identity *identity);

/* The longest path of an identity file, its NUL included. */
#define HF_IDENTITY_PATH_BYTES_MAX 1024

/*
 * Writes the identity's private message to a new file that nobody else may read (mode 0600). The
 * file is there as a whole or not at all, and on disk when the call returns; an existing one is
 * never replaced. files NULL: the system's.
 * HF_INVALID: NULL, no identity, or the path is too long. HF_IO: the files' errno value is the
 * cause's code (EEXIST: there is one already).
 */
HF_MUST_USE HF_API enum hf_status hf_identity_save(const struct hf_identity *identity,
    const char *path, const struct hf_files *files, struct hf_error *error);

/*
 * Reads an identity from such a file of the system's, or from any that holds the message of a
 * private key. HF_NOT_FOUND: there is none. HF_IO: the system's errno value is the cause's code, if
 * it has one. That is EACCES too where others than its owner may use it in some way: it is not read
 * then. Nor is what is no regular file. HF_MALFORMED, HF_UNSUPPORTED: as hf_identity_decode.
 * HF_INVALID: NULL.
 */
HF_MUST_USE HF_API enum hf_status hf_identity_load(
    struct hf_identity *identity, const char *path, struct hf_error *error);

#ifdef __cplusplus
}
#endif

#endif
