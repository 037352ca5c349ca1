/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/audit.h>

#include "support/audit_reader.h"

#define ROLLED_MAX 4096

struct rolled {
    uint64_t number;
    char name[128];
};

struct listing {
    const char *prefix;
    struct rolled *files;
    size_t count;
};

/* Takes what looks like prefix.TIME.NUMBER.log; the names' exact form has tests of its own. */
static bool visit_name(void *context, const char *name)
{
    struct listing *listing = context;
    size_t prefix_bytes = strlen(listing->prefix);
    if (strncmp(name, listing->prefix, prefix_bytes) != 0 || name[prefix_bytes] != '.')
        return true;
    char stamp[32];
    unsigned long long number;
    int end = 0;
    if (sscanf(name + prefix_bytes, ".%31[0-9TZ-].%llu.log%n", stamp, &number, &end) != 2 ||
        name[prefix_bytes + (size_t)end] != '\0' || strlen(stamp) != 18)
        return true;
    assert_true(listing->count < ROLLED_MAX);
    struct rolled *rolled = &listing->files[listing->count++];
    rolled->number = number;
    snprintf(rolled->name, sizeof(rolled->name), "%s", name);
    return true;
}

static int compare(const void *a, const void *b)
{
    uint64_t left = ((const struct rolled *)a)->number;
    uint64_t right = ((const struct rolled *)b)->number;
    assert_true(a == b || left != right); /* A number never repeats. */
    return left < right ? -1 : 1;
}

/* Opening creates, so the name is looked for first. */
static bool exists_visit(void *context, const char *name)
{
    const char **wanted = context;
    if (strcmp(*wanted, name) != 0)
        return true;
    *wanted = NULL;
    return false;
}

static bool exists(const struct hf_files *files, const char *path)
{
    char directory[4096];
    const char *slash = strrchr(path, '/');
    assert_non_null(slash);
    snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path), path);
    const char *wanted = slash + 1;
    assert_int_equal(files->list(files->context, directory, exists_visit, &wanted), 0);
    return !wanted;
}

char *audit_read_file(const struct hf_files *files, const char *path, size_t *size)
{
    if (!exists(files, path))
        return NULL;
    intptr_t file;
    uint64_t size_bytes;
    assert_int_equal(files->open(files->context, path, &file, &size_bytes), 0);
    char *text = calloc(1, (size_t)size_bytes + 1);
    assert_non_null(text);
    assert_int_equal(files->read(files->context, file, 0, text, (size_t)size_bytes, size), 0);
    assert_int_equal(*size, size_bytes);
    assert_int_equal(files->close(files->context, file), 0);
    return text;
}

static void account_gap(struct audit_account *account, const struct json_object *gap, uint64_t seq)
{
    uint64_t last = json_unsigned_member(gap, "last");
    assert_int_equal(json_unsigned_member(gap, "first"), seq);
    assert_true(last >= seq);
    assert_int_equal(json_unsigned_member(gap, "count"), last - seq + 1);
    account->gaps++;
    account->named += last - seq + 1;
    account->next = last + 1;
}

/* True if the line is whole. */
static bool account_form(
    struct audit_account *account, struct hf_bytes line, struct json_object *record)
{
    bool whole = line.size < HF_AUDIT_RECORD_BYTES_MAX && json_read_object(line, record);
    if (!whole && !account->may_be_torn)
        fail_msg("not a line of a log: %.*s", (int)line.size, (const char *)line.data);
    if (account->torn_before)
        assert_true(whole && json_member_is(record, "event", "hf.open"));
    account->torn_before = !whole;
    account->torn += !whole;
    return whole;
}

static void account_line(struct audit_account *account, struct hf_bytes line)
{
    struct json_object record;
    struct hf_bytes time;
    if (!account_form(account, line, &record))
        return;
    assert_true(json_member(&record, "time", &time));
    uint64_t seq = json_unsigned_member(&record, "seq");
    if (json_member_is(&record, "event", "hf.open")) {
        assert_int_equal(seq, 0);
        account->runs++;
        account->next = 1;
        return;
    }
    assert_int_equal(seq, account->next);
    if (json_member_is(&record, "event", "hf.gap")) {
        account_gap(account, &record, seq);
        return;
    }
    account->records++;
    account->next = seq + 1;
    if (account->visit)
        account->visit(account->context, &record);
}

static void account_file(
    struct audit_account *account, const struct hf_files *files, const char *path)
{
    size_t size;
    char *text = audit_read_file(files, path, &size);
    if (!text)
        return;
    account->files++;
    for (char *at = text; at < text + size;) {
        char *end = memchr(at, '\n', (size_t)(text + size - at));
        assert_non_null(end); /* No file ends within a line. */
        account_line(account, hf_bytes(at, (size_t)(end - at)));
        at = end + 1;
    }
    free(text);
}

void audit_read(struct audit_account *account, const struct hf_files *files, const char *directory,
    const char *prefix)
{
    struct listing listing = {.prefix = prefix, .files = calloc(ROLLED_MAX, sizeof(struct rolled))};
    assert_non_null(listing.files);
    assert_int_equal(files->list(files->context, directory, visit_name, &listing), 0);
    qsort(listing.files, listing.count, sizeof(struct rolled), compare);
    char path[4096 + 256];
    for (size_t i = 0; i < listing.count; i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, listing.files[i].name);
        account_file(account, files, path);
        account->rolled_last = listing.files[i].number;
    }
    snprintf(path, sizeof(path), "%s/%s.log", directory, prefix);
    account_file(account, files, path);
    free(listing.files);
}

struct counting {
    const char *beginning;
    unsigned count;
};

static bool count_visit(void *context, const char *name)
{
    struct counting *counting = context;
    counting->count += strncmp(name, counting->beginning, strlen(counting->beginning)) == 0;
    return true;
}

unsigned audit_count_names(
    const struct hf_files *files, const char *directory, const char *beginning)
{
    struct counting counting = {beginning, 0};
    assert_int_equal(files->list(files->context, directory, count_visit, &counting), 0);
    return counting.count;
}
