/* SPDX-License-Identifier: MIT */

/*
 * The protocol of the keyed table.
 *
 * WORDS. A slot has a name and a time, 64 bits each; four slots make a cache line.
 *
 *     name = overflow:10 | displacement:5 | fingerprint:49
 *     time = mark * RANGE + TAT, RANGE being a fifth of what 64 bits hold
 *
 * A key lives on its path: the line that its hash calls home and the few that follow.
 * displacement is the distance from home, part of the name, so that a name means one key in
 * whatever line it stands. The lowest bit of a fingerprint is always set: name 0 is nobody's. The
 * overflow field is used in the first slot of a line only and belongs to the line: how many slots
 * beyond it are named for keys whose path leads across it. A search ends at a line whose overflow
 * is 0. (At most 31 lines of 4 slots beyond a line are within reach, so 10 bits hold it; deaths can
 * leave it too high, and at its largest it stays.)
 *
 * Marks: 0 is committed, and plain; 1 and 2 are committed, and lowered; 3 is tentative; 4 is
 * private. A committed time holds the key's TAT. A mark makes a time larger than any TAT can be,
 * so a marked slot never looks expired and every charge against it comes out as too late: the
 * admission of a known key tests no mark.
 *
 * An INCARNATION of a slot lasts from one claim to the next; its high-water mark H is the largest
 * TAT that the slot has had in it. Each committed time tells a bound of H: a plain one its TAT, a
 * lowered one (TAT / unit + mark) * unit, unit being the table's.
 *
 * TATs of tentative and private slots are multiples of 256, and the number of the owner: of the
 * process that claimed the slot, 0 where a table is not shared. What claims, publishes and bumps
 * adds 256.
 *
 * CHARGING A KNOWN KEY
 *  1. Find the name (relaxed loads). Not there: insert.
 *  2. Load its time (acquire), then its name again (acquire); another name by now: 1.
 *  3. next = max(TAT, now) + charge. Too late if next - now > tolerance. Then: tentative or
 *     private: insert; the time has changed since: 1; otherwise denied, and nothing was written.
 *  4. Compare-and-swap time -> next, with a mark that keeps the bound of H as it is, or plain once
 *     next has reached it; lost: 1; won: admitted. (hf_table_charge_plain in table.h does 2 to 4
 *     for a plain time in the home line and in the one after it; all else is left to `search`.
 *     Where it has lost, it finds the same slot again, which is as good a guess as any, and has
 *     loaded its time by the swap that failed.)
 *
 * INSERTING A KEY
 *  5. Scan the path, in each slot the time, then the name. Of the slots that bear the key's
 *     name: committed: charge it (2); the slot has changed: 5; otherwise done, and one's own
 *     tentative slot, if another, is withdrawn. Tentative: the first on the path is the winner;
 *     bump each further one (compare-and-swap TAT -> TAT + 256; lost: 5). Private: ignore. The
 *     first other slot that is committed and whose bound has passed is the candidate.
 *  6. No winner: claim the candidate. Raise the horizon to its TAT. Compare-and-swap its time ->
 *     private, the owner's next TAT above the bound: now nobody else touches it. Raise overflow,
 *     exchange the name, lower overflow, store tentative, TAT + 256: published. Remember it as the
 *     winner; 5. No candidate: recover what dead owners hold on the path; twice: full.
 *  7. A winner not seen before: remember it and its time; 5.
 *  8. A winner that has not changed since before a whole scan: read the clock, then the horizon,
 *     and compare-and-swap its time -> base + charge, base being the later of the two: this
 *     commits and charges at once. Anybody may commit anybody's tentative slot; one's own, if
 *     another, is withdrawn. Lost: 5. Too late: denied, and one's own is withdrawn.
 *  9. Withdraw, while the slot is still tentative: vacate it: compare-and-swap -> private, one's
 *     own next TAT; name 0; lower overflow; store TAT + 1, plain. If somebody has committed it
 *     meanwhile, it is the key's slot and stays.
 *
 * ADJUSTING A KEY (refund, reset, another quota; table_lower.c)
 * 10. Load a slot's time, then its name; it must be committed and the key's. Read the clock. If the
 *     TAT is to fall: not below now, nor to more than two units below the bound of H, that
 *     being rounded up to whole ones. Compare-and-swap, with a mark that keeps that bound;
 *     lost: 10. To change nothing, load the time again, as a denial does.
 *
 * RECOVERING A SLOT (table_recover.c)
 * 11. Load its time; if it is tentative or private, ask whether its owner is dead; if so, vacate it
 *     (9). The answer is true only for an owner that can never act again: it comes from a lock
 *     that the system drops at death, not from anybody's patience. And since the time was loaded
 *     before, it is that owner's, or an earlier one's of the same number, dead as well.
 *
 * ORDER. In 5 to 11 all loads of times, overflow and the horizon, all compare-and-swaps and the
 * store that publishes are sequentially consistent: two inserters publish and then look for each
 * other (Dekker), and two helpers may look at both (IRIW). Names are exchanged with release and
 * loaded with acquire. A vacated slot is stored with release. Where loads may pass each other (ARM,
 * POWER) this comes to: a time is loaded with acquire, hence before the name, and the name with
 * acquire, hence before the time is loaded again or swapped, as (b) needs it. Whoever acquires the
 * name that a claimer released sees the claim, a compare-and-swap that came before it in that
 * thread. The horizon in 8 is loaded after a time that was, directly or through a chain of
 * compare-and-swaps (each of which continues the release of the one before it), released by a
 * claimer who had raised the horizon. Only the clock in 8 and 10 may be read before the loads that
 * precede it, as processors do with counters, and so be early by the length of a pipeline: 8 then
 * denies more, since (e) rests on the horizon, and 10 adjusts as of then.
 *
 * WHY IT IS RIGHT
 *  (a) No value that a slot's time has in one incarnation is ever had in a later one. A value
 *      tells a bound: (TAT / unit + mark) * unit if it is lowered, otherwise its TAT; and all
 *      bounds of an incarnation are above all of earlier ones, although its TATs need not be. For
 *      a claim begins above the bound that it found, bumps, publications, commits and vacating
 *      make TATs larger, and from then on no step makes the bound smaller: a plain slot charged or
 *      raised gets a larger TAT, which is its bound; lowered, it gets a mark whose bound is that
 *      TAT or above; a lowered slot keeps its bound until its TAT has reached it. No clock is
 *      trusted for any of this. Within an incarnation tentative and private values never repeat
 *      either: they only grow, and end with the commit or the vacating. Committed ones may; that is
 *      harmless:
 *  (b) A name changes only while its slot is private, after a claim or before the slot is vacated
 *      for good, so a slot has one name through all its committed and tentative moments of one
 *      incarnation, or 0 after these. A name read between two moments at which the time was the
 *      same committed or tentative value was by (a) the name at both, and at all tentative or
 *      committed moments between. So 2 to 4 and 10 never decide for the wrong key. If a committed
 *      value has been left and come back to in between, the decision is against the key's TAT as
 *      it stands at the compare-and-swap, which is all that a decision depends on besides its now.
 *      (The thread that made a slot private ends that, or, once it is dead, another; both cannot
 *      be.)
 *  (c) overflow of a line is at least the number of published slots beyond it: raised before a
 *      slot is published, lowered after it has become private, and after its name has been
 *      changed: so whoever recovers the slot lowers for the name that he finds, which has not been
 *      lowered for. An owner who dies between may leave it too high: searches go further then
 *      than they need; hf_table_recount mends that. On lines that the old and the new key's path
 *      both cross, nothing changes.
 *  (d) At most one slot of a key is committed at a time. Let p before q on the path both be
 *      tentative and both get committed. Each committer read every other slot after it had read
 *      the value that it replaced (8; what lies behind a line of overflow 0 it read as
 *      unpublished, by (c)), and that value, being tentative, stood there all the time, by (a).
 *      All this is in one total order. If p's value was read first, q's committer, reading p
 *      later, found it tentative (then p is the winner, and q is not committed) or committed
 *      (then it returns). If q's was read first, p's committer, reading q later, found it tentative
 *      and bumped it, so that the other's compare-and-swap fails, or found it committed and
 *      returned. (Or p, or q, was vacated in between: then it is not committed.)
 *  (e) No cell is gained by losing one's slot. Let a key be evicted with TAT x. The horizon was
 *      at least x before the slot was claimed; so whoever scans without finding the key, and
 *      reads the horizon after that scan, charges from x or later, as if the slot still stood.
 *      This trusts no clock. A clock of the table's own is never behind the horizon, which was
 *      made of its earlier readings: the request is decided at that later moment, and the
 *      horizon denies nothing. A time handed in is kept, so that a caller who lags behind others
 *      errs towards denial only.
 *  (f) It is lock-free. While no request completes, no slot becomes committed and none is adjusted,
 *      so evictions end; so withdrawals end, each of which belongs to a request that completes; so
 *      claims end, and recoveries, of which there is one at most for each claim. (Hence
 *      5 charges before it withdraws. Its time and name are not read at once: the old time of a
 *      slot just claimed and its new name look committed, and two inserters that withdrew because
 *      of that could do so in turns for as long as there are candidates.) Of the threads that
 *      bump, the one that wins the last slot finishes its scan. Then nobody bumps the first
 *      tentative slot of a key, and the next commit of it succeeds. It matters that the commit
 *      charges: two keys could otherwise evict each other's fresh commits for ever. A thread that
 *      stops for good keeps one slot private or tentative, and stops nobody.
 *  (g) Arithmetic. now <= 2^61 + margin and tolerance <= 2^60, so a charged TAT is below RANGE, and
 *      RANGE - now is more than any tolerance: each marked time is too late. The largest, a private
 *      one (whose TAT was before some now, bumps aside), with the largest charge is still below
 *      2^64: no sum wraps. The assertions below say so. A charge is at most the tolerance, so what
 *      is left of it beside the charge does not wrap either.
 *
 * WHAT LOWERING COSTS. A lowered key is decided on the slow path until it has outgrown its bound,
 * and its slot is kept until that has passed, up to a unit after H. It can be lowered to now
 * wherever its tolerance is at most a unit, since then H <= now + unit.
 *
 * HOW IT IS TESTED. In tests/base test_table_orders_parked.c runs this code in all orders of its
 * steps, up to a few preemptions; test_table_linear_parked.c seeks an order of recorded calls that
 * one plain TAT agrees with; test_table_killed_parked.c and test_table_mortals_parked.c kill owners
 * at each step. tests/model goes through all orders of the steps of a few threads, and says which
 * step is which. The HF_MUTANT_ seams break one argument each, for tests to notice.
 */

