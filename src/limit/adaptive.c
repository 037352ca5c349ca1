/* SPDX-License-Identifier: MIT */

/*
 * USE. Any thread records; the one that finds the window to be over judges it. hf_adaptive.h tells
 * by what rules.
 *
 * LEVELS. Quotas for all rates of at most SIGNIFICANT_BITS significant bits between the bounds are
 * made once and never change. The present one is a number in one word, so a check reads one word
 * more than a gate's and can never see half of a quota.
 *
 * ORDER. The tally of the open window is a few words that threads add to in any order: they are
 * numbers about many calls, none vouches for another, so relaxed order is enough. Whatever lands
 * between two of the judge's readings counts for the one window or the other. The judge is alone:
 * `judging` is taken by compare-and-swap and given back with release, and what only the judge
 * touches lies between. Nobody waits for it: who finds it taken goes on. A thread that stops for
 * good while it judges therefore ends the adapting, but neither checks nor records.
 */

#include <holdfast/adaptive.h>

#include <inttypes.h>

#include "base/allocator.h"
#include "base/atomic.h"
#include "base/minmax.h"
#include "base/step.h"
#include "limit/decision.h"

#define INCREASE_PARTS 256
#define DECREASE_DEFAULT 205
#define DECREASE_MAX 922
#define FAILURES_DEFAULT 51
#define FAILURES_MAX 1023
#define LATENCY_DEFAULT 2048
/* Longer ones count as this, so that products with the next, and with 1024, fit. */
#define LATENCY_MAX_NS HF_SECONDS(1000)
#define LATENCY_MAX (UINT32_C(1) << 20)
#define BURST_DEFAULT_NS HF_MS(100)
#define BURST_MAX_NS HF_SECONDS(60)
#define WINDOW_DEFAULT_NS HF_SECONDS(1)

/* Levels are less than 1/64 apart. */
#define SIGNIFICANT_BITS 7
#define LEVELS_AN_OCTAVE (UINT64_C(1) << (SIGNIFICANT_BITS - 1))

/* records:32 | failures:32, and a tally that is as full as this takes no more. */
#define ONE_RECORD UINT64_C(1)
#define ONE_FAILURE (UINT64_C(1) << 32)
#define RECORDS_MASK (ONE_FAILURE - 1)
#define RECORDS_MAX (UINT64_C(1) << 31)

#define NO_LATENCY UINT64_MAX

struct hf_adaptive {
    /* Read by every call, written by none but the judge. */
    struct hf_gcra *levels;
    uint64_t levels_count;
    struct hf_adaptive_options options; /* Defaults filled in. */
    struct hf_allocator allocator;
    uint64_t level;    /* The present one's number. */
    uint64_t start_ns; /* Of the open window. */
    /* Written by every record. */
    _Alignas(HF_CACHE_LINE) uint64_t tally;
    uint64_t fastest_ns;     /* Of the open window. */
    uint64_t quiet_until_ns; /* The latest end of a retry-after. */
    /* The judge's, but for readers of the state. */
    _Alignas(HF_CACHE_LINE) uint64_t judging;
    uint64_t rate;
    uint64_t heard_ns;  /* What quiet_until_ns was at the last judgement. */
    uint64_t before_ns; /* The fastest of the window before. */
    uint64_t newer_ns;  /* The fastest of the last few windows, */
    uint64_t older_ns;  /* and of those before them. */
    uint64_t aged;      /* Windows in newer_ns. */
    bool resting;       /* The window before ended with a decrease. */
    uint64_t windows;
    uint64_t increases;
    uint64_t decreases;
    _Alignas(HF_CACHE_LINE) struct hf_gate gate;
};

/* The number of the level of a rate, counted from rate 0: its leading bits. */
static uint64_t ordinal(uint64_t rate)
{
    uint64_t shift = 0;
    while (rate >> shift >= 2 * LEVELS_AN_OCTAVE)
        shift++;
    return shift * LEVELS_AN_OCTAVE + (rate >> shift);
}

