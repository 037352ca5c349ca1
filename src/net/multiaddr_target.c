/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <holdfast/multiaddr.h>

#include "net/multiaddr_protocol.h"

static void set_ip(struct hf_multiaddr_target *target, uint8_t version, const uint8_t *bytes)
{
    target->kind = version == 4 ? HF_MULTIADDR_IP4 : HF_MULTIADDR_IP6;
    target->ip.version = version;
    memcpy(target->ip.bytes, bytes, version == 4 ? 4 : 16);
}

static bool set_host(struct hf_multiaddr_target *target, const struct hf_multiaddr_part *part)
{
    const uint8_t *bytes = part->value.data;
    const uint8_t *ip4 = NULL;
    switch (part->code) {
    case HF_MULTIADDR_IP4:
        set_ip(target, 4, bytes);
        return true;
    case HF_MULTIADDR_IP6:
        ip4 = hf_multiaddr_mapped_ip4(bytes);
        set_ip(target, ip4 ? 4 : 6, ip4 ? ip4 : bytes);
        return true;
    case HF_MULTIADDR_DNS:
    case HF_MULTIADDR_DNS4:
    case HF_MULTIADDR_DNS6:
        target->kind = part->code;
        memcpy(target->name, bytes, part->value.size);
        return true;
    default:
        return false;
    }
}

static bool set_port(struct hf_multiaddr_target *target, const struct hf_multiaddr_part *part)
{
    const uint8_t *bytes = part->value.data;
    if (part->code != HF_MULTIADDR_TCP)
        return false;
    target->port = (uint16_t)(bytes[0] << 8 | bytes[1]);
    return true;
}

static bool set_peer(struct hf_multiaddr_target *target, const struct hf_multiaddr_part *part)
{
    return part->code == HF_MULTIADDR_P2P &&
           hf_peer_id_decode(part->value, &target->peer, NULL) == HF_OK;
}

static bool take_apart(const struct hf_multiaddr *address, struct hf_multiaddr_target *target)
{
    struct hf_multiaddr_part part;
    size_t at = 0;
    if (!hf_multiaddr_next(address, &at, &part) || !set_host(target, &part))
        return false;
    if (!hf_multiaddr_next(address, &at, &part) || !set_port(target, &part))
        return false;
    if (at == address->size)
        return true;
    return hf_multiaddr_next(address, &at, &part) && set_peer(target, &part) && at == address->size;
}

enum hf_status hf_multiaddr_target(
    const struct hf_multiaddr *address, struct hf_multiaddr_target *target, struct hf_error *error)
{
    if (!target)
        return hf_error_add(error, HF_INVALID, 0, "target: NULL");
    if (hf_multiaddr_bytes(address).size == 0)
        return hf_error_add(error, HF_INVALID, 0, "address: %s", address ? "none" : "NULL");
    struct hf_multiaddr_target taken = {0};
    if (!take_apart(address, &taken)) {
        char text[HF_MULTIADDR_TEXT_BYTES];
        hf_multiaddr_write(address, text, sizeof(text));
        return hf_error_add(error, HF_UNSUPPORTED, 0,
            "multiaddr \"%.72s\": no transport (known: a host, then tcp, then a peer or nothing)",
            text);
    }
    *target = taken;
    return HF_OK;
}
