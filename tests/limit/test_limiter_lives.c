/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <holdfast/random.h>

#include "scale.h"
#include "support/file_world.h"
#include "support/gcra_oracle.h"
#include "support/table_check.h"

/*
 * A limiter over many lives of its process and its machine: opened, asked, freed or killed, and
 * opened again, sometimes after the machine was off. `true_ns` is how long it all has taken.
 */
#define KEYS 3
#define LIVES 60
#define ASKS 40

static const char *const keys[KEYS] = {"a", "b", "c"};

static struct hf_splitmix random_numbers;
static uint64_t true_ns;

static uint64_t draw(uint64_t below)
{
    return hf_splitmix_next(&random_numbers) % below;
}

static void begin(uint64_t seed)
{
    hf_splitmix_init(&random_numbers, seed);
    true_ns = 0;
    const struct hf_quota quota = {.count = 1 + draw(20), .period_ns = 1 + draw(HF_SECONDS(10))};
    machine->options.quota = hf_quota_with_burst(quota, 1 + draw(6));
    if (hf_quota_check(&machine->options.quota, NULL) != HF_OK)
        machine->options.quota = hf_quota_per_second(3);
}

static void pass(uint64_t duration_ns)
{
    true_ns += duration_ns;
    file_world_advance(duration_ns);
}

/* Some end in order, some are killed; then time passes, and the machine may have been off. */
static void end_life(struct hf_limiter *limiter, bool wall_is_right)
{
    if (draw(2))
        hf_limiter_free(limiter);
    else
        file_world_die(limiter);
    pass(draw(HF_SECONDS(3)));
    if (draw(2))
        return;
    uint64_t off_ns = draw(HF_SECONDS(5));
    true_ns += off_ns;
    uint64_t wall_ns = FILE_WORLD_WALL_NS + true_ns;
    if (!wall_is_right && draw(2))
        wall_ns = draw(2) ? draw(wall_ns) : FILE_WORLD_WALL_NS + draw(true_ns + 1);
    file_world_restart(wall_ns);
}

/* As if the process had never stopped. */
static void every_life_decides_as_one_that_never_ended(void **state)
{
    (void)state;
    begin(20261120);
    struct gcra_oracle oracles[KEYS];
    struct hf_limiter *limiter = file_world_open();
    struct hf_quota quota = machine->options.quota;
    for (int key = 0; key < KEYS; key++)
        oracles[key] = gcra_oracle(&quota);
    for (size_t life = 0; life < test_scaled(20 * LIVES); life++) {
        for (int i = 0; i < ASKS; i++) {
            int key = (int)draw(KEYS);
            pass(draw(draw(2) ? HF_MS(10) : HF_SECONDS(1)));
            struct hf_decision expected;
            enum hf_status status =
                gcra_oracle_check(&oracles[key], 1, true_ns, HF_REASON_KEY, &expected);
            assert_int_equal(file_world_ask(limiter, keys[key]), status);
        }
        end_life(limiter, true);
        limiter = file_world_open();
    }
    hf_limiter_free(limiter);
}

/* Wall clocks that are behind the truth, now and then. One that is ahead of it gives what it says.
 */
static void no_key_gets_more_over_all_lives_than_their_time_allows(void **state)
{
    for (uint64_t seed = 1; seed <= test_scaled(40); seed++) {
        file_world_remove(state);
        file_world_make(state);
        begin(seed);
        struct hf_gcra gcra;
        assert_int_equal(hf_gcra_init(&gcra, &machine->options.quota, NULL), HF_OK);
        struct hf_limiter *limiter = file_world_open();
        uint64_t cells[KEYS] = {0};
        for (int life = 0; life < LIVES; life++) {
            for (int i = 0; i < ASKS; i++) {
                int key = (int)draw(KEYS);
                pass(draw(draw(2) ? HF_MS(10) : HF_SECONDS(1)));
                cells[key] += file_world_ask(limiter, keys[key]) == HF_OK;
                if (cells[key] > gcra.burst + true_ns / gcra.interval_ns)
                    fail_msg("seed %d, life %d: %d cells of key %d", (int)seed, life,
                        (int)cells[key], key);
            }
            end_life(limiter, false);
            limiter = file_world_open();
        }
        hf_limiter_free(limiter);
    }
}

