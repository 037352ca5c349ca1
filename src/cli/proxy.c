/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/complaint.h"
#include "cli/gateway.h"
#include "cli/options.h"

/* The subcommand's settings: the gateway's, and what is read from the command line for them. */
struct proxy_settings {
    struct gateway_options gateway;
    struct network_list trusted;
    const char *key;
    const char *dialect;
    const char *audit_keys; /* NULL: by the kind of key. */
    uint64_t burst;
    uint64_t burst_global;
    uint64_t attempts;
    uint64_t prefix4;
    uint64_t prefix6;
    uint64_t failures;
    uint64_t failure_rate;
    uint64_t drain_ns;
    bool audit_block;
    bool full_admit;
    bool json;
};

static const struct proxy_settings defaults = {
    .gateway =
        {
            .listen = "127.0.0.1:8080",
            .quota = {.count = 50, .period_ns = HF_SECONDS(1)},
            .keys_max = 65536,
            .audit_close_ns = HF_SECONDS(5),
            .body_bytes_max = UINT64_C(8) << 20,
            .answer_bytes_max = UINT64_C(64) << 20,
            .memory_bytes_max = UINT64_C(256) << 20,
            .timeout_ns = HF_SECONDS(30),
            .retry =
                {
                    .delay = {.base_ns = HF_MS(50), .delay_max_ns = HF_SECONDS(2)},
                    .attempt_timeout_ns = HF_SECONDS(10),
                    .retry_after_max_ns = HF_SECONDS(5),
                },
            .breaker = {.open =
                            {
                                .base_ns = HF_SECONDS(5),
                                .delay_max_ns = HF_SECONDS(60),
                                .jitter = HF_JITTER_NONE,
                            }},
            .connections_max = 1024,
            .upstream_connections_max = 64,
            .idle_timeout_ns = HF_SECONDS(30),
            .receive_timeout_ns = HF_SECONDS(60),
            .send_timeout_ns = HF_SECONDS(300),
            .workers = 1,
        },
    .key = "peer",
    .dialect = "draft",
    .attempts = 3,
    .failures = 5,
    .drain_ns = HF_SECONDS(10),
};

#define COUNT_MAX UINT32_MAX
#define SIZE_MAX_BYTES (UINT64_C(1) << 32)
#define DURATION_MAX_NS (HF_SECONDS(86400) * 365)

#define ENTRIES_MAX 48

/* Requests in. */
static size_t add_inbound(struct proxy_settings *settings, struct option_entry *entries)
{
    struct gateway_options *g = &settings->gateway;
    const struct option_entry own[] = {
        {"listen", OPTION_TEXT, &g->listen, 0, 0, "ADDRESS",
            "where to take requests (127.0.0.1:8080)"},
        {"upstream", OPTION_TEXT, &g->upstream, 0, 0, "URL", "where to pass them on; required"},
        {"rate", OPTION_RATE, &g->quota, 0, 0, "N/PERIOD", "each key's rate (50/s)"},
        {"burst", OPTION_NUMBER, &settings->burst, 1, COUNT_MAX, "N",
            "each key's burst (as the rate)"},
        {"global-rate", OPTION_RATE, &g->quota_global, 0, 0, "N/PERIOD",
            "all keys' together (none)"},
        {"global-burst", OPTION_NUMBER, &settings->burst_global, 1, COUNT_MAX, "N", "their burst"},
        {"key", OPTION_TEXT, &settings->key, 0, 0, "KIND",
            "peer, forwarded, header:NAME or global (peer)"},
        {"trust", OPTION_NETWORK, &settings->trusted, 0, 0, "CIDR",
            "a proxy to believe; may repeat"},
        {"prefix4", OPTION_NUMBER, &settings->prefix4, 1, 32, "BITS",
            "IPv4 clients share a key by (32)"},
        {"prefix6", OPTION_NUMBER, &settings->prefix6, 1, 128, "BITS",
            "IPv6 clients share a key by (64)"},
        {"keys", OPTION_NUMBER, &g->keys_max, 1, COUNT_MAX, "N",
            "live keys to make room for (65536)"},
        {"full-admit", OPTION_FLAG, &settings->full_admit, 0, 0, NULL,
            "admit new keys when there is no room"},
        {"headers", OPTION_TEXT, &settings->dialect, 0, 0, "DIALECT",
            "draft, triple, x-triple or none (draft)"},
    };
    memcpy(entries, own, sizeof own);
    return sizeof own / sizeof own[0];
}

