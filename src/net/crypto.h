/* SPDX-License-Identifier: MIT */
#ifndef HF_NET_CRYPTO_H
#define HF_NET_CRYPTO_H

/*
 * What the wire needs of cryptography besides curve25519.h, over OpenSSL 3's libcrypto, which no
 * other source includes.
 *
 * SHA-256 (FIPS 180-4), HMAC (RFC 2104), HKDF (RFC 5869 as the Noise specification, section 4.3,
 * uses it), ChaCha20-Poly1305 (RFC 8439). All of them take time that does not depend on secrets. Of
 * long messages libcrypto seals far more bytes a second than libsodium; `make bench FILTER=crypto`
 * compares the two.
 *
 * Objects are caller-allocated, hold one context of OpenSSL's each and must be given back by their
 * fini, which also erases what they knew; fini of a zeroed object does nothing. Not thread-safe.
 * Sealing and opening allocate nothing; the rest may, from OpenSSL's allocator. Algorithms are
 * fetched once an object, from the host's default library context, so that a host's configuration
 * of providers holds here too.
 *
 * Every function returns HF_UNSUPPORTED when OpenSSL says that no provider has the algorithm, and
 * HF_NO_MEMORY when it fails without a reason that concerns the arguments: it does not tell want of
 * memory from the rest. (OpenSSL 3.0 takes an algorithm for missing for good when memory runs out
 * at its first use: start before it gets scarce.) After a failure outputs hold nothing of use.
 * OpenSSL's queue of errors is left as it was found.
 */

#include <stdbool.h>

#include <holdfast/status.h>

#define HF_KEY_BYTES 32    /* A seed, a private key, a public key, a secret. */
#define HF_DIGEST_BYTES 32 /* Of SHA-256, */
#define HF_HASH_BLOCK_BYTES 64
#define HF_TAG_BYTES 16         /* Of Poly1305. */
#define HF_AEAD_BYTES_MAX 65535 /* Of a sealed message: what Noise's lengths can say. */

/* SHA-256 of bytes at hand; who hashes often keeps a struct hf_hasher. */
HF_MUST_USE enum hf_status hf_sha256(struct hf_bytes data, uint8_t digest[HF_DIGEST_BYTES]);

/* SHA-256 and what is built on it, with a context that serves for all calls. */
struct hf_hasher {
    struct evp_md_ctx_st *context;
};

HF_MUST_USE enum hf_status hf_hasher_init(struct hf_hasher *hasher);
void hf_hasher_fini(struct hf_hasher *hasher);

/* SHA-256 of two pieces, one after the other. digest may be one of them. */
HF_MUST_USE enum hf_status hf_hasher_sha256(struct hf_hasher *hasher, struct hf_bytes first,
    struct hf_bytes second, uint8_t digest[HF_DIGEST_BYTES]);

/* HMAC-SHA-256 of two pieces. HF_INVALID: a key of more than HF_HASH_BLOCK_BYTES. */
HF_MUST_USE enum hf_status hf_hasher_hmac(struct hf_hasher *hasher, struct hf_bytes key,
    struct hf_bytes first, struct hf_bytes second, uint8_t digest[HF_DIGEST_BYTES]);

/*
 * HKDF with two outputs: RFC 5869 with the salt chaining_key, no info and 64 bytes of result. Any
 * output may be chaining_key itself.
 */
HF_MUST_USE enum hf_status hf_hasher_hkdf(struct hf_hasher *hasher,
    const uint8_t chaining_key[HF_DIGEST_BYTES], struct hf_bytes secret,
    uint8_t first[HF_DIGEST_BYTES], uint8_t second[HF_DIGEST_BYTES]);

/* ChaCha20-Poly1305 with one key, for one direction. */
struct hf_aead {
    struct evp_cipher_ctx_st *context;
};

/* An object that seals never opens, and the other way round. */
enum hf_aead_use { HF_AEAD_OPENS = 0, HF_AEAD_SEALS = 1 };

HF_MUST_USE enum hf_status hf_aead_init(
    struct hf_aead *aead, const uint8_t key[HF_KEY_BYTES], enum hf_aead_use use);
void hf_aead_fini(struct hf_aead *aead);

/* The bytes of all pieces; where they are more than HF_AEAD_BYTES_MAX, some number above that. */
size_t hf_aead_sum(const struct hf_bytes *pieces, size_t count);

/*
 * Seals the pieces as one plaintext, of `size` bytes together, into size + HF_TAG_BYTES bytes at
 * sealed. The first piece may begin where sealed does; otherwise they must not overlap. The nonce
 * is four zero bytes and number, little endian; a number must never be used twice. associated:
 * authenticated, not sealed; may be empty. HF_INVALID: sealed bytes above HF_AEAD_BYTES_MAX.
 */
HF_MUST_USE enum hf_status hf_aead_seal(struct hf_aead *aead, uint64_t number,
    struct hf_bytes associated, const struct hf_bytes *pieces, size_t count, uint8_t *sealed);

/*
 * Opens sealed into sealed.size - HF_TAG_BYTES bytes at plaintext, which may begin where sealed
 * does. HF_MALFORMED: not what was sealed so; the bytes at plaintext are zeroes then, never
 * anything that was not authenticated. HF_INVALID: sealed.size above HF_AEAD_BYTES_MAX.
 */
HF_MUST_USE enum hf_status hf_aead_open(struct hf_aead *aead, uint64_t number,
    struct hf_bytes associated, struct hf_bytes sealed, uint8_t *plaintext);

/* Compares in time that depends on the size alone. */
bool hf_equal(const void *one, const void *other, size_t size_bytes);

/* Overwrites with zeroes in a way that a compiler does not leave out. */
void hf_erase(void *secret, size_t size_bytes);

#endif
