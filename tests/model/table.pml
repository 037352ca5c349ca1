/* SPDX-License-Identifier: MIT */

/*
 * A model of src/base/table.c for Spin: each load, store and compare-and-swap of a shared word is
 * one step, and all orders of the steps of all threads are searched. tests/model/run gives the
 * configurations and what each has to show.
 *
 * WHAT IS SHOWN, in every state that can be reached:
 *   - at most one committed slot a key (check_key);
 *   - an admission starts where the key's last one ended, or where it was lowered to, whoever
 *     evicted its slot meanwhile; admissions since the first are at most the burst, what has elapsed
 *     between the clock readings and what was given back (admit); no charge, denial or adjustment
 *     is made against a slot that is another key's, or against a time that is not the key's
 *     (check_own);
 *   - each step keeps or raises the bound that invariant (a) is about (put);
 *   - overflow of a line is never below the number of published slots beyond it (check_overflow);
 *   - no arrival time leaves its range, so that nothing goes on for ever by raising times, and no
 *     cycle is found (-DNP; no state is marked as progress, so that every cycle is an error), so
 *     that nothing goes on for ever without raising them. Hence every request ends, in whatever
 *     order the threads are run, and also if some are never run again. That it was not "full" that
 *     ended it is shown where there is always room (-DNEVER_FULL=1);
 *   - no slot stays private or tentative, and no overflow too high, once every request has ended
 *     (check_nothing_left).
 * -DVICTIM=i lets thread i die at any of its steps. -DHEIR=j: thread j recovers what it has left,
 * while others go on; and so do others, before they are told that their path is full. Then too no
 * slot stays private or tentative; overflow may stay too high.
 * -DAFTER=REFUND lets one thread give back a cell of its key after each admission; RESET, all that
 * the key owes after each request.
 *
 * FROM STEP TO STEP. The numbers are those of the comment in table.c.
 *
 *   model                    step  table.c, table.h
 *   READ                     1     the caller's request.now_ns
 *   FIND                     1, 2  find, hf_table_guess; decide and, for plain times at home,
 *                                  hf_table_charge_plain: hf_load_acquire(word)
 *   NAMED                    2, 3  its second load of the name, hf_table_too_late
 *   VALIDATE                 3     its relaxed load of the time
 *   CHARGE, mark             4     its hf_cas_acq_rel; hf_table_time
 *   BEYOND                   1     find: the load of overflow
 *   SCAN, LOOK, BUMP         5     examine: hf_load_seq, hf_load_acquire, hf_cas_seq
 *   EDGE                     5     scan_path: the load of overflow
 *   scan_ends                6, 7  insert: what it makes of a scan
 *   HORIZON, CLAIM           6     claim: hf_max_seq, hf_cas_seq
 *   RAISE, RENAME, LOWER     6, 9  hf_table_rename: count_beyond, hf_xor_release, count_beyond
 *   PUBLISH                  6, 9  claim: hf_store_seq; hf_table_vacate: hf_store_release
 *   LATE, LATE_HORIZON       8     late_base: hf_clock_now_ns, hf_load_seq; hf_table_too_late
 *   COMMIT                   8     commit: hf_cas_seq
 *   OWN, OWN_NAME            9     withdraw: hf_load_seq, hf_load_acquire
 *   RETRACT, TAKE            9     hf_table_vacate: hf_cas_seq
 *   ADJUST, ADJUST_NAMED     10    adjust_slot: hf_load_seq, hf_load_acquire
 *   ADJUST_NOW, SWAP         10    adjust_time: read_now, hf_cas_seq
 *   RECOVER, ASK             11    recover_slot: hf_load_seq, is_dead
 *
 * WHERE THE MODEL SAYS MORE THAN THE CODE: FIND may look at any slot of a line, not only at the one
 * with the name, as the code's guess may be stale. Overflow has a word of its own: additions and
 * the exclusive or touch different bits of the shared one, and no step uses both parts of a load;
 * count_beyond is one step, as its compare-and-swap decides it. An adjustment may look at any slot
 * of the path, and at once give up. Of an owner it is kept beside the time whether it is the victim.
 * hf_max_seq is one step, as its last load or compare-and-swap decides it.
 *
 * WHERE IT SAYS LESS: memory is sequentially consistent; peeks are left out (they write nothing);
 * each charge is one cell; readings of the clock are whole periods, T + MARGIN apart, so that a
 * slot is either live or old enough to be claimed; steps are 1, not 256; quotas are rescaled in
 * no other way than a reset does; an adjustment that changes nothing is not checked against the
 * time being the same.
 *
 * WHAT HAS CHANGED SINCE THE FIRST DESIGN, in which a scan that met a committed slot sent the
 * thread back to step 2: it charges that slot itself (LOOK to LOAD), and a denial in step 8
 * withdraws one's own slot; a search gives up after two scans without a candidate; a candidate must
 * have expired by MARGIN, so that claiming, publishing and bumping stay in the past; and there is
 * the horizon.
 *
 * WHY ONE CHARGES FIRST AND THEN WITHDRAWS. A scan reads a slot's time and then its name. If the
 * slot is claimed in between, an old time without flags meets the new name, and the slot looks
 * committed though it is private. Whoever withdraws because of that has withdrawn for nothing: two
 * inserters of one key can do so in turns, each claim falling between the other's two loads, until
 * the slots' times have reached their now. That is MUTANT_WITHDRAW_FIRST.
 * It breaks no limit, but the two end by being told "full" in a table that has room, which refutes
 * it. Charging validates the slot and comes to nothing if it was not committed; so each withdrawal
 * belongs to a request that ends, as argument (f) wants it.
 *
 * -DMUTANT_... leaves out one argument of the proof; tests/model/run names the configuration that
 * must refute it.
 */

