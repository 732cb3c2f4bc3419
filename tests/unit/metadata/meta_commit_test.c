/* SPDX-License-Identifier: MIT
 *
 * The committer: many threads at once, one winner per race, order of completion, closing under load,
 * checkpoints beside the writer, and that what was acknowledged survives a killed process. */
#include "../sanitized.h"
#include "meta_test_support.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define THREADS 8
#define ROUNDS  300

struct worker {
    struct store *store;
    int number;
    int wins;
    pthread_t thread;
};

static void workers_run(struct store *store, struct worker *workers, void *(*run)(void *argument))
{
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.store = store, .number = i};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, run, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
}

/* Puts, sees its own put through a reader of its own, and deletes every second one. */
static void *worker_put(void *argument)
{
    struct worker *worker = argument;
    struct store own = *worker->store;
    char key[32];

    if (meta_reader_open(own.meta, &own.reader) != 0)
        return NULL;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t file = (uint64_t)(worker->number * ROUNDS + i + 1);
        snprintf(key, sizeof(key), "%d/%d", worker->number, i);
        if (put(&own, key, file) == 0 && file_of(&own, key) == (int64_t)file &&
            (i % 2 == 0 || delete_key(&own, key) == 0))
            worker->wins++;
    }
    meta_reader_close(own.reader);
    return NULL;
}

static void many_threads(void **state)
{
    struct store *store = *state;
    struct worker workers[THREADS];
    int garbage = 0;

    workers_run(store, workers, worker_put);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(workers[i].wins, ROUNDS);
    garbage = garbage_clear(store);
    assert_int_equal(garbage, THREADS * ROUNDS / 2);
}

static void *worker_race(void *argument)
{
    struct worker *worker = argument;
    const struct meta_condition condition = {.if_none_match_any = true};
    char key[32];

    for (int i = 0; i < ROUNDS; i++) {
        uint64_t file = (uint64_t)(i * THREADS + worker->number + 1);
        snprintf(key, sizeof(key), "race/%d", i);
        if (put_bytes(worker->store->meta, worker->store->bucket, slice_text(key), file, 10, &condition) == 0)
            worker->wins++;
    }
    return NULL;
}

static void conditional_creates_have_one_winner(void **state)
{
    struct store *store = *state;
    struct worker workers[THREADS];
    int wins = 0;

    workers_run(store, workers, worker_race);
    for (int i = 0; i < THREADS; i++)
        wins += workers[i].wins;
    assert_int_equal(wins, ROUNDS);
    assert_int_equal(garbage_count(store), 0); /* losers leave nothing */
}

/* ---- Order and closing ---- */

struct ordered {
    struct meta_object_put put;
    char key[32];
    int number;
    int *last;
    _Atomic int *left;
};

static void on_ordered_done(struct meta_op *op)
{
    struct ordered *ordered = op->ctx;

    assert_int_equal(op->result, 0);
    assert_int_equal(*ordered->last, ordered->number - 1);
    *ordered->last = ordered->number;
    atomic_fetch_sub(ordered->left, 1);
    free(ordered); /* allowed in done */
}

static void closing_finishes_what_was_submitted(void **state)
{
    struct store *store = *state;
    const int count = 5000;
    _Atomic int left = count;
    int last = 0;

    for (int i = 1; i <= count; i++) {
        struct ordered *ordered = calloc(1, sizeof(*ordered));
        int length = snprintf(ordered->key, sizeof(ordered->key), "%d", i);
        ordered->number = i;
        ordered->last = &last;
        ordered->left = &left;
        ordered->put = (struct meta_object_put){
            .op = {.kind = META_OP_OBJECT_PUT, .done = on_ordered_done, .ctx = ordered},
            .bucket = store->bucket,
            .key = {ordered->key, (size_t)length}};
        meta_submit(store->meta, &ordered->put.op);
    }
    store_reopen(store);
    assert_int_equal(atomic_load(&left), 0);
    assert_int_equal(file_of(store, "5000"), 0);
}

/* Whoever submitted may still be inside meta_submit when the change is done, and the store is closed for that. */
struct answered {
    struct store *store;
    struct meta_object_put put;
    sem_t done;
};

static void on_answered(struct meta_op *op)
{
    sem_post(op->ctx);
}

