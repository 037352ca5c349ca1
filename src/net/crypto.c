/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "net/crypto.h"

/* Between ERR_set_mark and this, OpenSSL may leave errors behind; none of them stays. What they say
 * of a failed allocation is nothing, or anything, so whatever is not known otherwise counts as one.
 */
static enum hf_status conclude(bool done, enum hf_status otherwise)
{
    bool unsupported = !done && ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_UNSUPPORTED;
    ERR_pop_to_mark();
    if (done)
        return HF_OK;
    return unsupported ? HF_UNSUPPORTED : otherwise;
}

enum hf_status hf_sha256(struct hf_bytes data, uint8_t digest[HF_DIGEST_BYTES])
{
    struct hf_hasher hasher;
    enum hf_status status = hf_hasher_init(&hasher);
    if (status == HF_OK)
        status = hf_hasher_sha256(&hasher, data, hf_bytes(NULL, 0), digest);
    hf_hasher_fini(&hasher);
    return status;
}

/* The context holds on to the algorithm, so that it need not be fetched again. */
enum hf_status hf_hasher_init(struct hf_hasher *hasher)
{
    ERR_set_mark();
    EVP_MD *algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    hasher->context = EVP_MD_CTX_new();
    bool done =
        algorithm && hasher->context && EVP_DigestInit_ex2(hasher->context, algorithm, NULL) == 1;
    EVP_MD_free(algorithm);
    if (!done)
        hf_hasher_fini(hasher);
    return conclude(done, HF_NO_MEMORY);
}

void hf_hasher_fini(struct hf_hasher *hasher)
{
    EVP_MD_CTX_free(hasher->context);
    hasher->context = NULL;
}

/* SHA-256 of a block, where there is one, and two pieces. */
static bool digest_of(struct hf_hasher *hasher, const uint8_t *block, struct hf_bytes first,
    struct hf_bytes second, uint8_t digest[HF_DIGEST_BYTES])
{
    if (EVP_DigestInit_ex2(hasher->context, NULL, NULL) != 1)
        return false;
    bool done =
        EVP_DigestUpdate(hasher->context, block, block ? HF_HASH_BLOCK_BYTES : 0) == 1;
    done &= EVP_DigestUpdate(hasher->context, first.data, first.size) == 1;
    done &= EVP_DigestUpdate(hasher->context, second.data, second.size) == 1;
    done &= EVP_DigestFinal_ex(hasher->context, digest, NULL) == 1;
    return done;
}

enum hf_status hf_hasher_sha256(struct hf_hasher *hasher, struct hf_bytes first,
    struct hf_bytes second, uint8_t digest[HF_DIGEST_BYTES])
{
    ERR_set_mark();
    return conclude(digest_of(hasher, NULL, first, second, digest), HF_NO_MEMORY);
}

/* RFC 2104, section 2. */
#define INNER_PAD 0x36
#define OUTER_PAD 0x5c

static void pad_key(struct hf_bytes key, uint8_t pad, uint8_t block[HF_HASH_BLOCK_BYTES])
{
    const uint8_t *bytes = key.data;
    for (size_t index = 0; index < HF_HASH_BLOCK_BYTES; index++)
        block[index] = index < key.size ? bytes[index] ^ pad : pad;
}

enum hf_status hf_hasher_hmac(struct hf_hasher *hasher, struct hf_bytes key, struct hf_bytes first,
    struct hf_bytes second, uint8_t digest[HF_DIGEST_BYTES])
{
    if (key.size > HF_HASH_BLOCK_BYTES)
        return HF_INVALID;
    uint8_t inner[HF_HASH_BLOCK_BYTES];
    uint8_t outer[HF_HASH_BLOCK_BYTES];
    uint8_t middle[HF_DIGEST_BYTES];
    pad_key(key, INNER_PAD, inner);
    pad_key(key, OUTER_PAD, outer);
    ERR_set_mark();
    bool done =
        digest_of(hasher, inner, first, second, middle) &&
        digest_of(hasher, outer, hf_bytes(middle, sizeof(middle)), hf_bytes(NULL, 0), digest);
    hf_erase(inner, sizeof(inner));
    hf_erase(outer, sizeof(outer));
    hf_erase(middle, sizeof(middle));
    return conclude(done, HF_NO_MEMORY);
}

enum hf_status hf_hasher_hkdf(struct hf_hasher *hasher, const uint8_t chaining_key[HF_DIGEST_BYTES],
    struct hf_bytes secret, uint8_t first[HF_DIGEST_BYTES], uint8_t second[HF_DIGEST_BYTES])
{
    const struct hf_bytes one = hf_bytes("\1", 1);
    const struct hf_bytes two = hf_bytes("\2", 1);
    const struct hf_bytes none = hf_bytes(NULL, 0);
    uint8_t extracted[HF_DIGEST_BYTES];
    struct hf_bytes key = hf_bytes(extracted, sizeof(extracted));
    enum hf_status status =
        hf_hasher_hmac(hasher, hf_bytes(chaining_key, HF_DIGEST_BYTES), secret, none, extracted);
    if (status == HF_OK)
        status = hf_hasher_hmac(hasher, key, one, none, first);
    if (status == HF_OK)
        status = hf_hasher_hmac(hasher, key, hf_bytes(first, HF_DIGEST_BYTES), two, second);
    hf_erase(extracted, sizeof(extracted));
    return status;
}

