/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hex.h"
#include "net/multihash.h"

#define DIGEST "9dff3b17d74cf4d38a50d8b6383e92d181a10395a5e73a726dcccbd21bf6f0b9"

static enum hf_status read_hex(const char *text, struct hf_multihash *hash, uint8_t *bytes)
{
    size_t size = hex_read(text, bytes);
    return hf_multihash_read(hf_bytes(bytes, size), hash);
}

static void both_kinds_are_read_and_written(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum hf_multihash_code code;
        size_t digest_bytes;
    } known[] = {
        {"1220" DIGEST, HF_MULTIHASH_SHA2_256, 32},
        {"0003010203", HF_MULTIHASH_IDENTITY, 3},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        uint8_t bytes[64];
        uint8_t again[64];
        struct hf_multihash hash;
        assert_int_equal(read_hex(known[i].text, &hash, bytes), HF_OK);
        assert_int_equal(hash.code, known[i].code);
        assert_int_equal(hash.digest.size, known[i].digest_bytes);
        assert_ptr_equal(hash.digest.data, bytes + 2);
        size_t size = hf_multihash_write(&hash, again);
        assert_int_equal(size, HF_MULTIHASH_BYTES_OF(known[i].digest_bytes));
        hex_assert(again, size, known[i].text);
    }
}

static void an_identity_may_be_of_nothing_and_of_much(void **state)
{
    (void)state;
    uint8_t bytes[3 + 300] = {0x00, 0xac, 0x02};
    struct hf_multihash hash;
    assert_int_equal(hf_multihash_read(hf_bytes("\x00\x00", 2), &hash), HF_OK);
    assert_int_equal(hash.digest.size, 0);
    assert_int_equal(hf_multihash_read(hf_bytes(bytes, sizeof(bytes)), &hash), HF_OK);
    assert_int_equal(hash.digest.size, 300);
}

static void no_part_and_no_more_than_the_whole_is_read(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct hf_multihash hash = {.digest.size = 77};
    size_t size = hex_read("1220" DIGEST "00", bytes);
    for (size_t part = 0; part <= size; part++) {
        if (part != size - 1)
            assert_int_equal(hf_multihash_read(hf_bytes(bytes, part), &hash), HF_MALFORMED);
    }
    assert_int_equal(hash.digest.size, 77);
}

static void what_is_not_the_one_form_is_refused(void **state)
{
    (void)state;
    static const char *const malformed[] = {
        "121f9dff3b17d74cf4d38a50d8b6383e92d181a10395a5e73a726dcccbd21bf6f0", /* 31 bytes. */
        "1221" DIGEST "00",                                                   /* 33. */
        "12a000" DIGEST, /* A size longer than needed, */
        "920020" DIGEST, /* a code. */
        "00ffffffffffffffff7f",
        "00ffffffffffffffffff01",
        "80",
    };
    uint8_t bytes[64];
    struct hf_multihash hash;
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++)
        assert_int_equal(read_hex(malformed[i], &hash, bytes), HF_MALFORMED);
    assert_int_equal(read_hex("1114" DIGEST, &hash, bytes), HF_UNSUPPORTED); /* SHA-1. */
    assert_int_equal(read_hex("1340" DIGEST, &hash, bytes), HF_UNSUPPORTED); /* SHA2-512. */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_kinds_are_read_and_written),
        cmocka_unit_test(an_identity_may_be_of_nothing_and_of_much),
        cmocka_unit_test(no_part_and_no_more_than_the_whole_is_read),
        cmocka_unit_test(what_is_not_the_one_form_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
