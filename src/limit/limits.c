/* SPDX-License-Identifier: MIT */
#include "limit/limits.h"

#include <assert.h>

#include "base/minmax.h"
#include "limit/attachment.h"
#include "limit/decision.h"
#include "limit/gate.h"

/*
 * Charging several cells, all or none, without a lock around them.
 *
 * All parts are peeked at first, so a request that is denied touches nothing: a flood of one denied
 * key takes nothing from a gate that it shares with others, not even for a moment. Only a request
 * that loses a race between its own peek and its own charge has something to give back.
 *
 * Of the requests that compete for last cells, one is admitted. All charge in one order of cells.
 * Suppose that none of some requests is admitted, though there were cells for any one of them.
 * Take the one that got furthest in that order before it was denied. What denied it there, at a
 * peek or at a charge, was a charge of another of them, which at that time had got as far, and was
 * then denied further on: but this one got furthest.
 *
 * What is given back is what others would have found without the charge, or less. A charge takes
 * the time from its base to its end; whoever charged after it, at a time past the base, would have
 * charged upon that time instead, so what has passed since the base is kept.
 */

static bool is_part(const struct hf_limits_part *part)
{
    return part->gate || part->limiter;
}

/* Whose cell a part is, as one number: for all who share it the same, in other processes too. */
static uint64_t owner_of(const struct hf_limits_answer *answer)
{
    if (answer->gate)
        return (uintptr_t)answer->gate;
    const struct hf_attachment *attachment = answer->limiter->attachment;
    return attachment ? hf_attachment_identity(attachment) : (uintptr_t)answer->limiter;
}

static uint64_t home_of(const struct hf_limits_answer *answer)
{
    return answer->gate ? 0 : (uint64_t)(answer->subject.key.home - answer->limiter->table.lines);
}

/* Parts are charged in this order. */
static bool goes_before(const struct hf_limits_answer *a, const struct hf_limits_answer *b)
{
    if (owner_of(a) != owner_of(b))
        return owner_of(a) < owner_of(b);
    if (home_of(a) != home_of(b))
        return home_of(a) < home_of(b);
    return a->subject.key.fingerprint < b->subject.key.fingerprint;
}

/* Puts the newest answer into its place in the order of charging. */
static void insert_in_order(struct hf_limits_request *request)
{
    uint32_t newest = request->count - 1;
    uint32_t place = newest;
    for (; place > 0; place--) {
        uint8_t other = request->order[place - 1];
#ifdef HF_MUTANT_LIMITS_ANY_ORDER
        break;
#endif
        if (!goes_before(&request->answers[newest], &request->answers[other]))
            break;
        request->order[place] = other;
    }
    request->order[place] = (uint8_t)newest;
}

/* The name of what is wrong about a part, NULL if nothing is. Finds the key, without the time. */
static const char *prepare_part(struct hf_limits_answer *answer, const struct hf_limits_part *part,
    struct hf_bytes key, uint64_t cost)
{
    if (part->gate && part->limiter)
        return "limits.parts";
    answer->gate = part->gate;
    answer->limiter = part->limiter;
    answer->cost = part->cost ? part->cost : cost;
    if (part->limiter)
        return hf_limiter_subject(&answer->subject, part->limiter, part->key.size ? part->key : key,
            part->quota, NULL, 0);
    if (!hf_gcra_is_usable(part->quota))
        return "quota";
    answer->subject =
        (struct hf_limiter_subject){.gcra = part->quota ? part->quota : &part->gate->gcra};
    return NULL;
}

/* The request as a whole is wrong. */
static enum hf_status invalid(struct hf_limits_request *request, uint32_t part, const char *wrong)
{
    request->told = part;
    struct hf_limits_answer *answer = &request->answers[part];
    answer->status = hf_decision_invalid(&answer->decision, wrong);
    answer->decision.part = (uint8_t)part;
    return answer->status;
}

/* False: it is too late for a part. */
static bool prepare_time(
    struct hf_limits_answer *answer, const struct hf_clock *clock, uint64_t now_ns)
{
    struct hf_limiter_subject *subject = &answer->subject;
    subject->clock = answer->limiter ? hf_limiter_clock_like(answer->limiter, clock) : clock;
    subject->now_ns = answer->limiter ? hf_limiter_table_ns(answer->limiter, now_ns) : now_ns;
    return subject->now_ns <= HF_TIME_MAX_NS;
}

