/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/atomic.h"
#include "scale.h"

/* Waits a little for the other thread; yields, since it may be on this very core. */
static void breathe(unsigned *spins)
{
    hf_pause();
    if (++*spins % 64 == 0)
        sched_yield();
}

/*
 * Message passing: a plain word is written, then a flag; whoever sees the flag reads the word.
 * Under the thread sanitizer the plain word is what matters: it reports a race unless it sees the
 * flag's release and acquire.
 */
struct message {
    uint64_t sent;
    uint64_t received;
    uint64_t plain;
    uint64_t rounds;
    bool relaxed; /* The wrong order, for the control below. */
    uint64_t wrong;
};

static void *send_messages(void *context)
{
    struct message *message = context;
    unsigned spins = 0;
    for (uint64_t round = 1; round <= message->rounds; round++) {
        message->plain = 3 * round;
        if (message->relaxed)
            hf_store_relaxed(&message->sent, round);
        else
            hf_store_release(&message->sent, round);
        while (hf_load_acquire(&message->received) != round)
            breathe(&spins);
    }
    return NULL;
}

static void receive_messages(struct message *message)
{
    unsigned spins = 0;
    for (uint64_t round = 1; round <= message->rounds; round++) {
        while ((message->relaxed ? hf_load_relaxed(&message->sent)
                                 : hf_load_acquire(&message->sent)) != round)
            breathe(&spins);
        message->wrong += message->plain != 3 * round;
        hf_store_release(&message->received, round);
    }
}

/* Static, because clang 14 leaves the accesses of a function to its own variables uninstrumented
 * even where another thread has their address. */
static uint64_t pass_messages(bool relaxed, uint64_t rounds)
{
    static struct message message;
    message = (struct message){.rounds = rounds, .relaxed = relaxed};
    pthread_t sender;
    assert_int_equal(pthread_create(&sender, NULL, send_messages, &message), 0);
    receive_messages(&message);
    assert_int_equal(pthread_join(sender, NULL), 0);
    return message.wrong;
}

static void whoever_acquires_the_flag_sees_what_was_written_before(void **state)
{
    (void)state;
    assert_int_equal(pass_messages(false, test_scaled(100000)), 0);
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WATCHED true
#endif
#elif defined(__SANITIZE_THREAD__)
#define WATCHED true
#endif
#ifndef WATCHED
#define WATCHED false
#endif

/*
 * The control: that the sanitizer keeps silent above counts only if it would have spoken here. In a
 * program of its own, since what it does after a mere fork differs between compilers.
 */
static void the_thread_sanitizer_sees_a_flag_that_is_merely_relaxed(void **state)
{
    (void)state;
    if (!WATCHED)
        skip();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (freopen("/dev/null", "w", stderr))
            execl("/proc/self/exe", "test_atomic", "race", (char *)NULL);
        _exit(0);
    }
    int ending = 0;
    assert_int_equal(waitpid(child, &ending, 0), child);
    assert_false(WIFEXITED(ending) && WEXITSTATUS(ending) == 0);
}

/*
 * Store buffering: each thread stores to its word, then loads the other's. With anything less than
 * sequential consistency both may load 0, each store waiting in its core's buffer.
 */
struct buffering {
    uint64_t words[2];
    uint64_t loaded[2];
    uint64_t arrivals[2];
    uint64_t rounds;
};

static void meet(struct buffering *test, size_t me, uint64_t round, unsigned *spins)
{
    hf_store_release(&test->arrivals[me], round);
    while (hf_load_acquire(&test->arrivals[1 - me]) < round)
        breathe(spins);
}

static uint64_t store_and_load(struct buffering *test, size_t me)
{
    unsigned spins = 0;
    uint64_t both_zero = 0;
    for (uint64_t round = 1; round <= test->rounds; round++) {
        hf_store_relaxed(&test->words[me], 0);
        meet(test, me, 3 * round - 2, &spins);
        hf_store_seq(&test->words[me], 1);
        hf_store_relaxed(&test->loaded[me], hf_load_seq(&test->words[1 - me]));
        meet(test, me, 3 * round - 1, &spins);
        both_zero += hf_load_relaxed(&test->loaded[0]) + hf_load_relaxed(&test->loaded[1]) == 0;
        meet(test, me, 3 * round, &spins);
    }
    return both_zero;
}

