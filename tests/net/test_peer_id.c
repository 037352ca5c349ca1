/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/peer_id.h>
#include <holdfast/random.h>

#include "hex.h"
#include "keys.h"
#include "net/base58.h"
#include "net/key.h"
#include "scale.h"

#define SEED 20260105
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static struct hf_bytes text_of(const char *text)
{
    return hf_bytes(text, strlen(text));
}

static struct hf_peer_id id_of(const char *text)
{
    struct hf_peer_id id;
    struct hf_error error = {0};
    if (hf_peer_id_parse(text_of(text), &id, &error) != HF_OK)
        fail_msg("%s", hf_error_text(&error));
    return id;
}

static void assert_written(const struct hf_peer_id *id, const char *text)
{
    char written[HF_PEER_ID_TEXT_BYTES];
    assert_int_equal(hf_peer_id_write(id, written, sizeof(written)), strlen(text));
    assert_string_equal(written, text);
}

static void keys_of_the_specification_have_its_ids(void **state)
{
    (void)state;
    static const char *const known[][2] = {
        {ED25519_PUBLIC, ED25519_ID},
        {SECP256K1_PUBLIC, SECP256K1_ID},
        {ECDSA_PUBLIC, ECDSA_ID},
    };
    for (size_t i = 0; i < LENGTH(known); i++) {
        uint8_t message[256];
        struct hf_peer_id id;
        size_t size = hex_read(known[i][0], message);
        assert_int_equal(hf_peer_id_of_key(hf_bytes(message, size), &id, NULL), HF_OK);
        assert_written(&id, known[i][1]);
        struct hf_peer_id parsed = id_of(known[i][1]);
        assert_true(hf_peer_id_equals(&id, &parsed));
        assert_memory_equal(&id, &parsed, sizeof(id)); /* Bytes not used are equal too. */
    }
}

static void ids_of_the_specification_have_its_binary_forms(void **state)
{
    (void)state;
    static const char *const known[][2] = {
        {HASHED_ID, HASHED_MULTIHASH},
        {OTHER_ID, OTHER_MULTIHASH},
        {ED25519_ID, ED25519_MULTIHASH},
        {SECP256K1_ID, SECP256K1_MULTIHASH},
    };
    for (size_t i = 0; i < LENGTH(known); i++) {
        uint8_t bytes[64];
        struct hf_peer_id id = id_of(known[i][0]);
        hex_assert(hf_peer_id_bytes(&id).data, hf_peer_id_bytes(&id).size, known[i][1]);
        struct hf_peer_id decoded;
        size_t size = hex_read(known[i][1], bytes);
        assert_int_equal(hf_peer_id_decode(hf_bytes(bytes, size), &decoded, NULL), HF_OK);
        assert_memory_equal(&id, &decoded, sizeof(id));
    }
}

static void an_id_is_a_cid_too_and_is_printed_in_base58(void **state)
{
    (void)state;
    static const char *const known[][2] = {{HASHED_ID, HASHED_CID}, {ED25519_ID, ED25519_CID}};
    for (size_t i = 0; i < LENGTH(known); i++) {
        char cid[HF_PEER_ID_CID_BYTES];
        struct hf_peer_id id = id_of(known[i][1]);
        assert_written(&id, known[i][0]);
        assert_int_equal(hf_peer_id_write_cid(&id, cid, sizeof(cid)), strlen(known[i][1]));
        assert_string_equal(cid, known[i][1]);
    }
    struct hf_peer_id longest = id_of(SECP256K1_ID);
    char cid[HF_PEER_ID_CID_BYTES];
    assert_int_equal(hf_peer_id_write_cid(&longest, cid, sizeof(cid)), HF_PEER_ID_CID_BYTES - 1);
    longest = id_of(cid);
    assert_written(&longest, SECP256K1_ID);
}

