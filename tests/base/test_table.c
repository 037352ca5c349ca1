/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/random.h>

#include "base/table.h"
#include "scale.h"
#include "support/counting_allocator.h"
#include "support/table_check.h"

#define CELL_NS 1000
#define UNIT_NS 5000

static struct hf_table table_of(uint64_t homes, uint32_t path_lines)
{
    const struct hf_table_shape shape = {homes, path_lines, UNIT_NS};
    struct hf_table table;
    assert_int_equal(hf_table_init(&table, &shape, NULL, NULL), HF_OK);
    return table;
}

static struct hf_table_request request_for(
    const struct hf_table *table, uint64_t home, uint64_t fingerprint, uint64_t now_ns)
{
    return (struct hf_table_request){
        .key = table_key(table, home, fingerprint),
        .charge_ns = CELL_NS,
        .tolerance_ns = CELL_NS,
        .now_ns = now_ns,
    };
}

static enum hf_table_verdict charge(
    struct hf_table *table, uint64_t home, uint64_t fingerprint, uint64_t now_ns)
{
    return hf_table_charge(table, request_for(table, home, fingerprint, now_ns)).verdict;
}

static enum hf_table_verdict peek(
    struct hf_table *table, uint64_t home, uint64_t fingerprint, uint64_t now_ns)
{
    struct hf_table_request request = request_for(table, home, fingerprint, now_ns);
    return hf_table_peek(table, &request).verdict;
}

static void a_table_lives_in_one_piece_of_memory_or_in_none(void **state)
{
    (void)state;
    struct counting_allocator counting = {0};
    struct hf_allocator allocator = counting_allocator(&counting);
    struct hf_table_shape shape = {10, 4, UNIT_NS};
    struct hf_table table;
    assert_int_equal(hf_table_init(&table, &shape, &allocator, NULL), HF_OK);
    assert_int_equal(hf_table_slots(&table), (10 + 3) * HF_TABLE_LINE_SLOTS);
    assert_int_equal(counting.live_bytes, (1 + 13) * HF_CACHE_LINE);
    assert_int_equal((uintptr_t)table.lines % HF_CACHE_LINE, 0);
    hf_table_fini(&table);
    assert_int_equal(counting.live, 0);

    counting = (struct counting_allocator){.fail_at = 1};
    struct hf_error error = {0};
    assert_int_equal(hf_table_init(&table, &shape, &allocator, &error), HF_NO_MEMORY);
    assert_string_equal(hf_error_text(&error), "no memory for a table of 896 bytes");
    shape.homes = HF_TABLE_HOMES_MAX;
    assert_int_equal(hf_table_init(&table, &shape, &allocator, NULL), HF_NO_MEMORY);
}

static void every_hash_has_a_home_and_a_fingerprint(void **state)
{
    (void)state;
    struct hf_table table = table_of(7, 16);
    const uint64_t words[] = {0, 1, 65535, 65536, UINT64_C(1) << 63, UINT64_MAX};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct hf_table_key key = hf_table_locate(&table, (struct hf_hash128){words[i], words[i]});
        assert_in_range((uint64_t)(key.home - table.lines), 0, 6);
        assert_in_range(key.fingerprint, 1, (UINT64_C(1) << HF_TABLE_FINGERPRINT_BITS) - 1);
        assert_int_equal(key.fingerprint % 2, 1);
    }
    hf_table_fini(&table);
}

/* Every time that is allowed can be the first, and a table is empty at each. */
static void a_fresh_table_is_empty_at_any_time(void **state)
{
    (void)state;
    const uint64_t times[] = {
        0, 1, HF_TABLE_MARGIN_NS - 1, HF_TABLE_MARGIN_NS, UINT64_C(1) << 60, HF_TIME_MAX_NS};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct hf_table table = table_of(1, 1);
        for (uint64_t key = 1; key <= HF_TABLE_LINE_SLOTS; key++) {
            assert_int_equal(peek(&table, 0, key, times[i]), HF_TABLE_ADMITTED);
            assert_int_equal(charge(&table, 0, key, times[i]), HF_TABLE_ADMITTED);
            assert_int_equal(peek(&table, 0, key, times[i]), HF_TABLE_DENIED);
            assert_int_equal(charge(&table, 0, key, times[i]), HF_TABLE_DENIED);
        }
        assert_int_equal(peek(&table, 0, 5, times[i]), HF_TABLE_FULL);
        assert_int_equal(charge(&table, 0, 5, times[i]), HF_TABLE_FULL);
        table_check(&table);
        hf_table_fini(&table);
    }
}

