/* SPDX-License-Identifier: MIT */
#include "audit/roll.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "audit/record.h"

#define NAME_TRIES_MAX 16   /* Names taken by others that rolling steps over at once. */
#define PRUNE_BATCH 64      /* Oldest files found by one listing. */
#define PRUNE_ROUNDS_MAX 64 /* Listings after one roll; what is left goes after the next. */

/* The oldest files by number, and what the listing says of all. */
struct survey {
    const char *prefix;
    uint64_t count;
    uint64_t number_max;
    struct hf_name oldest[PRUNE_BATCH];
    unsigned oldest_count;
};

static void make_path(const struct hf_roll *roll, struct hf_name name, char *path)
{
    char text[HF_NAME_BYTES_MAX];
    hf_name_write(roll->prefix, name, text);
    snprintf(path, HF_ROLL_PATH_BYTES_MAX, "%s/%s", roll->directory, text);
}

/* Insertion into a short sorted list. */
static void remember_oldest(struct survey *survey, struct hf_name name)
{
    unsigned at = survey->oldest_count;
    if (at == PRUNE_BATCH && name.number >= survey->oldest[at - 1].number)
        return;
    if (at < PRUNE_BATCH)
        survey->oldest_count++;
    else
        at--;
    for (; at > 0 && survey->oldest[at - 1].number > name.number; at--)
        survey->oldest[at] = survey->oldest[at - 1];
    survey->oldest[at] = name;
}

static bool visit(void *context, const char *text)
{
    struct survey *survey = context;
    struct hf_name name;
    if (hf_name_read(survey->prefix, text, &name)) {
        survey->count++;
        if (name.number > survey->number_max)
            survey->number_max = name.number;
        remember_oldest(survey, name);
    }
    return true;
}

static int survey_directory(struct hf_roll *roll, struct survey *survey)
{
    *survey = (struct survey){.prefix = roll->prefix};
    return hf_tally_io(
        roll->tally, roll->files.list(roll->files.context, roll->directory, visit, survey));
}

/* False: nothing more to remove, or no success in it. Gone by another hand is as good. */
static bool prune_batch(struct hf_roll *roll)
{
    struct survey survey;
    if (survey_directory(roll, &survey) != 0 || survey.count <= roll->files_max)
        return false;
    uint64_t excess = survey.count - roll->files_max;
    for (unsigned i = 0; i < survey.oldest_count && i < excess; i++) {
        char path[HF_ROLL_PATH_BYTES_MAX];
        make_path(roll, survey.oldest[i], path);
        int code = roll->files.remove(roll->files.context, path);
        if (code != ENOENT && hf_tally_io(roll->tally, code) != 0)
            return false;
        hf_tally_add(&roll->tally->files_pruned, 1);
    }
    return excess > survey.oldest_count;
}

static void prune(struct hf_roll *roll)
{
    if (roll->files_max == HF_AUDIT_KEEP_ALL)
        return;
    for (unsigned round = 0; round < PRUNE_ROUNDS_MAX && prune_batch(roll); round++)
        continue;
}

/* Ends a line that a crash has torn, lest the next be lost with it. */
static int end_torn_line(const struct hf_roll *roll, intptr_t file, uint64_t *size_bytes)
{
    char last = '\n';
    size_t moved;
    int code = roll->files.read(roll->files.context, file, *size_bytes - 1, &last, 1, &moved);
    if (code != 0 || last == '\n')
        return code;
    code = roll->files.append(roll->files.context, file, "\n", 1, &moved);
    if (code == 0)
        ++*size_bytes;
    return code;
}

static int read_date(const struct hf_roll *roll, intptr_t file, uint64_t *began_ns, bool *dated)
{
    char head[HF_RECORD_HEAD_BYTES_MAX];
    size_t got;
    int code = roll->files.read(roll->files.context, file, 0, head, sizeof(head), &got);
    *dated = code == 0 && hf_record_head_time(head, got, began_ns);
    return code;
}

/* Opens the live file, which may exist. Nothing changes unless all goes well. */
static int open_live(struct hf_roll *roll)
{
    intptr_t file;
    uint64_t size_bytes;
    uint64_t began_ns = 0;
    bool dated = false;
    int code = roll->files.open(roll->files.context, roll->live, &file, &size_bytes);
    if (code != 0)
        return code;
    if (size_bytes > 0)
        code = end_torn_line(roll, file, &size_bytes);
    if (code == 0 && size_bytes > 0)
        code = read_date(roll, file, &began_ns, &dated);
    if (code != 0) {
        roll->files.close(roll->files.context, file);
        return code;
    }
    roll->file = file;
    roll->size_bytes = size_bytes;
    roll->began_ns = began_ns;
    roll->dated = dated;
    return 0;
}

