// SPDX-License-Identifier: MIT
// A user of all core headers and the simulation's from C++17: every inline function, every struct
// of options initialised, functions without captures as callbacks.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include <holdfast/holdfast.h>
#include <holdfast/sim.h>
#include <holdfast/sim_files.h>
#include <holdfast/sim_memory.h>

namespace {

// Frees what a constructor gave. The name of a struct may be that of a function too, hence
// `struct` before each of them here.
template <typename T, void (*release)(T *)> struct Releaser {
    void operator()(T *object) const { release(object); }
};
template <typename T, void (*release)(T *)> using Owned = std::unique_ptr<T, Releaser<T, release>>;

void check(bool good, const char *what)
{
    if (good)
        return;
    std::fprintf(stderr, "not so: %s\n", what);
    std::exit(1);
}

struct hf_bytes bytes_of(const std::string &text)
{
    return hf_bytes(text.data(), text.size());
}

void inline_functions_work()
{
    check(hf_bytes(nullptr, 0).size == 0, "no bytes");
    check(hf_success().kind == HF_SUCCESS, "success");
    check(hf_transient(1).code == 1, "transient");
    check(hf_transient_after(1, HF_MS(2)).retry_after_ns == HF_US(2000), "transient after");
    check(hf_permanent(3).kind == HF_PERMANENT, "permanent");
    check(hf_ignored(4).kind == HF_IGNORED, "ignored");
    check(hf_outcome(HF_TRANSIENT, -1, 5).code == -1, "outcome");
    check(hf_quota_per(2, 3).period_ns == 3, "quota");
    check(hf_quota_per_second(2).period_ns == HF_SECONDS(1), "per second");
    check(hf_quota_per_minute(2).period_ns == HF_SECONDS(60), "per minute");
    check(hf_quota_per_hour(2).period_ns == HF_SECONDS(3600), "per hour");
    check(hf_quota_with_burst(hf_quota_per_second(1), 9).burst == 9, "with burst");
    check(hf_field_integer("i", -1).value.integer == -1, "integer");
    check(hf_field_unsigned("u", 1).value.unsigned_integer == 1, "unsigned");
    check(hf_field_number("n", 0.5).value.number > 0, "number");
    check(hf_field_boolean("b", true).value.boolean, "boolean");
    check(hf_field_bytes("t", hf_bytes("xy", 2)).value.text.size == 2, "bytes");
}

struct hf_outcome third_time_works(void *context, const struct hf_attempt *attempt)
{
    ++*static_cast<int *>(context);
    return attempt->number < 3 ? hf_transient(503) : hf_success();
}

// Each struct as `= {}`, then the fields that matter: C++17 has no designated initialisers.
void a_guard_is_put_together(struct hf_sim *sim, const struct hf_files *files)
{
    struct hf_error error = {};
    struct hf_limiter_options limits = {};
    limits.quota = hf_quota_with_burst(hf_quota_per_second(1), 2);
    limits.clock = hf_sim_clock(sim);
    struct hf_limiter *made_limiter = nullptr;
    check(hf_limiter_new(&made_limiter, &limits, &error) == HF_OK, hf_error_text(&error));
    Owned<struct hf_limiter, hf_limiter_free> limiter(made_limiter);

    struct hf_gate gate = {};
    check(hf_gate_init(&gate, &limits.quota, &error) == HF_OK, hf_error_text(&error));

    struct hf_breaker_options breaking = {};
    breaking.seed = 1;
    struct hf_breaker *made_breaker = nullptr;
    check(hf_breaker_new(&made_breaker, &breaking, &error) == HF_OK, hf_error_text(&error));
    Owned<struct hf_breaker, hf_breaker_free> breaker(made_breaker);

    struct hf_metrics *made_metrics = nullptr;
    check(hf_metrics_new(&made_metrics, nullptr, &error) == HF_OK, hf_error_text(&error));
    Owned<struct hf_metrics, hf_metrics_free> metrics(made_metrics);

    struct hf_audit_options logging = {};
    logging.directory = "logs";
    logging.files = files;
    struct hf_audit *audit = nullptr;
    check(hf_audit_open(&audit, &logging, &error) == HF_OK, hf_error_text(&error));

    struct hf_retry_options retrying = {};
    retrying.delay.base_ns = HF_MS(10);
    struct hf_guard_options options = {};
    options.limiter = limiter.get();
    options.gate = &gate;
    options.breaker = breaker.get();
    options.retry = &retrying;
    options.metrics = metrics.get();
    options.audit = audit;
    options.audit_events = HF_GUARD_AUDIT_FAILED | HF_GUARD_AUDIT_ENDED;
    options.clock = hf_sim_clock(sim);
    options.random = hf_sim_random(sim);
    struct hf_guard *made_guard = nullptr;
    check(hf_guard_new(&made_guard, &options, &error) == HF_OK, hf_error_text(&error));
    Owned<struct hf_guard, hf_guard_free> guard(made_guard);

    const std::string key = "someone";
    struct hf_guard_request request = {};
    request.key = bytes_of(key);
    struct hf_guard_report report = {};
    int calls = 0;
    check(hf_guard_call(guard.get(), &request, third_time_works, &calls, &report) == HF_OK, "call");
    check(calls == 3 && report.retry.attempts == 3, "three tries");
    struct hf_outcome (*nothing)(void *, const struct hf_attempt *) =
        [](void *, const struct hf_attempt *) { return hf_success(); };
    request.cost = 3;
    check(hf_guard_call(guard.get(), &request, nothing, nullptr, &report) == HF_NEVER, "never");

    guard.reset();
    uint64_t lost = 1;
    check(hf_audit_close(audit, UINT64_MAX, &lost) == HF_OK && lost == 0, "nothing is lost");
    std::string text(hf_metrics_write(metrics.get(), nullptr, 0) + 1, '\0');
    hf_metrics_write(metrics.get(), &text[0], text.size());
    check(text.find("result=\"never\"} 1") != std::string::npos, "the refusal is counted");
}

void keys_are_limited_by_quotas_of_their_own(struct hf_sim *sim)
{
    const struct hf_quota quota = hf_quota_per_second(2);
    struct hf_gcra plan;
    check(hf_gcra_init(&plan, &quota, nullptr) == HF_OK, "a plan");
    check(hf_gcra_fill_ns(&plan) == HF_SECONDS(1), "how long it takes to fill up");
    struct hf_limiter_options options = {};
    options.quota = hf_quota_per_hour(1);
    options.clock = hf_sim_clock(sim);
    struct hf_limiter *made = nullptr;
    check(hf_limiter_new(&made, &options, nullptr) == HF_OK, "a limiter");
    Owned<struct hf_limiter, hf_limiter_free> limiter(made);
    const struct hf_bytes key = hf_bytes("k", 1);
    struct hf_decision decision = {};
    check(hf_limiter_check_with(made, key, 2, &plan, &decision) == HF_OK, "its own quota");
    check(hf_limiter_peek(made, key, 1, &plan, nullptr) == HF_DENIED, "used up");
    check(hf_limiter_refund(made, key, 1, &plan) == HF_OK, "given back");
    check(hf_limiter_requota(made, key, &plan, nullptr) == HF_OK, "another quota");
    check(hf_limiter_trim(made, nullptr) == HF_OK, "trimmed");
    check(hf_limiter_reset(made, key) == HF_OK, "forgotten");
    struct hf_limiter_wait wait = {};
    wait.quota = &plan;
    check(hf_limiter_wait(made, key, 1, &wait, nullptr) == HF_OK, "waited");

    struct hf_gate gate = {};
    check(hf_gate_init(&gate, &quota, nullptr) == HF_OK, "a gate");
    struct hf_limits limits = {};
    limits.parts[0].gate = &gate;
    limits.parts[1].limiter = made;
    limits.parts[1].quota = &plan;
    limits.clock = options.clock;
    check(hf_limits_check(&limits, key, 1, &decision) == HF_OK, "both");
    check(hf_limits_check(&limits, key, 1, &decision) == HF_DENIED, "one of them");
    check(decision.part == 1 && decision.reason == HF_REASON_KEY, "the key's");
    check(hf_limits_refund(&limits, key, 1) == HF_OK, "given back to both");
}

bool no_field(void *, const char *, size_t, struct hf_bytes *)
{
    return false;
}

void a_request_is_keyed_and_answered()
{
    struct hf_http_message request = {};
    request.field = no_field;
    check(hf_ip_parse(hf_bytes("192.0.2.1", 9), &request.peer) == HF_OK, "an address");
    struct hf_http_key_options by_peer = {};
    struct hf_http_key key;
    check(hf_http_key(&by_peer, &request, &key) == HF_OK, "a key");
    check(std::string(key.bytes, key.size) == "192.0.2.1", "the peer's address");

    struct hf_http_answer_options options = {};
    options.quota = hf_quota_per_second(5);
    struct hf_http_answer answer;
    check(hf_http_answer(&options, HF_DENIED, nullptr, 1, &answer) == HF_OK, "an answer");
    check(answer.status == 429, "too many requests");
}

} // namespace

int main()
{
    struct hf_error error = {};
    struct hf_sim_options options = {};
    options.seed = 1;
    struct hf_sim *made_sim = nullptr;
    check(hf_sim_new(&made_sim, &options, &error) == HF_OK, hf_error_text(&error));
    Owned<struct hf_sim, hf_sim_free> sim(made_sim);
    struct hf_sim_files *made_disk = nullptr;
    check(hf_sim_files_new(&made_disk, nullptr, &error) == HF_OK, hf_error_text(&error));
    Owned<struct hf_sim_files, hf_sim_files_free> disk(made_disk);
    const struct hf_files files = hf_sim_files(disk.get());

    inline_functions_work();
    a_guard_is_put_together(sim.get(), &files);
    keys_are_limited_by_quotas_of_their_own(sim.get());
    a_request_is_keyed_and_answered();
    return 0;
}
