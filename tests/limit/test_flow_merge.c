/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/flow_budget.h>
#include <holdfast/random.h>
#include <holdfast/sim.h>

#include "scale.h"
#include "support/flow.h"

/*
 * Merging is a join: a table's state grows in one order whatever is done to it, so that views met
 * in any order, any number of times, come to the same. Shown on random states, and on replicas in
 * the simulator that lose, repeat and reorder what they tell each other.
 */
#define SEED 20261120
#define KEYS 24
#define EPOCHS 4
#define AMOUNTS 12

static struct hf_splitmix splitmix;

static uint64_t draw(uint64_t bound)
{
    struct hf_random random = hf_splitmix_random(&splitmix);
    return hf_random_below(&random, bound);
}

static int announce_seed(void **state)
{
    (void)state;
    hf_splitmix_init(&splitmix, SEED);
    print_message("# seed %d\n", SEED);
    return 0;
}

static struct hf_flow_entry random_entry(void)
{
    return (struct hf_flow_entry){
        .key = {draw(KEYS), 0},
        .epoch = draw(EPOCHS),
        .limit = draw(AMOUNTS),
        .spent = draw(AMOUNTS),
    };
}

/* Both tables end up with the join of both. */
static void pour(struct hf_flow *from, struct hf_flow *into)
{
    struct hf_flow_cursor cursor = {0};
    struct hf_flow_entry entry;
    assert_int_equal(hf_flow_advance(into, hf_flow_floor(from)), HF_OK);
    while (hf_flow_next(from, &cursor, &entry) == HF_OK)
        assert_int_equal(hf_flow_merge(into, &entry), HF_OK);
}

/* Sorted by key, for comparison. */
struct picture {
    uint64_t floor;
    struct hf_flow_entry entries[KEYS];
};

static struct picture picture_of(struct hf_flow *flow)
{
    struct picture picture;
    memset(&picture, 0, sizeof(picture));
    picture.floor = hf_flow_floor(flow);
    struct hf_flow_cursor cursor = {0};
    struct hf_flow_entry entry;
    while (hf_flow_next(flow, &cursor, &entry) == HF_OK) {
        assert_in_range(entry.key[0], 0, KEYS - 1);
        picture.entries[entry.key[0]] = entry;
    }
    return picture;
}

static void assert_same(struct hf_flow *a, struct hf_flow *b)
{
    struct picture left = picture_of(a);
    struct picture right = picture_of(b);
    assert_memory_equal(&left, &right, sizeof(left));
}

static struct hf_flow *random_table(void)
{
    struct hf_flow *flow = flow_new(KEYS);
    uint64_t count = draw(2 * KEYS);
    for (uint64_t i = 0; i < count; i++) {
        struct hf_flow_entry entry = random_entry();
        assert_int_equal(hf_flow_merge(flow, &entry), HF_OK);
    }
    assert_int_equal(hf_flow_advance(flow, draw(3) ? 0 : draw(EPOCHS)), HF_OK);
    return flow;
}

static struct hf_flow *copy_of(struct hf_flow *flow)
{
    struct hf_flow *copy = flow_new(KEYS);
    pour(flow, copy);
    return copy;
}

static struct hf_flow *joined(struct hf_flow *a, struct hf_flow *b)
{
    struct hf_flow *sum = copy_of(a);
    pour(b, sum);
    return sum;
}

static void merging_commutes(void **state)
{
    (void)state;
    for (size_t round = 0; round < test_scaled(2000); round++) {
        struct hf_flow *a = random_table();
        struct hf_flow *b = random_table();
        struct hf_flow *ab = joined(a, b);
        struct hf_flow *ba = joined(b, a);
        assert_same(ab, ba);
        hf_flow_free(a);
        hf_flow_free(b);
        hf_flow_free(ab);
        hf_flow_free(ba);
    }
}

static void merging_is_associative(void **state)
{
    (void)state;
    for (size_t round = 0; round < test_scaled(2000); round++) {
        struct hf_flow *tables[] = {random_table(), random_table(), random_table()};
        struct hf_flow *ab = joined(tables[0], tables[1]);
        struct hf_flow *bc = joined(tables[1], tables[2]);
        struct hf_flow *ab_c = joined(ab, tables[2]);
        struct hf_flow *a_bc = joined(tables[0], bc);
        assert_same(ab_c, a_bc);
        struct hf_flow *all[] = {tables[0], tables[1], tables[2], ab, bc, ab_c, a_bc};
        for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
            hf_flow_free(all[i]);
    }
}

