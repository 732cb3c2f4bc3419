/* SPDX-License-Identifier: MIT
 *
 * Expiry by order: see core/expiry.h. Orders are kept as lifecycle rules are, with the moment until which an object has to have been
 * modified as their date. The lifecycle thread alone writes them: workers hand it what is ordered, and hear when that is stored. */
#include "api/core/expiry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/core/upkeep/lifecycle/lifecycle_internal.h"
#include "storage/base/clock.h"

/* ---- On workers ---- */

static void on_turn(struct core_turn *turn)
{
    struct core_expiry *expiry = (struct core_expiry *)((char *)turn - offsetof(struct core_expiry, turn));

    expiry->done(expiry);
}

void core_expiry_order(struct core_worker *worker, struct core_expiry *expiry)
{
    expiry->turn.next = on_turn;
    core_turn_begin(worker, &expiry->turn);
    lifecycle_order(core_worker_core(worker)->lifecycle, expiry);
}

int core_expiry_count(struct core_worker *worker, int64_t bucket, uint32_t *count)
{
    struct core_lifecycle *orders;
    struct slice document;
    int err = core_setting_read(worker, bucket, META_SETTING_EXPIRY, &document);

    *count = 0;
    if (err != 0)
        return err == META_E_NO_SETTING ? 0 : err;
    if ((err = core_lifecycle_decode(document, &orders)) == 0) {
        *count = orders->count;
        free(orders);
    }
    free((void *)document.base);
    return err;
}

/* ---- The list of a bucket ---- */

/* *orders NULL: there are none. For free(). */
static int read_orders(struct lifecycle *lifecycle, int64_t bucket, struct core_lifecycle **orders)
{
    struct slice document;
    int err = meta_setting_get(lifecycle->reader, bucket, META_SETTING_EXPIRY, &document);

    *orders = NULL;
    if (err != 0)
        return err == META_E_NO_SETTING ? 0 : err;
    err = core_lifecycle_decode(document, orders);
    free((void *)document.base);
    return err;
}

static int write_orders(struct lifecycle *lifecycle, int64_t bucket, const struct core_lifecycle *orders)
{
    struct meta_setting_put op = {.bucket = bucket, .kind = META_SETTING_EXPIRY};
    size_t length = 0;
    char *stored = NULL;
    int err;

    if (orders->count > 0 && (stored = core_lifecycle_encode(orders, &length)) == NULL)
        return -ENOMEM;
    op.document = slice_of(stored, length);
    err = lifecycle_submit(lifecycle, &op.op, META_OP_SETTING_PUT);
    free(stored);
    return err;
}

/* ---- Storing ---- */

static int add_order(struct lifecycle *lifecycle, const struct core_expiry *expiry)
{
    struct core_lifecycle_rule rules[CORE_EXPIRY_ORDERS_MAX];
    struct core_lifecycle *there, all = {.rules = rules};
    int err = read_orders(lifecycle, expiry->bucket, &there);

    if (err != 0)
        return err;
    if (there != NULL && there->count < CORE_EXPIRY_ORDERS_MAX) {
        memcpy(rules, there->rules, there->count * sizeof(*rules));
        all.count = there->count;
    }
    if (there == NULL || there->count < CORE_EXPIRY_ORDERS_MAX) {
        rules[all.count++] = (struct core_lifecycle_rule){.enabled = true,
                                                          .form = CORE_LIFECYCLE_AND,
                                                          .has_prefix = true,
                                                          .prefix = expiry->prefix,
                                                          .tags = expiry->tags,
                                                          .has_expire_date = true,
                                                          .expire_date_ms = expiry->until_ms};
        err = write_orders(lifecycle, expiry->bucket, &all);
    } else {
        err = -EAGAIN;
    }
    free(there);
    return err;
}

void lifecycle_order(struct lifecycle *lifecycle, struct core_expiry *expiry)
{
    pthread_mutex_lock(&lifecycle->lock);
    expiry->next = lifecycle->orders;
    lifecycle->orders = expiry;
    lifecycle->woken = true;
    pthread_cond_signal(&lifecycle->changed);
    pthread_mutex_unlock(&lifecycle->lock);
}

static struct core_expiry *take_orders(struct lifecycle *lifecycle)
{
    struct core_expiry *orders;

    pthread_mutex_lock(&lifecycle->lock);
    orders = lifecycle->orders;
    lifecycle->orders = NULL;
    pthread_mutex_unlock(&lifecycle->lock);
    return orders;
}

void expiry_store_orders(struct lifecycle *lifecycle)
{
    struct core_expiry *orders = take_orders(lifecycle);
    bool has_reader = lifecycle->reader != NULL;
    int err = 0;

    if (orders == NULL)
        return;
    if (!has_reader)
        err = meta_reader_open(lifecycle->core->meta, &lifecycle->reader);
    for (struct core_expiry *order = orders, *next; order != NULL; order = next) {
        next = order->next;
        order->result = err != 0 ? err : add_order(lifecycle, order);
        core_turn_end(&order->turn); /* from here on it is the worker's again */
    }
    if (!has_reader && err == 0) {
        meta_reader_close(lifecycle->reader);
        lifecycle->reader = NULL;
    }
}

/* ---- Carrying out ---- */

/* The first order; those that came while it was carried out stand after it. */
static int strike_off(struct lifecycle *lifecycle, int64_t bucket)
{
    struct core_lifecycle *orders, rest;
    int err = read_orders(lifecycle, bucket, &orders);

    if (err != 0 || orders == NULL)
        return err;
    rest = (struct core_lifecycle){.rules = orders->rules + 1, .count = orders->count - 1};
    err = write_orders(lifecycle, bucket, &rest);
    free(orders);
    return err;
}

int expiry_run(struct lifecycle *lifecycle, const struct meta_bucket *bucket, uint64_t *removed)
{
    struct core_lifecycle *orders;
    int err;

    while ((err = read_orders(lifecycle, bucket->id, &orders)) == 0 && orders != NULL) {
        struct core_lifecycle_rule rule = orders->rules[0];
        struct lifecycle_task task = {
            .lifecycle = lifecycle,
            .bucket = bucket,
            .rule = &rule,
            .now_ms = clock_real_ms(),
            .day_s = core_lifecycle_day(lifecycle->core),
        };

        rule.modified_until_ms = rule.expire_date_ms;
        rule.expire_date_ms = 0; /* long past */
        err = lifecycle_sweep_versions(&task);
        free(orders);
        *removed += task.removed;
        if (err != 0 || (err = strike_off(lifecycle, bucket->id)) != 0)
            return err;
    }
    return err;
}
