/* SPDX-License-Identifier: MIT */
#ifndef HF_LIMIT_DECISION_H
#define HF_LIMIT_DECISION_H

#include <holdfast/decision.h>

#include "limit/quota.h"

/*
 * Each fills *decision (NULL: not wanted) and returns the status that goes with it. now_ns is the
 * time decided against, tat_ns the theoretical arrival time as it stands afterwards.
 */

enum hf_status hf_decision_admitted(
    struct hf_decision *decision, const struct hf_gcra *gcra, uint64_t now_ns, uint64_t tat_ns);

/* charge_ns: what was asked for and not charged. */
enum hf_status hf_decision_denied(struct hf_decision *decision, const struct hf_gcra *gcra,
    uint64_t now_ns, uint64_t tat_ns, uint64_t charge_ns, enum hf_reason reason);

/* The cost exceeds the burst. */
enum hf_status hf_decision_never(
    struct hf_decision *decision, const struct hf_gcra *gcra, uint64_t now_ns, uint64_t tat_ns);

/* No room for a new key until free_at_ns. */
enum hf_status hf_decision_full(
    struct hf_decision *decision, const struct hf_gcra *gcra, uint64_t now_ns, uint64_t free_at_ns);

/* No room for a new key, admitted all the same. */
enum hf_status hf_decision_uncounted(struct hf_decision *decision, const struct hf_gcra *gcra);

/* argument: the name of the wrong one, static. */
enum hf_status hf_decision_invalid(struct hf_decision *decision, const char *argument);

#endif
