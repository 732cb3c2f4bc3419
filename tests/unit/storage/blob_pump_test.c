/* SPDX-License-Identifier: MIT
 *
 * Large uploads that are pumped from socket to file by threads: their bytes and digests, what the socket and the
 * file system may do to them, their end at any moment, and more of them than there are threads. */
#include "tests/unit/storage/blob_support.h"

#include <sys/mman.h>

#define MIB (1u << 20)

static void pump_rig_begin(struct rig *rig, enum ring_engine engine, unsigned threads)
{
    rig_begin(rig, engine, true, false);
    assert_int_equal(pump_pool_create(&rig->pumps, threads), 0);
}

static void check_upload(struct upload *upload)
{
    uint32_t mask = DIGEST_BIT(DIGEST_CRC64NVME) | DIGEST_BIT(DIGEST_CRC32C);
    struct digest_values wanted;

    assert_int_equal(digest_buffer(mask, upload->bytes, upload->length, &wanted), 0);
    assert_int_equal(upload->values.mask, mask);
    assert_memory_equal(upload->values.value[DIGEST_CRC64NVME], wanted.value[DIGEST_CRC64NVME], 8);
    assert_memory_equal(upload->values.value[DIGEST_CRC32C], wanted.value[DIGEST_CRC32C], 4);
    assert_blob_holds(upload->rig, upload->blob, upload->bytes, upload->length);
    blob_store_settle(upload->rig->store, upload->blob);
}

static void round_trip(struct rig *rig, size_t length)
{
    unsigned char *bytes = make_bytes(length, length);
    struct upload upload;

    upload_begin(&upload, rig, bytes, length, true, FEED_SPLICE);
    assert_int_equal(upload_run(&upload), 0);
    upload_end(&upload);
    check_upload(&upload);
    free(bytes);
}

/* The next thing that a splice has to say, when it is not -EBUSY. */
static ssize_t splice_and_wait(struct upload *upload, size_t max)
{
    ssize_t n;

    while ((n = blob_writer_splice(upload->writer, upload->server, max)) == -EBUSY) {
        upload->room = false;
        upload_wait(upload, &upload->room);
    }
    return n;
}

static void sizes_on(enum ring_engine engine)
{
    static const size_t sizes[] = {MIB, MIB + 1, 3 * MIB + 17, 8 * MIB, 40 * MIB + 12345};
    unsigned descriptors;
    struct rig rig;

    pump_rig_begin(&rig, engine, 1);
    round_trip(&rig, MIB); /* starts threads, opens their pipes */
    descriptors = count_descriptors();
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); ++i)
        round_trip(&rig, sizes[i]);
    assert_in_range(count_descriptors(), descriptors - 4, descriptors + 4);
    assert_int_equal(rig.warnings + rig.errors, 0);
    rig_end(&rig);
}

static void test_sizes_uring(void **state)
{
    sizes_on(RING_ENGINE_URING);
}

static void test_sizes_threads(void **state)
{
    sizes_on(RING_ENGINE_THREADS);
}

/* A job takes all that is there, however many pieces that are: the caller hears of it once. */
static void test_job_takes_many_pieces(void **state)
{
    size_t length = 3 * MIB + 5;
    unsigned char *bytes = make_bytes(length, 1);
    int room = 8 * MIB;
    struct upload upload;
    struct rig rig;

    pump_rig_begin(&rig, RING_ENGINE_AUTO, 1);
    upload_begin(&upload, &rig, bytes, length, true, FEED_SPLICE);
    (void)setsockopt(upload.client, SOL_SOCKET, SO_SNDBUFFORCE, &room,
                     sizeof(room)); /* where that is allowed */
    upload_wait(&upload, &upload.ready);
    upload_push(&upload);
    size_t here = upload.sent;
    assert_int_equal(splice_and_wait(&upload, length), here);
    upload.fed = here;
    assert_int_equal(upload_feed(&upload), 0);
    blob_writer_seal(upload.writer);
    upload_wait(&upload, &upload.sealed);
    assert_int_equal(upload.result, 0);
    upload_end(&upload);
    free(bytes);
    rig_end(&rig);
}

/* What came with the head is written first, and is part of the digest. */
static void test_written_beginning(void **state)
{
    size_t length = 5 * MIB + 3;
    unsigned char *bytes = make_bytes(length, 2);
    struct upload upload;
    struct rig rig;

    pump_rig_begin(&rig, RING_ENGINE_AUTO, 2);
    upload_begin(&upload, &rig, bytes, length, true, FEED_SPLICE);
    upload_wait(&upload, &upload.ready);
    assert_int_equal(blob_writer_write(upload.writer, bytes, 1001), 1001);
    upload.fed = upload.sent = 1001;
    assert_int_equal(upload_run(&upload), 0);
    upload_end(&upload);
    check_upload(&upload);
    free(bytes);
    rig_end(&rig);
}

