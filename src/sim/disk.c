/* SPDX-License-Identifier: MIT */
#include "sim/disk.h"

#include <assert.h>
#include <errno.h>
#include <stdalign.h>
#include <string.h>

#include "base/minmax.h"

#define CAPACITY_FIRST 4096

static void release_both(
    struct hf_sim_disk *disk, unsigned char *seen, unsigned char *platter, size_t capacity)
{
    hf_release(&disk->allocator, seen, capacity, 1);
    hf_release(&disk->allocator, platter, capacity, 1);
}

static void release_contents(struct hf_sim_disk *disk, struct hf_sim_inode *inode)
{
    release_both(disk, inode->seen, inode->platter, inode->capacity);
    *inode = (struct hf_sim_inode){0};
}

static void drop_user(struct hf_sim_disk *disk, struct hf_sim_inode *inode)
{
    assert(inode->users > 0);
    if (--inode->users == 0)
        release_contents(disk, inode);
}

void hf_sim_disk_fini(struct hf_sim_disk *disk)
{
    for (size_t index = 0; index < HF_SIM_FILES_MAX; index++)
        release_contents(disk, &disk->inodes[index]);
}

static struct hf_sim_inode *free_inode(struct hf_sim_disk *disk)
{
    for (size_t index = 0; index < HF_SIM_FILES_MAX; index++)
        if (disk->inodes[index].users == 0)
            return &disk->inodes[index];
    return NULL;
}

void hf_sim_disk_hold(struct hf_sim_inode *inode)
{
    inode->users++;
    inode->reachable++;
}

void hf_sim_disk_let_go(struct hf_sim_disk *disk, struct hf_sim_inode *inode)
{
    assert(inode->reachable > 0);
    inode->reachable--;
    drop_user(disk, inode);
}

/* HF_SIM_FILES_MAX if there is none. */
static size_t find_name(const struct hf_sim_names *table, const char *path)
{
    size_t index = 0;
    while (index < HF_SIM_FILES_MAX &&
           (!table->names[index].inode || strcmp(table->names[index].path, path) != 0))
        index++;
    return index;
}

/* A table has an entry for every inode, and an inode never has two names in one table. */
static void add_name(struct hf_sim_names *table, const char *path, struct hf_sim_inode *inode)
{
    size_t index = 0;
    while (table->names[index].inode)
        index++;
    assert(index < HF_SIM_FILES_MAX);
    table->names[index].inode = inode;
    memcpy(table->names[index].path, path, strlen(path) + 1);
}

static void apply_note(struct hf_sim_names *table, const struct hf_sim_note *note)
{
    if (note->from[0] != '\0')
        table->names[find_name(table, note->from)].inode = NULL;
    if (note->to[0] != '\0')
        add_name(table, note->to, note->inode);
}

/* The platter's table counts as a user where its name appears, and stops where it goes. */
static void apply_to_platter(struct hf_sim_disk *disk, const struct hf_sim_note *note)
{
    apply_note(&disk->platter, note);
    if (note->from[0] == '\0')
        note->inode->users++;
    if (note->to[0] == '\0')
        drop_user(disk, note->inode);
}

static void settle_oldest_notes(struct hf_sim_disk *disk, uint32_t count)
{
    for (uint32_t index = 0; index < count; index++) {
        apply_to_platter(disk, &disk->notes[index]);
        drop_user(disk, disk->notes[index].inode);
    }
    disk->notes_count -= count;
    memmove(disk->notes, disk->notes + count, disk->notes_count * sizeof(disk->notes[0]));
}

static void change_names(
    struct hf_sim_disk *disk, struct hf_sim_inode *inode, const char *from, const char *to)
{
    if (disk->notes_count == HF_SIM_NOTES_MAX)
        settle_oldest_notes(disk, 1);
    struct hf_sim_note *note = &disk->notes[disk->notes_count++];
    note->inode = inode;
    memcpy(note->from, from, strlen(from) + 1);
    memcpy(note->to, to, strlen(to) + 1);
    inode->users++;
    apply_note(&disk->seen, note);
    if (from[0] == '\0')
        hf_sim_disk_hold(inode);
    if (to[0] == '\0')
        hf_sim_disk_let_go(disk, inode);
}

struct hf_sim_inode *hf_sim_disk_find(const struct hf_sim_disk *disk, const char *path)
{
    size_t index = find_name(&disk->seen, path);
    return index < HF_SIM_FILES_MAX ? disk->seen.names[index].inode : NULL;
}

static int check_path(const char *path)
{
    size_t length = strlen(path);
    if (length == 0)
        return ENOENT;
    if (length >= HF_SIM_PATH_BYTES_MAX)
        return ENAMETOOLONG;
    return path[length - 1] == '/' ? EISDIR : 0;
}

