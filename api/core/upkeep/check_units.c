/* SPDX-License-Identifier: MIT
 *
 * Looking at the bytes of units for a check: is the file there, is it long enough, does its checksum agree with
 * the row. What was found is kept in a hash table, open addressing, doubled when it is two thirds full.
 *
 * Rows come in the order of their keys, so that small units are taken now from this segment, now from that: some descriptors stay open,
 * and such a unit is read by one call. Mapping each of them took ten times as long. */
#include "api/core/upkeep/check_units.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/digest/digest.h"
#include "storage/limits.h"
#include "storage/base/io.h"

#define UNITS_CAPACITY_FIRST 1024u
#define UNITS_FILES          64u /* a power of two; descriptors kept open */

struct check_unit {
    uint64_t file; /* 0: the place is free; no blob has that id */
    uint64_t offset, length;
    uint64_t crc;
    enum meta_unit_crc crc_kind;
    enum check_verdict verdict;
};

struct check_units {
    struct blob_store *blobs;
    bool verify_bytes;
    uint64_t bytes;
    struct check_unit *table;
    size_t capacity, count; /* capacity is a power of two */
    struct {
        uint64_t file; /* 0: none */
        int fd;
    } open[UNITS_FILES];
    unsigned char buffer[SEGMENT_UNIT_BYTES_MAX];
};

const char *check_verdict_text(enum check_verdict verdict)
{
    static const char *const texts[CHECK_VERDICT_COUNT] = {
        [CHECK_SOUND] = "sound",
        [CHECK_MISSING] = "its file is missing",
        [CHECK_FOREIGN] = "it is another blob's file, or does not say whose it is",
        [CHECK_SHORT] = "its file is too short",
        [CHECK_CHANGED] = "its bytes do not match their checksum",
        [CHECK_UNREADABLE] = "its bytes cannot be read",
        [CHECK_DISAGREES] = "rows disagree about its length or checksum",
    };

    assert(verdict < CHECK_VERDICT_COUNT);
    return texts[verdict];
}

struct check_units *check_units_create(struct blob_store *blobs, bool verify_bytes)
{
    struct check_units *units = calloc(1, sizeof(*units));

    assert(blobs != NULL);
    if (units == NULL)
        return NULL;
    units->blobs = blobs;
    units->verify_bytes = verify_bytes;
    units->capacity = UNITS_CAPACITY_FIRST;
    units->table = calloc(units->capacity, sizeof(*units->table));
    if (units->table == NULL) {
        free(units);
        return NULL;
    }
    return units;
}

void check_units_free(struct check_units *units)
{
    if (units == NULL)
        return;
    for (unsigned i = 0; i < UNITS_FILES; i++)
        if (units->open[i].file != 0)
            close(units->open[i].fd); /* was only read from */
    free(units->table);
    free(units);
}

uint64_t check_units_bytes(const struct check_units *units)
{
    return units->bytes;
}

/* ---- The table ---- */

/* The unit's place, or the free place where it would go. */
static struct check_unit *units_place(struct check_unit *table, size_t capacity, uint64_t file,
                                      uint64_t offset)
{
    uint64_t hash = (file ^ offset << 32) * UINT64_C(0x9e3779b97f4a7c15); /* Fibonacci hashing */
    size_t at = (size_t)(hash >> 32) & (capacity - 1);

    assert((capacity & (capacity - 1)) == 0 && file != 0);
    while (table[at].file != 0 && (table[at].file != file || table[at].offset != offset))
        at = (at + 1) & (capacity - 1);
    return &table[at];
}

static int units_grow(struct check_units *units)
{
    size_t capacity = units->capacity * 2;
    struct check_unit *table;

    assert(units->count < units->capacity);
    if (units->count * 3 < units->capacity * 2)
        return 0;
    table = calloc(capacity, sizeof(*table));
    if (table == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < units->capacity; i++) {
        const struct check_unit *unit = &units->table[i];

        if (unit->file != 0)
            *units_place(table, capacity, unit->file, unit->offset) = *unit;
    }
    free(units->table);
    units->table = table;
    units->capacity = capacity;
    return 0;
}

/* ---- The bytes ---- */

static enum digest_kind unit_digest_kind(const struct check_unit *unit)
{
    return unit->crc_kind == META_UNIT_CRC64NVME ? DIGEST_CRC64NVME : DIGEST_CRC32C;
}

static int unit_digest_small(int fd, const struct check_unit *unit, unsigned char *buffer, uint64_t *crc)
{
    struct digest_values values;
    ssize_t have;
    int err;

    assert(unit->length <= SEGMENT_UNIT_BYTES_MAX);
    have = read_up_to(fd, buffer, unit->length, unit->offset);
    if (have < 0)
        return (int)have;
    if ((uint64_t)have < unit->length)
        return -ENODATA;
    err = digest_buffer(DIGEST_BIT(unit_digest_kind(unit)), buffer, unit->length, &values);
    if (err == 0)
        *crc = digest_crc_value(&values, unit_digest_kind(unit));
    return err;
}

