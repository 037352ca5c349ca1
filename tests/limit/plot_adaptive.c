/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "support/adaptive_world.h"

/*
 * Prints, as CSV, what adaptive rates do in the simulator: one client of a server whose capacity
 * halves and doubles, and four clients that share one and begin apart. From one seed and without
 * floating point, so that every machine prints the same; adaptive.awk draws it.
 */
#define SEED 1
#define SECONDS 420
#define CAPACITY 1000
#define CLIENTS 4

/* When the capacity changes, and to what. */
static uint64_t capacity_at(uint64_t second)
{
    if (second < 120)
        return CAPACITY;
    if (second < 220)
        return CAPACITY / 2;
    return second < 320 ? CAPACITY : 2 * CAPACITY;
}

static void print_second(uint64_t second, struct adaptive_world *one, struct adaptive_world *four)
{
    struct adaptive_client sum = adaptive_world_sum(one);
    printf("%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64, second,
        one->capacity, adaptive_client_rate(&one->clients[0]), sum.answered, sum.refused,
        sum.answered ? sum.waited_ns / sum.answered / HF_US(1) : 0);
    for (uint32_t i = 0; i < CLIENTS; i++)
        printf(",%" PRIu64, adaptive_client_rate(&four->clients[i]));
    puts("");
}

int main(void)
{
    static const uint64_t starts[CLIENTS] = {10, 900, 100, 400};
    struct hf_adaptive_options options = {.rate_min = 10, .rate_max = 5000, .increase = 25};
    struct adaptive_world *one = adaptive_world_new(SEED, CAPACITY);
    struct adaptive_world *four = adaptive_world_new(SEED, CAPACITY);
    adaptive_world_add(one, &options, 5 * CAPACITY / 2);
    options.increase = 10;
    for (uint32_t i = 0; i < CLIENTS; i++) {
        options.rate_start = starts[i];
        adaptive_world_add(four, &options, CAPACITY);
    }
    puts("second,capacity,rate,answered,refused,waited_us,rate_1,rate_2,rate_3,rate_4");
    for (uint64_t second = 0; second < SECONDS; second++) {
        one->capacity = capacity_at(second);
        adaptive_world_count(one);
        adaptive_world_run(one, HF_SECONDS(1));
        adaptive_world_run(four, HF_SECONDS(1));
        print_second(second + 1, one, four);
    }
    adaptive_world_free(one);
    adaptive_world_free(four);
    return 0;
}
