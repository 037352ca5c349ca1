/* SPDX-License-Identifier: MIT */

#include "net/network_state.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <holdfast/version.h>

#include "base/allocator.h"
#include "base/minmax.h"

#define CONNECTIONS_MAX 512
#define HALF_OPEN_MAX 32
#define PER_PEER_MAX 8
#define NAME_MAX_BYTES 200
#define AGENT_MAX_BYTES 100

uint64_t hf_network_now(struct hf_network *network)
{
    network->now_ns = hf_clock_now_ns(&network->clock);
    return network->now_ns;
}

void hf_network_explain(char *reason, const char *what, int error)
{
    snprintf(reason, HF_NETWORK_REASON_BYTES, "%s: %s", what, uv_strerror(error));
}

/* The write only fails if the counter is about to overflow: then the reader is awake anyway. */
static void ring(struct hf_network *network)
{
    uint64_t one = 1;
    ssize_t size = write(network->event_fd, &one, sizeof one);
    (void)size;
}

void hf_network_tell(struct hf_network *network, const struct hf_network_event *event)
{
    hf_network_queue_put(&network->queue, event);
    ring(network);
}

struct hf_ip hf_network_ip(const struct sockaddr *socket, uint16_t *port)
{
    struct hf_ip ip = {.version = socket->sa_family == AF_INET ? 4 : 6};
    if (ip.version == 4) {
        const struct sockaddr_in *ip4 = (const struct sockaddr_in *)(const void *)socket;
        memcpy(ip.bytes, &ip4->sin_addr, sizeof ip4->sin_addr);
        *port = ntohs(ip4->sin_port);
    } else {
        const struct sockaddr_in6 *ip6 = (const struct sockaddr_in6 *)(const void *)socket;
        memcpy(ip.bytes, &ip6->sin6_addr, sizeof ip6->sin6_addr);
        *port = ntohs(ip6->sin6_port);
    }
    return ip;
}

void hf_network_address(const struct sockaddr *socket, struct hf_multiaddr *address)
{
    uint16_t port;
    struct hf_ip ip = hf_network_ip(socket, &port);
    enum hf_status status = hf_multiaddr_from_ip(&ip, port, address);
    (void)status; /* An ip with a version always makes an address. */
}

const struct hf_protocol *hf_network_protocol(const struct hf_network *network, const char *name)
{
    for (size_t i = 0; i < network->protocols_count; i++) {
        if (strcmp(network->protocols[i].name, name) == 0)
            return &network->protocols[i];
    }
    return NULL;
}

struct hf_link *hf_network_link(const struct hf_network *network, const struct hf_peer_id *peer)
{
    for (struct hf_link *link = network->links; link; link = link->next) {
        if (link->announced && !link->draining &&
            hf_peer_id_equals(hf_connection_peer(link->connection), peer))
            return link;
    }
    return NULL;
}

static enum hf_status check_protocols(
    const struct hf_network_options *options, struct hf_error *error)
{
    if (options->protocols_count > HF_NETWORK_PROTOCOLS_MAX)
        return hf_error_add(error, HF_INVALID, 0, "protocols_count: %zu is above %d",
            options->protocols_count, HF_NETWORK_PROTOCOLS_MAX);
    if (options->protocols_count > 0 && !options->protocols)
        return hf_error_add(error, HF_INVALID, 0, "protocols: NULL");
    for (size_t i = 0; i < options->protocols_count; i++) {
        const char *name = options->protocols[i].name;
        if (!name || name[0] != '/' || strlen(name) > NAME_MAX_BYTES || strchr(name, '\n'))
            return hf_error_add(error, HF_INVALID, 0,
                "protocols[%zu].name: \"%s\" is no name of up to %d characters that begins with /",
                i, name ? name : "(NULL)", NAME_MAX_BYTES);
    }
    return HF_OK;
}

static enum hf_status configure(
    struct hf_network *network, const struct hf_network_options *given, struct hf_error *error)
{
    struct hf_network_options *options = &network->options;
    const char *agent = given->agent ? given->agent : "holdfast/" HF_VERSION_TEXT;
    enum hf_status status = check_protocols(given, error);
    if (status != HF_OK)
        return status;
    if (!given->identity)
        return hf_error_add(error, HF_INVALID, 0, "identity: NULL");
    if (strlen(agent) > AGENT_MAX_BYTES)
        return hf_error_add(error, HF_INVALID, 0, "agent: longer than %d", AGENT_MAX_BYTES);
    if (given->ping_interval_ns > HF_TIME_MAX_NS / 2)
        return hf_error_add(error, HF_INVALID, 0, "ping_interval_ns: %llu is too large",
            (unsigned long long)given->ping_interval_ns);
    *options = *given;
    options->connections_max = given->connections_max ? given->connections_max : CONNECTIONS_MAX;
    options->half_open_max = given->half_open_max ? given->half_open_max : HALF_OPEN_MAX;
    options->per_peer_max = given->per_peer_max ? given->per_peer_max : PER_PEER_MAX;
    network->allocator = given->allocator ? *given->allocator : *hf_allocator_libc();
    network->clock = hf_clock_monotonic();
    network->id = given->identity->id;
    snprintf(network->agent, sizeof network->agent, "%s", agent);
    for (size_t i = 0; i < given->protocols_count; i++)
        network->protocols[network->protocols_count++] = given->protocols[i];
    hf_network_add_built_in(network);
    for (size_t i = 0; i < network->protocols_count; i++)
        network->names[i] =
            hf_bytes(network->protocols[i].name, strlen(network->protocols[i].name));
    return hf_identity_write_public(given->identity, network->public_key);
}

