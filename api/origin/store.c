/* SPDX-License-Identifier: MIT
 *
 * See store.h. Each wait is a loop around core_worker_wait until the event that is due has come; events only set flags. */
#include "api/origin/store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/core/put/put_tail.h"

/* ---- Events ---- */

static void on_ready(void *ctx, int result)
{
    struct origin_store *store = ctx;

    store->is_ready = true;
    store->result = result;
}

static void on_room(void *ctx)
{
    ((struct origin_store *)ctx)->has_room = true;
}

static void on_sealed(void *ctx, int result, const struct digest_values *values)
{
    struct origin_store *store = ctx;

    store->is_sealed = true;
    store->result = result;
    store->values = values;
}

static void on_committed(void *ctx, int result)
{
    struct origin_store *store = ctx;

    store->is_committed = true;
    store->result = result;
}

static const struct core_put_events events = {on_ready, on_room, on_sealed, on_committed};

static void tell(struct origin_store *store)
{
    if (store->has_file && store->grew != NULL)
        store->grew(store->ctx, core_put_written(store->put));
}

static int wait_for(struct origin_store *store, const bool *flag)
{
    while (!*flag) {
        core_worker_wait(store->worker);
        tell(store);
    }
    return store->result;
}

/* ---- Begin, bytes ---- */

/* As the bucket has objects kept. */
static int choose_seal(struct origin_store *store, struct core_put_options *options, struct seal_key *key)
{
    struct meta_attributes *attributes = &store->op.object.attributes;
    enum envelope_how how;
    ssize_t length = bucket_seal_make(store->worker, store->op.bucket, &how, key, store->seal);

    if (length <= 0)
        return (int)length;
    attributes->list[attributes->count++] =
        (struct meta_attribute){SLICE(META_ATTRIBUTE_SEAL), slice_of(store->seal, (size_t)length)};
    options->seal = key;
    return 0;
}

int origin_store_begin(struct origin_store *store, struct core_worker *worker, int64_t bucket,
                       struct slice key, const char *bucket_owner, struct origin_answer *answer)
{
    struct core_put_options options = {
        .length = answer->object.size, .digest_mask = answer->digest_mask, .events = &events, .ctx = store};
    struct seal_key seal_key;
    int err;

    *store = (struct origin_store){.worker = worker, .answer = answer};
    store->op.bucket = bucket;
    store->op.key = key;
    store->op.object = answer->object;
    store->op.object.owner = slice_text(bucket_owner);
    store->op.condition.if_none_match_any = true; /* who has put something meanwhile is right */
    if ((err = choose_seal(store, &options, &seal_key)) == 0)
        err = core_put_begin(worker, &options, &store->put);
    if (options.seal != NULL)
        seal_key_wipe(&seal_key);
    if (err == CORE_PUT_IS_READY)
        return 0;
    return err != 0 ? err : wait_for(store, &store->is_ready);
}

int origin_store_follow(struct origin_store *store)
{
    int fd = core_put_follow(store->put);

    store->has_file = fd >= 0;
    return fd;
}

int origin_store_write(struct origin_store *store, const void *data, size_t length)
{
    const char *at = data;

    if (length > store->answer->object.size - core_put_taken(store->put))
        return -EMSGSIZE;
    while (length > 0) {
        ssize_t count;

        store->has_room = false;
        count = core_put_write(store->put, at, length);
        if (count > 0) {
            at += count;
            length -= (size_t)count;
        } else if (count == -EBUSY) {
            (void)wait_for(store, &store->has_room); /* a failure shows in the next write */
        } else {
            return (int)count;
        }
    }
    core_worker_flush(store->worker); /* while the network is waited for, the disk works */
    core_worker_run(store->worker);
    tell(store);
    return 0;
}

/* ---- The end ---- */

int origin_store_commit(struct origin_store *store, char why[ORIGIN_WHY_BYTES])
{
    struct meta_object *object = &store->op.object;
    int err;

    if (core_put_taken(store->put) != object->size) {
        (void)snprintf(why, ORIGIN_WHY_BYTES, "fewer bytes came than it said");
        return -EBADMSG;
    }
    core_put_seal(store->put);
    if ((err = wait_for(store, &store->is_sealed)) != 0 ||
        (err = origin_answer_compare(store->answer, store->values, why)) != 0)
        return err;
    if (object->etag[0] == '\0')
        core_etag_make(store->values, object->etag);
    core_put_commit_object(store->put, &store->op);
    core_worker_flush(store->worker);
    err = wait_for(store, &store->is_committed);
    return err == META_E_PRECONDITION || err == META_E_WRITE_ONCE ? 0 : err;
}

void origin_store_end(struct origin_store *store)
{
    core_put_end(store->put);
    store->put = NULL;
}
