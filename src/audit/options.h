/* SPDX-License-Identifier: MIT */
#ifndef HF_AUDIT_OPTIONS_H
#define HF_AUDIT_OPTIONS_H

#include <holdfast/audit.h>

/*
 * Copies options with every default filled in, so that no zero and no NULL is left that means one.
 * HF_INVALID (error names field and value): *filled is of no use.
 */
enum hf_status hf_audit_options_fill(const struct hf_audit_options *options,
    struct hf_audit_options *filled, struct hf_error *error);

#endif