static void merging_is_idempotent_and_absorbs_what_it_has_seen(void **state)
{
    (void)state;
    for (size_t round = 0; round < test_scaled(2000); round++) {
        struct hf_flow *a = random_table();
        struct hf_flow *b = random_table();
        struct hf_flow *ab = joined(a, b);
        struct hf_flow *again = joined(ab, a);
        pour(b, again);
        pour(ab, again);
        pour(again, again);
        assert_same(ab, again);
        hf_flow_free(a);
        hf_flow_free(b);
        hf_flow_free(ab);
        hf_flow_free(again);
    }
}

/* Every call against a list, in one order: the rules themselves. */
static void every_call_agrees_with_the_rules(void **state)
{
    (void)state;
    struct flow_model model = {0};
    struct hf_flow *flow = flow_new(KEYS);
    for (uint64_t step = 0; step < test_scaled(200000); step++) {
        uint64_t peer = draw(KEYS);
        uint64_t cost = 1 + draw(AMOUNTS / 2);
        struct hf_flow_entry entry = random_entry();
        entry.epoch += step / 1000;
        assert_int_equal(flow_grant(flow, peer, entry.epoch, entry.limit), HF_OK);
        struct hf_flow_entry seen;
        enum hf_status found = hf_flow_find(flow, hf_bytes(NULL, 0), flow_peer(&peer), &seen);
        if (found == HF_OK)
            memcpy(entry.key, seen.key, sizeof(seen.key));
        struct hf_flow_entry granted = entry;
        granted.spent = 0;
        if (found == HF_OK)
            flow_model_merge(&model, &granted);
        else
            assert_true(entry.epoch < model.floor);
        if (draw(4) == 0 && found == HF_OK) {
            flow_model_merge(&model, &entry);
            assert_int_equal(hf_flow_merge(flow, &entry), HF_OK);
        }
        if (draw(100) == 0) {
            uint64_t floor = step / 1000 + draw(3);
            flow_model_advance(&model, floor);
            assert_int_equal(hf_flow_advance(flow, floor), HF_OK);
        }
        bool charged = found == HF_OK && flow_model_charge(&model, entry.key, cost);
        assert_int_equal(flow_charge(flow, peer, cost), charged ? HF_OK : HF_DENIED);
        if (step % 64 == 0)
            flow_model_check(&model, flow);
    }
    hf_flow_free(flow);
}

/*
 * Replicas. Each owns some pairs and charges those only; the owner of all grants new epochs at
 * replica 0. Whatever changes is told to a random other, by messages of one entry that are lost,
 * come late, twice, or in another order. In the end each tells the next everything, round the ring,
 * twice.
 */
#define REPLICAS 4
#define ROUND_NS HF_MS(10)
#define LIFE_NS HF_SECONDS(20)
#define LOST_OF_100 30
#define TWICE_OF_100 20

struct world {
    struct hf_sim *sim;
    struct hf_flow *replicas[REPLICAS];
    uint64_t charged[KEYS][64]; /* By key and epoch, what its owner sent. */
    uint64_t granted[KEYS][64];
    uint64_t epoch;
};

struct message {
    struct world *world;
    uint32_t to;
    bool used;
    uint64_t floor;
    struct hf_flow_entry entry;
};

#define MESSAGES 4096
static struct message messages[MESSAGES];

static uint64_t chance(struct world *world, uint64_t bound)
{
    struct hf_random random = hf_sim_random(world->sim);
    return hf_random_below(&random, bound);
}

static void arrive(void *context, uint64_t now_ns)
{
    (void)now_ns;
    struct message *message = context;
    struct hf_flow *replica = message->world->replicas[message->to];
    assert_int_equal(hf_flow_advance(replica, message->floor), HF_OK);
    assert_int_equal(hf_flow_merge(replica, &message->entry), HF_OK);
    message->used = false;
}

static void send_copy(struct world *world, uint32_t from, const struct hf_flow_entry *entry)
{
    if (chance(world, 100) < LOST_OF_100)
        return;
    for (size_t i = 0; i < MESSAGES; i++) {
        if (messages[i].used)
            continue;
        messages[i] = (struct message){
            .world = world,
            .to = (uint32_t)chance(world, REPLICAS),
            .used = true,
            .floor = hf_flow_floor(world->replicas[from]),
            .entry = *entry,
        };
        uint64_t delay_ns = chance(world, 50 * ROUND_NS);
        assert_int_equal(hf_sim_after(world->sim, delay_ns, arrive, &messages[i], NULL), HF_OK);
        return;
    }
    fail_msg("more than %d messages under way", MESSAGES);
}

