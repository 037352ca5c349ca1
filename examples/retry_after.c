/* SPDX-License-Identifier: MIT */
/* The loop of retry_before.c, left to a guard. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <holdfast/holdfast.h>

/* A job that fails `failures` times with `error` before it works. */
struct job {
    const char *name;
    int error;
    unsigned failures;
};

static struct hf_outcome run(void *context, const struct hf_attempt *attempt)
{
    const struct job *job = context;
    int error = attempt->number <= job->failures ? job->error : 0;
    printf("%s: try %u: %s\n", job->name, (unsigned)attempt->number,
        error ? strerror(error) : "works");
    return hf_outcome_from_errno(error);
}

int main(void)
{
    struct hf_retry_options retry = {
        .attempts_max = 4,
        .delay = {.base_ns = HF_MS(10), .delay_max_ns = HF_MS(200)},
        .elapsed_max_ns = HF_MS(500),
    };
    struct hf_guard_options options = {.retry = &retry};
    struct hf_guard *guard;
    if (hf_guard_new(&guard, &options, NULL) != HF_OK)
        return 1;
    struct job jobs[] = {{"flaky", ECONNRESET, 2}, {"wrong", EACCES, 9}, {"down", ECONNREFUSED, 9}};
    for (size_t index = 0; index < sizeof(jobs) / sizeof(jobs[0]); index++) {
        enum hf_status status = hf_guard_call(guard, NULL, run, &jobs[index], NULL);
        printf("%s: %s\n", jobs[index].name, status == HF_OK ? "done" : "given up");
    }
    hf_guard_free(guard);
}
