/* SPDX-License-Identifier: MIT
 *
 * The multipart side of transfers: how large the parts are, an upload that an earlier run has left and that goes on here, and the end of it.
 *
 * What is there is found by asking the server (ListMultipartUploads, ListParts), so nothing is kept here of a run that was killed. A part counts
 * as there when the server's digest of it, CRC-64 or MD5, is that of the same bytes of the file: an upload of other bytes is left alone. */
#include "api/client/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/client/lists.h"
#include "storage/base/text/hex.h"
#include "storage/digest/digest.h"

#define UPLOADS_MAX 16u /* of one key that are looked at, the newest ones */

struct candidate {
    char *id;
    int64_t begun_ms;
};

struct search {
    const char *key;
    struct candidate candidates[UPLOADS_MAX];
    unsigned count;
};

/* In the order of their beginning, as listings have them: the oldest gives way. */
static int visit_upload(void *ctx, const struct client_entry *entry)
{
    struct search *search = ctx;

    if (entry->is_prefix || entry->version == NULL || strcmp(entry->key, search->key) != 0)
        return 0;
    if (search->count == UPLOADS_MAX) {
        free(search->candidates[0].id);
        memmove(search->candidates, search->candidates + 1,
                sizeof(search->candidates) - sizeof(search->candidates[0]));
        search->count--;
    }
    search->candidates[search->count] = (struct candidate){strdup(entry->version), entry->modified_ms};
    if (search->candidates[search->count].id == NULL)
        return -ENOMEM;
    search->count++;
    return 0;
}

/* ---- What is there of it ---- */

struct comparison {
    struct client_transfer *transfer;
    uint64_t found;
};

static bool is_same(const struct client_transfer *transfer, unsigned index, const struct client_entry *entry,
                    struct client_part *part)
{
    struct client_bytes bytes = client_piece_of(transfer, index);
    char md5[2 * DIGEST_BYTES_MAX + 1];
    struct digest_values values;
    struct digest_set *set;
    bool has_crc = client_crc_parse(entry->crc64nvme, &part->crc);
    enum digest_kind kind = has_crc ? DIGEST_CRC64NVME : DIGEST_MD5;
    int err;

    if (entry->size != bytes.length || strlen(entry->etag) >= sizeof(part->etag) ||
        digest_set_create(&set, DIGEST_BIT(kind)) != 0)
        return false;
    err = digest_set_update_file(set, bytes.fd, bytes.offset, bytes.length);
    err = digest_set_final(set, &values) != 0 ? -EIO : err;
    digest_set_free(set);
    if (err != 0)
        return false;
    hex_encode(values.value[kind], digest_kind_bytes(kind), md5);
    md5[2 * digest_kind_bytes(kind)] = '\0';
    if (has_crc ? digest_crc_value(&values, kind) != part->crc : strcmp(md5, entry->etag) != 0)
        return false;
    part->has_crc = has_crc;
    strcpy(part->etag, entry->etag);
    return true;
}

static int visit_part(void *ctx, const struct client_entry *entry)
{
    struct comparison *comparison = ctx;
    struct client_transfer *transfer = comparison->transfer;

    if (entry->number == 0 || entry->number > transfer->piece_count ||
        !is_same(transfer, entry->number - 1, entry, &transfer->parts[entry->number - 1]))
        return 0;
    comparison->found += entry->size;
    return 0;
}

/* Takes the newest upload that has something of these bytes. */
static void find_upload(struct client_session *session, struct client_transfer *transfer)
{
    struct search search = {.key = transfer->to};
    const struct client_listing listing = {.bucket = transfer->to_bucket, .prefix = transfer->to};
    struct comparison comparison = {.transfer = transfer};

    if (client_list_uploads(session, &listing, visit_upload, &search) != 0)
        search.count = 0; /* a server that does not list them, or not for us: the upload begins anew */
    while (search.count > 0) {
        char *id = search.candidates[--search.count].id;

        memset(transfer->parts, 0, transfer->piece_count * sizeof(transfer->parts[0]));
        comparison.found = 0;
        if (transfer->upload == NULL &&
            client_list_parts(session, transfer->to_bucket, transfer->to, id, visit_part, &comparison) == 0 &&
            comparison.found > 0) {
            transfer->upload = id;
            transfer->resumed_bytes = comparison.found;
            break;
        }
        free(id);
    }
    while (search.count > 0)
        free(search.candidates[--search.count].id);
    if (transfer->upload == NULL)
        memset(transfer->parts, 0, transfer->piece_count * sizeof(transfer->parts[0]));
}

/* ---- Beginning and end ---- */

int client_parts_begin(struct client_worker *worker, struct client_transfer *transfer, bool resume)
{
    const struct client_engine_options *options = worker->options;
    int err;

    transfer->piece_bytes = client_part_bytes(
        transfer->size, transfer->part_bytes != 0 ? transfer->part_bytes : options->part_bytes);
    transfer->piece_count = (unsigned)((transfer->size + transfer->piece_bytes - 1) / transfer->piece_bytes);
    if ((transfer->parts = calloc(transfer->piece_count, sizeof(transfer->parts[0]))) == NULL)
        return -ENOMEM;
    if (resume && !options->never_resumes)
        find_upload(worker->to, transfer);
    if (transfer->upload != NULL)
        return 1;
    err = client_upload_begin(worker->to, transfer->to_bucket, transfer->to, options->checksum,
                              transfer->attributes, transfer->attribute_count, &transfer->upload);
    return err == 0 ? 1 : client_transfer_blame(transfer, worker->to, err);
}

/* What is not complete stays, for the next run to go on with. */
int client_parts_complete(struct client_worker *worker, struct client_transfer *transfer)
{
    bool has_crc = true;
    uint64_t crc = 0;
    int err;

    if (transfer->err != 0)
        return transfer->err;
    for (unsigned i = 0; i < transfer->piece_count; i++) {
        has_crc = has_crc && transfer->parts[i].has_crc;
        crc = client_crc_combine(crc, transfer->parts[i].crc, client_piece_of(transfer, i).length);
    }
    err = client_upload_complete(worker->to, transfer->to_bucket, transfer->to, transfer->upload,
                                 transfer->parts, transfer->piece_count, has_crc ? &crc : NULL);
    return err == 0 ? 0 : client_transfer_blame(transfer, worker->to, err);
}
