/* SPDX-License-Identifier: MIT
 *
 * What is watched, and what an object says of itself. See core/expires.h; the passes are lifecycle.c's. */
#include "api/core/expires.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/core/upkeep/lifecycle/lifecycle_internal.h"

/* ---- What is watched: under the lock ---- */

static int add(struct lifecycle *lifecycle, struct expires_watched *made)
{
    unsigned count = 0;

    for (const struct expires_watched *at = lifecycle->watched; at != NULL; at = at->next, count++)
        if (strcmp(at->bucket, made->bucket) == 0 && strcmp(at->prefix, made->prefix) == 0)
            return -EEXIST;
    if (count == CORE_EXPIRES_WATCHED_MAX)
        return -ENOBUFS;
    made->next = lifecycle->watched;
    lifecycle->watched = made;
    return 0;
}

/* Any thread. */
int core_expires_watch(struct core *core, const char *bucket, const char *prefix)
{
    struct lifecycle *lifecycle = core->lifecycle;
    struct expires_watched *made;
    int err;

    if (lifecycle == NULL)
        return 0; /* nothing is changed here */
    if (strlen(bucket) >= sizeof(made->bucket) || strlen(prefix) >= sizeof(made->prefix))
        return -EINVAL;
    if ((made = calloc(1, sizeof(*made))) == NULL)
        return -ENOMEM;
    strcpy(made->bucket, bucket);
    strcpy(made->prefix, prefix);
    pthread_mutex_lock(&lifecycle->lock);
    err = add(lifecycle, made);
    pthread_mutex_unlock(&lifecycle->lock);
    if (err != 0)
        free(made);
    return err == -EEXIST ? 0 : err;
}

const struct expires_watched *expires_watched_first(struct lifecycle *lifecycle)
{
    const struct expires_watched *first;

    pthread_mutex_lock(&lifecycle->lock);
    first = lifecycle->watched;
    pthread_mutex_unlock(&lifecycle->lock);
    return first;
}

void expires_forget(struct lifecycle *lifecycle)
{
    for (const struct expires_watched *at = lifecycle->watched, *next; at != NULL; at = next) {
        next = at->next;
        free((void *)at);
    }
    lifecycle->watched = NULL;
}

/* ---- When ---- */

int64_t core_expires_of(const struct meta_attributes *attributes)
{
    for (uint32_t i = 0; i < attributes->count; i++) {
        const struct meta_attribute *attribute = &attributes->list[i];
        int64_t ms = 0;

        if (!slice_is(attribute->name, CORE_EXPIRES_ATTRIBUTE))
            continue;
        for (size_t at = 0; at < attribute->value.len; at++) {
            char digit = attribute->value.base[at];

            if (at == CORE_EXPIRES_DIGITS_MAX || digit < '0' || digit > '9')
                return INT64_MAX;
            ms = ms * 10 + (digit - '0');
        }
        return attribute->value.len > 0 ? ms : INT64_MAX;
    }
    return INT64_MAX;
}
