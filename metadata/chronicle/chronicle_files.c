/* SPDX-License-Identifier: MIT
 *
 * Names, lists and walks of the chronicle's files; see chronicle_files.h. A walk has a stretch of the file in memory, at least one frame;
 * where that is none it looks for the next one, byte by byte, which costs nothing where nothing is damaged. */
#include "metadata/chronicle/chronicle_files.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "metadata/limits.h"
#include "metadata/meta_types.h"
#include "storage/base/io.h"

/* A frame that says "end". */
#define END_BYTES_MAX (CHRONICLE_FRAME_HEAD_BYTES + 16u)

/* ---- Names ---- */

void chronicle_file_name(char name[CHRONICLE_NAME_BYTES], const struct chronicle_file *file)
{
    uint64_t salt;

    memcpy(&salt, file->salt, sizeof(salt));
    (void)snprintf(name, CHRONICLE_NAME_BYTES, "%s-%016" PRIx64 "-%016" PRIx64,
                   file->is_base ? "base" : "log", file->number, salt);
}

bool chronicle_file_parse(const char *name, struct chronicle_file *file)
{
    char again[CHRONICLE_NAME_BYTES];
    uint64_t number, salt;
    bool is_base = strncmp(name, "base-", 5) == 0;

    if (!is_base && strncmp(name, "log-", 4) != 0)
        return false;
    if (sscanf(strchr(name, '-') + 1, "%16" SCNx64 "-%16" SCNx64, &number, &salt) != 2)
        return false;
    *file = (struct chronicle_file){.is_base = is_base, .number = number};
    memcpy(file->salt, &salt, sizeof(salt));
    chronicle_file_name(again, file);
    return strcmp(again, name) == 0; /* and nothing else: no ".new" */
}

/* ---- Lists ---- */

static int list_add(struct chronicle_list *list, int folder_fd, const char *name)
{
    struct chronicle_file file;
    struct stat st;

    if (!chronicle_file_parse(name, &file) || fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(st.st_mode))
        return 0;
    file.bytes = (uint64_t)st.st_size;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 16 : 2 * list->capacity;
        struct chronicle_file *grown = realloc(list->files, capacity * sizeof(*grown));

        if (grown == NULL)
            return -ENOMEM;
        list->files = grown;
        list->capacity = capacity;
    }
    list->files[list->count++] = file;
    return 0;
}

static int file_compare(const void *a, const void *b)
{
    const struct chronicle_file *first = a, *second = b;

    if (first->number != second->number)
        return first->number < second->number ? -1 : 1;
    return (int)second->is_base - (int)first->is_base;
}

/* NULL, and errno. */
static DIR *folder_walk(int folder_fd)
{
    int copy = io_open(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err;
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);

    if (dir == NULL && copy >= 0) {
        err = errno;
        (void)close(copy); /* nothing was written */
        errno = err;
    }
    return dir;
}

void chronicle_unfinished_clear(int folder_fd)
{
    DIR *dir = folder_walk(folder_fd);
    struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        size_t length = strlen(entry->d_name);

        if (strncmp(entry->d_name, "base-", 5) == 0 && length > 4 &&
            strcmp(entry->d_name + length - 4, ".new") == 0)
            (void)unlinkat(folder_fd, entry->d_name, 0); /* else it lies there, and is nobody's */
    }
    if (dir != NULL)
        (void)closedir(dir);
}

int chronicle_list_read(int folder_fd, struct chronicle_list *list)
{
    DIR *dir = folder_walk(folder_fd);
    struct dirent *entry;
    int err = 0;

    *list = (struct chronicle_list){NULL, 0, 0};
    if (dir == NULL)
        return -errno;
    while (err == 0 && (errno = 0, entry = readdir(dir)) != NULL)
        err = list_add(list, folder_fd, entry->d_name);
    if (err == 0)
        err = -errno;
    (void)closedir(dir);
    if (list->count > 0)
        qsort(list->files, list->count, sizeof(*list->files), file_compare);
    return err;
}

