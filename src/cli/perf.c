/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "base/minmax.h"
#include "cli/command.h"
#include "cli/complaint.h"
#include "cli/options.h"
#include "cli/peer.h"
#include "net/perf.h"

struct settings {
    const char *address;
    uint64_t upload;
    uint64_t download;
    const char *identity;
    bool as_json;
};

/* One measurement, on the network's thread until it is over. */
struct measurement {
    struct hf_network *network;
    struct hf_clock clock;
    const struct settings *settings;
    uint64_t written; /* Of the eight bytes that say how much is wanted, and what is uploaded. */
    uint64_t read;
    uint64_t begun_ns;
    uint64_t uploaded_ns;
    uint64_t downloaded_ns;
    enum hf_status status;
};

#define ASKING_BYTES 8

static void upload(struct measurement *measurement, struct hf_stream *stream)
{
    static const uint8_t zeros[65536];
    uint64_t size = ASKING_BYTES + measurement->settings->upload;
    while (measurement->written < size) {
        size_t part = (size_t)hf_min(size - measurement->written, sizeof zeros);
        size_t taken = hf_stream_write(stream, hf_bytes(zeros, part));
        if (taken == 0)
            return;
        measurement->written += taken;
    }
    hf_stream_finish(stream);
    measurement->uploaded_ns = hf_clock_now_ns(&measurement->clock);
}

static void on_opened(void *context, struct hf_stream *stream)
{
    struct measurement *measurement = context;
    uint8_t asking[ASKING_BYTES];
    if (!hf_stream_context(stream)) { /* A peer's: this program serves nobody. */
        hf_stream_reset(stream);
        return;
    }
    for (int i = 0; i < ASKING_BYTES; i++)
        asking[i] = (uint8_t)(measurement->settings->download >> (56 - 8 * i));
    measurement->begun_ns = hf_clock_now_ns(&measurement->clock);
    measurement->written = hf_stream_write(stream, hf_bytes(asking, sizeof asking));
    upload(measurement, stream);
}

static void on_readable(void *context, struct hf_stream *stream)
{
    struct measurement *measurement = context;
    size_t size = hf_stream_peek(stream).size;
    measurement->read += size;
    hf_stream_consume(stream, size);
}

static void on_writable(void *context, struct hf_stream *stream)
{
    upload(context, stream);
}

static void on_closed(void *context, struct hf_stream *stream, enum hf_status status)
{
    struct measurement *measurement = context;
    if (!hf_stream_context(stream))
        return;
    measurement->downloaded_ns = hf_clock_now_ns(&measurement->clock);
    measurement->status = status;
    hf_network_stop(measurement->network);
}

static void on_failed(void *context, void *stream_context, enum hf_status status)
{
    struct measurement *measurement = context;
    (void)stream_context;
    measurement->status = status;
    hf_network_stop(measurement->network);
}

static double rate(uint64_t bytes, uint64_t duration_ns)
{
    return duration_ns ? (double)bytes * 1e3 / (double)duration_ns : 0; /* MB/s */
}

/* The upload's end is when the last byte was handed over; the peer has it a little later. */
static void print(const struct measurement *measurement)
{
    const struct settings *settings = measurement->settings;
    uint64_t upload_ns = measurement->uploaded_ns - measurement->begun_ns;
    uint64_t download_ns = measurement->downloaded_ns - measurement->uploaded_ns;
    const char *format = settings->as_json
                             ? "{\"event\":\"perf\",\"upload_bytes\":%llu,\"upload_ns\":%llu,"
                               "\"upload_mb_s\":%.1f,\"download_bytes\":%llu,\"download_ns\":%llu,"
                               "\"download_mb_s\":%.1f}\n"
                             : "upload %llu bytes in %llu ns: %.1f MB/s; "
                               "download %llu bytes in %llu ns: %.1f MB/s\n";
    printf(format, (unsigned long long)settings->upload, (unsigned long long)upload_ns,
        rate(settings->upload, upload_ns), (unsigned long long)measurement->read,
        (unsigned long long)download_ns, rate(measurement->read, download_ns));
}

