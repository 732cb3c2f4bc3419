/* SPDX-License-Identifier: MIT
 *
 * What a batch has done, gathered for the chronicle; see row_chronicle.h. Both what is told and what is noted lies in one buffer, as entries,
 * so that a change that is undone takes back what it said: notes are entries of an own kind, whose values are a key. */
#include "metadata/sqlite/chronicle/row_chronicle.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metadata/sqlite/row_sql.h"

/* Changes within changes. */
#define DEPTH_MAX 8u
/* What is kept of the buffers' memory after a batch. */
#define KEPT_BYTES_MAX (1u << 20)

#define OBJECT_REST                                                                                          \
    "size, modified_ms, etag, checksum, owner, extents, attributes, upload_id, parts, annotations"

const struct chronicle_table_form chronicle_tables[CHRONICLE_TABLES_END] = {
    [CHRONICLE_BUCKET] = {"bucket", "id, name, created_ms, region, owner, versioning", 1, 6, -1},
    [CHRONICLE_OBJECT] = {"object", "bucket, key, " OBJECT_REST ", version", 2, 13, 3},
    [CHRONICLE_VERSION] = {"version", "bucket, key, id, is_null, is_marker, noncurrent_ms, " OBJECT_REST, 3,
                           16, 7},
    [CHRONICLE_UPLOAD] =
        {"upload", "bucket, key, id, initiated_ms, checksum_algorithm, checksum_type, owner, attributes", 3,
         8, 3},
    [CHRONICLE_PART] = {"part", "upload_id, number, size, modified_ms, etag, checksum, extents", 2, 7, 3},
    [CHRONICLE_SETTING] = {"setting", "bucket, kind, document", 2, 3, -1},
    [CHRONICLE_ANNOTATION] = {"annotation", "set_id, name, size, modified_ms, etag, checksum, extents", 2, 7,
                              3},
    [CHRONICLE_PUBLICATION] = {"publication", "id, bucket, state, at_ms, has_versions", 1, 5, 3},
    [CHRONICLE_TALLY] = {"tally", "bucket, write_once, object_bytes_max, state", 1, 4, -1},
    [CHRONICLE_QUOTA] = {"quota", "bucket, bytes_max, objects_max", 1, 3, -1},
};

int chronicle_key_length(const struct chronicle_table_form *form)
{
    const char *end = form->columns;

    for (unsigned i = 0; i < form->key; i++)
        end = strchr(end + (i > 0), ',');
    return (int)(end - form->columns);
}

/* Kinds of entries that stay here. */
enum note_kind { NOTE_ROW = 100, NOTE_SET = 101 };

struct row_chronicle {
    struct chronicle *files;
    struct row_store *store;
    struct chronicle_buffer told, noted;
    struct {
        size_t told, noted;
    } marks[DEPTH_MAX];
    unsigned depth;
    bool is_torn; /* the batch could not be told */
    sqlite3_stmt *rows[CHRONICLE_TABLES_END], *set;
};

/* ---- Values ---- */

void chronicle_values_read(sqlite3_stmt *statement, unsigned count, struct chronicle_value *values)
{
    for (unsigned i = 0; i < count; i++) {
        int type = sqlite3_column_type(statement, (int)i);

        values[i] = (struct chronicle_value){.type = CHRONICLE_NULL};
        if (type == SQLITE_INTEGER)
            values[i] = chronicle_number(sqlite3_column_int64(statement, (int)i));
        else if (type != SQLITE_NULL)
            values[i] = chronicle_bytes(meta_sql_column(statement, (int)i));
        if (type == SQLITE_TEXT)
            values[i].type = CHRONICLE_TEXT;
    }
}

void chronicle_values_bind(sqlite3_stmt *statement, int first, const struct chronicle_value *values,
                           unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        int at = first + (int)i;

        if (values[i].type == CHRONICLE_NUMBER)
            meta_sql_int(statement, at, values[i].number);
        else if (values[i].type == CHRONICLE_BYTES)
            meta_sql_blob(statement, at, values[i].bytes);
        else if (values[i].type == CHRONICLE_TEXT)
            meta_sql_text(statement, at, values[i].bytes);
        else
            meta_sql_blob_or_null(statement, at, (struct slice){NULL, 0});
    }
}

/* ---- Said in a batch ---- */

static void say(struct row_chronicle *chronicle, struct chronicle_buffer *buffer, unsigned kind,
                unsigned table, const struct chronicle_value *values, unsigned count)
{
    if (!chronicle_entry_put(buffer, (enum chronicle_kind)kind, table, values, count))
        chronicle->is_torn = true;
}

