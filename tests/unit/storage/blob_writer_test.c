/* SPDX-License-Identifier: MIT
 *
 * Uploads that go well: every size that sits on an edge, by splice, from memory and mixed, on both ring
 * engines, durable and relaxed, with known and unknown length; and the fallbacks that a file system can
 * force. */
#include "tests/unit/storage/blob_support.h"
#include "storage/ingress/blob_writer_parts.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>

#define MIB (1u << 20)

static void check_digests(const struct upload *upload)
{
    struct digest_values wanted;
    uint32_t mask = DIGEST_BIT(DIGEST_SHA256) | DIGEST_BIT(DIGEST_OF_CONTENT);

    assert_int_equal(digest_buffer(mask, upload->bytes, upload->length, &wanted), 0);
    assert_int_equal(upload->values.mask & mask, mask);
    assert_memory_equal(upload->values.value[DIGEST_SHA256], wanted.value[DIGEST_SHA256], 32);
    assert_memory_equal(upload->values.value[DIGEST_OF_CONTENT], wanted.value[DIGEST_OF_CONTENT], 8);
}

static void round_trip(struct rig *rig, size_t length, bool length_known, enum feed feed)
{
    unsigned char *bytes = make_bytes(length, length + feed);
    struct upload upload;

    upload_begin(&upload, rig, bytes, length, length_known, feed);
    assert_int_equal(upload_run(&upload), 0);
    check_digests(&upload);
    upload_end(&upload);
    if (length == 0) {
        assert_int_equal(upload.blob, 0); /* no bytes, no file */
    } else {
        assert_int_not_equal(upload.blob, 0);
        assert_blob_holds(rig, upload.blob, bytes, length);
        assert_int_equal(blob_store_remove(rig->store, upload.blob), 0);
        blob_store_settle(rig->store, upload.blob);
    }
    free(bytes);
}

static void sizes_on(enum ring_engine engine, bool durable, bool copy_mode)
{
    static const size_t sizes[] = {0,      1,      4095,   4096,    4097, 16384,   16385,       131071,
                                   131072, 131073, 262144, MIB - 1, MIB,  MIB + 1, 3 * MIB + 17};
    struct rig rig;
    unsigned descriptors;

    rig_begin(&rig, engine, durable, copy_mode);
    round_trip(&rig, 100000, true, FEED_MIXED); /* starts threads, fills the pool of pipes */
    descriptors = count_descriptors();
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); ++i) {
        for (enum feed feed = FEED_SPLICE; feed <= FEED_MIXED; ++feed) {
            round_trip(&rig, sizes[i], true, feed);
            round_trip(&rig, sizes[i], false, feed);
        }
    }
    assert_int_equal(rig_count_blobs(&rig), 0);
    assert_int_equal(rig.warnings + rig.errors, 0);
    assert_in_range(count_descriptors(), descriptors - 4, descriptors + 4); /* pipes come and go */
    rig_end(&rig);
}

static void test_sizes_uring(void **state)
{
    sizes_on(RING_ENGINE_URING, true, false);
}

static void test_sizes_threads(void **state)
{
    sizes_on(RING_ENGINE_THREADS, true, false);
}

static void test_sizes_relaxed(void **state)
{
    sizes_on(RING_ENGINE_AUTO, false, false);
}

static void test_sizes_copy_mode(void **state)
{
    sizes_on(RING_ENGINE_AUTO, false, true);
}

static void test_tens_of_mib(void **state)
{
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    round_trip(&rig, 40 * MIB + 12345, true, FEED_SPLICE);
    round_trip(&rig, 24 * MIB + 1, false, FEED_MEMORY);
    round_trip(&rig, 24 * MIB + 1, false, FEED_MIXED);
    rig_end(&rig);
}

