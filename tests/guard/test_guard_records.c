/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <holdfast/guard.h>

#include "support/flow.h"
#include "support/guard_fixture.h"
#include "support/scripted_call.h"

/* What guards write into the audit log, read back from its file. */

#define LOG_BYTES_MAX 65536

struct log {
    char directory[64];
    char text[LOG_BYTES_MAX];
    char *next; /* Not yet expected. */
};

static void log_open(struct log *log, struct guard_fixture *fixture)
{
    snprintf(log->directory, sizeof(log->directory), "/tmp/holdfast-guard-XXXXXX");
    assert_non_null(mkdtemp(log->directory));
    const struct hf_audit_options options = {.directory = log->directory};
    struct hf_error error = {0};
    if (hf_audit_open(&fixture->options.audit, &options, &error) != HF_OK)
        fail_msg("hf_audit_open: %s", hf_error_text(&error));
}

/* Closes the log and reads all of it. */
static void log_close(struct log *log, struct guard_fixture *fixture)
{
    assert_int_equal(hf_audit_close(fixture->options.audit, HF_SECONDS(60), NULL), HF_OK);
    char path[128];
    snprintf(path, sizeof(path), "%s/audit.log", log->directory);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(log->text, 1, sizeof(log->text) - 1, file);
    log->text[size] = '\0';
    assert_int_equal(fclose(file), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(log->directory), 0);
    log->next = log->text;
}

/* The next record of a caller's, from its event on and without the line's end; NULL: none. */
static char *log_next(struct log *log)
{
    for (;;) {
        char *line = log->next;
        char *end = strchr(line, '\n');
        if (!end)
            return NULL;
        *end = '\0';
        log->next = end + 1;
        char *event = strstr(line, "\"event\":");
        assert_non_null(event);
        if (strncmp(event, "\"event\":\"hf.", strlen("\"event\":\"hf.")) != 0)
            return event;
    }
}

HF_PRINTF(2, 3) static void expect_record(struct log *log, const char *format, ...)
{
    char record[512] = "\"event\":";
    size_t size = strlen(record);
    va_list arguments;
    va_start(arguments, format);
    size += (size_t)vsnprintf(record + size, sizeof(record) - size, format, arguments);
    va_end(arguments);
    assert_true(size < sizeof(record) - 1);
    record[size] = '}';
    record[size + 1] = '\0';
    const char *found = log_next(log);
    assert_non_null(found);
    assert_string_equal(found, record);
}

static void expect_no_more(struct log *log)
{
    assert_null(log_next(log));
}

static void call(struct guard_fixture *fixture, const char *key, uint64_t cost,
    const struct scripted_try *script, size_t script_count)
{
    struct scripted_call scripted = {
        .clock = &fixture->manual,
        .script = script,
        .script_count = script_count,
    };
    const struct hf_guard_request request = {.key = fixture_key(key), .cost = cost};
    enum hf_status status = hf_guard_call(fixture->guard, &request, scripted_call, &scripted, NULL);
    (void)status;
}

static const struct hf_retry_options three_tries = {
    .delay = {.growth = HF_GROWTH_FIXED, .jitter = HF_JITTER_NONE, .base_ns = HF_MS(10)},
};

static const struct hf_breaker_options after_two = {
    .consecutive_failures = 2,
    .open = {.growth = HF_GROWTH_FIXED, .jitter = HF_JITTER_NONE, .base_ns = HF_SECONDS(1)},
    .seed = 1,
};

#define WHO(event, key) "\"" event "\",\"guard\":\"rpc \\\"1\\\"\",\"key\":\"" key "\","
#define NOBODY(event) "\"" event "\",\"guard\":\"rpc \\\"1\\\"\","
#define ENDED(result) "\"result\":\"" result "\",\"attempts\":%d,\"elapsed_ns\":%d"
#define FAILED(attempt) "\"attempt\":" attempt ",\"outcome\":\"transient\",\"code\":-7"

#define DECIDED(cost) "\"cost\":" cost ",\"clock_ns\":%llu,"

/* A time so many milliseconds after the start. */
static unsigned long long after_ms(uint64_t ms)
{
    return FIXTURE_START_NS + HF_MS(ms);
}

