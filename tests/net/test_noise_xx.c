/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hex.h"
#include "net/noise_xx.h"
#include "noise_vectors.h"
#include "scale.h"

static const struct hf_bytes none;

/* Both sides of the published handshake; [0] is the initiator. */
struct handshake {
    struct hf_x25519 statics[2];
    struct hf_noise_xx sides[2];
};

static void start(struct handshake *handshake, const char *prologue, const char *other_prologue)
{
    const char *const statics[] = {VECTOR_INITIATOR_STATIC, VECTOR_RESPONDER_STATIC};
    const char *const ephemerals[] = {VECTOR_INITIATOR_EPHEMERAL, VECTOR_RESPONDER_EPHEMERAL};
    const char *const prologues[] = {prologue, other_prologue};
    for (size_t side = 0; side < 2; side++) {
        uint8_t key[HF_KEY_BYTES];
        uint8_t bytes[64];
        hex_read(statics[side], key);
        hf_x25519_init(&handshake->statics[side], key);
        hex_read(ephemerals[side], key);
        assert_int_equal(
            hf_noise_xx_init(&handshake->sides[side], side == 0,
                hf_bytes(bytes, hex_read(prologues[side], bytes)), &handshake->statics[side], key),
            HF_OK);
    }
}

static void stop(struct handshake *handshake)
{
    for (size_t side = 0; side < 2; side++) {
        hf_noise_xx_fini(&handshake->sides[side]);
        hf_x25519_fini(&handshake->statics[side]);
    }
}

/* Writes and reads the next message, changed by flipping bits of one byte. */
static enum hf_status exchange(struct handshake *handshake, struct hf_bytes payload,
    size_t changed_at, uint8_t change, struct hf_bytes *received)
{
    static uint8_t message[HF_AEAD_BYTES_MAX];
    struct hf_noise_xx *writer = &handshake->sides[!hf_noise_xx_writes(&handshake->sides[0])];
    struct hf_noise_xx *reader = &handshake->sides[writer == &handshake->sides[0]];
    size_t size = hf_noise_xx_overhead(writer) + payload.size;
    enum hf_status status = hf_noise_xx_write(writer, payload, message);
    if (status != HF_OK)
        return status;
    message[changed_at] ^= change;
    return hf_noise_xx_read(reader, message, size, received);
}

static void the_published_handshake_is_reproduced(void **state)
{
    (void)state;
    struct handshake handshake;
    start(&handshake, CACOPHONY_PROLOGUE, CACOPHONY_PROLOGUE);
    for (size_t index = 0; index < HF_NOISE_XX_MESSAGES; index++) {
        struct hf_noise_xx *writer = &handshake.sides[index % 2];
        struct hf_noise_xx *reader = &handshake.sides[1 - index % 2];
        uint8_t payload[64];
        uint8_t message[256];
        struct hf_bytes read;
        size_t payload_bytes = hex_read(cacophony[index].payload, payload);
        size_t size = hf_noise_xx_overhead(writer) + payload_bytes;
        assert_true(hf_noise_xx_writes(writer));
        assert_false(hf_noise_xx_writes(reader));
        assert_int_equal(
            hf_noise_xx_write(writer, hf_bytes(payload, payload_bytes), message), HF_OK);
        hex_assert(message, size, cacophony[index].message);
        assert_int_equal(hf_noise_xx_read(reader, message, size, &read), HF_OK);
        hex_assert(read.data, read.size, cacophony[index].payload);
    }
    for (size_t side = 0; side < 2; side++) {
        assert_false(hf_noise_xx_writes(&handshake.sides[side]));
        hex_assert(handshake.sides[side].hash, HF_DIGEST_BYTES, CACOPHONY_HASH);
        assert_memory_equal(handshake.sides[side].remote_static,
            handshake.statics[1 - side].public_key, HF_KEY_BYTES);
    }
    stop(&handshake);
}

/* The keys of both directions are those that the published messages behind it were sealed with. */
static void the_published_channel_is_reproduced(void **state)
{
    (void)state;
    struct handshake handshake;
    start(&handshake, CACOPHONY_PROLOGUE, CACOPHONY_PROLOGUE);
    uint8_t payload[64];
    struct hf_bytes read;
    for (size_t index = 0; index < HF_NOISE_XX_MESSAGES; index++) {
        size_t size = hex_read(cacophony[index].payload, payload);
        assert_int_equal(exchange(&handshake, hf_bytes(payload, size), 0, 0, &read), HF_OK);
    }
    uint8_t sends[2][HF_KEY_BYTES];
    uint8_t receives[2][HF_KEY_BYTES];
    for (size_t side = 0; side < 2; side++)
        assert_int_equal(
            hf_noise_xx_split(&handshake.sides[side], sends[side], receives[side]), HF_OK);
    assert_memory_equal(sends[0], receives[1], HF_KEY_BYTES);
    assert_memory_equal(sends[1], receives[0], HF_KEY_BYTES);
    uint64_t numbers[2] = {0};
    for (size_t index = HF_NOISE_XX_MESSAGES; index < CACOPHONY_MESSAGES; index++) {
        struct hf_aead aead;
        uint8_t message[64];
        size_t side = index % 2;
        struct hf_bytes piece = hf_bytes(payload, hex_read(cacophony[index].payload, payload));
        assert_int_equal(hf_aead_init(&aead, sends[side], HF_AEAD_SEALS), HF_OK);
        assert_int_equal(hf_aead_seal(&aead, numbers[side]++, none, &piece, 1, message), HF_OK);
        hex_assert(message, piece.size + HF_TAG_BYTES, cacophony[index].message);
        hf_aead_fini(&aead);
    }
    stop(&handshake);
}