static void the_largest_charge_at_the_largest_time_stays_clear_of_the_marks(void **state)
{
    (void)state;
    struct hf_table table = table_of(1, 1);
    struct hf_table_request request = request_for(&table, 0, 1, HF_TIME_MAX_NS);
    request.charge_ns = request.tolerance_ns = HF_TABLE_TOLERANCE_MAX_NS;
    struct hf_table_answer answer = hf_table_charge(&table, request);
    assert_int_equal(answer.verdict, HF_TABLE_ADMITTED);
    assert_int_equal(answer.tat_ns, HF_TIME_MAX_NS + HF_TABLE_TOLERANCE_MAX_NS);
    answer = hf_table_charge(&table, request);
    assert_int_equal(answer.verdict, HF_TABLE_DENIED);
    assert_int_equal(answer.tat_ns, HF_TIME_MAX_NS + HF_TABLE_TOLERANCE_MAX_NS);
    request.now_ns = 0;
    assert_int_equal(hf_table_charge(&table, request).verdict, HF_TABLE_DENIED);
    table_check(&table);
    hf_table_fini(&table);
}

static void a_full_path_says_when_its_first_slot_comes_free(void **state)
{
    (void)state;
    struct hf_table table = table_of(1, 2);
    uint64_t slots = hf_table_slots(&table);
    for (uint64_t key = 1; key <= slots; key++)
        assert_int_equal(charge(&table, 0, key, 100 * key), HF_TABLE_ADMITTED);
    uint64_t now_ns = 100 * slots;
    struct hf_table_answer answer = hf_table_charge(&table, request_for(&table, 0, 99, now_ns));
    assert_int_equal(answer.verdict, HF_TABLE_FULL);
    assert_int_equal(answer.now_ns, now_ns);
    assert_int_equal(answer.tat_ns, 100 + CELL_NS + HF_TABLE_MARGIN_NS);
    assert_int_equal(peek(&table, 0, 99, answer.tat_ns - 1), HF_TABLE_FULL);
    assert_int_equal(charge(&table, 0, 99, answer.tat_ns - 1), HF_TABLE_FULL);
    assert_int_equal(peek(&table, 0, 99, answer.tat_ns), HF_TABLE_ADMITTED);
    assert_int_equal(charge(&table, 0, 99, answer.tat_ns), HF_TABLE_ADMITTED);
    assert_int_equal(table.shared->inserted, slots + 1);
    table_check(&table);
    hf_table_fini(&table);
}

static void a_peek_leaves_every_word_as_it_was(void **state)
{
    (void)state;
    struct hf_table table = table_of(1, 2);
    for (uint64_t key = 1; key <= 6; key++)
        assert_int_equal(charge(&table, 0, key, 100 * key), HF_TABLE_ADMITTED);
    struct hf_table_line before[2];
    uint64_t horizon = table.shared->horizon;
    memcpy(before, table.lines, sizeof(before));
    for (uint64_t now_ns = 0; now_ns < 5000; now_ns += 50) {
        for (uint64_t key = 1; key <= 8; key++)
            assert_in_range(peek(&table, 0, key, now_ns), HF_TABLE_ADMITTED, HF_TABLE_DENIED);
    }
    assert_memory_equal(before, table.lines, sizeof(before));
    assert_int_equal(table.shared->horizon, horizon);
    assert_int_equal(table.shared->inserted, 6);
    hf_table_fini(&table);
}

/* The first key is evicted at 20,000; a caller whose time is still 500 must not get its cell again.
 */
static void a_caller_behind_the_horizon_is_denied_until_he_reaches_it(void **state)
{
    (void)state;
    struct hf_table table = table_of(1, 1);
    assert_int_equal(charge(&table, 0, 1, 400), HF_TABLE_ADMITTED);
    assert_int_equal(charge(&table, 0, 2, 20000), HF_TABLE_ADMITTED);
    struct hf_table_answer answer = hf_table_charge(&table, request_for(&table, 0, 1, 500));
    assert_int_equal(answer.verdict, HF_TABLE_DENIED);
    assert_int_equal(answer.now_ns, 500);
    assert_int_equal(answer.tat_ns, 400 + CELL_NS);
    table_check(&table);
    assert_int_equal(table_named(&table), 1); /* What was claimed for him is empty again. */
    assert_int_equal(peek(&table, 0, 1, 400 + CELL_NS - 1), HF_TABLE_DENIED);
    assert_int_equal(charge(&table, 0, 1, 400 + CELL_NS - 1), HF_TABLE_DENIED);
    assert_int_equal(peek(&table, 0, 1, 400 + CELL_NS), HF_TABLE_ADMITTED);
    assert_int_equal(charge(&table, 0, 1, 400 + CELL_NS), HF_TABLE_ADMITTED);
    hf_table_fini(&table);
}

