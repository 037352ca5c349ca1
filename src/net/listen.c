/* SPDX-License-Identifier: MIT */

#include "net/network_state.h"

#include <netinet/in.h>
#include <string.h>

#include "net/multiaddr_protocol.h"

/* Where peers come in. */

#define PER_ADDRESS_MAX 8
#define ADDRESS_IP6_BYTES 7
#define BACKLOG 1024 /* Who finds it full waits a second. */

static void tell_listening(struct hf_network *network, size_t index)
{
    struct hf_network_event event = {
        .kind = HF_NETWORK_LISTENING, .address = network->addresses[index], .peer = network->id};
    if (hf_multiaddr_add_peer(&event.address, &network->id) == HF_OK)
        hf_network_tell(network, &event);
}

static int bind_listener(uv_tcp_t *listener, const struct hf_multiaddr_target *target)
{
    struct sockaddr_storage address = {0};
    char text[HF_IP_TEXT_BYTES];
    hf_ip_write(&target->ip, text, sizeof text);
    int error = target->ip.version == 4
                    ? uv_ip4_addr(text, target->port, (struct sockaddr_in *)&address)
                    : uv_ip6_addr(text, target->port, (struct sockaddr_in6 *)&address);
    if (error == 0)
        error = uv_tcp_bind(listener, (const struct sockaddr *)&address, 0);
    return error == 0 ? uv_listen((uv_stream_t *)listener, BACKLOG, hf_network_accept) : error;
}

enum hf_status hf_network_listen(
    struct hf_network *network, const struct hf_multiaddr *address, struct hf_error *error)
{
    struct hf_multiaddr_target target;
    if (!network || !address)
        return hf_error_add(error, HF_INVALID, 0, "%s: NULL", network ? "address" : "network");
    enum hf_status status = hf_multiaddr_target(address, &target, error);
    if (status != HF_OK)
        return status;
    if (network->phase != HF_NETWORK_NEW || target.ip.version == 0)
        return hf_error_add(error, HF_INVALID, 0,
            target.ip.version ? "network: it runs already" : "address: a name cannot be bound to");
    if (network->listeners_count == HF_NETWORK_LISTENERS_MAX)
        return hf_error_add(
            error, HF_FULL, 0, "more than %d addresses to listen at", HF_NETWORK_LISTENERS_MAX);
    uv_tcp_t *listener = &network->listeners[network->listeners_count];
    (void)uv_tcp_init(&network->loop, listener);
    listener->data = network;
    int failed = bind_listener(listener, &target);
    struct sockaddr_storage bound;
    int size = sizeof bound;
    if (failed == 0)
        failed = uv_tcp_getsockname(listener, (struct sockaddr *)&bound, &size);
    if (failed != 0) {
        char text[HF_MULTIADDR_TEXT_BYTES];
        hf_multiaddr_write(address, text, sizeof text);
        uv_close((uv_handle_t *)listener, NULL);
        (void)uv_run(&network->loop, UV_RUN_NOWAIT); /* So that the place is free again. */
        return hf_error_add(error, HF_IO, -failed, "%s: %s", text, uv_strerror(failed));
    }
    hf_network_address(
        (const struct sockaddr *)&bound, &network->addresses[network->listeners_count]);
    tell_listening(network, network->listeners_count++);
    return HF_OK;
}

/*
 * Who is slow to set a connection up, or never means to, must not keep others out: the oldest of
 * those gives its place up once it had its grace. False: none has.
 */
static bool make_way(struct hf_network *network)
{
    struct hf_link *oldest = NULL;
    for (struct hf_link *each = network->links; each; each = each->next) {
        bool half_open = each->inbound && each->connection && !each->announced && !each->draining;
        if (half_open && (!oldest || each->begun_ns < oldest->begun_ns))
            oldest = each;
    }
    if (!oldest || network->now_ns - oldest->begun_ns < HF_NETWORK_GRACE_NS)
        return false;
    hf_link_end(oldest, HF_TIMEOUT, "too slow while others wait");
    return true;
}

/* What counts as one address: of IPv6, what one customer of a provider has at least. */
static size_t address_bytes(const struct hf_ip *ip)
{
    return ip->version == 4 ? 4 : ADDRESS_IP6_BYTES;
}

