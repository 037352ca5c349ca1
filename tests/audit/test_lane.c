/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/random.h>

#include "audit/lane.h"
#include "scale.h"
#include "support/counting_allocator.h"

#define SEED UINT64_C(16)
#define LANE_BYTES 4096

static struct hf_lanes *new_lanes(void)
{
    struct hf_lanes *lanes = hf_allocate(NULL, sizeof(*lanes), _Alignof(struct hf_lanes));
    assert_non_null(lanes);
    assert_int_equal(hf_lanes_init(lanes, NULL, LANE_BYTES, 1), HF_OK);
    return lanes;
}

static void free_lanes(struct hf_lanes *lanes)
{
    hf_lanes_fini(lanes, NULL);
    hf_release(NULL, lanes, sizeof(*lanes), _Alignof(struct hf_lanes));
}

/* Reserves and fills; gives the number. */
static uint64_t begin(struct hf_lanes *lanes, struct hf_reservation *reservation, size_t size)
{
    assert_true(hf_lanes_reserve(lanes, size, reservation));
    uint64_t number = reservation->record->number;
    memset(reservation->record->body, (int)(number % 251), size);
    return number;
}

static uint64_t put(struct hf_lanes *lanes, size_t size)
{
    struct hf_reservation reservation;
    uint64_t number = begin(lanes, &reservation, size);
    assert_true(hf_lanes_commit(&reservation, number * 10));
    return number;
}

/* The next record below bound must be that one, whole. */
static void expect(struct hf_lanes *lanes, uint64_t bound, uint64_t number)
{
    const struct hf_record *record = hf_lanes_first(lanes, bound);
    assert_non_null(record);
    assert_int_equal(record->number, number);
    assert_int_equal(record->time_ns, number * 10);
    for (uint64_t i = 0; i < record->body_bytes; i++)
        assert_int_equal(record->body[i], (char)(number % 251));
    hf_lanes_take(lanes);
}

static void records_come_in_order_of_their_numbers(void **state)
{
    (void)state;
    struct hf_lanes *lanes = new_lanes();
    struct hf_reservation reservations[3];
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(begin(lanes, &reservations[i], 10), i + 1);
    for (unsigned i = 3; i > 0; i--)
        assert_true(hf_lanes_commit(&reservations[i - 1], i * 10));
    assert_int_equal(put(lanes, 20), 4);
    uint64_t bound = hf_lanes_observe(lanes, 0);
    assert_int_equal(bound, 5);
    for (unsigned i = 1; i < 5; i++)
        expect(lanes, bound, i);
    assert_null(hf_lanes_first(lanes, bound));
    free_lanes(lanes);
}

static void a_reservation_holds_the_bound_back(void **state)
{
    (void)state;
    struct hf_lanes *lanes = new_lanes();
    struct hf_reservation reservation;
    put(lanes, 10);
    assert_int_equal(begin(lanes, &reservation, 10), 2);
    put(lanes, 10);
    uint64_t bound = hf_lanes_observe(lanes, 0);
    assert_int_equal(bound, 2);
    expect(lanes, bound, 1);
    assert_null(hf_lanes_first(lanes, bound));
    assert_true(hf_lanes_commit(&reservation, 20));
    bound = hf_lanes_observe(lanes, 0);
    assert_int_equal(bound, 4);
    expect(lanes, bound, 2);
    expect(lanes, bound, 3);
    free_lanes(lanes);
}

static void a_stopped_producer_is_overtaken_and_told_so(void **state)
{
    (void)state;
    struct hf_lanes *lanes = new_lanes();
    struct hf_reservation reservation;
    begin(lanes, &reservation, 10);
    put(lanes, 10);
    assert_int_equal(hf_lanes_observe(lanes, 100), 1);
    assert_int_equal(hf_lanes_observe(lanes, 100 + HF_AUDIT_STALL_NS - 1), 1);
    uint64_t bound = hf_lanes_observe(lanes, 100 + HF_AUDIT_STALL_NS);
    assert_int_equal(bound, 3);
    expect(lanes, bound, 2);
    assert_false(hf_lanes_commit(&reservation, 10));
    /* Its lane serves again, and holds the bound back again. */
    struct hf_reservation all[HF_AUDIT_LANES];
    for (unsigned i = 0; i < HF_AUDIT_LANES; i++)
        assert_int_equal(begin(lanes, &all[i], 10), 3 + i);
    assert_int_equal(hf_lanes_observe(lanes, 200 + HF_AUDIT_STALL_NS), 3);
    for (unsigned i = 0; i < HF_AUDIT_LANES; i++)
        assert_true(hf_lanes_commit(&all[i], (3 + i) * 10));
    bound = hf_lanes_observe(lanes, 200 + HF_AUDIT_STALL_NS);
    for (unsigned i = 0; i < HF_AUDIT_LANES; i++)
        expect(lanes, bound, 3 + i);
    assert_null(hf_lanes_first(lanes, bound));
    free_lanes(lanes);
}

