/* SPDX-License-Identifier: MIT */

/*
 * Times decisions of the keyed limiter and of the gate, and the least that any such limiter must
 * do, as a user's program: through the installed headers, with a static library. governor/ times
 * the other side by the same rules; ../limiter_peers.sh runs the two in turns.
 */

#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <holdfast/gate.h>
#include <holdfast/limiter.h>

#include "stopwatch.h"
#include "traffic.h"

static const char help[] =
    "Times decisions of the limiter, or of the gate.\n"
    "\n"
    "  limiter [--workload uniform|zipf|batch|denied|gate|gate-denied] [--keys N]\n"
    "          [--threads N] [--clock mock|given|monotonic|tsc] [--key-bytes 16|38]\n"
    "          [--hash fast|siphash] [--ms N] [--cpus N,N] [--cpu-time]\n"
    "\n"
    "Prints a line when ready, then one for each line read: a run of --ms milliseconds, of the\n"
    "limiter, or of its physical limit where the line is \"floor\": the same hash, one line of a\n"
    "table as large, one locked compare-and-swap (a denial: one load) and no logic.\n"
    "\n"
    "  batch    uniform, in calls of 16 keys (hf_limiter_check_many)\n"
    "  --clock  mock: hf_manual_clock, read at each decision; given: hf_limiter_check_at with a\n"
    "           time that stands still; monotonic: the default; tsc: hf_tsc_clock\n"
    "  gate     hf_gate, which has no keys and is told the time: mock is one atomic load\n";

/* Decisions between two sets of keys; keys are written well before they are read. */
#define SET 256
/* Sets between two looks at the stopwatch. */
#define SETS 16
/* Keys in one call of the workload "batch". */
#define BATCH 16

/* A cell comes back each second, so that keys stay live, and the burst outlasts any run. */
#define BURST (UINT64_C(1) << 30)
#define CACHE_LINE 64
#define HUGE_PAGE ((size_t)2 << 20)
#define HUGE_PAGES_FROM ((size_t)4 << 20)

enum workload { UNIFORM, ZIPF, IN_BATCHES, DENIED, GATE, GATE_DENIED, WORKLOADS };
enum time_source { MOCK, GIVEN, MONOTONIC, TSC, TIME_SOURCES };

static const char *const workload_names[] = {
    "uniform", "zipf", "batch", "denied", "gate", "gate-denied"};
static const char *const clock_names[] = {"mock", "given", "monotonic", "tsc"};
static const char *const hash_names[] = {"siphash", "fast"}; /* By enum hf_hash_kind. */

struct options {
    size_t workload;
    size_t time_source;
    size_t hash;
    uint64_t keys;
    uint64_t threads;
    uint64_t key_bytes;
    uint64_t ms;
    struct stopwatch watch;
};

struct line {
    _Alignas(CACHE_LINE) uint64_t word;
};

struct subject {
    struct options options;
    struct hf_limiter *limiter;
    struct hf_gate gate;
    struct hf_clock clock;
    struct hf_manual_clock manual;
    struct hf_tsc tsc;
    struct hf_hash_seed seed;
    struct line *lines; /* The floor's table, made when first asked for. */
    uint64_t lines_count;
    double bytes_per_key;
};

/* Aligned, so that no thread writes to a line of another's. */
struct worker {
    _Alignas(CACHE_LINE) struct subject *subject;
    struct traffic traffic;
    uint64_t wrong;
    unsigned char keys[SET][TRAFFIC_KEY_BYTES_MAX];
    struct hf_limiter_request requests[SET]; /* For these keys. */
};

static bool denies(const struct options *options)
{
    return options->workload == DENIED || options->workload == GATE_DENIED;
}

static bool has_keys(const struct options *options)
{
    return options->workload < GATE;
}

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static void set_keys(struct worker *worker)
{
    if (!traffic_chooses(&worker->traffic))
        return;
    size_t key_bytes = worker->subject->options.key_bytes;
    for (size_t i = 0; i < SET; i++)
        traffic_key_set(worker->keys[i], key_bytes, traffic_next(&worker->traffic));
}

/* A time that is told to a call that takes one. */
static uint64_t told_now(const struct subject *subject)
{
    if (subject->options.time_source <= GIVEN)
        return __atomic_load_n(&subject->manual.now_ns, __ATOMIC_RELAXED);
    return hf_clock_now_ns(&subject->clock);
}

