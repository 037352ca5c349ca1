/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hex.h"
#include "keys.h"
#include "net/key.h"
#include "net/varint.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define BYTES_MAX 2048

static uint8_t bytes[BYTES_MAX];

static enum hf_status read_hex(const char *text, struct hf_key *key)
{
    return hf_key_read(hf_bytes(bytes, hex_read(text, bytes)), key);
}

static enum hf_status read_private_hex(const char *text, struct hf_private_key *key)
{
    return hf_key_read_private(hf_bytes(bytes, hex_read(text, bytes)), key);
}

static void public_keys_of_the_specification_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum hf_key_type type;
        size_t size;
    } known[] = {
        {ED25519_PUBLIC, HF_KEY_ED25519, 32},
        {SECP256K1_PUBLIC, HF_KEY_SECP256K1, 33},
        {ECDSA_PUBLIC, HF_KEY_ECDSA, 91},
    };
    for (size_t i = 0; i < LENGTH(known); i++) {
        struct hf_key key;
        assert_int_equal(read_hex(known[i].text, &key), HF_OK);
        assert_int_equal(key.type, known[i].type);
        assert_int_equal(key.bytes.size, known[i].size);
        assert_ptr_equal(key.bytes.data, bytes + 4);
    }
}

/* The message of an RSA key of so many bytes, whatever is in them. */
static struct hf_bytes rsa_of(size_t size)
{
    size_t at = hex_read("080012", bytes);
    at += hf_varint_write(size, bytes + at);
    memset(bytes + at, 0x30, size);
    return hf_bytes(bytes, at + size);
}

static void keys_of_rsa_are_taken_up_to_the_longest_in_use(void **state)
{
    (void)state;
    struct hf_key key;
    assert_int_equal(hf_key_read(rsa_of(294), &key), HF_OK);
    assert_int_equal(key.type, HF_KEY_RSA);
    assert_int_equal(hf_key_read(rsa_of(HF_KEY_BYTES_MAX), &key), HF_OK);
    assert_int_equal(key.bytes.size, HF_KEY_BYTES_MAX);
    assert_int_equal(hf_key_read(rsa_of(HF_KEY_BYTES_MAX + 1), &key), HF_MALFORMED);
}

static void only_the_canonical_message_is_a_public_key(void **state)
{
    (void)state;
    static const char *const malformed[] = {
        "",
        "03303030",
        "12200801" ED25519_POINT,
        "1220" ED25519_POINT "0801",   /* The other order. */
        "08811220" ED25519_POINT,      /* A type that goes on, */
        "0881001220" ED25519_POINT,    /* is longer than needed, */
        "08041220" ED25519_POINT,      /* is none. */
        "080112a000" ED25519_POINT,    /* A size longer than needed. */
        "08010801" ED25519_POINT,      /* No key. */
        "08011221" ED25519_POINT "00", /* One byte more, */
        "0801121f" ED25519_POINT,      /* or less. */
        ED25519_PUBLIC "00",           /* Something behind it, */
        ED25519_PUBLIC "1a00",         /* a field too. */
        "0801" ED25519_PUBLIC,         /* A type twice. */
        "08001200",
        "08031200",                    /* Nothing in it. */
        "08021220" ED25519_POINT,      /* Too short for the type. */
        "0802122104" ED25519_POINT "", /* No compressed point: of the form 04, */
        "0802122100" ED25519_POINT,    /* 00. */
        "090112"
        "20" ED25519_POINT, /* Other types of fields. */
        "080113"
        "20" ED25519_POINT,
    };
    struct hf_key key = {.bytes.size = 77};
    for (size_t i = 0; i < LENGTH(malformed); i++)
        assert_int_equal(read_hex(malformed[i], &key), HF_MALFORMED);
    assert_int_equal(key.bytes.size, 77);
}

static void no_part_of_a_message_is_one(void **state)
{
    (void)state;
    struct hf_key key;
    struct hf_private_key private_key;
    size_t size = hex_read(ECDSA_PUBLIC, bytes);
    for (size_t part = 0; part < size; part++)
        assert_int_equal(hf_key_read(hf_bytes(bytes, part), &key), HF_MALFORMED);
    size = hex_read(ED25519_PRIVATE_OLD, bytes);
    for (size_t part = 0; part < size; part++)
        assert_int_equal(hf_key_read_private(hf_bytes(bytes, part), &private_key), HF_MALFORMED);
}

static void a_public_key_is_written_as_the_specification_does(void **state)
{
    (void)state;
    uint8_t point[HF_ED25519_KEY_BYTES];
    uint8_t out[HF_ED25519_PUBLIC_BYTES];
    hex_read(ED25519_POINT, point);
    hf_key_write(point, out);
    hex_assert(out, sizeof(out), ED25519_PUBLIC);
}

static void private_keys_are_read_in_both_forms_and_written_in_one(void **state)
{
    (void)state;
    static const char *const forms[] = {ED25519_PRIVATE, ED25519_PRIVATE_OLD};
    for (size_t i = 0; i < LENGTH(forms); i++) {
        struct hf_private_key key;
        uint8_t out[HF_ED25519_PRIVATE_BYTES];
        assert_int_equal(read_private_hex(forms[i], &key), HF_OK);
        hex_assert(key.seed, HF_ED25519_KEY_BYTES, ED25519_SEED);
        hex_assert(key.public_key, HF_ED25519_KEY_BYTES, ED25519_POINT);
        hf_key_write_private(&key, out);
        hex_assert(out, sizeof(out), ED25519_PRIVATE);
    }
}

static void only_canonical_ed25519_is_a_private_key(void **state)
{
    (void)state;
    static const char *const malformed[] = {
        ED25519_PUBLIC,
        ED25519_PRIVATE "00",
        "0801123f" ED25519_SEED ED25519_POINT,
        "08011260" ED25519_SEED ED25519_POINT ED25519_SEED, /* Two public keys. */
        "080112c000" ED25519_SEED ED25519_POINT,
        "08011200",
        "08041240" ED25519_SEED ED25519_POINT,
    };
    struct hf_private_key key = {0};
    for (size_t i = 0; i < LENGTH(malformed); i++)
        assert_int_equal(read_private_hex(malformed[i], &key), HF_MALFORMED);
    assert_int_equal(read_private_hex(SECP256K1_PRIVATE, &key), HF_UNSUPPORTED);
    assert_null(key.seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(public_keys_of_the_specification_are_read),
        cmocka_unit_test(keys_of_rsa_are_taken_up_to_the_longest_in_use),
        cmocka_unit_test(only_the_canonical_message_is_a_public_key),
        cmocka_unit_test(no_part_of_a_message_is_one),
        cmocka_unit_test(a_public_key_is_written_as_the_specification_does),
        cmocka_unit_test(private_keys_are_read_in_both_forms_and_written_in_one),
        cmocka_unit_test(only_canonical_ed25519_is_a_private_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
