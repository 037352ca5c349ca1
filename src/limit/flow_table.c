/* SPDX-License-Identifier: MIT */

/*
 * The protocol of the table of flow budgets.
 *
 * WORDS. A bucket has a control word and 64 slots; a slot has a word, the base of its count, and
 * what never changes while a budget stands in it: epoch, limit, key.
 *
 *     word    = count:62 | state:2       spent = count - base
 *     control = changes:50 | fresh:7 | old:7
 *
 * A slot is FREE, PRIVATE to one thread, LIVE (a budget stands there and may be charged) or FROZEN
 * (a budget stood there; its last count is in the word). control names, while a change is under
 * way, the slot that becomes LIVE by it and the slot that it takes the place of, if any (a number
 * from 1; 0: none); each change counts it up. `changes` outlasts 2^50 of them.
 *
 * CHARGING
 *  1. Find the key's LIVE slot: load a word, then key, epoch, limit and base (acquire). None: the
 *     key has no budget if control shows no change under way and is the same before and after the
 *     search; otherwise finish the change (4) and search again.
 *  2. Load the floor. Nothing is left for that cost, or the epoch is below the floor: denied, if
 *     the word is still the same. Otherwise compare-and-swap count -> count + cost; lost: 1.
 *
 * CHANGING (a new budget, a smaller limit, more spent, a higher epoch)
 *  3. Load control; a change is under way: finish it (4), again. Survey the bucket; control has
 *     changed: again. Join what stands there with what is merged; nothing new: done. The slot to be
 *     replaced, `old`, is the key's own or, for a new key where LIVE_MAX budgets are, one of an
 *     epoch below the floor; there is none: full. Claim the first FREE slot from where the key
 *     would like to be (compare-and-swap -> PRIVATE), write the budget there (release), and decide:
 *     compare-and-swap control -> the next change with this slot and the old; lost: again.
 *  4. Finish a change that was decided; anybody may, in these steps, each after having made sure
 *     that control still shows it: (a) compare-and-swap old LIVE -> FROZEN; (b) compare-and-swap
 *     fresh PRIVATE -> LIVE, with what was spent in old if that was the same budget in the same
 *     epoch and is more; (c) old FROZEN -> FREE; (d) control -> no change under way.
 *
 * WHY IT IS RIGHT
 *  (a) A slot's word never repeats, for count only grows: a slot goes from FREE to PRIVATE, and
 *      back or by way of LIVE and FROZEN to FREE, one further each time. control never repeats
 *      either. So every compare-and-swap is versioned: there is no ABA. (A slot whose count has
 *      passed 2^61 is never claimed again. A life adds at most what is charged in it, and that
 *      fits into a limit, 2^56: counts stay below 2^62. What is merged adds nothing: it goes into
 *      base.)
 *  (b) Key, epoch, limit and base are written by the one thread that made the slot PRIVATE, before
 *      it decides. They are written with release and read with acquire: whoever reads a newer value
 *      than belongs to the word that it saw sees the word's change too. So what was read belongs to
 *      the word if the word is the same afterwards, or a compare-and-swap on it succeeds: a charge
 *      is judged by the limit, epoch and spent of the very moment at which it takes effect.
 *  (c) Slots become LIVE, and cease to be, only by changes, which control puts in one order a
 *      bucket, and a key has one bucket. While control shows change c: fresh is PRIVATE, then LIVE;
 *      old is LIVE, then FROZEN, then FREE and perhaps PRIVATE to somebody whose change cannot be
 *      decided before c is over. So old LIVE or FROZEN, or fresh PRIVATE, seen before control was
 *      still c, is what c found, and a helper who stalls after that check fails by (a).
 *  (d) At most one slot of a key is LIVE. A change is decided only if no other was since its
 *      survey began, so that `old` is all there is of the key, and old is frozen before fresh is
 *      LIVE. In between nobody charges: whoever finds neither finishes the change.
 *  (e) Nothing that was charged is lost. (a) fixes old's count for good; (b) puts it into fresh,
 *      which all helpers compute alike: fresh being PRIVATE, old has not been freed before.
 *  (f) What is spent in an epoch at or above the floor is never forgotten: only slots below the
 *      floor are replaced by other keys'. Below it, a late merge may bring a forgotten budget back,
 *      with less spent; but it brings it back after the floor was raised, and whoever finds it
 *      there loads the floor after that (2) and does not charge it.
 *  (g) A search may end at a slot whose word is 0, never used: the slots before that of a key had
 *      all been used when it was claimed.
 *  (h) It is lock-free. A charge is disturbed by another charge that succeeded or by a change; a
 *      change by another that was decided, or by a claim, of which each merge has at most one. Who
 *      stops for good between claim and decision keeps one slot PRIVATE, and stops nobody: at most
 *      LIVE_MAX slots are LIVE, so that others remain.
 *
 * ORDER. (b) and (f) need release and acquire; nothing here is a Dekker pattern, since what must
 * not happen twice is decided by a compare-and-swap on one word. tests/model/flow.pml is this
 * protocol for Spin; the HF_MUTANT_ seams break one argument each, for tests to notice.
 */

