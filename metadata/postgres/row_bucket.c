/* SPDX-License-Identifier: MIT
 *
 * Rows of `bucket`, `setting` and `publication`, and of what each bucket has of its own. Behind rows/row_store.h. What is walked over here
 * all servers keep in memory; see pg_batch.c for how they learn of changes. */
#include "metadata/meta_settings.h"
#include "metadata/postgres/postgres.h"

#include <assert.h>
#include <string.h>

/* How many rows a walk loads at a time. */
#define WALK_ROWS 1000u

static struct slice text_of(const char *text, size_t size)
{
    return slice_of(text, strnlen(text, size));
}

/* The next row of the whole table, or, with `same`, of those that begin like *at; begins where *row is NULL. Outside of a batch nothing is kept
 * of what was read. */
static int walk_next(struct row_store *store, enum pg_table_id table, const struct pg_value *first,
                     uint32_t same, struct pg_row **row)
{
    struct pg_row *last = *row;

    if (last == NULL && !store->is_in_batch)
        pg_set_reset(&store->set);
    return last == NULL
               ? pg_row_next(store, table, first, same, false, same, WALK_ROWS, row)
               : pg_row_next(store, table, last->values, pg_tables[table].keys, true, same, WALK_ROWS, row);
}

/* ---- `bucket` ---- */

int pg_bucket_walk(struct row_store *store,
                   int (*visit)(void *ctx, int64_t id, enum meta_versioning versioning), void *ctx)
{
    struct pg_row *row = NULL;
    int found, stop;

    while ((found = walk_next(store, PG_BUCKET, NULL, 0, &row)) > 0) {
        int64_t versioning = row->values[BUCKET_VERSIONING].number;
        bool is_known = versioning == META_VERSIONING_NEVER || versioning == META_VERSIONING_ENABLED;
        stop = visit(ctx, row->values[BUCKET_ID].number,
                     is_known ? (enum meta_versioning)versioning : META_VERSIONING_SUSPENDED);
        if (stop != 0)
            return stop;
    }
    return found;
}

/* Whether a bucket of that name is there, or is to be. */
static int name_is_taken(struct row_store *store, struct slice name)
{
    struct pg_row *row = NULL;
    int found;

    while ((found = walk_next(store, PG_BUCKET, NULL, 0, &row)) > 0)
        if (slice_equals(row->values[BUCKET_NAME].bytes, name))
            return 1;
    return found;
}

static int bucket_insert(struct row_store *store, struct meta_bucket *bucket)
{
    struct slice name = text_of(bucket->name, sizeof(bucket->name));
    int err, taken = name_is_taken(store, name);

    if (taken != 0)
        return taken < 0 ? taken : 0;
    if ((err = pg_next_id(store, "SELECT nextval('bucket_id')", &bucket->id)) != 0)
        return err;
    const struct pg_value values[] = {
        pg_int(bucket->id),
        pg_bytes(name),
        pg_int(bucket->created_ms),
        pg_bytes(text_of(bucket->region, sizeof(bucket->region) - 1)),
        pg_bytes(text_of(bucket->owner, sizeof(bucket->owner) - 1)),
        pg_int(bucket->versioning),
    };
    if ((err = pg_row_put(store, PG_BUCKET, values)) != 0)
        return err;
    return (err = pg_usage_bucket_add(store, bucket)) != 0 ? err : 1;
}

int pg_bucket_put(struct row_store *store, enum row_put put, struct meta_bucket *bucket)
{
    const struct pg_value key[] = {pg_int(bucket->id)};
    struct pg_row *row;
    int err, found;

    if (put == ROW_INSERT)
        return bucket_insert(store, bucket);
    assert(bucket->versioning == META_VERSIONING_ENABLED || bucket->versioning == META_VERSIONING_SUSPENDED);
    if ((found = pg_row_get(store, PG_BUCKET, key, &row)) <= 0)
        return found;
    err = pg_row_set(store, row, BUCKET_VERSIONING, pg_int(bucket->versioning));
    return err != 0 ? err : 1;
}

int pg_bucket_names(struct row_store *store, struct arena *arena, int64_t bucket, struct slice *name,
                    struct slice *owner)
{
    const struct pg_value key[] = {pg_int(bucket)};
    struct pg_row *row;
    int err, found = pg_row_get(store, PG_BUCKET, key, &row);

    if (found <= 0)
        return found;
    if ((err = pg_give(arena, &row->values[BUCKET_NAME], name)) != 0)
        return err;
    return (err = pg_give(arena, &row->values[BUCKET_OWNER], owner)) != 0 ? err : 1;
}

int pg_bucket_is_used(struct row_store *store, int64_t bucket)
{
    const struct pg_value key[] = {pg_int(bucket)};
    struct pg_row *row;
    int found = pg_row_next(store, PG_OBJECT, key, 1, false, 1, 1, &row);

    return found != 0 ? found : pg_row_next(store, PG_VERSION, key, 1, false, 1, 1, &row);
}

/* A row that may not be there. */
static int delete_if_there(struct row_store *store, enum pg_table_id table, const struct pg_value *key)
{
    struct pg_row *row;
    int found = pg_row_get(store, table, key, &row);

    return found > 0 ? pg_row_delete(store, row) : found;
}

