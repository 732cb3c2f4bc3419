/* SPDX-License-Identifier: MIT
 *
 * Puts of the public library. All three ways are one: a writer that is begun, filled and committed; they
 * differ in what fills it. The writer keeps copies of everything it was given, and its leased worker, until
 * it ends.
 *
 * Each wait is a loop around core_worker_wait until the event that is due has come; events only set flags. */
#include "api/core/keys/bucket_seal.h"
#include "api/library/library.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Read at once from descriptors that cannot be spliced. */
#define LIBRARY_READ_BYTES (128u << 10)

/* Asked for by one splice; the pipe decides how much it is. */
#define LIBRARY_SPLICE_BYTES (1u << 20)

struct sluice_writer {
    struct sluice_store *store;
    struct core_worker *worker;
    struct core_put *put;
    uint64_t length; /* announced, or UINT64_MAX */
    int error;       /* sticky: the put can only be aborted */

    bool is_ready, has_room, is_sealed, is_committed;
    int result; /* of the event that came last */
    const struct digest_values *values;

    bool is_import; /* its ETag is known, and no digest is wanted for one */
    struct meta_object_put op;
    struct meta_attribute *attributes;
    char *text;            /* key, ETag condition, attribute names and values */
    enum envelope_how how; /* it is sealed */
    unsigned char seal[ENVELOPE_BYTES_MAX];
};

/* ---- Events ---- */

static void writer_on_ready(void *ctx, int result)
{
    struct sluice_writer *writer = ctx;

    writer->is_ready = true;
    writer->result = result;
}

static void writer_on_room(void *ctx)
{
    struct sluice_writer *writer = ctx;

    writer->has_room = true;
}

static void writer_on_sealed(void *ctx, int result, const struct digest_values *values)
{
    struct sluice_writer *writer = ctx;

    writer->is_sealed = true;
    writer->result = result;
    writer->values = values;
}

static void writer_on_committed(void *ctx, int result)
{
    struct sluice_writer *writer = ctx;

    writer->is_committed = true;
    writer->result = result;
}

static const struct core_put_events writer_events = {
    .on_ready = writer_on_ready,
    .on_room = writer_on_room,
    .on_sealed = writer_on_sealed,
    .on_committed = writer_on_committed,
};

/* Every event sets its flag on this thread, inside core_worker_wait. */
static int writer_wait(struct sluice_writer *writer, const bool *flag)
{
    while (!*flag)
        core_worker_wait(writer->worker);
    return writer->result;
}

/* ---- Begin ---- */

/* Names and values become HTTP headers one day: nothing that could break one may be in them. Nor may what has the name of an
 * label, which is stored beside them in a form of its own. */
