/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/json.h"
#include "cli/peer.h"

/* The one network that signals stop; hf_network_stop may be called from their handler. */
static struct hf_network *running;

static void on_signal(int number)
{
    (void)number;
    hf_network_stop(running);
}

enum hf_status peer_open(struct peer *peer, const char *identity_path,
    struct hf_network_options *options, struct hf_error *error)
{
    *peer = (struct peer){0};
    enum hf_status status = identity_path ? hf_identity_load(&peer->identity, identity_path, error)
                                          : hf_identity_generate(&peer->identity, error);
    if (status != HF_OK)
        return status;
    options->identity = &peer->identity;
    return hf_network_new(&peer->network, options, error);
}

static void *run(void *context)
{
    enum hf_status status = hf_network_run(context);
    (void)status; /* A network that is new runs. */
    return NULL;
}

enum hf_status peer_start(struct peer *peer, struct hf_error *error)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    running = peer->network;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    int failed = pthread_create(&peer->thread, NULL, run, peer->network);
    if (failed != 0)
        return hf_error_add(error, HF_NO_MEMORY, failed, "no thread: %s", strerror(failed));
    peer->runs = true;
    return HF_OK;
}

void peer_close(struct peer *peer)
{
    hf_network_stop(peer->network);
    if (peer->runs)
        (void)pthread_join(peer->thread, NULL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    running = NULL;
    hf_network_free(peer->network);
    hf_identity_fini(&peer->identity);
}

enum hf_status peer_address(
    const char *text, const char *field, struct hf_multiaddr *address, struct hf_error *error)
{
    enum hf_status status = hf_multiaddr_parse(hf_bytes(text, strlen(text)), address, error);
    return status == HF_OK ? HF_OK
                           : hf_error_add(error, HF_INVALID, 0, "%s: '%s' is no address to use: %s",
                                 field, text, hf_error_text(error));
}

enum hf_status peer_connect(struct peer *peer, const struct hf_multiaddr *address,
    struct hf_peer_id *id, struct hf_error *error)
{
    struct hf_network_event event;
    enum hf_status status = hf_network_dial(peer->network, address, 1);
    while (status == HF_OK || status == HF_AGAIN) {
        status = hf_network_wait(peer->network, HF_SECONDS(1), &event);
        if (status != HF_OK)
            continue;
        if (event.kind == HF_NETWORK_CONNECTED) {
            *id = event.peer;
            return HF_OK;
        }
        if (event.kind == HF_NETWORK_DIAL_FAILED)
            return hf_error_add(error, event.status, 0, "nobody to speak with: %s", event.reason);
    }
    return hf_error_add(error, status, 0, "stopped");
}

static const char *name_of(enum hf_network_event_kind kind)
{
    static const char *const names[] = {
        [HF_NETWORK_LISTENING] = "listening",
        [HF_NETWORK_CONNECTED] = "connected",
        [HF_NETWORK_DIAL_FAILED] = "dial_failed",
        [HF_NETWORK_REFUSED] = "refused",
        [HF_NETWORK_IDENTIFIED] = "identified",
        [HF_NETWORK_PINGED] = "ping",
        [HF_NETWORK_PING_FAILED] = "ping_failed",
        [HF_NETWORK_CLOSED] = "closed",
        [HF_NETWORK_STOPPED] = "stopped",
    };
    return names[kind];
}

#define LINE_BYTES 8192
#define TEXT_ROOM 1200 /* Of one text in a line, escaped. */

static struct hf_json add_text(struct hf_json json, const char *name, const char *text)
{
    size_t room = TEXT_ROOM;
    if (!*text)
        return json;
    json = hf_json_raw(json, ",\"", 2);
    json = hf_json_raw(json, name, strlen(name));
    json = hf_json_raw(json, "\":", 2);
    return hf_json_string(json, hf_bytes(text, strlen(text)), &room);
}

static struct hf_json add_number(struct hf_json json, const char *name, uint64_t number)
{
    if (number == 0)
        return json;
    json = hf_json_raw(json, ",\"", 2);
    json = hf_json_raw(json, name, strlen(name));
    json = hf_json_raw(json, "\":", 2);
    return hf_json_unsigned(json, number);
}

static void print_json(const struct hf_network_event *event, const char *address, const char *peer)
{
    char line[LINE_BYTES];
    struct hf_json json = {line, line + sizeof line};
    const char *name = name_of(event->kind);
    size_t room = TEXT_ROOM;
    json = hf_json_raw(json, "{\"event\":", 9);
    json = hf_json_string(json, hf_bytes(name, strlen(name)), &room);
    json = add_text(json, "address", address);
    json = add_text(json, "peer", peer);
    json = add_number(json, "connection", event->connection);
    if (event->kind == HF_NETWORK_CONNECTED)
        json = add_text(json, "direction", event->inbound ? "inbound" : "outbound");
    if (event->status != HF_OK)
        json = add_text(json, "status", hf_status_str(event->status));
    json = add_text(json, "reason", event->reason);
    json = add_text(json, "agent", event->agent);
    json = add_text(json, "protocols", event->protocols);
    json = add_number(json, "rtt_us", (event->round_trip_ns + 999) / 1000);
    json = add_number(json, "missed", event->missed);
    json = hf_json_raw(json, "}", 1);
    if (json.at)
        printf("%.*s\n", (int)(json.at - line), line);
}

static void print_text(const struct hf_network_event *event, const char *address, const char *peer)
{
    printf("%s", name_of(event->kind));
    if (event->kind == HF_NETWORK_LISTENING || !*peer)
        printf(" %s", address);
    else
        printf(" %s %s", peer, address);
    if (event->kind == HF_NETWORK_PINGED)
        printf(" rtt_us=%llu", (unsigned long long)((event->round_trip_ns + 999) / 1000));
    if (*event->agent)
        printf(" agent=\"%s\"", event->agent);
    if (*event->reason)
        printf(": %s", event->reason);
    printf("\n");
}

/* What a peer says of itself could steer a terminal. */
static void tame(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f)
            *text = '?';
}

void peer_print(const struct hf_network_event *event, bool as_json)
{
    struct hf_network_event shown = *event;
    char address[HF_MULTIADDR_TEXT_BYTES];
    char peer[HF_PEER_ID_TEXT_BYTES];
    if (!name_of(event->kind))
        return;
    hf_multiaddr_write(&event->address, address, sizeof address);
    hf_peer_id_write(&event->peer, peer, sizeof peer);
    tame(shown.agent);
    tame(shown.reason);
    if (as_json)
        print_json(event, address, peer);
    else
        print_text(&shown, address, peer);
    fflush(stdout);
}
