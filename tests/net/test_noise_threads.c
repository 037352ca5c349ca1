/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/noise.h"
#include "noise_pair.h"
#include "scale.h"

#define THREADS 3
#define HANDSHAKES 40

static struct pair shared; /* For its credentials only. */

static bool start(struct hf_noise *noise, bool initiator, uint8_t number)
{
    uint8_t ephemeral[HF_KEY_BYTES] = {number, (uint8_t)(1 + initiator)};
    const struct side *side = initiator ? &shared.initiator : &shared.responder;
    const struct hf_noise_options options = {initiator, &side->own, NULL};
    return hf_noise_init(noise, &options, ephemeral) == HF_OK;
}

static bool shake_hands(uint8_t number)
{
    struct hf_noise sides[2] = {{.reason = ""}, {.reason = ""}};
    bool good = start(&sides[0], true, number) && start(&sides[1], false, number);
    for (unsigned index = 0; good && index < HF_NOISE_XX_MESSAGES; index++) {
        uint8_t message[HF_NOISE_GREETING_BYTES_MAX];
        struct hf_noise_frame frame;
        size_t size;
        good = hf_noise_handshake(&sides[index % 2], message, &size) == HF_OK &&
               hf_noise_receive(&sides[1 - index % 2], message, size, &frame) == HF_OK;
    }
    good = good && hf_noise_peer(&sides[0]) && hf_noise_peer(&sides[1]);
    hf_noise_fini(&sides[0]);
    hf_noise_fini(&sides[1]);
    return good;
}

static void *shake_many(void *context)
{
    uint64_t *failures = context;
    for (size_t turn = 0; turn < test_scaled(HANDSHAKES); turn++)
        *failures += !shake_hands((uint8_t)turn);
    return NULL;
}

static void threads_share_what_a_process_says_of_itself(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    uint64_t failures[THREADS] = {0};
    pair_make(&shared);
    for (size_t index = 0; index < THREADS; index++)
        assert_int_equal(pthread_create(&threads[index], NULL, shake_many, &failures[index]), 0);
    for (size_t index = 0; index < THREADS; index++) {
        assert_int_equal(pthread_join(threads[index], NULL), 0);
        assert_int_equal(failures[index], 0);
    }
    pair_unmake(&shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_share_what_a_process_says_of_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