static void *submit_one(void *ctx)
{
    struct answered *answered = ctx;

    answered->put = (struct meta_object_put){
        .op = {.kind = META_OP_OBJECT_PUT, .done = on_answered, .ctx = &answered->done},
        .bucket = answered->store->bucket,
        .key = slice_text("answered")};
    meta_submit(answered->store->meta, &answered->put.op);
    return NULL;
}

static void closing_right_after_an_answer(void **state)
{
    struct answered answered = {.store = *state};

    for (int i = 0; i < 20; i++) {
        pthread_t thread;

        sem_init(&answered.done, 0, 0);
        assert_int_equal(pthread_create(&thread, NULL, submit_one, &answered), 0);
        while (sem_wait(&answered.done) != 0)
            ;
        assert_int_equal(answered.put.op.result, 0);
        store_reopen(answered.store);
        assert_int_equal(pthread_join(thread, NULL), 0);
        sem_destroy(&answered.done);
    }
}

/* A change that arrives from a `done` while the store closes is refused, not lost. */
struct late {
    struct meta_object_put first, second;
    struct meta *meta;
    sem_t go;
    int second_result;
};

static void on_second_done(struct meta_op *op)
{
    ((struct late *)op->ctx)->second_result = op->result;
}

static void on_first_done(struct meta_op *op)
{
    struct late *late = op->ctx;

    sem_wait(&late->go);
    usleep(50000); /* let meta_close begin; later only means that the refusal is not exercised */
    meta_submit(late->meta, &late->second.op);
}

static void too_late_is_refused(void **state)
{
    struct store *store = *state;
    struct late late = {.meta = store->meta, .second_result = 1};

    sem_init(&late.go, 0, 0);
    late.first =
        (struct meta_object_put){.op = {.kind = META_OP_OBJECT_PUT, .done = on_first_done, .ctx = &late},
                                 .bucket = store->bucket,
                                 .key = slice_text("first")};
    late.second = late.first;
    late.second.key = slice_text("second");
    late.second.op.done = on_second_done;
    meta_submit(store->meta, &late.first.op);
    sem_post(&late.go);
    store_reopen(store);
    assert_true(late.second_result == META_E_CLOSING || late.second_result == 0);
    assert_int_equal(file_of(store, "first"), 0);
    assert_int_equal(file_of(store, "second"), late.second_result == 0 ? 0 : META_E_NO_KEY);
    sem_destroy(&late.go);
}

/* One failure in a batch undoes itself and nothing else. */
static void a_failure_is_alone(void **state)
{
    struct store *store = *state;
    const int count = 200;
    struct ordered *list = calloc((size_t)count, sizeof(*list));
    struct meta_extent *extents = calloc((size_t)count, sizeof(*extents));
    sem_t semaphore;

    assert_int_equal(put(store, "garbage", 999), 0);
    assert_int_equal(delete_key(store, "garbage"), 0);
    sem_init(&semaphore, 0, 0);
    for (int i = 0; i < count; i++) {
        int length = snprintf(list[i].key, sizeof(list[i].key), "%d", i);
        /* Every tenth names a unit that is garbage: it fails after its row was written. */
        extents[i] = whole_file(i % 10 == 3 ? 999 : (uint64_t)i + 1, 10);
        list[i].put = (struct meta_object_put){
            .op = {.kind = META_OP_OBJECT_PUT, .done = on_done_post, .ctx = &semaphore},
            .bucket = store->bucket,
            .key = {list[i].key, (size_t)length},
            .object = {.size = 10, .extents = {&extents[i], 1}}};
        meta_submit(store->meta, &list[i].put.op);
    }
    for (int i = 0; i < count; i++)
        sem_wait(&semaphore);
    for (int i = 0; i < count; i++) {
        assert_int_equal(list[i].put.op.result, i % 10 == 3 ? META_E_CHANGED : 0);
        assert_int_equal(file_of(store, list[i].key), i % 10 == 3 ? META_E_NO_KEY : i + 1);
    }
    sem_destroy(&semaphore);
    free(extents);
    free(list);
}

/* ---- The log ---- */

#define WRITES_MANY (2500 / TSAN_SHARE) /* of each worker: 200 MB of rows in all */
#define LOG_BYTES                                                                                            \
    (4ll * META_WAL_FRAMES_TARGET * 4096) /* what the log is cut to when it begins anew: 64 MiB */
