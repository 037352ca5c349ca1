/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "hex.h"
#include "net/crypto.h"

static const struct hf_bytes none;

static struct hf_bytes text(const char *characters)
{
    return hf_bytes(characters, strlen(characters));
}

/* RFC 8439, appendix A.5, whose nonce happens to begin with the four zeroes of Noise. */
static const char *const sealed_text =
    "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb24c6cfc18755d43eea09ee94e382d26"
    "b0"
    "bdb7b73c321b0100d4f03b7f355894cf332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1ff37c8"
    "55"
    "9797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b53c867e4b9166c767b804d46a59b5216cde7a4"
    "e9"
    "9040c5a40433225ee282a1b0a06c523eaf4534d7f83fa1155b0047718cbc546a0d072b04b3564eea1b422273f54827"
    "1a"
    "0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a1049e617d91d361094fa68f0ff779871"
    "30"
    "305beaba2eda04df997b714d6c6f2c29a6ad5cb4022b02709beead9d67890cbb22392336fea1851f38";
static const char *const opened_text =
    "Internet-Drafts are draft documents valid for a maximum of six months and may be updated, "
    "replaced, or obsoleted by other documents at any time. It is inappropriate to use "
    "Internet-Drafts as reference material or to cite them other than as /\xe2\x80\x9cwork in "
    "progress./\xe2\x80\x9d";
#define SEALED_NUMBER UINT64_C(0x0807060504030201)

struct sealed_message {
    struct hf_aead seals;
    struct hf_aead opens;
    uint8_t associated[12];
    uint8_t bytes[512];
    size_t size;
};

static void make_sealed(struct sealed_message *message)
{
    uint8_t key[HF_KEY_BYTES];
    hex_read("1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0", key);
    hex_read("f33388860000000000004e91", message->associated);
    message->size = hex_read(sealed_text, message->bytes);
    assert_int_equal(hf_aead_init(&message->seals, key, HF_AEAD_SEALS), HF_OK);
    assert_int_equal(hf_aead_init(&message->opens, key, HF_AEAD_OPENS), HF_OK);
}

static void unmake_sealed(struct sealed_message *message)
{
    hf_aead_fini(&message->seals);
    hf_aead_fini(&message->opens);
}

static enum hf_status seal(struct sealed_message *message, uint64_t number,
    struct hf_bytes associated, struct hf_bytes plaintext, uint8_t *sealed)
{
    return hf_aead_seal(&message->seals, number, associated, &plaintext, 1, sealed);
}

static void sealing_and_opening_are_those_of_rfc_8439(void **state)
{
    (void)state;
    struct sealed_message message;
    make_sealed(&message);
    struct hf_bytes associated = hf_bytes(message.associated, sizeof(message.associated));
    uint8_t out[512];
    assert_int_equal(message.size, strlen(opened_text) + HF_TAG_BYTES);
    assert_int_equal(hf_aead_open(&message.opens, SEALED_NUMBER, associated,
                         hf_bytes(message.bytes, message.size), out),
        HF_OK);
    assert_memory_equal(out, opened_text, strlen(opened_text));
    assert_int_equal(seal(&message, SEALED_NUMBER, associated, text(opened_text), out), HF_OK);
    assert_memory_equal(out, message.bytes, message.size);
    unmake_sealed(&message);
}

static void pieces_are_sealed_as_if_they_were_one(void **state)
{
    (void)state;
    struct sealed_message message;
    make_sealed(&message);
    struct hf_bytes associated = hf_bytes(message.associated, sizeof(message.associated));
    uint8_t out[512];
    size_t size = strlen(opened_text);
    for (size_t split = 0; split <= size; split++) {
        size_t rest = size - split;
        const struct hf_bytes pieces[] = {hf_bytes(opened_text, split), none,
            hf_bytes(opened_text + split, rest / 2),
            hf_bytes(opened_text + split + rest / 2, rest - rest / 2)};
        assert_int_equal(
            hf_aead_seal(&message.seals, SEALED_NUMBER, associated, pieces, 4, out), HF_OK);
        assert_memory_equal(out, message.bytes, message.size);
    }
    unmake_sealed(&message);
}

static void messages_of_every_length_are_sealed_and_opened_where_they_lie(void **state)
{
    (void)state;
    static uint8_t bytes[HF_AEAD_BYTES_MAX + 1];
    struct sealed_message message;
    make_sealed(&message);
    for (size_t size = 0; size <= HF_AEAD_BYTES_MAX - HF_TAG_BYTES; size += 1 + size / 2) {
        uint64_t number = UINT64_MAX - size;
        memset(bytes, (int)size, size);
        assert_int_equal(seal(&message, number, none, hf_bytes(bytes, size), bytes), HF_OK);
        assert_int_equal(
            hf_aead_open(&message.opens, number, none, hf_bytes(bytes, size + HF_TAG_BYTES), bytes),
            HF_OK);
        for (size_t index = 0; index < size; index++)
            assert_int_equal(bytes[index], (uint8_t)size);
    }
    unmake_sealed(&message);
}

