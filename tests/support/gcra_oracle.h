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

/*
 * The same cell decided by another quota: what it owes stays as it is in time. The oracle is then
 * that quota's.
 */
void gcra_oracle_by(struct gcra_oracle *oracle, const struct hf_quota *quota);

/* What hf_gate_reserve must answer; *wait_ns is written with HF_OK. cost is at least 1. */
enum hf_status gcra_oracle_reserve(struct gcra_oracle *oracle, uint64_t cost, uint64_t wait_max_ns,
    uint64_t now_ns, enum hf_reason reason, uint64_t *wait_ns, struct hf_decision *decision);

/* Gives cells back, never further than to now. */
void gcra_oracle_refund(struct gcra_oracle *oracle, uint64_t cost, uint64_t now_ns);

/* Scales the debt, rounding up, and cuts it to the burst of `to`, which decides from then on. */
void gcra_oracle_requota(struct gcra_oracle *oracle, const struct hf_quota *to, uint64_t now_ns);

/* Cuts the debt to the burst. */
void gcra_oracle_trim(struct gcra_oracle *oracle, uint64_t now_ns);

/* Asserts that all fields agree. */
void assert_decisions_equal(const struct hf_decision *got, const struct hf_decision *expected);

/* A quota that hf_quota_check accepts, from wildly different scales. */
struct hf_quota random_quota(struct hf_splitmix *random);

/* A number whose size, in bits, is uniform up to bits_max. */
uint64_t random_any_size(struct hf_splitmix *random, uint32_t bits_max);

#endif
