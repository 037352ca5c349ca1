/* SPDX-License-Identifier: MIT */
#include "bench.h"

#ifdef BENCH_NET
#include <string.h>

#include <openssl/evp.h>

#include "net/noise.h"

/*
 * A handshake, both sides, beside its arithmetic alone: two ephemeral keys, six shared secrets and
 * two verified signatures. And a frame sealed and opened beside the bare cipher.
 */

#define SIDES 2

static struct hf_noise_credentials own[SIDES];

static bool prepare(void)
{
    static const struct hf_bytes muxers[] = {{"/yamux/1.0.0", 12}};
    for (size_t side = 0; side < SIDES; side++) {
        const uint8_t secret[HF_KEY_BYTES] = {(uint8_t)(side + 1)};
        struct hf_identity identity;
        const struct hf_noise_credentials_options options = {&identity, secret, muxers, 1};
        if (hf_identity_from_seed(&identity, hf_bytes(secret, sizeof(secret)), NULL) != HF_OK ||
            hf_noise_credentials_init(&own[side], &options) != HF_OK)
            return false;
    }
    return true;
}

static bool start(struct hf_noise *noise, bool initiator)
{
    uint8_t ephemeral[HF_KEY_BYTES] = {(uint8_t)(initiator + 3)};
    const struct hf_noise_options options = {initiator, &own[!initiator], NULL};
    return hf_noise_init(noise, &options, ephemeral) == HF_OK;
}

static bool shake_hands(struct hf_noise sides[SIDES])
{
    bool good = start(&sides[0], true) && start(&sides[1], false);
    for (unsigned index = 0; good && index < HF_NOISE_XX_MESSAGES; index++) {
        uint8_t message[HF_NOISE_GREETING_BYTES_MAX];
        struct hf_noise_frame frame;
        size_t size;
        good = hf_noise_handshake(&sides[index % 2], message, &size) == HF_OK &&
               hf_noise_receive(&sides[1 - index % 2], message, size, &frame) == HF_OK;
    }
    return good && hf_noise_peer(&sides[0]) && hf_noise_peer(&sides[1]);
}

static uint64_t handshakes(void *context, size_t thread, uint64_t count)
{
    struct hf_noise sides[SIDES];
    uint64_t wrong = 0;
    (void)context, (void)thread;
    for (uint64_t i = 0; i < count; i++) {
        wrong += !shake_hands(sides);
        hf_noise_fini(&sides[0]);
        hf_noise_fini(&sides[1]);
    }
    return wrong;
}

/* What is computed does not matter to how long it takes. */
static uint64_t arithmetic(void *context, size_t thread, uint64_t count)
{
    uint8_t secret[HF_KEY_BYTES];
    uint64_t wrong = 0;
    const uint8_t private_key[HF_KEY_BYTES] = {5};
    const uint8_t *key = own[0].payload + 6;
    const uint8_t *signature = own[0].payload + 40;
    uint8_t text[24 + HF_KEY_BYTES] = "noise-libp2p-static-key:";
    memcpy(text + 24, own[0].static_pair.public_key, HF_KEY_BYTES);
    (void)context, (void)thread;
    for (uint64_t i = 0; i < count * SIDES; i++) {
        struct hf_x25519 pair;
        hf_x25519_init(&pair, private_key);
        for (unsigned shared = 0; shared < 3; shared++)
            wrong += hf_x25519_shared(&pair, own[1].static_pair.public_key, secret) != HF_OK;
        wrong += hf_ed25519_verify(key, hf_bytes(text, sizeof(text)), signature) != HF_OK;
        hf_x25519_fini(&pair);
    }
    return wrong;
}

/* One a thread, and room for its frame. */
struct channel {
    struct hf_noise sides[SIDES];
    EVP_CIPHER_CTX *seals;
    EVP_CIPHER_CTX *opens;
    size_t size;
    uint8_t text[HF_NOISE_PLAINTEXT_BYTES_MAX];
    uint8_t frame[HF_NOISE_FRAME_BYTES_MAX];
};

static struct channel channels[BENCH_THREADS_MAX];

