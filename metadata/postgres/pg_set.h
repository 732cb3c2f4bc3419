/* SPDX-License-Identifier: MIT
 *
 * The working set of a batch: rows that were loaded, as the changes have made them so far, in the order of their keys. What is not in it is
 * loaded when it is asked for (pg_load.c), and costs a round trip; what a batch is known to touch is loaded as it begins. Changed rows are
 * written together (pg_flush.c).
 *
 * A row that is known not to be there is in the set, too. Places are the columns of the key in one string of bytes that compares as they do;
 * ranges of places of which everything is loaded are noted.
 *
 * Undoing is going back over a list of the values that rows had. All of it lies in one arena and goes at the end of the batch. The
 * committer's thread; private to metadata/postgres/. */
#ifndef METADATA_POSTGRES_PG_SET_H
#define METADATA_POSTGRES_PG_SET_H

#include "metadata/postgres/pg_tables.h"
#include "storage/base/arena.h"

/* A column of a row. A number has no bytes. */
struct pg_value {
    int64_t number;
    struct slice bytes;
    bool is_null;
};

struct pg_row {
    struct pg_row *left, *right; /* of the tree; the higher rank is above */
    uint32_t rank;
    enum pg_table_id table;
    struct slice place;
    struct pg_value *values; /* never changed in place */
    bool exists;
    bool is_stored; /* the database has it, with the same key, in this transaction */
    bool is_changed;
    struct pg_row *next_changed;
};

struct pg_record {
    struct pg_row *row;
    struct pg_value *values;
    bool exists;
};

/* From `first` to before `end` everything is in the set. */
struct pg_range {
    struct slice first, end;
};

struct pg_set {
    struct arena arena;
    struct pg_row *roots[PG_TABLE_COUNT];
    struct pg_row *changed[PG_TABLE_COUNT]; /* that are to be written */
    struct pg_record *log;
    size_t log_count, log_capacity;
    struct pg_range *ranges[PG_TABLE_COUNT];
    size_t range_counts[PG_TABLE_COUNT], range_capacities[PG_TABLE_COUNT];
    uint64_t random;
};

static inline struct pg_value pg_int(int64_t number)
{
    return (struct pg_value){.number = number};
}
static inline struct pg_value pg_bytes(struct slice bytes)
{
    return (struct pg_value){.bytes = bytes};
}
static inline struct pg_value pg_null(void)
{
    return (struct pg_value){.is_null = true};
}
/* Empty is NULL. */
static inline struct pg_value pg_bytes_or_null(struct slice bytes)
{
    return (struct pg_value){.bytes = bytes, .is_null = bytes.len == 0};
}

/* Everything goes. */
void pg_set_reset(struct pg_set *set);
void pg_set_free(struct pg_set *set);

/* The place of the first `count` columns of a key, in the arena; `past`: behind all places that begin so. base NULL: no memory. */
struct slice pg_place(struct pg_set *set, enum pg_table_id table, const struct pg_value *key, uint32_t count,
                      bool past);

/* The columns of a key again, of a place that is none of a whole table's end. True: it is past them. */
bool pg_place_read(struct pg_set *set, enum pg_table_id table, struct slice place, struct pg_value *key,
                   uint32_t *count);

/* NULL: not in the set. */
struct pg_row *pg_set_find(const struct pg_set *set, enum pg_table_id table, struct slice place);
/* The first one at or behind the place (is_after: behind it), be it one that is not there. */
struct pg_row *pg_set_at(const struct pg_set *set, enum pg_table_id table, struct slice place, bool is_after);
/* Up to where, from this place on, everything is in the set; base NULL: not even there. */
struct slice pg_set_covered(const struct pg_set *set, enum pg_table_id table, struct slice place);

/* Puts what was found into the set, unless it is there, as later changes have made it: values, or NULL: there is none. 0 or -ENOMEM. */
int pg_set_load(struct pg_set *set, enum pg_table_id table, struct slice place,
                const struct pg_value *values);
/* 0 or -ENOMEM. */
int pg_set_cover(struct pg_set *set, enum pg_table_id table, struct slice first, struct slice end);

/* Changes a row that is in the set. values: NULL: there is none from now on; all columns, whose bytes are copied. 0 or -ENOMEM. */
int pg_set_put(struct pg_set *set, struct pg_row *row, const struct pg_value *values);

/* How far the list of what was done has come, and back to there. */
size_t pg_set_mark(const struct pg_set *set);
void pg_set_undo(struct pg_set *set, size_t mark);
/* Nothing of it can be undone any more. */
void pg_set_settle(struct pg_set *set);

#endif
