/* SPDX-License-Identifier: MIT */

/*
 * Fills a limiter to the number of keys that it was made for, and then asks for keys that nobody
 * has asked for before, for as long as one likes, with as many live at any time: memory and time
 * must stay what they are, and no key may be refused. A user's program: through public headers.
 */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <holdfast/limiter.h>

static const char help[] =
    "Asks a limiter for ever new keys and watches its memory and time.\n"
    "\n"
    "  churn [--keys N] [--minutes N] [--output FILE]\n"
    "\n"
    "  --keys N       live keys, for which the limiter is made, too (10,000,000)\n"
    "  --minutes N    how long, fractions too (10)\n"
    "  --output FILE  JSON, one object a sample, into FILE\n"
    "\n"
    "Each key has one cell, which lasts until as many more keys have been asked for; the time is\n"
    "told to the limiter and moves from key to key. ns is the median of the stretches of a "
    "sample,\n"
    "resident is the process's memory in RAM. Ends with 1 if a key was refused.\n";

/* Decisions between two looks at the clock. */
#define STRETCH 16384
#define STRETCHES_MAX 16384
#define SAMPLES 120
/* How far time moves from key to key. */
#define STEP_NS 1000
/* Larger than this, the last tenth's median by the first's is not called flat. */
#define FLAT_NS 1.15
#define FLAT_BYTES 1.01

struct sample {
    double seconds;
    double ns;
    uint64_t decisions; /* So far, like all below. */
    uint64_t refused;
    uint64_t resident_bytes;
    uint64_t reserved_bytes;
};

struct churn {
    uint64_t keys;
    double minutes;
    const char *output;
    struct hf_limiter *limiter;
    struct hf_clock clock; /* Of the machine. */
    uint64_t asked;
    uint64_t refused;
    struct sample samples[SAMPLES];
    double stretches[STRETCHES_MAX]; /* ns a decision, of the sample at hand. */
};

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

/* Asks for that many new keys; returns ns a key. */
static double ask(struct churn *churn, uint64_t count)
{
    uint64_t key[2] = {UINT64_C(0xb80d0120), 0};
    uint64_t refused = 0;
    uint64_t start_ns = hf_clock_now_ns(&churn->clock);
    for (uint64_t i = 0; i < count; i++) {
        key[1] = churn->asked++;
        struct hf_bytes bytes = hf_bytes(key, sizeof(key));
        uint64_t now_ns = HF_SECONDS(1000) + key[1] * STEP_NS;
        refused += hf_limiter_check_at(churn->limiter, bytes, 1, now_ns, NULL) != HF_OK;
    }
    churn->refused += refused;
    return (double)(hf_clock_now_ns(&churn->clock) - start_ns) / (double)count;
}

static int compare(const void *one, const void *other)
{
    double a = *(const double *)one;
    double b = *(const double *)other;
    return (a > b) - (a < b);
}

