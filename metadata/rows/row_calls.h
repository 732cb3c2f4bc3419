/* SPDX-License-Identifier: MIT
 *
 * The engines behind rows/row_store.h and rows/row_engine.h: each fills one table of these calls, and a store that is opened goes by that of
 * its engine. What a call does is said in those two headers; here stands only its shape: what it returns, its name without `row_`, its
 * parameters, and their names.
 *
 * An engine has a `struct row_store` and a `struct row_engine` of its own; the former begins with a struct row_base. Private to metadata/. */
#ifndef METADATA_ROWS_ROW_CALLS_H
#define METADATA_ROWS_ROW_CALLS_H

#include "metadata/rows/row_engine.h"
#include "metadata/rows/row_store.h"

/* Of what is opened with struct meta. */
#define ROW_ENGINE_CALLS(X)                                                                                  \
    X(int, engine_open, (struct meta * meta, struct row_store * *store), (meta, store))                      \
    X(void, engine_close, (struct meta * meta), (meta))                                                      \
    X(void, engine_keep_log, (struct meta * meta), (meta))                                                   \
    X(uint64_t, engine_log_bytes, (const struct meta *meta), (meta))                                         \
    X(bool, engine_is_suspect, (const struct meta *meta), (meta))                                            \
    X(int, engine_make_durable, (struct meta * meta), (meta))

