/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include <holdfast/version.h>

#include "cli/command.h"

static const struct command *const commands[] = {
    &command_demo,
    &command_proxy,
    &command_key,
    &command_node,
    &command_ping,
    &command_perf,
};

#define COMMANDS_COUNT (sizeof commands / sizeof commands[0])

static void print_help(FILE *stream)
{
    fprintf(stream, "Usage: holdfast COMMAND [OPTION]...\n\nCommands:\n");
    for (size_t i = 0; i < COMMANDS_COUNT; i++)
        fprintf(stream, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(stream,
        "\n`holdfast COMMAND --help` tells more; `holdfast --version` tells the version.\n");
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS_COUNT; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return EXIT_WORKED;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("holdfast %s\n", hf_version());
        return EXIT_WORKED;
    }
    const struct command *command = find_command(argv[1]);
    if (!command) {
        fprintf(stderr, "holdfast: unknown command '%s'; see `holdfast --help`\n", argv[1]);
        return EXIT_USAGE;
    }
    return command->run(argc - 1, argv + 1);
}
