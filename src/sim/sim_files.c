/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdalign.h>
#include <string.h>

#include <holdfast/sim_files.h>

#include "base/allocator.h"
#include "sim/disk.h"

/*
 * Handles, faults and the lock around a simulated disk. Each call of struct hf_files is: lock, do
 * unless a fault says otherwise, count, unlock. One mutex, because a simulation has no hot path.
 */

struct handle {
    struct hf_sim_inode *inode; /* NULL: this entry is free. */
    uint32_t uses;              /* Part of the handle's value, so that a stale one is told apart. */
};

struct fault {
    struct hf_sim_file_fault plan;
    bool armed;
};

struct hf_sim_files {
    pthread_mutex_t lock;
    struct hf_sim_disk disk;
    struct handle handles[HF_SIM_HANDLES_MAX];
    struct fault faults[HF_SIM_FILE_CALLS];
    uint64_t calls[HF_SIM_FILE_CALLS];
    uint64_t failed[HF_SIM_FILE_CALLS];
    struct hf_splitmix splitmix; /* Used unless the options bring a generator. */
};

enum hf_status hf_sim_files_new(
    struct hf_sim_files **disk, const struct hf_sim_files_options *options, struct hf_error *error)
{
    if (!disk)
        return hf_error_add(error, HF_INVALID, 0, "disk: NULL");
    *disk = NULL;
    struct hf_sim_files_options filled = {0};
    if (options)
        filled = *options;
    if (hf_allocator_check(filled.allocator, error) != HF_OK)
        return HF_INVALID;
    if (!filled.allocator)
        filled.allocator = hf_allocator_libc();

    struct hf_sim_files *made =
        hf_allocate(filled.allocator, sizeof(*made), alignof(struct hf_sim_files));
    if (!made)
        return hf_error_add(error, HF_NO_MEMORY, 0, "sim_files: no memory");
    pthread_mutex_init(&made->lock, NULL);
    made->disk.allocator = *filled.allocator;
    made->disk.bytes_max = filled.bytes_max;
    hf_splitmix_init(&made->splitmix, 1);
    made->disk.random = filled.random.next ? filled.random : hf_splitmix_random(&made->splitmix);
    *disk = made;
    return HF_OK;
}

void hf_sim_files_free(struct hf_sim_files *disk)
{
    if (!disk)
        return;
    struct hf_allocator allocator = disk->disk.allocator;
    hf_sim_disk_fini(&disk->disk);
    pthread_mutex_destroy(&disk->lock);
    hf_release(&allocator, disk, sizeof(*disk), alignof(struct hf_sim_files));
}

/* A handle's value: its entry plus one, and above that how often the entry was used. Never 0. */
static intptr_t handle_value(const struct hf_sim_files *disk, size_t index)
{
    return (intptr_t)((uintptr_t)disk->handles[index].uses * HF_SIM_HANDLES_MAX + index + 1);
}

/* NULL: not the value of an open handle. */
static struct handle *find_handle(struct hf_sim_files *disk, intptr_t file)
{
    size_t index = ((uintptr_t)file - 1) % HF_SIM_HANDLES_MAX;
    if (!disk->handles[index].inode || handle_value(disk, index) != file)
        return NULL;
    return &disk->handles[index];
}

/* What a fault makes of this call: 0, or the errno value to fail with. */
static int begin(struct hf_sim_files *disk, enum hf_sim_file_call call)
{
    pthread_mutex_lock(&disk->lock);
    disk->calls[call]++;
    struct fault *fault = &disk->faults[call];
    if (!fault->armed)
        return 0;
    if (fault->plan.skip > 0) {
        fault->plan.skip--;
        return 0;
    }
    if (fault->plan.count > 0 && --fault->plan.count == 0)
        fault->armed = false;
    return fault->plan.error != 0 ? fault->plan.error : EIO;
}

static int end(struct hf_sim_files *disk, enum hf_sim_file_call call, int code)
{
    disk->failed[call] += code != 0;
    pthread_mutex_unlock(&disk->lock);
    return code;
}

static int open_file(
    struct hf_sim_files *disk, const char *path, intptr_t *file, uint64_t *size_bytes)
{
    size_t index = 0;
    while (index < HF_SIM_HANDLES_MAX && disk->handles[index].inode)
        index++;
    if (index == HF_SIM_HANDLES_MAX)
        return EMFILE;
    struct hf_sim_inode *inode = hf_sim_disk_find(&disk->disk, path);
    int code = inode ? 0 : hf_sim_disk_create(&disk->disk, path, &inode);
    if (code != 0)
        return code;
    hf_sim_disk_hold(inode);
    disk->handles[index].inode = inode;
    disk->handles[index].uses++;
    *file = handle_value(disk, index);
    *size_bytes = inode->seen_bytes;
    return 0;
}

