/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include <cmocka.h>

#include "audit/waiting.h"
#include "scale.h"
#include "support/audit_world.h"

/* These stand before libc's and refuse when told to. */
static struct {
    bool attributes;
    bool mutex;
    bool semaphore;
} refuse;

int pthread_condattr_init(pthread_condattr_t *attributes)
{
    if (refuse.attributes)
        return ENOMEM;
    memset(attributes, 0, sizeof(*attributes));
    return 0;
}

int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
    if (refuse.mutex)
        return EAGAIN;
    assert_null(attributes);
    memcpy(mutex, &(pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER, sizeof(*mutex));
    return 0;
}

int sem_init(sem_t *semaphore, int shared, unsigned value)
{
    if (refuse.semaphore) {
        errno = ENOSPC;
        return -1;
    }
    int (*real)(sem_t *, int, unsigned) = NULL;
    void *found = dlsym(RTLD_NEXT, "sem_init");
    memcpy(&real, &found, sizeof(real));
    return real(semaphore, shared, value);
}

static void expect_no_memory(const char *text)
{
    struct hf_error error = {0};
    struct hf_audit *audit;
    assert_int_equal(hf_audit_open(&audit, &world.options, &error), HF_NO_MEMORY);
    assert_null(audit);
    assert_string_equal(hf_error_text(&error), text);
    assert_int_equal(hf_sim_files_statistics(world.disk).handles, 0);
}

static void a_system_out_of_semaphores_is_told(void **state)
{
    (void)state;
    bool *const refusals[] = {&refuse.attributes, &refuse.mutex, &refuse.semaphore};
    for (size_t i = 0; i < 3; i++) {
        *refusals[i] = true;
        expect_no_memory("audit: the system has no semaphore to give");
        *refusals[i] = false;
    }
}

static void a_system_out_of_threads_is_told(void **state)
{
    (void)state;
    if (test_is_instrumented())
        skip(); /* Sanitizers see to stacks themselves. */
    pthread_attr_t attributes;
    pthread_attr_t before;
    assert_int_equal(pthread_getattr_default_np(&before), 0);
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, (size_t)1 << 46), 0);
    assert_int_equal(pthread_setattr_default_np(&attributes), 0);
    char text[128];
    snprintf(text, sizeof(text), "audit: cannot start its thread: %s", strerror(EAGAIN));
    expect_no_memory(text);
    assert_int_equal(pthread_setattr_default_np(&before), 0);
    pthread_attr_destroy(&attributes);
    pthread_attr_destroy(&before);
}

static void only_a_sleep_deep_enough_is_interrupted(void **state)
{
    (void)state;
    struct hf_waiting waiting = {0};
    assert_int_equal(hf_waiting_init(&waiting), HF_OK);
    for (int depth = HF_SLEEP_AWAKE; depth <= HF_SLEEP_DEEP; depth++) {
        for (int least = HF_SLEEP_PAUSING; least <= HF_SLEEP_DEEP; least++) {
            int posts;
            hf_waiting_fall(&waiting, (enum hf_sleep)depth);
            hf_waiting_wake(&waiting, (enum hf_sleep)least);
            hf_waiting_wake(&waiting, (enum hf_sleep)least); /* Once is enough. */
            sem_getvalue(&waiting.wake, &posts);
            assert_int_equal(posts, depth >= least);
            if (posts > 0)
                hf_waiting_rest(&waiting, HF_SECONDS(1000)); /* Takes the post, or hangs. */
            hf_waiting_rise(&waiting);
        }
    }
    hf_waiting_fini(&waiting);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int number)
{
    (void)number;
    alarms = alarms + 1;
}

static void a_signal_does_not_cut_a_rest_short(void **state)
{
    (void)state;
    struct hf_waiting waiting = {0};
    assert_int_equal(hf_waiting_init(&waiting), HF_OK);
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval every_ms = {{0, 1000}, {0, 1000}};
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &every_ms, NULL), 0);
    struct hf_clock clock = hf_clock_monotonic();
    uint64_t before_ns = hf_clock_now_ns(&clock);
    hf_waiting_rest(&waiting, HF_MS(20));
    assert_true(hf_clock_now_ns(&clock) - before_ns >= HF_MS(20));
    assert_int_equal(setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL), 0);
    assert_true(alarms > 0);
    hf_waiting_fini(&waiting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(a_system_out_of_semaphores_is_told),
        IN_A_WORLD(a_system_out_of_threads_is_told),
        cmocka_unit_test(only_a_sleep_deep_enough_is_interrupted),
        cmocka_unit_test(a_signal_does_not_cut_a_rest_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
