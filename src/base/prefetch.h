/* SPDX-License-Identifier: MIT */
#ifndef HF_BASE_PREFETCH_H
#define HF_BASE_PREFETCH_H

/* Starts to fetch a cache line that is going to be read; others that have it keep it. */
static inline void hf_prefetch_to_read(const void *address)
{
    __builtin_prefetch(address);
}

/*
 * Starts to fetch a cache line that is going to be written, and takes it from others. For x86-64 in
 * general compilers make a fetch for reading of this, though every such processor takes the
 * instruction, be it as one that does nothing.
 */
static inline void hf_prefetch_to_write(const void *address)
{
#ifdef __x86_64__
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)address));
#else
    __builtin_prefetch(address, 1);
#endif
}

#endif
