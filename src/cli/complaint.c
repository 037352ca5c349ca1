/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "audit/json.h"
#include "cli/command.h"
#include "cli/complaint.h"

/* A text in quotes, if every byte had to be escaped. */
#define TEXT_BYTES_MAX (HF_ERROR_TEXT_BYTES * 6 + 2)

static bool wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--json") == 0)
            return true;
    return false;
}

static void say_json(const struct hf_error *error, enum hf_status status)
{
    char line[TEXT_BYTES_MAX];
    const char *text = hf_error_text(error);
    size_t room = sizeof line - 2;
    struct hf_json json = {line, line + sizeof line};
    json = hf_json_string(json, hf_bytes(text, strlen(text)), &room);
    if (json.at)
        fprintf(stderr, "{\"event\":\"error\",\"status\":\"%s\",\"text\":%.*s}\n",
            hf_status_str(status), (int)(json.at - line), line);
}

int complain(int argc, char **argv, const struct hf_error *error)
{
    const char *command = argv[0];
    enum hf_status status = error->count ? error->causes[error->count - 1].status : HF_FAILED;
    bool misused = status == HF_INVALID;
    if (wants_json(argc, argv))
        say_json(error, status);
    else if (misused)
        fprintf(stderr, "holdfast %s: %s; see `holdfast %s --help`\n", command,
            hf_error_text(error), command);
    else
        fprintf(stderr, "holdfast %s: %s\n", command, hf_error_text(error));
    return misused ? EXIT_USAGE : EXIT_FAILED;
}
