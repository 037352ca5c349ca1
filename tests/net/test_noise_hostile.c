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

/* Carries the three messages, one of which somebody may change on its way. */
static void carry_changed(size_t changed, size_t at, uint8_t change)
{
    struct side *const sides[] = {&pair.initiator, &pair.responder};
    for (size_t index = 0; index < HF_NOISE_XX_MESSAGES; index++) {
        struct side *from = sides[index % 2];
        if (index == changed)
            from->out[at] ^= change;
        (void)pair_carry(from, sides[1 - index % 2], SIZE_MAX);
    }
}

/* A longer length makes the reader wait for more; whatever comes, it is refused then. */
static void starve_or_stuff(struct side *side)
{
    static const uint8_t zeroes[HF_NOISE_HANDSHAKE_BYTES_MAX];
    if (side->status == HF_OK)
        (void)side_receive(side, zeroes, sizeof(zeroes), SIZE_MAX);
}

static void no_byte_of_a_handshake_can_be_changed(void **state)
{
    (void)state;
    const size_t sizes[] = {34, 2 + 96 + 120, 2 + 64 + 120};
    for (size_t index = 0; index < HF_NOISE_XX_MESSAGES; index++) {
        /* Who sees it: the reader, but of the first message the initiator in its answer. */
        struct side *judge = index == 2 ? &pair.responder : &pair.initiator;
        for (size_t bit = 0; bit < 8 * sizes[index]; bit += test_is_slow() ? 61 : 3) {
            pair_start(&pair);
            carry_changed(index, bit / 8, (uint8_t)(1 << bit % 8));
            if (index == 0)
                starve_or_stuff(&pair.responder);
            if (index != 0 || bit >= 16)
                starve_or_stuff(judge);
            assert_null(hf_noise_peer(&judge->noise));
            bool length = index == 0 && bit < 16;
            struct side *refuser = length ? &pair.responder : judge;
            assert_int_equal(refuser->status, HF_MALFORMED);
            assert_string_not_equal(hf_noise_reason(&refuser->noise), "");
            assert_null(hf_noise_peer(&pair.responder.noise));
        }
    }
}

static void a_message_cut_short_is_waited_for_and_nothing_else_happens(void **state)
{
    (void)state;
    struct side *const sides[] = {&pair.initiator, &pair.responder};
    for (size_t index = 0; index < HF_NOISE_XX_MESSAGES; index++) {
        struct side *from = sides[index % 2];
        struct side *to = sides[1 - index % 2];
        uint8_t copy[HF_NOISE_GREETING_BYTES_MAX];
        struct hf_noise_frame frame;
        for (size_t size = 0; size < from->out_bytes; size++) {
            memcpy(copy, from->out, size);
            assert_int_equal(hf_noise_receive(&to->noise, copy, size, &frame), HF_AGAIN);
            assert_int_equal(frame.size, size < 2 ? 2 : from->out_bytes);
            assert_memory_equal(copy, from->out, size);
            assert_null(hf_noise_peer(&to->noise));
        }
        assert_int_equal(pair_carry(from, to, SIZE_MAX), HF_OK);
    }
}

/* Decided from the length alone, before anything of such a message is kept. */
static void lengths_that_no_message_has_are_refused_at_once(void **state)
{
    (void)state;
    struct side *const sides[] = {&pair.initiator, &pair.responder};
    const size_t least[] = {32, 96, 64};
    const size_t most[] = {32, HF_NOISE_HANDSHAKE_BYTES_MAX, HF_NOISE_HANDSHAKE_BYTES_MAX};
    for (size_t index = 0; index < HF_NOISE_XX_MESSAGES; index++) {
        for (size_t length = 0; length <= UINT16_MAX; length += length < 8192 ? 1 : 1021) {
            struct hf_noise_frame frame;
            uint8_t bytes[2] = {(uint8_t)(length >> 8), (uint8_t)length};
            bool allowed = length >= least[index] && length <= most[index];
            struct hf_noise probe = sides[1 - index % 2]->noise; /* Not to be ended: a copy. */
            probe.xx.hasher.context = NULL;
            assert_int_equal(
                hf_noise_receive(&probe, bytes, 2, &frame), allowed ? HF_AGAIN : HF_MALFORMED);
        }
        assert_int_equal(pair_carry(sides[index % 2], sides[1 - index % 2], SIZE_MAX), HF_OK);
    }
}

static void a_point_of_low_order_ends_the_handshake(void **state)
{
    (void)state;
    memset(pair.initiator.out + HF_NOISE_LENGTH_BYTES, 0, HF_KEY_BYTES);
    assert_int_equal(pair_carry(&pair.initiator, &pair.responder, SIZE_MAX), HF_MALFORMED);
    assert_int_equal(pair.responder.out_bytes, 0);
    assert_string_equal(hf_noise_reason(&pair.responder.noise), "the handshake cannot go on");
}