enum hf_status hf_aead_init(
    struct hf_aead *aead, const uint8_t key[HF_KEY_BYTES], enum hf_aead_use use)
{
    ERR_set_mark();
    EVP_CIPHER *algorithm = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
    aead->context = EVP_CIPHER_CTX_new();
    bool done = algorithm && aead->context &&
                EVP_CipherInit_ex2(aead->context, algorithm, key, NULL, (int)use, NULL) == 1;
    EVP_CIPHER_free(algorithm);
    if (!done)
        hf_aead_fini(aead);
    return conclude(done, HF_NO_MEMORY);
}

void hf_aead_fini(struct hf_aead *aead)
{
    EVP_CIPHER_CTX_free(aead->context);
    aead->context = NULL;
}

#define NONCE_BYTES 12

/* Keeps the key, takes the next nonce. */
static bool start(struct hf_aead *aead, uint64_t number, struct hf_bytes associated)
{
    uint8_t nonce[NONCE_BYTES] = {0};
    for (unsigned index = 0; index < 8; index++)
        nonce[NONCE_BYTES - 8 + index] = (uint8_t)(number >> (8 * index));
    int size;
    return EVP_CipherInit_ex2(aead->context, NULL, NULL, nonce, -1, NULL) == 1 &&
           (associated.size == 0 || EVP_CipherUpdate(aead->context, NULL, &size, associated.data,
                                        (int)associated.size) == 1);
}

/* Both ways: a stream cipher gives as many bytes as it takes, at once. */
static bool run(struct hf_aead *aead, struct hf_bytes from, uint8_t *to)
{
    int size;
    return from.size == 0 ||
           EVP_CipherUpdate(aead->context, to, &size, from.data, (int)from.size) == 1;
}

/* Has nothing left to write, but makes the tag or compares it. */
static bool finish(struct hf_aead *aead)
{
    int size;
    uint8_t nothing[HF_TAG_BYTES];
    return EVP_CipherFinal_ex(aead->context, nothing, &size) == 1;
}

size_t hf_aead_sum(const struct hf_bytes *pieces, size_t count)
{
    size_t size = 0;
    for (size_t index = 0; index < count && size <= HF_AEAD_BYTES_MAX; index++) {
        if (pieces[index].size > HF_AEAD_BYTES_MAX)
            return pieces[index].size;
        size += pieces[index].size;
    }
    return size;
}

enum hf_status hf_aead_seal(struct hf_aead *aead, uint64_t number, struct hf_bytes associated,
    const struct hf_bytes *pieces, size_t count, uint8_t *sealed)
{
    if (hf_aead_sum(pieces, count) > HF_AEAD_BYTES_MAX - HF_TAG_BYTES ||
        associated.size > HF_AEAD_BYTES_MAX)
        return HF_INVALID;
    ERR_set_mark();
    bool done = start(aead, number, associated);
    for (size_t index = 0; done && index < count; index++) {
        done = run(aead, pieces[index], sealed);
        sealed += pieces[index].size;
    }
    done = done && finish(aead);
    done &= EVP_CIPHER_CTX_ctrl(aead->context, EVP_CTRL_AEAD_GET_TAG, HF_TAG_BYTES, sealed) == 1;
    return conclude(done, HF_NO_MEMORY);
}

/* The tag is copied first, since OpenSSL's call for it takes no const. */
enum hf_status hf_aead_open(struct hf_aead *aead, uint64_t number, struct hf_bytes associated,
    struct hf_bytes sealed, uint8_t *plaintext)
{
    if (sealed.size > HF_AEAD_BYTES_MAX || associated.size > HF_AEAD_BYTES_MAX)
        return HF_INVALID;
    if (sealed.size < HF_TAG_BYTES)
        return HF_MALFORMED;
    const uint8_t *bytes = sealed.data;
    size_t size = sealed.size - HF_TAG_BYTES;
    uint8_t tag[HF_TAG_BYTES];
    memcpy(tag, bytes + size, sizeof(tag));
    ERR_set_mark();
    bool done = start(aead, number, associated) &&
                EVP_CIPHER_CTX_ctrl(aead->context, EVP_CTRL_AEAD_SET_TAG, HF_TAG_BYTES, tag) == 1 &&
                run(aead, hf_bytes(bytes, size), plaintext) && finish(aead);
    if (!done)
        hf_erase(plaintext, size);
    return conclude(done, HF_MALFORMED);
}

bool hf_equal(const void *one, const void *other, size_t size_bytes)
{
    return CRYPTO_memcmp(one, other, size_bytes) == 0;
}

void hf_erase(void *secret, size_t size_bytes)
{
    OPENSSL_cleanse(secret, size_bytes);
}
