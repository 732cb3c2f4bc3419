/* SPDX-License-Identifier: MIT
 *
 * Backups to where there are no folders: somebody else carries the files, each under a name that is that of its bytes for ever. A file of its own
 * is `blobs/ID`, a segment up to its last unit `blobs/ID-END`: when it has grown, it is another. The rows are `rows/CRC`, and BACKUP, which
 * names them, is written last. So whatever BACKUP is there, all that it needs is there, too, until a later one has taken its place.
 *
 * A segment is carried as the units that somebody names, and zeros between them, out of memory: it grows while it is served. */
#include "api/core/backup/carry.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/text/hex.h"
#include "storage/limits.h"

struct carry {
    struct core_place place; /* the report, the log, and the source, whose copy it has without a target */
    const struct core_carrier *carrier;
    struct meta_copy *rows;
    struct meta_copy_unit unit; /* the next one */
    bool is_over;
};

/* 0 or an error; is_over is set at the end. */
static int unit_next(struct carry *carry)
{
    int found = meta_copy_next(carry->rows, &carry->unit);

    carry->is_over = found <= 0;
    return found < 0 ? found : 0;
}

static int units_skip(struct carry *carry, uint64_t file)
{
    int err = 0;

    while (err == 0 && !carry->is_over && carry->unit.file == file)
        err = unit_next(carry);
    return err;
}

/* ---- Names ---- */

void carry_blob_name(uint64_t blob, char name[CARRY_NAME_BYTES])
{
    (void)snprintf(name, CARRY_NAME_BYTES, "blobs/%016" PRIx64, blob);
}

void carry_segment_name(uint64_t blob, uint64_t end, char name[CARRY_NAME_BYTES])
{
    (void)snprintf(name, CARRY_NAME_BYTES, "blobs/%016" PRIx64 "-%" PRIx64, blob, end);
}

void carry_rows_name(const struct manifest *manifest, char name[CARRY_NAME_BYTES])
{
    char crc[2 * MANIFEST_CRC_BYTES + 1];

    hex_encode(manifest->rows_crc, MANIFEST_CRC_BYTES, crc);
    crc[sizeof(crc) - 1] = '\0';
    (void)snprintf(name, CARRY_NAME_BYTES, "rows/%s", crc);
}

/* ---- Files ---- */

/* All of its units that somebody names. */
struct segment {
    struct blob_run *runs;
    uint32_t count, capacity;
    uint64_t end;
};

static int segment_add(struct segment *segment, const struct meta_copy_unit *unit)
{
    if (segment->count == segment->capacity) {
        uint32_t capacity = segment->capacity == 0 ? 256 : segment->capacity * 2;
        struct blob_run *runs = realloc(segment->runs, capacity * sizeof(*runs));

        if (runs == NULL)
            return -ENOMEM;
        segment->runs = runs;
        segment->capacity = capacity;
    }
    segment->runs[segment->count++] = (struct blob_run){unit->offset, unit->length};
    segment->end = unit->offset + unit->length;
    return 0;
}

static int segment_send(struct carry *carry, uint64_t blob, const struct segment *segment, const char *name)
{
    int fd = memfd_create("segment", MFD_CLOEXEC), err;

    if (fd < 0)
        return -errno;
    err = blob_copy_gather(carry->place.copy, blob, segment->runs, segment->count, fd);
    if (err == 0)
        err = carry->carrier->data(carry->carrier->ctx, name, fd, segment->end);
    close(fd); /* was in memory alone */
    if (err == 0) {
        carry->place.report.files++;
        carry->place.report.bytes += segment->end;
    }
    return err;
}