#include "words.pml"

/* The owner in a time that a thread makes private; it matters only if a victim has an heir. */
#ifdef HEIR
#define THE_VICTIMS dead_hand[AT(slot)] = (me == VICTIM)
#define NOT_THE_VICTIMS dead_hand[AT(slot)] = false
#else
#define THE_VICTIMS skip
#define NOT_THE_VICTIMS skip
#endif

inline forget()
{
    slot = 0;
    x = 0;
    seen = NOWHERE;
    seen_time = 0;
    mine = NOWHERE;
    scans = 0;
    inserting = false
}

inline call_ends()
{
    forget();
    now = 0;
    base = 0;
    round++;
    if
    :: round < ROUNDS_OF(me) -> key = KEY(me, round); pc = READ
    :: else ->
        round = 0;
        key = 0;
        pc = END;
        ended++;
        if
        :: ended == THREADS -> check_nothing_left()
        :: else
        fi
    fi
}

/* The request has been decided; an adjustment may follow. */
inline request_ends()
{
#if AFTER
    if
    :: me == ADJUSTER && (owed || AFTER == RESET) -> forget(); owed = false; pc = ADJUST
    :: else -> call_ends()
    fi
#else
    call_ends()
#endif
}

/* HF_TABLE_AGAIN. */
inline again()
{
#ifdef MUTANT_WITHDRAW_FIRST
    forget();
    pc = FIND
#else
    slot = 0;
    x = 0;
    pc = (inserting -> SCAN : FIND)
#endif
}

inline scan_begins()
{
    slot = 0;
    x = 0;
    inserting = true;
    pc = SCAN
}

/* The slot's time is x. */
inline decide()
{
    if
    :: !COMMITTED(x) -> absent()
    :: COMMITTED(x) && MAX(TAT(x), now) + T - now > TOLERANCE -> pc = VALIDATE
    :: else -> pc = CHARGE
    fi
}

inline absent()
{
    x = 0;
    slot = slot - slot % SLOTS;
    if
    :: inserting -> again()
    :: !inserting && slot + SLOTS == PATH_SLOTS -> scan_begins()
    :: else -> pc = BEYOND
    fi
}

/* Withdraws one's own slot, if there is one, and then decides `goal`; NOWHERE: the request ends. */
inline withdraw_then(goal)
{
    x = 0;
    if
    :: mine == NOWHERE && goal == NOWHERE -> request_ends()
    :: mine == NOWHERE && goal != NOWHERE -> slot = goal; pc = LOAD
    :: else ->
        target = goal;
        slot = mine;
        withdrawing = true;
        pc = OWN
    fi
}

inline withdrawn()
{
    withdrawing = false;
    mine = NOWHERE;
    withdraw_then(target);
    target = NOWHERE
}