static uint64_t next_reading(void *context)
{
    return *(uint64_t *)context;
}

static void a_clock_is_read_again_where_a_key_is_inserted(void **state)
{
    (void)state;
    uint64_t reading = 7000;
    const struct hf_clock clock = {.now_ns = next_reading, .context = &reading};
    struct hf_table table = table_of(1, 1);
    struct hf_table_request request = request_for(&table, 0, 1, 5000);
    request.clock = &clock;
    struct hf_table_answer answer = hf_table_charge(&table, request);
    assert_int_equal(answer.verdict, HF_TABLE_ADMITTED);
    assert_int_equal(answer.now_ns, 7000);
    assert_int_equal(answer.tat_ns, 8000);

    answer = hf_table_charge(&table, request); /* A known key: the first reading does. */
    assert_int_equal(answer.verdict, HF_TABLE_DENIED);
    assert_int_equal(answer.now_ns, 5000);

    request = request_for(&table, 0, 2, 5000);
    request.clock = &clock;
    reading = UINT64_MAX; /* A broken clock cannot reach the marks, */
    answer = hf_table_charge(&table, request);
    assert_int_equal(answer.now_ns, HF_TIME_MAX_NS);
    request = request_for(&table, 0, 3, 5000);
    request.clock = &clock;
    reading = 0; /* nor go back. */
    answer = hf_table_charge(&table, request);
    assert_int_equal(answer.verdict, HF_TABLE_ADMITTED);
    assert_int_equal(answer.now_ns, 5000);
    table_check(&table);
    hf_table_fini(&table);
}

/*
 * The plain account of it: each key's TAT, for ever. What the table forgets must not matter, and
 * what it says of a key must be what the account says, unless the path is full of live keys.
 */
#define MODEL_HOMES 3
#define MODEL_KEYS 24

struct model {
    struct hf_table table;
    uint64_t tat_ns[MODEL_HOMES][MODEL_KEYS];
};

static void check_full(struct model *model, uint64_t home, uint64_t now_ns)
{
    for (uint64_t line = home; line < home + model->table.path_lines; line++) {
        for (uint32_t i = 0; i < HF_TABLE_LINE_SLOTS; i++)
            assert_true(model->table.lines[line].times[i] > now_ns);
    }
}

static void step_model(struct model *model, struct hf_splitmix *random, uint64_t now_ns)
{
    uint64_t home = hf_splitmix_next(random) % MODEL_HOMES;
    uint64_t key = hf_splitmix_next(random) % MODEL_KEYS;
    struct hf_table_request request = request_for(&model->table, home, key + 1, now_ns);
    request.charge_ns = 1 + hf_splitmix_next(random) % 5000;
    request.tolerance_ns = 5000;
    bool peeking = hf_splitmix_next(random) % 4 == 0;
    struct hf_table_answer answer =
        peeking ? hf_table_peek(&model->table, &request) : hf_table_charge(&model->table, request);
    uint64_t *tat_ns = &model->tat_ns[home][key];
    uint64_t base_ns = *tat_ns > now_ns ? *tat_ns : now_ns;
    uint64_t next_ns = base_ns + request.charge_ns;
    bool fits = next_ns <= now_ns + request.tolerance_ns;
    if (answer.verdict == HF_TABLE_FULL) {
        assert_true(*tat_ns <= now_ns);
        check_full(model, home, now_ns);
        return;
    }
    assert_int_equal(answer.verdict, fits ? HF_TABLE_ADMITTED : HF_TABLE_DENIED);
    assert_int_equal(answer.now_ns, now_ns);
    if (fits && !peeking)
        *tat_ns = base_ns = next_ns;
    assert_int_equal(answer.tat_ns, base_ns);
}

static void small_tables_agree_with_a_plain_account_of_every_key(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < test_scaled(400); seed++) {
        struct hf_splitmix random;
        hf_splitmix_init(&random, seed);
        struct model model = {.table = table_of(MODEL_HOMES, 1 + (uint32_t)(seed % 4))};
        uint64_t pace = 1 + hf_splitmix_next(&random) % 1000;
        uint64_t now_ns = 0;
        for (int i = 0; i < 1000; i++) {
            step_model(&model, &random, now_ns);
            now_ns += hf_splitmix_next(&random) % pace;
            if (i % 100 == 0)
                table_check(&model.table);
        }
        table_check(&model.table);
        hf_table_fini(&model.table);
    }
}

