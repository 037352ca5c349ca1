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

static enum hf_status sign(struct hf_error *error)
{
    uint8_t signature[HF_IDENTITY_SIGNATURE_BYTES];
    (void)error;
    return hf_identity_sign(&identity, hf_bytes("x", 1), signature);
}

static void identities_are_made_and_sign_without_memory(void **state)
{
    (void)state;
    enum hf_status (*const calls[])(struct hf_error *) = {generate, decode, from_seed, sign};
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        starved_from(1);
        assert_int_equal(calls[i](NULL), HF_OK);
        assert_int_equal(starved.requests, 0);
        starved_from(0);
    }
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identities_are_made_and_sign_without_memory),
        cmocka_unit_test(a_long_key_has_no_id_when_memory_ends),
    };
    if (!starved_begin())
        return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
