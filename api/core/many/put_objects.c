/* SPDX-License-Identifier: MIT
 *
 * See put_objects.h. A publication here:
 *
 *   begin -> prepare, as often as there are steps -> publish        the bucket's last one is not carried out: a sweep, and once more
 *                                                                   others changed too much: all of it anew, from the beginning
 *      any failure: end, and the failure is told
 *
 * Bytes that nothing names do not come back: what was prepared first is given up only when the second time is prepared. Where what others
 * changed had been judged, the upload fails, for only its sender can judge it anew. */
#include "api/core/many/put_objects.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "api/core/limits.h"
#include "api/core/publish.h"

struct put_objects {
    struct core_worker *worker;
    struct meta_objects_put *op;
    void (*done)(void *ctx, bool is_named);
    void *ctx;
    struct core_change change;

    uint32_t *order; /* of the puts, by key, each key once: the last */
    uint32_t count, at;
    bool is_judged; /* something of what is there was */
    bool is_strict; /* that, or it is a condition */
    bool is_named;  /* by a row that is prepared */
    int64_t id;     /* of the publication; 0: there is none */
    int64_t before; /* one that was overtaken, and still holds the bytes; 0: none */
    unsigned attempts;
    int result; /* that is told when it is given up */
    union {
        struct meta_publish_begin begin;
        struct meta_publish_prepare prepare;
        struct meta_publish publish;
        struct meta_publish_end end;
        struct meta_sweep sweep;
    } step;
    struct meta_publish_entry entries[META_PUBLISH_STEP_KEYS];
};

static void submit(struct put_objects *objects, struct meta_op *op, enum meta_op_kind kind,
                   void (*done)(struct core_change *change))
{
    op->kind = kind;
    objects->change = (struct core_change){.op = op, .done = done, .ctx = objects};
    core_change_submit(objects->worker, &objects->change);
}

static void finish(struct put_objects *objects, int result)
{
    void (*done)(void *ctx, bool is_named) = objects->done;
    void *ctx = objects->ctx;
    bool is_named = objects->is_named;

    objects->op->op.result = result;
    free(objects->order);
    free(objects);
    done(ctx, is_named);
}

/* ---- In one change ---- */

static void on_all_put(struct core_change *change)
{
    finish(change->ctx, change->op->result);
}

/* ---- As a publication ---- */

static void give_up_rest(struct put_objects *objects);

static void on_given_up(struct core_change *change)
{
    give_up_rest(change->ctx);
}

static void end(struct put_objects *objects, int64_t *id, void (*done)(struct core_change *change))
{
    objects->step.end = (struct meta_publish_end){.id = *id};
    *id = 0;
    submit(objects, &objects->step.end.op, META_OP_PUBLISH_END, done);
}

static void give_up_rest(struct put_objects *objects)
{
    if (objects->before != 0)
        end(objects, &objects->before, on_given_up);
    else if (objects->id != 0)
        end(objects, &objects->id, on_given_up);
    else
        finish(objects, objects->result);
}

/* What was judged anew could not be put once more. */
static void give_up(struct put_objects *objects, int result)
{
    objects->result = result == META_E_JUDGED && objects->is_named ? META_E_CHANGED : result;
    give_up_rest(objects);
}

static void begin(struct put_objects *objects);
static void publish(struct put_objects *objects);

static void on_swept(struct core_change *change)
{
    struct put_objects *objects = change->ctx;

    if (change->op->result != 0)
        give_up(objects, change->op->result);
    else
        publish(objects);
}

static void on_published(struct core_change *change)
{
    struct put_objects *objects = change->ctx;

    if (change->op->result == 0) {
        finish(objects, 0);
    } else if (change->op->result == META_E_BUSY) {
        objects->step.sweep = (struct meta_sweep){.more = false};
        submit(objects, &objects->step.sweep.op, META_OP_SWEEP, on_swept);
    } else if (change->op->result == META_E_CHANGED && !objects->is_judged &&
               ++objects->attempts < CORE_OBJECTS_ATTEMPTS_MAX) {
        objects->before = objects->id;
        begin(objects);
    } else {
        give_up(objects, change->op->result);
    }
}

