/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/complaint.h"
#include "cli/demo_summary.h"
#include "cli/options.h"

/* The story: what the upstream does from when on. */
struct phase {
    uint64_t at_ns;
    enum faulty_mood mood;
    const char *text;
};

static const struct phase phases[] = {
    {0, FAULTY_WELL, "steady: the upstream answers; mallory asks for more than her share"},
    {HF_MS(3000), FAULTY_FLAKY, "flaky: a third of the requests get a 500 first; retries hide it"},
    {HF_MS(6000), FAULTY_BUSY, "busy: 429 with Retry-After: 1; the proxy waits as it is told"},
    {HF_MS(8500), FAULTY_DOWN, "down: connections are reset or hang; the breaker opens"},
    {HF_MS(11000), FAULTY_WELL, "back: the upstream answers again; the breaker finds out"},
};

#define PHASES_COUNT (sizeof phases / sizeof phases[0])
#define STORY_END_NS HF_MS(14000)
#define STEP_NS HF_MS(50)
#define TELL_EACH_NS HF_SECONDS(1)

static const struct gateway_options gateway_options = {
    .listen = "127.0.0.1:0",
    .quota = {.count = DEMO_RATE, .period_ns = HF_SECONDS(1), .burst = DEMO_BURST},
    .keys_max = 1024,
    .audit_full_policy = HF_AUDIT_BLOCK,
    .audit_close_ns = HF_SECONDS(5),
    .body_bytes_max = 65536,
    .answer_bytes_max = 65536,
    .receive_timeout_ns = HF_SECONDS(30),
    .send_timeout_ns = HF_SECONDS(30),
    .memory_bytes_max = UINT64_C(16) << 20,
    .timeout_ns = HF_SECONDS(3),
    .retry =
        {
            .attempts_max = 3,
            .delay = {.base_ns = HF_MS(40), .delay_max_ns = HF_MS(400)},
            .attempt_timeout_ns = HF_MS(300),
            .retry_after_max_ns = HF_SECONDS(2),
        },
    .breaker =
        {
            .consecutive_failures = 5,
            .open =
                {
                    .base_ns = HF_MS(700),
                    .delay_max_ns = HF_MS(1500),
                    .jitter = HF_JITTER_NONE,
                },
            .success_threshold = 2,
        },
    .connections_max = 64,
    .upstream_connections_max = 32,
    .idle_timeout_ns = HF_SECONDS(10),
    .workers = 1,
};

