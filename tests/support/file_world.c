/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/file_world.h"

struct file_world *machine;

int file_world_make(void **state)
{
    (void)state;
    machine =
        mmap(NULL, sizeof(*machine), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(machine != MAP_FAILED);
    machine->descriptor = memfd_create("holdfast-test", 0);
    assert_true(machine->descriptor >= 0);
    snprintf(machine->path, sizeof(machine->path), "/proc/self/fd/%d", machine->descriptor);
    snprintf(machine->boot, sizeof(machine->boot), "1");
    hf_manual_clock_init(&machine->clock, FILE_WORLD_START_NS);
    hf_manual_clock_init(&machine->wall, FILE_WORLD_WALL_NS);
    machine->options = (struct hf_limiter_options){
        .quota = hf_quota_with_burst(hf_quota_per_second(10), 5),
        .keys_max = 100,
        .clock = hf_manual_clock(&machine->clock),
    };
    machine->file = (struct hf_limiter_file){
        .path = machine->path,
        .wall_clock = hf_manual_wall_clock(&machine->wall),
        .boot = machine->boot,
    };
    return 0;
}

int file_world_remove(void **state)
{
    (void)state;
    close(machine->descriptor);
    munmap(machine, sizeof(*machine));
    return 0;
}

void file_world_advance(uint64_t duration_ns)
{
    hf_manual_clock_advance(&machine->clock, duration_ns);
    hf_manual_clock_advance(&machine->wall, duration_ns);
}

void file_world_restart(uint64_t wall_ns)
{
    snprintf(machine->boot, sizeof(machine->boot), "%d", atoi(machine->boot) + 1);
    hf_manual_clock_init(&machine->clock, HF_SECONDS(7));
    hf_manual_clock_init(&machine->wall, wall_ns);
}

struct hf_limiter *file_world_open(void)
{
    struct hf_limiter *limiter = NULL;
    struct hf_error error = {0};
    if (hf_limiter_open(&limiter, &machine->options, &machine->file, &error) != HF_OK)
        fail_msg("%s", hf_error_text(&error));
    assert_non_null(limiter);
    return limiter;
}

enum hf_status file_world_refusal(struct hf_error *error)
{
    struct hf_limiter untouched;
    struct hf_limiter *limiter = &untouched;
    hf_error_clear(error);
    enum hf_status status = hf_limiter_open(&limiter, &machine->options, &machine->file, error);
    assert_null(limiter);
    assert_int_not_equal(status, HF_OK);
    assert_int_equal(error->count, 1);
    assert_int_equal(error->causes[0].status, status);
    return status;
}

void file_world_die(struct hf_limiter *limiter)
{
    struct hf_attachment *attachment = limiter->attachment;
    attachment->owners.mine = 0;
    hf_attachment_free(attachment);
}

enum hf_status file_world_ask(struct hf_limiter *limiter, const char *key)
{
    return hf_limiter_check(limiter, hf_bytes(key, strlen(key)), 1, NULL);
}

uint64_t file_world_drain(struct hf_limiter *limiter, const char *key)
{
    uint64_t cells = 0;
    while (file_world_ask(limiter, key) == HF_OK)
        cells++;
    return cells;
}

pid_t file_world_fork(void)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    return child;
}

int file_world_answer(pid_t child)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}
