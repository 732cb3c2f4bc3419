/* SPDX-License-Identifier: MIT
 *
 * What the blob tests share: a store in a temporary folder with a ring, pipes and digest threads, uploads
 * driven to their end, and faults injected into the ring. Header only; every test is one program. */
#ifndef TESTS_BLOB_SUPPORT_H
#define TESTS_BLOB_SUPPORT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/egress/blob_egress.h"
#include "storage/blob/blob_internal.h"
#include "storage/ingress/blob_writer.h"
#include "storage/ring/ring_fault.h"

#define UNUSED __attribute__((unused))

/* ---- A place to work in ---- */

struct rig {
    char dir[64];
    struct blob_store *store;
    struct ring *ring;
    struct pipe_pool *pipes;
    struct digest_pool *digests;
    struct pump_pool *pumps;   /* set by tests that want large uploads pumped */
    unsigned warnings, errors; /* messages to the operator */
    char last_message[512];
};

static void rig_log(void *ctx, enum log_level level, const char *message)
{
    struct rig *rig = ctx;

    if (level == LOG_LEVEL_WARNING)
        ++rig->warnings;
    if (level == LOG_LEVEL_ERROR)
        ++rig->errors;
    snprintf(rig->last_message, sizeof(rig->last_message), "%s", message);
}

/* As on a file system that several machines mount, where folders are read in the place of names that are asked for. */
static bool rig_shared_fs;

static int rig_open_store(struct rig *rig, bool durable, bool copy_mode)
{
    struct blob_store_options options = {.durable = durable,
                                         .copy_mode = copy_mode,
                                         .shared_fs = rig_shared_fs,
                                         .log = rig_log,
                                         .log_ctx = rig};

    return blob_store_open(&rig->store, rig->dir, &options);
}

static int no_row(void *ctx, uint64_t blob)
{
    return 0;
}

