/* SPDX-License-Identifier: MIT */

/*
 * How can a TAT be lowered (refund, reset, another quota) in a table whose compare-and-swaps rely on
 * a slot's time? Five answers, of which the last is that of src/base/table.c.
 *
 * One slot and two keys. A stalled thread has read the slot's time and found its own key's name
 * at it, and tries a compare-and-swap later: a charge, if the time was committed; a commit, if it
 * was tentative. Meanwhile the world charges, lowers, evicts, claims, publishes, bumps, commits and
 * vacates for either key. A charge must meet the key that it was decided for; a commit must meet the
 * very publication that the scan before it saw, for that scan says nothing about a later one. In
 * each form the world knows the clock, never lowers below it, and all its decisions obey the
 * tolerance; with BACKWARDS the clock is nobody's: it goes either way.
 *
 *   FORM        how a time is lowered                                    found
 *   PLAIN       by subtraction                                           refuted, 1 lowering
 *   WIDE        by subtraction; every compare-and-swap has 16 bytes,     refuted, 1 lowering,
 *               time and name                                            by a stale commit
 *   WRAPPING    VERSIONS version bits stand above the TAT and count      refuted, as soon as
 *               lowerings, modulo 2^VERSIONS                             2^VERSIONS lowerings fit
 *                                                                        into one stall
 *   REFUSING    the same, but at the last version nothing is lowered     holds
 *   KEPT        the latest that the slot has been since it was claimed   holds, whatever the
 *               is kept, rounded up to a unit, in a mark of two bits;    clock, for any number of
 *               it is claimed when that has passed, and begins anew      lowerings
 *               above it
 *
 * So: a wide compare-and-swap mends charges, not commits, since a publication can repeat with its
 * name. Version bits are safe without a word about how long a thread may stall only if the last
 * version refuses, which leaves a slot that has used up its versions without refunds for good.
 * KEPT lets times repeat where that is harmless, under one name, and nowhere else: a time and its
 * mark tell a bound, and each claim begins above the last one. So a TAT, but never a time, may come
 * back to where it was under another name, when a clock has gone backwards.
 *
 * What KEPT rests on, by leaving it out: MUTANT_BY_TAT claims when the TAT has passed;
 * MUTANT_BELOW waits for the bound, but begins above the TAT; MUTANT_LOST forgets the bound when it
 * charges.
 */

#define PLAIN 0
#define WIDE 1
#define WRAPPING 2
#define REFUSING 3
#define KEPT 4
#ifndef FORM
#define FORM PLAIN
#endif
#ifndef VERSIONS
#define VERSIONS 1
#endif
#ifndef LOWERINGS
#define LOWERINGS 4 /* How many at most. */
#endif
#ifndef BACKWARDS
#define BACKWARDS 0
#endif

#define TICKS 10
#define TOLERANCE 4
#define UNIT TOLERANCE
#define TAT_LIMIT 32 /* Above TICKS + TOLERANCE and what claims and bumps add. */
#define VERSION_LIMIT (1 << VERSIONS)
#define TENTATIVE 1024
#define PRIVATE 2048
#define TAT(time) ((time) % TAT_LIMIT)
#define VERSION(time) (((time) % TENTATIVE) / TAT_LIMIT) /* KEPT's mark. */
#define COMMITTED(time) ((time) < TENTATIVE)
#define MAX(a, b) ((a) > (b) -> (a) : (b))
#define MIN(a, b) ((a) < (b) -> (a) : (b))
#define UP(tat) (((tat) + UNIT - 1) / UNIT)

#if FORM == KEPT
#define BOUND(time) \
    (VERSION(time) == 0 -> TAT(time) : (TAT(time) / UNIT + VERSION(time)) * UNIT)
#else
#define BOUND(time) TAT(time)
#endif

short time_word;
byte name;
byte clock;
byte lowered;
byte published; /* Which publication this is, to judge by. */

