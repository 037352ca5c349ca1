/* SPDX-License-Identifier: MIT */
#include <holdfast/limiter.h>

#include <inttypes.h>

#include "base/allocator.h"
#include "base/minmax.h"
#include "limit/attachment.h"
#include "limit/decision.h"
#include "limit/limiter.h"

#define KEYS_DEFAULT 65536
#define KEYS_MAX (UINT64_C(1) << 32)

/*
 * Slots for each live key: at a load of 12 in 25 few keys stand beyond their home, and each line
 * further several times fewer. That a path of 16 lines fills up is next to impossible in a table of
 * few lines but happens in one of millions, so those have longer paths, which cost no more than
 * some lines at the table's end.
 */
#define LOAD_KEYS 12
#define LOAD_SLOTS 25
#define FEW_LINES 1024
#define PATH_LINES_OF_FEW 16

/* Below it processors know their way about in small pages too. */
#define HUGE_PAGES_FROM_BYTES (UINT64_C(4) << 20)

static enum hf_status check_options(
    const struct hf_limiter_options *options, struct hf_error *error)
{
    if (options->keys_max > KEYS_MAX)
        return hf_error_add(error, HF_INVALID, 0,
            "keys_max: %" PRIu64 " is too large (at most %" PRIu64 ")", options->keys_max,
            KEYS_MAX);
    if (options->full_policy != HF_FULL_DENY && options->full_policy != HF_FULL_ADMIT)
        return hf_error_add(
            error, HF_INVALID, 0, "full_policy: %d is not one (0 or 1)", (int)options->full_policy);
    if (options->hash != HF_HASH_SIPHASH && options->hash != HF_HASH_FAST)
        return hf_error_add(
            error, HF_INVALID, 0, "hash: %d is not one (0 or 1)", (int)options->hash);
    if (options->fill_max_ns > HF_TABLE_TOLERANCE_MAX_NS)
        return hf_error_add(error, HF_INVALID, 0,
            "fill_max_ns: %" PRIu64 " is too large (at most 2^60)", options->fill_max_ns);
    return hf_allocator_check(options->allocator, error);
}

static uint64_t lines_for(uint64_t keys_max)
{
    uint64_t keys = keys_max ? keys_max : KEYS_DEFAULT;
    uint64_t keys_a_line_times_25 = HF_TABLE_LINE_SLOTS * LOAD_KEYS;
    return (keys * LOAD_SLOTS + keys_a_line_times_25 - 1) / keys_a_line_times_25;
}

enum hf_status hf_limiter_configure(
    struct hf_limiter *limiter, const struct hf_limiter_options *options, struct hf_error *error)
{
    enum hf_status status = hf_gcra_init(&limiter->gcra, &options->quota, error);
    if (status == HF_OK)
        status = check_options(options, error);
    if (status != HF_OK)
        return status;
    limiter->quota = hf_quota_with_burst(options->quota, limiter->gcra.burst);
    limiter->clock = options->clock.now_ns ? options->clock : hf_clock_monotonic();
    limiter->full_policy = options->full_policy;
    struct hf_hash_seed seed;
    if (options->seed)
        seed = *options->seed;
    else
        status = hf_hash_seed_system(&seed, error);
    if (status == HF_OK)
        limiter->hash = hf_key_hash(options->hash, &seed);
    limiter->plain_clock = options->hash == HF_HASH_FAST ? hf_clock_word(&limiter->clock) : NULL;
    return status;
}

struct hf_table_shape hf_limiter_shape(
    const struct hf_limiter *limiter, const struct hf_limiter_options *options)
{
    uint64_t homes = lines_for(options->keys_max);
    uint32_t path_lines = homes <= FEW_LINES ? PATH_LINES_OF_FEW : HF_TABLE_PATH_LINES_MAX;
    uint64_t unit_ns = hf_max(options->fill_max_ns, limiter->gcra.tolerance_ns);
    return (struct hf_table_shape){homes, path_lines, unit_ns};
}

