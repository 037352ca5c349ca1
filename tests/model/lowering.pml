/* SPDX-License-Identifier: MIT */

/*
 * An open question, not the code: can a TAT be lowered (refund, reset, another quota) in a table
 * whose compare-and-swaps rely on a slot's time never repeating?
 *
 * One slot and two keys. A stalled thread has read the slot's time and found its own key's name
 * at it, and tries a compare-and-swap later: a charge, if the time was committed; a commit, if it
 * was tentative. Meanwhile the world charges, lowers (never below the clock), evicts, claims,
 * publishes, bumps and commits for either key. A charge must meet the key that it was decided
 * for; a commit must meet the very publication that the scan before it saw, for that scan says
 * nothing about a later one. In each form the world knows the clock, and all its decisions obey
 * the tolerance.
 *
 *   FORM        how a time is lowered                                    found
 *   PLAIN       by subtraction                                           refuted, 1 lowering
 *   WIDE        by subtraction; every compare-and-swap has 16 bytes,     refuted, 1 lowering,
 *               time and name                                            by a stale commit
 *   WRAPPING    VERSIONS version bits stand above the TAT and count      refuted, as soon as
 *               lowerings, modulo 2^VERSIONS                             2^VERSIONS lowerings fit
 *                                                                        into one stall
 *   REFUSING    the same, but at the last version nothing is lowered     holds
 *
 * So: a wide compare-and-swap mends charges, not commits, since a publication can repeat with its
 * name. Version bits are safe without a word about how long a thread may stall only if the last
 * version refuses, which errs towards denial but leaves a slot that has used up its versions
 * without refunds for good. Wrapping is as safe as 2^VERSIONS lowerings of one slot during one
 * stall, that also meet the same TAT to the unit, are unlikely: an argument about chances.
 * Whether a version may come back once the clock has passed every TAT that it was used with (at
 * most the time of its last decision and the tolerance) is not modelled; it would trust clocks,
 * as nothing in the table does now. Nor is the form that lowers nothing: insert the key anew in
 * another slot, at the lower TAT, and leave the old slot nameless until its own TAT has passed.
 * No time repeats there, but each lowering costs a slot for up to the tolerance, which suits a
 * reset or another quota more than refunds of a busy key.
 */

#define PLAIN 0
#define WIDE 1
#define WRAPPING 2
#define REFUSING 3
#ifndef FORM
#define FORM PLAIN
#endif
#ifndef VERSIONS
#define VERSIONS 1
#endif
#ifndef LOWERINGS
#define LOWERINGS 4 /* How many at most. */
#endif

#define TICKS 10
#define TOLERANCE 4
#define TAT_LIMIT 32 /* Above TICKS + TOLERANCE and what claims and bumps add. */
#define VERSION_LIMIT (1 << VERSIONS)
#define TENTATIVE 1024
#define PRIVATE 2048
#define TAT(time) ((time) % TAT_LIMIT)
#define VERSION(time) (((time) % TENTATIVE) / TAT_LIMIT)
#define UNFLAGGED(time) ((time) < TENTATIVE)
#define MAX(a, b) ((a) > (b) -> (a) : (b))

short time_word;
byte name;
byte clock;
byte lowered;
byte published; /* Which publication this is, to judge by. */

/* The same flags and version, TAT moved on. */
inline move_on(flags, units)
{
    assert(TAT(time_word) + units < TAT_LIMIT);
    time_word = flags + time_word % TENTATIVE + units
}

#define MAY_CHARGE(units) \
    (UNFLAGGED(time_word) && name != 0 && MAX(TAT(time_word), clock) + units <= clock + TOLERANCE)
#define MAY_LOWER(units) \
    (UNFLAGGED(time_word) && name != 0 && lowered < LOWERINGS && \
        TAT(time_word) >= clock + units && \
        (FORM != REFUSING || VERSION(time_word) + 1 < VERSION_LIMIT))

inline charge(units)
{
    time_word = time_word - TAT(time_word) + MAX(TAT(time_word), clock) + units
}

inline lower(units)
{
    lowered++;
#if FORM == PLAIN || FORM == WIDE
    time_word = time_word - units
#else
    time_word = ((VERSION(time_word) + 1) % VERSION_LIMIT) * TAT_LIMIT + TAT(time_word) - units
#endif
}

active proctype world()
{
    do
    :: d_step { clock < TICKS -> clock++ }
    :: d_step { MAY_CHARGE(1) -> charge(1) }
    :: d_step { MAY_CHARGE(2) -> charge(2) }
    :: d_step { MAY_LOWER(1) -> lower(1) }
    :: d_step { MAY_LOWER(TOLERANCE) -> lower(TOLERANCE) }
    :: d_step { UNFLAGGED(time_word) && TAT(time_word) <= clock -> move_on(PRIVATE, 1) }
    :: d_step { time_word >= PRIVATE -> name = 1 }
    :: d_step { time_word >= PRIVATE -> name = 2 }
    :: d_step { time_word >= PRIVATE && name != 0 && published < 4 ->
        published++;
        move_on(TENTATIVE, 1) }
    :: d_step { time_word >= TENTATIVE && time_word < PRIVATE && TAT(time_word) < clock + 2 ->
        move_on(TENTATIVE, 1) }
    :: d_step { time_word >= TENTATIVE && time_word < PRIVATE ->
        time_word = time_word % TENTATIVE - TAT(time_word) + MAX(clock + 1, TAT(time_word) + 1) }
    :: clock == TICKS -> break
    od
}

/* Whatever it would write, the compare-and-swap must not succeed where it should not. */
active proctype stalled()
{
    short x;
    byte seen;

end_unread:
    d_step { time_word < PRIVATE -> x = time_word; seen = published };
end_unnamed:
    name == 1;
end:
    d_step { time_word == x && (FORM != WIDE || name == 1) ->
        assert(name == 1);
        assert(UNFLAGGED(x) || published == seen) }
}
