/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/atomic.h"
#include "cli/exposition.h"
#include "cli/gateway.h"
#include "cli/worker.h"

/* How often it looks whether the workers have ended. */
#define LOOK_NS HF_MS(20)

static const struct hf_allocator *allocator(
    const struct gateway *gateway, enum memory_subsystem subsystem)
{
    return memory_allocator(&gateway->memory, subsystem);
}

static enum hf_status check_upstream(const char *upstream, struct hf_error *error)
{
    if (strlen(upstream) > GATEWAY_UPSTREAM_BYTES_MAX)
        return hf_error_add(error, HF_INVALID, 0, "--upstream: %zu bytes are more than %zu",
            strlen(upstream), GATEWAY_UPSTREAM_BYTES_MAX);
    bool known = strncmp(upstream, "http://", 7) == 0 || strncmp(upstream, "https://", 8) == 0;
    if (!known || strpbrk(upstream, " ?#") || upstream[strlen(upstream) - 1] == '/')
        return hf_error_add(error, HF_INVALID, 0,
            "--upstream: '%s' is not a URL such as http://127.0.0.1:9000 (no slash at its end)",
            upstream);
    CURLU *url = curl_url();
    CURLUcode code = url ? curl_url_set(url, CURLUPART_URL, upstream, 0) : CURLUE_OUT_OF_MEMORY;
    curl_url_cleanup(url);
    if (code != CURLUE_OK)
        return hf_error_add(error, HF_INVALID, (int32_t)code, "--upstream: '%s' is not a URL: %s",
            upstream, curl_url_strerror(code));
    return HF_OK;
}

/* Besides connections: the listener, its copies, polls, pipes, the audit log, metrics. */
#define FILES_BESIDES 64
#define FILES_A_WORKER 16

/* Running out of files in the middle would look like an upstream that is down. */
static enum hf_status allow_files(struct gateway *gateway, struct hf_error *error)
{
    const struct gateway_options *options = &gateway->options;
    uint64_t needed = options->connections_max + FILES_BESIDES +
                      options->workers * (options->upstream_connections_max + FILES_A_WORKER);
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed)
        return HF_OK;
    uint64_t allowed = limit.rlim_max;
    limit.rlim_cur = needed;
    if (allowed >= needed && setrlimit(RLIMIT_NOFILE, &limit) == 0)
        return HF_OK;
    return hf_error_add(error, HF_IO, EMFILE,
        "--connections: %" PRIu64 " and what belongs to them need %" PRIu64
        " open files, but only %" PRIu64 " are allowed",
        options->connections_max, needed, allowed);
}

static enum hf_status open_audit(struct gateway *gateway, struct hf_error *error)
{
    const struct hf_audit_options options = {
        .directory = gateway->options.audit_directory,
        .prefix = "proxy",
        .full_policy = gateway->options.audit_full_policy,
        .allocator = allocator(gateway, MEMORY_AUDIT),
    };
    if (!options.directory)
        return HF_OK;
    enum hf_status status = hf_hash_seed_system(&gateway->audit_seed, error);
    return status == HF_OK ? hf_audit_open(&gateway->audit, &options, error) : status;
}

static enum hf_status make_limits(struct gateway *gateway, struct hf_error *error)
{
    const struct gateway_options *options = &gateway->options;
    const struct hf_limiter_options limiter = {
        .quota = options->quota,
        .keys_max = options->keys_max,
        .full_policy = options->full_policy,
        .clock = gateway->clock,
        .allocator = allocator(gateway, MEMORY_LIMITER),
    };
    enum hf_status status = hf_limiter_new(&gateway->limiter, &limiter, error);
    if (status == HF_OK && options->quota_global.count)
        status = hf_gate_init(&gateway->gate, &options->quota_global, error);
    return status;
}

static enum hf_status make_breaker(struct gateway *gateway, struct hf_error *error)
{
    struct hf_breaker_options options = gateway->options.breaker;
    options.allocator = allocator(gateway, MEMORY_BREAKER);
    return hf_breaker_new(&gateway->breaker, &options, error);
}

static enum hf_status make_metrics(struct gateway *gateway, struct hf_error *error)
{
    const struct hf_metrics_options options = {
        .allocator = allocator(gateway, MEMORY_METRICS),
    };
    enum hf_status status = hf_metrics_new(&gateway->metrics, &options, error);
    if (status == HF_OK)
        status = memory_watch(&gateway->memory, gateway->metrics, error);
    return status;
}

static enum hf_status make_inbound(struct gateway *gateway, struct hf_error *error)
{
    const struct hf_guard_options options = {
        .name = "inbound",
        .limiter = gateway->limiter,
        .gate = gateway->options.quota_global.count ? &gateway->gate : NULL,
        .audit = gateway->audit,
        .audit_events = HF_GUARD_AUDIT_ADMITTED | HF_GUARD_AUDIT_DENIED,
        .audit_keys = gateway->options.audit_keys,
        .audit_seed = &gateway->audit_seed,
        .metrics = gateway->metrics,
        .clock = gateway->clock,
        .allocator = allocator(gateway, MEMORY_GUARD),
    };
    return hf_guard_new(&gateway->inbound, &options, error);
}

static enum hf_status make_outbound(struct gateway *gateway, struct hf_error *error)
{
    const struct hf_guard_options options = {
        .name = "outbound",
        .breaker = gateway->breaker,
        .retry = &gateway->options.retry,
        .audit = gateway->audit,
        .audit_keys = gateway->options.audit_keys,
        .audit_seed = &gateway->audit_seed,
        .metrics = gateway->metrics,
        .clock = gateway->clock,
        .allocator = allocator(gateway, MEMORY_GUARD),
    };
    return hf_guard_new(&gateway->outbound, &options, error);
}

