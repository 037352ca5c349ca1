/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_ERROR_H
#define HOLDFAST_ERROR_H

#include <holdfast/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A chain of causes, oldest first, for people and logs. Caller-allocated; zero it before use:
 *
 *     struct hf_error error = {0};
 *     if (hf_limiter_new(&limiter, &options, &error) != HF_OK)
 *         fprintf(stderr, "%s\n", hf_error_text(&error));
 *
 * Every constructor takes one (NULL: not wanted) and, on failure, adds one cause that names the
 * field and its value: "quota.count: 0 is too small (at least 1)". Adding past
 * HF_ERROR_CAUSES_MAX drops the second-oldest cause and counts it: the first failure, the one
 * that explains the others, is never lost. Not thread-safe; no allocation, nothing to free.
 */
#define HF_ERROR_CAUSES_MAX 8
#define HF_ERROR_TEXT_BYTES 160

struct hf_cause {
    enum hf_status status;
    int32_t code; /* The caller's or the system's own code (errno, HTTP status), 0 if none. */
    char text[HF_ERROR_TEXT_BYTES]; /* Ends with NUL; cut between characters if it had to be. */
};

struct hf_error {
    uint32_t count;   /* Causes held, 0 to HF_ERROR_CAUSES_MAX. */
    uint32_t dropped; /* Causes that found no room. */
    struct hf_cause causes[HF_ERROR_CAUSES_MAX];
};

/* Empties the chain. NULL: does nothing. O(1). */
HF_API void hf_error_clear(struct hf_error *error);

/*
 * Adds a cause and returns `status`, so that a function can end with `return hf_error_add(...)`.
 * error NULL: adds nothing. The text is kept as UTF-8 without control characters: what is
 * ill-formed or would steer a terminal is written as '?', since the values quoted may come from a
 * peer.
 */
HF_API enum hf_status hf_error_add(struct hf_error *error, enum hf_status status, int32_t code,
    const char *format, ...) HF_PRINTF(4, 5);

/* The text of the newest cause, "" if there is none. Borrowed until the chain changes. */
HF_API const char *hf_error_text(const struct hf_error *error);

/*
 * Writes the whole chain on one line, newest first: "A; caused by B; caused by C", with "; N left
 * out" where causes were dropped. Ends with NUL. Returns the length that the whole text has; more
 * than size_bytes - 1 means it was cut. buffer may be NULL if size_bytes is 0; error NULL: "".
 */
HF_API size_t hf_error_write(const struct hf_error *error, char *buffer, size_t size_bytes);

#ifdef __cplusplus
}
#endif

#endif
