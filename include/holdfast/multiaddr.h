/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_MULTIADDR_H
#define HOLDFAST_MULTIADDR_H

#include <holdfast/http.h>
#include <holdfast/peer_id.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Where a peer can be reached (libp2p/specs, addressing/README.md; multiformats/multiaddr): a list
 * of protocols, each with a value, as "/ip4/192.0.2.1/tcp/4001/p2p/12D3KooW...". Pure functions,
 * thread-safe, no allocation.
 *
 * Known are ip4, ip6, ip6zone, dns, dns4, dns6, dnsaddr, tcp and p2p (read as ipfs too). An address
 * with any other protocol gives HF_UNSUPPORTED: it cannot be read, as the size of what is unknown
 * is unknown too. Whoever receives a list of addresses drops that one and keeps the rest.
 *
 * Both forms are read strictly, so that an address has one binary form: lengths and codes in the
 * shortest encoding, ports without a sign or leading zero, names made of letters, digits, '.', '-'
 * and '_' (what can be looked up, and printed without harm).
 */

#define HF_MULTIADDR_BYTES_MAX 256 /* The binary form. */
#define HF_MULTIADDR_PARTS_MAX 8   /* Protocols. */
#define HF_MULTIADDR_TEXT_MAX 512  /* Text that is read. */
#define HF_MULTIADDR_NAME_MAX 253  /* Characters of a name (RFC 1035, 2.3.4). */
#define HF_MULTIADDR_ZONE_MAX 64   /* Characters of a zone (RFC 4007). */

/* Caller-allocated; a zeroed one is no address. Fields are private. */
struct hf_multiaddr {
    uint8_t bytes[HF_MULTIADDR_BYTES_MAX];
    uint16_t size;
};

/* The protocols, by their codes on the wire. */
enum hf_multiaddr_code {
    HF_MULTIADDR_IP4 = 4,
    HF_MULTIADDR_TCP = 6,
    HF_MULTIADDR_IP6 = 41,
    HF_MULTIADDR_IP6ZONE = 42,
    HF_MULTIADDR_DNS = 53,
    HF_MULTIADDR_DNS4 = 54,
    HF_MULTIADDR_DNS6 = 55,
    HF_MULTIADDR_DNSADDR = 56,
    HF_MULTIADDR_P2P = 421,
};

/*
 * Reads text. Slashes at its end are let pass. HF_MALFORMED: it is no address, or passes a limit;
 * HF_UNSUPPORTED: a protocol that is not known; HF_INVALID: NULL. On failure *address stays and
 * error (NULL: not wanted) says which part is wrong.
 */
HF_MUST_USE HF_API enum hf_status hf_multiaddr_parse(
    struct hf_bytes text, struct hf_multiaddr *address, struct hf_error *error);

/* Reads the binary form. Results as above. */
HF_MUST_USE HF_API enum hf_status hf_multiaddr_decode(
    struct hf_bytes bytes, struct hf_multiaddr *address, struct hf_error *error);

/*
 * The address of a TCP port: "/ip4/192.0.2.1/tcp/4001". HF_INVALID: NULL, or an ip without a
 * version; *address stays.
 */
HF_MUST_USE HF_API enum hf_status hf_multiaddr_from_ip(
    const struct hf_ip *ip, uint16_t port, struct hf_multiaddr *address);

/*
 * Adds "/p2p/<id>" at the end. HF_FULL: no room; HF_INVALID: NULL, no peer or no address. The
 * address stays then.
 */
HF_MUST_USE HF_API enum hf_status hf_multiaddr_add_peer(
    struct hf_multiaddr *address, const struct hf_peer_id *id);

/* The binary form, borrowed from address; no bytes for NULL or no address. */
HF_API struct hf_bytes hf_multiaddr_bytes(const struct hf_multiaddr *address);

/* Whether the binary forms are equal. No address is no address's equal, and NULL neither. */
HF_API bool hf_multiaddr_equals(const struct hf_multiaddr *a, const struct hf_multiaddr *b);

/* Room for any address as text, with its NUL. */
#define HF_MULTIADDR_TEXT_BYTES 480

/*
 * Writes an address as text; ids in base58btc, IPv6 as RFC 5952 has it. Ends with NUL. Returns the
 * length of the whole text; more than size_bytes - 1 means it was cut. buffer may be NULL if
 * size_bytes is 0; NULL or no address: "".
 */
HF_API size_t hf_multiaddr_write(
    const struct hf_multiaddr *address, char *buffer, size_t size_bytes);

/* One protocol of an address, and its value in binary: an IP address's 4 or 16 bytes, a port's two,
 * most significant first, a name's characters, a peer id's multihash. Borrowed from the address. */
struct hf_multiaddr_part {
    enum hf_multiaddr_code code;
    struct hf_bytes value;
};

/*
 * The parts one by one: *at begins as 0 and is moved on. False, and neither is touched, behind the
 * last, or if an argument is NULL.
 *
 *     size_t at = 0;
 *     struct hf_multiaddr_part part;
 *     while (hf_multiaddr_next(&address, &at, &part))
 *         ...
 */
HF_API bool hf_multiaddr_next(
    const struct hf_multiaddr *address, size_t *at, struct hf_multiaddr_part *part);

/* What to connect to, or where to listen. */
struct hf_multiaddr_target {
    enum hf_multiaddr_code
        kind;        /* IP4 or IP6, else DNS, DNS4 or DNS6: what to look the name up for. */
    struct hf_ip ip; /* Without a version if there is a name instead. */
    char name[HF_MULTIADDR_NAME_MAX + 1]; /* Ends with NUL; "" if there is an ip. */
    uint16_t port;
    struct hf_peer_id peer; /* Who has to answer there; no peer: the address does not say. */
};

/*
 * Takes an address apart that is of the one shape this library connects to:
 * (ip4 | ip6 | dns | dns4 | dns6) / tcp [/ p2p]. An IPv4-mapped ip6 is taken as ip4.
 * HF_UNSUPPORTED: another shape; HF_INVALID: NULL or no address. On failure *target stays and error
 * (NULL: not wanted) says why.
 */
HF_NAMESAKE_BEGIN
HF_MUST_USE HF_API enum hf_status hf_multiaddr_target(
    const struct hf_multiaddr *address, struct hf_multiaddr_target *target, struct hf_error *error);
HF_NAMESAKE_END

#ifdef __cplusplus
}
#endif

#endif
