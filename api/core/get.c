/* SPDX-License-Identifier: MIT
 *
 * A GET: the pin first, then the row, then the row's units made known to the pin. From then on an overwrite
 * or delete takes nothing away until core_get_end. Sending is the egress' work, over the part of the extents
 * that the range touches.
 *
 * On the worker's thread; a get that was never opened may also be ended elsewhere. */
#include "api/core/core_internal.h"
#include "api/core/sealed/sealed_get.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

_Static_assert(CORE_VERIFY_BYTES_MAX == EGRESS_VERIFY_BYTES_MAX, "the core says what storage does");
_Static_assert(META_BODY_FIRST == BLOB_ROW_FIRST && META_BODY_BYTES_MAX == BLOB_ROW_BYTES_MAX,
               "rows and storage mean the same bodies");

struct core_get {
    struct core *core;
    struct core_worker *worker;
    struct blob_pin pin;
    struct blob_unit *units; /* of the extents, for the pin */
    struct blob_unit unit;   /* ... when there is but one */
    struct meta_object object;
    struct blob_egress *egress; /* NULL: not opened, nothing to send, or sealed */
    struct sealed_get *sealed;  /* in its place, of what is sealed */
    bool is_sealed, has_key;
    bool has_body; /* object.body is what was stored */
    struct seal_key key;
    bool is_whole; /* the range that is open is all of the object, and nothing of it was read */

    /* Of core_get_open. */
    uint64_t first, length;
    void (*on_ready)(void *ctx);
    void *ctx;
    bool is_verifying; /* on a digest thread */
    int status;        /* a failure from before there was an egress */
    bool told_damage;
};

/* The pin must know the units before the reclaimer may look at it. */
static int get_pin_extents(struct core_get *get)
{
    const struct meta_extents *extents = &get->object.extents;

    assert(get->units == NULL);
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
    int64_t bucket;
    struct slice key;
    bool is_whole;    /* with its body, where that is a row; not for any version */
    bool any_version; /* else the current object, and a delete marker is as good as nothing */
    const struct meta_version_id *version;
    struct meta_object *marker; /* where to tell of one; NULL: nowhere */
    int64_t annotations;        /* not 0: an annotation of that set is meant, and `key` is its name */
};

static int get_look(struct core_get *get, const struct get_look_up *look_up)
{
    struct meta_reader *reader = get->worker->reader;

    if (look_up->annotations != 0)
        return meta_annotation_get(reader, look_up->annotations, look_up->key, &get->object);
    if (look_up->any_version)
        return meta_version_get(reader, look_up->bucket, look_up->key, look_up->version, &get->object);
    if (look_up->is_whole)
        return meta_object_get_whole(reader, look_up->bucket, look_up->key, &get->object);
    return meta_object_get(reader, look_up->bucket, look_up->key, &get->object);
}

/* The body came with the row: whether it is what was stored. If not, opening it finds that again, and tells of it. */
static bool get_body_holds(const struct core_get *get)
{
    const struct meta_extent *extent = get->object.extents.list;
    struct slice body = get->object.body;

    return body.base != NULL && !get->is_sealed && body.len == get->object.size &&
           digest_crc_update(core_unit_kind(extent), 0, body.base, body.len) == extent->unit_crc;
}

static int get_begin(struct core_worker *worker, const struct get_look_up *look_up, struct core_get **out,
                     const struct meta_object **object)
{
    struct core_get *get = calloc(1, sizeof(*get));
    int err;

    assert(worker != NULL && out != NULL && object != NULL);
    if (get == NULL)
        return -ENOMEM;
    get->core = worker->core;
    get->worker = worker;
    blob_pin_enter(get->core->blobs, &get->pin);
    err = get_look(get, look_up);
    if (err != 0) {
        if (err == META_E_DELETE_MARKER && look_up->marker != NULL)
            *look_up->marker = get->object;
        blob_pin_leave(get->core->blobs, &get->pin);
        free(get);
        return err;
    }
    get->is_sealed = sealed_object_is(&get->object);
    get->has_body = get_body_holds(get);
    err = get_pin_extents(get);
    if (err != 0) {
        core_get_end(get);
        return err;
    }
    *out = get;
    *object = &get->object;
    return 0;
}

int core_get_begin(struct core_worker *worker, int64_t bucket, struct slice key, struct core_get **out,
                   const struct meta_object **object)
{
    return get_begin(worker, &(struct get_look_up){.bucket = bucket, .key = key}, out, object);
}

int core_get_begin_whole(struct core_worker *worker, int64_t bucket, struct slice key, struct core_get **out,
                         const struct meta_object **object)
{
    return get_begin(worker, &(struct get_look_up){.bucket = bucket, .key = key, .is_whole = true}, out,
                     object);
}

