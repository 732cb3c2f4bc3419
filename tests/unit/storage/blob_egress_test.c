/* SPDX-License-Identifier: MIT
 *
 * Sending: ranges over several blobs by sendfile, by copy and into memory, on both ring engines, hot and
 * cold, packed and not, with every way of asking for residency; blobs that are missing, too short, or removed while they are
 * read; and egresses that end early. */
#include "tests/unit/storage/blob_support.h"

#include <sys/resource.h>
#include <sys/sendfile.h>

#define MIB (1u << 20)

static struct blob_range range_of(uint64_t blob, uint64_t offset, uint64_t length, bool packed)
{
    return (struct blob_range){.blob = blob, .offset = offset, .length = length, .packed = packed};
}

struct sink {
    bool ready;
    unsigned char *bytes;
    size_t length, length_max;
    int server, client; /* the egress writes to the first, the test reads from the second */
};

static void sink_ready(void *ctx)
{
    ((struct sink *)ctx)->ready = true;
}

static void sink_begin(struct sink *sink, size_t length_max)
{
    int pair[2];

    *sink = (struct sink){.length_max = length_max, .bytes = malloc(length_max + 1)};
    assert_non_null(sink->bytes);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    sink->server = pair[0];
    sink->client = pair[1];
}

static void sink_drain(struct sink *sink)
{
    ssize_t n;

    while ((n = read(sink->client, sink->bytes + sink->length, sink->length_max + 1 - sink->length)) > 0) {
        sink->length += (size_t)n;
        assert_true(sink->length <= sink->length_max);
    }
}

static void sink_end(struct sink *sink)
{
    free(sink->bytes);
    close(sink->server);
    close(sink->client);
}

static void sink_wait(struct rig *rig, struct sink *sink)
{
    while (!sink->ready)
        ring_wait(rig->ring, true);
    sink->ready = false;
}

/* Sends or reads until the end. Returns 0 or the failure. */
static int pump(struct rig *rig, struct blob_egress *egress, struct sink *sink, bool by_read)
{
    for (unsigned turn = 0;; ++turn) {
        uint64_t before = blob_egress_remaining(egress);
        size_t most = turn % 3 == 0 ? 777 : 5 * MIB; /* small and large steps */
        ssize_t n;
        if (by_read) {
            size_t room = sink->length_max + 1 - sink->length;
            n = blob_egress_read(egress, sink->bytes + sink->length, most < room ? most : room);
            if (n > 0)
                sink->length += (size_t)n;
        } else {
            n = blob_egress_send(egress, sink->server, most);
            sink_drain(sink);
        }
        if (n > 0) {
            assert_int_equal(blob_egress_remaining(egress), before - (uint64_t)n);
        } else if (n == -EBUSY) {
            sink_wait(rig, sink);
        } else if (n != -EAGAIN) {
            assert_int_equal(n == 0, before == 0);
            return (int)n;
        }
    }
}

/* Writes what the kernel holds, and lets go of it. */
static void make_cold(struct rig *rig, uint64_t blob)
{
    int fd = blob_store_open_fd(rig->store, blob);

    assert_true(fd >= 0);
    assert_int_equal(fdatasync(fd), 0);
    assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    close(fd);
}

enum temperature { HOT, COLD };

#define A_LENGTH (3 * MIB + 100)
#define B_LENGTH 5000u

