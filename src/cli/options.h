/* SPDX-License-Identifier: MIT */
#ifndef HF_CLI_OPTIONS_H
#define HF_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <holdfast/error.h>
#include <holdfast/http.h>
#include <holdfast/quota.h>

/*
 * Command lines by a table: each option names where its value goes and how it is read. Both
 * `--name value` and `--name=value` are taken. A value that does not fit gives one line that
 * names the option, the value and what was expected.
 */
enum option_kind {
    OPTION_FLAG,     /* bool; takes no value */
    OPTION_TEXT,     /* const char *, borrowed from argv */
    OPTION_NUMBER,   /* uint64_t within min and max */
    OPTION_DURATION, /* uint64_t in ns: 250us, 100ms, 5s, 2m, 1h, 1d */
    OPTION_SIZE,     /* uint64_t in bytes: 4096, 64KiB, 8MiB, 1GiB */
    OPTION_RATE,     /* struct hf_quota without burst: 50/s, 10/m, 1000/h, 5/100ms */
    OPTION_NETWORK,  /* struct network_list; may be given several times */
    OPTION_TEXTS,    /* struct text_list; likewise */
};

#define TEXT_LIST_MAX 16

struct text_list {
    const char *texts[TEXT_LIST_MAX]; /* Borrowed from argv. */
    size_t count;
};

struct network_list {
    struct hf_cidr networks[HF_HTTP_TRUSTED_MAX];
    size_t count;
};

struct option_entry {
    const char *name; /* Without the dashes. */
    enum option_kind kind;
    void *target;
    uint64_t min; /* Numbers, durations, sizes: inclusive bounds. max 0: no upper bound. */
    uint64_t max;
    const char *value_name; /* For the help: "ADDRESS". NULL for flags. */
    const char *help;       /* Says the default too. */
};

struct option_table {
    const char *command; /* "proxy" */
    const char *summary;
    const char *usage; /* What follows the command's name in the usage line. */
    const struct option_entry *entries;
    size_t count;
};

enum options_result {
    OPTIONS_OK,
    OPTIONS_HELP,  /* The help was printed: exit with success. */
    OPTIONS_WRONG, /* error tells. */
};

/* Reads a whole command line; argv[0] is skipped. */
enum options_result options_parse(
    const struct option_table *table, int argc, char **argv, struct hf_error *error);

/* Takes the first word out of argv if it is no option. NULL: it is one, or there is none. */
const char *options_take_word(int *argc, char **argv);

/* Prints the help text of a table. */
void options_print_help(const struct option_table *table, FILE *stream);

/* Reads one value into entry->target. */
enum hf_status option_read(
    const struct option_entry *entry, const char *text, struct hf_error *error);

#endif
