/* SPDX-License-Identifier: MIT */
#include <assert.h>

#include "base/step.h"
#include "breaker/breaker.h"

/*
 * The protocol. One word (word.h) is the whole state and is changed by compare-and-swap only:
 *
 *     closed     --failure that trips-->       open
 *     open       --enter after the deadline--> half-open
 *     half-open  --failure-->                  open
 *     half-open  --success_threshold-->        closed
 *     any        --reset-->                    closed
 *
 * Usage by callers: enter reads the word; closed, that is all. leave reads it; closed without
 * failures, still the permit's generation, a success, no trip by rate: that is all. Everything
 * else is what follows.
 *
 * Generations. A word that lets calls through, closed or half-open, carries a ticket of its own:
 * a number that is given once, so no generation comes back. (There are 2^44, half a year of a
 * million each second; somebody would have to return a permit after exactly that many.) Hence
 *
 * 1. A permit is current exactly while the word shows its generation. All that a result does to
 *    the word it does by a CAS that expects that generation; so late results change nothing.
 * 2. Each change is made by one successful CAS of one call, and that call tells it; a call makes
 *    one change at most. The changes told follow the arrows, each beginning where the last one
 *    ended.
 * 3. An equal word is an equal state, so a CAS cannot be deceived by a word that went and came
 *    back: what it does depends on nothing else. The counts of the window belong to a generation
 *    and leave with it (window.c), and so do the places of permits (lease.c).
 * 4. Generations of closed states increase, which the window's tags rely on. Each is a ticket
 *    taken after the word that the CAS expects was read; that word carries a generation, and so
 *    has stood there ever since; so no closed state began after the ticket was taken. An open
 *    word carries none and might have come back, which is why reset leaves it in two steps,
 *    through a half-open state that nobody waits for.
 *
 * Order. The word carries all that its reader needs, but for two things: leases of a half-open
 * generation are taken after it has begun (acquire), and results are counted before the decision
 * that they lead to (sequentially consistent, window.c). The CAS is acquire and release.
 *
 * Progress. Every loop below goes round again only when another call has changed the word, and
 * nobody waits for anybody: a thread stopped anywhere leaves the word whole. Lock-free.
 */

/* Whether the permit was given by the state that the word shows. */
static bool is_current(uint64_t word, enum hf_breaker_state state, const struct hf_permit *permit)
{
#ifdef HF_MUTANT_BREAKER_NO_GENERATION
    (void)permit;
    return hf_word_state(word) == state;
#else
    return hf_word_is(word, state, permit->generation);
#endif
}

static void tell(struct hf_breaker_change *change, enum hf_breaker_state from,
    enum hf_breaker_state to, uint64_t open_ns)
{
    if (!change)
        return;
    change->from = from;
    change->to = to;
    change->open_ns = open_ns;
}

static uint64_t new_generation(struct hf_breaker *breaker)
{
    return hf_breaker_ticket(breaker) & HF_WORD_GENERATION_MASK;
}

/*
 * The period before this one matters to decorrelated growth only. Whoever opened the breaker last
 * has stored it after the fact, perhaps late; any value gives a delay between base and cap.
 */
static uint64_t next_period_ns(struct hf_breaker *breaker, uint64_t openings)
{
    uint64_t previous_ns = openings > 1 ? hf_load_relaxed(&breaker->period_ns) : 0;
    const struct hf_random random = hf_splitmix_random(&breaker->splitmix);
    return hf_delay_ns(&breaker->open, (uint32_t)openings, previous_ns, &random);
}

/* Each of these tries one change; false: the word has changed, and *word is what it is now. */

static bool try_open(
    struct hf_breaker *breaker, uint64_t *word, uint64_t now_ns, struct hf_breaker_change *change)
{
    uint64_t openings = hf_word_openings(*word);
    if (openings < HF_WORD_OPENINGS_MASK)
        openings++;
    uint64_t period_ns = next_period_ns(breaker, openings);
    uint64_t next = hf_word_open(openings, now_ns + period_ns);
    enum hf_breaker_state from = hf_word_state(*word);
    hf_step(HF_STEP_BREAKER_TRIPPING);
    if (!hf_cas_acq_rel(&breaker->word, word, next))
        return false;
    hf_store_relaxed(&breaker->period_ns, period_ns);
    hf_add_relaxed(&breaker->opened_count, 1);
    tell(change, from, HF_BREAKER_OPEN, hf_word_deadline_ns(next) - now_ns);
    return true;
}

