/* SPDX-License-Identifier: MIT
 *
 * See folder.h. */
#include "api/import/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "storage/base/io.h"

#define KEY_FILE      "xl.meta"
#define KEY_FILE_OLD  "xl.json"
#define FOLDER_SUFFIX "__XLDIR__" /* of the folder of a key that ends with a slash */

/* ---- What the folder is ---- */

int folder_read(int folder, const char *name, size_t bytes_max, struct slice *bytes)
{
    int fd = io_open(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), err = 0;
    struct stat status;
    char *memory = NULL;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &status) != 0)
        err = -errno;
    else if (!S_ISREG(status.st_mode))
        err = -EINVAL;
    else if ((uint64_t)status.st_size > bytes_max)
        err = -EFBIG;
    else if ((memory = malloc((size_t)status.st_size + 1)) == NULL)
        err = -ENOMEM;
    else
        err = read_whole(fd, memory, (size_t)status.st_size, 0);
    (void)close(fd);
    if (err != 0) {
        free(memory);
        return err;
    }
    *bytes = slice_of(memory, (size_t)status.st_size);
    return 0;
}

/* How many drives there are; -1: it does not say. */
static long drives_of(const json_t *format)
{
    const json_t *sets = json_object_get(json_object_get(format, "xl"), "sets");
    long drives = 0;

    if (!json_is_array(sets))
        return -1;
    for (size_t i = 0; i < json_array_size(sets); i++)
        drives += (long)json_array_size(json_array_get(sets, i));
    return drives;
}

static int format_judge(const json_t *format, char why[IMPORT_WHY_BYTES])
{
    const char *kind = json_string_value(json_object_get(format, "format"));
    const char *version = json_string_value(json_object_get(json_object_get(format, "xl"), "version"));
    long drives = drives_of(format);

    if (kind != NULL && strcmp(kind, "fs") == 0)
        (void)snprintf(
            why, IMPORT_WHY_BYTES,
            "it is of the file system mode that MinIO had until 2022; sluice mirror copies it from a "
            "running server");
    else if (kind == NULL || strncmp(kind, "xl", 2) != 0 || drives < 1)
        (void)snprintf(why, IMPORT_WHY_BYTES, "its format.json is of a form that is not known");
    else if (drives > 1)
        (void)snprintf(
            why, IMPORT_WHY_BYTES,
            "it is one of %ld drives, and objects lie in pieces on all of them; sluice mirror copies "
            "them from a running server",
            drives);
    else if (version == NULL || strcmp(version, "3") != 0)
        (void)snprintf(why, IMPORT_WHY_BYTES, "its format.json is of version %.16s, and 3 is what is read",
                       version != NULL ? version : "none");
    else
        return 0;
    return -ENOTSUP;
}

int folder_open(const char *path, char why[IMPORT_WHY_BYTES])
{
    int folder = io_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err;
    struct slice text;
    json_t *format;

    if (folder < 0) {
        err = -errno;
        (void)snprintf(why, IMPORT_WHY_BYTES, "%s", strerror(-err));
        return err;
    }
    err = folder_read(folder, FOLDER_SYSTEM "/format.json", FORMAT_BYTES_MAX, &text);
    if (err != 0) {
        (void)snprintf(why, IMPORT_WHY_BYTES,
                       "it is no data folder of MinIO: " FOLDER_SYSTEM "/format.json: %s", strerror(-err));
    } else if ((format = json_loadb(text.base, text.len, 0, NULL)) == NULL) {
        (void)snprintf(why, IMPORT_WHY_BYTES, "its format.json is damaged");
        err = -EBADMSG;
        free((void *)text.base);
    } else {
        err = format_judge(format, why);
        json_decref(format);
        free((void *)text.base);
    }
    if (err == 0)
        return folder;
    (void)close(folder);
    return err;
}