static int unit_digest(int fd, const struct check_unit *unit, uint64_t *crc)
{
    enum digest_kind kind = unit_digest_kind(unit);
    struct digest_values values;
    struct digest_set *set;
    int err;

    err = digest_set_create(&set, DIGEST_BIT(kind));
    if (err != 0)
        return err;
    err = digest_set_update_file(set, fd, unit->offset, unit->length);
    if (err == 0)
        err = digest_set_final(set, &values);
    digest_set_free(set);
    if (err == 0)
        *crc = digest_crc_value(&values, kind);
    return err;
}

/* Returns an enum check_verdict, or -ENOMEM. */
static int unit_look_at_file(struct check_units *units, int fd, const struct check_unit *unit)
{
    struct blob_unit place = {unit->file, unit->offset};
    enum check_verdict says;
    struct stat status;
    uint64_t crc = 0;
    int err;

    if (fstat(fd, &status) != 0)
        return CHECK_UNREADABLE;
    if ((uint64_t)status.st_size < unit->offset || (uint64_t)status.st_size - unit->offset < unit->length)
        return CHECK_SHORT;
    if ((err = blob_store_judge(units->blobs, place, unit->length, fd)) == -ESTALE)
        return CHECK_FOREIGN;
    if (err != 0 && err != -EBADMSG)
        return err == -ENOMEM ? err : CHECK_UNREADABLE;
    says = err == 0 ? CHECK_SOUND : CHECK_FOREIGN; /* it says nothing: what the bytes say counts more */
    if (!units->verify_bytes)
        return says;
    err = unit->length <= sizeof(units->buffer) ? unit_digest_small(fd, unit, units->buffer, &crc)
                                                : unit_digest(fd, unit, &crc);
    if (err == -ENOMEM)
        return err;
    if (err != 0)
        return err == -ENODATA ? CHECK_SHORT : CHECK_UNREADABLE;
    return crc == unit->crc ? says : CHECK_CHANGED;
}

/* A descriptor that stays ours, or a negative errno. */
static int unit_open(struct check_units *units, uint64_t file)
{
    unsigned at = (unsigned)file & (UNITS_FILES - 1);

    assert(file != 0);
    if (units->open[at].file == file)
        return units->open[at].fd;
    int fd = blob_store_open_fd(units->blobs, file);
    if (fd < 0)
        return fd;
    if (units->open[at].file != 0)
        close(units->open[at].fd); /* was only read from */
    units->open[at].file = file;
    units->open[at].fd = fd;
    return fd;
}

static int unit_look(struct check_units *units, const struct check_unit *unit)
{
    int fd = unit_open(units, unit->file);

    if (fd < 0)
        return fd == -ENOENT ? CHECK_MISSING : CHECK_UNREADABLE;
    return unit_look_at_file(units, fd, unit);
}

int check_units_look(struct check_units *units, const struct meta_extent *extent)
{
    struct check_unit *unit;
    int verdict;

    if (extent->file == 0)
        return CHECK_MISSING;
    if (units_grow(units) != 0)
        return -ENOMEM;
    unit = units_place(units->table, units->capacity, extent->file, extent->unit_offset);
    if (unit->file != 0) {
        bool agrees = unit->length == extent->unit_length && unit->crc == extent->unit_crc &&
                      unit->crc_kind == extent->unit_crc_kind;

        return agrees ? unit->verdict : CHECK_DISAGREES;
    }
    *unit = (struct check_unit){
        .file = extent->file,
        .offset = extent->unit_offset,
        .length = extent->unit_length,
        .crc = extent->unit_crc,
        .crc_kind = extent->unit_crc_kind,
    };
    verdict = unit_look(units, unit);
    if (verdict < 0) {
        *unit = (struct check_unit){0};
        return verdict;
    }
    unit->verdict = (enum check_verdict)verdict;
    units->count++;
    if (verdict != CHECK_MISSING)
        units->bytes += unit->length;
    return verdict;
}

int check_units_look_again(struct check_units *units, const struct meta_extent *extent)
{
    struct check_unit *unit = units_place(units->table, units->capacity, extent->file, extent->unit_offset);
    enum check_verdict before = unit->verdict;
    int verdict;

    if (extent->file == 0 || unit->file == 0 || unit->length != extent->unit_length ||
        unit->crc != extent->unit_crc || unit->crc_kind != extent->unit_crc_kind)
        return check_units_look(units, extent);
    verdict = unit_look(units, unit);
    if (verdict < 0)
        return verdict;
    unit->verdict = (enum check_verdict)verdict;
    if (before == CHECK_MISSING && verdict != CHECK_MISSING)
        units->bytes += unit->length;
    return verdict;
}
