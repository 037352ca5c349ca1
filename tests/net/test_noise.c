/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/noise.h"
#include "noise_pair.h"
#include "scale.h"

static struct pair pair;

static int make(void **state)
{
    (void)state;
    pair_make(&pair);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    pair_unmake(&pair);
    return 0;
}

static void assert_message(const struct side *side, const char *expected)
{
    size_t length = side->out_bytes - HF_NOISE_LENGTH_BYTES;
    assert_int_equal(side->out[0], length >> 8);
    assert_int_equal(side->out[1], length & 0xff);
    hex_assert(side->out + HF_NOISE_LENGTH_BYTES, length, expected);
}

static void the_handshake_of_libp2p_is_reproduced(void **state)
{
    (void)state;
    hex_assert(pair.responder.own.payload, pair.responder.own.payload_bytes, libp2p_payloads[1]);
    hex_assert(pair.initiator.own.payload, pair.initiator.own.payload_bytes, libp2p_payloads[2]);
    assert_message(&pair.initiator, libp2p_messages[0]);
    assert_int_equal(pair_carry(&pair.initiator, &pair.responder, SIZE_MAX), HF_OK);
    assert_message(&pair.responder, libp2p_messages[1]);
    assert_int_equal(pair_carry(&pair.responder, &pair.initiator, SIZE_MAX), HF_OK);
    assert_message(&pair.initiator, libp2p_messages[2]);
}

/* The machine erases the hash at its end, so this is the handshake without the machine around it.
 */
static void the_hash_of_libp2p_is_reproduced(void **state)
{
    (void)state;
    struct hf_noise_xx xx[2];
    const char *const ephemerals[] = {VECTOR_INITIATOR_EPHEMERAL, VECTOR_RESPONDER_EPHEMERAL};
    struct side *const sides[] = {&pair.initiator, &pair.responder};
    for (size_t side = 0; side < 2; side++) {
        uint8_t key[HF_KEY_BYTES];
        hex_read(ephemerals[side], key);
        assert_int_equal(hf_noise_xx_init(&xx[side], side == 0, hf_bytes(NULL, 0),
                             &sides[side]->own.static_pair, key),
            HF_OK);
    }
    for (size_t index = 0; index < HF_NOISE_XX_MESSAGES; index++) {
        uint8_t payload[256];
        uint8_t message[512];
        struct hf_bytes read;
        struct hf_bytes piece = hf_bytes(payload, hex_read(libp2p_payloads[index], payload));
        size_t size = hf_noise_xx_overhead(&xx[0]) + piece.size;
        assert_int_equal(hf_noise_xx_write(&xx[index % 2], piece, message), HF_OK);
        assert_int_equal(hf_noise_xx_read(&xx[1 - index % 2], message, size, &read), HF_OK);
    }
    for (size_t side = 0; side < 2; side++) {
        hex_assert(xx[side].hash, sizeof(xx[side].hash), LIBP2P_HASH);
        hf_noise_xx_fini(&xx[side]);
    }
}

/* The keys are gone by then, so it is by what they seal that they are known. */
static void the_channel_of_libp2p_is_reproduced(void **state)
{
    (void)state;
    struct side *const sides[] = {&pair.initiator, &pair.responder};
    const char *const keys[] = {LIBP2P_INITIATOR_SENDS, LIBP2P_RESPONDER_SENDS};
    pair_establish(&pair);
    for (size_t index = 0; index < 2; index++) {
        uint8_t key[HF_KEY_BYTES];
        uint8_t expected[64];
        uint8_t frame[64];
        const struct hf_bytes text = hf_bytes("text", 4);
        struct hf_aead aead;
        hex_read(keys[index], key);
        assert_int_equal(hf_aead_init(&aead, key, HF_AEAD_SEALS), HF_OK);
        assert_int_equal(hf_aead_seal(&aead, 0, hf_bytes(NULL, 0), &text, 1, expected), HF_OK);
        hf_aead_fini(&aead);
        size_t size = side_seal(sides[index], "text", frame);
        assert_memory_equal(frame + HF_NOISE_LENGTH_BYTES, expected, size - HF_NOISE_LENGTH_BYTES);
    }
}

