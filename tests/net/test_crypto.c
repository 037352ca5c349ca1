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
#include <openssl/evp.h>

#include "hex.h"
#include "net/crypto.h"
#include "scale.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const struct hf_bytes none;

static struct hf_bytes text(const char *characters)
{
    return hf_bytes(characters, strlen(characters));
}

/* The examples that NIST publishes beside FIPS 180-4. */
static void digests_are_those_of_the_standard(void **state)
{
    (void)state;
    static const struct {
        const char *message, *digest;
    } cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    struct hf_hasher hasher;
    assert_int_equal(hf_hasher_init(&hasher), HF_OK);
    for (size_t index = 0; index < LENGTH(cases); index++) {
        uint8_t digest[HF_DIGEST_BYTES];
        struct hf_bytes message = text(cases[index].message);
        assert_int_equal(hf_sha256(message, digest), HF_OK);
        hex_assert(digest, sizeof(digest), cases[index].digest);
        for (size_t split = 0; split <= message.size; split++) {
            struct hf_bytes rest = text(cases[index].message + split);
            assert_int_equal(
                hf_hasher_sha256(&hasher, hf_bytes(message.data, split), rest, digest), HF_OK);
            hex_assert(digest, sizeof(digest), cases[index].digest);
        }
    }
    hf_hasher_fini(&hasher);
}

static void a_digest_may_replace_what_it_is_made_of(void **state)
{
    (void)state;
    uint8_t plain[HF_DIGEST_BYTES] = {1, 2, 3};
    uint8_t digest[HF_DIGEST_BYTES];
    struct hf_hasher hasher;
    assert_int_equal(hf_hasher_init(&hasher), HF_OK);
    assert_int_equal(hf_sha256(hf_bytes(plain, sizeof(plain)), digest), HF_OK);
    assert_int_equal(hf_hasher_sha256(&hasher, hf_bytes(plain, sizeof(plain)), none, plain), HF_OK);
    assert_memory_equal(plain, digest, sizeof(digest));
    hf_hasher_fini(&hasher);
}

