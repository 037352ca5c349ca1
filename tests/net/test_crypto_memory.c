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

#include "net/crypto.h"
#include "starved.h"

static const uint8_t seed[HF_KEY_BYTES] = {1, 2, 3};
static const struct hf_bytes none;
static struct hf_hasher hasher;
static struct hf_aead seals;
static struct hf_aead opens;

static enum hf_status hash(void)
{
    uint8_t digest[HF_DIGEST_BYTES];
    return hf_sha256(none, digest);
}

static enum hf_status derive(void)
{
    uint8_t key[HF_DIGEST_BYTES] = {0};
    return hf_hasher_hkdf(&hasher, key, none, key, key);
}

static enum hf_status make_hasher(void)
{
    struct hf_hasher made;
    enum hf_status status = hf_hasher_init(&made);
    hf_hasher_fini(&made);
    return status;
}

static enum hf_status make_aead(void)
{
    struct hf_aead made;
    enum hf_status status = hf_aead_init(&made, seed, HF_AEAD_SEALS);
    hf_aead_fini(&made);
    return status;
}

static bool is_honest(enum hf_status status)
{
    return status == HF_NO_MEMORY || status == HF_UNSUPPORTED;
}

/* Twice each, as OpenSSL keeps some of what it asks for the first time. */
static void fail_everywhere(enum hf_status (*call)(void))
{
    enum hf_status status = HF_NO_MEMORY;
    for (uint64_t turn = 2; status != HF_OK; turn++) {
        int64_t before = starved.live;
        starved_from(turn / 2);
        status = call();
        starved_from(0);
        assert_true(status == HF_OK || is_honest(status));
        assert_true(turn % 2 == 0 || starved.live == before);
        assert_int_equal(ERR_peek_error(), 0);
        assert_in_range(turn, 2, 1000);
    }
    assert_int_equal(call(), HF_OK);
}

static void every_call_survives_the_end_of_memory_wherever_it_comes(void **state)
{
    (void)state;
    enum hf_status (*const calls[])(void) = {hash, derive, make_hasher, make_aead};
    for (size_t index = 0; index < sizeof(calls) / sizeof(calls[0]); index++)
        fail_everywhere(calls[index]);
}

static void sealing_and_opening_ask_for_no_memory(void **state)
{
    (void)state;
    uint8_t bytes[1024 + HF_TAG_BYTES] = {0};
    starved_from(0);
    for (uint64_t number = 0; number < 8; number++) {
        struct hf_bytes sealed = hf_bytes(bytes, sizeof(bytes));
        struct hf_bytes plain = hf_bytes(bytes, 1024);
        assert_int_equal(hf_aead_seal(&seals, number, none, &plain, 1, bytes), HF_OK);
        assert_int_equal(hf_aead_open(&opens, number, none, sealed, bytes), HF_OK);
        assert_int_equal(hf_aead_open(&opens, number, none, sealed, bytes), HF_MALFORMED);
    }
    assert_int_equal(starved.requests, 0);
}

/* Each kind once: what OpenSSL does not find at its very first try, for want of memory even, it
 * holds for missing ever after. */
static int warm_up(void **state)
{
    (void)state;
    bool made = hf_hasher_init(&hasher) == HF_OK &&
                hf_aead_init(&seals, seed, HF_AEAD_SEALS) == HF_OK &&
                hf_aead_init(&opens, seed, HF_AEAD_OPENS) == HF_OK;
    return made && hash() == HF_OK ? 0 : -1;
}

static int cool_down(void **state)
{
    (void)state;
    hf_hasher_fini(&hasher);
    hf_aead_fini(&seals);
    hf_aead_fini(&opens);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_survives_the_end_of_memory_wherever_it_comes),
        cmocka_unit_test(sealing_and_opening_ask_for_no_memory),
    };
    if (!starved_begin())
        return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, warm_up, cool_down);
}
