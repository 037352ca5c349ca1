/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audit/lane.h"
#include "scale.h"

#define PRODUCERS 4
#define LANE_BYTES 4096

struct producer {
    struct hf_lanes *lanes;
    unsigned index;
    size_t count;
    uint64_t kept;
    uint64_t dropped;
    pthread_t thread;
};

/* The body says who put it, and as its how many-eth: the producer's own order shows. */
struct body {
    uint64_t producer;
    uint64_t count;
    char filling[80];
};

static void *produce(void *context)
{
    struct producer *producer = context;
    for (size_t i = 0; i < producer->count; i++) {
        struct body body = {.producer = producer->index, .count = i};
        memset(body.filling, (int)i, sizeof(body.filling));
        struct hf_reservation reservation;
        bool kept = false;
        if (hf_lanes_reserve(producer->lanes, sizeof(body), &reservation)) {
            memcpy(reservation.record->body, &body, sizeof(body));
            kept = hf_lanes_commit(&reservation, 0);
        } else {
            hf_lanes_skip(producer->lanes);
            sched_yield(); /* The writer's turn. */
        }
        producer->kept += kept;
        producer->dropped += !kept;
    }
    return NULL;
}

struct totals {
    uint64_t next;
    uint64_t came;
    uint64_t missing;
    uint64_t count_next[PRODUCERS]; /* The least that each producer's next record may say. */
};

static void check_body(struct totals *totals, const struct hf_record *record)
{
    struct body body;
    assert_int_equal(record->body_bytes, sizeof(body));
    memcpy(&body, record->body, sizeof(body));
    assert_true(body.producer < PRODUCERS);
    assert_true(body.count >= totals->count_next[body.producer]);
    totals->count_next[body.producer] = body.count + 1;
    char filling[sizeof(body.filling)];
    memset(filling, (int)body.count, sizeof(filling));
    assert_memory_equal(body.filling, filling, sizeof(filling));
}

static void drain(struct hf_lanes *lanes, struct totals *totals)
{
    uint64_t bound = hf_lanes_observe(lanes, 0);
    while (totals->next < bound) {
        const struct hf_record *record = hf_lanes_first(lanes, bound);
        uint64_t upto = record ? record->number : bound;
        assert_true(upto >= totals->next);
        totals->missing += upto - totals->next;
        totals->next = upto;
        if (!record)
            continue;
        check_body(totals, record);
        hf_lanes_take(lanes);
        totals->came++;
        totals->next++;
    }
    hf_lanes_release(lanes);
}

static void producers_and_writer_agree_on_every_record(void **state)
{
    (void)state;
    struct hf_lanes *lanes = hf_allocate(NULL, sizeof(*lanes), _Alignof(struct hf_lanes));
    assert_non_null(lanes);
    assert_int_equal(hf_lanes_init(lanes, NULL, LANE_BYTES, 1), HF_OK);
    struct producer producers[PRODUCERS];
    size_t count = test_scaled(100000);
    for (unsigned i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct producer){.lanes = lanes, .index = i, .count = count};
        assert_int_equal(pthread_create(&producers[i].thread, NULL, produce, &producers[i]), 0);
    }
    struct totals totals = {.next = 1};
    while (totals.next < 1 + PRODUCERS * count)
        drain(lanes, &totals);
    uint64_t kept = 0;
    uint64_t dropped = 0;
    for (unsigned i = 0; i < PRODUCERS; i++) {
        assert_int_equal(pthread_join(producers[i].thread, NULL), 0);
        kept += producers[i].kept;
        dropped += producers[i].dropped;
    }
    drain(lanes, &totals);
    assert_int_equal(hf_load_seq(&lanes->sequence), 1 + PRODUCERS * count);
    assert_int_equal(totals.came, kept);
    assert_int_equal(totals.missing, dropped);
    print_message(
        "# kept %llu, dropped %llu\n", (unsigned long long)kept, (unsigned long long)dropped);
    hf_lanes_fini(lanes, NULL);
    hf_release(NULL, lanes, sizeof(*lanes), _Alignof(struct hf_lanes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(producers_and_writer_agree_on_every_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