/* ---- Walks ---- */

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Some file systems do not tell. */
static unsigned char type_of(int folder, const struct dirent *entry)
{
    struct stat status;

    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type;
    if (fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return DT_UNKNOWN;
    return S_ISDIR(status.st_mode) ? DT_DIR : S_ISREG(status.st_mode) ? DT_REG : DT_LNK;
}

/* A stream of its own; NULL: errno tells. */
static DIR *stream_open(int folder, const char *name)
{
    int fd = io_open(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;

    if (stream == NULL && fd >= 0) {
        int err = errno;
        (void)close(fd);
        errno = err;
    }
    return stream;
}

int folder_list(int folder, int (*visit)(void *ctx, const char *name), void *ctx)
{
    DIR *stream = stream_open(folder, ".");
    struct dirent *entry;
    int result = 0;

    if (stream == NULL)
        return -errno;
    while (result == 0 && (errno = 0, entry = readdir(stream)) != NULL)
        if (!is_dot(entry->d_name) && type_of(folder, entry) == DT_DIR)
            result = visit(ctx, entry->d_name);
    if (result == 0 && errno != 0)
        result = -errno;
    (void)closedir(stream);
    return result;
}

struct walk {
    const struct folder_visitor *visitor;
    char path[FOLDER_PATH_BYTES + 1]; /* from the bucket on; ends with a slash unless it is empty */
    size_t length;
    unsigned depth;
};

static int visit_key(struct walk *walk)
{
    size_t suffix = strlen(FOLDER_SUFFIX), length = walk->length - 1;
    char key[FOLDER_PATH_BYTES + 1], path[FOLDER_PATH_BYTES + 1];

    memcpy(path, walk->path, length);
    path[length] = '\0';
    memcpy(key, path, length + 1);
    if (length > suffix && strcmp(key + length - suffix, FOLDER_SUFFIX) == 0)
        strcpy(key + length - suffix, "/");
    return walk->visitor->key(walk->visitor->ctx, path, key);
}

static int visit_stray(struct walk *walk, const char *name, const char *why)
{
    char path[FOLDER_PATH_BYTES + 256 + 2];

    (void)snprintf(path, sizeof(path), "%s%.256s", walk->path, name);
    return walk->visitor->stray(walk->visitor->ctx, path, why);
}

static int walk_folder(struct walk *walk, DIR *stream);

static int walk_into(struct walk *walk, DIR *stream, const char *name)
{
    size_t length = strlen(name), before = walk->length;
    DIR *inner;
    int result;

    if (walk->depth >= FOLDER_DEPTH_MAX || walk->length + length + 1 > FOLDER_PATH_BYTES)
        return visit_stray(walk, name, "it lies deeper than any key");
    if ((inner = stream_open(dirfd(stream), name)) == NULL)
        return visit_stray(walk, name, strerror(errno));
    memcpy(walk->path + walk->length, name, length);
    strcpy(walk->path + walk->length + length, "/");
    walk->length += length + 1;
    walk->depth++;
    result = walk_folder(walk, inner);
    walk->depth--;
    walk->length = before;
    walk->path[before] = '\0';
    return result;
}

static int walk_entry(struct walk *walk, DIR *stream, const struct dirent *entry)
{
    unsigned char type = type_of(dirfd(stream), entry);

    if (type == DT_DIR)
        return walk_into(walk, stream, entry->d_name);
    if (type == DT_REG && walk->length > 0 && strcmp(entry->d_name, KEY_FILE) == 0)
        return visit_key(walk);
    if (type == DT_REG && strcmp(entry->d_name, KEY_FILE_OLD) == 0)
        return visit_stray(walk, "", "it is of the form that MinIO had before 2020");
    if (type == DT_LNK)
        return visit_stray(walk, entry->d_name, "it is neither a file nor a folder");
    return 0; /* the bytes of versions */
}

/* Takes the stream over. */
static int walk_folder(struct walk *walk, DIR *stream)
{
    struct dirent *entry;
    int result = 0;

    while (result == 0 && (errno = 0, entry = readdir(stream)) != NULL)
        if (!is_dot(entry->d_name))
            result = walk_entry(walk, stream, entry);
    if (result == 0 && errno != 0)
        result = -errno;
    (void)closedir(stream);
    return result;
}

int folder_walk(int bucket, const struct folder_visitor *visitor)
{
    struct walk *walk = calloc(1, sizeof(*walk));
    DIR *stream;
    int result;

    if (walk == NULL)
        return -ENOMEM;
    walk->visitor = visitor;
    stream = stream_open(bucket, ".");
    result = stream == NULL ? -errno : walk_folder(walk, stream);
    free(walk);
    return result;
}
