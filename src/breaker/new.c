/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "base/allocator.h"
#include "breaker/breaker.h"

#define CONSECUTIVE_FAILURES_DEFAULT 5
#define CONSECUTIVE_FAILURES_MAX 65535
#define WINDOW_DEFAULT_NS HF_SECONDS(30)
#define WINDOW_MIN_NS HF_MS(1)
#define WINDOW_MAX_NS HF_SECONDS(3600)
#define CALLS_MIN_DEFAULT 20
#define HALF_OPEN_PERMITS_DEFAULT 1
#define SUCCESS_THRESHOLD_DEFAULT 1
#define HALF_OPEN_MAX 255
#define PERMIT_LEASE_DEFAULT_NS HF_SECONDS(30)

static const struct hf_delay open_default = {
    .growth = HF_GROWTH_EXPONENTIAL,
    .jitter = HF_JITTER_NONE,
    .base_ns = HF_SECONDS(5),
    .delay_max_ns = HF_SECONDS(300),
};

_Static_assert(CONSECUTIVE_FAILURES_MAX <= HF_WORD_FAILURES_MASK, "fits into the word");
_Static_assert(HALF_OPEN_MAX <= HF_WORD_SUCCESSES_MASK, "fits into the word");

static bool is_zero(const struct hf_delay *delay)
{
    return delay->growth == 0 && delay->jitter == 0 && delay->base_ns == 0 &&
           delay->delay_max_ns == 0 && delay->factor == 0 && delay->jitter_ratio == 0;
}

static uint32_t or_u32(uint32_t value, uint32_t otherwise)
{
    return value ? value : otherwise;
}

static uint64_t or_u64(uint64_t value, uint64_t otherwise)
{
    return value ? value : otherwise;
}

static void fill_defaults(struct hf_breaker_options *options)
{
    options->consecutive_failures =
        or_u32(options->consecutive_failures, CONSECUTIVE_FAILURES_DEFAULT);
    options->window_ns = or_u64(options->window_ns, WINDOW_DEFAULT_NS);
    options->calls_min = or_u32(options->calls_min, CALLS_MIN_DEFAULT);
    options->half_open_permits = or_u32(options->half_open_permits, HALF_OPEN_PERMITS_DEFAULT);
    options->success_threshold = or_u32(options->success_threshold, SUCCESS_THRESHOLD_DEFAULT);
    options->permit_lease_ns = or_u64(options->permit_lease_ns, PERMIT_LEASE_DEFAULT_NS);
    if (is_zero(&options->open))
        options->open = open_default;
    if (!options->allocator)
        options->allocator = hf_allocator_libc();
}

static enum hf_status check_range(
    const char *field, uint64_t value, uint64_t least, uint64_t most, struct hf_error *error)
{
    if (value >= least && value <= most)
        return HF_OK;
    return hf_error_add(error, HF_INVALID, 0,
        "%s: %" PRIu64 " is out of range (%" PRIu64 " to %" PRIu64 ")", field, value, least, most);
}

static enum hf_status check_conditions(
    const struct hf_breaker_options *options, struct hf_error *error)
{
    bool never = options->consecutive_failures == HF_BREAKER_NEVER;
    if (never && options->failure_rate_percent == 0)
        return hf_error_add(error, HF_INVALID, 0,
            "consecutive_failures: never, and failure_rate_percent: 0 trips it neither");
    if (never)
        return HF_OK;
    return check_range(
        "consecutive_failures", options->consecutive_failures, 1, CONSECUTIVE_FAILURES_MAX, error);
}

/* Of filled options. */
static enum hf_status check(const struct hf_breaker_options *options, struct hf_error *error)
{
    const struct {
        const char *field;
        uint64_t value;
        uint64_t least;
        uint64_t most;
    } ranges[] = {
        {"failure_rate_percent", options->failure_rate_percent, 0, 100},
        {"window_ns", options->window_ns, WINDOW_MIN_NS, WINDOW_MAX_NS},
        {"half_open_permits", options->half_open_permits, 1, HALF_OPEN_MAX},
        {"success_threshold", options->success_threshold, 1, HALF_OPEN_MAX},
        {"permit_lease_ns", options->permit_lease_ns, 1, HF_TIME_MAX_NS},
    };
    enum hf_status status = check_conditions(options, error);
    for (size_t index = 0; status == HF_OK && index < sizeof(ranges) / sizeof(ranges[0]); index++)
        status = check_range(ranges[index].field, ranges[index].value, ranges[index].least,
            ranges[index].most, error);
    if (status == HF_OK)
        status = hf_allocator_check(options->allocator, error);
    return status;
}

