/* SPDX-License-Identifier: MIT
 *
 * See history.h. */
#include "api/cli/remote/history.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int add_version(struct history *history, const struct client_entry *entry)
{
    struct history_version *longer = realloc(history->versions, (history->count + 1) * sizeof(*longer)),
                           *version;

    if (longer == NULL)
        return -ENOMEM;
    history->versions = longer;
    version = &longer[history->count];
    *version = (struct history_version){.id = strdup(entry->version != NULL ? entry->version : "null"),
                                        .size = entry->size,
                                        .modified_ms = entry->modified_ms,
                                        .is_marker = entry->is_marker};
    (void)snprintf(version->etag, sizeof(version->etag), "%s", entry->etag);
    if (version->id == NULL)
        return -ENOMEM;
    history->count++;
    return 0;
}

int histories_add(struct histories *histories, const struct client_entry *entry)
{
    struct history *last = histories->count > 0 ? &histories->list[histories->count - 1] : NULL;

    if (last != NULL && strcmp(last->key, entry->key) == 0)
        return add_version(last, entry);
    if (histories->count == histories->room) {
        size_t room = histories->room != 0 ? 2 * histories->room : 256;
        struct history *longer = realloc(histories->list, room * sizeof(*longer));

        if (longer == NULL)
            return -ENOMEM;
        histories->list = longer;
        histories->room = room;
    }
    last = &histories->list[histories->count];
    *last = (struct history){.key = strdup(entry->key)};
    if (last->key == NULL)
        return -ENOMEM;
    histories->count++;
    return add_version(last, entry);
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct history *)a)->key, ((const struct history *)b)->key);
}

void histories_sort(struct histories *histories)
{
    if (histories->count > 0)
        qsort(histories->list, histories->count, sizeof(histories->list[0]), compare);
}

const struct history *histories_find(const struct histories *histories, const char *key)
{
    const struct history wanted = {.key = (char *)key};

    return histories->count > 0 ? bsearch(&wanted, histories->list, histories->count, sizeof(wanted), compare)
                                : NULL;
}

void history_clear(struct history *history)
{
    for (size_t i = 0; i < history->count; i++)
        free(history->versions[i].id);
    free(history->versions);
    free(history->key);
    *history = (struct history){0};
}

void histories_free(struct histories *histories)
{
    for (size_t i = 0; i < histories->count; i++)
        history_clear(&histories->list[i]);
    free(histories->list);
    *histories = (struct histories){0};
}

/* An ETag that is no MD5 may be another server's own: then size and order of time must do. */
static bool is_same(const struct history_version *source, const struct history_version *target)
{
    bool is_comparable = strchr(source->etag, '-') == NULL && strchr(target->etag, '-') == NULL;

    if (source->is_marker || target->is_marker)
        return source->is_marker && target->is_marker;
    if (source->size != target->size)
        return false;
    return strcmp(source->etag, target->etag) == 0 ||
           (!is_comparable && source->modified_ms / 1000 <= target->modified_ms / 1000);
}

ssize_t history_missing(const struct history *source, const struct history *target, bool has_versions)
{
    size_t had = target != NULL ? target->count : 0;

    if (!has_versions)
        return had > 0 && is_same(&source->versions[0], &target->versions[0]) ? 0 : 1;
    if (had > source->count)
        return -1;
    for (size_t i = 0; i < had; i++)
        if (!is_same(&source->versions[source->count - 1 - i], &target->versions[had - 1 - i]))
            return -1;
    return (ssize_t)(source->count - had);
}