#include "base/table_path.h"

/* Argument (g). Bumps would need years to use up what is left. */
_Static_assert(HF_TIME_MAX_NS + HF_TABLE_MARGIN_NS + HF_TABLE_TOLERANCE_MAX_NS < HF_TABLE_RANGE,
    "no TAT reaches a mark");
_Static_assert(HF_TABLE_RANGE - HF_TIME_MAX_NS - HF_TABLE_MARGIN_NS > HF_TABLE_TOLERANCE_MAX_NS,
    "every marked time is too late");
_Static_assert(HF_TIME_MAX_NS + HF_TABLE_MARGIN_NS <
                   UINT64_MAX - HF_TABLE_PRIVATE - HF_TABLE_TOLERANCE_MAX_NS - HF_SECONDS(3600),
    "no sum wraps");
_Static_assert(HF_TABLE_OWNER_MAX < HF_TABLE_STEP_NS, "an owner fits below a step");

/*
 * A new key is told that its path is full only after this many scans: other inserters each hold a
 * slot for a moment that they may not keep, and dead owners' slots are recovered in between.
 */
#define FULL_SCANS 2

/* Step 6. Returns the time under which the slot was published, 0 if somebody was faster. */
static uint64_t claim(
    struct hf_table *table, const struct hf_table_request *request, uint32_t slot, uint64_t time)
{
    uint64_t *word = hf_table_time_at(request->key.home, slot);
    uint32_t distance = slot / HF_TABLE_LINE_SLOTS;
    uint64_t bound = hf_table_bound(table, time);
    uint64_t tat = hf_table_next_tat(table, bound);
    uint64_t published = HF_TABLE_TENTATIVE + tat + HF_TABLE_STEP_NS;
    hf_max_seq(&table->shared->horizon, hf_table_tat(time));
    hf_step(HF_STEP_TABLE_CLAIMING);
    if (!hf_cas_seq(word, &time, HF_TABLE_PRIVATE + tat))
        return 0;
    hf_step(HF_STEP_TABLE_CLAIMED);
    hf_table_rename(&request->key.home[distance], slot % HF_TABLE_LINE_SLOTS,
        hf_table_name(request->key.fingerprint, distance));
#ifdef HF_MUTANT_NAIVE_CLAIM
    published = hf_max(request->now_ns + HF_TABLE_MARGIN_NS, hf_table_tat(published));
#endif
    hf_store_seq(word, published);
    hf_step(HF_STEP_TABLE_PUBLISHED);
    return published;
}

