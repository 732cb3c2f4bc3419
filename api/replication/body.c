/* SPDX-License-Identifier: MIT
 *
 * See body.h. */
#include "api/replication/body.h"

#include <errno.h>

#include "api/core/keys/envelope.h"

int replication_body_unseal(struct core_worker *worker, struct core_get *get,
                            const struct meta_object *object)
{
    const struct meta_attributes *attributes = &object->attributes;
    struct slice value = {0};
    struct seal_key key;
    int err;

    if (!core_get_is_sealed(get))
        return 0;
    for (uint32_t i = 0; i < attributes->count; i++)
        if (slice_is(attributes->list[i].name, META_ATTRIBUTE_SEAL))
            value = attributes->list[i].value;
    err = envelope_open(value, core_keys(core_worker_core(worker)), NULL, &key);
    if (err == 0)
        core_get_unseal(get, &key);
    seal_key_wipe(&key);
    return err == -EBADMSG ? -EIO : err;
}

void replication_body_begin(struct replication_body *body, struct core_worker *worker, struct core_get *get,
                            uint64_t first, uint64_t length)
{
    *body = (struct replication_body){
        .worker = worker, .get = get, .first = first, .length = length, .at = UINT64_MAX};
}

static void on_ready(void *ctx)
{
    struct replication_body *body = ctx;

    body->is_ready = true;
}

static void wait_ready(struct replication_body *body)
{
    while (!body->is_ready)
        core_worker_wait(body->worker);
}

/* From there to the end of the body. */
static int open_at(struct replication_body *body, uint64_t offset)
{
    int err;

    body->is_ready = false;
    err = core_get_open(body->get, body->first + offset, body->length - offset, on_ready, body);
    if (err == -EBUSY) {
        wait_ready(body);
        err = core_get_status(body->get);
    }
    body->at = err == 0 ? offset : UINT64_MAX;
    return err;
}

ssize_t replication_body_read(void *ctx, void *buffer, size_t length, uint64_t offset)
{
    struct replication_body *body = ctx;
    ssize_t count;
    int err;

    if (body->at != offset && (err = open_at(body, offset)) != 0)
        return err;
    for (;;) {
        body->is_ready = false;
        count = core_get_read(body->get, buffer, length);
        if (count != -EBUSY)
            break;
        wait_ready(body);
    }
    if (count == 0)
        return -EIO; /* fewer bytes than the row says */
    body->at = count > 0 ? offset + (uint64_t)count : UINT64_MAX;
    return count;
}
