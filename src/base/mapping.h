/* SPDX-License-Identifier: MIT */
#ifndef HF_BASE_MAPPING_H
#define HF_BASE_MAPPING_H

#include <stdbool.h>

#include <holdfast/api.h>

/* The text of a boot's name, with its NUL. */
#define HF_BOOT_NAME_BYTES 64

/*
 * Files that processes map, lock byte by byte and so share, as an effect: tests let each call fail
 * in turn. Functions that return int return 0 or a positive errno value.
 *
 * A lock belongs to the opening, not to the process: two openings by one process keep each other
 * out, closing another descriptor of the file releases nothing, and a lock ends when the last
 * descriptor and the last mapping of its opening are gone, fork's copies included. So it can
 * outlast its process but never ends before it: whoever is seen without a lock is dead.
 */
struct hf_mapping {
    void *context;
    /*
     * Opens a regular file to read and write; creates an empty one with mode 0600 if there is none,
     * but not through a symbolic link. Refuses anything else (EISDIR, ENXIO) without waiting for
     * its other end. exec closes it.
     */
    int (*open)(void *context, const char *path, intptr_t *file);
    int (*size)(void *context, intptr_t file, uint64_t *size_bytes);
    /* Gives an empty file zeros for which the disk has room; on failure it is empty again. */
    int (*reserve)(void *context, intptr_t file, uint64_t size_bytes);
    /* Overwrites a page of the file: all of it or nothing, even where the process is killed. */
    int (*write_page)(
        void *context, intptr_t file, uint64_t offset, const void *data, size_t size_bytes);
    /* Maps the file from its start to read and write, shared with others. */
    int (*map)(void *context, intptr_t file, size_t size_bytes, void **memory);
    void (*unmap)(void *context, void *memory, size_t size_bytes);
    /* Returns once what the mapping holds is on the disk. */
    int (*sync)(void *context, void *memory, size_t size_bytes);
    /* Locks one byte for oneself. EAGAIN: somebody else still had it after wait_ns. */
    int (*lock)(void *context, intptr_t file, uint64_t offset, uint64_t wait_ns);
    int (*unlock)(void *context, intptr_t file, uint64_t offset);
    /* Whether another opening holds a lock on any of `count` bytes. */
    int (*is_locked)(
        void *context, intptr_t file, uint64_t offset, uint64_t count, bool *is_locked);
    void (*close)(void *context, intptr_t file);
    /* A name for the present start of the machine. */
    int (*boot_name)(void *context, char name[HF_BOOT_NAME_BYTES]);
    /* A number that a child made by fork does not share. */
    uint64_t (*process)(void *context);
};

/* The operating system's. Static, thread-safe. */
const struct hf_mapping *hf_mapping_system(void);

#endif
