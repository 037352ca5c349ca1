/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_SIM_H
#define HOLDFAST_SIM_H

#include <stdbool.h>

#include <holdfast/allocator.h>
#include <holdfast/clock.h>
#include <holdfast/random.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A world in which time is a number: code that takes its clock, randomness, memory and files as
 * arguments runs in it at any speed, and one seed decides everything that happens.
 *
 *     struct hf_sim *sim = NULL;
 *     if (hf_sim_new(&sim, &(struct hf_sim_options){.seed = seed}, &error) != HF_OK)
 *         ...
 *     options.clock = hf_sim_clock(sim); // For whatever is under test.
 *     options.random = hf_sim_random(sim);
 *     hf_sim_after(sim, HF_SECONDS(3), kill_upstream, &world, NULL);
 *     hf_sim_run_until(sim, HF_SECONDS(60));
 *     printf("seed %llu, trace %016llx\n", hf_sim_seed(sim), hf_sim_trace(sim));
 *
 * Things happen as events: functions with a time, run in order of time, those of equal times in
 * the order in which they were put in. Between events time does not pass. Code that sleeps on the
 * simulation's clock sees other events happen meanwhile, as if they ran on other threads.
 *
 * A simulation belongs to one thread. Other threads may only read its clocks.
 */
struct hf_sim;

/* Called at now_ns, the simulation's time. May add and cancel events, sleep and draw numbers. */
typedef void hf_sim_function(void *context, uint64_t now_ns);

#define HF_SIM_EVENTS_MAX (UINT32_C(1) << 24)
#define HF_SIM_SLEEPS_MAX 64

struct hf_sim_options {
    uint64_t seed;          /* 0: drawn from the system; hf_sim_seed tells it. */
    uint64_t start_ns;      /* The clock at first, at most HF_TIME_MAX_NS. */
    uint64_t wall_start_ns; /* The time of day at first, at most HF_TIME_MAX_NS.
                               0: 2026-01-01T00:00:00Z. */
    uint32_t events_max;    /* Events waiting at once, at most HF_SIM_EVENTS_MAX. 0: 65,536. Memory
                               is about 48 bytes each, used as touched. */
    uint64_t steps_max;     /* Events run in all, so that one that keeps adding itself ends.
                               0: 100 million. */
    hf_sim_function *after_each; /* Called after each event, to check what must always hold. NULL:
                                    nothing. May do what an event may, but not sleep. */
    void *after_each_context;
    const struct hf_allocator *allocator; /* NULL: libc. */
};

/*
 * Makes a simulation; options NULL: all defaults. HF_INVALID: an option is out of range;
 * HF_NO_MEMORY; HF_IO: the system gives no seed. On failure *sim is NULL and error (NULL: not
 * wanted) tells.
 */
HF_MUST_USE HF_API enum hf_status hf_sim_new(
    struct hf_sim **sim, const struct hf_sim_options *options, struct hf_error *error);

/* Frees it; events that wait are forgotten. Not from within an event. NULL: nothing. */
HF_API void hf_sim_free(struct hf_sim *sim);

/* The seed to give hf_sim_new to see the same again. NULL: 0. */
HF_API uint64_t hf_sim_seed(const struct hf_sim *sim);

/* The simulation's time. NULL: 0. */
HF_API uint64_t hf_sim_now_ns(const struct hf_sim *sim);

/*
 * The simulation as a clock. Sleeping runs what is due until then, at most HF_SIM_SLEEPS_MAX
 * sleeps deep; a deeper sleep, or one after steps_max, only moves the clock, and what was due runs
 * late. It may return later than asked if an event that ran meanwhile slept itself. Ends at
 * HF_TIME_MAX_NS.
 */
HF_API struct hf_clock hf_sim_clock(struct hf_sim *sim);

/* The simulation as a time of day: moves with the clock, and by hf_sim_step_wall. */
HF_API struct hf_wall_clock hf_sim_wall_clock(struct hf_sim *sim);

