/* SPDX-License-Identifier: MIT
 *
 * Changes that rest on bytes outside the database: the order in which the hooks of a batch are called, and what becomes of the
 * batch's changes when some of those bytes, all of them, or the transaction fails.
 *
 * A batch is put together by holding the committer inside `done` of an earlier change. */
#include "meta_test_support.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/syscall.h>

/* ---- Hooks that take notes ---- */

static struct hooked {
    char calls
        [64]; /* P: prepare, p: where nothing rests on bytes, b: sync_begin, s: sync_wait, e: ended, d: done */
    int sync_result, end_result;
    unsigned in_batch, resting; /* seen by prepare */
    unsigned answered;          /* changes of the list that ended was given */
    uint64_t fail_file;         /* prepare fails the change that rests on this; 0: none */
} hooked;

static void note(char call)
{
    size_t length = strlen(hooked.calls);

    assert_true(length + 1 < sizeof(hooked.calls));
    hooked.calls[length] = call;
}

/* rests_on points to the file's number: the place of its bytes is not known before. */
static uint64_t hook_prepare(void *ctx, struct meta_op *first)
{
    hooked.in_batch = hooked.resting = 0;
    for (struct meta_op *op = first; op != NULL; op = op->next) {
        hooked.in_batch++;
        if (op->rests_on == NULL)
            continue;
        hooked.resting++;
        struct meta_object_put *put = (struct meta_object_put *)op;
        uint64_t file = *(uint64_t *)op->rests_on;

        put->object.extents.list[0].file = file;
        op->result = file == hooked.fail_file ? -ENOSPC : 0;
    }
    note(hooked.resting > 0 ? 'P' : 'p');
    return 0;
}

static void hook_sync_begin(void *ctx)
{
    note('b');
}

static int hook_sync_wait(void *ctx)
{
    note('s');
    return hooked.sync_result;
}

/* The committer's thread only, until it has ended. */
static bool is_answering;
static unsigned dones_outside;

static void hook_ended(void *ctx, int result, struct meta_op *first)
{
    note('e');
    hooked.end_result = result;
    hooked.answered = 0;
    for (const struct meta_op *op = first; op != NULL; op = op->next)
        hooked.answered++;
    assert_false(is_answering);
    is_answering = true;
    meta_answer(first);
    is_answering = false;
}

static int setup(void **state)
{
    const struct meta_options options = {
        .durable = true,
        .hooks = {.prepare = hook_prepare,
                  .sync_begin = hook_sync_begin,
                  .sync_wait = hook_sync_wait,
                  .ended = hook_ended},
    };
    struct store *store;

    if (store_setup(state) != 0)
        return -1;
    store = *state;
    store_reopen_with(store, &options);
    memset(&hooked, 0, sizeof(hooked));
    hooked.end_result = 1;
    return 0;
}

/* ---- A disk whose sync fails ---- */

static atomic_int syncs_to_fail;

/* Visible, for the database's library to find it before the C library's. */
__attribute__((visibility("default"))) int fdatasync(int fd);

int fdatasync(int fd)
{
    int left = atomic_load(&syncs_to_fail);

    if (left == 0)
        return (int)syscall(SYS_fdatasync, fd);
    atomic_store(&syncs_to_fail, left - 1);
    errno = EIO;
    return -1;
}

/* ---- Batches ---- */

/* A small put: what it rests on, and its extent that prepare completes. */
struct packed {
    struct meta_object_put put;
    struct meta_extent extent;
    uint64_t file;
    char key[16];
};

static sem_t held, release, finished;
static unsigned holders;

static void on_done_hold(struct meta_op *op)
{
    sem_post(&held);
    while (sem_wait(&release) != 0)
        ;
}

static void on_done_note(struct meta_op *op)
{
    dones_outside += !is_answering;
    note('d');
    sem_post(&finished);
}

/* Until batch_run, what is submitted waits, and becomes one batch. */
static void batch_hold(struct store *store, struct meta_bucket_create *holder)
{
    sem_init(&held, 0, 0);
    sem_init(&release, 0, 0);
    sem_init(&finished, 0, 0);
    *holder = (struct meta_bucket_create){.op = {.kind = META_OP_BUCKET_CREATE, .done = on_done_hold},
                                          .bucket = {.owner = "me"}};
    snprintf(holder->bucket.name, sizeof(holder->bucket.name), "holder-%u", ++holders);
    meta_submit(store->meta, &holder->op);
    while (sem_wait(&held) != 0)
        ;
}

static void batch_run(unsigned count)
{
    sem_post(&release);
    for (unsigned i = 0; i < count; i++)
        while (sem_wait(&finished) != 0)
            ;
    sem_destroy(&held);
    sem_destroy(&release);
    sem_destroy(&finished);
}

/* Its place is not known yet. */
static void submit_put(struct store *store, struct packed *packed, const char *key, uint64_t file)
{
    memset(packed, 0, sizeof(*packed));
    strcpy(packed->key, key);
    packed->file = file;
    packed->extent = whole_file(0, 100);
    packed->put = (struct meta_object_put){
        .op = {.kind = META_OP_OBJECT_PUT, .done = on_done_note, .rests_on = &packed->file},
        .bucket = store->bucket,
        .key = slice_text(packed->key),
        .object = {.size = 100, .etag = "e", .extents = {&packed->extent, 1}},
    };
    meta_submit(store->meta, &packed->put.op);
}

