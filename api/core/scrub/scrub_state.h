/* SPDX-License-Identifier: MIT
 *
 * How far a round has come, kept over restarts: DATA/scrub, a short record with a checksum, replaced as a whole. One that is missing, torn,
 * of another form or says what cannot be counts as none: then a round begins anew, and nothing is lost but time. One thread; blocks. */
#ifndef API_CORE_SCRUB_STATE_H
#define API_CORE_SCRUB_STATE_H

#include "metadata/meta.h"

#define SCRUB_STATE_NAME "scrub"

struct scrub_state {
    /* the round under way; 0: none is */
    int64_t began_ms;
    struct meta_extent_cursor cursor;
    uint64_t units, bytes; /* looked at */
    uint64_t findings, mended;
    /* the last that came to its end; ended_ms 0: none has */
    int64_t ended_ms;
    uint64_t ended_units, ended_bytes, ended_findings, ended_mended;
};

/* Never fails: what cannot be read is none. */
void scrub_state_read(int folder_fd, struct scrub_state *state);
/* 0 or a negative errno: the one before stays. */
int scrub_state_write(int folder_fd, const struct scrub_state *state);

/* A file of the folder, replaced as a whole: after a crash it is the one before or this one. 0 or a negative errno. */
int scrub_file_replace(int folder_fd, const char *name, const void *bytes, size_t length);

#endif
