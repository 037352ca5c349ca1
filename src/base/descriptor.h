/* SPDX-License-Identifier: MIT */
#ifndef HF_BASE_DESCRIPTOR_H
#define HF_BASE_DESCRIPTOR_H

/*
 * System calls on descriptors, again where a signal has interrupted them: network file systems
 * allow that where local ones do not, and nothing was done then.
 */

/* open with O_CLOEXEC; what it creates has mode 0600. */
int hf_open(const char *path, int flags);

/* sync: fsync or fdatasync. Returns 0 or an errno value. */
int hf_sync(int fd, int (*sync)(int fd));

/*
 * A file system that forgets a name forgets the file: fsync of a new file is worth nothing until
 * its directory is on disk too, which this brings there. A directory that may not be read or cannot
 * be synced is left to the file system's own order. Returns 0 or an errno value.
 */
int hf_sync_parent(const char *path);

#endif
