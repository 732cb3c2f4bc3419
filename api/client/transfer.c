/* SPDX-License-Identifier: MIT
 *
 * One transfer: its making and its end, and what all kinds have in common. */
#include "api/client/engine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/base/text/hex.h"
#include "storage/digest/digest.h"

/* ---- Transfers ---- */

static bool copy_text(char **field, const char *text)
{
    return text == NULL || (*field = strdup(text)) != NULL;
}

struct client_transfer *client_transfer_make(enum client_transfer_kind kind, const char *from_bucket,
                                             const char *from, const char *to_bucket, const char *to)
{
    struct client_transfer *transfer = calloc(1, sizeof(*transfer));

    if (transfer == NULL)
        return NULL;
    transfer->kind = kind;
    transfer->fd = -1;
    pthread_mutex_init(&transfer->writing, NULL);
    if (copy_text(&transfer->from_bucket, from_bucket) && copy_text(&transfer->from, from) &&
        copy_text(&transfer->to_bucket, to_bucket) && copy_text(&transfer->to, to))
        return transfer;
    client_transfer_free(transfer);
    return NULL;
}

bool client_transfer_attribute(struct client_transfer *transfer, const char *name, const char *value)
{
    struct client_attribute *longer =
        realloc(transfer->attributes, (transfer->attribute_count + 1) * sizeof(*longer));

    if (longer == NULL)
        return false;
    transfer->attributes = longer;
    longer[transfer->attribute_count] = (struct client_attribute){strdup(name), strdup(value)};
    transfer->attribute_count++;
    return longer[transfer->attribute_count - 1].name != NULL &&
           longer[transfer->attribute_count - 1].value != NULL;
}

void client_transfer_free(struct client_transfer *transfer)
{
    if (transfer == NULL)
        return;
    pthread_mutex_destroy(&transfer->writing);
    for (size_t i = 0; i < transfer->attribute_count; i++) {
        free((char *)transfer->attributes[i].name);
        free((char *)transfer->attributes[i].value);
    }
    for (size_t i = 0; i < transfer->doomed_count; i++) {
        free((char *)transfer->doomed[i].key);
        free((char *)transfer->doomed[i].version);
    }
    for (size_t i = 0; i < transfer->link_count; i++)
        free((char *)transfer->links[i].version);
    free(transfer->links);
    if (transfer->fd >= 0)
        (void)close(transfer->fd);
    free(transfer->attributes);
    free(transfer->doomed);
    free(transfer->from_bucket);
    free(transfer->from);
    free(transfer->from_version);
    free(transfer->to_bucket);
    free(transfer->to);
    free(transfer->temporary);
    free(transfer->upload);
    free(transfer->parts);
    free(transfer);
}

/* ---- What they have in common ---- */

static pthread_mutex_t why_lock = PTHREAD_MUTEX_INITIALIZER;

int client_transfer_fail(struct client_transfer *transfer, int err, const char *format, ...)
{
    va_list arguments;

    pthread_mutex_lock(&why_lock);
    if (transfer->why[0] == '\0' && format != NULL) {
        va_start(arguments, format);
        (void)vsnprintf(transfer->why, sizeof(transfer->why), format, arguments);
        va_end(arguments);
    } else if (transfer->why[0] == '\0') {
        (void)snprintf(transfer->why, sizeof(transfer->why), "%s", strerror(-err));
    }
    pthread_mutex_unlock(&why_lock);
    return err;
}

int client_transfer_blame(struct client_transfer *transfer, const struct client_session *session, int err)
{
    return err == 0 || session->why[0] == '\0' ? client_transfer_fail(transfer, err, NULL)
                                               : client_transfer_fail(transfer, err, "%s", session->why);
}

void client_engine_refuse(const struct client_worker *worker, const char *key, const char *version,
                          const char *why)
{
    pthread_mutex_lock(worker->report_lock);
    worker->options->refused(worker->options->ctx, key, version, why);
    pthread_mutex_unlock(worker->report_lock);
}

/* An ETag in the form of an MD5 is one, unless the object is encrypted with a key of the server's. */
static int compare_md5(struct client_transfer *transfer, const struct client_bytes *bytes, const char *etag)
{
    unsigned char want[16];
    struct digest_values values;
    int err;

    if (!hex_decode(etag, strlen(etag), want, sizeof(want)) || !digest_kind_is_allowed(DIGEST_MD5))
        return 0;
    if ((err = client_bytes_digest(bytes, DIGEST_BIT(DIGEST_MD5), &values)) != 0)
        return client_transfer_fail(transfer, err, NULL);
    return memcmp(values.value[DIGEST_MD5], want, sizeof(want)) == 0
               ? 0
               : client_transfer_fail(transfer, -EBADMSG,
                                      "what came has another MD5 than its ETag says: it is damaged");
}

int client_transfer_compare(struct client_transfer *transfer, const struct client_bytes *bytes,
                            const struct client_object *object, uint64_t crc)
{
    uint64_t want;

    if (!client_crc_parse(object->crc64nvme, &want))
        return compare_md5(transfer, bytes, object->etag);
    return crc == want
               ? 0
               : client_transfer_fail(transfer, -EBADMSG,
                                      "what came has another checksum than the server has: it is damaged");
}

uint64_t client_part_bytes(uint64_t size, uint64_t wanted)
{
    const uint64_t mebibyte = 1u << 20;
    uint64_t least = (size + CLIENT_PARTS_MAX - 1) / CLIENT_PARTS_MAX;

    return wanted >= least ? wanted : (least + mebibyte - 1) / mebibyte * mebibyte;
}

struct client_bytes client_piece_of(const struct client_transfer *transfer, unsigned index)
{
    uint64_t offset = (uint64_t)index * transfer->piece_bytes, left = transfer->size - offset;

    return (struct client_bytes){.fd = transfer->fd,
                                 .offset = offset,
                                 .length = left < transfer->piece_bytes ? left : transfer->piece_bytes};
}

int client_source_remove(struct client_worker *worker, struct client_transfer *transfer, int err)
{
    if (err != 0 || !transfer->removes_source)
        return err;
    err = client_object_delete(worker->from, transfer->from_bucket, transfer->from, transfer->from_version);
    return err == 0 ? 0 : client_transfer_blame(transfer, worker->from, err);
}

int client_source_look(struct client_worker *worker, struct client_transfer *transfer)
{
    struct client_object object;
    int err = transfer->has_size ? 0
                                 : client_object_head(worker->from, transfer->from_bucket, transfer->from,
                                                      transfer->from_version, &object);

    if (err != 0)
        return client_transfer_blame(transfer, worker->from, err);
    if (transfer->has_size)
        return 0;
    transfer->size = object.size;
    strncpy(transfer->etag, object.etag, sizeof(transfer->etag) - 1);
    atomic_fetch_add(&worker->options->progress->bytes_all, object.size);
    return 0;
}