/* Of the side that writes. */
#define ROW_STORE_CALLS(X)                                                                                   \
    X(int, store_start, (struct row_store * store, void (*nudge)(void *ctx), void *ctx),                     \
      (store, nudge, ctx))                                                                                   \
    X(void, store_close, (struct row_store * store), (store))                                                \
    X(int, store_repair, (struct row_store * store), (store))                                                \
    X(void, store_rest, (struct row_store * store), (store))                                                 \
    X(void, store_hurry, (struct row_store * store), (store))                                                \
    X(const char *, store_message, (const struct row_store *store), (store))                                 \
    X(void, store_suspect, (struct row_store * store), (store))                                              \
    X(bool, store_was_synced, (const struct row_store *store), (store))                                      \
    X(uint64_t, store_random, (struct row_store * store), (store))                                           \
    X(int, batch_begin, (struct row_store * store, const struct row_touches *touches, bool is_synced),       \
      (store, touches, is_synced))                                                                           \
    X(int, batch_commit, (struct row_store * store), (store))                                                \
    X(void, batch_abandon, (struct row_store * store), (store))                                              \
    X(bool, batch_is_open, (const struct row_store *store), (store))                                         \
    X(void, batch_time, (const struct row_store *store, int64_t *now_ms), (store, now_ms))                   \
    X(int, change_begin, (struct row_store * store), (store))                                                \
    X(int, change_end, (struct row_store * store, bool keeps), (store, keeps))                               \
    X(int, bucket_walk,                                                                                      \
      (struct row_store * store, int (*visit)(void *ctx, int64_t id, enum meta_versioning versioning),       \
       void *ctx),                                                                                           \
      (store, visit, ctx))                                                                                   \
    X(int, bucket_put, (struct row_store * store, enum row_put put, struct meta_bucket * bucket),            \
      (store, put, bucket))                                                                                  \
    X(int, bucket_names,                                                                                     \
      (struct row_store * store, struct arena * arena, int64_t bucket, struct slice * name,                  \
       struct slice * owner),                                                                                \
      (store, arena, bucket, name, owner))                                                                   \
    X(int, bucket_is_used, (struct row_store * store, int64_t bucket), (store, bucket))                      \
    X(int, bucket_delete, (struct row_store * store, int64_t bucket), (store, bucket))                       \
    X(int, setting_find, (struct row_store * store, int64_t bucket, int kind), (store, bucket, kind))        \
    X(int, setting_walk,                                                                                     \
      (struct row_store * store, int kind, int (*visit)(void *ctx, int64_t bucket, struct slice document),   \
       void *ctx),                                                                                           \
      (store, kind, visit, ctx))                                                                             \
    X(int, setting_put, (struct row_store * store, int64_t bucket, int kind, struct slice document),         \
      (store, bucket, kind, document))                                                                       \
    X(int, object_get,                                                                                       \
      (struct row_store * store, struct arena * arena, int64_t bucket, struct slice key,                     \
       struct object_row * row),                                                                             \
      (store, arena, bucket, key, row))                                                                      \
    X(int, object_put,                                                                                       \
      (struct row_store * store, const struct object_row *replaced, int64_t bucket, struct slice key,        \
       const struct object_row *row),                                                                        \
      (store, replaced, bucket, key, row))                                                                   \
    X(int, object_delete,                                                                                    \
      (struct row_store * store, int64_t bucket, struct slice key, const struct object_row *row),            \
      (store, bucket, key, row))                                                                             \
    X(int, attributes_put,                                                                                   \
      (struct row_store * store, int64_t bucket, struct slice key, const struct meta_version_id *id,         \
       struct slice attributes),                                                                             \
      (store, bucket, key, id, attributes))                                                                  \
    X(int, annotations_name,                                                                                 \
      (struct row_store * store, int64_t bucket, struct slice key, const struct meta_version_id *id,         \
       int64_t set),                                                                                         \
      (store, bucket, key, id, set))                                                                         \
    X(int, tally_get, (struct row_store * store, int64_t bucket, struct tally_row * row),                    \
      (store, bucket, row))                                                                                  \
    X(int, tally_put, (struct row_store * store, int64_t bucket, const struct tally_row *row),               \
      (store, bucket, row))                                                                                  \
    X(int, tally_delete, (struct row_store * store, int64_t bucket), (store, bucket))                        \
    X(int, tally_fill,                                                                                       \
      (struct row_store * store, struct arena * arena, int64_t bucket, uint32_t limit, int64_t now_ms,       \
       struct slice * cursor),                                                                               \
      (store, arena, bucket, limit, now_ms, cursor))                                                         \
    X(int, tally_drain, (struct row_store * store, int64_t bucket, uint32_t limit), (store, bucket, limit))  \
    X(int, use_get, (struct row_store * store, int64_t bucket, struct slice key, int64_t * used_ms),         \
      (store, bucket, key, used_ms))                                                                         \
    X(int, use_put,                                                                                          \
      (struct row_store * store, int64_t bucket, struct slice key, int64_t used_ms, int64_t if_before_ms),   \
      (store, bucket, key, used_ms, if_before_ms))                                                           \
    X(int, publication_walk,                                                                                 \
      (struct row_store * store, int (*visit)(void *ctx, const struct publication_row *row), void *ctx),     \
      (store, visit, ctx))                                                                                   \
    X(int, publication_is_left, (struct row_store * store, int64_t id), (store, id))                         \
    X(int, publication_put, (struct row_store * store, enum row_put put, struct publication_row * row),      \
      (store, put, row))                                                                                     \
    X(int, publication_delete, (struct row_store * store, int64_t id), (store, id))                          \
    X(int, publication_next,                                                                                 \
      (struct row_store * store, struct arena * arena, int64_t id, struct slice * key),                      \
      (store, arena, id, key))                                                                               \
    X(int, version_get,                                                                                      \
      (struct row_store * store, struct arena * arena, int64_t bucket, struct slice key,                     \
       const struct meta_version_id *id, struct version_row *row),                                           \
      (store, arena, bucket, key, id, row))                                                                  \
    X(int, version_is_alone, (struct row_store * store, int64_t bucket, struct slice key),                   \
      (store, bucket, key))                                                                                  \
    X(int, version_archive,                                                                                  \
      (struct row_store * store, int64_t bucket, struct slice key, const struct meta_version_id *id,         \
       const struct object_row *current, int64_t noncurrent_ms),                                             \
      (store, bucket, key, id, current, noncurrent_ms))                                                      \
    X(int, version_restore,                                                                                  \
      (struct row_store * store, int64_t bucket, struct slice key, const struct meta_version_id *id),        \
      (store, bucket, key, id))                                                                              \
    X(int, marker_put,                                                                                       \
      (struct row_store * store, int64_t bucket, struct slice key, const struct meta_version_id *id,         \
       bool is_null, int64_t modified_ms, struct slice owner),                                               \
      (store, bucket, key, id, is_null, modified_ms, owner))                                                 \
    X(int, version_set_noncurrent,                                                                           \
      (struct row_store * store, int64_t bucket, struct slice key, const struct meta_version_id *id,         \
       const int64_t *noncurrent_ms),                                                                        \
      (store, bucket, key, id, noncurrent_ms))                                                               \
    X(int, version_delete,                                                                                   \
      (struct row_store * store, int64_t bucket, struct slice key, const struct version_row *row),           \
      (store, bucket, key, row))                                                                             \
    X(int, replaced_keep, (struct row_store * store, int64_t bucket, struct slice key, int64_t row),         \
      (store, bucket, key, row))                                                                             \
    X(int, replaced_newest,                                                                                  \
      (struct row_store * store, int64_t bucket, struct slice key, int64_t * row, bool *is_null),            \
      (store, bucket, key, row, is_null))                                                                    \
    X(int, replaced_take,                                                                                    \
      (struct row_store * store, struct arena * arena, int64_t * row, int64_t last, struct slice * extents,  \
       int64_t * annotations),                                                                               \
      (store, arena, row, last, extents, annotations))                                                       \
    X(int, replaced_restore, (struct row_store * store, int64_t bucket, struct slice key, int64_t row),      \
      (store, bucket, key, row))                                                                             \
    X(int, upload_get,                                                                                       \
      (struct row_store * store, struct arena * arena, int64_t bucket, struct slice key,                     \
       const unsigned char *upload_id, struct upload_row *row),                                              \
      (store, arena, bucket, key, upload_id, row))                                                           \
    X(int, upload_put,                                                                                       \
      (struct row_store * store, int64_t bucket, const struct meta_upload *upload, struct slice attributes), \
      (store, bucket, upload, attributes))                                                                   \
    X(int, upload_delete,                                                                                    \
      (struct row_store * store, int64_t bucket, struct slice key, const unsigned char *upload_id),          \
      (store, bucket, key, upload_id))                                                                       \
    X(int, uploads_delete,                                                                                   \
      (struct row_store * store, int64_t bucket, int (*visit)(void *ctx, const unsigned char *upload_id),    \
       void *ctx),                                                                                           \
      (store, bucket, visit, ctx))                                                                           \
    X(int, part_walk,                                                                                        \
      (struct row_store * store, struct slice upload_id,                                                     \
       int (*visit)(void *ctx, const struct part_row *row), void *ctx),                                      \
      (store, upload_id, visit, ctx))                                                                        \
    X(int, part_get,                                                                                         \
      (struct row_store * store, struct arena * arena, struct slice upload_id, uint32_t number,              \
       struct part_row * row),                                                                               \
      (store, arena, upload_id, number, row))                                                                \
    X(int, part_put,                                                                                         \
      (struct row_store * store, int64_t bucket, struct slice key, struct slice upload_id,                   \
       const struct meta_part *part, struct slice extents, const struct part_row *replaced),                 \
      (store, bucket, key, upload_id, part, extents, replaced))                                              \
    X(int, parts_delete, (struct row_store * store, struct slice upload_id, int64_t first, int64_t last),    \
      (store, upload_id, first, last))                                                                       \
    X(int, finished_get,                                                                                     \
      (struct row_store * store, struct arena * arena, struct slice upload_id, struct finished_row * row),   \
      (store, arena, upload_id, row))                                                                        \
    X(int, finished_put, (struct row_store * store, const struct finished_row *row), (store, row))           \
    X(int, finished_delete, (struct row_store * store, struct slice upload_id), (store, upload_id))          \
    X(int, annotation_set_get, (struct row_store * store, int64_t id, struct annotation_set * set),          \
      (store, id, set))                                                                                      \
    X(int, annotation_set_put, (struct row_store * store, const struct annotation_set *set), (store, set))   \
    X(int, annotation_set_delete, (struct row_store * store, int64_t id), (store, id))                       \
    X(int, annotation_get,                                                                                   \
      (struct row_store * store, struct arena * arena, int64_t set, struct slice name,                       \
       struct slice * extents, int64_t * bytes),                                                             \
      (store, arena, set, name, extents, bytes))                                                             \
    X(int, annotation_put,                                                                                   \
      (struct row_store * store, int64_t set, const struct meta_annotation *annotation,                      \
       struct slice extents),                                                                                \
      (store, set, annotation, extents))                                                                     \
    X(int, annotation_delete, (struct row_store * store, int64_t set, struct slice name),                    \
      (store, set, name))                                                                                    \
    X(int, annotation_walk,                                                                                  \
      (struct row_store * store, int64_t set,                                                                \
       int (*visit)(void *ctx, struct slice name, struct slice extents), void *ctx),                         \
      (store, set, visit, ctx))                                                                              \
    X(int, annotations_delete, (struct row_store * store, int64_t set, struct slice last),                   \
      (store, set, last))                                                                                    \
    X(int, annotations_copy, (struct row_store * store, int64_t from, int64_t to), (store, from, to))        \
    X(int, count_annotation,                                                                                 \
      (struct row_store * store, int64_t bucket, struct slice key, const struct meta_version_id *place,      \
       int64_t count, int64_t bytes),                                                                        \
      (store, bucket, key, place, count, bytes))                                                             \
    X(int, usage_step, (struct row_store * store, struct arena * arena, uint32_t limit, uint32_t * rows),    \
      (store, arena, limit, rows))                                                                           \
    X(int, usage_recount, (struct row_store * store), (store))                                               \
    X(int, quota_put, (struct row_store * store, int64_t bucket, const struct meta_quota *quota),            \
      (store, bucket, quota))                                                                                \
    X(int, store_shrink, (struct row_store * store, uint32_t pages_max, bool *more),                         \
      (store, pages_max, more))                                                                              \
    X(int, body_put, (struct row_store * store, struct slice bytes, uint64_t * file), (store, bytes, file))  \
    X(int, unit_add, (struct row_store * store, const struct meta_extent *extent), (store, extent))          \
    X(int, unit_raise, (struct row_store * store, const struct meta_extent *extent), (store, extent))        \
    X(int, unit_drop, (struct row_store * store, const struct meta_extent *extent), (store, extent))         \
    X(int, garbage_put, (struct row_store * store, int64_t row, const struct meta_extent *extent),           \
      (store, row, extent))                                                                                  \
    X(int, garbage_delete, (struct row_store * store, int64_t row), (store, row))                            \
    X(int, dropped_put, (struct row_store * store, struct slice extents), (store, extents))                  \
    X(int, dropped_take, (struct row_store * store, struct arena * arena, struct slice * extents),           \
      (store, arena, extents))                                                                               \
    X(int, outbox_targets,                                                                                   \
      (struct row_store * store, uint64_t * given,                                                           \
       int (*visit)(void *ctx, struct slice target, uint64_t waiting, uint64_t last), void *ctx),            \
      (store, given, visit, ctx))                                                                            \
    X(int, outbox_put,                                                                                       \
      (struct row_store * store, struct slice target, uint64_t seq, int64_t bucket, struct slice key,        \
       struct slice detail),                                                                                 \
      (store, target, seq, bucket, key, detail))                                                             \
    X(int, outbox_delete, (struct row_store * store, struct slice target, uint64_t seq),                     \
      (store, target, seq))                                                                                  \
    X(int, outbox_drop, (struct row_store * store, struct slice target), (store, target))                    \
    X(int, outbox_give, (struct row_store * store, uint64_t seq), (store, seq))                              \
    X(int, journal_put, (struct row_store * store, const struct meta_journal *journal), (store, journal))    \
    X(int, epoch_raise, (struct row_store * store, uint64_t epoch), (store, epoch))                          \
    X(int, mark_put, (struct row_store * store, uint64_t file, struct slice open, int64_t given_up),         \
      (store, file, open, given_up))                                                                         \
    X(int, counters_get, (struct row_store * store, struct row_counters * counters), (store, counters))

#define ROW_CALLS(X) ROW_ENGINE_CALLS(X) ROW_STORE_CALLS(X)

struct reader_calls;

struct row_calls {
#define ROW_CALL(result, name, parameters, arguments) result(*name) parameters;
    ROW_CALLS(ROW_CALL)
#undef ROW_CALL
    const struct reader_calls *readers; /* read/reader.h */
};

/* What the struct row_store of each engine begins with. */
struct row_base {
    const struct row_calls *calls;
};

/* The engine of SQLite's database files; and PostgreSQL's, NULL where it is not linked. */
extern const struct row_calls sqlite_calls;
extern const struct row_calls postgres_calls __attribute__((weak));

/* By what is opened: a file, or "postgresql://..." (or "postgres://..."). NULL: this program has no such engine. */
const struct row_calls *row_calls_of(const char *path);

#endif
