/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/random.h>

#include "base/minmax.h"
#include "limit/file_state.h"

#define WALL_NS HF_SECONDS(1000000)
#define NOTE_STEP_NS (UINT64_C(1) << 20)
#define BOOT_WORDS 16 /* Of both records. */

static const struct hf_file_header header = {.wall_ns = WALL_NS, .table_ns = 5000};

static struct hf_file_moment moment(uint64_t boot, uint64_t clock_ns, uint64_t wall_ns)
{
    return (struct hf_file_moment){clock_ns, wall_ns, {boot, ~boot}};
}

static struct hf_file_state born(void)
{
    struct hf_file_moment now = moment(1, 5000, WALL_NS);
    return hf_file_state(&now);
}

/* Table time at the moment of an opening that works. */
static uint64_t resume(struct hf_file_state *state, struct hf_file_moment now, bool alone)
{
    uint64_t reached_ns = 0;
    struct hf_time_line line;
    assert_int_equal(hf_file_state_reached(state, 0, &reached_ns, NULL), HF_OK);
    assert_int_equal(
        hf_file_state_resume(state, &header, &now, reached_ns, alone, &line, NULL), HF_OK);
    return hf_time_line_at(&line, now.clock_ns);
}

static void a_line_goes_on_with_the_clock(void **state)
{
    (void)state;
    struct hf_time_line line = {.clock_ns = 100, .table_ns = 7000};
    assert_int_equal(hf_time_line_at(&line, 100), 7000);
    assert_int_equal(hf_time_line_at(&line, 150), 7050);
    assert_int_equal(hf_time_line_at(&line, 99), 7000);
    assert_int_equal(hf_time_line_at(&line, 0), 7000);
    assert_int_equal(hf_time_line_at(&line, UINT64_MAX), UINT64_MAX);
    struct hf_time_line none = {0, 0};
    assert_int_equal(hf_time_line_at(&none, 42), 42);
}

static void time_follows_the_clock_within_a_boot_whatever_the_wall_clock_says(void **state)
{
    (void)state;
    struct hf_file_state file = born();
    assert_int_equal(resume(&file, moment(1, 5000, WALL_NS), true), 5000);
    assert_int_equal(resume(&file, moment(1, 9000, 0), true), 9000);
    assert_int_equal(resume(&file, moment(1, 9500, UINT64_MAX), false), 9500);
}

static void time_follows_the_wall_clock_from_one_boot_to_the_next(void **state)
{
    (void)state;
    struct hf_file_state file = born();
    assert_int_equal(
        resume(&file, moment(2, 77, WALL_NS + HF_SECONDS(60)), true), 5000 + HF_SECONDS(60));
    assert_int_equal(resume(&file, moment(2, 177, 0), false), 5100 + HF_SECONDS(60));
    assert_int_equal(
        resume(&file, moment(3, 0, WALL_NS + HF_SECONDS(90)), true), 5000 + HF_SECONDS(90));
}

/* Those who come later in the same boot go by what the first one wrote, and so agree with it. */
static void only_who_is_alone_writes_a_line(void **state)
{
    (void)state;
    struct hf_file_state file = born();
    struct hf_file_state before = file;
    (void)resume(&file, moment(2, 77, WALL_NS + HF_SECONDS(60)), false);
    assert_memory_equal(&file, &before, sizeof(file));
    (void)resume(&file, moment(2, 77, WALL_NS + HF_SECONDS(60)), true);
    assert_memory_not_equal(&file, &before, sizeof(file));
    before = file;
    assert_int_equal(
        resume(&file, moment(2, 78, WALL_NS + HF_SECONDS(99)), true), 5001 + HF_SECONDS(60));
    assert_memory_equal(&file, &before, sizeof(file));
}

static void time_never_goes_back_behind_what_was_noted(void **state)
{
    (void)state;
    struct hf_file_state file = born();
    hf_file_state_note(&file, HF_SECONDS(500));
    hf_file_state_note(&file, HF_SECONDS(400));
    uint64_t noted_ns = HF_SECONDS(500) / NOTE_STEP_NS * NOTE_STEP_NS;
    assert_int_equal(resume(&file, moment(2, 10, 0), true), noted_ns);
    assert_int_equal(resume(&file, moment(2, 11, 0), true), noted_ns + 1);
    assert_int_equal(resume(&file, moment(2, 3, 0), true), noted_ns);
    assert_int_equal(resume(&file, moment(3, 3, WALL_NS), true), noted_ns);
}

static void time_never_goes_back_behind_the_horizon(void **state)
{
    (void)state;
    struct hf_file_state file = born();
    uint64_t reached_ns = 0;
    assert_int_equal(hf_file_state_reached(&file, HF_SECONDS(99), &reached_ns, NULL), HF_OK);
    assert_int_equal(reached_ns, HF_SECONDS(99));
    struct hf_error error = {0};
    assert_int_equal(
        hf_file_state_reached(&file, HF_SECONDS(3601), &reached_ns, &error), HF_MALFORMED);
    assert_memory_equal(hf_error_text(&error), "horizon: 3601000000000 in the file", 34);
}

