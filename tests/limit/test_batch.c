/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/limiter.h>
#include <holdfast/random.h>

#include "base/atomic.h"
#include "scale.h"

#define COUNT_MAX (HF_LIMITER_BATCH * 5)

/* Two limiters that cannot be told apart: one is asked in batches, the other key by key. */
struct twins {
    struct hf_limiter *batch;
    struct hf_limiter *single;
    struct hf_manual_clock clock;
    struct hf_splitmix splitmix;
    struct hf_random random;
};

/* What is asked for, and where the answers go. */
struct questions {
    uint64_t numbers[COUNT_MAX]; /* What the keys point to. */
    struct hf_limiter_request requests[COUNT_MAX];
    struct hf_decision decisions[COUNT_MAX];
    size_t count;
};

static struct hf_limiter *limiter_with(struct hf_limiter_options options)
{
    struct hf_limiter *limiter;
    assert_int_equal(hf_limiter_new(&limiter, &options, NULL), HF_OK);
    return limiter;
}

static void twins_begin(struct twins *twins, struct hf_limiter_options options, uint64_t seed)
{
    const struct hf_hash_seed hash_seed = {{seed, 2, 3, 4}};
    hf_splitmix_init(&twins->splitmix, seed);
    twins->random = hf_splitmix_random(&twins->splitmix);
    hf_manual_clock_init(&twins->clock, HF_SECONDS(5));
    options.clock = hf_manual_clock(&twins->clock);
    options.seed = &hash_seed;
    twins->batch = limiter_with(options);
    twins->single = limiter_with(options);
}

static void twins_end(struct twins *twins)
{
    hf_limiter_free(twins->batch);
    hf_limiter_free(twins->single);
}

/* Few keys, so that many are there twice; sizes and costs that are wrong now and then. */
static struct hf_limiter_request question(
    struct twins *twins, uint64_t *number, struct hf_decision *decision)
{
    uint64_t odd = hf_random_below(&twins->random, 40);
    *number = hf_random_below(&twins->random, 90);
    struct hf_limiter_request request = {
        .key = hf_bytes(number, sizeof(*number)),
        .cost = odd == 0 ? 0 : hf_random_below(&twins->random, 4),
        .decision = odd == 1 ? NULL : decision,
        .status = HF_CLOSED,
    };
    if (odd == 2)
        request.key.size = 0;
    if (odd == 3)
        request.key.size = HF_KEY_BYTES_MAX + 1;
    if (odd == 4)
        request.key.data = NULL;
    if (odd == 5)
        request.cost = UINT64_MAX;
    return request;
}

static void make_questions(struct twins *twins, struct questions *questions)
{
    questions->count = hf_random_below(&twins->random, COUNT_MAX + 1);
    memset(questions->decisions, 0xff, sizeof(questions->decisions));
    for (size_t i = 0; i < questions->count; i++)
        questions->requests[i] = question(twins, &questions->numbers[i], &questions->decisions[i]);
}

static void assert_same_decision(
    const struct hf_decision *decision, const struct hf_decision *expected)
{
    assert_int_equal(decision->reason, expected->reason);
    assert_int_equal(decision->admitted_uncounted, expected->admitted_uncounted);
    assert_int_equal(decision->limit, expected->limit);
    assert_int_equal(decision->remaining, expected->remaining);
    assert_int_equal(decision->retry_after_ns, expected->retry_after_ns);
    assert_int_equal(decision->reset_after_ns, expected->reset_after_ns);
    if (expected->argument)
        assert_string_equal(decision->argument, expected->argument);
    else
        assert_null(decision->argument);
}

/* Asks the twin one by one. now_ns: of both, or UINT64_MAX for their clock. */
static void assert_as_singles(
    struct twins *twins, const struct questions *questions, uint64_t now_ns, enum hf_status status)
{
    enum hf_status first = HF_OK;
    for (size_t i = 0; i < questions->count; i++) {
        const struct hf_limiter_request *request = &questions->requests[i];
        struct hf_decision decision;
        enum hf_status expected =
            now_ns == UINT64_MAX
                ? hf_limiter_check(twins->single, request->key, request->cost, &decision)
                : hf_limiter_check_at(
                      twins->single, request->key, request->cost, now_ns, &decision);
        assert_int_equal(request->status, expected);
        if (request->decision)
            assert_same_decision(request->decision, &decision);
        first = first == HF_OK ? expected : first;
    }
    assert_int_equal(status, first);
}

