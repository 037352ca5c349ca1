/* SPDX-License-Identifier: MIT */
#include "bench.h"

#ifdef BENCH_JEMALLOC
#include <holdfast/jemalloc.h>

void bench_with_memory(struct bench *bench, void (*run)(struct bench *bench))
{
    struct hf_error error = {0};
    struct hf_jemalloc *memory = NULL;
    if (hf_jemalloc_new(&memory, "bench", &error) != HF_OK)
        fprintf(stderr, "memory from libc: %s\n", hf_error_text(&error));
    bench->allocator = hf_jemalloc_allocator(memory);
    bench->memory_name = memory ? "jemalloc" : "libc";
    run(bench);
    hf_jemalloc_free(memory);
}
#else
void bench_with_memory(struct bench *bench, void (*run)(struct bench *bench))
{
    bench->memory_name = "libc";
    run(bench);
}
#endif