#define LOG_SECONDS 120

static void *worker_write_much(void *argument)
{
    struct worker *worker = argument;
    static const char value[8000] = "v";
    struct meta_attribute attribute = {slice_text("x-amz-meta-large"), {value, sizeof(value)}};
    char key[32];

    for (int i = 0; i < WRITES_MANY; i++) {
        struct meta_object_put op = {.bucket = worker->store->bucket};
        snprintf(key, sizeof(key), "%d/%d", worker->number, i % 50);
        op.key = slice_text(key);
        op.object.attributes = (struct meta_attributes){&attribute, 1};
        if (op_wait(worker->store->meta, &op.op, META_OP_OBJECT_PUT) == 0)
            worker->wins++;
    }
    return NULL;
}

static off_t log_length(const struct store *store)
{
    char wal[128];
    struct stat status;

    snprintf(wal, sizeof(wal), "%s-wal", store->path);
    assert_int_equal(stat(wal, &status), 0);
    return status.st_size;
}

/* Many times the log's target length goes through it, without a pause; it must not grow with that. On a busy machine the thread that moves
 * pages is late, so the log is given the time of some more changes. */
static void the_log_stays_short(void **state)
{
    struct store *store = *state;
    struct worker workers[THREADS];
    time_t end;

    workers_run(store, workers, worker_write_much);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(workers[i].wins, WRITES_MANY);
    end = time(NULL) + LOG_SECONDS;
    for (uint64_t i = 1; log_length(store) > LOG_BYTES && time(NULL) < end; i++)
        assert_int_equal(put(store, "again", i), 0);
    assert_true(log_length(store) <= LOG_BYTES);
}

/* The child puts objects one after the other and says so through the pipe after each; then it is killed. */
static void kill_child(const char *path, int out)
{
    struct meta *meta;
    struct meta_bucket_create create = {.bucket = {.name = "bucket"}};
    char key[32];

    if (meta_open(&meta, path, &(struct meta_options){.durable = true}) != 0 ||
        op_wait(meta, &create.op, META_OP_BUCKET_CREATE) != 0)
        _exit(1);
    for (uint32_t i = 1;; i++) {
        snprintf(key, sizeof(key), "%u", i);
        if (put_bytes(meta, create.bucket.id, slice_text(key), i, 10, NULL) != 0)
            _exit(2);
        if (write(out, &i, sizeof(i)) != sizeof(i))
            _exit(3);
    }
}

static void a_killed_process_loses_nothing(void **state)
{
    for (int round = 0; round < 5; round++) {
        struct store store = {.meta = NULL};
        uint32_t acknowledged = 0, i;
        char key[32];
        int pipe_fds[2];

        dir_make(store.dir);
        snprintf(store.path, sizeof(store.path), "%s/sluice.db", store.dir);
        assert_int_equal(pipe(pipe_fds), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            kill_child(store.path, pipe_fds[1]);
        close(pipe_fds[1]);
        while (acknowledged < 20u + 30u * (uint32_t)round && read(pipe_fds[0], &i, sizeof(i)) == sizeof(i))
            acknowledged = i;
        assert_int_equal(kill(child, SIGKILL), 0);
        while (read(pipe_fds[0], &i, sizeof(i)) == sizeof(i))
            acknowledged = i;
        close(pipe_fds[0]);
        assert_int_equal(waitpid(child, NULL, 0), child);
        assert_true(acknowledged >= 20);

        store_reopen(&store);
        store.bucket = 1;
        for (i = 1; i <= acknowledged; i++) {
            snprintf(key, sizeof(key), "%u", i);
            assert_int_equal(file_of(&store, key), i);
        }
        assert_sound(&store);
        meta_reader_close(store.reader);
        meta_close(store.meta);
        dir_remove(store.dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* First: it forks, and no thread is alive yet. */
        cmocka_unit_test(a_killed_process_loses_nothing),
        store_test(many_threads),
        store_test(conditional_creates_have_one_winner),
        store_test(closing_finishes_what_was_submitted),
        store_test(closing_right_after_an_answer),
        store_test(too_late_is_refused),
        store_test(a_failure_is_alone),
        store_test(the_log_stays_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