static void compare(struct hf_limiter_options options, uint64_t seed)
{
    struct twins twins;
    print_message("# seed %llu\n", (unsigned long long)seed);
    twins_begin(&twins, options, seed);
    uint64_t rounds = test_scaled(4000);
    for (uint64_t round = 0; round < rounds; round++) {
        static struct questions questions;
        make_questions(&twins, &questions);
        hf_manual_clock_advance(&twins.clock, hf_random_below(&twins.random, HF_MS(300)));
        uint64_t now_ns = round % 2 ? UINT64_MAX : twins.clock.now_ns;
        enum hf_status status =
            now_ns == UINT64_MAX
                ? hf_limiter_check_many(twins.batch, questions.requests, questions.count)
                : hf_limiter_check_many_at(
                      twins.batch, questions.requests, questions.count, now_ns);
        assert_as_singles(&twins, &questions, now_ns, status);
    }
    twins_end(&twins);
}

static void a_batch_is_decided_as_its_keys_would_be_one_by_one(void **state)
{
    (void)state;
    struct hf_limiter_options options = {
        .quota = hf_quota_with_burst(hf_quota_per_second(3), 5), .keys_max = 1000};
    compare(options, 1);
    options.hash = HF_HASH_FAST;
    compare(options, 2);
}

static void a_batch_that_meets_a_full_table_is_decided_alike(void **state)
{
    (void)state;
    struct hf_limiter_options options = {
        .quota = hf_quota_per(1, HF_SECONDS(40)), .keys_max = 1, .hash = HF_HASH_FAST};
    compare(options, 3);
    options.full_policy = HF_FULL_ADMIT;
    compare(options, 4);
}

static void a_key_is_charged_as_often_as_it_is_in_the_batch(void **state)
{
    (void)state;
    struct hf_limiter *limiter = limiter_with(
        (struct hf_limiter_options){.quota = hf_quota_with_burst(hf_quota_per_second(1), 20)});
    struct hf_limiter_request requests[HF_LIMITER_BATCH + 6];
    size_t count = sizeof(requests) / sizeof(requests[0]);
    for (size_t i = 0; i < count; i++)
        requests[i] = (struct hf_limiter_request){.key = hf_bytes("key", 3), .cost = 1};
    assert_int_equal(hf_limiter_check_many_at(limiter, requests, count, HF_SECONDS(1)), HF_DENIED);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(requests[i].status, i < 20 ? HF_OK : HF_DENIED);
    hf_limiter_free(limiter);
}

static uint64_t ticking_now_ns(void *context)
{
    return ++*(uint64_t *)context;
}

static void a_new_key_that_comes_twice_is_asked_for_at_one_time(void **state)
{
    (void)state;
    uint64_t ticks = HF_SECONDS(1);
    const struct hf_limiter_options options = {
        .quota = hf_quota_per_minute(100),
        .keys_max = 100,
        .clock = {.now_ns = ticking_now_ns, .context = &ticks},
    };
    struct hf_limiter *limiter;
    assert_int_equal(hf_limiter_new(&limiter, &options, NULL), HF_OK);
    struct hf_limiter_request requests[3] = {{.key = hf_bytes("k", 1), .cost = 60},
        {.key = hf_bytes("k", 1), .cost = 40}, {.key = hf_bytes("k", 1), .cost = 1}};
    assert_int_equal(hf_limiter_check_many(limiter, requests, 3), HF_DENIED);
    assert_int_equal(requests[0].status, HF_OK);
    assert_int_equal(requests[1].status, HF_OK);
    assert_int_equal(requests[2].status, HF_DENIED);
    hf_limiter_free(limiter);
}

static void assert_all(
    const struct hf_limiter_request *requests, size_t count, const char *argument)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(requests[i].status, HF_INVALID);
        if (requests[i].decision)
            assert_string_equal(requests[i].decision->argument, argument);
    }
}

static uint64_t broken_clock(void *context)
{
    (void)context;
    return HF_TIME_MAX_NS + 1;
}

