/* SPDX-License-Identifier: MIT
 *
 * Rules of events and of replication, rows that are struck off, and rows for who walks through a bucket. Committer's thread. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "metadata/rows/outbox/outbox_form.h"
#include "metadata/write/writer.h"

static bool rules_are_valid(const struct meta_outbox_set *op)
{
    for (uint32_t i = 0; i < op->count; i++) {
        const struct meta_outbox_rule *rule = &op->rules[i];
        if (rule->target.len == 0 || rule->target.len > META_OUTBOX_TARGET_BYTES_MAX ||
            rule->id.len > META_OUTBOX_RULE_ID_BYTES_MAX || rule->prefix.len > META_KEY_BYTES_MAX ||
            rule->suffix.len > META_KEY_BYTES_MAX || rule->events >= meta_event_bit(META_EVENT_KIND_END))
            return false;
    }
    return true;
}

/* Whether an earlier rule has the same target. */
static bool is_told(const struct meta_outbox_set *op, uint32_t rule)
{
    for (uint32_t i = 0; i < rule; i++)
        if (slice_equals(op->rules[i].target, op->rules[rule].target))
            return true;
    return false;
}

static int targets_tell(struct meta_writer *writer, const struct meta_outbox_set *op)
{
    int err = 0;

    for (uint32_t i = 0; i < op->count && err == 0; i++) {
        struct meta_event event = {
            .kind = META_EVENT_TEST,
            .bucket = op->bucket,
            .who = op->op.origin != NULL ? op->op.origin->who : (struct slice){0},
        };
        if (!is_told(op, i))
            err = outbox_put_for(writer, &event, op->rules[i].target, op->rules[i].id);
    }
    return err;
}

static bool kinds_are_valid(const struct meta_outbox_set *op)
{
    return (op->document_kind == META_SETTING_NOTIFICATION &&
            op->rules_kind == META_SETTING_NOTIFICATION_RULES) ||
           (op->document_kind == META_SETTING_REPLICATION &&
            op->rules_kind == META_SETTING_REPLICATION_RULES);
}

int op_outbox_set(struct meta_writer *writer, struct meta_outbox_set *op)
{
    struct slice bytes = {0};
    int err;

    assert(op->rules != NULL || op->count == 0);
    if (!writer_has_bucket(writer, op->bucket))
        return META_E_NO_BUCKET;
    if (op->count > META_OUTBOX_RULES_MAX || op->document.len > META_SETTING_BYTES_MAX)
        return -E2BIG;
    if (!kinds_are_valid(op) || !rules_are_valid(op))
        return -EINVAL;
    if (op->count > 0) {
        unsigned char *out = arena_alloc(&writer->arena, outbox_rules_bound(op->rules, op->count));
        if (out == NULL)
            return -ENOMEM;
        bytes = slice_of(out, outbox_rules_encode(out, op->rules, op->count));
    }
    if ((err = row_setting_put(writer->store, op->bucket, op->document_kind, op->document)) != 0 ||
        (err = row_setting_put(writer->store, op->bucket, op->rules_kind, bytes)) != 0 ||
        (err = outbox_rules_set(writer, op->bucket, op->rules_kind, bytes)) != 0)
        return err;
    return op->tells ? targets_tell(writer, op) : 0;
}

static int rows_strike(struct meta_writer *writer, struct slice target, const uint64_t *seqs, uint32_t count)
{
    uint64_t last = 0;
    int err = 0;

    assert(count <= META_OUTBOX_DONE_MAX && (seqs != NULL || count == 0));
    for (uint32_t i = 0; i < count && err == 0; i++) {
        err = outbox_strike(writer, target, seqs[i]);
        if (seqs[i] > last)
            last = seqs[i];
    }
    return err == 0 && count > 0 ? row_outbox_give(writer->store, last) : err;
}

int op_outbox_done(struct meta_writer *writer, struct meta_outbox_done *op)
{
    return rows_strike(writer, op->target, op->seqs, op->count);
}

int op_outbox_note(struct meta_writer *writer, struct meta_outbox_note *op)
{
    struct meta_event event = {.kind = op->kind != META_EVENT_NONE ? op->kind : META_EVENT_RESYNC,
                               .bucket = op->bucket};
    int err = 0;

    assert(op->count <= META_OUTBOX_DONE_MAX && (op->keys != NULL || op->count == 0));
    if (!writer_has_bucket(writer, op->bucket))
        return META_E_NO_BUCKET;
    if (op->target.len == 0 || op->target.len > META_OUTBOX_TARGET_BYTES_MAX ||
        op->from.len > META_KEY_BYTES_MAX)
        return -EINVAL;
    for (uint32_t i = 0; i < op->count && err == 0; i++) {
        event.key = op->keys[i];
        err = outbox_put_for(writer, &event, op->target, SLICE(""));
    }
    if (err == 0 && op->from.base != NULL) {
        event.kind = META_EVENT_TEST;
        event.key = op->from;
        err = outbox_put_for(writer, &event, op->target, SLICE(""));
    }
    return err == 0 && op->strike_seq != 0 ? rows_strike(writer, op->target, &op->strike_seq, 1) : err;
}

/* Only with the object that it is true of: an overwrite has begun anew, and has a row of its own. */
static int status_keep(struct meta_writer *writer, struct meta_replicated *op)
{
    struct object_row row;
    int err = object_row_load(writer, op->bucket, op->key, &row);

    if (err != 0)
        return err == META_E_NO_KEY ? 0 : err;
    struct slice was = codec_attributes_find(row.attributes, META_ATTRIBUTE_REPLICATION);
    if (row.modified_ms != op->modified_ms || strcmp(row.etag, op->etag) != 0 ||
        (was.base != NULL) != (op->was.base != NULL) || !slice_equals(was, op->was))
        return 0;
    op->has_kept = true;
    if ((err = attributes_label(writer, &row.attributes, META_ATTRIBUTE_REPLICATION, op->status)) != 0)
        return err;
    return row_attributes_put(writer->store, op->bucket, op->key, NULL, row.attributes);
}

int op_replicated(struct meta_writer *writer, struct meta_replicated *op)
{
    int err = rows_strike(writer, op->target, op->seqs, op->count);

    op->has_kept = false;
    return err == 0 && op->etag != NULL && writer_has_bucket(writer, op->bucket) ? status_keep(writer, op)
                                                                                 : err;
}
