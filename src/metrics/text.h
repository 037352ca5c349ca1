/* SPDX-License-Identifier: MIT */
#ifndef HF_METRICS_TEXT_H
#define HF_METRICS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Text put piece by piece into a buffer that may be too small: what does not fit is only counted,
 * so that the same code first measures (buffer NULL, size 0) and then writes.
 */
struct hf_text {
    char *buffer;
    size_t size_bytes;
    size_t length; /* Of the whole text, whether it fitted or not. */
};

void hf_text_put_bytes(struct hf_text *text, const char *bytes, size_t size);
void hf_text_put(struct hf_text *text, const char *string);

/* Escapes backslash and newline as help texts need it; quotes: and '"', as label values do. */
void hf_text_put_escaped(struct hf_text *text, const char *string, bool quotes);

void hf_text_put_unsigned(struct hf_text *text, uint64_t number);
void hf_text_put_integer(struct hf_text *text, int64_t number);

/* Nanoseconds as seconds, exactly and as short as can be: "0.00025", "10". */
void hf_text_put_seconds(struct hf_text *text, uint64_t duration_ns);

/* Ends what fitted with NUL. */
void hf_text_end(struct hf_text *text);

#endif