static void *store_and_load_as_other(void *context)
{
    (void)store_and_load(context, 1);
    return NULL;
}

static void of_two_sequential_stores_one_is_seen_by_the_other_side(void **state)
{
    (void)state;
    struct buffering test = {.rounds = test_scaled(50000)};
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, store_and_load_as_other, &test), 0);
    uint64_t both_zero = store_and_load(&test, 0);
    assert_int_equal(pthread_join(other, NULL), 0);
    assert_int_equal(both_zero, 0);
}

struct counters {
    uint64_t added_relaxed;
    uint64_t added_seq;
    uint64_t swapped_relaxed;
    uint64_t swapped_acq_rel;
    uint64_t swapped_seq;
    uint64_t flipped;
    uint64_t maximum;
    uint64_t rounds;
};

typedef bool swap_function(uint64_t *word, uint64_t *expected, uint64_t value);

static void increment_by_swap(uint64_t *word, swap_function *swap)
{
    uint64_t seen = hf_load_relaxed(word);
    while (!swap(word, &seen, seen + 1))
        continue;
}

static void count(struct counters *counters, uint64_t start)
{
    for (uint64_t round = 0; round < counters->rounds; round++) {
        hf_add_relaxed(&counters->added_relaxed, 1);
        hf_add_seq(&counters->added_seq, 1);
        increment_by_swap(&counters->swapped_relaxed, hf_cas_relaxed);
        increment_by_swap(&counters->swapped_acq_rel, hf_cas_acq_rel);
        increment_by_swap(&counters->swapped_seq, hf_cas_seq);
        hf_xor_release(&counters->flipped, 2 * round + start);
        hf_max_seq(&counters->maximum, 2 * round + start);
    }
}

static void *count_as_other(void *context)
{
    count(context, 1);
    return NULL;
}

/* Each update is atomic: the sums of two threads come out, and so do the xor and the maximum. */
static void no_update_is_lost(void **state)
{
    (void)state;
    struct counters counters = {.rounds = test_scaled(100000)};
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, count_as_other, &counters), 0);
    count(&counters, 0);
    assert_int_equal(pthread_join(other, NULL), 0);
    uint64_t flipped = 0;
    for (uint64_t number = 0; number < 2 * counters.rounds; number++)
        flipped ^= number;
    assert_int_equal(counters.added_relaxed, 2 * counters.rounds);
    assert_int_equal(counters.added_seq, 2 * counters.rounds);
    assert_int_equal(counters.swapped_relaxed, 2 * counters.rounds);
    assert_int_equal(counters.swapped_acq_rel, 2 * counters.rounds);
    assert_int_equal(counters.swapped_seq, 2 * counters.rounds);
    assert_int_equal(counters.flipped, flipped);
    assert_int_equal(counters.maximum, 2 * counters.rounds - 1);
}

static void a_failed_swap_tells_what_was_there(void **state)
{
    (void)state;
    swap_function *const swaps[] = {hf_cas_relaxed, hf_cas_acq_rel, hf_cas_seq};
    for (size_t index = 0; index < 3; index++) {
        uint64_t word = 5;
        uint64_t expected = 4;
        assert_false(swaps[index](&word, &expected, 6));
        assert_int_equal(expected, 5);
        assert_true(swaps[index](&word, &expected, 6));
        assert_int_equal(word, 6);
    }
}

static void the_maximum_never_falls(void **state)
{
    (void)state;
    uint64_t word = 5;
    hf_max_seq(&word, 4);
    assert_int_equal(hf_load_seq(&word), 5);
    hf_max_seq(&word, UINT64_MAX);
    assert_true(hf_load_seq(&word) == UINT64_MAX);
}

int main(int count_of_arguments, char **arguments)
{
    if (count_of_arguments == 2 && strcmp(arguments[1], "race") == 0)
        return (int)pass_messages(true, 100);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_acquires_the_flag_sees_what_was_written_before),
        cmocka_unit_test(the_thread_sanitizer_sees_a_flag_that_is_merely_relaxed),
        cmocka_unit_test(of_two_sequential_stores_one_is_seen_by_the_other_side),
        cmocka_unit_test(no_update_is_lost),
        cmocka_unit_test(a_failed_swap_tells_what_was_there),
        cmocka_unit_test(the_maximum_never_falls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
