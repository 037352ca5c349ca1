/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <holdfast/limiter.h>

#include "base/atomic.h"
#include "scale.h"

/*
 * Two threads, millions of fresh keys, one cell each. Both threads ask for every key, in the same
 * order and at about the same time, so most insertions meet. Time is virtual: key k is asked for at
 * k * STEP_NS by the one and some steps later by the other. So slots that are free to the one look
 * taken to the other, and the two choose different slots for one key unless the table prevents it.
 * At most one of the two may be admitted.
 */
#define KEYS 6000000
#define STEP_NS 256000 /* Long beside the margin after which a slot is free. */
#define THREADS 2

/* In steps, which are keys. */
struct course {
    uint64_t cell;     /* How long a key's cell lasts. */
    uint64_t skew;     /* How far ahead in time the second thread is; less than cell. */
    uint64_t together; /* The threads wait for each other every so many keys. */
};

struct race {
    struct course course;
    struct hf_limiter *limiter;
    uint64_t keys;
    uint64_t arrived; /* Times that a thread has come to a meeting. */
    uint8_t *admitted[THREADS];
    uint64_t doubles;
    uint64_t missing;
};

struct runner {
    struct race *race;
    uint64_t number;
};

/* Waits until the other has asked for as many keys, so that the threads stay together. */
static void meet(struct race *race, uint64_t meeting)
{
    hf_add_seq(&race->arrived, 1);
    while (hf_load_seq(&race->arrived) < meeting * THREADS)
        sched_yield();
}

static void *ask_for_all(void *argument)
{
    struct runner *runner = argument;
    struct race *race = runner->race;
    for (uint64_t key = 0; key < race->keys; key++) {
        if (key % race->course.together == 0)
            meet(race, key / race->course.together + 1);
        uint64_t now_ns = (key + runner->number * race->course.skew) * STEP_NS;
        enum hf_status status =
            hf_limiter_check_at(race->limiter, hf_bytes(&key, sizeof(key)), 1, now_ns, NULL);
        race->admitted[runner->number][key] = status == HF_OK;
    }
    return NULL;
}

static void run_threads(struct race *race)
{
    pthread_t threads[THREADS];
    struct runner runners[THREADS];
    for (uint64_t i = 0; i < THREADS; i++) {
        runners[i] = (struct runner){race, i};
        race->admitted[i] = calloc(race->keys, 1);
        assert_non_null(race->admitted[i]);
        assert_int_equal(pthread_create(&threads[i], NULL, ask_for_all, &runners[i]), 0);
    }
    for (uint64_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void count(struct race *race)
{
    for (uint64_t key = 0; key < race->keys; key++) {
        uint32_t times = (uint32_t)race->admitted[0][key] + race->admitted[1][key];
        race->doubles += times == 2;
        race->missing += times == 0;
    }
    for (uint64_t i = 0; i < THREADS; i++)
        free(race->admitted[i]);
    print_message("# %llu keys: %llu admitted twice, %llu not at all\n",
        (unsigned long long)race->keys, (unsigned long long)race->doubles,
        (unsigned long long)race->missing);
}

static struct race run(struct course course)
{
    const struct hf_hash_seed seed = {{1, 2, 3, 4}};
    struct race race = {.course = course, .keys = test_scaled(KEYS)};
    struct hf_limiter_options options = {
        .quota = {.count = 1, .period_ns = course.cell * STEP_NS},
        .keys_max = 17, /* 9 home lines and the 15 that follow: 96 slots. */
        .hash = HF_HASH_FAST,
        .seed = &seed,
    };
    assert_int_equal(hf_limiter_new(&race.limiter, &options, NULL), HF_OK);
    run_threads(&race);
    count(&race);
    hf_limiter_free(race.limiter);
    return race;
}

/*
 * The second thread's time is never behind, however the threads run: the skew is longer than they
 * can drift apart. So the horizon cannot hold it up and no key is refused to both.
 */
static void exactly_one_of_two_threads_is_admitted_to_a_fresh_key(void **state)
{
    (void)state;
    struct race race = run((struct course){.cell = 24, .skew = 20, .together = 16});
    assert_int_equal(race.doubles, 0);
    assert_int_equal(race.missing, 0);
}

/*
 * The threads drift further apart than a cell lasts: a key is evicted before the slower thread asks
 * for it at a time when it was still charged, and either may be behind. Denying both is allowed.
 */
static void a_key_evicted_by_the_faster_thread_gains_nothing_from_the_slower(void **state)
{
    (void)state;
    struct race race = run((struct course){.cell = 12, .skew = 6, .together = 64});
    assert_int_equal(race.doubles, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exactly_one_of_two_threads_is_admitted_to_a_fresh_key),
        cmocka_unit_test(a_key_evicted_by_the_faster_thread_gains_nothing_from_the_slower),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
