/* SPDX-License-Identifier: MIT
 *
 * Making a base: all rows, written anew beside the log that goes on, at a pace that leaves the disk and the CPU to others. Before it has
 * its name and is on the disk, nothing that was there before is removed. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "metadata/chronicle/chronicle_internal.h"
#include "storage/base/clock.h"
#include "storage/base/disk_error.h"
#include "storage/base/sys.h"

static void base_name(const struct chronicle_base *base, char name[CHRONICLE_NAME_BYTES],
                      char unfinished[CHRONICLE_NAME_BYTES + 4])
{
    chronicle_file_name(name, &base->out.file);
    (void)snprintf(unfinished, CHRONICLE_NAME_BYTES + 4, "%s.new", name);
}

/* What waits is written meanwhile, and others get on. 0, or -ECANCELED. */
static int base_rest(struct chronicle_base *base)
{
    struct chronicle *chronicle = base->chronicle;
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t rest_ms = (now_ms - base->begin_ms) * CHRONICLE_REST_SHARE;
    int err;

    pthread_mutex_lock(&chronicle->mutex);
    chronicle->rows = base->rows;
    if (chronicle->pending.buffer.length >= CHRONICLE_FLUSH_BYTES ||
        (chronicle->pending.buffer.length > 0 && now_ms - chronicle->pending_ms >= CHRONICLE_DELAY_MS))
        chronicle_flush(chronicle);
    if (base->rows > CHRONICLE_ROWS_AT_ONCE && rest_ms > 0 && !chronicle->is_closing) {
        struct timespec end =
            clock_monotonic_in(rest_ms < CHRONICLE_REST_MS_MAX ? rest_ms : CHRONICLE_REST_MS_MAX);

        (void)pthread_cond_timedwait(&chronicle->wake, &chronicle->mutex,
                                     &end); /* a shorter rest is one, too */
    }
    err = chronicle->is_closing ? -ECANCELED : 0;
    pthread_mutex_unlock(&chronicle->mutex);
    base->begin_ms = clock_monotonic_ms();
    return err;
}

int chronicle_base_put(struct chronicle_base *base, struct slice entries, uint64_t rows)
{
    int err = 0;

    if (entries.len > 0 && !chronicle_frames_add(&base->frames, entries))
        return -ENOMEM;
    base->rows += rows;
    if (base->frames.buffer.length >= CHRONICLE_FLUSH_BYTES)
        err = chronicle_out_write(&base->out, &base->frames);
    return err != 0 ? err : base_rest(base);
}

/* Entries of the committer go to a log of their own from here on. */
static int log_move(struct chronicle *chronicle)
{
    int err = 0;

    chronicle_flush(chronicle);
    while (chronicle->is_writing)
        pthread_cond_wait(&chronicle->written, &chronicle->mutex);
    chronicle->is_writing = true;
    bool is_whole = chronicle->is_complete && !chronicle->is_torn;
    pthread_mutex_unlock(&chronicle->mutex);
    if (is_whole)
        err = chronicle_log_end(chronicle);
    if (err == 0)
        err = chronicle_log_begin(chronicle);
    pthread_mutex_lock(&chronicle->mutex);
    chronicle->is_writing = false;
    pthread_cond_broadcast(&chronicle->written);
    /* What waits by now goes to that log; what was lost before, the base tells. */
    chronicle->is_complete = is_whole && err == 0;
    chronicle->is_torn = err != 0;
    chronicle_log_note(chronicle);
    return err;
}

static int base_finish(struct chronicle_base *base)
{
    const struct chronicle_value epoch = chronicle_number((int64_t)base->chronicle->options.epoch);
    char name[CHRONICLE_NAME_BYTES], unfinished[CHRONICLE_NAME_BYTES + 4];
    int folder_fd = base->chronicle->folder_fd, err = 0;

    if (base->frames.buffer.length > 0)
        err = chronicle_out_write(&base->out, &base->frames);
    if (err != 0 || (err = chronicle_out_say(&base->out, CHRONICLE_END, &epoch, 1)) != 0 ||
        (err = chronicle_out_sync(&base->out)) != 0)
        return err;
    base_name(base, name, unfinished);
    if (renameat(folder_fd, unfinished, folder_fd, name) != 0 || sys.fsync(folder_fd) != 0)
        return disk_error(-errno);
    return 0;
}

/* What the base has made superfluous, and what was begun and never finished. A failure costs room alone; the next base tries again. */
static void files_clear(struct chronicle *chronicle, const struct chronicle_file *base)
{
    struct chronicle_list list;
    char name[CHRONICLE_NAME_BYTES];

    if (chronicle_list_read(chronicle->folder_fd, &list) == 0)
        for (size_t i = 0; i < list.count; i++) {
            if (list.files[i].number >= base->number)
                continue;
            chronicle_file_name(name, &list.files[i]);
            (void)unlinkat(chronicle->folder_fd, name, 0);
        }
    chronicle_list_free(&list);
}

static int base_write(struct chronicle_base *base)
{
    struct chronicle *chronicle = base->chronicle;
    const struct chronicle_value store[] = {
        chronicle_bytes(slice_of(chronicle->options.store, CHRONICLE_STORE_BYTES)),
        chronicle_number((int64_t)chronicle->options.epoch)};
    char name[CHRONICLE_NAME_BYTES], unfinished[CHRONICLE_NAME_BYTES + 4];
    int err = chronicle_out_open(&base->out, chronicle->folder_fd, true, chronicle->number);

    if (err != 0)
        return err;
    if ((err = chronicle_out_say(&base->out, CHRONICLE_STORE, store, 2)) == 0 &&
        (err = chronicle->options.fill(chronicle->options.ctx, base)) == 0)
        err = base_finish(base);
    if (chronicle_out_close(&base->out) != 0 && err == 0)
        err = -EIO;
    base_name(base, name, unfinished);
    if (err != 0)
        (void)unlinkat(chronicle->folder_fd, unfinished, 0); /* else it lies there, and is nobody's */
    else
        files_clear(chronicle, &base->out.file);
    return err;
}

void chronicle_base_make(struct chronicle *chronicle)
{
    struct chronicle_base base = {.chronicle = chronicle, .begin_ms = clock_monotonic_ms()};
    int err = log_move(chronicle);

    chronicle->rows = 0;
    pthread_mutex_unlock(&chronicle->mutex);
    if (err == 0)
        err = base_write(&base);
    chronicle_buffer_free(&base.frames.buffer);
    pthread_mutex_lock(&chronicle->mutex);
    chronicle_failed(chronicle, err);
    chronicle->retry_ms = clock_monotonic_ms() + (err != 0 ? CHRONICLE_RETRY_MS : 0);
    if (err != 0)
        return;
    chronicle->is_complete = true;
    chronicle->base_bytes = base.out.file.bytes;
    chronicle->rows = base.rows;
}