/* Alice comes twice too often, the other side fails twice for a caller without a name. */
static void expect_limits_and_failures(struct log *log, unsigned long long open_ns)
{
    expect_record(log, WHO("admitted", "al\\nice") DECIDED("1") "\"remaining\":2", after_ms(0));
    expect_record(log, WHO("failed", "al\\nice") FAILED("1") ",\"delay_ns\":10000000");
    expect_record(log, WHO("ended", "al\\nice") ENDED("ok"), 2, 15000000);
    expect_record(log,
        WHO("denied", "al\\nice") DECIDED("3") "\"reason\":\"key\",\"retry_after_ns\":19985000000",
        after_ms(15));
    expect_record(log, WHO("ended", "al\\nice") ENDED("denied"), 0, 0);
    expect_record(log, WHO("denied", "al\\nice") DECIDED("4") "\"reason\":\"never\"", after_ms(15));
    expect_record(log, WHO("ended", "al\\nice") ENDED("never"), 0, 0);
    expect_record(log, NOBODY("admitted") DECIDED("2") "\"remaining\":1", after_ms(15));
    expect_record(log, NOBODY("failed") FAILED("1") ",\"delay_ns\":10000000");
    expect_record(log, NOBODY("failed") FAILED("2"));
    expect_record(
        log, NOBODY("breaker") "\"from\":\"closed\",\"to\":\"open\",\"open_ns\":%llu", open_ns);
    expect_record(log, NOBODY("refused") "\"retry_after_ns\":%llu", open_ns);
    expect_record(log, NOBODY("ended") ENDED("open"), 2, 10000000);
}

/* Bob is refused, then let through; Carol and Dave want more than all may have together. */
static void expect_recovery(struct log *log, unsigned long long open_ns)
{
    expect_record(log, WHO("admitted", "bob") DECIDED("1") "\"remaining\":2", after_ms(25));
    expect_record(log, WHO("refused", "bob") "\"retry_after_ns\":%llu", open_ns);
    expect_record(log, WHO("ended", "bob") ENDED("open"), 0, 0);
    expect_record(log, WHO("admitted", "bob") DECIDED("1") "\"remaining\":1", after_ms(2025));
    expect_record(log, NOBODY("breaker") "\"from\":\"open\",\"to\":\"half-open\"");
    expect_record(log, NOBODY("breaker") "\"from\":\"half-open\",\"to\":\"closed\"");
    expect_record(log, WHO("ended", "bob") ENDED("ok"), 1, 5000000);
    expect_record(log, WHO("admitted", "carol") DECIDED("3") "\"remaining\":0", after_ms(2030));
    expect_record(log, WHO("ended", "carol") ENDED("ok"), 1, 5000000);
    expect_record(log,
        WHO("denied", "dave") DECIDED("3") "\"reason\":\"global\",\"retry_after_ns\":740000000",
        after_ms(2035));
    expect_record(log, WHO("ended", "dave") ENDED("denied"), 0, 0);
}

static void every_decision_is_written_once_and_in_order(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    struct log log;
    fixture_start(&fixture);
    log_open(&log, &fixture);
    fixture_add_limiter(&fixture, hf_quota_per_minute(3));
    fixture_add_gate(&fixture, hf_quota_per_second(4));
    fixture_add_breaker(&fixture, &after_two);
    fixture.options.retry = &three_tries;
    fixture.options.audit_events = HF_GUARD_AUDIT_ALL;
    fixture.options.name = "rpc \"1\"";
    fixture_make(&fixture);
    const struct scripted_try works = {{HF_SUCCESS, 0, 0}, HF_MS(5)};
    const struct scripted_try fails = {{HF_TRANSIENT, -7, 0}, 0};
    const struct scripted_try script[] = {fails, works};
    call(&fixture, "al\nice", 1, script, 2);
    call(&fixture, "al\nice", 3, &works, 1);
    call(&fixture, "al\nice", 4, &works, 1);
    call(&fixture, "", 2, &fails, 1);
    call(&fixture, "bob", 1, &works, 1);
    struct hf_breaker_snapshot open;
    assert_int_equal(hf_breaker_snapshot(fixture.breaker, fixture.manual.now_ns, &open), HF_OK);
    hf_manual_clock_advance(&fixture.manual, HF_SECONDS(2));
    call(&fixture, "bob", 1, &works, 1);
    call(&fixture, "carol", 3, &works, 1);
    call(&fixture, "dave", 3, &works, 1);
    fixture_end(&fixture);
    log_close(&log, &fixture);
    expect_limits_and_failures(&log, open.until_half_open_ns);
    expect_recovery(&log, open.until_half_open_ns);
    expect_no_more(&log);
}

#define DENIED_BY_GATE(key)                                                                        \
    "\"denied\",\"guard\":\"default\",\"key\":\"" key                                              \
    "\"," DECIDED("1") "\"reason\":\"global\",\"retry_after_ns\":500000000"

