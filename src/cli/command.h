/* SPDX-License-Identifier: MIT */
#ifndef HF_CLI_COMMAND_H
#define HF_CLI_COMMAND_H

/* What main needs of a subcommand. One file a subcommand. */
struct command {
    const char *name;
    const char *summary; /* One line for `holdfast --help`. */
    int (*run)(
        int argc, char **argv); /* argv[0] is the subcommand's name. Returns the exit code. */
};

extern const struct command command_demo;
extern const struct command command_key;
extern const struct command command_node;
extern const struct command command_perf;
extern const struct command command_ping;
extern const struct command command_proxy;

/* Exit codes of every subcommand. */
enum {
    EXIT_WORKED = 0,
    EXIT_FAILED = 1, /* It ran and did not end well. */
    EXIT_USAGE = 2,  /* The command line is wrong. */
};

#endif
