/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <holdfast/breaker.h>
#include <holdfast/guard.h>

#include "cli/command.h"
#include "cli/complaint.h"
#include "cli/options.h"
#include "cli/peer.h"

/*
 * A node: listens, and keeps up connections to the peers it was told of. Each of those has a guard
 * of its own, whose retries say when to dial again and whose breaker keeps off from one that fails
 * all the time.
 */

#define REDIAL_FIRST_NS HF_SECONDS(1)
#define REDIAL_MAX_NS HF_SECONDS(60)
#define REDIAL_FOR_NS HF_SECONDS(86400) /* Then it begins anew. */
#define TURN_NS HF_SECONDS(1)

/* A peer to stay connected to. */
struct target {
    struct hf_multiaddr address;
    struct hf_breaker *breaker;
    struct hf_guard *guard;
    struct hf_guard_run run;
    uint64_t due_ns; /* When to begin or go on. UINT64_MAX: dialling, or connected. */
    uint64_t connection;
    bool runs;
};

struct settings {
    struct text_list listen;
    struct text_list dial;
    const char *identity;
    uint64_t ping_interval_ns;
    bool perf;
    bool as_json;
};

struct node {
    struct peer peer;
    struct target targets[TEXT_LIST_MAX];
    size_t targets_count;
    struct hf_clock clock;
    bool as_json;
};

static enum hf_status add_target(struct node *node, const char *text, struct hf_error *error)
{
    struct target *target = &node->targets[node->targets_count];
    struct hf_retry_options retry = {
        .attempts_max = HF_RETRY_UNLIMITED,
        .elapsed_max_ns = REDIAL_FOR_NS,
        .delay = {.base_ns = REDIAL_FIRST_NS,
            .delay_max_ns = REDIAL_MAX_NS,
            .jitter = HF_JITTER_EQUAL},
    };
    *target = (struct target){0};
    node->targets_count++;
    enum hf_status status = peer_address(text, "--dial", &target->address, error);
    if (status == HF_OK)
        status = hf_breaker_new(&target->breaker, NULL, error);
    struct hf_guard_options options = {
        .name = "dial", .breaker = target->breaker, .retry = &retry, .wait_while_open = true};
    return status == HF_OK ? hf_guard_new(&target->guard, &options, error) : status;
}

static void free_targets(struct node *node)
{
    for (size_t i = 0; i < node->targets_count; i++) {
        struct target *target = &node->targets[i];
        if (target->runs)
            hf_guard_cancel(&target->run, hf_clock_now_ns(&node->clock));
        hf_guard_free(target->guard);
        hf_breaker_free(target->breaker);
    }
}

static void tell_dial(const struct node *node, const struct target *target)
{
    char address[HF_MULTIADDR_TEXT_BYTES];
    hf_multiaddr_write(&target->address, address, sizeof address);
    /* An address that was read has no character that JSON would have to escape. */
    printf(node->as_json ? "{\"event\":\"dialed\",\"address\":\"%s\"}\n" : "dialed %s\n", address);
    fflush(stdout);
}

/* What the guard says: dial now, or when to ask again. */
static void follow(struct node *node, struct target *target, enum hf_status status,
    uint64_t delay_ns, uint64_t now_ns)
{
    size_t index = (size_t)(target - node->targets);
    target->due_ns = UINT64_MAX;
    target->runs = status == HF_OK || status == HF_AGAIN;
    if (status == HF_OK) {
        tell_dial(node, target);
        status = hf_network_dial(node->peer.network, &target->address, index + 1);
        if (status != HF_OK && status != HF_CLOSED)
            target->due_ns = now_ns + REDIAL_FIRST_NS;
    } else {
        target->due_ns = now_ns + (target->runs ? delay_ns : REDIAL_MAX_NS);
    }
}

static void go_on(struct node *node, struct target *target, uint64_t now_ns)
{
    uint64_t delay_ns = 0;
    struct hf_guard_request request = {.timeout_ns = REDIAL_FOR_NS};
    enum hf_status status =
        target->runs ? hf_guard_again(&target->run, now_ns, &delay_ns)
                     : hf_guard_begin(&target->run, target->guard, &request, now_ns, &delay_ns);
    follow(node, target, status, delay_ns, now_ns);
}

static void finish_try(
    struct node *node, struct target *target, struct hf_outcome outcome, uint64_t now_ns)
{
    uint64_t delay_ns = 0;
    enum hf_status status = hf_guard_done(&target->run, outcome, now_ns, &delay_ns);
    if (outcome.kind == HF_SUCCESS) {
        target->runs = false;
        target->due_ns = UINT64_MAX;
        return;
    }
    follow(node, target, status, delay_ns, now_ns);
}