static int sim_open(void *context, const char *path, intptr_t *file, uint64_t *size_bytes)
{
    struct hf_sim_files *disk = context;
    if (!disk || !path || !file || !size_bytes)
        return EINVAL;
    int code = begin(disk, HF_SIM_OPEN);
    if (code == 0)
        code = open_file(disk, path, file, size_bytes);
    return end(disk, HF_SIM_OPEN, code);
}

/* A torn append leaves its first part even on a disk that has no room for the rest. */
static int append_torn(struct hf_sim_files *disk, struct hf_sim_inode *inode, const void *data,
    size_t size_bytes, size_t *written, int code)
{
    uint64_t torn_bytes = disk->faults[HF_SIM_APPEND].plan.torn_bytes;
    size_t part = torn_bytes < size_bytes ? (size_t)torn_bytes : size_bytes;
    (void)hf_sim_disk_append(&disk->disk, inode, data, part, written);
    return code;
}

static int sim_append(
    void *context, intptr_t file, const void *data, size_t size_bytes, size_t *written)
{
    struct hf_sim_files *disk = context;
    if (!disk || !written || (!data && size_bytes > 0))
        return EINVAL;
    *written = 0;
    int code = begin(disk, HF_SIM_APPEND);
    const struct handle *handle = find_handle(disk, file);
    if (!handle)
        code = EBADF;
    else if (code != 0)
        code = append_torn(disk, handle->inode, data, size_bytes, written, code);
    else
        code = hf_sim_disk_append(&disk->disk, handle->inode, data, size_bytes, written);
    return end(disk, HF_SIM_APPEND, code);
}

static size_t read_from(
    const struct hf_sim_inode *inode, uint64_t offset, void *buffer, size_t size_bytes)
{
    if (offset >= inode->seen_bytes || size_bytes == 0)
        return 0;
    uint64_t left = inode->seen_bytes - offset;
    size_t part = left < size_bytes ? (size_t)left : size_bytes;
    memcpy(buffer, inode->seen + offset, part);
    return part;
}

static int sim_read(
    void *context, intptr_t file, uint64_t offset, void *data, size_t size_bytes, size_t *got)
{
    struct hf_sim_files *disk = context;
    if (!disk || !got || (!data && size_bytes > 0))
        return EINVAL;
    *got = 0;
    int code = begin(disk, HF_SIM_READ);
    const struct handle *handle = find_handle(disk, file);
    if (!handle)
        code = EBADF;
    else if (code == 0)
        *got = read_from(handle->inode, offset, data, size_bytes);
    return end(disk, HF_SIM_READ, code);
}

static int sim_sync(void *context, intptr_t file)
{
    struct hf_sim_files *disk = context;
    if (!disk)
        return EINVAL;
    int code = begin(disk, HF_SIM_SYNC);
    const struct handle *handle = find_handle(disk, file);
    if (!handle)
        code = EBADF;
    else if (code == 0)
        hf_sim_disk_sync(&disk->disk, handle->inode);
    return end(disk, HF_SIM_SYNC, code);
}

static int sim_truncate(void *context, intptr_t file, uint64_t size_bytes)
{
    struct hf_sim_files *disk = context;
    if (!disk)
        return EINVAL;
    int code = begin(disk, HF_SIM_TRUNCATE);
    const struct handle *handle = find_handle(disk, file);
    if (!handle)
        code = EBADF;
    else if (code == 0)
        code = hf_sim_disk_truncate(handle->inode, size_bytes);
    return end(disk, HF_SIM_TRUNCATE, code);
}

static void close_handle(struct hf_sim_files *disk, struct handle *handle)
{
    hf_sim_disk_let_go(&disk->disk, handle->inode);
    handle->inode = NULL;
}

/* The file is closed whatever is returned, as struct hf_files says. */
static int sim_close(void *context, intptr_t file)
{
    struct hf_sim_files *disk = context;
    if (!disk)
        return EINVAL;
    int code = begin(disk, HF_SIM_CLOSE);
    struct handle *handle = find_handle(disk, file);
    if (handle)
        close_handle(disk, handle);
    else
        code = EBADF;
    return end(disk, HF_SIM_CLOSE, code);
}

static int sim_rename(void *context, const char *from, const char *to)
{
    struct hf_sim_files *disk = context;
    if (!disk || !from || !to)
        return EINVAL;
    int code = begin(disk, HF_SIM_RENAME);
    if (code == 0)
        code = hf_sim_disk_rename(&disk->disk, from, to);
    return end(disk, HF_SIM_RENAME, code);
}