static void submit_delete(struct store *store, struct meta_object_delete *op, struct meta_delete_entry *entry,
                          const char *key)
{
    *entry = (struct meta_delete_entry){.key = slice_text(key)};
    *op = (struct meta_object_delete){
        .op = {.kind = META_OP_OBJECT_DELETE, .done = on_done_note},
        .bucket = store->bucket,
        .entries = entry,
        .count = 1,
    };
    meta_submit(store->meta, &op->op);
}

/* What the tests below have in common: an old object is deleted by the batch that brings two others. */
struct scene {
    struct meta_bucket_create holder;
    struct meta_object_delete delete;
    struct meta_delete_entry entry;
    struct packed first, second;
};

static void scene_run(struct store *store, struct scene *scene)
{
    assert_int_equal(put(store, "old", 1), 0);
    assert_string_equal(hooked.calls, "pe"); /* a batch in which nothing rests on anything */
    batch_hold(store, &scene->holder);
    assert_string_equal(hooked.calls, "pepe");
    submit_put(store, &scene->first, "first", 11);
    submit_delete(store, &scene->delete, &scene->entry, "old");
    submit_put(store, &scene->second, "second", 12);
    batch_run(3);
    assert_int_equal(hooked.in_batch, 3);
    assert_int_equal(hooked.resting, 2);
}

/* ---- Tests ---- */

static void order_of_the_hooks(void **state)
{
    struct store *store = *state;
    struct scene scene;

    scene_run(store, &scene);
    assert_string_equal(hooked.calls, "pepePbseddd");
    assert_int_equal(hooked.end_result, 0);
    assert_int_equal(hooked.answered, 3); /* as one list */
    assert_int_equal(scene.first.put.op.result, 0);
    assert_int_equal(file_of(store, "first"), 11);
    assert_int_equal(file_of(store, "second"), 12);
    assert_int_equal(file_of(store, "old"), META_E_NO_KEY);
    store_reopen_with(store, &(struct meta_options){.durable = true}); /* ends the thread */
    assert_false(is_answering);
    assert_int_equal(dones_outside, 0);
}

static void one_unit_could_not_be_written(void **state)
{
    struct store *store = *state;
    struct scene scene;

    hooked.fail_file = 11;
    scene_run(store, &scene);
    assert_string_equal(hooked.calls, "pepePbseddd");
    assert_int_equal(hooked.end_result, 0);
    assert_int_equal(scene.first.put.op.result, -ENOSPC);
    assert_int_equal(scene.second.put.op.result, 0);
    assert_int_equal(file_of(store, "first"), META_E_NO_KEY);
    assert_int_equal(file_of(store, "second"), 12);
    assert_int_equal(file_of(store, "old"), META_E_NO_KEY);
}

/* The bytes are lost: so are the changes that rest on them, and no others. */
static void failed_barrier(void **state)
{
    struct store *store = *state;
    struct scene scene;

    hooked.sync_result = -EIO;
    hooked.fail_file = 12;
    scene_run(store, &scene);
    assert_string_equal(hooked.calls, "pepePbseddd");
    assert_int_equal(hooked.end_result, -EIO);
    assert_int_equal(scene.first.put.op.result, -EIO);
    assert_int_equal(scene.second.put.op.result, -ENOSPC); /* its own failure */
    assert_int_equal(scene.delete.op.result, 0);
    assert_int_equal(scene.entry.result, 0);
    assert_true(scene.entry.existed);
    assert_int_equal(file_of(store, "first"), META_E_NO_KEY);
    assert_int_equal(file_of(store, "second"), META_E_NO_KEY);
    assert_int_equal(file_of(store, "old"), META_E_NO_KEY);
    assert_int_equal(garbage_clear(store), 1); /* of the delete, once */

    memset(&hooked, 0, sizeof(hooked)); /* as if nothing had been */
    scene_run(store, &scene);
    assert_int_equal(file_of(store, "first"), 11);
}

/* A change that the database refuses waits for the bytes as well: its unit is being written. */
static void refused_change(void **state)
{
    struct store *store = *state;
    struct meta_bucket_create holder;
    struct packed packed;

    batch_hold(store, &holder);
    submit_put(store, &packed, "", 11); /* a key of no bytes */
    batch_run(1);
    assert_string_equal(hooked.calls, "pePbsed");
    assert_int_equal(hooked.end_result, 0);
    assert_int_equal(packed.put.op.result, -EINVAL);
}

static void failed_commit(void **state)
{
    struct store *store = *state;
    struct meta_bucket_create holder;
    struct packed packed;

    batch_hold(store, &holder);
    submit_put(store, &packed, "first", 11);
    atomic_store(&syncs_to_fail, 1);
    batch_run(1);
    assert_int_equal(atomic_load(&syncs_to_fail), 0);
    assert_string_equal(hooked.calls, "pePbsed");
    assert_int_equal(hooked.end_result, -EIO);
    assert_int_equal(packed.put.op.result, META_E_UNSYNCED);
    assert_int_equal(file_of(store, "first"), META_E_NO_KEY);
    assert_int_equal(put(store, "later", 5), 0);
}

#define hooks_test(function) cmocka_unit_test_setup_teardown(function, setup, store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        hooks_test(order_of_the_hooks), hooks_test(one_unit_could_not_be_written),
        hooks_test(failed_barrier),     hooks_test(refused_change),
        hooks_test(failed_commit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
