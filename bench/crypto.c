/* SPDX-License-Identifier: MIT */
#include "bench.h"

#if defined(BENCH_NET)
#include <string.h>

#include <openssl/evp.h>
#include <sodium.h>

#include "net/curve25519.h"

/*
 * What the wire's cryptography costs through the library that the networking core uses for it, and
 * what it would through the other one, which is the floor here: whether either could be spared.
 */

static const uint8_t seed[HF_KEY_BYTES] = {1, 2, 3};
static const char message[] = "noise-libp2p-static-key:01234567890123456789012345678901";

struct keys {
    uint8_t ed25519[HF_KEY_BYTES];
    uint8_t signature[HF_SIGNATURE_BYTES];
    struct hf_x25519 pair;
};

/* Sealing's, one a thread. */
struct sealing {
    struct hf_aead aead[BENCH_THREADS_MAX];
    size_t size;
    uint8_t bytes[BENCH_THREADS_MAX][HF_AEAD_BYTES_MAX];
};

static struct hf_bytes signed_bytes(void)
{
    return hf_bytes(message, sizeof(message) - 1);
}

static uint64_t sign(void *context, size_t thread, uint64_t count)
{
    const struct keys *keys = context;
    uint8_t signature[HF_SIGNATURE_BYTES];
    uint64_t wrong = 0;
    (void)thread;
    for (uint64_t i = 0; i < count; i++)
        wrong += hf_ed25519_sign(seed, keys->ed25519, signed_bytes(), signature) != HF_OK;
    return wrong;
}

/* As the one above, which makes sure of the public key first. */
static uint64_t libcrypto_sign(void *context, size_t thread, uint64_t count)
{
    const struct keys *keys = context;
    uint64_t wrong = 0;
    (void)thread;
    for (uint64_t i = 0; i < count; i++) {
        uint8_t own[HF_KEY_BYTES];
        uint8_t signature[HF_SIGNATURE_BYTES];
        size_t own_size = sizeof(own);
        size_t size = sizeof(signature);
        EVP_PKEY *key = EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, seed, sizeof(seed));
        EVP_MD_CTX *signing = EVP_MD_CTX_new();
        wrong += EVP_PKEY_get_raw_public_key(key, own, &own_size) != 1;
        wrong += memcmp(own, keys->ed25519, sizeof(own)) != 0;
        wrong += EVP_DigestSignInit_ex(signing, NULL, NULL, NULL, NULL, key, NULL) != 1;
        wrong += EVP_DigestSign(signing, signature, &size, (const unsigned char *)message,
                     sizeof(message) - 1) != 1;
        EVP_MD_CTX_free(signing);
        EVP_PKEY_free(key);
    }
    return wrong;
}

static uint64_t verify(void *context, size_t thread, uint64_t count)
{
    const struct keys *keys = context;
    uint64_t wrong = 0;
    (void)thread;
    for (uint64_t i = 0; i < count; i++)
        wrong += hf_ed25519_verify(keys->ed25519, signed_bytes(), keys->signature) != HF_OK;
    return wrong;
}

static uint64_t libcrypto_verify(void *context, size_t thread, uint64_t count)
{
    const struct keys *keys = context;
    uint64_t wrong = 0;
    (void)thread;
    for (uint64_t i = 0; i < count; i++) {
        EVP_PKEY *key = EVP_PKEY_new_raw_public_key_ex(
            NULL, "ED25519", NULL, keys->ed25519, sizeof(keys->ed25519));
        EVP_MD_CTX *verifying = EVP_MD_CTX_new();
        wrong += EVP_DigestVerifyInit_ex(verifying, NULL, NULL, NULL, NULL, key, NULL) != 1;
        wrong += EVP_DigestVerify(verifying, keys->signature, sizeof(keys->signature),
                     (const unsigned char *)message, sizeof(message) - 1) != 1;
        EVP_MD_CTX_free(verifying);
        EVP_PKEY_free(key);
    }
    return wrong;
}

static uint64_t make_pair(void *context, size_t thread, uint64_t count)
{
    uint64_t wrong = 0;
    (void)thread;
    for (uint64_t i = 0; i < count; i++) {
        struct hf_x25519 pair;
        hf_x25519_init(&pair, seed);
        wrong += pair.public_key[0] != ((const struct keys *)context)->pair.public_key[0];
        hf_x25519_fini(&pair);
    }
    return wrong;
}

static uint64_t libcrypto_make_pair(void *context, size_t thread, uint64_t count)
{
    uint64_t wrong = 0;
    (void)context, (void)thread;
    for (uint64_t i = 0; i < count; i++) {
        uint8_t public_key[HF_KEY_BYTES];
        size_t size = sizeof(public_key);
        EVP_PKEY *key = EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, seed, sizeof(seed));
        wrong += EVP_PKEY_get_raw_public_key(key, public_key, &size) != 1;
        EVP_PKEY_free(key);
    }
    return wrong;
}

