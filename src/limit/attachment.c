/* SPDX-License-Identifier: MIT */
#include "limit/attachment.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/allocator.h"

/* Table time is noted this often, by whoever reads the clock then. */
#define NOTE_NS HF_SECONDS(1)

#define NO_FILE (-1)

/* Any key would do. */
#define PROOF_KEY "the same key, the same place"

static const struct hf_file_header *header_of(const struct hf_attachment *attachment)
{
    return attachment->memory;
}

static struct hf_file_state *state_of(const struct hf_attachment *attachment)
{
    return (struct hf_file_state *)((uint8_t *)attachment->memory + HF_FILE_PAGE_BYTES);
}

/* Its seed is secret, or at least its own. */
uint64_t hf_attachment_identity(const struct hf_attachment *attachment)
{
    return header_of(attachment)->checksum;
}

static enum hf_status refused(struct hf_error *error, const char *what, int code)
{
    return hf_error_add(
        error, code == ENOMEM ? HF_NO_MEMORY : HF_IO, code, "%s: %s", what, strerror(code));
}

/*
 * The file comes first: whoever sees that there is nothing to note may use the time and be killed,
 * and a table that is far ahead of all that was noted counts as damaged. The mark is set again,
 * since a parent may have given it back before its child, who has inherited its place, used it.
 */
static void note(struct hf_attachment *attachment, uint64_t now_ns)
{
    hf_file_state_note(state_of(attachment), now_ns);
    hf_owners_mark(&attachment->owners);
    hf_store_release(&attachment->note_at_ns, now_ns + NOTE_NS);
}

/* What is too late, before or after, is refused by whoever asked. */
uint64_t hf_attachment_at(struct hf_attachment *attachment, uint64_t clock_ns)
{
    if (clock_ns > HF_TIME_MAX_NS)
        return clock_ns;
    uint64_t now_ns = hf_time_line_at(&attachment->line, clock_ns);
    if (now_ns >= hf_load_relaxed(&attachment->note_at_ns) && now_ns <= HF_TIME_MAX_NS)
        note(attachment, now_ns);
    return now_ns;
}

/* The clock of a limiter in a file. */
static uint64_t table_now_ns(void *context)
{
    struct hf_attachment *attachment = context;
    return hf_attachment_at(attachment, attachment->clock.now_ns(attachment->clock.context));
}

static void table_sleep_ns(void *context, uint64_t duration_ns)
{
    const struct hf_attachment *attachment = context;
    hf_clock_sleep_ns(&attachment->clock, duration_ns);
}

void hf_attachment_note(struct hf_attachment *attachment)
{
    hf_store_relaxed(&attachment->note_at_ns, 0);
    table_now_ns(attachment);
}

/* The table without an owner: nothing is claimed in it yet. */
static struct hf_file_proof prove(
    struct hf_attachment *attachment, const struct hf_table_shape *shape)
{
    struct hf_limiter *limiter = &attachment->limiter;
    uint8_t *table = (uint8_t *)attachment->memory + HF_FILE_TABLE_OFFSET;
    hf_table_attach(&limiter->table, shape, table, 0);
    struct hf_table_key key = hf_limiter_locate(limiter, hf_bytes(PROOF_KEY, sizeof(PROOF_KEY)));
    return (struct hf_file_proof){(uint64_t)(key.home - limiter->table.lines), key.fingerprint};
}

static enum hf_status read_moment(const struct hf_attachment *attachment,
    const struct hf_limiter_file *file, struct hf_file_moment *now, struct hf_error *error)
{
    char name[HF_BOOT_NAME_BYTES];
    const char *boot = file->boot;
    if (!boot) {
        int code = attachment->mapping->boot_name(attachment->mapping->context, name);
        if (code != 0)
            return refused(error, "boot: the system does not name its start", code);
        boot = name;
    }
    now->boot = hf_hash_siphash(NULL, hf_bytes(boot, strlen(boot)));
    now->wall_ns = hf_wall_clock_now_ns(&file->wall_clock);
    now->clock_ns = hf_clock_now_ns(&attachment->clock);
    if (now->clock_ns > HF_TIME_MAX_NS)
        return hf_error_add(error, HF_INVALID, 0,
            "clock: %" PRIu64 " is too late (at most %" PRIu64 ")", now->clock_ns, HF_TIME_MAX_NS);
    return HF_OK;
}

static enum hf_status write_page(
    struct hf_attachment *attachment, uint64_t offset, const void *page, struct hf_error *error)
{
    const struct hf_mapping *mapping = attachment->mapping;
    int code =
        mapping->write_page(mapping->context, attachment->file, offset, page, HF_FILE_PAGE_BYTES);
    if (code == 0)
        code = mapping->sync(mapping->context, attachment->memory, attachment->size_bytes);
    return code == 0 ? HF_OK : refused(error, "cannot be written", code);
}

/*
 * Fills in a file of zeros. The header comes last, in one piece: whoever is killed before leaves a
 * file that the next one fills in, and whoever finds a header finds the rest.
 */