#include "limit/flow_table.h"

#include <assert.h>

#include "base/step.h"

enum state { FREE = 0, PRIVATE = 1, FROZEN = 2, LIVE = 3 };

#define STATE_BITS 2
#define COUNT_WORN_OUT (UINT64_C(1) << 61)

#define INDEX_BITS 7
#define INDEX_MASK ((UINT64_C(1) << INDEX_BITS) - 1)
#define CHANGE_MASK ((UINT64_C(1) << 2 * INDEX_BITS) - 1)
#define NOWHERE HF_FLOW_SLOTS

static enum state state_of(uint64_t word)
{
    return (enum state)(word & ((1U << STATE_BITS) - 1));
}

static uint64_t count_of(uint64_t word)
{
    return word >> STATE_BITS;
}

static uint64_t make_word(enum state state, uint64_t count)
{
    return count << STATE_BITS | (uint64_t)state;
}

/* Where a key would like to be; the bucket was chosen by other bits. */
static uint32_t preferred(const uint64_t *key)
{
    return (uint32_t)(key[0] % HF_FLOW_SLOTS);
}

static bool same_key(const uint64_t *a, const uint64_t *b)
{
    return ((a[0] ^ b[0]) | (a[1] ^ b[1])) == 0;
}

/* The slot that a change puts in (shift INDEX_BITS) or takes out (shift 0); NULL: none. */
static struct hf_flow_slot *slot_of(struct hf_flow_bucket *bucket, uint64_t control, unsigned shift)
{
    uint64_t number = control >> shift & INDEX_MASK;
    return number ? &bucket->slots[number - 1] : NULL;
}

bool hf_flow_table_read(struct hf_flow_slot *slot, struct hf_flow_found *found)
{
    found->slot = slot;
    found->word = hf_load_acquire(&slot->word);
    hf_step(HF_STEP_FLOW_READING);
    found->entry.key[0] = hf_load_acquire(&slot->key[0]);
    found->entry.key[1] = hf_load_acquire(&slot->key[1]);
    found->entry.epoch = hf_load_acquire(&slot->epoch);
    found->entry.limit = hf_load_acquire(&slot->limit);
    found->entry.spent = count_of(found->word) - hf_load_acquire(&slot->base);
    return state_of(found->word) == LIVE;
}

bool hf_flow_table_still(const struct hf_flow_found *found)
{
    return hf_load_acquire(&found->slot->word) == found->word;
}

bool hf_flow_table_charge(const struct hf_flow_found *found, uint64_t cost)
{
    uint64_t word = found->word;
    hf_step(HF_STEP_FLOW_CHARGING);
#ifdef HF_MUTANT_FLOW_BLIND_CHARGE
    hf_add_relaxed(&found->slot->word, cost << STATE_BITS);
    return true;
#endif
    return hf_cas_acq_rel(&found->slot->word, &word, word + (cost << STATE_BITS));
}

/* One search; false does not mean yet that there is none. */
static bool look(struct hf_flow_bucket *bucket, const uint64_t *key, struct hf_flow_found *found)
{
    for (uint32_t i = 0; i < HF_FLOW_SLOTS; i++) {
        struct hf_flow_slot *slot = &bucket->slots[(preferred(key) + i) % HF_FLOW_SLOTS];
        if (hf_flow_table_read(slot, found) && same_key(found->entry.key, key))
            return true;
        if (found->word == 0)
            return false;
    }
    return false;
}

/* Step (a). False: the change is over. */
static bool freeze(struct hf_flow_bucket *bucket, uint64_t control, struct hf_flow_slot *old)
{
    for (;;) {
        uint64_t word = hf_load_acquire(&old->word);
        if (hf_load_acquire(&bucket->control) != control)
            return false;
        if (state_of(word) != LIVE)
            return true;
        hf_step(HF_STEP_FLOW_FREEZING);
        if (hf_cas_acq_rel(&old->word, &word, make_word(FROZEN, count_of(word))))
            return true;
    }
}

