/* SPDX-License-Identifier: MIT
 *
 * Rows of `usage` and `quota`: what buckets hold, counted. As in sqlite/row_usage.c the files that store and remove rows say so, and the numbers
 * are kept in memory; each commit adds what its batch has counted to this server's row of the bucket. There was never a store without
 * counts, so there is no walk to make up for it. What other servers count is read when this one starts, when they have changed buckets, and, where
 * there are quotas, in every batch. */
#include "metadata/postgres/postgres.h"

#include <assert.h>
#include <string.h>

#include "metadata/postgres/pg_array.h"

static struct usage *usage_of(struct row_store *store)
{
    return &store->meta->usage;
}

/* ---- Loading ---- */

enum load_call { LOAD_BUCKETS, LOAD_COUNTS, LOAD_STAGES, LOAD_CALLS };

static uint64_t bound_of(const PGresult *result, int row, int column)
{
    int64_t bound = pg_column_int(result, row, column);

    return pg_column_is_null(result, row, column) || bound < 0 ? META_QUOTA_NONE : (uint64_t)bound;
}

static void text_take(char *to, size_t capacity, struct slice text)
{
    if (text.len > 0 && text.len < capacity)
        (void)slice_copy(to, text);
}

/* Those that this process knows already keep their place; another server may have changed their quota. */
static int bucket_take(struct row_store *store, const struct meta_usage *bucket)
{
    struct usage *usage = usage_of(store);
    size_t position = usage_position(usage, bucket->bucket);

    if (position == usage->count)
        return usage_bucket_add(usage, bucket);
    return usage->list[position].bucket == bucket->bucket
               ? usage_quota_put(usage, bucket->bucket, &bucket->quota)
               : 0; /* ids ascend in the order of commits, so there is none such */
}

static int buckets_take(struct row_store *store, const PGresult *result)
{
    struct usage *usage = usage_of(store);
    size_t known = usage->count;
    int row, err = 0;

    for (row = 0; row < PQntuples(result) && err == 0; row++) {
        struct meta_usage bucket = {.bucket = pg_column_int(result, row, 0),
                                    .quota = {bound_of(result, row, 3), bound_of(result, row, 4)}};
        text_take(bucket.name, sizeof(bucket.name), pg_column_bytes(result, row, 1));
        text_take(bucket.owner, sizeof(bucket.owner), pg_column_bytes(result, row, 2));
        err = bucket_take(store, &bucket);
    }
    row = 0;
    for (size_t i = 0; i < known && err == 0; i++) { /* both ascend: those that are not there any more */
        int64_t bucket = usage->list[i].bucket;
        while (row < PQntuples(result) && pg_column_int(result, row, 0) < bucket)
            row++;
        if (row == PQntuples(result) || pg_column_int(result, row, 0) != bucket)
            err = usage_bucket_remove(usage, bucket);
    }
    return err;
}

/* What all servers have counted together, in the place of what this one knows. */
static int counts_take(struct row_store *store, const PGresult *result)
{
    struct usage *usage = usage_of(store);
    int err = 0;

    for (int row = 0; row < PQntuples(result) && err == 0; row++) {
        int64_t bucket = pg_column_int(result, row, 0), kind = pg_column_int(result, row, 1);
        size_t position = usage_position(usage, bucket);
        if (position == usage->count || usage->list[position].bucket != bucket || kind < 0 ||
            kind >= META_USAGE_KINDS)
            continue;
        const struct usage_number *now = &usage->list[position].now[kind];
        err = usage_add(usage, bucket, (enum meta_usage_kind)kind,
                        usage_sum(pg_column_int(result, row, 2), usage_negated(now->count)),
                        usage_sum(pg_column_int(result, row, 3), usage_negated(now->bytes)));
    }
    return err;
}

