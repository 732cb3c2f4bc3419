/* SPDX-License-Identifier: MIT
 *
 * Fills a store that no server has open with small objects, through the metadata module, so that a store of ten millions can
 * be measured minutes later.
 *
 *     fill DATA BUCKET FIRST COUNT
 *
 * Makes the objects FIRST .. FIRST + COUNT - 1, both multiples of 1,000, of the bucket, which must exist. Their keys are
 * "NNNNNN/NNNN", a thousand to a folder; the folders come in a scattered order, as from many uploaders, so the trees have
 * the half-full pages of a store that has lived. Each object has 1 to 4 KiB, a content-type, an ETag and bytes of its own: a
 * unit of a large file, 4 KiB-aligned, with its checksum. The files are sparse, so all bytes are zero and take no space, but
 * every object can be read and verified. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "metadata/meta.h"
#include "storage/blob/blob_store.h"
#include "storage/digest/digest.h"
#include "storage/limits.h"
#include "storage/blob/record.h"

/* FLIGHT: several of the committer's batches, so that it never waits for this thread. */
enum { FLIGHT = 4096, FOLDER_KEYS = 1000, UNIT_BYTES = 4096, FILE_UNITS = 16384, LENGTHS = 4 };

struct slot {
    struct meta_object_put put;
    struct meta_extent extent;
    char key[32];
    _Atomic bool busy;
};

static const struct meta_attribute content_type = {{"content-type", 12}, {"binary/octet-stream", 19}};
static struct slot slots[FLIGHT];
static uint64_t zero_crc[LENGTHS]; /* of 1, 2, 3, 4 KiB */
static _Atomic int failure;

static void put_done(struct meta_op *op)
{
    struct slot *slot = op->ctx;

    if (op->result != 0)
        atomic_store(&failure, op->result);
    atomic_store(&slot->busy, false);
}

static void slot_wait(struct slot *slot)
{
    while (atomic_load(&slot->busy))
        usleep(200);
}

static uint64_t mixed(uint64_t number)
{
    number = (number ^ number >> 31) * 0x9e3779b97f4a7c15u;
    return number ^ number >> 29;
}

static void object_submit(struct meta *meta, struct slot *slot, int64_t bucket, uint64_t file,
                          uint64_t number, uint64_t place)
{
    uint64_t quarter = mixed(number) % LENGTHS, length = (quarter + 1) * (UNIT_BYTES / LENGTHS);

    slot_wait(slot);
    (void)snprintf(slot->key, sizeof(slot->key), "%06llu/%04llu", (unsigned long long)(number / FOLDER_KEYS),
                   (unsigned long long)(number % FOLDER_KEYS));
    uint64_t offset = (place % FILE_UNITS + 1) * UNIT_BYTES; /* the first 4 KiB are nobody's */
    slot->extent = (struct meta_extent){
        .file = file + place / FILE_UNITS,
        .offset = offset,
        .length = length,
        .unit_offset = offset,
        .unit_length = length,
        .unit_crc = zero_crc[quarter],
        .unit_crc_kind = META_UNIT_CRC64NVME,
    };
    slot->put = (struct meta_object_put){
        .op = {.kind = META_OP_OBJECT_PUT, .done = put_done, .ctx = slot},
        .bucket = bucket,
        .key = {slot->key, strlen(slot->key)},
        .object = {.size = length,
                   .attributes = {(struct meta_attribute *)&content_type, 1},
                   .extents = {&slot->extent, 1}},
    };
    (void)snprintf(slot->put.object.etag, sizeof(slot->put.object.etag), "%016llx%016llx",
                   (unsigned long long)mixed(number + 1), (unsigned long long)mixed(~number));
    atomic_store(&slot->busy, true);
    meta_submit(meta, &slot->put.op);
}

/* An odd step that shares no factor with the count: visits each folder once. */
static uint64_t folder_step(uint64_t folders)
{
    static const uint64_t primes[] = {7919, 6007, 5003, 104729, 3};

    for (size_t i = 0; i < sizeof(primes) / sizeof(primes[0]); i++)
        if (folders % primes[i] != 0)
            return primes[i] % folders == 0 ? 1 : primes[i];
    return 1;
}