enum hf_status hf_limiter_new(
    struct hf_limiter **limiter, const struct hf_limiter_options *options, struct hf_error *error)
{
    if (!limiter)
        return hf_error_add(error, HF_INVALID, 0, "limiter: NULL");
    *limiter = NULL;
    if (!options)
        return hf_error_add(error, HF_INVALID, 0, "options: NULL");
    struct hf_limiter made = {0};
    enum hf_status status = hf_limiter_configure(&made, options, error);
    if (status != HF_OK)
        return status;
    struct hf_limiter *memory = hf_allocate(options->allocator, sizeof(made), HF_CACHE_LINE);
    if (!memory)
        return hf_error_add(
            error, HF_NO_MEMORY, 0, "no memory for a limiter of %zu bytes", sizeof(made));
    struct hf_table_shape shape = hf_limiter_shape(&made, options);
    status = hf_table_init(&made.table, &shape, options->allocator, error);
    if (status != HF_OK) {
        hf_release(options->allocator, memory, sizeof(made), HF_CACHE_LINE);
        return status;
    }
    if (!options->small_pages && hf_table_bytes(&shape) >= HUGE_PAGES_FROM_BYTES)
        hf_table_prefer_huge_pages(&made.table);
    *memory = made;
    *limiter = memory;
    return HF_OK;
}

void hf_limiter_free(struct hf_limiter *limiter)
{
    if (!limiter)
        return;
    if (limiter->attachment) {
        hf_attachment_free(limiter->attachment);
        return;
    }
    struct hf_allocator allocator = limiter->table.allocator;
    hf_table_fini(&limiter->table);
    hf_release(&allocator, limiter, sizeof(*limiter), HF_CACHE_LINE);
}

static enum hf_status no_room(struct hf_limiter *limiter, const struct hf_gcra *gcra, bool counts,
    struct hf_table_answer answer, struct hf_decision *decision)
{
    if (counts)
        hf_add_relaxed(&limiter->full, 1);
    if (limiter->full_policy == HF_FULL_DENY)
        return hf_decision_full(decision, gcra, answer.now_ns, answer.tat_ns);
    if (counts)
        hf_add_relaxed(&limiter->admitted_uncounted, 1);
    return hf_decision_uncounted(decision, gcra);
}

enum hf_status hf_limiter_refuse(struct hf_limiter *limiter, const struct hf_gcra *gcra,
    uint64_t charge_ns, bool counts, struct hf_table_answer answer, struct hf_decision *decision)
{
    if (answer.verdict == HF_TABLE_FULL)
        return no_room(limiter, gcra, counts, answer, decision);
    return hf_decision_denied(
        decision, gcra, answer.now_ns, answer.tat_ns, charge_ns, HF_REASON_KEY);
}

enum hf_status hf_limiter_look(struct hf_limiter *limiter, const struct hf_limiter_subject *subject,
    uint64_t cost, struct hf_decision *decision)
{
    const struct hf_gcra *gcra = subject->gcra;
    bool never = cost > gcra->burst;
    uint64_t charge_ns = (cost == 0 || never ? 1 : cost) * gcra->interval_ns;
    const struct hf_table_request request = hf_limiter_asked(subject, charge_ns);
    struct hf_table_answer answer = hf_table_peek(&limiter->table, &request);
    if (never) {
        uint64_t tat_ns = answer.verdict == HF_TABLE_FULL ? answer.now_ns : answer.tat_ns;
        return hf_decision_never(decision, gcra, answer.now_ns, tat_ns);
    }
    if (answer.verdict == HF_TABLE_ADMITTED)
        return hf_decision_admitted(decision, gcra, answer.now_ns, answer.tat_ns);
    return hf_limiter_refuse(limiter, gcra, charge_ns, false, answer, decision);
}

/* A key without debt before this charge is as good as a new one. */
static void learn(struct hf_limiter *limiter, const struct hf_table_request *request,
    struct hf_table_answer answer)
{
    if (answer.verdict == HF_TABLE_DENIED)
        hf_limiter_note_denying(limiter, 1);
    else if (answer.tat_ns - answer.now_ns == request->charge_ns)
        hf_limiter_note_denying(limiter, 0);
}

enum hf_status hf_limiter_settle(struct hf_limiter *limiter, const struct hf_gcra *gcra,
    struct hf_table_key key, uint64_t cost, uint64_t now_ns, const struct hf_clock *clock,
    struct hf_decision *decision)
{
    const struct hf_limiter_subject subject = {key, gcra, now_ns, clock};
    if (cost - 1 >= gcra->burst) /* 0 wraps. */
        return hf_limiter_look(limiter, &subject, cost, decision);
    const struct hf_table_request request = hf_limiter_asked(&subject, cost * gcra->interval_ns);
    struct hf_table_answer answer = hf_table_search(&limiter->table, &request);
    learn(limiter, &request, answer);
    if (answer.verdict == HF_TABLE_ADMITTED)
        return hf_decision_admitted(decision, gcra, answer.now_ns, answer.tat_ns);
    return hf_limiter_refuse(limiter, gcra, request.charge_ns, true, answer, decision);
}