static uint64_t share(void *context, size_t thread, uint64_t count)
{
    const struct keys *keys = context;
    uint8_t secret[HF_KEY_BYTES];
    uint64_t wrong = 0;
    (void)thread;
    for (uint64_t i = 0; i < count; i++)
        wrong += hf_x25519_shared(&keys->pair, keys->pair.public_key, secret) != HF_OK;
    return wrong;
}

/* With the own key at hand, as it would be kept. */
static uint64_t libcrypto_share(void *context, size_t thread, uint64_t count)
{
    const struct keys *keys = context;
    EVP_PKEY *own = EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, seed, sizeof(seed));
    uint64_t wrong = 0;
    (void)thread;
    for (uint64_t i = 0; i < count; i++) {
        uint8_t secret[HF_KEY_BYTES];
        size_t size = sizeof(secret);
        EVP_PKEY *peer = EVP_PKEY_new_raw_public_key_ex(
            NULL, "X25519", NULL, keys->pair.public_key, HF_KEY_BYTES);
        EVP_PKEY_CTX *sharing = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
        wrong += EVP_PKEY_derive_init(sharing) != 1;
        wrong += EVP_PKEY_derive_set_peer_ex(sharing, peer, 0) != 1;
        wrong += EVP_PKEY_derive(sharing, secret, &size) != 1;
        EVP_PKEY_CTX_free(sharing);
        EVP_PKEY_free(peer);
    }
    EVP_PKEY_free(own);
    return wrong;
}

static uint64_t seal(void *context, size_t thread, uint64_t count)
{
    struct sealing *sealing = context;
    uint8_t *bytes = sealing->bytes[thread];
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct hf_bytes piece = hf_bytes(bytes, sealing->size);
        wrong += hf_aead_seal(&sealing->aead[thread], i, hf_bytes(NULL, 0), &piece, 1, bytes);
    }
    return wrong;
}

static uint64_t sodium_seal(void *context, size_t thread, uint64_t count)
{
    struct sealing *sealing = context;
    uint8_t *bytes = sealing->bytes[thread];
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES] = {0};
        memcpy(nonce + 4, &i, sizeof(i));
        wrong += (uint64_t)crypto_aead_chacha20poly1305_ietf_encrypt(
            bytes, NULL, bytes, sealing->size, NULL, 0, NULL, nonce, seed);
    }
    return wrong;
}

static void measure(struct bench *bench, const char *name, bench_run *ours, const char *other,
    bench_run *theirs, void *context)
{
    bench_measure(bench, &(struct bench_case){
                             .ours = {.name = name, .run = ours, .context = context},
                             .floor = {.name = other, .run = theirs, .context = context},
                         });
}

static void measure_sealing(struct bench *bench)
{
    static struct sealing sealing;
    const struct {
        const char *name;
        size_t size;
    } cases[] = {{"crypto, seal 64 B", 64}, {"crypto, seal 16 KiB", 16384},
        {"crypto, seal 64 KiB", HF_AEAD_BYTES_MAX - HF_TAG_BYTES}};
    for (size_t thread = 0; thread < BENCH_THREADS_MAX; thread++)
        if (hf_aead_init(&sealing.aead[thread], seed, HF_AEAD_SEALS) != HF_OK)
            bench_fail(bench, "crypto", "no ChaCha20-Poly1305");
    for (size_t index = 0; index < sizeof(cases) / sizeof(cases[0]) && !bench->failed; index++) {
        sealing.size = cases[index].size;
        measure(bench, cases[index].name, seal, "libsodium", sodium_seal, &sealing);
    }
    for (size_t thread = 0; thread < BENCH_THREADS_MAX; thread++)
        hf_aead_fini(&sealing.aead[thread]);
}

void bench_crypto(struct bench *bench)
{
    struct keys keys;
    hf_ed25519_public(seed, keys.ed25519);
    hf_x25519_init(&keys.pair, seed);
    if (hf_ed25519_sign(seed, keys.ed25519, signed_bytes(), keys.signature) != HF_OK) {
        bench_fail(bench, "crypto", "nothing can be signed");
        return;
    }
    measure(bench, "crypto, Ed25519 sign", sign, "libcrypto", libcrypto_sign, &keys);
    measure(bench, "crypto, Ed25519 verify", verify, "libcrypto", libcrypto_verify, &keys);
    measure(bench, "crypto, X25519 key pair", make_pair, "libcrypto", libcrypto_make_pair, &keys);
    measure(bench, "crypto, X25519 shared secret", share, "libcrypto", libcrypto_share, &keys);
    hf_x25519_fini(&keys.pair);
    measure_sealing(bench);
}
#else
void bench_crypto(struct bench *bench)
{
    (void)bench;
}
#endif