static bool try_half_open(
    struct hf_breaker *breaker, uint64_t *word, struct hf_breaker_change *change)
{
    uint64_t next = hf_word_half_open(new_generation(breaker), hf_word_openings(*word));
    hf_step(HF_STEP_BREAKER_HALF_OPENING);
    if (!hf_cas_acq_rel(&breaker->word, word, next))
        return false;
    tell(change, HF_BREAKER_OPEN, HF_BREAKER_HALF_OPEN, 0);
    *word = next;
    return true;
}

static bool try_close(struct hf_breaker *breaker, uint64_t *word, struct hf_breaker_change *change)
{
    assert(hf_word_state(*word) != HF_BREAKER_OPEN);
    uint64_t next = hf_word_closed(new_generation(breaker));
    enum hf_breaker_state from = hf_word_state(*word);
    hf_step(HF_STEP_BREAKER_CLOSING);
    if (!hf_cas_acq_rel(&breaker->word, word, next))
        return false;
    tell(change, from, HF_BREAKER_CLOSED, 0);
    return true;
}

static void permit_init(
    struct hf_permit *permit, uint64_t generation, uint64_t lease, uint64_t now_ns)
{
    permit->generation = generation;
    permit->lease = lease;
    permit->entered_ns = now_ns;
}

static enum hf_status refuse(uint64_t wait_ns, uint64_t *retry_after_ns)
{
    if (retry_after_ns)
        *retry_after_ns = wait_ns;
    return HF_OPEN;
}

static bool enter_half_open(
    struct hf_breaker *breaker, uint64_t word, uint64_t now_ns, struct hf_permit *permit)
{
    uint64_t generation = hf_word_generation(word);
    uint64_t lease = hf_lease_claim(breaker, generation, now_ns);
    if (!lease)
        return false;
    permit_init(permit, generation, lease, now_ns);
    return true;
}

/* Whether the half-open generation of *word is over; *word is then what came after it. */
static bool has_moved_on(const struct hf_breaker *breaker, uint64_t *word)
{
    uint64_t before = *word;
    *word = hf_load_acquire(&breaker->word);
    return !hf_word_is(*word, HF_BREAKER_HALF_OPEN, hf_word_generation(before));
}

/*
 * The word is not closed, or was not a moment ago. (Inlined, this and leave_unwell would make the
 * calls of a healthy breaker save and restore the registers that only they need.) A caller that
 * finds the breaker open again after it has made it half-open is refused, even were that period
 * over too: it has one change to tell.
 */
static __attribute__((noinline)) enum hf_status enter_unwell(struct hf_breaker *breaker,
    uint64_t word, uint64_t now_ns, struct hf_permit *permit, uint64_t *retry_after_ns,
    struct hf_breaker_change *change)
{
    bool changed = false;
    for (;;) {
        switch (hf_word_state(word)) {
        case HF_BREAKER_OPEN:
            if (hf_word_deadline_ns(word) > now_ns)
                return refuse(hf_word_deadline_ns(word) - now_ns, retry_after_ns);
            if (changed)
                return refuse(0, retry_after_ns);
            changed = try_half_open(breaker, &word, change);
            break;
        case HF_BREAKER_HALF_OPEN:
            if (enter_half_open(breaker, word, now_ns, permit))
                return HF_OK;
            if (!has_moved_on(breaker, &word))
                return refuse(0, retry_after_ns);
            break;
        case HF_BREAKER_CLOSED:
            permit_init(permit, hf_word_generation(word), 0, now_ns);
            return HF_OK;
        }
    }
}