static void what_is_no_id_is_quoted_in_the_error(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"", "empty"},
        {"hello", "begins like none"},
        {"Q", "begins like none"},
        {"qmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", "begins like none"},
        {"1", "not a multihash"},
        {"12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3p0", "not base58btc"},
        {"12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3p", "not a multihash"},
        {"Qm", "neither a SHA2-256"},
        {"QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5", "neither a SHA2-256"},
        {"11", "not the canonical form"}, /* The identity of nothing. */
        {"1W", "not a multihash"},
        {"b", "not a CIDv1"},
        {"bafza", "not a multihash"},
        {"bafzaaj8", "not base32"},
        {"bAFZAAJA", "not base32"},
        {"bafkreie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe", "not a CIDv1 of"},
        {"bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxf", "not base32"},
        {"bafzaa", "not a multihash"},
        {"bafzaaaa", "not the canonical form"},
        {"zdj7WWeQ43G6JJvLWQWZpyHuAMq6uYWRjkBXFad11vE2LHhQ7", "begins like none"},
    };
    for (size_t i = 0; i < LENGTH(wrong); i++) {
        struct hf_peer_id id = {.size = 77};
        struct hf_error error = {0};
        assert_int_equal(hf_peer_id_parse(text_of(wrong[i][0]), &id, &error), HF_MALFORMED);
        assert_int_equal(id.size, 77);
        assert_int_equal(error.count, 1);
        if (!strstr(hf_error_text(&error), wrong[i][1]) ||
            !strstr(hf_error_text(&error), wrong[i][0]))
            fail_msg("%s", hf_error_text(&error));
    }
}

static void a_text_too_long_is_refused_unread_and_quoted_in_part(void **state)
{
    (void)state;
    char text[HF_PEER_ID_TEXT_MAX + 1];
    struct hf_peer_id id;
    struct hf_error error = {0};
    memset(text, '1', sizeof(text));
    assert_int_equal(hf_peer_id_parse(hf_bytes(text, sizeof(text)), &id, &error), HF_MALFORMED);
    assert_non_null(strstr(hf_error_text(&error), "111...\": too long"));
    assert_int_equal(hf_peer_id_parse(hf_bytes(text, sizeof(text) - 1), &id, &error), HF_MALFORMED);
    assert_non_null(strstr(hf_error_text(&error), "not base58btc"));
    memset(text, '!', sizeof(text));
    assert_int_equal(hf_peer_id_parse(hf_bytes(text, 72), &id, &error), HF_MALFORMED);
    assert_non_null(strstr(hf_error_text(&error), "!!!\": begins"));
    assert_int_equal(hf_peer_id_parse(hf_bytes(text, 73), &id, &error), HF_MALFORMED);
    assert_non_null(strstr(hf_error_text(&error), "!!!...\": begins"));
}

/* What base58btc and multihash allow, an id does not. */
static void only_keys_that_fit_are_their_own_hash(void **state)
{
    (void)state;
    static const char *const malformed[] = {
        "0000",
        "000401020304",
        "0025" ED25519_PUBLIC "00",
        "002408021220" ED25519_POINT,
        "0004"
        "08001200",
        "0005"
        "0800120130",
        "0025"
        "0802122104" ED25519_POINT,
        "002a"
        "0800122630303030303030303030303030303030303030303030303030303030303030303030303030"
        "3030",
        "1114" ED25519_POINT,
        "",
    };
    for (size_t i = 0; i < LENGTH(malformed); i++) {
        uint8_t bytes[64];
        size_t size = hex_read(malformed[i], bytes);
        struct hf_peer_id id = {.size = 77};
        struct hf_error error = {0};
        assert_int_equal(hf_peer_id_decode(hf_bytes(bytes, size), &id, &error), HF_MALFORMED);
        assert_int_equal(id.size, 77);
        assert_int_equal(error.count, 1);
    }
}

static void a_key_of_any_size_is_hashed_from_43_bytes_on(void **state)
{
    (void)state;
    uint8_t message[4 + 39] = {0x08, HF_KEY_RSA, 0x12, 38};
    struct hf_peer_id id;
    assert_int_equal(hf_peer_id_of_key(hf_bytes(message, 42), &id, NULL), HF_MALFORMED);
    message[3] = 39;
    assert_int_equal(hf_peer_id_of_key(hf_bytes(message, 43), &id, NULL), HF_OK);
    hex_assert(hf_peer_id_bytes(&id).data, 2, "1220");
}

