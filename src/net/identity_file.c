/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <holdfast/identity.h>
#include <holdfast/random.h>

#include "net/crypto.h"
#include "net/key.h"

/* What the name of a file not yet whole has behind the path: a dot, and 64 bits in hexadecimal, so
 * that two who save at once, or one who comes after a crash, do not write into the same file. */
#define SUFFIX_BYTES 17

/* So much of a path is quoted, so that what is wrong with the file still fits behind. */
#define FILE_FORMAT "identity file \"%.90s\""

static enum hf_status refuse_file(
    const char *path, int code, const char *did, struct hf_error *error)
{
    return hf_error_add(error, HF_IO, code, FILE_FORMAT ": %s: %s", path, did, strerror(code));
}

static enum hf_status name_temporary(const char *path, char *name, struct hf_error *error)
{
    if (strlen(path) >= HF_IDENTITY_PATH_BYTES_MAX)
        return hf_error_add(error, HF_INVALID, 0, "path: %zu bytes are too many (at most %d)",
            strlen(path), HF_IDENTITY_PATH_BYTES_MAX - 1);
    uint64_t number;
    enum hf_status status = hf_random_system_bytes(&number, sizeof(number), error);
    if (status == HF_OK)
        sprintf(name, "%s.%016" PRIx64, path, number);
    return status;
}

/* Opened anew after it was written or renamed, a file that is synced has its name on disk too. */
static int append_and_sync(const struct hf_files *files, const char *path, struct hf_bytes bytes)
{
    intptr_t file;
    uint64_t size_bytes;
    size_t written;
    int code = files->open(files->context, path, &file, &size_bytes);
    if (code != 0)
        return code;
    if (bytes.size > 0)
        code = size_bytes > 0
                   ? EEXIST
                   : files->append(files->context, file, bytes.data, bytes.size, &written);
    if (code == 0)
        code = files->sync(files->context, file);
    int closed = files->close(files->context, file);
    return code != 0 ? code : closed;
}

static enum hf_status save(
    const struct hf_files *files, const char *path, struct hf_bytes message, struct hf_error *error)
{
    char temporary[HF_IDENTITY_PATH_BYTES_MAX + SUFFIX_BYTES];
    enum hf_status status = name_temporary(path, temporary, error);
    if (status != HF_OK)
        return status;
    int code = append_and_sync(files, temporary, message);
    if (code != 0) {
        files->remove(files->context, temporary);
        return refuse_file(path, code, "cannot write it", error);
    }
    code = files->rename(files->context, temporary, path);
    if (code != 0) {
        files->remove(files->context, temporary);
        return refuse_file(
            path, code, code == EEXIST ? "there is one already" : "cannot give it its name", error);
    }
    code = append_and_sync(files, path, hf_bytes(NULL, 0));
    return code == 0 ? HF_OK : refuse_file(path, code, "may be lost in a crash", error);
}

enum hf_status hf_identity_save(const struct hf_identity *identity, const char *path,
    const struct hf_files *files, struct hf_error *error)
{
    uint8_t message[HF_IDENTITY_PRIVATE_BYTES];
    if (!path)
        return hf_error_add(error, HF_INVALID, 0, "path: NULL");
    if (hf_identity_write_private(identity, message) != HF_OK)
        return hf_error_add(error, HF_INVALID, 0, "identity: %s", identity ? "none" : "NULL");
    enum hf_status status =
        save(files ? files : hf_files_system(), path, hf_bytes(message, sizeof(message)), error);
    hf_erase(message, sizeof(message));
    return status;
}

/* O_NONBLOCK: opening a FIFO must not wait for its other end. */
static enum hf_status open_file(const char *path, int *file, struct hf_error *error)
{
    int opened = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (opened >= 0) {
        *file = opened;
        return HF_OK;
    }
    if (errno != ENOENT)
        return refuse_file(path, errno, "cannot open it", error);
    return hf_error_add(error, HF_NOT_FOUND, ENOENT, FILE_FORMAT ": not found", path);
}

/* Access by a list shows in the bits of the group, so that those tell of every other user. */
static enum hf_status check_file(const char *path, int file, struct hf_error *error)
{
    struct stat about;
    if (fstat(file, &about) != 0)
        return refuse_file(path, errno, "cannot look at it", error);
    if (!S_ISREG(about.st_mode))
        return hf_error_add(error, HF_IO, 0, FILE_FORMAT ": not a regular file", path);
    unsigned mode = about.st_mode & 07777u;
    if (mode & 077u)
        return hf_error_add(error, HF_IO, EACCES,
            FILE_FORMAT ": its mode %04o lets others use it (should be 0600)", path, mode);
    return HF_OK;
}

/* 0 or errno; *got is less than size_bytes at the end of the file only. */
static int read_up_to(int file, uint8_t *data, size_t size_bytes, size_t *got)
{
    *got = 0;
    while (*got < size_bytes) {
        ssize_t step = read(file, data + *got, size_bytes - *got);
        if (step < 0 && errno == EINTR)
            continue;
        if (step <= 0)
            return step < 0 ? errno : 0;
        *got += (size_t)step;
    }
    return 0;
}

/* One byte more than any key has is asked for, so that a longer file does not pass for one. */
static enum hf_status read_file(
    struct hf_identity *identity, const char *path, int file, struct hf_error *error)
{
    uint8_t message[HF_ED25519_PRIVATE_BYTES_MAX + 1];
    size_t size;
    int code = read_up_to(file, message, sizeof(message), &size);
    if (code != 0)
        return refuse_file(path, code, "cannot read it", error);
    enum hf_status status = hf_identity_decode(identity, hf_bytes(message, size), error);
    hf_erase(message, sizeof(message));
    if (status == HF_OK)
        return HF_OK;
    return hf_error_add(error, status, 0, FILE_FORMAT ": holds no Ed25519 key", path);
}

enum hf_status hf_identity_load(
    struct hf_identity *identity, const char *path, struct hf_error *error)
{
    if (!identity)
        return hf_error_add(error, HF_INVALID, 0, "identity: NULL");
    hf_identity_fini(identity);
    if (!path)
        return hf_error_add(error, HF_INVALID, 0, "path: NULL");
    int file = -1;
    enum hf_status status = open_file(path, &file, error);
    if (status != HF_OK)
        return status;
    status = check_file(path, file, error);
    if (status == HF_OK)
        status = read_file(identity, path, file, error);
    close(file);
    return status;
}
