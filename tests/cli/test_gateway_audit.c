/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <pthread.h>
#include <sys/resource.h>

#include <holdfast/curl.h>
#include <holdfast/jemalloc.h>
#include <holdfast/mhd.h>

#include "audit/audit.h"
#include "cli/gateway_world.h"

/*
 * A gateway that has to write down every request, and a disk that is full: no file may grow past
 * FILE_BYTES. Requests bring keys so long that the audit log's lanes are full before all of them
 * are served.
 */
#define FILE_BYTES ((rlim_t)64 * 1024)
#define KEY_BYTES 900
#define REQUESTS (2 * HF_AUDIT_LANES * 256 * 1024 / KEY_BYTES)

static char directory[] = "/tmp/holdfast-gateway-XXXXXX";
static struct gateway *blocking;

/* RLIM_INFINITY: as large as they may be. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int make_blocking(void **state)
{
    make_world(state);
    signal(SIGXFSZ, SIG_IGN);
    memcpy(directory + sizeof(directory) - 7, "XXXXXX", 6);
    assert_non_null(mkdtemp(directory));
    struct gateway_options options = options_for(world.upstream->url);
    options.quota = (struct hf_quota){.count = 1, .period_ns = HF_SECONDS(3600)};
    options.key = (struct hf_http_key_options){.kind = HF_HTTP_KEY_HEADER, .header = "X-Key"};
    options.workers = 1;
    options.receive_timeout_ns = options.idle_timeout_ns = HF_SECONDS(1000);
    options.audit_directory = directory;
    options.audit_full_policy = HF_AUDIT_BLOCK;
    options.audit_close_ns = HF_MS(100);
    assert_int_equal(gateway_start(&blocking, &options, NULL), HF_OK);
    limit_files(FILE_BYTES);
    return 0;
}

static int unmake_blocking(void **state)
{
    limit_files(RLIM_INFINITY);
    DIR *opened = opendir(directory);
    struct dirent *entry;
    while (opened && (entry = readdir(opened)))
        unlinkat(dirfd(opened), entry->d_name, 0);
    closedir(opened);
    rmdir(directory);
    return unmake_world(state);
}

/* Asks one after the other, until one is not answered. Gives how many were. */
static void *ask_many(void *context)
{
    size_t *answered = context;
    char text[KEY_BYTES + 128];
    char answer[4096];
    int fd = raw_connect(blocking->address);
    snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: x\r\nX-Key: %0*d\r\n\r\n", KEY_BYTES, 1);
    for (*answered = 0; *answered < REQUESTS; (*answered)++) {
        raw_send(fd, text);
        if (recv(fd, answer, sizeof(answer), 0) <= 0)
            break;
    }
    close(fd);
    return NULL;
}

/* Asks until the gateway waits for the disk. */
static void fill(pthread_t *thread, size_t *answered)
{
    assert_int_equal(pthread_create(thread, NULL, ask_many, answered), 0);
    while (hf_load_seq(&blocking->audit->waiting.waiters) == 0)
        usleep(1000);
}

static void requests_wait_for_a_full_disk_and_go_on_when_there_is_room(void **state)
{
    (void)state;
    pthread_t thread;
    size_t answered;
    fill(&thread, &answered);
    limit_files(RLIM_INFINITY);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(answered, REQUESTS);
    assert_int_equal(hf_audit_flush(blocking->audit, UINT64_MAX), HF_OK);
    assert_int_equal(gateway_stop(blocking, HF_SECONDS(10)), HF_OK);
}

static void a_full_disk_keeps_no_gateway_from_ending(void **state)
{
    (void)state;
    pthread_t thread;
    size_t answered;
    fill(&thread, &answered);
    assert_int_equal(gateway_stop(blocking, HF_MS(1)), HF_LOST);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(answered < REQUESTS);
}

/* As the program ends, which may be told to be quicker. */
static void a_full_disk_keeps_no_drain_from_ending(void **state)
{
    (void)state;
    pthread_t thread;
    size_t answered;
    fill(&thread, &answered);
    gateway_drain(blocking, HF_SECONDS(1000));
    assert_false(gateway_drained(blocking));
    gateway_drain(blocking, 0);
    while (!gateway_drained(blocking))
        usleep(1000);
    assert_int_equal(gateway_stop(blocking, 0), HF_LOST);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

#define WHILE_BLOCKING(test) cmocka_unit_test_setup_teardown(test, make_blocking, unmake_blocking)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WHILE_BLOCKING(requests_wait_for_a_full_disk_and_go_on_when_there_is_room),
        WHILE_BLOCKING(a_full_disk_keeps_no_gateway_from_ending),
        WHILE_BLOCKING(a_full_disk_keeps_no_drain_from_ending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