/* Three ranges over two blobs with empty ones in between, compared byte for byte. */
static void ranges_on(struct rig *rig, enum temperature temperature, bool by_read)
{
    unsigned char *a = make_bytes(A_LENGTH, 1), *b = make_bytes(B_LENGTH, 2),
                  *wanted = malloc(A_LENGTH + MIB + 2 * B_LENGTH);
    uint64_t blob_a = put_bytes(rig, a, A_LENGTH), blob_b = put_bytes(rig, b, B_LENGTH);
    const struct blob_range ranges[] = {
        range_of(blob_b, 0, 0, true),         range_of(blob_b, 100, 1000, false),
        range_of(blob_a, 0, 0, false),        range_of(blob_a, 4000, A_LENGTH - 4000, false),
        range_of(blob_a, 7, MIB + 3, true),   range_of(blob_b, B_LENGTH - 1, 1, true),
        range_of(blob_b, B_LENGTH, 0, false),
    };
    size_t total = 0;
    struct blob_egress *egress;
    struct sink sink;

    assert_non_null(wanted);
    for (unsigned i = 0; i < sizeof(ranges) / sizeof(*ranges); ++i) {
        memcpy(wanted + total, (ranges[i].blob == blob_a ? a : b) + ranges[i].offset, ranges[i].length);
        total += ranges[i].length;
    }
    if (temperature == COLD) {
        make_cold(rig, blob_a);
        make_cold(rig, blob_b);
    }
    sink_begin(&sink, total);
    int err = blob_egress_begin(&egress, rig->store, rig->ring, ranges, sizeof(ranges) / sizeof(*ranges),
                                sink_ready, &sink);
    assert_int_equal(err, -EBUSY); /* the first descriptor is not in the cache yet */
    assert_int_equal(blob_egress_remaining(egress), total);
    sink_wait(rig, &sink);
    assert_int_equal(blob_egress_status(egress), 0);
    assert_int_equal(pump(rig, egress, &sink, by_read), 0);
    assert_int_equal(sink.length, total);
    assert_memory_equal(sink.bytes, wanted, total);
    blob_egress_end(egress);

    /* And once more, from the cached descriptor. */
    sink.length = 0;
    sink.ready = false;
    assert_int_equal(blob_egress_begin(&egress, rig->store, rig->ring, ranges + 1, 1, sink_ready, &sink), 0);
    assert_int_equal(pump(rig, egress, &sink, by_read), 0);
    assert_int_equal(sink.length, 1000);
    assert_memory_equal(sink.bytes, wanted, 1000);
    blob_egress_end(egress);
    sink_end(&sink);
    blob_store_settle(rig->store, blob_a);
    blob_store_settle(rig->store, blob_b);
    free(a);
    free(b);
    free(wanted);
}

static void every_way_on(enum ring_engine engine, bool copy_mode)
{
    struct rig rig;

    rig_begin(&rig, engine, true, copy_mode);
    for (enum temperature temperature = HOT; temperature <= COLD; ++temperature) {
        ranges_on(&rig, temperature, false);
        ranges_on(&rig, temperature, true);
    }
    assert_int_equal(rig.errors, 0);
    rig_settle(&rig);
    rig_end(&rig);
}

static void test_ranges_threads(void **state)
{
    every_way_on(RING_ENGINE_THREADS, false);
}

static void test_ranges_uring(void **state)
{
    every_way_on(RING_ENGINE_URING, false);
}

static void test_ranges_copy_mode(void **state)
{
    every_way_on(RING_ENGINE_AUTO, true);
}

static void test_other_residency_checks(void **state)
{
    static const enum blob_residency ways[] = {BLOB_RESIDENCY_NOWAIT, BLOB_RESIDENCY_UNKNOWN};

    for (unsigned i = 0; i < 2; ++i) {
        struct rig rig;
        rig_begin(&rig, RING_ENGINE_AUTO, true, false);
        rig.store->residency = ways[i];
        ranges_on(&rig, HOT, false);
        ranges_on(&rig, COLD, false);
        rig_end(&rig);
    }
}

/* ---- Cold data goes through the ring, hot data does not ---- */

static unsigned warms;

static int count_warms(enum ring_op_kind kind, int fd, uint64_t length)
{
    if (kind == RING_OP_WARM)
        ++warms;
    return 0;
}

static void test_only_cold_windows_are_warmed(void **state)
{
    size_t length = 4 * MIB;
    unsigned char *bytes = make_bytes(length, 3);
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    if (rig.store->residency != BLOB_RESIDENCY_CACHESTAT) {
        rig_end(&rig);
        free(bytes);
        skip();
    }
    uint64_t blob = put_bytes(&rig, bytes, length);
    for (enum temperature temperature = HOT; temperature <= COLD; ++temperature) {
        struct blob_range range = range_of(blob, 0, length, false);
        struct blob_egress *egress;
        struct sink sink;
        if (temperature == COLD)
            make_cold(&rig, blob);
        warms = 0;
        sys_fault = count_warms;
        sink_begin(&sink, length);
        if (blob_egress_begin(&egress, rig.store, rig.ring, &range, 1, sink_ready, &sink) == -EBUSY)
            sink_wait(&rig, &sink);
        assert_int_equal(pump(&rig, egress, &sink, false), 0);
        assert_memory_equal(sink.bytes, bytes, length);
        sys_fault = NULL;
        if (temperature == HOT)
            assert_int_equal(warms, 0);
        else
            assert_true(warms >= 1);
        blob_egress_end(egress);
        sink_end(&sink);
    }
    blob_store_settle(rig.store, blob);
    free(bytes);
    rig_end(&rig);
}