/* Settling all notes may free files that were removed long ago: the last resort before "full". */
int hf_sim_disk_create(struct hf_sim_disk *disk, const char *path, struct hf_sim_inode **inode)
{
    int code = check_path(path);
    if (code != 0)
        return code;
    struct hf_sim_inode *made = free_inode(disk);
    if (!made) {
        settle_oldest_notes(disk, disk->notes_count);
        made = free_inode(disk);
    }
    if (!made)
        return ENOSPC;
    change_names(disk, made, "", path);
    *inode = made;
    return 0;
}

int hf_sim_disk_rename(struct hf_sim_disk *disk, const char *from, const char *to)
{
    int code = check_path(to);
    if (code != 0)
        return code;
    struct hf_sim_inode *inode = hf_sim_disk_find(disk, from);
    if (!inode)
        return ENOENT;
    if (hf_sim_disk_find(disk, to))
        return EEXIST;
    change_names(disk, inode, from, to);
    return 0;
}

int hf_sim_disk_remove(struct hf_sim_disk *disk, const char *path)
{
    struct hf_sim_inode *inode = hf_sim_disk_find(disk, path);
    if (!inode)
        return ENOENT;
    change_names(disk, inode, path, "");
    return 0;
}

/* "logs" and "logs/" are the same directory; "." holds the paths without a '/'. */
static const char *name_in(const char *path, const char *directory)
{
    size_t length = strlen(directory);
    while (length > 1 && directory[length - 1] == '/')
        length--;
    const char *slash = strrchr(path, '/');
    if (!slash)
        return strcmp(directory, ".") == 0 ? path : NULL;
    bool is_root = length == 1 && directory[0] == '/';
    size_t parent = (size_t)(slash - path) + (slash == path && is_root ? 1 : 0);
    return parent == length && memcmp(path, directory, length) == 0 ? slash + 1 : NULL;
}

const char *hf_sim_disk_next_name(
    const struct hf_sim_disk *disk, const char *directory, const char *after)
{
    const char *next = NULL;
    for (size_t index = 0; index < HF_SIM_FILES_MAX; index++) {
        if (!disk->seen.names[index].inode)
            continue;
        const char *name = name_in(disk->seen.names[index].path, directory);
        if (name && strcmp(name, after) > 0 && (!next || strcmp(name, next) < 0))
            next = name;
    }
    return next;
}

static unsigned char *grown_copy(
    struct hf_sim_disk *disk, const unsigned char *from, uint64_t bytes, size_t capacity)
{
    unsigned char *copy = hf_allocate(&disk->allocator, capacity, 1);
    if (copy && bytes > 0)
        memcpy(copy, from, (size_t)bytes);
    return copy;
}

static bool replace_contents(struct hf_sim_disk *disk, struct hf_sim_inode *inode, size_t capacity)
{
    unsigned char *seen = grown_copy(disk, inode->seen, inode->seen_bytes, capacity);
    unsigned char *platter = grown_copy(disk, inode->platter, inode->platter_bytes, capacity);
    if (!seen || !platter) {
        release_both(disk, seen, platter, capacity);
        return false;
    }
    release_both(disk, inode->seen, inode->platter, inode->capacity);
    inode->seen = seen;
    inode->platter = platter;
    inode->capacity = capacity;
    return true;
}

static bool make_room(struct hf_sim_disk *disk, struct hf_sim_inode *inode, uint64_t bytes)
{
    size_t capacity = inode->capacity > 0 ? inode->capacity : CAPACITY_FIRST;
    while (capacity < bytes)
        capacity *= 2;
    return capacity == inode->capacity || replace_contents(disk, inode, capacity);
}

static uint64_t fitting(const struct hf_sim_disk *disk, uint64_t size_bytes)
{
    if (disk->bytes_max == 0)
        return size_bytes;
    uint64_t used = hf_sim_disk_bytes(disk);
    return hf_min(size_bytes, disk->bytes_max > used ? disk->bytes_max - used : 0);
}

int hf_sim_disk_append(struct hf_sim_disk *disk, struct hf_sim_inode *inode, const void *data,
    size_t size_bytes, size_t *written)
{
    *written = 0;
    if (size_bytes == 0)
        return 0;
    uint64_t limit = HF_SIM_FILE_BYTES_MAX - inode->seen_bytes;
    uint64_t fits = fitting(disk, size_bytes);
    uint64_t taken = hf_min(fits, limit);
    if (!make_room(disk, inode, inode->seen_bytes + taken))
        return ENOMEM;
    memcpy(inode->seen + inode->seen_bytes, data, (size_t)taken);
    inode->seen_bytes += taken;
    *written = (size_t)taken;
    if (taken == size_bytes)
        return 0;
    return fits < size_bytes && fits <= limit ? ENOSPC : EFBIG;
}