static int fill(struct meta *meta, int64_t bucket, uint64_t file, uint64_t first, uint64_t count)
{
    uint64_t folders = count / FOLDER_KEYS, step = folder_step(folders), place = 0;

    for (uint64_t visit = 0; visit < folders && atomic_load(&failure) == 0; visit++) {
        uint64_t folder = first / FOLDER_KEYS + visit * step % folders;
        for (uint64_t key = 0; key < FOLDER_KEYS; key++, place++)
            object_submit(meta, &slots[place % FLIGHT], bucket, file, folder * FOLDER_KEYS + key, place);
    }
    for (size_t i = 0; i < FLIGHT; i++)
        slot_wait(&slots[i]);
    return atomic_load(&failure);
}

/* ---- The files ---- */

/* A segment says whose it is in a record that ends its first block; see storage/blob/record.h. 0 or -1 with errno. */
static int head_write(int fd, uint64_t file)
{
    unsigned char block[UNIT_BYTES] = {0}, bytes[256];
    struct record_writer writer;

    record_begin(&writer, bytes, sizeof(bytes));
    record_put_number(&writer, RECORD_KIND, 0, RECORD_KIND_SEGMENT);
    record_put_number(&writer, RECORD_BLOB, 0, file);
    size_t length = record_end(&writer);
    memcpy(block + sizeof(block) - length, bytes, length);
    return pwrite(fd, block, sizeof(block), 0) == (ssize_t)sizeof(block) ? 0 : -1;
}

/* Segments of nothing, named as storage/blob/blob_store.h says. Returns 0 or a negative errno. */
static int files_make(const char *data, uint64_t file, uint64_t count)
{
    for (uint64_t end = file + (count + FILE_UNITS - 1) / FILE_UNITS; file < end; file++) {
        char path[4096];
        (void)snprintf(path, sizeof(path), "%s/blobs/%02x/%016llx", data,
                       (unsigned)(file / BLOB_FOLDER_RUN % BLOB_FOLDER_COUNT), (unsigned long long)file);
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 || head_write(fd, file) != 0 || ftruncate(fd, (off_t)(FILE_UNITS + 1) * UNIT_BYTES) != 0 ||
            close(fd) != 0) {
            int err = -errno;
            fprintf(stderr, "%s: %s\n", path, strerror(errno));
            return err;
        }
    }
    return 0;
}

static void checksums_make(void)
{
    static const unsigned char zeros[UNIT_BYTES];

    for (unsigned i = 0; i < LENGTHS; i++)
        zero_crc[i] = crc64nvme_update(0, zeros, (size_t)(i + 1) * (UNIT_BYTES / LENGTHS));
}

/* ---- */

static int look_up(struct meta *meta, const char *name, int64_t *bucket, uint64_t *file)
{
    struct meta_reader *reader;
    struct meta_bucket found;
    int err = meta_reader_open(meta, &reader);

    if (err != 0)
        return err;
    if ((err = meta_bucket_get(reader, slice_text(name), &found)) == 0 &&
        (err = meta_file_last(reader, file)) == 0)
        *bucket = found.id;
    meta_reader_close(reader);
    return err;
}

int main(int argc, char **argv)
{
    char database[4096], chronicle[4096];
    const struct meta_options options = {.durable = false,
                                         .chronicle = chronicle}; /* as the server's own rows */
    struct meta *meta;
    int64_t bucket = 0;
    uint64_t file = 0;

    if (argc != 5) {
        fprintf(stderr, "usage: fill DATA BUCKET FIRST COUNT\n");
        return 2;
    }
    uint64_t first = strtoull(argv[3], NULL, 10), count = strtoull(argv[4], NULL, 10);
    checksums_make();
    (void)snprintf(database, sizeof(database), "%s/sluice.db", argv[1]);
    (void)snprintf(chronicle, sizeof(chronicle), "%s/blobs/chronicle", argv[1]);
    int err = meta_open(&meta, database, &options);
    if (err == 0) {
        /* Far above what the server has promised to itself, so that no name is taken twice. */
        if ((err = look_up(meta, argv[2], &bucket, &file)) == 0)
            file += 1u << 20;
        if (err == 0 && (err = files_make(argv[1], file, count)) == 0)
            err = fill(meta, bucket, file, first, count);
        meta_close(meta);
    }
    if (err != 0)
        fprintf(stderr, "fill: %s\n", meta_strerror(err));
    return err != 0;
}
