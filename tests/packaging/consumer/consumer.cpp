// SPDX-License-Identifier: MIT
// The same from C++: every core header parses, and names link as C.
#include <cstdio>
#include <cstring>

#include <holdfast/holdfast.h>

int main()
{
    const struct hf_quota quota = hf_quota_per_second(1);
    struct hf_gate gate;

    if (hf_gate_init(&gate, &quota, nullptr) != HF_OK)
        return 1;
    if (hf_gate_check(&gate, 1, HF_SECONDS(100), nullptr) != HF_OK)
        return 2;
    std::puts(hf_version());
    return std::strcmp(hf_version(), HF_VERSION_TEXT) == 0 ? 0 : 3;
}