/* What the fresh budget starts with: all that was spent of it already. */
static uint64_t spent_before(const struct hf_flow_found *fresh, const struct hf_flow_found *old)
{
#ifdef HF_MUTANT_FLOW_NO_CARRY
    return fresh->entry.spent;
#endif
    if (!old->slot || !same_key(fresh->entry.key, old->entry.key) ||
        fresh->entry.epoch != old->entry.epoch || fresh->entry.spent > old->entry.spent)
        return fresh->entry.spent;
    return old->entry.spent;
}

/* Step (b). old is read first: if fresh is still PRIVATE, old has not been freed before. */
static void settle(struct hf_flow_bucket *bucket, uint64_t control, struct hf_flow_slot *slot,
    struct hf_flow_slot *old_slot)
{
    struct hf_flow_found old = {0};
    struct hf_flow_found fresh;
    if (old_slot)
        hf_flow_table_read(old_slot, &old);
    hf_flow_table_read(slot, &fresh);
    if (state_of(fresh.word) != PRIVATE || hf_load_acquire(&bucket->control) != control)
        return;
    assert(!old_slot || state_of(old.word) == FROZEN);
    uint64_t count = count_of(fresh.word) + spent_before(&fresh, &old) - fresh.entry.spent;
    hf_step(HF_STEP_FLOW_SETTLING);
    (void)hf_cas_acq_rel(&slot->word, &fresh.word, make_word(LIVE, count));
}

/* Step (c). */
static void release(struct hf_flow_bucket *bucket, uint64_t control, struct hf_flow_slot *old)
{
    uint64_t word = hf_load_acquire(&old->word);
    if (state_of(word) != FROZEN || hf_load_acquire(&bucket->control) != control)
        return;
    hf_step(HF_STEP_FLOW_RELEASING);
    (void)hf_cas_acq_rel(&old->word, &word, make_word(FREE, count_of(word) + 1));
}

/* Steps (a) to (d) for a change that control showed. Returns when it is over. */
static void finish(struct hf_flow_bucket *bucket, uint64_t control)
{
    struct hf_flow_slot *fresh = slot_of(bucket, control, INDEX_BITS);
    struct hf_flow_slot *old = slot_of(bucket, control, 0);
    hf_step(HF_STEP_FLOW_DECIDED);
    if (old && !freeze(bucket, control, old))
        return;
    hf_step(HF_STEP_FLOW_FROZEN);
    settle(bucket, control, fresh, old);
    hf_step(HF_STEP_FLOW_SETTLED);
    if (old)
        release(bucket, control, old);
    hf_step(HF_STEP_FLOW_ENDING);
    (void)hf_cas_acq_rel(&bucket->control, &control, control & ~CHANGE_MASK);
}

uint64_t hf_flow_table_settled(struct hf_flow_bucket *bucket)
{
    for (;;) {
        uint64_t control = hf_load_acquire(&bucket->control);
        if ((control & CHANGE_MASK) == 0)
            return control;
        finish(bucket, control);
    }
}

bool hf_flow_table_find(
    struct hf_flow_bucket *bucket, const uint64_t *key, struct hf_flow_found *found)
{
    hf_step(HF_STEP_FLOW_FINDING);
    if (look(bucket, key, found))
        return true;
    for (;;) {
        uint64_t control = hf_flow_table_settled(bucket);
        hf_step(HF_STEP_FLOW_SEARCHING);
        if (look(bucket, key, found))
            return true;
        if (hf_load_acquire(&bucket->control) == control)
            return false;
    }
}

/* What a bucket holds, seen from a key's side. Slot numbers, or NOWHERE. */
struct survey {
    uint32_t own;
    uint32_t dead; /* The first of an epoch below the floor. */
    uint32_t free; /* The first from where the key would like to be. */
    uint32_t live; /* How many are. */
    uint64_t free_word;
    struct hf_flow_entry current; /* The key's own. */
};

static bool claimable(uint64_t word)
{
    return state_of(word) == FREE && count_of(word) < COUNT_WORN_OUT;
}

