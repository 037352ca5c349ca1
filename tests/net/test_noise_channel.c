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

static const struct hf_bytes none;

static int make_established(void **state)
{
    int status = make(state);
    pair_establish(&pair);
    return status;
}

static void frames_of_every_size_go_both_ways(void **state)
{
    (void)state;
    static uint8_t plain[HF_NOISE_PLAINTEXT_BYTES_MAX];
    static uint8_t frame[HF_NOISE_FRAME_BYTES_MAX];
    struct side *const sides[] = {&pair.initiator, &pair.responder};
    size_t turn = 0;
    for (size_t size = 1; size <= sizeof(plain); size = size * 3 / 2 + 1, turn++) {
        if (size * 3 / 2 + 1 > sizeof(plain))
            size = sizeof(plain);
        memset(plain, (int)size, size);
        const struct hf_bytes piece = hf_bytes(plain, size);
        struct hf_noise_frame got;
        size_t frame_bytes;
        assert_int_equal(
            hf_noise_seal(&sides[turn % 2]->noise, &piece, 1, frame, &frame_bytes), HF_OK);
        assert_int_equal(frame_bytes, size + HF_NOISE_OVERHEAD_BYTES);
        assert_int_equal(
            hf_noise_receive(&sides[1 - turn % 2]->noise, frame, frame_bytes, &got), HF_OK);
        assert_int_equal(got.size, frame_bytes);
        assert_int_equal(got.data.size, size);
        assert_ptr_equal(got.data.data, frame + HF_NOISE_LENGTH_BYTES);
        assert_memory_equal(got.data.data, plain, size);
    }
}

static void many_writes_make_one_frame(void **state)
{
    (void)state;
    const struct hf_bytes pieces[] = {
        hf_bytes("a", 1), none, hf_bytes("packed", 6), hf_bytes(" frame", 6)};
    uint8_t frame[64];
    size_t size;
    struct hf_noise_frame got;
    assert_int_equal(hf_noise_seal(&pair.responder.noise, pieces, 4, frame, &size), HF_OK);
    assert_int_equal(size, 13 + HF_NOISE_OVERHEAD_BYTES);
    assert_int_equal(hf_noise_receive(&pair.initiator.noise, frame, size, &got), HF_OK);
    assert_int_equal(got.data.size, 13);
    assert_memory_equal(got.data.data, "apacked frame", 13);
}

static void a_piece_may_be_sealed_where_it_lies(void **state)
{
    (void)state;
    uint8_t frame[64] = "..in place";
    const struct hf_bytes piece = hf_bytes(frame + HF_NOISE_LENGTH_BYTES, 8);
    size_t size;
    struct hf_noise_frame got;
    assert_int_equal(hf_noise_seal(&pair.initiator.noise, &piece, 1, frame, &size), HF_OK);
    assert_int_equal(hf_noise_receive(&pair.responder.noise, frame, size, &got), HF_OK);
    assert_memory_equal(got.data.data, "in place", 8);
}

static void nothing_empty_or_too_large_is_sealed(void **state)
{
    (void)state;
    static uint8_t plain[HF_NOISE_PLAINTEXT_BYTES_MAX + 1];
    static uint8_t frame[HF_NOISE_FRAME_BYTES_MAX + 1];
    const struct hf_bytes large[] = {hf_bytes(plain, sizeof(plain)), none};
    const struct hf_bytes halves[] = {hf_bytes(plain, 32768), hf_bytes(plain, 32752)};
    size_t size = 7;
    struct hf_noise *noise = &pair.initiator.noise;
    assert_int_equal(hf_noise_seal(noise, large, 0, frame, &size), HF_INVALID);
    assert_int_equal(hf_noise_seal(noise, large + 1, 1, frame, &size), HF_INVALID);
    assert_int_equal(hf_noise_seal(noise, large, 2, frame, &size), HF_INVALID);
    assert_int_equal(hf_noise_seal(noise, halves, 2, frame, &size), HF_INVALID);
    assert_int_equal(size, 7);
    assert_int_equal(noise->sealed, 0);
}

static void nothing_is_sealed_before_the_handshake_is_over(void **state)
{
    (void)state;
    const struct hf_bytes piece = hf_bytes("x", 1);
    uint8_t frame[64];
    size_t size;
    pair_start(&pair);
    assert_int_equal(hf_noise_seal(&pair.initiator.noise, &piece, 1, frame, &size), HF_AGAIN);
    assert_int_equal(hf_noise_seal(&pair.responder.noise, &piece, 1, frame, &size), HF_AGAIN);
}

