/* SPDX-License-Identifier: MIT
 *
 * What the tests of packed objects share: where an object's unit lies, and whether its space was given back. Header only. */
#ifndef TESTS_CORE_PACK_SUPPORT_H
#define TESTS_CORE_PACK_SUPPORT_H

#include <inttypes.h>

#include "storage/blob/blob_store.h"
#include "storage/segment/segment.h"
#include "storage/ring/ring_fault.h"
#include "tests/unit/core/core_support.h"

#define PAUSE_NS  2000000
#define PATIENCE  10000u /* pauses */
#define HEAD      SEGMENT_ALIGN_BYTES
#define UNIT_MAX  SEGMENT_UNIT_BYTES_MAX
#define FIRST_FIT ((SEGMENT_BYTES_MIN - HEAD) / UNIT_MAX) /* largest units in the first segment */

UNUSED static void pause_briefly(struct rig *rig)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};

    core_worker_flush(rig->worker);
    core_worker_run(rig->worker);
    nanosleep(&pause, NULL);
}

/* Where the object lies; it must be packed. */
UNUSED static struct meta_extent extent_of(struct rig *rig, const char *key)
{
    const struct meta_object *object;
    struct meta_extent extent;
    struct core_get *get;

    assert_int_equal(core_get_begin(rig->worker, rig->bucket, slice_text(key), &get, &object), 0);
    assert_int_equal(object->extents.count, 1);
    extent = object->extents.list[0];
    core_get_end(get);
    assert_true(extent.unit_offset > 0);
    assert_int_equal(extent.unit_offset % SEGMENT_ALIGN_BYTES, 0);
    return extent;
}

UNUSED static void blob_path(const struct rig *rig, uint64_t blob, char path[128])
{
    snprintf(path, 128, "%s/blobs/%02" PRIx64 "/%016" PRIx64, rig->dir, blob / 256 % 256, blob);
}

/* -1: there is no such file. */
UNUSED static int64_t blob_size(const struct rig *rig, uint64_t blob)
{
    struct stat status;
    char path[128];

    blob_path(rig, blob, path);
    return stat(path, &status) == 0 ? (int64_t)status.st_size : -1;
}

/* Whether the file is there, and none of the range in it. */
UNUSED static bool is_hole(const struct rig *rig, uint64_t blob, uint64_t offset, uint64_t length)
{
    char path[128];
    off_t data;
    int fd;

    blob_path(rig, blob, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    data = lseek(fd, (off_t)offset, SEEK_DATA);
    close(fd);
    return data < 0 || (uint64_t)data >= offset + segment_unit_room((uint32_t)length);
}

UNUSED static bool is_extent_hole(const struct rig *rig, const struct meta_extent *extent)
{
    return is_hole(rig, extent->file, extent->unit_offset, extent->unit_length);
}

UNUSED static void await_hole(struct rig *rig, const struct meta_extent *extent)
{
    for (unsigned i = 0; i < PATIENCE && !is_extent_hole(rig, extent); i++)
        pause_briefly(rig);
    assert_true(is_extent_hole(rig, extent));
}

UNUSED static void await_gone(struct rig *rig, uint64_t blob)
{
    for (unsigned i = 0; i < PATIENCE && blob_size(rig, blob) >= 0; i++)
        pause_briefly(rig);
    assert_int_equal(blob_size(rig, blob), -1);
}

/* The closed store has nothing for its next start to look for. */
UNUSED static void expect_no_debt(const char *dir)
{
    const struct blob_store_options options = {.read_only = true};
    struct blob_store *store;

    assert_int_equal(blob_store_open(&store, dir, &options), 0);
    for (uint64_t blob = 1; blob < 10000; blob++)
        assert_false(blob_store_awaits_recovery(store, blob));
    blob_store_close(store);
}

UNUSED static int put_small(struct rig *rig, const char *key, size_t length, uint64_t seed)
{
    unsigned char *body = body_make(length, seed);
    int err = rig_put(rig, key, body, length, NO_CONDITION);

    free(body);
    return err;
}

UNUSED static void expect_small(struct rig *rig, const char *key, size_t length, uint64_t seed)
{
    unsigned char *body = body_make(length, seed);

    rig_expect(rig, key, body, length);
    free(body);
}

UNUSED static bool key_is_there(struct rig *rig, const char *key)
{
    struct meta_object object;
    int err = rig_head(rig, key, &object);

    if (err == 0)
        meta_object_release(&object);
    else
        assert_int_equal(err, META_E_NO_KEY);
    return err == 0;
}

#endif
