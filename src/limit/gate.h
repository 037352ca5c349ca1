/* SPDX-License-Identifier: MIT */
#ifndef HF_LIMIT_GATE_H
#define HF_LIMIT_GATE_H

#include <holdfast/clock.h>
#include <holdfast/gate.h>

/*
 * Takes back a charge that made the arrival time until_ns, but for the part of it that has passed:
 * others may have charged upon that. clock: what now_ns was read from, and is again; NULL: now_ns.
 */
void hf_gate_undo(struct hf_gate *gate, uint64_t charge_ns, uint64_t until_ns,
    const struct hf_clock *clock, uint64_t now_ns);

#endif
