/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_JEMALLOC_H
#define HOLDFAST_JEMALLOC_H

#include <holdfast/allocator.h>
#include <holdfast/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Memory from jemalloc, one arena a subsystem, so that metrics can say how many bytes each holds.
 * In libholdfast-jemalloc.
 *
 *     hf_jemalloc_new(&memory, "audit", &error);
 *     hf_audit_open(&audit, &(struct hf_audit_options){
 *         .directory = "log", .allocator = hf_jemalloc_allocator(memory)}, &error);
 *     hf_metrics_gauge_read(metrics, "audit_memory_bytes", "Bytes held.", NULL, 0,
 *         hf_jemalloc_bytes_read, memory, &error);
 *
 * A program that links jemalloc as Debian packages it (and most others do) has its malloc replaced
 * by it, all of it. That is the program's choice to make: no other library of this project links
 * it. jemalloc uses static thread-local storage, so a library that needs it cannot count on dlopen.
 *
 * Sanitizers and valgrind watch libc's memory and see nothing of what happens in these arenas. So a
 * library built for the address or thread sanitizer makes none (HF_UNSUPPORTED), and a program that
 * treats that as libc's turn, as above, is watched whole; under valgrind it is for the program to
 * choose libc's.
 */
struct hf_jemalloc;

/* Arenas at a time in one process; each costs address space and a scan at every reading. */
#define HF_JEMALLOC_ARENAS_MAX 64
#define HF_JEMALLOC_NAME_MAX 64

/*
 * Makes an arena. name: 1 to HF_JEMALLOC_NAME_MAX printable ASCII characters; copied. HF_INVALID;
 * HF_FULL: HF_JEMALLOC_ARENAS_MAX; HF_NO_MEMORY; HF_UNSUPPORTED: built for a
 * sanitizer, or with a jemalloc that keeps no statistics. On failure *memory is NULL, which
 * hf_jemalloc_allocator turns into libc's. Thread-safe.
 */
HF_MUST_USE HF_API enum hf_status hf_jemalloc_new(
    struct hf_jemalloc **memory, const char *name, struct hf_error *error);

/*
 * Gives the arena back with everything in it: what was allocated there and not released becomes
 * invalid. So free what uses it first, or never touch it again. NULL: nothing.
 */
HF_API void hf_jemalloc_free(struct hf_jemalloc *memory);

/*
 * The allocator that takes from the arena, borrowed until hf_jemalloc_free. Its functions are
 * thread-safe; they lock the arena and use no cache of the thread's, so that the bytes are exact:
 * fit for what is allocated at set-up, slow for small pieces that come and go. NULL for NULL:
 * libc's, wherever this library takes an allocator.
 */
HF_API const struct hf_allocator *hf_jemalloc_allocator(const struct hf_jemalloc *memory);

/*
 * Bytes in pieces allocated from the arena and not released, each rounded up to the size jemalloc
 * gives out for it. Not in it: jemalloc's own records, and free memory that it has not yet returned
 * to the system. NULL: 0. Thread-safe; refreshes the statistics of all arenas, which takes
 * microseconds: not for hot paths.
 */
HF_API uint64_t hf_jemalloc_bytes(const struct hf_jemalloc *memory);

/* The same as hf_metrics_gauge_read takes it; memory is a struct hf_jemalloc. */
HF_API int64_t hf_jemalloc_bytes_read(void *memory);

/* The name it was given; "libc" for NULL. Borrowed until hf_jemalloc_free. */
HF_API const char *hf_jemalloc_name(const struct hf_jemalloc *memory);

#ifdef __cplusplus
}
#endif

#endif