static struct survey survey_bucket(
    struct hf_flow_bucket *bucket, uint64_t floor, const uint64_t *key)
{
    struct survey survey = {.own = NOWHERE, .dead = NOWHERE, .free = NOWHERE};
    for (uint32_t i = 0; i < HF_FLOW_SLOTS; i++) {
        uint32_t index = (preferred(key) + i) % HF_FLOW_SLOTS;
        struct hf_flow_found found;
        bool live = hf_flow_table_read(&bucket->slots[index], &found);
        if (!live && survey.free == NOWHERE && claimable(found.word)) {
            survey.free = index;
            survey.free_word = found.word;
        }
        survey.live += live;
        if (live && same_key(found.entry.key, key)) {
            survey.own = index;
            survey.current = found.entry;
        } else if (live && survey.dead == NOWHERE && found.entry.epoch < floor) {
            survey.dead = index;
        }
    }
    hf_step(HF_STEP_FLOW_SURVEYED);
    return survey;
}

/* The join of two views of one budget. False: it is no more than `current` already. */
static bool join(const struct hf_flow_entry *current, struct hf_flow_entry *merged)
{
    if (merged->epoch != current->epoch)
        return merged->epoch > current->epoch;
    bool news = merged->limit < current->limit || merged->spent > current->spent;
    if (merged->limit > current->limit)
        merged->limit = current->limit;
    if (merged->spent < current->spent)
        merged->spent = current->spent;
    return news;
}

/* Where a merge's own slot is, once it has one. */
struct claim {
    struct hf_flow_slot *slot;
    uint64_t word;
};

static bool claim_slot(
    struct hf_flow_bucket *bucket, const struct survey *survey, struct claim *claim)
{
    uint64_t word = survey->free_word;
    claim->word = make_word(PRIVATE, count_of(word) + 1);
    if (!hf_cas_acq_rel(&bucket->slots[survey->free].word, &word, claim->word))
        return false;
    claim->slot = &bucket->slots[survey->free];
    hf_step(HF_STEP_FLOW_CLAIMED);
    return true;
}

static void write_claim(const struct claim *claim, const struct hf_flow_entry *entry)
{
    struct hf_flow_slot *slot = claim->slot;
    hf_store_release(&slot->key[0], entry->key[0]);
    hf_store_release(&slot->key[1], entry->key[1]);
    hf_store_release(&slot->epoch, entry->epoch);
    hf_store_release(&slot->limit, entry->limit);
    hf_store_release(&slot->base, count_of(claim->word) - entry->spent);
    hf_step(HF_STEP_FLOW_WRITTEN);
}

static void abandon(const struct claim *claim)
{
    if (claim->slot)
        hf_store_release(&claim->slot->word, make_word(FREE, count_of(claim->word) + 1));
}

static enum hf_status give_up(const struct claim *claim, enum hf_status status)
{
    abandon(claim);
    return status;
}

/* The first change after control, by which fresh takes the place of old (NOWHERE: of none). */
static uint64_t next_change(uint64_t control, uint64_t fresh, uint32_t old)
{
    uint64_t old_number = old == NOWHERE ? 0 : old + 1;
    return control + CHANGE_MASK + 1 + ((fresh + 1) << INDEX_BITS | old_number);
}

enum hf_status hf_flow_table_join(
    struct hf_flow_bucket *bucket, const uint64_t *floor, const struct hf_flow_entry *entry)
{
    struct claim claim = {0};
    for (;;) {
        uint64_t control = hf_flow_table_settled(bucket);
        struct survey survey = survey_bucket(bucket, hf_load_acquire(floor), entry->key);
        if (hf_load_acquire(&bucket->control) != control)
            continue;
        struct hf_flow_entry merged = *entry;
        if (survey.own != NOWHERE && !join(&survey.current, &merged))
            return give_up(&claim, HF_OK);
        uint32_t old = survey.own;
        if (old == NOWHERE && survey.live >= HF_FLOW_LIVE_MAX)
            old = survey.dead;
        bool crowded = old == NOWHERE && survey.live >= HF_FLOW_LIVE_MAX;
        if (crowded || (!claim.slot && survey.free == NOWHERE))
            return give_up(&claim, HF_FULL);
        if (!claim.slot && !claim_slot(bucket, &survey, &claim))
            continue;
        write_claim(&claim, &merged);
        uint64_t change = next_change(control, (uint64_t)(claim.slot - bucket->slots), old);
        if (!hf_cas_acq_rel(&bucket->control, &control, change))
            continue;
        finish(bucket, change);
        return HF_OK;
    }
}