/* Also that a failure leaves no trace: not in the bytes, not in the context, not in OpenSSL's
 * queue. */
static void a_message_with_any_byte_changed_is_malformed(void **state)
{
    (void)state;
    struct sealed_message message;
    make_sealed(&message);
    struct hf_bytes associated = hf_bytes(message.associated, sizeof(message.associated));
    struct hf_bytes sealed = hf_bytes(message.bytes, message.size);
    for (size_t index = 0; index < message.size; index++) {
        uint8_t out[512];
        memset(out, 1, sizeof(out));
        message.bytes[index] ^= 0x10;
        assert_int_equal(
            hf_aead_open(&message.opens, SEALED_NUMBER, associated, sealed, out), HF_MALFORMED);
        message.bytes[index] ^= 0x10;
        for (size_t at = 0; at < sizeof(out); at++)
            assert_int_equal(out[at], at < message.size - HF_TAG_BYTES ? 0 : 1);
        assert_int_equal(ERR_peek_error(), 0);
        assert_int_equal(
            hf_aead_open(&message.opens, SEALED_NUMBER, associated, sealed, out), HF_OK);
    }
    unmake_sealed(&message);
}

static void another_number_other_associated_bytes_or_less_of_it_is_malformed(void **state)
{
    (void)state;
    struct sealed_message message;
    make_sealed(&message);
    uint8_t out[512];
    struct hf_bytes associated = hf_bytes(message.associated, sizeof(message.associated));
    struct hf_bytes sealed = hf_bytes(message.bytes, message.size);
    for (unsigned bit = 0; bit < 64; bit++)
        assert_int_equal(hf_aead_open(&message.opens, SEALED_NUMBER ^ UINT64_C(1) << bit,
                             associated, sealed, out),
            HF_MALFORMED);
    for (size_t size = 0; size < message.size; size++)
        assert_int_equal(hf_aead_open(&message.opens, SEALED_NUMBER, associated,
                             hf_bytes(message.bytes, size), out),
            HF_MALFORMED);
    for (size_t size = 0; size < associated.size; size++)
        assert_int_equal(hf_aead_open(&message.opens, SEALED_NUMBER,
                             hf_bytes(associated.data, size), sealed, out),
            HF_MALFORMED);
    unmake_sealed(&message);
}

static void more_bytes_than_a_message_can_have_are_invalid(void **state)
{
    (void)state;
    static uint8_t bytes[HF_AEAD_BYTES_MAX + 1];
    struct sealed_message message;
    make_sealed(&message);
    struct hf_bytes many = hf_bytes(bytes, HF_AEAD_BYTES_MAX + 1);
    struct hf_bytes plain = hf_bytes(bytes, HF_AEAD_BYTES_MAX - HF_TAG_BYTES + 1);
    assert_int_equal(seal(&message, 0, none, plain, bytes), HF_INVALID);
    assert_int_equal(seal(&message, 0, many, none, bytes), HF_INVALID);
    const struct hf_bytes pieces[] = {plain, hf_bytes(NULL, 0), hf_bytes(bytes, SIZE_MAX)};
    assert_int_equal(hf_aead_seal(&message.seals, 0, none, pieces, 3, bytes), HF_INVALID);
    assert_int_equal(hf_aead_seal(&message.seals, 0, none, pieces + 1, 2, bytes), HF_INVALID);
    const struct hf_bytes plenty[] = {plain, plain, plain};
    assert_int_equal(hf_aead_seal(&message.seals, 0, none, plenty, 3, bytes), HF_INVALID);
    assert_int_equal(hf_aead_open(&message.opens, 0, none, many, bytes), HF_INVALID);
    assert_int_equal(hf_aead_open(&message.opens, 0, many, none, bytes), HF_INVALID);
    unmake_sealed(&message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sealing_and_opening_are_those_of_rfc_8439),
        cmocka_unit_test(pieces_are_sealed_as_if_they_were_one),
        cmocka_unit_test(messages_of_every_length_are_sealed_and_opened_where_they_lie),
        cmocka_unit_test(a_message_with_any_byte_changed_is_malformed),
        cmocka_unit_test(another_number_other_associated_bytes_or_less_of_it_is_malformed),
        cmocka_unit_test(more_bytes_than_a_message_can_have_are_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
