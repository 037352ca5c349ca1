/* SPDX-License-Identifier: MIT */
#ifndef HF_BENCH_PEERS_TRAFFIC_H
#define HF_BENCH_PEERS_TRAFFIC_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/*
 * Which keys are asked for, in which order. governor/src/traffic.rs makes the same; the first
 * numbers of both are compared before anything is timed.
 *
 * The upper 32 bits of a counter, mixed, and scaled: the processor finds no pattern in them, and no
 * number has to wait for the one before it. Uniform: number = bits * keys / 2^32. Zipf with s = 1:
 * rank k has a chance of log(1 + 1/k), which is 1/k but for the first few, and inverts to
 * 2^(u * log2(keys + 1)); powers of two come from a table with linear interpolation, for exp2()
 * would cost as much as what is timed.
 */
#define TRAFFIC_POWERS_BITS 8
#define TRAFFIC_POWERS (1 << TRAFFIC_POWERS_BITS)

struct traffic {
    uint64_t count;
    uint64_t keys;
    bool zipf;
    uint64_t keys_log2; /* In units of 2^-26, so that its product with 32 bits fits. */
    uint64_t powers[TRAFFIC_POWERS + 1];
};

/* Each thread begins elsewhere. keys: 1 to 2^31. */
static inline void traffic_init(struct traffic *traffic, uint64_t keys, bool zipf, uint64_t thread)
{
    traffic->count = (thread + 1) * UINT64_C(0xbf58476d1ce4e5b9);
    traffic->keys = keys;
    traffic->zipf = zipf;
    traffic->keys_log2 = (uint64_t)(log2((double)(keys + 1)) * 67108864.0);
    for (int i = 0; i <= TRAFFIC_POWERS; i++)
        traffic->powers[i] = (uint64_t)(exp2((double)i / TRAFFIC_POWERS) * 4294967296.0);
}

static inline uint64_t traffic_zipf(const struct traffic *traffic, uint64_t bits)
{
    const unsigned fine_bits = 32 - TRAFFIC_POWERS_BITS;
    uint64_t exponent = (bits * traffic->keys_log2) >> 26;
    uint64_t fraction = exponent & UINT32_MAX;
    const uint64_t *power = &traffic->powers[fraction >> fine_bits];
    uint64_t fine = fraction & ((UINT64_C(1) << fine_bits) - 1);
    uint64_t mantissa = power[0] + (((power[1] - power[0]) * fine) >> fine_bits);
    uint64_t rank = (mantissa << (exponent >> 32)) >> 32;
    return (rank < traffic->keys ? rank : traffic->keys) - 1;
}

/* Whether there is more than key 0, as which keys begin. */
static inline bool traffic_chooses(const struct traffic *traffic)
{
    return traffic->keys > 1;
}

/* The number of the next key, below keys. */
static inline uint64_t traffic_next(struct traffic *traffic)
{
    traffic->count += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t bits = ((traffic->count ^ traffic->count >> 32) * UINT64_C(0xd6e8feb86659fd93)) >> 32;
    return traffic->zipf ? traffic_zipf(traffic, bits) : (bits * traffic->keys) >> 32;
}

/* Tells one order from another. */
static inline uint64_t traffic_fingerprint(uint64_t keys, bool zipf)
{
    struct traffic traffic;
    uint64_t sum = 0;
    traffic_init(&traffic, keys, zipf, 0);
    for (int i = 0; i < 10000; i++)
        sum = sum * 31 + traffic_next(&traffic);
    return sum;
}

/*
 * A key is 16 bytes of binary (an address: a prefix and the number), or 38 of text (the number in
 * eight letters). The number stands in bytes 8 to 15 of either.
 */
#define TRAFFIC_KEY_BYTES_MAX 38

static inline void traffic_key_init(unsigned char *key, size_t key_bytes)
{
    static const char text[] = "account:aaaaaaaa:session:eu-central-01";
    static const unsigned char binary[16] = {0x20, 0x01, 0x0d, 0xb8};
    if (key_bytes == sizeof(binary))
        memcpy(key, binary, sizeof(binary));
    else
        memcpy(key, text, TRAFFIC_KEY_BYTES_MAX);
}

/* Eight letters from a to p, four bits each. */
static inline uint64_t traffic_letters(uint64_t number)
{
    number = (number | number << 16) & UINT64_C(0x0000ffff0000ffff);
    number = (number | number << 8) & UINT64_C(0x00ff00ff00ff00ff);
    number = (number | number << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return number + UINT64_C(0x6161616161616161);
}

static inline void traffic_key_set(unsigned char *key, size_t key_bytes, uint64_t number)
{
    if (key_bytes != 16)
        number = traffic_letters(number);
    memcpy(key + 8, &number, sizeof(number));
}

#endif