inline scan_ends()
{
    slot = 0;
    x = 0;
    if
    :: winner == NOWHERE && candidate == NOWHERE && scans == 1 ->
        assert(!NEVER_FULL);
        request_ends()
    :: winner == NOWHERE && candidate == NOWHERE && scans == 0 ->
        scans = 1;
#ifdef HEIR
        recovering = true;
        pc = RECOVER
#else
        pc = SCAN
#endif
    :: winner == NOWHERE && candidate != NOWHERE ->
        slot = candidate;
        x = candidate_time;
        seen = NOWHERE;
        seen_time = 0;
        mine = NOWHERE;
        pc = HORIZON
    :: winner != NOWHERE && winner == seen && winner_time == seen_time -> pc = LATE
    :: else ->
        seen = winner;
        seen_time = winner_time;
#ifdef MUTANT_ONE_SCAN
        pc = LATE
#else
        pc = SCAN
#endif
    fi;
    scan_is_void()
}

inline scan_is_void()
{
    winner = NOWHERE;
    winner_time = 0;
    candidate = NOWHERE;
    candidate_time = 0
}

inline scan_goes_on()
{
    slot++;
    x = 0;
    if
    :: slot == PATH_SLOTS -> scan_ends()
    :: slot < PATH_SLOTS && slot % SLOTS == 0 && (winner != NOWHERE || candidate != NOWHERE) ->
        pc = EDGE
    :: else -> pc = SCAN
    fi
}

/* What a claim waits for, and begins above. */
#ifdef MUTANT_BY_TAT
#define CLAIMED_FROM(x) TAT(x)
#else
#define CLAIMED_FROM(x) BOUND(x)
#endif

/* The slot's time was x when its name was read. */
inline look()
{
    if
    :: COMMITTED(x) && names[AT(slot)] == NAME(slot) ->
        scan_is_void();
        mine = (mine == slot -> NOWHERE : mine);
        x = 0;
#ifdef MUTANT_WITHDRAW_FIRST
        withdraw_then(slot)
#else
        pc = LOAD
#endif
    :: COMMITTED(x) && names[AT(slot)] != NAME(slot) ->
        if
        :: CLAIMED_FROM(x) + MARGIN <= now && candidate == NOWHERE ->
            candidate = slot;
            candidate_time = x
        :: else
        fi;
        scan_goes_on()
#ifdef MUTANT_WAIT
    :: x >= PRIVATE -> pc = SCAN
#else
    :: x >= PRIVATE -> scan_goes_on()
#endif
    :: x >= TENTATIVE && x < PRIVATE && names[AT(slot)] != NAME(slot) -> scan_goes_on()
    :: else ->
        if
#ifdef MUTANT_NO_WINNER
        :: winner == NOWHERE && (mine == NOWHERE || mine == slot) ->
#else
        :: winner == NOWHERE ->
#endif
            winner = slot;
            winner_time = x;
            scan_goes_on()
        :: else ->
#ifdef MUTANT_NO_BUMP
            scan_goes_on()
#else
            pc = BUMP
#endif
        fi
    fi
}

/* `back` counts down from the greater displacement, of the old name or the new, to the other. */
inline rename_begins()
{
    from = DISPLACEMENT(names[AT(slot)]);
    to = (withdrawing -> 0 : slot / SLOTS);
    back = MAX(from, to);
#if defined(MUTANT_LATE_OVERFLOW)
    pc = RENAME
#elif defined(MUTANT_LOWER_FIRST)
    pc = (to > from -> RAISE : (from > to -> LOWER : RENAME))
#else
    pc = (to > from -> RAISE : RENAME)
#endif
}

inline renamed()
{
    names[AT(slot)] = (withdrawing -> 0 : NAME(slot));
#ifdef MUTANT_LOWER_FIRST
    pc = PUBLISH
#else
    pc = (from > to -> LOWER : PUBLISH)
#endif
}

/* Counts `delta` on one line. */
inline overflow_changes(delta)
{
    overflow[LINE_OF(slot) - back] = overflow[LINE_OF(slot) - back] + delta; /* Modulo 256. */
    back--;
    if
    :: back == MIN(from, to) ->
#if defined(MUTANT_LATE_OVERFLOW)
        pc = (to > from -> SCAN : PUBLISH);
        slot = (to > from -> 0 : slot);
#elif defined(MUTANT_LOWER_FIRST)
        pc = RENAME;
#else
        pc = (to > from -> RENAME : PUBLISH);
#endif
        back = 0;
        from = 0;
        to = 0
    :: else
    fi;
    check_overflow()
}