static uint64_t check(struct worker *worker, enum hf_status expected)
{
    struct subject *subject = worker->subject;
    size_t key_bytes = subject->options.key_bytes;
    uint64_t wrong = 0;
    for (size_t i = 0; i < SET; i++) {
        struct hf_bytes key = hf_bytes(worker->keys[i], key_bytes);
        wrong += hf_limiter_check(subject->limiter, key, 1, NULL) != expected;
    }
    return wrong;
}

static uint64_t check_at(struct worker *worker, enum hf_status expected)
{
    struct subject *subject = worker->subject;
    size_t key_bytes = subject->options.key_bytes;
    uint64_t now_ns = subject->manual.now_ns;
    uint64_t wrong = 0;
    for (size_t i = 0; i < SET; i++) {
        struct hf_bytes key = hf_bytes(worker->keys[i], key_bytes);
        wrong += hf_limiter_check_at(subject->limiter, key, 1, now_ns, NULL) != expected;
    }
    return wrong;
}

static uint64_t check_many(struct worker *worker)
{
    const struct subject *subject = worker->subject;
    uint64_t wrong = 0;
    for (size_t i = 0; i < SET; i += BATCH)
        wrong += hf_limiter_check_many(subject->limiter, worker->requests + i, BATCH) != HF_OK;
    return wrong;
}

static uint64_t check_many_at(struct worker *worker)
{
    const struct subject *subject = worker->subject;
    uint64_t now_ns = subject->manual.now_ns;
    uint64_t wrong = 0;
    for (size_t i = 0; i < SET; i += BATCH)
        wrong += hf_limiter_check_many_at(subject->limiter, worker->requests + i, BATCH, now_ns) !=
                 HF_OK;
    return wrong;
}

static uint64_t pass_gate(struct worker *worker, enum hf_status expected)
{
    struct subject *subject = worker->subject;
    uint64_t wrong = 0;
    for (size_t i = 0; i < SET; i++)
        wrong += hf_gate_check(&subject->gate, 1, told_now(subject), NULL) != expected;
    return wrong;
}

static void decide(void *context)
{
    struct worker *worker = context;
    const struct options *options = &worker->subject->options;
    enum hf_status expected = denies(options) ? HF_DENIED : HF_OK;
    if (!has_keys(options)) {
        worker->wrong += pass_gate(worker, expected);
        return;
    }
    set_keys(worker);
    bool given = options->time_source == GIVEN;
    if (options->workload == IN_BATCHES)
        worker->wrong += given ? check_many_at(worker) : check_many(worker);
    else
        worker->wrong += given ? check_at(worker, expected) : check(worker, expected);
}

/* The line by multiplication and shift. */
static uint64_t *line_of(const struct subject *subject, const unsigned char *key)
{
    struct hf_bytes bytes = hf_bytes(key, subject->options.key_bytes);
    uint64_t hash = subject->options.hash == HF_HASH_FAST
                        ? hf_hash_fast(&subject->seed, bytes).high
                        : hf_hash_siphash64(&subject->seed, bytes);
    return &subject->lines[((hash >> 32) * subject->lines_count) >> 32].word;
}

/*
 * Each decision has to be counted, so whoever fails tries again. A clock is read while the line
 * comes from memory; after it, it would wait for the line.
 */
