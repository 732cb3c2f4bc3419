/* SPDX-License-Identifier: MIT
 *
 * The walk from header to header. What precedes a member and is about it (a long name, records) is held until the member is told. */
#include "api/archive/tar_walk.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

void tar_walk_begin(struct tar_walk *walk, uint64_t length)
{
    assert(length <= INT64_MAX);
    *walk = (struct tar_walk){.length = length};
}

/* What was about the member before. */
static void extensions_forget(struct tar_walk *walk)
{
    free(walk->records);
    free(walk->long_name);
    walk->records = walk->long_name = NULL;
    walk->records_length = walk->long_name_length = 0;
    walk->extensions = 0;
}

void tar_walk_free(struct tar_walk *walk)
{
    extensions_forget(walk);
}

/* Whether as many bytes are left in the archive. */
static bool has_bytes(const struct tar_walk *walk, uint64_t offset, uint64_t length)
{
    return offset <= walk->length && length <= walk->length - offset;
}

static int want(struct tar_walk *walk, uint64_t offset, size_t length)
{
    assert(has_bytes(walk, offset, length));
    walk->want_offset = offset;
    walk->want_length = length;
    return TAR_WALK_WANTS;
}

static int header_want(struct tar_walk *walk)
{
    walk->state = TAR_WALK_AT_HEADER;
    if (walk->at == walk->length && walk->extensions == 0 && walk->length > 0)
        return TAR_WALK_END; /* some writers leave the zeros out */
    return has_bytes(walk, walk->at, TAR_BLOCK_BYTES) ? want(walk, walk->at, TAR_BLOCK_BYTES) : -EBADMSG;
}

/* ---- What is about members ---- */

static int extension_keep(char **kept, size_t *kept_length, const char *bytes, size_t length)
{
    if (*kept != NULL)
        return -EBADMSG; /* which of the two counts is anybody's guess */
    if ((*kept = malloc(length + 1)) == NULL)
        return -ENOMEM;
    memcpy(*kept, bytes, length);
    *kept_length = length;
    return 0;
}

/* git's archives begin with a comment. Names and places for all members at once are nothing that anybody writes, and readers differ. */
static int all_records_check(struct slice text)
{
    struct tar_records records = {0};
    int err = tar_records_read(text, &records);

    if (err == 0 && (records.path.base != NULL || records.has_size || records.is_sparse))
        err = -ENOTSUP;
    return err;
}

static int extension_read(struct tar_walk *walk, const char *bytes)
{
    size_t length = (size_t)walk->header.size;
    int err = 0;

    switch (walk->header.kind) {
    case TAR_RECORDS:
        err = extension_keep(&walk->records, &walk->records_length, bytes, length);
        break;
    case TAR_LONG_NAME:
        err = extension_keep(&walk->long_name, &walk->long_name_length, bytes, strnlen(bytes, length));
        break;
    case TAR_ALL_RECORDS:
        err = all_records_check(slice_of(bytes, length));
        break;
    default: /* where a link leads is of no use here */
        break;
    }
    walk->at += TAR_BLOCK_BYTES + tar_padded(walk->header.size);
    return err != 0 ? err : header_want(walk);
}

static int extension_want(struct tar_walk *walk)
{
    uint64_t begin = walk->at + TAR_BLOCK_BYTES;

    if (++walk->extensions > TAR_EXTENSIONS_MAX || walk->header.size > TAR_EXTENSION_BYTES_MAX)
        return -E2BIG;
    if (!has_bytes(walk, begin, tar_padded(walk->header.size)) || walk->header.size == 0)
        return -EBADMSG;
    walk->state = TAR_WALK_IN_EXTENSION;
    return want(walk, begin, (size_t)walk->header.size);
}

/* ---- Members ---- */

/* begin: where its bytes are. */
static int member_tell(struct tar_walk *walk, uint64_t begin, struct tar_member *member)
{
    struct tar_records records = {0};
    struct slice text = slice_of(walk->records, walk->records_length);
    int err = tar_records_read(text, &records);

    if (err != 0)
        return err;
    *member = (struct tar_member){.kind = walk->header.kind,
                                  .name = slice_of(walk->header.name, walk->header.name_length),
                                  .offset = begin,
                                  .size = records.has_size ? records.size : walk->header.size,
                                  .modified_ms =
                                      records.has_modified ? records.modified_ms : walk->header.modified_ms,
                                  .records = text};
    if (records.path.base != NULL)
        member->name = records.path;
    else if (walk->long_name != NULL)
        member->name = slice_of(walk->long_name, walk->long_name_length);
    if (records.is_sparse && member->kind == TAR_FILE)
        member->kind = TAR_SPARSE;
    /* As in a header of its own: folders, links and devices have no bytes. */
    if (member->size != 0 && member->kind != TAR_FILE && member->kind != TAR_SPARSE &&
        member->kind != TAR_OTHER)
        return -EBADMSG;
    /* The padding after the last member may be missing: nothing of it is needed. */
    if (!has_bytes(walk, begin, member->size))
        return -EBADMSG;
    walk->at = begin + tar_padded(member->size);
    if (walk->at > walk->length)
        walk->at = walk->length;
    walk->state = TAR_WALK_AT_MEMBER;
    return TAR_WALK_MEMBER;
}

/* Blocks of a sparse file's map, one after the other, up to its bytes. */
static int map_want(struct tar_walk *walk)
{
    walk->state = TAR_WALK_IN_MAP;
    walk->at += TAR_BLOCK_BYTES;
    return has_bytes(walk, walk->at, TAR_BLOCK_BYTES) ? want(walk, walk->at, TAR_BLOCK_BYTES) : -EBADMSG;
}

static int header_read(struct tar_walk *walk, const unsigned char *block, struct tar_member *member)
{
    int err = tar_header_parse(block, &walk->header);

    if (err != 0)
        return err;
    switch (walk->header.kind) {
    case TAR_ZEROS: /* what follows, to fill a record of tape, is nobody's */
        return walk->extensions == 0 ? TAR_WALK_END : -EBADMSG;
    case TAR_RECORDS:
    case TAR_ALL_RECORDS:
    case TAR_LONG_NAME:
    case TAR_LONG_LINK:
        return extension_want(walk);
    default:
        return walk->header.has_map ? map_want(walk) : member_tell(walk, walk->at + TAR_BLOCK_BYTES, member);
    }
}

int tar_walk_step(struct tar_walk *walk, const void *bytes, struct tar_member *member)
{
    assert((bytes != NULL) || walk->state == TAR_WALK_BEGINS || walk->state == TAR_WALK_AT_MEMBER);
    switch (walk->state) {
    case TAR_WALK_AT_MEMBER:
        extensions_forget(walk);
        return header_want(walk);
    case TAR_WALK_AT_HEADER:
        return header_read(walk, bytes, member);
    case TAR_WALK_IN_EXTENSION:
        return extension_read(walk, bytes);
    case TAR_WALK_IN_MAP:
        return tar_map_goes_on(bytes) ? map_want(walk)
                                      : member_tell(walk, walk->at + TAR_BLOCK_BYTES, member);
    case TAR_WALK_BEGINS:
        break;
    }
    return header_want(walk);
}