static bool is_same(const struct hf_ip *one, const struct hf_ip *other)
{
    return one->version == other->version &&
           memcmp(one->bytes, other->bytes, address_bytes(one)) == 0;
}

static bool is_loopback(const struct hf_ip *ip)
{
    static const uint8_t ip6[16] = {[15] = 1};
    return ip->version == 4 ? ip->bytes[0] == 127 : memcmp(ip->bytes, ip6, sizeof ip6) == 0;
}

/* Those that are over, but hold their place until all is sent, count too. */
static bool has_too_many(const struct hf_network *network, const struct hf_ip *ip)
{
    uint32_t most = network->options.per_address_max;
    uint32_t count = 0;
    if (most == 0 && is_loopback(ip))
        return false;
    for (const struct hf_link *each = network->links; each; each = each->next)
        count += each->inbound && each->connection && is_same(&each->ip, ip);
    return count >= (most ? most : PER_ADDRESS_MAX);
}

/* Limits that need no more than the address. NULL: let it in. Way is made for nobody who would then
 * be refused. */
static const char *refusal(struct hf_network *network, const struct hf_ip *ip)
{
    const struct hf_network_options *options = &network->options;
    struct hf_bytes key = hf_bytes(ip->bytes, address_bytes(ip));
    if (network->connections >= options->connections_max)
        return "there are too many connections";
    if (has_too_many(network, ip))
        return "the address has too many connections";
    if (options->per_address &&
        hf_limits_check_at(options->per_address, key, 1, network->now_ns, NULL) != HF_OK)
        return "the address connects too often";
    if (network->half_open >= options->half_open_max && !make_way(network))
        return "too many connections are being set up";
    return NULL;
}

/* Who comes by IPv4 to a listener of IPv6's counts by the former. */
static void unmap(struct hf_ip *ip)
{
    const uint8_t *ip4 = ip->version == 6 ? hf_multiaddr_mapped_ip4(ip->bytes) : NULL;
    struct hf_ip plain = {.version = 4};
    if (!ip4)
        return;
    memcpy(plain.bytes, ip4, 4);
    *ip = plain;
}

static void on_bounced(uv_handle_t *bouncer);

/*
 * Closes connections that wait to be accepted and cannot be, one after the other: libuv lets a
 * listener hear of no more before. It needs no memory.
 */
static void bounce(struct hf_network *network)
{
    uv_stream_t *bouncer = (uv_stream_t *)&network->bouncer;
    if (uv_is_closing((uv_handle_t *)bouncer))
        return;
    for (size_t i = 0; i < network->listeners_count; i++) {
        uv_stream_t *listener = (uv_stream_t *)&network->listeners[i];
        if (!uv_is_closing((uv_handle_t *)listener) && uv_accept(listener, bouncer) == 0) {
            uv_close((uv_handle_t *)bouncer, on_bounced);
            return;
        }
    }
}

static void on_bounced(uv_handle_t *bouncer)
{
    struct hf_network *network = bouncer->data;
    if (network->phase != HF_NETWORK_RUNS)
        return;
    hf_network_init_bouncer(network);
    bounce(network);
}

void hf_network_init_bouncer(struct hf_network *network)
{
    (void)uv_tcp_init(&network->loop, &network->bouncer); /* Without a socket, it cannot fail. */
    network->bouncer.data = network;
}

void hf_network_accept(uv_stream_t *listener, int status)
{
    struct hf_network *network = listener->data;
    struct sockaddr_storage remote = {0};
    int size = sizeof remote;
    uint16_t port;
    if (status != 0)
        return;
    struct hf_link *link = hf_link_new(network, true);
    if (!link) {
        bounce(network);
        return;
    }
    hf_network_now(network);
    if (uv_accept(listener, (uv_stream_t *)&link->tcp) != 0 ||
        uv_tcp_getpeername(&link->tcp, (struct sockaddr *)&remote, &size) != 0) {
        hf_link_drop(link);
        return;
    }
    hf_network_address((const struct sockaddr *)&remote, &link->address);
    link->ip = hf_network_ip((const struct sockaddr *)&remote, &port);
    unmap(&link->ip);
    const char *reason = refusal(network, &link->ip);
    if (reason)
        hf_link_refuse(link, HF_DENIED, reason);
    else
        hf_link_begin(link, NULL);
}