static enum hf_status make_credentials(
    struct hf_network *network, const struct hf_identity *identity, struct hf_error *error)
{
    static const struct hf_bytes muxer = {HF_CONNECTION_YAMUX, sizeof(HF_CONNECTION_YAMUX) - 1};
    uint8_t static_private[HF_KEY_BYTES];
    struct hf_noise_credentials_options options = {identity, static_private, &muxer, 1};
    enum hf_status status = hf_random_system_bytes(static_private, sizeof static_private, error);
    if (status == HF_OK)
        status = hf_noise_credentials_init(&network->credentials, &options);
    hf_erase(static_private, sizeof static_private);
    return status == HF_OK ? HF_OK : hf_error_add(error, status, 0, "no credentials can be made");
}

static void carry_out(uv_async_t *wake);

static enum hf_status open_world(struct hf_network *network, struct hf_error *error)
{
    enum hf_status status = hf_network_queue_init(&network->queue, &network->allocator);
    if (status == HF_OK)
        network->read_bytes = hf_allocate(&network->allocator, HF_NETWORK_READ_BYTES, 1);
    if (status != HF_OK || !network->read_bytes)
        return hf_error_add(error, HF_NO_MEMORY, 0, "no memory for a network's buffers");
    network->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (network->event_fd < 0)
        return hf_error_add(error, HF_IO, errno, "eventfd: %s", strerror(errno));
    int failed = uv_loop_init(&network->loop);
    network->loop.data = failed == 0 ? network : NULL;
    if (failed == 0)
        failed = uv_async_init(&network->loop, &network->wake, carry_out);
    if (failed == 0)
        failed = uv_async_init(&network->loop, &network->looked_up, hf_network_take_lookups);
    if (failed != 0)
        return hf_error_add(error, HF_IO, failed, "libuv: %s", uv_strerror(failed));
    network->wake.data = network->looked_up.data = network;
    hf_network_init_bouncer(network);
    return HF_OK;
}

enum hf_status hf_network_new(
    struct hf_network **network, const struct hf_network_options *options, struct hf_error *error)
{
    if (!network)
        return hf_error_add(error, HF_INVALID, 0, "network: NULL");
    *network = NULL;
    if (!options)
        return hf_error_add(error, HF_INVALID, 0, "options: NULL");
    enum hf_status status = hf_allocator_check(options->allocator, error);
    if (status != HF_OK)
        return status;
    struct hf_network *made =
        hf_allocate(options->allocator, sizeof *made, _Alignof(struct hf_network));
    if (!made)
        return hf_error_add(error, HF_NO_MEMORY, 0, "no memory for a network");
    made->event_fd = -1;
    made->allocator = options->allocator ? *options->allocator : *hf_allocator_libc();
    status = configure(made, options, error);
    if (status == HF_OK)
        status = make_credentials(made, options->identity, error);
    hf_block_pool_init(&made->blocks, &made->allocator);
    if (status == HF_OK)
        status = open_world(made, error);
    if (status != HF_OK) {
        hf_network_free(made);
        return status;
    }
    *network = made;
    return HF_OK;
}

