/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include <holdfast/peer_id.h>

#include "net/base32.h"
#include "net/base58.h"
#include "net/crypto.h"
#include "net/key.h"
#include "net/multihash.h"

/* A key with a longer message is hashed. Keys of a fixed size have shorter ones, so that those of
 * the other types may not. */
#define INLINE_KEY_BYTES_MAX 42

/* What a CIDv1 of a peer begins with: version 1, codec libp2p-key. */
static const uint8_t cid_head[] = {0x01, 0x72};

#define CID_BYTES_MAX (sizeof(cid_head) + HF_PEER_ID_BYTES_MAX)

_Static_assert(HF_PEER_ID_BYTES_MAX <= HF_BASE58_BYTES_MAX, "base58 writes every id");
_Static_assert(HF_PEER_ID_TEXT_MAX <= HF_BASE58_TEXT_MAX, "base58 reads every text");
_Static_assert(HF_BASE58_TEXT_OF(HF_PEER_ID_BYTES_MAX) < HF_PEER_ID_TEXT_BYTES, "room and NUL");
_Static_assert(1 + HF_BASE32_TEXT_OF(CID_BYTES_MAX) < HF_PEER_ID_CID_BYTES, "letter, room, NUL");

/* So much of a text is quoted, so that what is wrong with it still fits behind. */
#define QUOTED_MAX 72

static enum hf_status refuse_text(struct hf_bytes text, const char *why, struct hf_error *error)
{
    int quoted = text.size > QUOTED_MAX ? QUOTED_MAX : (int)text.size;
    return hf_error_add(error, HF_MALFORMED, 0, "peer id \"%.*s%s\": %s", quoted,
        quoted > 0 ? (const char *)text.data : "", text.size > QUOTED_MAX ? "..." : "", why);
}

/* A key that is its own hash is looked into: nothing else could ever prove to be that peer. */
static bool is_inline_key(struct hf_bytes message)
{
    struct hf_key key;
    return hf_key_read(message, &key) == HF_OK &&
           (key.type == HF_KEY_ED25519 || key.type == HF_KEY_SECP256K1);
}

/* NULL if bytes are a peer's multihash, else what they lack. */
static const char *check_multihash(struct hf_bytes bytes)
{
    struct hf_multihash hash;
    switch (hf_multihash_read(bytes, &hash)) {
    case HF_OK:
        break;
    case HF_UNSUPPORTED:
        return "neither a SHA2-256 nor a key itself";
    default:
        return "not a multihash";
    }
    if (hash.code == HF_MULTIHASH_IDENTITY && !is_inline_key(hash.digest))
        return "not the canonical form of a key";
    return NULL;
}

static void set(struct hf_peer_id *id, struct hf_bytes multihash)
{
    *id = (struct hf_peer_id){.size = (uint8_t)multihash.size};
    memcpy(id->bytes, multihash.data, multihash.size);
}

static const char *parse_base58(struct hf_bytes text, struct hf_peer_id *id)
{
    uint8_t bytes[HF_BASE58_BYTES_MAX];
    size_t size;
    if (hf_base58_read(text, bytes, &size) != HF_OK)
        return "not base58btc";
    const char *wrong = check_multihash(hf_bytes(bytes, size));
    if (!wrong)
        set(id, hf_bytes(bytes, size));
    return wrong;
}

static const char *parse_cid(struct hf_bytes text, struct hf_peer_id *id)
{
    uint8_t bytes[CID_BYTES_MAX];
    size_t size;
    struct hf_bytes digits = hf_bytes((const char *)text.data + 1, text.size - 1);
    if (hf_base32_read(digits, bytes, sizeof(bytes), &size) != HF_OK)
        return "not base32 in lower case, as a CIDv1 is";
    if (size < sizeof(cid_head) || memcmp(bytes, cid_head, sizeof(cid_head)) != 0)
        return "not a CIDv1 of a libp2p key";
    struct hf_bytes multihash = hf_bytes(bytes + sizeof(cid_head), size - sizeof(cid_head));
    const char *wrong = check_multihash(multihash);
    if (!wrong)
        set(id, multihash);
    return wrong;
}

/* An identity begins with a zero byte, which base58btc writes as 1; a SHA2-256 comes out as Qm. */
static const char *parse(struct hf_bytes text, struct hf_peer_id *id)
{
    const char *characters = text.data;
    if (text.size == 0)
        return "empty";
    if (text.size > HF_PEER_ID_TEXT_MAX)
        return "too long";
    if (characters[0] == '1' || (text.size > 1 && memcmp(characters, "Qm", 2) == 0))
        return parse_base58(text, id);
    if (characters[0] == 'b')
        return parse_cid(text, id);
    return "begins like none (1, Qm or b)";
}

