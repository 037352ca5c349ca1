/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/complaint.h"
#include "cli/options.h"
#include "cli/peer.h"

struct settings {
    const char *address;
    uint64_t count;
    uint64_t interval_ns;
    const char *identity;
    bool as_json;
};

struct tally {
    uint64_t sent;
    uint64_t answered;
    uint64_t sum_ns;
    uint64_t min_ns;
    uint64_t max_ns;
};

static void count(struct tally *tally, uint64_t round_trip_ns)
{
    tally->answered++;
    tally->sum_ns += round_trip_ns;
    if (tally->min_ns == 0 || round_trip_ns < tally->min_ns)
        tally->min_ns = round_trip_ns;
    if (round_trip_ns > tally->max_ns)
        tally->max_ns = round_trip_ns;
}

static void print_tally(const struct tally *tally, bool as_json)
{
    uint64_t mean_ns = tally->answered ? tally->sum_ns / tally->answered : 0;
    const char *format =
        as_json ? "{\"event\":\"summary\",\"sent\":%llu,\"answered\":%llu,\"rtt_min_us\":%llu,"
                  "\"rtt_mean_us\":%llu,\"rtt_max_us\":%llu}\n"
                : "%llu sent, %llu answered, round trip in us: least %llu, mean %llu, most %llu\n";
    printf(format, (unsigned long long)tally->sent, (unsigned long long)tally->answered,
        (unsigned long long)tally->min_ns / 1000, (unsigned long long)mean_ns / 1000,
        (unsigned long long)tally->max_ns / 1000);
}

/* Waits for the answer to the ping that is out. HF_AGAIN: it failed, or the connection did. */
static enum hf_status await_answer(struct peer *peer, struct tally *tally, bool as_json)
{
    struct hf_network_event event;
    for (;;) {
        enum hf_status status = hf_network_wait(peer->network, HF_SECONDS(60), &event);
        if (status != HF_OK)
            return status;
        if (event.kind == HF_NETWORK_CONNECTED)
            continue;
        peer_print(&event, as_json);
        if (event.kind == HF_NETWORK_PINGED)
            count(tally, event.round_trip_ns);
        if (event.kind == HF_NETWORK_PINGED)
            return HF_OK;
        if (event.kind == HF_NETWORK_PING_FAILED || event.kind == HF_NETWORK_CLOSED)
            return HF_IO;
    }
}

static enum hf_status ping_all(
    struct peer *peer, const struct settings *settings, struct hf_error *error)
{
    struct hf_clock clock = hf_clock_monotonic();
    struct hf_multiaddr address;
    struct hf_peer_id id;
    struct tally tally = {0};
    enum hf_status status = peer_address(settings->address, "MULTIADDR", &address, error);
    if (status == HF_OK)
        status = peer_connect(peer, &address, &id, error);
    if (status != HF_OK)
        return status;
    while (status == HF_OK && tally.sent < settings->count) {
        if (tally.sent > 0)
            hf_clock_sleep_ns(&clock, settings->interval_ns);
        status = hf_network_ping(peer->network, &id);
        tally.sent += status == HF_OK;
        if (status == HF_OK)
            status = await_answer(peer, &tally, settings->as_json);
    }
    print_tally(&tally, settings->as_json);
    if (tally.answered == settings->count || status == HF_CLOSED)
        return HF_OK;
    return hf_error_add(error, HF_IO, 0, "%llu of %llu pings were not answered",
        (unsigned long long)(settings->count - tally.answered),
        (unsigned long long)settings->count);
}

static enum hf_status run(const struct settings *settings, struct hf_error *error)
{
    struct peer peer;
    struct hf_network_options options = {0};
    enum hf_status status = peer_open(&peer, settings->identity, &options, error);
    if (status == HF_OK)
        status = peer_start(&peer, error);
    if (status == HF_OK)
        status = ping_all(&peer, settings, error);
    peer_close(&peer);
    return status;
}

static int ping(int argc, char **argv)
{
    struct hf_error error = {0};
    struct settings settings = {.count = 5, .interval_ns = HF_SECONDS(1)};
    const struct option_entry entries[] = {
        {"count", OPTION_NUMBER, &settings.count, 1, 1000000, "N", "pings to send (5)"},
        {"interval", OPTION_DURATION, &settings.interval_ns, 0, HF_SECONDS(3600), "TIME",
            "time between them (1s)"},
        {"identity", OPTION_TEXT, &settings.identity, 0, 0, "FILE",
            "the key to be known by (a new one each time)"},
        {"json", OPTION_FLAG, &settings.as_json, 0, 0, NULL, "print JSON Lines"},
    };
    const struct option_table table = {
        .command = "ping",
        .summary = "Dials a libp2p peer and measures how long its answers take.",
        .usage = "MULTIADDR [OPTION]...",
        .entries = entries,
        .count = sizeof entries / sizeof entries[0],
    };
    settings.address = options_take_word(&argc, argv);
    enum options_result parsed = options_parse(&table, argc, argv, &error);
    if (parsed == OPTIONS_HELP)
        return EXIT_WORKED;
    if (parsed == OPTIONS_OK && !settings.address) {
        (void)hf_error_add(&error, HF_INVALID, 0, "the address to ping is missing");
        parsed = OPTIONS_WRONG;
    }
    if (parsed == OPTIONS_WRONG || run(&settings, &error) != HF_OK)
        return complain(argc, argv, &error);
    return EXIT_WORKED;
}

const struct command command_ping = {
    .name = "ping",
    .summary = "measure the round trip to a libp2p peer",
    .run = ping,
};