static double median(double values[], size_t count)
{
    qsort(values, count, sizeof(values[0]), compare);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

static uint64_t resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%*u %lu", &pages) != 1)
        fail("/proc/self/statm", "cannot be read");
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t reserved_bytes(const struct churn *churn)
{
    struct hf_limiter_statistics statistics;
    if (hf_limiter_statistics(churn->limiter, &statistics) != HF_OK)
        fail("limiter", "tells nothing of itself");
    return statistics.memory_bytes;
}

static struct sample take_sample(struct churn *churn, uint64_t start_ns, uint64_t end_ns)
{
    size_t count = 0;
    while (count < STRETCHES_MAX && (count == 0 || hf_clock_now_ns(&churn->clock) < end_ns))
        churn->stretches[count++] = ask(churn, STRETCH);
    return (struct sample){
        .seconds = (double)(hf_clock_now_ns(&churn->clock) - start_ns) / 1e9,
        .ns = median(churn->stretches, count),
        .decisions = churn->asked,
        .refused = churn->refused,
        .resident_bytes = resident_bytes(),
        .reserved_bytes = reserved_bytes(churn),
    };
}

static void begin(struct churn *churn)
{
    struct hf_limiter_options options = {
        .quota = hf_quota_per(1, churn->keys * STEP_NS),
        .keys_max = churn->keys,
        .hash = HF_HASH_FAST,
    };
    enum hf_status status = hf_limiter_new(&churn->limiter, &options, NULL);
    if (status != HF_OK)
        fail("limiter", hf_status_str(status));
    churn->clock = hf_clock_monotonic();
    double ns = ask(churn, churn->keys);
    printf("filled: %llu keys, %llu refused, %.1f bytes a key reserved, %.1f resident, %.0f ns\n",
        (unsigned long long)churn->keys, (unsigned long long)churn->refused,
        (double)reserved_bytes(churn) / (double)churn->keys,
        (double)resident_bytes() / (double)churn->keys, ns);
}

static void run(struct churn *churn)
{
    uint64_t start_ns = hf_clock_now_ns(&churn->clock);
    uint64_t length_ns = (uint64_t)(churn->minutes * 60e9);
    printf("%9s %15s %9s %8s %13s\n", "seconds", "decisions", "refused", "ns", "resident_MiB");
    for (size_t i = 0; i < SAMPLES; i++) {
        struct sample *sample = &churn->samples[i];
        *sample = take_sample(churn, start_ns, start_ns + length_ns / SAMPLES * (i + 1));
        printf("%9.1f %15llu %9llu %8.1f %13.1f\n", sample->seconds,
            (unsigned long long)sample->decisions, (unsigned long long)sample->refused, sample->ns,
            (double)sample->resident_bytes / 1048576);
        fflush(stdout);
    }
}

/* The median of a tenth of the samples. */
static double tenth(const struct churn *churn, size_t first, bool bytes)
{
    double values[SAMPLES / 10];
    for (size_t i = 0; i < SAMPLES / 10; i++) {
        const struct sample *sample = &churn->samples[first + i];
        values[i] = bytes ? (double)sample->resident_bytes : sample->ns;
    }
    return median(values, SAMPLES / 10);
}

static void conclude(const struct churn *churn)
{
    size_t last = SAMPLES - SAMPLES / 10;
    double ns = tenth(churn, last, false) / tenth(churn, 0, false);
    double bytes = tenth(churn, last, true) / tenth(churn, 0, true);
    printf("last tenth by first: time %.3f (%s), resident memory %.3f (%s); %llu of %llu refused\n",
        ns, ns <= FLAT_NS ? "flat" : "NOT FLAT", bytes, bytes <= FLAT_BYTES ? "flat" : "NOT FLAT",
        (unsigned long long)churn->refused, (unsigned long long)churn->asked);
}

static void write_json(const struct churn *churn)
{
    FILE *file = fopen(churn->output, "w");
    if (!file)
        fail(churn->output, "cannot be written");
    fputs("[\n", file);
    for (size_t i = 0; i < SAMPLES; i++) {
        const struct sample *sample = &churn->samples[i];
        fprintf(file,
            "  {\"seconds\":%.3f,\"keys\":%llu,\"decisions\":%llu,\"refused\":%llu,\"ns\":%.2f,"
            "\"resident_bytes\":%llu,\"reserved_bytes\":%llu}%s\n",
            sample->seconds, (unsigned long long)churn->keys, (unsigned long long)sample->decisions,
            (unsigned long long)sample->refused, sample->ns,
            (unsigned long long)sample->resident_bytes, (unsigned long long)sample->reserved_bytes,
            i + 1 < SAMPLES ? "," : "");
    }
    fputs("]\n", file);
    if (fclose(file) != 0)
        fail(churn->output, "cannot be written");
}

/* False: bad usage. */
static bool parse(struct churn *churn, int count, char **values)
{
    for (int i = 1; i + 1 < count; i += 2) {
        if (strcmp(values[i], "--keys") == 0)
            churn->keys = strtoull(values[i + 1], NULL, 10);
        else if (strcmp(values[i], "--minutes") == 0)
            churn->minutes = strtod(values[i + 1], NULL);
        else if (strcmp(values[i], "--output") == 0)
            churn->output = values[i + 1];
        else
            return false;
    }
    return count % 2 == 1 && churn->keys > 0 && churn->keys <= UINT64_C(1) << 32 &&
           churn->minutes > 0 && churn->minutes <= 1e5;
}

int main(int count, char **values)
{
    static struct churn churn = {.keys = 10000000, .minutes = 10};
    if (count == 2 && strcmp(values[1], "--help") == 0) {
        fputs(help, stdout);
        return EXIT_SUCCESS;
    }
    if (!parse(&churn, count, values)) {
        fputs(help, stderr);
        return 2;
    }
    begin(&churn);
    run(&churn);
    conclude(&churn);
    if (churn.output)
        write_json(&churn);
    hf_limiter_free(churn.limiter);
    return churn.refused > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
