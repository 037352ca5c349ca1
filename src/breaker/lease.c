/* SPDX-License-Identifier: MIT */
#include "base/step.h"
#include "breaker/breaker.h"

/*
 * The permits of the half-open state. There are half_open_permits places, each of two words:
 *
 *     owner      held:1 | generation:31 | serial:32
 *     until_ns   not before then may the place be taken from its owner
 *
 *     claim:    read owner, read until_ns; available? check that the state word still shows the
 *               generation; raise until_ns to now + lease; CAS owner from what was read to mine
 *     release:  CAS owner from mine to mine without `held`
 *
 * A place is available to generation g if it is not held, or held by another generation, or if
 * until_ns is over. serial is a ticket that nobody else has, and release keeps it: the values
 * that owner takes are all different (up to 2^32 tickets within one claim), so there is no ABA.
 *
 * 1. At most half_open_permits permits of generation g are out and not lost. Each holds a place
 *    of its own while owner names it; so what is to be shown is that nobody overwrites the name
 *    before the lease is over. A claimer of g does not: it read until_ns after owner (acquire),
 *    and the owner raised until_ns before it published its name (release), so it read at least
 *    the end of that owner's lease. Nor does a claimer of another generation f, for which the
 *    place is available. It saw the state word at f after it had read owner. If f came after g,
 *    g is over. If f came before g, what it read was there before g's name, published by
 *    somebody who had seen the word at g; owner never repeats, so its CAS fails.
 * 2. A claim takes effect at its check of the state word: the place was available then and
 *    remained so until the CAS, since owner did not change in between. So no permit of g is
 *    given after g.
 * 3. A permit returned late, after its place was given to somebody else, finds another owner and
 *    changes nothing. One returned late before that gives the place back, but breaker.c does not
 *    count its result: lost is a matter of time, not of who comes next.
 * 4. until_ns only grows. A claimer that loses the CAS may have raised it for the winner, to a
 *    lease that began at the loser's now instead of the winner's: later by no more than they
 *    were apart.
 * 5. A claimer that finds no place has seen each taken, one after another, not all at one
 *    moment: it may be refused though one came free behind its back.
 * 6. Nobody waits. A CAS fails because another claim or release succeeded. A thread stopped
 *    anywhere in a claim holds at most one place, and that for the length of a lease.
 */
#define HELD (UINT64_C(1) << 63)
#define SERIAL_BITS 32
#define SERIAL_MASK ((UINT64_C(1) << SERIAL_BITS) - 1)

static uint64_t held_by(uint64_t generation)
{
    return HELD | generation << SERIAL_BITS;
}

static bool is_held(
    const struct hf_lease *lease, uint64_t owner, uint64_t generation, uint64_t now_ns)
{
    return (owner & ~SERIAL_MASK) == held_by(generation) &&
           hf_load_acquire(&lease->until_ns) > now_ns;
}

static bool is_over(const struct hf_breaker *breaker, uint64_t generation)
{
    uint64_t word = hf_load_acquire(&breaker->word);
#ifdef HF_MUTANT_BREAKER_BLIND_CLAIM
    generation = hf_word_generation(word);
#endif
    return !hf_word_is(word, HF_BREAKER_HALF_OPEN, generation);
}

static uint64_t claim_place(
    struct hf_breaker *breaker, struct hf_lease *lease, uint64_t generation, uint64_t now_ns)
{
    uint64_t owner = hf_load_acquire(&lease->owner);
    uint64_t mine;
    do {
        if (is_held(lease, owner, generation, now_ns) || is_over(breaker, generation))
            return 0;
        hf_step(HF_STEP_BREAKER_LEASING);
        hf_max_seq(&lease->until_ns, now_ns + breaker->permit_lease_ns);
        mine = held_by(generation) | (hf_breaker_ticket(breaker) & SERIAL_MASK);
    } while (!hf_cas_acq_rel(&lease->owner, &owner, mine));
    hf_step(HF_STEP_BREAKER_LEASED);
    return mine;
}

uint64_t hf_lease_claim(struct hf_breaker *breaker, uint64_t generation, uint64_t now_ns)
{
    for (uint32_t place = 0; place < breaker->half_open_permits; place++) {
        uint64_t owner = claim_place(breaker, &breaker->leases[place], generation, now_ns);
        if (owner)
            return owner;
    }
    return 0;
}

bool hf_lease_release(struct hf_breaker *breaker, uint64_t owner)
{
    for (uint32_t place = 0; place < breaker->half_open_permits; place++) {
        uint64_t seen = owner;
        struct hf_lease *lease = &breaker->leases[place];
        if (hf_load_relaxed(&lease->owner) == owner)
            return hf_cas_acq_rel(&lease->owner, &seen, owner & ~HELD);
    }
    return false;
}

uint32_t hf_lease_count(const struct hf_breaker *breaker, uint64_t generation, uint64_t now_ns)
{
    uint32_t count = 0;
    for (uint32_t place = 0; place < breaker->half_open_permits; place++) {
        const struct hf_lease *lease = &breaker->leases[place];
        count += is_held(lease, hf_load_acquire(&lease->owner), generation, now_ns);
    }
    return count;
}