/* Opens the log's directory, the upstream and the proxy in front of it. */
static enum hf_status open_stage(struct demo *demo, struct hf_error *error)
{
    const char *base = getenv("TMPDIR");
    snprintf(
        demo->directory, sizeof demo->directory, "%s/holdfast-demo-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(demo->directory))
        return hf_error_add(error, HF_IO, errno, "%s: %s", demo->directory, strerror(errno));
    snprintf(demo->log, sizeof demo->log, "%s/proxy.log", demo->directory);
    enum hf_status status = faulty_server_start(&demo->upstream, error);
    if (status != HF_OK)
        return status;
    snprintf(demo->upstream_url, sizeof demo->upstream_url, "http://%s", demo->upstream.address);
    struct gateway_options options = gateway_options;
    options.upstream = demo->upstream_url;
    options.audit_directory = demo->directory;
    options.key = (struct hf_http_key_options){
        .kind = HF_HTTP_KEY_FORWARDED, .trusted = &demo->trusted, .trusted_count = 1};
    status = hf_cidr_parse("127.0.0.1", &demo->trusted, error);
    if (status == HF_OK)
        status = gateway_start(&demo->gateway, &options, error);
    if (status != HF_OK)
        faulty_server_stop(&demo->upstream);
    else
        snprintf(demo->url, sizeof demo->url, "http://%s/", demo->gateway->address);
    return status;
}

static void introduce(struct demo *demo)
{
    static const struct demo_client cast[DEMO_CLIENTS] = {
        {.name = "alice", .address = "10.0.0.1", .pause_ns = HF_MS(200)},
        {.name = "bob", .address = "10.0.0.2", .pause_ns = HF_MS(120)},
        {.name = "mallory", .address = "10.0.0.3", .pause_ns = HF_MS(12)},
    };
    const struct hf_wall_clock wall = hf_wall_clock_system();
    demo->timeline.path = demo->log;
    demo->timeline.names_count = DEMO_CLIENTS;
    demo->timeline.start_ns = demo->timeline.now_ns = hf_wall_clock_now_ns(&wall);
    for (size_t i = 0; i < DEMO_CLIENTS; i++) {
        demo->clients[i] = cast[i];
        demo->clients[i].url = demo->url;
        demo->timeline.names[i] =
            (struct timeline_name){.key = cast[i].address, .name = cast[i].name};
    }
}

static void play(struct demo *demo)
{
    const struct hf_clock clock = hf_clock_monotonic();
    uint64_t start_ns = hf_clock_now_ns(&clock);
    uint64_t told_ns = 0;
    size_t phase = 0;
    for (uint64_t at_ns = 0; at_ns < STORY_END_NS; at_ns = hf_clock_now_ns(&clock) - start_ns) {
        if (phase < PHASES_COUNT && at_ns >= phases[phase].at_ns) {
            timeline_tell(&demo->timeline);
            faulty_server_set_mood(&demo->upstream, phases[phase].mood);
            timeline_say(&demo->timeline, at_ns, "phase", phases[phase].text);
            phase++;
        }
        timeline_read(&demo->timeline);
        if (at_ns - told_ns >= TELL_EACH_NS) {
            timeline_tell(&demo->timeline);
            told_ns = at_ns;
        }
        hf_clock_sleep_ns(&clock, STEP_NS);
    }
}

static bool start_clients(struct demo *demo)
{
    for (size_t i = 0; i < DEMO_CLIENTS; i++) {
        if (demo_client_start(&demo->clients[i]))
            continue;
        while (i-- > 0)
            demo_client_stop(&demo->clients[i]);
        return false;
    }
    return true;
}

/* Ends the play in the order in which nothing is lost, and reads the log to its end. */
static enum hf_status close_stage(struct demo *demo)
{
    for (size_t i = 0; i < DEMO_CLIENTS; i++)
        demo_client_stop(&demo->clients[i]);
    demo_summary_count(demo);
    enum hf_status status = gateway_stop(demo->gateway, HF_SECONDS(2));
    faulty_server_stop(&demo->upstream);
    timeline_read(&demo->timeline);
    timeline_tell(&demo->timeline);
    return status;
}

static void remove_log(struct demo *demo)
{
    if (demo->keep) {
        printf("audit log kept in %s\n", demo->directory);
        return;
    }
    unlink(demo->log);
    rmdir(demo->directory);
}

static enum hf_status run_demo(struct demo *demo, bool *held, struct hf_error *error)
{
    enum hf_status status = open_stage(demo, error);
    if (status != HF_OK)
        return status;
    introduce(demo);
    if (!start_clients(demo)) {
        (void)gateway_stop(demo->gateway, 0);
        faulty_server_stop(&demo->upstream);
        return hf_error_add(error, HF_NO_MEMORY, 0, "cannot start the clients' threads");
    }
    play(demo);
    demo->drained = close_stage(demo) == HF_OK;
    *held = demo_summary_print(demo);
    remove_log(demo);
    return HF_OK;
}

static int demo(int argc, char **argv)
{
    struct hf_error error = {0};
    struct demo *stage = calloc(1, sizeof *stage);
    if (!stage) {
        fprintf(stderr, "holdfast demo: no memory\n");
        return EXIT_FAILED;
    }
    const struct option_entry entries[] = {
        {"json", OPTION_FLAG, &stage->timeline.json, 0, 0, NULL, "print the story as JSON Lines"},
        {"keep", OPTION_FLAG, &stage->keep, 0, 0, NULL, "keep the audit log, and say where it is"},
    };
    const struct option_table table = {
        .command = "demo",
        .summary =
            "Shows what the patterns do, in about 15 seconds, over real loopback sockets: three\n"
            "clients, a guarded proxy, and an upstream that errs, hangs, resets and is busy. Ends\n"
            "with 0 only if what it saw is what the patterns promise.",
        .usage = "[OPTION]...",
        .entries = entries,
        .count = sizeof entries / sizeof entries[0],
    };
    int code = EXIT_WORKED;
    bool held = false;
    enum options_result parsed = options_parse(&table, argc, argv, &error);
    if (parsed == OPTIONS_WRONG) {
        code = complain(argc, argv, &error);
    } else if (parsed == OPTIONS_OK) {
        signal(SIGPIPE, SIG_IGN);
        stage->timeline.colour = isatty(STDOUT_FILENO);
        if (run_demo(stage, &held, &error) != HF_OK)
            code = complain(argc, argv, &error);
        else
            code = held ? EXIT_WORKED : EXIT_FAILED;
    }
    free(stage);
    return code;
}

const struct command command_demo = {
    .name = "demo",
    .summary = "watch limits, retries, breaker and audit log at work for 15 seconds",
    .run = demo,
};
