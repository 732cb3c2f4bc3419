/* SPDX-License-Identifier: MIT
 *
 * See pg_set.h. The tree is a treap: ranks are random, so it is balanced whatever comes in which order. */
#include "metadata/postgres/pg_set.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void pg_set_reset(struct pg_set *set)
{
    memset(set->roots, 0, sizeof(set->roots));
    memset(set->changed, 0, sizeof(set->changed));
    memset(set->range_counts, 0, sizeof(set->range_counts));
    set->log_count = 0;
    arena_reset(&set->arena);
}

void pg_set_free(struct pg_set *set)
{
    for (int table = 0; table < PG_TABLE_COUNT; table++)
        free(set->ranges[table]);
    free(set->log);
    arena_free(&set->arena);
}

/* ---- Places ---- */

#define PLACE_END_BYTES 32u

/* Numbers with their sign turned, big endian; bytes with 00 as 00 ff, ended by 00 00: so a string comes before all that it begins. */
static size_t place_bytes(const char *kinds, const struct pg_value *key, uint32_t count)
{
    size_t bytes = PLACE_END_BYTES;

    for (uint32_t i = 0; i < count; i++)
        bytes += kinds[i] == 'i' ? sizeof(uint64_t) : 2 * key[i].bytes.len + 2;
    return bytes;
}

static unsigned char *place_write(unsigned char *out, char kind, const struct pg_value *value)
{
    if (kind == 'i') {
        uint64_t number = htobe64((uint64_t)value->number ^ (UINT64_C(1) << 63));
        memcpy(out, &number, sizeof(number));
        return out + sizeof(number);
    }
    const unsigned char *bytes = (const unsigned char *)value->bytes.base;
    for (size_t i = 0; i < value->bytes.len; i++) {
        *out++ = bytes[i];
        if (bytes[i] == 0)
            *out++ = 0xff;
    }
    *out++ = 0;
    *out++ = 0;
    return out;
}

struct slice pg_place(struct pg_set *set, enum pg_table_id table, const struct pg_value *key, uint32_t count,
                      bool past)
{
    const char *kinds = pg_tables[table].kinds;
    unsigned char *place, *out;

    assert(count <= pg_tables[table].keys);
    out = place = arena_alloc(&set->arena, place_bytes(kinds, key, count));
    if (place == NULL)
        return (struct slice){NULL, 0};
    for (uint32_t i = 0; i < count; i++)
        out = place_write(out, kinds[i], &key[i]);
    /* A number behind may begin with ff, bytes may not: where the rest is the whole key, one more byte is enough. */
    if (past && count == pg_tables[table].keys)
        *out++ = 0;
    else if (past)
        while (out > place && ++out[-1] == 0)
            out--;
    if (past && out == place) { /* of the whole table, whose keys begin with numbers or with ids */
        memset(out, 0xff, PLACE_END_BYTES);
        out += PLACE_END_BYTES;
    }
    return slice_of(place, (size_t)(out - place));
}

/* Of a place that a row may have, or one past it: *count columns; true: past them. */
bool pg_place_read(struct pg_set *set, enum pg_table_id table, struct slice place, struct pg_value *key,
                   uint32_t *count)
{
    const char *kinds = pg_tables[table].kinds;
    const unsigned char *at = (const unsigned char *)place.base, *end = at + place.len;

    for (*count = 0; *count < pg_tables[table].keys && at < end; (*count)++) {
        if (kinds[*count] == 'i') {
            uint64_t number;
            assert((size_t)(end - at) >= sizeof(number));
            memcpy(&number, at, sizeof(number));
            key[*count] = pg_int((int64_t)(be64toh(number) ^ (UINT64_C(1) << 63)));
            at += sizeof(number);
            continue;
        }
        unsigned char *bytes = arena_alloc(&set->arena, place.len);
        size_t length = 0;
        if (bytes == NULL)
            return false; /* the caller meets that soon enough */
        while (at[0] != 0 || at[1] == 0xff) {
            assert(end - at > 2);
            bytes[length++] = at[0];
            at += at[0] == 0 ? 2 : 1;
        }
        key[*count] = pg_bytes(slice_of(bytes, length));
        if (at[1] != 0) { /* past all that begin so */
            (*count)++;
            return true;
        }
        at += 2;
    }
    return at < end;
}

/* ---- The tree ---- */

struct pg_row *pg_set_find(const struct pg_set *set, enum pg_table_id table, struct slice place)
{
    struct pg_row *row = set->roots[table];
    int order;

    while (row != NULL && (order = slice_compare(place, row->place)) != 0)
        row = order < 0 ? row->left : row->right;
    return row;
}

struct pg_row *pg_set_at(const struct pg_set *set, enum pg_table_id table, struct slice place, bool is_after)
{
    struct pg_row *row = set->roots[table], *found = NULL;

