/* SPDX-License-Identifier: MIT */
#ifndef HF_NET_NOISE_XX_H
#define HF_NET_NOISE_XX_H

#include "net/curve25519.h"

/*
 * The handshake Noise_XX_25519_ChaChaPoly_SHA256 of the Noise Protocol Framework (revision 34,
 * sections 5.2, 5.3 and 7.5), without any framing and with payloads of anybody's: three messages,
 * the first and the last of the initiator.
 *
 *     -> e            <- e, ee, s, es            -> s, se
 *
 *     status = hf_noise_xx_init(&xx, true, prologue, &own_static, ephemeral);
 *     ...hf_noise_xx_write, hf_noise_xx_read, hf_noise_xx_write...
 *     status = hf_noise_xx_split(&xx, sends, receives);
 *     hf_noise_xx_fini(&xx);
 *
 * Caller-allocated; the fields are private but hash and remote_static, which are valid once all
 * messages are done. After a failure of any call only hf_noise_xx_fini is left. A side of the
 * handshake costs one multiplication of the base point, for the ephemeral key, and three others.
 */
#define HF_NOISE_XX_MESSAGES 3

struct hf_noise_xx {
    struct hf_hasher hasher;
    const struct hf_x25519 *own_static;
    struct hf_x25519 ephemeral;
    uint8_t remote_ephemeral[HF_KEY_BYTES];
    uint8_t remote_static[HF_KEY_BYTES]; /* Not to be believed before somebody vouches for it. */
    uint8_t chaining_key[HF_DIGEST_BYTES];
    uint8_t hash[HF_DIGEST_BYTES]; /* Of all that was said: the same on both sides, and no other. */
    uint8_t key[HF_KEY_BYTES];
    uint64_t number; /* Of the next thing sealed with the key. */
    bool keyed;
    bool initiator;
    unsigned messages; /* That are done. */
};

/*
 * Starts. prologue: what both sides must agree on; may be empty. own_static is borrowed until
 * fini. ephemeral: 32 bytes of a generator fit for secrets, never used before, and to be erased by
 * the caller. On failure there is nothing to give back.
 */
HF_MUST_USE enum hf_status hf_noise_xx_init(struct hf_noise_xx *xx, bool initiator,
    struct hf_bytes prologue, const struct hf_x25519 *own_static,
    const uint8_t ephemeral[HF_KEY_BYTES]);

/* Erases all of it. May be called again. */
void hf_noise_xx_fini(struct hf_noise_xx *xx);

/* Whether the next message is this side's to write. False once all are done. */
bool hf_noise_xx_writes(const struct hf_noise_xx *xx);

/* The bytes of the next message beside its payload. Only while messages are left (asserted). */
size_t hf_noise_xx_overhead(const struct hf_noise_xx *xx);

/*
 * Writes the next message, which must be this side's (asserted): hf_noise_xx_overhead bytes more
 * than the payload. A first message's payload is not secret, and a second's reader not known.
 * HF_MALFORMED: what the other side sent before was a point of low order. HF_INVALID: a payload
 * that makes the message longer than HF_AEAD_BYTES_MAX.
 */
HF_MUST_USE enum hf_status hf_noise_xx_write(
    struct hf_noise_xx *xx, struct hf_bytes payload, uint8_t *message);

/*
 * Reads the next message, which must be the other side's (asserted), and opens it where it lies:
 * payload is borrowed from there. HF_MALFORMED: anything is wrong with it.
 */
HF_MUST_USE enum hf_status hf_noise_xx_read(
    struct hf_noise_xx *xx, uint8_t *message, size_t size_bytes, struct hf_bytes *payload);

/* The keys of the two directions, once all messages are done (asserted). */
HF_MUST_USE enum hf_status hf_noise_xx_split(
    struct hf_noise_xx *xx, uint8_t sends[HF_KEY_BYTES], uint8_t receives[HF_KEY_BYTES]);

#endif
