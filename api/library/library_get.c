/* SPDX-License-Identifier: MIT
 *
 * Gets of the public library: into memory, to a descriptor, and readers that hand out extents. A reader needs
 * its worker only while it is opened: what keeps its bytes is the pin of the core's get. */
#include "api/core/keys/envelope.h"
#include "api/library/library.h"

#include "api/core/cache/cache.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Asked for by one sendfile. */
#define LIBRARY_SEND_BYTES (1u << 20)

/* Written at once to descriptors that sendfile does not serve. */
#define LIBRARY_WRITE_BYTES (128u << 10)

/* One get in progress on the caller's thread. */
struct library_get {
    struct core_worker *worker;
    struct core_get *get;
    const struct meta_object *object;
    uint64_t at, left; /* position in the object, and how much is still wanted */
    bool is_ready;
};

static void get_on_ready(void *ctx)
{
    struct library_get *get = ctx;

    get->is_ready = true;
}

static void get_wait(struct library_get *get)
{
    while (!get->is_ready)
        core_worker_wait(get->worker);
}

static int get_current(struct library_get *get, int64_t bucket, struct slice key)
{
    int err = core_get_begin_whole(get->worker, bucket, key, &get->get, &get->object);

    if (err == 0)
        core_cache_hit(get->worker, bucket, key, get->object);
    else if (err == META_E_NO_KEY)
        core_cache_miss(get->worker, bucket);
    return err;
}

/* What is encrypted under a key of the store is opened; what a client has the key of is not. */
static int get_unseal(struct library_get *get)
{
    const struct meta_attributes *attributes = &get->object->attributes;
    struct slice value = {0};
    struct seal_key key;
    int err;

    if (!core_get_is_sealed(get->get))
        return 0;
    for (uint32_t i = 0; i < attributes->count; i++)
        if (slice_is(attributes->list[i].name, META_ATTRIBUTE_SEAL))
            value = attributes->list[i].value;
    err = envelope_open(value, core_keys(core_worker_core(get->worker)), NULL, &key);
    if (err == 0)
        core_get_unseal(get->get, &key);
    seal_key_wipe(&key);
    return err == -EBADMSG ? -EIO : library_result(err);
}

/* version: NULL for the current object. */
static int get_lookup(struct sluice_store *store, const char *bucket, const char *key,
                      const struct meta_version_id *version, struct library_get *get)
{
    int64_t id;
    int err;

    *get = (struct library_get){0};
    err = library_lease(store, &get->worker);
    if (err != 0)
        return err;
    err = library_find_bucket(get->worker, bucket, key, &id);
    if (err == 0 && version == NULL)
        err = get_current(get, id, slice_text(key));
    else if (err == 0)
        err =
            core_get_begin_version(get->worker, id, slice_text(key), version, &get->get, &get->object, NULL);
    if (err == 0 && (err = get_unseal(get)) != 0)
        core_get_end(get->get);
    if (err != 0)
        library_give_back(store, get->worker);
    return err;
}

static void get_end(struct sluice_store *store, struct library_get *get)
{
    core_get_end(get->get);
    library_give_back(store, get->worker);
}

static void get_fill_info(const struct library_get *get, struct sluice_object_info *info)
{
    library_info_fill(info, get->object->size, get->object->modified_ms, get->object->etag,
                      &get->object->version);
}

/* What is left of [at, at + left), made ready to be read or sent. */
static int get_open(struct library_get *get)
{
    int err;

    get->is_ready = false;
    err = core_get_open(get->get, get->at, get->left, get_on_ready, get);
    if (err != -EBUSY)
        return err;
    get_wait(get);
    return core_get_status(get->get);
}

static int get_open_range(struct library_get *get, uint64_t offset, uint64_t length)
{
    uint64_t size = get->object->size;

    if (offset > size)
        return SLUICE_E_RANGE;
    get->at = offset;
    get->left = length < size - offset ? length : size - offset;
    return get_open(get);
}

static void get_forward(struct library_get *get, size_t count)
{
    assert(count <= get->left);
    get->at += count;
    get->left -= count;
}

/* Up to `length` of the bytes that are left; > 0, or a failure. */
static ssize_t get_read(struct library_get *get, void *buffer, size_t length)
{
    ssize_t n;

    for (;;) {
        get->is_ready = false;
        n = core_get_read(get->get, buffer, length < get->left ? length : (size_t)get->left);
        if (n != -EBUSY)
            break;
        get_wait(get);
    }
    if (n > 0)
        get_forward(get, (size_t)n);
    return n == 0 ? -EIO : n; /* fewer bytes than the row says */
}