UNUSED static void rig_begin(struct rig *rig, enum ring_engine engine, bool durable, bool copy_mode)
{
    memset(rig, 0, sizeof(*rig));
    snprintf(rig->dir, sizeof(rig->dir), "/tmp/sluice-blob-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    int err = ring_create(&rig->ring, engine);
    if ((err == -EPERM || err == -ENOSYS) && engine == RING_ENGINE_URING) {
        rmdir(rig->dir);
        skip(); /* this test alone: the program still says which others have failed */
    }
    assert_int_equal(err, 0);
    assert_int_equal(pipe_pool_create(&rig->pipes), 0);
    assert_int_equal(digest_pool_create(&rig->digests, 2), 0);
    assert_int_equal(rig_open_store(rig, durable, copy_mode), 0);
    assert_int_equal(blob_store_recover(rig->store, no_row, NULL, NULL, NULL), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    return remove(path);
}

UNUSED static void remove_tree(const char *dir)
{
    assert_int_equal(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

UNUSED static void rig_end(struct rig *rig)
{
    digest_pool_destroy(rig->digests);
    ring_destroy(rig->ring);
    pump_pool_destroy(rig->pumps);
    pipe_pool_destroy(rig->pipes);
    blob_store_close(rig->store);
    remove_tree(rig->dir);
}

/* Runs the ring until nothing is in flight in it. Work of digest threads may still be under way. */
UNUSED static void rig_settle(struct rig *rig)
{
    while (ring_pending(rig->ring) > 0)
        ring_wait(rig->ring, false);
    while (ring_reap(rig->ring) > 0 || ring_pending(rig->ring) > 0)
        ring_wait(rig->ring, false);
}

static int count_one(void *ctx, uint64_t blob, uint64_t size_bytes)
{
    ++*(unsigned *)ctx;
    return 0;
}

UNUSED static unsigned rig_count_blobs(struct rig *rig)
{
    unsigned count = 0;

    assert_int_equal(blob_store_walk(rig->store, count_one, &count), 0);
    return count;
}

static unsigned count_dir(const char *path)
{
    unsigned count = 0;
    DIR *dir = opendir(path);

    assert_non_null(dir);
    while (readdir(dir) != NULL)
        ++count;
    closedir(dir);
    return count;
}

UNUSED static unsigned count_descriptors(void)
{
    return count_dir("/proc/self/fd");
}

UNUSED static unsigned rig_count_staging(struct rig *rig)
{
    char path[96];

    snprintf(path, sizeof(path), "%s/staging", rig->dir);
    return count_dir(path) - 2;
}

/* ---- Bytes ---- */

/* The same for the same seed, and different in every page. */
UNUSED static unsigned char *make_bytes(size_t length, uint64_t seed)
{
    unsigned char *bytes = malloc(length + 8);

    assert_non_null(bytes);
    uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (size_t i = 0; i < length; i += 8) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        memcpy(bytes + i, &x, 8);
    }
    return bytes;
}

UNUSED static void assert_blob_holds(struct rig *rig, uint64_t blob, const unsigned char *bytes,
                                     size_t length)
{
    int fd = blob_store_open_fd(rig->store, blob);
    struct stat st;
    unsigned char *found = malloc(length + 1);
    size_t have = 0;

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_in_range(st.st_size, length, length + BLOB_RECORD_BYTES_MAX); /* what it says of itself follows */
    while (have < length) {
        ssize_t n = pread(fd, found + have, length - have, (off_t)have);
        assert_true(n > 0);
        have += (size_t)n;
    }
    assert_memory_equal(found, bytes, length);
    free(found);
    close(fd);
}

/* ---- One upload ---- */

enum feed { FEED_SPLICE, FEED_MEMORY, FEED_MIXED };

struct upload {
    struct rig *rig;
    struct blob_writer *writer;
    bool ready, room, sealed, published; /* which events came */
    int result;                          /* of the last event that carries one */
    struct digest_values values;
    uint64_t blob;

    const unsigned char *bytes;
    size_t length, fed; /* handed to the writer */
    size_t sent;        /* pushed into the client's end of the socket */
    int client, server; /* -1 without a socket */
    enum feed feed;
    unsigned refusals; /* -EOPNOTSUPP from splice */
};

static void on_ready(void *ctx, int result)
{
    struct upload *upload = ctx;

    assert_false(upload->ready);
    upload->ready = true;
    upload->result = result;
}

static void on_room(void *ctx)
{
    struct upload *upload = ctx;

    upload->room = true;
}

static void on_sealed(void *ctx, int result, const struct digest_values *values)
{
    struct upload *upload = ctx;

    assert_false(upload->sealed);
    upload->sealed = true;
    upload->result = result;
    if (result == 0)
        upload->values = *values;
}

static void on_published(void *ctx, int result, uint64_t blob)
{
    struct upload *upload = ctx;

    assert_false(upload->published);
    upload->published = true;
    upload->result = result;
    upload->blob = blob;
}

static const struct blob_writer_events upload_events = {
    .on_ready = on_ready, .on_room = on_room, .on_sealed = on_sealed, .on_published = on_published};

UNUSED static void upload_begin(struct upload *upload, struct rig *rig, const unsigned char *bytes,
                                size_t length, bool length_known, enum feed feed)
{
    *upload = (struct upload){
        .rig = rig, .bytes = bytes, .length = length, .feed = feed, .client = -1, .server = -1};
    if (feed != FEED_MEMORY) {
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
        upload->client = pair[0];
        upload->server = pair[1];
    }
    struct blob_writer_options options = {
        .store = rig->store,
        .ring = rig->ring,
        .pipes = rig->pipes,
        .digests = rig->digests,
        .pumps = rig->pumps,
        .length = length_known ? length : UINT64_MAX,
        .digest_mask = DIGEST_BIT(rig->pumps != NULL ? DIGEST_CRC32C : DIGEST_SHA256),
        .events = &upload_events,
        .ctx = upload,
    };
    assert_int_equal(blob_writer_begin(&upload->writer, &options), 0);
    assert_false(upload->ready); /* never from inside a call */
}

/* Waits in the ring until a flag is set. */
UNUSED static void upload_wait(struct upload *upload, const bool *flag)
{
    while (!*flag)
        ring_wait(upload->rig->ring, true);
}

static void upload_push(struct upload *upload)
{
    while (upload->sent < upload->length) {
        ssize_t n = write(upload->client, upload->bytes + upload->sent, upload->length - upload->sent);
        if (n < 0) {
            assert_int_equal(errno, EAGAIN);
            return;
        }
        upload->sent += (size_t)n;
    }
}

/* What a caller does after -EOPNOTSUPP: recv and write. */
static ssize_t upload_feed_copy(struct upload *upload)
{
    unsigned char buffer[20000];
    ssize_t n = recv(upload->server, buffer, sizeof(buffer), MSG_PEEK);

    if (n <= 0)
        return -EAGAIN;
    ssize_t taken = blob_writer_write(upload->writer, buffer, (size_t)n);
    if (taken > 0)
        assert_int_equal(recv(upload->server, buffer, (size_t)taken, 0), taken);
    return taken;
}

/* One call into the writer with the next bytes. */
static ssize_t upload_feed_one(struct upload *upload, unsigned turn)
{
    size_t left = upload->length - upload->fed;

    if (upload->feed == FEED_MEMORY) {
        size_t most = 1 + turn * 7919u % 300000u; /* odd sizes, larger than the buffers now and then */
        return blob_writer_write(upload->writer, upload->bytes + upload->fed, left < most ? left : most);
    }
    upload_push(upload);
    if (!blob_writer_can_splice(upload->writer) || (upload->feed == FEED_MIXED && turn % 3 == 1))
        return upload_feed_copy(upload);
    ssize_t n = blob_writer_splice(upload->writer, upload->server, left < (1u << 20) ? left : 1u << 20);
    if (n == -EOPNOTSUPP) {
        ++upload->refusals;
        return upload_feed_copy(upload);
    }
    return n;
}

/* Feeds everything. Returns 0 or the failure that a call reported. */
UNUSED static int upload_feed(struct upload *upload)
{
    for (unsigned turn = 0; upload->fed < upload->length; ++turn) {
        ssize_t n = upload_feed_one(upload, turn);
        if (n > 0) {
            upload->fed += (size_t)n;
            assert_int_equal(blob_writer_taken(upload->writer), upload->fed);
        } else if (n == -EBUSY) {
            upload->room = false;
            upload_wait(upload, &upload->room);
        } else if (n != -EAGAIN) {
            return (int)n;
        }
        ring_flush(upload->rig->ring);
        ring_reap(upload->rig->ring);
    }
    return 0;
}

static void upload_end(struct upload *upload)
{
    blob_writer_free(upload->writer);
    upload->writer = NULL;
    if (upload->client >= 0) {
        close(upload->client);
        close(upload->server);
    }
    rig_settle(upload->rig);
}

/* The whole life. Returns 0 or the first failure; upload->blob is what it became. */
UNUSED static int upload_run(struct upload *upload)
{
    int err;

    upload_wait(upload, &upload->ready);
    if ((err = upload->result) != 0)
        return err;
    if ((err = upload_feed(upload)) != 0)
        return err;
    blob_writer_seal(upload->writer);
    assert_false(upload->sealed);
    upload_wait(upload, &upload->sealed);
    if ((err = upload->result) != 0)
        return err;
    blob_writer_publish(upload->writer);
    assert_false(upload->published);
    upload_wait(upload, &upload->published);
    return upload->result;
}

UNUSED static uint64_t put_bytes(struct rig *rig, const unsigned char *bytes, size_t length)
{
    struct upload upload;

    upload_begin(&upload, rig, bytes, length, true, FEED_MEMORY);
    assert_int_equal(upload_run(&upload), 0);
    upload_end(&upload);
    return upload.blob;
}

/* The same without what its file says of itself, as earlier versions wrote it. */
UNUSED static uint64_t put_bytes_alone(struct rig *rig, const unsigned char *bytes, size_t length)
{
    uint64_t blob = put_bytes(rig, bytes, length);
    char path[BLOB_PATH_BYTES];

    blob_path_format(path, blob);
    int fd = openat(rig->store->blobs_fd, path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)length), 0);
    close(fd);
    return blob;
}

/* ---- Faults: the n-th operation of a kind fails with an errno ---- */

static struct {
    enum ring_op_kind kind; /* RING_OP_NONE: every kind but close */
    int countdown;          /* 0: off */
    int error;
    unsigned hits;
} fault;

/* A close that is told to fail would leave its descriptor open, which no kernel does. */
UNUSED static int fault_hook(enum ring_op_kind kind, int fd, uint64_t length)
{
    if (kind == RING_OP_CLOSE || fault.countdown == 0 || (fault.kind != RING_OP_NONE && kind != fault.kind))
        return 0;
    if (--fault.countdown > 0)
        return 0;
    ++fault.hits;
    return fault.error;
}

UNUSED static void fault_set(enum ring_op_kind kind, int countdown, int error)
{
    fault.kind = kind;
    fault.countdown = countdown;
    fault.error = error;
    fault.hits = 0;
    sys_fault = countdown > 0 ? fault_hook : NULL;
}

#endif