/* The least rate of a level. */
static uint64_t rate_of(uint64_t number)
{
    if (number < 2 * LEVELS_AN_OCTAVE)
        return number;
    uint64_t shift = number / LEVELS_AN_OCTAVE - 1;
    return (number % LEVELS_AN_OCTAVE + LEVELS_AN_OCTAVE) << shift;
}

static enum hf_status out_of_range(
    struct hf_error *error, const char *field, uint64_t value, uint64_t least, uint64_t most)
{
    return hf_error_add(error, HF_INVALID, 0,
        "%s: %" PRIu64 " is out of range (%" PRIu64 " to %" PRIu64 ")", field, value, least, most);
}

static void fill_in_defaults(struct hf_adaptive_options *options)
{
    uint64_t range = options->rate_max - options->rate_min;
    if (!options->rate_start)
        options->rate_start = options->rate_min;
    if (!options->increase)
        options->increase = range >= INCREASE_PARTS ? range / INCREASE_PARTS : 1;
    if (!options->decrease_per_1024)
        options->decrease_per_1024 = DECREASE_DEFAULT;
    if (!options->failures_per_1024)
        options->failures_per_1024 = FAILURES_DEFAULT;
    if (!options->latency_per_1024)
        options->latency_per_1024 = LATENCY_DEFAULT;
    if (!options->latency_max_ns)
        options->latency_max_ns = LATENCY_MAX_NS;
    if (!options->burst_ns)
        options->burst_ns = BURST_DEFAULT_NS;
    if (!options->window_ns)
        options->window_ns = WINDOW_DEFAULT_NS;
}