static unsigned questions;
static int (*cachestat_real)(int fd, uint64_t offset, uint64_t length, struct sys_cached *answer);

/* The first window is not in memory, all others are. */
static int cachestat_first_is_cold(int fd, uint64_t offset, uint64_t length, struct sys_cached *answer)
{
    int result = cachestat_real(fd, offset, length, answer);

    if (questions++ == 0)
        answer->cached = 0;
    return result;
}

/* One window that is not in memory does not have all that follow looked at one by one, let alone twice. */
static void test_a_cold_window_is_forgotten(void **state)
{
    size_t length = 64 * MIB;
    unsigned char *bytes = make_bytes(length, 3);
    struct blob_egress *egress;
    struct sink sink;
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    if (rig.store->residency != BLOB_RESIDENCY_CACHESTAT) {
        rig_end(&rig);
        free(bytes);
        skip();
    }
    uint64_t blob = put_bytes(&rig, bytes, length);
    struct blob_range range = range_of(blob, 0, length, false);
    questions = warms = 0;
    sys_fault = count_warms;
    cachestat_real = sys.cachestat;
    sys.cachestat = cachestat_first_is_cold;
    sink_begin(&sink, length);
    if (blob_egress_begin(&egress, rig.store, rig.ring, &range, 1, sink_ready, &sink) == -EBUSY)
        sink_wait(&rig, &sink);
    assert_int_equal(pump(&rig, egress, &sink, false), 0);
    sys.cachestat = cachestat_real;
    sys_fault = NULL;
    assert_memory_equal(sink.bytes, bytes, length);
    assert_int_equal(warms, 1);
    assert_true(questions <= 1 + EGRESS_HOT_WINDOWS + length / EGRESS_HOT_WINDOW_BYTES);
    blob_egress_end(egress);
    sink_end(&sink);
    blob_store_settle(rig.store, blob);
    free(bytes);
    rig_end(&rig);
}

/* ---- Packed units ---- */

static int egress_once(struct rig *rig, struct blob_range range, bool by_read, size_t *arrived)
{
    struct blob_egress *egress;
    struct sink sink;
    int err;

    sink_begin(&sink, range.length);
    if (blob_egress_begin(&egress, rig->store, rig->ring, &range, 1, sink_ready, &sink) == -EBUSY)
        sink_wait(rig, &sink);
    err = blob_egress_status(egress);
    if (err == 0)
        err = pump(rig, egress, &sink, by_read);
    if (err != 0)
        assert_int_equal(blob_egress_status(egress), err); /* sticky */
    *arrived = sink.length;
    blob_egress_end(egress);
    sink_end(&sink);
    return err;
}

