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
#include "starved.h"

static struct hf_identity identity;
static uint8_t message[256];
static const struct hf_identity none;

static enum hf_status generate(struct hf_error *error)
{
    return hf_identity_generate(&identity, error);
}

static enum hf_status decode(struct hf_error *error)
{
    size_t size = hex_read(ED25519_PRIVATE, message);
    return hf_identity_decode(&identity, hf_bytes(message, size), error);
}

static enum hf_status from_seed(struct hf_error *error)
{
    size_t size = hex_read(ED25519_SEED, message);
    return hf_identity_from_seed(&identity, hf_bytes(message, size), error);
}

/* OpenSSL keeps some of what it asks for the first time: that is done before. */
static uint64_t calls_that_fail(enum hf_status (*call)(struct hf_error *error))
{
    assert_int_equal(call(NULL), HF_OK);
    int64_t before = starved.live;
    uint64_t failed = 0;
    for (;; failed++) {
        struct hf_error error = {0};
        starved_from(failed + 1);
        enum hf_status status = call(&error);
        starved_from(0);
        assert_int_equal(starved.live, before);
        if (status == HF_OK)
            return failed;
        assert_true(status == HF_NO_MEMORY || status == HF_UNSUPPORTED);
        assert_int_equal(error.count, 1);
        assert_memory_equal(&identity, &none, sizeof(none));
    }
}

static void no_identity_is_made_by_halves_when_memory_ends(void **state)
{
    (void)state;
    assert_in_range(calls_that_fail(generate), 1, 1000);
    assert_in_range(calls_that_fail(decode), 1, 1000);
    assert_in_range(calls_that_fail(from_seed), 1, 1000);
}

static void a_long_key_has_no_id_when_memory_ends(void **state)
{
    (void)state;
    size_t size = hex_read(ECDSA_PUBLIC, message);
    struct hf_peer_id id = {.size = 0};
    struct hf_error error = {0};
    assert_int_equal(hf_peer_id_of_key(hf_bytes(message, size), &id, NULL), HF_OK);
    id.size = 77;
    starved_from(1);
    enum hf_status status = hf_peer_id_of_key(hf_bytes(message, size), &id, &error);
    starved_from(0);
    assert_true(status == HF_NO_MEMORY || status == HF_UNSUPPORTED);
    assert_int_equal(id.size, 77);
    assert_non_null(strstr(hf_error_text(&error), "SHA-256"));
}

static void a_signature_is_whole_or_untouched_when_memory_ends(void **state)
{
    (void)state;
    uint8_t signature[HF_IDENTITY_SIGNATURE_BYTES];
    uint8_t untouched[HF_IDENTITY_SIGNATURE_BYTES];
    memset(untouched, 0xaa, sizeof(untouched));
    assert_int_equal(from_seed(NULL), HF_OK);
    assert_int_equal(hf_identity_sign(&identity, hf_bytes("x", 1), signature), HF_OK);
    enum hf_status status = HF_NO_MEMORY;
    for (uint64_t turn = 1; status != HF_OK; turn++) {
        memset(signature, 0xaa, sizeof(signature));
        starved_from(turn);
        status = hf_identity_sign(&identity, hf_bytes("x", 1), signature);
        starved_from(0);
        assert_true(status == HF_OK || status == HF_NO_MEMORY || status == HF_UNSUPPORTED);
        if (status != HF_OK)
            assert_memory_equal(signature, untouched, sizeof(untouched));
        assert_in_range(turn, 1, 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_identity_is_made_by_halves_when_memory_ends),
        cmocka_unit_test(a_long_key_has_no_id_when_memory_ends),
        cmocka_unit_test(a_signature_is_whole_or_untouched_when_memory_ends),
    };
    if (!starved_begin())
        return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
