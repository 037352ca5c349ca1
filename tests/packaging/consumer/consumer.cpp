// SPDX-License-Identifier: MIT
// The same from C++: every core header parses, and names link as C.
#include <cstdio>
#include <cstring>

#include <holdfast/holdfast.h>

int main()
{
    std::puts(hf_version());
    return std::strcmp(hf_version(), HF_VERSION_TEXT) != 0;
}