static int usage_read(struct row_store *store, struct pg_call *calls)
{
    int err = buckets_take(store, calls[LOAD_BUCKETS].result);

    if (err == 0)
        err = counts_take(store, calls[LOAD_COUNTS].result);
    for (int row = 0; err == 0 && row < PQntuples(calls[LOAD_STAGES].result); row++)
        err = usage_stage_add(usage_of(store), pg_column_int(calls[LOAD_STAGES].result, row, 0),
                              pg_column_int(calls[LOAD_STAGES].result, row, 1));
    return err;
}

int pg_usage_load(struct row_store *store)
{
    struct pg_call calls[LOAD_CALLS] = {
        [LOAD_BUCKETS] = {.text = "SELECT b.id, b.name, b.owner, q.bytes_max, q.objects_max FROM bucket AS b"
                                  " LEFT JOIN quota AS q ON q.bucket = b.id ORDER BY b.id"},
        [LOAD_COUNTS] = {.text = "SELECT bucket, kind, sum(count)::int8, sum(bytes)::int8 FROM usage"
                                 " GROUP BY bucket, kind"},
        [LOAD_STAGES] = {.text = "SELECT id, bucket FROM publication ORDER BY id"}};
    int err = store->is_in_batch ? pg_batch_round(store, calls, LOAD_CALLS)
                                 : pg_round(&store->connection, calls, LOAD_CALLS);

    if (err == 0)
        err = usage_read(store, calls);
    pg_calls_clear(calls, LOAD_CALLS);
    if (err == 0)
        usage_batch_tell(usage_of(store)); /* so it stays, whatever becomes of the batch */
    else
        usage_batch_undo(usage_of(store));
    return err;
}

/* ---- A batch ---- */

static void entry_write(const struct row_store *store, const struct usage_entry *entry,
                        struct pg_array *columns)
{
    for (int kind = 0; kind < META_USAGE_KINDS; kind++) {
        const struct usage_number *now = &entry->now[kind], *told = &entry->told[kind];
        int64_t count = usage_sum(now->count, usage_negated(told->count));
        int64_t bytes = usage_sum(now->bytes, usage_negated(told->bytes));
        if ((entry->dirty & 1u << kind) == 0 || (count == 0 && bytes == 0))
            continue;
        const int64_t values[] = {entry->bucket, kind, store->server, count, bytes};
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
            pg_array_add_int(&columns[i], values[i]);
    }
}

/* Buckets that are gone take the counts of all servers with them. */
static int gone_make(struct row_store *store, struct pg_call *call)
{
    const struct usage *usage = usage_of(store);
    struct pg_array gone;
    struct slice parameter;
    int err;

    *call = (struct pg_call){.text = "DELETE FROM usage WHERE bucket = ANY($1::int8[])"};
    pg_array_begin(&gone, &store->set.arena, PG_INT8);
    for (size_t i = 0; i < usage->touched_count; i++)
        if (usage->list[usage->touched[i]].is_gone)
            pg_array_add_int(&gone, usage->list[usage->touched[i]].bucket);
    if (gone.count == 0)
        return 0;
    if ((err = pg_array_end(&gone, &parameter)) != 0)
        return err;
    pg_add_array(call, PG_INT8_ARRAY, parameter);
    return 1;
}

static int counts_make(struct row_store *store, struct pg_call *call)
{
    const struct usage *usage = usage_of(store);
    struct pg_array columns[5];
    struct slice parameter;
    int err;

    *call = (struct pg_call){
        .text = "INSERT INTO usage SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], "
                "$5::int8[])"
                " ON CONFLICT(bucket, kind, server) DO UPDATE SET count = usage.count + excluded.count,"
                " bytes = usage.bytes + excluded.bytes"};
    for (size_t i = 0; i < 5; i++)
        pg_array_begin(&columns[i], &store->set.arena, PG_INT8);
    for (size_t i = 0; i < usage->touched_count; i++)
        if (!usage->list[usage->touched[i]].is_gone)
            entry_write(store, &usage->list[usage->touched[i]], columns);
    if (columns[0].count == 0)
        return 0;
    for (size_t i = 0; i < 5; i++) {
        if ((err = pg_array_end(&columns[i], &parameter)) != 0)
            return err;
        pg_add_array(call, PG_INT8_ARRAY, parameter);
    }
    return 1;
}