static int open_for_writing(struct rig *rig, uint64_t blob)
{
    char path[BLOB_PATH_BYTES];

    blob_path_format(path, blob);
    int fd = openat(rig->store->blobs_fd, path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static uint64_t sendfile_bytes;

static ssize_t count_sendfile(int out_fd, int in_fd, off_t *offset, size_t count)
{
    ssize_t n = sendfile(out_fd, in_fd, offset, count);

    sendfile_bytes += n > 0 ? (uint64_t)n : 0;
    return n;
}

/* What is in the socket's queue must not change with the file: it is sent, the hole is punched, then it is read. */
static void test_packed_is_copied(void **state)
{
    size_t length = 64u << 10, arrived;
    unsigned char *bytes = make_bytes(length, 10);
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    uint64_t blob = put_bytes_alone(&rig, bytes, length);
    sys.sendfile = count_sendfile;
    for (enum temperature temperature = HOT; temperature <= COLD; ++temperature) {
        const struct blob_range ranges[] = {range_of(blob, 0, 100, false),
                                            range_of(blob, 4096, length - 4096, true)};
        struct blob_egress *egress;
        struct sink sink;
        ssize_t n;
        if (temperature == COLD)
            make_cold(&rig, blob);
        sendfile_bytes = 0;
        sink_begin(&sink, length);
        if (blob_egress_begin(&egress, rig.store, rig.ring, ranges, 2, sink_ready, &sink) == -EBUSY)
            sink_wait(&rig, &sink);
        while ((n = blob_egress_send(egress, sink.server, length)) != 0) {
            assert_true(n > 0 || n == -EBUSY);
            if (n < 0)
                sink_wait(&rig, &sink);
        }
        blob_egress_end(egress);
        assert_int_equal(sendfile_bytes, 100);
        if (temperature == COLD) {
            int fd = open_for_writing(&rig, blob);
            assert_int_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, length - 4096),
                             0);
            close(fd);
        }
        sink_drain(&sink);
        assert_int_equal(sink.length, 100 + length - 4096);
        assert_memory_equal(sink.bytes, bytes, 100);
        assert_memory_equal(sink.bytes + 100, bytes + 4096, length - 4096);
        sink_end(&sink);
    }
    sys.sendfile = sendfile;
    /* Beyond the end of the file there is nothing to copy. */
    assert_int_equal(egress_once(&rig, range_of(blob, length - 10, 20, true), false, &arrived), -EIO);
    assert_int_equal(arrived, 10);
    blob_store_settle(rig.store, blob);
    free(bytes);
    rig_end(&rig);
}

/* ---- What goes wrong ---- */

static void test_missing_and_short(void **state)
{
    unsigned char *bytes = make_bytes(MIB + 5, 4);
    size_t arrived;
    struct rig rig;

    for (unsigned copy_mode = 0; copy_mode < 2; ++copy_mode) {
        rig_begin(&rig, RING_ENGINE_AUTO, true, copy_mode);
        uint64_t blob = put_bytes_alone(&rig, bytes, MIB + 5);
        for (unsigned by_read = 0; by_read < 2; ++by_read) {
            rig.errors = 0;
            assert_int_equal(
                egress_once(&rig, (struct blob_range){.blob = blob + 99, .length = 10}, by_read, &arrived),
                -EIO);
            assert_int_equal(rig.errors, by_read == 0 ? 1 : 0); /* the log is told once */
            assert_int_equal(arrived, 0);
            /* What is there is sent; the rest is an error, never a silent end. */
            assert_int_equal(egress_once(&rig, range_of(blob, 5, 3 * MIB, false), by_read, &arrived), -EIO);
            assert_int_equal(arrived, MIB);
            assert_int_equal(rig.errors, by_read == 0 ? 2 : 0);
        }
        assert_int_equal(blob_store_damage_met(rig.store, BLOB_DAMAGE_UNREADABLE), 4);
        assert_int_equal(blob_store_damage_met(rig.store, BLOB_DAMAGE_SUM), 0);
        blob_store_settle(rig.store, blob);
        rig_end(&rig);
    }
    free(bytes);
}

/* ---- Verifying ---- */

#define SMALL_BYTES 5000u
#define LARGE_BYTES (MIB + 4097u)

/* A part of a blob that is one unit, with its checksum or a wrong one. */
static struct blob_range summed(uint64_t blob, const unsigned char *bytes, uint64_t unit, uint64_t offset,
                                uint64_t length, enum digest_kind kind, bool is_right)
{
    struct blob_range range = range_of(blob, offset, length, false);

    range.sum =
        (struct blob_sum){.length = unit, .value = digest_crc_update(kind, 0, bytes, unit), .kind = kind};
    if (!is_right)
        range.sum.value ^= UINT64_C(1) << (blob % 31);
    return range;
}

struct verify {
    struct rig rig;
    unsigned char *small, *large;
    uint64_t small_blob, large_blob;
};

static void verify_begin(struct verify *verify, enum ring_engine engine, bool copy_mode)
{
    rig_begin(&verify->rig, engine, true, copy_mode);
    verify->small = make_bytes(SMALL_BYTES, 21);
    verify->large = make_bytes(LARGE_BYTES, 22);
    verify->small_blob = put_bytes(&verify->rig, verify->small, SMALL_BYTES);
    verify->large_blob = put_bytes(&verify->rig, verify->large, LARGE_BYTES);
}