/* TCP brings small segments, which use up a pipe's slots long before its bytes. */
static void test_tcp_small_segments(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t address_bytes = sizeof(address);
    size_t length = 2 * MIB + 333;
    unsigned char *bytes = make_bytes(length, 5);
    struct upload upload;
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &address_bytes), 0);
    upload_begin(&upload, &rig, bytes, length, true, FEED_SPLICE);
    close(upload.client);
    close(upload.server);
    upload.client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(upload.client, (struct sockaddr *)&address, sizeof(address)), 0);
    upload.server = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(upload.server >= 0);
    assert_int_equal(fcntl(upload.client, F_SETFL, O_NONBLOCK), 0);

    upload_wait(&upload, &upload.ready);
    /* Push in pieces of 700 bytes, and take only now and then. */
    while (upload.fed < length) {
        for (unsigned i = 0; i < 900 && upload.sent < length; ++i) {
            size_t piece = length - upload.sent < 700 ? length - upload.sent : 700;
            ssize_t n = write(upload.client, bytes + upload.sent, piece);
            if (n < 0)
                break;
            upload.sent += (size_t)n;
        }
        ssize_t n = blob_writer_splice(upload.writer, upload.server, length - upload.fed);
        if (n > 0) {
            upload.fed += (size_t)n;
        } else if (n == -EBUSY) {
            upload.room = false;
            upload_wait(&upload, &upload.room);
        } else {
            assert_int_equal(n, -EAGAIN);
        }
    }
    blob_writer_seal(upload.writer);
    upload_wait(&upload, &upload.sealed);
    check_digests(&upload);
    blob_writer_publish(upload.writer);
    upload_wait(&upload, &upload.published);
    assert_int_equal(upload.result, 0);
    upload_end(&upload);
    assert_blob_holds(&rig, upload.blob, bytes, length);
    blob_store_settle(rig.store, upload.blob);
    close(listener);
    free(bytes);
    rig_end(&rig);
}

/* ---- Two pipes ---- */

static struct {
    _Atomic int first_fd;                      /* of the pipe that was emptied first; 0: none yet */
    _Atomic bool is_told, other_came, in_time; /* that there is room; that the other pipe is being emptied */
} pipes_watch;

/* On a thread of the ring's, for splices into files. */
static ssize_t splice_watched(int fd_in, off_t *off_in, int fd_out, off_t *off_out, size_t length,
                              unsigned flags)
{
    int none = 0;

    if (off_out != NULL && !atomic_compare_exchange_strong(&pipes_watch.first_fd, &none, fd_in) &&
        fd_in != none && !atomic_exchange(&pipes_watch.other_came, true))
        atomic_store(&pipes_watch.in_time, atomic_load(&pipes_watch.is_told));
    return splice(fd_in, off_in, fd_out, off_out, length, flags);
}

static void on_room_watched(void *ctx)
{
    atomic_store(&pipes_watch.is_told, true);
    on_room(ctx);
}

/* The client may go on as soon as one pipe is empty, not when both are. */
static void test_room_in_one_of_two_pipes(void **state)
{
    static struct blob_writer_events watched;
    size_t length = 6 * MIB;
    unsigned char *bytes = make_bytes(length, 9);
    struct upload upload;
    struct rig rig;
    ssize_t n;

    watched = upload_events;
    watched.on_room = on_room_watched;
    memset(&pipes_watch, 0, sizeof(pipes_watch));
    sys.splice = splice_watched;
    rig_begin(&rig, RING_ENGINE_THREADS, false, false);
    upload_begin(&upload, &rig, bytes, length, true, FEED_SPLICE);
    upload.writer->events = &watched;
    upload_wait(&upload, &upload.ready);
    for (unsigned turn = 0; (n = upload_feed_one(&upload, turn)) != -EBUSY; ++turn) {
        assert_true(n > 0 || n == -EAGAIN);
        upload.fed += n > 0 ? (size_t)n : 0;
        ring_flush(rig.ring);
    }
    upload_wait(&upload, &upload.room);
    assert_int_equal(upload_feed(&upload), 0);
    blob_writer_seal(upload.writer);
    upload_wait(&upload, &upload.sealed);
    assert_true(pipes_watch.other_came && pipes_watch.in_time);
    upload_end(&upload);
    free(bytes);
    rig_end(&rig);
    sys.splice = splice;
}

