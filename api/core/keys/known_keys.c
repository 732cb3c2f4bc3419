/* SPDX-License-Identifier: MIT
 *
 * The file of known keys; see known_keys.h. A line is a name, a blank and the mark in hexadecimal digits. It is written aside and takes the name of the
 * old one: whoever finds the name finds all of it. */
#include "api/core/keys/known_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/core/core_internal.h"
#include "api/core/keys/key_ring.h"
#include "storage/base/text/hex.h"
#include "storage/base/io.h"
#include "storage/seal/seal_box.h"

#define NEW_NAME   KNOWN_KEYS_NAME ".new"
#define MARK_HEX   (2u * SEAL_MARK_BYTES)
#define LINE_BYTES (KEY_NAME_BYTES_MAX + 1u + MARK_HEX + 1u)
/* Those that are forgotten by nobody add up: a store that has seen so many keys is told no more of new ones. */
#define KNOWN_MAX 256u

struct known {
    char name[KEY_NAME_BYTES_MAX + 1], mark[MARK_HEX + 1];
    bool is_here; /* in the ring */
};

struct meeting {
    struct core *core;
    unsigned count;
    bool is_new, is_wrong;
    struct known list[KNOWN_MAX];
    char text[KNOWN_MAX * LINE_BYTES];
};

/* ---- The file ---- */

static void read_lines(struct meeting *meeting, size_t length)
{
    size_t at = 0;

    while (at < length && meeting->count < KNOWN_MAX) {
        const char *line = meeting->text + at, *end = memchr(line, '\n', length - at);
        size_t size = end != NULL ? (size_t)(end - line) : length - at;
        const char *blank = memchr(line, ' ', size);
        struct known *known = &meeting->list[meeting->count];
        size_t name = blank != NULL ? (size_t)(blank - line) : 0;

        at += size + 1;
        if (name == 0 || name > KEY_NAME_BYTES_MAX || size - name - 1 != MARK_HEX)
            continue; /* not ours */
        memcpy(known->name, line, name);
        memcpy(known->mark, blank + 1, MARK_HEX);
        meeting->count++;
    }
}

static int read_file(struct meeting *meeting)
{
    int fd = io_open(core_folder_fd(meeting->core), KNOWN_KEYS_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t length;

    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    length = read_up_to(fd, meeting->text, sizeof(meeting->text), 0);
    (void)close(fd); /* was only read from */
    if (length < 0)
        return (int)length;
    read_lines(meeting, (size_t)length);
    return 0;
}

static size_t write_lines(struct meeting *meeting)
{
    size_t length = 0;

    for (unsigned i = 0; i < meeting->count; i++)
        length += (size_t)snprintf(meeting->text + length, sizeof(meeting->text) - length, "%s %s\n",
                                   meeting->list[i].name, meeting->list[i].mark);
    return length;
}

static int write_file(struct meeting *meeting)
{
    int folder = core_folder_fd(meeting->core), err = 0;
    size_t length = write_lines(meeting);
    int fd = io_open(folder, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return -errno;
    if ((err = write_whole(fd, meeting->text, length, 0)) == 0 && fsync(fd) != 0)
        err = -errno;
    if (close(fd) != 0 && err == 0)
        err = -errno;
    if (err == 0 && renameat(folder, NEW_NAME, folder, KNOWN_KEYS_NAME) != 0)
        err = -errno;
    if (err == 0 && fsync(folder) != 0)
        err = -errno;
    if (err != 0)
        (void)unlinkat(folder, NEW_NAME, 0); /* the next try makes it anew otherwise */
    return err;
}

/* ---- Meeting ---- */

static void meet(void *ctx, const char *name, const struct seal_key *key)
{
    struct meeting *meeting = ctx;
    unsigned char mark[SEAL_MARK_BYTES];
    char text[MARK_HEX + 1] = "";
    struct known *known = NULL;

    if (seal_key_mark(key, mark) != 0)
        return;
    hex_encode(mark, sizeof(mark), text);
    for (unsigned i = 0; i < meeting->count && known == NULL; i++)
        if (strcmp(meeting->list[i].name, name) == 0)
            known = &meeting->list[i];
    if (known == NULL && meeting->count < KNOWN_MAX) {
        known = &meeting->list[meeting->count++];
        strcpy(known->name, name);
        memcpy(known->mark, text, MARK_HEX);
        known->mark[MARK_HEX] = '\0';
        meeting->is_new = true;
    }
    if (known == NULL)
        return;
    known->is_here = true;
    if (memcmp(known->mark, text, MARK_HEX) == 0)
        return;
    meeting->is_wrong = true;
    core_log(meeting->core, LOG_LEVEL_ERROR,
             "the encryption key %s is not the one that it was: what is under that one would be lost, so "
             "give a new key a new name",
             name);
}

static void tell_missing(const struct meeting *meeting)
{
    for (unsigned i = 0; i < meeting->count; i++)
        if (!meeting->list[i].is_here)
            core_log(meeting->core, LOG_LEVEL_WARNING,
                     "the encryption key %s, which this store has had, is missing: objects that are under it "
                     "cannot be read "
                     "(sluice rekey forgets it when there are none)",
                     meeting->list[i].name);
}

static int meeting_begin(struct meeting *meeting, struct core *core)
{
    int err;

    *meeting = (struct meeting){.core = core};
    if ((err = read_file(meeting)) != 0)
        core_log(core, LOG_LEVEL_WARNING, KNOWN_KEYS_NAME " cannot be read: %s", strerror(-err));
    if (core_keys(core) != NULL)
        key_ring_each(core_keys(core), meet, meeting);
    return err;
}

static void meeting_save(struct meeting *meeting)
{
    int err = core_is_read_only(meeting->core) ? 0 : write_file(meeting);

    if (err != 0)
        core_log(meeting->core, LOG_LEVEL_WARNING, KNOWN_KEYS_NAME " cannot be written: %s", strerror(-err));
}

int known_keys_meet(struct core *core)
{
    struct meeting *meeting = malloc(sizeof(*meeting));
    int err;

    if (meeting == NULL)
        return -ENOMEM;
    err = meeting_begin(meeting, core);
    tell_missing(meeting);
    if (err == 0 && meeting->is_new && !meeting->is_wrong)
        meeting_save(meeting);
    err = meeting->is_wrong ? -EKEYREJECTED : 0;
    free(meeting);
    return err;
}

void known_keys_forget(struct core *core)
{
    struct meeting *meeting = malloc(sizeof(*meeting));
    unsigned kept = 0;

    if (meeting == NULL)
        return; /* it is told of once more */
    if (meeting_begin(meeting, core) == 0 && !meeting->is_wrong) {
        for (unsigned i = 0; i < meeting->count; i++)
            if (meeting->list[i].is_here)
                meeting->list[kept++] = meeting->list[i];
        if (kept < meeting->count || meeting->is_new) {
            meeting->count = kept;
            meeting_save(meeting);
        }
    }
    free(meeting);
}
