/* SPDX-License-Identifier: MIT
 *
 * Uploads that end early: freed after every possible number of steps, and with every single disk operation
 * failing in turn. Nothing may be left behind: no file, no name, no descriptor, no id that is never settled,
 * no event after the end. Run it under the address sanitizer to see that no memory is, either. */
#include "tests/unit/storage/blob_support.h"

#define LENGTH ((2u << 20) + 5)

static const unsigned char *bytes;

/* What must hold after every upload that was given up. */
static void assert_nothing_left(struct rig *rig, unsigned descriptors)
{
    assert_int_equal(rig_count_blobs(rig), 0);
    assert_int_equal(rig_count_staging(rig), 0);
    assert_int_equal(rig->store->ids.settled, rig->store->ids.next);
    for (unsigned tries = 0; tries < 60000 && count_descriptors() > descriptors; ++tries)
        usleep(1000); /* a cancelled digest stream closes its descriptor on its own thread */
    assert_true(count_descriptors() <= descriptors);
}

/* One round of everything, so that threads run and pools are filled. */
static unsigned warm_up(struct rig *rig)
{
    struct upload upload;

    upload_begin(&upload, rig, bytes, LENGTH, true, FEED_SPLICE);
    assert_int_equal(upload_run(&upload), 0);
    upload_end(&upload);
    assert_int_equal(blob_store_remove(rig->store, upload.blob), 0);
    blob_store_settle(rig->store, upload.blob);
    /* A writer uses one pipe or two, as it happens: let the pool hold two now, so that more would be a leak. */
    struct pipe_pair pipes[2];
    for (unsigned i = 0; i < 2; ++i)
        assert_int_equal(pipe_pool_take(rig->pipes, &pipes[i]), 0);
    for (unsigned i = 0; i < 2; ++i)
        pipe_pool_give(rig->pipes, &pipes[i], 0);
    return count_descriptors();
}

/* ---- Freed after k steps ---- */

struct script {
    struct upload upload;
    unsigned steps; /* calls and reaps so far */
    bool sealed, publishing;
};

/* One call, or one reap. Returns false when the blob is published. */
static bool script_step(struct script *script)
{
    struct upload *upload = &script->upload;

    if (script->steps++ % 2 == 1 || !upload->ready) {
        ring_flush(upload->rig->ring);
        if (ring_reap(upload->rig->ring) == 0)
            usleep(100); /* something is under way in the kernel or on a thread */
        return !upload->published;
    }
    if (upload->fed < upload->length) {
        ssize_t n = upload_feed_one(upload, script->steps / 2);
        assert_true(n > 0 || n == -EBUSY || n == -EAGAIN);
        if (n > 0)
            upload->fed += (size_t)n;
    } else if (!script->sealed) {
        script->sealed = true;
        blob_writer_seal(upload->writer);
    } else if (upload->sealed && !script->publishing) {
        assert_int_equal(upload->result, 0);
        script->publishing = true;
        blob_writer_publish(upload->writer);
    }
    return true;
}

/* Every prefix of the script, on one store. */
static void free_after_each_step(enum ring_engine engine, bool durable, bool staging, enum feed feed)
{
    struct rig rig;
    bool done = false;

    rig_begin(&rig, engine, durable, false);
    atomic_store(&rig.store->no_tmpfile, staging);
    unsigned descriptors = warm_up(&rig);
    for (unsigned stop = 0; !done && stop < 400; ++stop) {
        struct script script = {.steps = 0};
        upload_begin(&script.upload, &rig, bytes, LENGTH, true, feed);
        while (script.steps < stop && !done)
            done = !script_step(&script);
        blob_writer_free(script.upload.writer);
        if (script.upload.client >= 0) {
            close(script.upload.client);
            close(script.upload.server);
        }
        bool told = script.upload.published;
        rig_settle(&rig);
        assert_int_equal(script.upload.published, told); /* no event after the end */
        if (told) {
            assert_int_equal(script.upload.result, 0);
            assert_blob_holds(&rig, script.upload.blob, bytes, LENGTH);
            assert_int_equal(blob_store_remove(rig.store, script.upload.blob), 0);
            blob_store_settle(rig.store, script.upload.blob);
        }
        assert_nothing_left(&rig, descriptors);
    }
    assert_true(done); /* the script was long enough to reach the end */
    rig_end(&rig);
}

static void test_free_splice_uring(void **state)
{
    free_after_each_step(RING_ENGINE_URING, true, false, FEED_SPLICE);
}

static void test_free_splice_threads(void **state)
{
    free_after_each_step(RING_ENGINE_THREADS, true, false, FEED_SPLICE);
}

static void test_free_memory(void **state)
{
    free_after_each_step(RING_ENGINE_AUTO, false, false, FEED_MEMORY);
}

static void test_free_mixed_staging(void **state)
{
    free_after_each_step(RING_ENGINE_AUTO, true, true, FEED_MIXED);
}

