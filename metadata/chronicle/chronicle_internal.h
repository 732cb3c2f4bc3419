/* SPDX-License-Identifier: MIT
 *
 * What chronicle.c and chronicle_base.c share. Private to metadata/chronicle/. */
#ifndef METADATA_CHRONICLE_CHRONICLE_INTERNAL_H
#define METADATA_CHRONICLE_CHRONICLE_INTERNAL_H

#include <pthread.h>

#include "metadata/chronicle/chronicle.h"
#include "metadata/limits.h"
#include "metadata/meta_types.h"

/* A file that is being written. */
struct chronicle_out {
    int fd; /* -1: none */
    struct chronicle_file file;
    bool is_unsynced;
};

/* Frames that are not written yet: until they are sealed, a head begins with the length of its entries. */
struct chronicle_frames {
    struct chronicle_buffer buffer;
    size_t last; /* where the last one begins */
};

struct chronicle {
    const struct meta *meta;
    struct chronicle_options options;
    int folder_fd;
    pthread_t thread;

    pthread_mutex_t mutex;           /* for all below */
    pthread_cond_t wake;             /* the thread; of CLOCK_MONOTONIC */
    pthread_cond_t written;          /* is_writing has ended */
    struct chronicle_frames pending; /* what waits */
    struct chronicle_frames spare;   /* its memory, while it is written */
    uint64_t pending_ms;             /* since when */
    bool is_writing;                 /* somebody uses `log` and `number` without the mutex */
    bool is_closing;
    bool is_complete; /* the files tell all, but for what is torn */
    bool is_torn;     /* something is missing since the log began */
    int error;
    struct chronicle_out log;
    uint64_t number; /* of the last file */
    uint64_t base_bytes, log_bytes, rows;
    bool wants_sync;            /* the log; with log_bytes: what is known of it while somebody writes */
    uint64_t sync_ms, retry_ms; /* not before */
};

struct chronicle_base {
    struct chronicle *chronicle;
    struct chronicle_out out;
    struct chronicle_frames frames;
    uint64_t rows, begin_ms; /* since it rested last, and told so far */
};

/* The name gets ".new" where it is a base. 0 or a negative errno. */
int chronicle_out_open(struct chronicle_out *out, int folder_fd, bool is_base, uint64_t number);
int chronicle_out_close(struct chronicle_out *out);
/* Seals and writes the frames, which are none then, whether it failed or not. */
int chronicle_out_write(struct chronicle_out *out, struct chronicle_frames *frames);
/* One frame with one entry. */
int chronicle_out_say(struct chronicle_out *out, enum chronicle_kind kind,
                      const struct chronicle_value *values, unsigned count);
int chronicle_out_sync(struct chronicle_out *out);
/* False: no memory, or more than a frame can hold. */
bool chronicle_frames_add(struct chronicle_frames *frames, struct slice entries);

/* Whoever calls these two is the only one to write. 0 or an error. */
int chronicle_log_begin(struct chronicle *chronicle);
int chronicle_log_end(struct chronicle *chronicle);
/* The mutex is held; the first gives it up meanwhile. */
void chronicle_flush(struct chronicle *chronicle);
void chronicle_log_note(struct chronicle *chronicle);
void chronicle_failed(struct chronicle *chronicle, int err);
/* The thread's; the mutex is held, and given up meanwhile. */
void chronicle_base_make(struct chronicle *chronicle);

#endif
