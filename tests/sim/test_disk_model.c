/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scale.h"
#include "support/files.h"
#include "support/sim_disk.h"

/*
 * The model: each file twice in full, and every state of the names since the last sync. What a
 * crash leaves must be one of the states that the model allows.
 */
#define PATHS 3
#define TEXT_MAX 64
#define OPERATIONS 24

struct model_file {
    char seen[TEXT_MAX];
    char platter[TEXT_MAX];
    size_t common; /* How far a truncation has left them the same. */
};

struct model_names {
    int files[PATHS]; /* Index into the files, -1: no file has that path. */
};

struct model {
    struct model_file files[PATHS + OPERATIONS];
    int files_count;
    struct model_names states[OPERATIONS + 1]; /* From what is on the disk to what is seen. */
    int states_count;
};

static const char *const model_paths[PATHS] = {"a", "b", "c"};

static struct model_names *seen_names(struct model *model)
{
    return &model->states[model->states_count - 1];
}

static struct model_names *changed_names(struct model *model)
{
    model->states[model->states_count] = *seen_names(model);
    return &model->states[model->states_count++];
}

static struct model_file *model_open(struct model *model, size_t path)
{
    if (seen_names(model)->files[path] < 0) {
        changed_names(model)->files[path] = model->files_count;
        model->files[model->files_count++] = (struct model_file){{0}, {0}, 0};
    }
    return &model->files[seen_names(model)->files[path]];
}

static void model_append(struct model *model, size_t path, const char *text)
{
    struct model_file *file = model_open(model, path);
    intptr_t handle = files_open(model_paths[path], strlen(file->seen));
    if (strlen(file->seen) + strlen(text) < TEXT_MAX) {
        files_append(handle, text);
        memcpy(file->seen + strlen(file->seen), text, strlen(text) + 1);
    }
    files_close(handle);
}

static void model_truncate(struct model *model, size_t path, uint64_t choice)
{
    struct model_file *file = model_open(model, path);
    intptr_t handle = files_open(model_paths[path], strlen(file->seen));
    size_t length = (size_t)(choice % (strlen(file->seen) + 1));
    assert_int_equal(files_under_test->truncate(files_under_test->context, handle, length), 0);
    memset(file->seen + length, 0, TEXT_MAX - length);
    if (length < file->common)
        file->common = length;
    files_close(handle);
}

static void model_sync(struct model *model, size_t path)
{
    struct model_file *file = model_open(model, path);
    intptr_t handle = files_open(model_paths[path], strlen(file->seen));
    files_sync(handle);
    files_close(handle);
    memcpy(file->platter, file->seen, TEXT_MAX);
    file->common = strlen(file->seen);
    model->states[0] = *seen_names(model);
    model->states_count = 1;
}

static void model_rename(struct model *model, size_t from, size_t to)
{
    const struct model_names *names = seen_names(model);
    int code =
        files_under_test->rename(files_under_test->context, model_paths[from], model_paths[to]);
    if (names->files[from] < 0)
        assert_int_equal(code, ENOENT);
    else if (names->files[to] >= 0)
        assert_int_equal(code, EEXIST);
    else {
        assert_int_equal(code, 0);
        struct model_names *changed = changed_names(model);
        changed->files[to] = changed->files[from];
        changed->files[from] = -1;
    }
}

static void model_remove(struct model *model, size_t path)
{
    int code = files_under_test->remove(files_under_test->context, model_paths[path]);
    assert_int_equal(code, seen_names(model)->files[path] < 0 ? ENOENT : 0);
    if (code == 0)
        changed_names(model)->files[path] = -1;
}

static void model_operate(struct model *model, const struct hf_random *random)
{
    static const char *const texts[] = {"one.", "three.", "x", ""};
    size_t path = (size_t)hf_random_below(random, PATHS);
    switch (hf_random_below(random, 8)) {
    case 0:
        model_sync(model, path);
        break;
    case 1:
        model_rename(model, path, (size_t)hf_random_below(random, PATHS));
        break;
    case 2:
        model_remove(model, path);
        break;
    case 3:
        model_truncate(model, path, hf_random_below(random, TEXT_MAX));
        break;
    default:
        model_append(model, path, texts[hf_random_below(random, 4)]);
    }
}

