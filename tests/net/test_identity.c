/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/identity.h>

#include "hex.h"
#include "keys.h"
#include "net/curve25519.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static enum hf_status decode_hex(
    struct hf_identity *identity, const char *text, struct hf_error *error)
{
    uint8_t bytes[256];
    size_t size = hex_read(text, bytes);
    return hf_identity_decode(identity, hf_bytes(bytes, size), error);
}

static void assert_is_the_specifications(const struct hf_identity *identity)
{
    char text[HF_PEER_ID_TEXT_BYTES];
    uint8_t message[HF_IDENTITY_PRIVATE_BYTES];
    hf_peer_id_write(&identity->id, text, sizeof(text));
    assert_string_equal(text, ED25519_ID);
    assert_int_equal(hf_identity_write_public(identity, message), HF_OK);
    hex_assert(message, HF_IDENTITY_PUBLIC_BYTES, ED25519_PUBLIC);
    assert_int_equal(hf_identity_write_private(identity, message), HF_OK);
    hex_assert(message, HF_IDENTITY_PRIVATE_BYTES, ED25519_PRIVATE);
}

static void assert_is_none(const struct hf_identity *identity)
{
    const struct hf_identity none = {.id.size = 0};
    assert_memory_equal(identity, &none, sizeof(none));
}

static void the_key_of_the_specification_is_read_in_each_form(void **state)
{
    (void)state;
    struct hf_identity identity;
    uint8_t seed[HF_IDENTITY_KEY_BYTES];
    assert_int_equal(decode_hex(&identity, ED25519_PRIVATE, NULL), HF_OK);
    assert_is_the_specifications(&identity);
    assert_int_equal(decode_hex(&identity, ED25519_PRIVATE_OLD, NULL), HF_OK);
    assert_is_the_specifications(&identity);
    size_t size = hex_read(ED25519_SEED, seed);
    assert_int_equal(hf_identity_from_seed(&identity, hf_bytes(seed, size), NULL), HF_OK);
    assert_is_the_specifications(&identity);
}

static void a_generated_one_is_new_whole_and_storable(void **state)
{
    (void)state;
    struct hf_identity one;
    struct hf_identity other;
    struct hf_identity again;
    uint8_t message[HF_IDENTITY_PRIVATE_BYTES];
    assert_int_equal(hf_identity_generate(&one, NULL), HF_OK);
    assert_int_equal(hf_identity_generate(&other, NULL), HF_OK);
    assert_false(hf_peer_id_equals(&one.id, &other.id));
    assert_int_equal(hf_identity_write_private(&one, message), HF_OK);
    assert_int_equal(hf_identity_decode(&again, hf_bytes(message, sizeof(message)), NULL), HF_OK);
    assert_memory_equal(&one, &again, sizeof(one));
}

static void what_one_signs_the_public_key_verifies(void **state)
{
    (void)state;
    struct hf_identity identity;
    uint8_t signature[HF_IDENTITY_SIGNATURE_BYTES];
    uint8_t point[HF_IDENTITY_KEY_BYTES];
    struct hf_bytes message = hf_bytes("holdfast", 8);
    hex_read(ED25519_POINT, point);
    assert_int_equal(decode_hex(&identity, ED25519_PRIVATE, NULL), HF_OK);
    assert_int_equal(hf_identity_sign(&identity, message, signature), HF_OK);
    assert_int_equal(hf_ed25519_verify(point, message, signature), HF_OK);
    signature[7] ^= 1;
    assert_int_equal(hf_ed25519_verify(point, message, signature), HF_MALFORMED);
    assert_int_equal(hf_identity_sign(&identity, hf_bytes(NULL, 0), signature), HF_OK);
    assert_int_equal(hf_ed25519_verify(point, hf_bytes(NULL, 0), signature), HF_OK);
}