inline publish()
{
    if
#ifdef HEIR
    :: recovering ->
        put(x + 2);
        withdrawing = false;
        recovery_goes_on()
#endif
    :: withdrawing && !recovering ->
        put(x + 2);
        withdrawn()
    :: else ->
        mine = slot;
        seen = slot;
#ifdef MUTANT_NAIVE_CLAIM
        seen_time = MAX(now, x + 2);
#else
        seen_time = TENTATIVE + x + 2;
#endif
        put(seen_time);
        check_key();
        x = 0;
        check_overflow();
#ifdef MUTANT_LATE_OVERFLOW
        pc = (to > from -> RAISE : SCAN);
        slot = (to > from -> slot : 0)
#else
        pc = SCAN;
        slot = 0
#endif
    fi
}

/* Step 11, slot by slot. */
inline recovery_goes_on()
{
    slot++;
    x = 0;
    if
    :: slot < (inserting -> PATH_SLOTS : ALL_LINES * SLOTS) -> pc = RECOVER
    :: slot == PATH_SLOTS && inserting -> slot = 0; recovering = false; pc = SCAN
    :: else -> recovering = false; call_ends()
    fi
}

/* The TAT, x, that is wanted now. */
inline adjust()
{
#if AFTER == REFUND
    wanted = MAX(TAT(x) - T, now);
#else
    wanted = now;
#endif
    if
    :: TAT(x) <= now -> call_ends()
    :: else -> mark(); base = wanted; pc = SWAP
    fi
}

inline swap()
{
    if
    :: times[AT(slot)] == x ->
        check_own();
        put(base);
        returned[key] = returned[key] + TAT(x) - TAT(base);
        tat[key] = TAT(base);
        call_ends()
    :: else -> base = 0; x = 0; slot = 0; pc = ADJUST
    fi
}

/* base is the time from which the winner, which stood through a scan, would be charged. */
inline decide_late()
{
    base = MAX(base + T, TAT(seen_time) + 1);
#ifndef MUTANT_EARLY_CLOCK
    assert(CLOCK != COMMON || GIVEN || base - now <= TOLERANCE);
#endif
    if
    :: base - now > TOLERANCE -> base = 0; withdraw_then(NOWHERE)
    :: else -> pc = COMMIT
    fi
}

inline commit()
{
    slot = seen;
    if
    :: times[AT(slot)] == seen_time ->
        put(base);
        admit(base);
        check_overflow();
        NOT_THE_VICTIMS;
        owed = true;
        mine = (mine == seen -> NOWHERE : mine);
        base = 0;
        withdraw_then(NOWHERE)
    :: else ->
        base = 0;
        scan_begins()
    fi
}

#define MAY_READ(reading) \
    ((reading) <= TICKS && (CLOCK == ERRATIC || (reading) == MIN(clock + AHEAD(me), TICKS)))
#define MAY_TICK (pc == READ || pc == LATE || pc == ADJUST_NOW)
#define MAY_FIND(i) (pc == FIND && (i) < SLOTS)
#define MAY_ADJUST(i) (pc == ADJUST && (i) < PATH_SLOTS)

/* FIND and LOAD. */
#ifdef MUTANT_NO_REREAD
inline find(i)
{
    slot = slot + i;
    if
    :: names[AT(slot)] == NAME(slot) -> pc = LOAD
    :: else -> absent()
    fi
}
inline load()
{
    x = times[AT(slot)];
    decide()
}
#else
inline find(i)
{
    slot = slot + i;
    load()
}
inline load()
{
    x = times[AT(slot)];
    pc = NAMED
}
#endif

inline find_to_adjust(i)
{
    slot = i;
    x = times[AT(slot)];
    if
    :: COMMITTED(x) -> pc = ADJUST_NAMED
    :: else -> call_ends()
    fi
}

inline read_to_adjust(reading)
{
    now = NOW(reading);
    adjust()
}