/* Freed and everything torn down at once: what is in flight must not need pipes, digests or an open store. */
static void free_and_tear_down(enum ring_engine engine, unsigned stop)
{
    struct script script = {.steps = 0};
    struct rig rig;

    rig_begin(&rig, engine, true, false);
    upload_begin(&script.upload, &rig, bytes, LENGTH, true, FEED_SPLICE);
    while (script.steps < stop && script_step(&script))
        ;
    blob_writer_free(script.upload.writer);
    close(script.upload.client);
    close(script.upload.server);
    pipe_pool_destroy(rig.pipes);
    digest_pool_destroy(rig.digests);
    if (stop % 2 == 0)
        blob_store_close(rig.store);
    rig_settle(&rig);
    ring_destroy(rig.ring);
    if (stop % 2 == 1)
        blob_store_close(rig.store);
    remove_tree(rig.dir);
}

static void test_tear_down(void **state)
{
    unsigned descriptors = count_descriptors();

    for (unsigned stop = 0; stop < 60; ++stop)
        free_and_tear_down(stop % 3 == 0 ? RING_ENGINE_THREADS : RING_ENGINE_AUTO, stop);
    assert_int_equal(count_descriptors(), descriptors);
}

/* An owner may free the writer from inside any event. */
static struct blob_writer *doomed;
static unsigned deaths;

static void die_ready(void *ctx, int result)
{
    ++deaths;
    blob_writer_free(doomed);
}

static void die_sealed(void *ctx, int result, const struct digest_values *values)
{
    ++deaths;
    blob_writer_free(doomed);
}

static void stay_ready(void *ctx, int result)
{
    assert_int_equal(blob_writer_write(doomed, "abc", 3), 3);
    blob_writer_seal(doomed);
}

static void test_free_from_inside_an_event(void **state)
{
    static const struct blob_writer_events at_ready = {.on_ready = die_ready};
    static const struct blob_writer_events at_sealed = {.on_ready = stay_ready, .on_sealed = die_sealed};
    const struct blob_writer_events *events[] = {&at_ready, &at_sealed};
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    unsigned descriptors = warm_up(&rig);
    for (unsigned i = 0; i < 2; ++i) {
        struct blob_writer_options options = {.store = rig.store,
                                              .ring = rig.ring,
                                              .pipes = rig.pipes,
                                              .digests = rig.digests,
                                              .length = i == 0 ? UINT64_MAX : 3,
                                              .events = events[i]};
        deaths = 0;
        assert_int_equal(blob_writer_begin(&doomed, &options), 0);
        while (deaths == 0)
            ring_wait(rig.ring, true);
        rig_settle(&rig);
        assert_int_equal(deaths, 1);
        assert_nothing_left(&rig, descriptors);
    }
    rig_end(&rig);
}

/* ---- Every operation fails once ---- */

static void fail_each_operation(enum ring_engine engine, bool staging, enum feed feed, int error,
                                int expected)
{
    struct rig rig;
    unsigned failed = 0;

    rig_begin(&rig, engine, true, false);
    atomic_store(&rig.store->no_tmpfile, staging);
    unsigned descriptors = warm_up(&rig);
    for (int nth = 1; nth < 400; ++nth) {
        struct upload upload;
        fault_set(RING_OP_NONE, nth, error);
        upload_begin(&upload, &rig, bytes, LENGTH, true, feed);
        int result = upload_run(&upload);
        bool hit = fault.hits > 0;
        fault_set(RING_OP_NONE, 0, 0);
        upload_end(&upload);
        if (!hit) {
            assert_int_equal(result, 0);
            assert_int_equal(blob_store_remove(rig.store, upload.blob), 0);
            blob_store_settle(rig.store, upload.blob);
            assert_nothing_left(&rig, descriptors);
            break;
        }
        assert_int_equal(result, expected); /* never a success, and never another error */
        assert_true(expected == error || strstr(rig.last_message, strerror(-error)) != NULL);
        rig.last_message[0] = '\0';
        ++failed;
        assert_nothing_left(&rig, descriptors);
    }
    assert_true(failed >= 7); /* open, reserve, drains, sync, link, folder open, folder sync */
    assert_int_equal(fault.hits, 0);
    rig_end(&rig);
}

static void test_enospc_splice_uring(void **state)
{
    fail_each_operation(RING_ENGINE_URING, false, FEED_SPLICE, -ENOSPC, -ENOSPC);
}

static void test_eio_splice_threads(void **state)
{
    fail_each_operation(RING_ENGINE_THREADS, false, FEED_SPLICE, -EIO, -EIO);
}

static void test_eio_memory(void **state)
{
    fail_each_operation(RING_ENGINE_AUTO, false, FEED_MEMORY, -EIO, -EIO);
}

static void test_enospc_staging(void **state)
{
    fail_each_operation(RING_ENGINE_AUTO, true, FEED_MIXED, -ENOSPC, -ENOSPC);
}

/* What the kernel says of a disk, and what would mean something else to whoever feeds the writer: that chunks were refused, that it may try
 * again, that the socket is of no use. */