/* A connection that was up and ended is dialled again after a first delay. */
static void heed(struct node *node, const struct hf_network_event *event)
{
    uint64_t now_ns = hf_clock_now_ns(&node->clock);
    struct target *target = event->dial > 0 && event->dial <= node->targets_count
                                ? &node->targets[event->dial - 1]
                                : NULL;
    if (!target)
        return;
    if (event->kind == HF_NETWORK_CONNECTED)
        finish_try(node, target, hf_success(), now_ns);
    else if (event->kind == HF_NETWORK_DIAL_FAILED)
        finish_try(node, target, hf_transient((int32_t)event->status), now_ns);
    else if (event->kind == HF_NETWORK_CLOSED)
        target->due_ns = now_ns + REDIAL_FIRST_NS;
}

static uint64_t next_due(const struct node *node, uint64_t now_ns)
{
    uint64_t wait_ns = TURN_NS;
    for (size_t i = 0; i < node->targets_count; i++) {
        uint64_t due_ns = node->targets[i].due_ns;
        if (due_ns <= now_ns)
            return 0;
        if (due_ns - now_ns < wait_ns)
            wait_ns = due_ns - now_ns;
    }
    return wait_ns;
}

static void serve(struct node *node)
{
    struct hf_network_event event;
    enum hf_status status = HF_OK;
    while (status != HF_CLOSED) {
        uint64_t now_ns = hf_clock_now_ns(&node->clock);
        for (size_t i = 0; i < node->targets_count; i++)
            if (node->targets[i].due_ns <= now_ns)
                go_on(node, &node->targets[i], now_ns);
        status = hf_network_wait(node->peer.network, next_due(node, now_ns), &event);
        if (status != HF_OK)
            continue;
        peer_print(&event, node->as_json);
        heed(node, &event);
    }
}

static enum hf_status prepare(
    struct node *node, const struct settings *settings, struct hf_error *error)
{
    struct hf_network_options options = {
        .ping_interval_ns = settings->ping_interval_ns, .perf = settings->perf};
    enum hf_status status = peer_open(&node->peer, settings->identity, &options, error);
    node->clock = hf_clock_monotonic();
    node->as_json = settings->as_json;
    for (size_t i = 0; status == HF_OK && i < settings->listen.count; i++) {
        struct hf_multiaddr address;
        status = peer_address(settings->listen.texts[i], "--listen", &address, error);
        if (status == HF_OK)
            status = hf_network_listen(node->peer.network, &address, error);
    }
    for (size_t i = 0; status == HF_OK && i < settings->dial.count; i++)
        status = add_target(node, settings->dial.texts[i], error);
    return status == HF_OK ? peer_start(&node->peer, error) : status;
}

static enum hf_status run(const struct settings *settings, struct hf_error *error)
{
    struct node *node = calloc(1, sizeof *node);
    if (!node)
        return hf_error_add(error, HF_NO_MEMORY, 0, "out of memory");
    enum hf_status status = prepare(node, settings, error);
    if (status == HF_OK)
        serve(node);
    peer_close(&node->peer);
    free_targets(node);
    free(node);
    return status;
}

static int node_command(int argc, char **argv)
{
    struct hf_error error = {0};
    struct settings settings = {.ping_interval_ns = HF_SECONDS(5)};
    const struct option_entry entries[] = {
        {"listen", OPTION_TEXTS, &settings.listen, 0, 0, "MULTIADDR",
            "listen there, as /ip4/0.0.0.0/tcp/4001; may be given several times"},
        {"dial", OPTION_TEXTS, &settings.dial, 0, 0, "MULTIADDR",
            "stay connected to the peer there; may be given several times"},
        {"identity", OPTION_TEXT, &settings.identity, 0, 0, "FILE",
            "the node's key, made by `holdfast key new` (a new one each time)"},
        {"ping-interval", OPTION_DURATION, &settings.ping_interval_ns, HF_MS(1), HF_SECONDS(86400),
            "TIME", "ping each peer so often (5s)"},
        {"perf", OPTION_FLAG, &settings.perf, 0, 0, NULL, "serve /perf/1.0.0 to peers"},
        {"json", OPTION_FLAG, &settings.as_json, 0, 0, NULL, "print events as JSON Lines"},
    };
    const struct option_table table = {
        .command = "node",
        .summary =
            "Runs a libp2p node over TCP: listens, keeps up connections, answers identify and\n"
            "ping, and prints what happens. SIGTERM or SIGINT ends it in good order.",
        .usage = "[OPTION]...",
        .entries = entries,
        .count = sizeof entries / sizeof entries[0],
    };
    enum options_result parsed = options_parse(&table, argc, argv, &error);
    if (parsed == OPTIONS_HELP)
        return EXIT_WORKED;
    if (parsed == OPTIONS_OK && settings.listen.count + settings.dial.count == 0) {
        (void)hf_error_add(&error, HF_INVALID, 0, "neither --listen nor --dial: nothing to do");
        parsed = OPTIONS_WRONG;
    }
    if (parsed == OPTIONS_WRONG || run(&settings, &error) != HF_OK)
        return complain(argc, argv, &error);
    return EXIT_WORKED;
}

const struct command command_node = {
    .name = "node",
    .summary = "run a libp2p node: listen, dial, answer and ping peers",
    .run = node_command,
};
