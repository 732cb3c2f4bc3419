/* SPDX-License-Identifier: MIT
 *
 * What a change has come to, as events (meta_outbox.h). Looked at only where somebody follows changes; the rows say what the key has
 * now, so that an append, a completed upload and a replayed put need not tell. Committer's thread, inside the change's savepoint. */
#include <assert.h>
#include <string.h>

#include "metadata/meta_publish.h"
#include "metadata/write/writer.h"

static enum meta_event_kind kind_of(const struct meta_origin *origin, enum meta_event_kind otherwise)
{
    return origin != NULL && origin->kind != META_EVENT_NONE ? origin->kind : otherwise;
}

static struct meta_event event_of(struct meta_writer *writer, int64_t bucket, struct slice key,
                                  enum meta_event_kind kind, const struct meta_origin *origin)
{
    return (struct meta_event){
        .kind = kind,
        .bucket = bucket,
        .key = key,
        .has_version = writer_bucket_versioning(writer, bucket) != META_VERSIONING_NEVER,
        .who = origin != NULL ? origin->who : (struct slice){0},
    };
}

static void event_show(struct meta_event *event, const struct object_row *row)
{
    event->has_object = true;
    event->size = row->size;
    memcpy(event->etag, row->etag, sizeof(event->etag));
    event->version = row->version;
}

int events_created(struct meta_writer *writer, int64_t bucket, struct slice key, enum meta_event_kind kind,
                   const struct meta_origin *origin)
{
    struct object_row row;
    int err;

    kind = kind_of(origin, kind);
    if (!outbox_wants(writer, bucket, kind, key))
        return 0;
    struct meta_event event = event_of(writer, bucket, key, kind, origin);
    if ((err = object_row_load(writer, bucket, key, &row)) != 0)
        return err == META_E_NO_KEY ? 0 : err;
    event_show(&event, &row);
    return outbox_put(writer, &event);
}

/* A delete marker that is its key's newest version. */
static int marker_note(struct meta_writer *writer, struct meta_event *event)
{
    struct version_row newest;
    int found = row_version_get(writer->store, &writer->arena, event->bucket, event->key, NULL, &newest);

    if (found <= 0)
        return found;
    memcpy(&event->version, &newest.object.version, sizeof(event->version));
    return outbox_put(writer, event);
}

static enum meta_event_kind marker_kind(const struct meta_origin *origin)
{
    switch (kind_of(origin, META_EVENT_MARKER)) {
    case META_EVENT_EXPIRED:
        return META_EVENT_EXPIRED_MARKER;
    case META_EVENT_REPLICA_DELETE:
        return META_EVENT_REPLICA_MARKER;
    default:
        return META_EVENT_MARKER;
    }
}

int events_removed(struct meta_writer *writer, int64_t bucket, struct slice key,
                   const struct meta_origin *origin)
{
    bool marks = writer_bucket_versioning(writer, bucket) != META_VERSIONING_NEVER;
    enum meta_event_kind kind = marks ? marker_kind(origin) : kind_of(origin, META_EVENT_DELETE);

    if (!outbox_wants(writer, bucket, kind, key))
        return 0;
    struct meta_event event = event_of(writer, bucket, key, kind, origin);
    return marks ? marker_note(writer, &event) : outbox_put(writer, &event);
}

static int entry_note(struct meta_writer *writer, const struct meta_object_delete *op,
                      const struct meta_delete_entry *entry)
{
    enum meta_event_kind kind =
        entry->marker_added ? marker_kind(op->op.origin) : kind_of(op->op.origin, META_EVENT_DELETE);

    if (entry->result != 0 || (!entry->existed && !entry->marker_added) ||
        !outbox_wants(writer, op->bucket, kind, entry->key))
        return 0;
    struct meta_event event = event_of(writer, op->bucket, entry->key, kind, op->op.origin);
    if (entry->marker_added)
        event.version = entry->marker;
    else if (entry->version != NULL)
        event.version = *entry->version;
    return outbox_put(writer, &event);
}

static int delete_note(struct meta_writer *writer, const struct meta_object_delete *op)
{
    int err = 0;

    for (uint32_t i = 0; i < op->count && err == 0; i++) {
        err = entry_note(writer, op, &op->entries[i]);
        arena_reset(&writer->arena);
    }
    return err;
}

static int puts_note(struct meta_writer *writer, const struct meta_objects_put *op)
{
    int err = 0;

    for (uint32_t i = 0; i < op->count && err == 0; i++) {
        err = events_created(writer, op->puts[i].bucket, op->puts[i].key, META_EVENT_PUT, op->op.origin);
        arena_reset(&writer->arena);
    }
    return err;
}

static int label_note(struct meta_writer *writer, const struct meta_object_label *op)
{
    enum meta_event_kind kind = strcmp(op->name, META_ATTRIBUTE_ACL) == 0 ? META_EVENT_ACL_PUT
                                : op->value.base == NULL                  ? META_EVENT_TAGS_DELETE
                                                                          : META_EVENT_TAGS_PUT;
    struct object_row row;
    int err;

    if (!outbox_wants(writer, op->bucket, kind, op->key))
        return 0;
    struct meta_event event = event_of(writer, op->bucket, op->key, kind, op->op.origin);
    err = op->version != NULL ? version_load(writer, op->bucket, op->key, op->version, &row)
                              : object_row_load(writer, op->bucket, op->key, &row);
    if (err != 0)
        return err;
    event_show(&event, &row);
    return outbox_put(writer, &event);
}

static int rename_note(struct meta_writer *writer, const struct meta_object_rename *op)
{
    int64_t bucket = op->source.bucket;
    int err = events_created(writer, bucket, op->key, META_EVENT_COPY, op->op.origin);

    return err != 0 ? err : events_removed(writer, bucket, op->source.key, op->op.origin);
}

/* The same completion again is answered again, and nothing happens. */
static int complete_note(struct meta_writer *writer, const struct meta_upload_complete *op)
{
    return op->modified_ms == writer->now_ms
               ? events_created(writer, op->bucket, op->key, META_EVENT_COMPLETE, op->op.origin)
               : 0;
}

int events_note(struct meta_writer *writer, const struct meta_op *op)
{
    const struct meta_object_put *put = (const struct meta_object_put *)op;
    const struct meta_object_copy *copy = (const struct meta_object_copy *)op;

    assert(op->kind < META_OP_KIND_COUNT);
    switch (op->kind) {
    case META_OP_OBJECT_PUT:
        return events_created(writer, put->bucket, put->key, META_EVENT_PUT, op->origin);
    case META_OP_OBJECTS_PUT:
        return puts_note(writer, (const struct meta_objects_put *)op);
    case META_OP_OBJECT_COPY:
        return events_created(writer, copy->bucket, copy->key, META_EVENT_COPY, op->origin);
    case META_OP_UPLOAD_COMPLETE:
        return complete_note(writer, (const struct meta_upload_complete *)op);
    case META_OP_OBJECT_DELETE:
        return delete_note(writer, (const struct meta_object_delete *)op);
    case META_OP_OBJECT_RENAME:
        return rename_note(writer, (const struct meta_object_rename *)op);
    case META_OP_OBJECT_LABEL:
        return label_note(writer, (const struct meta_object_label *)op);
    default: /* the keys of a publication are told of as they are carried out: rows/publication_key.c */
        return 0;
    }
}