static void taken_lanes_take_no_number(void **state)
{
    (void)state;
    struct hf_lanes *lanes = new_lanes();
    struct hf_reservation reservations[HF_AUDIT_LANES];
    struct hf_reservation none;
    for (unsigned i = 0; i < HF_AUDIT_LANES; i++)
        begin(lanes, &reservations[i], 10);
    assert_false(hf_lanes_reserve(lanes, 10, &none));
    assert_int_equal(hf_load_seq(&lanes->sequence), 1 + HF_AUDIT_LANES);
    for (unsigned i = 0; i < HF_AUDIT_LANES; i++)
        assert_true(hf_lanes_commit(&reservations[i], 0));
    free_lanes(lanes);
}

static void full_lanes_take_no_number_until_room_is_released(void **state)
{
    (void)state;
    struct hf_lanes *lanes = new_lanes();
    struct hf_reservation none;
    uint64_t last = 0;
    struct hf_reservation reservation;
    while (hf_lanes_reserve(lanes, HF_RECORD_BODY_BYTES_MAX, &reservation)) {
        last = reservation.record->number;
        memset(reservation.record->body, (int)(last % 251), HF_RECORD_BODY_BYTES_MAX);
        assert_true(hf_lanes_commit(&reservation, last * 10));
    }
    assert_int_equal(last, LANE_BYTES / HF_LANE_RECORD_BYTES_MAX * HF_AUDIT_LANES);
    uint64_t bound = hf_lanes_observe(lanes, 0);
    assert_int_equal(bound, last + 1);
    expect(lanes, bound, 1);
    assert_false(hf_lanes_reserve(lanes, HF_RECORD_BODY_BYTES_MAX, &none));
    hf_lanes_release(lanes);
    assert_int_equal(put(lanes, HF_RECORD_BODY_BYTES_MAX), last + 1);
    bound = hf_lanes_observe(lanes, 0);
    for (uint64_t number = 2; number <= last + 1; number++)
        expect(lanes, bound, number);
    free_lanes(lanes);
}

/* What must become of a number. */
enum fate {
    FATE_OPEN = 0, /* Reserved. */
    FATE_KEPT,     /* Committed: must come, once. */
    FATE_NEVER,    /* Skipped or revoked: must not come. */
    FATE_NAMED,    /* Passed over while open: the commit must fail. */
    FATE_CAME,
};

#define NUMBERS_MAX 50000

struct model {
    struct hf_lanes *lanes;
    struct hf_splitmix random;
    uint64_t now_ns;
    uint64_t next; /* All below are accounted for. */
    struct hf_reservation open[HF_AUDIT_LANES];
    uint64_t since_ns[HF_AUDIT_LANES];
    unsigned open_count;
    uint8_t fates[NUMBERS_MAX];
};

static uint64_t draw(struct model *model, uint64_t bound)
{
    return hf_splitmix_next(&model->random) % bound;
}

static void model_reserve(struct model *model)
{
    size_t size = 1 + draw(model, draw(model, 2) ? 100 : HF_RECORD_BODY_BYTES_MAX);
    struct hf_reservation *reservation = &model->open[model->open_count];
    uint64_t before = hf_load_seq(&model->lanes->sequence);
    if (model->open_count == HF_AUDIT_LANES || !hf_lanes_reserve(model->lanes, size, reservation)) {
        assert_int_equal(hf_load_seq(&model->lanes->sequence), before);
        hf_lanes_skip(model->lanes);
        model->fates[before] = FATE_NEVER;
        return;
    }
    assert_int_equal(reservation->record->number, before);
    memset(reservation->record->body, (int)(before % 251), size);
    model->since_ns[model->open_count++] = model->now_ns;
}

