/* SPDX-License-Identifier: MIT */
#include "base/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <holdfast/clock.h>

#include "base/descriptor.h"
#include "base/minmax.h"

/* How often a file may vanish and come back between two looks at it. */
#define OPEN_TRIES 16
#define LOCK_POLL_NS HF_MS(1)

#define BOOT_NAME_PATH "/proc/sys/kernel/random/boot_id"

/* O_EXCL does not follow a symbolic link at the end of the path. */
static int create(const char *path, int *fd)
{
    *fd = hf_open(path, O_RDWR | O_CREAT | O_EXCL);
    if (*fd < 0)
        return errno;
    int code = hf_sync_parent(path);
    if (code != 0)
        close(*fd);
    return code;
}

/* O_NONBLOCK: opening a FIFO or a device must not wait; regular files ignore it. */
static int open_or_create(const char *path, int *fd)
{
    int code = ENOENT;
    for (int tries = 0; tries < OPEN_TRIES && (code == ENOENT || code == EEXIST); tries++) {
        *fd = hf_open(path, O_RDWR | O_NONBLOCK | O_NOCTTY);
        code = *fd >= 0 ? 0 : errno;
        if (code == ENOENT)
            code = create(path, fd);
    }
    return code;
}

static int system_open(void *context, const char *path, intptr_t *file)
{
    (void)context;
    int fd;
    int code = open_or_create(path, &fd);
    if (code != 0)
        return code;
    struct stat about;
    if (fstat(fd, &about) != 0)
        code = errno;
    else if (!S_ISREG(about.st_mode))
        code = ENXIO;
    if (code != 0)
        close(fd);
    else
        *file = fd;
    return code;
}

static int system_size(void *context, intptr_t file, uint64_t *size_bytes)
{
    (void)context;
    struct stat about;
    if (fstat((int)file, &about) != 0)
        return errno;
    *size_bytes = (uint64_t)about.st_size;
    return 0;
}

static int system_reserve(void *context, intptr_t file, uint64_t size_bytes)
{
    (void)context;
    if (size_bytes > INT64_MAX)
        return EFBIG;
    int code;
    do
        code = posix_fallocate((int)file, 0, (off_t)size_bytes);
    while (code == EINTR);
    if (code != 0 && ftruncate((int)file, 0) != 0)
        return errno;
    return code;
}

/* The kernel looks for a deadly signal between pages of its cache only. */
static int system_write_page(
    void *context, intptr_t file, uint64_t offset, const void *data, size_t size_bytes)
{
    (void)context;
    ssize_t written;
    do
        written = pwrite((int)file, data, size_bytes, (off_t)offset);
    while (written < 0 && errno == EINTR);
    if (written < 0)
        return errno;
    return (size_t)written == size_bytes ? 0 : EIO;
}

static int system_map(void *context, intptr_t file, size_t size_bytes, void **memory)
{
    (void)context;
    void *mapped = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, (int)file, 0);
    if (mapped == MAP_FAILED)
        return errno;
    *memory = mapped;
    return 0;
}

static void system_unmap(void *context, void *memory, size_t size_bytes)
{
    (void)context;
    munmap(memory, size_bytes);
}

static int system_sync(void *context, void *memory, size_t size_bytes)
{
    (void)context;
    return msync(memory, size_bytes, MS_SYNC) == 0 ? 0 : errno;
}

#ifdef F_OFD_SETLK
static int command(
    intptr_t file, int number, struct flock *about, short type, uint64_t offset, uint64_t count)
{
    *about = (struct flock){
        .l_type = type,
        .l_whence = SEEK_SET,
        .l_start = (off_t)offset,
        .l_len = (off_t)count,
    };
    int result;
    do
        result = fcntl((int)file, number, about);
    while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

static int set_lock(intptr_t file, short type, uint64_t offset)
{
    struct flock about;
    int code = command(file, F_OFD_SETLK, &about, type, offset, 1);
    return code == EACCES ? EAGAIN : code;
}

static int get_lock(intptr_t file, uint64_t offset, uint64_t count, bool *is_locked)
{
    struct flock about;
    int code = command(file, F_OFD_GETLK, &about, F_WRLCK, offset, count);
    if (code == 0)
        *is_locked = about.l_type != F_UNLCK;
    return code;
}
#else
static int set_lock(intptr_t file, short type, uint64_t offset)
{
    (void)file;
    (void)type;
    (void)offset;
    return ENOTSUP;
}

static int get_lock(intptr_t file, uint64_t offset, uint64_t count, bool *is_locked)
{
    (void)file;
    (void)offset;
    (void)count;
    (void)is_locked;
    return ENOTSUP;
}
#endif

/* The kernel's own waiting knows no end. */
static int system_lock(void *context, intptr_t file, uint64_t offset, uint64_t wait_ns)
{
    (void)context;
    int code = set_lock(file, F_WRLCK, offset);
    while (code == EAGAIN && wait_ns > 0) {
        uint64_t pause_ns = hf_min(wait_ns, LOCK_POLL_NS);
        hf_clock_sleep_ns(NULL, pause_ns);
        wait_ns -= pause_ns;
        code = set_lock(file, F_WRLCK, offset);
    }
    return code;
}

static int system_unlock(void *context, intptr_t file, uint64_t offset)
{
    (void)context;
    return set_lock(file, F_UNLCK, offset);
}

static int system_is_locked(
    void *context, intptr_t file, uint64_t offset, uint64_t count, bool *is_locked)
{
    (void)context;
    return get_lock(file, offset, count, is_locked);
}

static void system_close(void *context, intptr_t file)
{
    (void)context;
    close((int)file);
}

static int system_boot_name(void *context, char name[HF_BOOT_NAME_BYTES])
{
    (void)context;
    int fd = hf_open(BOOT_NAME_PATH, O_RDONLY);
    if (fd < 0)
        return errno;
    ssize_t size = read(fd, name, HF_BOOT_NAME_BYTES - 1);
    int code = size < 0 ? errno : 0;
    close(fd);
    name[size < 0 ? 0 : size] = '\0';
    name[strcspn(name, "\n")] = '\0';
    return code == 0 && name[0] == '\0' ? EIO : code;
}

static uint64_t system_process(void *context)
{
    (void)context;
    return (uint64_t)getpid();
}

static const struct hf_mapping system_mapping = {
    .context = NULL,
    .open = system_open,
    .size = system_size,
    .reserve = system_reserve,
    .write_page = system_write_page,
    .map = system_map,
    .unmap = system_unmap,
    .sync = system_sync,
    .lock = system_lock,
    .unlock = system_unlock,
    .is_locked = system_is_locked,
    .close = system_close,
    .boot_name = system_boot_name,
    .process = system_process,
};

const struct hf_mapping *hf_mapping_system(void)
{
    return &system_mapping;
}
