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

/* Which key a thread asks for: the same, the last thread another, both in turns, or crosswise. */
#define SAME 0
#define OTHER 1
#define TURNS 2
#define CROSS 3
#ifndef PLAN
#define PLAN SAME
#endif
#if PLAN == SAME
#define KEY(me, round) 1
#elif PLAN == OTHER
#define KEY(me, round) (me == THREADS - 1 -> 2 : 1)
#elif PLAN == TURNS
#define KEY(me, round) (1 + (me + round) % 2)
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

#define MARGIN 4
#define T 8
#define TOLERANCE (BURST * T)
#define NOW(reading) (MARGIN + (reading) * (T + MARGIN))

#define TENTATIVE 256
#define PRIVATE 512
#define UNFLAGGED(time) ((time) < TENTATIVE)
#define TAT(time) ((time) % TENTATIVE)
#define MAX(a, b) ((a) > (b) -> (a) : (b))
#define MIN(a, b) ((a) < (b) -> (a) : (b))

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
byte ended;
bool died;

/* Of single steps, and hence no part of the state. */
hidden byte at;
hidden byte line;
hidden byte found;

inline check_key()
{
    found = 0;
    at = 0;
    do
    :: at < ALL_LINES * SLOTS ->
        found = found + (names[at] % 16 == key && UNFLAGGED(times[at]));
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
        assert(overflow[line] >= found);
        assert(ended < THREADS || overflow[line] == found);
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
    :: at < ALL_LINES * SLOTS -> assert(UNFLAGGED(times[at])); at++
    :: else -> break
    od;
    check_overflow()
}

/* A committed slot that is denied or charged is the key's: its time is x. */
inline check_own()
{
#ifdef MUTANT_NAIVE_CLAIM
    true
#else
    assert(x == tat[key])
#endif
}

/* Invariant (a), and that there is an end to it. */
inline put(value)
{
#ifndef MUTANT_NO_PRIVATE
    assert(TAT(value) > TAT(times[AT(slot)]));
#endif
    assert(TAT(value) < TENTATIVE / 2);
    times[AT(slot)] = value
}

inline admit(value)
{
    assert(value >= tat[key] + T && value - now <= TOLERANCE);
    first[key] = (admitted[key] == 0 -> now : first[key]);
    admitted[key]++;
    assert(admitted[key] * T <= TOLERANCE + now - first[key]);
    tat[key] = value;
    check_key()
}