/* RFC 4231, test cases 1 to 4. */
static void authentication_codes_are_those_of_rfc_4231(void **state)
{
    (void)state;
    static const struct {
        const char *key, *message, *code;
    } cases[] = {
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "dddddddddddddddddddddddddddddddddddddddddddddddddd"
            "dddddddddddddddddddddddddddddddddddddddddddddddddd",
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
        {"0102030405060708090a0b0c0d0e0f10111213141516171819",
            "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
            "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
    };
    struct hf_hasher hasher;
    assert_int_equal(hf_hasher_init(&hasher), HF_OK);
    for (size_t index = 0; index < LENGTH(cases); index++) {
        uint8_t key[HF_HASH_BLOCK_BYTES];
        uint8_t message[HF_HASH_BLOCK_BYTES];
        uint8_t code[HF_DIGEST_BYTES];
        size_t key_bytes = hex_read(cases[index].key, key);
        size_t size = hex_read(cases[index].message, message);
        for (size_t split = 0; split <= size; split++) {
            assert_int_equal(
                hf_hasher_hmac(&hasher, hf_bytes(key, key_bytes), hf_bytes(message, split),
                    hf_bytes(message + split, size - split), code),
                HF_OK);
            hex_assert(code, sizeof(code), cases[index].code);
        }
    }
    hf_hasher_fini(&hasher);
}

static void a_key_longer_than_a_block_is_invalid(void **state)
{
    (void)state;
    uint8_t key[HF_HASH_BLOCK_BYTES + 1] = {0};
    uint8_t code[HF_DIGEST_BYTES];
    struct hf_hasher hasher;
    assert_int_equal(hf_hasher_init(&hasher), HF_OK);
    assert_int_equal(
        hf_hasher_hmac(&hasher, hf_bytes(key, HF_HASH_BLOCK_BYTES), none, none, code), HF_OK);
    assert_int_equal(
        hf_hasher_hmac(&hasher, hf_bytes(key, sizeof(key)), none, none, code), HF_INVALID);
    hf_hasher_fini(&hasher);
}

/* RFC 5869, test case 3: no salt, which counts as zeroes, no info, 42 bytes. */
static void derived_keys_are_those_of_rfc_5869(void **state)
{
    (void)state;
    uint8_t secret[22];
    memset(secret, 0x0b, sizeof(secret));
    uint8_t first[HF_DIGEST_BYTES] = {0};
    uint8_t second[HF_DIGEST_BYTES];
    struct hf_hasher hasher;
    assert_int_equal(hf_hasher_init(&hasher), HF_OK);
    assert_int_equal(
        hf_hasher_hkdf(&hasher, first, hf_bytes(secret, sizeof(secret)), first, second), HF_OK);
    hex_assert(
        first, sizeof(first), "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
    hex_assert(second, 10, "9d201395faa4b61a96c8");
    hf_hasher_fini(&hasher);
}

static void comparing_looks_at_every_byte(void **state)
{
    (void)state;
    uint8_t one[HF_KEY_BYTES] = {0};
    uint8_t other[HF_KEY_BYTES] = {0};
    assert_true(hf_equal(one, other, sizeof(one)));
    assert_true(hf_equal(one, other, 0));
    for (size_t bit = 0; bit < 8 * sizeof(one); bit++) {
        other[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(hf_equal(one, other, sizeof(one)));
        assert_true(hf_equal(one, other, bit / 8));
        other[bit / 8] = 0;
    }
}

static void what_is_erased_is_zero(void **state)
{
    (void)state;
    uint8_t secret[HF_KEY_BYTES];
    uint8_t zeroes[HF_KEY_BYTES] = {0};
    memset(secret, 0xaa, sizeof(secret));
    hf_erase(secret, sizeof(secret) - 1);
    assert_memory_equal(secret, zeroes, sizeof(secret) - 1);
    assert_int_equal(secret[sizeof(secret) - 1], 0xaa);
}

static void giving_back_what_was_never_made_does_nothing(void **state)
{
    (void)state;
    struct hf_hasher hasher = {0};
    struct hf_aead aead = {0};
    hf_hasher_fini(&hasher);
    hf_aead_fini(&aead);
}

/* A host's own errors are the host's: neither taken away nor added to. */
static void errors_of_the_host_stay_in_its_queue(void **state)
{
    (void)state;
    const uint8_t key[HF_KEY_BYTES] = {1};
    uint8_t bytes[HF_TAG_BYTES] = {0};
    struct hf_aead aead;
    ERR_raise(ERR_LIB_USER, 42);
    unsigned long theirs = ERR_peek_error();
    assert_int_equal(hf_aead_init(&aead, key, HF_AEAD_OPENS), HF_OK);
    assert_int_equal(
        hf_aead_open(&aead, 0, none, hf_bytes(bytes, sizeof(bytes)), bytes), HF_MALFORMED);
    hf_aead_fini(&aead);
    assert_int_equal(ERR_get_error(), theirs);
    assert_int_equal(ERR_get_error(), 0);
}

/* Here one that wants approved algorithms only, and has no provider of such. */
static void what_the_host_allows_holds_here_too(void **state)
{
    (void)state;
    uint8_t key[HF_KEY_BYTES] = {1};
    uint8_t out[HF_DIGEST_BYTES] = {0};
    struct hf_hasher hasher;
    struct hf_aead aead;
    assert_int_equal(EVP_set_default_properties(NULL, "fips=yes"), 1);
    assert_int_equal(hf_sha256(none, out), HF_UNSUPPORTED);
    assert_int_equal(hf_hasher_init(&hasher), HF_UNSUPPORTED);
    assert_int_equal(hf_aead_init(&aead, key, HF_AEAD_SEALS), HF_UNSUPPORTED);
    assert_int_equal(ERR_peek_error(), 0);
    assert_int_equal(EVP_set_default_properties(NULL, ""), 1);
    assert_int_equal(hf_sha256(none, out), HF_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_those_of_the_standard),
        cmocka_unit_test(a_digest_may_replace_what_it_is_made_of),
        cmocka_unit_test(authentication_codes_are_those_of_rfc_4231),
        cmocka_unit_test(a_key_longer_than_a_block_is_invalid),
        cmocka_unit_test(derived_keys_are_those_of_rfc_5869),
        cmocka_unit_test(comparing_looks_at_every_byte),
        cmocka_unit_test(what_is_erased_is_zero),
        cmocka_unit_test(giving_back_what_was_never_made_does_nothing),
        cmocka_unit_test(what_the_host_allows_holds_here_too),
        cmocka_unit_test(errors_of_the_host_stay_in_its_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
