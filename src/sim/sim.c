/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdalign.h>
#include <stdio.h>

#include <holdfast/hash.h>
#include <holdfast/sim.h>

#include "base/allocator.h"
#include "base/atomic.h"
#include "sim/queue.h"

#define EVENTS_DEFAULT 65536
#define STEPS_DEFAULT UINT64_C(100000000)
#define WALL_START_DEFAULT_NS HF_SECONDS(1767225600) /* 2026-01-01T00:00:00Z */

struct hf_sim {
    struct hf_sim_queue queue;
    struct hf_sim_options options;
    struct hf_splitmix splitmix;
    uint64_t now_ns;         /* Shared: other threads may read the clocks. */
    uint64_t wall_offset_ns; /* Shared likewise. Added to now_ns modulo 2^64. */
    uint64_t steps;          /* Events run. */
    uint64_t trace;
    uint32_t sleeps; /* How many are under way, one within the other. */
};

/* What a trace is made of; the numbers are part of it. */
enum trace_kind {
    TRACE_EVENT = 1,
    TRACE_DRAW,
    TRACE_WALL,
    TRACE_NOTE,
};

/* Each link hashes the one before it, so that order counts. The seed is fixed: a trace can be
 * compared between runs and machines. */
static void trace_add(struct hf_sim *sim, enum trace_kind kind, uint64_t first, uint64_t second)
{
    static const struct hf_hash_seed seed = {{1, 2, 3, 4}};
    unsigned char link[32];
    const uint64_t words[4] = {sim->trace, (uint64_t)kind, first, second};
    for (size_t index = 0; index < sizeof(link); index++)
        link[index] = (unsigned char)(words[index / 8] >> (8 * (index % 8)));
    sim->trace = hf_hash_fast(&seed, hf_bytes(link, sizeof(link))).low;
}

static struct hf_sim_options with_defaults(const struct hf_sim_options *options)
{
    struct hf_sim_options filled = {0};
    if (options)
        filled = *options;
    if (filled.wall_start_ns == 0)
        filled.wall_start_ns = WALL_START_DEFAULT_NS;
    if (filled.events_max == 0)
        filled.events_max = EVENTS_DEFAULT;
    if (filled.steps_max == 0)
        filled.steps_max = STEPS_DEFAULT;
    if (!filled.allocator)
        filled.allocator = hf_allocator_libc();
    return filled;
}

static enum hf_status check_time(uint64_t time_ns, const char *field, struct hf_error *error)
{
    if (time_ns <= HF_TIME_MAX_NS)
        return HF_OK;
    return hf_error_add(error, HF_INVALID, 0, "sim.%s: %llu is too large (at most %llu)", field,
        (unsigned long long)time_ns, (unsigned long long)HF_TIME_MAX_NS);
}

static enum hf_status check_options(const struct hf_sim_options *options, struct hf_error *error)
{
    enum hf_status status = check_time(options->start_ns, "start_ns", error);
    if (status == HF_OK)
        status = check_time(options->wall_start_ns, "wall_start_ns", error);
    if (status != HF_OK)
        return status;
    if (options->events_max > HF_SIM_EVENTS_MAX)
        return hf_error_add(error, HF_INVALID, 0, "sim.events_max: %lu is too large (at most %lu)",
            (unsigned long)options->events_max, (unsigned long)HF_SIM_EVENTS_MAX);
    return hf_allocator_check(options->allocator, error);
}

/* 0 stands for "draw one", so it cannot be drawn: the run could not be repeated. */
static enum hf_status draw_seed(uint64_t *seed, struct hf_error *error)
{
    if (*seed != 0)
        return HF_OK;
    enum hf_status status = hf_random_system_bytes(seed, sizeof(*seed), error);
    if (status == HF_OK && *seed == 0)
        *seed = 1;
    return status;
}

static enum hf_status make(
    struct hf_sim **sim, const struct hf_sim_options *options, struct hf_error *error)
{
    struct hf_sim *made =
        hf_allocate(options->allocator, sizeof(struct hf_sim), alignof(struct hf_sim));
    if (!made)
        return hf_error_add(error, HF_NO_MEMORY, 0, "sim: no memory");
    if (!hf_sim_queue_init(&made->queue, options->events_max, options->allocator)) {
        hf_release(options->allocator, made, sizeof(*made), alignof(struct hf_sim));
        return hf_error_add(error, HF_NO_MEMORY, 0, "sim.events_max: no memory for %lu",
            (unsigned long)options->events_max);
    }
    made->options = *options;
    made->options.allocator = NULL; /* The queue has a copy; this one may go away. */
    made->now_ns = options->start_ns;
    made->wall_offset_ns = options->wall_start_ns - options->start_ns;
    made->trace = options->seed;
    hf_splitmix_init(&made->splitmix, options->seed);
    *sim = made;
    return HF_OK;
}

