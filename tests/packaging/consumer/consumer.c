/* SPDX-License-Identifier: MIT */
/* Prints the version that it runs with; ends with 0 only if that is the one it was built for. */
#include <stdio.h>
#include <string.h>

#include <holdfast/holdfast.h>
#ifdef ADAPTER
#include ADAPTER
#endif

int main(void)
{
    puts(hf_version());
    return strcmp(hf_version(), HF_VERSION_TEXT) != 0;
}
