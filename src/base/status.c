/* SPDX-License-Identifier: MIT */
#include <holdfast/status.h>

struct status_entry {
    enum hf_status_kind kind;
    const char *text;
};

#define STATUS_ENTRY(name, kind, text) [name] = {kind, text},
static const struct status_entry entries[HF_STATUS_COUNT] = {HF_STATUS_LIST(STATUS_ENTRY)};
#undef STATUS_ENTRY

static const struct status_entry unknown = {HF_KIND_MISUSE, "unknown status"};

/* The cast folds the negative half of the enum's type onto large numbers: one comparison. */
static const struct status_entry *entry_of(enum hf_status status)
{
    return (unsigned)status < HF_STATUS_COUNT ? &entries[status] : &unknown;
}

const char *hf_status_str(enum hf_status status)
{
    return entry_of(status)->text;
}

enum hf_status_kind hf_status_kind(enum hf_status status)
{
    return entry_of(status)->kind;
}
