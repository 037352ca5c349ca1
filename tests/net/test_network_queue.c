/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/network_queue.h"
#include "scale.h"

/* What goes between the threads arrives once and in order, or is counted or refused. */

static struct hf_network_queue queue;

static int begin(void **state)
{
    (void)state;
    return hf_network_queue_init(&queue, hf_allocator_libc()) != HF_OK;
}

static int end(void **state)
{
    (void)state;
    hf_network_queue_fini(&queue);
    return 0;
}

static void put(enum hf_network_event_kind kind, uint64_t number)
{
    const struct hf_network_event event = {.kind = kind, .connection = number};
    hf_network_queue_put(&queue, &event);
}

/* Names HF_NETWORK_EVENTS_MAX. */
static void strangers_get_half_of_the_ring_and_the_end_its_last_place(void **state)
{
    (void)state;
    struct hf_network_event event;
    uint64_t number = 0;
    for (uint64_t i = 0; i < HF_NETWORK_EVENTS_MAX; i++)
        put(HF_NETWORK_REFUSED, number++);
    for (uint64_t i = 0; i < HF_NETWORK_EVENTS_MAX; i++)
        put(HF_NETWORK_CLOSED, number++);
    put(HF_NETWORK_STOPPED, number);
    uint64_t got = 0, missed = 0;
    while (hf_network_queue_take(&queue, &event)) {
        got++;
        missed += event.missed;
        uint64_t half = HF_NETWORK_EVENTS_MAX / 2;
        assert_int_equal(event.kind, got <= half                     ? HF_NETWORK_REFUSED
                                     : got < HF_NETWORK_EVENTS_MAX ? HF_NETWORK_CLOSED
                                                                     : HF_NETWORK_STOPPED);
    }
    assert_int_equal(got, HF_NETWORK_EVENTS_MAX);
    assert_int_equal(missed, HF_NETWORK_EVENTS_MAX + 1);
}

static void what_is_pushed_after_the_last_taking_is_refused(void **state)
{
    (void)state;
    const struct hf_network_command command = {.kind = HF_COMMAND_CLOSE};
    assert_int_equal(hf_network_queue_push(&queue, &command), HF_OK);
    struct hf_network_command *taken = hf_network_queue_commands(&queue, true);
    assert_non_null(taken);
    assert_null(taken->next);
    hf_network_command_free(&queue, taken);
    assert_int_equal(hf_network_queue_push(&queue, &command), HF_CLOSED);
    assert_null(hf_network_queue_commands(&queue, true));
    assert_int_equal(queue.commands_count, 0);
}

enum { THREADS = 4 };

struct pusher {
    pthread_t thread;
    uint64_t number;
    uint64_t count; /* How many it has to push. */
};

static void *push_all(void *context)
{
    const struct pusher *pusher = context;
    for (uint64_t i = 0; i < pusher->count; i++) {
        struct hf_network_command command = {
            .kind = HF_COMMAND_CLOSE, .number = pusher->number << 32 | i};
        while (hf_network_queue_push(&queue, &command) == HF_FULL)
            ;
    }
    return NULL;
}

static void commands_of_several_threads_arrive_once_and_in_the_order_of_each(void **state)
{
    (void)state;
    struct pusher pushers[THREADS];
    uint64_t next[THREADS] = {0};
    size_t left = 0;
    for (uint64_t i = 0; i < THREADS; i++) {
        pushers[i] = (struct pusher){.number = i, .count = test_scaled(50000)};
        left += pushers[i].count;
        assert_int_equal(pthread_create(&pushers[i].thread, NULL, push_all, &pushers[i]), 0);
    }
    while (left > 0) {
        struct hf_network_command *command = hf_network_queue_commands(&queue, false);
        while (command) {
            struct hf_network_command *after = command->next;
            assert_int_equal((uint32_t)command->number, next[command->number >> 32]++);
            hf_network_command_free(&queue, command);
            command = after;
            left--;
        }
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(pushers[i].thread, NULL), 0);
    assert_int_equal(queue.commands_count, 0);
}

#define WITH_QUEUE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_QUEUE(strangers_get_half_of_the_ring_and_the_end_its_last_place),
        WITH_QUEUE(what_is_pushed_after_the_last_taking_is_refused),
        WITH_QUEUE(commands_of_several_threads_arrive_once_and_in_the_order_of_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
