/* SPDX-License-Identifier: MIT
 *
 * Rows of `tally` and `used`: what cache buckets hold, and when each of their objects was used last. Behind rows/row_store.h, and under
 * row_object.c, as sqlite/row_tally.c is. The row of a bucket's tally is loaded and locked with the first key of the bucket (pg_batch.c). */
#include "metadata/postgres/postgres.h"

#include <assert.h>
#include <string.h>

#include "metadata/meta_cache.h"

static int tally_find(struct row_store *store, int64_t bucket, struct pg_row **row)
{
    const struct pg_value key[] = {pg_int(bucket)};

    return pg_row_get(store, PG_TALLY, key, row);
}

static int use_find(struct row_store *store, int64_t bucket, struct slice key, struct pg_row **row)
{
    const struct pg_value place[] = {pg_int(bucket), pg_bytes(key)};

    return pg_row_get(store, PG_USED, place, row);
}

static int count_add(struct row_store *store, struct pg_row *tally, int64_t entries, int64_t bytes)
{
    int err = pg_row_set(store, tally, TALLY_ENTRIES, pg_int(tally->values[TALLY_ENTRIES].number + entries));

    return err != 0 ? err
                    : pg_row_set(store, tally, TALLY_BYTES,
                                 pg_int(usage_sum(tally->values[TALLY_BYTES].number, bytes)));
}

static int use_put(struct row_store *store, int64_t bucket, struct slice key, int64_t used_ms, int64_t bytes)
{
    const struct pg_value values[] = {pg_int(bucket), pg_bytes(key), pg_int(used_ms), pg_int(bytes)};

    return pg_row_put(store, PG_USED, values);
}

static bool is_due(const struct pg_row *tally, struct slice key)
{
    int64_t state = tally->values[TALLY_STATE].number;

    return state == META_CACHE_WHOLE ||
           (state == META_CACHE_FILLING && slice_compare(key, tally->values[TALLY_CURSOR].bytes) <= 0);
}

int pg_tally_leave(struct row_store *store, int64_t bucket, struct slice key)
{
    struct pg_row *tally, *use;
    int err, there = tally_find(store, bucket, &tally);

    if (there <= 0 || (there = use_find(store, bucket, key, &use)) <= 0)
        return there;
    int64_t bytes = use->values[USED_BYTES].number;
    if ((err = pg_row_delete(store, use)) != 0)
        return err;
    return count_add(store, tally, -1, -(bytes < 0 ? 0 : bytes));
}

int pg_tally_enter(struct row_store *store, int64_t bucket, struct slice key, int64_t bytes)
{
    struct pg_row *tally;
    int err, there = tally_find(store, bucket, &tally);

    if (there <= 0 || !is_due(tally, key))
        return there < 0 ? there : 0;
    if (bytes < 0) /* of a damaged row that was renamed, say */
        bytes = 0;
    if ((err = use_put(store, bucket, key, store->now_ms, bytes)) != 0)
        return err;
    return count_add(store, tally, 1, bytes);
}

/* ---- `tally` ---- */

int pg_tallies_find(struct row_store *store)
{
    int64_t has = 0;
    int err = pg_next_id(store, "SELECT EXISTS(SELECT 1 FROM tally)", &has);

    store->has_tallies = has != 0;
    return err;
}

bool pg_tallies_are_moved(const struct row_store *store)
{
    for (const struct pg_row *row = store->set.changed[PG_TALLY]; row != NULL; row = row->next_changed)
        if (row->exists != row->is_stored)
            return true;
    return false;
}

int pg_tally_get(struct row_store *store, int64_t bucket, struct tally_row *row)
{
    struct pg_row *tally;
    int there = tally_find(store, bucket, &tally);

    if (there <= 0 || row == NULL)
        return there;
    row->state = (int)tally->values[TALLY_STATE].number;
    row->cursor = tally->values[TALLY_CURSOR].bytes;
    row->write_once = tally->values[TALLY_WRITE_ONCE].number != 0;
    int64_t object_bytes_max = tally->values[TALLY_OBJECT_MAX].number;
    row->object_bytes_max = object_bytes_max > 0 ? (uint64_t)object_bytes_max : 0;
    return 1;
}

