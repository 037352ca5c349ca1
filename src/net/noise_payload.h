/* SPDX-License-Identifier: MIT */
#ifndef HF_NET_NOISE_PAYLOAD_H
#define HF_NET_NOISE_PAYLOAD_H

#include <holdfast/identity.h>

#include "net/curve25519.h"

/*
 * What libp2p's peers say in a Noise handshake (libp2p/specs, noise/README.md, "The libp2p
 * Handshake Payload", and connections/inlined-muxer-negotiation.md): who they are, that the static
 * key of this handshake is theirs, and which multiplexers they speak.
 *
 * Limits: identities are Ed25519 keys; payloads have at most 32 fields, extensions at most 128,
 * unknown ones included; a side names at most HF_NOISE_MUXERS_MAX multiplexers of its own.
 */
#define HF_NOISE_MUXERS_MAX 4
#define HF_NOISE_PAYLOAD_BYTES_MAX 512 /* Of one's own. */

/*
 * What a process says of itself in all its handshakes: made once, shared by all of them and by all
 * threads, changed by none. The Noise static key lives as long as this and is never stored; its
 * signature, made here, is what keeps handshakes from signing anything.
 */
struct hf_noise_credentials {
    struct hf_x25519 static_pair;
    struct hf_bytes muxers[HF_NOISE_MUXERS_MAX];
    size_t muxers_count;
    uint8_t payload[HF_NOISE_PAYLOAD_BYTES_MAX];
    size_t payload_bytes;
};

struct hf_noise_credentials_options {
    const struct hf_identity *identity; /* Only used here, */
    const uint8_t *static_private; /* and so are HF_KEY_BYTES of a generator fit for secrets. */
    const struct hf_bytes *muxers; /* Names, by preference; what they point to is borrowed. */
    size_t muxers_count;           /* 0: leave the multiplexer to be negotiated afterwards. */
};

/*
 * HF_INVALID: no identity, too many multiplexers, or more of them than HF_NOISE_PAYLOAD_BYTES_MAX
 * has room for; there is nothing to give back then. Costs two multiplications of a base point, and
 * a signature.
 */
HF_MUST_USE enum hf_status hf_noise_credentials_init(
    struct hf_noise_credentials *credentials, const struct hf_noise_credentials_options *options);

/* Erases it. No handshake may be using it any more. May be called again. */
void hf_noise_credentials_fini(struct hf_noise_credentials *credentials);

/* What the other side has proven and wants. */
struct hf_noise_peer {
    struct hf_peer_id id;
    uint8_t public_key[HF_KEY_BYTES]; /* Ed25519. */
    bool muxer_agreed;                /* Else it is to be negotiated. */
    size_t muxer;                     /* Index into own->muxers. */
};

/*
 * Reads the other side's payload and checks that remote_static is its own. initiator: whether this
 * side is, since the initiator's preference counts. *reason is set, to a static text, on failure:
 * HF_MALFORMED: no payload, or the key is not its own; HF_UNSUPPORTED: an identity of another kind
 * than Ed25519, or no multiplexer in common where both named some. One verification.
 */
HF_MUST_USE enum hf_status hf_noise_payload_read(struct hf_bytes payload,
    const uint8_t remote_static[HF_KEY_BYTES], const struct hf_noise_credentials *own,
    bool initiator, struct hf_noise_peer *peer, const char **reason);

#endif
