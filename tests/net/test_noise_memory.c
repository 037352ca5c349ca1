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

#include "net/noise.h"
#include "noise_pair.h"
#include "scale.h"
#include "starved.h"

static struct pair pair;

/* What side_start asserts must be allowed to fail here. */
static bool start(struct side *side, bool initiator)
{
    uint8_t ephemeral[HF_KEY_BYTES] = {(uint8_t)(1 + initiator)};
    const struct hf_noise_options options = {initiator, &side->own, NULL};
    side->inbox_bytes = side->out_bytes = side->events_bytes = 0;
    side->status = hf_noise_init(&side->noise, &options, ephemeral);
    if (side->status == HF_OK)
        side_write(side);
    return side->status == HF_OK;
}

static bool shake_hands(void)
{
    return start(&pair.initiator, true) && start(&pair.responder, false) &&
           pair_carry(&pair.initiator, &pair.responder, SIZE_MAX) == HF_OK &&
           pair_carry(&pair.responder, &pair.initiator, SIZE_MAX) == HF_OK &&
           pair_carry(&pair.initiator, &pair.responder, SIZE_MAX) == HF_OK;
}

static void end(void)
{
    hf_noise_fini(&pair.initiator.noise);
    hf_noise_fini(&pair.responder.noise);
}

/* OpenSSL 3.0 itself loses pieces then, which those who look for such would report. */
static void a_handshake_survives_the_end_of_memory_wherever_it_comes(void **state)
{
    (void)state;
    if (test_is_instrumented())
        skip();
    bool done = false;
    for (uint64_t n = 1; !done; n++) {
        starved_from(n);
        done = shake_hands();
        starved_from(0);
        bool both = hf_noise_peer(&pair.initiator.noise) && hf_noise_peer(&pair.responder.noise);
        assert_int_equal(both, done);
        assert_int_equal(ERR_peek_error(), 0);
        end();
        assert_in_range(n, 1, 100000);
    }
    assert_true(shake_hands());
    end();
}

static void what_a_process_says_of_itself_is_made_whole_or_not_at_all(void **state)
{
    (void)state;
    const uint8_t static_private[HF_KEY_BYTES] = {9};
    const struct hf_noise_credentials_options options = {
        &pair.initiator.identity, static_private, NULL, 0};
    enum hf_status status = HF_NO_MEMORY;
    for (uint64_t n = 1; status != HF_OK; n++) {
        static const struct hf_noise_credentials zero;
        struct hf_noise_credentials own;
        int64_t before = starved.live;
        starved_from(n);
        status = hf_noise_credentials_init(&own, &options);
        starved_from(0);
        if (status != HF_OK)
            assert_memory_equal(&own, &zero, sizeof(zero));
        hf_noise_credentials_fini(&own);
        assert_int_equal(starved.live, before);
    }
}

static void an_established_channel_asks_for_no_memory(void **state)
{
    (void)state;
    uint8_t frame[64];
    assert_true(shake_hands());
    starved_from(1);
    for (size_t turn = 0; turn < 100; turn++) {
        size_t size = side_seal(&pair.initiator, "text", frame);
        struct hf_noise_frame got;
        assert_int_equal(hf_noise_receive(&pair.responder.noise, frame, size, &got), HF_OK);
    }
    assert_int_equal(starved.requests, 0);
    starved_from(0);
    end();
}

/* Also warms up, since OpenSSL keeps some of what it asks for the first time. */
static int make(void **state)
{
    (void)state;
    pair_make(&pair);
    pair_establish(&pair);
    end();
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    pair_unmake(&pair);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handshake_survives_the_end_of_memory_wherever_it_comes),
        cmocka_unit_test(what_a_process_says_of_itself_is_made_whole_or_not_at_all),
        cmocka_unit_test(an_established_channel_asks_for_no_memory),
    };
    if (!starved_begin())
        return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, make, unmake);
}
