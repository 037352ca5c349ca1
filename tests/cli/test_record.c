/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/record.h"

static bool parses(const char *line, struct record *record)
{
    return record_parse(hf_bytes(line, strlen(line)), record);
}

static void a_record_gives_its_fields_by_name(void **state)
{
    (void)state;
    struct record record;
    assert_true(
        parses("{\"time\":\"2026-11-20T12:00:01.000000250Z\",\"seq\":17,\"event\":\"denied\","
               "\"ok\":true,\"x\":-1.5e3,\"none\":null,\"q\":\"a\\\"b\"}",
            &record));
    assert_int_equal(record.count, 7);
    assert_true(record_is(&record, "event", "denied"));
    assert_false(record_is(&record, "event", "denie"));
    assert_false(record_is(&record, "ok", "true"));
    assert_true(record_is(&record, "q", "a\\\"b"));
    assert_int_equal(record_number(&record, "seq"), 17);
    assert_int_equal(record_number(&record, "event"), 0);
    assert_int_equal(record_number(&record, "missing"), 0);
    assert_null(record_find(&record, "missing"));
    assert_int_equal(record_time_ns(&record), UINT64_C(1795176001) * 1000000000 + 250);
}

static void a_line_that_is_no_flat_object_is_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {"", "{", "{}", "[]", "{\"a\":1", "{\"a\":1}x", "{\"a\"}",
        "{\"a\":}", "{\"a\":{}}", "{\"a\":[1]}", "{a:1}", "{\"a\":\"b}", "{\"a\":\"b\\",
        "{\"a\":1,}", "{\"a"};
    struct record record;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        assert_false(parses(lines[i], &record));
}

static void a_line_with_too_many_fields_is_refused(void **state)
{
    (void)state;
    char line[RECORD_FIELDS_MAX * 8 + 64] = "{";
    struct record record;
    for (size_t i = 0; i < RECORD_FIELDS_MAX; i++)
        strcat(line, i ? ",\"a\":1" : "\"a\":1");
    size_t size = strlen(line);
    strcpy(line + size, "}");
    assert_true(parses(line, &record));
    strcpy(line + size, ",\"a\":1}");
    assert_false(parses(line, &record));
}

static void a_time_that_is_none_is_0(void **state)
{
    (void)state;
    struct record record;
    assert_true(parses("{\"time\":\"yesterday\"}", &record));
    assert_int_equal(record_time_ns(&record), 0);
    assert_true(parses("{\"time\":\"2026-11-20T12:00:01.000000250Z and so on\"}", &record));
    assert_int_equal(record_time_ns(&record), 0);
}

static void count_line(void *context, struct hf_bytes line)
{
    (void)line;
    ++*(size_t *)context;
}

static void only_whole_lines_of_a_file_are_read(void **state)
{
    (void)state;
    char path[] = "/tmp/holdfast-record-XXXXXX";
    size_t lines = 0;
    long offset = 0;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "one\ntwo\nthr", 11), 11);
    assert_true(record_each_line(path, &offset, count_line, &lines));
    assert_int_equal(lines, 2);
    assert_int_equal(offset, 8);
    assert_int_equal(write(fd, "ee\n", 3), 3);
    assert_true(record_each_line(path, &offset, count_line, &lines));
    assert_int_equal(lines, 3);
    close(fd);
    unlink(path);
    assert_false(record_each_line(path, &offset, count_line, &lines));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_gives_its_fields_by_name),
        cmocka_unit_test(a_line_that_is_no_flat_object_is_refused),
        cmocka_unit_test(a_line_with_too_many_fields_is_refused),
        cmocka_unit_test(a_time_that_is_none_is_0),
        cmocka_unit_test(only_whole_lines_of_a_file_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