static void each_side_learns_who_the_other_is(void **state)
{
    (void)state;
    assert_null(hf_noise_peer(&pair.initiator.noise));
    assert_null(hf_noise_peer(&pair.responder.noise));
    pair_establish(&pair);
    const struct hf_noise_peer *responder = hf_noise_peer(&pair.initiator.noise);
    const struct hf_noise_peer *initiator = hf_noise_peer(&pair.responder.noise);
    assert_memory_equal(responder->public_key, pair.responder.identity.public_key, HF_KEY_BYTES);
    assert_memory_equal(initiator->public_key, pair.initiator.identity.public_key, HF_KEY_BYTES);
    assert_true(hf_peer_id_equals(&responder->id, &pair.responder.identity.id));
    assert_true(hf_peer_id_equals(&initiator->id, &pair.initiator.identity.id));
    assert_true(responder->muxer_agreed && initiator->muxer_agreed);
    assert_int_equal(responder->muxer, 0);
    assert_int_equal(initiator->muxer, 0);
    assert_string_equal(hf_noise_reason(&pair.initiator.noise), "");
}

/* The responder's key is checked before the initiator tells its own. */
static void an_unexpected_peer_is_refused_by_either_side(void **state)
{
    (void)state;
    const struct hf_peer_id *initiator_id = &pair.initiator.identity.id;
    const struct hf_peer_id *responder_id = &pair.responder.identity.id;
    side_start(&pair.initiator, true, initiator_id);
    assert_int_equal(pair_carry(&pair.initiator, &pair.responder, SIZE_MAX), HF_OK);
    assert_int_equal(pair_carry(&pair.responder, &pair.initiator, SIZE_MAX), HF_FAILED);
    assert_int_equal(pair.initiator.out_bytes, 0);
    assert_string_equal(hf_noise_reason(&pair.initiator.noise), "the peer is not the one expected");
    assert_null(hf_noise_peer(&pair.initiator.noise));

    side_start(&pair.initiator, true, responder_id);
    side_start(&pair.responder, false, responder_id);
    assert_int_equal(pair_carry(&pair.initiator, &pair.responder, SIZE_MAX), HF_OK);
    assert_int_equal(pair_carry(&pair.responder, &pair.initiator, SIZE_MAX), HF_OK);
    assert_int_equal(pair_carry(&pair.initiator, &pair.responder, SIZE_MAX), HF_FAILED);

    side_start(&pair.initiator, true, responder_id);
    side_start(&pair.responder, false, initiator_id);
    pair_establish(&pair);
}

/* Frames of texts and empty ones, as one stream of bytes. */
static size_t make_stream(struct side *side, uint8_t *stream)
{
    static const char *const texts[] = {"one", "and another one", "x", "last"};
    size_t size = 0;
    for (size_t index = 0; index < 4; index++)
        size += side_seal(side, texts[index], stream + size);
    uint8_t *empty = stream + size; /* Ours never sends these. */
    empty[0] = 0;
    empty[1] = HF_TAG_BYTES;
    assert_int_equal(hf_aead_seal(&side->noise.seals, side->noise.sealed++, hf_bytes(NULL, 0), NULL,
                         0, empty + HF_NOISE_LENGTH_BYTES),
        HF_OK);
    size += HF_NOISE_OVERHEAD_BYTES;
    return size + side_seal(side, "after nothing", stream + size);
}

static void however_bytes_arrive_the_events_are_the_same(void **state)
{
    (void)state;
    static const char expected[] = "|one|and another one|x|last||after nothing|";
    uint8_t stream[1024];
    for (size_t step = 1; step <= 300; step++) {
        pair_start(&pair);
        assert_int_equal(pair_carry(&pair.initiator, &pair.responder, step), HF_OK);
        assert_int_equal(pair_carry(&pair.responder, &pair.initiator, step), HF_OK);
        memcpy(stream, pair.initiator.out, pair.initiator.out_bytes);
        size_t greeting_bytes = pair.initiator.out_bytes;
        size_t size = greeting_bytes + make_stream(&pair.initiator, stream + greeting_bytes);
        assert_int_equal(side_receive(&pair.responder, stream, size, step), HF_OK);
        assert_int_equal(pair.responder.events_bytes, sizeof(expected) - 1);
        assert_memory_equal(pair.responder.events, expected, sizeof(expected) - 1);
        assert_int_equal(pair.responder.inbox_bytes, 0);
        if (test_is_slow())
            step += 16;
    }
}

/* A responder is done only when it has read the last message, so what follows that one at once must
 * not be lost; and nobody may be hurried: the initiator's first words are its own. */