static void test_peer_closed_is_zero(void **state)
{
    unsigned char *bytes = make_bytes(5000, 1);
    struct upload upload;
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    upload_begin(&upload, &rig, bytes, 5000, false, FEED_SPLICE);
    upload_wait(&upload, &upload.ready);
    assert_int_equal(blob_writer_splice(upload.writer, upload.server, 100), -EAGAIN);
    upload_push(&upload);
    assert_int_equal(shutdown(upload.client, SHUT_WR), 0);
    size_t have = 0;
    ssize_t n;
    while ((n = blob_writer_splice(upload.writer, upload.server, 100000)) != 0) {
        if (n == -EBUSY) {
            upload.room = false;
            upload_wait(&upload, &upload.room);
            continue;
        }
        assert_true(n > 0);
        have += (size_t)n;
    }
    assert_int_equal(have, 5000);
    upload_end(&upload);
    assert_int_equal(rig_count_blobs(&rig), 0);
    free(bytes);
    rig_end(&rig);
}

/* ---- Fallbacks ---- */

static void test_no_tmpfile(void **state)
{
    static const int refusals[] = {-EOPNOTSUPP, -EISDIR, -ENOENT};

    for (unsigned i = 0; i < 3; ++i) {
        struct rig rig;
        rig_begin(&rig, RING_ENGINE_AUTO, true, false);
        fault_set(RING_OP_OPENAT, 1, refusals[i]);
        round_trip(&rig, 70000, true, FEED_MIXED);
        assert_int_equal(fault.hits, 1);
        fault_set(RING_OP_NONE, 0, 0);
        round_trip(&rig, 2 * MIB, false, FEED_SPLICE);
        assert_int_equal(rig.warnings, 1); /* said once */
        assert_int_equal(rig_count_staging(&rig), 0);

        struct upload upload; /* abandoned: its name below staging/ goes, too */
        upload_begin(&upload, &rig, (const unsigned char *)"x", 1, false, FEED_MEMORY);
        upload_wait(&upload, &upload.ready);
        assert_int_equal(rig_count_staging(&rig), 1);
        upload_end(&upload);
        assert_int_equal(rig_count_staging(&rig), 0);
        rig_end(&rig);
    }
}

static ssize_t splice_refused(int fd_in, off_t *off_in, int fd_out, off_t *off_out, size_t length,
                              unsigned flags)
{
    errno = EINVAL;
    return -1;
}

static void test_first_hop_refused(void **state)
{
    struct rig rig;
    struct upload upload;
    unsigned char *bytes = make_bytes(3 * MIB, 9);

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    sys.splice = splice_refused;
    upload_begin(&upload, &rig, bytes, 3 * MIB, true, FEED_SPLICE);
    assert_int_equal(upload_run(&upload), 0);
    assert_int_equal(upload.refusals, 1);
    assert_false(blob_writer_can_splice(upload.writer));
    upload_end(&upload);
    assert_blob_holds(&rig, upload.blob, bytes, 3 * MIB);
    blob_store_settle(rig.store, upload.blob);
    round_trip(&rig, 100000, true, FEED_SPLICE);
    sys.splice = splice;
    assert_int_equal(rig.warnings, 1);
    free(bytes);
    rig_end(&rig);
}

/* The bytes that are in pipes when the file refuses them must not be lost. */
static void test_second_hop_refused(void **state)
{
    unsigned char *bytes = make_bytes(5 * MIB, 10);

    for (int nth = 1; nth <= 3; ++nth) {
        struct rig rig;
        struct upload upload;
        rig_begin(&rig, RING_ENGINE_AUTO, true, false);
        fault_set(RING_OP_SPLICE, nth, -EINVAL);
        upload_begin(&upload, &rig, bytes, 5 * MIB, true, FEED_SPLICE);
        assert_int_equal(upload_run(&upload), 0);
        assert_int_equal(fault.hits, 1);
        fault_set(RING_OP_NONE, 0, 0);
        assert_int_equal(upload.refusals, 0); /* asked can_splice first */
        check_digests(&upload);
        upload_end(&upload);
        assert_blob_holds(&rig, upload.blob, bytes, 5 * MIB);
        blob_store_settle(rig.store, upload.blob);
        assert_int_equal(rig.warnings, 1);
        rig_end(&rig);
    }
    free(bytes);
}