int core_get_begin_version(struct core_worker *worker, int64_t bucket, struct slice key,
                           const struct meta_version_id *version, struct core_get **out,
                           const struct meta_object **object, struct meta_object *marker)
{
    return get_begin(
        worker,
        &(struct get_look_up){
            .bucket = bucket, .key = key, .any_version = true, .version = version, .marker = marker},
        out, object);
}

int core_get_begin_annotation(struct core_worker *worker, const struct meta_object *object, struct slice name,
                              struct core_get **out, const struct meta_object **annotation)
{
    if (object->annotations == 0)
        return META_E_NO_ANNOTATION;
    return get_begin(worker, &(struct get_look_up){.key = name, .annotations = object->annotations}, out,
                     annotation);
}

enum digest_kind core_unit_kind(const struct meta_extent *extent)
{
    return extent->unit_crc_kind == META_UNIT_CRC64NVME ? DIGEST_CRC64NVME : DIGEST_CRC32C;
}

bool core_get_is_sealed(const struct core_get *get)
{
    return get->is_sealed;
}

void core_get_unseal(struct core_get *get, const struct seal_key *key)
{
    get->key = *key;
    get->has_key = true;
}

/* Cuts the extents down to [first, first + length). Returns how many ranges, or -EIO when they do not cover
 * it. */
static int64_t get_cut(const struct meta_object *object, uint64_t first, uint64_t length,
                       struct blob_range *ranges)
{
    uint64_t begin = 0; /* of the extent, in the object */
    int64_t count = 0;

