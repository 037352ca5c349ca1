/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <time.h>

#include <holdfast/clock.h>

#include "base/atomic.h"
#include "base/clock_word.h"

#ifndef CLOCK_MONOTONIC_COARSE
#define CLOCK_MONOTONIC_COARSE CLOCK_MONOTONIC
#endif
#ifndef CLOCK_BOOTTIME
#define CLOCK_BOOTTIME CLOCK_MONOTONIC
#endif

/* Cannot fail: the identifiers are the system's own and the address is good. A time of day before
 * 1970 reads as 1970, so that it cannot wrap into the far future. */
static uint64_t system_now_ns(clockid_t id)
{
    struct timespec now = {0, 0};
    clock_gettime(id, &now);
    return now.tv_sec < 0 ? 0 : HF_SECONDS(now.tv_sec) + (uint64_t)now.tv_nsec;
}

static uint64_t monotonic_now_ns(void *context)
{
    (void)context;
    return system_now_ns(CLOCK_MONOTONIC);
}

static uint64_t coarse_now_ns(void *context)
{
    (void)context;
    return system_now_ns(CLOCK_MONOTONIC_COARSE);
}

static uint64_t boottime_now_ns(void *context)
{
    (void)context;
    return system_now_ns(CLOCK_BOOTTIME);
}

static uint64_t realtime_now_ns(void *context)
{
    (void)context;
    return system_now_ns(CLOCK_REALTIME);
}

/* Sleeps to a moment, not for a length: signals that interrupt it then add nothing to the wait. */
static void system_sleep_ns(uint64_t duration_ns)
{
    uint64_t now_ns = system_now_ns(CLOCK_MONOTONIC);
    uint64_t room_ns = HF_TIME_MAX_NS - now_ns;
    uint64_t until_ns = now_ns + (duration_ns < room_ns ? duration_ns : room_ns);
    struct timespec until;
    until.tv_sec = (time_t)(until_ns / HF_SECONDS(1));
    until.tv_nsec = (long)(until_ns % HF_SECONDS(1));
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        continue;
}

uint64_t hf_clock_now_ns(const struct hf_clock *clock)
{
    if (!clock || !clock->now_ns)
        return system_now_ns(CLOCK_MONOTONIC);
    return clock->now_ns(clock->context);
}

void hf_clock_sleep_ns(const struct hf_clock *clock, uint64_t duration_ns)
{
    if (!clock || !clock->sleep_ns)
        system_sleep_ns(duration_ns);
    else
        clock->sleep_ns(clock->context, duration_ns);
}

struct hf_clock hf_clock_monotonic(void)
{
    return (struct hf_clock){.now_ns = monotonic_now_ns};
}

struct hf_clock hf_clock_coarse(void)
{
    return (struct hf_clock){.now_ns = coarse_now_ns};
}

struct hf_clock hf_clock_boottime(void)
{
    return (struct hf_clock){.now_ns = boottime_now_ns};
}

uint64_t hf_wall_clock_now_ns(const struct hf_wall_clock *wall)
{
    if (!wall || !wall->now_ns)
        return system_now_ns(CLOCK_REALTIME);
    return wall->now_ns(wall->context);
}

struct hf_wall_clock hf_wall_clock_system(void)
{
    return (struct hf_wall_clock){.now_ns = realtime_now_ns};
}

void hf_manual_clock_init(struct hf_manual_clock *manual, uint64_t now_ns)
{
    if (manual)
        hf_store_release(&manual->now_ns, now_ns);
}

/* Acquire and release: whoever reads a time also sees what was written before the clock got there.
 */
void hf_manual_clock_advance(struct hf_manual_clock *manual, uint64_t duration_ns)
{
    if (!manual)
        return;
    uint64_t now_ns = hf_load_acquire(&manual->now_ns);
    uint64_t room_ns;
    do {
        room_ns = UINT64_MAX - now_ns;
    } while (!hf_cas_acq_rel(
        &manual->now_ns, &now_ns, now_ns + (duration_ns < room_ns ? duration_ns : room_ns)));
}

static uint64_t manual_now_ns(void *context)
{
    const struct hf_manual_clock *manual = context;
    return manual ? hf_load_acquire(&manual->now_ns) : 0;
}

static void manual_sleep_ns(void *context, uint64_t duration_ns)
{
    hf_manual_clock_advance(context, duration_ns);
}

struct hf_clock hf_manual_clock(struct hf_manual_clock *manual)
{
    return (struct hf_clock){manual_now_ns, manual_sleep_ns, manual};
}

const uint64_t *hf_clock_word(const struct hf_clock *clock)
{
    const struct hf_manual_clock *manual = clock->context;
    return clock->now_ns == manual_now_ns && manual ? &manual->now_ns : NULL;
}

struct hf_wall_clock hf_manual_wall_clock(struct hf_manual_clock *manual)
{
    return (struct hf_wall_clock){manual_now_ns, manual};
}
