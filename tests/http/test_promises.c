/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/gate.h>
#include <holdfast/http.h>
#include <holdfast/random.h>

#include "http/message.h"
#include "http/structured.h"
#include "scale.h"

/* What answers promise, held against real limits and the client's side of the same library. */

#define SEED 20240616

static struct hf_http_answer answer_of(const struct hf_http_answer_options *options,
    enum hf_status status, const struct hf_decision *decision)
{
    struct hf_http_answer answer;
    assert_int_equal(hf_http_answer(options, status, decision, 0, &answer), HF_OK);
    return answer;
}

/* What was answered, as a client's message. */
struct received {
    struct test_field fields[HF_HTTP_FIELDS_MAX];
    struct test_message message;
};

static struct hf_http_message receive(
    struct received *received, const struct hf_http_answer *answer)
{
    for (size_t index = 0; index < answer->fields_count; index++)
        received->fields[index] =
            (struct test_field){answer->fields[index].name, answer->fields[index].value, 0};
    received->message =
        (struct test_message){.fields = received->fields, .count = answer->fields_count};
    return test_http_message(&received->message);
}

static struct hf_quota random_quota(const struct hf_random *random)
{
    struct hf_quota quota = {
        .count = 1 + hf_random_below(random, 1000),
        .period_ns = HF_MS(1) << hf_random_below(random, 24),
        .burst = 1 + hf_random_below(random, 1000),
    };
    return quota;
}

/* One decision of a real limit, as it was told. */
struct telling {
    const struct hf_gate *gate; /* As it stands after the decision. */
    const struct hf_quota *quota;
    struct hf_decision decision;
    struct hf_http_told told;
    uint64_t cost;
    uint64_t now_ns;
};

static bool fits_later(const struct telling *telling, uint64_t cost, uint64_t wait_ns)
{
    struct hf_gate later = *telling->gate;
    return hf_gate_check(&later, cost, telling->now_ns + wait_ns, NULL) == HF_OK;
}

/* Never a higher rate than the quota's; and whoever waits so long has as much again, or something
 * where there was nothing. */
static bool admission_is_told_well(const struct telling *telling)
{
    const struct hf_http_told *told = &telling->told;
    double told_rate = (double)told->remaining / (double)told->reset_after_ns;
    double rate = (double)telling->quota->count / (double)telling->quota->period_ns;
    uint64_t earned = told->remaining > 0 ? told->remaining * 2 : 1;
    uint64_t most = earned < telling->quota->burst ? earned : telling->quota->burst;
    return told->remaining == telling->decision.remaining && told->reset_after_ns > 0 &&
           told_rate <= rate * (1 + 1e-9) && fits_later(telling, most, told->reset_after_ns);
}

/* Retry-After is the moment at which the request fits, less than a second late. */
static bool denial_is_told_well(const struct telling *telling, struct hf_outcome outcome)
{
    uint64_t wait_ns = outcome.retry_after_ns;
    uint64_t exact_ns = telling->decision.retry_after_ns;
    return telling->told.remaining == telling->decision.remaining && outcome.kind == HF_TRANSIENT &&
           wait_ns == telling->told.reset_after_ns && wait_ns >= exact_ns &&
           wait_ns - exact_ns < HF_SECONDS(1) && fits_later(telling, telling->cost, wait_ns);
}

static bool ask_and_tell(struct hf_gate *gate, const struct hf_http_answer_options *options,
    struct telling *telling, size_t *denials)
{
    struct received received;
    enum hf_status status = hf_gate_check(gate, telling->cost, telling->now_ns, &telling->decision);
    /* A gate speaks for all; here it stands for one key's limit. */
    if (telling->decision.reason == HF_REASON_GLOBAL)
        telling->decision.reason = HF_REASON_KEY;
    struct hf_http_answer answer = answer_of(options, status, &telling->decision);
    struct hf_http_message response = receive(&received, &answer);
    assert_int_equal(hf_http_told(&response, 0, &telling->told), HF_OK);
    *denials += status == HF_DENIED;
    if (status == HF_OK)
        return admission_is_told_well(telling);
    return denial_is_told_well(telling, hf_http_outcome(answer.status, &response, 0));
}

