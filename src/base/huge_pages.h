/* SPDX-License-Identifier: MIT */
#ifndef HF_BASE_HUGE_PAGES_H
#define HF_BASE_HUGE_PAGES_H

#include <stddef.h>
#include <stdint.h>

/*
 * Asks the system to back memory with pages of 2 MiB, as far as whole ones lie in it. A processor
 * remembers where some thousand pages are; in memory that is read at random and has more of them,
 * it has to look up the place of each before it can even begin to fetch. The memory is then touched
 * 2 MiB at a time. Advice: the system may be set not to follow it, or have no such pages, or may
 * not know it at all. It stays with the addresses until they are given back to the system.
 */
#define HF_HUGE_PAGE_BYTES (UINT64_C(1) << 21)

void hf_huge_pages_prefer(void *memory, size_t bytes);

#endif
