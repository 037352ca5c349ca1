/* SPDX-License-Identifier: MIT */
#include "base/tsc.h"

#include "base/atomic.h"
#include "base/multiply.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>
#endif

/*
 * A clock that is monotonic across cores whose counters may disagree.
 *
 * Usage: hf_tsc_init once, then any thread reads the clock.
 *
 * Memory ordering: one shared word, tsc->latest_ns, raised by compare-and-swap and never lowered.
 * Every access is relaxed; the other fields are written before the clock is handed out.
 *
 * Proof that it never goes backwards. Each reading returns a value that latest_ns held during the
 * call: either the one it loaded, or the one it stored. (1) The values of latest_ns only grow in
 * its modification order, since a compare-and-swap replaces a value by a larger one. (2) If one
 * reading happens before another, on the same thread or through any synchronisation, coherence
 * makes the second access the same or a later value of the word. From (1) and (2) the second
 * reading is at least the first. That is all a program can observe: where neither happens before
 * the other, there is no order to violate. How the counter is read plays no part, so a reading of
 * it that the processor executes early or late, or one from a core that lags, costs accuracy and
 * nothing else.
 *
 * Why steps: without them each reading would store a new latest_ns, and threads would fight over
 * its cache line. So one store a step is left to all threads together; every other reading only
 * loads.
 */

#define STEP_MASK (~(uint64_t)(HF_TSC_STEP_NS - 1))

_Static_assert((HF_TSC_STEP_NS & (HF_TSC_STEP_NS - 1)) == 0, "rounding down is a mask");

/* A core may lag even behind the reading that calibration began with: no time has passed then. */
static uint64_t scaled_ns(const struct hf_tsc *tsc, uint64_t ticks)
{
    uint64_t elapsed_ticks = ticks > tsc->start_ticks ? ticks - tsc->start_ticks : 0;
    struct hf_product product = hf_multiply(elapsed_ticks, tsc->ns_per_tick_32);
    return tsc->start_ns + (product.high << 32 | product.low >> 32);
}

uint64_t hf_tsc_now_ns(struct hf_tsc *tsc, uint64_t ticks)
{
    uint64_t step_ns = scaled_ns(tsc, ticks) & STEP_MASK;
    uint64_t latest_ns = hf_load_relaxed(&tsc->latest_ns);
    while (latest_ns < step_ns)
        if (hf_cas_relaxed(&tsc->latest_ns, &latest_ns, step_ns))
            return step_ns;
    return latest_ns;
}

/* elapsed_ns < 2^32 keeps the shift exact, and 4 s is longer than any calibration should take. */
bool hf_tsc_calibrate(struct hf_tsc *tsc, struct hf_tsc_sample first, struct hf_tsc_sample last)
{
    if (last.ticks <= first.ticks || last.ns <= first.ns)
        return false;
    uint64_t elapsed_ticks = last.ticks - first.ticks;
    uint64_t elapsed_ns = last.ns - first.ns;
    if (elapsed_ns > UINT32_MAX || elapsed_ticks / 1000 > elapsed_ns)
        return false;
    if (elapsed_ns / 1000 > elapsed_ticks)
        return false;

    tsc->start_ticks = first.ticks;
    tsc->start_ns = first.ns;
    tsc->ns_per_tick_32 = (elapsed_ns << 32) / elapsed_ticks;
    hf_store_relaxed(&tsc->latest_ns, first.ns & STEP_MASK);
    return true;
}

#if defined(__x86_64__)

#define CALIBRATION_NS HF_MS(20)
#define SAMPLE_TRIES 16

/* Leaf 0x80000007, EDX bit 8: the counter runs at one rate in every power state, and does not stop.
 */
static bool counter_is_invariant(void)
{
    unsigned eax = 0;
    unsigned ebx = 0;
    unsigned ecx = 0;
    unsigned edx = 0;
    return __get_cpuid(0x80000007, &eax, &ebx, &ecx, &edx) && (edx >> 8 & 1) != 0;
}

/* Reads both clocks as near to the same moment as can be had: a try that was interrupted between
 * the two readings of the system's clock is a wide one, and the narrowest wins. */
static struct hf_tsc_sample take_sample(void)
{
    struct hf_clock clock = hf_clock_monotonic();
    struct hf_tsc_sample best = {0, 0};
    uint64_t best_width_ns = UINT64_MAX;
    for (int try = 0; try < SAMPLE_TRIES; try++) {
        uint64_t before_ns = hf_clock_now_ns(&clock);
        uint64_t ticks = __rdtsc();
        uint64_t width_ns = hf_clock_now_ns(&clock) - before_ns;
        if (width_ns < best_width_ns) {
            best_width_ns = width_ns;
            best = (struct hf_tsc_sample){ticks, before_ns + width_ns / 2};
        }
    }
    return best;
}

static uint64_t tsc_now_ns(void *context)
{
    return hf_tsc_now_ns(context, __rdtsc());
}

static bool calibrate_against_monotonic(struct hf_tsc *tsc)
{
    if (!counter_is_invariant())
        return false;
    struct hf_tsc_sample first = take_sample();
    hf_clock_sleep_ns(NULL, CALIBRATION_NS);
    return hf_tsc_calibrate(tsc, first, take_sample());
}

#else

static bool calibrate_against_monotonic(struct hf_tsc *tsc)
{
    (void)tsc;
    return false;
}

#endif

enum hf_status hf_tsc_init(struct hf_tsc *tsc, struct hf_error *error)
{
    if (!tsc)
        return hf_error_add(error, HF_INVALID, 0, "tsc: NULL");
    *tsc = (struct hf_tsc){0};
    if (!calibrate_against_monotonic(tsc))
        return hf_error_add(
            error, HF_UNSUPPORTED, 0, "tsc: this processor has no invariant time stamp counter");
    return HF_OK;
}

struct hf_clock hf_tsc_clock(struct hf_tsc *tsc)
{
#if defined(__x86_64__)
    if (tsc && tsc->ns_per_tick_32 != 0)
        return (struct hf_clock){.now_ns = tsc_now_ns, .context = tsc};
#else
    (void)tsc;
#endif
    return hf_clock_monotonic();
}
