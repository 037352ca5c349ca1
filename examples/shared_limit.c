/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <holdfast/holdfast.h>

/* Five logins a minute for each user, whichever worker they meet, and whatever becomes of it. */
static struct hf_limiter *open_limits(const char *path)
{
    const struct hf_limiter_options options = {.quota = hf_quota_per_minute(5)};
    const struct hf_limiter_file file = {.path = path};
    struct hf_limiter *limiter;
    struct hf_error error = {0};
    if (hf_limiter_open(&limiter, &options, &file, &error) != HF_OK) {
        fprintf(stderr, "%s\n", hf_error_text(&error));
        exit(1);
    }
    return limiter;
}

static void work(const char *path, int number)
{
    struct hf_limiter *limiter = open_limits(path);
    int admitted = 0;
    for (int login = 0; login < 4; login++)
        admitted += hf_limiter_check(limiter, hf_bytes("alice", 5), 1, NULL) == HF_OK;
    printf("worker %d: %d of 4\n", number, admitted);
    fflush(stdout);
    /* Like one that is killed: it never frees its limiter. */
    _exit(0);
}

int main(void)
{
    char path[64];
    snprintf(path, sizeof(path), "/tmp/holdfast-example-%ld", (long)getpid());
    for (int number = 1; number <= 3; number++) {
        if (fork() == 0)
            work(path, number);
        wait(NULL);
    }
    struct hf_limiter *limiter = open_limits(path);
    struct hf_decision decision;
    enum hf_status status = hf_limiter_check(limiter, hf_bytes("bob", 3), 1, &decision);
    printf("bob: %s, %llu left\n", hf_status_str(status), (unsigned long long)decision.remaining);
    hf_limiter_free(limiter);
    remove(path);
}