enum hf_status hf_peer_id_parse(struct hf_bytes text, struct hf_peer_id *id, struct hf_error *error)
{
    if (!id || (!text.data && text.size > 0))
        return hf_error_add(error, HF_INVALID, 0, "%s: NULL", id ? "text" : "id");
    const char *wrong = parse(text, id);
    return wrong ? refuse_text(text, wrong, error) : HF_OK;
}

enum hf_status hf_peer_id_decode(
    struct hf_bytes multihash, struct hf_peer_id *id, struct hf_error *error)
{
    if (!id || (!multihash.data && multihash.size > 0))
        return hf_error_add(error, HF_INVALID, 0, "%s: NULL", id ? "multihash" : "id");
    const char *wrong = check_multihash(multihash);
    if (wrong)
        return hf_error_add(
            error, HF_MALFORMED, 0, "peer id of %zu bytes: %s", multihash.size, wrong);
    set(id, multihash);
    return HF_OK;
}

static void set_hash(struct hf_peer_id *id, enum hf_multihash_code code, struct hf_bytes digest)
{
    uint8_t bytes[HF_PEER_ID_BYTES_MAX];
    struct hf_multihash hash = {code, digest};
    set(id, hf_bytes(bytes, hf_multihash_write(&hash, bytes)));
}

enum hf_status hf_peer_id_of_key(
    struct hf_bytes key_message, struct hf_peer_id *id, struct hf_error *error)
{
    if (!id || (!key_message.data && key_message.size > 0))
        return hf_error_add(error, HF_INVALID, 0, "%s: NULL", id ? "key_message" : "id");
    struct hf_key key;
    bool is_inline = is_inline_key(key_message);
    bool is_short = key_message.size <= INLINE_KEY_BYTES_MAX;
    if (hf_key_read(key_message, &key) != HF_OK || is_inline != is_short)
        return hf_error_add(error, HF_MALFORMED, 0,
            "key_message of %zu bytes: not the canonical form of a key", key_message.size);
    if (is_inline) {
        set_hash(id, HF_MULTIHASH_IDENTITY, key_message);
        return HF_OK;
    }
    uint8_t digest[HF_SHA2_256_BYTES];
    enum hf_status status = hf_sha256(key_message, digest);
    if (status != HF_OK)
        return hf_error_add(error, status, 0, "SHA-256: %s", hf_status_str(status));
    set_hash(id, HF_MULTIHASH_SHA2_256, hf_bytes(digest, sizeof(digest)));
    return HF_OK;
}

struct hf_bytes hf_peer_id_bytes(const struct hf_peer_id *id)
{
    if (!id || id->size > HF_PEER_ID_BYTES_MAX)
        return hf_bytes(NULL, 0);
    return hf_bytes(id->bytes, id->size);
}

bool hf_peer_id_equals(const struct hf_peer_id *a, const struct hf_peer_id *b)
{
    struct hf_bytes one = hf_peer_id_bytes(a);
    struct hf_bytes other = hf_peer_id_bytes(b);
    return one.size > 0 && one.size == other.size && memcmp(one.data, other.data, one.size) == 0;
}

size_t hf_peer_id_write(const struct hf_peer_id *id, char *buffer, size_t size_bytes)
{
    char text[HF_PEER_ID_TEXT_BYTES];
    hf_base58_write(hf_peer_id_bytes(id), text);
    return (size_t)snprintf(buffer, buffer ? size_bytes : 0, "%s", text);
}

size_t hf_peer_id_write_cid(const struct hf_peer_id *id, char *buffer, size_t size_bytes)
{
    struct hf_bytes multihash = hf_peer_id_bytes(id);
    char text[HF_PEER_ID_CID_BYTES] = "";
    if (multihash.size > 0) {
        uint8_t bytes[CID_BYTES_MAX];
        memcpy(bytes, cid_head, sizeof(cid_head));
        memcpy(bytes + sizeof(cid_head), multihash.data, multihash.size);
        text[0] = 'b';
        hf_base32_write(hf_bytes(bytes, sizeof(cid_head) + multihash.size), text + 1);
    }
    return (size_t)snprintf(buffer, buffer ? size_bytes : 0, "%s", text);
}