static uint64_t frames(void *context, size_t thread, uint64_t count)
{
    struct channel *channel = &channels[thread];
    uint64_t wrong = 0;
    (void)context;
    for (uint64_t i = 0; i < count; i++) {
        struct hf_bytes piece = hf_bytes(channel->text, channel->size);
        struct hf_noise_frame frame;
        size_t size;
        wrong += hf_noise_seal(&channel->sides[0], &piece, 1, channel->frame, &size) != HF_OK;
        wrong += hf_noise_receive(&channel->sides[1], channel->frame, size, &frame) != HF_OK;
    }
    return wrong;
}

static uint64_t bare_frames(void *context, size_t thread, uint64_t count)
{
    struct channel *channel = &channels[thread];
    uint8_t *to = channel->frame;
    int size = (int)channel->size;
    int got;
    uint64_t wrong = 0;
    (void)context;
    for (uint64_t i = 0; i < count; i++) {
        uint8_t nonce[12] = {0};
        uint8_t tag[HF_TAG_BYTES];
        memcpy(nonce + 4, &i, sizeof(i));
        wrong += EVP_EncryptInit_ex2(channel->seals, NULL, NULL, nonce, NULL) != 1;
        wrong += EVP_EncryptUpdate(channel->seals, to, &got, channel->text, size) != 1;
        wrong += EVP_EncryptFinal_ex(channel->seals, to, &got) != 1;
        wrong += EVP_CIPHER_CTX_ctrl(channel->seals, EVP_CTRL_AEAD_GET_TAG, 16, tag) != 1;
        wrong += EVP_DecryptInit_ex2(channel->opens, NULL, NULL, nonce, NULL) != 1;
        wrong += EVP_CIPHER_CTX_ctrl(channel->opens, EVP_CTRL_AEAD_SET_TAG, 16, tag) != 1;
        wrong += EVP_DecryptUpdate(channel->opens, to, &got, to, size) != 1;
        wrong += EVP_DecryptFinal_ex(channel->opens, to, &got) != 1;
    }
    return wrong;
}

static bool open_channel(struct channel *channel)
{
    static const uint8_t key[HF_KEY_BYTES] = {7};
    const EVP_CIPHER *cipher = EVP_chacha20_poly1305();
    channel->seals = EVP_CIPHER_CTX_new();
    channel->opens = EVP_CIPHER_CTX_new();
    return channel->seals && channel->opens && shake_hands(channel->sides) &&
           EVP_EncryptInit_ex2(channel->seals, cipher, key, NULL, NULL) == 1 &&
           EVP_DecryptInit_ex2(channel->opens, cipher, key, NULL, NULL) == 1;
}

static void close_channel(struct channel *channel)
{
    hf_noise_fini(&channel->sides[0]);
    hf_noise_fini(&channel->sides[1]);
    EVP_CIPHER_CTX_free(channel->seals);
    EVP_CIPHER_CTX_free(channel->opens);
}

static void measure_frames(struct bench *bench, const char *name, size_t size)
{
    for (size_t thread = 0; thread < BENCH_THREADS_MAX; thread++)
        channels[thread].size = size;
    bench_measure(bench, &(struct bench_case){
                             .ours = {.name = name, .run = frames},
                             .floor = {.name = "bare cipher", .run = bare_frames},
                         });
}

void bench_noise(struct bench *bench)
{
    bool ready = prepare();
    for (size_t thread = 0; thread < BENCH_THREADS_MAX; thread++)
        ready = ready && open_channel(&channels[thread]);
    if (!ready) {
        bench_fail(bench, "noise", "no channel can be made");
        return;
    }
    bench_measure(bench, &(struct bench_case){
                             .ours = {.name = "noise, handshake of both sides", .run = handshakes},
                             .floor = {.name = "its arithmetic", .run = arithmetic},
                         });
    measure_frames(bench, "noise, 64 B sealed and opened", 64);
    measure_frames(bench, "noise, 16 KiB sealed and opened", 16384);
    measure_frames(bench, "noise, 64 KiB sealed and opened", HF_NOISE_PLAINTEXT_BYTES_MAX);
    for (size_t thread = 0; thread < BENCH_THREADS_MAX; thread++)
        close_channel(&channels[thread]);
    for (size_t side = 0; side < SIDES; side++)
        hf_noise_credentials_fini(&own[side]);
}
#else
void bench_noise(struct bench *bench)
{
    (void)bench;
}
#endif
