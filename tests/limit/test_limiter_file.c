/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "limit/limits.h"
#include "support/file_world.h"
#include "support/table_check.h"

#define BURST 5
#define CELL_NS HF_MS(100)

static void two_openings_share_one_limit(void **state)
{
    (void)state;
    struct hf_limiter *first = file_world_open();
    struct hf_limiter *second = file_world_open();
    assert_int_equal(file_world_ask(first, "a"), HF_OK);
    assert_int_equal(file_world_ask(second, "a"), HF_OK);
    assert_int_equal(file_world_drain(first, "a"), BURST - 2);
    assert_int_equal(file_world_ask(second, "a"), HF_DENIED);
    assert_int_equal(file_world_drain(second, "b"), BURST);
    assert_int_equal(file_world_ask(first, "b"), HF_DENIED);
    file_world_advance(CELL_NS);
    assert_int_equal(file_world_drain(first, "a"), 1);
    assert_int_equal(file_world_drain(second, "a"), 0);
    struct hf_limiter_statistics statistics;
    assert_int_equal(hf_limiter_statistics(first, &statistics), HF_OK);
    assert_int_equal(statistics.inserted, 2);
    hf_limiter_free(first);
    hf_limiter_free(second);
}

static void two_processes_share_one_limit(void **state)
{
    (void)state;
    struct hf_limiter *limiter = file_world_open();
    assert_int_equal(file_world_ask(limiter, "a"), HF_OK);
    pid_t child = file_world_fork();
    if (child == 0) {
        struct hf_limiter *own = file_world_open();
        uint64_t cells = file_world_drain(own, "a");
        hf_limiter_free(own);
        hf_limiter_free(limiter);
        _exit((int)cells);
    }
    assert_int_equal(file_world_answer(child), BURST - 1);
    assert_int_equal(file_world_ask(limiter, "a"), HF_DENIED);
    hf_limiter_free(limiter);
}

static void the_first_to_open_mends_all(void **state)
{
    (void)state;
    struct hf_limiter *limiter = file_world_open();
    assert_int_equal(file_world_drain(limiter, "a"), BURST);
    for (uint64_t slot = 0; slot < hf_table_slots(&limiter->table); slot++) {
        struct hf_table_line *line = &limiter->table.lines[slot / 4];
        if (line->names[slot % 4] == 0) /* Of keys whose home is before the table, in part. */
            line->names[slot % 4] = UINT64_MAX - slot;
    }
    limiter->table.lines[0].names[0] |= 9 * HF_TABLE_OVERFLOW_ONE;
    hf_limiter_free(limiter);
    limiter = file_world_open();
    table_check(&limiter->table);
    assert_int_equal(file_world_drain(limiter, "a"), 0);
    hf_limiter_free(limiter);
}

static void places_run_out_and_come_back(void **state)
{
    (void)state;
    struct hf_limiter *open[HF_LIMITER_PROCESSES_MAX];
    for (int i = 0; i < HF_LIMITER_PROCESSES_MAX; i++)
        open[i] = file_world_open();
    struct hf_error error;
    assert_int_equal(file_world_refusal(&error), HF_FULL);
    assert_non_null(strstr(hf_error_text(&error), "processes: 255"));
    hf_limiter_free(open[100]);
    open[100] = file_world_open();
    for (int i = 0; i < HF_LIMITER_PROCESSES_MAX; i++)
        assert_int_equal(file_world_ask(open[i], "a"), i < BURST ? HF_OK : HF_DENIED);
    for (int i = 0; i < HF_LIMITER_PROCESSES_MAX; i++)
        hf_limiter_free(open[i]);
}

static void options_that_contradict_the_file_are_named(void **state)
{
    (void)state;
    const struct hf_hash_seed seed = {{1, 2, 3, 4}};
    struct hf_limiter_options good = machine->options;
    struct hf_error error;
    machine->options.seed = &seed;
    hf_limiter_free(file_world_open());

    machine->options.keys_max = 1000;
    assert_int_equal(file_world_refusal(&error), HF_INVALID);
    assert_non_null(
        strstr(hf_error_text(&error), "keys_max: 1000 needs 521 lines, the file has 53"));
    machine->options = good;
    machine->options.hash = HF_HASH_FAST;
    assert_int_equal(file_world_refusal(&error), HF_INVALID);
    assert_non_null(strstr(hf_error_text(&error), "hash: 1 wanted, the file has 0"));
    machine->options = good;
    machine->options.seed = &(struct hf_hash_seed){{1, 2, 3, 5}};
    assert_int_equal(file_world_refusal(&error), HF_INVALID);
    assert_non_null(strstr(hf_error_text(&error), "seed: another"));

    machine->options = good;
    machine->options.keys_max = 0;
    machine->options.seed = &seed;
    machine->options.quota = hf_quota_per_second(77);
    hf_limiter_free(file_world_open());
    machine->options.seed = NULL;
    struct hf_limiter *limiter = file_world_open();
    assert_memory_equal(&limiter->hash.seed, &seed, sizeof(seed));
    hf_limiter_free(limiter);
}

