/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/limits.h>

#include "support/file_world.h"

#define BURST 5
#define CELL_NS HF_MS(100)

static void limits_outlive_the_process(void **state)
{
    (void)state;
    struct hf_limiter *limiter = file_world_open();
    assert_int_equal(file_world_drain(limiter, "a"), BURST);
    hf_limiter_free(limiter);
    file_world_advance(2 * CELL_NS);
    limiter = file_world_open();
    assert_int_equal(file_world_drain(limiter, "a"), 2);
    hf_limiter_free(limiter);
}

static void limits_outlive_the_machines_start(void **state)
{
    (void)state;
    struct hf_limiter *limiter = file_world_open();
    file_world_advance(HF_SECONDS(50));
    assert_int_equal(file_world_drain(limiter, "a"), BURST);
    file_world_die(limiter);
    file_world_restart(FILE_WORLD_WALL_NS + HF_SECONDS(50) + 3 * CELL_NS);
    limiter = file_world_open();
    assert_int_equal(file_world_drain(limiter, "a"), 3);
    file_world_advance(CELL_NS);
    assert_int_equal(file_world_drain(limiter, "a"), 1);
    hf_limiter_free(limiter);
}

/* It was off for no time at all then. */
static void a_wall_clock_that_went_back_gives_no_cell(void **state)
{
    (void)state;
    struct hf_limiter *limiter = file_world_open();
    file_world_advance(HF_SECONDS(50));
    assert_int_equal(file_world_drain(limiter, "a"), BURST);
    hf_limiter_free(limiter);
    file_world_restart(0);
    limiter = file_world_open();
    assert_int_equal(file_world_drain(limiter, "a"), 0);
    /* Noted to about a millisecond. */
    file_world_advance(CELL_NS + HF_MS(2));
    assert_int_equal(file_world_drain(limiter, "a"), 1);
    hf_limiter_free(limiter);
}

/* From then on it counts by where it should have been. */
static void a_wall_clock_that_is_right_again_makes_up_for_it(void **state)
{
    (void)state;
    struct hf_limiter *limiter = file_world_open();
    assert_int_equal(file_world_drain(limiter, "a"), BURST);
    hf_limiter_free(limiter);
    file_world_restart(0);
    hf_limiter_free(file_world_open());
    file_world_restart(FILE_WORLD_WALL_NS + 4 * CELL_NS);
    limiter = file_world_open();
    assert_int_equal(file_world_drain(limiter, "a"), 4);
    hf_limiter_free(limiter);
}

static void a_clock_that_is_behind_gives_no_cell(void **state)
{
    (void)state;
    struct hf_limiter *limiter = file_world_open();
    file_world_advance(HF_SECONDS(50));
    assert_int_equal(file_world_drain(limiter, "a"), BURST);
    hf_limiter_free(limiter);
    hf_manual_clock_init(&machine->clock, 5);
    limiter = file_world_open();
    assert_int_equal(file_world_drain(limiter, "a"), 0);
    file_world_advance(CELL_NS + HF_MS(2));
    assert_int_equal(file_world_drain(limiter, "a"), 1);
    hf_manual_clock_init(&machine->clock, 1);
    assert_int_equal(file_world_drain(limiter, "a"), 0);
    hf_limiter_free(limiter);
}

static void time_that_reaches_its_end_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    struct hf_error error;
    struct hf_limiter *limiter = file_world_open();
    assert_int_equal(file_world_drain(limiter, "a"), BURST);
    hf_limiter_free(limiter);
    file_world_restart(UINT64_MAX);
    assert_int_equal(file_world_refusal(&error), HF_INVALID);
    assert_non_null(strstr(hf_error_text(&error), "table time: 16746745073709551615"));
    hf_manual_clock_init(&machine->clock, HF_TIME_MAX_NS + 1);
    assert_int_equal(file_world_refusal(&error), HF_INVALID);
    assert_non_null(strstr(hf_error_text(&error), "clock: 2305843009213693952"));
    file_world_restart(FILE_WORLD_WALL_NS);
    limiter = file_world_open();
    assert_int_equal(file_world_drain(limiter, "a"), 0);
    hf_manual_clock_init(&machine->clock, HF_TIME_MAX_NS);
    assert_int_equal(file_world_ask(limiter, "a"), HF_INVALID);
    hf_limiter_free(limiter);
}