enum hf_status hf_breaker_enter(struct hf_breaker *breaker, uint64_t now_ns,
    struct hf_permit *permit, uint64_t *retry_after_ns, struct hf_breaker_change *change)
{
    if (!breaker || !permit || now_ns > HF_TIME_MAX_NS)
        return HF_INVALID;
    uint64_t word = hf_load_acquire(&breaker->word);
    hf_step(HF_STEP_BREAKER_LOADED);
    tell(change, hf_word_state(word), hf_word_state(word), 0);
    if (hf_word_state(word) != HF_BREAKER_CLOSED)
        return enter_unwell(breaker, word, now_ns, permit, retry_after_ns, change);
    permit_init(permit, hf_word_generation(word), 0, now_ns);
    return HF_OK;
}

/* Only a failure asks: a success may be the last of calls_min, but is no reason to open. */
static bool rate_trips(const struct hf_breaker *breaker, uint64_t generation, uint64_t now_ns)
{
    struct hf_window_counts counts = hf_window_sum(breaker->window, generation, now_ns);
    return counts.calls >= breaker->calls_min &&
           counts.failures * 100 >= counts.calls * breaker->failure_rate_percent;
}

static void count(struct hf_breaker *breaker, uint64_t generation, bool failed, uint64_t now_ns)
{
    if (!breaker->window)
        return;
    hf_window_add(breaker->window, generation, now_ns, failed);
    hf_step(HF_STEP_BREAKER_COUNTED);
}

static void succeed_closed(
    struct hf_breaker *breaker, uint64_t word, const struct hf_permit *permit)
{
    while (is_current(word, HF_BREAKER_CLOSED, permit) && hf_word_failures(word) > 0) {
        uint64_t next = hf_word_closed(hf_word_generation(word));
        if (hf_cas_acq_rel(&breaker->word, &word, next))
            return;
    }
}

static void fail_closed(struct hf_breaker *breaker, uint64_t word, const struct hf_permit *permit,
    uint64_t now_ns, struct hf_breaker_change *change)
{
    bool trips = breaker->window && rate_trips(breaker, hf_word_generation(word), now_ns);
    bool counts = breaker->consecutive_failures != HF_BREAKER_NEVER;
    while (is_current(word, HF_BREAKER_CLOSED, permit)) {
        if (trips || (counts && hf_word_failures(word) + 1 >= breaker->consecutive_failures)) {
            if (try_open(breaker, &word, now_ns, change))
                return;
        } else if (!counts || hf_cas_acq_rel(&breaker->word, &word, word + 1)) {
            return;
        }
    }
}

static void leave_closed(struct hf_breaker *breaker, uint64_t word, const struct hf_permit *permit,
    bool failed, uint64_t now_ns, struct hf_breaker_change *change)
{
    if (!is_current(word, HF_BREAKER_CLOSED, permit))
        return;
    count(breaker, hf_word_generation(word), failed, now_ns);
    if (failed)
        fail_closed(breaker, word, permit, now_ns, change);
    else
        succeed_closed(breaker, word, permit);
}

static bool is_lost(
    const struct hf_breaker *breaker, const struct hf_permit *permit, uint64_t now_ns)
{
    return now_ns >= permit->entered_ns + breaker->permit_lease_ns;
}

static void leave_half_open(struct hf_breaker *breaker, uint64_t word,
    const struct hf_permit *permit, bool failed, uint64_t now_ns, struct hf_breaker_change *change)
{
    bool changed = false;
    while (!changed && is_current(word, HF_BREAKER_HALF_OPEN, permit)) {
        if (failed)
            changed = try_open(breaker, &word, now_ns, change);
        else if (hf_word_successes(word) + 1 >= breaker->success_threshold)
            changed = try_close(breaker, &word, change);
        else
            changed = hf_cas_acq_rel(&breaker->word, &word, word + 1);
    }
}

/* The place goes back first: whoever sees the result counted may enter in its stead. */
static bool give_back(struct hf_breaker *breaker, const struct hf_permit *permit, uint64_t now_ns)
{
    bool held = hf_lease_release(breaker, permit->lease);
    hf_step(HF_STEP_BREAKER_RELEASED);
#ifdef HF_MUTANT_BREAKER_LOST_COUNTS
    return held || is_lost(breaker, permit, now_ns);
#else
    return held && !is_lost(breaker, permit, now_ns);
#endif
}