static int settings_delete(struct row_store *store, int64_t bucket)
{
    int err = 0;

    for (int kind = 1; kind < META_SETTING_KIND_END && err == 0; kind++)
        err = pg_setting_put(store, bucket, kind, (struct slice){NULL, 0});
    return err;
}

int pg_bucket_delete(struct row_store *store, int64_t bucket)
{
    const struct pg_value key[] = {pg_int(bucket)};
    int err;

    if ((err = settings_delete(store, bucket)) != 0 || (err = pg_tally_delete(store, bucket)) != 0 ||
        (err = pg_usage_bucket_delete(store, bucket)) != 0 ||
        (err = delete_if_there(store, PG_QUOTA, key)) != 0)
        return err;
    return delete_if_there(store, PG_BUCKET, key);
}

/* ---- `setting` ---- */

int pg_setting_find(struct row_store *store, int64_t bucket, int kind)
{
    const struct pg_value key[] = {pg_int(kind), pg_int(bucket)};
    struct pg_row *row;

    return pg_row_get(store, PG_SETTING, key, &row);
}

int pg_setting_walk(struct row_store *store, int kind,
                    int (*visit)(void *ctx, int64_t bucket, struct slice document), void *ctx)
{
    const struct pg_value key[] = {pg_int(kind)};
    struct pg_row *row = NULL;
    int found, stop;

    while ((found = walk_next(store, PG_SETTING, key, 1, &row)) > 0)
        if ((stop = visit(ctx, row->values[SETTING_BUCKET].number, row->values[SETTING_DOCUMENT].bytes)) != 0)
            return stop;
    return found;
}

int pg_setting_put(struct row_store *store, int64_t bucket, int kind, struct slice document)
{
    const struct pg_value values[] = {pg_int(kind), pg_int(bucket), pg_bytes(document)};

    assert(document.len <= META_SETTING_BYTES_MAX);
    return document.base == NULL ? delete_if_there(store, PG_SETTING, values)
                                 : pg_row_put(store, PG_SETTING, values);
}

/* ---- `publication` ---- */

int pg_publication_walk(struct row_store *store, int (*visit)(void *ctx, const struct publication_row *row),
                        void *ctx)
{
    struct pg_row *row = NULL;
    int found, stop;

    while ((found = walk_next(store, PG_PUBLICATION, NULL, 0, &row)) > 0) {
        const struct publication_row publication = {
            .id = row->values[PUBLICATION_ID].number,
            .bucket = row->values[PUBLICATION_BUCKET].number,
            .state = (enum publication_state)row->values[PUBLICATION_STATE].number,
            .at_ms = row->values[PUBLICATION_AT].number,
            .has_versions = row->values[PUBLICATION_HAS_VERSIONS].number != 0,
        };
        if ((stop = visit(ctx, &publication)) != 0)
            return stop;
    }
    return found;
}

int pg_publication_is_left(struct row_store *store, int64_t id)
{
    struct pg_call call = {
        .text = "SELECT NOT EXISTS(SELECT 1 FROM publication AS p JOIN server AS s ON s.id = p.server"
                " WHERE p.id = $1 AND p.state = 1 AND s.dead = 0 AND s.id != $2)"};

    pg_add_int(&call, id);
    pg_add_int(&call, store->server);
    store->loads++;
    int err = pg_batch_round(store, &call, 1);
    if (err == 0)
        err = PQntuples(call.result) == 1 && pg_column_int(call.result, 0, 0) != 0;
    pg_calls_clear(&call, 1);
    return err;
}

int pg_publication_put(struct row_store *store, enum row_put put, struct publication_row *row)
{
    struct pg_row *there;
    int err, found;

    assert(row->bucket > 0 && (put == ROW_INSERT || row->id > 0));
    if (put == ROW_INSERT && (err = pg_next_id(store, "SELECT nextval('publication_id')", &row->id)) != 0)
        return err;
    struct pg_value values[] = {pg_int(row->id),    pg_int(row->bucket),       pg_int(row->state),
                                pg_int(row->at_ms), pg_int(row->has_versions), pg_int(store->server)};
    if ((found = pg_row_get(store, PG_PUBLICATION, values, &there)) < 0 || (found == 0 && put == ROW_UPDATE))
        return found;
    if (found > 0)
        values[PUBLICATION_SERVER] = there->values[PUBLICATION_SERVER];
    if ((err = pg_set_put(&store->set, there, values)) != 0)
        return err;
    if (put == ROW_INSERT && (err = usage_stage_add(&store->meta->usage, row->id, row->bucket)) != 0)
        return err;
    return 1;
}

int pg_publication_delete(struct row_store *store, int64_t id)
{
    const struct pg_value key[] = {pg_int(id)};

    return delete_if_there(store, PG_PUBLICATION, key);
}

int pg_publication_next(struct row_store *store, struct arena *arena, int64_t id, struct slice *key)
{
    const struct pg_value bucket[] = {pg_int(publication_bucket(id))};
    struct pg_row *row;
    int err, found = pg_row_next(store, PG_OBJECT, bucket, 1, false, 1, 64, &row);

    if (found <= 0)
        return found;
    return (err = pg_give(arena, &row->values[OBJECT_KEY], key)) != 0 ? err : 1;
}