int pg_tally_put(struct row_store *store, int64_t bucket, const struct tally_row *row)
{
    struct pg_row *tally;
    int there = tally_find(store, bucket, &tally);

    assert(row->cursor.len <= META_KEY_BYTES_MAX && row->object_bytes_max <= INT64_MAX);
    if (there < 0)
        return there;
    const struct pg_value values[] = {
        pg_int(bucket),
        pg_int(row->state),
        pg_bytes(row->cursor),
        there ? tally->values[TALLY_ENTRIES] : pg_int(0),
        there ? tally->values[TALLY_BYTES] : pg_int(0),
        pg_int(row->write_once),
        pg_int((int64_t)row->object_bytes_max),
    };
    return pg_set_put(&store->set, tally, values);
}

int pg_tally_delete(struct row_store *store, int64_t bucket)
{
    struct pg_row *tally;
    int there = tally_find(store, bucket, &tally);

    return there > 0 ? pg_row_delete(store, tally) : there;
}

int pg_tally_fill(struct row_store *store, struct arena *arena, int64_t bucket, uint32_t limit,
                  int64_t now_ms, struct slice *cursor)
{
    struct pg_value at[] = {pg_int(bucket), pg_bytes(*cursor)};
    struct pg_row *tally, *object;
    int err, found = 0, there = tally_find(store, bucket, &tally);
    uint32_t count;

    assert(limit > 0);
    if (there <= 0)
        return there;
    for (count = 0; count < limit; count++) {
        if ((found = pg_row_next(store, PG_OBJECT, at, 2, true, 1, limit, &object)) <= 0)
            break;
        int64_t size = object->values[OBJECT_HELD + HELD_SIZE].number;
        int64_t modified_ms = object->values[OBJECT_HELD + HELD_MODIFIED].number;
        at[OBJECT_KEY] = object->values[OBJECT_KEY];
        size = size > 0 ? size : 0;
        if ((err = use_put(store, bucket, at[OBJECT_KEY].bytes, modified_ms < now_ms ? modified_ms : now_ms,
                           size)) != 0 ||
            (err = count_add(store, tally, 1, size)) != 0)
            return err;
    }
    if (found < 0 || count == 0)
        return found;
    return (err = pg_give(arena, &at[OBJECT_KEY], cursor)) != 0 ? err : 1;
}

int pg_tally_drain(struct row_store *store, int64_t bucket, uint32_t limit)
{
    const struct pg_value first[] = {pg_int(bucket)};
    struct pg_row *tally, *use;
    int err, found = 0, there = tally_find(store, bucket, &tally);
    uint32_t count;

    assert(limit > 0);
    if (there < 0)
        return there;
    for (count = 0; count < limit; count++) {
        if ((found = pg_row_next(store, PG_USED, first, 1, false, 1, limit, &use)) <= 0)
            break;
        int64_t bytes = use->values[USED_BYTES].number;
        if ((err = pg_row_delete(store, use)) != 0 ||
            (there && (err = count_add(store, tally, -1, -bytes)) != 0))
            return err;
    }
    return found < 0 ? found : count > 0;
}

/* ---- Uses ---- */

int pg_use_get(struct row_store *store, int64_t bucket, struct slice key, int64_t *used_ms)
{
    struct pg_row *use;
    int there = use_find(store, bucket, key, &use);

    if (there > 0)
        *used_ms = use->values[USED_MS].number;
    return there;
}

int pg_use_put(struct row_store *store, int64_t bucket, struct slice key, int64_t used_ms,
               int64_t if_before_ms)
{
    struct pg_row *use;
    int err, there = use_find(store, bucket, key, &use);
    int64_t before = used_ms < if_before_ms ? used_ms : if_before_ms;

    if (there <= 0 || use->values[USED_MS].number >= before)
        return there < 0 ? there : 0;
    return (err = pg_row_set(store, use, USED_MS, pg_int(used_ms))) != 0 ? err : 1;
}
