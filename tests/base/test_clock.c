/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include <holdfast/clock.h>

static void system_clocks_never_go_backwards(void **state)
{
    (void)state;
    const struct hf_clock clocks[] = {
        hf_clock_monotonic(), hf_clock_coarse(), hf_clock_boottime(), {0}};
    for (size_t index = 0; index < sizeof(clocks) / sizeof(clocks[0]); index++) {
        uint64_t before_ns = hf_clock_now_ns(&clocks[index]);
        for (int reading = 0; reading < 10000; reading++) {
            uint64_t now_ns = hf_clock_now_ns(&clocks[index]);
            assert_true(now_ns >= before_ns);
            assert_true(now_ns <= HF_TIME_MAX_NS);
            before_ns = now_ns;
        }
    }
}

static void clocks_agree_with_the_system(void **state)
{
    (void)state;
    struct hf_clock monotonic = hf_clock_monotonic();
    struct hf_clock boottime = hf_clock_boottime();
    struct hf_clock coarse = hf_clock_coarse();
    struct timespec before;
    struct timespec after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    uint64_t now_ns = hf_clock_now_ns(&monotonic);
    uint64_t null_ns = hf_clock_now_ns(NULL);
    clock_gettime(CLOCK_MONOTONIC, &after);
    uint64_t after_ns = HF_SECONDS(after.tv_sec) + (uint64_t)after.tv_nsec;
    assert_in_range(now_ns, HF_SECONDS(before.tv_sec) + (uint64_t)before.tv_nsec, after_ns);
    assert_in_range(null_ns, now_ns, after_ns);
    assert_true(hf_clock_now_ns(&boottime) >= now_ns);
    assert_true(hf_clock_now_ns(&coarse) <= hf_clock_now_ns(&monotonic));
}

static void wall_clocks_tell_the_time_of_day(void **state)
{
    (void)state;
    struct hf_wall_clock wall = hf_wall_clock_system();
    const uint64_t year_2024_ns = HF_SECONDS(1704067200);
    assert_true(hf_wall_clock_now_ns(&wall) > year_2024_ns);
    assert_true(hf_wall_clock_now_ns(&(struct hf_wall_clock){0}) > year_2024_ns);
    assert_true(hf_wall_clock_now_ns(NULL) > year_2024_ns);
}

static void sleeping_lasts_at_least_as_long_as_asked(void **state)
{
    (void)state;
    struct hf_clock clock = hf_clock_monotonic();
    const uint64_t durations_ns[] = {0, 1, HF_US(50), HF_MS(3)};
    for (size_t index = 0; index < sizeof(durations_ns) / sizeof(durations_ns[0]); index++) {
        uint64_t before_ns = hf_clock_now_ns(&clock);
        hf_clock_sleep_ns(&clock, durations_ns[index]);
        assert_true(hf_clock_now_ns(&clock) - before_ns >= durations_ns[index]);
    }
    hf_clock_sleep_ns(NULL, 1);
}

static void note_signal(int number)
{
    (void)number;
}

/* A timer interrupts the sleep again and again; the sleep must outlast it. */
static void signals_do_not_cut_a_sleep_short(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = note_signal};
    struct sigaction before_action;
    assert_int_equal(sigaction(SIGALRM, &action, &before_action), 0);
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
    assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    struct itimerspec every_ms = {{0, 1000000}, {0, 1000000}};
    assert_int_equal(timer_settime(timer, 0, &every_ms, NULL), 0);

    struct hf_clock clock = hf_clock_monotonic();
    uint64_t before_ns = hf_clock_now_ns(&clock);
    hf_clock_sleep_ns(&clock, HF_MS(20));
    assert_true(hf_clock_now_ns(&clock) - before_ns >= HF_MS(20));

    assert_int_equal(timer_delete(timer), 0);
    assert_int_equal(sigaction(SIGALRM, &before_action, NULL), 0);
}

static void a_manual_clock_moves_only_when_told(void **state)
{
    (void)state;
    struct hf_manual_clock manual;
    hf_manual_clock_init(&manual, 5);
    struct hf_clock clock = hf_manual_clock(&manual);
    struct hf_wall_clock wall = hf_manual_wall_clock(&manual);
    assert_int_equal(hf_clock_now_ns(&clock), 5);
    assert_int_equal(hf_clock_now_ns(&clock), 5);
    hf_manual_clock_advance(&manual, 10);
    assert_int_equal(hf_clock_now_ns(&clock), 15);
    hf_clock_sleep_ns(&clock, 100);
    assert_int_equal(hf_clock_now_ns(&clock), 115);
    assert_int_equal(hf_wall_clock_now_ns(&wall), 115);
}

static void a_manual_clock_stops_at_the_end_of_time(void **state)
{
    (void)state;
    struct hf_manual_clock manual;
    hf_manual_clock_init(&manual, UINT64_MAX - 1);
    struct hf_clock clock = hf_manual_clock(&manual);
    hf_manual_clock_advance(&manual, UINT64_MAX);
    assert_true(hf_clock_now_ns(&clock) == UINT64_MAX);
    hf_manual_clock_advance(&manual, 1);
    assert_true(hf_clock_now_ns(&clock) == UINT64_MAX);
}

static void a_missing_manual_clock_reads_zero(void **state)
{
    (void)state;
    hf_manual_clock_init(NULL, 1);
    hf_manual_clock_advance(NULL, 1);
    struct hf_clock clock = hf_manual_clock(NULL);
    hf_clock_sleep_ns(&clock, 1);
    assert_int_equal(hf_clock_now_ns(&clock), 0);
}

#define ADVANCES 20000

static void *advance_often(void *manual)
{
    for (int count = 0; count < ADVANCES; count++)
        hf_manual_clock_advance(manual, 3);
    return NULL;
}

static void threads_advancing_together_lose_nothing(void **state)
{
    (void)state;
    struct hf_manual_clock manual;
    hf_manual_clock_init(&manual, 0);
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, advance_often, &manual), 0);
    advance_often(&manual);
    assert_int_equal(pthread_join(other, NULL), 0);
    struct hf_clock clock = hf_manual_clock(&manual);
    assert_int_equal(hf_clock_now_ns(&clock), 2 * 3 * ADVANCES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(system_clocks_never_go_backwards),
        cmocka_unit_test(clocks_agree_with_the_system),
        cmocka_unit_test(wall_clocks_tell_the_time_of_day),
        cmocka_unit_test(sleeping_lasts_at_least_as_long_as_asked),
        cmocka_unit_test(signals_do_not_cut_a_sleep_short),
        cmocka_unit_test(a_manual_clock_moves_only_when_told),
        cmocka_unit_test(a_manual_clock_stops_at_the_end_of_time),
        cmocka_unit_test(a_missing_manual_clock_reads_zero),
        cmocka_unit_test(threads_advancing_together_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
