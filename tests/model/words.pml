/* SPDX-License-Identifier: MIT */

/*
 * What the models of the keyed table are made of: their parameters, the shared words, and the judge
 * of every step.
 */

#ifndef THREADS
#define THREADS 2
#endif
#ifndef ROUNDS
#define ROUNDS 1 /* Requests a thread. */
#endif
#ifndef OTHERS_ROUNDS
#define OTHERS_ROUNDS ROUNDS /* Of all threads but the first. */
#endif
#define ROUNDS_OF(me) (me == 0 -> ROUNDS : OTHERS_ROUNDS)
#ifndef LINES
#define LINES 1 /* Of a path. */
#endif
#ifndef HOMES
#define HOMES 1
#endif
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef SEEDS
#define SEEDS 0 /* Slots that at first, and until the clock ticks, are other keys' and live. */
#endif
#ifndef BURST
#define BURST 1
#endif
#ifndef TICKS
#define TICKS 1 /* The clock shows 0 to TICKS. At most 2. */
#endif

/*
 * Which key a thread asks for: the same, the last thread another, both in turns, or crosswise; or
 * key 1, but the first thread another in the end (PAST).
 */
#define SAME 0
#define OTHER 1
#define TURNS 2
#define CROSS 3
#define PAST 4
#ifndef PLAN
#define PLAN SAME
#endif
#if PLAN == SAME
#define KEY(me, round) 1
#elif PLAN == OTHER
#define KEY(me, round) (me == THREADS - 1 -> 2 : 1)
#elif PLAN == TURNS
#define KEY(me, round) (1 + (me + round) % 2)
#elif PLAN == PAST
#define KEY(me, round) (me == 0 && round == ROUNDS - 1 -> 2 : 1)
#else
#define KEY(me, round) (me == THREADS - 1 -> 1 + round % 2 : 1)
#endif
#define KEYS 2

/* The clock: one for all; a tick ahead on odd threads; or any reading at any time. */
#define COMMON 0
#define SKEWED 1
#define ERRATIC 2
#ifndef CLOCK
#define CLOCK COMMON
#endif

#define AHEAD(me) (CLOCK == SKEWED -> (me) % 2 : 0)

/* 1: times are callers' words, and the clock is not read again in step 8. */
#ifndef GIVEN
#define GIVEN 0
#endif
/* 1: no request may be answered with "full". */
#ifndef NEVER_FULL
#define NEVER_FULL 0
#endif

/* What a thread does for its own key after an admission: nothing, or lower its TAT. */
#define REFUND 1 /* By a cell. */
#define RESET 2
#ifndef AFTER
#define AFTER 0
#endif
/* The thread that adjusts; others do not. */
#ifndef ADJUSTER
#define ADJUSTER 0
#endif
/* Cells that key 1 has been charged in the first slot when all begins. */
#ifndef CHARGED
#define CHARGED 0
#endif

/* Mutants whose mistake is one of invariant (a) are to be found out by what comes of it. */
#if defined(MUTANT_NO_PRIVATE) || defined(MUTANT_LOST_BOUND) || defined(MUTANT_BY_TAT)
#define BREAKS_A
#endif

#define MARGIN 4
#ifndef T
#define T 8
#endif
#ifndef PERIOD
#define PERIOD (T + MARGIN) /* Between two readings. */
#endif
#define TOLERANCE (BURST * T)
#ifndef UNIT
#define UNIT TOLERANCE
#endif
#define NOW(reading) (MARGIN + (reading) * PERIOD)

#define RANGE 128
#define TENTATIVE (3 * RANGE)
#define PRIVATE (4 * RANGE)
#define COMMITTED(time) ((time) < TENTATIVE)
#define MARK(time) ((time) / RANGE)
#define TAT(time) ((time) % RANGE)
#define MAX(a, b) ((a) > (b) -> (a) : (b))
#define MIN(a, b) ((a) < (b) -> (a) : (b))
/* Of a committed time. */
#define BOUND(time) (MARK(time) == 0 -> (time) : (TAT(time) / UNIT + MARK(time)) * UNIT)

