/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "answer.h"

#define LINE_BYTES 512

uint64_t answer_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static uint64_t percentile(const uint64_t *sorted, size_t count, size_t percent)
{
    size_t rank = (count * percent + 99) / 100;
    return count ? sorted[rank ? rank - 1 : 0] : 0;
}

void answer_times(uint64_t taken_ns, uint64_t *each_ns, size_t count)
{
    if (count)
        qsort(each_ns, count, sizeof *each_ns, compare);
    printf("{\"ns\":%llu,\"p50\":%llu,\"p99\":%llu}\n", (unsigned long long)taken_ns,
        (unsigned long long)percentile(each_ns, count, 50),
        (unsigned long long)percentile(each_ns, count, 99));
    fflush(stdout);
}

void answer_lines(bool (*obey)(void *context, const char *line), void *context)
{
    char line[LINE_BYTES];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (!obey(context, line))
            answer_fail("not understood, or not done", line);
    }
}

void answer_fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(EXIT_FAILURE);
}