static void tell(struct world *world, uint32_t from)
{
    struct hf_flow_cursor cursor = {0};
    struct hf_flow_entry entry;
    while (hf_flow_next(world->replicas[from], &cursor, &entry) == HF_OK) {
        if (chance(world, 4))
            continue;
        send_copy(world, from, &entry);
        if (chance(world, 100) < TWICE_OF_100)
            send_copy(world, from, &entry);
    }
}

/* The key as an entry names it, and how its owner charges it: by merging what it has sent in all.
 */
static void charge_own(struct world *world, uint64_t key)
{
    struct hf_flow *owner = world->replicas[key % REPLICAS];
    struct hf_flow_entry entry;
    if (hf_flow_find(owner, hf_bytes(NULL, 0), flow_peer(&key), &entry) != HF_OK)
        return;
    uint64_t cost = 1 + chance(world, 3);
    if (hf_flow_charge(owner, hf_bytes(NULL, 0), flow_peer(&key), cost, NULL) == HF_OK)
        world->charged[key][entry.epoch] += cost;
    assert_in_range(world->charged[key][entry.epoch], 0, world->granted[key][entry.epoch]);
}

static void grant_epoch(struct world *world)
{
    world->epoch++;
    assert_in_range(world->epoch, 0, 63);
    for (uint64_t key = 0; key < KEYS; key++) {
        uint64_t limit = 10 + chance(world, 20);
        world->granted[key][world->epoch] = limit;
        assert_int_equal(flow_grant(world->replicas[0], key, world->epoch, limit), HF_OK);
    }
    if (world->epoch > 3)
        assert_int_equal(hf_flow_advance(world->replicas[0], world->epoch - 3), HF_OK);
}

static void live_on(void *context, uint64_t now_ns)
{
    struct world *world = context;
    if (chance(world, 100) < 2 && world->epoch < 63)
        grant_epoch(world);
    for (uint64_t key = 0; key < KEYS; key++)
        charge_own(world, key);
    for (uint32_t replica = 0; replica < REPLICAS; replica++)
        tell(world, replica);
    if (now_ns < LIFE_NS)
        assert_int_equal(hf_sim_after(world->sim, ROUND_NS, live_on, world, NULL), HF_OK);
}

static void check_converged(struct world *world)
{
    for (int round = 0; round < 2; round++)
        for (uint32_t i = 0; i < REPLICAS; i++)
            pour(world->replicas[i], world->replicas[(i + 1) % REPLICAS]);
    for (uint64_t key = 0; key < KEYS; key++) {
        struct hf_flow_entry first;
        assert_int_equal(
            hf_flow_find(world->replicas[0], hf_bytes(NULL, 0), flow_peer(&key), &first), HF_OK);
        assert_int_equal(first.epoch, world->epoch);
        assert_int_equal(first.limit, world->granted[key][world->epoch]);
        assert_int_equal(first.spent, world->charged[key][world->epoch]);
        for (uint32_t i = 1; i < REPLICAS; i++)
            flow_assert(world->replicas[i], key, first.epoch, first.limit, first.spent);
    }
}

static uint64_t live(uint64_t seed)
{
    struct world world = {0};
    struct hf_sim_options options = {.seed = seed};
    assert_int_equal(hf_sim_new(&world.sim, &options, NULL), HF_OK);
    for (uint32_t i = 0; i < REPLICAS; i++)
        world.replicas[i] = flow_new(KEYS);
    assert_int_equal(hf_sim_after(world.sim, 0, live_on, &world, NULL), HF_OK);
    assert_int_equal(hf_sim_run(world.sim), HF_OK);
    print_message("# seed %d: %d epochs\n", (int)seed, (int)world.epoch);
    assert_in_range(world.epoch, 1, 63);
    check_converged(&world);
    uint64_t trace = hf_sim_trace(world.sim);
    for (uint32_t i = 0; i < REPLICAS; i++)
        hf_flow_free(world.replicas[i]);
    hf_sim_free(world.sim);
    return trace;
}

static void replicas_agree_however_their_messages_fare(void **state)
{
    (void)state;
    size_t seeds = test_is_slow() ? 1 : 10;
    uint64_t first = live(1);
    assert_int_equal(live(1), first);
    for (uint64_t seed = 2; seed <= seeds; seed++)
        (void)live(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(merging_commutes, announce_seed),
        cmocka_unit_test_setup(merging_is_associative, announce_seed),
        cmocka_unit_test_setup(merging_is_idempotent_and_absorbs_what_it_has_seen, announce_seed),
        cmocka_unit_test_setup(every_call_agrees_with_the_rules, announce_seed),
        cmocka_unit_test(replicas_agree_however_their_messages_fare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
