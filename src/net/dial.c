/* SPDX-License-Identifier: MIT */

#include "net/network_state.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/minmax.h"

/*
 * A dial is one attempt at a peer: its name is looked up, if it has one, and its addresses are
 * tried one after the other, the next HF_NETWORK_STAGGER_NS after the last or as soon as that has
 * failed. The first to connect wins.
 */

static void try_next(struct hf_dial *dial);

static void free_dial(uv_handle_t *timer)
{
    struct hf_dial *dial = timer->data;
    hf_release(&dial->network->allocator, dial, sizeof *dial, _Alignof(struct hf_dial));
}

static void start(struct hf_dial *dial);

/* Starting one may end it at once, which makes room for the next: a loop, not a recursion. */
static void start_waiting(struct hf_network *network)
{
    if (network->starting || network->phase != HF_NETWORK_RUNS)
        return;
    network->starting = true;
    while (network->waiting && network->dials < HF_NETWORK_DIALS_MAX) {
        struct hf_dial *dial = network->waiting;
        network->waiting = dial->next;
        network->waiting_count--;
        start(dial);
    }
    network->starting = false;
}

static void leave_dialling(struct hf_dial *dial)
{
    struct hf_dial **each = &dial->network->dialling;
    while (*each != dial)
        each = &(*each)->next;
    *each = dial->next;
    dial->network->dials--;
}

static void end_dial(struct hf_dial *dial)
{
    struct hf_network *network = dial->network;
    leave_dialling(dial);
    if (dial->lookup)
        hf_lookup_abandon(dial->lookup);
    struct hf_link *next;
    for (struct hf_link *link = network->links; link; link = next) {
        next = link->next;
        if (link->dial == dial) {
            link->dial = NULL;
            dial->trying--;
            hf_link_drop(link);
        }
    }
    uv_close((uv_handle_t *)&dial->timer, free_dial);
    start_waiting(network);
}

static void fail_dial(struct hf_dial *dial, enum hf_status status, const char *what, int error)
{
    struct hf_network_event event = {
        .kind = HF_NETWORK_DIAL_FAILED,
        .status = status,
        .dial = dial->number,
        .peer = dial->target.peer,
        .address = dial->address,
    };
    if (error != 0)
        hf_network_explain(event.reason, what, error);
    else
        snprintf(event.reason, sizeof event.reason, "%s", what);
    hf_network_tell(dial->network, &event);
    end_dial(dial);
}

static void on_connected(uv_connect_t *request, int status)
{
    struct hf_link *link = request->handle->data;
    hf_network_now(link->network);
    if (link->dial)
        hf_dial_attempted(link->dial, link, status);
}

void hf_dial_attempted(struct hf_dial *dial, struct hf_link *link, int status)
{
    link->dial = NULL;
    dial->trying--;
    if (status != 0) {
        dial->last_error = status;
        hf_link_drop(link);
        try_next(dial);
        return;
    }
    bool named = hf_peer_id_bytes(&dial->target.peer).size > 0;
    struct hf_peer_id expected = dial->target.peer;
    link->dial_number = dial->number;
    end_dial(dial);
    if (link->network->connections >= link->network->options.connections_max)
        hf_link_refuse(link, HF_FULL, "there are too many connections");
    else
        hf_link_begin(link, named ? &expected : NULL);
}

static int attempt(struct hf_dial *dial)
{
    struct hf_link *link = hf_link_new(dial->network, false);
    if (!link)
        return UV_ENOMEM;
    const struct sockaddr *address = (const struct sockaddr *)&dial->addresses[dial->tried];
    hf_network_address(address, &link->address);
    int error = uv_tcp_connect(&link->connect, &link->tcp, address, on_connected);
    if (error != 0) {
        hf_link_drop(link);
        return error;
    }
    link->dial = dial;
    dial->trying++;
    return 0;
}

static void on_timer(uv_timer_t *timer)
{
    struct hf_dial *dial = timer->data;
    if (hf_network_now(dial->network) >= dial->deadline_ns)
        fail_dial(dial, HF_TIMEOUT, "no answer in time", 0);
    else
        try_next(dial);
}

static void set_timer(struct hf_dial *dial)
{
    uint64_t left_ns = dial->deadline_ns - hf_min(dial->network->now_ns, dial->deadline_ns);
    if (dial->tried < dial->addresses_count)
        left_ns = hf_min(left_ns, HF_NETWORK_STAGGER_NS);
    uv_update_time(&dial->network->loop);
    (void)uv_timer_start(&dial->timer, on_timer, left_ns / HF_MS(1) + 1, 0);
}

static void try_next(struct hf_dial *dial)
{
    while (dial->tried < dial->addresses_count) {
        int error = attempt(dial);
        dial->tried++;
        if (error == 0)
            break;
        dial->last_error = error;
    }
    if (dial->trying == 0 && dial->tried == dial->addresses_count)
        fail_dial(dial, HF_IO, "connect", dial->last_error);
    else
        set_timer(dial);
}

static void set_port(struct sockaddr_storage *address, uint16_t port)
{
    if (address->ss_family == AF_INET)
        ((struct sockaddr_in *)address)->sin_port = htons(port);
    else
        ((struct sockaddr_in6 *)address)->sin6_port = htons(port);
}