/* The walk is behind the file then. */
static int segment_carry(struct carry *carry, uint64_t blob)
{
    struct segment segment = {.runs = NULL};
    char name[CARRY_NAME_BYTES];
    int err = 0;

    while (err == 0 && !carry->is_over && carry->unit.file == blob)
        if ((err = segment_add(&segment, &carry->unit)) == 0)
            err = unit_next(carry);
    carry_segment_name(blob, segment.end, name);
    if (err == 0 && carry->carrier->has(carry->carrier->ctx, name, segment.end))
        carry->place.report.kept++;
    else if (err == 0 && segment.end > SEGMENT_BYTES_MAX)
        err = META_E_CORRUPT;
    else if (err == 0)
        err = segment_send(carry, blob, &segment, name);
    free(segment.runs);
    return err;
}

static int whole_carry(struct carry *carry, uint64_t blob)
{
    char name[CARRY_NAME_BYTES], *path;
    uint64_t bytes;
    int err = blob_copy_source_path(carry->place.copy, blob, &path, &bytes);

    if (err != 0)
        return err;
    carry_blob_name(blob, name);
    if (carry->carrier->has(carry->carrier->ctx, name, bytes)) {
        carry->place.report.kept++;
    } else if ((err = carry->carrier->file(carry->carrier->ctx, name, path, bytes)) == 0) {
        carry->place.report.files++;
        carry->place.report.bytes += bytes;
    }
    free(path);
    return err;
}

static int file_carry(struct carry *carry)
{
    uint64_t blob = carry->unit.file;
    int err, is_segment = 0;

    if (carry->unit.offset > 0 && (is_segment = blob_copy_is_segment(carry->place.copy, blob)) < 0)
        err = is_segment;
    else
        err = is_segment ? segment_carry(carry, blob) : whole_carry(carry, blob);
    if (err == -ENOENT) {
        place_log(&carry->place, LOG_LEVEL_WARNING, "blob %016" PRIx64 " is missing: it is not in the backup",
                  blob);
        carry->place.report.damaged++;
        err = 0;
    }
    return err;
}

static int files_carry(struct carry *carry)
{
    int err = unit_next(carry);

    while (err == 0 && !carry->is_over) {
        uint64_t blob = carry->unit.file;

        if ((err = file_carry(carry)) == 0 && (err = units_skip(carry, blob)) == 0 &&
            carry->place.options.progress != NULL)
            err = carry->place.options.progress(carry->place.options.progress_ctx, &carry->place.report) == 0
                      ? 0
                      : -ECANCELED;
    }
    return err;
}

static int commit(struct carry *carry, const struct core_backup_source *source, const char *path,
                  const struct manifest *manifest)
{
    const struct core_carrier *carrier = carry->carrier;
    char name[CARRY_NAME_BYTES], text[MANIFEST_BYTES_MAX];
    int err = 0;

    carry_rows_name(manifest, name);
    if (!carrier->has(carrier->ctx, name, manifest->rows_bytes))
        err = carrier->file(carrier->ctx, name, path, manifest->rows_bytes);
    if (err == 0)
        err = carrier->flush(carrier->ctx);
    if (err == 0)
        err = source->holds(source->ctx);
    manifest_format(manifest, text);
    return err != 0 ? err : carrier->commit(carrier->ctx, MANIFEST_NAME, text, strlen(text));
}

int core_backup_carry(const char *data_dir, const char *rows, const struct core_backup_source *source,
                      const struct core_carrier *carrier, const struct core_backup_options *options,
                      struct core_backup_report *report)
{
    struct carry carry = {.carrier = carrier, .place = {.options = *options}};
    struct manifest manifest = {.is_whole = false};
    int err = meta_copy_open(&carry.rows, rows);

    if (err == 0)
        err = blob_copy_open(&carry.place.copy, data_dir, NULL, false);
    if (err == 0)
        err = place_manifest(&carry.place, carry.rows, rows, &manifest);
    if (err == 0)
        err = files_carry(&carry);
    if (err == 0)
        err = commit(&carry, source, rows, &manifest);
    meta_copy_close(carry.rows);
    blob_copy_close(carry.place.copy);
    *report = carry.place.report;
    return err;
}