/*
 * Step 9. If the slot has been committed, and perhaps expired and been claimed for another key
 * since, there is nothing to take back. If it was claimed for the same key, it is taken from that
 * inserter, who will not find it in its next scan and claim another.
 */
static void withdraw(
    const struct hf_table *table, const struct hf_table_request *request, uint32_t slot)
{
    if (slot == HF_TABLE_NOWHERE)
        return;
    uint32_t distance = slot / HF_TABLE_LINE_SLOTS;
    uint64_t own_name = hf_table_name(request->key.fingerprint, distance);
    uint64_t time = hf_load_seq(hf_table_time_at(request->key.home, slot));
    for (;;) {
        uint64_t name = hf_load_acquire(hf_table_name_at(request->key.home, slot));
        bool tentative = !hf_table_is_committed(time) && time < HF_TABLE_PRIVATE;
        if (!tentative || !hf_table_is_name(name, own_name))
            return;
        hf_step(HF_STEP_TABLE_WITHDRAWING);
        if (hf_table_vacate(table, &request->key.home[distance], slot % HF_TABLE_LINE_SLOTS, &time))
            return;
    }
}

/*
 * The time from which a key that has no slot is charged, invariant (e). Moves *now, which is the
 * time decided against, where a clock vouches for it. Only the horizon is needed for safety; the
 * second reading of the clock keeps a thread that was preempted since the first from acting late.
 */
