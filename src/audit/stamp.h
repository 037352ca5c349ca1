/* SPDX-License-Identifier: MIT */
#ifndef HF_AUDIT_STAMP_H
#define HF_AUDIT_STAMP_H

/*
 * Times of day as text, in UTC and the proleptic Gregorian calendar (RFC 3339), from and to
 * nanoseconds since 1970. Own arithmetic: gmtime_r may take libc's time zone lock, and strptime
 * obeys the locale.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_STAMP_BYTES 30      /* 2026-11-20T12:00:00.123456789Z, no NUL. */
#define HF_STAMP_FILE_BYTES 18 /* 2026-11-20T120000Z, no NUL: for names, which avoid colons. */

/* Remembers the second it wrote last: most records share it. Zero it before use. */
struct hf_stamp_cache {
    uint64_t second_plus_1;
    char text[HF_STAMP_BYTES];
};

/* Writes HF_STAMP_BYTES. Not thread-safe: one cache a thread. */
void hf_stamp_write(struct hf_stamp_cache *cache, uint64_t time_ns, char *text);

/* Reads HF_STAMP_BYTES; true only if the text is what hf_stamp_write gives for *time_ns. */
bool hf_stamp_read(const char *text, uint64_t *time_ns);

/* The same for file names, to the second. */
void hf_stamp_file_write(uint64_t seconds, char *text);
bool hf_stamp_file_read(const char *text, uint64_t *seconds);

#endif
