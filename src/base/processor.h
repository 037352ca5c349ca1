/* SPDX-License-Identifier: MIT */
#ifndef HF_BASE_PROCESSOR_H
#define HF_BASE_PROCESSOR_H

/*
 * The number of the processor that runs the caller, for whoever spreads a hot word over several
 * cache lines: stripes[hf_processor_index() % STRIPES], touched by atomics, since the thread may
 * migrate right after. Threads that run at the same time then meet only where there are more
 * processors than stripes.
 *
 * Not a thread-local number: thread-local variables of a shared library make it need the dynamic
 * loader by name, or static room that dlopen may not find, and their first use in a thread may
 * allocate. glibc answers from memory that the kernel keeps up to date (rseq), others through the
 * vDSO.
 */

#include <sched.h>
#include <stdint.h>

/* Wait-free. Where the system cannot tell (-1), every caller gets the same large number. */
static inline uint32_t hf_processor_index(void)
{
    return (uint32_t)sched_getcpu();
}

#endif