/* Of single steps, and hence no part of the state. */
hidden byte wanted;
hidden byte bound;
hidden byte marked;

/* The same flags and version, TAT moved on. */
inline move_on(flags, units)
{
    assert(TAT(time_word) + units < TAT_LIMIT);
    time_word = flags + time_word % TENTATIVE + units
}

/* A committed time of the TAT that is wanted, from one that was. */
inline become()
{
#if FORM == KEPT
    bound = UP(BOUND(time_word));
    marked = (wanted >= BOUND(time_word) -> 0 : MIN(bound - wanted / UNIT, 2));
#ifdef MUTANT_LOST
    marked = (wanted >= TAT(time_word) -> 0 : marked);
#endif
    wanted = (marked == 0 -> wanted : MAX(wanted, (bound - marked) * UNIT));
    time_word = marked * TAT_LIMIT + wanted;
    bound = 0;
    marked = 0
#else
    time_word = time_word - TAT(time_word) + wanted
#endif
}

#define MAY_CHARGE(units) \
    (COMMITTED(time_word) && name != 0 && MAX(TAT(time_word), clock) + units <= clock + TOLERANCE)
#define MAY_LOWER(units) \
    (COMMITTED(time_word) && name != 0 && lowered < LOWERINGS && \
        TAT(time_word) >= clock + units && \
        (FORM != REFUSING || VERSION(time_word) + 1 < VERSION_LIMIT))
#ifdef MUTANT_BY_TAT
#define MAY_CLAIM (COMMITTED(time_word) && TAT(time_word) <= clock)
#else
#define MAY_CLAIM (COMMITTED(time_word) && BOUND(time_word) <= clock)
#endif

inline charge(units)
{
    wanted = MAX(TAT(time_word), clock) + units;
    become()
}

inline lower(units)
{
    lowered = (LOWERINGS < 255 -> lowered + 1 : 0);
#if FORM == PLAIN || FORM == WIDE
    time_word = time_word - units
#elif FORM == KEPT
    wanted = TAT(time_word) - units;
    become()
#else
    time_word = ((VERSION(time_word) + 1) % VERSION_LIMIT) * TAT_LIMIT + TAT(time_word) - units
#endif
}

inline claim()
{
#if FORM == KEPT
#if defined(MUTANT_BY_TAT) || defined(MUTANT_BELOW)
    time_word = PRIVATE + TAT(time_word) + 1
#else
    time_word = PRIVATE + BOUND(time_word) + 1
#endif
#else
    move_on(PRIVATE, 1)
#endif
}

#define IS_TENTATIVE (time_word >= TENTATIVE && time_word < PRIVATE)

active proctype world()
{
    do
    :: d_step { clock < TICKS -> clock++ }
    :: d_step { BACKWARDS && clock > 0 -> clock-- }
    :: d_step { MAY_CHARGE(1) -> charge(1) }
    :: d_step { MAY_CHARGE(2) -> charge(2) }
    :: d_step { MAY_LOWER(1) -> lower(1) }
    :: d_step { MAY_LOWER(TOLERANCE) -> lower(TOLERANCE) }
    :: d_step { MAY_CLAIM -> claim() }
    :: d_step { time_word >= PRIVATE -> name = 1 }
    :: d_step { time_word >= PRIVATE -> name = 2 }
    :: d_step { time_word >= PRIVATE && name != 0 && published < 4 ->
        published++;
        move_on(TENTATIVE, 1) }
    :: d_step { IS_TENTATIVE && TAT(time_word) < clock + 2 -> move_on(TENTATIVE, 1) }
    :: d_step { IS_TENTATIVE ->
        time_word = time_word % TENTATIVE - TAT(time_word) + MAX(clock + 1, TAT(time_word) + 1) }
    :: d_step { IS_TENTATIVE && TAT(time_word) < clock + 2 ->
        name = 0;
        time_word = time_word % TENTATIVE + 1 }
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
        assert(COMMITTED(x) || published == seen) }
}