__attribute__((always_inline)) static inline enum hf_status check_place(
    struct hf_limiter *limiter, struct hf_table_key place, uint64_t cost, uint64_t now_ns,
    struct hf_decision *decision)
{
    if (hf_unlikely(now_ns > HF_TIME_MAX_NS))
        return hf_decision_invalid(decision, "clock");
    return hf_limiter_decide(
        limiter, &limiter->gcra, place, cost, now_ns, &limiter->clock, decision);
}

__attribute__((noinline)) static enum hf_status check_any(
    struct hf_limiter *limiter, struct hf_bytes key, uint64_t cost, struct hf_decision *decision)
{
    const char *wrong = hf_limiter_wrong_argument(limiter, key);
    if (wrong)
        return hf_decision_invalid(decision, wrong);
    struct hf_table_key place = hf_limiter_locate(limiter, key);
    uint64_t now_ns = hf_limiter_now_ns(limiter); /* While the key's line comes from memory. */
    return check_place(limiter, place, cost, now_ns, decision);
}

/* One cell for a key of 16 bytes, whatever the hash and the clock. */
__attribute__((noinline)) static enum hf_status check_16(
    struct hf_limiter *limiter, const unsigned char *bytes)
{
    if (!bytes)
        return HF_INVALID;
    struct hf_table_key place =
        hf_limiter_place(limiter, hf_key_hash_of(&limiter->hash, bytes, 16));
    return check_place(limiter, place, 1, hf_limiter_now_ns(limiter), NULL);
}

/* What check_plain leaves to others. */
__attribute__((noinline)) static enum hf_status settle_plain(
    struct hf_limiter *limiter, struct hf_table_key place)
{
    uint64_t now_ns = hf_limiter_now_ns(limiter);
    if (now_ns > HF_TIME_MAX_NS)
        return HF_INVALID;
    return hf_limiter_settle(limiter, &limiter->gcra, place, 1, now_ns, &limiter->clock, NULL);
}

/*
 * check_place for one cell, where the clock is a word: that leaves nothing to be called and come
 * back from, so no registers need to be kept for it.
 */
__attribute__((always_inline)) static inline enum hf_status check_plain(
    struct hf_limiter *limiter, struct hf_table_key place, uint64_t now_ns)
{
    const struct hf_gcra *gcra = &limiter->gcra;
    struct hf_table_request request = {
        place, gcra->interval_ns, gcra->tolerance_ns, now_ns, &limiter->clock};
    if (hf_unlikely(now_ns > HF_TIME_MAX_NS))
        return settle_plain(limiter, place);
    enum hf_table_verdict verdict = hf_table_look(request).verdict;
    if (hf_likely(verdict == HF_TABLE_ADMITTED))
        return HF_OK;
    if (hf_unlikely(verdict != HF_TABLE_DENIED))
        return settle_plain(limiter, place);
    hf_limiter_note_denying(limiter, 1);
    return HF_DENIED;
}

/*
 * Inline: with link-time optimisation it may become part of the caller. The plainest request is
 * decided apart, by fewer instructions: they are what keeps a processor from looking ahead to the
 * next keys, whose lines it could fetch meanwhile.
 */
inline enum hf_status hf_limiter_check(
    struct hf_limiter *limiter, struct hf_bytes key, uint64_t cost, struct hf_decision *decision)
{
    bool plain = ((key.size ^ 16) | (cost ^ 1) | (uintptr_t)decision) == 0; /* In one branch. */
    if (hf_unlikely(!plain) || hf_unlikely(!limiter))
        return check_any(limiter, key, cost, decision);
    const uint64_t *clock = limiter->plain_clock;
    if (hf_unlikely(!clock) || hf_unlikely(!key.data))
        return check_16(limiter, key.data);
    struct hf_hash128 hash = hf_key_hash_of_16(&limiter->hash.fast_16, key.data);
    return check_plain(limiter, hf_limiter_place(limiter, hash), hf_load_acquire(clock));
}

enum hf_status hf_limiter_check_at(struct hf_limiter *limiter, struct hf_bytes key, uint64_t cost,
    uint64_t now_ns, struct hf_decision *decision)
{
    const char *wrong = hf_limiter_wrong_argument(limiter, key);
    if (wrong)
        return hf_decision_invalid(decision, wrong);
    now_ns = hf_limiter_table_ns(limiter, now_ns);
    if (now_ns > HF_TIME_MAX_NS)
        return hf_decision_invalid(decision, "now_ns");
    struct hf_table_key place = hf_limiter_locate(limiter, key);
    return hf_limiter_decide(limiter, &limiter->gcra, place, cost, now_ns, NULL, decision);
}

