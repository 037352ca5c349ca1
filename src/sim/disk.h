/* SPDX-License-Identifier: MIT */
#ifndef HF_SIM_DISK_H
#define HF_SIM_DISK_H

#include <stdbool.h>

#include <holdfast/sim_files.h>

/*
 * What a simulated disk holds, and what of it would survive a crash. No faults, no handles, no
 * locks: those are in sim_files.c.
 *
 * Everything exists twice: as the program sees it, and as it is on the platter. Of a file's two
 * contents a first part is `common`. Appending grows the one that is seen, truncating shortens it
 * and perhaps the common part; so syncing means to copy what lies beyond the common part, and costs
 * only what is new. Names likewise: each change is made to the seen table at once and noted;
 * syncing applies the notes to the other table, in order.
 *
 * Memory is taken only where a file grows, and for both contents at once. Syncing and crashing
 * therefore cannot fail.
 */

struct hf_sim_inode {
    unsigned char *seen;
    unsigned char *platter;
    uint64_t seen_bytes;
    uint64_t platter_bytes;
    uint64_t common_bytes;
    size_t capacity;    /* Of either. */
    uint32_t users;     /* Names in either table, notes, and handles. 0: this entry is free. */
    uint32_t reachable; /* Names in the seen table, and handles: it counts against the limit. */
};

struct hf_sim_name {
    struct hf_sim_inode *inode; /* NULL: this entry is free. */
    char path[HF_SIM_PATH_BYTES_MAX];
};

struct hf_sim_names {
    struct hf_sim_name names[HF_SIM_FILES_MAX];
};

/* One change of names, made at once: from "" creates, to "" removes, both renames. */
struct hf_sim_note {
    struct hf_sim_inode *inode;
    char from[HF_SIM_PATH_BYTES_MAX];
    char to[HF_SIM_PATH_BYTES_MAX];
};

/* Beyond this many changes the oldest reaches the platter by itself, as kernels write back in time.
 */
#define HF_SIM_NOTES_MAX 256

struct hf_sim_disk {
    struct hf_allocator allocator;
    struct hf_random random;
    uint64_t bytes_max; /* 0: no limit. */
    struct hf_sim_inode inodes[HF_SIM_FILES_MAX];
    struct hf_sim_names seen;
    struct hf_sim_names platter;
    struct hf_sim_note notes[HF_SIM_NOTES_MAX]; /* Oldest first. */
    uint32_t notes_count;
};

/* Frees the contents of all files. */
void hf_sim_disk_fini(struct hf_sim_disk *disk);

/* NULL if there is none of that name. */
struct hf_sim_inode *hf_sim_disk_find(const struct hf_sim_disk *disk, const char *path);

/* Path and size as struct hf_files returns errors: 0 or errno. */
int hf_sim_disk_create(struct hf_sim_disk *disk, const char *path, struct hf_sim_inode **inode);
int hf_sim_disk_rename(struct hf_sim_disk *disk, const char *from, const char *to);
int hf_sim_disk_remove(struct hf_sim_disk *disk, const char *path);
int hf_sim_disk_append(struct hf_sim_disk *disk, struct hf_sim_inode *inode, const void *data,
    size_t size_bytes, size_t *written);
int hf_sim_disk_truncate(struct hf_sim_inode *inode, uint64_t size_bytes);
void hf_sim_disk_sync(struct hf_sim_disk *disk, struct hf_sim_inode *inode);

/* A handle keeps its file when the name goes. */
void hf_sim_disk_hold(struct hf_sim_inode *inode);
void hf_sim_disk_let_go(struct hf_sim_disk *disk, struct hf_sim_inode *inode);

/* Every handle must have let go. */
void hf_sim_disk_crash(struct hf_sim_disk *disk, enum hf_sim_crash how);

/* The name that comes next after `after` ("" at first) in the directory, in byte order; NULL at the
 * end. A name is what follows the directory in a path; borrowed until a change. */
const char *hf_sim_disk_next_name(
    const struct hf_sim_disk *disk, const char *directory, const char *after);

uint64_t hf_sim_disk_bytes(const struct hf_sim_disk *disk);
uint64_t hf_sim_disk_unsynced_bytes(const struct hf_sim_disk *disk);
uint32_t hf_sim_disk_files(const struct hf_sim_disk *disk);

#endif
