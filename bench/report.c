/* SPDX-License-Identifier: MIT */
#include "bench.h"

static double ratio_of(const struct bench_result *result)
{
    return result->floor.median > 0 ? result->ours.median / result->floor.median : 0;
}

void bench_write_table(const struct bench *bench, FILE *file)
{
    fprintf(file, "%-44s %7s %9s %-19s  %-24s %8s %6s\n", "ns per operation, a thread", "threads",
        "median", "[min .. max]", "floor", "median", "ratio");
    for (size_t i = 0; i < bench->results_count; i++) {
        const struct bench_result *result = &bench->results[i];
        char range[32];
        snprintf(range, sizeof(range), "[%.1f .. %.1f]", result->ours.min, result->ours.max);
        fprintf(file, "%-44s %7zu %9.1f %-19s  %-24s %8.1f %6.2f\n", result->name, result->threads,
            result->ours.median, range, result->floor_name, result->floor.median, ratio_of(result));
    }
}

/* Names are this program's own and need no escapes. */
void bench_write_json(const struct bench *bench, FILE *file)
{
    fprintf(file, "[\n");
    for (size_t i = 0; i < bench->results_count; i++) {
        const struct bench_result *result = &bench->results[i];
        fprintf(file,
            "  {\"name\":\"%s\",\"threads\":%zu,\"ns_median\":%.3f,\"ns_min\":%.3f,"
            "\"ns_max\":%.3f,\"floor_name\":\"%s\",\"floor_ns\":%.3f,\"ratio\":%.3f}%s\n",
            result->name, result->threads, result->ours.median, result->ours.min, result->ours.max,
            result->floor_name, result->floor.median, ratio_of(result),
            i + 1 < bench->results_count ? "," : "");
    }
    fprintf(file, "]\n");
}