    while (row != NULL) {
        if (slice_compare(row->place, place) >= (is_after ? 1 : 0)) {
            found = row;
            row = row->left;
        } else {
            row = row->right;
        }
    }
    return found;
}

static struct pg_row *tree_insert(struct pg_row *root, struct pg_row *row)
{
    struct pg_row *child;

    if (root == NULL)
        return row;
    if (slice_compare(row->place, root->place) < 0) {
        root->left = child = tree_insert(root->left, row);
        if (child->rank > root->rank) {
            root->left = child->right;
            child->right = root;
            return child;
        }
    } else {
        root->right = child = tree_insert(root->right, row);
        if (child->rank > root->rank) {
            root->right = child->left;
            child->left = root;
            return child;
        }
    }
    return root;
}

/* ---- Ranges ---- */

struct slice pg_set_covered(const struct pg_set *set, enum pg_table_id table, struct slice place)
{
    struct slice end = {NULL, 0};

    for (size_t i = 0; i < set->range_counts[table]; i++) {
        const struct pg_range *range = &set->ranges[table][i];
        if (slice_compare(range->first, place) <= 0 && slice_compare(place, range->end) < 0 &&
            (end.base == NULL || slice_compare(range->end, end) > 0))
            end = range->end;
    }
    return end;
}

int pg_set_cover(struct pg_set *set, enum pg_table_id table, struct slice first, struct slice end)
{
    if (set->range_counts[table] == set->range_capacities[table]) {
        size_t capacity = set->range_capacities[table] == 0 ? 16 : 2 * set->range_capacities[table];
        struct pg_range *grown = realloc(set->ranges[table], capacity * sizeof(*grown));
        if (grown == NULL)
            return -ENOMEM;
        set->ranges[table] = grown;
        set->range_capacities[table] = capacity;
    }
    set->ranges[table][set->range_counts[table]++] = (struct pg_range){first, end};
    return 0;
}

/* ---- Rows ---- */

static struct pg_value *values_copy(struct pg_set *set, enum pg_table_id table, const struct pg_value *values)
{
    uint32_t count = pg_table_columns(table);
    struct pg_value *copy = arena_alloc(&set->arena, count * sizeof(*copy));

    if (copy == NULL)
        return NULL;
    for (uint32_t i = 0; i < count; i++) {
        copy[i] = values[i];
        if (values[i].bytes.len > 0)
            copy[i].bytes = arena_dup(&set->arena, values[i].bytes.base, values[i].bytes.len);
        else
            copy[i].bytes = slice_of("", 0);
        if (copy[i].bytes.base == NULL)
            return NULL;
    }
    return copy;
}

static uint32_t rank_next(struct pg_set *set)
{
    set->random = set->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(set->random >> 32);
}

int pg_set_load(struct pg_set *set, enum pg_table_id table, struct slice place, const struct pg_value *values)
{
    struct pg_row *row = pg_set_find(set, table, place);

    if (row != NULL)
        return 0;
    if ((row = arena_alloc(&set->arena, sizeof(*row))) == NULL)
        return -ENOMEM;
    *row = (struct pg_row){.rank = rank_next(set), .table = table, .place = place};
    if (values != NULL && (row->values = values_copy(set, table, values)) == NULL)
        return -ENOMEM;
    row->exists = row->is_stored = values != NULL;
    set->roots[table] = tree_insert(set->roots[table], row);
    return 0;
}

static void row_mark_changed(struct pg_set *set, struct pg_row *row)
{
    if (row->is_changed)
        return;
    row->is_changed = true;
    row->next_changed = set->changed[row->table];
    set->changed[row->table] = row;
}

int pg_set_put(struct pg_set *set, struct pg_row *row, const struct pg_value *values)
{
    struct pg_value *copy = NULL;

    if (set->log_count == set->log_capacity) {
        size_t capacity = set->log_capacity == 0 ? 256 : 2 * set->log_capacity;
        struct pg_record *grown = realloc(set->log, capacity * sizeof(*grown));
        if (grown == NULL)
            return -ENOMEM;
        set->log = grown;
        set->log_capacity = capacity;
    }
    if (values != NULL && (copy = values_copy(set, row->table, values)) == NULL)
        return -ENOMEM;
    set->log[set->log_count++] = (struct pg_record){row, row->values, row->exists};
    row->values = copy;
    row->exists = values != NULL;
    row_mark_changed(set, row);
    return 0;
}

size_t pg_set_mark(const struct pg_set *set)
{
    return set->log_count;
}

void pg_set_undo(struct pg_set *set, size_t mark)
{
    assert(mark <= set->log_count);
    while (set->log_count > mark) {
        const struct pg_record *record = &set->log[--set->log_count];
        record->row->values = record->values;
        record->row->exists = record->exists;
        row_mark_changed(set, record->row); /* what was made of it may have been written meanwhile */
    }
}

void pg_set_settle(struct pg_set *set)
{
    set->log_count = 0;
}