static void use_found(struct hf_dial *dial, const struct addrinfo *found)
{
    for (; found && dial->addresses_count < HF_NETWORK_ADDRESSES_MAX; found = found->ai_next) {
        struct sockaddr_storage *address = &dial->addresses[dial->addresses_count++];
        memcpy(address, found->ai_addr, found->ai_addrlen);
        set_port(address, dial->target.port);
    }
    try_next(dial);
}

static void fail_lookup(struct hf_dial *dial, const char *why)
{
    char reason[HF_NETWORK_REASON_BYTES];
    snprintf(reason, sizeof reason, "looking the name up: %s", why);
    fail_dial(dial, HF_IO, reason, 0);
}

void hf_network_take_lookups(uv_async_t *wake)
{
    struct hf_network *network = wake->data;
    struct hf_lookup *lookup;
    hf_network_now(network);
    while ((lookup = hf_lookups_take(network->lookups)) != NULL) {
        struct hf_dial *dial = lookup->owner;
        dial->lookup = NULL;
        if (lookup->error != 0)
            fail_lookup(dial, gai_strerror(lookup->error));
        else
            use_found(dial, lookup->found);
        hf_lookup_free(lookup);
    }
}

static void look_up(struct hf_dial *dial)
{
    struct hf_network *network = dial->network;
    int family = dial->target.kind == HF_MULTIADDR_DNS4   ? AF_INET
                 : dial->target.kind == HF_MULTIADDR_DNS6 ? AF_INET6
                                                          : AF_UNSPEC;
    if (!network->lookups)
        network->lookups = hf_lookups_new(&network->looked_up);
    if (network->lookups)
        dial->lookup = hf_lookup_begin(network->lookups, dial, dial->target.name, family);
    if (dial->lookup)
        set_timer(dial);
    else
        fail_lookup(dial, "no memory or no thread");
}

static void use_ip(struct hf_dial *dial)
{
    const struct hf_ip *ip = &dial->target.ip;
    struct sockaddr_storage *address = &dial->addresses[dial->addresses_count++];
    if (ip->version == 4) {
        struct sockaddr_in *ip4 = (struct sockaddr_in *)address;
        ip4->sin_family = AF_INET;
        memcpy(&ip4->sin_addr, ip->bytes, sizeof ip4->sin_addr);
    } else {
        struct sockaddr_in6 *ip6 = (struct sockaddr_in6 *)address;
        ip6->sin6_family = AF_INET6;
        memcpy(&ip6->sin6_addr, ip->bytes, sizeof ip6->sin6_addr);
    }
    set_port(address, dial->target.port);
}

static void start(struct hf_dial *dial)
{
    struct hf_network *network = dial->network;
    struct hf_error error = {0};
    network->dials++;
    dial->next = network->dialling;
    network->dialling = dial;
    dial->deadline_ns = network->now_ns + HF_NETWORK_DIAL_NS;
    (void)uv_timer_init(&network->loop, &dial->timer);
    dial->timer.data = dial;
    enum hf_status status = hf_multiaddr_target(&dial->address, &dial->target, &error);
    if (status != HF_OK) {
        fail_dial(dial, status, hf_error_text(&error), 0);
        return;
    }
    if (network->connections >= network->options.connections_max) {
        fail_dial(dial, HF_FULL, "there are too many connections", 0);
        return;
    }
    if (dial->target.ip.version == 0) {
        look_up(dial);
        return;
    }
    use_ip(dial);
    try_next(dial);
}

static void tell_not_begun(struct hf_network *network, enum hf_status status, uint64_t number,
    const struct hf_multiaddr *address)
{
    struct hf_network_event event = {
        .kind = HF_NETWORK_DIAL_FAILED, .status = status, .dial = number, .address = *address};
    const char *reason = status == HF_CLOSED ? "the network stops"
                         : status == HF_FULL ? "too many dials wait"
                                             : "no memory for a dial";
    snprintf(event.reason, sizeof event.reason, "%s", reason);
    hf_network_tell(network, &event);
}

static void wait(struct hf_dial *dial)
{
    struct hf_network *network = dial->network;
    *(network->waiting ? &network->waiting_last->next : &network->waiting) = dial;
    network->waiting_last = dial;
    network->waiting_count++;
}

void hf_network_begin_dial(struct hf_network *network, const struct hf_network_command *command)
{
    bool full = network->waiting_count >= HF_NETWORK_COMMANDS_MAX;
    struct hf_dial *dial =
        full ? NULL : hf_allocate(&network->allocator, sizeof *dial, _Alignof(struct hf_dial));
    if (!dial) {
        tell_not_begun(network, full ? HF_FULL : HF_NO_MEMORY, command->number, &command->address);
        return;
    }
    *dial = (struct hf_dial){
        .network = network, .number = command->number, .address = command->address};
    wait(dial);
    start_waiting(network);
}

void hf_network_end_dials(struct hf_network *network)
{
    while (network->waiting) {
        struct hf_dial *dial = network->waiting;
        network->waiting = dial->next;
        network->waiting_count--;
        tell_not_begun(network, HF_CLOSED, dial->number, &dial->address);
        hf_release(&network->allocator, dial, sizeof *dial, _Alignof(struct hf_dial));
    }
    while (network->dialling)
        fail_dial(network->dialling, HF_CLOSED, "the network stops", 0);
    hf_lookups_leave(network->lookups);
    network->lookups = NULL;
}