static bool may_be_left(const struct model_file *file, enum hf_sim_crash how, const char *content)
{
    if (how == HF_SIM_CRASH_KEEP)
        return strcmp(content, file->seen) == 0;
    if (strcmp(content, file->platter) == 0)
        return true;
    bool in_part =
        strlen(content) >= file->common && strncmp(content, file->seen, strlen(content)) == 0;
    return how == HF_SIM_CRASH_TEAR && in_part;
}

/* What the disk has now. */
struct observed {
    char content[PATHS][TEXT_MAX];
    bool present[PATHS];
};

static struct observed observe(void)
{
    struct observed observed;
    memset(&observed, 0, sizeof(observed));
    for (size_t path = 0; path < PATHS; path++) {
        size_t got;
        observed.present[path] = hf_sim_files_read(disk_under_test, model_paths[path], 0,
                                     observed.content[path], TEXT_MAX - 1, &got) == HF_OK;
    }
    return observed;
}

static bool state_allows(
    const struct model *model, int state, enum hf_sim_crash how, const struct observed *observed)
{
    for (size_t path = 0; path < PATHS; path++) {
        int file = model->states[state].files[path];
        if (observed->present[path] != (file >= 0))
            return false;
        if (file >= 0 && !may_be_left(&model->files[file], how, observed->content[path]))
            return false;
    }
    return true;
}

static bool model_allows(
    const struct model *model, enum hf_sim_crash how, const struct observed *observed)
{
    int from = how == HF_SIM_CRASH_KEEP ? model->states_count - 1 : 0;
    int to = how == HF_SIM_CRASH_LOSE ? 0 : model->states_count - 1;
    for (int state = from; state <= to; state++)
        if (state_allows(model, state, how, observed))
            return true;
    return false;
}

/* After a crash of the machine, what is left is both seen and on the disk. */
static void adopt(struct model *model, const struct observed *observed)
{
    memset(model, 0, sizeof(*model));
    model->states_count = 1;
    for (size_t path = 0; path < PATHS; path++) {
        model->states[0].files[path] = -1;
        if (!observed->present[path])
            continue;
        struct model_file *file = &model->files[model->files_count];
        memcpy(file->seen, observed->content[path], TEXT_MAX);
        memcpy(file->platter, observed->content[path], TEXT_MAX);
        file->common = strlen(file->seen);
        model->states[0].files[path] = model->files_count++;
    }
}

static void crash_and_compare(
    struct model *model, enum hf_sim_crash how, uint64_t seed, size_t round)
{
    hf_sim_files_crash(disk_under_test, how);
    struct observed observed = observe();
    if (!model_allows(model, how, &observed))
        fail_msg("crash %d of seed %llu, round %zu left what it may not", (int)how,
            (unsigned long long)seed, round);
    if (how == HF_SIM_CRASH_KEEP) {
        hf_sim_files_crash(disk_under_test, HF_SIM_CRASH_LOSE);
        observed = observe();
        assert_true(model_allows(model, HF_SIM_CRASH_LOSE, &observed));
    }
    adopt(model, &observed);
}

static void whatever_a_crash_leaves_the_model_allows(void **state)
{
    (void)state;
    static struct model model;
    for (uint64_t seed = 1; seed <= test_scaled(300); seed++) {
        struct hf_splitmix splitmix;
        hf_splitmix_init(&splitmix, seed);
        struct hf_random random = hf_splitmix_random(&splitmix);
        assert_int_equal(hf_sim_files_new(&disk_under_test,
                             &(struct hf_sim_files_options){.random = random}, NULL),
            HF_OK);
        disk_put_under_test(disk_under_test);
        adopt(&model, &(struct observed){.present = {false}});
        for (size_t round = 0; round < 10; round++) {
            for (size_t operation = 0; operation < OPERATIONS; operation++)
                model_operate(&model, &random);
            enum hf_sim_crash how = (enum hf_sim_crash)hf_random_below(&random, 3);
            crash_and_compare(&model, how, seed, round);
        }
        hf_sim_files_free(disk_under_test);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_a_crash_leaves_the_model_allows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