static void clients_read_what_servers_tell_of_real_limits(void **state)
{
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, SEED);
    struct hf_random random = hf_splitmix_random(&splitmix);
    size_t denials = 0;
    (void)state;
    for (size_t round = 0; round < test_scaled(4000); round++) {
        struct hf_http_answer_options options = {
            .dialect = (enum hf_http_dialect)(round % 3), .quota = random_quota(&random)};
        struct hf_gate gate;
        struct telling telling = {
            .gate = &gate, .quota = &options.quota, .now_ns = HF_SECONDS(1000)};
        if (hf_gate_init(&gate, &options.quota, NULL) != HF_OK)
            continue; /* Faster than limits go. */
        for (unsigned request = 0; request < 50; request++) {
            telling.cost = 1 + hf_random_below(&random, 1 + options.quota.burst / 4);
            telling.now_ns +=
                hf_random_below(&random, options.quota.period_ns / options.quota.count + 1);
            if (!ask_and_tell(&gate, &options, &telling, &denials))
                fail_msg("seed %d round %zu request %u", SEED, round, request);
        }
    }
    assert_true(denials > 0);
}

/* q and w of a RateLimit-Policy field of one policy. */
static void read_policy(const struct hf_http_answer *answer, uint64_t *q, uint64_t *w)
{
    const char *value = answer->fields[0].value;
    struct hf_sf_item item;
    assert_string_equal(answer->fields[0].name, "RateLimit-Policy");
    struct hf_sf sf = hf_sf(hf_bytes(value, strlen(value)));
    assert_true(hf_sf_member(&sf, &item));
    assert_int_equal(item.kind, HF_SF_STRING);
    while (hf_sf_parameter(&sf, &item))
        *(*(const char *)item.key.data == 'q' ? q : w) = (uint64_t)item.integer;
    assert_false(sf.failed);
}

/*
 * The policy's promise: at most q requests in any stretch of w are never refused, however they are
 * spread. The client below sends each request at a random moment after the earliest that keeps it.
 */
static void whoever_keeps_to_the_policy_is_never_refused(void **state)
{
    (void)state;
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, SEED);
    struct hf_random random = hf_splitmix_random(&splitmix);
    for (size_t round = 0; round < test_scaled(2000); round++) {
        struct hf_http_answer_options options = {.quota = random_quota(&random)};
        options.quota.burst = 1 + options.quota.burst % 32;
        struct hf_gate gate;
        uint64_t sent_ns[32] = {0}; /* The latest q requests, in a ring. */
        uint64_t q = 0;
        uint64_t w = 0;
        if (hf_gate_init(&gate, &options.quota, NULL) != HF_OK)
            continue;
        struct hf_http_answer answer = answer_of(&options, HF_OK, NULL);
        read_policy(&answer, &q, &w);
        assert_int_equal(q, options.quota.burst);
        assert_true((double)q / (double)w <= 1e9 * (double)options.quota.count /
                                                 (double)options.quota.period_ns * (1 + 1e-9));
        uint64_t now_ns = HF_SECONDS(w);
        for (unsigned request = 0; request < 200; request++) {
            uint64_t *oldest_ns = &sent_ns[request % q];
            if (request >= q && now_ns < *oldest_ns + HF_SECONDS(w))
                now_ns = *oldest_ns + HF_SECONDS(w);
            if (hf_random_below(&random, 3) == 0)
                now_ns += hf_random_below(&random, HF_SECONDS(w));
            *oldest_ns = now_ns;
            if (hf_gate_check(&gate, 1, now_ns, NULL) != HF_OK)
                fail_msg("seed %d round %zu request %u", SEED, round, request);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_read_what_servers_tell_of_real_limits),
        cmocka_unit_test(whoever_keeps_to_the_policy_is_never_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
