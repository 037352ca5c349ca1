/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <holdfast/limiter.h>
#include <holdfast/random.h>

#include "base/atomic.h"
#include "scale.h"

/*
 * Threads that charge one key by several quotas, reserve, and give back, at times of one clock that
 * they move on themselves, in a table so small that other keys keep taking the place whenever the
 * key has nothing charged. Each writes down what it did and when it had read the clock. Afterwards,
 * in no stretch of time may the key have got more than a burst, what the stretch earns, and what
 * was given back in it.
 */

#define THREADS 3
#define STEPS 30000
#define CELL_NS 1000
#define BURST 6
#define WAIT_MAX_NS (4 * CELL_NS)

/* A charge that was admitted. */
struct charge {
    uint64_t now_ns;
    uint64_t charge_ns;
};

/* What was given back between two readings of the clock. */
struct refund {
    uint64_t before_ns;
    uint64_t after_ns;
    uint64_t refund_ns;
};

struct scene {
    struct hf_limiter *limiter;
    struct hf_gcra slow;
    uint64_t time_ns;
    uint64_t failures;
};

struct actor {
    struct scene *scene;
    struct hf_splitmix splitmix;
    struct charge charges[STEPS];
    size_t charge_count;
    struct refund refunds[STEPS];
    size_t refund_count;
};

static uint64_t scene_now_ns(void *context)
{
    struct scene *scene = context;
    return hf_load_seq(&scene->time_ns);
}

static void set_scene(struct scene *scene)
{
    const struct hf_quota slow = {.count = 1, .period_ns = 3 * CELL_NS, .burst = BURST / 3};
    const struct hf_limiter_options options = {
        .quota = {.count = 1, .period_ns = CELL_NS, .burst = BURST},
        .keys_max = 1,
        .fill_max_ns = BURST * CELL_NS + WAIT_MAX_NS,
        .clock = {.now_ns = scene_now_ns, .context = scene},
    };
    *scene = (struct scene){.time_ns = HF_SECONDS(1)};
    assert_int_equal(hf_gcra_init(&scene->slow, &slow, NULL), HF_OK);
    assert_int_equal(hf_limiter_new(&scene->limiter, &options, NULL), HF_OK);
}

static void give_back(struct actor *actor, uint64_t cost, const struct hf_gcra *quota)
{
    struct scene *scene = actor->scene;
    struct refund *refund = &actor->refunds[actor->refund_count++];
    refund->before_ns = scene_now_ns(scene);
    refund->refund_ns = cost * (quota ? 3 * CELL_NS : CELL_NS);
    if (hf_limiter_refund(scene->limiter, hf_bytes("k", 1), cost, quota) != HF_OK)
        hf_add_relaxed(&scene->failures, 1);
    refund->after_ns = scene_now_ns(scene);
}

static void take(struct actor *actor, uint64_t drawn)
{
    struct scene *scene = actor->scene;
    const struct hf_gcra *quota = drawn & 1 ? &scene->slow : NULL;
    uint64_t cost = 1 + (drawn >> 1 & 1);
    uint64_t wait_ns = 0;
    uint64_t now_ns = scene_now_ns(scene);
    enum hf_status status = drawn & 4 ? hf_limiter_check_with_at(scene->limiter, hf_bytes("k", 1),
                                            cost, quota, now_ns, NULL)
                                      : hf_limiter_reserve_at(scene->limiter, hf_bytes("k", 1),
                                            cost, quota, WAIT_MAX_NS, now_ns, &wait_ns, NULL);
    if (status != HF_OK)
        return;
    actor->charges[actor->charge_count++] =
        (struct charge){now_ns, cost * (quota ? 3 * CELL_NS : CELL_NS)};
    if (drawn >> 3 & 1)
        give_back(actor, cost, quota);
}

static void *act(void *argument)
{
    struct actor *actor = argument;
    struct scene *scene = actor->scene;
    for (uint64_t i = 0; i < test_scaled(STEPS); i++) {
        uint64_t drawn = hf_splitmix_next(&actor->splitmix);
        uint64_t other = drawn >> 32;
        take(actor, drawn);
        if (drawn >> 8 & 1) /* Somebody else's, who needs a place. */
            (void)!hf_limiter_check(scene->limiter, hf_bytes(&other, sizeof(other)), 1, NULL);
        bool pause = (drawn >> 16 & 63) == 0; /* Long enough for the key to lose its place. */
        hf_add_seq(&scene->time_ns, pause ? 40 * CELL_NS : drawn >> 24 & 511);
    }
    return NULL;
}

static int by_now(const void *a, const void *b)
{
    const struct charge *x = a;
    const struct charge *y = b;
    return (x->now_ns > y->now_ns) - (x->now_ns < y->now_ns);
}

static int by_before(const void *a, const void *b)
{
    const struct refund *x = a;
    const struct refund *y = b;
    return (x->before_ns > y->before_ns) - (x->before_ns < y->before_ns);
}

static struct charge charges[THREADS * STEPS];
static struct refund refunds[THREADS * STEPS];

/* Charges in a stretch: longer ones are looked at as what they are made of. */
#define STRETCH_MAX 200

static void assert_no_stretch_has_too_much(size_t charge_count, size_t refund_count)
{
    const uint64_t burst_ns = BURST * CELL_NS + WAIT_MAX_NS;
    size_t earliest = 0;
    for (size_t first = 0; first < charge_count; first++) {
        uint64_t start_ns = charges[first].now_ns;
        while (earliest < refund_count && refunds[earliest].after_ns < start_ns)
            earliest++;
        uint64_t charged_ns = 0;
        uint64_t given_back_ns = 0;
        size_t next = earliest;
        for (size_t last = first; last < charge_count && last < first + STRETCH_MAX; last++) {
            charged_ns += charges[last].charge_ns;
            for (; next < refund_count && refunds[next].before_ns <= charges[last].now_ns; next++)
                given_back_ns += refunds[next].after_ns >= start_ns ? refunds[next].refund_ns : 0;
            assert_true(charged_ns <= burst_ns + given_back_ns + (charges[last].now_ns - start_ns));
        }
    }
}

static void no_stretch_of_time_has_more_than_was_earned_and_given_back(void **state)
{
    (void)state;
    static struct actor actors[THREADS];
    pthread_t threads[THREADS];
    struct scene scene;
    set_scene(&scene);
    for (uint64_t i = 0; i < THREADS; i++) {
        actors[i].scene = &scene;
        hf_splitmix_init(&actors[i].splitmix, i);
        assert_int_equal(pthread_create(&threads[i], NULL, act, &actors[i]), 0);
    }
    size_t charge_count = 0;
    size_t refund_count = 0;
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        for (size_t j = 0; j < actors[i].charge_count; j++)
            charges[charge_count++] = actors[i].charges[j];
        for (size_t j = 0; j < actors[i].refund_count; j++)
            refunds[refund_count++] = actors[i].refunds[j];
    }
    qsort(charges, charge_count, sizeof(charges[0]), by_now);
    qsort(refunds, refund_count, sizeof(refunds[0]), by_before);
    struct hf_limiter_statistics statistics;
    assert_int_equal(hf_limiter_statistics(scene.limiter, &statistics), HF_OK);
    print_message("# %zu charges, %zu refunds, %llu insertions\n", charge_count, refund_count,
        (unsigned long long)statistics.inserted);
    assert_int_equal(scene.failures, 0);
    assert_true(charge_count > 0);
    assert_no_stretch_has_too_much(charge_count, refund_count);
    hf_limiter_free(scene.limiter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_stretch_of_time_has_more_than_was_earned_and_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
