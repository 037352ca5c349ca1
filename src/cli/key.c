/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include <holdfast/identity.h>

#include "audit/json.h"
#include "cli/command.h"
#include "cli/complaint.h"
#include "cli/options.h"

/* Where the key is unless the command line says so. */
#define DEFAULT_PATH "holdfast.key"

/* A path in quotes, if every byte had to be escaped. */
#define PATH_JSON_BYTES (HF_IDENTITY_PATH_BYTES_MAX * 6 + 2)

/* What the command line's words mean: `key new|show [FILE]`. */
enum { WORD_VERB, WORD_PATH, WORDS_MAX };

/* The identity as text. */
struct shown {
    char id[HF_PEER_ID_TEXT_BYTES];
    char cid[HF_PEER_ID_CID_BYTES];
    char public_key[2 * HF_IDENTITY_PUBLIC_BYTES + 1];
};

/* Takes the words that are no options out of argv; counts one more than there may be at most. */
static int take_words(int *argc, char **argv, const char *words[WORDS_MAX])
{
    int count = 0;
    int kept = 1;
    for (int i = 1; i < *argc; i++) {
        if (argv[i][0] == '-')
            argv[kept++] = argv[i];
        else if (count < WORDS_MAX)
            words[count++] = argv[i];
        else
            count = WORDS_MAX + 1;
    }
    *argc = kept;
    return count;
}

static enum hf_status check_words(const char *const *words, int count, struct hf_error *error)
{
    if (count == 0)
        return hf_error_add(error, HF_INVALID, 0, "what to do is missing (new or show)");
    const char *verb = words[WORD_VERB];
    if (strcmp(verb, "new") != 0 && strcmp(verb, "show") != 0)
        return hf_error_add(error, HF_INVALID, 0, "'%s' is not new or show", verb);
    if (count > WORDS_MAX)
        return hf_error_add(error, HF_INVALID, 0, "more than one file");
    return HF_OK;
}

static enum hf_status make(struct hf_identity *identity, const char *path, struct hf_error *error)
{
    enum hf_status status = hf_identity_generate(identity, error);
    if (status == HF_OK)
        status = hf_identity_save(identity, path, NULL, error);
    return status;
}

static enum hf_status describe(
    const struct hf_identity *identity, struct shown *shown, struct hf_error *error)
{
    uint8_t message[HF_IDENTITY_PUBLIC_BYTES];
    enum hf_status status = hf_identity_write_public(identity, message);
    if (status != HF_OK)
        return hf_error_add(error, status, 0, "identity: %s", hf_status_str(status));
    hf_peer_id_write(&identity->id, shown->id, sizeof shown->id);
    hf_peer_id_write_cid(&identity->id, shown->cid, sizeof shown->cid);
    for (size_t i = 0; i < sizeof message; i++)
        snprintf(shown->public_key + 2 * i, 3, "%02x", message[i]);
    return HF_OK;
}

static void print_json(const struct shown *shown, const char *path)
{
    char quoted[PATH_JSON_BYTES];
    size_t room = sizeof quoted - 2;
    struct hf_json json = {quoted, quoted + sizeof quoted};
    json = hf_json_string(json, hf_bytes(path, strlen(path)), &room);
    printf("{\"event\":\"key\",\"peer_id\":\"%s\",\"cid\":\"%s\",\"public_key\":\"%s\",\"file\":%.*"
           "s}\n",
        shown->id, shown->cid, shown->public_key, (int)(json.at - quoted), quoted);
}

static enum hf_status print(
    const struct hf_identity *identity, const char *path, bool as_json, struct hf_error *error)
{
    struct shown shown;
    enum hf_status status = describe(identity, &shown, error);
    if (status != HF_OK)
        return status;
    if (as_json)
        print_json(&shown, path);
    else
        printf("peer id     %s\nCID         %s\npublic key  %s\nfile        %s\n", shown.id,
            shown.cid, shown.public_key, path);
    if (fflush(stdout) != 0)
        return hf_error_add(error, HF_IO, 0, "cannot write to standard output");
    return HF_OK;
}

static enum hf_status run(const char *const *words, bool as_json, struct hf_error *error)
{
    struct hf_identity identity;
    const char *path = words[WORD_PATH] ? words[WORD_PATH] : DEFAULT_PATH;
    bool is_new = strcmp(words[WORD_VERB], "new") == 0;
    enum hf_status status =
        is_new ? make(&identity, path, error) : hf_identity_load(&identity, path, error);
    if (status == HF_OK)
        status = print(&identity, path, as_json, error);
    hf_identity_fini(&identity);
    return status;
}

static int key(int argc, char **argv)
{
    struct hf_error error = {0};
    const char *words[WORDS_MAX] = {NULL};
    bool as_json = false;
    const struct option_entry entries[] = {
        {"json", OPTION_FLAG, &as_json, 0, 0, NULL, "print it as a JSON object"},
    };
    const struct option_table table = {
        .command = "key",
        .summary =
            "Makes the key by which a node is known, or shows whose key a file holds. A new key's\n"
            "file (" DEFAULT_PATH " unless FILE is given) can be read by its owner alone and is\n"
            "never put in place of another; what others may use is not read.",
        .usage = "new|show [FILE] [OPTION]...",
        .entries = entries,
        .count = sizeof entries / sizeof entries[0],
    };
    int count = take_words(&argc, argv, words);
    enum options_result parsed = options_parse(&table, argc, argv, &error);
    if (parsed == OPTIONS_HELP)
        return EXIT_WORKED;
    if (parsed == OPTIONS_WRONG || check_words(words, count, &error) != HF_OK ||
        run(words, as_json, &error) != HF_OK)
        return complain(argc, argv, &error);
    return EXIT_WORKED;
}

const struct command command_key = {
    .name = "key",
    .summary = "make or show the key by which a node is known",
    .run = key,
};