static void by_default_only_what_went_wrong_is_written(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    struct log log;
    fixture_start(&fixture);
    log_open(&log, &fixture);
    fixture_add_gate(&fixture, hf_quota_per_second(2));
    fixture_make(&fixture);
    const struct scripted_try lines[] = {{{HF_SUCCESS, 0, 0}, 0}, {{HF_IGNORED, 404, 0}, 0}};
    call(&fixture, "", 0, &lines[0], 1);
    call(&fixture, "k", 0, &lines[1], 1);
    call(&fixture, "k", 0, &lines[0], 1);
    fixture_end(&fixture);
    log_close(&log, &fixture);
    expect_record(&log, "\"failed\",\"guard\":\"default\",\"key\":\"k\",\"attempt\":1,"
                        "\"outcome\":\"ignored\",\"code\":404");
    expect_record(&log, DENIED_BY_GATE("k"), after_ms(0));
    expect_no_more(&log);
}

static void nothing_is_written_where_nothing_was_chosen(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    struct log log;
    fixture_start(&fixture);
    log_open(&log, &fixture);
    fixture.options.audit_events = HF_GUARD_AUDIT_NOTHING;
    fixture_make(&fixture);
    const struct scripted_try fails = {{HF_PERMANENT, 1, 0}, 0};
    call(&fixture, "k", 0, &fails, 1);
    fixture_end(&fixture);
    log_close(&log, &fixture);
    expect_no_more(&log);
}

/* A wrong request's key is not to be read, and a call without limits was not admitted by any. */
static void what_did_not_happen_is_not_written(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    struct log log;
    fixture_start(&fixture);
    log_open(&log, &fixture);
    fixture.options.audit_events = HF_GUARD_AUDIT_ALL;
    fixture_make(&fixture);
    struct hf_guard_run run;
    uint64_t delay_ns;
    const struct hf_guard_request wrong = {.key = {NULL, 7}};
    assert_int_equal(hf_guard_begin(&run, fixture.guard, &wrong, 0, &delay_ns), HF_INVALID);
    assert_int_equal(hf_guard_begin(&run, fixture.guard, NULL, 0, &delay_ns), HF_OK);
    hf_guard_cancel(&run, HF_MS(3));
    hf_guard_cancel(&run, HF_MS(4));
    fixture_end(&fixture);
    log_close(&log, &fixture);
    expect_record(&log, "\"ended\",\"guard\":\"default\",\"result\":\"cancelled\",\"attempts\":0,"
                        "\"elapsed_ns\":3000000");
    expect_no_more(&log);
}

/* One failed call of each of two keys, and again of the first. */
static void write_keys(struct log *log, enum hf_guard_audit_keys keys, const void *seed)
{
    struct guard_fixture fixture;
    fixture_start(&fixture);
    log_open(log, &fixture);
    fixture.options.audit_keys = keys;
    fixture.options.audit_seed = seed;
    fixture_make(&fixture);
    const struct scripted_try fails = {{HF_PERMANENT, 1, 0}, 0};
    call(&fixture, "secret", 0, &fails, 1);
    call(&fixture, "other", 0, &fails, 1);
    call(&fixture, "secret", 0, &fails, 1);
    call(&fixture, "", 0, &fails, 1);
    fixture_end(&fixture);
    log_close(log, &fixture);
}

#define FAILED_BY(who)                                                                             \
    "\"failed\",\"guard\":\"default\"," who "\"attempt\":1,\"outcome\":\"permanent\",\"code\":1"

static void keys_may_be_left_out(void **state)
{
    (void)state;
    struct log log;
    write_keys(&log, HF_GUARD_KEYS_NONE, NULL);
    for (unsigned i = 0; i < 4; i++)
        expect_record(&log, FAILED_BY(""));
    expect_no_more(&log);
}

static void keys_may_be_told_apart_by_a_hash_only(void **state)
{
    (void)state;
    static const char *const keys[] = {"secret", "other", "secret"};
    const struct hf_hash_seed seed = {{1, 2, 3, 4}};
    struct log log;
    write_keys(&log, HF_GUARD_KEYS_HASHED, &seed);
    for (unsigned i = 0; i < 3; i++) {
        struct hf_hash128 hash = hf_hash_siphash(&seed, hf_bytes(keys[i], strlen(keys[i])));
        expect_record(&log, FAILED_BY("\"key_hash\":\"%016llx%016llx\","),
            (unsigned long long)hash.high, (unsigned long long)hash.low);
    }
    expect_record(&log, FAILED_BY(""));
    expect_no_more(&log);
}