static void test_reserve_refused(void **state)
{
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    fault_set(RING_OP_FALLOCATE, 1, -EOPNOTSUPP);
    round_trip(&rig, 2 * MIB, true, FEED_SPLICE);
    assert_int_equal(fault.hits, 1);
    fault_set(RING_OP_NONE, 0, 0);
    round_trip(&rig, 2 * MIB, true, FEED_SPLICE);
    assert_int_equal(rig.warnings, 1);
    rig_end(&rig);
}

static int pipe2_refused(int fds[2], int flags)
{
    errno = EMFILE;
    return -1;
}

static void test_no_pipe_to_be_had(void **state)
{
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    sys.pipe2 = pipe2_refused;
    round_trip(&rig, MIB, true, FEED_SPLICE);
    sys.pipe2 = pipe2;
    round_trip(&rig, MIB, true, FEED_SPLICE);
    assert_int_equal(rig.warnings, 1);
    rig_end(&rig);
}

/* ---- Many at once ---- */

static void test_many_at_once(void **state)
{
    struct upload uploads[8];
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    for (unsigned i = 0; i < 8; ++i) {
        upload_begin(&uploads[i], &rig, (const unsigned char *)"bytes", 5, true, FEED_MEMORY);
        upload_wait(&uploads[i], &uploads[i].ready);
        assert_int_equal(upload_feed(&uploads[i]), 0);
        blob_writer_seal(uploads[i].writer);
    }
    for (unsigned i = 0; i < 8; ++i)
        upload_wait(&uploads[i], &uploads[i].sealed);
    for (unsigned i = 0; i < 8; ++i)
        blob_writer_publish(uploads[i].writer);
    for (unsigned i = 0; i < 8; ++i)
        upload_wait(&uploads[i], &uploads[i].published);
    for (unsigned i = 0; i < 8; ++i) {
        assert_int_equal(uploads[i].result, 0);
        blob_store_settle(rig.store, uploads[i].blob);
        upload_end(&uploads[i]);
    }
    assert_int_equal(rig_count_blobs(&rig), 8);
    rig_end(&rig);
}

/* Workers on rings of their own publish into one store: ids, promises and folder syncs cross threads. */
#define WORKERS        3
#define WORKER_UPLOADS 40

struct worker {
    struct rig rig; /* its own ring and pipes; the rest is shared */
    pthread_t thread;
    uint64_t blobs[WORKER_UPLOADS];
};

static void *worker_main(void *arg)
{
    struct worker *worker = arg;
    char body[32];

    if (ring_create(&worker->rig.ring, RING_ENGINE_AUTO) != 0 || pipe_pool_create(&worker->rig.pipes) != 0)
        abort();
    for (unsigned i = 0; i < WORKER_UPLOADS; ++i) {
        int length = snprintf(body, sizeof(body), "%p %u", arg, i);
        worker->blobs[i] = put_bytes(&worker->rig, (const unsigned char *)body, (size_t)length);
        if (i % 2 == 0)
            blob_store_settle(worker->rig.store, worker->blobs[i]);
    }
    rig_settle(&worker->rig);
    return NULL;
}

static void test_workers_share_a_store(void **state)
{
    static struct worker workers[WORKERS];
    char body[32];
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    for (unsigned i = 0; i < WORKERS; ++i) {
        workers[i].rig = rig;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]), 0);
    }
    for (unsigned i = 0; i < WORKERS; ++i)
        pthread_join(workers[i].thread, NULL);
    assert_int_equal(rig_count_blobs(&rig), WORKERS * WORKER_UPLOADS); /* so no id was used twice */
    for (unsigned i = 0; i < WORKERS; ++i) {
        for (unsigned j = 0; j < WORKER_UPLOADS; ++j) {
            int length = snprintf(body, sizeof(body), "%p %u", (void *)&workers[i], j);
            assert_blob_holds(&rig, workers[i].blobs[j], (const unsigned char *)body, (size_t)length);
            if (j % 2 == 1)
                blob_store_settle(rig.store, workers[i].blobs[j]);
        }
    }
    /* Only now: a ring carries folder syncs for the others, too. */
    for (unsigned i = 0; i < WORKERS; ++i) {
        ring_destroy(workers[i].rig.ring);
        pipe_pool_destroy(workers[i].rig.pipes);
    }
    rig_end(&rig);
}

/* ---- Signed chunks ---- */

static int released;

