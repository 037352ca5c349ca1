/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <holdfast/files.h>

#include "base/descriptor.h"

static int check_opened(int fd, const char *path, uint64_t *size_bytes)
{
    struct stat about;
    if (fstat(fd, &about) != 0)
        return errno;
    if (!S_ISREG(about.st_mode))
        return ENXIO;
    *size_bytes = (uint64_t)about.st_size;
    /* Here, so that appending never pays for it; and not only where a file is found empty, as its
     * name may be new even so: it may have got it by renaming. */
    return hf_sync_parent(path);
}

/* O_NONBLOCK: opening a FIFO or a device must not wait; regular files ignore it. */
static int system_open(void *context, const char *path, intptr_t *file, uint64_t *size_bytes)
{
    (void)context;
    if (!path || !file || !size_bytes)
        return EINVAL;
    int fd = hf_open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return errno;
    uint64_t found_bytes = 0;
    int code = check_opened(fd, path, &found_bytes);
    if (code != 0) {
        close(fd);
        return code;
    }
    *file = fd;
    *size_bytes = found_bytes;
    return 0;
}

/* A write that takes nothing and reports nothing would otherwise be tried for ever. */
static int system_append(
    void *context, intptr_t file, const void *data, size_t size_bytes, size_t *written)
{
    (void)context;
    if (!written)
        return EINVAL;
    *written = 0;
    if (!data && size_bytes > 0)
        return EINVAL;
    while (*written < size_bytes) {
        ssize_t step = write((int)file, (const char *)data + *written, size_bytes - *written);
        if (step < 0 && errno == EINTR)
            continue;
        if (step <= 0)
            return step < 0 ? errno : EIO;
        *written += (size_t)step;
    }
    return 0;
}

static int system_read(
    void *context, intptr_t file, uint64_t offset, void *data, size_t size_bytes, size_t *got)
{
    (void)context;
    if (!got)
        return EINVAL;
    *got = 0;
    if (!data && size_bytes > 0)
        return EINVAL;
    uint64_t size = size_bytes;
    if (size > INT64_MAX || offset > INT64_MAX - size)
        return EINVAL;
    while (*got < size_bytes) {
        ssize_t step =
            pread((int)file, (char *)data + *got, size_bytes - *got, (off_t)(offset + *got));
        if (step < 0 && errno == EINTR)
            continue;
        if (step <= 0)
            return step < 0 ? errno : 0;
        *got += (size_t)step;
    }
    return 0;
}

static int system_sync(void *context, intptr_t file)
{
    (void)context;
    return hf_sync((int)file, fdatasync);
}

static int system_truncate(void *context, intptr_t file, uint64_t size_bytes)
{
    (void)context;
    if (size_bytes > INT64_MAX)
        return EFBIG;
    int result;
    do
        result = ftruncate((int)file, (off_t)size_bytes);
    while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

/* EINTR too means closed on Linux: closing again could hit another thread's new file. */
static int system_close(void *context, intptr_t file)
{
    (void)context;
    return close((int)file) == 0 || errno == EINTR ? 0 : errno;
}

/*
 * For file systems without RENAME_NOREPLACE. link refuses to replace, as rename does not. A crash
 * between the two calls leaves both names on one file: nothing is lost.
 */
static int rename_by_link(const char *from, const char *to)
{
    if (link(from, to) != 0)
        return errno;
    if (unlink(from) == 0)
        return 0;
    int code = errno;
    unlink(to);
    return code;
}

static int system_rename(void *context, const char *from, const char *to)
{
    (void)context;
    if (!from || !to)
        return EINVAL;
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno == EINVAL || errno == ENOSYS)
        return rename_by_link(from, to);
    return errno;
}

static int system_remove(void *context, const char *path)
{
    (void)context;
    if (!path)
        return EINVAL;
    return unlink(path) == 0 ? 0 : errno;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int visit_all(DIR *directory, hf_files_visit *visit, void *visit_context)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (!entry)
            return errno;
        if (!is_dots(entry->d_name) && !visit(visit_context, entry->d_name))
            return 0;
    }
}

static int system_list(
    void *context, const char *directory, hf_files_visit *visit, void *visit_context)
{
    (void)context;
    if (!directory || !visit)
        return EINVAL;
    DIR *opened = opendir(directory);
    if (!opened)
        return errno;
    int code = visit_all(opened, visit, visit_context);
    closedir(opened);
    return code;
}

static const struct hf_files system_files = {
    .context = NULL,
    .open = system_open,
    .append = system_append,
    .read = system_read,
    .sync = system_sync,
    .truncate = system_truncate,
    .close = system_close,
    .rename = system_rename,
    .remove = system_remove,
    .list = system_list,
};

const struct hf_files *hf_files_system(void)
{
    return &system_files;
}
