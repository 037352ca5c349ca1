/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <holdfast/multiaddr.h>

#include "net/multiaddr_protocol.h"
#include "net/take.h"
#include "net/varint.h"

/*
 * Text is the longer form, by at most 27 characters a part: an IPv6 address, which gains most, has
 * 44 with its name and slashes, and 17 bytes.
 */
_Static_assert(HF_MULTIADDR_BYTES_MAX + 27 * HF_MULTIADDR_PARTS_MAX < HF_MULTIADDR_TEXT_BYTES,
    "every address has room as text");
_Static_assert(HF_MULTIADDR_TEXT_BYTES <= HF_MULTIADDR_TEXT_MAX, "what is written can be read");

/* So much of a text is quoted, so that what is wrong with it still fits behind. */
#define QUOTED_MAX 72

/* Why something is no address. */
struct flaw {
    enum hf_status status; /* HF_OK: nothing is wrong. */
    const char *says;
    const char *wants; /* What the protocol that says names wants as its value, else NULL. */
};

static const struct flaw no_flaw = {HF_OK, NULL, NULL};
static const struct flaw unknown_protocol = {HF_UNSUPPORTED, "unknown protocol", NULL};

static struct flaw malformed(const char *says)
{
    return (struct flaw){HF_MALFORMED, says, NULL};
}

static struct flaw wrong_value(const struct hf_multiaddr_protocol *protocol)
{
    return (struct flaw){HF_MALFORMED, protocol->name, protocol->wants};
}

/* Takes code and value from the front of bytes. The value is one of the protocol's. */
static struct flaw take_part(
    struct hf_bytes *bytes, const struct hf_multiaddr_protocol **protocol, struct hf_bytes *value)
{
    uint64_t code;
    if (hf_varint_take(bytes, &code) != HF_OK)
        return malformed("no protocol's code");
    *protocol = hf_multiaddr_protocol_of(code);
    if (!*protocol)
        return unknown_protocol;
    size_t fixed_bytes = (*protocol)->fixed_bytes;
    bool taken = fixed_bytes > 0 ? hf_take(bytes, fixed_bytes, value)
                                 : hf_varint_take_prefixed(bytes, bytes->size, value) == HF_OK;
    if (!taken || !(*protocol)->check(*value))
        return wrong_value(*protocol);
    return no_flaw;
}

static struct flaw append(struct hf_multiaddr *address,
    const struct hf_multiaddr_protocol *protocol, struct hf_bytes value)
{
    uint8_t head[2 * HF_VARINT_BYTES_MAX];
    size_t head_bytes = hf_varint_write(protocol->code, head);
    if (protocol->fixed_bytes == 0)
        head_bytes += hf_varint_write(value.size, head + head_bytes);
    if (head_bytes + value.size > HF_MULTIADDR_BYTES_MAX - (size_t)address->size)
        return malformed("the address is too long");
    memcpy(address->bytes + address->size, head, head_bytes);
    memcpy(address->bytes + address->size + head_bytes, value.data, value.size);
    address->size = (uint16_t)(address->size + head_bytes + value.size);
    return no_flaw;
}

/* What stands before the next slash, or before the end. Text then begins with that slash. */
static struct hf_bytes take_word(struct hf_bytes *text)
{
    struct hf_bytes word;
    const char *slash = text->size > 0 ? memchr(text->data, '/', text->size) : NULL;
    size_t size = slash ? (size_t)(slash - (const char *)text->data) : text->size;
    bool taken = hf_take(text, size, &word);
    assert(taken);
    (void)taken;
    return word;
}

static bool take_slash(struct hf_bytes *text)
{
    struct hf_bytes slash;
    return hf_take(text, 1, &slash) && ((const char *)slash.data)[0] == '/';
}

/* Takes the next part from what is read, in either form, and adds it to the address. */
typedef struct flaw add_part(struct hf_bytes *rest, struct hf_multiaddr *address);

static struct flaw decode_part(struct hf_bytes *bytes, struct hf_multiaddr *address)
{
    const struct hf_multiaddr_protocol *protocol;
    struct hf_bytes value;
    struct flaw found = take_part(bytes, &protocol, &value);
    return found.status == HF_OK ? append(address, protocol, value) : found;
}

static struct flaw parse_part(struct hf_bytes *text, struct hf_multiaddr *address)
{
    if (!take_slash(text))
        return malformed("no slash before it");
    const struct hf_multiaddr_protocol *protocol = hf_multiaddr_protocol_named(take_word(text));
    if (!protocol)
        return unknown_protocol;
    struct hf_bytes word = {0};
    struct hf_multiaddr_value value;
    if (take_slash(text))
        word = take_word(text);
    if (word.size == 0 || !protocol->parse(word, &value))
        return wrong_value(protocol);
    return append(address, protocol, hf_bytes(value.bytes, value.size));
}

/* Reads all of it into an address without parts; what is called is how errors tell of it. */
static enum hf_status read_all(struct hf_bytes rest, add_part *add, struct hf_multiaddr *address,
    const char *called, struct hf_error *error)
{
    struct hf_multiaddr read = {.size = 0};
    struct flaw found = rest.size > 0 ? no_flaw : malformed("missing");
    size_t parts = 0;
    while (found.status == HF_OK && rest.size > 0) {
        found = parts < HF_MULTIADDR_PARTS_MAX ? add(&rest, &read) : malformed("one too many");
        parts++;
    }
    if (found.status == HF_OK) {
        *address = read;
        return HF_OK;
    }
    return hf_error_add(error, found.status, 0, "%s, part %zu: %s%s%s", called,
        parts > 0 ? parts : 1, found.says, found.wants ? " wants " : "",
        found.wants ? found.wants : "");
}