/* Requests out. */
static size_t add_outbound(struct proxy_settings *settings, struct option_entry *entries)
{
    struct gateway_options *g = &settings->gateway;
    const struct option_entry own[] = {
        {"timeout", OPTION_DURATION, &g->timeout_ns, HF_MS(1), DURATION_MAX_NS, "TIME",
            "for a request, retries included (30s)"},
        {"attempts", OPTION_NUMBER, &settings->attempts, 1, 100, "N", "tries in all (3)"},
        {"attempt-timeout", OPTION_DURATION, &g->retry.attempt_timeout_ns, HF_MS(1),
            DURATION_MAX_NS, "TIME", "for each try (10s)"},
        {"delay", OPTION_DURATION, &g->retry.delay.base_ns, HF_US(1), DURATION_MAX_NS, "TIME",
            "before the first retry (50ms)"},
        {"delay-max", OPTION_DURATION, &g->retry.delay.delay_max_ns, HF_US(1), DURATION_MAX_NS,
            "TIME", "before any retry (2s)"},
        {"retry-after-max", OPTION_DURATION, &g->retry.retry_after_max_ns, HF_MS(1),
            DURATION_MAX_NS, "TIME", "longest Retry-After to wait for (5s)"},
        {"retry-all", OPTION_FLAG, &g->retry_all, 0, 0, NULL,
            "retry methods that are not idempotent too"},
        {"failures", OPTION_NUMBER, &settings->failures, 1, 65535, "N",
            "in a row that open the breaker (5)"},
        {"failure-rate", OPTION_NUMBER, &settings->failure_rate, 1, 100, "PERCENT",
            "that opens it too (none)"},
        {"open", OPTION_DURATION, &g->breaker.open.base_ns, HF_MS(1), DURATION_MAX_NS, "TIME",
            "how long it stays open first (5s)"},
        {"open-max", OPTION_DURATION, &g->breaker.open.delay_max_ns, HF_MS(1), DURATION_MAX_NS,
            "TIME", "and at most (60s)"},
    };
    memcpy(entries, own, sizeof own);
    return sizeof own / sizeof own[0];
}

/* The program itself. */
static size_t add_process(struct proxy_settings *settings, struct option_entry *entries)
{
    struct gateway_options *g = &settings->gateway;
    const struct option_entry own[] = {
        {"audit", OPTION_TEXT, &g->audit_directory, 0, 0, "DIR", "write an audit log there (none)"},
        {"audit-block", OPTION_FLAG, &settings->audit_block, 0, 0, NULL,
            "wait for a full audit log instead of dropping"},
        {"audit-keys", OPTION_TEXT, &settings->audit_keys, 0, 0, "HOW",
            "plain, hash or none (hash of header:NAME, else plain)"},
        {"metrics", OPTION_TEXT, &g->metrics, 0, 0, "ADDRESS",
            "serve Prometheus metrics there (none)"},
        {"body-max", OPTION_SIZE, &g->body_bytes_max, 0, SIZE_MAX_BYTES, "SIZE",
            "largest request body (8MiB)"},
        {"answer-max", OPTION_SIZE, &g->answer_bytes_max, 1, SIZE_MAX_BYTES, "SIZE",
            "largest answer body (64MiB)"},
        {"memory-max", OPTION_SIZE, &g->memory_bytes_max, 1, SIZE_MAX_BYTES * 16, "SIZE",
            "for all bodies together; 503 past it (256MiB)"},
        {"connections", OPTION_NUMBER, &g->connections_max, 1, 65536, "N",
            "clients at a time (1024)"},
        {"upstream-connections", OPTION_NUMBER, &g->upstream_connections_max, 1, 4096, "N",
            "to the upstream, a worker (64)"},
        {"idle-timeout", OPTION_DURATION, &g->idle_timeout_ns, HF_SECONDS(1), HF_SECONDS(3600),
            "TIME", "for a silent client (30s)"},
        {"receive-timeout", OPTION_DURATION, &g->receive_timeout_ns, HF_SECONDS(1), DURATION_MAX_NS,
            "TIME", "for a whole request to arrive (60s)"},
        {"send-timeout", OPTION_DURATION, &g->send_timeout_ns, HF_SECONDS(1), DURATION_MAX_NS,
            "TIME", "for a whole answer to be taken (5m)"},
        {"workers", OPTION_NUMBER, &g->workers, 1, GATEWAY_WORKERS_MAX, "N", "threads (1)"},
        {"drain", OPTION_DURATION, &settings->drain_ns, 0, DURATION_MAX_NS, "TIME",
            "for requests under way at the end (10s)"},
        {"json", OPTION_FLAG, &settings->json, 0, 0, NULL, "print events as JSON Lines"},
    };
    memcpy(entries, own, sizeof own);
    return sizeof own / sizeof own[0];
}

