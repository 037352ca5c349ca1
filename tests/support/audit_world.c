/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/audit_world.h"

#define SETTLE_STEPS_MAX 1000

struct audit_world world;

int world_make(void **state)
{
    (void)state;
    memset(&world, 0, sizeof(world));
    assert_int_equal(hf_sim_files_new(&world.disk, NULL, NULL), HF_OK);
    world.files = hf_sim_files(world.disk);
    hf_manual_clock_init(&world.clock, HF_SECONDS(1000));
    hf_manual_clock_init(&world.wall, WORLD_START_NS);
    world.options = (struct hf_audit_options){
        .directory = WORLD_DIRECTORY,
        .lane_bytes = 4096,
        .wall = hf_manual_wall_clock(&world.wall),
        .clock = hf_manual_clock(&world.clock),
        .files = &world.files,
    };
    return 0;
}

int world_unmake(void **state)
{
    (void)state;
    if (world.audit)
        hf_audit_free(world.audit);
    hf_sim_files_free(world.disk);
    return 0;
}

void world_open(void)
{
    struct hf_error error = {0};
    enum hf_status status = hf_audit_new(&world.audit, &world.options, &error);
    if (status != HF_OK)
        fail_msg("%s", hf_error_text(&error));
}

void world_close(void)
{
    world_settle();
    hf_audit_free(world.audit);
    world.audit = NULL;
}

enum hf_status world_emit(size_t text_bytes)
{
    char letters[HF_AUDIT_RECORD_BYTES_MAX];
    assert_true(text_bytes <= sizeof(letters));
    memset(letters, 'x', text_bytes);
    struct hf_field field = hf_field_bytes("text", hf_bytes(letters, text_bytes));
    enum hf_status status = hf_audit_emit(world.audit, "test", &field, 1);
    assert_true(status == HF_OK || status == HF_FULL);
    world.kept += status == HF_OK;
    world.dropped += status == HF_FULL;
    return status;
}

struct hf_turn world_step(void)
{
    return hf_audit_step(world.audit);
}

void world_settle(void)
{
    struct hf_turn turn;
    unsigned steps = 0;
    do {
        turn = world_step();
        assert_true(++steps < SETTLE_STEPS_MAX);
    } while (!turn.idle);
}

void world_live(unsigned days)
{
    for (unsigned day = 0; day < days; day++) {
        for (unsigned i = 0; i < 30; i++)
            world_emit(i % 6 == 0 ? 1500 : 40);
        world_step();
        hf_manual_clock_advance(&world.wall, HF_SECONDS(43200));
        hf_manual_clock_advance(&world.clock, HF_ROLL_RETRY_NS / 2);
        world_emit(40);
        world_step();
        hf_manual_clock_advance(&world.wall, HF_SECONDS(43200));
        hf_manual_clock_advance(&world.clock, HF_ROLL_RETRY_NS / 2);
    }
}

struct audit_account world_account(void)
{
    struct audit_account account = {0};
    audit_read(&account, &world.files, WORLD_DIRECTORY, "audit");
    assert_int_equal(account.records, world.kept);
    assert_int_equal(account.named, world.dropped);
    return account;
}

struct hf_audit_statistics world_statistics(void)
{
    struct hf_audit_statistics statistics;
    assert_int_equal(hf_audit_statistics(world.audit, &statistics), HF_OK);
    return statistics;
}

void world_fail(enum hf_sim_file_call call, uint64_t skip, uint64_t count, int error)
{
    struct hf_sim_file_fault fault = {.skip = skip, .count = count, .error = error};
    assert_int_equal(hf_sim_files_fail(world.disk, call, &fault), HF_OK);
}

void world_heal(void)
{
    for (int call = 0; call < HF_SIM_FILE_CALLS; call++)
        assert_int_equal(hf_sim_files_fail(world.disk, (enum hf_sim_file_call)call, NULL), HF_OK);
}

void world_write(const char *path, const char *content)
{
    intptr_t file;
    uint64_t size_bytes;
    size_t written;
    assert_int_equal(world.files.open(world.files.context, path, &file, &size_bytes), 0);
    assert_int_equal(
        world.files.append(world.files.context, file, content, strlen(content), &written), 0);
    assert_int_equal(world.files.close(world.files.context, file), 0);
}

bool world_has(const char *path)
{
    size_t got;
    return hf_sim_files_read(world.disk, path, 0, NULL, 0, &got) == HF_OK;
}