static void verify_end(struct verify *verify)
{
    blob_store_settle(verify->rig.store, verify->small_blob);
    blob_store_settle(verify->rig.store, verify->large_blob);
    free(verify->small);
    free(verify->large);
    rig_end(&verify->rig);
}

/* A small unit is right as a whole or none of it goes out, whatever part is wanted; by both checksums, hot and cold. */
static void verify_small(struct verify *verify)
{
    static const uint64_t parts[][2] = {{0, SMALL_BYTES}, {0, 1}, {1234, 2000}, {SMALL_BYTES - 1, 1}};
    size_t arrived;

    for (unsigned i = 0; i < sizeof(parts) / sizeof(*parts); ++i) {
        for (unsigned turn = 0; turn < 16; ++turn) {
            bool by_read = turn & 1, is_right = turn & 2, is_cold = turn & 4;
            const struct blob_range range =
                summed(verify->small_blob, verify->small, SMALL_BYTES, parts[i][0], parts[i][1],
                       turn & 8 ? DIGEST_CRC32C : DIGEST_CRC64NVME, is_right);

            if (is_cold)
                make_cold(&verify->rig, verify->small_blob);
            assert_int_equal(egress_once(&verify->rig, range, by_read, &arrived), is_right ? 0 : -EIO);
            assert_int_equal(arrived, is_right ? parts[i][1] : 0);
        }
    }
    assert_int_equal(blob_store_damage_met(verify->rig.store, BLOB_DAMAGE_SUM), 4 * 8);
    assert_int_equal(verify->rig.errors, 1);
}

/* A large one is compared as it passes through memory, if all of it does: the last bytes stay back. */
static void verify_large(struct verify *verify, bool copy_mode)
{
    size_t arrived;

    for (unsigned turn = 0; turn < 8; ++turn) {
        bool by_read = turn & 1, is_right = turn & 2, passes = by_read || copy_mode;
        struct blob_range range = summed(verify->large_blob, verify->large, LARGE_BYTES, 0, LARGE_BYTES,
                                         DIGEST_CRC64NVME, is_right);

        if (turn & 4)
            make_cold(&verify->rig, verify->large_blob);
        assert_int_equal(egress_once(&verify->rig, range, by_read, &arrived), is_right || !passes ? 0 : -EIO);
        if (is_right || !passes)
            assert_int_equal(arrived, LARGE_BYTES);
        else
            assert_in_range(arrived, 0, LARGE_BYTES - 1);
        range.offset = 1; /* nobody knows the checksum of a part */
        range.length -= 1;
        assert_int_equal(egress_once(&verify->rig, range, by_read, &arrived), 0);
        assert_int_equal(arrived, LARGE_BYTES - 1);
    }
    assert_int_equal(blob_store_damage_met(verify->rig.store, BLOB_DAMAGE_SUM), copy_mode ? 4 : 2);
    assert_int_equal(verify->rig.errors, 1);
}

/* A small unit further on is looked at before the first byte goes out. */
static void verify_behind(struct verify *verify, bool is_right)
{
    const struct blob_range ranges[] = {
        summed(verify->large_blob, verify->large, LARGE_BYTES, 0, LARGE_BYTES, DIGEST_CRC64NVME, true),
        summed(verify->small_blob, verify->small, SMALL_BYTES, 10, 100, DIGEST_CRC64NVME, true),
        summed(verify->small_blob, verify->small, SMALL_BYTES, 0, SMALL_BYTES, DIGEST_CRC64NVME, is_right),
    };
    struct blob_egress *egress;
    struct sink sink;

    make_cold(&verify->rig, verify->small_blob);
    sink_begin(&sink, LARGE_BYTES + 100 + SMALL_BYTES);
    int err = blob_egress_begin(&egress, verify->rig.store, verify->rig.ring, ranges, 3, sink_ready, &sink);
    if (err == -EBUSY) {
        sink_wait(&verify->rig, &sink);
        err = blob_egress_status(egress);
    }
    assert_int_equal(err, is_right ? 0 : -EIO);
    assert_null(blob_egress_at_hand(egress));
    if (is_right) {
        assert_int_equal(pump(&verify->rig, egress, &sink, false), 0);
        assert_int_equal(sink.length, LARGE_BYTES + 100 + SMALL_BYTES);
        assert_memory_equal(sink.bytes, verify->large, LARGE_BYTES);
        assert_memory_equal(sink.bytes + LARGE_BYTES, verify->small + 10, 100);
        assert_memory_equal(sink.bytes + LARGE_BYTES + 100, verify->small, SMALL_BYTES);
    } else {
        assert_true(blob_egress_told_damage(egress));
        assert_int_equal(blob_egress_send(egress, sink.server, MIB), -EIO);
    }
    blob_egress_end(egress);
    sink_end(&sink);
    rig_settle(&verify->rig);
}