enum hf_status hf_sim_new(
    struct hf_sim **sim, const struct hf_sim_options *options, struct hf_error *error)
{
    if (!sim)
        return hf_error_add(error, HF_INVALID, 0, "sim: NULL");
    *sim = NULL;
    struct hf_sim_options filled = with_defaults(options);
    enum hf_status status = check_options(&filled, error);
    if (status == HF_OK)
        status = draw_seed(&filled.seed, error);
    if (status == HF_OK)
        status = make(sim, &filled, error);
    return status;
}

void hf_sim_free(struct hf_sim *sim)
{
    if (!sim)
        return;
    struct hf_allocator allocator = sim->queue.allocator;
    hf_sim_queue_fini(&sim->queue);
    hf_release(&allocator, sim, sizeof(*sim), alignof(struct hf_sim));
}

uint64_t hf_sim_seed(const struct hf_sim *sim)
{
    return sim ? sim->options.seed : 0;
}

uint64_t hf_sim_now_ns(const struct hf_sim *sim)
{
    return sim ? hf_load_acquire(&sim->now_ns) : 0;
}

/* Time never goes back: an event that is late runs at the present. */
static void move_to(struct hf_sim *sim, uint64_t now_ns)
{
    assert(now_ns <= HF_TIME_MAX_NS);
    if (now_ns > sim->now_ns)
        hf_store_release(&sim->now_ns, now_ns);
}

static void run_first(struct hf_sim *sim)
{
    struct hf_sim_slot event = hf_sim_queue_take(&sim->queue);
    move_to(sim, event.at_ns);
    sim->steps++;
    trace_add(sim, TRACE_EVENT, event.number, sim->now_ns);
    event.function(event.context, sim->now_ns);
    if (sim->options.after_each)
        sim->options.after_each(sim->options.after_each_context, sim->now_ns);
}

/* Bounded by steps_max, since each round runs an event. */
static enum hf_status run_due(struct hf_sim *sim, uint64_t until_ns)
{
    for (;;) {
        const struct hf_sim_slot *first = hf_sim_queue_first(&sim->queue);
        if (!first || first->at_ns > until_ns)
            return HF_OK;
        if (sim->steps >= sim->options.steps_max)
            return HF_EXHAUSTED;
        run_first(sim);
    }
}

static uint64_t clock_now_ns(void *context)
{
    return hf_sim_now_ns(context);
}

/* The depth is bounded because each level of sleep stands on the machine's stack. */
static void clock_sleep_ns(void *context, uint64_t duration_ns)
{
    struct hf_sim *sim = context;
    if (!sim)
        return;
    uint64_t room_ns = HF_TIME_MAX_NS - sim->now_ns;
    uint64_t until_ns = sim->now_ns + (duration_ns < room_ns ? duration_ns : room_ns);
    if (sim->sleeps < HF_SIM_SLEEPS_MAX) {
        sim->sleeps++;
        (void)run_due(sim, until_ns);
        sim->sleeps--;
    }
    move_to(sim, until_ns);
}

struct hf_clock hf_sim_clock(struct hf_sim *sim)
{
    return (struct hf_clock){clock_now_ns, clock_sleep_ns, sim};
}

static uint64_t wall_now_ns(void *context)
{
    const struct hf_sim *sim = context;
    return sim ? hf_load_acquire(&sim->now_ns) + hf_load_acquire(&sim->wall_offset_ns) : 0;
}

struct hf_wall_clock hf_sim_wall_clock(struct hf_sim *sim)
{
    return (struct hf_wall_clock){wall_now_ns, sim};
}

/* Both the time of day and the clock that moves it further are below 2^61 then: no sum wraps. */
static uint64_t stepped(uint64_t wall_ns, int64_t step_ns)
{
    if (step_ns >= 0) {
        uint64_t room_ns = wall_ns < HF_TIME_MAX_NS ? HF_TIME_MAX_NS - wall_ns : 0;
        return wall_ns + ((uint64_t)step_ns < room_ns ? (uint64_t)step_ns : room_ns);
    }
    uint64_t back_ns = 0 - (uint64_t)step_ns;
    return wall_ns > back_ns ? wall_ns - back_ns : 0;
}