enum hf_status hf_limiter_check_with(struct hf_limiter *limiter, struct hf_bytes key, uint64_t cost,
    const struct hf_gcra *quota, struct hf_decision *decision)
{
    struct hf_limiter_subject subject;
    const struct hf_clock *clock = hf_limiter_clock(limiter);
    const char *wrong = hf_limiter_subject(&subject, limiter, key, quota, clock, 0);
    if (wrong)
        return hf_decision_invalid(decision, wrong);
    return hf_limiter_decide(
        limiter, subject.gcra, subject.key, cost, subject.now_ns, clock, decision);
}

enum hf_status hf_limiter_check_with_at(struct hf_limiter *limiter, struct hf_bytes key,
    uint64_t cost, const struct hf_gcra *quota, uint64_t now_ns, struct hf_decision *decision)
{
    struct hf_limiter_subject subject;
    const char *wrong = hf_limiter_subject(&subject, limiter, key, quota, NULL, now_ns);
    if (wrong)
        return hf_decision_invalid(decision, wrong);
    return hf_limiter_decide(
        limiter, subject.gcra, subject.key, cost, subject.now_ns, NULL, decision);
}

const char *hf_limiter_subject(struct hf_limiter_subject *subject, const struct hf_limiter *limiter,
    struct hf_bytes key, const struct hf_gcra *quota, const struct hf_clock *clock, uint64_t now_ns)
{
    const char *wrong = hf_limiter_wrong_argument(limiter, key);
    if (wrong)
        return wrong;
    if (!hf_gcra_is_usable(quota))
        return "quota";
    struct hf_table_key place = hf_limiter_locate(limiter, key);
    now_ns = clock ? hf_clock_now_ns(clock) : hf_limiter_table_ns(limiter, now_ns);
    if (now_ns > HF_TIME_MAX_NS)
        return clock ? "clock" : "now_ns";
    *subject = (struct hf_limiter_subject){place, quota ? quota : &limiter->gcra, now_ns, clock};
    return NULL;
}

const struct hf_clock *hf_limiter_clock_like(
    const struct hf_limiter *limiter, const struct hf_clock *clock)
{
    if (!clock || !limiter->attachment)
        return clock;
    struct hf_clock given = clock->now_ns ? *clock : hf_clock_monotonic();
    const struct hf_clock *own = &limiter->attachment->clock;
    bool same = given.now_ns == own->now_ns && given.context == own->context;
    return same ? &limiter->clock : NULL;
}

static enum hf_status peek(struct hf_limiter *limiter, struct hf_bytes key, uint64_t cost,
    const struct hf_gcra *quota, const struct hf_clock *clock, uint64_t now_ns,
    struct hf_decision *decision)
{
    struct hf_limiter_subject subject;
    const char *wrong = hf_limiter_subject(&subject, limiter, key, quota, clock, now_ns);
    if (wrong)
        return hf_decision_invalid(decision, wrong);
    return hf_limiter_look(limiter, &subject, cost, decision);
}

enum hf_status hf_limiter_peek(struct hf_limiter *limiter, struct hf_bytes key, uint64_t cost,
    const struct hf_gcra *quota, struct hf_decision *decision)
{
    return peek(limiter, key, cost, quota, hf_limiter_clock(limiter), 0, decision);
}

enum hf_status hf_limiter_peek_at(struct hf_limiter *limiter, struct hf_bytes key, uint64_t cost,
    const struct hf_gcra *quota, uint64_t now_ns, struct hf_decision *decision)
{
    return peek(limiter, key, cost, quota, NULL, now_ns, decision);
}

enum hf_status hf_limiter_statistics(
    const struct hf_limiter *limiter, struct hf_limiter_statistics *statistics)
{
    if (!limiter || !statistics)
        return HF_INVALID;
    const struct hf_table *table = &limiter->table;
    const struct hf_table_shape shape = {table->homes, table->path_lines, table->unit_ns};
    *statistics = (struct hf_limiter_statistics){
        .slots = hf_table_slots(table),
        .memory_bytes = sizeof(*limiter) + hf_table_bytes(&shape),
        .inserted = hf_load_relaxed(&table->shared->inserted),
        .full = hf_load_relaxed(&limiter->full),
        .admitted_uncounted = hf_load_relaxed(&limiter->admitted_uncounted),
    };
    return HF_OK;
}

enum hf_status hf_limiter_quota(const struct hf_limiter *limiter, struct hf_quota *quota)
{
    if (!limiter || !quota)
        return HF_INVALID;
    *quota = limiter->quota;
    return HF_OK;
}