/* The hash in the next record. */
static void read_hash(struct log *log, char hash[static 33])
{
    const char *record = log_next(log);
    assert_non_null(record);
    const char *at = strstr(record, "\"key_hash\":\"");
    assert_non_null(at);
    snprintf(hash, 33, "%.32s", at + strlen("\"key_hash\":\""));
    assert_int_equal(strspn(hash, "0123456789abcdef"), 32);
}

static void without_a_seed_the_hash_is_another_in_each_guard(void **state)
{
    (void)state;
    struct log log;
    char hashes[2][3][33];
    for (unsigned run = 0; run < 2; run++) {
        write_keys(&log, HF_GUARD_KEYS_HASHED, NULL);
        for (unsigned i = 0; i < 3; i++)
            read_hash(&log, hashes[run][i]);
        assert_string_equal(hashes[run][0], hashes[run][2]);
        assert_string_not_equal(hashes[run][0], hashes[run][1]);
    }
    assert_string_not_equal(hashes[0][0], hashes[1][0]);
}

static void long_keys_are_cut_and_strange_bytes_replaced(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    struct log log;
    fixture_start(&fixture);
    log_open(&log, &fixture);
    fixture_make(&fixture);
    static char key[HF_KEY_BYTES_MAX];
    memset(key, 'k', sizeof(key));
    struct hf_guard_request request = {.key = {key, sizeof(key)}};
    const struct scripted_try fails = {{HF_PERMANENT, 1, 0}, 0};
    struct scripted_call scripted = {.script = &fails, .script_count = 1};
    assert_int_equal(
        hf_guard_call(fixture.guard, &request, scripted_call, &scripted, NULL), HF_FAILED);
    request.key = hf_bytes("\xff\"", 2);
    assert_int_equal(
        hf_guard_call(fixture.guard, &request, scripted_call, &scripted, NULL), HF_FAILED);
    fixture_end(&fixture);
    log_close(&log, &fixture);
    const char *cut = log_next(&log);
    assert_non_null(cut);
    assert_non_null(strstr(cut, "\"key\":\"kkk"));
    assert_non_null(strstr(cut, "\"truncated\":true"));
    const char *replaced = log_next(&log);
    assert_non_null(replaced);
    assert_non_null(strstr(replaced, "\"key\":\"\xef\xbf\xbd\\\"\""));
    expect_no_more(&log);
}

static void a_flow_budget_that_is_spent_is_recorded_without_a_time_to_come_again(void **state)
{
    (void)state;
    static const uint64_t peer = 1;
    struct guard_fixture fixture;
    struct log log;
    struct scripted_call scripted = {.made = 0};
    fixture_start(&fixture);
    log_open(&log, &fixture);
    fixture.options.name = "rpc \"1\"";
    fixture.options.flow = flow_new(1);
    fixture.options.audit_events = HF_GUARD_AUDIT_ADMITTED | HF_GUARD_AUDIT_DENIED;
    fixture_make(&fixture);
    assert_int_equal(flow_grant(fixture.options.flow, peer, 1, 3), HF_OK);
    const struct hf_guard_request request = {.flow_peer = flow_peer(&peer), .flow_cost = 2};
    for (int i = 0; i < 2; i++) {
        enum hf_status status =
            hf_guard_call(fixture.guard, &request, scripted_call, &scripted, NULL);
        assert_int_equal(status, i == 0 ? HF_OK : HF_DENIED);
    }
    log_close(&log, &fixture);
    expect_record(&log, NOBODY("admitted") DECIDED("1") "\"remaining\":1", after_ms(0));
    expect_record(&log, NOBODY("denied") DECIDED("1") "\"reason\":\"flow\"", after_ms(0));
    expect_no_more(&log);
    hf_flow_free(fixture.options.flow);
    fixture_end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_decision_is_written_once_and_in_order),
        cmocka_unit_test(by_default_only_what_went_wrong_is_written),
        cmocka_unit_test(nothing_is_written_where_nothing_was_chosen),
        cmocka_unit_test(what_did_not_happen_is_not_written),
        cmocka_unit_test(a_flow_budget_that_is_spent_is_recorded_without_a_time_to_come_again),
        cmocka_unit_test(keys_may_be_left_out),
        cmocka_unit_test(keys_may_be_told_apart_by_a_hash_only),
        cmocka_unit_test(without_a_seed_the_hash_is_another_in_each_guard),
        cmocka_unit_test(long_keys_are_cut_and_strange_bytes_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