static uint64_t late_base(
    const struct hf_table *table, const struct hf_table_request *request, uint64_t *now)
{
#ifdef HF_MUTANT_LATE_CLOCK
    (void)table;
    (void)request;
    return *now;
#else
    if (!request->clock)
        return hf_max(*now, hf_load_seq(&table->shared->horizon));
    /* A broken clock must not reach the marks. */
    uint64_t reading = hf_min(hf_clock_now_ns(request->clock), HF_TIME_MAX_NS);
    *now = hf_max(*now, reading + HF_TABLE_MARGIN_NS);
    *now = hf_max(*now, hf_load_seq(&table->shared->horizon));
    return *now;
#endif
}

/* Step 8. */
static struct hf_table_answer commit(struct hf_table *table, const struct hf_table_request *request,
    uint32_t slot, uint64_t time, uint64_t now)
{
    uint64_t base = late_base(table, request, &now);
    hf_step(HF_STEP_TABLE_LATE);
    uint64_t next = hf_max(base + request->charge_ns, hf_table_tat(time) + 1);
    base = next - request->charge_ns;
    if (hf_table_too_late(base, now, request))
        return hf_table_answer(HF_TABLE_DENIED, now, base);
    hf_step(HF_STEP_TABLE_COMMITTING);
    if (!hf_cas_seq(hf_table_time_at(request->key.home, slot), &time, next))
        return hf_table_answer(HF_TABLE_AGAIN, now, now);
    hf_step(HF_STEP_TABLE_COMMITTED);
    hf_add_relaxed(&table->shared->inserted, 1);
    return hf_table_answer(HF_TABLE_ADMITTED, now, next);
}

