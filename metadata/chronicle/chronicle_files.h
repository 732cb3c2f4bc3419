/* SPDX-License-Identifier: MIT
 *
 * The chronicle's files: what they are called, which there are, and what is in one.
 *
 *   log-0000000000000003-91be...      what happened since the base of that number, or a later one, began
 *   base-0000000000000003-07c1...     all rows, as they were while log 3 was being written
 *
 * The name ends in the salt of the file's checksums. Everything here blocks. Private to metadata/. */
#ifndef METADATA_CHRONICLE_CHRONICLE_FILES_H
#define METADATA_CHRONICLE_CHRONICLE_FILES_H

#include "metadata/chronicle/chronicle_form.h"

#define CHRONICLE_NAME_BYTES  64u
#define CHRONICLE_STORE_BYTES 16u

struct chronicle_file {
    bool is_base;
    uint64_t number;
    unsigned char salt[CHRONICLE_SALT_BYTES];
    uint64_t bytes;
};

struct chronicle_list {
    struct chronicle_file *files; /* ascending numbers; of one number the base first */
    size_t count, capacity;
};

void chronicle_file_name(char name[CHRONICLE_NAME_BYTES], const struct chronicle_file *file);
/* False: it is another's, or one that was not finished. */
bool chronicle_file_parse(const char *name, struct chronicle_file *file);

/* 0, also where there is no such folder; -ENOMEM or another negative errno. The list is to be freed either way. */
int chronicle_list_read(int folder_fd, struct chronicle_list *list);
void chronicle_list_free(struct chronicle_list *list);
/* Removes bases that were begun and not finished, by a process that is no more. */
void chronicle_unfinished_clear(int folder_fd);
/* The first file of those from which all rows can be made: the newest base, or, where there is none, the oldest log. The logs before the
 * base say nothing more. Returns its place in the list; count: there is none. */
size_t chronicle_list_first(const struct chronicle_list *list);

/* What a file came to. */
struct chronicle_sum {
    bool has_end;   /* its last frame says that nothing is missing */
    uint64_t epoch; /* the latest that it names */
    bool has_store; /* it says whose it is: */
    unsigned char store[CHRONICLE_STORE_BYTES];
    uint64_t frames, damaged; /* stretches that are no frames, the end apart if it is only torn */
    int64_t last_ms;          /* the time of the last frame */
};

struct chronicle_visitor {
    /* 0, or what stops the walk and is returned. May be NULL. time_ms: when it was written. */
    int (*entry)(void *ctx, const struct chronicle_entry *entry, int64_t time_ms);
    void *ctx;
};

/* Whether the file's last frame says that nothing is missing; *epoch: which it names. Reads that frame alone. */
bool chronicle_file_ends(int folder_fd, const struct chronicle_file *file, uint64_t *epoch);

/* Visits the entries of a file in their order, and passes over what is damaged. 0, what the visitor returned, -ENOMEM, or the negative errno
 * of opening it; what cannot be read counts as damage. */
int chronicle_file_walk(int folder_fd, const struct chronicle_file *file,
                        const struct chronicle_visitor *visitor, struct chronicle_sum *sum);

#endif
