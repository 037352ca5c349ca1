/* SPDX-License-Identifier: MIT */
/* Sends to a server that takes 300 requests in a second and refuses the rest, and later takes 100:
 * the rate finds out, and follows. Time is a number here, so that the example ends at once. */
#include <stdio.h>

#include <holdfast/holdfast.h>

static uint64_t capacity = 300;
static uint64_t taken; /* In this second. */

static struct hf_outcome call(void)
{
    return taken++ < capacity ? hf_success() : hf_transient_after(503, HF_MS(100));
}

static void send_for_a_second(struct hf_adaptive *adaptive, uint64_t second)
{
    taken = 0;
    for (uint64_t ms = 0; ms < 1000; ms++) {
        uint64_t now_ns = HF_SECONDS(second) + HF_MS(ms);
        if (hf_adaptive_check(adaptive, 1, now_ns, NULL) != HF_OK)
            continue;
        struct hf_outcome outcome = call();
        (void)hf_adaptive_record(adaptive, outcome, HF_MS(5), now_ns + HF_MS(5));
    }
}

int main(void)
{
    struct hf_adaptive_options options = {
        .rate_min = 10, .rate_max = 900, .rate_start = 100, .increase = 20};
    struct hf_adaptive *adaptive;
    struct hf_adaptive_state state;
    if (hf_adaptive_new(&adaptive, &options, NULL) != HF_OK)
        return 1;
    for (uint64_t second = 1; second <= 60; second++) {
        capacity = second <= 30 ? 300 : 100;
        send_for_a_second(adaptive, second);
        if (second % 10 == 0 && hf_adaptive_snapshot(adaptive, &state) == HF_OK)
            printf("after %2d s: capacity %3d, rate %3d\n", (int)second, (int)capacity,
                (int)state.rate);
    }
    hf_adaptive_free(adaptive);
}
