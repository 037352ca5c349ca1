/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <holdfast/limiter.h>

#include "base/atomic.h"
#include "base/step.h"
#include "scale.h"

/*
 * Lock-free, shown: one thread is stopped at a mark of the table's protocol, whatever it has
 * claimed or published there stays as it is, and two others finish 100,000 requests, for the same
 * key and for others whose path is the same. Then it goes on, and no key may have got more than its
 * quota.
 */
#ifdef HF_TEST_STEPS

#define OTHERS 2
#define OPERATIONS 100000
#define CELL_NS 256000 /* Long beside the margin after which a slot is free. */
#define BURST 5
#define TICK_NS 2560 /* Between two requests of a thread. */
#define START_NS 256000000
#define KEYS 8 /* Asked for again and again; key 0 is also the parked thread's. */
#define FRESH                                                                                      \
    16u /* Every so many requests ask for a key never seen, so that slots change hands.            \
         */

/* Where a thread stops, once, and what it finds to do at another mark on the way there. */
struct parking {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    enum hf_step step;
    bool parked;
    bool released;
    enum hf_step detour_at; /* HF_STEP_COUNT: no detour. */
    void (*detour)(void);
};

static _Thread_local struct parking *own_parking;

static struct hf_limiter *limiter;
static uint64_t admitted[KEYS];

static void park(struct parking *parking)
{
    pthread_mutex_lock(&parking->mutex);
    parking->parked = true;
    pthread_cond_broadcast(&parking->changed);
    while (!parking->released)
        pthread_cond_wait(&parking->changed, &parking->mutex);
    pthread_mutex_unlock(&parking->mutex);
}

static void at_mark(enum hf_step step)
{
    struct parking *parking = own_parking;
    if (!parking)
        return;
    if (step == parking->detour_at) {
        parking->detour_at = HF_STEP_COUNT;
        own_parking = NULL; /* The detour itself stops nowhere. */
        parking->detour();
        own_parking = parking;
    }
    if (step == parking->step && !parking->parked)
        park(parking);
}

static void wait_until_parked(struct parking *parking)
{
    pthread_mutex_lock(&parking->mutex);
    while (!parking->parked)
        pthread_cond_wait(&parking->changed, &parking->mutex);
    pthread_mutex_unlock(&parking->mutex);
}

static void release(struct parking *parking)
{
    pthread_mutex_lock(&parking->mutex);
    parking->released = true;
    pthread_cond_broadcast(&parking->changed);
    pthread_mutex_unlock(&parking->mutex);
}

static struct parking parking_at(enum hf_step step)
{
    return (struct parking){
        .mutex = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER,
        .step = step,
        .detour_at = HF_STEP_COUNT,
    };
}

static void ask(uint64_t key, uint64_t now_ns)
{
    enum hf_status status =
        hf_limiter_check_at(limiter, hf_bytes(&key, sizeof(key)), 1, now_ns, NULL);
    if (key < KEYS && status == HF_OK)
        hf_add_relaxed(&admitted[key], 1);
}

static void ask_for_key_0(void)
{
    ask(0, START_NS);
}

/* A second thread that publishes a tentative slot for key 0 and stays there. */
static struct parking rival_parking;
static pthread_t rival;

static void *be_rival(void *unused)
{
    own_parking = &rival_parking;
    ask_for_key_0();
    return unused;
}

static void start_rival(void)
{
    rival_parking = parking_at(HF_STEP_TABLE_PUBLISHED);
    assert_int_equal(pthread_create(&rival, NULL, be_rival, NULL), 0);
    wait_until_parked(&rival_parking);
}

/*
 * Asks for key 0, which is new, for it again, and gives a cell back; so it comes by every mark but
 * those of conflicts.
 */
static void *ask_and_park(void *argument)
{
    const uint64_t key = 0;
    own_parking = argument;
    ask_for_key_0();
    ask_for_key_0();
    assert_int_equal(
        hf_limiter_refund_at(limiter, hf_bytes(&key, sizeof(key)), 1, NULL, START_NS), HF_OK);
    return NULL;
}

