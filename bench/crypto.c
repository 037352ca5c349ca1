/* SPDX-License-Identifier: MIT */
#include "bench.h"

#if defined(BENCH_NET) && defined(BENCH_SODIUM)
#include <string.h>

#include <sodium.h>

#include "net/crypto.h"

/*
 * What the wire's cryptography costs through libcrypto, which the networking core uses, and what it
 * would through libsodium, which is the floor here: whether a second library would earn its place.
 */

static const uint8_t seed[HF_KEY_BYTES] = {1, 2, 3};
static const char message[] = "noise-libp2p-static-key:01234567890123456789012345678901";

struct keys {
    uint8_t ed25519[HF_KEY_BYTES];
    uint8_t ed25519_secret[crypto_sign_SECRETKEYBYTES];
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
static uint64_t sodium_sign(void *context, size_t thread, uint64_t count)
{
    const struct keys *keys = context;
    uint8_t public_key[HF_KEY_BYTES];
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    uint8_t signature[HF_SIGNATURE_BYTES];
    uint64_t wrong = 0;
    (void)thread;
    for (uint64_t i = 0; i < count; i++) {
        wrong += crypto_sign_seed_keypair(public_key, secret, seed) != 0;
        wrong += memcmp(public_key, keys->ed25519, sizeof(public_key)) != 0;
        wrong += crypto_sign_detached(signature, NULL, (const unsigned char *)message,
                     sizeof(message) - 1, secret) != 0;
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

static uint64_t sodium_verify(void *context, size_t thread, uint64_t count)
{
    const struct keys *keys = context;
    uint64_t wrong = 0;
    (void)thread;
    for (uint64_t i = 0; i < count; i++)
        wrong += crypto_sign_verify_detached(keys->signature, (const unsigned char *)message,
                     sizeof(message) - 1, keys->ed25519) != 0;
    return wrong;
}

static uint64_t make_pair(void *context, size_t thread, uint64_t count)
{
    uint64_t wrong = 0;
    (void)context, (void)thread;
    for (uint64_t i = 0; i < count; i++) {
        struct hf_x25519 pair;
        wrong += hf_x25519_init(&pair, seed) != HF_OK;
        hf_x25519_fini(&pair);
    }
    return wrong;
}

static uint64_t sodium_make_pair(void *context, size_t thread, uint64_t count)
{
    uint8_t public_key[HF_KEY_BYTES];
    uint64_t wrong = 0;
    (void)context, (void)thread;
    for (uint64_t i = 0; i < count; i++)
        wrong += crypto_scalarmult_base(public_key, seed) != 0;
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

static uint64_t sodium_share(void *context, size_t thread, uint64_t count)
{
    const struct keys *keys = context;
    uint8_t secret[HF_KEY_BYTES];
    uint64_t wrong = 0;
    (void)thread;
    for (uint64_t i = 0; i < count; i++)
        wrong += crypto_scalarmult(secret, seed, keys->pair.public_key) != 0;
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

static void measure(
    struct bench *bench, const char *name, bench_run *ours, bench_run *theirs, void *context)
{
    bench_measure(bench, &(struct bench_case){
                             .ours = {.name = name, .run = ours, .context = context},
                             .floor = {.name = "libsodium", .run = theirs, .context = context},
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
        measure(bench, cases[index].name, seal, sodium_seal, &sealing);
    }
    for (size_t thread = 0; thread < BENCH_THREADS_MAX; thread++)
        hf_aead_fini(&sealing.aead[thread]);
}

void bench_crypto(struct bench *bench)
{
    struct keys keys = {.pair = {.key = NULL}};
    if (sodium_init() < 0 ||
        crypto_sign_seed_keypair(keys.ed25519, keys.ed25519_secret, seed) != 0 ||
        hf_ed25519_sign(seed, keys.ed25519, signed_bytes(), keys.signature) != HF_OK ||
        hf_x25519_init(&keys.pair, seed) != HF_OK) {
        bench_fail(bench, "crypto", "no keys can be made");
        return;
    }
    measure(bench, "crypto, Ed25519 sign", sign, sodium_sign, &keys);
    measure(bench, "crypto, Ed25519 verify", verify, sodium_verify, &keys);
    measure(bench, "crypto, X25519 key pair", make_pair, sodium_make_pair, &keys);
    measure(bench, "crypto, X25519 shared secret", share, sodium_share, &keys);
    hf_x25519_fini(&keys.pair);
    measure_sealing(bench);
}
#else
void bench_crypto(struct bench *bench)
{
    (void)bench;
}
#endif