static void test_verifies(void **state)
{
    struct verify verify;

    for (unsigned mode = 0; mode < 4; ++mode) {
        enum ring_engine engine = mode & 1 ? RING_ENGINE_THREADS : RING_ENGINE_AUTO;
        bool copy_mode = mode & 2;

        verify_begin(&verify, engine, copy_mode);
        verify_small(&verify);
        verify_end(&verify);
        verify_begin(&verify, engine, copy_mode);
        verify_large(&verify, copy_mode);
        verify_end(&verify);
        verify_begin(&verify, engine, copy_mode);
        verify_behind(&verify, true);
        verify_behind(&verify, false);
        verify_end(&verify);
    }
}

/* A verified unit is in memory: who wants to can take all that is wanted of it at once. */
static void test_at_hand(void **state)
{
    struct verify verify;
    struct blob_egress *egress;
    struct sink sink;

    verify_begin(&verify, RING_ENGINE_AUTO, false);
    sink_begin(&sink, SMALL_BYTES);
    for (unsigned large = 0; large < 2; ++large) {
        const struct blob_range range =
            large ? summed(verify.large_blob, verify.large, LARGE_BYTES, 7, 100, DIGEST_CRC64NVME, true)
                  : summed(verify.small_blob, verify.small, SMALL_BYTES, 7, 100, DIGEST_CRC64NVME, true);
        if (blob_egress_begin(&egress, verify.rig.store, verify.rig.ring, &range, 1, sink_ready, &sink) ==
            -EBUSY)
            sink_wait(&verify.rig, &sink);
        const void *at_hand = blob_egress_at_hand(egress);
        if (large)
            assert_null(at_hand);
        else
            assert_memory_equal(at_hand, verify.small + 7, 100);
        blob_egress_end(egress);
    }
    sink_end(&sink);
    rig_settle(&verify.rig);
    verify_end(&verify);
}

static void test_disk_errors(void **state)
{
    static const enum ring_op_kind kinds[] = {RING_OP_OPENAT, RING_OP_WARM, RING_OP_READ};
    unsigned char *bytes = make_bytes(2 * MIB, 5);
    size_t arrived;

    for (unsigned i = 0; i < 3; ++i) {
        struct rig rig;
        rig_begin(&rig, RING_ENGINE_AUTO, true, false);
        rig.store->residency = BLOB_RESIDENCY_UNKNOWN;
        uint64_t blob = put_bytes(&rig, bytes, 2 * MIB);
        make_cold(&rig, blob);
        unsigned descriptors = count_descriptors();
        fault_set(kinds[i], 1, -EIO);
        assert_int_equal(
            egress_once(&rig, range_of(blob, 0, 2 * MIB, false), kinds[i] == RING_OP_READ, &arrived), -EIO);
        assert_int_equal(fault.hits, 1);
        fault_set(RING_OP_NONE, 0, 0);
        rig_settle(&rig);
        blob_cache_shed(&rig.store->cache);
        assert_int_equal(count_descriptors(), descriptors);
        assert_int_equal(egress_once(&rig, range_of(blob, 0, 2 * MIB, false), false, &arrived), 0);
        blob_store_settle(rig.store, blob);
        rig_end(&rig);
    }
    free(bytes);
}

