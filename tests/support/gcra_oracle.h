/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_SUPPORT_GCRA_ORACLE_H
#define HF_TESTS_SUPPORT_GCRA_ORACLE_H

#include <holdfast/decision.h>
#include <holdfast/quota.h>
#include <holdfast/random.h>

/*
 * The generic cell rate algorithm written down plainly, in 128 bits, with divisions: one cell's
 * state and what must be decided about it.
 */
struct gcra_oracle {
    uint64_t interval_ns;
    uint64_t burst;
    unsigned __int128 tat_ns;
};

/* A full burst. quota is one that hf_quota_check accepts. */
struct gcra_oracle gcra_oracle(const struct hf_quota *quota);

/* What hf_gate_check must answer; *decision too. reason: the one that goes with a denial. */
enum hf_status gcra_oracle_check(struct gcra_oracle *oracle, uint64_t cost, uint64_t now_ns,
    enum hf_reason reason, struct hf_decision *decision);

/* Asserts that all fields agree. */
void assert_decisions_equal(const struct hf_decision *got, const struct hf_decision *expected);

/* A quota that hf_quota_check accepts, from wildly different scales. */
struct hf_quota random_quota(struct hf_splitmix *random);

/* A number whose size, in bits, is uniform up to bits_max. */
uint64_t random_any_size(struct hf_splitmix *random, uint32_t bits_max);

#endif
