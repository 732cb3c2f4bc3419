/* SPDX-License-Identifier: MIT
 *
 * Publications: many keys of a bucket get new objects, and others cease to have any, in one moment. Part of the interface of metadata/;
 * metadata/README.md says how it works and why so.
 *
 *   META_OP_PUBLISH_BEGIN    an id
 *   META_OP_PUBLISH_PREPARE  a few keys at a time: what each is to have. Nobody sees it
 *   META_OP_PUBLISH          from here on everybody sees all of it; one row is written
 *   META_OP_SWEEP            brings what was prepared to where objects lie, a few keys at a time. Nobody sees that either
 *
 * What is prepared holds its bytes by itself: the sources may go. Changes of others that come in between count as before the publication;
 * the module notes which keys they were about. What is begun and neither published nor given up is given up by the next start. */
#ifndef METADATA_META_PUBLISH_H
#define METADATA_META_PUBLISH_H

#include "metadata/meta.h"

struct meta_publish_begin { /* META_E_BUSY: META_PUBLICATIONS_MAX are at it */
    struct meta_op op;
    int64_t bucket;
    /* Keys that begin with it and are not prepared are to be noted, too: base NULL: none; empty: all */
    struct slice prefix;
    int64_t id; /* out */
};

/* Whether the key has been prepared, by what is committed: 1, 0 (also for a removal), or an error. Thread of the reader. */
int meta_publish_is_prepared(struct meta_reader *reader, int64_t id, struct slice key);

/* What one key is to have. */
struct meta_publish_entry {
    /* Its object: key, source, condition, owner, tags ... as of any copy; `bucket` is that of the publication. The op in it is not used. Of
     * a removal, key, condition.judged, condition.owner and owner (of the delete marker). What becomes of modified_ms, etag, size and the
     * like is told, too. */
    struct meta_object_copy copy;
    /* Not NULL: its object is no copy, but this one, with key and condition of its own; `copy` is not used. Its bytes are given back with the
     * publication, where that comes to nothing: it cannot be prepared once more. */
    struct meta_object_put *put;
    /* Its object is what the upload of this key would become: upload_id, parts, assembly, etag, checksum and default_lock say how; of `copy`, key
     * and condition count. The upload stays, META_OP_UPLOADS_END is for it. NULL: a copy. META_E_NO_UPLOAD, META_E_INVALID_PART */
    const struct meta_upload_complete *upload;
    bool removes; /* the key is to have none; nothing is prepared where it has none, or was prepared before */
    bool existed; /* out, of a removal: it is prepared */
};

struct
    meta_publish_prepare { /* what META_OP_OBJECT_COPY says; -EEXIST: the key was prepared before; META_E_CHANGED: no such publication */
    struct meta_op op;
    int64_t id;
    struct meta_publish_entry *entries;
    uint32_t count;  /* META_PUBLISH_STEP_KEYS at most, -EINVAL beyond */
    uint32_t failed; /* out: which entry the result is of; `count` when it is of none */
};

struct meta_publish { /* META_E_PRECONDITION and the like of the condition */
    struct meta_op op;
    int64_t id;
    struct slice key; /* whose current object the condition is about; empty: none */
    struct meta_condition condition;
    /* What others did to keys of this publication since they were prepared is overruled here, where that is a matter of a few keys. Else, and
     * where there are too many: META_E_CHANGED, and all is to be prepared anew, which is for those who judged what they found there. */
    bool overrules;
    struct slice owner; /* of delete markers that this makes */
    /* out. META_E_BUSY: an earlier publication of the bucket is not where objects lie yet: META_OP_SWEEP, and once more */
    int64_t at_ms;
};

struct
    meta_publish_end { /* gives up what is prepared; nothing to do where there is no such publication, or it is published */
    struct meta_op op;
    int64_t id;
};

/* Uploads that were published cease to be; nothing to do for one that is not there. */
struct meta_uploads_end {
    struct meta_op op;
    int64_t bucket;
    const struct slice *keys;
    const unsigned char (*upload_ids)[META_UPLOAD_ID_BYTES];
    uint32_t count; /* META_PUBLISH_STEP_KEYS at most, -EINVAL beyond */
};

#endif
