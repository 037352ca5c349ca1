/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "http/ip.h"
#include "http/text.h"

/* "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255" and nothing longer is an address. */
#define ADDRESS_BYTES_MAX 45

#define MAPPED_BITS 96

static const uint8_t mapped_prefix[MAPPED_BITS / 8] = {[10] = 0xff, [11] = 0xff};

unsigned hf_ip_bits(const struct hf_ip *ip)
{
    return ip->version == 4 ? 32 : ip->version == 6 ? 128 : 0;
}

bool hf_ip_equals(const struct hf_ip *a, const struct hf_ip *b)
{
    return a->version == b->version && memcmp(a->bytes, b->bytes, hf_ip_bits(a) / 8) == 0;
}

struct hf_ip hf_ip_from_v6(const uint8_t *bytes)
{
    struct hf_ip ip = {.version = 6};
    memcpy(ip.bytes, bytes, sizeof(ip.bytes));
    if (memcmp(bytes, mapped_prefix, sizeof(mapped_prefix)) == 0) {
        ip = (struct hf_ip){.version = 4};
        memcpy(ip.bytes, bytes + sizeof(mapped_prefix), 4);
    }
    return ip;
}

struct hf_ip hf_ip_prefix(const struct hf_ip *ip, unsigned prefix_bits)
{
    struct hf_ip cut = {.version = ip->version};
    memcpy(cut.bytes, ip->bytes, prefix_bits / 8);
    if (prefix_bits % 8 > 0) {
        unsigned mask = 0xffu << (8 - prefix_bits % 8);
        cut.bytes[prefix_bits / 8] = (uint8_t)(ip->bytes[prefix_bits / 8] & mask);
    }
    return cut;
}

/* inet_pton wants a NUL, so one inside would hide what follows it. */
static bool copy_address(struct hf_bytes text, char *copy)
{
    if (text.size == 0 || text.size > ADDRESS_BYTES_MAX || memchr(text.data, '\0', text.size))
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return true;
}

/* Some systems' inet_pton takes "010" for 8 or for 10; an address must mean one thing. The groups
 * of IPv6 may begin with 0, the dotted end of one may not. */
static bool has_ambiguous_octet(const char *text)
{
    const char *colon = strrchr(text, ':');
    const char *octet = colon ? colon + 1 : text;
    if (!strchr(octet, '.'))
        return false;
    while (octet && !(octet[0] == '0' && octet[1] >= '0' && octet[1] <= '9')) {
        const char *dot = strchr(octet, '.');
        octet = dot ? dot + 1 : NULL;
    }
    return octet;
}

enum hf_status hf_ip_parse(struct hf_bytes text, struct hf_ip *ip)
{
    if (!ip || (!text.data && text.size > 0))
        return HF_INVALID;
    char copy[ADDRESS_BYTES_MAX + 1];
    if (!copy_address(text, copy) || has_ambiguous_octet(copy))
        return HF_MALFORMED;
    uint8_t bytes[16];
    if (inet_pton(AF_INET, copy, bytes) == 1) {
        *ip = (struct hf_ip){.version = 4};
        memcpy(ip->bytes, bytes, 4);
        return HF_OK;
    }
    if (inet_pton(AF_INET6, copy, bytes) != 1)
        return HF_MALFORMED;
    *ip = hf_ip_from_v6(bytes);
    return HF_OK;
}

/* An IPv4 network written as a mapped one counts its bits from the mapped prefix's end. */
static bool parse_prefix(const char *text, bool mapped, const struct hf_ip *ip, unsigned *bits)
{
    uint64_t number;
    size_t size = strlen(text);
    if (size > 3 || (size > 1 && text[0] == '0') || !hf_text_number(hf_bytes(text, size), &number))
        return false;
    uint64_t skipped = mapped ? MAPPED_BITS : 0;
    if (number < skipped || number - skipped > hf_ip_bits(ip))
        return false;
    *bits = (unsigned)(number - skipped);
    return true;
}

enum hf_status hf_cidr_parse(const char *text, struct hf_cidr *cidr, struct hf_error *error)
{
    if (!text || !cidr)
        return hf_error_add(error, HF_INVALID, 0, "%s: NULL", text ? "cidr" : "text");
    const char *slash = strchr(text, '/');
    struct hf_bytes address = hf_bytes(text, slash ? (size_t)(slash - text) : strlen(text));
    struct hf_ip ip;
    if (hf_ip_parse(address, &ip) != HF_OK)
        return hf_error_add(error, HF_INVALID, 0, "network \"%s\": not an IP address", text);
    unsigned bits = hf_ip_bits(&ip);
    bool mapped = ip.version == 4 && memchr(text, ':', address.size);
    if (slash && !parse_prefix(slash + 1, mapped, &ip, &bits))
        return hf_error_add(error, HF_INVALID, 0, "network \"%s\": prefix out of range", text);
    struct hf_ip network = hf_ip_prefix(&ip, bits);
    if (!hf_ip_equals(&network, &ip)) {
        char meant[HF_IP_TEXT_BYTES];
        hf_ip_write(&network, meant, sizeof(meant));
        return hf_error_add(error, HF_INVALID, 0,
            "network \"%s\": bits set beyond its prefix (%s/%u is meant?)", text, meant, bits);
    }
    *cidr = (struct hf_cidr){.ip = ip, .prefix_bits = (uint8_t)bits};
    return HF_OK;
}

bool hf_cidr_contains(const struct hf_cidr *cidr, const struct hf_ip *ip)
{
    if (!cidr || !ip || ip->version != cidr->ip.version || cidr->prefix_bits > hf_ip_bits(ip))
        return false;
    if (hf_ip_bits(ip) == 0)
        return false;
    struct hf_ip network = hf_ip_prefix(ip, cidr->prefix_bits);
    return hf_ip_equals(&network, &cidr->ip);
}

/* The longest run of zero groups, the first of equals, from 2 groups on (RFC 5952, 4.2). */
static unsigned longest_zeros(const uint16_t *groups, unsigned *length)
{
    unsigned best = 8;
    *length = 1;
    for (unsigned start = 0; start < 8; start++) {
        unsigned end = start;
        while (end < 8 && groups[end] == 0)
            end++;
        if (end - start > *length) {
            best = start;
            *length = end - start;
        }
    }
    return best;
}

static void write_v6(const uint8_t *bytes, char *text)
{
    uint16_t groups[8];
    for (unsigned group = 0; group < 8; group++)
        groups[group] = (uint16_t)(bytes[2 * group] << 8 | bytes[2 * group + 1]);
    unsigned zeros_length;
    unsigned zeros = longest_zeros(groups, &zeros_length);
    char *end = text;
    for (unsigned group = 0; group < 8; group++) {
        if (group == zeros) {
            end += sprintf(end, "::");
            group += zeros_length - 1;
            continue;
        }
        bool joined = group == 0 || end[-1] == ':';
        end += sprintf(end, "%s%x", joined ? "" : ":", groups[group]);
    }
}

size_t hf_ip_write(const struct hf_ip *ip, char *buffer, size_t size_bytes)
{
    char text[HF_IP_TEXT_BYTES] = "local";
    if (ip && ip->version == 4)
        sprintf(text, "%u.%u.%u.%u", ip->bytes[0], ip->bytes[1], ip->bytes[2], ip->bytes[3]);
    if (ip && ip->version == 6)
        write_v6(ip->bytes, text);
    return (size_t)snprintf(buffer, buffer ? size_bytes : 0, "%s", text);
}