static enum options_result read_settings(
    struct proxy_settings *settings, int argc, char **argv, struct hf_error *error)
{
    struct option_entry entries[ENTRIES_MAX];
    size_t count = add_inbound(settings, entries);
    count += add_outbound(settings, entries + count);
    count += add_process(settings, entries + count);
    const struct option_table table = {
        .command = "proxy",
        .summary =
            "Guards the HTTP server at --upstream: limits the requests that come in by key, and\n"
            "wraps the requests that go out in retries and a circuit breaker. SIGTERM or SIGINT\n"
            "lets what is under way finish, and ends it.",
        .usage = "--upstream URL [OPTION]...",
        .entries = entries,
        .count = count,
    };
    return options_parse(&table, argc, argv, error);
}

static enum hf_status choose_key(struct proxy_settings *settings, struct hf_error *error)
{
    struct hf_http_key_options *key = &settings->gateway.key;
    if (strcmp(settings->key, "peer") == 0)
        key->kind = HF_HTTP_KEY_PEER;
    else if (strcmp(settings->key, "forwarded") == 0)
        key->kind = HF_HTTP_KEY_FORWARDED;
    else if (strcmp(settings->key, "global") == 0)
        key->kind = HF_HTTP_KEY_GLOBAL;
    else if (strncmp(settings->key, "header:", 7) == 0)
        key->kind = HF_HTTP_KEY_HEADER;
    else
        return hf_error_add(error, HF_INVALID, 0,
            "--key: '%s' is not peer, forwarded, header:NAME or global", settings->key);
    if (key->kind == HF_HTTP_KEY_HEADER)
        key->header = settings->key + 7;
    if (key->kind == HF_HTTP_KEY_FORWARDED && settings->trusted.count == 0)
        return hf_error_add(error, HF_INVALID, 0,
            "--key: 'forwarded' needs at least one --trust, or nobody's word would be taken");
    if (key->kind != HF_HTTP_KEY_FORWARDED && settings->trusted.count > 0)
        return hf_error_add(error, HF_INVALID, 0,
            "--trust: whom to believe matters to '--key forwarded' only, not to '%s'",
            settings->key);
    key->trusted = settings->trusted.networks;
    key->trusted_count = settings->trusted.count;
    key->prefix4_bits = (uint8_t)settings->prefix4;
    key->prefix6_bits = (uint8_t)settings->prefix6;
    return HF_OK;
}

/* The place of a word in a list, or its count: not there. */
static size_t find_word(const char *const *words, size_t count, const char *word)
{
    size_t at = 0;
    while (at < count && strcmp(words[at], word) != 0)
        at++;
    return at;
}

static enum hf_status choose_dialect(struct proxy_settings *settings, struct hf_error *error)
{
    static const char *const names[] = {
        [HF_HTTP_DIALECT_DRAFT] = "draft",
        [HF_HTTP_DIALECT_TRIPLE] = "triple",
        [HF_HTTP_DIALECT_X_TRIPLE] = "x-triple",
        [HF_HTTP_DIALECT_NONE] = "none",
    };
    const size_t count = sizeof names / sizeof names[0];
    size_t found = find_word(names, count, settings->dialect);
    if (found == count)
        return hf_error_add(error, HF_INVALID, 0,
            "--headers: '%s' is not draft, triple, x-triple or none", settings->dialect);
    settings->gateway.dialect = (enum hf_http_dialect)found;
    return HF_OK;
}

/* What a header brings may be a secret; an address is what a log is looked through for. */
static enum hf_status choose_audit_keys(struct proxy_settings *settings, struct hf_error *error)
{
    static const char *const names[] = {
        [HF_GUARD_KEYS_PLAIN] = "plain",
        [HF_GUARD_KEYS_HASHED] = "hash",
        [HF_GUARD_KEYS_NONE] = "none",
    };
    const size_t count = sizeof names / sizeof names[0];
    struct gateway_options *gateway = &settings->gateway;
    if (!settings->audit_keys) {
        bool secret = gateway->key.kind == HF_HTTP_KEY_HEADER;
        gateway->audit_keys = secret ? HF_GUARD_KEYS_HASHED : HF_GUARD_KEYS_PLAIN;
        return HF_OK;
    }
    if (!gateway->audit_directory)
        return hf_error_add(error, HF_INVALID, 0, "--audit-keys needs --audit");
    size_t found = find_word(names, count, settings->audit_keys);
    if (found == count)
        return hf_error_add(error, HF_INVALID, 0, "--audit-keys: '%s' is not plain, hash or none",
            settings->audit_keys);
    gateway->audit_keys = (enum hf_guard_audit_keys)found;
    return HF_OK;
}

