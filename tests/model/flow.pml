/* SPDX-License-Identifier: MIT */

/*
 * The protocol of the table of flow budgets (src/limit/flow_table.c, whose step names are used
 * here) on one bucket, in all orders of its steps, under sequential consistency.
 *
 * Each thread does ROUNDS things, each any of: charge 1 to a key; merge a budget of a key, an epoch
 * and a limit; raise the floor. What must hold at the moment at which a charge takes effect: what
 * its slot says was spent is exactly what was charged to that key in that epoch so far, in whatever
 * slots; it fits the limit that stands there, and every limit that had been merged before the charge
 * began. No key ever has two LIVE slots, and no helper who comes late changes anything.
 */
#ifndef THREADS
#define THREADS 2
#endif
#ifndef SLOTS
#define SLOTS 3
#endif
#ifndef LIVE_MAX
#define LIVE_MAX 2
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef KEYS
#define KEYS 1
#endif
#ifndef FLOORS
#define FLOORS 1 /* The highest floor. */
#endif
#ifndef LIMITS
#define LIMITS 2
#endif
#ifndef FIRST
#define FIRST 1 /* What key 1 begins with, in epoch 1. 0: nothing. */
#endif

#define ANY 0
#define APART 1  /* Thread 1 charges, the others do the rest. */
#define REVIVE 2 /* A used-up budget is forgotten by thread 3 and brought back by thread 2. */
#ifndef PLAN
#define PLAN ANY
#endif
#define MAY_CHARGE (PLAN == ANY || _pid == 1)
#define MAY_MERGE (PLAN == ANY || _pid != 1)

#define EPOCHS 2
#define FREE 0
#define PRIVATE 1
#define FROZEN 2
#define LIVE 3
#define STATE(w) ((w) % 4)
#define COUNT(w) ((w) / 4)
#define WORD(state, count) ((count) * 4 + (state))
#define CHANGE(fresh, old) ((fresh) * 4 + (old))
#define PENDING(c) ((c) % 16)
#define FRESH(c) (((c) % 16) / 4)
#define OLD(c) ((c) % 4)
#ifdef MUTANT_NO_SECOND_LOOK
#define UNCHANGED(c) true
#else
#define UNCHANGED(c) (control == c)
#endif
#define AT(k, e) ((k) * (EPOCHS + 1) + (e))
#define NO_LIMIT 99
/* Keys begin to look in different slots. */
#define PLACE(i) (((i) + K - 1) % SLOTS)

byte word[SLOTS];
byte base[SLOTS];
byte key[SLOTS];
byte epoch[SLOTS];
byte limit[SLOTS];
byte control;
byte floor;

/* To judge by. */
byte charged[(KEYS + 1) * (EPOCHS + 1)];
byte merged_limit[(KEYS + 1) * (EPOCHS + 1)];

inline begin_charge()
{
    charging = true;
    bound[1] = merged_limit[AT(K, 1)];
    bound[2] = merged_limit[AT(K, 2)]
}

inline judge_charge(slot)
{
    assert(key[slot] == K && epoch[slot] == e);
    assert(COUNT(w) - base[slot] == charged[AT(K, e)]);
    assert(COUNT(w) - base[slot] + 1 <= limit[slot]);
    assert(charged[AT(K, e)] + 1 <= bound[e]);
    charged[AT(K, e)]++
}

inline judge_live(slot)
{
    for (j : 0 .. SLOTS - 1) {
        assert(j == slot || STATE(word[j]) != LIVE || key[j] != key[slot])
    }
    j = 0
}