static void test_dry_and_closed(void **state)
{
    unsigned char *bytes = make_bytes(2 * MIB, 3);
    struct upload upload;
    struct rig rig;

    pump_rig_begin(&rig, RING_ENGINE_AUTO, 1);
    upload_begin(&upload, &rig, bytes, 2 * MIB, true, FEED_SPLICE);
    upload_wait(&upload, &upload.ready);
    assert_int_equal(splice_and_wait(&upload, MIB), -EAGAIN);
    assert_int_equal(write(upload.client, bytes, 5000), 5000);
    assert_int_equal(splice_and_wait(&upload, MIB), 5000);
    assert_int_equal(blob_writer_taken(upload.writer), 5000);
    assert_int_equal(splice_and_wait(&upload, MIB), -EAGAIN);
    assert_int_equal(shutdown(upload.client, SHUT_WR), 0);
    assert_int_equal(splice_and_wait(&upload, MIB), 0);
    upload_end(&upload);
    assert_int_equal(rig_count_blobs(&rig), 0);
    free(bytes);
    rig_end(&rig);
}

/* ---- What may be refused ---- */

static int splice_out_error; /* errno of splices into the file, from the countdown on */
static int splice_out_countdown;
static int splice_in_error;

static ssize_t splice_faulty(int fd_in, off_t *off_in, int fd_out, off_t *off_out, size_t length,
                             unsigned flags)
{
    int error = off_out == NULL ? splice_in_error : 0;

    if (off_out != NULL && splice_out_error != 0 && --splice_out_countdown < 0)
        error = splice_out_error;
    if (error == 0)
        return splice(fd_in, off_in, fd_out, off_out, length, flags);
    errno = error;
    return -1;
}

static void splice_fails(int in_error, int out_error, int out_countdown)
{
    splice_in_error = in_error;
    splice_out_error = out_error;
    splice_out_countdown = out_countdown;
    sys.splice = in_error != 0 || out_error != 0 ? splice_faulty : splice;
}

static void test_first_hop_refused(void **state)
{
    size_t length = 3 * MIB + 1;
    unsigned char *bytes = make_bytes(length, 4);
    struct upload upload;
    struct rig rig;

    pump_rig_begin(&rig, RING_ENGINE_AUTO, 1);
    splice_fails(EINVAL, 0, 0);
    upload_begin(&upload, &rig, bytes, length, true, FEED_SPLICE);
    assert_int_equal(upload_run(&upload), 0);
    splice_fails(0, 0, 0);
    assert_false(blob_writer_can_splice(upload.writer));
    upload_end(&upload);
    check_upload(&upload);
    assert_int_equal(rig.warnings, 1);
    free(bytes);
    rig_end(&rig);
}

/* The bytes that are in the pipe when the file refuses them must not be lost. */
static void test_second_hop_refused(void **state)
{
    size_t length = 4 * MIB + 1;
    unsigned char *bytes = make_bytes(length, 5);

    for (int good = 0; good < 3; ++good) {
        struct upload upload;
        struct rig rig;

        pump_rig_begin(&rig, RING_ENGINE_AUTO, 1);
        splice_fails(0, EINVAL, good);
        upload_begin(&upload, &rig, bytes, length, true, FEED_SPLICE);
        assert_int_equal(upload_run(&upload), 0);
        splice_fails(0, 0, 0);
        upload_end(&upload);
        check_upload(&upload);
        assert_int_equal(rig.warnings, 1);
        rig_end(&rig);
    }
    free(bytes);
}

static int pipe_refused(int fds[2], int flags)
{
    errno = EMFILE;
    return -1;
}

static void test_no_pipe(void **state)
{
    unsigned char *bytes = make_bytes(2 * MIB, 6);
    struct upload upload;
    struct rig rig;

    pump_rig_begin(&rig, RING_ENGINE_AUTO, 1);
    sys.pipe2 = pipe_refused;
    upload_begin(&upload, &rig, bytes, 2 * MIB, true, FEED_SPLICE);
    assert_int_equal(upload_run(&upload), 0);
    sys.pipe2 = pipe2;
    upload_end(&upload);
    check_upload(&upload);
    free(bytes);
    rig_end(&rig);
}

/* ---- What may fail ---- */

static int unreadable(void *address, size_t length, int advice)
{
    errno = EFAULT;
    return -1;
}

static int run_failing(struct rig *rig, const unsigned char *bytes, size_t length)
{
    struct upload upload;
    int err;

    upload_begin(&upload, rig, bytes, length, true, FEED_SPLICE);
    err = upload_run(&upload);
    upload_end(&upload);
    return err;
}

