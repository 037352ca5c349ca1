/* SPDX-License-Identifier: MIT */
#ifndef HF_CLI_COMPLAINT_H
#define HF_CLI_COMPLAINT_H

#include <stdbool.h>

#include <holdfast/error.h>

/* Tells standard error what is wrong with a subcommand, as JSON if --json is among its words, and
 * gives the exit status that goes with it: wrong use (HF_INVALID) or failure. */
int complain(int argc, char **argv, const struct hf_error *error);

#endif
