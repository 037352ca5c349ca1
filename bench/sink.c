/* SPDX-License-Identifier: MIT */
#include "sink.h"

static int sink_open(void *context, const char *path, intptr_t *file, uint64_t *size_bytes)
{
    (void)context;
    (void)path;
    *file = 1;
    *size_bytes = 0;
    return 0;
}

static int sink_append(
    void *context, intptr_t file, const void *data, size_t size_bytes, size_t *written)
{
    (void)context;
    (void)file;
    (void)data;
    *written = size_bytes;
    return 0;
}

static int sink_read(
    void *context, intptr_t file, uint64_t offset, void *data, size_t size_bytes, size_t *got)
{
    (void)context;
    (void)file;
    (void)offset;
    (void)data;
    (void)size_bytes;
    *got = 0;
    return 0;
}

static int sink_file(void *context, intptr_t file)
{
    (void)context;
    (void)file;
    return 0;
}

static int sink_truncate(void *context, intptr_t file, uint64_t size_bytes)
{
    (void)size_bytes;
    return sink_file(context, file);
}

static int sink_rename(void *context, const char *from, const char *to)
{
    (void)context;
    (void)from;
    (void)to;
    return 0;
}

static int sink_remove(void *context, const char *path)
{
    (void)context;
    (void)path;
    return 0;
}

static int sink_list(
    void *context, const char *directory, hf_files_visit *visit, void *visit_context)
{
    (void)context;
    (void)directory;
    (void)visit;
    (void)visit_context;
    return 0;
}

const struct hf_files bench_sink = {
    .open = sink_open,
    .append = sink_append,
    .read = sink_read,
    .sync = sink_file,
    .truncate = sink_truncate,
    .close = sink_file,
    .rename = sink_rename,
    .remove = sink_remove,
    .list = sink_list,
};