static void publish(struct put_objects *objects)
{
    objects->step.publish = (struct meta_publish){.id = objects->id, .overrules = !objects->is_strict};
    submit(objects, &objects->step.publish.op, META_OP_PUBLISH, on_published);
}

static void prepare(struct put_objects *objects);

static void on_overtaken_given_up(struct core_change *change)
{
    publish(change->ctx);
}

static void on_prepared(struct core_change *change)
{
    struct put_objects *objects = change->ctx;
    const struct meta_publish_prepare *step = &objects->step.prepare;

    if (step->op.result != 0) {
        if (step->failed < step->count)
            objects->op->failed = objects->order[objects->at + step->failed];
        give_up(objects, step->op.result);
        return;
    }
    objects->is_named = true;
    objects->at += step->count;
    if (objects->at < objects->count)
        prepare(objects);
    else if (objects->before != 0)
        end(objects, &objects->before, on_overtaken_given_up);
    else
        publish(objects);
}

static void prepare(struct put_objects *objects)
{
    uint32_t left = objects->count - objects->at;
    uint32_t count = left < META_PUBLISH_STEP_KEYS ? left : META_PUBLISH_STEP_KEYS;

    for (uint32_t i = 0; i < count; i++)
        objects->entries[i] =
            (struct meta_publish_entry){.put = &objects->op->puts[objects->order[objects->at + i]]};
    objects->step.prepare =
        (struct meta_publish_prepare){.id = objects->id, .entries = objects->entries, .count = count};
    submit(objects, &objects->step.prepare.op, META_OP_PUBLISH_PREPARE, on_prepared);
}

static void on_begun(struct core_change *change)
{
    struct put_objects *objects = change->ctx;

    if (change->op->result != 0) {
        give_up(objects, change->op->result);
        return;
    }
    objects->id = objects->step.begin.id;
    prepare(objects);
}

static void begin(struct put_objects *objects)
{
    objects->id = 0;
    objects->at = 0;
    objects->step.begin = (struct meta_publish_begin){.bucket = objects->op->puts[0].bucket};
    submit(objects, &objects->step.begin.op, META_OP_PUBLISH_BEGIN, on_begun);
}

/* ---- Each key once ---- */

static int order_compare(const void *a, const void *b, void *ctx)
{
    const struct meta_object_put *puts = ctx;
    uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;
    int order = slice_compare(puts[first].key, puts[second].key);

    return order != 0 ? order : first < second ? -1 : first > second;
}

static int order_make(struct put_objects *objects)
{
    struct meta_object_put *puts = objects->op->puts;
    uint32_t count = objects->op->count;

    if ((objects->order = malloc(count * sizeof(*objects->order))) == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        const struct meta_condition *condition = &puts[i].condition;

        objects->order[i] = i;
        objects->is_judged |= condition->judged != NULL || condition->owner != NULL;
        objects->is_strict |= objects->is_judged || condition->if_match != NULL || condition->if_match_any ||
                              condition->if_none_match != NULL || condition->if_none_match_any;
    }
    qsort_r(objects->order, count, sizeof(*objects->order), order_compare, puts);
    for (uint32_t i = 0; i < count; i++) {
        if (i + 1 == count || !slice_equals(puts[objects->order[i]].key, puts[objects->order[i + 1]].key))
            objects->order[objects->count++] = objects->order[i];
    }
    return 0;
}

int put_objects_submit(struct core_worker *worker, struct meta_objects_put *op,
                       void (*done)(void *ctx, bool is_named), void *ctx)
{
    struct put_objects *objects = calloc(1, sizeof(*objects));

    assert(op->count > 0);
    if (objects == NULL)
        return -ENOMEM;
    objects->worker = worker;
    objects->op = op;
    objects->done = done;
    objects->ctx = ctx;
    if (op->count <= CORE_OBJECTS_AT_ONCE_MAX) {
        submit(objects, &op->op, META_OP_OBJECTS_PUT, on_all_put);
        return 0;
    }
    if (order_make(objects) != 0) {
        free(objects);
        return -ENOMEM;
    }
    begin(objects);
    return 0;
}