/* Checks the open period and fills its defaults in; the cause below says which delay it is. */
static enum hf_status check_open(struct hf_delay *open, struct hf_error *error)
{
    enum hf_status status = hf_delay_init(open, open, error);
    if (status != HF_OK)
        return hf_error_add(error, status, 0, "open: not a delay that can be waited for");
    return HF_OK;
}

static enum hf_status seed_init(struct hf_splitmix *splitmix, uint64_t seed, struct hf_error *error)
{
    if (seed == 0)
        return hf_splitmix_init_system(splitmix, error);
    hf_splitmix_init(splitmix, seed);
    return HF_OK;
}

/* One piece: the breaker, its window if there is one, and its leases. */
static size_t window_bytes(const struct hf_breaker_options *options)
{
    return options->failure_rate_percent > 0 ? sizeof(struct hf_window) : 0;
}

static size_t total_bytes(const struct hf_breaker_options *options)
{
    return sizeof(struct hf_breaker) + window_bytes(options) +
           options->half_open_permits * sizeof(struct hf_lease);
}

/* A window's and a lease's alignment divide the sizes of what lies before them. */
_Static_assert(sizeof(struct hf_breaker) % alignof(struct hf_window) == 0, "aligned window");
_Static_assert(sizeof(struct hf_window) % alignof(struct hf_lease) == 0, "aligned leases");

/* The first generation is 1, as no permit that was only zeroed may pass for one. */
static void breaker_init(struct hf_breaker *breaker, const struct hf_breaker_options *options)
{
    char *behind = (char *)(breaker + 1);
    if (window_bytes(options) > 0) {
        breaker->window = (struct hf_window *)(void *)behind;
        hf_window_init(breaker->window, options->window_ns);
    }
    breaker->leases = (struct hf_lease *)(void *)(behind + window_bytes(options));
    breaker->permit_lease_ns = options->permit_lease_ns;
    breaker->consecutive_failures = options->consecutive_failures;
    breaker->failure_rate_percent = options->failure_rate_percent;
    breaker->calls_min = options->calls_min;
    breaker->half_open_permits = options->half_open_permits;
    breaker->success_threshold = options->success_threshold;
    breaker->open = options->open;
    breaker->allocator = *options->allocator;
    breaker->size_bytes = total_bytes(options);
    hf_store_release(&breaker->word, hf_word_closed(hf_breaker_ticket(breaker)));
}

enum hf_status hf_breaker_new(
    struct hf_breaker **breaker, const struct hf_breaker_options *options, struct hf_error *error)
{
    if (!breaker)
        return hf_error_add(error, HF_INVALID, 0, "breaker: NULL");
    *breaker = NULL;
    struct hf_breaker_options filled = {0};
    if (options)
        filled = *options;
    fill_defaults(&filled);
    enum hf_status status = check(&filled, error);
    if (status == HF_OK)
        status = check_open(&filled.open, error);
    struct hf_splitmix splitmix = {0};
    if (status == HF_OK)
        status = seed_init(&splitmix, filled.seed, error);
    if (status != HF_OK)
        return status;

    size_t size_bytes = total_bytes(&filled);
    struct hf_breaker *made = hf_allocate(filled.allocator, size_bytes, alignof(struct hf_breaker));
    if (!made)
        return hf_error_add(
            error, HF_NO_MEMORY, 0, "no memory for a breaker of %zu bytes", size_bytes);
    made->splitmix = splitmix;
    breaker_init(made, &filled);
    *breaker = made;
    return HF_OK;
}

void hf_breaker_free(struct hf_breaker *breaker)
{
    if (!breaker)
        return;
    struct hf_allocator allocator = breaker->allocator;
    hf_release(&allocator, breaker, breaker->size_bytes, alignof(struct hf_breaker));
}