static enum hf_status fill_in(struct hf_attachment *attachment, const struct hf_table_shape *shape,
    const struct hf_limiter_file *file, struct hf_error *error)
{
    struct hf_file_moment now;
    enum hf_status status = read_moment(attachment, file, &now, error);
    if (status != HF_OK)
        return status;
    const struct hf_file_birth birth = {
        .shape = *shape,
        .hash = attachment->limiter.hash.kind,
        .seed = attachment->limiter.hash.seed,
        .proof = prove(attachment, shape),
        .wall_ns = now.wall_ns,
        .table_ns = now.clock_ns,
    };
    const struct hf_file_state state = hf_file_state(&now);
    const struct hf_file_header header = hf_file_header(&birth);
    status = write_page(attachment, HF_FILE_PAGE_BYTES, &state, error);
    if (status != HF_OK)
        return status;
    return write_page(attachment, 0, &header, error);
}

/* Makes room in a file that is empty, and maps it. */
static enum hf_status map(
    struct hf_attachment *attachment, uint64_t wanted_bytes, struct hf_error *error)
{
    const struct hf_mapping *mapping = attachment->mapping;
    uint64_t found_bytes = 0;
    int code = mapping->size(mapping->context, attachment->file, &found_bytes);
    if (code != 0)
        return refused(error, "file size", code);
    if (found_bytes == 0) {
        code = mapping->reserve(mapping->context, attachment->file, wanted_bytes);
        if (code != 0)
            return hf_error_add(error, HF_IO, code, "no room for %" PRIu64 " bytes: %s",
                wanted_bytes, strerror(code));
        found_bytes = wanted_bytes;
    }
    if (found_bytes < HF_FILE_TABLE_OFFSET || found_bytes > SIZE_MAX)
        return hf_error_add(error, HF_MALFORMED, 0,
            "file size: %" PRIu64 " bytes found, at least %d expected", found_bytes,
            HF_FILE_TABLE_OFFSET);
    attachment->size_bytes = (size_t)found_bytes;
    code = mapping->map(
        mapping->context, attachment->file, attachment->size_bytes, &attachment->memory);
    return code == 0 ? HF_OK : refused(error, "cannot be mapped", code);
}

static enum hf_status check_options(const struct hf_file_header *header, uint64_t wanted_homes,
    const struct hf_limiter_options *options, struct hf_error *error)
{
    if (options->keys_max != 0 && wanted_homes != header->homes)
        return hf_error_add(error, HF_INVALID, 0,
            "keys_max: %" PRIu64 " needs %" PRIu64 " lines, the file has %" PRIu64,
            options->keys_max, wanted_homes, header->homes);
    if ((uint32_t)options->hash != header->hash)
        return hf_error_add(error, HF_INVALID, 0, "hash: %d wanted, the file has %" PRIu32,
            (int)options->hash, header->hash);
    if (options->seed && memcmp(options->seed, &header->seed, sizeof(header->seed)) != 0)
        return hf_error_add(error, HF_INVALID, 0, "seed: another than the file's");
    return HF_OK;
}

/* Makes the limiter agree with a file that is filled in. */
static enum hf_status adopt(struct hf_attachment *attachment, uint64_t wanted_homes,
    const struct hf_limiter_options *options, struct hf_error *error)
{
    const struct hf_file_header *header = header_of(attachment);
    enum hf_status status = hf_file_header_check(header, attachment->size_bytes, error);
    if (status == HF_OK)
        status = check_options(header, wanted_homes, options, error);
    if (status != HF_OK)
        return status;
    attachment->limiter.hash = hf_key_hash((enum hf_hash_kind)header->hash, &header->seed);
    struct hf_table_shape shape = hf_file_header_shape(header);
    struct hf_file_proof proof = prove(attachment, &shape);
    return hf_file_header_prove(header, &proof, error);
}

/*
 * What the file says of the past is asked before the clocks are: others may be using them, and what
 * they note meanwhile is no reason to be ahead of them.
 */
static enum hf_status resume_time(struct hf_attachment *attachment,
    const struct hf_limiter_file *file, bool alone, struct hf_error *error)
{
    struct hf_file_state *state = state_of(attachment);
    struct hf_file_moment now;
    uint64_t reached_ns = 0;
    uint64_t horizon_ns = hf_load_seq(&attachment->limiter.table.shared->horizon);
    enum hf_status status = hf_file_state_reached(state, horizon_ns, &reached_ns, error);
    if (status == HF_OK)
        status = read_moment(attachment, file, &now, error);
    if (status != HF_OK)
        return status;
    return hf_file_state_resume(
        state, header_of(attachment), &now, reached_ns, alone, &attachment->line, error);
}

/* Nobody can tell what has become of a file that nobody had open: all of it is looked at then. */
static void mend(struct hf_attachment *attachment, bool alone)
{
    struct hf_table *table = &attachment->limiter.table;
    bool any_dead = hf_owners_find_dead(&attachment->owners);
    if (alone)
        hf_table_recount(table);
    else if (any_dead)
        hf_table_recover(table, hf_owners_is_dead, &attachment->owners);
}

