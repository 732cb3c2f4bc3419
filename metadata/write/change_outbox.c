/* SPDX-License-Identifier: MIT
 *
 * Rules of events, and rows of them that are struck off. Committer's thread. */
#include <assert.h>
#include <errno.h>

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

int op_outbox_set(struct meta_writer *writer, struct meta_outbox_set *op)
{
    struct slice bytes = {0};
    int err;

    assert(op->rules != NULL || op->count == 0);
    if (!writer_has_bucket(writer, op->bucket))
        return META_E_NO_BUCKET;
    if (op->count > META_OUTBOX_RULES_MAX || op->document.len > META_SETTING_BYTES_MAX)
        return -E2BIG;
    if (op->rules_kind != META_SETTING_NOTIFICATION_RULES || op->document_kind != META_SETTING_NOTIFICATION ||
        !rules_are_valid(op))
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

int op_outbox_done(struct meta_writer *writer, struct meta_outbox_done *op)
{
    uint64_t last = 0;
    int err = 0;

    assert(op->count <= META_OUTBOX_DONE_MAX && (op->seqs != NULL || op->count == 0));
    for (uint32_t i = 0; i < op->count && err == 0; i++) {
        err = outbox_strike(writer, op->target, op->seqs[i]);
        if (op->seqs[i] > last)
            last = op->seqs[i];
    }
    return err == 0 && op->count > 0 ? row_outbox_give(writer->store, last) : err;
}