/* struct hf_files cuts; that the system's call would also lengthen is no part of the promise. */
int hf_sim_disk_truncate(struct hf_sim_inode *inode, uint64_t size_bytes)
{
    if (size_bytes > inode->seen_bytes)
        return EINVAL;
    inode->seen_bytes = size_bytes;
    inode->common_bytes = hf_min(inode->common_bytes, size_bytes);
    return 0;
}

static void copy_beyond_common(
    unsigned char *target, const unsigned char *source, uint64_t common_bytes, uint64_t bytes)
{
    if (bytes > common_bytes)
        memcpy(target + common_bytes, source + common_bytes, (size_t)(bytes - common_bytes));
}

/* The first `bytes` of what is seen become what is on the platter. */
static void write_back(struct hf_sim_inode *inode, uint64_t bytes)
{
    copy_beyond_common(inode->platter, inode->seen, inode->common_bytes, bytes);
    inode->platter_bytes = bytes;
    inode->common_bytes = bytes;
    inode->seen_bytes = bytes;
}

static void revert(struct hf_sim_inode *inode)
{
    copy_beyond_common(inode->seen, inode->platter, inode->common_bytes, inode->platter_bytes);
    inode->seen_bytes = inode->platter_bytes;
    inode->common_bytes = inode->platter_bytes;
}

void hf_sim_disk_sync(struct hf_sim_disk *disk, struct hf_sim_inode *inode)
{
    write_back(inode, inode->seen_bytes);
    settle_oldest_notes(disk, disk->notes_count);
}

/* A truncation that was not synced is either on the platter or not; appended bytes may be in part.
 */
static void tear(struct hf_sim_disk *disk, struct hf_sim_inode *inode)
{
    bool truncated = inode->common_bytes < inode->platter_bytes;
    if (truncated && hf_random_below(&disk->random, 2) == 0)
        revert(inode);
    else
        write_back(inode, inode->common_bytes + hf_random_below(&disk->random,
                                                    inode->seen_bytes - inode->common_bytes + 1));
}

static void forget_notes(struct hf_sim_disk *disk)
{
    for (uint32_t index = 0; index < disk->notes_count; index++)
        drop_user(disk, disk->notes[index].inode);
    disk->notes_count = 0;
}

/* What is seen from now on is what is on the platter. New names before old ones go, so that no file
 * is dropped that has one in both. */
static void reload_names(struct hf_sim_disk *disk)
{
    struct hf_sim_names *platter = &disk->platter;
    for (size_t index = 0; index < HF_SIM_FILES_MAX; index++)
        if (platter->names[index].inode)
            hf_sim_disk_hold(platter->names[index].inode);
    for (size_t index = 0; index < HF_SIM_FILES_MAX; index++)
        if (disk->seen.names[index].inode)
            hf_sim_disk_let_go(disk, disk->seen.names[index].inode);
    disk->seen = *platter;
}

/* Where only the process died, what it wrote is still on its way to the platter. */
void hf_sim_disk_crash(struct hf_sim_disk *disk, enum hf_sim_crash how)
{
    if (how == HF_SIM_CRASH_KEEP)
        return;
    bool torn = how == HF_SIM_CRASH_TEAR;
    uint32_t notes = torn ? (uint32_t)hf_random_below(&disk->random, disk->notes_count + 1ul) : 0;
    settle_oldest_notes(disk, notes);
    forget_notes(disk);
    reload_names(disk);
    for (size_t index = 0; index < HF_SIM_FILES_MAX; index++) {
        struct hf_sim_inode *inode = &disk->inodes[index];
        if (inode->users > 0 && torn)
            tear(disk, inode);
        else if (inode->users > 0)
            revert(inode);
    }
}

uint64_t hf_sim_disk_bytes(const struct hf_sim_disk *disk)
{
    uint64_t bytes = 0;
    for (size_t index = 0; index < HF_SIM_FILES_MAX; index++)
        if (disk->inodes[index].reachable > 0)
            bytes += disk->inodes[index].seen_bytes;
    return bytes;
}

uint64_t hf_sim_disk_unsynced_bytes(const struct hf_sim_disk *disk)
{
    uint64_t bytes = 0;
    for (size_t index = 0; index < HF_SIM_FILES_MAX; index++)
        if (disk->inodes[index].reachable > 0)
            bytes += disk->inodes[index].seen_bytes - disk->inodes[index].common_bytes;
    return bytes;
}

uint32_t hf_sim_disk_files(const struct hf_sim_disk *disk)
{
    uint32_t files = 0;
    for (size_t index = 0; index < HF_SIM_FILES_MAX; index++)
        files += disk->seen.names[index].inode != NULL;
    return files;
}