static void test_words_of_the_disk(void **state)
{
    fail_each_operation(RING_ENGINE_THREADS, false, FEED_SPLICE, -EBADMSG, -EIO);
    fail_each_operation(RING_ENGINE_AUTO, false, FEED_SPLICE, -EAGAIN, -EIO);
    fail_each_operation(RING_ENGINE_AUTO, true, FEED_MEMORY, -EBUSY, -EIO);
}

/* The file's own sync fails: the blob is dropped, although a second sync would say that all is well. */
static void test_failed_sync_drops_the_blob(void **state)
{
    static const enum ring_op_kind syncs[] = {RING_OP_FDATASYNC, RING_OP_FSYNC};

    for (unsigned i = 0; i < 2; ++i) {
        struct upload upload;
        struct rig rig;
        rig_begin(&rig, RING_ENGINE_AUTO, true, false);
        unsigned descriptors = warm_up(&rig);
        fault_set(syncs[i], 1, -EIO);
        upload_begin(&upload, &rig, bytes, 1000, true, FEED_MEMORY);
        assert_int_equal(upload_run(&upload), -EIO);
        assert_int_equal(fault.hits, 1);
        fault_set(RING_OP_NONE, 0, 0);
        assert_int_equal(upload.blob, 0);
        upload_end(&upload);
        assert_nothing_left(&rig, descriptors);
        rig_end(&rig);
    }
}

/* An orphan that cannot be removed stays unsettled, so that the next start finds it. */
static void test_unlink_that_fails_is_left_for_recovery(void **state)
{
    struct upload upload;
    uint64_t removed = 0;
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    fault_set(RING_OP_FSYNC, 1, -EIO);
    upload_begin(&upload, &rig, bytes, 1000, true, FEED_MEMORY);
    assert_int_equal(upload_run(&upload), -EIO);
    fault_set(RING_OP_UNLINKAT, 1, -EIO);
    upload_end(&upload);
    assert_int_equal(fault.hits, 1);
    fault_set(RING_OP_NONE, 0, 0);
    assert_int_equal(rig_count_blobs(&rig), 1);
    blob_store_close(rig.store);
    assert_int_equal(rig_open_store(&rig, true, false), 0);
    assert_int_equal(blob_store_recover(rig.store, no_row, NULL, NULL, &removed), 0);
    assert_int_equal(removed, 1);
    rig_end(&rig);
}

static void test_full_disk_is_told_before_the_body(void **state)
{
    struct blob_writer_options options;
    struct upload upload = {.client = -1};
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    unsigned descriptors = warm_up(&rig);
    upload.rig = &rig;
    options = (struct blob_writer_options){.store = rig.store,
                                           .ring = rig.ring,
                                           .pipes = rig.pipes,
                                           .digests = rig.digests,
                                           .length = UINT64_C(1) << 60,
                                           .events = &upload_events,
                                           .ctx = &upload};
    assert_int_equal(blob_writer_begin(&upload.writer, &options), 0);
    upload_wait(&upload, &upload.ready);
    assert_int_equal(upload.result, -ENOSPC);
    upload_end(&upload);
    assert_nothing_left(&rig, descriptors);
    rig_end(&rig);
}

/* A name that is taken by something the store did not put there is not overwritten. */
static void test_taken_name_is_skipped(void **state)
{
    struct rig rig;
    char path[BLOB_PATH_BYTES], full[128];

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    uint64_t next = rig.store->ids.next;
    blob_path_format(path, next);
    snprintf(full, sizeof(full), "%s/blobs/%s", rig.dir, path);
    int fd = open(full, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "stranger", 8), 8);
    close(fd);
    uint64_t blob = put_bytes(&rig, (const unsigned char *)"mine", 4);
    assert_int_equal(blob, next + 1);
    assert_int_equal(rig.warnings, 1);
    fd = blob_store_open_fd(rig.store, blob);
    assert_int_equal(blob_store_judge(rig.store, (struct blob_unit){blob, 0}, 4, fd),
                     0); /* it has the second id in it */
    close(fd);
    assert_blob_holds(&rig, next, (const unsigned char *)"stranger", 8);
    blob_store_settle(rig.store, blob);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_free_splice_threads),
        cmocka_unit_test(test_free_memory),
        cmocka_unit_test(test_free_mixed_staging),
        cmocka_unit_test(test_tear_down),
        cmocka_unit_test(test_free_from_inside_an_event),
        cmocka_unit_test(test_eio_splice_threads),
        cmocka_unit_test(test_eio_memory),
        cmocka_unit_test(test_enospc_staging),
        cmocka_unit_test(test_words_of_the_disk),
        cmocka_unit_test(test_failed_sync_drops_the_blob),
        cmocka_unit_test(test_unlink_that_fails_is_left_for_recovery),
        cmocka_unit_test(test_full_disk_is_told_before_the_body),
        cmocka_unit_test(test_taken_name_is_skipped),
        cmocka_unit_test(test_free_splice_uring),
        cmocka_unit_test(test_enospc_splice_uring),
    };

    bytes = make_bytes(LENGTH, 42);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free((void *)bytes);
    return failed;
}
