/* SPDX-License-Identifier: MIT */

/*
 * The protocol of the keyed table.
 *
 * WORDS. A slot has a name and a time, 64 bits each; four slots make a cache line.
 *
 *     time = PRIVATE:1 | TENTATIVE:1 | TAT:62
 *     name = overflow:12 | displacement:4 | fingerprint:48
 *
 * A key lives on its path: the line that its hash calls home and the few that follow.
 * displacement is the distance from home, part of the name, so that a name means one key in
 * whatever line it stands. Name 0 is nobody's. The overflow field is used in the first slot of a
 * line only and belongs to the line: how many slots beyond it are named for keys whose path
 * leads across it. A search ends at a line whose overflow is 0. (At most 15 lines of 4 slots
 * beyond a line are within reach, so 12 bits hold it.)
 *
 * A time without flags is committed: the key's TAT. A flag makes a time larger than any TAT can
 * be, so a flagged slot never looks expired and every charge against it comes out as too late:
 * the admission of a known key tests no flag.
 *
 * CHARGING A KNOWN KEY
 *  1. Find the name (relaxed loads). Not there: insert.
 *  2. Load its time (acquire), then its name again (acquire); another name by now: 1.
 *  3. next = max(time, now) + charge. Too late if next - now > tolerance. Then: flagged: insert;
 *     the time has changed since: 1; otherwise denied, and nothing was written.
 *  4. Compare-and-swap time -> next; lost: 1; won: admitted.
 *
 * INSERTING A KEY
 *  5. Scan the path, in each slot the time, then the name. Of the slots that bear the key's
 *     name: committed: charge it (2); the slot has changed: 5; otherwise done, and one's own
 *     tentative slot, if another, is withdrawn. Tentative: the first on the path is the winner;
 *     bump each further one (compare-and-swap time -> time + 1; lost: 5). Private: ignore. The
 *     first other slot that is unflagged and has expired is the candidate.
 *  6. No winner: claim the candidate. Raise the horizon to its TAT. Compare-and-swap its time ->
 *     PRIVATE | TAT + 1: now nobody else touches it. Bring overflow up to date, exchange the
 *     name, store TENTATIVE | TAT + 2: published. Remember it as the winner; 5. No candidate,
 *     twice: full.
 *  7. A winner not seen before: remember it and its time; 5.
 *  8. A winner that has not changed since before a whole scan: read the clock, then the horizon,
 *     and compare-and-swap its time -> base + charge, base being the later of the two: this
 *     commits and charges at once. Anybody may commit anybody's tentative slot; one's own, if
 *     another, is withdrawn. Lost: 5. Too late: denied, and one's own is withdrawn.
 *  9. Withdraw, while the slot is still tentative: compare-and-swap -> PRIVATE | TAT + 1, lower
 *     overflow, name 0, store TAT + 2. If somebody has committed it meanwhile, it is the key's
 *     slot and stays.
 *
 * ORDER. In 5 to 9 all loads of times and overflow, all compare-and-swaps and the store that
 * publishes are sequentially consistent: two inserters publish and then look for each other
 * (Dekker), and two helpers may look at both (IRIW). Names are exchanged with release and loaded
 * with acquire. A withdrawn slot is stored with release.
 *
 * WHY IT IS RIGHT
 *  (a) A slot's time never repeats: each transition makes its TAT larger (a charge by charge >=
 *      1, a commit by the maximum with TAT + 1, the others by 1). So a compare-and-swap on it is
 *      versioned: there is no ABA.
 *  (b) A name changes only while its slot is private, and only the thread that made it private
 *      ends that. So a name read between two moments at which the time was the same was the name
 *      at both: steps 2 to 4 never charge a slot for the wrong key. (Whoever acquires a new name
 *      sees the claim that came before it, and so a changed time.)
 *  (c) overflow of a line is at least the number of published slots beyond it: raised before a
 *      slot is published, lowered only while it is private. On lines that the old and the new
 *      key's path both cross, nothing changes.
 *  (d) At most one slot of a key is committed at a time. Let p before q on the path both be
 *      tentative and both get committed. Each committer read every other slot after it had read
 *      the value that it replaced (8; what lies behind a line of overflow 0 it read as
 *      unpublished, by (c)). All this is in one total order. If p's value was read first, q's
 *      committer, reading p later, found it tentative (then p is the winner, and q is not
 *      committed) or committed (then it returns). If q's was read first, p's committer, reading
 *      q later, found it tentative and bumped it, so that the other's compare-and-swap fails by
 *      (a), or found it committed and returned.
 *  (e) No cell is gained by losing one's slot. Let a key be evicted with TAT x. The horizon was
 *      at least x before the slot was claimed; so whoever scans without finding the key, and
 *      reads the horizon after that scan, charges from x or later, as if the slot still stood.
 *      This trusts no clock. A clock of the table's own is never behind the horizon, which was
 *      made of its earlier readings: the request is decided at that later moment, and the
 *      horizon denies nothing. A time handed in is kept, so that a caller who lags behind others
 *      errs towards denial only.
 *  (f) It is lock-free. While no request completes, no slot becomes committed, so evictions end;
 *      so withdrawals end, each of which belongs to a request that completes; so claims end. (Hence
 *      5 charges before it withdraws. Its time and name are not read at once: the old time of a
 *      slot just claimed and its new name look committed, and two inserters that withdrew because
 *      of that could do so in turns for as long as there are candidates.) Of the threads that
 *      bump, the one that wins the last slot finishes its scan. Then nobody bumps the first
 *      tentative slot of a key, and the next commit of it succeeds. It matters that the commit
 *      charges: two keys could otherwise evict each other's fresh commits for ever. A thread that
 *      stops for good keeps one slot private or tentative, and stops nobody.
 *  (g) Arithmetic. now <= 2^61 + margin and tolerance <= 2^60, so a charged TAT is below 2^62:
 *      it never reaches a flag, a flagged time is later than any tolerance allows, and no sum of
 *      two wraps.
 *
 * tests/base/test_table_orders_parked.c runs this code in all orders of its steps, up to a few
 * preemptions; the HF_MUTANT_ seams break one argument each, for tests to notice.
 */

#include "base/table_path.h"

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
    hf_max_seq(&table->shared->horizon, bound);
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
        if (!tentative || (name & HF_TABLE_NAME_MASK) != own_name)
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
    if (hf_table_too_late(next, now, request->tolerance_ns))
        return hf_table_answer(HF_TABLE_DENIED, now, next - request->charge_ns);
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
    if ((found & HF_TABLE_NAME_MASK) != name || !hf_table_is_committed(time))
        return hf_table_answer(HF_TABLE_ABSENT, now, now);
    uint64_t base = hf_max(hf_table_tat(time), now);
    uint64_t next = base + request->charge_ns;
    hf_step(HF_STEP_TABLE_CHARGING);
    bool late = hf_table_too_late(next, now, request->tolerance_ns);
    if (late || !charging) {
        bool same = hf_load_relaxed(word) == time;
        enum hf_table_verdict verdict = late ? HF_TABLE_DENIED : HF_TABLE_ADMITTED;
        return hf_table_answer(same ? verdict : HF_TABLE_AGAIN, now, base);
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
    bool late = hf_table_too_late(base + request->charge_ns, now, request->tolerance_ns);
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

struct hf_table_answer hf_table_search(
    struct hf_table *table, const struct hf_table_request *request)
{
    return search(table, request, true);
}

struct hf_table_answer hf_table_peek(struct hf_table *table, const struct hf_table_request *request)
{
    return search(table, request, false);
}