static void displaced_keys_keep_their_slots_and_are_found(void **state)
{
    (void)state;
    struct hf_table table = table_of(2, HF_TABLE_PATH_LINES_MAX);
    for (uint64_t key = 1; key <= 50; key++)
        assert_int_equal(charge(&table, key % 2, key, 0), HF_TABLE_ADMITTED);
    table_check(&table);
    assert_int_equal(table_named(&table), 50);
    assert_true(table.lines[0].names[0] > HF_TABLE_NAME_MASK);
    for (uint64_t key = 1; key <= 50; key++)
        assert_int_equal(charge(&table, key % 2, key, 500), HF_TABLE_DENIED);
    assert_int_equal(table.shared->inserted, 50);
    /* Known keys that have expired are charged where they stand. */
    for (uint64_t key = 1; key <= 50; key++)
        assert_int_equal(charge(&table, key % 2, key, HF_SECONDS(1)), HF_TABLE_ADMITTED);
    assert_int_equal(table.shared->inserted, 50);
    table_check(&table);
    hf_table_fini(&table);
}

/*
 * Three threads, forty keys, a table of 24 slots, times that drift apart: whatever happens, a
 * key's admissions in the whole stretch are within its quota.
 */
#define THREADS 3
#define SHARED_KEYS 40
#define TURNS 300000
#define TURN_NS (50 * HF_TABLE_STEP_NS)
#define SHARED_CELL_NS (1000 * HF_TABLE_STEP_NS)

struct crowd {
    struct hf_table table;
    uint64_t admitted[SHARED_KEYS];
};

struct member {
    struct crowd *crowd;
    uint64_t seed;
};

static void *use_table(void *argument)
{
    struct member *member = argument;
    struct hf_splitmix random;
    hf_splitmix_init(&random, member->seed);
    for (uint64_t i = 0; i < test_scaled(TURNS); i++) {
        uint64_t key = hf_splitmix_next(&random) % SHARED_KEYS;
        uint64_t lag = hf_splitmix_next(&random) % 20;
        uint64_t now_ns = (i > lag ? i - lag : 0) * TURN_NS;
        struct hf_table_request request =
            request_for(&member->crowd->table, key % 3, key + 1, now_ns);
        request.charge_ns = request.tolerance_ns = SHARED_CELL_NS;
        if (hf_table_charge(&member->crowd->table, request).verdict == HF_TABLE_ADMITTED)
            hf_add_relaxed(&member->crowd->admitted[key], 1);
    }
    return NULL;
}

static void threads_never_admit_a_key_beyond_its_quota(void **state)
{
    (void)state;
    struct crowd crowd = {.table = table_of(3, 4)};
    struct member members[THREADS];
    pthread_t threads[THREADS];
    for (uint64_t i = 0; i < THREADS; i++) {
        members[i] = (struct member){&crowd, i};
        assert_int_equal(pthread_create(&threads[i], NULL, use_table, &members[i]), 0);
    }
    for (uint64_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    table_check(&crowd.table);
    uint64_t most = 1 + (test_scaled(TURNS) - 1) * TURN_NS / SHARED_CELL_NS;
    uint64_t total = 0;
    for (uint64_t key = 0; key < SHARED_KEYS; key++) {
        assert_in_range(crowd.admitted[key], 1, most);
        total += crowd.admitted[key];
    }
    print_message("# %d admitted of %d, %d inserted\n", (int)total, (int)(SHARED_KEYS * most),
        (int)crowd.table.shared->inserted);
    hf_table_fini(&crowd.table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_lives_in_one_piece_of_memory_or_in_none),
        cmocka_unit_test(every_hash_has_a_home_and_a_fingerprint),
        cmocka_unit_test(a_fresh_table_is_empty_at_any_time),
        cmocka_unit_test(the_largest_charge_at_the_largest_time_stays_clear_of_the_marks),
        cmocka_unit_test(a_full_path_says_when_its_first_slot_comes_free),
        cmocka_unit_test(a_peek_leaves_every_word_as_it_was),
        cmocka_unit_test(a_caller_behind_the_horizon_is_denied_until_he_reaches_it),
        cmocka_unit_test(a_clock_is_read_again_where_a_key_is_inserted),
        cmocka_unit_test(small_tables_agree_with_a_plain_account_of_every_key),
        cmocka_unit_test(displaced_keys_keep_their_slots_and_are_found),
        cmocka_unit_test(threads_never_admit_a_key_beyond_its_quota),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