static bool attribute_is_valid(const struct sluice_attribute *attribute)
{
    static const char name_bytes[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.!#$%&'*+^`|~";

    if (meta_attribute_is_label(slice_text(attribute->name)))
        return false;
    if (attribute->name[0] == '\0' || attribute->name[strspn(attribute->name, name_bytes)] != '\0')
        return false;
    for (const unsigned char *at = (const unsigned char *)attribute->value; *at != '\0'; at++)
        if ((*at < 0x20 && *at != '\t') || *at == 0x7f)
            return false;
    return true;
}

static int options_measure(const struct sluice_put_options *options, size_t *bytes)
{
    size_t attributes = 0;

    for (size_t i = 0; i < options->attribute_count; i++) {
        const struct sluice_attribute *attribute = &options->attributes[i];

        if (!attribute_is_valid(attribute))
            return -EINVAL;
        attributes += strlen(attribute->name) + strlen(attribute->value);
        if (attributes > META_ATTRIBUTES_BYTES_MAX)
            return -E2BIG;
    }
    *bytes = attributes + (options->if_match != NULL ? strlen(options->if_match) + 1 : 0);
    return 0;
}

static struct slice text_append(char **at, const char *text)
{
    struct slice bytes = slice_of(*at, strlen(text));

    memcpy(*at, text, bytes.len);
    *at += bytes.len;
    return bytes;
}

/* Copies key and options into memory of the writer's own. */
static int writer_copy_options(struct sluice_writer *writer, const char *key,
                               const struct sluice_put_options *options)
{
    size_t bytes;
    char *at;
    int err;

    if ((err = options_measure(options, &bytes)) != 0)
        return err;
    writer->text = at = malloc(bytes + strlen(key) + 1);
    writer->attributes = calloc(options->attribute_count + 1, sizeof(*writer->attributes));
    if (writer->text == NULL || writer->attributes == NULL)
        return -ENOMEM;
    writer->op.key = text_append(&at, key);
    for (size_t i = 0; i < options->attribute_count; i++) {
        writer->attributes[i].name = text_append(&at, options->attributes[i].name);
        writer->attributes[i].value = text_append(&at, options->attributes[i].value);
    }
    writer->op.object.attributes.list = writer->attributes;
    writer->op.object.attributes.count = (uint32_t)options->attribute_count;
    writer->op.condition.if_none_match_any = options->if_absent;
    if (options->if_match != NULL) {
        writer->op.condition.if_match = at;
        strcpy(at, options->if_match);
    }
    return 0;
}

/* As its bucket has objects kept. There is room for one attribute more. */
static int writer_choose_seal(struct sluice_writer *writer, struct seal_key *key)
{
    struct meta_attributes *attributes = &writer->op.object.attributes;
    ssize_t length = bucket_seal_make(writer->worker, writer->op.bucket, &writer->how, key, writer->seal);

    if (length < 0)
        return library_result((int)length);
    if (length > 0)
        writer->attributes[attributes->count++] =
            (struct meta_attribute){SLICE(META_ATTRIBUTE_SEAL), slice_of(writer->seal, (size_t)length)};
    return 0;
}

static int writer_begin_put(struct sluice_writer *writer)
{
    struct core_put_options options = {.length = writer->length, .events = &writer_events, .ctx = writer};
    struct seal_key key;
    int err;

    if (!writer->is_import)
        core_etag_choose(core_worker_core(writer->worker), false, &options);
    if ((err = writer_choose_seal(writer, &key)) != 0)
        return err;
    options.seal = writer->how != ENVELOPE_NONE ? &key : NULL;
    err = core_put_begin(writer->worker, &options, &writer->put);
    seal_key_wipe(&key);
    if (err == CORE_PUT_IS_READY)
        return 0;
    return err != 0 ? err : writer_wait(writer, &writer->is_ready);
}

static void writer_free(struct sluice_writer *writer)
{
    core_put_end(writer->put);
    library_give_back(writer->store, writer->worker);
    free(writer->attributes);
    free(writer->text);
    free(writer);
}

static int writer_begin(struct sluice_store *store, const char *bucket, const char *key, uint64_t length,
                        const struct sluice_put_options *options, bool is_import, struct sluice_writer **out)
{
    static const struct sluice_put_options defaults;
    struct sluice_writer *writer = calloc(1, sizeof(*writer));
    int err;

    if (writer == NULL)
        return -ENOMEM;
    writer->store = store;
    writer->length = length;
    writer->is_import = is_import;
    if ((err = library_lease(store, &writer->worker)) != 0 ||
        (err = library_find_bucket(writer->worker, bucket, key, &writer->op.bucket)) != 0 ||
        (err = writer_copy_options(writer, key, options != NULL ? options : &defaults)) != 0 ||
        (err = writer_begin_put(writer)) != 0) {
        writer_free(writer);
        return err;
    }
    *out = writer;
    return 0;
}

int sluice_writer_begin(struct sluice_store *store, const char *bucket, const char *key, uint64_t length,
                        const struct sluice_put_options *options, struct sluice_writer **out)
{
    return writer_begin(store, bucket, key, length, options, false, out);
}

int library_writer_begin_import(struct sluice_store *store, const char *bucket, const char *key,
                                uint64_t length, struct sluice_writer **out)
{
    return writer_begin(store, bucket, key, length, NULL, true, out);
}

/* ---- Bytes ---- */

static uint64_t writer_left(const struct sluice_writer *writer)
{
    return writer->length == UINT64_MAX ? UINT64_MAX : writer->length - core_put_taken(writer->put);
}

int sluice_writer_write(struct sluice_writer *writer, const void *data, size_t length)
{
    const char *at = data;

    if (writer->error == 0 && length > writer_left(writer))
        writer->error = -EMSGSIZE;
    while (writer->error == 0 && length > 0) {
        ssize_t n;

        writer->has_room = false;
        n = core_put_write(writer->put, at, length);
        if (n > 0) {
            at += n;
            length -= (size_t)n;
        } else if (n == -EBUSY) {
            (void)writer_wait(writer, &writer->has_room); /* a failure shows in the next write */
        } else {
            writer->error = (int)n;
        }
    }
    return writer->error;
}

/* Waits until the descriptor has something, while the disk work goes on. */
static int writer_wait_readable(struct sluice_writer *writer, int fd)
{
    struct pollfd polled[2] = {
        {.fd = fd, .events = POLLIN},
        {.fd = core_worker_event_fd(writer->worker), .events = POLLIN},
    };

    core_worker_flush(writer->worker);
    if (poll(polled, 2, -1) < 0 && errno != EINTR)
        return -errno;
    core_worker_run(writer->worker);
    return 0;
}

/* Splices until only `rest` bytes are left to come, the end (0), -EOPNOTSUPP, or a failure. */
static int writer_splice_fd(struct sluice_writer *writer, int fd, uint64_t rest)
{
    int err = 0;

    while (err == 0 && writer_left(writer) > rest) {
        uint64_t left = writer_left(writer) - rest;
        ssize_t n;

        writer->has_room = false;
        n = core_put_splice(writer->put, fd,
                            left < LIBRARY_SPLICE_BYTES ? (size_t)left : LIBRARY_SPLICE_BYTES);
        if (n == 0)
            return 0;
        if (n == -EBUSY)
            (void)writer_wait(writer, &writer->has_room);
        else if (n == -EAGAIN)
            err = writer_wait_readable(writer, fd);
        else if (n < 0)
            err = (int)n;
    }
    return err;
}

static int writer_copy_fd(struct sluice_writer *writer, int fd)
{
    char *buffer = malloc(LIBRARY_READ_BYTES);
    int err = buffer == NULL ? -ENOMEM : 0;

    while (err == 0 && writer_left(writer) > 0) {
        uint64_t left = writer_left(writer);
        ssize_t n = read(fd, buffer, left < LIBRARY_READ_BYTES ? (size_t)left : LIBRARY_READ_BYTES);

        if (n == 0)
            break;
        if (n > 0)
            err = sluice_writer_write(writer, buffer, (size_t)n);
        else if (errno == EAGAIN)
            err = writer_wait_readable(writer, fd);
        else if (errno != EINTR)
            err = -errno;
    }
    free(buffer);
    return err;
}

/* What splice can read from; it would refuse others, and the store would take that for a fault of the system. */
static bool fd_can_splice(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 &&
           (S_ISREG(status.st_mode) || S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
}

static int writer_fill_from_fd(struct sluice_writer *writer, int fd)
{
    int err = fd_can_splice(fd) ? writer_splice_fd(writer, fd, 0) : -EOPNOTSUPP;

    return err == -EOPNOTSUPP ? writer_copy_fd(writer, fd) : err;
}

int library_writer_fill(struct sluice_writer *writer, int fd, uint64_t length)
{
    uint64_t rest = writer_left(writer) - length;
    int err;

    assert(writer->length != UINT64_MAX && length <= writer_left(writer));
    if (writer->error != 0)
        return writer->error;
    if (core_put_is_small(writer->put)) /* its bytes are held in memory */
        return -EOPNOTSUPP;
    err = writer_splice_fd(writer, fd, rest);
    if (err == 0 && writer_left(writer) > rest)
        err = -ENODATA;
    if (err == -EOPNOTSUPP && writer_left(writer) != rest + length)
        err = -EIO; /* of the bytes that were asked for, some are there */
    if (err != 0 && err != -EOPNOTSUPP)
        writer->error = err;
    return err;
}

/* ---- End ---- */

static int writer_seal(struct sluice_writer *writer)
{
    if (writer->error != 0)
        return writer->error;
    if (writer->length != UINT64_MAX && writer_left(writer) > 0)
        return -ENODATA;
    core_put_seal(writer->put);
    return writer_wait(writer, &writer->is_sealed);
}

static int writer_seal_and_commit(struct sluice_writer *writer)
{
    int err = writer_seal(writer);

    if (err != 0)
        return err;
    if (writer->how == ENVELOPE_KMS)
        core_etag_make_random(writer->op.object.etag);
    else
        core_etag_make(writer->values, writer->op.object.etag);
    core_put_commit_object(writer->put, &writer->op);
    return writer_wait(writer, &writer->is_committed);
}

int sluice_writer_commit(struct sluice_writer *writer, struct sluice_object_info *info)
{
    const struct meta_object *object = &writer->op.object;
    int err = writer_seal_and_commit(writer);

    if (err == 0)
        library_info_fill(info, object->size, object->modified_ms, object->etag, &object->version);
    writer_free(writer);
    return err;
}

int library_writer_import(struct sluice_writer *writer, struct meta_object_import *op)
{
    int err = writer_seal(writer);

    assert(writer->is_import && !op->is_marker);
    if (err == 0) {
        op->put.bucket = writer->op.bucket;
        op->put.key = writer->op.key;
        core_put_commit_import(writer->put, op);
        err = writer_wait(writer, &writer->is_committed);
    }
    writer_free(writer);
    return err;
}

void sluice_writer_abort(struct sluice_writer *writer)
{
    if (writer != NULL)
        writer_free(writer);
}

int sluice_put(struct sluice_store *store, const char *bucket, const char *key, const void *data,
               size_t length, const struct sluice_put_options *options, struct sluice_object_info *info)
{
    struct sluice_writer *writer;
    int err;

    err = sluice_writer_begin(store, bucket, key, length, options, &writer);
    if (err != 0)
        return err;
    (void)sluice_writer_write(writer, data, length); /* a failure is the commit's, too */
    return sluice_writer_commit(writer, info);
}

int sluice_put_fd(struct sluice_store *store, const char *bucket, const char *key, int fd, uint64_t length,
                  const struct sluice_put_options *options, struct sluice_object_info *info)
{
    struct sluice_writer *writer;
    int err;

    err = sluice_writer_begin(store, bucket, key, length, options, &writer);
    if (err != 0)
        return err;
    err = writer_fill_from_fd(writer, fd);
    if (err != 0) {
        writer_free(writer);
        return err;
    }
    return sluice_writer_commit(writer, info);
}
