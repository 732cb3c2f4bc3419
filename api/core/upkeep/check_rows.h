/* SPDX-License-Identifier: MIT
 *
 * The rows of a check, which have nothing to do with bytes: whether the database holds together, and how many objects there are. Of a closed
 * store that goes on beside the reading of its bytes, by a thread with a reader of its own: the one needs the CPU and the other the disk. */
#ifndef API_CORE_UPKEEP_CHECK_ROWS_H
#define API_CORE_UPKEEP_CHECK_ROWS_H

#include "metadata/meta.h"

struct check_rows_result {
    int error; /* 0, -ECANCELED or another: then the rest was not looked at */
    uint64_t objects;
    uint64_t compared; /* rows, with what the chronicle told of them */
};

/* On the caller's thread. meta: NULL: rows are compared with nothing. settle: meta_compare's. finding: told of each, with a text that is valid during the call. is_over: asked often; true ends it. NULL: nobody is. */
struct check_rows_result check_rows(struct meta *meta, struct meta_reader *reader, int (*settle)(void *ctx),
                                    void (*finding)(void *ctx, const char *text), bool (*is_over)(void *ctx),
                                    void *ctx);

/* The same on a thread of its own. Findings wait until the caller asks for them, so that nobody is called from a thread that he does not know; a
 * few of them, then the thread waits. One thread calls all three. */
struct check_rows_thread;

/* 0, or an error: then nothing was begun. meta: outlives it. compares: rows are compared with the chronicle, which is to be left out where the next start
 * has to recover: what it told may be in the journal alone. */
int check_rows_begin(struct check_rows_thread **thread, struct meta *meta, bool compares);
/* Tells what was found meanwhile. The thread's error, if it has ended with one. */
int check_rows_take(struct check_rows_thread *thread, void (*finding)(void *ctx, const char *text),
                    void *ctx);
/* Waits until it is over, and tells the rest. is_wanted false: it ends soon, and finds nothing more. */
struct check_rows_result check_rows_end(struct check_rows_thread *thread, bool is_wanted,
                                        void (*finding)(void *ctx, const char *text), void *ctx);

#endif
