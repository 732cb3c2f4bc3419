/* SPDX-License-Identifier: MIT
 *
 * Making a database anew, of one that was lost or damaged: from the chronicle (meta_chronicle.h) beside the blobs, and, where that may not
 * tell all, from what of the old database can be read. */
#ifndef METADATA_META_RECOVER_H
#define METADATA_META_RECOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "metadata/meta.h"

/* An object, a version, a part or an annotation that cannot be had any more. */
struct meta_recover_loss {
    const char *kind; /* "object", "version", "part", "annotation" */
    struct slice bucket, key;
    uint64_t file; /* the blob that is missing, or too short */
};

struct meta_recover_options {
    const char *to;        /* the new database; must not be there */
    const char *database;  /* the old one; it need not be there. Nothing is written to it, nor beside it */
    const char *chronicle; /* the folder; it need not be there */
    const unsigned char *store; /* what files beside the blobs say: META_STORE_ID_BYTES; NULL: nothing */
    uint64_t epoch;             /* and their epoch */
    uint64_t epoch_ahead;       /* the new one is so far above all that is found */
    /* Whether a unit's bytes are there: 1, 0, or a negative errno. Asked for each extent. */
    int (*has_unit)(void *ctx, const struct meta_extent *extent);
    /* Told of each loss. Both are borrowed during the call. */
    void (*lost)(void *ctx, const struct meta_recover_loss *loss);
    void *ctx;
    log_fn log; /* may be NULL */
    void *log_ctx;
};

struct meta_recover_report {
    struct meta_identity identity;
    bool has_store;             /* something said whose store it is */
    bool is_chronicle_complete; /* it told all; then the old database was not asked */
    bool is_database_read;      /* it was, and could be opened */
    uint64_t chronicle_entries, chronicle_damaged;
    uint64_t database_rows;    /* of the old one, that the chronicle did not tell, or not so lately */
    uint64_t database_damaged; /* stretches of it that could not be read */
    uint64_t buckets, objects, versions, markers, uploads, parts, annotations;
    uint64_t nameless_buckets; /* whose row is lost: they are called recovered-ID */
    uint64_t lost;             /* objects, versions, parts, annotations without bytes */
};

/* 0, META_E_NO_BUCKET where there is nothing to recover from, or an error; then options->to is not there. Blocks, for long. */
int meta_recover(const struct meta_recover_options *options, struct meta_recover_report *report);

#endif