static void lengths_without_room_for_a_tag_are_refused(void **state)
{
    (void)state;
    for (size_t length = 0; length < HF_TAG_BYTES; length++) {
        uint8_t bytes[64] = {0, (uint8_t)length};
        pair_start(&pair);
        pair_establish(&pair);
        assert_int_equal(side_receive(&pair.initiator, bytes, 2, SIZE_MAX), HF_MALFORMED);
        assert_null(hf_noise_peer(&pair.initiator.noise));
    }
}

static void no_byte_of_a_frame_can_be_changed(void **state)
{
    (void)state;
    uint8_t frame[64];
    for (size_t at = HF_NOISE_LENGTH_BYTES; at < 4 + HF_NOISE_OVERHEAD_BYTES; at++) {
        pair_start(&pair);
        pair_establish(&pair);
        size_t size = side_seal(&pair.initiator, "text", frame);
        frame[at] ^= 0x20;
        assert_int_equal(side_receive(&pair.responder, frame, size, SIZE_MAX), HF_MALFORMED);
        assert_string_equal(
            hf_noise_reason(&pair.responder.noise), "the peer's frame does not open");
        assert_null(pair.responder.noise.opens.context);
        assert_null(pair.responder.noise.seals.context);
    }
}

static void frames_repeated_left_out_or_turned_back_are_refused(void **state)
{
    (void)state;
    uint8_t frames[2][64];
    for (size_t trick = 0; trick < 3; trick++) {
        pair_start(&pair);
        pair_establish(&pair);
        size_t size = side_seal(&pair.initiator, "one", frames[0]);
        assert_int_equal(side_seal(&pair.initiator, "two", frames[1]), size);
        struct side *to = trick == 2 ? &pair.initiator : &pair.responder;
        if (trick == 0)
            assert_int_equal(side_receive(to, frames[0], size, SIZE_MAX), HF_OK);
        assert_int_equal(side_receive(to, frames[trick == 1], size, SIZE_MAX), HF_MALFORMED);
    }
}

/* Section 5.1 of the Noise specification keeps the last number for itself. */
static void a_key_seals_and_opens_no_more_than_its_share(void **state)
{
    (void)state;
    const struct hf_bytes piece = hf_bytes("text", 4);
    uint8_t frame[64];
    size_t size;
    pair.initiator.noise.sealed = HF_NOISE_NUMBER_MAX;
    pair.responder.noise.opened = HF_NOISE_NUMBER_MAX;
    size = side_seal(&pair.initiator, "last", frame);
    assert_int_equal(side_receive(&pair.responder, frame, size, SIZE_MAX), HF_OK);
    struct hf_noise *noise = &pair.initiator.noise;
    assert_int_equal(hf_noise_seal(noise, &piece, 1, frame, &size), HF_EXHAUSTED);
    assert_int_equal(hf_noise_seal(noise, &piece, 1, frame, &size), HF_CLOSED);
    assert_string_equal(hf_noise_reason(noise), "all frames that a key may seal have been sent");
    assert_int_equal(side_receive(&pair.responder, frame, size, SIZE_MAX), HF_EXHAUSTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            frames_of_every_size_go_both_ways, make_established, unmake),
        cmocka_unit_test_setup_teardown(many_writes_make_one_frame, make_established, unmake),
        cmocka_unit_test_setup_teardown(
            a_piece_may_be_sealed_where_it_lies, make_established, unmake),
        cmocka_unit_test_setup_teardown(
            nothing_empty_or_too_large_is_sealed, make_established, unmake),
        cmocka_unit_test_setup_teardown(
            nothing_is_sealed_before_the_handshake_is_over, make_established, unmake),
        cmocka_unit_test_setup_teardown(
            lengths_without_room_for_a_tag_are_refused, make_established, unmake),
        cmocka_unit_test_setup_teardown(
            no_byte_of_a_frame_can_be_changed, make_established, unmake),
        cmocka_unit_test_setup_teardown(
            frames_repeated_left_out_or_turned_back_are_refused, make_established, unmake),
        cmocka_unit_test_setup_teardown(
            a_key_seals_and_opens_no_more_than_its_share, make_established, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
