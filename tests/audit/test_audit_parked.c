/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/step.h"
#include "scale.h"
#include "support/audit_world.h"

/*
 * Lock-free, shown: one thread is stopped at a mark of the lanes' protocol, producer or writer, and
 * the others finish 100,000 records, which may be dropped but not held up. Then it goes on, and the
 * log must account for every record as its producer was told.
 */
#ifdef HF_TEST_STEPS

#define OTHERS 3
#define OPERATIONS 100000

struct parking {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    enum hf_step step;
    bool parked;
    bool released;
};

static _Thread_local struct parking *own_parking;

static void at_mark(enum hf_step step)
{
    struct parking *parking = own_parking;
    if (!parking || step != parking->step)
        return;
    pthread_mutex_lock(&parking->mutex);
    parking->parked = true;
    pthread_cond_broadcast(&parking->changed);
    while (!parking->released)
        pthread_cond_wait(&parking->changed, &parking->mutex);
    pthread_mutex_unlock(&parking->mutex);
}

static struct parking parking_at(enum hf_step step)
{
    return (struct parking){
        .mutex = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER,
        .step = step,
    };
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

/* A thread that emits, and what it was told. */
struct producer {
    pthread_t thread;
    struct parking *parking; /* NULL: stops nowhere. */
    size_t count;
    uint64_t kept;
    uint64_t dropped;
};

static void *produce(void *argument)
{
    struct producer *producer = argument;
    own_parking = producer->parking;
    for (size_t i = 0; i < producer->count; i++) {
        struct hf_field field = hf_field_unsigned("i", i);
        enum hf_status status = hf_audit_emit(world.audit, "test", &field, 1);
        producer->kept += status == HF_OK;
        producer->dropped += status == HF_FULL;
    }
    return NULL;
}

static void start(struct producer *producer, struct parking *parking, size_t count)
{
    *producer = (struct producer){.parking = parking, .count = count};
    assert_int_equal(pthread_create(&producer->thread, NULL, produce, producer), 0);
}

static void finish(struct producer *producer)
{
    assert_int_equal(pthread_join(producer->thread, NULL), 0);
    assert_int_equal(producer->kept + producer->dropped, producer->count);
    world.kept += producer->kept;
    world.dropped += producer->dropped;
}

static void let_others_work(void)
{
    struct producer others[OTHERS];
    for (unsigned i = 0; i < OTHERS; i++)
        start(&others[i], NULL, test_scaled(OPERATIONS) / OTHERS + 1);
    for (unsigned i = 0; i < OTHERS; i++)
        finish(&others[i]);
}

/* The writer in a thread of the test's own; steps so long as nobody says stop. */
struct writer {
    pthread_t thread;
    struct parking *parking;
    uint64_t tick_ns; /* How far its clock moves from step to step. */
    uint64_t stop;
};

static void *write_records(void *argument)
{
    struct writer *writer = argument;
    own_parking = writer->parking;
    while (!hf_load_seq(&writer->stop)) {
        world_step();
        hf_manual_clock_advance(&world.clock, writer->tick_ns);
    }
    return NULL;
}

static void start_writer(struct writer *writer, struct parking *parking, uint64_t tick_ns)
{
    *writer = (struct writer){.parking = parking, .tick_ns = tick_ns};
    assert_int_equal(pthread_create(&writer->thread, NULL, write_records, writer), 0);
}

static void stop_writer(struct writer *writer)
{
    hf_store_seq(&writer->stop, 1);
    assert_int_equal(pthread_join(writer->thread, NULL), 0);
}

static void check_account(void)
{
    world_settle();
    struct audit_account account = world_account();
    assert_int_equal(account.next, hf_load_seq(&world.audit->lanes.sequence));
    assert_int_equal(world_statistics().written, world.kept);
    assert_int_equal(world_statistics().dropped, world.dropped);
}

/* tick_ns 0: the stopped producer holds the log back. Otherwise the log goes on without it. */
static void check_parked_producer(enum hf_step step, uint64_t tick_ns)
{
    world.options.files_max = HF_AUDIT_KEEP_ALL;
    world_open();
    struct parking parking = parking_at(step);
    struct producer parked;
    struct writer writer;
    start(&parked, &parking, 10);
    wait_until_parked(&parking);
    start_writer(&writer, NULL, tick_ns);
    let_others_work();
    if (tick_ns > 0) {
        uint64_t upto = hf_load_seq(&world.audit->lanes.sequence);
        while (hf_load_seq(&world.audit->writer.settled) < upto)
            sched_yield();
    }
    release(&parking);
    finish(&parked);
    stop_writer(&writer);
    check_account();
    world_close();
}

static void for_each_step_of_a_producer(
    void (*check)(enum hf_step step, uint64_t tick_ns), uint64_t tick_ns)
{
    for (int step = HF_STEP_AUDIT_LOADED; step <= HF_STEP_AUDIT_PUBLISHED; step++) {
        print_message("# parked at step %d\n", step - HF_STEP_AUDIT_LOADED);
        check((enum hf_step)step, tick_ns);
        world_unmake(NULL);
        world_make(NULL);
    }
}

static void a_parked_producer_holds_up_no_producer(void **state)
{
    (void)state;
    for_each_step_of_a_producer(check_parked_producer, 0);
}

static void a_parked_producer_is_overtaken_by_the_log(void **state)
{
    (void)state;
    for_each_step_of_a_producer(check_parked_producer, HF_AUDIT_STALL_NS / 4);
}

static void check_parked_writer(enum hf_step step)
{
    world.options.files_max = HF_AUDIT_KEEP_ALL;
    world_open();
    struct parking parking = parking_at(step);
    struct writer writer;
    start_writer(&writer, &parking, 0);
    wait_until_parked(&parking);
    let_others_work();
    assert_true(world.dropped > 0);
    release(&parking);
    stop_writer(&writer);
    check_account();
    world_close();
}

static void a_writer_parked_after_counting_holds_up_no_producer(void **state)
{
    (void)state;
    check_parked_writer(HF_STEP_AUDIT_COUNTED);
}

static void a_writer_parked_before_draining_holds_up_no_producer(void **state)
{
    (void)state;
    check_parked_writer(HF_STEP_AUDIT_DRAINING);
}

/*
 * The writer is about to revoke a lane, whose producer is stopped at step. The producer goes on
 * first: what the writer then does must not touch what was published, nor harm the lane's next
 * owners.
 */
static void check_parked_revoker(enum hf_step step, uint64_t tick_ns)
{
    if (step == HF_STEP_AUDIT_LOADED)
        return; /* There is nothing to revoke yet. */
    world.options.files_max = HF_AUDIT_KEEP_ALL;
    world_open();
    struct parking producer_parking = parking_at(step);
    struct parking writer_parking = parking_at(HF_STEP_AUDIT_REVOKING);
    struct producer parked;
    struct writer writer;
    start(&parked, &producer_parking, 10);
    wait_until_parked(&producer_parking);
    start_writer(&writer, &writer_parking, tick_ns);
    wait_until_parked(&writer_parking);
    release(&producer_parking);
    finish(&parked);
    assert_int_equal(parked.kept, 10);
    let_others_work();
    release(&writer_parking);
    stop_writer(&writer);
    check_account();
    world_close();
}

static void a_producer_that_goes_on_in_time_is_not_revoked(void **state)
{
    (void)state;
    for_each_step_of_a_producer(check_parked_revoker, HF_AUDIT_STALL_NS / 4);
}

/* All lanes belong to stopped producers: others drop, the log names what they drop. */
static void producers_parked_in_all_lanes_hold_up_no_other(void **state)
{
    (void)state;
    world_open();
    struct parking parking = parking_at(HF_STEP_AUDIT_NUMBERED);
    struct producer parked[HF_AUDIT_LANES];
    for (unsigned i = 0; i < HF_AUDIT_LANES; i++)
        start(&parked[i], &parking, 1);
    while (hf_load_seq(&world.audit->lanes.sequence) < 1 + HF_AUDIT_LANES)
        sched_yield();
    struct writer writer;
    start_writer(&writer, NULL, HF_AUDIT_STALL_NS / 4);
    let_others_work();
    assert_int_equal(world.kept, 0);
    release(&parking);
    for (unsigned i = 0; i < HF_AUDIT_LANES; i++)
        finish(&parked[i]);
    stop_writer(&writer);
    check_account();
    world_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(a_parked_producer_holds_up_no_producer),
        IN_A_WORLD(a_parked_producer_is_overtaken_by_the_log),
        IN_A_WORLD(a_writer_parked_after_counting_holds_up_no_producer),
        IN_A_WORLD(a_writer_parked_before_draining_holds_up_no_producer),
        IN_A_WORLD(a_producer_that_goes_on_in_time_is_not_revoked),
        IN_A_WORLD(producers_parked_in_all_lanes_hold_up_no_other),
    };
    hf_step_hook = at_mark;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void parking_needs_the_marks_of_a_steps_build(void **state)
{
    (void)state;
    skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parking_needs_the_marks_of_a_steps_build),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