/* No slot of the path can be had. If all are uncommitted, that may be over at once. */
static struct hf_table_answer full(const struct hf_table_scan *scan, uint64_t now)
{
    bool known = scan->earliest != UINT64_MAX;
    return hf_table_answer(
        HF_TABLE_FULL, now, known ? scan->earliest + HF_TABLE_MARGIN_NS : now + 1);
}

/*
 * Steps 2 to 4 for any slot of the path. HF_TABLE_ABSENT: it is not committed, or bears another
 * name.
 */
static struct hf_table_answer decide(const struct hf_table *table,
    const struct hf_table_request *request, uint32_t slot, uint64_t now, bool charging)
{
    uint64_t *word = hf_table_time_at(request->key.home, slot);
    uint64_t name = hf_table_name(request->key.fingerprint, slot / HF_TABLE_LINE_SLOTS);
    hf_step(HF_STEP_TABLE_FOUND);
    uint64_t time = hf_load_acquire(word);
    hf_step(HF_STEP_TABLE_LOADED);
    uint64_t found = hf_load_acquire(hf_table_name_at(request->key.home, slot));
    if (!hf_table_is_name(found, name) || !hf_table_is_committed(time))
        return hf_table_answer(HF_TABLE_ABSENT, now, now);
    uint64_t base = hf_max(hf_table_tat(time), now);
    uint64_t next = base + request->charge_ns;
    hf_step(HF_STEP_TABLE_CHARGING);
    bool late = hf_table_too_late(base, now, request);
    if (late || !charging) {
        enum hf_table_verdict verdict = late ? HF_TABLE_DENIED : HF_TABLE_ADMITTED;
        bool stands = hf_table_stands(word, time);
        return hf_table_answer(stands ? verdict : HF_TABLE_AGAIN, now, base);
    }
    uint64_t charged = hf_table_time(table, next, hf_table_bound(table, time));
    bool won = hf_cas_acq_rel(word, &time, charged);
    return hf_table_answer(won ? HF_TABLE_ADMITTED : HF_TABLE_AGAIN, now, next);
}

/* The same for one that a scan found committed; perhaps it never was. */
static struct hf_table_answer decide_again(const struct hf_table *table,
    const struct hf_table_request *request, uint32_t slot, uint64_t now, bool charging)
{
    struct hf_table_answer answer = decide(table, request, slot, now, charging);
    if (answer.verdict == HF_TABLE_ABSENT)
        answer.verdict = HF_TABLE_AGAIN;
    return answer;
}

/* Steps 5 to 8. */
static struct hf_table_answer insert(
    struct hf_table *table, const struct hf_table_request *request, uint64_t now)
{
    uint32_t mine = HF_TABLE_NOWHERE;
    uint32_t seen = HF_TABLE_NOWHERE;
    uint64_t seen_time = 0;
    for (uint32_t full_scans = 0;;) {
        struct hf_table_scan scan = hf_table_scan_path(table, request->key, now, true);
        if (scan.lost)
            continue;
        if (scan.committed != HF_TABLE_NOWHERE) {
            struct hf_table_answer answer = decide_again(table, request, scan.committed, now, true);
            if (answer.verdict == HF_TABLE_AGAIN)
                continue;
            if (mine != scan.committed)
                withdraw(table, request, mine);
            return answer;
        }
        if (scan.winner == HF_TABLE_NOWHERE && scan.candidate == HF_TABLE_NOWHERE) {
            if (++full_scans == FULL_SCANS)
                return full(&scan, now);
            hf_table_recover_path(table, request->key.home);
            continue;
        }
        if (scan.winner == HF_TABLE_NOWHERE) { /* One's own, if there was one, is gone too. */
            seen_time = claim(table, request, scan.candidate, scan.candidate_time);
            seen = mine = seen_time ? scan.candidate : HF_TABLE_NOWHERE;
            continue;
        }
        if (scan.winner != seen || scan.winner_time != seen_time) {
            seen = scan.winner;
            seen_time = scan.winner_time;
#ifndef HF_MUTANT_ONE_SCAN
            continue;
#endif
        }
        struct hf_table_answer answer = commit(table, request, seen, seen_time, now);
        if (answer.verdict == HF_TABLE_AGAIN)
            continue;
        if (mine != seen || answer.verdict == HF_TABLE_DENIED)
            withdraw(table, request, mine);
        return answer;
    }
}