static void what_is_wrong_for_all_is_told_to_each(void **state)
{
    (void)state;
    struct hf_limiter *limiter = limiter_with((struct hf_limiter_options){
        .quota = hf_quota_per_second(1), .clock = {.now_ns = broken_clock}});
    struct hf_decision decisions[HF_LIMITER_BATCH + 2];
    struct hf_limiter_request requests[HF_LIMITER_BATCH + 2];
    size_t count = sizeof(requests) / sizeof(requests[0]);
    for (size_t i = 0; i < count; i++)
        requests[i] = (struct hf_limiter_request){
            .key = hf_bytes("key", 3), .cost = 1, .decision = i == 3 ? NULL : &decisions[i]};

    assert_int_equal(hf_limiter_check_many(NULL, requests, count), HF_INVALID);
    assert_all(requests, count, "limiter");
    assert_int_equal(hf_limiter_check_many_at(NULL, requests, count, 1), HF_INVALID);
    assert_all(requests, count, "limiter");
    assert_int_equal(hf_limiter_check_many(limiter, requests, count), HF_INVALID);
    assert_all(requests, count, "clock");
    assert_int_equal(
        hf_limiter_check_many_at(limiter, requests, count, HF_TIME_MAX_NS + 1), HF_INVALID);
    assert_all(requests, count, "now_ns");
    hf_limiter_free(limiter);
}

static void no_requests_are_all_admitted(void **state)
{
    (void)state;
    struct hf_limiter *limiter =
        limiter_with((struct hf_limiter_options){.quota = hf_quota_per_second(1)});
    assert_int_equal(hf_limiter_check_many(limiter, NULL, 0), HF_OK);
    assert_int_equal(hf_limiter_check_many_at(limiter, NULL, 0, 0), HF_OK);
    assert_int_equal(hf_limiter_check_many(limiter, NULL, 1), HF_INVALID);
    assert_int_equal(hf_limiter_check_many_at(limiter, NULL, 1, 0), HF_INVALID);
    assert_int_equal(hf_limiter_check_many(NULL, NULL, 1), HF_INVALID);
    hf_limiter_free(limiter);
}

/* Threads ask for the same keys in batches, more often than all of them have cells. */
#define THREADS 2
#define SHARED_KEYS 40
#define SHARED_BURST 100

struct shared {
    struct hf_limiter *limiter;
    uint64_t admitted[SHARED_KEYS];
};

static void *ask_for_all(void *context)
{
    struct shared *shared = context;
    uint64_t numbers[SHARED_KEYS];
    struct hf_limiter_request requests[SHARED_KEYS];
    for (uint64_t i = 0; i < SHARED_KEYS; i++) {
        numbers[i] = i;
        requests[i] = (struct hf_limiter_request){
            .key = hf_bytes(&numbers[i], sizeof(numbers[i])), .cost = 1};
    }
    for (int round = 0; round < SHARED_BURST; round++) {
        (void)!hf_limiter_check_many_at(shared->limiter, requests, SHARED_KEYS, HF_SECONDS(1));
        for (uint64_t i = 0; i < SHARED_KEYS; i++)
            hf_add_relaxed(&shared->admitted[i], requests[i].status == HF_OK);
    }
    return NULL;
}

static void batches_of_two_threads_share_each_key(void **state)
{
    (void)state;
    uint64_t rounds = test_scaled(200);
    for (uint64_t round = 0; round < rounds; round++) {
        struct shared shared = {.limiter = limiter_with((struct hf_limiter_options){
                                    .quota = hf_quota_per_second(SHARED_BURST),
                                    .keys_max = SHARED_KEYS,
                                })};
        pthread_t threads[THREADS];
        for (int i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, ask_for_all, &shared), 0);
        for (int i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        for (int i = 0; i < SHARED_KEYS; i++)
            assert_int_equal(shared.admitted[i], SHARED_BURST);
        hf_limiter_free(shared.limiter);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_decided_as_its_keys_would_be_one_by_one),
        cmocka_unit_test(a_batch_that_meets_a_full_table_is_decided_alike),
        cmocka_unit_test(a_new_key_that_comes_twice_is_asked_for_at_one_time),
        cmocka_unit_test(a_key_is_charged_as_often_as_it_is_in_the_batch),
        cmocka_unit_test(what_is_wrong_for_all_is_told_to_each),
        cmocka_unit_test(no_requests_are_all_admitted),
        cmocka_unit_test(batches_of_two_threads_share_each_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