static enum hf_status make_endpoint(struct gateway *gateway, struct hf_error *error)
{
    const struct hf_mhd_options options = {
        .guard = gateway->inbound,
        .key = gateway->options.key,
        .answer = {.dialect = gateway->options.dialect, .quota = gateway->options.quota},
        .clock = gateway->clock,
        .allocator = allocator(gateway, MEMORY_GUARD),
    };
    return hf_mhd_new(&gateway->endpoint, &options, error);
}

static enum hf_status open_listener(struct gateway *gateway, struct hf_error *error)
{
    return socket_listen(
        "listen", gateway->options.listen, &gateway->listener, gateway->address, error);
}

static enum hf_status open_exposition(struct gateway *gateway, struct hf_error *error)
{
    if (!gateway->options.metrics)
        return HF_OK;
    gateway->exposition = exposition_start(
        gateway->options.metrics, gateway->metrics, gateway->metrics_address, error);
    return gateway->exposition ? HF_OK : HF_IO;
}

static enum hf_status start_workers(struct gateway *gateway, struct hf_error *error)
{
    for (uint64_t i = 0; i < gateway->options.workers; i++) {
        enum hf_status status = worker_start(&gateway->workers[i], gateway, error);
        if (status != HF_OK)
            return status;
    }
    return HF_OK;
}

/* In this order each step finds what it needs; gateway_stop undoes them backwards. */
static enum hf_status (*const steps[])(struct gateway *gateway, struct hf_error *error) = {
    allow_files,
    open_audit,
    make_limits,
    make_breaker,
    make_metrics,
    make_inbound,
    make_outbound,
    make_endpoint,
    open_listener,
    open_exposition,
    start_workers,
};

void gateway_drain(struct gateway *gateway, uint64_t drain_ns)
{
    hf_store_release(&gateway->stop_by_ns, hf_clock_now_ns(&gateway->clock) + drain_ns);
    for (uint64_t i = 0; i < GATEWAY_WORKERS_MAX && gateway->workers[i]; i++)
        worker_wake(gateway->workers[i]);
    /* The workers close theirs: whoever connects now is to be refused, not left waiting. */
    if (gateway->listener >= 0)
        close(gateway->listener);
    gateway->listener = -1;
}

static bool workers_ended(const struct gateway *gateway)
{
    for (uint64_t i = 0; i < GATEWAY_WORKERS_MAX && gateway->workers[i]; i++)
        if (!worker_ended(gateway->workers[i]))
            return false;
    return true;
}

/* A worker that waits for a disk which is full does not see that its time is over. */
static void end_waits(struct gateway *gateway)
{
    uint64_t stop_by_ns = hf_load_relaxed(&gateway->stop_by_ns);
    if (gateway->audit && hf_clock_now_ns(&gateway->clock) >= stop_by_ns)
        (void)hf_audit_set_full_policy(gateway->audit, HF_AUDIT_DROP);
}

bool gateway_drained(struct gateway *gateway)
{
    bool ended = workers_ended(gateway);
    if (!ended)
        end_waits(gateway);
    return ended;
}

static uint64_t join_workers(struct gateway *gateway)
{
    const struct timespec nap = {.tv_nsec = LOOK_NS};
    uint64_t cut_off = 0;
    /* Only such a wait needs somebody to look after it. */
    while (gateway->options.audit_full_policy == HF_AUDIT_BLOCK && !gateway_drained(gateway))
        nanosleep(&nap, NULL);
    for (uint64_t i = 0; i < GATEWAY_WORKERS_MAX && gateway->workers[i]; i++)
        cut_off += worker_join(gateway->workers[i]);
    return cut_off;
}

enum hf_status gateway_stop(struct gateway *gateway, uint64_t drain_ns)
{
    uint64_t lost_records = 0;
    gateway_drain(gateway, drain_ns);
    uint64_t lost = join_workers(gateway);
    if (gateway->exposition)
        MHD_stop_daemon(gateway->exposition);
    hf_mhd_free(gateway->endpoint);
    hf_guard_free(gateway->outbound);
    hf_guard_free(gateway->inbound);
    hf_metrics_free(gateway->metrics);
    hf_breaker_free(gateway->breaker);
    hf_limiter_free(gateway->limiter);
    hf_audit_close(gateway->audit, gateway->options.audit_close_ns, &lost_records);
    memory_close(&gateway->memory);
    free(gateway);
    curl_global_cleanup();
    return lost + lost_records == 0 ? HF_OK : HF_LOST;
}

enum hf_status gateway_start(
    struct gateway **gateway, const struct gateway_options *options, struct hf_error *error)
{
    *gateway = NULL;
    enum hf_status status = check_upstream(options->upstream, error);
    if (status != HF_OK)
        return status;
    struct gateway *made = calloc(1, sizeof *made);
    if (!made)
        return hf_error_add(error, HF_NO_MEMORY, 0, "gateway: no memory");
    made->options = *options;
    made->clock = hf_clock_monotonic();
    made->listener = -1;
    made->content.bytes_max = options->memory_bytes_max;
    memory_open(&made->memory);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (size_t i = 0; status == HF_OK && i < sizeof steps / sizeof steps[0]; i++)
        status = steps[i](made, error);
    if (status == HF_OK)
        *gateway = made;
    else
        (void)gateway_stop(made, 0);
    return status;
}
