/* SPDX-License-Identifier: MIT */
/* A retry loop as it is written by hand, again and again. retry_after.c does the same and more. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A job that fails `failures` times with `error` before it works. */
struct job {
    const char *name;
    int error;
    int failures;
    int tries;
};

static int run(struct job *job)
{
    job->tries++;
    int error = job->tries <= job->failures ? job->error : 0;
    printf("%s: try %d: %s\n", job->name, job->tries, error ? strerror(error) : "works");
    return error;
}

/* Whoever calls it later knows an errno that this list does not. */
static int worth_another_try(int error)
{
    return error == EAGAIN || error == EINTR || error == ETIMEDOUT || error == ECONNREFUSED ||
           error == ECONNRESET || error == EPIPE || error == EHOSTUNREACH || error == ENETUNREACH;
}

/*
 * Four tries within half a second. All processes draw the same numbers from rand(), and so come
 * back at the same time; a try is not told how long it may take; why it stopped and what went wrong
 * before the last try is forgotten.
 */
static int run_with_retries(struct job *job)
{
    struct timespec start;
    struct timespec now;
    long delay_ms = 10;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int attempt = 1;; attempt++) {
        int error = run(job);
        if (error == 0 || !worth_another_try(error) || attempt == 4)
            return error;
        long wait_ms = rand() % (delay_ms + 1);
        clock_gettime(CLOCK_MONOTONIC, &now);
        long elapsed_ms =
            (now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000;
        if (elapsed_ms + wait_ms >= 500)
            return error;
        struct timespec wait = {wait_ms / 1000, wait_ms % 1000 * 1000000};
        while (nanosleep(&wait, &wait) != 0 && errno == EINTR)
            continue;
        delay_ms = delay_ms * 2 < 200 ? delay_ms * 2 : 200;
    }
}

int main(void)
{
    struct job jobs[] = {
        {"flaky", ECONNRESET, 2, 0}, {"wrong", EACCES, 9, 0}, {"down", ECONNREFUSED, 9, 0}};
    for (size_t index = 0; index < sizeof(jobs) / sizeof(jobs[0]); index++) {
        int error = run_with_retries(&jobs[index]);
        printf("%s: %s\n", jobs[index].name, error ? "given up" : "done");
    }
    return 0;
}