void row_told_object(struct row_store *store, const struct chronicle_object *row)
{
    if (store->chronicle == NULL)
        return;
    const struct chronicle_value values[] = {
        chronicle_number(row->bucket),
        chronicle_bytes(row->key),
        chronicle_number(row->size),
        chronicle_number(row->modified_ms),
        chronicle_bytes(row->etag),
        chronicle_bytes_or_null(row->checksum),
        chronicle_bytes_or_null(row->owner),
        chronicle_bytes_or_null(row->extents),
        chronicle_bytes_or_null(row->attributes),
        chronicle_bytes_or_null(row->upload_id),
        chronicle_bytes_or_null(row->parts),
        row->annotations != 0 ? chronicle_number(row->annotations)
                              : chronicle_bytes_or_null((struct slice){NULL, 0}),
        chronicle_bytes_or_null(row->version),
    };

    say(store->chronicle, &store->chronicle->told, CHRONICLE_PUT, CHRONICLE_OBJECT, values,
        chronicle_tables[CHRONICLE_OBJECT].count);
}

static void say_key(struct row_store *store, unsigned kind, enum chronicle_table table,
                    struct chronicle_value first, struct chronicle_value second, struct chronicle_value third)
{
    const struct chronicle_value values[] = {first, second, third};
    struct row_chronicle *chronicle = store->chronicle;

    say(chronicle, kind == CHRONICLE_GONE ? &chronicle->told : &chronicle->noted, kind, table, values,
        chronicle_tables[table].key);
}

void row_gone(struct row_store *store, enum chronicle_table table, int64_t bucket, struct slice key,
              struct slice id)
{
    if (store->chronicle != NULL)
        say_key(store, CHRONICLE_GONE, table, chronicle_number(bucket), chronicle_bytes(key),
                chronicle_bytes(id));
}

void row_noted(struct row_store *store, enum chronicle_table table, int64_t bucket, struct slice key,
               struct slice id)
{
    if (store->chronicle != NULL)
        say_key(store, NOTE_ROW, table, chronicle_number(bucket), chronicle_bytes(key), chronicle_bytes(id));
}

void row_noted_number(struct row_store *store, enum chronicle_table table, int64_t number, int64_t second)
{
    if (store->chronicle != NULL)
        say_key(store, NOTE_ROW, table, chronicle_number(number), chronicle_number(second),
                chronicle_number(0));
}

void row_noted_part(struct row_store *store, struct slice upload_id, int64_t number)
{
    if (store->chronicle != NULL)
        say_key(store, NOTE_ROW, CHRONICLE_PART, chronicle_bytes(upload_id), chronicle_number(number),
                chronicle_number(0));
}

void row_noted_set(struct row_store *store, int64_t set)
{
    const struct chronicle_value value = chronicle_number(set);

    if (store->chronicle != NULL)
        say(store->chronicle, &store->chronicle->noted, NOTE_SET, CHRONICLE_ANNOTATION, &value, 1);
}

/* ---- Around changes ---- */

void row_chronicle_change_begin(struct row_store *store)
{
    struct row_chronicle *chronicle = store->chronicle;

    if (chronicle == NULL)
        return;
    assert(chronicle->depth < DEPTH_MAX);
    chronicle->marks[chronicle->depth].told = chronicle->told.length;
    chronicle->marks[chronicle->depth++].noted = chronicle->noted.length;
}

void row_chronicle_change_end(struct row_store *store, bool keeps)
{
    struct row_chronicle *chronicle = store->chronicle;

    if (chronicle == NULL)
        return;
    assert(chronicle->depth > 0);
    chronicle->depth--;
    if (keeps)
        return;
    chronicle->told.length = chronicle->marks[chronicle->depth].told;
    chronicle->noted.length = chronicle->marks[chronicle->depth].noted;
}

/* ---- At the end of a batch ---- */

static int prepare(struct row_chronicle *chronicle, const char *text, sqlite3_stmt **statement)
{
    return *statement != NULL
               ? 0
               : meta_sql_error(sqlite3_prepare_v3(chronicle->store->db, text, -1, SQLITE_PREPARE_PERSISTENT,
                                                   statement, NULL));
}

static int prepare_row(struct row_chronicle *chronicle, unsigned table)
{
    static const char *const wheres[] = {"", "(?1)", "(?1, ?2)", "(?1, ?2, ?3)"};
    const struct chronicle_table_form *form = &chronicle_tables[table];
    char text[512];

    (void)snprintf(text, sizeof(text), "SELECT %s FROM %s WHERE (%.*s) = %s", form->columns, form->name,
                   chronicle_key_length(form), form->columns, wheres[form->key]);
    return prepare(chronicle, text, &chronicle->rows[table]);
}

/* What a note is about, as it is now. 0 or an error. */
static int tell_row(struct row_chronicle *chronicle, const struct chronicle_entry *note)
{
    const struct chronicle_table_form *form = &chronicle_tables[note->table];
    struct chronicle_value values[CHRONICLE_VALUES_MAX];
    int err = prepare_row(chronicle, note->table);

    if (err != 0)
        return err;
    sqlite3_stmt *statement = chronicle->rows[note->table];
    chronicle_values_bind(statement, 1, note->values, form->key);
    int found = meta_sql_row(statement);
    if (found < 0)
        return found;
    if (found == 0) {
        say(chronicle, &chronicle->told, CHRONICLE_GONE, note->table, note->values, form->key);
        return 0;
    }
    chronicle_values_read(statement, form->count, values);
    say(chronicle, &chronicle->told, CHRONICLE_PUT, note->table, values, form->count);
    meta_sql_reset(statement);
    return 0;
}