static inline void touch(const struct subject *subject, uint64_t *word)
{
    uint64_t add = 1;
    if (subject->options.time_source > GIVEN) {
        __builtin_prefetch(word);
        add = hf_clock_now_ns(&subject->clock);
    }
    uint64_t seen = __atomic_load_n(word, __ATOMIC_ACQUIRE);
    if (denies(&subject->options))
        return;
    while (!__atomic_compare_exchange_n(
        word, &seen, seen + add, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        continue;
}

/* A batch asks for all its lines before it touches the first. */
static void touch_batches(struct worker *worker)
{
    for (size_t i = 0; i < SET; i += BATCH) {
        uint64_t *words[BATCH];
        for (size_t j = 0; j < BATCH; j++) {
            words[j] = line_of(worker->subject, worker->keys[i + j]);
            __builtin_prefetch(words[j]);
        }
        for (size_t j = 0; j < BATCH; j++)
            touch(worker->subject, words[j]);
    }
}

static void touch_floor(void *context)
{
    struct worker *worker = context;
    struct subject *subject = worker->subject;
    if (!has_keys(&subject->options)) {
        for (size_t i = 0; i < SET; i++)
            touch(subject, &subject->lines[0].word);
        return;
    }
    set_keys(worker);
    if (subject->options.workload == IN_BATCHES) {
        touch_batches(worker);
        return;
    }
    for (size_t i = 0; i < SET; i++)
        touch(subject, line_of(subject, worker->keys[i]));
}

static void make_clock(struct subject *subject)
{
    hf_manual_clock_init(&subject->manual, HF_SECONDS(1000));
    subject->clock = hf_manual_clock(&subject->manual);
    if (subject->options.time_source == MONOTONIC)
        subject->clock = hf_clock_monotonic();
    if (subject->options.time_source != TSC)
        return;
    if (hf_tsc_init(&subject->tsc, NULL) != HF_OK)
        fail("--clock tsc", "this processor has no counter to go by");
    subject->clock = hf_tsc_clock(&subject->tsc);
}

static struct hf_quota quota_of(const struct options *options)
{
    return hf_quota_with_burst(hf_quota_per_second(1), denies(options) ? 1 : BURST);
}

static void make_gate(struct subject *subject)
{
    struct hf_quota quota = quota_of(&subject->options);
    if (hf_gate_init(&subject->gate, &quota, NULL) != HF_OK ||
        hf_gate_check(&subject->gate, 1, told_now(subject), NULL) != HF_OK)
        fail("gate", "cannot be made");
    subject->lines_count = 1;
    subject->bytes_per_key = sizeof(subject->gate);
}

/* Every key has its place before anything is timed. */
static void insert_all(struct subject *subject)
{
    unsigned char key[TRAFFIC_KEY_BYTES_MAX];
    size_t key_bytes = subject->options.key_bytes;
    traffic_key_init(key, key_bytes);
    for (uint64_t number = 0; number < subject->options.keys; number++) {
        traffic_key_set(key, key_bytes, number);
        struct hf_bytes bytes = hf_bytes(key, key_bytes);
        if (hf_limiter_check(subject->limiter, bytes, 1, NULL) != HF_OK)
            fail("limiter", "a key was refused");
    }
}

static void make_limiter(struct subject *subject)
{
    size_t before = stopwatch_memory_in_use();
    struct hf_limiter_options options = {
        .quota = quota_of(&subject->options),
        .keys_max = subject->options.keys,
        .hash = (enum hf_hash_kind)subject->options.hash,
        .clock = subject->clock,
    };
    enum hf_status status = hf_limiter_new(&subject->limiter, &options, NULL);
    if (status != HF_OK)
        fail("limiter", hf_status_str(status));
    insert_all(subject);
    size_t bytes = stopwatch_memory_in_use() - before;
    struct hf_limiter_statistics statistics;
    if (hf_limiter_statistics(subject->limiter, &statistics) != HF_OK ||
        statistics.inserted != subject->options.keys)
        fail("limiter", "holds another number of keys");
    subject->bytes_per_key = (double)bytes / (double)subject->options.keys;
    subject->lines_count = statistics.memory_bytes / sizeof(struct line);
}

/* In pages as large as the limiter's are. */
static void make_lines(struct subject *subject)
{
    if (subject->lines)
        return;
    size_t bytes = subject->lines_count * sizeof(struct line);
    size_t whole = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    subject->lines = aligned_alloc(HUGE_PAGE, whole);
    if (!subject->lines)
        fail("floor", "out of memory");
    if (bytes >= HUGE_PAGES_FROM)
        (void)madvise(subject->lines, whole, MADV_HUGEPAGE);
    for (uint64_t i = 0; i < subject->lines_count; i++)
        subject->lines[i].word = i;
}

static void run_once(struct subject *subject, struct worker *workers, bool floor)
{
    if (floor)
        make_lines(subject);
    void *contexts[STOPWATCH_THREADS_MAX];
    for (uint64_t i = 0; i < subject->options.threads; i++)
        contexts[i] = &workers[i];
    struct stopwatch_stretch sum = stopwatch_run(&subject->options.watch,
        floor ? touch_floor : decide, contexts, subject->options.threads, subject->options.ms);
    for (uint64_t i = 0; i < subject->options.threads; i++) {
        if (workers[i].wrong > 0)
            fail("limiter", "something else was timed than was meant");
    }
    uint64_t decisions = sum.calls * SET;
    printf("{\"ns\":%.3f,\"decisions\":%llu}\n", (double)sum.elapsed_ns / (double)decisions,
        (unsigned long long)decisions);
    fflush(stdout);
}

static void serve(struct subject *subject)
{
    static struct worker workers[STOPWATCH_THREADS_MAX];
    const struct options *options = &subject->options;
    bool zipf = options->workload == ZIPF;
    for (uint64_t i = 0; i < options->threads; i++) {
        workers[i].subject = subject;
        traffic_init(&workers[i].traffic, options->keys, zipf, i);
        for (size_t j = 0; j < SET; j++) {
            traffic_key_init(workers[i].keys[j], options->key_bytes);
            workers[i].requests[j] = (struct hf_limiter_request){
                .key = hf_bytes(workers[i].keys[j], options->key_bytes), .cost = 1};
        }
    }
    printf("{\"program\":\"holdfast\",\"traffic\":\"%016llx\",\"bytes_per_key\":%.1f}\n",
        (unsigned long long)traffic_fingerprint(options->keys, zipf), subject->bytes_per_key);
    fflush(stdout);
    char line[16];
    while (fgets(line, sizeof(line), stdin))
        run_once(subject, workers, strcmp(line, "floor\n") == 0);
}

/* The place of value among names, count if it is none of them. */
static size_t place_of(const char *value, const char *const names[], size_t count)
{
    size_t place = 0;
    while (place < count && strcmp(value, names[place]) != 0)
        place++;
    return place;
}

static bool set_option(struct options *options, const char *name, const char *value)
{
    if (strcmp(name, "--workload") == 0)
        options->workload = place_of(value, workload_names, WORKLOADS);
    else if (strcmp(name, "--clock") == 0)
        options->time_source = place_of(value, clock_names, TIME_SOURCES);
    else if (strcmp(name, "--hash") == 0)
        options->hash = place_of(value, hash_names, 2);
    else if (strcmp(name, "--keys") == 0)
        options->keys = strtoull(value, NULL, 10);
    else if (strcmp(name, "--threads") == 0)
        options->threads = strtoull(value, NULL, 10);
    else if (strcmp(name, "--key-bytes") == 0)
        options->key_bytes = strtoull(value, NULL, 10);
    else if (strcmp(name, "--ms") == 0)
        options->ms = strtoull(value, NULL, 10);
    else if (strcmp(name, "--cpus") == 0)
        return stopwatch_parse_processors(&options->watch, value);
    else
        return false;
    return true;
}

static bool valid(const struct options *options)
{
    return options->workload < WORKLOADS && options->time_source < TIME_SOURCES &&
           options->hash < 2 && options->keys >= 1 && options->keys <= UINT64_C(1) << 31 &&
           options->threads >= 1 && options->threads <= options->watch.processors_count &&
           (options->key_bytes == 16 || options->key_bytes == TRAFFIC_KEY_BYTES_MAX) &&
           options->ms > 0;
}

/* False: bad usage. */
static bool parse(struct options *options, int count, char **values)
{
    for (int i = 1; i < count; i++) {
        if (strcmp(values[i], "--cpu-time") == 0)
            options->watch.cpu_time = true;
        else if (i + 1 == count || !set_option(options, values[i], values[i + 1]))
            return false;
        else
            i++;
    }
    return valid(options);
}

int main(int count, char **values)
{
    static struct subject subject = {
        .options = {.hash = HF_HASH_FAST, .keys = 1000, .threads = 1, .key_bytes = 16, .ms = 50},
    };
    stopwatch_init(&subject.options.watch, SETS);
    if (count == 2 && strcmp(values[1], "--help") == 0) {
        fputs(help, stdout);
        return EXIT_SUCCESS;
    }
    if (!parse(&subject.options, count, values)) {
        fputs(help, stderr);
        return 2;
    }
    if (hf_hash_seed_system(&subject.seed, NULL) != HF_OK)
        fail("seed", "none to be had");
    make_clock(&subject);
    if (has_keys(&subject.options))
        make_limiter(&subject);
    else
        make_gate(&subject);
    serve(&subject);
    hf_limiter_free(subject.limiter);
    free(subject.lines);
    return EXIT_SUCCESS;
}
