/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "net/multiaddr_protocol.h"

#define IP4_BYTES 4
#define IP6_BYTES 16
#define PORT_DIGITS_MAX 5

/* Mapped addresses stay what they are here: written as IPv4, they would be other bytes. */
static const uint8_t mapped_head[IP6_BYTES - IP4_BYTES] = {[10] = 0xff, [11] = 0xff};

const uint8_t *hf_multiaddr_mapped_ip4(const uint8_t *ip6)
{
    bool mapped = memcmp(ip6, mapped_head, sizeof(mapped_head)) == 0;
    return mapped ? ip6 + sizeof(mapped_head) : NULL;
}

static bool is_anything(struct hf_bytes value)
{
    (void)value;
    return true;
}

static bool parse_ip4(struct hf_bytes text, struct hf_multiaddr_value *value)
{
    struct hf_ip ip;
    if (memchr(text.data, ':', text.size) || hf_ip_parse(text, &ip) != HF_OK)
        return false;
    memcpy(value->bytes, ip.bytes, IP4_BYTES);
    value->size = IP4_BYTES;
    return true;
}

static void write_ip4(struct hf_bytes value, char *text)
{
    struct hf_ip ip = {.version = 4};
    memcpy(ip.bytes, value.data, IP4_BYTES);
    hf_ip_write(&ip, text, HF_IP_TEXT_BYTES);
}

static bool parse_ip6(struct hf_bytes text, struct hf_multiaddr_value *value)
{
    struct hf_ip ip;
    if (!memchr(text.data, ':', text.size) || hf_ip_parse(text, &ip) != HF_OK)
        return false;
    memcpy(value->bytes, ip.bytes, IP6_BYTES);
    if (ip.version == 4) {
        memcpy(value->bytes, mapped_head, sizeof(mapped_head));
        memcpy(value->bytes + sizeof(mapped_head), ip.bytes, IP4_BYTES);
    }
    value->size = IP6_BYTES;
    return true;
}

static void write_ip6(struct hf_bytes value, char *text)
{
    const uint8_t *ip4 = hf_multiaddr_mapped_ip4(value.data);
    if (ip4) {
        text += sprintf(text, "::ffff:");
        write_ip4(hf_bytes(ip4, IP4_BYTES), text);
        return;
    }
    struct hf_ip ip = {.version = 6};
    memcpy(ip.bytes, value.data, IP6_BYTES);
    hf_ip_write(&ip, text, HF_IP_TEXT_BYTES);
}

static bool parse_port(struct hf_bytes text, struct hf_multiaddr_value *value)
{
    const char *digits = text.data;
    unsigned port = 0;
    if (text.size == 0 || text.size > PORT_DIGITS_MAX || (digits[0] == '0' && text.size > 1))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (digits[i] < '0' || digits[i] > '9')
            return false;
        port = port * 10 + (unsigned)(digits[i] - '0');
    }
    if (port > UINT16_MAX)
        return false;
    value->bytes[0] = (uint8_t)(port >> 8);
    value->bytes[1] = (uint8_t)port;
    value->size = 2;
    return true;
}

static void write_port(struct hf_bytes value, char *text)
{
    const uint8_t *bytes = value.data;
    sprintf(text, "%u", (unsigned)bytes[0] << 8 | bytes[1]);
}

static bool is_name_character(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}

static bool is_name(struct hf_bytes value)
{
    if (value.size == 0 || value.size > HF_MULTIADDR_NAME_MAX)
        return false;
    for (size_t i = 0; i < value.size; i++)
        if (!is_name_character(((const uint8_t *)value.data)[i]))
            return false;
    return true;
}

/* What is visible in ASCII, as interfaces are named after many things. */
static bool is_zone(struct hf_bytes value)
{
    if (value.size == 0 || value.size > HF_MULTIADDR_ZONE_MAX)
        return false;
    for (size_t i = 0; i < value.size; i++) {
        uint8_t c = ((const uint8_t *)value.data)[i];
        if (c <= ' ' || c >= 0x7f || c == '/')
            return false;
    }
    return true;
}

static void copy(struct hf_bytes bytes, struct hf_multiaddr_value *value)
{
    memcpy(value->bytes, bytes.data, bytes.size);
    value->size = bytes.size;
}

static bool parse_name(struct hf_bytes text, struct hf_multiaddr_value *value)
{
    if (!is_name(text))
        return false;
    copy(text, value);
    return true;
}

static bool parse_zone(struct hf_bytes text, struct hf_multiaddr_value *value)
{
    if (!is_zone(text))
        return false;
    copy(text, value);
    return true;
}

static void write_as_it_is(struct hf_bytes value, char *text)
{
    memcpy(text, value.data, value.size);
    text[value.size] = '\0';
}

static bool is_peer(struct hf_bytes value)
{
    struct hf_peer_id id;
    return hf_peer_id_decode(value, &id, NULL) == HF_OK;
}

static bool parse_peer(struct hf_bytes text, struct hf_multiaddr_value *value)
{
    struct hf_peer_id id;
    if (hf_peer_id_parse(text, &id, NULL) != HF_OK)
        return false;
    copy(hf_peer_id_bytes(&id), value);
    return true;
}

static void write_peer(struct hf_bytes value, char *text)
{
    struct hf_peer_id id = {.size = 0};
    if (hf_peer_id_decode(value, &id, NULL) == HF_OK)
        hf_peer_id_write(&id, text, HF_PEER_ID_TEXT_BYTES);
}

#define NAMED(code, name)                                                                          \
    {                                                                                              \
        code, 0, name, "a host's name", is_name, parse_name, write_as_it_is                        \
    }

/* A protocol's older name comes after the one it is written with. */
static const struct hf_multiaddr_protocol protocols[] = {
    {HF_MULTIADDR_IP4, IP4_BYTES, "ip4", "an IPv4 address", is_anything, parse_ip4, write_ip4},
    {HF_MULTIADDR_IP6, IP6_BYTES, "ip6", "an IPv6 address", is_anything, parse_ip6, write_ip6},
    {HF_MULTIADDR_TCP, 2, "tcp", "a port", is_anything, parse_port, write_port},
    {HF_MULTIADDR_P2P, 0, "p2p", "a peer id", is_peer, parse_peer, write_peer},
    NAMED(HF_MULTIADDR_DNS, "dns"),
    NAMED(HF_MULTIADDR_DNS4, "dns4"),
    NAMED(HF_MULTIADDR_DNS6, "dns6"),
    NAMED(HF_MULTIADDR_DNSADDR, "dnsaddr"),
    {HF_MULTIADDR_IP6ZONE, 0, "ip6zone", "a zone", is_zone, parse_zone, write_as_it_is},
    {HF_MULTIADDR_P2P, 0, "ipfs", "a peer id", is_peer, parse_peer, write_peer},
};

#define PROTOCOLS_COUNT (sizeof(protocols) / sizeof(protocols[0]))

const struct hf_multiaddr_protocol *hf_multiaddr_protocol_of(uint64_t code)
{
    for (size_t i = 0; i < PROTOCOLS_COUNT; i++)
        if (protocols[i].code == code)
            return &protocols[i];
    return NULL;
}

const struct hf_multiaddr_protocol *hf_multiaddr_protocol_named(struct hf_bytes name)
{
    for (size_t i = 0; i < PROTOCOLS_COUNT; i++) {
        const char *candidate = protocols[i].name;
        if (strlen(candidate) == name.size && memcmp(candidate, name.data, name.size) == 0)
            return &protocols[i];
    }
    return NULL;
}