static void *ask_on(void *argument)
{
    uint64_t thread = *(const uint64_t *)argument;
    uint64_t count = test_scaled(OPERATIONS) / OTHERS;
    for (uint64_t i = 0; i < count; i++) {
        bool fresh = i % FRESH == FRESH - 1;
        uint64_t key = fresh ? (thread + 1) << 32 | i : i % KEYS;
        ask(key, START_NS + i * TICK_NS);
    }
    return NULL;
}

static void others_finish(void)
{
    pthread_t threads[OTHERS];
    uint64_t numbers[OTHERS];
    for (uint64_t i = 0; i < OTHERS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, ask_on, &numbers[i]), 0);
    }
    for (uint64_t i = 0; i < OTHERS; i++)
        pthread_join(threads[i], NULL);
}

/*
 * All the requests for the key lie within this stretch, and there were always more than fit. One
 * cell of key 0 was given back.
 */
static void check_admitted(uint64_t key)
{
    uint64_t stretch_ns = (test_scaled(OPERATIONS) / OTHERS - 1) * TICK_NS;
    uint64_t most = BURST + stretch_ns / CELL_NS;
    uint64_t got = hf_load_relaxed(&admitted[key]);
    print_message("# key %d: %d of %d\n", (int)key, (int)got, (int)most);
    assert_in_range(got, most - most / 10 - 1, most + (key == 0));
}

static void make_limiter(void)
{
    const struct hf_hash_seed seed = {{1, 2, 3, 4}};
    struct hf_limiter_options options = {
        .quota = {.count = 1, .period_ns = CELL_NS, .burst = BURST},
        .keys_max = 1, /* One home line: every key has the same path. */
        .hash = HF_HASH_FAST,
        .seed = &seed,
    };
    assert_int_equal(hf_limiter_new(&limiter, &options, NULL), HF_OK);
    for (uint64_t key = 0; key < KEYS; key++)
        hf_store_relaxed(&admitted[key], 0);
}

/*
 * Conflicts must be arranged. While the thread holds a private slot, somebody else gives the key
 * another: it will withdraw. Or publishes another and goes no further: it will bump that.
 */
static void arrange_conflict(struct parking *parking)
{
    bool bumps = parking->step == HF_STEP_TABLE_BUMPING;
    bool withdraws =
        parking->step >= HF_STEP_TABLE_WITHDRAWING && parking->step <= HF_STEP_TABLE_VACATED;
    if (!bumps && !withdraws)
        return;
    parking->detour_at = HF_STEP_TABLE_CLAIMED;
    parking->detour = bumps ? start_rival : ask_for_key_0;
}

static void others_finish_while_one_is_parked(void **state)
{
    struct parking parking = parking_at((enum hf_step)(uintptr_t)*state);
    arrange_conflict(&parking);
    make_limiter();
    hf_step_hook = at_mark;
    pthread_t parked;
    assert_int_equal(pthread_create(&parked, NULL, ask_and_park, &parking), 0);
    wait_until_parked(&parking);
    others_finish();
    assert_true(parking.parked);
    release(&parking);
    pthread_join(parked, NULL);
    if (parking.step == HF_STEP_TABLE_BUMPING) {
        release(&rival_parking);
        pthread_join(rival, NULL);
    }
    hf_step_hook = NULL;
    for (uint64_t key = 0; key < KEYS; key++)
        check_admitted(key);
    hf_limiter_free(limiter);
}

static const char *const step_names[] = {
#define STEP_NAME(name) #name,
    HF_STEP_LIST(STEP_NAME)
#undef STEP_NAME
};

_Static_assert(HF_STEP_TABLE_FOUND == 0, "the table's marks are the first of the list");

int main(void)
{
    struct CMUnitTest tests[HF_STEP_TABLE_ADJUSTED + 1] = {{0}};
    for (uintptr_t step = 0; step <= HF_STEP_TABLE_ADJUSTED; step++) {
        tests[step].name = step_names[step];
        tests[step].test_func = others_finish_while_one_is_parked;
        tests[step].initial_state = (void *)step;
    }
    return cmocka_run_group_tests_name("others_finish_while_one_is_parked_at", tests, NULL, NULL);
}
#else
int main(void)
{
    puts("1..0 # SKIP needs the marks of a STEPS=1 build");
    return 0;
}
#endif
