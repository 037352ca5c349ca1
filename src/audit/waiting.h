/* SPDX-License-Identifier: MIT */
#ifndef HF_AUDIT_WAITING_H
#define HF_AUDIT_WAITING_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

#include <holdfast/status.h>

#include "base/atomic.h"

/*
 * Who waits for whom: the writer's thread for something to do, others for what the writer does.
 *
 * The thread sleeps more or less deeply, and `sleep` says who may wake it. No wake-up is lost: the
 * thread stores `sleep` and then loads what others ask of it; others ask and then load `sleep`. All
 * are sequentially consistent, so at least one of the two sees what the other did.
 *
 * It is woken through a semaphore, which no lock guards: a thread stopped anywhere in here keeps
 * nobody from emitting. A post that comes when the thread no longer sleeps makes it look around
 * once more, no worse.
 */
enum hf_sleep {
    HF_SLEEP_AWAKE = 0,
    HF_SLEEP_PAUSING, /* The disk refuses: requests wake it. */
    HF_SLEEP_NAPPING, /* Who finds no room, too. */
    HF_SLEEP_DEEP,    /* Anybody. */
};

struct hf_waiting {
    uint64_t sleep;    /* An enum hf_sleep. Emit loads it; it changes seldom. */
    uint64_t requests; /* Counts what the thread must not sleep through. */
    sem_t wake;

    uint64_t waiters;  /* How many wait for progress. */
    uint64_t progress; /* Counts the signals. */
    pthread_mutex_t mutex;
    pthread_cond_t progressed;
};

/* Memory zeroed. HF_NO_MEMORY if the system has no more of such things; HF_OK: fini then. */
enum hf_status hf_waiting_init(struct hf_waiting *waiting);
void hf_waiting_fini(struct hf_waiting *waiting);

/* Wakes the thread if it sleeps at least that deep. Lock-free; a load if it does not. */
static inline void hf_waiting_wake(struct hf_waiting *waiting, enum hf_sleep least)
{
    uint64_t sleep = hf_load_seq(&waiting->sleep);
    if (sleep >= (uint64_t)least && hf_cas_seq(&waiting->sleep, &sleep, HF_SLEEP_AWAKE))
        sem_post(&waiting->wake);
}

/* Asks the thread to look around, however it sleeps. */
void hf_waiting_request(struct hf_waiting *waiting);

/* The thread's sleep: hf_waiting_fall, then a last look for work, then rest or not, then rise. */
void hf_waiting_fall(struct hf_waiting *waiting, enum hf_sleep depth);
void hf_waiting_rest(struct hf_waiting *waiting, uint64_t duration_ns);
void hf_waiting_rise(struct hf_waiting *waiting);

/*
 * For others to wait: join; then, as often as what they wait for is not there, load `progress`
 * (seq) before looking, and await a change; then leave. A wait ends after a while in any case,
 * since a clock handed in may move without anybody being told.
 */
void hf_waiting_join(struct hf_waiting *waiting);
void hf_waiting_leave(struct hf_waiting *waiting);
void hf_waiting_await(struct hf_waiting *waiting, uint64_t progress);

/* Tells those who wait. A load if there are none. */
void hf_waiting_signal(struct hf_waiting *waiting);

#endif