static void a_message_that_is_no_key_leaves_no_identity(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum hf_status status;
        const char *says;
    } wrong[] = {
        {"", HF_MALFORMED, "not the canonical form"},
        {ED25519_PUBLIC, HF_MALFORMED, "not the canonical form"},
        {ED25519_PRIVATE "00", HF_MALFORMED, "not the canonical form"},
        {"08011240" ED25519_SEED ED25519_SEED, HF_MALFORMED, "belongs to another one"},
        {SECP256K1_PRIVATE, HF_UNSUPPORTED, "not an Ed25519 key"},
    };
    for (size_t i = 0; i < LENGTH(wrong); i++) {
        struct hf_identity identity;
        struct hf_error error = {0};
        assert_int_equal(hf_identity_generate(&identity, NULL), HF_OK);
        assert_int_equal(decode_hex(&identity, wrong[i].text, &error), wrong[i].status);
        assert_is_none(&identity);
        assert_int_equal(error.count, 1);
        assert_non_null(strstr(hf_error_text(&error), wrong[i].says));
    }
}

static void a_seed_of_another_size_leaves_no_identity(void **state)
{
    (void)state;
    struct hf_identity identity;
    struct hf_error error = {0};
    uint8_t seed[33] = {0};
    assert_int_equal(hf_identity_generate(&identity, NULL), HF_OK);
    assert_int_equal(hf_identity_from_seed(&identity, hf_bytes(seed, 31), &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "seed: 31 bytes instead of 32");
    assert_is_none(&identity);
    assert_int_equal(hf_identity_from_seed(&identity, hf_bytes(seed, 33), NULL), HF_INVALID);
    assert_int_equal(hf_identity_from_seed(&identity, hf_bytes(NULL, 32), NULL), HF_INVALID);
}

static void who_is_nobody_signs_and_writes_nothing(void **state)
{
    (void)state;
    struct hf_identity identity;
    uint8_t out[HF_IDENTITY_PRIVATE_BYTES] = {77};
    struct hf_bytes message = hf_bytes("x", 1);
    assert_int_equal(hf_identity_generate(&identity, NULL), HF_OK);
    assert_int_equal(hf_identity_sign(&identity, message, NULL), HF_INVALID);
    assert_int_equal(hf_identity_sign(&identity, hf_bytes(NULL, 1), out), HF_INVALID);
    assert_int_equal(hf_identity_write_public(&identity, NULL), HF_INVALID);
    assert_int_equal(hf_identity_write_private(&identity, NULL), HF_INVALID);
    hf_identity_fini(&identity);
    assert_is_none(&identity);
    assert_int_equal(hf_identity_sign(&identity, message, out), HF_INVALID);
    assert_int_equal(hf_identity_write_public(&identity, out), HF_INVALID);
    assert_int_equal(hf_identity_write_private(&identity, out), HF_INVALID);
    assert_int_equal(hf_identity_sign(NULL, message, out), HF_INVALID);
    assert_int_equal(hf_identity_write_public(NULL, out), HF_INVALID);
    assert_int_equal(hf_identity_write_private(NULL, out), HF_INVALID);
    assert_int_equal(out[0], 77);
    hf_identity_fini(NULL);
}

static void null_is_invalid(void **state)
{
    (void)state;
    struct hf_identity identity;
    struct hf_error error = {0};
    assert_int_equal(hf_identity_generate(NULL, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "identity: NULL");
    assert_int_equal(hf_identity_from_seed(NULL, hf_bytes("", 0), &error), HF_INVALID);
    assert_int_equal(hf_identity_decode(NULL, hf_bytes("", 0), &error), HF_INVALID);
    assert_int_equal(hf_identity_decode(&identity, hf_bytes(NULL, 1), &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "message: NULL");
    assert_is_none(&identity);
    assert_int_equal(hf_identity_decode(&identity, hf_bytes(NULL, 0), &error), HF_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_of_the_specification_is_read_in_each_form),
        cmocka_unit_test(a_generated_one_is_new_whole_and_storable),
        cmocka_unit_test(what_one_signs_the_public_key_verifies),
        cmocka_unit_test(a_message_that_is_no_key_leaves_no_identity),
        cmocka_unit_test(a_seed_of_another_size_leaves_no_identity),
        cmocka_unit_test(who_is_nobody_signs_and_writes_nothing),
        cmocka_unit_test(null_is_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
