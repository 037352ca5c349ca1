/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include "support/adaptive_world.h"

#include <assert.h>
#include <stdlib.h>

#include "base/minmax.h"

/* Uniform from 0 to twice the mean: whole numbers only, so that every machine draws the same. */
static uint64_t about(struct adaptive_world *world, uint64_t mean)
{
    struct hf_random random = hf_sim_random(world->sim);
    return hf_random_below(&random, 2 * mean + 1);
}

static void later(
    struct adaptive_world *world, uint64_t delay_ns, hf_sim_function *what, void *whom)
{
    enum hf_status status = hf_sim_after(world->sim, delay_ns, what, whom, NULL);
    assert(status == HF_OK);
    (void)status;
}

static void hear(void *context, uint64_t now_ns)
{
    struct adaptive_request *request = context;
    struct adaptive_client *client = request->client;
    struct hf_outcome outcome = hf_success();
    if (request->refused)
        outcome = hf_transient_after(503, client->world->retry_after_ns);
    client->refused += request->refused;
    client->answered += !request->refused;
    client->waited_ns += request->waited_ns;
    request->used = false;
    enum hf_status status =
        hf_adaptive_record(client->adaptive, outcome, now_ns - request->sent_ns, now_ns);
    assert(status == HF_OK);
    (void)status;
}

static struct adaptive_request *new_request(struct adaptive_world *world)
{
    struct adaptive_request *request;
    uint32_t tried = 0;
    do {
        assert(tried++ < ADAPTIVE_PENDING_MAX);
        request = &world->requests[world->next_request++ % ADAPTIVE_PENDING_MAX];
    } while (request->used);
    return request;
}

/* What the server makes of a request is known when it comes in. */
static void serve(struct adaptive_client *client, uint64_t now_ns)
{
    struct adaptive_world *world = client->world;
    struct adaptive_request *request = new_request(world);
    uint64_t begin_ns = hf_max(world->free_at_ns, now_ns);
    *request = (struct adaptive_request){.client = client, .sent_ns = now_ns, .used = true};
    request->refused = begin_ns - now_ns > ADAPTIVE_QUEUE_NS;
    uint64_t done_ns = now_ns;
    if (!request->refused) {
        request->waited_ns = begin_ns - now_ns;
        done_ns = begin_ns + about(world, HF_SECONDS(1) / world->capacity);
        world->free_at_ns = done_ns;
    }
    later(world, done_ns - now_ns + ADAPTIVE_TRIP_NS, hear, request);
}

static void want(void *context, uint64_t now_ns)
{
    struct adaptive_client *client = context;
    client->wanted++;
    if (hf_adaptive_check(client->adaptive, 1, now_ns, NULL) == HF_OK) {
        client->sent++;
        serve(client, now_ns);
    }
    later(client->world, about(client->world, HF_SECONDS(1) / client->demand), want, client);
}

struct adaptive_world *adaptive_world_new(uint64_t seed, uint64_t capacity)
{
    struct adaptive_world *world = calloc(1, sizeof(*world));
    assert(world);
    world->capacity = capacity;
    enum hf_status status = hf_sim_new(&world->sim, &(struct hf_sim_options){.seed = seed}, NULL);
    assert(status == HF_OK);
    (void)status;
    return world;
}

void adaptive_world_free(struct adaptive_world *world)
{
    for (uint32_t i = 0; i < world->clients_count; i++)
        hf_adaptive_free(world->clients[i].adaptive);
    hf_sim_free(world->sim);
    free(world);
}

struct adaptive_client *adaptive_world_add(
    struct adaptive_world *world, const struct hf_adaptive_options *options, uint64_t demand)
{
    assert(world->clients_count < ADAPTIVE_CLIENTS_MAX);
    struct adaptive_client *client = &world->clients[world->clients_count++];
    client->world = world;
    client->demand = demand;
    enum hf_status status = hf_adaptive_new(&client->adaptive, options, NULL);
    assert(status == HF_OK);
    (void)status;
    later(world, 0, want, client);
    return client;
}

void adaptive_world_count(struct adaptive_world *world)
{
    for (uint32_t i = 0; i < world->clients_count; i++) {
        struct adaptive_client *client = &world->clients[i];
        *client = (struct adaptive_client){
            .world = world, .adaptive = client->adaptive, .demand = client->demand};
    }
}

void adaptive_world_run(struct adaptive_world *world, uint64_t duration_ns)
{
    enum hf_status status = hf_sim_run_until(world->sim, hf_sim_now_ns(world->sim) + duration_ns);
    assert(status == HF_OK);
    (void)status;
}

struct adaptive_client adaptive_world_sum(const struct adaptive_world *world)
{
    struct adaptive_client sum = {0};
    for (uint32_t i = 0; i < world->clients_count; i++) {
        sum.wanted += world->clients[i].wanted;
        sum.sent += world->clients[i].sent;
        sum.answered += world->clients[i].answered;
        sum.refused += world->clients[i].refused;
        sum.waited_ns += world->clients[i].waited_ns;
    }
    return sum;
}

uint64_t adaptive_client_rate(const struct adaptive_client *client)
{
    struct hf_adaptive_state state;
    enum hf_status status = hf_adaptive_snapshot(client->adaptive, &state);
    assert(status == HF_OK);
    (void)status;
    return state.rate;
}
