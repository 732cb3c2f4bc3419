/* SPDX-License-Identifier: MIT
 *
 * `sluice check`'s view of the rows: does the database hold together, does every row decode and add up, and
 * does `unit` count exactly the extents there are?
 *
 * To recount, every extent's unit is noted (32 bytes each), sorted, and merged with the rows of `unit` and
 * `garbage`. Everything is read, so this takes as long as the store is large, and its snapshot keeps the log
 * from being shortened meanwhile. The reader's thread; one snapshot. */
#include "metadata/read/reader.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metadata/rows/codec.h"
#include "metadata/rows/kept_parts.h"

/* One extent's unit. Signed, for they are compared with what the database sorts. */
struct unit_note {
    int64_t file, unit_offset, unit_length;
    uint64_t unit_crc;
    enum meta_unit_crc unit_crc_kind;
};

struct check {
    struct meta_reader *reader;
    void (*report)(void *ctx, const char *finding);
    void *ctx;
    int findings;
    struct unit_note *notes;
    size_t note_count, note_capacity;
    uint64_t objects; /* rows of current objects, those that are prepared left out */
    bool is_overlaid; /* and some of them are not what a listing shows */
};

static void check_report(struct check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void check_report(struct check *check, const char *format, ...)
{
    char finding[4096];
    va_list arguments;

    assert(check->findings >= 0);
    va_start(arguments, format);
    (void)vsnprintf(finding, sizeof(finding), format, arguments);
    va_end(arguments);
    check->report(check->ctx, finding);
    if (check->findings < INT32_MAX)
        check->findings++;
}

/* Calls `visit` for each row of the walk; 0 or an error. */
static int check_walk(struct check *check, enum read_walk walk,
                      int (*visit)(struct check *check, struct query *row))
{
    struct query query, *statement = &query;
    int err = check->reader->calls->walk_begin(check->reader, walk, statement);
    int row;

    assert(visit != NULL);
    if (err != 0)
        return err;
    while (err == 0 && (row = query_row(statement)) != 0)
        err = row < 0 ? row : visit(check, statement);
    check->reader->calls->walk_end(statement);
    return err;
}

/* ---- Rows that make no sense ---- */

static int integrity_visit(struct check *check, struct query *row)
{
    struct slice text = query_bytes(row, 0);

    if (text.len != 2 || memcmp(text.base, "ok", 2) != 0)
        check_report(check, "database: %.*s", (int)text.len, text.base);
    return 0;
}

static int stray_visit(struct check *check, struct query *row)
{
    struct slice what = query_bytes(row, 0);

    check_report(check, "%.*s", (int)what.len, what.base);
    return 0;
}

static int note_add(struct check *check, const struct meta_extent *extent)
{
    assert(extent->length > 0 && check->note_count <= check->note_capacity);
    if (check->note_count == check->note_capacity) {
        size_t capacity = check->note_capacity == 0 ? 4096 : 2 * check->note_capacity;
        struct unit_note *notes = realloc(check->notes, capacity * sizeof(*notes));
        if (notes == NULL)
            return -ENOMEM;
        check->notes = notes;
        check->note_capacity = capacity;
    }
    check->notes[check->note_count++] =
        (struct unit_note){(int64_t)extent->file, (int64_t)extent->unit_offset, (int64_t)extent->unit_length,
                           extent->unit_crc, extent->unit_crc_kind};
    return 0;
}

/* Notes the extents and adds them up; *fault says what is wrong with the list, or stays NULL. */
static int extents_note(struct check *check, struct slice bytes, uint64_t *sum, const char **fault)
{
    struct codec_list list;
    struct meta_extent extent;
    int more = codec_extents_begin(&list, bytes);
    int err;

    *sum = 0;
    while (more >= 0 && (more = codec_extents_next(&list, &extent)) > 0) {
        *sum += meta_extent_size(&extent);
        if ((err = note_add(check, &extent)) != 0)
            return err;
    }
    if (more < 0)
        *fault = "extents do not decode";
    return 0;
}

static int extents_check(struct check *check, struct slice bytes, uint64_t size, const char **fault)
{
    uint64_t sum;
    int err = extents_note(check, bytes, &sum, fault);

    if (err == 0 && *fault == NULL && sum != size)
        *fault = "extents do not add up to the size";
    return err;
}

static const char *etag_and_checksum_fault(struct slice etag, struct slice checksum)
{
    char text[META_ETAG_BYTES_MAX + 1];
    struct meta_checksum value;

    if (codec_etag_decode(etag, text) != 0)
        return "the ETag does not decode";
    return codec_checksum_decode(checksum, &value) != 0 ? "the checksum does not decode" : NULL;
}

static const char *attributes_fault(struct slice bytes)
{
    struct codec_list list;
    struct meta_attribute attribute;
    int more = codec_attributes_begin(&list, bytes);

    while (more >= 0 && (more = codec_attributes_next(&list, &attribute)) > 0)
        ;
    return more < 0 ? "attributes do not decode" : NULL;
}

static const char *parts_fault(struct slice bytes, uint64_t size)
{
    struct codec_list list;
    struct meta_part_size part;
    uint64_t sum = 0;
    int more = codec_parts_begin(&list, bytes, NULL);

    while (more >= 0 && (more = codec_parts_next(&list, &part)) > 0)
        sum += part.size;
    if (more < 0)
        return "part sizes do not decode";
    return bytes.len > 0 && sum != size ? "part sizes do not add up to the size" : NULL;
}

static int object_visit(struct check *check, struct query *row)
{
    uint64_t size = (uint64_t)query_int(row, 2);
    const char *fault = NULL;
    int err = extents_check(check, query_bytes(row, 3), size, &fault);

    if (fault == NULL)
        fault = etag_and_checksum_fault(query_bytes(row, 4), query_bytes(row, 5));
    if (fault == NULL)
        fault = attributes_fault(query_bytes(row, 6));
    if (fault == NULL)
        fault = parts_fault(query_bytes(row, 7), size);
    if (fault == NULL && query_bytes(row, 8).len % META_UPLOAD_ID_BYTES != 0)
        fault = "the upload id has no valid length";
    struct slice key = query_bytes(row, 1);
    if (fault == NULL && (key.len == 0 || key.len > META_KEY_BYTES_MAX))
        fault = "the key has no valid length";
    if (fault != NULL)
        check_report(check, "object %.*s of bucket %lld: %s", (int)key.len, key.base,
                     (long long)query_int(row, 0), fault);
    return err;
}

static int current_visit(struct check *check, struct query *row)
{
    check->objects += query_int(row, 0) > 0;
    return object_visit(check, row);
}

static int overlay_visit(struct check *check, struct query *row)
{
    (void)row;
    check->is_overlaid = true;
    return 0;
}

static int part_visit(struct check *check, struct query *row)
{
    const char *fault = NULL;
    int err = 0;

    /* What became an object's is counted there, or not any more. */
    if (!kept_parts_have(query_bytes(row, 6), query_int(row, 1)))
        err = extents_check(check, query_bytes(row, 3), (uint64_t)query_int(row, 2), &fault);
    if (fault == NULL)
        fault = etag_and_checksum_fault(query_bytes(row, 4), query_bytes(row, 5));
    if (fault != NULL)
        check_report(check, "part %lld of upload %s: %s", (long long)query_int(row, 1), query_text(row, 0),
                     fault);
    return err;
}

static int annotation_visit(struct check *check, struct query *row)
{
    struct slice name = query_bytes(row, 1);
    const char *fault = NULL;
    int err = extents_check(check, query_bytes(row, 3), (uint64_t)query_int(row, 2), &fault);

    if (fault == NULL)
        fault = etag_and_checksum_fault(query_bytes(row, 4), query_bytes(row, 5));
    if (fault == NULL && (name.len == 0 || name.len > META_ANNOTATION_NAME_BYTES_MAX))
        fault = "the name has no valid length";
    if (fault != NULL)
        check_report(check, "annotation %.*s of set %lld: %s", (int)name.len, name.base,
                     (long long)query_int(row, 0), fault);
    return err;
}

static int upload_visit(struct check *check, struct query *row)
{
    const char *fault = attributes_fault(query_bytes(row, 1));

    if (fault != NULL)
        check_report(check, "upload %s: %s", query_text(row, 0), fault);
    return 0;
}

static int dropped_visit(struct check *check, struct query *row)
{
    const char *fault = NULL;
    uint64_t sum;
    int err = extents_note(check, query_bytes(row, 1), &sum, &fault);

    if (fault != NULL)
        check_report(check, "dropped list %lld: %s", (long long)query_int(row, 0), fault);
    return err;
}

static int replaced_visit(struct check *check, struct query *row)
{
    const char *fault = NULL;
    uint64_t sum;
    int err = extents_note(check, query_bytes(row, 1), &sum, &fault);

    if (fault != NULL)
        check_report(check, "replaced object %lld: %s", (long long)query_int(row, 0), fault);
    return err;
}

/* ---- References ---- */

static int note_compare(const void *left, const void *right)
{
    const struct unit_note *a = left, *b = right;

    if (a->file != b->file)
        return a->file < b->file ? -1 : 1;
    return (a->unit_offset > b->unit_offset) - (a->unit_offset < b->unit_offset);
}

/* Units of one file must not overlap, and all who name a unit must agree about it. Sorted notes. */
static void notes_check(struct check *check)
{
    for (size_t i = 1; i < check->note_count; i++) {
        const struct unit_note *a = &check->notes[i - 1], *b = &check->notes[i];
        if (a->file != b->file)
            continue;
        if (a->unit_offset == b->unit_offset) {
            if (a->unit_length != b->unit_length || a->unit_crc != b->unit_crc ||
                a->unit_crc_kind != b->unit_crc_kind)
                check_report(check,
                             "unit %" PRId64 " of blob %" PRIu64 ": rows disagree about length or checksum",
                             a->unit_offset, (uint64_t)a->file);
        } else if (a->unit_length > b->unit_offset - a->unit_offset) {
            check_report(check, "units %" PRId64 " and %" PRId64 " of blob %" PRIu64 " overlap",
                         a->unit_offset, b->unit_offset, (uint64_t)a->file);
        }
    }
}

/* How many of the notes, from *at on, are of the unit; moves *at past them. Those before it are not counted
 * in `unit`. */
static int64_t notes_take(struct check *check, size_t *at, const struct unit_note *unit)
{
    int64_t count = 0;

    for (; *at < check->note_count; (*at)++) {
        const struct unit_note *note = &check->notes[*at];
        int order = unit == NULL ? -1 : note_compare(note, unit);
        if (order > 0)
            break;
        if (order == 0)
            count++;
        else
            check_report(check, "unit %" PRId64 " of blob %" PRIu64 " is named but not counted",
                         note->unit_offset, (uint64_t)note->file);
    }
    return count;
}

static int references_check(struct check *check)
{
    struct query query, *statement = &query;
    size_t at = 0;
    int row = check->reader->calls->walk_begin(check->reader, READ_WALK_UNITS, statement);

    if (row != 0)
        return row;
    if (check->note_count > 0)
        qsort(check->notes, check->note_count, sizeof(*check->notes), note_compare);
    notes_check(check);
    while ((row = query_row(statement)) > 0) {
        struct unit_note unit = {.file = query_int(statement, 0), .unit_offset = query_int(statement, 1)};
        int64_t counted = query_int(statement, 2);
        int64_t named = notes_take(check, &at, &unit);
        if (named != counted)
            check_report(check,
                         "unit %" PRId64 " of blob %" PRIu64 ": counted %" PRId64 " times, named %" PRId64,
                         unit.unit_offset, (uint64_t)unit.file, counted, named);
    }
    check->reader->calls->walk_end(statement);
    if (row == 0)
        (void)notes_take(check, &at, NULL);
    return row;
}

static int check_run(struct check *check)
{
    static const struct {
        enum read_walk walk;
        int (*visit)(struct check *check, struct query *row);
    } steps[] = {
        {READ_WALK_OVERLAYS, overlay_visit},
        {READ_WALK_INTEGRITY, integrity_visit},
        {READ_WALK_STRAYS, stray_visit},
        {READ_WALK_OBJECTS, current_visit},
        {READ_WALK_VERSIONS, object_visit},
        {READ_WALK_VERSION_FAULTS, stray_visit},
        {READ_WALK_PARTS, part_visit},
        {READ_WALK_DROPPED, dropped_visit},
        {READ_WALK_REPLACED, replaced_visit},
        {READ_WALK_UPLOADS, upload_visit},
        {READ_WALK_GARBAGE_FAULTS, stray_visit},
        {READ_WALK_ANNOTATIONS, annotation_visit},
        {READ_WALK_ANNOTATION_FAULTS, stray_visit},
        {READ_WALK_TALLY_FAULTS, stray_visit},
        {READ_WALK_USAGE_FAULTS, stray_visit},
    };
    int err;

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if ((err = check_walk(check, steps[i].walk, steps[i].visit)) != 0)
            return err;
    return references_check(check);
}

int meta_check_pages(struct meta_reader *reader, void (*report)(void *ctx, const char *finding), void *ctx)
{
    struct check check = {.reader = reader, .report = report, .ctx = ctx};
    int err = reader_begin(reader);

    assert(report != NULL);
    if (err != 0)
        return err;
    err = check_walk(&check, READ_WALK_STRUCTURE, integrity_visit);
    if (err == META_E_CORRUPT) {
        check_report(&check, "database: %s", reader->calls->message(reader));
        err = 0;
    }
    return err != 0 ? err : check.findings;
}

int meta_check_counting(struct meta_reader *reader, void (*report)(void *ctx, const char *finding), void *ctx,
                        uint64_t *objects)
{
    struct check check = {.reader = reader, .report = report, .ctx = ctx};
    int err = reader_begin(reader);

    assert(report != NULL);
    *objects = META_OBJECTS_UNCOUNTED;
    if (err != 0 || (err = reader_snapshot_begin(reader)) != 0)
        return err;
    err = check_run(&check);
    if (err == 0 && !check.is_overlaid)
        *objects = check.objects;
    free(check.notes);
    /* Damage that stops the check is a finding too. */
    if (err == META_E_CORRUPT) {
        check_report(&check, "database: %s", reader->calls->message(reader));
        err = 0;
    }
    int end = reader_snapshot_end(reader);
    if (err == 0)
        err = end;
    return err != 0 ? err : check.findings;
}

int meta_check(struct meta_reader *reader, void (*report)(void *ctx, const char *finding), void *ctx)
{
    uint64_t objects;

    return meta_check_counting(reader, report, ctx, &objects);
}
