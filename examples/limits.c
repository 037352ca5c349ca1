/* SPDX-License-Identifier: MIT */
/* Two in a burst and three an hour for each user, five an hour for everybody: all or nothing, so
 * one who floods uses up nobody's quota but his own. */
#include <stdio.h>
#include <string.h>

#include <holdfast/holdfast.h>

static struct hf_limiter *limiter_of(struct hf_quota quota)
{
    struct hf_limiter *limiter = NULL;
    struct hf_limiter_options options = {.quota = quota};
    return hf_limiter_new(&limiter, &options, NULL) == HF_OK ? limiter : NULL;
}

int main(void)
{
    struct hf_quota everybodys = hf_quota_per_hour(5);
    struct hf_gate everybody;
    struct hf_manual_clock manual = {.now_ns = 0};
    struct hf_limits limits = {
        .parts = {{.gate = &everybody}, {.limiter = limiter_of(hf_quota_per_hour(3))},
            {.limiter = limiter_of(hf_quota_with_burst(hf_quota_per_second(1), 2))}},
        .clock = hf_manual_clock(&manual),
    };
    if (hf_gate_init(&everybody, &everybodys, NULL) != HF_OK || !limits.parts[1].limiter ||
        !limits.parts[2].limiter)
        return 1;
    const char *calls = "mmm|mmnnn";
    for (const char *call = calls; *call; call++) {
        struct hf_decision decision;
        if (*call == '|')
            hf_manual_clock_advance(&manual, HF_SECONDS(2));
        else if (hf_limits_check(&limits, hf_bytes(call, 1), 1, &decision) == HF_OK)
            printf("%c: admitted\n", *call);
        else
            printf("%c: denied by part %d (%s) for %d s\n", *call, (int)decision.part,
                hf_reason_str(decision.reason), (int)(decision.retry_after_ns / HF_SECONDS(1)));
    }
    hf_limiter_free(limits.parts[1].limiter);
    hf_limiter_free(limits.parts[2].limiter);
}