/* Running out of descriptors gives up those that are only kept for later. */
static void test_descriptors_run_out(void **state)
{
    unsigned char *bytes = make_bytes(100, 6);
    size_t arrived;
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    uint64_t first = put_bytes(&rig, bytes, 100), second = put_bytes(&rig, bytes, 100);
    assert_int_equal(egress_once(&rig, range_of(first, 0, 100, false), false, &arrived), 0);
    fault_set(RING_OP_OPENAT, 1, -EMFILE);
    assert_int_equal(egress_once(&rig, range_of(second, 0, 100, false), false, &arrived), 0);
    assert_int_equal(fault.hits, 1);
    assert_null(blob_cache_get(&rig.store->cache, first));
    blob_cache_shed(&rig.store->cache);
    fault_set(RING_OP_OPENAT, 1, -EMFILE);
    assert_int_equal(egress_once(&rig, range_of(second, 0, 100, false), false, &arrived), -EMFILE);
    fault_set(RING_OP_NONE, 0, 0);
    blob_store_settle(rig.store, first);
    blob_store_settle(rig.store, second);
    free(bytes);
    rig_end(&rig);
}

/* Removed while a slow reader is half way: it gets the whole body, and then the space is free. */
static void read_once(struct rig *rig, uint64_t blob)
{
    const struct blob_range range = range_of(blob, 0, 100, false);
    struct blob_egress *egress;
    struct sink sink;

    sink_begin(&sink, 100);
    int err = blob_egress_begin(&egress, rig->store, rig->ring, &range, 1, sink_ready, &sink);
    assert_true(err == 0 || err == -EBUSY);
    if (err == -EBUSY)
        sink_wait(rig, &sink);
    assert_int_equal(pump(rig, egress, &sink, true), 0);
    blob_egress_end(egress);
    sink_end(&sink);
}