enum hf_status hf_multiaddr_parse(
    struct hf_bytes text, struct hf_multiaddr *address, struct hf_error *error)
{
    if (!address || (!text.data && text.size > 0))
        return hf_error_add(error, HF_INVALID, 0, "%s: NULL", address ? "text" : "address");
    if (text.size > HF_MULTIADDR_TEXT_MAX)
        return hf_error_add(error, HF_MALFORMED, 0, "multiaddr: %zu characters (at most %d)",
            text.size, HF_MULTIADDR_TEXT_MAX);
    char called[QUOTED_MAX + 32];
    bool whole = text.size <= QUOTED_MAX;
    snprintf(called, sizeof(called), "multiaddr \"%.*s%s\"", whole ? (int)text.size : QUOTED_MAX,
        text.size > 0 ? (const char *)text.data : "", whole ? "" : "...");
    while (text.size > 0 && ((const char *)text.data)[text.size - 1] == '/')
        text.size--;
    return read_all(text, parse_part, address, called, error);
}

enum hf_status hf_multiaddr_decode(
    struct hf_bytes bytes, struct hf_multiaddr *address, struct hf_error *error)
{
    if (!address || (!bytes.data && bytes.size > 0))
        return hf_error_add(error, HF_INVALID, 0, "%s: NULL", address ? "bytes" : "address");
    char called[48];
    snprintf(called, sizeof(called), "multiaddr of %zu bytes", bytes.size);
    return read_all(bytes, decode_part, address, called, error);
}

enum hf_status hf_multiaddr_from_ip(
    const struct hf_ip *ip, uint16_t port, struct hf_multiaddr *address)
{
    if (!ip || !address || (ip->version != 4 && ip->version != 6))
        return HF_INVALID;
    enum hf_multiaddr_code code = ip->version == 4 ? HF_MULTIADDR_IP4 : HF_MULTIADDR_IP6;
    const struct hf_multiaddr_protocol *protocol = hf_multiaddr_protocol_of(code);
    const uint8_t port_bytes[] = {(uint8_t)(port >> 8), (uint8_t)port};
    *address = (struct hf_multiaddr){.size = 0};
    append(address, protocol, hf_bytes(ip->bytes, protocol->fixed_bytes));
    append(address, hf_multiaddr_protocol_of(HF_MULTIADDR_TCP), hf_bytes(port_bytes, 2));
    return HF_OK;
}

static size_t count_parts(const struct hf_multiaddr *address)
{
    struct hf_multiaddr_part part;
    size_t at = 0;
    size_t count = 0;
    while (hf_multiaddr_next(address, &at, &part))
        count++;
    return count;
}

enum hf_status hf_multiaddr_add_peer(struct hf_multiaddr *address, const struct hf_peer_id *id)
{
    struct hf_bytes multihash = hf_peer_id_bytes(id);
    size_t parts = count_parts(address);
    if (parts == 0 || multihash.size == 0)
        return HF_INVALID;
    if (parts == HF_MULTIADDR_PARTS_MAX)
        return HF_FULL;
    struct flaw found = append(address, hf_multiaddr_protocol_of(HF_MULTIADDR_P2P), multihash);
    return found.status == HF_OK ? HF_OK : HF_FULL;
}

struct hf_bytes hf_multiaddr_bytes(const struct hf_multiaddr *address)
{
    if (!address || address->size > HF_MULTIADDR_BYTES_MAX)
        return hf_bytes(NULL, 0);
    return hf_bytes(address->bytes, address->size);
}

bool hf_multiaddr_equals(const struct hf_multiaddr *a, const struct hf_multiaddr *b)
{
    struct hf_bytes one = hf_multiaddr_bytes(a);
    struct hf_bytes other = hf_multiaddr_bytes(b);
    return one.size > 0 && one.size == other.size && memcmp(one.data, other.data, one.size) == 0;
}

bool hf_multiaddr_next(
    const struct hf_multiaddr *address, size_t *at, struct hf_multiaddr_part *part)
{
    struct hf_bytes rest = hf_multiaddr_bytes(address);
    struct hf_bytes before;
    const struct hf_multiaddr_protocol *protocol;
    struct hf_bytes value;
    if (!at || !part || !hf_take(&rest, *at, &before))
        return false;
    if (rest.size == 0 || take_part(&rest, &protocol, &value).status != HF_OK)
        return false;
    *part = (struct hf_multiaddr_part){protocol->code, value};
    *at = address->size - rest.size;
    return true;
}

size_t hf_multiaddr_write(const struct hf_multiaddr *address, char *buffer, size_t size_bytes)
{
    char text[HF_MULTIADDR_TEXT_BYTES] = "";
    size_t length = 0;
    size_t at = 0;
    struct hf_multiaddr_part part;
    while (hf_multiaddr_next(address, &at, &part)) {
        const struct hf_multiaddr_protocol *protocol = hf_multiaddr_protocol_of(part.code);
        char value[HF_MULTIADDR_VALUE_TEXT_BYTES] = "";
        protocol->write(part.value, value);
        length +=
            (size_t)snprintf(text + length, sizeof(text) - length, "/%s/%s", protocol->name, value);
        assert(length < sizeof(text));
    }
    return (size_t)snprintf(buffer, buffer ? size_bytes : 0, "%s", text);
}
