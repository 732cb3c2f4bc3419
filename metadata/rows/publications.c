/* SPDX-License-Identifier: MIT
 *
 * The set of publications; what becomes of their keys is in publication_key.c. */
#include "metadata/rows/publications.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "metadata/rows/publication_watch.h"
#include "metadata/write/writer.h"

struct publication *publication_find(struct publications *publications, int64_t id)
{
    for (size_t i = 0; i < publications->count; i++)
        if (publications->list[i].row.id == id)
            return &publications->list[i];
    return NULL;
}

int publication_add(struct publications *publications, const struct publication_row *row,
                    struct publication_watch *watch)
{
    assert(publications->count <= publications->capacity);
    if (publications->count == publications->capacity) {
        size_t capacity = publications->capacity == 0 ? 4 : 2 * publications->capacity;
        struct publication *list = realloc(publications->list, capacity * sizeof(*list));
        if (list == NULL)
            return -ENOMEM;
        publications->list = list;
        publications->capacity = capacity;
    }
    publications->list[publications->count++] = (struct publication){.row = *row, .watch = watch};
    return 0;
}

void publication_remove(struct publications *publications, int64_t id)
{
    struct publication *publication = publication_find(publications, id);

    assert(publication != NULL);
    publication_watch_free(publication->watch);
    publications->count--;
    memmove(publication, publication + 1,
            (size_t)(&publications->list[publications->count] - publication) * sizeof(*publication));
}

struct publication *publication_visible(struct publications *publications, int64_t bucket)
{
    for (size_t i = 0; i < publications->count; i++)
        if (publications->list[i].row.bucket == bucket &&
            publications->list[i].row.state == PUBLICATION_VISIBLE)
            return &publications->list[i];
    return NULL;
}

struct loading {
    struct meta_writer *writer;
    struct publications before;
};

static int on_publication(void *ctx, const struct publication_row *row)
{
    struct loading *loading = ctx;
    struct publication *known = publication_find(&loading->before, row->id);
    struct publication_watch *watch = known != NULL ? known->watch : NULL;
    int err = publication_add(&loading->writer->publications, row, watch);

    if (err == 0 && known != NULL)
        known->watch = NULL; /* it goes along */
    return err;
}

int publications_load(struct meta_writer *writer)
{
    struct loading loading = {writer, writer->publications};

    writer->publications = (struct publications){0};
    int err = row_publication_walk(writer->store, on_publication, &loading);
    publications_free(&loading.before);
    return err;
}

void publications_free(struct publications *publications)
{
    for (size_t i = 0; i < publications->count; i++)
        publication_watch_free(publications->list[i].watch);
    free(publications->list);
    *publications = (struct publications){0};
}

void publications_tell(struct meta_writer *writer)
{
    uint_fast64_t told = atomic_load(&writer->meta->overlays);
    bool any = false;

    for (size_t i = 0; i < writer->publications.count; i++)
        any = any || writer->publications.list[i].row.state == PUBLICATION_VISIBLE;
    atomic_store(&writer->meta->figures.publications, writer->publications.count);
    if (any != ((told & 1) != 0))
        atomic_store(&writer->meta->overlays, told + 1);
}

int publications_stand_aside(struct meta_writer *writer, int64_t bucket)
{
    struct publications *all = &writer->publications;

    if (publication_visible(all, bucket) != NULL)
        return META_E_BUSY;
    for (size_t i = 0; i < all->count; i++)
        if (all->list[i].watch != NULL && all->list[i].row.bucket == bucket)
            publication_watch_spoil(all->list[i].watch);
    return 0;
}