static void a_wrong_signature_is_refused(void **state)
{
    (void)state;
    struct side *const sides[] = {&pair.initiator, &pair.responder};
    for (size_t liar = 0; liar < 2; liar++) {
        for (size_t at = 40; at < 40 + HF_SIGNATURE_BYTES; at += 9) {
            sides[liar]->own.payload[at] ^= 1;
            pair_start(&pair);
            carry_changed(SIZE_MAX, 0, 0);
            assert_int_equal(sides[1 - liar]->status, HF_MALFORMED);
            assert_string_equal(
                hf_noise_reason(&sides[1 - liar]->noise), "the peer's signature is wrong");
            sides[liar]->own.payload[at] ^= 1;
        }
    }
    pair_start(&pair);
    pair_establish(&pair);
}

/* Who heard another's payload in a handshake of its own still lacks the static key it vouches for.
 */
static void the_identity_of_another_cannot_be_borrowed(void **state)
{
    (void)state;
    struct hf_noise_credentials *liar = &pair.initiator.own;
    memcpy(liar->payload, pair.responder.own.payload, sizeof(liar->payload));
    pair_start(&pair);
    carry_changed(SIZE_MAX, 0, 0);
    assert_int_equal(pair.responder.status, HF_MALFORMED);
    assert_null(hf_noise_peer(&pair.responder.noise));
}

/* All that was overheard, said again to a responder with another ephemeral key. */
static void a_replayed_handshake_is_refused(void **state)
{
    (void)state;
    uint8_t heard[2][HF_NOISE_GREETING_BYTES_MAX];
    size_t sizes[2];
    memcpy(heard[0], pair.initiator.out, sizes[0] = pair.initiator.out_bytes);
    assert_int_equal(pair_carry(&pair.initiator, &pair.responder, SIZE_MAX), HF_OK);
    assert_int_equal(pair_carry(&pair.responder, &pair.initiator, SIZE_MAX), HF_OK);
    memcpy(heard[1], pair.initiator.out, sizes[1] = pair.initiator.out_bytes);

    uint8_t ephemeral[HF_KEY_BYTES] = {7};
    const struct hf_noise_options options = {false, &pair.responder.own, NULL};
    hf_noise_fini(&pair.responder.noise);
    assert_int_equal(hf_noise_init(&pair.responder.noise, &options, ephemeral), HF_OK);
    assert_int_equal(side_receive(&pair.responder, heard[0], sizes[0], SIZE_MAX), HF_OK);
    assert_int_equal(side_receive(&pair.responder, heard[1], sizes[1], SIZE_MAX), HF_MALFORMED);
}

static void messages_out_of_turn_are_refused(void **state)
{
    (void)state;
    uint8_t first[64];
    size_t size = pair.initiator.out_bytes;
    memcpy(first, pair.initiator.out, size);
    assert_int_equal(side_receive(&pair.initiator, first, size, SIZE_MAX), HF_MALFORMED);
    assert_int_equal(side_receive(&pair.responder, first, size, SIZE_MAX), HF_OK);
    assert_int_equal(side_receive(&pair.responder, first, size, SIZE_MAX), HF_MALFORMED);
}

static void a_failure_leaves_no_secret_and_says_so_only_once(void **state)
{
    (void)state;
    static const struct hf_noise_xx zero;
    pair.initiator.out[5] ^= 1;
    assert_int_equal(pair_carry(&pair.initiator, &pair.responder, SIZE_MAX), HF_OK);
    assert_int_equal(pair_carry(&pair.responder, &pair.initiator, SIZE_MAX), HF_MALFORMED);
    struct hf_noise *noise = &pair.initiator.noise;
    assert_memory_equal(&noise->xx, &zero, sizeof(zero));
    assert_string_equal(hf_noise_reason(noise), "the peer's handshake message does not open");
    struct hf_noise_frame frame;
    uint8_t bytes[64] = {0};
    assert_int_equal(hf_noise_receive(noise, bytes, sizeof(bytes), &frame), HF_CLOSED);
    assert_string_equal(hf_noise_reason(noise), "the peer's handshake message does not open");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_byte_of_a_handshake_can_be_changed, make, unmake),
        cmocka_unit_test_setup_teardown(
            a_message_cut_short_is_waited_for_and_nothing_else_happens, make, unmake),
        cmocka_unit_test_setup_teardown(
            lengths_that_no_message_has_are_refused_at_once, make, unmake),
        cmocka_unit_test_setup_teardown(a_point_of_low_order_ends_the_handshake, make, unmake),
        cmocka_unit_test_setup_teardown(a_wrong_signature_is_refused, make, unmake),
        cmocka_unit_test_setup_teardown(the_identity_of_another_cannot_be_borrowed, make, unmake),
        cmocka_unit_test_setup_teardown(a_replayed_handshake_is_refused, make, unmake),
        cmocka_unit_test_setup_teardown(messages_out_of_turn_are_refused, make, unmake),
        cmocka_unit_test_setup_teardown(
            a_failure_leaves_no_secret_and_says_so_only_once, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
