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
#include "net/curve25519.h"
#include "scale.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const struct hf_bytes none;

/* RFC 8032, section 7.1, tests 1 to 3. */
static const struct {
    const char *seed, *public_key, *message, *signature;
} signatures[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c"
        "f9"
        "b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0"
        "f1"
        "1d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f76098"
        "4d"
        "c6594a7c15e9716ed28dc027beceea1ec40a"},
};

struct signed_message {
    uint8_t seed[HF_KEY_BYTES];
    uint8_t public_key[HF_KEY_BYTES];
    uint8_t message[2];
    size_t message_bytes;
    uint8_t signature[HF_SIGNATURE_BYTES];
};

static struct signed_message read_signed(size_t index)
{
    struct signed_message read = {.message_bytes = 0};
    hex_read(signatures[index].seed, read.seed);
    hex_read(signatures[index].public_key, read.public_key);
    read.message_bytes = hex_read(signatures[index].message, read.message);
    hex_read(signatures[index].signature, read.signature);
    return read;
}

static void signatures_are_those_of_rfc_8032(void **state)
{
    (void)state;
    for (size_t index = 0; index < LENGTH(signatures); index++) {
        struct signed_message expected = read_signed(index);
        struct hf_bytes message = hf_bytes(expected.message, expected.message_bytes);
        uint8_t public_key[HF_KEY_BYTES];
        uint8_t signature[HF_SIGNATURE_BYTES];
        hf_ed25519_public(expected.seed, public_key);
        assert_memory_equal(public_key, expected.public_key, sizeof(public_key));
        assert_int_equal(hf_ed25519_sign(expected.seed, public_key, message, signature), HF_OK);
        assert_memory_equal(signature, expected.signature, sizeof(signature));
        assert_int_equal(hf_ed25519_verify(public_key, message, signature), HF_OK);
    }
}

/* Some changed keys are no points at all, others are points that signed something else. */
static void a_signature_with_any_bit_changed_is_malformed(void **state)
{
    (void)state;
    size_t step = test_is_slow() ? 37 : 1;
    for (size_t bit = 0; bit < 8 * (HF_SIGNATURE_BYTES + HF_KEY_BYTES + 2); bit += step) {
        struct signed_message changed = read_signed(2);
        uint8_t *signature = changed.signature;
        size_t at = bit / 8;
        if (at < HF_SIGNATURE_BYTES)
            signature[at] ^= (uint8_t)(1 << bit % 8);
        else if (at < HF_SIGNATURE_BYTES + HF_KEY_BYTES)
            changed.public_key[at - HF_SIGNATURE_BYTES] ^= (uint8_t)(1 << bit % 8);
        else
            changed.message[at - HF_SIGNATURE_BYTES - HF_KEY_BYTES] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(
            hf_ed25519_verify(changed.public_key, hf_bytes(changed.message, 2), signature),
            HF_MALFORMED);
    }
}

/* RFC 8032, section 5.1.7: S plus the group's order would verify too, were it let through. */
static void a_signature_has_one_form_only(void **state)
{
    (void)state;
    struct signed_message twin = read_signed(2);
    uint8_t order[HF_KEY_BYTES];
    hex_read("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010", order);
    unsigned carry = 0;
    for (size_t index = 0; index < HF_KEY_BYTES; index++) {
        carry += (unsigned)twin.signature[HF_KEY_BYTES + index] + order[index];
        twin.signature[HF_KEY_BYTES + index] = (uint8_t)carry;
        carry >>= 8;
    }
    assert_int_equal(carry, 0);
    assert_int_equal(hf_ed25519_verify(twin.public_key, hf_bytes(twin.message, 2), twin.signature),
        HF_MALFORMED);
}

static void nothing_is_signed_under_the_public_key_of_another(void **state)
{
    (void)state;
    struct signed_message one = read_signed(0);
    struct signed_message other = read_signed(1);
    uint8_t signature[HF_SIGNATURE_BYTES] = {0};
    uint8_t untouched[HF_SIGNATURE_BYTES] = {0};
    assert_int_equal(hf_ed25519_sign(one.seed, other.public_key, none, signature), HF_INVALID);
    assert_memory_equal(signature, untouched, sizeof(signature));
}

/* One of order 4, under which the zero signature would be anybody's of anything. */
static void keys_of_low_order_sign_nothing(void **state)
{
    (void)state;
    const uint8_t key[HF_KEY_BYTES] = {0};
    const uint8_t signature[HF_SIGNATURE_BYTES] = {1};
    assert_int_equal(hf_ed25519_verify(key, none, signature), HF_MALFORMED);
}