/* Sets the time of day forward, or back if step_ns is negative. Stops at 0 and HF_TIME_MAX_NS. */
HF_API void hf_sim_step_wall(struct hf_sim *sim, int64_t step_ns);

/* Numbers that follow from the seed. What is drawn goes into the trace. */
HF_API struct hf_random hf_sim_random(struct hf_sim *sim);

/* Names an event that waits. The zero value names none. Fields are private. */
struct hf_sim_event {
    uint64_t number;
    uint32_t slot;
};

/*
 * Puts an event in that runs at at_ns, or next if that has passed. event: NULL, or where its name
 * is written for hf_sim_cancel. context is borrowed until the event has run or was cancelled.
 * HF_INVALID: sim or function is NULL, or at_ns is above HF_TIME_MAX_NS. HF_FULL: events_max wait
 * already. On failure *event names none. O(log n).
 */
HF_MUST_USE HF_API enum hf_status hf_sim_at(struct hf_sim *sim, uint64_t at_ns,
    hf_sim_function *function, void *context, struct hf_sim_event *event);

/* The same at delay_ns from now; HF_INVALID too if that is above HF_TIME_MAX_NS. */
HF_MUST_USE HF_API enum hf_status hf_sim_after(struct hf_sim *sim, uint64_t delay_ns,
    hf_sim_function *function, void *context, struct hf_sim_event *event);

/*
 * Takes an event out before it runs. HF_NOT_FOUND: it has run, runs now or was cancelled, or event
 * names none. HF_INVALID: sim is NULL. O(log n).
 */
HF_API enum hf_status hf_sim_cancel(struct hf_sim *sim, struct hf_sim_event event);

/* How many events wait. NULL: 0. */
HF_API uint32_t hf_sim_waiting(const struct hf_sim *sim);

/* When the next event runs, HF_NOT_FOUND if none waits. HF_INVALID for NULL. */
HF_MUST_USE HF_API enum hf_status hf_sim_next_ns(const struct hf_sim *sim, uint64_t *next_ns);

/*
 * Moves the clock to the next event and runs it. HF_NOT_FOUND: none waits. HF_EXHAUSTED: steps_max
 * have run. HF_INVALID: sim is NULL.
 */
HF_MUST_USE HF_API enum hf_status hf_sim_step(struct hf_sim *sim);

/*
 * Runs every event due up to and at until_ns, those put in meanwhile included, and leaves the clock
 * there. HF_EXHAUSTED: stopped by steps_max, the clock at the last event. HF_INVALID: sim is NULL,
 * or until_ns is above HF_TIME_MAX_NS. A time that has passed runs nothing.
 */
HF_MUST_USE HF_API enum hf_status hf_sim_run_until(struct hf_sim *sim, uint64_t until_ns);

/* Runs until no event waits. HF_EXHAUSTED: stopped by steps_max. HF_INVALID: sim is NULL. */
HF_MUST_USE HF_API enum hf_status hf_sim_run(struct hf_sim *sim);

/*
 * A fingerprint of all that happened: each event's number and time, each number drawn, each step of
 * the time of day, and each note. The same seed and the same program give the same trace; a trace
 * that differs between two runs means that something came in from outside. NULL: 0.
 */
HF_API uint64_t hf_sim_trace(const struct hf_sim *sim);

/* Adds something to the trace: a decision, a message, a state. */
HF_API void hf_sim_note(struct hf_sim *sim, struct hf_bytes note);

/*
 * Writes one line for a failure message: seed, time, events run and waiting, trace. Ends with NUL.
 * Returns the length that the whole line has; more than size_bytes - 1 means it was cut. buffer
 * may be NULL if size_bytes is 0.
 */
HF_API size_t hf_sim_describe(const struct hf_sim *sim, char *buffer, size_t size_bytes);

#ifdef __cplusplus
}
#endif

#endif
