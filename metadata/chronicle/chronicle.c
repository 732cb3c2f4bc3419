/* SPDX-License-Identifier: MIT
 *
 * The chronicle of an open store: what waits in memory, the log that it goes to, the thread. Bases are chronicle_base.c's. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "metadata/chronicle/chronicle_internal.h"
#include "metadata/db.h"
#include "storage/base/clock.h"
#include "storage/base/disk_error.h"
#include "storage/base/io.h"
#include "storage/base/sys.h"
#include "storage/base/thread.h"

/* ---- Files ---- */

int chronicle_out_open(struct chronicle_out *out, int folder_fd, bool is_base, uint64_t number)
{
    struct chronicle_file file = {.is_base = is_base, .number = number};
    char name[CHRONICLE_NAME_BYTES];

    /* So few bytes come whole, getrandom(2), or not at all. */
    if (getrandom(file.salt, sizeof(file.salt), 0) != (ssize_t)sizeof(file.salt))
        return -EIO;
    chronicle_file_name(name, &file);
    strcat(name, is_base ? ".new" : "");
    int fd = io_open(folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return disk_error(-errno);
    *out = (struct chronicle_out){.fd = fd, .file = file};
    return 0;
}

int chronicle_out_close(struct chronicle_out *out)
{
    int fd = out->fd;

    out->fd = -1;
    return fd >= 0 && close(fd) != 0 ? disk_error(-errno) : 0;
}

/* A frame begins where none is open, or the open one is long enough. */
bool chronicle_frames_add(struct chronicle_frames *frames, struct slice entries)
{
    struct chronicle_buffer *buffer = &frames->buffer;
    uint32_t length;

    if (entries.len > CHRONICLE_FRAME_BYTES_MAX - CHRONICLE_FRAME_BYTES ||
        !chronicle_buffer_reserve(buffer, CHRONICLE_FRAME_HEAD_BYTES + entries.len))
        return false;
    if (buffer->length == 0 || buffer->length - frames->last >= CHRONICLE_FRAME_BYTES) {
        frames->last = buffer->length;
        buffer->length += CHRONICLE_FRAME_HEAD_BYTES;
    }
    (void)slice_copy(buffer->bytes + buffer->length, entries);
    buffer->length += entries.len;
    length = (uint32_t)(buffer->length - frames->last - CHRONICLE_FRAME_HEAD_BYTES);
    memcpy(buffer->bytes + frames->last, &length, sizeof(length)); /* for the seal */
    return true;
}

static void frames_seal(struct chronicle_frames *frames, const struct chronicle_out *out)
{
    struct chronicle_place place = {.number = out->file.number};
    int64_t now_ms = clock_real_ms();
    uint32_t length;

    memcpy(place.salt, out->file.salt, sizeof(place.salt));
    for (size_t at = 0; at < frames->buffer.length; at += CHRONICLE_FRAME_HEAD_BYTES + length) {
        memcpy(&length, frames->buffer.bytes + at, sizeof(length));
        place.offset = out->file.bytes + at;
        chronicle_frame_seal(frames->buffer.bytes + at, length, now_ms, &place);
    }
}

int chronicle_out_write(struct chronicle_out *out, struct chronicle_frames *frames)
{
    assert(out->fd >= 0);
    frames_seal(frames, out);
    int err = write_whole(out->fd, frames->buffer.bytes, frames->buffer.length, out->file.bytes);
    if (err == 0) {
        out->file.bytes += frames->buffer.length;
        out->is_unsynced = true;
    } else if (ftruncate(out->fd, (off_t)out->file.bytes) != 0) {
        err = disk_error(-errno); /* a torn end, which readers pass over */
    }
    frames->buffer.length = 0;
    return err;
}

int chronicle_out_say(struct chronicle_out *out, enum chronicle_kind kind,
                      const struct chronicle_value *values, unsigned count)
{
    struct chronicle_buffer entry = {NULL, 0, 0};
    struct chronicle_frames frames = {.last = 0};
    int err = -ENOMEM;

    if (chronicle_entry_put(&entry, kind, 0, values, count) &&
        chronicle_frames_add(&frames, slice_of(entry.bytes, entry.length)))
        err = chronicle_out_write(out, &frames);
    chronicle_buffer_free(&entry);
    chronicle_buffer_free(&frames.buffer);
    return err;
}

int chronicle_out_sync(struct chronicle_out *out)
{
    if (out->fd < 0 || !out->is_unsynced)
        return 0;
    out->is_unsynced = false;
    return sys.fdatasync(out->fd) != 0 ? disk_error(-errno) : 0;
}

/* ---- The log: the thread's, or whose who has set is_writing ---- */

int chronicle_log_begin(struct chronicle *chronicle)
{
    uint64_t epoch = chronicle->options.epoch;
    const struct chronicle_value values[] = {
        chronicle_bytes(slice_of(chronicle->options.store, CHRONICLE_STORE_BYTES)),
        chronicle_number((int64_t)epoch)};
    int err;

    (void)chronicle_out_close(&chronicle->log); /* all of it was written, and what failed is torn */
    err = chronicle_out_open(&chronicle->log, chronicle->folder_fd, false, chronicle->number + 1);
    if (err != 0)
        return err;
    chronicle->number++;
    return chronicle_out_say(&chronicle->log, CHRONICLE_STORE, values, 2);
}

int chronicle_log_end(struct chronicle *chronicle)
{
    struct chronicle_value epoch = chronicle_number(0);
    uint64_t number;
    int err;

    if (chronicle->log.fd < 0)
        return 0;
    if ((err = chronicle->options.epoch_get(chronicle->options.ctx, &number)) != 0)
        return err;
    epoch.number = (int64_t)number;
    if ((err = chronicle_out_say(&chronicle->log, CHRONICLE_END, &epoch, 1)) == 0)
        err = chronicle_out_sync(&chronicle->log);
    return err;
}

static int frames_write(struct chronicle *chronicle, struct chronicle_frames *frames)
{
    int err = chronicle->log.fd < 0 ? chronicle_log_begin(chronicle) : 0;

    return err == 0 ? chronicle_out_write(&chronicle->log, frames) : err;
}

/* Whoever did it, the mutex is held. */
void chronicle_failed(struct chronicle *chronicle, int err)
{
    if (err != chronicle->error && err != 0 && err != -ECANCELED)
        meta_log(chronicle->meta, LOG_LEVEL_WARNING,
                 "the chronicle cannot be written: %s; it is made complete later. Nothing else depends on it",
                 meta_strerror(err));
    chronicle->error = err;
}

void chronicle_log_note(struct chronicle *chronicle)
{
    chronicle->log_bytes = chronicle->log.file.bytes;
    chronicle->wants_sync = chronicle->log.is_unsynced;
}

void chronicle_flush(struct chronicle *chronicle)
{
    while (chronicle->is_writing)
        pthread_cond_wait(&chronicle->written, &chronicle->mutex);
    if (chronicle->pending.buffer.length == 0)
        return;
    struct chronicle_frames frames = chronicle->pending;
    chronicle->pending = chronicle->spare;
    chronicle->is_writing = true;
    pthread_mutex_unlock(&chronicle->mutex);
    int err = frames_write(chronicle, &frames);
    pthread_mutex_lock(&chronicle->mutex);
    chronicle->is_writing = false;
    frames.buffer.length = frames.last = 0;
    if (frames.buffer.capacity > 2 * CHRONICLE_PENDING_BYTES_MAX)
        chronicle_buffer_free(&frames.buffer);
    chronicle->spare = frames;
    chronicle_log_note(chronicle);
    chronicle_failed(chronicle, err);
    if (err != 0)
        chronicle->is_torn = true;
    pthread_cond_broadcast(&chronicle->written);
}

/* ---- The thread ---- */

/* Ms until it is due; 0: now. */
static uint64_t time_left(uint64_t at_ms, uint64_t now_ms)
{
    return at_ms > now_ms ? at_ms - now_ms : 0;
}

static bool flush_is_due(const struct chronicle *chronicle, uint64_t now_ms)
{
    return chronicle->pending.buffer.length >= CHRONICLE_FLUSH_BYTES ||
           (chronicle->pending.buffer.length > 0 &&
            time_left(chronicle->pending_ms + CHRONICLE_DELAY_MS, now_ms) == 0);
}

static bool base_is_wanted(const struct chronicle *chronicle)
{
    uint64_t least =
        chronicle->base_bytes > CHRONICLE_LOG_BYTES ? chronicle->base_bytes : CHRONICLE_LOG_BYTES;

    return !chronicle->is_complete || chronicle->is_torn || chronicle->log_bytes > least;
}

/* The mutex is held, and given up. */
static void thread_wait(struct chronicle *chronicle, uint64_t now_ms)
{
    uint64_t wait_ms = UINT64_MAX;

    if (chronicle->pending.buffer.length > 0)
        wait_ms = time_left(chronicle->pending_ms + CHRONICLE_DELAY_MS, now_ms);
    if (base_is_wanted(chronicle) && time_left(chronicle->retry_ms, now_ms) < wait_ms)
        wait_ms = time_left(chronicle->retry_ms, now_ms);
    if (chronicle->wants_sync && time_left(chronicle->sync_ms, now_ms) < wait_ms)
        wait_ms = time_left(chronicle->sync_ms, now_ms);
    if (wait_ms == UINT64_MAX) {
        pthread_cond_wait(&chronicle->wake, &chronicle->mutex);
    } else if (wait_ms > 0) {
        struct timespec end = clock_monotonic_in(wait_ms);

        (void)pthread_cond_timedwait(&chronicle->wake, &chronicle->mutex, &end); /* the caller looks again */
    }
}

static void log_sync(struct chronicle *chronicle, uint64_t now_ms)
{
    chronicle->sync_ms = now_ms + CHRONICLE_SYNC_MS;
    chronicle->is_writing = true;
    pthread_mutex_unlock(&chronicle->mutex);
    int err = chronicle_out_sync(&chronicle->log);
    pthread_mutex_lock(&chronicle->mutex);
    chronicle->is_writing = false;
    chronicle_log_note(chronicle);
    pthread_cond_broadcast(&chronicle->written);
    chronicle_failed(chronicle, err);
    if (err != 0)
        chronicle->is_torn = true; /* what was to be synced may be lost, and is written anew with the base */
}

static void *chronicle_main(void *argument)
{
    struct chronicle *chronicle = argument;

    pthread_mutex_lock(&chronicle->mutex);
    while (!chronicle->is_closing) {
        uint64_t now_ms = clock_monotonic_ms();

        if (flush_is_due(chronicle, now_ms))
            chronicle_flush(chronicle);
        else if (base_is_wanted(chronicle) && time_left(chronicle->retry_ms, now_ms) == 0)
            chronicle_base_make(chronicle);
        else if (chronicle->wants_sync && !chronicle->is_writing &&
                 time_left(chronicle->sync_ms, now_ms) == 0)
            log_sync(chronicle, now_ms);
        else
            thread_wait(chronicle, now_ms);
    }
    pthread_mutex_unlock(&chronicle->mutex);
    return NULL;
}

/* ---- What others call ---- */

void chronicle_append(struct chronicle *chronicle, struct slice entries)
{
    pthread_mutex_lock(&chronicle->mutex);
    bool was_empty = chronicle->pending.buffer.length == 0;
    bool was_short = chronicle->pending.buffer.length < CHRONICLE_FLUSH_BYTES;
    if (was_empty)
        chronicle->pending_ms = clock_monotonic_ms();
    if (!chronicle_frames_add(&chronicle->pending, entries))
        chronicle->is_torn = true;
    bool is_long = chronicle->pending.buffer.length >= CHRONICLE_FLUSH_BYTES;
    if (was_empty || (was_short && is_long))
        pthread_cond_signal(&chronicle->wake);
    if (chronicle->pending.buffer.length >= CHRONICLE_PENDING_BYTES_MAX)
        chronicle_flush(chronicle);
    pthread_mutex_unlock(&chronicle->mutex);
}

void chronicle_tear(struct chronicle *chronicle)
{
    pthread_mutex_lock(&chronicle->mutex);
    chronicle->is_torn = true;
    pthread_cond_signal(&chronicle->wake);
    pthread_mutex_unlock(&chronicle->mutex);
}

void chronicle_state(struct chronicle *chronicle, struct meta_chronicle_state *state)
{
    pthread_mutex_lock(&chronicle->mutex);
    *state = (struct meta_chronicle_state){
        .is_kept = true,
        .is_complete = chronicle->is_complete && !chronicle->is_torn,
        .rows = chronicle->rows,
        .bytes = chronicle->base_bytes + chronicle->log_bytes,
        .error = chronicle->error,
    };
    pthread_mutex_unlock(&chronicle->mutex);
}

/* ---- Opening and closing ---- */

static int folder_open(const char *path, int *fd)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return disk_error(-errno);
    *fd = io_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return *fd < 0 ? disk_error(-errno) : 0;
}

