/* SPDX-License-Identifier: MIT */
#include "limit/owners.h"

#include <errno.h>
#include <inttypes.h>

#include "base/atomic.h"

static enum hf_status cannot_lock(struct hf_error *error, int code)
{
    enum hf_status status = code == ENOTSUP || code == EINVAL ? HF_UNSUPPORTED : HF_IO;
    return hf_error_add(error, status, code, "lock: errno %d", code);
}

enum hf_status hf_owners_enter(
    const struct hf_owners *owners, uint64_t wait_ns, struct hf_error *error)
{
    const struct hf_mapping *mapping = owners->mapping;
    int code = mapping->lock(mapping->context, owners->file, owners->offset, wait_ns);
    if (code == EAGAIN)
        return hf_error_add(error, HF_TIMEOUT, code,
            "lock: another process has been opening the file for %" PRIu64 " ns", wait_ns);
    return code == 0 ? HF_OK : cannot_lock(error, code);
}

/* Nothing can be done about a failure: closing the file ends the lock too. */
void hf_owners_leave(const struct hf_owners *owners)
{
    const struct hf_mapping *mapping = owners->mapping;
    mapping->unlock(mapping->context, owners->file, owners->offset);
}

enum hf_status hf_owners_alone(const struct hf_owners *owners, bool *alone, struct hf_error *error)
{
    const struct hf_mapping *mapping = owners->mapping;
    bool is_locked = true;
    int code = mapping->is_locked(
        mapping->context, owners->file, owners->offset + 1, HF_TABLE_OWNER_MAX, &is_locked);
    *alone = !is_locked;
    return code == 0 ? HF_OK : cannot_lock(error, code);
}

enum hf_status hf_owners_take(struct hf_owners *owners, uint32_t *number, struct hf_error *error)
{
    const struct hf_mapping *mapping = owners->mapping;
    for (uint32_t next = 1; next <= HF_TABLE_OWNER_MAX; next++) {
        int code = mapping->lock(mapping->context, owners->file, owners->offset + next, 0);
        if (code == EAGAIN)
            continue;
        *number = next;
        return code == 0 ? HF_OK : cannot_lock(error, code);
    }
    return hf_error_add(
        error, HF_FULL, 0, "processes: %d have the file open already", HF_TABLE_OWNER_MAX);
}

/* A failure to look counts as a lock: to wait for a slot is harmless, to take a living one is not.
 */
static bool is_locked(const struct hf_owners *owners, uint32_t number)
{
#ifdef HF_MUTANT_FILE_EAGER_DEATH
    return false;
#endif
    const struct hf_mapping *mapping = owners->mapping;
    bool locked = true;
    int code =
        mapping->is_locked(mapping->context, owners->file, owners->offset + number, 1, &locked);
    return code != 0 || locked;
}

bool hf_owners_is_dead(void *context, uint32_t number)
{
    const struct hf_owners *owners = context;
    if (number == owners->mine)
        return number == 0; /* One's own lock keeps only others out. */
    return number == 0 || number > HF_TABLE_OWNER_MAX || !is_locked(owners, number);
}

/* Nobody can take the number of one that is dead meanwhile: that is done behind the door. */
bool hf_owners_find_dead(struct hf_owners *owners)
{
    bool any = false;
    for (uint32_t number = 1; number <= HF_TABLE_OWNER_MAX; number++) {
        bool marked = hf_load_seq(&owners->marks[number]) != 0;
        owners->died[number] = marked && !is_locked(owners, number);
        any |= owners->died[number];
    }
    return any;
}

/* The own mark is set before the first slot is touched. */
void hf_owners_settle(struct hf_owners *owners, uint32_t number)
{
    for (uint32_t other = 1; other <= HF_TABLE_OWNER_MAX; other++) {
        if (owners->died[other])
            hf_store_seq(&owners->marks[other], 0);
    }
    owners->mine = number;
    hf_owners_mark(owners);
}

void hf_owners_mark(struct hf_owners *owners)
{
    if (!hf_load_relaxed(&owners->marks[owners->mine]))
        hf_store_seq(&owners->marks[owners->mine], 1);
}

void hf_owners_give_back(struct hf_owners *owners)
{
    hf_store_seq(&owners->marks[owners->mine], 0);
}
