/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <holdfast/multiaddr.h>

/* Whatever text or bytes are said to be an address: its forms are one, its parts make it up, and
 * its target says what it says. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool good)
{
    if (!good)
        abort();
}

static void check_target(const struct hf_multiaddr *address)
{
    struct hf_multiaddr_target target;
    struct hf_multiaddr again;
    struct hf_error error = {0};
    if (hf_multiaddr_target(address, &target, &error) != HF_OK)
        return;
    demand((target.ip.version == 0) == (target.name[0] != '\0'));
    if (target.ip.version == 0 || hf_multiaddr_bytes(address).size == 0)
        return;
    demand(hf_multiaddr_from_ip(&target.ip, target.port, &again) == HF_OK);
    if (hf_peer_id_bytes(&target.peer).size > 0)
        demand(hf_multiaddr_add_peer(&again, &target.peer) == HF_OK);
    /* An IPv4-mapped address came as IPv6 and goes as IPv4. */
    demand(hf_multiaddr_equals(address, &again) || target.ip.version == 4);
}

static void check(const struct hf_multiaddr *address)
{
    struct hf_multiaddr again;
    char text[HF_MULTIADDR_TEXT_BYTES];
    size_t length = hf_multiaddr_write(address, text, sizeof(text));
    demand(length > 0 && length < sizeof(text));
    demand(hf_multiaddr_parse(hf_bytes(text, length), &again, NULL) == HF_OK);
    demand(hf_multiaddr_equals(address, &again));
    demand(hf_multiaddr_decode(hf_multiaddr_bytes(address), &again, NULL) == HF_OK);
    demand(hf_multiaddr_equals(address, &again));
    struct hf_multiaddr_part part;
    size_t at = 0;
    size_t parts = 0;
    while (hf_multiaddr_next(address, &at, &part))
        parts++;
    demand(at == hf_multiaddr_bytes(address).size && parts <= HF_MULTIADDR_PARTS_MAX);
    check_target(address);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_multiaddr address;
    struct hf_error error = {0};
    if (hf_multiaddr_parse(hf_bytes(data, size), &address, &error) == HF_OK)
        check(&address);
    if (hf_multiaddr_decode(hf_bytes(data, size), &address, &error) == HF_OK) {
        demand(memcmp(hf_multiaddr_bytes(&address).data, data, size) == 0);
        check(&address);
    }
    return 0;
}
