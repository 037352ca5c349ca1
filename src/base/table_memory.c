/* SPDX-License-Identifier: MIT */
#include <assert.h>

#include "base/huge_pages.h"
#include "base/table_path.h"

static uint64_t lines_of(const struct hf_table_shape *shape)
{
    return shape->homes + shape->path_lines - 1;
}

size_t hf_table_bytes(const struct hf_table_shape *shape)
{
    uint64_t lines_max = (SIZE_MAX - sizeof(struct hf_table_shared)) / sizeof(struct hf_table_line);
    if (lines_of(shape) > lines_max)
        return SIZE_MAX;
    return sizeof(struct hf_table_shared) + (size_t)lines_of(shape) * sizeof(struct hf_table_line);
}

static struct hf_table_shape shape_of(const struct hf_table *table)
{
    return (struct hf_table_shape){table->homes, table->path_lines, table->unit_ns};
}

static void assert_shape(const struct hf_table_shape *shape)
{
    assert(shape->homes > 0 && shape->homes <= HF_TABLE_HOMES_MAX);
    assert(shape->path_lines > 0 && shape->path_lines <= HF_TABLE_PATH_LINES_MAX);
    assert(shape->unit_ns > 0 && shape->unit_ns <= HF_TABLE_TOLERANCE_MAX_NS);
}

void hf_table_attach(
    struct hf_table *table, const struct hf_table_shape *shape, void *memory, uint32_t owner)
{
    assert_shape(shape);
    assert((uintptr_t)memory % HF_CACHE_LINE == 0);
    assert(owner <= HF_TABLE_OWNER_MAX);
    struct hf_table_shared *shared = memory;
    *table = (struct hf_table){
        .lines = (struct hf_table_line *)(shared + 1),
        .homes = shape->homes,
        .shared = shared,
        .unit_ns = shape->unit_ns,
        .path_lines = shape->path_lines,
        .owner = owner,
    };
}

enum hf_status hf_table_init(struct hf_table *table, const struct hf_table_shape *shape,
    const struct hf_allocator *allocator, struct hf_error *error)
{
    assert_shape(shape);
    struct hf_allocator source = allocator ? *allocator : *hf_allocator_libc();
    void *memory = hf_allocate(&source, hf_table_bytes(shape), HF_CACHE_LINE);
    if (!memory)
        return hf_error_add(
            error, HF_NO_MEMORY, 0, "no memory for a table of %zu bytes", hf_table_bytes(shape));
    hf_table_attach(table, shape, memory, 0);
    table->allocator = source;
    return HF_OK;
}

void hf_table_prefer_huge_pages(const struct hf_table *table)
{
    struct hf_table_shape shape = shape_of(table);
    hf_huge_pages_prefer(table->shared, hf_table_bytes(&shape));
}

void hf_table_fini(struct hf_table *table)
{
    struct hf_table_shape shape = shape_of(table);
    hf_release(&table->allocator, table->shared, hf_table_bytes(&shape), HF_CACHE_LINE);
    *table = (struct hf_table){0};
}

uint64_t hf_table_slots(const struct hf_table *table)
{
    struct hf_table_shape shape = shape_of(table);
    return lines_of(&shape) * HF_TABLE_LINE_SLOTS;
}