static int tell_set(struct row_chronicle *chronicle, int64_t set)
{
    const struct chronicle_table_form *form = &chronicle_tables[CHRONICLE_ANNOTATION];
    struct chronicle_value values[CHRONICLE_VALUES_MAX];
    char text[256];
    int found;

    (void)snprintf(text, sizeof(text), "SELECT %s FROM %s WHERE set_id = ?1", form->columns, form->name);
    if ((found = prepare(chronicle, text, &chronicle->set)) != 0)
        return found;
    meta_sql_int(chronicle->set, 1, set);
    while ((found = meta_sql_row(chronicle->set)) > 0) {
        chronicle_values_read(chronicle->set, form->count, values);
        say(chronicle, &chronicle->told, CHRONICLE_PUT, CHRONICLE_ANNOTATION, values, form->count);
    }
    return found;
}

void row_chronicle_gather(struct row_store *store)
{
    struct row_chronicle *chronicle = store->chronicle;
    struct chronicle_entry note;
    struct slice notes;
    int err = 0;

    if (chronicle == NULL || chronicle->noted.length == 0)
        return;
    notes = slice_of(chronicle->noted.bytes, chronicle->noted.length);
    while (err == 0 && chronicle_entry_get(&notes, &note) > 0)
        err = note.kind == NOTE_SET ? tell_set(chronicle, note.values[0].number) : tell_row(chronicle, &note);
    if (err != 0)
        chronicle->is_torn = true;
}

static void buffer_empty(struct chronicle_buffer *buffer)
{
    buffer->length = 0;
    if (buffer->capacity > KEPT_BYTES_MAX)
        chronicle_buffer_free(buffer);
}

void row_chronicle_batch_end(struct row_store *store, bool is_committed)
{
    struct row_chronicle *chronicle = store->chronicle;

    if (chronicle == NULL)
        return;
    if (is_committed && chronicle->is_torn)
        chronicle_tear(chronicle->files);
    if (is_committed && chronicle->told.length > 0)
        chronicle_append(chronicle->files, slice_of(chronicle->told.bytes, chronicle->told.length));
    buffer_empty(&chronicle->told);
    buffer_empty(&chronicle->noted);
    chronicle->depth = 0;
    chronicle->is_torn = false;
}

void meta_chronicle_state(struct meta *meta, struct meta_chronicle_state *state)
{
    struct chronicle *files = meta->chronicle;

    *state = (struct meta_chronicle_state){.is_kept = false};
    if (files != NULL)
        chronicle_state(files, state);
}

/* ---- Opening ---- */

static int epoch_get(void *ctx, uint64_t *epoch)
{
    struct row_store *store = ctx;
    int64_t number;
    int err = db_query_int(store->db, "SELECT epoch FROM store", &number);

    *epoch = err == 0 ? (uint64_t)number : 0;
    return err;
}

static int identity_get(struct row_store *store, struct chronicle_options *options)
{
    struct meta_identity identity;
    int found = identity_find(store->db, &identity);

    if (found <= 0)
        return found == 0 ? META_E_CORRUPT : found;
    memcpy(options->store, identity.store, sizeof(options->store));
    options->epoch = identity.epoch;
    return 0;
}

int row_chronicle_open(struct row_store *store)
{
    struct row_chronicle *chronicle;
    struct chronicle_options options = {.folder = store->meta->options.chronicle,
                                        .is_doubted = store->meta->options.may_be_older,
                                        .fill = chronicle_fill,
                                        .epoch_get = epoch_get,
                                        .ctx = store};
    int err;

    if (options.folder == NULL)
        return 0;
    if ((chronicle = calloc(1, sizeof(*chronicle))) == NULL)
        return -ENOMEM;
    chronicle->store = store;
    if ((err = identity_get(store, &options)) == 0)
        err = chronicle_open(&chronicle->files, store->meta, &options);
    if (err != 0) {
        row_chronicle_close(chronicle);
        return err;
    }
    store->chronicle = chronicle;
    store->meta->chronicle = chronicle->files;
    return 0;
}

void row_chronicle_close(struct row_chronicle *chronicle)
{
    if (chronicle == NULL)
        return;
    chronicle->store->meta->chronicle = NULL;
    chronicle_close(chronicle->files);
    for (unsigned table = 0; table < CHRONICLE_TABLES_END; table++)
        (void)sqlite3_finalize(chronicle->rows[table]); /* repeats the error of the last step */
    (void)sqlite3_finalize(chronicle->set);
    chronicle_buffer_free(&chronicle->told);
    chronicle_buffer_free(&chronicle->noted);
    free(chronicle);
}
