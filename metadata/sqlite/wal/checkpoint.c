/* SPDX-License-Identifier: MIT
 *
 * The checkpoint thread and the writer's side of it; checkpoint.h tells the idea. The state is the only thing
 * that both threads touch, under the mutex. */
#include "metadata/sqlite/wal/checkpoint.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "storage/base/thread.h"

enum checkpoint_state {
    CHECKPOINT_IDLE,
    CHECKPOINT_RUNNING, /* the thread's turn */
    CHECKPOINT_TAIL,    /* the writer's turn */
};

struct meta_checkpoint {
    struct meta *meta;
    void (*nudge)(void *ctx);
    void *nudge_ctx;
    sqlite3 *writer; /* the committer's thread only */
    int frames;      /* pages in the log after the last commit; the committer's thread only */
    int moved;       /* of these, in the database, or thought to be; the committer's thread only */
    int frames_next; /* start again when there are so many; the committer's thread only */

    sqlite3 *db; /* the checkpoint thread's */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake, rested;
    enum checkpoint_state state;
    int last_error; /* so that a full disk is told once, not at each attempt */
    bool stop;
};

static int on_wal_commit(void *ctx, sqlite3 *db, const char *database, int frames)
{
    struct meta_checkpoint *checkpoint = ctx;

    assert(frames >= 0 && db == checkpoint->writer);
    if (frames < checkpoint->frames) { /* the log began anew */
        checkpoint->frames_next = META_WAL_FRAMES_TARGET;
        checkpoint->moved = 0;
    }
    checkpoint->frames = frames;
    wal_grown(&checkpoint->meta->engine->wal, frames);
    return SQLITE_OK;
}

/* Any error of the file counts as a failed sync: it may have been one, of the log or of the database. mode: SQLITE_CHECKPOINT_*. */
static int checkpoint_run(struct meta_checkpoint *checkpoint, sqlite3 *db, int mode, int *frames, int *moved)
{
    struct wal *wal = &checkpoint->meta->engine->wal;

    if (wal_is_suspect(wal))
        return -EIO;
    int code = sqlite3_wal_checkpoint_v2(db, NULL, mode, frames, moved);
    if ((code & 0xff) == SQLITE_IOERR)
        wal_suspect(wal);
    /* Busy: a reader still needs older pages. The next attempt gets further. */
    return (code & 0xff) == SQLITE_BUSY ? 0 : meta_sql_error(code);
}

static void checkpoint_note(struct meta_checkpoint *checkpoint, int err)
{
    if (err != 0 && err != checkpoint->last_error)
        meta_log(checkpoint->meta, LOG_LEVEL_WARNING, "checkpoint failed, the log grows meanwhile: %s",
                 meta_strerror(err));
    checkpoint->last_error = err;
}

