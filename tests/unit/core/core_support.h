/* SPDX-License-Identifier: MIT
 *
 * What the core tests share: a core with one worker in a temporary folder, and each asynchronous call driven to its end.
 * Header only; every test is one program. */
#ifndef TESTS_CORE_SUPPORT_H
#define TESTS_CORE_SUPPORT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api/core/core.h"
#include "storage/limits.h"

#define UNUSED __attribute__((unused))

struct rig {
    char dir[64];
    struct core_options options;
    struct core *core;
    struct core_worker *worker;
    int64_t bucket;
};

/* ---- A place to work in ---- */

static int tree_remove_entry(const char *path, const struct stat *status, int type, struct FTW *at)
{
    return remove(path);
}

UNUSED static void tree_remove(const char *path)
{
    nftw(path, tree_remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static unsigned long files_found, segments_found, segment_blocks_found;

static bool is_segment(const char *path)
{
    char head[16] = "";
    int fd = open(path, O_RDONLY);
    bool is =
        fd >= 0 && read(fd, head, sizeof(head)) == sizeof(head) && memcmp(head, "Sluice segment 1", 16) == 0;

    if (fd >= 0)
        close(fd);
    return is;
}

static int tree_count_entry(const char *path, const struct stat *status, int type, struct FTW *at)
{
    if (type != FTW_F || strcmp(path + at->base, "SEQUENCE") == 0 || strstr(path, "/chronicle/") != NULL)
        return 0;
    if (is_segment(path)) {
        segments_found++;
        segment_blocks_found += (unsigned long)status->st_blocks / 8;
    } else {
        files_found++;
    }
    return 0;
}

/* Blobs that are files of their own. Not for use on two threads at once. */
UNUSED static unsigned long blob_files(const char *dir)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/blobs", dir);
    files_found = segments_found = segment_blocks_found = 0;
    nftw(path, tree_count_entry, 8, FTW_PHYS);
    return files_found;
}

UNUSED static unsigned long segment_files(const char *dir)
{
    (void)blob_files(dir);
    return segments_found;
}

/* Blocks of 4 KiB that all segments occupy, their heads included. */
UNUSED static unsigned long segment_blocks(const char *dir)
{
    (void)blob_files(dir);
    return segment_blocks_found;
}

/* Waits until there are `count` blobs that are files of their own: writers undo in the worker's ring, the reclaimer works in the background.
 * Fails after a long while. */
UNUSED static void await_blob_files(struct rig *rig, unsigned long count)
{
    const struct timespec pause = {.tv_nsec = 5000000};

    unsigned long found = blob_files(rig->dir);

    /* A segment that is made meanwhile is none yet, and looks like a file of its own: what was seen once is not looked at again. */
    for (unsigned i = 0; i < 20000 && found != count; i++) {
        core_worker_flush(rig->worker);
        core_worker_run(rig->worker);
        nanosleep(&pause, NULL);
        found = blob_files(rig->dir);
    }
    assert_int_equal(found, count);
}

static void change_on_done(struct core_change *change)
{
    *(bool *)change->ctx = true;
}

static int rig_change(struct rig *rig, struct meta_op *op)
{
    bool done = false;
    struct core_change change = {.op = op, .done = change_on_done, .ctx = &done};

    core_change_submit(rig->worker, &change);
    while (!done)
        core_worker_wait(rig->worker);
    return op->result;
}

UNUSED static int rig_open_again(struct rig *rig)
{
    int err;

    rig->options.data_dir = rig->dir;
    err = core_open(&rig->core, &rig->options);
    if (err != 0)
        return err;
    err = core_worker_create(rig->core, &rig->worker);
    if (err != 0)
        core_close(rig->core);
    return err;
}

UNUSED static void rig_close(struct rig *rig)
{
    core_worker_destroy(rig->worker);
    core_close(rig->core);
    rig->core = NULL;
}

/* options: data_dir is filled in. Exits with 77 where the engine is not to be had. */
UNUSED static void rig_begin(struct rig *rig, const struct core_options *options)
{
    struct meta_bucket_create create = {.op.kind = META_OP_BUCKET_CREATE, .bucket.name = "bucket"};
    int err;

    *rig = (struct rig){.dir = "/tmp/sluice-core-XXXXXX"};
    if (options != NULL)
        rig->options = *options;
    assert_non_null(mkdtemp(rig->dir));
    err = rig_open_again(rig);
    if ((err == -EPERM || err == -ENOSYS) && rig->options.engine == RING_ENGINE_URING) {
        tree_remove(rig->dir);
        exit(77);
    }
    assert_int_equal(err, 0);
    assert_int_equal(rig_change(rig, &create.op), 0);
    rig->bucket = create.bucket.id;
}

UNUSED static void rig_end(struct rig *rig)
{
    if (rig->core != NULL)
        rig_close(rig);
    tree_remove(rig->dir);
}

/* ---- Bodies ---- */

/* Bytes that differ from body to body and from place to place. */
UNUSED static unsigned char *body_make(size_t length, uint64_t seed)
{
    unsigned char *body = malloc(length + 1);
    uint64_t x = seed * 0x9e3779b97f4a7c15u + 1;

    assert_non_null(body);
    for (size_t i = 0; i < length; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        body[i] = (unsigned char)(x >> 56);
    }
    return body;
}

/* ---- PUT ---- */

struct test_put {
    struct rig *rig;
    struct core_put *put;
    bool ready, room, sealed, committed;
    int result;
    struct digest_values values;
};

static void put_ready(void *ctx, int result)
{
    struct test_put *put = ctx;

    assert_false(put->ready);
    put->ready = true;
    put->result = result;
}

static void put_room(void *ctx)
{
    ((struct test_put *)ctx)->room = true;
}

static void put_sealed(void *ctx, int result, const struct digest_values *values)
{
    struct test_put *put = ctx;

    assert_false(put->sealed);
    put->sealed = true;
    put->result = result;
    if (result == 0)
        put->values = *values;
}

static void put_committed(void *ctx, int result)
{
    struct test_put *put = ctx;

    assert_false(put->committed);
    put->committed = true;
    put->result = result;
}

static const struct core_put_events put_events = {put_ready, put_room, put_sealed, put_committed};

static int put_await(struct test_put *put, const bool *flag)
{
    while (!*flag)
        core_worker_wait(put->rig->worker);
    return put->result;
}

/* Until bytes may be given. */
UNUSED static int put_begin_with(struct rig *rig, struct test_put *put,
                                 const struct core_put_options *options)
{
    int result = core_put_begin(rig->worker, options, &put->put);

    if (result == CORE_PUT_IS_READY)
        return 0;
    assert_int_equal(result, 0);
    return put_await(put, &put->ready);
}

UNUSED static int put_begin(struct rig *rig, struct test_put *put, uint64_t length)
{
    struct core_put_options options = {.length = length, .events = &put_events, .ctx = put};

    *put = (struct test_put){.rig = rig};
    core_etag_choose(rig->core, false, &options);
    return put_begin_with(rig, put, &options);
}

UNUSED static int put_fill(struct test_put *put, const unsigned char *body, size_t length)
{
    while (length > 0) {
        put->room = false;
        ssize_t n = core_put_write(put->put, body, length);
        if (n == -EBUSY) {
            put_await(put, &put->room);
            continue;
        }
        if (n < 0)
            return (int)n;
        body += n;
        length -= (size_t)n;
    }
    return 0;
}

UNUSED static int put_seal(struct test_put *put)
{
    core_put_seal(put->put);
    return put_await(put, &put->sealed);
}

UNUSED static int put_commit(struct test_put *put, const char *key, struct meta_condition condition)
{
    struct meta_object_put op = {.bucket = put->rig->bucket, .key = slice_text(key), .condition = condition};

    core_etag_make(&put->values, op.object.etag);
    core_put_commit_object(put->put, &op);
    return put_await(put, &put->committed);
}

/* A whole object. */
UNUSED static int rig_put(struct rig *rig, const char *key, const unsigned char *body, size_t length,
                          struct meta_condition condition)
{
    struct test_put put;
    int err = put_begin(rig, &put, length);

    if (err == 0)
        err = put_fill(&put, body, length);
    if (err == 0)
        err = put_seal(&put);
    if (err == 0)
        err = put_commit(&put, key, condition);
    core_put_end(put.put);
    return err;
}

#define NO_CONDITION ((struct meta_condition){0})

UNUSED static int rig_delete(struct rig *rig, const char *key)
{
    struct meta_delete_entry entry = {.key = slice_text(key)};
    struct meta_object_delete op = {
        .op.kind = META_OP_OBJECT_DELETE, .bucket = rig->bucket, .entries = &entry, .count = 1};
    int err = rig_change(rig, &op.op);

    return err != 0 ? err : entry.result;
}

/* ---- GET ---- */

static void get_ready(void *ctx)
{
    *(bool *)ctx = true;
}

/* Reads [first, first + length) of an open get and compares. */
UNUSED static void get_expect(struct rig *rig, struct core_get *get, const unsigned char *body,
                              uint64_t first, uint64_t length)
{
    unsigned char *seen = malloc(length + 1);
    uint64_t have = 0;
    bool ready = false;
    int err = core_get_open(get, first, length, get_ready, &ready);

    assert_non_null(seen);
    if (err == -EBUSY) {
        while (!ready)
            core_worker_wait(rig->worker);
        err = core_get_status(get);
    }
    assert_int_equal(err, 0);
    for (;;) {
        ready = false;
        ssize_t n = core_get_read(get, seen + have, length + 1 - have);
        if (n == -EBUSY) {
            while (!ready)
                core_worker_wait(rig->worker);
            continue;
        }
        assert_true(n >= 0);
        if (n == 0)
            break;
        have += (uint64_t)n;
        assert_true(have <= length);
    }
    assert_int_equal(have, length);
    assert_memory_equal(seen, body + first, length);
    free(seen);
}

UNUSED static void rig_expect(struct rig *rig, const char *key, const unsigned char *body, uint64_t length)
{
    const struct meta_object *object;
    struct core_get *get;

    assert_int_equal(core_get_begin(rig->worker, rig->bucket, slice_text(key), &get, &object), 0);
    assert_int_equal(object->size, length);
    get_expect(rig, get, body, 0, length);
    core_get_end(get);
}

UNUSED static int rig_head(struct rig *rig, const char *key, struct meta_object *object)
{
    return meta_object_get(core_worker_reader(rig->worker), rig->bucket, slice_text(key), object);
}

/* ---- Check ---- */

UNUSED static void check_print(void *ctx, const char *text)
{
    print_message("check: %s\n", text);
}

/* The store must be closed. */
UNUSED static void expect_clean(const char *dir, uint64_t objects)
{
    struct core_check_report report;

    assert_int_equal(core_check(dir, true, check_print, NULL, &report), 0);
    assert_int_equal(report.findings, 0);
    assert_int_equal(report.orphaned, 0);
    if (objects != UINT64_MAX)
        assert_int_equal(report.objects, objects);
}

#endif