static void model_commit(struct model *model)
{
    if (model->open_count == 0)
        return;
    unsigned index = (unsigned)draw(model, model->open_count);
    uint64_t number = model->open[index].record->number;
    uint64_t age_ns = model->now_ns - model->since_ns[index];
    bool kept = hf_lanes_commit(&model->open[index], number * 10);
    if (model->fates[number] == FATE_NAMED)
        assert_false(kept);
    if (!kept)
        assert_true(age_ns >= HF_AUDIT_STALL_NS);
    model->fates[number] = kept ? FATE_KEPT : FATE_NEVER;
    model->open_count--;
    model->open[index] = model->open[model->open_count];
    model->since_ns[index] = model->since_ns[model->open_count];
}

static void model_pass_over(struct model *model, uint64_t number)
{
    assert_true(model->fates[number] == FATE_NEVER || model->fates[number] == FATE_OPEN);
    if (model->fates[number] == FATE_OPEN)
        model->fates[number] = FATE_NAMED;
}

static void model_drain(struct model *model)
{
    uint64_t bound = hf_lanes_observe(model->lanes, model->now_ns);
    uint64_t limit = draw(model, 40);
    while (model->next < bound && limit-- > 0) {
        const struct hf_record *record = hf_lanes_first(model->lanes, bound);
        uint64_t upto = record ? record->number : bound;
        assert_true(upto >= model->next);
        while (model->next < upto)
            model_pass_over(model, model->next++);
        if (!record)
            break;
        assert_int_equal(model->fates[upto], FATE_KEPT);
        model->fates[upto] = FATE_CAME;
        expect(model->lanes, bound, model->next++);
    }
    if (draw(model, 2))
        hf_lanes_release(model->lanes);
}

/* Any order of calls, with producers stopped for any time. */
static void every_number_comes_once_or_never(void **state)
{
    (void)state;
    for (uint64_t seed = SEED; seed < SEED + test_scaled(10); seed++) {
        struct model *model = calloc(1, sizeof(*model));
        assert_non_null(model);
        model->lanes = new_lanes();
        model->next = 1;
        hf_splitmix_init(&model->random, seed);
        for (unsigned step = 0; step < NUMBERS_MAX / 2; step++) {
            uint64_t what = draw(model, 100);
            if (what < 45)
                model_reserve(model);
            else if (what < 90)
                model_commit(model);
            else if (what < 98)
                model_drain(model);
            else
                model->now_ns += draw(model, HF_AUDIT_STALL_NS);
        }
        while (model->open_count > 0)
            model_commit(model);
        while (model->next < hf_load_seq(&model->lanes->sequence))
            model_drain(model);
        for (uint64_t number = 1; number < model->next; number++)
            assert_true(model->fates[number] == FATE_CAME || model->fates[number] == FATE_NEVER);
        free_lanes(model->lanes);
        free(model);
    }
}

static void lanes_that_get_no_memory_say_so(void **state)
{
    (void)state;
    struct counting_allocator counting = {.fail_at = 1};
    struct hf_allocator allocator = counting_allocator(&counting);
    struct hf_lanes *lanes = hf_allocate(NULL, sizeof(*lanes), _Alignof(struct hf_lanes));
    assert_non_null(lanes);
    assert_int_equal(hf_lanes_init(lanes, &allocator, LANE_BYTES, 1), HF_NO_MEMORY);
    hf_release(NULL, lanes, sizeof(*lanes), _Alignof(struct hf_lanes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_in_order_of_their_numbers),
        cmocka_unit_test(a_reservation_holds_the_bound_back),
        cmocka_unit_test(a_stopped_producer_is_overtaken_and_told_so),
        cmocka_unit_test(taken_lanes_take_no_number),
        cmocka_unit_test(full_lanes_take_no_number_until_room_is_released),
        cmocka_unit_test(every_number_comes_once_or_never),
        cmocka_unit_test(lanes_that_get_no_memory_say_so),
    };
    print_message("# seed %llu\n", (unsigned long long)SEED);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