static enum hf_status multiply(
    const uint8_t scalar[HF_KEY_BYTES], const uint8_t point[HF_KEY_BYTES], uint8_t *product)
{
    struct hf_x25519 pair;
    hf_x25519_init(&pair, scalar);
    enum hf_status status = hf_x25519_shared(&pair, point, product);
    hf_x25519_fini(&pair);
    return status;
}

/* RFC 7748, section 5.2 (the first with bits set that a point has no use for) and 6.1. */
static void shared_secrets_are_those_of_rfc_7748(void **state)
{
    (void)state;
    static const struct {
        const char *scalar, *point, *product;
    } cases[] = {
        {"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
        {"4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"},
        {"77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
            "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"},
        {"5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
            "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"},
    };
    for (size_t index = 0; index < LENGTH(cases); index++) {
        uint8_t scalar[HF_KEY_BYTES];
        uint8_t point[HF_KEY_BYTES];
        uint8_t product[HF_KEY_BYTES];
        hex_read(cases[index].scalar, scalar);
        hex_read(cases[index].point, point);
        assert_int_equal(multiply(scalar, point, product), HF_OK);
        hex_assert(product, sizeof(product), cases[index].product);
    }
}

static void public_keys_are_those_of_rfc_7748(void **state)
{
    (void)state;
    uint8_t private_key[HF_KEY_BYTES];
    struct hf_x25519 pair;
    hex_read("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a", private_key);
    hf_x25519_init(&pair, private_key);
    hex_assert(pair.public_key, sizeof(pair.public_key),
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    hf_x25519_fini(&pair);
}

/* RFC 7748, section 5.2: the scalar of each turn is the next one's point. */
static void a_thousand_multiplications_end_where_rfc_7748_says(void **state)
{
    (void)state;
    uint8_t scalar[HF_KEY_BYTES] = {9};
    uint8_t point[HF_KEY_BYTES] = {9};
    for (size_t turn = 1; turn <= (test_is_slow() ? 1 : 1000); turn++) {
        uint8_t product[HF_KEY_BYTES];
        assert_int_equal(multiply(scalar, point, product), HF_OK);
        memcpy(point, scalar, sizeof(point));
        memcpy(scalar, product, sizeof(scalar));
        if (turn == 1)
            hex_assert(scalar, sizeof(scalar),
                "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
        if (turn == 1000)
            hex_assert(scalar, sizeof(scalar),
                "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
    }
}

/* All points whose order divides the cofactor, in every form that 32 bytes allow: 0, 1, the two of
 * order 8, p - 1, p and p + 1, each with and without the highest bit, which does not count. */
static void points_of_low_order_give_no_secret(void **state)
{
    (void)state;
    static const char *const points[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    const uint8_t scalar[HF_KEY_BYTES] = {1, 2, 3};
    for (size_t index = 0; index < 2 * LENGTH(points); index++) {
        uint8_t point[HF_KEY_BYTES];
        uint8_t product[HF_KEY_BYTES];
        hex_read(points[index / 2], point);
        point[HF_KEY_BYTES - 1] |= (uint8_t)(index % 2 * 0x80);
        assert_int_equal(multiply(scalar, point, product), HF_MALFORMED);
    }
}

static void a_pair_that_is_given_back_is_erased(void **state)
{
    (void)state;
    const uint8_t private_key[HF_KEY_BYTES] = {1, 2, 3};
    const struct hf_x25519 zeroes = {{0}, {0}};
    struct hf_x25519 pair;
    hf_x25519_init(&pair, private_key);
    hf_x25519_fini(&pair);
    assert_memory_equal(&pair, &zeroes, sizeof(pair));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_those_of_rfc_8032),
        cmocka_unit_test(a_signature_with_any_bit_changed_is_malformed),
        cmocka_unit_test(a_signature_has_one_form_only),
        cmocka_unit_test(nothing_is_signed_under_the_public_key_of_another),
        cmocka_unit_test(keys_of_low_order_sign_nothing),
        cmocka_unit_test(shared_secrets_are_those_of_rfc_7748),
        cmocka_unit_test(public_keys_are_those_of_rfc_7748),
        cmocka_unit_test(a_thousand_multiplications_end_where_rfc_7748_says),
        cmocka_unit_test(points_of_low_order_give_no_secret),
        cmocka_unit_test(a_pair_that_is_given_back_is_erased),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