    assert(length <= object->size && first <= object->size - length);
    for (uint32_t i = 0; i < object->extents.count && length > 0; i++) {
        const struct meta_extent *extent = &object->extents.list[i];
        uint64_t end = begin + extent->length;

        if (first < end) {
            assert((uint64_t)count < object->extents.count);
            uint64_t skip = first - begin;
            uint64_t part = extent->length - skip < length ? extent->length - skip : length;

            ranges[count++] = core_extent_range(extent, skip, part);
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

    assert(out != NULL && count != NULL);
    if (get->is_sealed)
        return -ENOKEY; /* what lies there are not the object's bytes */
    if (first > get->object.size || length > get->object.size - first)
        return -ERANGE;
    if (one == NULL || get->object.extents.count > 1)
        ranges = calloc(get->object.extents.count + 1, sizeof(*ranges)); /* a damaged row may have none */
    if (ranges == NULL)
        return -ENOMEM;
    cut = get_cut(&get->object, first, length, ranges);
    if (cut < 0) {
        core_log(get->core, LOG_LEVEL_ERROR, "an object's extents are shorter than its size");
        if (ranges != one)
            free(ranges);
        return (int)cut;
    }
    assert((uint64_t)cut <= get->object.extents.count);
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

/* What core_get_open comes to, once the large units are verified that are to be read first. */
static int get_open_egress(struct core_get *get)
{
    struct blob_range one, *ranges;
    uint32_t count;
    int err;

    assert(get->egress == NULL && get->sealed == NULL && !get->is_verifying);
    if (get->is_sealed)
        return get->length == 0 ? 0
                                : sealed_get_begin(&get->sealed, get->worker, &get->object, &get->key,
                                                   get->first, get->length, get->on_ready, get->ctx);
    if ((err = get_ranges(get, get->first, get->length, &one, &ranges, &count)) != 0)
        return err;
    if (get->length > 0)
        err = blob_egress_begin(&get->egress, get->core->blobs, get->worker->ring, ranges, count,
                                get->on_ready, get->ctx);
    if (ranges != &one)
        free(ranges);
    return err;
}

/* The digest threads have read all large units of the range. */
static void get_on_verified(void *ctx, int result, bool told_damage)
{
    struct core_get *get = ctx;

    assert(get->is_verifying && get->egress == NULL);
    get->is_verifying = false;
    get->status = result;
    get->told_damage = told_damage;
    if (result == 0)
        get->status = get_open_egress(get);
    if (get->status == -EBUSY) {
        get->status = 0; /* the egress says it from here on */
        return;
    }
    get->on_ready(get->ctx);
}

/* What callers are told; core_get_is_outdated tells these apart. */
static ssize_t get_result(ssize_t result)
{
    return result == -ESTALE ? -EIO : result;
}

static struct blob_egress *get_egress(const struct core_get *get)
{
    return get->sealed != NULL ? sealed_get_egress(get->sealed) : get->egress;
}

bool core_get_is_outdated(struct core_get *get)
{
    struct blob_egress *egress = get_egress(get);
    const struct meta_extents *extents = &get->object.extents;
    int referred = 1;

    if (egress == NULL || blob_egress_status(egress) != -ESTALE)
        return false;
    for (uint32_t i = 0; i < extents->count && referred > 0; i++)
        referred =
            meta_unit_is_referred(get->worker->reader, extents->list[i].file, extents->list[i].unit_offset);
    if (referred != 0)
        blob_egress_tell_missing(egress);
    return referred == 0;
}

static void get_close(struct core_get *get)
{
    (void)core_get_is_outdated(get); /* damage is told of, whoever met it */
    blob_egress_end(get->egress);
    sealed_get_end(get->sealed);
    get->egress = NULL;
    get->sealed = NULL;
}

int core_get_open(struct core_get *get, uint64_t first, uint64_t length, void (*on_ready)(void *ctx),
                  void *ctx)
{
    int err;

    assert(on_ready != NULL);
    assert(!get->is_verifying);
    get_close(get); /* of an earlier range */
    get->status = 0;
    get->told_damage = false;
    get->is_whole = first == 0 && length == get->object.size;
    get->first = first;
    get->length = length;
    get->on_ready = on_ready;
    get->ctx = ctx;
    if (first > get->object.size || length > get->object.size - first)
        return -ERANGE;
    if (get->is_sealed && !get->has_key)
        return -ENOKEY;
    if (get->core->limits.verify_reads && !get->is_sealed) { /* records verify themselves */
        err = core_get_verify(get, first, length, get_on_verified, get);
        get->is_verifying = err == -EBUSY;
        if (err != 0)
            return err;
    }
    return (int)get_result(get_open_egress(get));
}

int core_get_status(const struct core_get *get)
{
    const struct blob_egress *egress = get_egress(get);

    return (int)get_result(get->status != 0 || egress == NULL ? get->status : blob_egress_status(egress));
}

bool core_get_told_damage(const struct core_get *get)
{
    if (get->sealed != NULL)
        return sealed_get_told_damage(get->sealed) || blob_egress_told_damage(sealed_get_egress(get->sealed));
    return get->told_damage || (get->egress != NULL && blob_egress_told_damage(get->egress));
}

ssize_t core_get_send(struct core_get *get, int socket_fd, size_t max)
{
    assert(!get->is_verifying);
    get->is_whole = false;
    if (get->sealed != NULL)
        return get_result(sealed_get_send(get->sealed, socket_fd, max));
    return get->egress != NULL ? get_result(blob_egress_send(get->egress, socket_fd, max)) : 0;
}

/* Content does not change while the row does not: a small body that is hot is kept with it, if it was verified. */
static void get_keep(struct core_get *get, const void *bytes, size_t count)
{
    const struct meta_extents *extents = &get->object.extents;

    assert(count > 0 && bytes != NULL);
    if (get->is_whole && count == get->object.size && extents->count == 1 &&
        extents->list[0].unit_length <= CORE_VERIFY_BYTES_MAX)
        meta_object_note_keep(get->worker->reader, &get->object, slice_of(bytes, count));
    get->is_whole = false;
}

ssize_t core_get_read(struct core_get *get, void *buffer, size_t length)
{
    ssize_t count;

    if (get->sealed != NULL) /* what is open is kept nowhere */
        return get_result(sealed_get_read(get->sealed, buffer, length));
    count = get->egress != NULL ? get_result(blob_egress_read(get->egress, buffer, length)) : 0;
    assert(count <= (ssize_t)length);
    if (count > 0)
        get_keep(get, buffer, (size_t)count);
    return count;
}

const void *core_get_at_hand(const struct core_get *get)
{
    struct slice note = meta_object_note(&get->object);

    if (get->has_body)
        return get->object.body.base;
    assert(note.base == NULL || note.len == get->object.size);
    return note.base;
}

const void *core_get_opened(struct core_get *get)
{
    const void *bytes = get->egress != NULL ? blob_egress_at_hand(get->egress) : NULL;

    if (bytes != NULL)
        get_keep(get, bytes, (size_t)get->length);
    return bytes;
}

int core_get_extent_open(const struct core_get *get, uint32_t index, int *fd, uint64_t *offset)
{
    assert(fd != NULL && offset != NULL);
    assert(index < get->object.extents.count);
    return extent_open_file(get->core, &get->object.extents.list[index], fd, offset);
}

void core_get_end(struct core_get *get)
{
    if (get == NULL)
        return;
    assert(!get->is_verifying);
    get_close(get);
    seal_key_wipe(&get->key);
    blob_pin_leave(get->core->blobs, &get->pin);
    meta_object_release(&get->object);
    if (get->units != &get->unit)
        free(get->units);
    free(get);
}
