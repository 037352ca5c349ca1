/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <holdfast/holdfast.h>

int main(void)
{
    struct hf_limiter_options options = {.quota = hf_quota_per_minute(3)};
    struct hf_limiter *limiter;
    if (hf_limiter_new(&limiter, &options, NULL) != HF_OK)
        return 1;
    for (int call = 1; call <= 5; call++) {
        enum hf_status status = hf_limiter_check(limiter, hf_bytes("alice", 5), 1, NULL);
        printf("call %d: %s\n", call, hf_status_str(status));
    }
    hf_limiter_free(limiter);
}
