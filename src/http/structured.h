/* SPDX-License-Identifier: MIT */
#ifndef HF_HTTP_STRUCTURED_H
#define HF_HTTP_STRUCTURED_H

#include <stdbool.h>

#include <holdfast/api.h>

/*
 * Structured field values (RFC 9651) read from the left, as far as RateLimit fields have them:
 * lists and dictionaries of items with parameters; an inner list is malformed.
 *
 *     struct hf_sf sf = hf_sf(value);
 *     while (hf_sf_member(&sf, &member))
 *         while (hf_sf_parameter(&sf, &parameter))
 *             ...
 *     if (sf.failed)
 *         ignore all of it
 */
struct hf_sf {
    const unsigned char *at;
    const unsigned char *end;
    bool started;
    bool failed;
};

enum hf_sf_kind {
    HF_SF_INTEGER,
    HF_SF_STRING,
    HF_SF_TOKEN,
    HF_SF_OTHER, /* Decimals, booleans, byte sequences, dates, display strings. */
};

/* A member or a parameter. */
struct hf_sf_item {
    struct hf_bytes key; /* Size 0: a member of a list. */
    enum hf_sf_kind kind;
    int64_t integer;
};

struct hf_sf hf_sf(struct hf_bytes value);

/* Reads the next member up to its parameters, all of which must be read before the one after it.
 * False: at the end, or failed. */
bool hf_sf_member(struct hf_sf *sf, struct hf_sf_item *member);

/* Reads the next parameter of the member read last. False: it has no more, or failed. */
bool hf_sf_parameter(struct hf_sf *sf, struct hf_sf_item *parameter);

#endif
