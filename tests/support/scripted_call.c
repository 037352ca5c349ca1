/* SPDX-License-Identifier: MIT */
#include "support/scripted_call.h"

static void keep(struct scripted_call *call, const struct hf_attempt *attempt)
{
    if (call->made >= SCRIPTED_TRIES_MAX)
        return;
    call->told[call->made] = (struct scripted_told){
        .number = attempt->number,
        .timeout_ns = attempt->timeout_ns,
        .at_ns = call->clock ? call->clock->now_ns : 0,
    };
}

struct hf_outcome scripted_call(void *context, const struct hf_attempt *attempt)
{
    struct scripted_call *call = context;
    size_t line = call->made < call->script_count ? call->made : call->script_count - 1;
    keep(call, attempt);
    call->made++;
    if (call->script_count == 0)
        return hf_success();
    hf_manual_clock_advance(call->clock, call->script[line].takes_ns);
    return call->script[line].outcome;
}