#define NOWHERE 15
#define PATH_SLOTS (LINES * SLOTS)
#define ALL_LINES (HOMES + LINES - 1)
#define HOME(key) (((key) - 1) % HOMES)
#define AT(slot) (HOME(key) * SLOTS + (slot))
/* As in the code, a name is fingerprint and displacement; 0 is nobody's. */
#define NAME(slot) (key + 16 * ((slot) / SLOTS))
#define DISPLACEMENT(name) ((name) / 16)
#define LINE_OF(slot) (HOME(key) + (slot) / SLOTS)

short times[ALL_LINES * SLOTS];
byte names[ALL_LINES * SLOTS];
byte overflow[ALL_LINES];
short horizon;
byte clock;

/* What one cell a key, never evicted, would say: the judge of all admissions. */
short tat[KEYS + 1];
byte admitted[KEYS + 1];
short first[KEYS + 1];
#if AFTER
short returned[KEYS + 1]; /* Time given back. */
#endif
#ifdef VICTIM
bool dead_hand[ALL_LINES * SLOTS]; /* The owner in the time of an uncommitted slot is the victim. */
#endif
byte ended;
bool died;

/* Of single steps, and hence no part of the state. */
hidden short placed;
hidden short wanted;
hidden short bound;
hidden short marked;
hidden byte at;
hidden byte line;
hidden byte found;

inline check_key()
{
    found = 0;
    at = 0;
    do
    :: at < ALL_LINES * SLOTS ->
        found = found + (names[at] % 16 == key && COMMITTED(times[at]));
        at++
    :: else -> break
    od;
    assert(found <= 1)
}

/* Whether the slot is published, beyond the line, and for a key whose path leads across it. */
#define BEYOND_LINE(slot, line) \
    (times[slot] < PRIVATE && names[slot] != 0 && (slot) / SLOTS > line && \
        (slot) / SLOTS - DISPLACEMENT(names[slot]) <= line)

inline check_overflow()
{
#ifndef MUTANT_LATE_OVERFLOW
    line = 0;
    do
    :: line < ALL_LINES ->
        found = 0;
        at = 0;
        do
        :: at < ALL_LINES * SLOTS -> found = found + BEYOND_LINE(at, line); at++
        :: else -> break
        od;
        assert(overflow[line] >= found && overflow[line] < 128);
        assert(ended < THREADS || died || overflow[line] == found);
        line++
    :: else -> break
    od;
#endif
    line = 0 /* A d_step must not end with a loop. */
}

inline check_nothing_left()
{
    at = 0;
    do
    :: at < ALL_LINES * SLOTS -> assert(COMMITTED(times[at])); at++
    :: else -> break
    od;
    check_overflow()
}

/* A committed slot that is denied, charged or adjusted is the key's: its time is x. */
inline check_own()
{
#ifdef MUTANT_NAIVE_CLAIM
    true
#else
    assert(names[AT(slot)] == NAME(slot));
    assert(TAT(x) == tat[key])
#endif
}

/* Invariant (a), step by step: bounds only grow, and those of uncommitted times at each step. */
inline put(value)
{
    placed = value;
#ifndef BREAKS_A
    bound = (COMMITTED(times[AT(slot)]) -> BOUND(times[AT(slot)]) : TAT(times[AT(slot)]));
    marked = (COMMITTED(placed) -> BOUND(placed) : TAT(placed));
    assert(marked > bound || (marked == bound && COMMITTED(placed) && COMMITTED(times[AT(slot)])));
#endif
    assert(TAT(placed) < RANGE - 1);
    times[AT(slot)] = placed
}

/* The time of a TAT, `wanted`, in place of a committed one, x; left in `wanted`. */
inline mark()
{
    bound = (BOUND(x) + UNIT - 1) / UNIT;
    marked = (wanted >= BOUND(x) -> 0 : MIN(bound - wanted / UNIT, 2));
#ifdef MUTANT_LOST_BOUND
    marked = (wanted >= TAT(x) -> 0 : marked);
#endif
    wanted = (marked == 0 -> wanted : MAX(wanted, (bound - marked) * UNIT));
    wanted = marked * RANGE + wanted
}

inline admit(value)
{
    assert(value >= tat[key] + T && value - now <= TOLERANCE);
    first[key] = (admitted[key] == 0 -> now : first[key]);
    admitted[key]++;
#if AFTER
    assert(admitted[key] * T <= TOLERANCE + now - first[key] + returned[key]);
#else
    assert(admitted[key] * T <= TOLERANCE + now - first[key]);
#endif
    tat[key] = value;
    check_key()
}