void chronicle_list_free(struct chronicle_list *list)
{
    free(list->files);
    *list = (struct chronicle_list){NULL, 0, 0};
}

size_t chronicle_list_first(const struct chronicle_list *list)
{
    for (size_t i = list->count; i > 0; i--)
        if (list->files[i - 1].is_base)
            return i - 1;
    return 0;
}

/* ---- Walks ---- */

struct walk {
    int fd;
    struct chronicle_place place; /* of `at` */
    uint64_t file_bytes;
    unsigned char *bytes, *at; /* the stretch in memory; how far it was passed */
    size_t length, capacity;   /* from `at` on; of the whole */
    const struct chronicle_visitor *visitor;
    struct chronicle_sum *sum;
    bool is_astray; /* inside damage, which was counted */
};

/* Has at least so many bytes from the place on in memory, if the file does. 0 or -ENOMEM. */
static int walk_fill(struct walk *walk, size_t wanted)
{
    uint64_t left = walk->file_bytes - walk->place.offset;

    if (wanted > left)
        wanted = (size_t)left;
    if (wanted <= walk->length)
        return 0;
    size_t bytes = wanted < CHRONICLE_READ_BYTES ? CHRONICLE_READ_BYTES : wanted;
    if (bytes > left)
        bytes = (size_t)left;
    if (bytes > walk->capacity) {
        unsigned char *grown = realloc(walk->bytes, bytes);

        if (grown == NULL)
            return -ENOMEM;
        walk->bytes = walk->at = grown;
        walk->capacity = bytes;
    }
    walk->at = walk->bytes;
    /* What the disk does not give reads as zeros, which are no frame. */
    if (read_whole(walk->fd, walk->bytes, bytes, walk->place.offset) != 0)
        memset(walk->bytes, 0, bytes);
    walk->length = bytes;
    return 0;
}

static void walk_pass(struct walk *walk, size_t bytes)
{
    assert(bytes <= walk->length);
    walk->length -= bytes;
    walk->at += bytes;
    walk->place.offset += bytes;
}

static void take_note(struct chronicle_sum *sum, const struct chronicle_entry *entry)
{
    const struct chronicle_value *values = entry->values;

    sum->has_end = entry->kind == CHRONICLE_END;
    if (entry->kind == CHRONICLE_END && entry->count == 1)
        sum->epoch = (uint64_t)values[0].number;
    if (entry->kind != CHRONICLE_STORE || entry->count != 2 || values[0].bytes.len != sizeof(sum->store))
        return;
    sum->has_store = true;
    memcpy(sum->store, values[0].bytes.base, sizeof(sum->store));
    if ((uint64_t)values[1].number > sum->epoch)
        sum->epoch = (uint64_t)values[1].number;
}

static int walk_entries(struct walk *walk, struct slice entries, int64_t time_ms)
{
    struct chronicle_entry entry;
    int found, err;

    while ((found = chronicle_entry_get(&entries, &entry)) > 0) {
        take_note(walk->sum, &entry);
        if (walk->visitor->entry != NULL &&
            (err = walk->visitor->entry(walk->visitor->ctx, &entry, time_ms)) != 0)
            return err;
    }
    if (found < 0) /* whole, and not understood */
        walk->sum->damaged++;
    return 0;
}

/* The frame at the place. 1: visited and passed; 0: there is none; or an error. */
static int walk_frame(struct walk *walk)
{
    size_t length;
    int64_t time_ms;
    int err;

    if (walk->length < CHRONICLE_FRAME_HEAD_BYTES || !chronicle_frame_look(walk->at, &length, &time_ms) ||
        length > CHRONICLE_FRAME_BYTES_MAX ||
        length > walk->file_bytes - walk->place.offset - CHRONICLE_FRAME_HEAD_BYTES)
        return 0;
    if ((err = walk_fill(walk, CHRONICLE_FRAME_HEAD_BYTES + length)) != 0)
        return err;
    if (!chronicle_frame_is_whole(walk->at, length, &walk->place))
        return 0;
    walk->sum->frames++;
    walk->sum->last_ms = time_ms;
    walk->is_astray = false;
    err = walk_entries(walk, slice_of(walk->at + CHRONICLE_FRAME_HEAD_BYTES, length), time_ms);
    walk_pass(walk, CHRONICLE_FRAME_HEAD_BYTES + length);
    return err != 0 ? err : 1;
}

