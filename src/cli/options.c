/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"

struct unit {
    const char *suffix;
    uint64_t factor;
};

static const struct unit duration_units[] = {
    {"ns", 1},
    {"us", HF_US(1)},
    {"ms", HF_MS(1)},
    {"s", HF_SECONDS(1)},
    {"m", HF_SECONDS(60)},
    {"h", HF_SECONDS(3600)},
    {"d", HF_SECONDS(86400)},
    {NULL, 0},
};

static const struct unit size_units[] = {
    {"", 1},
    {"B", 1},
    {"KiB", UINT64_C(1) << 10},
    {"MiB", UINT64_C(1) << 20},
    {"GiB", UINT64_C(1) << 30},
    {NULL, 0},
};

static const struct unit no_units[] = {{"", 1}, {NULL, 0}};

/* Reads the digits at *text and moves past them. False: none, or the number does not fit. */
static bool read_digits(const char **text, uint64_t *value)
{
    const char *at = *text;
    uint64_t sum = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (sum > (UINT64_MAX - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    if (at == *text)
        return false;
    *text = at;
    *value = sum;
    return true;
}

static const struct unit *find_unit(const struct unit *units, const char *suffix)
{
    for (; units->suffix; units++)
        if (strcmp(units->suffix, suffix) == 0)
            return units;
    return NULL;
}

static bool read_with_unit(const char *text, const struct unit *units, uint64_t *value)
{
    uint64_t number;
    if (!read_digits(&text, &number))
        return false;
    const struct unit *unit = find_unit(units, text);
    if (!unit || number > UINT64_MAX / unit->factor)
        return false;
    *value = number * unit->factor;
    return true;
}

static enum hf_status wrong_value(const struct option_entry *entry, const char *text,
    const char *expected, struct hf_error *error)
{
    return hf_error_add(error, HF_INVALID, 0, "--%s: '%s' is not %s", entry->name, text, expected);
}

static enum hf_status check_range(
    const struct option_entry *entry, const char *text, uint64_t value, struct hf_error *error)
{
    if (value < entry->min)
        return hf_error_add(error, HF_INVALID, 0, "--%s: '%s' is too small", entry->name, text);
    if (entry->max && value > entry->max)
        return hf_error_add(error, HF_INVALID, 0, "--%s: '%s' is too large", entry->name, text);
    return HF_OK;
}

static enum hf_status read_scaled(const struct option_entry *entry, const char *text,
    const struct unit *units, const char *expected, struct hf_error *error)
{
    uint64_t value;
    if (!read_with_unit(text, units, &value))
        return wrong_value(entry, text, expected, error);
    enum hf_status status = check_range(entry, text, value, error);
    if (status == HF_OK)
        *(uint64_t *)entry->target = value;
    return status;
}

/* "50/s" and "5/100ms" alike: a period without a number is one unit. */
static bool read_period(const char *text, uint64_t *period_ns)
{
    const struct unit *unit = find_unit(duration_units, text);
    if (unit) {
        *period_ns = unit->factor;
        return true;
    }
    return read_with_unit(text, duration_units, period_ns);
}

static enum hf_status read_rate(
    const struct option_entry *entry, const char *text, struct hf_error *error)
{
    const char *at = text;
    uint64_t count;
    uint64_t period_ns;
    if (!read_digits(&at, &count) || *at != '/' || !read_period(at + 1, &period_ns))
        return wrong_value(entry, text, "a rate such as 50/s, 10/m or 5/100ms", error);
    struct hf_quota *quota = entry->target;
    quota->count = count;
    quota->period_ns = period_ns;
    return HF_OK;
}

static enum hf_status read_network(
    const struct option_entry *entry, const char *text, struct hf_error *error)
{
    struct network_list *list = entry->target;
    if (list->count == HF_HTTP_TRUSTED_MAX)
        return hf_error_add(error, HF_INVALID, 0, "--%s: '%s' is one more than the %d allowed",
            entry->name, text, HF_HTTP_TRUSTED_MAX);
    if (hf_cidr_parse(text, &list->networks[list->count], NULL) != HF_OK)
        return wrong_value(entry, text, "an address or network such as 10.0.0.0/8", error);
    list->count++;
    return HF_OK;
}

static enum hf_status read_one_more(
    const struct option_entry *entry, const char *text, struct hf_error *error)
{
    struct text_list *list = entry->target;
    if (!*text)
        return wrong_value(entry, text, "a text of at least one character", error);
    if (list->count == TEXT_LIST_MAX)
        return hf_error_add(error, HF_INVALID, 0, "--%s: '%s' is one too many (at most %d)",
            entry->name, text, TEXT_LIST_MAX);
    list->texts[list->count++] = text;
    return HF_OK;
}

enum hf_status option_read(
    const struct option_entry *entry, const char *text, struct hf_error *error)
{
    switch (entry->kind) {
    case OPTION_FLAG:
        *(bool *)entry->target = true;
        return HF_OK;
    case OPTION_TEXT:
        if (!*text)
            return wrong_value(entry, text, "a text of at least one character", error);
        *(const char **)entry->target = text;
        return HF_OK;
    case OPTION_NUMBER:
        return read_scaled(entry, text, no_units, "a whole number", error);
    case OPTION_DURATION:
        return read_scaled(
            entry, text, duration_units, "a duration such as 250us, 100ms, 5s or 2m", error);
    case OPTION_SIZE:
        return read_scaled(entry, text, size_units, "a size such as 4096, 64KiB or 8MiB", error);
    case OPTION_RATE:
        return read_rate(entry, text, error);
    case OPTION_NETWORK:
        return read_network(entry, text, error);
    case OPTION_TEXTS:
        return read_one_more(entry, text, error);
    }
    return HF_INVALID;
}

static const struct option_entry *find_entry(
    const struct option_table *table, const char *name, size_t name_size)
{
    for (size_t i = 0; i < table->count; i++) {
        const char *candidate = table->entries[i].name;
        if (strlen(candidate) == name_size && memcmp(candidate, name, name_size) == 0)
            return &table->entries[i];
    }
    return NULL;
}

/* Reads the option at argv[*index] and moves *index to its last word. */
static enum hf_status parse_option(
    const struct option_table *table, int argc, char **argv, int *index, struct hf_error *error)
{
    const char *word = argv[*index];
    if (strncmp(word, "--", 2) != 0 || !word[2])
        return hf_error_add(error, HF_INVALID, 0, "'%s' is not an option", word);
    const char *name = word + 2;
    const char *equals = strchr(name, '=');
    size_t name_size = equals ? (size_t)(equals - name) : strlen(name);
    const struct option_entry *entry = find_entry(table, name, name_size);
    if (!entry)
        return hf_error_add(error, HF_INVALID, 0, "unknown option '%s'", word);
    if (entry->kind == OPTION_FLAG && equals)
        return hf_error_add(error, HF_INVALID, 0, "--%s takes no value", entry->name);
    if (entry->kind == OPTION_FLAG)
        return option_read(entry, "", error);
    if (equals)
        return option_read(entry, equals + 1, error);
    if (*index + 1 == argc)
        return hf_error_add(error, HF_INVALID, 0, "--%s: its value is missing (%s)", entry->name,
            entry->value_name);
    return option_read(entry, argv[++*index], error);
}

enum options_result options_parse(
    const struct option_table *table, int argc, char **argv, struct hf_error *error)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            options_print_help(table, stdout);
            return OPTIONS_HELP;
        }
    }
    for (int i = 1; i < argc; i++)
        if (parse_option(table, argc, argv, &i, error) != HF_OK)
            return OPTIONS_WRONG;
    return OPTIONS_OK;
}

/* Room for the longest "--name VALUE" before the help column. */
#define HELP_COLUMN 30

void options_print_help(const struct option_table *table, FILE *stream)
{
    fprintf(stream, "Usage: holdfast %s %s\n\n%s\n\nOptions:\n", table->command, table->usage,
        table->summary);
    for (size_t i = 0; i < table->count; i++) {
        const struct option_entry *entry = &table->entries[i];
        const char *value = entry->value_name ? entry->value_name : "";
        int used = fprintf(stream, "  --%s %s", entry->name, value);
        fprintf(stream, "%*s%s\n", used < HELP_COLUMN ? HELP_COLUMN - used : 1, "", entry->help);
    }
    fprintf(stream, "  %-*s%s\n", HELP_COLUMN - 2, "--help", "print this and exit");
}

const char *options_take_word(int *argc, char **argv)
{
    if (*argc < 2 || argv[1][0] == '-')
        return NULL;
    const char *word = argv[1];
    for (int i = 1; i < *argc; i++) /* The NULL at the end too. */
        argv[i] = argv[i + 1];
    --*argc;
    return word;
}
