/* SPDX-License-Identifier: MIT */
/* Limits something, and prints the version it runs with. Ends with 0 if both were as built for. */
#include <stdio.h>
#include <string.h>

#include <holdfast/holdfast.h>
#ifdef ADAPTER
#include ADAPTER
#endif

int main(void)
{
    struct hf_quota quota = hf_quota_per_second(1);
    struct hf_gate gate;
    uint64_t now_ns = HF_SECONDS(100);

    if (hf_gate_init(&gate, &quota, NULL) != HF_OK)
        return 1;
    if (hf_gate_check(&gate, 1, now_ns, NULL) != HF_OK)
        return 2;
    if (hf_gate_check(&gate, 1, now_ns, NULL) != HF_DENIED)
        return 3;
    puts(hf_version());
    return strcmp(hf_version(), HF_VERSION_TEXT) == 0 ? 0 : 4;
}