inline read_late(reading)
{
    now = MAX(now, NOW(reading));
    pc = LATE_HORIZON
}

mtype = { READ, FIND, LOAD, NAMED, VALIDATE, CHARGE, BEYOND, SCAN, LOOK, BUMP, EDGE, HORIZON, CLAIM,
    RAISE, LOWER, RENAME, PUBLISH, LATE, LATE_HORIZON, COMMIT, OWN, OWN_NAME, RETRACT, ADJUST,
    ADJUST_NAMED, ADJUST_NOW, SWAP, WAIT, RECOVER, ASK, TAKE, END };

proctype thread(byte me)
{
#ifdef HEIR
    mtype pc = (me == HEIR -> WAIT : READ);
    byte key = (me == HEIR -> 1 : KEY(me, 0)); /* Whose path begins with the first line. */
#else
    mtype pc = READ;
    byte key = KEY(me, 0);
#endif
    byte round, slot, scans, back, from, to;
    short now, x, base, seen_time, winner_time, candidate_time;
    byte seen = NOWHERE, mine = NOWHERE, winner = NOWHERE, candidate = NOWHERE, target = NOWHERE;
    bool inserting, withdrawing, recovering, owed;

    do
    :: d_step { CLOCK != ERRATIC && clock < TICKS && MAY_TICK -> clock++ }
    :: d_step { pc == READ && MAY_READ(0) -> now = NOW(0); pc = FIND }
    :: d_step { pc == READ && MAY_READ(1) -> now = NOW(1); pc = FIND }
    :: d_step { pc == READ && MAY_READ(2) -> now = NOW(2); pc = FIND }
    :: d_step { MAY_FIND(0) -> find(0) }
    :: d_step { MAY_FIND(1) -> find(1) }
    :: d_step { MAY_FIND(2) -> find(2) }
    :: d_step { pc == LOAD -> load() }
    :: d_step { pc == NAMED ->
        if
        :: names[AT(slot)] == NAME(slot) -> decide()
        :: else -> absent()
        fi }
    :: d_step { pc == VALIDATE ->
        if
        :: times[AT(slot)] == x -> check_own(); withdraw_then(NOWHERE)
        :: else -> again()
        fi }
    :: d_step { pc == CHARGE ->
        if
        :: times[AT(slot)] == x ->
            check_own();
            base = MAX(TAT(x), now) + T;
            wanted = base;
            mark();
            put(wanted);
            admit(base);
            owed = true;
            base = 0;
            withdraw_then(NOWHERE)
        :: else -> again()
        fi }
    :: d_step { pc == BEYOND ->
        if
        :: overflow[LINE_OF(slot)] > 0 -> slot = slot + SLOTS; pc = FIND
        :: else -> scan_begins()
        fi }
    :: d_step { pc == SCAN -> x = times[AT(slot)]; pc = LOOK }
    :: d_step { pc == LOOK -> look() }
    :: d_step { pc == BUMP ->
        if
        :: times[AT(slot)] == x -> put(x + 1); scan_goes_on()
        :: else -> scan_is_void(); scan_begins()
        fi }
    :: d_step { pc == EDGE ->
        if
        :: overflow[LINE_OF(slot - 1)] > 0 -> pc = SCAN
        :: else -> scan_ends()
        fi }
    :: d_step { pc == HORIZON -> horizon = MAX(horizon, TAT(x)); pc = CLAIM }
    :: d_step { pc == CLAIM ->
        if
        :: times[AT(slot)] == x ->
            x = CLAIMED_FROM(x);
            THE_VICTIMS;
#ifdef MUTANT_NO_PRIVATE
            put(TENTATIVE + x + 1);
#else
            put(PRIVATE + x + 1);
#endif
            rename_begins()
        :: else -> scan_begins()
        fi }
    :: d_step { pc == RAISE -> overflow_changes(1) }
    :: d_step { pc == LOWER -> overflow_changes(255) }
    :: d_step { pc == RENAME -> renamed() }
    :: d_step { pc == PUBLISH -> publish() }
#if defined(MUTANT_EARLY_CLOCK) || defined(MUTANT_NO_HORIZON)
    :: d_step { pc == LATE -> base = now; decide_late() }
#elif GIVEN
    :: d_step { pc == LATE -> base = MAX(now, horizon); decide_late() }
#else
    :: d_step { pc == LATE && MAY_READ(0) -> read_late(0) }
    :: d_step { pc == LATE && MAY_READ(1) -> read_late(1) }
    :: d_step { pc == LATE && MAY_READ(2) -> read_late(2) }
#endif
    :: d_step { pc == LATE_HORIZON ->
        assert(CLOCK != COMMON || horizon <= NOW(clock));
        now = MAX(now, horizon);
        base = now;
        decide_late() }
    :: d_step { pc == COMMIT -> commit() }
    :: d_step { pc == OWN -> x = times[AT(slot)]; pc = OWN_NAME }
    :: d_step { pc == OWN_NAME ->
        if
        :: x < TENTATIVE || x >= PRIVATE || names[AT(slot)] != NAME(slot) -> withdrawn()
        :: else -> pc = RETRACT
        fi }
    :: d_step { pc == RETRACT ->
        if
        :: times[AT(slot)] == x ->
            x = TAT(x);
            THE_VICTIMS;
            put(PRIVATE + x + 1);
            rename_begins()
        :: else -> x = times[AT(slot)]; pc = OWN_NAME
        fi }
#if AFTER
    :: d_step { MAY_ADJUST(0) -> find_to_adjust(0) }
    :: d_step { MAY_ADJUST(1) -> find_to_adjust(1) }
    :: d_step { MAY_ADJUST(2) -> find_to_adjust(2) }
    :: d_step { MAY_ADJUST(3) -> find_to_adjust(3) }
    :: d_step { pc == ADJUST_NAMED ->
        if
        :: names[AT(slot)] == NAME(slot) -> pc = ADJUST_NOW
        :: else -> call_ends()
        fi }
    :: d_step { pc == ADJUST_NOW && MAY_READ(0) -> read_to_adjust(0) }
    :: d_step { pc == ADJUST_NOW && MAY_READ(1) -> read_to_adjust(1) }
    :: d_step { pc == ADJUST_NOW && MAY_READ(2) -> read_to_adjust(2) }
    :: d_step { pc == SWAP -> swap() }
#endif
#ifdef HEIR
#ifdef MUTANT_IMPATIENT
    :: d_step { pc == WAIT -> recovering = true; pc = RECOVER }
#else
    :: d_step { pc == WAIT && (died || ended == THREADS - 1) -> recovering = true; pc = RECOVER }
#endif
    :: d_step { pc == RECOVER ->
        x = times[AT(slot)];
        if
        :: !COMMITTED(x) && dead_hand[AT(slot)] -> pc = ASK
        :: else -> recovery_goes_on()
        fi }
    :: d_step { pc == ASK ->
        if
#ifdef MUTANT_IMPATIENT
        :: true -> pc = TAKE
#else
        :: died -> pc = TAKE
        :: else -> recovery_goes_on()
#endif
        fi }
    :: d_step { pc == TAKE ->
        if
        :: times[AT(slot)] == x ->
            x = TAT(x);
            dead_hand[AT(slot)] = false;
            withdrawing = true;
            put(PRIVATE + x + 1);
            rename_begins()
        :: else -> x = 0; pc = RECOVER
        fi }
#endif
#if defined(VICTIM) && !defined(MUTANT_IMPATIENT)
    :: d_step { me == VICTIM && pc != END && !died ->
        scan_is_void();
        forget();
        died = true;
        now = 0;
        base = 0;
        target = NOWHERE;
        withdrawing = false;
        back = 0;
        from = 0;
        to = 0;
#ifdef HEIR
        round = 0;
        key = 0;
        ended++;
        assert(ended < THREADS); /* The heir is still waiting. */
#endif
        pc = END }
#endif
    :: pc == END -> break
    od
}

init
{
    byte i;
    d_step {
        do
        :: i < SEEDS -> names[i] = 8 + i; times[i] = NOW(0) + T; i++
        :: else -> break
        od;
#if CHARGED
        names[0] = 1;
        times[0] = NOW(0) + CHARGED * T;
        tat[1] = times[0];
        admitted[1] = CHARGED;
        first[1] = NOW(0);
#endif
        i = 0
    }
    atomic {
        do
        :: i < THREADS -> run thread(i); i++
        :: else -> break
        od;
        i = 0
    }
}