/* Becomes one of those who use the file. */
static enum hf_status join(
    struct hf_attachment *attachment, const struct hf_limiter_file *file, struct hf_error *error)
{
    struct hf_limiter *limiter = &attachment->limiter;
    bool alone = false;
    uint32_t number = 0;
    attachment->owners.marks = state_of(attachment)->owners;
    enum hf_status status = hf_owners_alone(&attachment->owners, &alone, error);
    if (status == HF_OK)
        status = resume_time(attachment, file, alone, error);
    if (status == HF_OK)
        status = hf_owners_take(&attachment->owners, &number, error);
    if (status != HF_OK)
        return status;
    struct hf_table_shape shape = hf_file_header_shape(header_of(attachment));
    hf_table_attach(&limiter->table, &shape, limiter->table.shared, number);
#ifdef HF_MUTANT_FILE_HEIR
    attachment->owners.mine = number;
#endif
    mend(attachment, alone);
    hf_owners_settle(&attachment->owners, number);
    limiter->table.is_dead = hf_owners_is_dead;
    limiter->table.is_dead_context = &attachment->owners;
    limiter->clock = (struct hf_clock){table_now_ns, table_sleep_ns, attachment};
    limiter->plain_clock = NULL;
    hf_attachment_note(attachment);
    return HF_OK;
}

static enum hf_status enter(struct hf_attachment *attachment,
    const struct hf_limiter_options *options, const struct hf_limiter_file *file,
    struct hf_error *error)
{
    struct hf_table_shape wanted = hf_limiter_shape(&attachment->limiter, options);
    enum hf_status status = map(attachment, hf_file_bytes(&wanted), error);
    if (status != HF_OK)
        return status;
    bool blank = hf_file_header_is_blank(header_of(attachment)) &&
                 attachment->size_bytes == hf_file_bytes(&wanted);
    if (blank)
        status = fill_in(attachment, &wanted, file, error);
    if (status == HF_OK)
        status = adopt(attachment, wanted.homes, options, error);
    return status == HF_OK ? join(attachment, file, error) : status;
}

static enum hf_status attach(struct hf_attachment *attachment,
    const struct hf_limiter_options *options, const struct hf_limiter_file *file,
    struct hf_error *error)
{
    const struct hf_mapping *mapping = attachment->mapping;
    int code = mapping->open(mapping->context, file->path, &attachment->file);
    if (code != 0)
        return refused(error, "cannot be opened", code);
    attachment->owners = (struct hf_owners){
        .mapping = mapping,
        .file = attachment->file,
        .offset = HF_FILE_PAGE_BYTES,
    };
    enum hf_status status = hf_owners_enter(&attachment->owners, HF_LIMITER_OPENING_NS, error);
    if (status != HF_OK)
        return status;
    status = enter(attachment, options, file, error);
    hf_owners_leave(&attachment->owners);
    return status;
}

/* A child made by fork that lets go of its parent's limiter leaves the parent's mark alone. */
static void detach(struct hf_attachment *attachment)
{
    const struct hf_mapping *mapping = attachment->mapping;
    if (attachment->owners.mine) {
        hf_attachment_note(attachment);
        if (mapping->process(mapping->context) == attachment->process)
            hf_owners_give_back(&attachment->owners);
    }
    if (attachment->memory)
        mapping->unmap(mapping->context, attachment->memory, attachment->size_bytes);
    if (attachment->file != NO_FILE)
        mapping->close(mapping->context, attachment->file);
}

void hf_attachment_free(struct hf_attachment *attachment)
{
    detach(attachment);
    struct hf_allocator allocator = attachment->allocator;
    hf_release(&allocator, attachment, sizeof(*attachment), HF_CACHE_LINE);
}

enum hf_status hf_attachment_new(struct hf_attachment **attachment,
    const struct hf_limiter_options *options, const struct hf_limiter_file *file,
    const struct hf_mapping *mapping, struct hf_error *error)
{
    struct hf_limiter limiter = {0};
    enum hf_status status = hf_limiter_configure(&limiter, options, error);
    if (status != HF_OK)
        return status;
    struct hf_attachment *made = hf_allocate(options->allocator, sizeof(*made), HF_CACHE_LINE);
    if (!made)
        return hf_error_add(
            error, HF_NO_MEMORY, 0, "no memory for a limiter of %zu bytes", sizeof(*made));
    *made = (struct hf_attachment){
        .limiter = limiter,
        .mapping = mapping,
        .file = NO_FILE,
        .clock = limiter.clock,
        .process = mapping->process(mapping->context),
        .allocator = options->allocator ? *options->allocator : *hf_allocator_libc(),
    };
    made->limiter.attachment = made;
    struct hf_error why = {0};
    status = attach(made, options, file, &why);
    if (status == HF_OK) {
        *attachment = made;
        return HF_OK;
    }
    hf_attachment_free(made);
    return hf_error_add(
        error, status, why.causes[0].code, "%s (%s)", hf_error_text(&why), file->path);
}
