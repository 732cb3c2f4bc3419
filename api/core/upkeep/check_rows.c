/* SPDX-License-Identifier: MIT
 *
 * See check_rows.h. */
#include "api/core/upkeep/check_rows.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "metadata/meta_compare.h"
#include "storage/base/clock.h"
#include "storage/base/thread.h"

/* Findings that wait, and what is kept of each: as much as metadata says of one. */
#define WAITING_MAX        16u
#define FINDING_BYTES_MAX  4096u
#define INTERRUPT_AGAIN_MS 10u

/* ---- On any thread ---- */

struct count {
    bool (*is_over)(void *ctx);
    void *ctx;
    struct meta_reader *reader;
    uint64_t objects;
    unsigned char last[META_KEY_BYTES_MAX];
    size_t last_length;
};

static bool count_is_over(const struct count *count)
{
    return count->is_over != NULL && count->is_over(count->ctx);
}

static int count_object(void *ctx, const struct meta_list_entry *entry)
{
    struct count *count = ctx;

    count->objects++;
    if (entry->key.len > sizeof(count->last))
        return META_E_CORRUPT;
    (void)slice_copy(count->last, entry->key);
    count->last_length = entry->key.len;
    return 0;
}

static int count_bucket(struct count *count, int64_t bucket)
{
    bool truncated;
    int err;

    count->last_length = 0;
    do {
        const struct meta_list_query query = {
            .bucket = bucket,
            .after = slice_of(count->last, count->last_length),
            .limit = META_LIST_ENTRIES_MAX,
        };

        err = count_is_over(count) ? -ECANCELED
                                   : meta_object_list(count->reader, &query, count_object, count, &truncated);
    } while (err == 0 && truncated);
    return err;
}

static int take_bucket(void *ctx, const struct meta_bucket *bucket)
{
    *(struct meta_bucket *)ctx = *bucket;
    return 0;
}

/* Bucket by bucket, so that no read is nested in another. */
static int count_buckets(struct count *count)
{
    struct meta_bucket bucket = {0};
    char after[sizeof(bucket.name)];
    int err;

    for (;;) {
        strcpy(after, bucket.name);
        err = meta_bucket_list(count->reader, slice_text(after), 1, take_bucket, &bucket);
        if (err != 0 || strcmp(after, bucket.name) == 0)
            return err;
        if ((err = count_bucket(count, bucket.id)) != 0)
            return err;
    }
}

static int compare(struct meta *meta, const struct count *count, void (*finding)(void *ctx, const char *text),
                   int (*settle)(void *ctx), struct check_rows_result *result)
{
    struct meta_compare compare = {
        .finding = finding, .is_over = count->is_over, .settle = settle, .ctx = count->ctx};
    int err = meta_compare_run(meta, &compare);

    result->compared = err == 0 && compare.is_compared ? compare.rows : 0;
    return err;
}

struct check_rows_result check_rows(struct meta *meta, struct meta_reader *reader, int (*settle)(void *ctx),
                                    void (*finding)(void *ctx, const char *text), bool (*is_over)(void *ctx),
                                    void *ctx)
{
    struct count count = {.is_over = is_over, .ctx = ctx, .reader = reader};
    struct check_rows_result result = {.compared = 0};
    int found = meta_check_counting(reader, finding, ctx, &result.objects);

    result.error = found < 0 ? found : count_is_over(&count) ? -ECANCELED : 0;
    if (result.error == 0 && result.objects == META_OBJECTS_UNCOUNTED) {
        result.error = count_buckets(&count); /* a publication is on its way */
        result.objects = count.objects;
    }
    if (result.error == 0 && meta != NULL)
        result.error = compare(meta, &count, finding, settle, &result);
    /* Rows that cannot be read were told of above. */
    if (result.error == META_E_CORRUPT && found > 0)
        result.error = 0;
    return result;
}

/* ---- On a thread of its own ---- */

struct check_rows_thread {
    struct meta *meta; /* NULL: nothing is compared */
    struct meta_reader *reader;
    pthread_t thread;
    pthread_mutex_t lock; /* for all below */
    pthread_cond_t moved; /* one more or fewer waits, or it is over */
    char waiting[WAITING_MAX][FINDING_BYTES_MAX];
    unsigned first, count;
    bool is_unwanted, has_ended;
    struct check_rows_result result; /* when it has ended */
};

