/* SPDX-License-Identifier: MIT */
#ifndef HF_AUDIT_NAME_H
#define HF_AUDIT_NAME_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Names of rolled files: prefix.2026-11-20T120000Z.000017.log. The time is that of the file's first
 * record; the number gives the order, since clocks are set back.
 */

#define HF_NAME_PREFIX_BYTES_MAX 64
#define HF_NAME_BYTES_MAX                                                                          \
    128 /* With NUL: prefix, time, up to 20 digits, dots and "log" are 109.                        \
         */

struct hf_name {
    uint64_t seconds;
    uint64_t number;
};

/* Writes the name with its NUL. */
void hf_name_write(const char *prefix, struct hf_name name, char text[HF_NAME_BYTES_MAX]);

/* True, and *name, only for a text that hf_name_write gives for that prefix. */
bool hf_name_read(const char *prefix, const char *text, struct hf_name *name);

/* True if prefix is 1 to HF_NAME_PREFIX_BYTES_MAX letters, digits, "_" and "-". */
bool hf_name_prefix_valid(const char *prefix);

#endif