/* Each field's range, one after the other; rates first, since others' defaults follow from them. */
static enum hf_status check_options(
    const struct hf_adaptive_options *options, struct hf_error *error)
{
    const struct {
        const char *name;
        uint64_t value;
        uint64_t least;
        uint64_t most;
    } fields[] = {
        {"rate_min", options->rate_min, 1, HF_ADAPTIVE_RATE_MAX},
        {"rate_max", options->rate_max, options->rate_min, HF_ADAPTIVE_RATE_MAX},
        {"rate_start", options->rate_start, options->rate_min, options->rate_max},
        {"increase", options->increase, 1, HF_ADAPTIVE_RATE_MAX},
        {"decrease_per_1024", options->decrease_per_1024, 1, DECREASE_MAX},
        {"failures_per_1024", options->failures_per_1024, 1, FAILURES_MAX},
        {"latency_per_1024", options->latency_per_1024, 1025, LATENCY_MAX},
        {"latency_max_ns", options->latency_max_ns, 1, LATENCY_MAX_NS},
        {"burst_ns", options->burst_ns, 1, BURST_MAX_NS},
        {"window_ns", options->window_ns, HF_ADAPTIVE_WINDOW_MIN_NS, HF_ADAPTIVE_WINDOW_MAX_NS},
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (fields[i].value < fields[i].least || fields[i].value > fields[i].most)
            return out_of_range(
                error, fields[i].name, fields[i].value, fields[i].least, fields[i].most);
    return hf_allocator_check(options->allocator, error);
}

static struct hf_quota quota_of(const struct hf_adaptive_options *options, uint64_t number)
{
    uint64_t rate = hf_min(hf_max(rate_of(number), options->rate_min), options->rate_max);
    uint64_t burst = rate * options->burst_ns / HF_SECONDS(1);
    return hf_quota_with_burst(hf_quota_per_second(rate), hf_max(burst, 1));
}

static void set_rate(struct hf_adaptive *adaptive, uint64_t rate)
{
    hf_store_relaxed(&adaptive->rate, rate);
    hf_store_relaxed(&adaptive->level, ordinal(rate) - ordinal(adaptive->options.rate_min));
}

/* Every rate within bounds makes a good quota, so none of these can fail. */
static enum hf_status make_levels(struct hf_adaptive *adaptive, struct hf_error *error)
{
    uint64_t first = ordinal(adaptive->options.rate_min);
    enum hf_status status = HF_OK;
    for (uint64_t i = 0; i < adaptive->levels_count && status == HF_OK; i++) {
        struct hf_quota quota = quota_of(&adaptive->options, first + i);
        status = hf_gcra_init(&adaptive->levels[i], &quota, error);
    }
    if (status == HF_OK) {
        struct hf_quota quota = quota_of(&adaptive->options, first);
        status = hf_gate_init(&adaptive->gate, &quota, error);
    }
    return status;
}

static size_t levels_bytes(const struct hf_adaptive *adaptive)
{
    return adaptive->levels_count * sizeof(struct hf_gcra);
}

enum hf_status hf_adaptive_new(struct hf_adaptive **adaptive,
    const struct hf_adaptive_options *options, struct hf_error *error)
{
    if (!adaptive)
        return hf_error_add(error, HF_INVALID, 0, "adaptive: NULL");
    *adaptive = NULL;
    if (!options)
        return hf_error_add(error, HF_INVALID, 0, "options: NULL");
    struct hf_adaptive made = {.options = *options,
        .fastest_ns = NO_LATENCY,
        .before_ns = NO_LATENCY,
        .newer_ns = NO_LATENCY,
        .older_ns = NO_LATENCY};
    fill_in_defaults(&made.options);
    enum hf_status status = check_options(&made.options, error);
    if (status != HF_OK)
        return status;
    made.allocator = options->allocator ? *options->allocator : *hf_allocator_libc();
    made.levels_count = ordinal(options->rate_max) - ordinal(options->rate_min) + 1;
    struct hf_adaptive *memory = hf_allocate(&made.allocator, sizeof(made), HF_CACHE_LINE);
    made.levels = hf_allocate(&made.allocator, levels_bytes(&made), _Alignof(struct hf_gcra));
    if (!memory || !made.levels)
        status = hf_error_add(error, HF_NO_MEMORY, 0, "no memory for an adaptive rate of %zu bytes",
            sizeof(made) + levels_bytes(&made));
    else
        status = make_levels(&made, error);
    if (status != HF_OK) {
        hf_release(&made.allocator, made.levels, levels_bytes(&made), _Alignof(struct hf_gcra));
        hf_release(&made.allocator, memory, sizeof(made), HF_CACHE_LINE);
        return status;
    }
    set_rate(&made, made.options.rate_start);
    *memory = made;
    *adaptive = memory;
    return HF_OK;
}

void hf_adaptive_free(struct hf_adaptive *adaptive)
{
    if (!adaptive)
        return;
    struct hf_allocator allocator = adaptive->allocator;
    hf_release(&allocator, adaptive->levels, levels_bytes(adaptive), _Alignof(struct hf_gcra));
    hf_release(&allocator, adaptive, sizeof(*adaptive), HF_CACHE_LINE);
}

const struct hf_gcra *hf_adaptive_gcra(const struct hf_adaptive *adaptive)
{
    return adaptive ? &adaptive->levels[hf_load_relaxed(&adaptive->level)] : NULL;
}

enum hf_status hf_adaptive_check(
    struct hf_adaptive *adaptive, uint64_t cost, uint64_t now_ns, struct hf_decision *decision)
{
    if (!adaptive)
        return hf_decision_invalid(decision, "adaptive");
    return hf_gate_check_with(&adaptive->gate, cost, hf_adaptive_gcra(adaptive), now_ns, decision);
}

/* A window that is over. */
struct window {
    uint64_t records;
    uint64_t failures;
    uint64_t fastest_ns; /* NO_LATENCY: none told. */
    uint64_t elapsed_ns;
    uint64_t now_ns;
    bool asked_for_quiet;
};

/* The fastest of this window and of those before it. */
static uint64_t age_baseline(struct hf_adaptive *adaptive, uint64_t fastest_ns)
{
    if (adaptive->aged++ % HF_ADAPTIVE_BASELINE_WINDOWS == 0) {
        hf_store_relaxed(&adaptive->older_ns, adaptive->newer_ns);
        hf_store_relaxed(&adaptive->newer_ns, NO_LATENCY);
    }
    hf_store_relaxed(&adaptive->newer_ns, hf_min(adaptive->newer_ns, fastest_ns));
    return hf_min(adaptive->newer_ns, adaptive->older_ns);
}

/* Whether answers queue up. *draining: they do, but less than in the window before. */
static bool is_slow(struct hf_adaptive *adaptive, const struct window *window, bool *draining)
{
    *draining = false;
    if (window->fastest_ns == NO_LATENCY)
        return false;
    const struct hf_adaptive_options *options = &adaptive->options;
    uint64_t baseline_ns = age_baseline(adaptive, window->fastest_ns);
    uint64_t before_ns = adaptive->before_ns;
    adaptive->before_ns = window->fastest_ns;
    bool much_slower = window->fastest_ns * 1024 > baseline_ns * options->latency_per_1024;
    if (!much_slower && window->fastest_ns <= options->latency_max_ns)
        return false;
    *draining = window->fastest_ns < before_ns && before_ns != NO_LATENCY;
    return !*draining;
}

static void decrease(struct hf_adaptive *adaptive)
{
    uint64_t off = adaptive->rate * adaptive->options.decrease_per_1024 / 1024;
    uint64_t rate = hf_max(adaptive->rate - hf_max(off, 1), adaptive->options.rate_min);
    adaptive->resting = true;
    if (rate < adaptive->rate)
        hf_add_relaxed(&adaptive->decreases, 1);
    set_rate(adaptive, rate);
}

static void increase(struct hf_adaptive *adaptive)
{
    uint64_t rate = hf_min(adaptive->rate + adaptive->options.increase, adaptive->options.rate_max);
    if (rate > adaptive->rate)
        hf_add_relaxed(&adaptive->increases, 1);
    set_rate(adaptive, rate);
}

/* A window that took longer than this was idle for most of it; shorter, and the product fits. */
#define BUSY_MAX_NS HF_SECONDS(1000)

static bool half_was_used(const struct hf_adaptive *adaptive, const struct window *window)
{
    if (window->elapsed_ns > BUSY_MAX_NS)
        return false;
    return 2 * window->records >= adaptive->rate * (window->elapsed_ns / 1000) / 1000000;
}

static void judge(struct hf_adaptive *adaptive, const struct window *window)
{
    bool draining;
    bool slow = is_slow(adaptive, window, &draining);
    bool failing = window->failures * 1024 > window->records * adaptive->options.failures_per_1024;
    bool rested = adaptive->resting;
    adaptive->resting = false;
    hf_add_relaxed(&adaptive->windows, 1);
    if (rested)
        return;
    if (slow || failing || window->asked_for_quiet)
        decrease(adaptive);
    else if (!draining && window->now_ns >= adaptive->heard_ns && half_was_used(adaptive, window))
        increase(adaptive);
}

/* Takes what the open window has heard, and opens the next. */
static struct window close_window(struct hf_adaptive *adaptive, uint64_t now_ns)
{
    uint64_t tally = hf_load_relaxed(&adaptive->tally);
    uint64_t quiet_until_ns = hf_load_relaxed(&adaptive->quiet_until_ns);
    struct window window = {
        .records = tally & RECORDS_MASK,
        .failures = tally / ONE_FAILURE,
        .fastest_ns = hf_load_relaxed(&adaptive->fastest_ns),
        .elapsed_ns = now_ns - hf_load_relaxed(&adaptive->start_ns),
        .now_ns = now_ns,
        .asked_for_quiet = quiet_until_ns > adaptive->heard_ns,
    };
    adaptive->heard_ns = quiet_until_ns;
    hf_store_relaxed(&adaptive->fastest_ns, NO_LATENCY);
    hf_add_relaxed(&adaptive->tally, 0 - tally);
    hf_store_relaxed(&adaptive->start_ns, now_ns);
    return window;
}

static bool is_over(const struct hf_adaptive *adaptive, uint64_t now_ns)
{
    uint64_t start_ns = hf_load_relaxed(&adaptive->start_ns);
    uint64_t records = hf_load_relaxed(&adaptive->tally) & RECORDS_MASK;
    return now_ns > start_ns && now_ns - start_ns >= adaptive->options.window_ns &&
           records >= HF_ADAPTIVE_RECORDS_MIN;
}

/* Once it is the judge, a thread looks again: another may just have judged. */
static void judge_if_over(struct hf_adaptive *adaptive, uint64_t now_ns)
{
    uint64_t nobody = 0;
    if (!is_over(adaptive, now_ns) || !hf_cas_acq_rel(&adaptive->judging, &nobody, 1))
        return;
    if (is_over(adaptive, now_ns)) {
        hf_step(HF_STEP_ADAPTIVE_JUDGING);
        struct window window = close_window(adaptive, now_ns);
        judge(adaptive, &window);
    }
    hf_store_release(&adaptive->judging, 0);
}

static void lower_relaxed(uint64_t *word, uint64_t value)
{
    uint64_t seen = hf_load_relaxed(word);
    while (seen > value && !hf_cas_relaxed(word, &seen, value))
        continue;
}

enum hf_status hf_adaptive_record(
    struct hf_adaptive *adaptive, struct hf_outcome outcome, uint64_t latency_ns, uint64_t now_ns)
{
    if (!adaptive || now_ns > HF_TIME_MAX_NS || latency_ns > HF_TIME_MAX_NS)
        return HF_INVALID;
    bool failed = outcome.kind == HF_TRANSIENT;
    if ((hf_load_relaxed(&adaptive->tally) & RECORDS_MASK) < RECORDS_MAX)
        hf_add_relaxed(&adaptive->tally, ONE_RECORD + (failed ? ONE_FAILURE : 0));
    /* A failure is often faster than an answer, and says nothing about a queue. */
    if (latency_ns > 0 && (outcome.kind == HF_SUCCESS || outcome.kind == HF_PERMANENT))
        lower_relaxed(&adaptive->fastest_ns, hf_min(latency_ns, LATENCY_MAX_NS));
    if (failed && outcome.retry_after_ns > 0)
        hf_max_seq(&adaptive->quiet_until_ns,
            now_ns + hf_min(outcome.retry_after_ns, HF_ADAPTIVE_QUIET_MAX_NS));
    judge_if_over(adaptive, now_ns);
    return HF_OK;
}

enum hf_status hf_adaptive_snapshot(
    const struct hf_adaptive *adaptive, struct hf_adaptive_state *state)
{
    if (!adaptive || !state)
        return HF_INVALID;
    uint64_t fastest_ns =
        hf_min(hf_load_relaxed(&adaptive->newer_ns), hf_load_relaxed(&adaptive->older_ns));
    uint64_t first = ordinal(adaptive->options.rate_min);
    *state = (struct hf_adaptive_state){
        .rate = hf_load_relaxed(&adaptive->rate),
        .quota = quota_of(&adaptive->options, first + hf_load_relaxed(&adaptive->level)),
        .fastest_ns = fastest_ns == NO_LATENCY ? 0 : fastest_ns,
        .windows = hf_load_relaxed(&adaptive->windows),
        .increases = hf_load_relaxed(&adaptive->increases),
        .decreases = hf_load_relaxed(&adaptive->decreases),
    };
    return HF_OK;
}