static void nothing_is_received_before_it_is_ones_turn(void **state)
{
    (void)state;
    struct hf_noise_frame frame;
    uint8_t bytes[64] = {0, 32};
    uint8_t ephemeral[HF_KEY_BYTES] = {1};
    struct hf_noise_options options = {true, &pair.initiator.own, NULL};
    hf_noise_fini(&pair.initiator.noise);
    assert_int_equal(hf_noise_init(&pair.initiator.noise, &options, ephemeral), HF_OK);
    assert_int_equal(
        hf_noise_receive(&pair.initiator.noise, bytes, sizeof(bytes), &frame), HF_AGAIN);
    assert_int_equal(frame.size, 0);
    size_t size = 1;
    assert_int_equal(hf_noise_handshake(&pair.responder.noise, pair.responder.out, &size), HF_OK);
    assert_int_equal(size, 0);
}

static void the_ephemeral_key_is_taken_and_erased(void **state)
{
    (void)state;
    static const uint8_t zero[HF_KEY_BYTES];
    uint8_t ephemeral[HF_KEY_BYTES] = {1, 2, 3};
    struct hf_noise noise;
    struct hf_noise_options options = {true, &pair.initiator.own, NULL};
    assert_int_equal(hf_noise_init(&noise, &options, ephemeral), HF_OK);
    assert_memory_equal(ephemeral, zero, sizeof(zero));
    hf_noise_fini(&noise);
}

static bool contains(const void *haystack, size_t size, const void *needle, size_t needle_bytes)
{
    return memmem(haystack, size, needle, needle_bytes) != NULL;
}

/* The chaining key, which all others come from, and the shared secrets' last key. */
static void secrets_do_not_outlive_the_handshake(void **state)
{
    (void)state;
    uint8_t chaining_key[HF_DIGEST_BYTES];
    assert_int_equal(pair_carry(&pair.initiator, &pair.responder, SIZE_MAX), HF_OK);
    memcpy(chaining_key, pair.responder.noise.xx.chaining_key, sizeof(chaining_key));
    assert_true(contains(&pair.responder.noise, sizeof(pair.responder.noise), chaining_key, 32));
    assert_int_equal(pair_carry(&pair.responder, &pair.initiator, SIZE_MAX), HF_OK);
    assert_int_equal(pair_carry(&pair.initiator, &pair.responder, SIZE_MAX), HF_OK);
    static const struct hf_noise_xx zero;
    assert_memory_equal(&pair.initiator.noise.xx, &zero, sizeof(zero));
    assert_memory_equal(&pair.responder.noise.xx, &zero, sizeof(zero));
    hf_noise_fini(&pair.responder.noise);
    assert_null(pair.responder.noise.seals.context);
    assert_null(pair.responder.noise.opens.context);
    assert_null(hf_noise_peer(&pair.responder.noise));
}

static void an_ended_channel_says_so(void **state)
{
    (void)state;
    struct hf_noise_frame frame;
    const struct hf_bytes piece = hf_bytes("x", 1);
    uint8_t out[HF_NOISE_GREETING_BYTES_MAX];
    size_t size;
    struct hf_noise *noise = &pair.initiator.noise;
    hf_noise_fini(noise);
    hf_noise_fini(noise);
    assert_int_equal(hf_noise_handshake(noise, out, &size), HF_CLOSED);
    assert_int_equal(hf_noise_receive(noise, out, sizeof(out), &frame), HF_CLOSED);
    assert_int_equal(hf_noise_seal(noise, &piece, 1, out, &size), HF_CLOSED);
    assert_string_equal(hf_noise_reason(noise), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_handshake_of_libp2p_is_reproduced, make, unmake),
        cmocka_unit_test_setup_teardown(the_hash_of_libp2p_is_reproduced, make, unmake),
        cmocka_unit_test_setup_teardown(the_channel_of_libp2p_is_reproduced, make, unmake),
        cmocka_unit_test_setup_teardown(each_side_learns_who_the_other_is, make, unmake),
        cmocka_unit_test_setup_teardown(an_unexpected_peer_is_refused_by_either_side, make, unmake),
        cmocka_unit_test_setup_teardown(however_bytes_arrive_the_events_are_the_same, make, unmake),
        cmocka_unit_test_setup_teardown(nothing_is_received_before_it_is_ones_turn, make, unmake),
        cmocka_unit_test_setup_teardown(the_ephemeral_key_is_taken_and_erased, make, unmake),
        cmocka_unit_test_setup_teardown(secrets_do_not_outlive_the_handshake, make, unmake),
        cmocka_unit_test_setup_teardown(an_ended_channel_says_so, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
