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

#include <holdfast/audit.h>

#include "support/audit_reader.h"

/*
 * Writes a log whose texts and names are every byte and every pair of bytes. test_audit_jq.sh has
 * it written to a place of its own, HF_TEST_DIRECTORY, and reads it by other means.
 */

static void emit_byte(struct hf_audit *audit, unsigned byte)
{
    char name[] = {'n', (char)byte, '\0'};
    char text = (char)byte;
    struct hf_field fields[] = {
        hf_field_unsigned("byte", byte),
        hf_field_bytes("text", hf_bytes(&text, 1)),
        hf_field_boolean(name, true),
        hf_field_number("number", byte / 7.0),
        hf_field_integer("integer", -(int64_t)byte),
        hf_field_text("null", NULL),
    };
    assert_int_equal(hf_audit_emit(audit, "byte", fields, 6), HF_OK);
}

static void emit_pairs(struct hf_audit *audit, unsigned first)
{
    char text[512];
    for (unsigned second = 0; second < 256; second++) {
        text[2 * second] = (char)first;
        text[2 * second + 1] = (char)second;
    }
    struct hf_field field = hf_field_bytes("text", hf_bytes(text, sizeof(text)));
    assert_int_equal(hf_audit_emit(audit, "pairs", &field, 1), HF_OK);
}

static void every_byte_is_logged_as_json(void **state)
{
    (void)state;
    char directory[64] = "/tmp/holdfast-audit-XXXXXX";
    const char *wished = getenv("HF_TEST_DIRECTORY");
    if (!wished)
        assert_non_null(mkdtemp(directory));
    struct hf_audit_options options = {
        .directory = wished ? wished : directory,
        .roll = HF_AUDIT_ROLL_BY_SIZE_ONLY,
        .full_policy = HF_AUDIT_BLOCK,
    };
    struct hf_audit *audit;
    assert_int_equal(hf_audit_open(&audit, &options, NULL), HF_OK);
    for (unsigned byte = 0; byte < 256; byte++) {
        emit_byte(audit, byte);
        emit_pairs(audit, byte);
    }
    assert_int_equal(hf_audit_close(audit, UINT64_MAX, NULL), HF_OK);
    struct audit_account account = {0};
    audit_read(&account, hf_files_system(), options.directory, "audit");
    assert_int_equal(account.records, 512);
    if (wished)
        return;
    char live[128];
    snprintf(live, sizeof(live), "%s/audit.log", directory);
    assert_int_equal(unlink(live), 0);
    assert_int_equal(rmdir(directory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_is_logged_as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
