/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/file_crowd.h"
#include "support/table_check.h"

/* One of so many cells is given back. */
#define GIVE_BACK 8

struct file_crowd *crowd;

/* One home line: every key may have every slot, so that one that is lost shows. */
int file_crowd_make(void **state)
{
    file_world_make(state);
    machine->options.keys_max = 1;
    machine->options.quota = (struct hf_quota){
        .count = 1,
        .period_ns = CROWD_CELL_STEPS * CROWD_STEP_NS,
    };
    crowd = mmap(NULL, sizeof(*crowd), PROT_READ | PROT_WRITE,
        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return crowd == MAP_FAILED ? -1 : 0;
}

int file_crowd_remove(void **state)
{
    munmap(crowd, sizeof(*crowd));
    return file_world_remove(state);
}

static enum hf_status ask(struct hf_limiter *limiter, uint64_t key, uint64_t now_ns)
{
    return hf_limiter_check_at(limiter, hf_bytes(&key, sizeof(key)), 1, now_ns, NULL);
}

/* Counted after the admission and before the return: whoever dies in between has at most counted
 * one too few. */
static void ask_for(struct hf_limiter *limiter, uint64_t request)
{
    uint64_t key = request / CROWD_ASKS;
    uint64_t now_ns = FILE_WORLD_START_NS + key * CROWD_STEP_NS;
    hf_max_seq(&machine->clock.now_ns, now_ns);
    if (ask(limiter, key, now_ns) != HF_OK)
        return;
    hf_add_relaxed(&crowd->cells, 1);
    if (hf_add_seq(&crowd->admitted[key], 1) != 0)
        hf_add_relaxed(&crowd->doubles, 1);
    if (request % GIVE_BACK != 0)
        return;
    hf_add_seq(&crowd->admitted[key], UINT64_MAX);
    hf_add_relaxed(&crowd->given_back, 1);
    struct hf_bytes name = hf_bytes(&key, sizeof(key));
    assert_int_equal(hf_limiter_refund_at(limiter, name, 1, NULL, now_ns), HF_OK);
}

void file_crowd_work(struct hf_limiter *limiter, uint64_t asks)
{
    for (uint64_t done = 0; done < asks && !hf_load_relaxed(&crowd->stop); done++) {
        uint64_t request = hf_add_seq(&crowd->front, 1);
        if (request / CROWD_ASKS < CROWD_KEYS_MAX)
            ask_for(limiter, request);
        else
            sched_yield();
    }
}

pid_t file_crowd_hire(struct hf_limiter *inherited)
{
    pid_t child = file_world_fork();
    if (child == 0) {
        hf_limiter_free(inherited);
        struct hf_limiter *limiter = file_world_open();
        file_crowd_work(limiter, UINT64_MAX);
        hf_limiter_free(limiter);
        _exit(0);
    }
    return child;
}

void file_crowd_check(struct hf_limiter *limiter)
{
    uint64_t slots = hf_table_slots(&limiter->table);
    uint64_t later_ns = hf_clock_now_ns(&limiter->clock) + HF_SECONDS(1);
    assert_int_equal(hf_limiter_recover(limiter, NULL), HF_OK);
    table_check_after_death(&limiter->table);
    for (uint64_t key = 0; key < slots; key++)
        assert_int_equal(ask(limiter, CROWD_KEYS_MAX + key, later_ns), HF_OK);
    for (uint64_t key = 0; key < slots; key++)
        assert_int_equal(ask(limiter, CROWD_KEYS_MAX + key, later_ns), HF_DENIED);
    assert_int_equal(ask(limiter, 2 * CROWD_KEYS_MAX, later_ns), HF_FULL);
    table_check_after_death(&limiter->table);
    assert_int_equal(crowd->doubles, 0);
}