void hf_sim_step_wall(struct hf_sim *sim, int64_t step_ns)
{
    if (!sim)
        return;
    uint64_t wall_ns = stepped(wall_now_ns(sim), step_ns);
    hf_store_release(&sim->wall_offset_ns, wall_ns - sim->now_ns);
    trace_add(sim, TRACE_WALL, wall_ns, sim->now_ns);
}

static uint64_t random_next(void *context)
{
    struct hf_sim *sim = context;
    if (!sim)
        return 0;
    uint64_t number = hf_splitmix_next(&sim->splitmix);
    trace_add(sim, TRACE_DRAW, number, 0);
    return number;
}

struct hf_random hf_sim_random(struct hf_sim *sim)
{
    return (struct hf_random){random_next, sim};
}

enum hf_status hf_sim_at(struct hf_sim *sim, uint64_t at_ns, hf_sim_function *function,
    void *context, struct hf_sim_event *event)
{
    struct hf_sim_event unwanted;
    if (!event)
        event = &unwanted;
    *event = (struct hf_sim_event){0};
    if (!sim || !function || at_ns > HF_TIME_MAX_NS)
        return HF_INVALID;
    if (at_ns < sim->now_ns)
        at_ns = sim->now_ns;
    return hf_sim_queue_add(&sim->queue, at_ns, function, context, event) ? HF_OK : HF_FULL;
}

enum hf_status hf_sim_after(struct hf_sim *sim, uint64_t delay_ns, hf_sim_function *function,
    void *context, struct hf_sim_event *event)
{
    uint64_t now_ns = hf_sim_now_ns(sim);
    uint64_t at_ns = delay_ns > HF_TIME_MAX_NS ? UINT64_MAX : now_ns + delay_ns;
    return hf_sim_at(sim, at_ns, function, context, event);
}

enum hf_status hf_sim_cancel(struct hf_sim *sim, struct hf_sim_event event)
{
    if (!sim)
        return HF_INVALID;
    return hf_sim_queue_remove(&sim->queue, event) ? HF_OK : HF_NOT_FOUND;
}

uint32_t hf_sim_waiting(const struct hf_sim *sim)
{
    return sim ? sim->queue.count : 0;
}

enum hf_status hf_sim_next_ns(const struct hf_sim *sim, uint64_t *next_ns)
{
    if (!sim || !next_ns)
        return HF_INVALID;
    const struct hf_sim_slot *first = hf_sim_queue_first(&sim->queue);
    if (!first)
        return HF_NOT_FOUND;
    *next_ns = first->at_ns > sim->now_ns ? first->at_ns : sim->now_ns;
    return HF_OK;
}

enum hf_status hf_sim_step(struct hf_sim *sim)
{
    if (!sim)
        return HF_INVALID;
    if (!hf_sim_queue_first(&sim->queue))
        return HF_NOT_FOUND;
    if (sim->steps >= sim->options.steps_max)
        return HF_EXHAUSTED;
    run_first(sim);
    return HF_OK;
}

enum hf_status hf_sim_run_until(struct hf_sim *sim, uint64_t until_ns)
{
    if (!sim || until_ns > HF_TIME_MAX_NS)
        return HF_INVALID;
    if (until_ns < sim->now_ns)
        return HF_OK;
    enum hf_status status = run_due(sim, until_ns);
    if (status == HF_OK)
        move_to(sim, until_ns);
    return status;
}

enum hf_status hf_sim_run(struct hf_sim *sim)
{
    return sim ? run_due(sim, HF_TIME_MAX_NS) : HF_INVALID;
}

uint64_t hf_sim_trace(const struct hf_sim *sim)
{
    return sim ? sim->trace : 0;
}

void hf_sim_note(struct hf_sim *sim, struct hf_bytes note)
{
    static const struct hf_hash_seed seed = {{5, 6, 7, 8}};
    if (!sim)
        return;
    struct hf_hash128 hash = hf_hash_fast(&seed, note);
    trace_add(sim, TRACE_NOTE, hash.low, hash.high);
}

size_t hf_sim_describe(const struct hf_sim *sim, char *buffer, size_t size_bytes)
{
    int length = snprintf(buffer, buffer ? size_bytes : 0,
        "seed %llu, at %llu ns, %llu events run, %lu waiting, trace %016llx",
        (unsigned long long)hf_sim_seed(sim), (unsigned long long)hf_sim_now_ns(sim),
        (unsigned long long)(sim ? sim->steps : 0), (unsigned long)hf_sim_waiting(sim),
        (unsigned long long)hf_sim_trace(sim));
    return length > 0 ? (size_t)length : 0;
}
