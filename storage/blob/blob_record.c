/* SPDX-License-Identifier: MIT
 *
 * The record at the end of a blob's file, and whether a file is the one that its name and its row say. A file that was swapped with
 * another, put where it does not belong, or brought from another store has the right length and sound bytes, which are just not
 * these: where a checksum is not at hand, only this tells.
 *
 *   | payload ... | record |                    a blob of its own, which units may share that lie in its payload
 *   | head: line ... record | units ... |       a segment
 *
 * Files of earlier versions have no record. Below an id that SEQUENCE knows that is as it should be.
 *
 * Any thread; blob_store_judge blocks. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "storage/base/disk_error.h"
#include "storage/base/io.h"
#include "storage/blob/blob_internal.h"
#include "storage/base/sys.h"

/* Read first: more than the record of this version takes. */
#define RECORD_LOOK_BYTES 512u

size_t blob_record_make(struct blob_store *store, uint64_t blob, uint64_t payload, void *bytes)
{
    struct blob_identity identity;
    struct record_writer writer;

    blob_store_identity(store, &identity);
    record_begin(&writer, bytes, BLOB_RECORD_BYTES_MAX);
    if (blob_identity_is_known(&identity)) {
        record_put(&writer, RECORD_STORE, 0, identity.store, RECORD_STORE_ID_BYTES);
        record_put_number(&writer, RECORD_EPOCH, 0, identity.epoch);
    }
    record_put_number(&writer, RECORD_KIND, 0, RECORD_KIND_BLOB);
    record_put_number(&writer, RECORD_BLOB, 0, blob);
    record_put_number(&writer, RECORD_PAYLOAD, 0, payload);
    size_t length = record_end(&writer);
    assert(length > 0); /* all that is put into it has its room */
    return length;
}

size_t blob_record_place(const struct blob_claim *claim, uint64_t file_bytes, size_t wanted, uint64_t *offset)
{
    uint64_t length = claim->is_segment ? SEGMENT_ALIGN_BYTES : wanted > 0 ? wanted : RECORD_LOOK_BYTES;

    if (length > file_bytes)
        length = file_bytes;
    *offset = claim->is_segment ? 0 : file_bytes - length;
    return (size_t)length;
}

/* Of whose files nothing is expected to say what they are. */
static bool may_be_old(struct blob_store *store, uint64_t blob, struct blob_identity *identity)
{
    struct blob_ids *ids = &store->ids;

    pthread_mutex_lock(&ids->lock);
    bool may = ids->records_from == 0 || blob < ids->records_from;
    *identity = ids->identity;
    pthread_mutex_unlock(&ids->lock);
    return may;
}

/* One of the two may say nothing: a store or a file from before it had an id. */
static bool is_same_store(const unsigned char found[RECORD_STORE_ID_BYTES],
                          const struct blob_identity *identity)
{
    const struct blob_identity other = {.epoch = 0};

    return !blob_identity_is_known(identity) || memcmp(found, other.store, RECORD_STORE_ID_BYTES) == 0 ||
           memcmp(found, identity->store, RECORD_STORE_ID_BYTES) == 0;
}

static int judge_segment(struct blob_store *store, uint64_t blob, const void *block, size_t length,
                         struct blob_contents *contents)
{
    struct blob_identity identity;
    bool may = may_be_old(store, blob, &identity);
    struct segment_head head;

    if (segment_head_parse(block, length, &head) != 1 || (head.blob == 0 && !may))
        return -EBADMSG;
    if (head.blob != 0 && (head.blob != blob || !is_same_store(head.identity.store, &identity)))
        return -ESTALE;
    contents->kind = BLOB_FILE_SEGMENT;
    return 0;
}

static bool record_is_blobs(const struct record *record, uint64_t blob, const struct blob_identity *identity)
{
    const void *store;
    size_t length;
    uint64_t number;

    if (!record_get_number(record, RECORD_KIND, &number) || number != RECORD_KIND_BLOB ||
        !record_get_number(record, RECORD_BLOB, &number) || number != blob)
        return false;
    return !record_get(record, RECORD_STORE, &store, &length) ||
           (length == RECORD_STORE_ID_BYTES && is_same_store(store, identity));
}

/* Files of earlier versions are no blobs that units share. */
static int judge_blob(struct blob_store *store, const struct blob_claim *claim, uint64_t file_bytes,
                      const void *bytes, size_t length, size_t *wanted, struct blob_contents *contents)
{
    struct blob_identity identity;
    bool may = may_be_old(store, claim->blob, &identity) && claim->offset == 0;
    struct record record;
    size_t needed;
    int err = record_read(bytes, length, &record, &needed);

    if (err == -ENOBUFS && needed <= file_bytes) {
        *wanted = needed;
        return err;
    }
    if (err == 0 && record_is_blobs(&record, claim->blob, &identity) &&
        record_get_number(&record, RECORD_PAYLOAD, &contents->payload) &&
        contents->payload == file_bytes - needed) {
        contents->kind = BLOB_FILE_BLOB;
        return 0;
    }
    if (!may)
        return err == 0 ? -ESTALE : -EBADMSG;
    contents->kind = BLOB_FILE_OLD; /* whatever a client's bytes end with */
    return 0;
}

int blob_record_judge(struct blob_store *store, const struct blob_claim *claim, uint64_t file_bytes,
                      const void *bytes, size_t length, size_t *wanted, struct blob_contents *contents)
{
    assert(claim->blob != 0);
    *contents = (struct blob_contents){.kind = BLOB_FILE_UNKNOWN};
    return claim->is_segment ? judge_segment(store, claim->blob, bytes, length, contents)
                             : judge_blob(store, claim, file_bytes, bytes, length, wanted, contents);
}

bool blob_contents_fit(const struct blob_contents *contents, const struct blob_claim *claim, uint64_t length)
{
    switch (contents->kind) {
    case BLOB_FILE_OLD:
        return claim->offset == 0;
    case BLOB_FILE_BLOB:
        if (claim->offset > 0)
            return claim->offset <= contents->payload && length <= contents->payload - claim->offset;
        return length == 0 || length == contents->payload;
    case BLOB_FILE_SEGMENT:
        return claim->offset > 0 && claim->offset % SEGMENT_ALIGN_BYTES == 0;
    default:
        return false;
    }
}

/* ---- For threads that may wait ---- */

int blob_contents_read(struct blob_store *store, struct blob_claim *claim, int fd,
                       struct blob_contents *contents)
{
    size_t wanted = 0;
    struct stat st;
    int err;

    if (fstat(fd, &st) != 0)
        return disk_error(-errno);
    do {
        uint64_t offset;
        size_t bytes = blob_record_place(claim, (uint64_t)st.st_size, wanted, &offset);
        unsigned char *buffer = malloc(bytes + 1);

        if (buffer == NULL)
            return -ENOMEM;
        err = read_whole(fd, buffer, bytes, offset);
        if (err == 0)
            err = blob_record_judge(store, claim, (uint64_t)st.st_size, buffer, bytes, &wanted, contents);
        free(buffer);
    } while (err == -ENOBUFS || blob_claim_turn(claim, err));
    return err;
}

int blob_store_judge(struct blob_store *store, struct blob_unit unit, uint64_t length, int fd)
{
    struct blob_claim claim = blob_claim_of(unit.blob, unit.offset);
    struct blob_contents contents;
    int err;

    if (blob_is_row(unit.blob)) /* its key says whose it is */
        return blob_row_judge(fd, length);
    err = blob_contents_read(store, &claim, fd, &contents);
    if (err == 0 && !blob_contents_fit(&contents, &claim, length))
        err = -ESTALE;
    return err;
}
