/* SPDX-License-Identifier: MIT */
#ifndef HF_NET_MULTIADDR_PROTOCOL_H
#define HF_NET_MULTIADDR_PROTOCOL_H

#include <holdfast/multiaddr.h>

/*
 * The protocols that an address may name (multiformats/multiaddr, protocols.csv), and both forms of
 * their values. What is wrong with a value is said by what it is not.
 */

/* A value in binary. */
struct hf_multiaddr_value {
    uint8_t bytes[HF_MULTIADDR_BYTES_MAX];
    size_t size;
};

/* Room for any value as text, with its NUL: a name has the longest. */
#define HF_MULTIADDR_VALUE_TEXT_BYTES (HF_MULTIADDR_NAME_MAX + 1)

struct hf_multiaddr_protocol {
    enum hf_multiaddr_code code;
    size_t fixed_bytes; /* Of its values; 0: their length stands before them. */
    const char *name;
    const char *wants; /* "an IPv4 address" */
    /* Whether bytes of a right size are a value. */
    bool (*check)(struct hf_bytes value);
    /* Reads text; false: it is no value. The result has passed check. */
    bool (*parse)(struct hf_bytes text, struct hf_multiaddr_value *value);
    /* Writes a value that has passed check, with a NUL, into HF_MULTIADDR_VALUE_TEXT_BYTES. */
    void (*write)(struct hf_bytes value, char *text);
};

/* The IPv4 address that an IPv6 address's 16 bytes stand for (RFC 4291, 2.5.5.2), NULL if for none.
 */
const uint8_t *hf_multiaddr_mapped_ip4(const uint8_t *ip6);

/* NULL: not known. */
const struct hf_multiaddr_protocol *hf_multiaddr_protocol_of(uint64_t code);
const struct hf_multiaddr_protocol *hf_multiaddr_protocol_named(struct hf_bytes name);

#endif