static void on_finding(void *ctx, const char *text)
{
    struct check_rows_thread *rows = ctx;

    pthread_mutex_lock(&rows->lock);
    while (rows->count == WAITING_MAX && !rows->is_unwanted)
        pthread_cond_wait(&rows->moved, &rows->lock);
    if (!rows->is_unwanted) {
        char *place = rows->waiting[(rows->first + rows->count++) % WAITING_MAX];
        size_t length = strnlen(text, FINDING_BYTES_MAX - 1);

        memcpy(place, text, length);
        place[length] = '\0';
        pthread_cond_broadcast(&rows->moved);
    }
    pthread_mutex_unlock(&rows->lock);
}

static bool is_unwanted(void *ctx)
{
    struct check_rows_thread *rows = ctx;

    pthread_mutex_lock(&rows->lock);
    bool answer = rows->is_unwanted;
    pthread_mutex_unlock(&rows->lock);
    return answer;
}

static void *rows_main(void *ctx)
{
    struct check_rows_thread *rows = ctx;
    struct check_rows_result result =
        check_rows(rows->meta, rows->reader, NULL, on_finding, is_unwanted, rows);

    pthread_mutex_lock(&rows->lock);
    rows->result = result;
    rows->has_ended = true;
    pthread_cond_broadcast(&rows->moved);
    pthread_mutex_unlock(&rows->lock);
    return NULL;
}

static void rows_free(struct check_rows_thread *rows)
{
    meta_reader_close(rows->reader);
    pthread_cond_destroy(&rows->moved);
    pthread_mutex_destroy(&rows->lock);
    free(rows);
}

int check_rows_begin(struct check_rows_thread **thread, struct meta *meta, bool compares)
{
    struct check_rows_thread *rows = calloc(1, sizeof(*rows));
    int err;

    if (rows == NULL)
        return -ENOMEM;
    rows->meta = compares ? meta : NULL;
    if ((err = meta_reader_open(meta, &rows->reader)) != 0) {
        free(rows);
        return err;
    }
    pthread_mutex_init(&rows->lock, NULL);
    thread_condition_init(&rows->moved);
    if ((err = thread_start(&rows->thread, "sluice-rows", rows_main, rows)) != 0) {
        rows_free(rows);
        return err;
    }
    *thread = rows;
    return 0;
}

/* The lock is held, and given up while somebody is told. */
static void rows_tell(struct check_rows_thread *rows, void (*finding)(void *ctx, const char *text), void *ctx)
{
    char text[FINDING_BYTES_MAX];

    while (rows->count > 0) {
        strcpy(text, rows->waiting[rows->first]);
        rows->first = (rows->first + 1) % WAITING_MAX;
        rows->count--;
        pthread_cond_broadcast(&rows->moved);
        pthread_mutex_unlock(&rows->lock);
        finding(ctx, text);
        pthread_mutex_lock(&rows->lock);
    }
}

int check_rows_take(struct check_rows_thread *rows, void (*finding)(void *ctx, const char *text), void *ctx)
{
    int err;

    pthread_mutex_lock(&rows->lock);
    rows_tell(rows, finding, ctx);
    err = rows->has_ended ? rows->result.error : 0;
    pthread_mutex_unlock(&rows->lock);
    return err;
}

/* An interrupt ends the statement that runs, and is lost between two of them. */
static void rows_interrupt(struct check_rows_thread *rows)
{
    pthread_mutex_lock(&rows->lock);
    rows->is_unwanted = true;
    pthread_cond_broadcast(&rows->moved);
    while (!rows->has_ended) {
        struct timespec until = clock_monotonic_in(INTERRUPT_AGAIN_MS);

        meta_reader_interrupt(rows->reader);
        (void)pthread_cond_timedwait(&rows->moved, &rows->lock, &until); /* the loop asks */
    }
    pthread_mutex_unlock(&rows->lock);
}

struct check_rows_result check_rows_end(struct check_rows_thread *rows, bool is_wanted,
                                        void (*finding)(void *ctx, const char *text), void *ctx)
{
    struct check_rows_result result;

    if (!is_wanted)
        rows_interrupt(rows);
    pthread_mutex_lock(&rows->lock);
    while (!rows->has_ended || rows->count > 0) {
        rows_tell(rows, finding, ctx);
        if (!rows->has_ended)
            pthread_cond_wait(&rows->moved, &rows->lock);
    }
    result = rows->result;
    pthread_mutex_unlock(&rows->lock);
    thread_join(rows->thread);
    rows_free(rows);
    return result;
}
