/* SPDX-License-Identifier: MIT */
/* Waiting for a quota in two ways: asleep, and in an event loop that is told when. */
#include <stdio.h>

#include <holdfast/holdfast.h>

static struct hf_manual_clock manual; /* So that this ends at once; leave options.clock out. */

static void tell(const char *what, enum hf_status status)
{
    printf("%4d ms  %s: %s\n", (int)(manual.now_ns / HF_MS(1)), what, hf_status_str(status));
}

int main(void)
{
    struct hf_limiter *limiter;
    struct hf_limiter_options options = {.quota = hf_quota_with_burst(hf_quota_per_second(10), 1),
        .clock = hf_manual_clock(&manual)};
    struct hf_bytes peer = hf_bytes("peer", 4);
    if (hf_limiter_new(&limiter, &options, NULL) != HF_OK)
        return 1;

    struct hf_limiter_wait patience = {.wait_max_ns = HF_MS(500)};
    for (int call = 0; call < 3; call++)
        tell("sent", hf_limiter_wait(limiter, peer, 1, &patience, NULL));

    uint64_t wait_ns = 0;
    for (int message = 0; message < 4; message++) {
        enum hf_status status =
            hf_limiter_reserve(limiter, peer, 1, NULL, HF_MS(300), &wait_ns, NULL);
        if (status == HF_OK)
            printf("message %d: set a timer of %d ms\n", message, (int)(wait_ns / HF_MS(1)));
        else
            tell("too long a queue", status);
    }
    hf_limiter_free(limiter);
}