static void sides_that_disagree_on_the_prologue_do_not_meet(void **state)
{
    (void)state;
    struct handshake handshake;
    struct hf_bytes read;
    start(&handshake, "01", "");
    assert_int_equal(exchange(&handshake, none, 0, 0, &read), HF_OK);
    assert_int_equal(exchange(&handshake, none, 0, 0, &read), HF_MALFORMED);
    stop(&handshake);
}

/* A bit of the first message shows at the second, whose reader then knows of another one. */
static void no_byte_of_any_message_can_be_changed(void **state)
{
    (void)state;
    const struct hf_bytes payload = hf_bytes("payload", 7);
    const size_t overheads[] = {32, 96, 64};
    const size_t step = test_is_slow() ? 11 : 1;
    for (size_t index = 0; index < HF_NOISE_XX_MESSAGES; index++) {
        for (size_t at = 0; at < overheads[index] + payload.size; at += step) {
            struct handshake handshake;
            struct hf_bytes read;
            enum hf_status status = HF_OK;
            start(&handshake, "", "");
            for (size_t done = 0; done < HF_NOISE_XX_MESSAGES && status == HF_OK; done++) {
                uint8_t change = done == index ? 1 : 0;
                status = exchange(&handshake, payload, at, change, &read);
            }
            assert_int_equal(status, HF_MALFORMED);
            assert_in_range(handshake.sides[0].messages, index + 1, index + 2);
            stop(&handshake);
        }
    }
}

static void messages_too_short_or_too_long_are_malformed(void **state)
{
    (void)state;
    static uint8_t message[HF_AEAD_BYTES_MAX + 1];
    const size_t sizes[] = {0, 1, 31, HF_AEAD_BYTES_MAX + 1};
    for (size_t index = 0; index < 4; index++) {
        struct handshake handshake;
        struct hf_bytes read;
        start(&handshake, "", "");
        assert_int_equal(
            hf_noise_xx_read(&handshake.sides[1], message, sizes[index], &read), HF_MALFORMED);
        stop(&handshake);
    }
}

static void a_message_is_as_long_as_can_be_and_no_longer(void **state)
{
    (void)state;
    static uint8_t payload[HF_AEAD_BYTES_MAX];
    struct handshake handshake;
    struct hf_bytes read;
    for (size_t excess = 0; excess < 2; excess++) {
        enum hf_status status = HF_OK;
        start(&handshake, "", "");
        for (size_t index = 0; index < HF_NOISE_XX_MESSAGES && status == HF_OK; index++) {
            size_t overhead = hf_noise_xx_overhead(&handshake.sides[0]);
            size_t size = HF_AEAD_BYTES_MAX - overhead + excess;
            status = exchange(&handshake, hf_bytes(payload, size), 0, 0, &read);
            assert_true(excess || read.size == size);
        }
        assert_int_equal(status, excess ? HF_INVALID : HF_OK);
        stop(&handshake);
    }
}

/* The responder multiplies when it answers, the initiator when it is answered. */
static void ephemeral_keys_of_low_order_are_refused(void **state)
{
    (void)state;
    uint8_t message[HF_KEY_BYTES + 64] = {0};
    struct handshake handshake;
    struct hf_bytes read;
    start(&handshake, "", "");
    assert_int_equal(hf_noise_xx_read(&handshake.sides[1], message, HF_KEY_BYTES, &read), HF_OK);
    assert_int_equal(hf_noise_xx_write(&handshake.sides[1], none, message), HF_MALFORMED);
    memset(message, 0, sizeof(message));
    uint8_t first[HF_KEY_BYTES];
    assert_int_equal(hf_noise_xx_write(&handshake.sides[0], none, first), HF_OK);
    assert_int_equal(
        hf_noise_xx_read(&handshake.sides[0], message, sizeof(message), &read), HF_MALFORMED);
    stop(&handshake);
}

/* A peer that holds both ends of what it seals can announce any static key it likes. */
static void static_keys_of_low_order_are_refused(void **state)
{
    (void)state;
    for (size_t liar = 0; liar < 2; liar++) {
        struct handshake handshake;
        struct hf_bytes read;
        enum hf_status status = HF_OK;
        start(&handshake, "", "");
        memset(handshake.statics[liar].public_key, 0, HF_KEY_BYTES);
        for (size_t index = 0; index < HF_NOISE_XX_MESSAGES && status == HF_OK; index++)
            status = exchange(&handshake, none, 0, 0, &read);
        assert_int_equal(status, HF_MALFORMED);
        assert_int_equal(handshake.sides[1 - liar].messages, liar == 1 ? 2 : 3);
        stop(&handshake);
    }
}

static void what_is_ended_is_erased(void **state)
{
    (void)state;
    static const struct hf_noise_xx zero;
    struct handshake handshake;
    struct hf_bytes read;
    start(&handshake, "", "");
    for (size_t index = 0; index < HF_NOISE_XX_MESSAGES; index++)
        assert_int_equal(exchange(&handshake, none, 0, 0, &read), HF_OK);
    hf_noise_xx_fini(&handshake.sides[0]);
    assert_memory_equal(&handshake.sides[0], &zero, sizeof(zero));
    stop(&handshake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_handshake_is_reproduced),
        cmocka_unit_test(the_published_channel_is_reproduced),
        cmocka_unit_test(sides_that_disagree_on_the_prologue_do_not_meet),
        cmocka_unit_test(no_byte_of_any_message_can_be_changed),
        cmocka_unit_test(messages_too_short_or_too_long_are_malformed),
        cmocka_unit_test(a_message_is_as_long_as_can_be_and_no_longer),
        cmocka_unit_test(ephemeral_keys_of_low_order_are_refused),
        cmocka_unit_test(static_keys_of_low_order_are_refused),
        cmocka_unit_test(what_is_ended_is_erased),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
