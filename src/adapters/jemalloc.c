/* SPDX-License-Identifier: MIT */
#include <stdalign.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <jemalloc/jemalloc.h>

#include <holdfast/jemalloc.h>

#include "base/atomic.h"

/* Whether the compiler puts this code under a sanitizer that has to see all memory. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WATCHED true
#elif !defined(__has_feature)
#define WATCHED false
#elif __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WATCHED true
#else
#define WATCHED false
#endif

/* A path in jemalloc's tree of controls, translated once: stats.arenas.<i>.small.allocated */
#define CONTROL_DEPTH 5
#define CONTROL_ARENA 2 /* The position of <i> there, and of nothing else. */

struct control {
    size_t path[CONTROL_DEPTH];
};

struct hf_jemalloc {
    struct hf_allocator allocator;
    unsigned arena;
    struct control small;
    struct control large;
    char name[HF_JEMALLOC_NAME_MAX + 1];
};

/* Of this process, like jemalloc's own. */
static uint64_t arenas_count;

/*
 * Without a cache of the thread's: it would mix the arenas' pieces, and hold back released ones
 * beyond the arena's end.
 */
static int flags_of(size_t alignment)
{
    return MALLOCX_ALIGN(alignment) | MALLOCX_TCACHE_NONE;
}

static void *arena_allocate(void *context, size_t size_bytes, size_t alignment)
{
    const struct hf_jemalloc *memory = context;
    return mallocx(
        size_bytes, flags_of(alignment) | MALLOCX_ZERO | (int)MALLOCX_ARENA(memory->arena));
}

static void arena_release(void *context, void *piece, size_t size_bytes, size_t alignment)
{
    (void)context;
    sdallocx(piece, size_bytes, flags_of(alignment));
}

static bool name_valid(const char *name)
{
    size_t length = strnlen(name, HF_JEMALLOC_NAME_MAX + 1);
    if (length == 0 || length > HF_JEMALLOC_NAME_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (name[i] < ' ' || name[i] > '~')
            return false;
    }
    return true;
}

static bool control_find(struct control *control, const char *name, unsigned arena)
{
    size_t depth = CONTROL_DEPTH;
    if (mallctlnametomib(name, control->path, &depth) != 0)
        return false;
    control->path[CONTROL_ARENA] = arena;
    return true;
}

static uint64_t control_read(const struct control *control)
{
    size_t value = 0;
    size_t size = sizeof(value);
    if (mallctlbymib(control->path, CONTROL_DEPTH, &value, &size, NULL, 0) != 0)
        return 0;
    return value;
}

/* jemalloc answers from a copy of its counts, which is made anew when the epoch is written. */
static void statistics_refresh(void)
{
    uint64_t epoch = 1;
    mallctl("epoch", NULL, NULL, &epoch, sizeof(epoch));
}

static void arena_end(const struct hf_jemalloc *memory)
{
    char name[sizeof("arena.4294967295.destroy")];
    snprintf(name, sizeof(name), "arena.%u.destroy", memory->arena);
    mallctl(name, NULL, NULL, NULL, 0);
}

/* HF_UNSUPPORTED if this jemalloc was built without the counts. */
static enum hf_status arena_begin(struct hf_jemalloc *memory, struct hf_error *error)
{
    size_t size = sizeof(memory->arena);
    int code = mallctl("arenas.create", &memory->arena, &size, NULL, 0);
    if (code != 0)
        return hf_error_add(error, HF_NO_MEMORY, code, "arena for \"%s\"", memory->name);
    if (control_find(&memory->small, "stats.arenas.0.small.allocated", memory->arena) &&
        control_find(&memory->large, "stats.arenas.0.large.allocated", memory->arena))
        return HF_OK;
    arena_end(memory);
    return hf_error_add(error, HF_UNSUPPORTED, 0, "this jemalloc keeps no statistics");
}

static enum hf_status name_check(const char *name, struct hf_error *error)
{
    if (!name)
        return hf_error_add(error, HF_INVALID, 0, "name: NULL");
    if (!name_valid(name))
        return hf_error_add(error, HF_INVALID, 0,
            "name: \"%.80s\" is not 1 to %d printable ASCII characters", name,
            HF_JEMALLOC_NAME_MAX);
    return HF_OK;
}

/* The handle itself is libc's, so that an arena nobody has used holds 0 bytes. */
static enum hf_status memory_new(
    struct hf_jemalloc **memory, const char *name, struct hf_error *error)
{
    struct hf_jemalloc *made = hf_allocate(NULL, sizeof(*made), alignof(struct hf_jemalloc));
    if (!made)
        return hf_error_add(error, HF_NO_MEMORY, 0, "arena for \"%s\"", name);
    memcpy(made->name, name, strlen(name));
    made->allocator = (struct hf_allocator){made, arena_allocate, arena_release};
    enum hf_status status = arena_begin(made, error);
    if (status != HF_OK) {
        hf_release(NULL, made, sizeof(*made), alignof(struct hf_jemalloc));
        return status;
    }
    *memory = made;
    return HF_OK;
}

enum hf_status hf_jemalloc_new(
    struct hf_jemalloc **memory, const char *name, struct hf_error *error)
{
    if (!memory)
        return hf_error_add(error, HF_INVALID, 0, "memory: NULL");
    *memory = NULL;
    if (name_check(name, error) != HF_OK)
        return HF_INVALID;
    if (WATCHED)
        return hf_error_add(error, HF_UNSUPPORTED, 0,
            "name: \"%s\" is left to libc: this is a sanitizer's build", name);
    if (hf_add_seq(&arenas_count, 1) >= HF_JEMALLOC_ARENAS_MAX) {
        hf_add_seq(&arenas_count, UINT64_MAX);
        return hf_error_add(error, HF_FULL, 0, "name: \"%s\" would be arena %d of %d", name,
            HF_JEMALLOC_ARENAS_MAX + 1, HF_JEMALLOC_ARENAS_MAX);
    }
    enum hf_status status = memory_new(memory, name, error);
    if (status != HF_OK)
        hf_add_seq(&arenas_count, UINT64_MAX);
    return status;
}

void hf_jemalloc_free(struct hf_jemalloc *memory)
{
    if (!memory)
        return;
    arena_end(memory);
    hf_release(NULL, memory, sizeof(*memory), alignof(struct hf_jemalloc));
    hf_add_seq(&arenas_count, UINT64_MAX);
}

const struct hf_allocator *hf_jemalloc_allocator(const struct hf_jemalloc *memory)
{
    return memory ? &memory->allocator : NULL;
}

uint64_t hf_jemalloc_bytes(const struct hf_jemalloc *memory)
{
    if (!memory)
        return 0;
    statistics_refresh();
    return control_read(&memory->small) + control_read(&memory->large);
}

int64_t hf_jemalloc_bytes_read(void *memory)
{
    return (int64_t)hf_jemalloc_bytes(memory);
}

const char *hf_jemalloc_name(const struct hf_jemalloc *memory)
{
    return memory ? memory->name : "libc";
}