enum hf_status hf_roll_open(struct hf_roll *roll, const struct hf_audit_options *options,
    struct hf_tally *tally, struct hf_error *error)
{
    roll->files = *options->files;
    roll->tally = tally;
    roll->period = options->roll;
    roll->file_bytes_max = options->file_bytes_max;
    roll->files_max = options->files_max;
    snprintf(roll->prefix, sizeof(roll->prefix), "%s", options->prefix);
    snprintf(roll->directory, sizeof(roll->directory), "%s", options->directory);
    snprintf(roll->live, sizeof(roll->live), "%s/%s.log", roll->directory, roll->prefix);

    struct survey survey;
    int code = survey_directory(roll, &survey);
    if (code != 0)
        return hf_error_add(error, HF_IO, code, "audit.directory: cannot list it: %s: %s",
            strerror(code), roll->directory);
    roll->number = survey.number_max + 1;
    code = open_live(roll);
    if (code != 0)
        return hf_error_add(error, HF_IO, code, "audit.directory: cannot open the log: %s: %s",
            strerror(code), roll->live);
    prune(roll);
    return HF_OK;
}

void hf_roll_close(struct hf_roll *roll)
{
    hf_tally_io(roll->tally, roll->files.close(roll->files.context, roll->file));
}

static uint64_t period_start(enum hf_audit_roll period, uint64_t time_ns)
{
    static const uint32_t seconds[] = {[HF_AUDIT_ROLL_DAILY] = 86400,
        [HF_AUDIT_ROLL_HOURLY] = 3600,
        [HF_AUDIT_ROLL_MINUTELY] = 60};
    return time_ns - time_ns % HF_SECONDS(seconds[period]);
}

static bool is_other_period(const struct hf_roll *roll, uint64_t time_ns)
{
    if (roll->period == HF_AUDIT_ROLL_BY_SIZE_ONLY || !roll->dated)
        return false;
    uint64_t begins_ns = period_start(roll->period, roll->began_ns);
    if (time_ns < begins_ns)
        return begins_ns - time_ns > HF_ROLL_LATE_NS;
    return period_start(roll->period, time_ns) > begins_ns;
}

bool hf_roll_due(const struct hf_roll *roll, uint64_t time_ns, uint64_t pending_bytes,
    uint64_t line_bytes, uint64_t now_ns)
{
    if (roll->failed && now_ns - roll->failed_at_ns < HF_ROLL_RETRY_NS)
        return false;
    uint64_t size_bytes = roll->size_bytes + pending_bytes;
    if (size_bytes == 0)
        return false;
    return roll->renamed || size_bytes + line_bytes > roll->file_bytes_max ||
           is_other_period(roll, time_ns);
}

void hf_roll_postpone(struct hf_roll *roll, uint64_t now_ns)
{
    roll->failed = true;
    roll->failed_at_ns = now_ns;
}

/* A live file that somebody has moved away needs no name from us. */
static bool rename_live(struct hf_roll *roll)
{
    int code = EEXIST;
    for (unsigned i = 0; i < NAME_TRIES_MAX && code == EEXIST; i++) {
        char path[HF_ROLL_PATH_BYTES_MAX];
        make_path(roll, (struct hf_name){roll->began_ns / HF_SECONDS(1), roll->number}, path);
        roll->number++;
        code = roll->files.rename(roll->files.context, roll->live, path);
    }
    hf_tally_io(roll->tally, code);
    return code == 0 || code == ENOENT;
}

void hf_roll_next(struct hf_roll *roll, uint64_t now_ns)
{
    if (!roll->renamed)
        roll->renamed = rename_live(roll);
    intptr_t old = roll->file;
    if (!roll->renamed || hf_tally_io(roll->tally, open_live(roll)) != 0) {
        hf_roll_postpone(roll, now_ns);
        return;
    }
    roll->renamed = false;
    roll->failed = false;
    hf_tally_add(&roll->tally->files_rolled, 1);
    hf_tally_io(roll->tally, roll->files.close(roll->files.context, old));
    prune(roll);
}

void hf_roll_date(struct hf_roll *roll, uint64_t time_ns)
{
    if (roll->dated)
        return;
    roll->began_ns = time_ns;
    roll->dated = true;
}

/* Neither a lie about how much was written nor silence about nothing written leads astray. */
int hf_roll_append(struct hf_roll *roll, const char *text, size_t size, size_t *written)
{
    size_t moved = 0;
    int code = roll->files.append(roll->files.context, roll->file, text, size, &moved);
    *written = moved < size ? moved : size;
    if (code == 0 && *written == 0)
        code = EIO;
    roll->size_bytes += *written;
    if (hf_tally_io(roll->tally, code) != 0)
        hf_tally_add(&roll->tally->refusals, 1);
    return code;
}

int hf_roll_cut(struct hf_roll *roll, uint64_t size)
{
    int code = roll->files.truncate(roll->files.context, roll->file, roll->size_bytes - size);
    if (code == 0)
        roll->size_bytes -= size;
    return hf_tally_io(roll->tally, code);
}

int hf_roll_sync(struct hf_roll *roll)
{
    int code = roll->files.sync(roll->files.context, roll->file);
    if (hf_tally_io(roll->tally, code) != 0)
        hf_tally_add(&roll->tally->refusals, 1);
    return code;
}