static int unknown(int fd, uint64_t offset, uint64_t length, struct sys_cached *answer)
{
    errno = ENOSYS;
    return -1;
}

static void test_failures(void **state)
{
    size_t length = 4 * MIB;
    unsigned char *bytes = make_bytes(length, 7);
    struct rig rig;

    pump_rig_begin(&rig, RING_ENGINE_AUTO, 1);
    splice_fails(0, ENOSPC, 1);
    assert_int_equal(run_failing(&rig, bytes, length), -ENOSPC);
    splice_fails(0, 0, 0);
    round_trip(&rig, length); /* by the same thread: nothing was left in its pipe */
    /* What would be the socket's word: nothing now, the other way, gone. */
    const int words[] = {EAGAIN, EOPNOTSUPP, EPIPE, EBADMSG};
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); ++i) {
        splice_fails(0, words[i], 1);
        assert_int_equal(run_failing(&rig, bytes, length), -EIO);
        assert_non_null(strstr(rig.last_message, strerror(words[i])));
    }
    splice_fails(0, 0, 0);
    fault_set(RING_OP_LENT, 2, -EIO);
    assert_int_equal(run_failing(&rig, bytes, length), -EIO);
    assert_int_equal(fault.hits, 1);
    fault_set(RING_OP_NONE, 0, 0);
    int (*cachestat)(int, uint64_t, uint64_t, struct sys_cached *) = sys.cachestat;
    sys.cachestat = unknown; /* else what was just written is not looked at */
    sys.madvise = unreadable;
    assert_int_equal(run_failing(&rig, bytes, length), -EIO);
    sys.madvise = madvise;
    sys.cachestat = cachestat;
    fault_set(RING_OP_FDATASYNC, 1, -EIO);
    assert_int_equal(run_failing(&rig, bytes, length), -EIO);
    fault_set(RING_OP_NONE, 0, 0);
    assert_int_equal(rig_count_blobs(&rig), 1);
    free(bytes);
    rig_end(&rig);
}

/* Freed while a thread has the job: it ends by itself, and nothing is left. */
static void test_freed_in_flight(void **state)
{
    unsigned char *bytes = make_bytes(8 * MIB, 8);
    unsigned descriptors;
    struct rig rig;

    pump_rig_begin(&rig, RING_ENGINE_AUTO, 1);
    round_trip(&rig, MIB);
    descriptors = count_descriptors();
    for (int i = 0; i < 20; ++i) {
        struct upload upload;

        upload_begin(&upload, &rig, bytes, 8 * MIB, true, FEED_SPLICE);
        upload_wait(&upload, &upload.ready);
        if (i % 2 == 0)
            upload_push(&upload);
        assert_int_equal(blob_writer_splice(upload.writer, upload.server, 8 * MIB), -EBUSY);
        upload_end(&upload); /* closes the socket, too */
    }
    assert_in_range(count_descriptors(), descriptors - 4, descriptors + 4);
    assert_int_equal(rig_count_blobs(&rig), 1);
    free(bytes);
    rig_end(&rig);
}

/* Idle clients hold no thread: with one thread, uploads that wait do not keep another one from its end. */
static void test_more_uploads_than_threads(void **state)
{
    enum { IDLE_COUNT = 20 };
    unsigned char *bytes = make_bytes(4 * MIB, 9);
    struct upload idle[IDLE_COUNT];
    struct rig rig;

    pump_rig_begin(&rig, RING_ENGINE_AUTO, 1);
    for (int i = 0; i < IDLE_COUNT; ++i) {
        upload_begin(&idle[i], &rig, bytes, 4 * MIB, true, FEED_SPLICE);
        upload_wait(&idle[i], &idle[i].ready);
        assert_int_equal(blob_writer_splice(idle[i].writer, idle[i].server, 4 * MIB), -EBUSY);
    }
    round_trip(&rig, 4 * MIB);
    for (int i = 0; i < IDLE_COUNT; ++i) {
        assert_int_equal(splice_and_wait(&idle[i], 4 * MIB), -EAGAIN);
        assert_int_equal(upload_run(&idle[i]), 0);
        upload_end(&idle[i]);
        check_upload(&idle[i]);
    }
    free(bytes);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_uring),
        cmocka_unit_test(test_sizes_threads),
        cmocka_unit_test(test_job_takes_many_pieces),
        cmocka_unit_test(test_written_beginning),
        cmocka_unit_test(test_dry_and_closed),
        cmocka_unit_test(test_first_hop_refused),
        cmocka_unit_test(test_second_hop_refused),
        cmocka_unit_test(test_no_pipe),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_freed_in_flight),
        cmocka_unit_test(test_more_uploads_than_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