static void bad_arguments_are_named(void **state)
{
    (void)state;
    struct hf_limiter *limiter = NULL;
    struct hf_error error = {0};
    assert_int_equal(hf_limiter_open(NULL, &machine->options, &machine->file, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "limiter: NULL");
    assert_int_equal(hf_limiter_open(&limiter, NULL, &machine->file, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "options: NULL");
    assert_int_equal(hf_limiter_open(&limiter, &machine->options, NULL, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "file: NULL");
    struct hf_limiter_file nowhere = {0};
    assert_int_equal(hf_limiter_open(&limiter, &machine->options, &nowhere, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "file.path: NULL");
    assert_int_equal(hf_limiter_open(&limiter, &machine->options, &nowhere, NULL), HF_INVALID);
    machine->options.full_policy = (enum hf_full_policy)9;
    assert_int_equal(file_world_refusal(&error), HF_INVALID);
    assert_int_equal(hf_limiter_recover(NULL, NULL), HF_INVALID);
    assert_int_equal(hf_limiter_sync(NULL, &error), HF_INVALID);
}

static void a_limiter_without_a_file_has_nothing_to_recover_or_write(void **state)
{
    (void)state;
    struct hf_limiter *limiter = NULL;
    uint64_t recovered = 3;
    assert_int_equal(hf_limiter_new(&limiter, &machine->options, NULL), HF_OK);
    assert_int_equal(hf_limiter_recover(limiter, &recovered), HF_OK);
    assert_int_equal(recovered, 0);
    assert_int_equal(hf_limiter_sync(limiter, NULL), HF_OK);
    hf_limiter_free(limiter);
}

/* Two who charge several files in turns must not each hold what the other wants. */
static void several_files_are_charged_in_one_order_by_all(void **state)
{
    (void)state;
    struct hf_limiter *limiters[2][2];
    char other[64];
    int descriptor = memfd_create("holdfast-test", MFD_CLOEXEC);
    snprintf(other, sizeof(other), "/proc/self/fd/%d", descriptor);
    for (int i = 0; i < 4; i++) { /* In memory the second pair stands the other way round. */
        bool is_other = i == 1 || i == 2;
        machine->file.path = is_other ? other : machine->path;
        limiters[i / 2][is_other] = file_world_open();
    }
    uint8_t first[2];
    for (int i = 0; i < 2; i++) {
        const struct hf_limits limits = {
            .parts = {{.limiter = limiters[i][0]}, {.limiter = limiters[i][1]}},
            .clock = machine->options.clock,
        };
        struct hf_limits_request request;
        assert_int_equal(
            hf_limits_ask(&request, &limits, hf_bytes("a", 1), 1, &limits.clock, 0, true), HF_OK);
        first[i] = request.order[0];
    }
    assert_int_equal(first[0], first[1]);
    for (int i = 0; i < 4; i++)
        hf_limiter_free(limiters[i / 2][i % 2]);
    close(descriptor);
}

/*
 * What a file holds, byte by byte, after the same has been done to it. If this fails, so would
 * programs of two versions with one file: raise HF_FILE_VERSION, then take the new sums.
 */
#define FORMAT_SUM UINT64_C(0x15fb3055266498de)
#define FORMAT_SUM_FAST UINT64_C(0xb9cf8fe599e63640)

static void assert_means(enum hf_hash_kind hash, uint64_t sum)
{
    static uint8_t bytes[65536];
    const struct hf_hash_seed seed = {{1, 2, 3, 4}};
    machine->options.seed = &seed;
    machine->options.hash = hash;
    struct hf_limiter *limiter = file_world_open();
    for (char key = 'a'; key <= 'z'; key++)
        assert_int_equal(hf_limiter_check(limiter, hf_bytes(&key, 1), 2, NULL), HF_OK);
    struct hf_bytes sixteen = hf_bytes("sixteen bytes :)", 16);
    assert_int_equal(hf_limiter_check(limiter, sixteen, 2, NULL), HF_OK);
    assert_int_equal(hf_limiter_refund(limiter, hf_bytes("c", 1), 1, NULL), HF_OK);
    hf_limiter_free(limiter);
    ssize_t size = pread(machine->descriptor, bytes, sizeof(bytes), 0);
    assert_int_equal(size, 2 * 4096 + 64 + 68 * 64);
    const uint32_t one = 1;
    if (*(const uint8_t *)&one != 1)
        skip(); /* The sum is that of the other byte order. */
    assert_int_equal(HF_FILE_VERSION, 4);
    assert_int_equal(hf_hash_siphash(NULL, hf_bytes(bytes, (size_t)size)).low, sum);
}

static void a_file_means_the_same_as_long_as_its_version_stays(void **state)
{
    (void)state;
    assert_means(HF_HASH_SIPHASH, FORMAT_SUM);
}

static void so_does_one_whose_keys_are_found_by_the_fast_hash(void **state)
{
    (void)state;
    assert_means(HF_HASH_FAST, FORMAT_SUM_FAST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FILE_WORLD(two_openings_share_one_limit),
        IN_A_FILE_WORLD(two_processes_share_one_limit),
        IN_A_FILE_WORLD(the_first_to_open_mends_all),
        IN_A_FILE_WORLD(places_run_out_and_come_back),
        IN_A_FILE_WORLD(options_that_contradict_the_file_are_named),
        IN_A_FILE_WORLD(bad_arguments_are_named),
        IN_A_FILE_WORLD(a_limiter_without_a_file_has_nothing_to_recover_or_write),
        IN_A_FILE_WORLD(several_files_are_charged_in_one_order_by_all),
        IN_A_FILE_WORLD(a_file_means_the_same_as_long_as_its_version_stays),
        IN_A_FILE_WORLD(so_does_one_whose_keys_are_found_by_the_fast_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