static void *checkpoint_main(void *argument)
{
    struct meta_checkpoint *checkpoint = argument;

    pthread_mutex_lock(&checkpoint->mutex);
    for (;;) {
        while (!checkpoint->stop && checkpoint->state != CHECKPOINT_RUNNING)
            pthread_cond_wait(&checkpoint->wake, &checkpoint->mutex);
        if (checkpoint->stop)
            break;
        pthread_mutex_unlock(&checkpoint->mutex);
        int err = checkpoint_run(checkpoint, checkpoint->db, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        pthread_mutex_lock(&checkpoint->mutex);
        assert(checkpoint->state == CHECKPOINT_RUNNING);
        checkpoint_note(checkpoint, err);
        checkpoint->state = CHECKPOINT_TAIL;
        pthread_cond_signal(&checkpoint->rested);
        if (wal_is_suspect(&checkpoint->meta->engine->wal)) {
            pthread_mutex_unlock(&checkpoint->mutex);
            checkpoint->nudge(checkpoint->nudge_ctx);
            pthread_mutex_lock(&checkpoint->mutex);
        }
    }
    pthread_mutex_unlock(&checkpoint->mutex);
    return NULL;
}

/* The writer's side, between two transactions. A log that readers have kept from beginning anew for long is not left to luck any more: all
 * pages are moved, and those who read now are waited for, for a moment. Who begins meanwhile reads the database alone. */
static int checkpoint_finish(struct meta_checkpoint *checkpoint, int *frames, int *moved)
{
    int err;

    /* Who copies the database reads for long: nobody is to wait for that. */
    if (checkpoint->frames < META_WAL_FRAMES_MAX || atomic_load(&checkpoint->meta->engine->copies) > 0)
        return checkpoint_run(checkpoint, checkpoint->writer, SQLITE_CHECKPOINT_PASSIVE, frames, moved);
    (void)sqlite3_busy_timeout(checkpoint->writer, META_WAL_WAIT_MS);
    err = checkpoint_run(checkpoint, checkpoint->writer, SQLITE_CHECKPOINT_RESTART, frames, moved);
    (void)sqlite3_busy_timeout(checkpoint->writer, DB_BUSY_MS_MAX);
    return err;
}

void checkpoint_advance(struct meta_checkpoint *checkpoint)
{
    pthread_mutex_lock(&checkpoint->mutex);
    enum checkpoint_state state = checkpoint->state;
    if (state == CHECKPOINT_IDLE && checkpoint->frames >= checkpoint->frames_next &&
        checkpoint->frames > checkpoint->moved) {
        checkpoint->state = CHECKPOINT_RUNNING;
        pthread_cond_signal(&checkpoint->wake);
    }
    pthread_mutex_unlock(&checkpoint->mutex);
    if (state != CHECKPOINT_TAIL)
        return;

    /* The thread must not be sent while all is moved: the log might begin anew beside it. So what cannot be told counts as moved, and the
     * log's length is asked for: a change that failed for want of room may have begun it anew, which no commit told. */
    int frames = -1, moved = -1, err = checkpoint_finish(checkpoint, &frames, &moved);
    checkpoint->moved = moved >= 0 ? moved : checkpoint->frames;
    if (frames >= 0)
        checkpoint->frames = frames;
    /* When it reached the end, the next transaction starts the log anew, unless a reader is in the way just
     * then. */
    checkpoint->frames_next = checkpoint->frames + META_WAL_FRAMES_TARGET / 2;
    pthread_mutex_lock(&checkpoint->mutex);
    assert(checkpoint->state == CHECKPOINT_TAIL);
    checkpoint_note(checkpoint, err);
    checkpoint->state = CHECKPOINT_IDLE;
    pthread_mutex_unlock(&checkpoint->mutex);
}

sqlite3 *checkpoint_rest(struct meta_checkpoint *checkpoint)
{
    pthread_mutex_lock(&checkpoint->mutex);
    while (checkpoint->state == CHECKPOINT_RUNNING)
        pthread_cond_wait(&checkpoint->rested, &checkpoint->mutex);
    assert(checkpoint->state != CHECKPOINT_RUNNING);
    pthread_mutex_unlock(&checkpoint->mutex);
    return checkpoint->db;
}

void checkpoint_hurry(struct meta_checkpoint *checkpoint)
{
    checkpoint->frames_next = 1; /* an empty log has no room to give */
}

int checkpoint_start(struct meta_checkpoint **checkpoint_out, struct meta *meta, sqlite3 *writer,
                     void (*nudge)(void *ctx), void *ctx)
{
    struct meta_checkpoint *checkpoint = calloc(1, sizeof(*checkpoint));
    int err;

    assert(writer != NULL && nudge != NULL);
    if (checkpoint == NULL)
        return -ENOMEM;
    checkpoint->meta = meta;
    checkpoint->writer = writer;
    checkpoint->nudge = nudge;
    checkpoint->nudge_ctx = ctx;
    checkpoint->frames_next = META_WAL_FRAMES_TARGET;
    if ((err = db_connect(meta, DB_CHECKPOINT, &checkpoint->db)) != 0) {
        free(checkpoint);
        return err;
    }
    pthread_mutex_init(&checkpoint->mutex, NULL);
    pthread_cond_init(&checkpoint->wake, NULL);
    pthread_cond_init(&checkpoint->rested, NULL);
    if ((err = thread_start(&checkpoint->thread, "sluice-checkpt", checkpoint_main, checkpoint)) != 0) {
        (void)sqlite3_close(checkpoint->db); /* nothing was prepared: it cannot be refused */
        pthread_cond_destroy(&checkpoint->rested);
        pthread_cond_destroy(&checkpoint->wake);
        pthread_mutex_destroy(&checkpoint->mutex);
        free(checkpoint);
        return err;
    }
    sqlite3_wal_hook(writer, on_wal_commit, checkpoint);
    *checkpoint_out = checkpoint;
    return 0;
}

void checkpoint_stop(struct meta_checkpoint *checkpoint)
{
    if (checkpoint == NULL)
        return;
    sqlite3_wal_hook(checkpoint->writer, NULL, NULL);
    pthread_mutex_lock(&checkpoint->mutex);
    checkpoint->stop = true;
    pthread_cond_signal(&checkpoint->wake);
    pthread_mutex_unlock(&checkpoint->mutex);
    thread_join(checkpoint->thread);
    (void)sqlite3_close(checkpoint->db); /* nothing was prepared: it cannot be refused */
    pthread_cond_destroy(&checkpoint->rested);
    pthread_cond_destroy(&checkpoint->wake);
    pthread_mutex_destroy(&checkpoint->mutex);
    free(checkpoint);
}
