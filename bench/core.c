/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static const char help[] =
    "Times each pattern beside its floor, with 1 thread and with 2, pinned to processors.\n"
    "\n"
    "  core [--quick] [--json] [--only WORD] [--output FILE]\n"
    "\n"
    "  --quick        shorter runs: to see that it works, not to quote\n"
    "  --json         JSON on standard output instead of the table\n"
    "  --only WORD    just the benchmarks with WORD in their name\n"
    "  --output FILE  JSON into FILE besides\n"
    "  --help         this text\n"
    "\n"
    "ns is one thread's time for one operation: median, least and greatest of the samples, which\n"
    "take turns with the floor's. ratio is our median by the floor's.\n"
    "Ends with 1 if a benchmark could not be run or did something else than it meant to time.\n";

struct arguments {
    bool quick;
    bool json;
    bool help;
    const char *only;
    const char *output;
};

/* False: bad usage. */
static bool parse(struct arguments *arguments, int count, char **values)
{
    for (int i = 1; i < count; i++) {
        bool more = i + 1 < count;
        if (strcmp(values[i], "--quick") == 0)
            arguments->quick = true;
        else if (strcmp(values[i], "--json") == 0)
            arguments->json = true;
        else if (strcmp(values[i], "--help") == 0)
            arguments->help = true;
        else if (strcmp(values[i], "--only") == 0 && more)
            arguments->only = values[++i];
        else if (strcmp(values[i], "--output") == 0 && more)
            arguments->output = values[++i];
        else
            return false;
    }
    return true;
}

static void run_all(struct bench *bench)
{
    bench_gate(bench);
    bench_limiter(bench);
    bench_adaptive(bench);
    bench_flow_budget(bench);
    bench_breaker(bench);
    bench_retry(bench);
    bench_audit(bench);
    bench_metrics(bench);
    bench_guard(bench);
    bench_crypto(bench);
    bench_noise(bench);
}

static bool write_file(const struct bench *bench, const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file)
        return false;
    bench_write_json(bench, file);
    return fclose(file) == 0;
}

static void write_text(const struct bench *bench)
{
    printf("%zu samples of %.0f ms each, %zu of the machine's processors, memory from %s\n\n",
        bench->samples, (double)bench->sample_ns / 1e6, bench->threads_max, bench->memory_name);
    bench_write_table(bench, stdout);
}

int main(int count, char **values)
{
    struct arguments arguments = {0};
    if (!parse(&arguments, count, values) || arguments.help) {
        fputs(help, arguments.help ? stdout : stderr);
        return arguments.help ? EXIT_SUCCESS : 2;
    }
    static struct bench bench;
    bench.only = arguments.only;
    bench.samples = arguments.quick ? 5 : 9;
    bench.sample_ns = arguments.quick ? HF_MS(2) : HF_MS(40);
    if (!bench_find_processors(&bench)) {
        fputs("no processor to pin a thread to\n", stderr);
        return EXIT_FAILURE;
    }
    bench_with_memory(&bench, run_all);
    if (arguments.json)
        bench_write_json(&bench, stdout);
    else
        write_text(&bench);
    if (arguments.output && !write_file(&bench, arguments.output)) {
        perror(arguments.output);
        return EXIT_FAILURE;
    }
    return bench.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
