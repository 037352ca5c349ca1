/* SPDX-License-Identifier: MIT */
#include "audit/waiting.h"

#include <errno.h>
#include <time.h>

#define AWAIT_NS_MAX HF_MS(1)

static int init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    int code = pthread_condattr_init(&attributes);
    if (code != 0)
        return code;
    code = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (code == 0)
        code = pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
    return code;
}

enum hf_status hf_waiting_init(struct hf_waiting *waiting)
{
    if (init_condition(&waiting->progressed) != 0)
        return HF_NO_MEMORY;
    if (pthread_mutex_init(&waiting->mutex, NULL) != 0)
        goto mutex_failed;
    if (sem_init(&waiting->wake, 0, 0) != 0)
        goto semaphore_failed;
    return HF_OK;

semaphore_failed:
    pthread_mutex_destroy(&waiting->mutex);
mutex_failed:
    pthread_cond_destroy(&waiting->progressed);
    return HF_NO_MEMORY;
}

void hf_waiting_fini(struct hf_waiting *waiting)
{
    sem_destroy(&waiting->wake);
    pthread_mutex_destroy(&waiting->mutex);
    pthread_cond_destroy(&waiting->progressed);
}

void hf_waiting_request(struct hf_waiting *waiting)
{
    hf_add_seq(&waiting->requests, 1);
    hf_waiting_wake(waiting, HF_SLEEP_PAUSING);
}

void hf_waiting_fall(struct hf_waiting *waiting, enum hf_sleep depth)
{
    hf_store_seq(&waiting->sleep, depth);
}

static struct timespec moment_after(uint64_t duration_ns)
{
    struct timespec moment = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &moment);
    uint64_t nanoseconds = (uint64_t)moment.tv_nsec + duration_ns;
    moment.tv_sec += (time_t)(nanoseconds / HF_SECONDS(1));
    moment.tv_nsec = (long)(nanoseconds % HF_SECONDS(1));
    return moment;
}

/* Waits in real time whatever clock the log has: what wakes it comes from real threads. */
void hf_waiting_rest(struct hf_waiting *waiting, uint64_t duration_ns)
{
    struct timespec until = moment_after(duration_ns);
    while (sem_clockwait(&waiting->wake, CLOCK_MONOTONIC, &until) != 0 && errno == EINTR)
        continue;
}

void hf_waiting_rise(struct hf_waiting *waiting)
{
    hf_store_seq(&waiting->sleep, HF_SLEEP_AWAKE);
}

void hf_waiting_join(struct hf_waiting *waiting)
{
    hf_add_seq(&waiting->waiters, 1);
}

void hf_waiting_leave(struct hf_waiting *waiting)
{
    hf_add_seq(&waiting->waiters, UINT64_MAX);
}

void hf_waiting_await(struct hf_waiting *waiting, uint64_t progress)
{
    struct timespec until = moment_after(AWAIT_NS_MAX);
    pthread_mutex_lock(&waiting->mutex);
    if (hf_load_relaxed(&waiting->progress) == progress)
        pthread_cond_timedwait(&waiting->progressed, &waiting->mutex, &until);
    pthread_mutex_unlock(&waiting->mutex);
}

void hf_waiting_signal(struct hf_waiting *waiting)
{
    if (hf_load_seq(&waiting->waiters) == 0)
        return;
    pthread_mutex_lock(&waiting->mutex);
    hf_add_seq(&waiting->progress, 1);
    pthread_cond_broadcast(&waiting->progressed);
    pthread_mutex_unlock(&waiting->mutex);
}
