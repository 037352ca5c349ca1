/* SPDX-License-Identifier: MIT */
#include "base/descriptor.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int hf_open(const char *path, int flags)
{
    int fd;
    do
        fd = open(path, flags | O_CLOEXEC, 0600);
    while (fd < 0 && errno == EINTR);
    return fd;
}

int hf_sync(int fd, int (*sync)(int fd))
{
    int result;
    do
        result = sync(fd);
    while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

int hf_sync_parent(const char *path)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int length = slash ? (int)(slash - path) + 1 : 1;
    assert(length < PATH_MAX);
    snprintf(directory, sizeof(directory), "%.*s", length, slash ? path : ".");

    int fd = hf_open(directory, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return errno == EACCES ? 0 : errno;
    int code = hf_sync(fd, fsync);
    close(fd);
    return code == EINVAL ? 0 : code;
}