/* Files that are kept open take a quarter of what the process may open, for there are sockets and pipes too. */
static void test_open_files_are_a_quarter(void **state)
{
    enum { BLOBS = 40, ALLOWED = 80 };
    struct rlimit before, low;
    uint64_t blobs[BLOBS];
    unsigned char *bytes = make_bytes(100, 1);
    struct rig rig;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    low = (struct rlimit){ALLOWED, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    rig_begin(&rig, RING_ENGINE_AUTO, false, false);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    for (unsigned i = 0; i < BLOBS; ++i)
        blobs[i] = put_bytes(&rig, bytes, 100);
    unsigned descriptors = count_descriptors();
    for (unsigned i = 0; i < BLOBS; ++i)
        read_once(&rig, blobs[i]);
    rig_settle(&rig);
    assert_int_equal(count_descriptors() - descriptors, ALLOWED / 4);
    for (unsigned i = 0; i < BLOBS; ++i)
        blob_store_settle(rig.store, blobs[i]);
    free(bytes);
    rig_end(&rig);
}

static void test_removed_while_reading(void **state)
{
    size_t length = 2 * MIB;
    unsigned char *bytes = make_bytes(length, 7);
    struct blob_egress *egress;
    struct sink sink;
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    uint64_t blob = put_bytes(&rig, bytes, length);
    unsigned descriptors = count_descriptors();
    struct blob_range range = range_of(blob, 0, length, false);
    sink_begin(&sink, length);
    assert_int_equal(blob_egress_begin(&egress, rig.store, rig.ring, &range, 1, sink_ready, &sink), -EBUSY);
    sink_wait(&rig, &sink);
    ssize_t n;
    while ((n = blob_egress_send(egress, sink.server, 1000)) == -EBUSY)
        sink_wait(&rig, &sink);
    assert_int_equal(n, 1000);
    assert_int_equal(blob_store_remove(rig.store, blob), 0);
    assert_int_equal(pump(&rig, egress, &sink, false), 0);
    assert_memory_equal(sink.bytes, bytes, length);
    blob_egress_end(egress);
    rig_settle(&rig);
    sink_end(&sink);
    assert_int_equal(count_descriptors(), descriptors); /* nobody holds the file any more */
    blob_store_settle(rig.store, blob);
    free(bytes);
    rig_end(&rig);
}

static void test_peer_gone(void **state)
{
    unsigned char *bytes = make_bytes(MIB, 8);

    signal(SIGPIPE, SIG_IGN);
    for (unsigned copy_mode = 0; copy_mode < 2; ++copy_mode) {
        struct blob_egress *egress;
        struct sink sink;
        struct rig rig;
        ssize_t n;
        if (copy_mode)
            signal(SIGPIPE, SIG_DFL); /* copy mode must not need it */
        rig_begin(&rig, RING_ENGINE_AUTO, true, copy_mode);
        uint64_t blob = put_bytes(&rig, bytes, MIB);
        struct blob_range range = range_of(blob, 0, MIB, false);
        sink_begin(&sink, MIB);
        assert_int_equal(blob_egress_begin(&egress, rig.store, rig.ring, &range, 1, sink_ready, &sink),
                         -EBUSY);
        sink_wait(&rig, &sink);
        shutdown(sink.client, SHUT_RDWR);
        while ((n = blob_egress_send(egress, sink.server, 1000)) == -EBUSY)
            sink_wait(&rig, &sink);
        assert_int_equal(n, -EPIPE);
        assert_int_equal(blob_egress_status(egress), 0); /* nothing is wrong with the blob */
        blob_egress_end(egress);
        sink_end(&sink);
        blob_store_settle(rig.store, blob);
        rig_end(&rig);
    }
    free(bytes);
}

/* Ended at any moment, with opens, warms and reads in flight. */
static void test_ended_early(void **state)
{
    unsigned char *bytes = make_bytes(4 * MIB, 9);
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    rig.store->residency = BLOB_RESIDENCY_UNKNOWN;
    uint64_t first = put_bytes(&rig, bytes, 4 * MIB), second = put_bytes(&rig, bytes, 100);
    size_t arrived; /* once to the end first: the ring opens what it needs for warming and keeps it */
    assert_int_equal(egress_once(&rig, range_of(first, 0, 4 * MIB, false), false, &arrived), 0);
    blob_cache_shed(&rig.store->cache);
    unsigned descriptors = count_descriptors();
    for (unsigned stop = 0; stop < 24; ++stop) {
        struct blob_range ranges[] = {range_of(first, 0, 4 * MIB, false), range_of(second, 0, 100, true)};
        struct blob_egress *egress;
        struct sink sink;
        sink_begin(&sink, 4 * MIB + 100);
        blob_cache_shed(&rig.store->cache);
        (void)blob_egress_begin(&egress, rig.store, rig.ring, ranges, 2, sink_ready, &sink);
        for (unsigned step = 0; step < stop; ++step) {
            unsigned char buffer[5000];
            if (stop % 2 == 0)
                (void)blob_egress_send(egress, sink.server, MIB);
            else
                (void)blob_egress_read(egress, buffer, sizeof(buffer));
            sink_drain(&sink);
            if (step % 2 == 0)
                ring_flush(rig.ring);
            else
                ring_wait(rig.ring, false);
        }
        blob_egress_end(egress);
        sink.ready = false;
        rig_settle(&rig);
        assert_false(sink.ready); /* no event after the end */
        sink_end(&sink);
        blob_cache_shed(&rig.store->cache);
        assert_int_equal(count_descriptors(), descriptors);
    }
    blob_store_settle(rig.store, first);
    blob_store_settle(rig.store, second);
    free(bytes);
    rig_end(&rig);
}

static void test_nothing_to_send(void **state)
{
    struct blob_range range = range_of(7, 0, 0, false);
    struct blob_egress *egress;
    struct sink sink;
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    sink_begin(&sink, 1);
    assert_int_equal(blob_egress_begin(&egress, rig.store, rig.ring, &range, 1, sink_ready, &sink), 0);
    assert_int_equal(blob_egress_send(egress, sink.server, 1), 0);
    assert_int_equal(blob_egress_read(egress, sink.bytes, 1), 0);
    blob_egress_end(egress);
    sink_end(&sink);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges_threads),
        cmocka_unit_test(test_ranges_copy_mode),
        cmocka_unit_test(test_other_residency_checks),
        cmocka_unit_test(test_only_cold_windows_are_warmed),
        cmocka_unit_test(test_a_cold_window_is_forgotten),
        cmocka_unit_test(test_packed_is_copied),
        cmocka_unit_test(test_missing_and_short),
        cmocka_unit_test(test_verifies),
        cmocka_unit_test(test_at_hand),
        cmocka_unit_test(test_disk_errors),
        cmocka_unit_test(test_descriptors_run_out),
        cmocka_unit_test(test_open_files_are_a_quarter),
        cmocka_unit_test(test_removed_while_reading),
        cmocka_unit_test(test_peer_gone),
        cmocka_unit_test(test_ended_early),
        cmocka_unit_test(test_nothing_to_send),
        cmocka_unit_test(test_ranges_uring),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