/* The connection's end tells more than the stream's, unless it is only that this node stops. */
static enum hf_status await_end(struct measurement *measurement, struct hf_error *error)
{
    struct hf_network_event event;
    enum hf_status status;
    char reason[HF_NETWORK_REASON_BYTES] = "";
    while ((status = hf_network_wait(measurement->network, HF_SECONDS(1), &event)) != HF_CLOSED) {
        if (status != HF_OK || event.kind != HF_NETWORK_CLOSED)
            continue;
        if (event.status != HF_OK)
            snprintf(reason, sizeof reason, "%s", event.reason);
        hf_network_stop(measurement->network);
    }
    bool whole = measurement->read == measurement->settings->download;
    if (measurement->status == HF_UNSUPPORTED)
        return hf_error_add(error, HF_UNSUPPORTED, 0, "the peer does not serve " HF_PERF_PROTOCOL);
    if (measurement->status == HF_OK && whole)
        return HF_OK;
    if (reason[0] == '\0')
        snprintf(reason, sizeof reason, "%s",
            measurement->status == HF_OK ? "the peer sends no more"
                                         : hf_status_str(measurement->status));
    return hf_error_add(error, HF_IO, 0, "it ended early: %s; %llu of %llu bytes came", reason,
        (unsigned long long)measurement->read, (unsigned long long)measurement->settings->download);
}

static enum hf_status measure(
    struct peer *peer, struct measurement *measurement, struct hf_error *error)
{
    struct hf_multiaddr address;
    struct hf_peer_id id;
    enum hf_status status =
        peer_address(measurement->settings->address, "MULTIADDR", &address, error);
    if (status == HF_OK)
        status = peer_connect(peer, &address, &id, error);
    if (status == HF_OK)
        status = hf_network_open(peer->network, &id, HF_PERF_PROTOCOL, measurement);
    return status == HF_OK ? await_end(measurement, error) : status;
}

static enum hf_status run(const struct settings *settings, struct hf_error *error)
{
    struct peer peer;
    struct measurement measurement = {
        .clock = hf_clock_monotonic(), .settings = settings, .status = HF_AGAIN};
    const struct hf_protocol protocol = {
        HF_PERF_PROTOCOL, &measurement, on_opened, on_readable, on_writable, on_closed, on_failed};
    struct hf_network_options options = {.protocols = &protocol, .protocols_count = 1};
    enum hf_status status = peer_open(&peer, settings->identity, &options, error);
    measurement.network = peer.network;
    if (status == HF_OK)
        status = peer_start(&peer, error);
    if (status == HF_OK)
        status = measure(&peer, &measurement, error);
    peer_close(&peer);
    if (status == HF_OK)
        print(&measurement);
    return status;
}

static int perf(int argc, char **argv)
{
    struct hf_error error = {0};
    struct settings settings = {.upload = 64 << 20, .download = 64 << 20};
    const struct option_entry entries[] = {
        {"upload", OPTION_SIZE, &settings.upload, 0, 0, "BYTES", "bytes to send (64MiB)"},
        {"download", OPTION_SIZE, &settings.download, 0, 0, "BYTES", "bytes to get (64MiB)"},
        {"identity", OPTION_TEXT, &settings.identity, 0, 0, "FILE",
            "the key to be known by (a new one each time)"},
        {"json", OPTION_FLAG, &settings.as_json, 0, 0, NULL, "print JSON"},
    };
    const struct option_table table = {
        .command = "perf",
        .summary =
            "Dials a libp2p peer that serves " HF_PERF_PROTOCOL " and measures how fast bytes go.",
        .usage = "MULTIADDR [OPTION]...",
        .entries = entries,
        .count = sizeof entries / sizeof entries[0],
    };
    settings.address = options_take_word(&argc, argv);
    enum options_result parsed = options_parse(&table, argc, argv, &error);
    if (parsed == OPTIONS_HELP)
        return EXIT_WORKED;
    if (parsed == OPTIONS_OK && !settings.address) {
        (void)hf_error_add(&error, HF_INVALID, 0, "the address of the peer is missing");
        parsed = OPTIONS_WRONG;
    }
    if (parsed == OPTIONS_WRONG || run(&settings, &error) != HF_OK)
        return complain(argc, argv, &error);
    return EXIT_WORKED;
}

const struct command command_perf = {
    .name = "perf",
    .summary = "measure throughput to a libp2p peer",
    .run = perf,
};
