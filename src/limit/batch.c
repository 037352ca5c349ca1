/* SPDX-License-Identifier: MIT */
#include "limit/limiter.h"

/*
 * Hashing a key takes less time than its line takes to come from memory. So all keys of a block are
 * hashed first, which asks for all their lines at once, and then decided one after the other.
 */

/* A time to ask at, and what it was read from. */
struct moment {
    uint64_t now_ns;
    const struct hf_clock *clock; /* NULL: a caller's word. */
};

static size_t block_of(size_t count)
{
    return count < HF_LIMITER_BATCH ? count : HF_LIMITER_BATCH;
}

/* A request that is wrong is given no home. */
static void locate(const struct hf_limiter *limiter, const struct hf_limiter_request *requests,
    struct hf_table_key keys[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (hf_limiter_wrong_argument(limiter, requests[i].key))
            keys[i].home = NULL;
        else
            keys[i] = hf_limiter_locate(limiter, requests[i].key);
    }
}

static enum hf_status decide(struct hf_limiter *limiter, const struct hf_limiter_request *request,
    struct hf_table_key key, struct moment moment)
{
    if (!key.home)
        return hf_decision_invalid(
            request->decision, hf_limiter_wrong_argument(limiter, request->key));
    return hf_limiter_decide(limiter, &limiter->gcra, key, request->cost, moment.now_ns,
        moment.clock, request->decision);
}

/* Returns the first status that is not HF_OK. */
static enum hf_status decide_block(struct hf_limiter *limiter, struct hf_limiter_request *requests,
    const struct hf_table_key keys[], size_t count, struct moment moment)
{
    enum hf_status first = HF_OK;
    for (size_t i = 0; i < count; i++) {
        requests[i].status = decide(limiter, &requests[i], keys[i], moment);
        if (first == HF_OK)
            first = requests[i].status;
    }
    return first;
}

/* The limiter or the time is wrong, and hence every request. */
static enum hf_status refuse_all(
    struct hf_limiter_request *requests, size_t count, const char *argument)
{
    for (size_t i = 0; i < count; i++)
        requests[i].status = hf_decision_invalid(requests[i].decision, argument);
    return HF_INVALID;
}

static uint64_t stopped_now_ns(void *context)
{
    return *(const uint64_t *)context;
}

/*
 * One block, at one time. A key that is inserted would read the clock again, and a key that comes
 * twice would then be asked for at the earlier time and denied for the difference: so the clock
 * stands still meanwhile. What a thread that is preempted here may not gain, the table's horizon
 * keeps from it (table.c, e).
 */
static enum hf_status ask(struct hf_limiter *limiter, struct hf_limiter_request *requests,
    size_t count, struct moment moment)
{
    struct hf_table_key keys[HF_LIMITER_BATCH];
    locate(limiter, requests, keys, count);
    if (moment.clock)
        moment.now_ns = hf_limiter_now_ns(limiter);
    if (moment.now_ns > HF_TIME_MAX_NS)
        return refuse_all(requests, count, moment.clock ? "clock" : "now_ns");
    const struct hf_clock stopped = {.now_ns = stopped_now_ns, .context = &moment.now_ns};
    if (moment.clock)
        moment.clock = &stopped;
    return decide_block(limiter, requests, keys, count, moment);
}

static enum hf_status ask_all(struct hf_limiter *limiter, struct hf_limiter_request *requests,
    size_t count, struct moment moment)
{
    if (!requests && count > 0)
        return HF_INVALID;
    enum hf_status first = HF_OK;
    for (size_t done = 0; done < count; done += block_of(count - done)) {
        enum hf_status status = ask(limiter, requests + done, block_of(count - done), moment);
        if (first == HF_OK)
            first = status;
    }
    return first;
}

enum hf_status hf_limiter_check_many(
    struct hf_limiter *limiter, struct hf_limiter_request *requests, size_t count)
{
    if (!limiter)
        return refuse_all(requests, requests ? count : 0, "limiter");
    return ask_all(limiter, requests, count, (struct moment){0, &limiter->clock});
}

enum hf_status hf_limiter_check_many_at(
    struct hf_limiter *limiter, struct hf_limiter_request *requests, size_t count, uint64_t now_ns)
{
    if (!limiter)
        return refuse_all(requests, requests ? count : 0, "limiter");
    return ask_all(
        limiter, requests, count, (struct moment){hf_limiter_table_ns(limiter, now_ns), NULL});
}