/* What insert would answer, by looking only. */
static struct hf_table_answer foresee(
    const struct hf_table *table, const struct hf_table_request *request, uint64_t now)
{
    struct hf_table_scan scan = hf_table_scan_path(table, request->key, now, false);
    if (scan.committed != HF_TABLE_NOWHERE)
        return decide_again(table, request, scan.committed, now, false);
    if (scan.winner == HF_TABLE_NOWHERE && scan.candidate == HF_TABLE_NOWHERE)
        return full(&scan, now);
    uint64_t base = late_base(table, request, &now);
    bool late = hf_table_too_late(base, now, request);
    return hf_table_answer(late ? HF_TABLE_DENIED : HF_TABLE_ADMITTED, now, base);
}

/* Steps 1 to 4. HF_TABLE_ABSENT: no committed slot with the key's name was met. */
static struct hf_table_answer find(const struct hf_table *table,
    const struct hf_table_request *request, uint64_t now, bool charging)
{
    struct hf_table_line *line = request->key.home;
    for (uint32_t distance = 0; distance < table->path_lines; distance++, line++) {
        uint64_t name = hf_table_name(request->key.fingerprint, distance);
        uint32_t slot = distance * HF_TABLE_LINE_SLOTS + hf_table_guess(line, name);
        struct hf_table_answer answer = decide(table, request, slot, now, charging);
        if (answer.verdict != HF_TABLE_ABSENT)
            return answer;
        if (hf_load_relaxed(&line->names[0]) < HF_TABLE_OVERFLOW_ONE)
            break;
    }
    return hf_table_answer(HF_TABLE_ABSENT, now, now);
}

/* Each turn after the first means that another thread's transition got between. */
static struct hf_table_answer search(
    struct hf_table *table, const struct hf_table_request *request, bool charging)
{
    uint64_t now = request->now_ns + HF_TABLE_MARGIN_NS;
    struct hf_table_answer answer;
    do {
        answer = find(table, request, now, charging);
        if (answer.verdict == HF_TABLE_ABSENT)
            answer = charging ? insert(table, request, now) : foresee(table, request, now);
    } while (answer.verdict == HF_TABLE_AGAIN);
    return answer;
}

/*
 * Steps 1 to 4 for the line after the home, where most keys stand that have found no room at home,
 * without the calls that a search is made of. A verdict that is neither admitted nor denied is
 * none.
 */
static struct hf_table_answer look_beyond(
    const struct hf_table *table, const struct hf_table_request *request)
{
    struct hf_table_line *home = request->key.home;
    uint64_t now = request->now_ns + HF_TABLE_MARGIN_NS;
    if (hf_load_relaxed(&home->names[0]) < HF_TABLE_OVERFLOW_ONE || table->path_lines == 1)
        return hf_table_answer(HF_TABLE_ABSENT, now, now);
    uint64_t name = hf_table_name(request->key.fingerprint, 1);
    return hf_table_charge_plain(&home[1], hf_table_guess(&home[1], name), name, request, now);
}

struct hf_table_answer hf_table_search(
    struct hf_table *table, const struct hf_table_request *request)
{
    struct hf_table_answer answer = look_beyond(table, request);
    return answer.verdict < HF_TABLE_FULL ? answer : search(table, request, true);
}

struct hf_table_answer hf_table_peek(struct hf_table *table, const struct hf_table_request *request)
{
    return search(table, request, false);
}