/* Reads the clock last, while the keys' lines come from memory. */
static enum hf_status prepare(struct hf_limits_request *request, const struct hf_limits *limits,
    struct hf_bytes key, uint64_t cost, const struct hf_clock *clock, uint64_t now_ns)
{
    request->count = 0;
    if (!limits)
        return invalid(request, 0, "limits");
    while (request->count < HF_LIMITS_PARTS_MAX && is_part(&limits->parts[request->count])) {
        uint32_t part = request->count++;
        const char *wrong =
            prepare_part(&request->answers[part], &limits->parts[part], key, cost ? cost : 1);
        if (wrong)
            return invalid(request, part, wrong);
        insert_in_order(request);
    }
    if (request->count == 0)
        return invalid(request, 0, "limits.parts");
    if (clock)
        now_ns = hf_clock_now_ns(clock);
    if (now_ns > HF_TIME_MAX_NS)
        return invalid(request, 0, clock ? "clock" : "now_ns");
    for (uint32_t part = 0; part < request->count; part++) {
        if (!prepare_time(&request->answers[part], clock, now_ns))
            return invalid(request, part, clock ? "clock" : "now_ns");
    }
    return HF_OK;
}

static void look(struct hf_limits_answer *answer)
{
    const struct hf_limiter_subject *subject = &answer->subject;
    hf_step(HF_STEP_LIMITS_LOOKING);
    if (answer->limiter)
        answer->status = hf_limiter_look(answer->limiter, subject, answer->cost, &answer->decision);
    else
        answer->status = hf_gate_peek(
            answer->gate, answer->cost, subject->gcra, subject->now_ns, &answer->decision);
}

static uint64_t charge_ns(const struct hf_limits_answer *answer)
{
    return answer->cost * answer->subject.gcra->interval_ns;
}

static void charge_key(struct hf_limits_answer *answer)
{
    const struct hf_limiter_subject *subject = &answer->subject;
    struct hf_table_answer said =
        hf_table_charge(&answer->limiter->table, hf_limiter_asked(subject, charge_ns(answer)));
    if (said.verdict == HF_TABLE_ADMITTED) {
        answer->until_ns = said.tat_ns;
        answer->status =
            hf_decision_admitted(&answer->decision, subject->gcra, said.now_ns, said.tat_ns);
        return;
    }
    answer->status = hf_limiter_refuse(
        answer->limiter, subject->gcra, charge_ns(answer), true, said, &answer->decision);
}

static void charge_gate(struct hf_limits_answer *answer)
{
    const struct hf_limiter_subject *subject = &answer->subject;
    answer->status = hf_gate_check_with(
        answer->gate, answer->cost, subject->gcra, subject->now_ns, &answer->decision);
    if (answer->status == HF_OK)
        answer->until_ns = subject->now_ns + answer->decision.reset_after_ns;
}

/* After a look, by which the cost is at most the burst. */
static void charge(struct hf_limits_answer *answer)
{
    hf_step(HF_STEP_LIMITS_CHARGING);
    answer->until_ns = 0;
    if (answer->limiter)
        charge_key(answer);
    else
        charge_gate(answer);
}

/* As if it had not been charged. */
static void undo(const struct hf_limits_answer *answer)
{
    const struct hf_limiter_subject *subject = &answer->subject;
    hf_step(HF_STEP_LIMITS_RETURNING);
#ifdef HF_MUTANT_LIMITS_LATE_RETURN
    const struct hf_limiter_subject late = {subject->key, subject->gcra, subject->now_ns, NULL};
    subject = &late;
#endif
    if (answer->limiter)
        hf_limiter_give_back(answer->limiter, subject, charge_ns(answer), answer->until_ns);
    else
        hf_gate_undo(
            answer->gate, charge_ns(answer), answer->until_ns, subject->clock, subject->now_ns);
}

/* Whether a has more to say than b: what will never be, then what takes longest, then what is
 * scarcest. */
static bool says_more(const struct hf_limits_answer *a, const struct hf_limits_answer *b)
{
    if (a->status == HF_OK && b->status == HF_OK)
        return a->decision.remaining < b->decision.remaining;
    return a->decision.retry_after_ns > b->decision.retry_after_ns;
}

static enum hf_status conclude(struct hf_limits_request *request)
{
    request->told = 0;
    for (uint32_t part = 1; part < request->count; part++)
        if (says_more(&request->answers[part], &request->answers[request->told]))
            request->told = part;
    struct hf_limits_answer *told = &request->answers[request->told];
    told->decision.part = (uint8_t)request->told;
    return told->status;
}