static void a_time_that_is_too_late_is_refused_and_not_written(void **state)
{
    (void)state;
    struct hf_file_state file = born();
    struct hf_file_state before = file;
    struct hf_file_moment now = moment(2, 10, WALL_NS + HF_TIME_MAX_NS - 4999);
    struct hf_time_line line;
    struct hf_error error = {0};
    assert_int_equal(
        hf_file_state_resume(&file, &header, &now, 0, true, &line, &error), HF_INVALID);
    assert_memory_equal(hf_error_text(&error), "table time: 2305843009213693952 is too late", 43);
    now.wall_ns = UINT64_MAX;
    assert_int_equal(hf_file_state_resume(&file, &header, &now, 0, true, &line, NULL), HF_INVALID);
    assert_memory_equal(&file, &before, sizeof(file));
    now.wall_ns = WALL_NS + HF_TIME_MAX_NS - 5000;
    assert_int_equal(hf_file_state_resume(&file, &header, &now, 0, true, &line, NULL), HF_OK);
}

/* Times from end to end, each bit of the word changed. */
static void a_damaged_note_is_noticed(void **state)
{
    (void)state;
    struct hf_splitmix random;
    hf_splitmix_init(&random, 1);
    for (int round = 0; round < 200; round++) {
        struct hf_file_state file = born();
        hf_file_state_note(&file, hf_splitmix_next(&random) >> 3 >> (round % 61));
        for (int bit = 0; bit < 64; bit++) {
            struct hf_file_state damaged = file;
            struct hf_error error = {0};
            uint64_t reached_ns;
            damaged.high_water ^= UINT64_C(1) << bit;
            assert_int_equal(hf_file_state_reached(&damaged, 0, &reached_ns, &error), HF_MALFORMED);
            assert_memory_equal(hf_error_text(&error), "high_water: 0x", 14);
        }
    }
}

static void damaged_records_are_refused(void **state)
{
    (void)state;
    struct hf_file_moment now = moment(1, 5000, WALL_NS);
    for (size_t at = 0; at < 48; at++) {
        struct hf_file_state file = born();
        struct hf_time_line line;
        struct hf_error error = {0};
        ((uint8_t *)&file)[at] ^= 0x10;
        assert_int_equal(
            hf_file_state_resume(&file, &header, &now, 0, true, &line, &error), HF_MALFORMED);
        assert_memory_equal(hf_error_text(&error), "boots: ", 7);
    }
}

/* Whoever is killed while writing a record has written some of its words. */
static void a_record_half_written_leaves_the_other(void **state)
{
    (void)state;
    struct hf_file_state before = born();
    hf_file_state_note(&before, HF_SECONDS(9));
    for (int writes = 0; writes < 4; writes++) {
        struct hf_file_state after = before;
        uint64_t boot = (uint64_t)writes + 2;
        (void)resume(&after, moment(boot, 10, WALL_NS + HF_SECONDS(60)), true);
        for (uint64_t written = 0; written < UINT64_C(1) << BOOT_WORDS; written += 37) {
            struct hf_file_state torn = before;
            for (size_t word = 0; word < BOOT_WORDS; word++) {
                if (written >> word & 1)
                    ((uint64_t *)&torn)[word] = ((const uint64_t *)&after)[word];
            }
            uint64_t now_ns = resume(&torn, moment(boot, 11, WALL_NS + HF_SECONDS(60)), true);
            assert_in_range(now_ns, 5000 + HF_SECONDS(60), 5001 + HF_SECONDS(60));
        }
        before = after;
    }
}

/*
 * Any number of boots, clocks that begin anywhere and wall clocks that jump about: table time never
 * goes back, and is never ahead of the latest that any clock has said.
 */
static void time_over_many_boots_stays_between_its_bounds(void **state)
{
    (void)state;
    struct hf_splitmix random;
    hf_splitmix_init(&random, 20261120);
    for (int life = 0; life < 200; life++) {
        struct hf_file_state file = born();
        uint64_t last_ns = 5000;
        uint64_t latest_ns = 5000;
        for (uint64_t boot = 2; boot < 30; boot++) {
            uint64_t clock_ns = hf_splitmix_next(&random) % HF_SECONDS(1000);
            uint64_t wall_ns = hf_splitmix_next(&random) % (2 * WALL_NS);
            uint64_t by_wall_ns = 5000 + wall_ns - hf_min(wall_ns, WALL_NS);
            latest_ns = hf_max(latest_ns, by_wall_ns);
            for (int opening = 0; opening < 5; opening++) {
                uint64_t now_ns = resume(&file, moment(boot, clock_ns, wall_ns), opening % 2 == 0);
                assert_true(now_ns + NOTE_STEP_NS >= last_ns);
                assert_true(now_ns <= latest_ns);
                last_ns = now_ns;
                hf_file_state_note(&file, now_ns);
                uint64_t passed_ns = hf_splitmix_next(&random) % HF_SECONDS(1000);
                clock_ns += passed_ns;
                latest_ns += passed_ns;
                wall_ns = hf_splitmix_next(&random);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_goes_on_with_the_clock),
        cmocka_unit_test(time_follows_the_clock_within_a_boot_whatever_the_wall_clock_says),
        cmocka_unit_test(time_follows_the_wall_clock_from_one_boot_to_the_next),
        cmocka_unit_test(only_who_is_alone_writes_a_line),
        cmocka_unit_test(time_never_goes_back_behind_what_was_noted),
        cmocka_unit_test(time_never_goes_back_behind_the_horizon),
        cmocka_unit_test(a_time_that_is_too_late_is_refused_and_not_written),
        cmocka_unit_test(a_damaged_note_is_noticed),
        cmocka_unit_test(damaged_records_are_refused),
        cmocka_unit_test(a_record_half_written_leaves_the_other),
        cmocka_unit_test(time_over_many_boots_stays_between_its_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