/* All calls that are told the time. */
static void times_for_at_calls_are_readings_of_the_clock(void **state)
{
    (void)state;
    hf_limiter_free(file_world_open());
    file_world_restart(FILE_WORLD_WALL_NS + HF_SECONDS(500));
    struct hf_limiter *limiter = file_world_open();
    const struct hf_limits limits = {
        .parts = {{.limiter = limiter}}, .clock = machine->options.clock};
    const struct hf_bytes key = hf_bytes("a", 1);
    uint64_t now_ns = hf_clock_now_ns(&machine->options.clock);
    uint64_t wait_ns;
    struct hf_limiter_request request = {.key = key, .cost = 1};
    assert_int_equal(file_world_ask(limiter, "a"), HF_OK);
    assert_int_equal(hf_limiter_check_at(limiter, key, 1, now_ns, NULL), HF_OK);
    assert_int_equal(hf_limiter_check_with_at(limiter, key, 1, NULL, now_ns, NULL), HF_OK);
    assert_int_equal(hf_limits_check_at(&limits, key, 1, now_ns, NULL), HF_OK);
    assert_int_equal(hf_limits_check(&limits, key, 1, NULL), HF_OK);
    assert_int_equal(hf_limiter_check_many_at(limiter, &request, 1, now_ns), HF_DENIED);
    assert_int_equal(request.status, HF_DENIED);
    assert_int_equal(
        hf_limiter_peek_at(limiter, key, 1, NULL, now_ns + CELL_NS - 1, NULL), HF_DENIED);
    assert_int_equal(hf_limiter_peek_at(limiter, key, 1, NULL, now_ns + CELL_NS, NULL), HF_OK);
    assert_int_equal(hf_limiter_refund_at(limiter, key, 1, NULL, now_ns), HF_OK);
    assert_int_equal(file_world_drain(limiter, "a"), 1);
    assert_int_equal(
        hf_limiter_reserve_at(limiter, key, 1, NULL, HF_SECONDS(1), now_ns, &wait_ns, NULL), HF_OK);
    assert_int_equal(wait_ns, CELL_NS);
    assert_int_equal(hf_limiter_trim_at(limiter, NULL, now_ns), HF_OK);
    assert_int_equal(hf_limiter_reset_at(limiter, key, now_ns), HF_OK);
    assert_int_equal(file_world_drain(limiter, "a"), BURST);
    assert_int_equal(hf_limiter_wait(limiter, key, 1, NULL, NULL), HF_OK);
    assert_int_equal(hf_clock_now_ns(&machine->options.clock), now_ns + CELL_NS);
    hf_limiter_free(limiter);
}

static void times_that_are_too_late_are_refused(void **state)
{
    (void)state;
    hf_limiter_free(file_world_open());
    file_world_restart(FILE_WORLD_WALL_NS + HF_SECONDS(500));
    struct hf_limiter *limiter = file_world_open();
    const struct hf_limits limits = {
        .parts = {{.limiter = limiter}}, .clock = machine->options.clock};
    const uint64_t late[] = {HF_TIME_MAX_NS, HF_TIME_MAX_NS + 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++) {
        struct hf_bytes key = hf_bytes("a", 1);
        struct hf_decision decision;
        assert_int_equal(hf_limiter_check_at(limiter, key, 1, late[i], &decision), HF_INVALID);
        assert_string_equal(decision.argument, "now_ns");
        assert_int_equal(hf_limits_check_at(&limits, key, 1, late[i], &decision), HF_INVALID);
        assert_string_equal(decision.argument, "now_ns");
        assert_int_equal(hf_limiter_reset_at(limiter, key, late[i]), HF_INVALID);
        assert_int_equal(hf_limiter_trim_at(limiter, NULL, late[i]), HF_INVALID);
    }
    assert_int_equal(file_world_drain(limiter, "a"), BURST);
    hf_limiter_free(limiter);
}

/* Its readings vouch for nothing in table time. */
static void another_clock_of_several_limits_is_a_callers_word(void **state)
{
    (void)state;
    struct hf_limiter *limiter = file_world_open();
    struct hf_manual_clock other;
    hf_manual_clock_init(&other, FILE_WORLD_START_NS);
    const struct hf_limits limits = {
        .parts = {{.limiter = limiter}}, .clock = hf_manual_clock(&other)};
    for (int i = 0; i < BURST; i++)
        assert_int_equal(hf_limits_check(&limits, hf_bytes("a", 1), 1, NULL), HF_OK);
    assert_int_equal(hf_limits_check(&limits, hf_bytes("a", 1), 1, NULL), HF_DENIED);
    assert_int_equal(file_world_ask(limiter, "a"), HF_DENIED);
    hf_limiter_free(limiter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FILE_WORLD(limits_outlive_the_process),
        IN_A_FILE_WORLD(limits_outlive_the_machines_start),
        IN_A_FILE_WORLD(a_wall_clock_that_went_back_gives_no_cell),
        IN_A_FILE_WORLD(a_wall_clock_that_is_right_again_makes_up_for_it),
        IN_A_FILE_WORLD(a_clock_that_is_behind_gives_no_cell),
        IN_A_FILE_WORLD(time_that_reaches_its_end_is_refused_and_changes_nothing),
        IN_A_FILE_WORLD(times_for_at_calls_are_readings_of_the_clock),
        IN_A_FILE_WORLD(times_that_are_too_late_are_refused),
        IN_A_FILE_WORLD(another_clock_of_several_limits_is_a_callers_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