static int verify_tag(void *ctx, const unsigned char sha256[32], const struct digest_chunk *chunk)
{
    return memcmp(sha256, chunk->tag, 32) == 0 ? 0 : -1;
}

static void count_released(void *ctx)
{
    __atomic_add_fetch(&released, 1, __ATOMIC_SEQ_CST);
}

static int chunked_upload(struct rig *rig, size_t length, bool spoil)
{
    struct digest_chunk_ops ops = {.verify = verify_tag, .released = count_released};
    unsigned char *bytes = make_bytes(length, 77);
    struct upload upload = {.rig = rig, .bytes = bytes, .length = length, .client = -1, .server = -1};
    struct blob_writer_options options = {.store = rig->store,
                                          .ring = rig->ring,
                                          .pipes = rig->pipes,
                                          .digests = rig->digests,
                                          .length = length,
                                          .chunks = &ops,
                                          .events = &upload_events,
                                          .ctx = &upload};
    struct digest_values values;
    int result;

    assert_int_equal(blob_writer_begin(&upload.writer, &options), 0);
    upload_wait(&upload, &upload.ready);
    for (size_t at = 0; at <= length;) {
        size_t piece = length - at < 10000 ? length - at : 10000;
        struct digest_chunk chunk = {.end = at + piece};
        assert_int_equal(digest_buffer(DIGEST_BIT(DIGEST_SHA256), bytes + at, piece, &values), 0);
        memcpy(chunk.tag, values.value[DIGEST_SHA256], 32);
        chunk.tag[0] ^= spoil && at + piece == length;
        for (size_t done = 0; done < piece;) {
            ssize_t n = blob_writer_write(upload.writer, bytes + at + done, piece - done);
            if (n == -EBUSY) {
                upload.room = false;
                upload_wait(&upload, &upload.room);
                continue;
            }
            assert_true(n > 0);
            done += (size_t)n;
        }
        assert_int_equal(blob_writer_chunk_end(upload.writer, &chunk), 0);
        if (piece == 0)
            break; /* the last chunk is an empty one */
        at += piece;
    }
    blob_writer_seal(upload.writer);
    upload_wait(&upload, &upload.sealed);
    result = upload.result;
    upload_end(&upload);
    free(bytes);
    return result;
}

static void test_signed_chunks(void **state)
{
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    released = 0;
    assert_int_equal(chunked_upload(&rig, 300000, false), 0);
    assert_int_equal(chunked_upload(&rig, 300000, true), -EBADMSG);
    assert_int_equal(chunked_upload(&rig, 0, false), 0);
    assert_int_equal(chunked_upload(&rig, 0, true), -EBADMSG);
    assert_int_equal(rig_count_blobs(&rig), 0); /* sealed only */
    rig_end(&rig);                              /* the digest threads are gone now */
    assert_int_equal(released, 4);
}

static void test_wrong_length_is_refused(void **state)
{
    struct upload upload;
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    upload_begin(&upload, &rig, (const unsigned char *)"abc", 100, true, FEED_MEMORY);
    upload_wait(&upload, &upload.ready);
    assert_int_equal(blob_writer_write(upload.writer, "abc", 3), 3);
    blob_writer_seal(upload.writer);
    upload_wait(&upload, &upload.sealed);
    assert_int_equal(upload.result, -EINVAL);
    upload_end(&upload);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_threads),       cmocka_unit_test(test_sizes_relaxed),
        cmocka_unit_test(test_sizes_copy_mode),     cmocka_unit_test(test_tens_of_mib),
        cmocka_unit_test(test_tcp_small_segments),  cmocka_unit_test(test_room_in_one_of_two_pipes),
        cmocka_unit_test(test_peer_closed_is_zero), cmocka_unit_test(test_no_tmpfile),
        cmocka_unit_test(test_first_hop_refused),   cmocka_unit_test(test_second_hop_refused),
        cmocka_unit_test(test_reserve_refused),     cmocka_unit_test(test_no_pipe_to_be_had),
        cmocka_unit_test(test_many_at_once),        cmocka_unit_test(test_workers_share_a_store),
        cmocka_unit_test(test_signed_chunks),       cmocka_unit_test(test_wrong_length_is_refused),
        cmocka_unit_test(test_sizes_uring),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
