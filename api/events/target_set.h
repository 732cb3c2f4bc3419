/* SPDX-License-Identifier: MIT
 *
 * What a file of targets comes to: a set that is read as a whole and shared by reference. The owner's struct begins with a target_set, and what it
 * holds is the owner's; any thread may look at it, and none changes it. */
#ifndef API_EVENTS_TARGET_SET_H
#define API_EVENTS_TARGET_SET_H

#include "api/events/target_file.h"

struct target_set;

struct target_set_form {
    struct target_file_calls calls; /* their file->ctx is the set */
    size_t bytes;                   /* of the owner's struct, which begins as zeros */
    /* Frees what the set holds, but not the set; also where reading it failed halfway. */
    void (*release)(struct target_set *set);
};

struct target_set {
    const struct target_set_form *form;
    unsigned references; /* atomic */
};

/* Where a set comes from. */
struct target_source {
    const char *path; /* what the log calls it, too */
    const char *text; /* NULL: it is read from the path */
    size_t length;
    log_fn log; /* may be NULL */
    void *log_ctx;
};

/* 0, -EBADMSG (said in the log, with its line), or an errno, said as well where the file is to blame. The reference is the caller's. */
int target_set_read(struct target_set **set, const struct target_set_form *form,
                    const struct target_source *source);
void target_set_ref(struct target_set *set);
/* The last one wipes and frees. NULL allowed. */
void target_set_unref(struct target_set *set);

#endif