/* ---- Into memory ---- */

static int get_into_buffer(struct library_get *get, char *buffer, size_t *length)
{
    *length = 0;
    while (get->left > 0) {
        ssize_t n = get_read(get, buffer + *length, (size_t)get->left);

        if (n < 0)
            return (int)n;
        *length += (size_t)n;
    }
    return 0;
}

int sluice_get(struct sluice_store *store, const char *bucket, const char *key, uint64_t offset, void *buffer,
               size_t size, size_t *length, struct sluice_object_info *info)
{
    struct library_get get;
    int err;

    err = get_lookup(store, bucket, key, NULL, &get);
    if (err != 0)
        return err;
    err = get_open_range(&get, offset, size);
    if (err == 0)
        err = get_into_buffer(&get, buffer, length);
    if (err == 0)
        get_fill_info(&get, info);
    get_end(store, &get);
    return err;
}

int sluice_head(struct sluice_store *store, const char *bucket, const char *key,
                struct sluice_object_info *info)
{
    struct meta_object object;
    struct core_worker *worker;
    int64_t id;
    int err;

    if ((err = library_lease(store, &worker)) != 0)
        return err;
    err = library_find_bucket(worker, bucket, key, &id);
    if (err == 0)
        err = meta_object_get(core_worker_reader(worker), id, slice_text(key), &object);
    if (err == 0) {
        library_info_fill(info, object.size, object.modified_ms, object.etag, &object.version);
        meta_object_release(&object);
    }
    library_give_back(store, worker);
    return err;
}

/* ---- To a descriptor ---- */

static int fd_wait_writable(int fd)
{
    struct pollfd polled = {.fd = fd, .events = POLLOUT};

    return poll(&polled, 1, -1) < 0 && errno != EINTR ? -errno : 0;
}

/* Returns 0, or why sending ended early. */
static int get_send(struct library_get *get, int fd)
{
    int err = 0;

    while (err == 0 && get->left > 0) {
        ssize_t n;

        get->is_ready = false;
        n = core_get_send(get->get, fd, LIBRARY_SEND_BYTES);
        if (n > 0)
            get_forward(get, (size_t)n);
        else if (n == -EBUSY)
            get_wait(get);
        else if (n == -EAGAIN)
            err = fd_wait_writable(fd);
        else
            err = n == 0 ? -EIO : (int)n;
    }
    return err;
}

static int fd_write_all(int fd, const char *data, size_t length)
{
    int err = 0;

    while (err == 0 && length > 0) {
        ssize_t n = send(fd, data, length, MSG_NOSIGNAL);

        if (n < 0 && errno == ENOTSOCK)
            n = write(fd, data, length);
        if (n >= 0) {
            data += n;
            length -= (size_t)n;
        } else if (errno == EAGAIN) {
            err = fd_wait_writable(fd);
        } else if (errno != EINTR) {
            err = -errno;
        }
    }
    return err;
}

static int get_copy(struct library_get *get, int fd)
{
    char *buffer = malloc(LIBRARY_WRITE_BYTES);
    int err = buffer == NULL ? -ENOMEM : 0;

    while (err == 0 && get->left > 0) {
        ssize_t n = get_read(get, buffer, LIBRARY_WRITE_BYTES);

        err = n < 0 ? (int)n : fd_write_all(fd, buffer, (size_t)n);
    }
    free(buffer);
    return err;
}

/* Sockets always: in copy mode the core sends to them, too. Other descriptors where the kernel's sendfile
 * takes them. */
static bool fd_can_send(int fd, bool is_socket, bool copy_mode)
{
    int flags = fcntl(fd, F_GETFL);

    return is_socket || (!copy_mode && flags >= 0 && (flags & O_APPEND) == 0);
}

