/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_DECISION_H
#define HOLDFAST_DECISION_H

#include <stdbool.h>

#include <holdfast/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Which limit spoke. */
enum hf_reason {
    HF_REASON_NONE = 0, /* Allowed. */
    HF_REASON_KEY,      /* The key's own quota is used up. */
    HF_REASON_GLOBAL,   /* The quota that all keys share is used up. */
    HF_REASON_FLOW,     /* The flow budget is used up. */
    HF_REASON_FULL,     /* The table has no room for a new key. */
    HF_REASON_NEVER,    /* The cost exceeds the burst: waiting does not help. */
    HF_REASON_INVALID,  /* An argument is wrong; `argument` names it. */
};

/* "none", "key", "global", ... ; "unknown" off the list. Static. */
HF_API const char *hf_reason_str(enum hf_reason reason);

/*
 * What a limiter decided, and what the caller may tell its client. Every call that takes a
 * decision fills all of it, whatever it returns (NULL: not wanted, and the same status comes
 * back).
 */
struct hf_decision {
    enum hf_reason reason;
    bool admitted_uncounted; /* Allowed because the table is full and was told to admit. */
    uint8_t part;            /* Several limits asked together (limits.h): the number of the one that
                                all of this is about, counted from 0. Otherwise 0. */
    uint64_t limit;          /* The burst: most cells at once. */
    uint64_t remaining;      /* Cells that could be had at once after this decision. */
    uint64_t retry_after_ns; /* Denied or full: the same request fits after exactly this long, if
                                nobody else asks meanwhile. Never, and flow: UINT64_MAX.
                                Otherwise 0. */
    uint64_t reset_after_ns; /* Until everything is available again. */
    const char *argument;    /* HF_INVALID: the wrong argument's name, static. Otherwise NULL. */
};

#ifdef __cplusplus
}
#endif

#endif