int pg_usage_make(struct row_store *store, struct pg_call *calls)
{
    int counted = counts_make(store, calls);
    int gone = counted < 0 ? counted : gone_make(store, calls + counted);

    return gone < 0 ? gone : counted + gone;
}

int pg_usage_bucket_add(struct row_store *store, const struct meta_bucket *bucket)
{
    struct meta_usage usage = {.bucket = bucket->id, .quota = {META_QUOTA_NONE, META_QUOTA_NONE}};

    memcpy(usage.name, bucket->name, sizeof(usage.name));
    memcpy(usage.owner, bucket->owner, sizeof(usage.owner));
    return usage_bucket_add(usage_of(store), &usage);
}

int pg_usage_bucket_delete(struct row_store *store, int64_t bucket)
{
    return usage_bucket_remove(usage_of(store), bucket);
}

/* ---- Counting ---- */

int pg_usage_add(struct row_store *store, int64_t bucket, enum meta_usage_kind kind, int64_t count,
                 int64_t bytes)
{
    return usage_add(usage_of(store), bucket, kind, count, bytes);
}

static int set_count(struct row_store *store, int64_t bucket, int64_t set, int64_t sign)
{
    struct annotation_set held;
    int found = pg_annotation_set_get(store, set, &held);

    if (found <= 0)
        return found;
    return pg_usage_add(store, bucket, META_USAGE_ANNOTATIONS, sign * held.count, sign * held.bytes);
}

static int holding_count(struct row_store *store, int64_t bucket, enum meta_usage_kind kind, int64_t sign,
                         int64_t size, int64_t set)
{
    int err = pg_usage_add(store, bucket, kind, sign, sign * usage_bytes((uint64_t)size));

    return err != 0 || set <= 0 ? err : set_count(store, bucket, set, sign);
}

int pg_count_object(struct row_store *store, int64_t bucket, int64_t sign, int64_t size, int64_t set)
{
    if (bucket < 0 && (uint64_t)size == PUBLICATION_REMOVES)
        return 0;
    return holding_count(store, bucket, META_USAGE_OBJECTS, sign, size, set);
}

int pg_count_version(struct row_store *store, int64_t bucket, int64_t sign, bool is_marker, int64_t size,
                     int64_t set)
{
    return holding_count(store, bucket, is_marker ? META_USAGE_MARKERS : META_USAGE_VERSIONS, sign,
                         is_marker ? 0 : size, is_marker ? 0 : set);
}

int pg_count_annotation(struct row_store *store, int64_t bucket, struct slice key,
                        const struct meta_version_id *place, int64_t count, int64_t bytes)
{
    return pg_usage_add(store, bucket, META_USAGE_ANNOTATIONS, count, bytes);
}

int pg_usage_step(struct row_store *store, struct arena *arena, uint32_t limit, uint32_t *rows)
{
    *rows = 0;
    return 0;
}

int pg_usage_recount(struct row_store *store)
{
    return -ENOTSUP;
}

/* ---- `quota` ---- */

int pg_quota_put(struct row_store *store, int64_t bucket, const struct meta_quota *quota)
{
    const struct pg_value values[] = {
        pg_int(bucket),
        pg_int(quota->bytes_max == META_QUOTA_NONE ? -1 : (int64_t)quota->bytes_max),
        pg_int(quota->objects_max == META_QUOTA_NONE ? -1 : (int64_t)quota->objects_max),
    };
    struct pg_row *row;
    int there, err = usage_quota_put(usage_of(store), bucket, quota);

    if (err != 0 || (there = pg_row_get(store, PG_QUOTA, values, &row)) < 0)
        return err != 0 ? err : there;
    if (quota->bytes_max != META_QUOTA_NONE || quota->objects_max != META_QUOTA_NONE)
        return pg_set_put(&store->set, row, values);
    return there > 0 ? pg_row_delete(store, row) : 0;
}