/* What cannot be read option by option. */
static enum hf_status complete(struct proxy_settings *settings, struct hf_error *error)
{
    struct gateway_options *gateway = &settings->gateway;
    if (!gateway->upstream)
        return hf_error_add(error, HF_INVALID, 0, "--upstream is required");
    if (settings->burst_global && !gateway->quota_global.count)
        return hf_error_add(error, HF_INVALID, 0, "--global-burst needs --global-rate");
    if (gateway->workers > gateway->connections_max)
        return hf_error_add(error, HF_INVALID, 0, "--workers: more than --connections");
    if (gateway->body_bytes_max > gateway->memory_bytes_max)
        return hf_error_add(error, HF_INVALID, 0, "--body-max: more than --memory-max");
    if (settings->audit_block && !gateway->audit_directory)
        return hf_error_add(error, HF_INVALID, 0, "--audit-block needs --audit");
    gateway->quota.burst = settings->burst;
    gateway->quota_global.burst = settings->burst_global;
    gateway->retry.attempts_max = (uint32_t)settings->attempts;
    gateway->breaker.consecutive_failures = (uint32_t)settings->failures;
    gateway->breaker.failure_rate_percent = (uint32_t)settings->failure_rate;
    gateway->full_policy = settings->full_admit ? HF_FULL_ADMIT : HF_FULL_DENY;
    gateway->audit_full_policy = settings->audit_block ? HF_AUDIT_BLOCK : HF_AUDIT_DROP;
    if (choose_dialect(settings, error) != HF_OK || choose_key(settings, error) != HF_OK)
        return HF_INVALID;
    return choose_audit_keys(settings, error);
}

static void say_listening(const struct proxy_settings *settings, const struct gateway *gateway)
{
    const char *format = settings->json ? "{\"event\":\"listening\",\"url\":\"http://%s\"}\n"
                                        : "listening http://%s\n";
    printf(format, gateway->address);
    if (gateway->exposition && settings->json)
        printf("{\"event\":\"metrics\",\"url\":\"http://%s/metrics\"}\n", gateway->metrics_address);
    else if (gateway->exposition)
        printf("metrics http://%s/metrics\n", gateway->metrics_address);
    fflush(stdout);
}

static void say_ended(const struct proxy_settings *settings, enum hf_status status)
{
    const char *what = status == HF_OK ? "drained" : "cut-off";
    if (settings->json)
        printf("{\"event\":\"ended\",\"how\":\"%s\"}\n", what);
    else
        printf("ended %s\n", what);
    fflush(stdout);
}

/* SIGTERM and SIGINT wait here for the main thread; a vanished client must not kill us. */
static void hold_signals(sigset_t *ending)
{
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(ending);
    sigaddset(ending, SIGTERM);
    sigaddset(ending, SIGINT);
    pthread_sigmask(SIG_BLOCK, ending, NULL);
}

/* How often it looks whether all requests have finished, at the end. */
#define DRAIN_POLL_NS HF_MS(20)

/* A second signal means: at once. */
static void wait_drained(struct gateway *gateway, uint64_t drain_ns, const sigset_t *ending)
{
    const struct timespec poll = {.tv_nsec = DRAIN_POLL_NS};
    gateway_drain(gateway, drain_ns);
    while (!gateway_drained(gateway))
        if (sigtimedwait(ending, NULL, &poll) > 0)
            gateway_drain(gateway, 0);
}

static int proxy(int argc, char **argv)
{
    struct proxy_settings settings = defaults;
    struct hf_error error = {0};
    struct gateway *gateway = NULL;
    sigset_t ending;
    int signal_number;
    enum options_result parsed = read_settings(&settings, argc, argv, &error);
    if (parsed == OPTIONS_HELP)
        return EXIT_WORKED;
    if (parsed == OPTIONS_WRONG || complete(&settings, &error) != HF_OK)
        return complain(argc, argv, &error);
    hold_signals(&ending);
    enum hf_status status = gateway_start(&gateway, &settings.gateway, &error);
    if (status != HF_OK)
        return complain(argc, argv, &error);
    say_listening(&settings, gateway);
    sigwait(&ending, &signal_number);
    wait_drained(gateway, settings.drain_ns, &ending);
    status = gateway_stop(gateway, 0);
    say_ended(&settings, status);
    return status == HF_OK ? EXIT_WORKED : EXIT_FAILED;
}

const struct command command_proxy = {
    .name = "proxy",
    .summary = "guard an HTTP server: rate limits, retries, circuit breaker, audit log",
    .run = proxy,
};