/*
 * The kernel writes each page when it likes: after a power failure some are of then, some of the
 * time of the last sync, some of in between. From there on the bound holds as ever, and whatever
 * the pages say together, they make a table.
 */
#define PAGE_BYTES 4096
#define PAGES 21
#define POWER_KEYS 2000

static void keep(uint8_t pages[PAGES * PAGE_BYTES], bool all)
{
    for (off_t page = 0; page < PAGES; page++) {
        uint8_t *bytes = &pages[page * PAGE_BYTES];
        if (all || draw(3) == 0)
            assert_true(pread(machine->descriptor, bytes, PAGE_BYTES, page * PAGE_BYTES) > 0);
    }
}

static bool ask_number(struct hf_limiter *limiter, uint64_t key)
{
    return hf_limiter_check(limiter, hf_bytes(&key, sizeof(key)), 1, NULL) == HF_OK;
}

static void fail_power(uint8_t pages[PAGES * PAGE_BYTES])
{
    struct hf_limiter *limiter = file_world_open();
    keep(pages, true);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 200; i++) {
            pass(draw(HF_MS(20)));
            (void)ask_number(limiter, draw(POWER_KEYS));
        }
        keep(pages, false);
    }
    file_world_die(limiter);
    struct stat about;
    assert_int_equal(fstat(machine->descriptor, &about), 0);
    assert_in_range(about.st_size, (PAGES - 1) * PAGE_BYTES, PAGES * PAGE_BYTES);
    assert_int_equal(pwrite(machine->descriptor, pages, (size_t)about.st_size, 0), about.st_size);
}

static void after_a_power_failure_the_bound_holds_from_then_on(void **state)
{
    static uint8_t pages[PAGES * PAGE_BYTES];
    for (uint64_t seed = 1; seed <= test_scaled(60); seed++) {
        file_world_remove(state);
        file_world_make(state);
        begin(seed);
        machine->options.keys_max = 2210;
        machine->options.quota = hf_quota_with_burst(hf_quota_per_second(1), 3);
        for (int failure = 0; failure < 3; failure++) {
            fail_power(pages);
            uint64_t off_ns = draw(HF_SECONDS(2));
            true_ns += off_ns;
            file_world_restart(FILE_WORLD_WALL_NS + true_ns);
        }
        uint32_t cells[POWER_KEYS] = {0};
        uint64_t start_ns = true_ns;
        struct hf_limiter *limiter = file_world_open();
        for (int i = 0; i < 20000; i++) {
            uint64_t key = draw(draw(2) ? 50 : POWER_KEYS);
            pass(draw(HF_MS(2)));
            cells[key] += ask_number(limiter, key);
            assert_true(cells[key] <= 3 + (true_ns - start_ns) / HF_SECONDS(1));
        }
        hf_limiter_free(limiter);
    }
}

/* Nobody promises what keys get then, but each call ends, and the table is one again. */
static void a_table_of_garbage_is_mended(void **state)
{
    static uint64_t garbage[(PAGES - 2) * PAGE_BYTES / sizeof(uint64_t)];
    for (uint64_t seed = 1; seed <= test_scaled(40); seed++) {
        file_world_remove(state);
        file_world_make(state);
        begin(seed);
        hf_limiter_free(file_world_open());
        struct stat about;
        assert_int_equal(fstat(machine->descriptor, &about), 0);
        for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
            bool is_time = i / HF_TABLE_LINE_SLOTS % 2;
            garbage[i] = hf_splitmix_next(&random_numbers) >> (is_time ? draw(64) : 0);
        }
        off_t start = HF_FILE_TABLE_OFFSET + 64; /* Behind the horizon. */
        size_t size = (size_t)(about.st_size - start);
        assert_int_equal(pwrite(machine->descriptor, garbage, size, start), (ssize_t)size);
        struct hf_limiter *limiter = file_world_open();
        for (uint64_t key = 0; key < 300; key++) {
            (void)ask_number(limiter, key % 100);
            pass(draw(HF_MS(50)));
        }
        table_check(&limiter->table);
        hf_limiter_free(limiter);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FILE_WORLD(every_life_decides_as_one_that_never_ended),
        IN_A_FILE_WORLD(no_key_gets_more_over_all_lives_than_their_time_allows),
        IN_A_FILE_WORLD(a_table_of_garbage_is_mended),
        IN_A_FILE_WORLD(after_a_power_failure_the_bound_holds_from_then_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