proctype worker()
{
    byte rounds, K, E, L; /* What is asked for. */
    bool charging, in_vain, mine, hit;
    byte i, j, at, w, k, e, l, b, f;
    byte c, own, dead, free, live, free_word, claim, old;
    byte current_epoch, current_limit, current_spent, merged_spent, merged;
    byte wo, ko, eo, bo, wf, kf, ef, bf;
    byte bound[EPOCHS + 1];

next:
    skip;
    d_step {
        charging = false;
        own = 0; dead = 0; free = 0; live = 0; free_word = 0; claim = 0; old = 0; c = 0;
        i = 0; at = 0; hit = false; w = 0; k = 0; e = 0; l = 0; b = 0; f = 0; mine = false; in_vain = false;
        wo = 0; ko = 0; eo = 0; bo = 0; wf = 0; kf = 0; ef = 0; bf = 0; K = 0; E = 0; L = 0;
        current_epoch = 0; current_limit = 0; current_spent = 0; merged_spent = 0; merged = 0;
        bound[1] = 0; bound[2] = 0;
    }
    if
    :: rounds == ROUNDS -> goto done
    :: else -> rounds++
    fi;
#if PLAN == REVIVE
    if
    :: atomic { _pid == 1 -> K = 1; begin_charge(); goto look }
    :: atomic { _pid == 2 && rounds == 1 -> K = 1; E = 1; L = 1; goto merge }
    :: atomic { _pid == 3 && rounds == 2 -> K = 2; E = 2; L = 1; goto merge }
    :: atomic { _pid == 3 && rounds != 2 -> floor = (rounds == 1 -> 2 : 3); goto next }
    :: _pid == 2 && rounds > 1 -> goto done
    fi;
#else
    if
    :: atomic { MAY_CHARGE -> select(K : 1 .. KEYS); begin_charge(); goto look }
    :: atomic { MAY_MERGE -> select(K : 1 .. KEYS); select(E : 1 .. EPOCHS);
        select(L : 1 .. LIMITS); goto merge }
#if FLOORS > 1
    :: atomic { MAY_MERGE && floor < FLOORS -> floor++; goto next }
#endif
    fi;
#endif

    /* Charging, 1. */
look:
    atomic { f = floor; i = 0; hit = false };
    do
    :: atomic { i < SLOTS && !hit -> w = word[PLACE(i)] };
        d_step {
            k = key[PLACE(i)]; e = epoch[PLACE(i)]; l = limit[PLACE(i)]; b = base[PLACE(i)];
            at = PLACE(i);
            hit = (STATE(w) == LIVE && k == K);
            i = (w == 0 -> SLOTS : i + 1);
            if
            :: hit -> i = 0
            :: else -> w = 0; k = 0; e = 0; l = 0; b = 0; at = 0
            fi
        }
    :: hit -> hit = false; goto found
    :: i == SLOTS && !hit && !in_vain -> goto settled
    :: i == SLOTS && !hit && in_vain && control == c -> goto next
    :: i == SLOTS && !hit && in_vain && control != c -> goto settled
    od;

    /* Charging, 2. */
found:
#ifndef MUTANT_EARLY_FLOOR
    f = floor;
#endif
    in_vain = false;
    if
    :: atomic { word[at] == w && e >= f && COUNT(w) - b + 1 <= l ->
        judge_charge(at); word[at] = w + 4 }; goto next
    :: word[at] == w && (e < f || COUNT(w) - b + 1 > l) -> goto next
    :: word[at] != w -> goto look
    fi;

    /* Changing, 3. */
merge:
    if
    :: E < floor -> goto next
    :: else
    fi;
settled:
    c = control;
    if
    :: PENDING(c) -> goto finish
    :: else
    fi;
    if
    :: charging -> in_vain = true; goto look
    :: else
    fi;
    atomic { f = floor; own = 0; dead = 0; free = 0; live = 0; i = 0 };
    do
    :: atomic { i < SLOTS -> w = word[PLACE(i)] };
        d_step {
            k = key[PLACE(i)]; e = epoch[PLACE(i)]; l = limit[PLACE(i)]; b = base[PLACE(i)];
            if
            :: STATE(w) == FREE && !free -> free = PLACE(i) + 1; free_word = w
            :: STATE(w) == LIVE && k == K ->
                live++; own = PLACE(i) + 1; current_epoch = e; current_limit = l;
                current_spent = COUNT(w) - b
            :: STATE(w) == LIVE && k != K ->
                live++;
                if
                :: e < f && !dead -> dead = PLACE(i) + 1
                :: else
                fi
            :: else
            fi;
            w = 0; k = 0; e = 0; l = 0; b = 0;
            i++
        }
    :: i == SLOTS && control == c -> break
    :: i == SLOTS && control != c -> goto settled
    od;
    atomic {
        merged = L; merged_spent = 0;
        if
        :: own && E == current_epoch ->
            merged = (L < current_limit -> L : current_limit); merged_spent = current_spent
        :: else
        fi;
        old = (own -> own : (live >= LIVE_MAX -> dead : 0))
    };
    if
    :: own && (E < current_epoch || (E == current_epoch && L >= current_limit)) -> goto abandon
    :: !old && live >= LIVE_MAX -> goto abandon
    :: !claim && !free -> goto abandon
    :: else
    fi;
    if
    :: claim -> skip
    :: else ->
        atomic {
            if
            :: word[free - 1] == free_word ->
                claim = free;
                word[claim - 1] = WORD(PRIVATE, COUNT(free_word) + 1)
            :: else -> goto settled
            fi
        }
    fi;
    key[claim - 1] = K;
    d_step {
        epoch[claim - 1] = E;
        limit[claim - 1] = merged;
        base[claim - 1] = COUNT(word[claim - 1]) - merged_spent
    };
    atomic {
        if
#ifdef MUTANT_BLIND_DECISION
        :: !PENDING(control) ->
#else
        :: control == c ->
#endif
            c = control + 16 + CHANGE(claim, old); control = c; mine = true
        :: else -> goto settled
        fi
    };

    /* Changing, 4. */
finish:
    if
    :: OLD(c) == 0 -> goto settle
    :: else
    fi;
#ifdef MUTANT_NO_FREEZE
    goto settle;
#endif
freeze:
    wo = word[OLD(c) - 1];
    if
#ifndef MUTANT_NO_SECOND_LOOK
    :: control != c -> goto finished
#endif
    :: UNCHANGED(c) && STATE(wo) != LIVE -> goto settle
    :: UNCHANGED(c) && STATE(wo) == LIVE
    fi;
    atomic {
        if
        :: word[OLD(c) - 1] == wo -> assert(control == c); word[OLD(c) - 1] = WORD(FROZEN, COUNT(wo))
        :: else -> goto freeze
        fi
    };
settle:
    wo = 0;
    if
    :: OLD(c) ->
        wo = word[OLD(c) - 1];
        d_step { ko = key[OLD(c) - 1]; eo = epoch[OLD(c) - 1]; bo = base[OLD(c) - 1] }
    :: else
    fi;
    wf = word[FRESH(c) - 1];
    d_step { kf = key[FRESH(c) - 1]; ef = epoch[FRESH(c) - 1]; bf = base[FRESH(c) - 1] };
    if
    :: STATE(wf) != PRIVATE || control != c -> goto release
    :: else
    fi;
#ifndef MUTANT_NO_FREEZE
    assert(OLD(c) == 0 || STATE(wo) == FROZEN);
#endif
#ifdef MUTANT_NO_CARRY
    kf = 0;
#endif
    atomic {
        if
        :: word[FRESH(c) - 1] == wf ->
            if
            :: OLD(c) && ko == kf && eo == ef && COUNT(wo) - bo > COUNT(wf) - bf ->
                word[FRESH(c) - 1] = WORD(LIVE, bf + COUNT(wo) - bo)
            :: else -> word[FRESH(c) - 1] = WORD(LIVE, COUNT(wf))
            fi;
            assert(control == c);
            judge_live(FRESH(c) - 1)
        :: else
        fi
    };
release:
    atomic { wo = 0; ko = 0; eo = 0; bo = 0; wf = 0; kf = 0; ef = 0; bf = 0 };
    if
    :: OLD(c) ->
        wo = word[OLD(c) - 1];
        if
        :: STATE(wo) != FROZEN || control != c -> goto ended
        :: else
        fi;
        atomic {
            if
            :: word[OLD(c) - 1] == wo ->
                assert(control == c);
                word[OLD(c) - 1] = WORD(FREE, COUNT(wo) + 1)
            :: else
            fi
        }
    :: else
    fi;
ended:
    atomic {
        if
        :: control == c -> control = c - PENDING(c)
        :: else
        fi
    };
finished:
    wo = 0;
    if
    :: !mine -> goto settled
    :: else
    fi;
merged_now:
    skip;
    d_step {
        merged_limit[AT(K, E)] = (L < merged_limit[AT(K, E)] -> L : merged_limit[AT(K, E)])
    };
    goto next;
abandon:
    if
    :: claim -> word[claim - 1] = WORD(FREE, COUNT(word[claim - 1]) + 1)
    :: else
    fi;
    if
    :: own && E == current_epoch -> goto merged_now
    :: else -> goto next
    fi;
done:
    skip
}

init
{
    byte n;
    atomic {
        floor = 1;
        for (n : 0 .. (KEYS + 1) * (EPOCHS + 1) - 1) {
            merged_limit[n] = NO_LIMIT
        }
#if FIRST > 0
        word[0] = WORD(LIVE, 1);
        base[0] = 1;
        key[0] = 1;
        epoch[0] = 1;
        limit[0] = FIRST;
        merged_limit[AT(1, 1)] = FIRST;
#endif
        for (n : 1 .. THREADS) {
            run worker()
        }
        n = 0
    }
}
