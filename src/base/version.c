/* SPDX-License-Identifier: MIT */
#include <holdfast/version.h>

const char *hf_version(void)
{
    return HF_VERSION_TEXT;
}
