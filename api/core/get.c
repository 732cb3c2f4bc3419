/* SPDX-License-Identifier: MIT
 *
 * A GET: the pin first, then the row, then the row's units made known to the pin. From then on an overwrite
 * or delete takes nothing away until core_get_end. Sending is the egress' work, over the part of the extents
 * that the range touches.
 *
 * On the worker's thread; a get that was never opened may also be ended elsewhere. */
#include "api/core/core_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct core_get {
    struct core *core;
    struct core_worker *worker;
    struct blob_pin pin;
    struct blob_unit *units; /* of the extents, for the pin */
    struct blob_unit unit;   /* ... when there is but one */
    struct meta_object object;
    struct blob_egress *egress; /* NULL: not opened, or nothing to send */
    bool is_whole;              /* the range that is open is all of the object, and nothing of it was read */
};

/* The pin must know the units before the reclaimer may look at it. */
static int get_pin_extents(struct core_get *get)
{
    const struct meta_extents *extents = &get->object.extents;

    get->units = &get->unit;
    if (extents->count > 1) {
        get->units = malloc(extents->count * sizeof(*get->units));
        if (get->units == NULL)
            return -ENOMEM;
    }
    for (uint32_t i = 0; i < extents->count; i++)
        get->units[i] = (struct blob_unit){extents->list[i].file, extents->list[i].unit_offset};
    blob_pin_known(get->core->blobs, &get->pin, get->units, extents->count);
    return 0;
}

struct get_look_up {
    bool any_version; /* else the current object, and a delete marker is as good as nothing */
    const struct meta_version_id *version;
};

static int get_begin(struct core_worker *worker, int64_t bucket, struct meta_bytes key,
                     const struct get_look_up *look_up, struct core_get **out,
                     const struct meta_object **object)
{
    struct core_get *get = calloc(1, sizeof(*get));
    int err;

    if (get == NULL)
        return -ENOMEM;
    get->core = worker->core;
    get->worker = worker;
    blob_pin_enter(get->core->blobs, &get->pin);
    err = look_up->any_version ? meta_version_get(worker->reader, bucket, key, look_up->version, &get->object)
                               : meta_object_get(worker->reader, bucket, key, &get->object);
    if (err != 0) {
        blob_pin_leave(get->core->blobs, &get->pin);
        free(get);
        return err;
    }
    err = get_pin_extents(get);
    if (err != 0) {
        core_get_end(get);
        return err;
    }
    *out = get;
    *object = &get->object;
    return 0;
}

int core_get_begin(struct core_worker *worker, int64_t bucket, struct meta_bytes key, struct core_get **out,
                   const struct meta_object **object)
{
    return get_begin(worker, bucket, key, &(struct get_look_up){0}, out, object);
}

int core_get_begin_version(struct core_worker *worker, int64_t bucket, struct meta_bytes key,
                           const struct meta_version_id *version, struct core_get **out,
                           const struct meta_object **object)
{
    return get_begin(worker, bucket, key, &(struct get_look_up){true, version}, out, object);
}

/* Cuts the extents down to [first, first + length). Returns how many ranges, or -EIO when they do not cover
 * it. */
static int64_t get_cut(const struct meta_object *object, uint64_t first, uint64_t length,
                       struct blob_range *ranges)
{
    uint64_t begin = 0; /* of the extent, in the object */
    int64_t count = 0;

    for (uint32_t i = 0; i < object->extents.count && length > 0; i++) {
        const struct meta_extent *extent = &object->extents.list[i];
        uint64_t end = begin + extent->length;

        if (first < end) {
            uint64_t skip = first - begin;
            uint64_t part = extent->length - skip < length ? extent->length - skip : length;

            ranges[count++] = (struct blob_range){
                .blob = extent->file,
                .offset = extent->offset + skip,
                .length = part,
                .packed = extent->unit_offset > 0, /* a file of its own is one unit, from its first byte */
            };
            first += part;
            length -= part;
        }
        begin = end;
    }
    return length == 0 ? count : -EIO;
}

/* The ranges go to `one` where that is enough, else to memory that the caller frees. */
static int get_ranges(struct core_get *get, uint64_t first, uint64_t length, struct blob_range *one,
                      struct blob_range **out, uint32_t *count)
{
    struct blob_range *ranges = one;
    int64_t cut;