/* Whether all rows can be made from the files, and the last log can go on. */
static bool list_is_complete(const struct chronicle *chronicle, const struct chronicle_list *list)
{
    size_t at = chronicle_list_first(list);
    uint64_t number, epoch = 0;

    if (chronicle->options.is_doubted || at == list->count || !list->files[at].is_base ||
        at + 1 == list->count)
        return false;
    number = list->files[at].number;
    if (!chronicle_file_ends(chronicle->folder_fd, &list->files[at], &epoch))
        return false;
    for (at++; at < list->count; at++, number++)
        if (list->files[at].number != number ||
            !chronicle_file_ends(chronicle->folder_fd, &list->files[at], &epoch))
            return false;
    return epoch == chronicle->options.epoch;
}

static int log_resume(struct chronicle *chronicle, const struct chronicle_file *file)
{
    char name[CHRONICLE_NAME_BYTES];

    chronicle_file_name(name, file);
    int fd = io_open(chronicle->folder_fd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return disk_error(-errno);
    chronicle->log = (struct chronicle_out){.fd = fd, .file = *file};
    return 0;
}

/* What is there; an unreadable folder is one with nothing in it, for a base makes all anew. */
static void files_look(struct chronicle *chronicle)
{
    struct chronicle_list list;
    int err = chronicle_list_read(chronicle->folder_fd, &list);
    size_t first = chronicle_list_first(&list);

    if (list.count > 0)
        chronicle->number = list.files[list.count - 1].number;
    if (err == 0 && list_is_complete(chronicle, &list) &&
        log_resume(chronicle, &list.files[list.count - 1]) == 0) {
        chronicle->base_bytes = list.files[first].bytes;
        chronicle->is_complete = true;
    }
    chronicle_list_free(&list);
    chronicle_log_note(chronicle);
    chronicle_unfinished_clear(chronicle->folder_fd);
}

static void chronicle_free(struct chronicle *chronicle)
{
    (void)chronicle_out_close(&chronicle->log); /* was synced, or is torn */
    if (chronicle->folder_fd >= 0)
        (void)close(chronicle->folder_fd); /* nothing is written through it */
    chronicle_buffer_free(&chronicle->pending.buffer);
    chronicle_buffer_free(&chronicle->spare.buffer);
    pthread_cond_destroy(&chronicle->written);
    pthread_cond_destroy(&chronicle->wake);
    pthread_mutex_destroy(&chronicle->mutex);
    free(chronicle);
}

int chronicle_open(struct chronicle **out, const struct meta *meta, const struct chronicle_options *options)
{
    struct chronicle *chronicle = calloc(1, sizeof(*chronicle));
    int err;

    assert(options->fill != NULL && options->epoch_get != NULL);
    if (chronicle == NULL)
        return -ENOMEM;
    chronicle->meta = meta;
    chronicle->options = *options;
    chronicle->folder_fd = chronicle->log.fd = -1;
    pthread_mutex_init(&chronicle->mutex, NULL);
    thread_condition_init(&chronicle->wake);
    pthread_cond_init(&chronicle->written, NULL);
    if ((err = folder_open(options->folder, &chronicle->folder_fd)) == 0) {
        files_look(chronicle);
        err = thread_start(&chronicle->thread, "sluice-chron", chronicle_main, chronicle);
    }
    if (err != 0) {
        chronicle_free(chronicle);
        return err;
    }
    *out = chronicle;
    return 0;
}

void chronicle_close(struct chronicle *chronicle)
{
    int err;

    if (chronicle == NULL)
        return;
    pthread_mutex_lock(&chronicle->mutex);
    chronicle->is_closing = true;
    pthread_cond_signal(&chronicle->wake);
    pthread_mutex_unlock(&chronicle->mutex);
    thread_join(chronicle->thread);
    pthread_mutex_lock(&chronicle->mutex);
    chronicle_flush(chronicle);
    if (chronicle->is_complete && !chronicle->is_torn && (err = chronicle_log_end(chronicle)) != 0)
        chronicle_failed(chronicle, err); /* the next start sees that the end is missing */
    pthread_mutex_unlock(&chronicle->mutex);
    chronicle_free(chronicle);
}