static void close_handle(uv_handle_t *handle, void *context)
{
    (void)context;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

/* A loop that has never run, or has ended, has at most the network's own handles. */
static void close_loop(struct hf_network *network)
{
    if (!network->loop.data)
        return;
    uv_walk(&network->loop, close_handle, NULL);
    (void)uv_run(&network->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&network->loop);
}

void hf_network_free(struct hf_network *network)
{
    if (!network)
        return;
    struct hf_allocator allocator = network->allocator;
    close_loop(network);
    if (network->queue.events)
        hf_network_queue_fini(&network->queue);
    hf_block_pool_fini(&network->blocks);
    hf_noise_credentials_fini(&network->credentials);
    hf_release(&allocator, network->read_bytes, HF_NETWORK_READ_BYTES, 1);
    if (network->event_fd >= 0)
        (void)close(network->event_fd);
    hf_release(&allocator, network, sizeof *network, _Alignof(struct hf_network));
}

/* Closes all that is open; the loop ends when the last handle has gone. */
static void end(struct hf_network *network)
{
    network->phase = HF_NETWORK_ENDS;
    for (size_t i = 0; i < network->listeners_count; i++)
        close_handle((uv_handle_t *)&network->listeners[i], NULL);
    hf_network_end_dials(network);
    for (struct hf_link *link = network->links; link; link = link->next) {
        if (link->connection)
            hf_link_end(link, HF_OK, "this node stops");
    }
    close_handle((uv_handle_t *)&network->bouncer, NULL);
    close_handle((uv_handle_t *)&network->wake, NULL);
    close_handle((uv_handle_t *)&network->looked_up, NULL);
}

static void take_commands(struct hf_network *network, bool last)
{
    struct hf_network_command *command = hf_network_queue_commands(&network->queue, last);
    while (command) {
        struct hf_network_command *next = command->next;
        if (network->phase == HF_NETWORK_RUNS)
            hf_network_carry_out(network, command);
        else
            hf_network_decline(network, command);
        hf_network_command_free(&network->queue, command);
        command = next;
    }
}

/* Before the network runs, closing a listener turns the loop too: commands wait. */
static void carry_out(uv_async_t *wake)
{
    struct hf_network *network = wake->data;
    if (network->phase == HF_NETWORK_NEW)
        return;
    hf_network_now(network);
    take_commands(network, false);
    if (hf_load_acquire(&network->stop) && network->phase == HF_NETWORK_RUNS)
        end(network);
}

/* A peer that has gone must show as an error of write, not end the process. */
static void block_sigpipe(sigset_t *before)
{
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &pipe, before);
}

/* One that came meanwhile is taken, so that it does not strike when it is let through again. */
static void restore_sigpipe(const sigset_t *before)
{
    sigset_t pipe;
    const struct timespec at_once = {0};
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    if (!sigismember(before, SIGPIPE))
        (void)sigtimedwait(&pipe, NULL, &at_once);
    (void)pthread_sigmask(SIG_SETMASK, before, NULL);
}

enum hf_status hf_network_run(struct hf_network *network)
{
    sigset_t before;
    if (!network || network->phase != HF_NETWORK_NEW)
        return HF_INVALID;
    network->phase = HF_NETWORK_RUNS;
    block_sigpipe(&before);
    carry_out(&network->wake); /* What was asked for before. */
    (void)uv_run(&network->loop, UV_RUN_DEFAULT);
    restore_sigpipe(&before);
    network->phase = HF_NETWORK_OVER;
    take_commands(network, true);
    struct hf_network_event event = {.kind = HF_NETWORK_STOPPED};
    hf_network_queue_put(&network->queue, &event);
    hf_store_release(&network->ended, 1);
    ring(network);
    return HF_OK;
}

void hf_network_stop(struct hf_network *network)
{
    if (!network)
        return;
    uint64_t none = 0;
    if (hf_cas_acq_rel(&network->stop, &none, 1))
        (void)uv_async_send(&network->wake);
}

enum hf_status hf_network_next(struct hf_network *network, struct hf_network_event *event)
{
    if (!network || !event)
        return HF_INVALID;
    bool ended = hf_load_acquire(&network->ended);
    if (hf_network_queue_take(&network->queue, event))
        return HF_OK;
    return ended ? HF_CLOSED : HF_AGAIN;
}

/* Waits for the bell, up to timeout_ns, and silences it. */
static void await_ring(struct hf_network *network, uint64_t timeout_ns)
{
    struct pollfd bell = {.fd = network->event_fd, .events = POLLIN};
    uint64_t timeout_ms = hf_min(timeout_ns / HF_MS(1) + (timeout_ns % HF_MS(1) != 0), INT32_MAX);
    uint64_t count;
    (void)poll(&bell, 1, (int)timeout_ms);
    ssize_t size = read(network->event_fd, &count, sizeof count);
    (void)size; /* It has not rung: the time is over. */
}

/* The bell may ring for an event that has been fetched already. */
enum hf_status hf_network_wait(
    struct hf_network *network, uint64_t timeout_ns, struct hf_network_event *event)
{
    enum hf_status status = hf_network_next(network, event);
    if (status != HF_AGAIN)
        return status;
    uint64_t start_ns = hf_clock_now_ns(&network->clock);
    uint64_t waited_ns = 0;
    while (status == HF_AGAIN && waited_ns < timeout_ns) {
        await_ring(network, timeout_ns - waited_ns);
        status = hf_network_next(network, event);
        waited_ns = hf_clock_now_ns(&network->clock) - start_ns;
    }
    return status;
}

const struct hf_peer_id *hf_network_id(const struct hf_network *network)
{
    return network ? &network->id : NULL;
}
