/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_CLOCK_H
#define HOLDFAST_CLOCK_H

#include <holdfast/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Time as an effect: a function and a context, handed in by value. Nothing in the library asks
 * the machine for the time except through one of these; every time-dependent call also has a
 * form that takes now_ns.
 *
 * A struct hf_clock whose now_ns is NULL (the zero value) means hf_clock_monotonic() wherever
 * options take a clock.
 */
struct hf_clock {
    /* Nanoseconds since a fixed moment; never goes backwards, on any thread. */
    uint64_t (*now_ns)(void *context);
    /* Waits, and returns when at least that long has passed on this clock. NULL: sleeps by
     * CLOCK_MONOTONIC, at most until HF_TIME_MAX_NS. */
    void (*sleep_ns)(void *context, uint64_t duration_ns);
    void *context; /* Handed to both. Borrowed while the clock is in use. */
};

/* Reads the clock (NULL and the zero value: CLOCK_MONOTONIC). Thread-safe if the clock is. */
HF_API uint64_t hf_clock_now_ns(const struct hf_clock *clock);

/* Sleeps on the clock. Thread-safe if the clock is. */
HF_API void hf_clock_sleep_ns(const struct hf_clock *clock, uint64_t duration_ns);

/* CLOCK_MONOTONIC, read without a system call. Stops while the machine is suspended. */
HF_API struct hf_clock hf_clock_monotonic(void);

/*
 * CLOCK_MONOTONIC_COARSE: the cheapest, in steps of the kernel's tick (1 to 10 ms). Elsewhere as
 * monotonic.
 */
HF_API struct hf_clock hf_clock_coarse(void);

/* CLOCK_BOOTTIME: goes on while the machine is suspended. Elsewhere as monotonic. */
HF_API struct hf_clock hf_clock_boottime(void);

/*
 * The processor's time stamp counter, scaled to nanoseconds of CLOCK_MONOTONIC: cheaper than the
 * system's clock (`make bench` tells by how much). Never goes backwards on any core by
 * construction: readings are rounded down to steps of HF_TSC_STEP_NS, and a shared word holds the
 * latest step that any thread has been given; a core that lags answers that word instead of its
 * own. The rate is that of calibration, so it drifts from CLOCK_MONOTONIC by some parts per
 * million. Not for a machine that is suspended: where that sets the counter back the clock stands
 * still until the counter has caught up, and elsewhere it jumps ahead by the time slept.
 *
 * Caller-allocated, fields private, must outlive its clocks and not move. Thread-safe once
 * initialised. Nothing to free.
 */
#define HF_TSC_STEP_NS 1024

struct hf_tsc {
    uint64_t latest_ns; /* The latest step given to anybody. */
    uint64_t start_ticks;
    uint64_t start_ns;
    uint64_t ns_per_tick_32; /* In units of 2^-32 ns. 0: not calibrated. */
};

/*
 * Calibrates against CLOCK_MONOTONIC; takes about 20 ms. Returns HF_OK; HF_UNSUPPORTED if the
 * processor has no invariant time stamp counter that this library can read; HF_INVALID if tsc is
 * NULL. error: NULL if not wanted.
 */
HF_MUST_USE HF_API enum hf_status hf_tsc_init(struct hf_tsc *tsc, struct hf_error *error);

/*
 * The clock that reads tsc, which is borrowed. Where hf_tsc_init failed, and for NULL, it is
 * hf_clock_monotonic(): a program that merely prefers this clock need not tell the cases apart.
 */
HF_API struct hf_clock hf_tsc_clock(struct hf_tsc *tsc);

/*
 * A clock that moves only when told to: for tests and simulations, and for event loops that read
 * the time once a turn and advance it by what has passed. It is one word in memory, which a keyed
 * limiter with the fast hash reads without a call. Sleeping on it advances it, so whatever sleeps
 * (hf_limiter_wait) does not belong on a clock that follows the real time. Caller-allocated, field
 * private. Thread-safe.
 */
struct hf_manual_clock {
    uint64_t now_ns;
};

/* Starts at now_ns. */
HF_API void hf_manual_clock_init(struct hf_manual_clock *manual, uint64_t now_ns);

/* Moves the clock forward; saturates at UINT64_MAX. */
HF_API void hf_manual_clock_advance(struct hf_manual_clock *manual, uint64_t duration_ns);

/* The clock that reads manual, which is borrowed. */
HF_NAMESAKE_BEGIN
HF_API struct hf_clock hf_manual_clock(struct hf_manual_clock *manual);
HF_NAMESAKE_END

/*
 * The time of day, for audit records and files: nanoseconds since 1970-01-01T00:00:00Z, without
 * leap seconds. May step either way. A NULL now_ns (the zero value) means the system's.
 */
struct hf_wall_clock {
    uint64_t (*now_ns)(void *context);
    void *context;
};

/* Reads the wall clock (NULL and the zero value: CLOCK_REALTIME). */
HF_API uint64_t hf_wall_clock_now_ns(const struct hf_wall_clock *wall);

/* CLOCK_REALTIME. */
HF_API struct hf_wall_clock hf_wall_clock_system(void);

/* A wall clock that reads manual, which is borrowed. */
HF_API struct hf_wall_clock hf_manual_wall_clock(struct hf_manual_clock *manual);

#ifdef __cplusplus
}
#endif

#endif
