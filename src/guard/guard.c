/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "base/allocator.h"
#include "guard/guard.h"

#define NAME_DEFAULT "default"
#define AUDIT_DEFAULT                                                                              \
    ((uint32_t)HF_GUARD_AUDIT_ALL & ~(uint32_t)(HF_GUARD_AUDIT_ADMITTED | HF_GUARD_AUDIT_ENDED))

/* Printable ASCII: the name stands in records, metrics and on terminals. */
static enum hf_status name_init(struct hf_guard *guard, const char *name, struct hf_error *error)
{
    size_t length = strnlen(name, HF_GUARD_NAME_BYTES_MAX + 1);
    if (length == 0 || length > HF_GUARD_NAME_BYTES_MAX)
        return hf_error_add(error, HF_INVALID, 0, "name: \"%.*s\" is not 1 to %d bytes long",
            HF_GUARD_NAME_BYTES_MAX, name, HF_GUARD_NAME_BYTES_MAX);
    for (size_t index = 0; index < length; index++)
        if (name[index] < ' ' || name[index] > '~')
            return hf_error_add(error, HF_INVALID, 0,
                "name: byte %zu of \"%s\" is not printable ASCII", index, name);
    memcpy(guard->name, name, length);
    return HF_OK;
}

static enum hf_status audit_keys_init(
    struct hf_guard *guard, const struct hf_guard_options *options, struct hf_error *error)
{
    if ((unsigned)options->audit_keys > HF_GUARD_KEYS_NONE)
        return hf_error_add(
            error, HF_INVALID, 0, "audit_keys: %d is not on the list", (int)options->audit_keys);
    guard->audit_keys = options->audit_keys;
    if (options->audit_seed)
        guard->audit_seed = *options->audit_seed;
    else if (guard->audit_keys == HF_GUARD_KEYS_HASHED)
        return hf_hash_seed_system(&guard->audit_seed, error);
    return HF_OK;
}

static enum hf_status audit_init(
    struct hf_guard *guard, const struct hf_guard_options *options, struct hf_error *error)
{
    uint32_t events = options->audit_events ? options->audit_events : AUDIT_DEFAULT;
    bool nothing = events == HF_GUARD_AUDIT_NOTHING;
    if (!nothing && (events & ~(uint32_t)HF_GUARD_AUDIT_ALL) != 0)
        return hf_error_add(error, HF_INVALID, 0,
            "audit_events: %" PRIu32 " is neither a set of events (1 to %d) nor nothing (%d)",
            events, HF_GUARD_AUDIT_ALL, HF_GUARD_AUDIT_NOTHING);
    guard->audit = options->audit;
    guard->audit_events = nothing || !options->audit ? 0 : events;
    return audit_keys_init(guard, options, error);
}

static enum hf_status retry_init(
    struct hf_guard *guard, const struct hf_retry_options *options, struct hf_error *error)
{
    const struct hf_retry_options one_try = {.attempts_max = 1};
    enum hf_status status =
        hf_retry_policy_init(&guard->policy, options ? options : &one_try, error);
    if (status != HF_OK)
        return status;
    struct hf_retry_options once = guard->policy.options;
    once.attempts_max = 1;
    return hf_retry_policy_init(&guard->once, &once, error);
}

static void limits_init(struct hf_guard *guard, const struct hf_guard_options *options)
{
    guard->flow = options->flow;
    guard->limiter = options->limiter;
    guard->gate = options->gate;
    guard->both = (struct hf_limits){
        .parts = {[HF_GUARD_KEY_PART] = {.limiter = options->limiter}, {.gate = options->gate}}};
}

static enum hf_status random_init(
    struct hf_guard *guard, const struct hf_random *random, struct hf_error *error)
{
    guard->random = *random;
    if (random->next)
        return HF_OK;
    guard->random = hf_splitmix_random(&guard->splitmix);
    return hf_splitmix_init_system(&guard->splitmix, error);
}

/* Retries that are limited by time, histograms and the records of ends need to know how long, those
 * of decisions when. */
static bool needs_time(const struct hf_guard *guard)
{
    return guard->limiter || guard->gate || guard->breaker || guard->registry ||
           (guard->flow && guard->audit_events) || guard->policy.options.elapsed_max_ns > 0 ||
           hf_guard_audits(guard, HF_GUARD_AUDIT_ENDED);
}

static enum hf_status guard_init(
    struct hf_guard *guard, const struct hf_guard_options *options, struct hf_error *error)
{
    guard->breaker = options->breaker;
    guard->registry = options->metrics;
    guard->wait_while_open = options->wait_while_open;
    guard->clock = options->clock;
    limits_init(guard, options);
    enum hf_status status = name_init(guard, options->name ? options->name : NAME_DEFAULT, error);
    if (status == HF_OK)
        status = audit_init(guard, options, error);
    if (status == HF_OK)
        status = retry_init(guard, options->retry, error);
    if (status == HF_OK)
        status = random_init(guard, &options->random, error);
    guard->timed = needs_time(guard);
    return status == HF_OK ? hf_guard_metrics_init(guard, error) : status;
}

enum hf_status hf_guard_new(
    struct hf_guard **guard, const struct hf_guard_options *options, struct hf_error *error)
{
    if (!guard)
        return hf_error_add(error, HF_INVALID, 0, "guard: NULL");
    *guard = NULL;
    if (!options)
        return hf_error_add(error, HF_INVALID, 0, "options: NULL");
    if (hf_allocator_check(options->allocator, error) != HF_OK)
        return HF_INVALID;
    struct hf_guard *made =
        hf_allocate(options->allocator, sizeof(struct hf_guard), _Alignof(struct hf_guard));
    if (!made)
        return hf_error_add(
            error, HF_NO_MEMORY, 0, "no memory for a guard of %zu bytes", sizeof(struct hf_guard));
    made->allocator = options->allocator ? *options->allocator : *hf_allocator_libc();
    enum hf_status status = guard_init(made, options, error);
    if (status == HF_OK)
        *guard = made;
    else
        hf_release(options->allocator, made, sizeof(*made), _Alignof(struct hf_guard));
    return status;
}

void hf_guard_free(struct hf_guard *guard)
{
    if (!guard)
        return;
    hf_guard_metrics_fini(guard);
    struct hf_allocator allocator = guard->allocator;
    hf_release(&allocator, guard, sizeof(*guard), _Alignof(struct hf_guard));
}