static __attribute__((noinline)) void leave_unwell(struct hf_breaker *breaker, uint64_t word,
    const struct hf_permit *permit, enum hf_outcome_kind outcome, uint64_t now_ns,
    struct hf_breaker_change *change)
{
    bool failed = outcome == HF_TRANSIENT || outcome == HF_PERMANENT;
    bool counted = failed || outcome == HF_SUCCESS;
    if (permit->lease) {
        if (give_back(breaker, permit, now_ns) && counted)
            leave_half_open(breaker, word, permit, failed, now_ns, change);
    } else if (counted) {
        leave_closed(breaker, word, permit, failed, now_ns, change);
    }
}

void hf_breaker_leave(struct hf_breaker *breaker, const struct hf_permit *permit,
    enum hf_outcome_kind outcome, uint64_t now_ns, struct hf_breaker_change *change)
{
    if (!breaker || !permit || now_ns > HF_TIME_MAX_NS)
        return;
    uint64_t word = hf_load_acquire(&breaker->word);
    hf_step(HF_STEP_BREAKER_LOADED);
    tell(change, hf_word_state(word), hf_word_state(word), 0);
    /* A success, no failures in a row, and a permit of this state: nothing but a count to add to.
     */
    if (outcome == HF_SUCCESS && word == hf_word_closed(permit->generation))
        count(breaker, permit->generation, false, now_ns);
    else
        leave_unwell(breaker, word, permit, outcome, now_ns, change);
}

void hf_breaker_cancel(struct hf_breaker *breaker, const struct hf_permit *permit)
{
    if (breaker && permit && permit->lease)
        (void)hf_lease_release(breaker, permit->lease);
}

static uint32_t to_u32(uint64_t count)
{
    return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

static void look_closed(const struct hf_breaker *breaker, uint64_t word, uint64_t now_ns,
    struct hf_breaker_snapshot *snapshot)
{
    snapshot->consecutive_failures = hf_word_failures(word);
    if (!breaker->window)
        return;
    struct hf_window_counts counts =
        hf_window_sum(breaker->window, hf_word_generation(word), now_ns);
    snapshot->window_calls = to_u32(counts.calls);
    snapshot->window_failures = to_u32(counts.failures);
}

static void look_open(uint64_t word, uint64_t now_ns, struct hf_breaker_snapshot *snapshot)
{
    uint64_t deadline_ns = hf_word_deadline_ns(word);
    if (deadline_ns > now_ns)
        snapshot->until_half_open_ns = deadline_ns - now_ns;
    else
        snapshot->state = HF_BREAKER_HALF_OPEN;
}

enum hf_status hf_breaker_snapshot(
    const struct hf_breaker *breaker, uint64_t now_ns, struct hf_breaker_snapshot *snapshot)
{
    if (!breaker || !snapshot || now_ns > HF_TIME_MAX_NS)
        return HF_INVALID;
    uint64_t word = hf_load_acquire(&breaker->word);
    *snapshot = (struct hf_breaker_snapshot){
        .state = hf_word_state(word),
        .opened_count = hf_load_relaxed(&breaker->opened_count),
    };
    switch (snapshot->state) {
    case HF_BREAKER_CLOSED:
        look_closed(breaker, word, now_ns, snapshot);
        break;
    case HF_BREAKER_OPEN:
        look_open(word, now_ns, snapshot);
        break;
    case HF_BREAKER_HALF_OPEN:
        snapshot->successes = hf_word_successes(word);
        snapshot->permits_out = hf_lease_count(breaker, hf_word_generation(word), now_ns);
        break;
    }
    return HF_OK;
}

void hf_breaker_reset(struct hf_breaker *breaker)
{
    if (!breaker)
        return;
    uint64_t word = hf_load_acquire(&breaker->word);
    for (;;) {
        if (hf_word_state(word) == HF_BREAKER_OPEN)
            (void)try_half_open(breaker, &word, NULL);
        else if (try_close(breaker, &word, NULL))
            return;
    }
}

const char *hf_breaker_state_str(enum hf_breaker_state state)
{
    switch (state) {
    case HF_BREAKER_CLOSED:
        return "closed";
    case HF_BREAKER_OPEN:
        return "open";
    case HF_BREAKER_HALF_OPEN:
        return "half-open";
    }
    return "unknown";
}