static int sim_remove(void *context, const char *path)
{
    struct hf_sim_files *disk = context;
    if (!disk || !path)
        return EINVAL;
    int code = begin(disk, HF_SIM_REMOVE);
    if (code == 0)
        code = hf_sim_disk_remove(&disk->disk, path);
    return end(disk, HF_SIM_REMOVE, code);
}

static bool copy_next_name(
    struct hf_sim_files *disk, const char *directory, char name[static HF_SIM_PATH_BYTES_MAX])
{
    pthread_mutex_lock(&disk->lock);
    const char *next = hf_sim_disk_next_name(&disk->disk, directory, name);
    if (next)
        memmove(name, next, strlen(next) + 1);
    pthread_mutex_unlock(&disk->lock);
    return next != NULL;
}

/* The visitor runs without the lock, since it may open or remove what it is shown. Names come in
 * order, so changes meanwhile neither repeat nor skip one that stays. */
static int sim_list(
    void *context, const char *directory, hf_files_visit *visit, void *visit_context)
{
    struct hf_sim_files *disk = context;
    if (!disk || !directory || !visit)
        return EINVAL;
    int code = begin(disk, HF_SIM_LIST);
    if (code == 0 && directory[0] == '\0')
        code = ENOENT;
    if (end(disk, HF_SIM_LIST, code) != 0)
        return code;
    char name[HF_SIM_PATH_BYTES_MAX] = "";
    while (copy_next_name(disk, directory, name) && visit(visit_context, name))
        continue;
    return 0;
}

struct hf_files hf_sim_files(struct hf_sim_files *disk)
{
    return (struct hf_files){
        .context = disk,
        .open = sim_open,
        .append = sim_append,
        .read = sim_read,
        .sync = sim_sync,
        .truncate = sim_truncate,
        .close = sim_close,
        .rename = sim_rename,
        .remove = sim_remove,
        .list = sim_list,
    };
}

enum hf_status hf_sim_files_fail(
    struct hf_sim_files *disk, enum hf_sim_file_call call, const struct hf_sim_file_fault *fault)
{
    if (!disk || (unsigned)call >= HF_SIM_FILE_CALLS)
        return HF_INVALID;
    pthread_mutex_lock(&disk->lock);
    disk->faults[call] = (struct fault){.armed = fault != NULL};
    if (fault)
        disk->faults[call].plan = *fault;
    pthread_mutex_unlock(&disk->lock);
    return HF_OK;
}

void hf_sim_files_limit(struct hf_sim_files *disk, uint64_t bytes_max)
{
    if (!disk)
        return;
    pthread_mutex_lock(&disk->lock);
    disk->disk.bytes_max = bytes_max;
    pthread_mutex_unlock(&disk->lock);
}

void hf_sim_files_crash(struct hf_sim_files *disk, enum hf_sim_crash how)
{
    if (!disk)
        return;
    pthread_mutex_lock(&disk->lock);
    for (size_t index = 0; index < HF_SIM_HANDLES_MAX; index++)
        if (disk->handles[index].inode)
            close_handle(disk, &disk->handles[index]);
    hf_sim_disk_crash(&disk->disk, how);
    pthread_mutex_unlock(&disk->lock);
}

enum hf_status hf_sim_files_read(struct hf_sim_files *disk, const char *path, uint64_t offset,
    void *buffer, size_t size_bytes, size_t *got)
{
    if (!disk || !path || !got || (!buffer && size_bytes > 0))
        return HF_INVALID;
    pthread_mutex_lock(&disk->lock);
    const struct hf_sim_inode *inode = hf_sim_disk_find(&disk->disk, path);
    *got = inode ? read_from(inode, offset, buffer, size_bytes) : 0;
    pthread_mutex_unlock(&disk->lock);
    return inode ? HF_OK : HF_NOT_FOUND;
}

struct hf_sim_files_statistics hf_sim_files_statistics(struct hf_sim_files *disk)
{
    struct hf_sim_files_statistics statistics = {0};
    if (!disk)
        return statistics;
    pthread_mutex_lock(&disk->lock);
    memcpy(statistics.calls, disk->calls, sizeof(statistics.calls));
    memcpy(statistics.failed, disk->failed, sizeof(statistics.failed));
    statistics.bytes = hf_sim_disk_bytes(&disk->disk);
    statistics.unsynced_bytes = hf_sim_disk_unsynced_bytes(&disk->disk);
    statistics.files = hf_sim_disk_files(&disk->disk);
    for (size_t index = 0; index < HF_SIM_HANDLES_MAX; index++)
        statistics.handles += disk->handles[index].inode != NULL;
    pthread_mutex_unlock(&disk->lock);
    return statistics;
}