/* The part that is the turn-th to be charged said no: takes back what those before it charged. */
static enum hf_status denied_late(struct hf_limits_request *request, uint32_t turn)
{
    for (uint32_t before = turn; before-- > 0;) {
        const struct hf_limits_answer *answer = &request->answers[request->order[before]];
        if (answer->until_ns)
            undo(answer);
    }
    for (uint32_t other = 0; other < request->count; other++)
        if (other != turn)
            look(&request->answers[request->order[other]]);
    return conclude(request);
}

enum hf_status hf_limits_ask(struct hf_limits_request *request, const struct hf_limits *limits,
    struct hf_bytes key, uint64_t cost, const struct hf_clock *clock, uint64_t now_ns,
    bool charging)
{
    enum hf_status status = prepare(request, limits, key, cost, clock, now_ns);
    if (status != HF_OK)
        return status;
    for (uint32_t part = 0; part < request->count; part++)
        look(&request->answers[part]);
    status = conclude(request);
    bool only_looked = !charging || cost == 0;
#ifdef HF_MUTANT_LIMITS_NO_PEEK
    status = only_looked ? status : HF_OK;
#endif
    if (status != HF_OK || only_looked)
        return status;
    for (uint32_t turn = 0; turn < request->count; turn++) {
        charge(&request->answers[request->order[turn]]);
        if (request->answers[request->order[turn]].status != HF_OK)
            return denied_late(request, turn);
    }
    return conclude(request);
}

static enum hf_status ask(const struct hf_limits *limits, struct hf_bytes key, uint64_t cost,
    const struct hf_clock *clock, uint64_t now_ns, bool charging, struct hf_decision *decision)
{
    struct hf_limits_request request;
    enum hf_status status = hf_limits_ask(&request, limits, key, cost, clock, now_ns, charging);
    if (decision)
        *decision = request.answers[request.told].decision;
    return status;
}

static const struct hf_clock *clock_of(const struct hf_limits *limits)
{
    return limits ? &limits->clock : NULL;
}

enum hf_status hf_limits_check(const struct hf_limits *limits, struct hf_bytes key, uint64_t cost,
    struct hf_decision *decision)
{
    return ask(limits, key, cost, clock_of(limits), 0, true, decision);
}

enum hf_status hf_limits_check_at(const struct hf_limits *limits, struct hf_bytes key,
    uint64_t cost, uint64_t now_ns, struct hf_decision *decision)
{
    return ask(limits, key, cost, NULL, now_ns, true, decision);
}

enum hf_status hf_limits_peek(const struct hf_limits *limits, struct hf_bytes key, uint64_t cost,
    struct hf_decision *decision)
{
    return ask(limits, key, cost, clock_of(limits), 0, false, decision);
}

enum hf_status hf_limits_peek_at(const struct hf_limits *limits, struct hf_bytes key, uint64_t cost,
    uint64_t now_ns, struct hf_decision *decision)
{
    return ask(limits, key, cost, NULL, now_ns, false, decision);
}

static void give_back(const struct hf_limits_answer *answer)
{
    if (answer->limiter) {
        hf_limiter_give_back(answer->limiter, &answer->subject, charge_ns(answer), 0);
        return;
    }
    enum hf_status status = hf_gate_refund_with(answer->gate, answer->cost, answer->subject.gcra);
    assert(status == HF_OK);
    (void)status;
}

static enum hf_status refund(const struct hf_limits *limits, struct hf_bytes key, uint64_t cost,
    const struct hf_clock *clock, uint64_t now_ns)
{
    struct hf_limits_request request;
    if (prepare(&request, limits, key, cost, clock, now_ns) != HF_OK)
        return HF_INVALID;
    for (uint32_t part = 0; part < request.count; part++)
        if (request.answers[part].cost > request.answers[part].subject.gcra->burst)
            return HF_INVALID;
    for (uint32_t turn = request.count; cost > 0 && turn-- > 0;)
        give_back(&request.answers[request.order[turn]]);
    return HF_OK;
}

enum hf_status hf_limits_refund(const struct hf_limits *limits, struct hf_bytes key, uint64_t cost)
{
    return refund(limits, key, cost, clock_of(limits), 0);
}

enum hf_status hf_limits_refund_at(
    const struct hf_limits *limits, struct hf_bytes key, uint64_t cost, uint64_t now_ns)
{
    return refund(limits, key, cost, NULL, now_ns);
}