static void a_key_that_is_none_has_no_id(void **state)
{
    (void)state;
    static const char *const malformed[] = {"", ED25519_MULTIHASH, ED25519_PUBLIC "00",
        "08011220" ED25519_POINT "1a00", "08001200", "0800120130", "08031203303030"};
    for (size_t i = 0; i < LENGTH(malformed); i++) {
        uint8_t bytes[64];
        size_t size = hex_read(malformed[i], bytes);
        struct hf_peer_id id = {.size = 77};
        struct hf_error error = {0};
        assert_int_equal(hf_peer_id_of_key(hf_bytes(bytes, size), &id, &error), HF_MALFORMED);
        assert_int_equal(id.size, 77);
        assert_non_null(strstr(hf_error_text(&error), "key_message of "));
    }
}

static void no_part_of_a_binary_form_is_one(void **state)
{
    (void)state;
    static const char *const known[] = {HASHED_MULTIHASH, ED25519_MULTIHASH, SECP256K1_MULTIHASH};
    for (size_t i = 0; i < LENGTH(known); i++) {
        uint8_t bytes[64];
        struct hf_peer_id id;
        size_t size = hex_read(known[i], bytes);
        for (size_t part = 0; part < size; part++)
            assert_int_equal(hf_peer_id_decode(hf_bytes(bytes, part), &id, NULL), HF_MALFORMED);
        bytes[size] = 0;
        assert_int_equal(hf_peer_id_decode(hf_bytes(bytes, size + 1), &id, NULL), HF_MALFORMED);
    }
}

/* What is still an id says so in every form, and is another one. */
static void assert_other_if_any(struct hf_bytes bytes, const struct hf_peer_id *original)
{
    struct hf_peer_id id;
    char text[HF_PEER_ID_TEXT_BYTES];
    char cid[HF_PEER_ID_CID_BYTES];
    if (hf_peer_id_decode(bytes, &id, NULL) != HF_OK)
        return;
    assert_false(hf_peer_id_equals(&id, original));
    assert_memory_equal(hf_peer_id_bytes(&id).data, bytes.data, bytes.size);
    hf_peer_id_write(&id, text, sizeof(text));
    hf_peer_id_write_cid(&id, cid, sizeof(cid));
    struct hf_peer_id again = id_of(text);
    assert_true(hf_peer_id_equals(&id, &again));
    again = id_of(cid);
    assert_true(hf_peer_id_equals(&id, &again));
}

static void a_changed_byte_makes_another_id_or_none(void **state)
{
    (void)state;
    static const char *const known[] = {HASHED_MULTIHASH, ED25519_MULTIHASH, SECP256K1_MULTIHASH};
    for (size_t i = 0; i < LENGTH(known); i++) {
        uint8_t bytes[64];
        size_t size = hex_read(known[i], bytes);
        struct hf_peer_id original;
        assert_int_equal(hf_peer_id_decode(hf_bytes(bytes, size), &original, NULL), HF_OK);
        for (size_t change = 0; change < size * 255; change++) {
            uint8_t mask = (uint8_t)(1 + change / size);
            bytes[change % size] ^= mask;
            assert_other_if_any(hf_bytes(bytes, size), &original);
            bytes[change % size] ^= mask;
        }
    }
}

static void a_changed_character_makes_another_id_or_none(void **state)
{
    (void)state;
    static const char *const known[] = {ED25519_ID, SECP256K1_ID, HASHED_ID, ED25519_CID};
    for (size_t i = 0; i < LENGTH(known); i++) {
        struct hf_peer_id original = id_of(known[i]);
        char text[HF_PEER_ID_TEXT_MAX];
        size_t size = strlen(known[i]);
        for (size_t change = 0; change < size * 255; change++) {
            struct hf_peer_id id;
            memcpy(text, known[i], size);
            text[change % size] ^= (char)(1 + change / size);
            if (hf_peer_id_parse(hf_bytes(text, size), &id, NULL) == HF_OK)
                assert_other_if_any(hf_peer_id_bytes(&id), &original);
        }
    }
}

static void any_key_survives_in_every_form(void **state)
{
    (void)state;
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, SEED);
    for (size_t round = 0; round < test_scaled(5000); round++) {
        uint8_t point[HF_ED25519_KEY_BYTES];
        uint8_t message[HF_ED25519_PUBLIC_BYTES];
        for (size_t i = 0; i < sizeof(point); i++)
            point[i] = (uint8_t)hf_splitmix_next(&splitmix);
        hf_key_write(point, message);
        struct hf_peer_id id;
        assert_int_equal(hf_peer_id_of_key(hf_bytes(message, sizeof(message)), &id, NULL), HF_OK);
        assert_other_if_any(hf_peer_id_bytes(&id), NULL);
        char text[HF_PEER_ID_TEXT_BYTES];
        assert_int_equal(hf_peer_id_write(&id, text, sizeof(text)), 52);
        assert_memory_equal(text, "12D3KooW", 8);
    }
}

