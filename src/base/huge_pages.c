/* SPDX-License-Identifier: MIT */
#include "base/huge_pages.h"

#include <sys/mman.h>

void hf_huge_pages_prefer(void *memory, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    uintptr_t address = (uintptr_t)memory;
    uintptr_t before = (0 - address) % HF_HUGE_PAGE_BYTES;
    if (bytes < before + HF_HUGE_PAGE_BYTES)
        return;
    size_t whole = bytes - before - (address + bytes) % HF_HUGE_PAGE_BYTES;
    (void)madvise((char *)memory + before, whole, MADV_HUGEPAGE);
#else
    (void)memory;
    (void)bytes;
#endif
}