/* To where the next frame may be. */
static void walk_search(struct walk *walk)
{
    size_t length;
    int64_t time_ms;
    size_t at = 1;

    if (!walk->is_astray) {
        walk->is_astray = true;
        walk->sum->damaged++;
        walk->sum->has_end = false;
    }
    while (at + CHRONICLE_FRAME_HEAD_BYTES <= walk->length &&
           !chronicle_frame_look(walk->at + at, &length, &time_ms))
        at++;
    if (at + CHRONICLE_FRAME_HEAD_BYTES > walk->length &&
        walk->place.offset + walk->length == walk->file_bytes)
        at = walk->length; /* too little is left */
    walk_pass(walk, at < walk->length ? at : walk->length);
}

bool chronicle_file_ends(int folder_fd, const struct chronicle_file *file, uint64_t *epoch)
{
    unsigned char tail[END_BYTES_MAX];
    char name[CHRONICLE_NAME_BYTES];
    size_t length = file->bytes < sizeof(tail) ? (size_t)file->bytes : sizeof(tail);
    struct chronicle_entry entry;
    bool ends = false;

    chronicle_file_name(name, file);
    int fd = io_open(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    if (read_whole(fd, tail, length, file->bytes - length) != 0)
        length = 0;
    (void)close(fd); /* nothing was written */
    for (size_t at = 0; !ends && at + CHRONICLE_FRAME_HEAD_BYTES < length; at++) {
        size_t bytes = length - at - CHRONICLE_FRAME_HEAD_BYTES, announced;
        struct chronicle_place place = {.number = file->number, .offset = file->bytes - (length - at)};
        struct slice entries = slice_of(tail + at + CHRONICLE_FRAME_HEAD_BYTES, bytes);
        int64_t time_ms;

        memcpy(place.salt, file->salt, sizeof(place.salt));
        ends = chronicle_frame_look(tail + at, &announced, &time_ms) && announced == bytes &&
               chronicle_frame_is_whole(tail + at, bytes, &place) &&
               chronicle_entry_get(&entries, &entry) == 1 && entry.kind == CHRONICLE_END && entry.count == 1;
    }
    *epoch = ends ? (uint64_t)entry.values[0].number : 0;
    return ends;
}

int chronicle_file_walk(int folder_fd, const struct chronicle_file *file,
                        const struct chronicle_visitor *visitor, struct chronicle_sum *sum)
{
    struct walk walk = {.place = {.number = file->number}, .visitor = visitor, .sum = sum};
    char name[CHRONICLE_NAME_BYTES];
    struct stat st;
    int err = 0;

    *sum = (struct chronicle_sum){.has_end = false};
    memcpy(walk.place.salt, file->salt, sizeof(file->salt));
    chronicle_file_name(name, file);
    if ((walk.fd = io_open(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) < 0)
        return -errno;
    if (fstat(walk.fd, &st) != 0)
        err = -errno;
    walk.file_bytes = err == 0 ? (uint64_t)st.st_size : 0;
    while (err == 0 && walk.place.offset < walk.file_bytes) {
        if ((err = walk_fill(&walk, CHRONICLE_FRAME_HEAD_BYTES)) != 0)
            break;
        int found = walk_frame(&walk);
        if (found == 0)
            walk_search(&walk);
        err = found < 0 ? found : 0;
    }
    if (walk.is_astray && sum->damaged > 0)
        sum->damaged--; /* a torn end: what a crash leaves */
    free(walk.bytes);
    (void)close(walk.fd); /* nothing was written */
    return err;
}