static bool fd_is_socket(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

static int get_to_fd(struct sluice_store *store, struct library_get *get, int fd)
{
    bool is_socket = fd_is_socket(fd);
    int err;

    if (core_get_is_sealed(get->get) || !fd_can_send(fd, is_socket, core_get_options(store->core)->copy_mode))
        return get_copy(get, fd);
    err = get_send(get, fd);
    if (err != -EIO || is_socket)
        return err;
    /* Not every descriptor takes sendfile. Go on by copying, which also tells a full disk from a bad one. */
    err = get_open(get);
    return err != 0 ? err : get_copy(get, fd);
}

int sluice_get_fd(struct sluice_store *store, const char *bucket, const char *key, uint64_t offset,
                  uint64_t length, int fd, struct sluice_object_info *info)
{
    struct library_get get;
    int err;

    err = get_lookup(store, bucket, key, NULL, &get);
    if (err != 0)
        return err;
    err = get_open_range(&get, offset, length);
    if (err == 0)
        err = get_to_fd(store, &get, fd);
    if (err == 0)
        get_fill_info(&get, info);
    get_end(store, &get);
    return err;
}

/* ---- Readers ---- */

struct sluice_reader {
    struct core_get *get;
    const struct meta_object *object;
    struct sluice_object_info info;
    struct sluice_attribute *attributes;
    size_t attribute_count;
    char *text; /* of the attributes, each string with its NUL */
};

static const char *text_append(char **at, struct slice bytes)
{
    const char *text = *at;

    (void)slice_copy(*at, bytes);
    (*at)[bytes.len] = '\0';
    *at += bytes.len + 1;
    return text;
}

/* But for labels, which are no headers. */
static int reader_copy_attributes(struct sluice_reader *reader)
{
    const struct meta_attributes *rows = &reader->object->attributes;
    size_t bytes = 1;
    char *at;

    for (uint32_t i = 0; i < rows->count; i++)
        bytes += rows->list[i].name.len + rows->list[i].value.len + 2;
    reader->text = at = malloc(bytes);
    reader->attributes = calloc(rows->count + 1, sizeof(*reader->attributes));
    if (reader->text == NULL || reader->attributes == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < rows->count; i++) {
        struct sluice_attribute *attribute = &reader->attributes[reader->attribute_count];

        if (meta_attribute_is_label(rows->list[i].name))
            continue;
        attribute->name = text_append(&at, rows->list[i].name);
        attribute->value = text_append(&at, rows->list[i].value);
        reader->attribute_count++;
    }
    return 0;
}

static int reader_open(struct sluice_store *store, const char *bucket, const char *key,
                       const struct meta_version_id *version, struct sluice_reader **out)
{
    struct sluice_reader *reader = calloc(1, sizeof(*reader));
    struct library_get get;
    int err;

    if (reader == NULL)
        return -ENOMEM;
    err = get_lookup(store, bucket, key, version, &get);
    if (err != 0) {
        free(reader);
        return err;
    }
    library_give_back(store, get.worker);
    reader->get = get.get;
    reader->object = get.object;
    get_fill_info(&get, &reader->info);
    err = reader_copy_attributes(reader);
    if (err != 0) {
        sluice_reader_close(reader);
        return err;
    }
    *out = reader;
    return 0;
}

int sluice_reader_open(struct sluice_store *store, const char *bucket, const char *key,
                       struct sluice_reader **reader)
{
    return reader_open(store, bucket, key, NULL, reader);
}

int sluice_reader_open_version(struct sluice_store *store, const char *bucket, const char *key,
                               const char *version, struct sluice_reader **reader)
{
    struct meta_version_id id;
    int err = meta_version_parse(slice_text(version), &id);

    return err != 0 ? err : reader_open(store, bucket, key, &id, reader);
}

const struct sluice_object_info *sluice_reader_info(const struct sluice_reader *reader)
{
    return &reader->info;
}

size_t sluice_reader_attribute_count(const struct sluice_reader *reader)
{
    return reader->attribute_count;
}

struct sluice_attribute sluice_reader_attribute(const struct sluice_reader *reader, size_t index)
{
    assert(index < reader->attribute_count);
    return reader->attributes[index];
}

size_t sluice_reader_extent_count(const struct sluice_reader *reader)
{
    return reader->object->extents.count;
}

int sluice_reader_extent(struct sluice_reader *reader, size_t index, struct sluice_extent *extent)
{
    int err;

    if (index >= reader->object->extents.count)
        return SLUICE_E_RANGE;
    err = core_get_extent_open(reader->get, (uint32_t)index, &extent->fd, &extent->offset);
    if (err != 0)
        return library_result(err);
    extent->length = reader->object->extents.list[index].length;
    return 0;
}

void sluice_reader_close(struct sluice_reader *reader)
{
    if (reader == NULL)
        return;
    core_get_end(reader->get);
    free(reader->attributes);
    free(reader->text);
    free(reader);
}