    if (first > get->object.size || length > get->object.size - first)
        return -ERANGE;
    if (one == NULL || get->object.extents.count > 1)
        ranges = calloc(get->object.extents.count + 1, sizeof(*ranges)); /* a damaged row may have none */
    if (ranges == NULL)
        return -ENOMEM;
    cut = get_cut(&get->object, first, length, ranges);
    if (cut < 0) {
        core_log(get->core, CORE_LOG_ERROR, "an object's extents are shorter than its size");
        if (ranges != one)
            free(ranges);
        return (int)cut;
    }
    *out = ranges;
    *count = (uint32_t)cut;
    return 0;
}

int core_get_ranges(struct core_get *get, uint64_t first, uint64_t length, struct blob_range **out,
                    uint32_t *count)
{
    return get_ranges(get, first, length, NULL, out, count);
}

struct core_worker *core_get_worker(const struct core_get *get)
{
    return get->worker;
}

int core_get_open(struct core_get *get, uint64_t first, uint64_t length, void (*on_ready)(void *ctx),
                  void *ctx)
{
    struct blob_range one, *ranges;
    uint32_t count;
    int err;

    blob_egress_end(get->egress); /* of an earlier range */
    get->egress = NULL;
    get->is_whole = first == 0 && length == get->object.size;
    if ((err = get_ranges(get, first, length, &one, &ranges, &count)) != 0)
        return err;
    if (length > 0)
        err = blob_egress_begin(&get->egress, get->core->blobs, get->worker->ring, ranges, count, on_ready,
                                ctx);
    if (ranges != &one)
        free(ranges);
    return err;
}

int core_get_status(const struct core_get *get)
{
    return get->egress != NULL ? blob_egress_status(get->egress) : 0;
}

ssize_t core_get_send(struct core_get *get, int socket_fd, size_t max)
{
    get->is_whole = false;
    return get->egress != NULL ? blob_egress_send(get->egress, socket_fd, max) : 0;
}

ssize_t core_get_read(struct core_get *get, void *buffer, size_t length)
{
    ssize_t count = get->egress != NULL ? blob_egress_read(get->egress, buffer, length) : 0;

    /* Content does not change while the row does not: a small body that is hot is kept with it. */
    if (get->is_whole && count > 0 && (uint64_t)count == get->object.size)
        meta_object_note_keep(get->worker->reader, &get->object, (struct meta_bytes){buffer, (size_t)count});
    if (count > 0)
        get->is_whole = false;
    return count;
}

const void *core_get_at_hand(const struct core_get *get)
{
    struct meta_bytes note = meta_object_note(&get->object);

    assert(note.data == NULL || note.length == get->object.size);
    return note.data;
}

/* The bytes of a small extent in a file of their own. */
static int extent_copy(int segment_fd, const struct meta_extent *extent)
{
    unsigned char *bytes = malloc(extent->length);
    int err = 0, fd = -1;

    if (bytes == NULL)
        return -ENOMEM;
    for (uint64_t done = 0; done < extent->length && err == 0;) {
        ssize_t n = pread(segment_fd, bytes + done, extent->length - done, (off_t)(extent->offset + done));

        if (n > 0)
            done += (uint64_t)n;
        else if (n == 0 || errno != EINTR)
            err = -EIO;
    }
    if (err == 0 && (fd = memfd_create("sluice-extent", MFD_CLOEXEC)) < 0)
        err = -errno;
    if (err == 0 && pwrite(fd, bytes, extent->length, 0) != (ssize_t)extent->length) {
        close(fd);
        err = -ENOMEM; /* memory is all that it can lack */
    }
    free(bytes);
    return err != 0 ? err : fd;
}

int core_get_extent_open(const struct core_get *get, uint32_t index, int *fd, uint64_t *offset)
{
    const struct meta_extent *extent = &get->object.extents.list[index];
    int result;

    assert(index < get->object.extents.count);
    *offset = extent->offset;
    result = blob_store_open_fd(get->core->blobs, extent->file);
    if (result >= 0 && extent->unit_offset > 0) {
        int segment_fd = result;

        result = extent_copy(segment_fd, extent);
        close(segment_fd); /* was only read from */
        *offset = 0;
    }
    if (result < 0)
        return result;
    *fd = result;
    return 0;
}

void core_get_end(struct core_get *get)
{
    if (get == NULL)
        return;
    blob_egress_end(get->egress);
    blob_pin_leave(get->core->blobs, &get->pin);
    meta_object_release(&get->object);
    if (get->units != &get->unit)
        free(get->units);
    free(get);
}