static void no_peer_is_written_as_nothing_and_equals_none(void **state)
{
    (void)state;
    const struct hf_peer_id none = {.size = 0};
    const struct hf_peer_id overlong = {.size = HF_PEER_ID_BYTES_MAX + 1};
    struct hf_peer_id some = id_of(HASHED_ID);
    char text[HF_PEER_ID_CID_BYTES] = "x";
    assert_written(&none, "");
    assert_written(NULL, "");
    assert_written(&overlong, "");
    assert_int_equal(hf_peer_id_write_cid(&none, text, sizeof(text)), 0);
    assert_string_equal(text, "");
    assert_int_equal(hf_peer_id_bytes(NULL).size, 0);
    assert_false(hf_peer_id_equals(&none, &none));
    assert_false(hf_peer_id_equals(&some, &none));
    assert_false(hf_peer_id_equals(NULL, &some));
    assert_false(hf_peer_id_equals(&some, NULL));
}

static void writing_cuts_to_the_buffer_and_tells_the_length(void **state)
{
    (void)state;
    struct hf_peer_id id = id_of(HASHED_ID);
    char text[8];
    assert_int_equal(hf_peer_id_write(&id, text, sizeof(text)), strlen(HASHED_ID));
    assert_string_equal(text, "QmYyQSo");
    assert_int_equal(hf_peer_id_write_cid(&id, text, sizeof(text)), strlen(HASHED_CID));
    assert_string_equal(text, "bafzbei");
    assert_int_equal(hf_peer_id_write(&id, NULL, 0), strlen(HASHED_ID));
}

static void null_is_invalid(void **state)
{
    (void)state;
    struct hf_peer_id id;
    struct hf_error error = {0};
    assert_int_equal(hf_peer_id_parse(text_of(HASHED_ID), NULL, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "id: NULL");
    assert_int_equal(hf_peer_id_parse(hf_bytes(NULL, 1), &id, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "text: NULL");
    assert_int_equal(hf_peer_id_decode(hf_bytes("", 0), NULL, &error), HF_INVALID);
    assert_int_equal(hf_peer_id_decode(hf_bytes(NULL, 1), &id, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "multihash: NULL");
    assert_int_equal(hf_peer_id_of_key(hf_bytes("", 0), NULL, &error), HF_INVALID);
    assert_int_equal(hf_peer_id_of_key(hf_bytes(NULL, 1), &id, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "key_message: NULL");
    assert_int_equal(hf_peer_id_parse(hf_bytes(NULL, 0), &id, NULL), HF_MALFORMED);
    assert_int_equal(hf_peer_id_decode(hf_bytes(NULL, 0), &id, NULL), HF_MALFORMED);
    assert_int_equal(hf_peer_id_of_key(hf_bytes(NULL, 0), &id, NULL), HF_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_the_specification_have_its_ids),
        cmocka_unit_test(ids_of_the_specification_have_its_binary_forms),
        cmocka_unit_test(an_id_is_a_cid_too_and_is_printed_in_base58),
        cmocka_unit_test(what_is_no_id_is_quoted_in_the_error),
        cmocka_unit_test(a_text_too_long_is_refused_unread_and_quoted_in_part),
        cmocka_unit_test(only_keys_that_fit_are_their_own_hash),
        cmocka_unit_test(a_key_of_any_size_is_hashed_from_43_bytes_on),
        cmocka_unit_test(a_key_that_is_none_has_no_id),
        cmocka_unit_test(no_part_of_a_binary_form_is_one),
        cmocka_unit_test(a_changed_byte_makes_another_id_or_none),
        cmocka_unit_test(a_changed_character_makes_another_id_or_none),
        cmocka_unit_test(any_key_survives_in_every_form),
        cmocka_unit_test(no_peer_is_written_as_nothing_and_equals_none),
        cmocka_unit_test(writing_cuts_to_the_buffer_and_tells_the_length),
        cmocka_unit_test(null_is_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
